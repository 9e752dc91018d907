/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * VigilPicturePool: a pool of raw pictures in the program's memory, for a decoder, that has nothing of its own: what is given back may be
 * the next picture of any other pool. A camera holds a picture for some milliseconds, so that all of them together need few; pools that
 * each keep what they once needed hold some for each camera.
 */
#define VIGIL_TYPE_PICTURE_POOL (vigil_picture_pool_get_type())
G_DECLARE_FINAL_TYPE(VigilPicturePool, vigil_picture_pool, VIGIL, PICTURE_POOL, GstBufferPool)

/** vigil_picture_pool_new: (transfer full). */
GstBufferPool *vigil_picture_pool_new(void);

/**
 * vigil_picture_pool_offer:
 * @query: an allocation query that those behind a decoder have answered
 *
 * Adds a pool to the answer, where nobody has one and pictures are in plain memory. Threads: any. Errors: none, it is left as it is.
 */
void vigil_picture_pool_offer(GstQuery *query);

/** vigil_picture_pool_count_free: bytes that wait for the next picture, of all pools. */
gsize vigil_picture_pool_count_free(void);

G_END_DECLS
