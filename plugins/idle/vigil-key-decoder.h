/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * VigilKeyDecoder: decodes single keyframes, beside the decoder of a pipeline, in software on the caller's thread. Not
 * thread-safe.
 */
typedef struct VigilKeyDecoder VigilKeyDecoder;

/** vigil_key_decoder_new: (nullable): @caps: of the coded frames. %NULL: libavcodec is not there, or does not decode that. */
VigilKeyDecoder *vigil_key_decoder_new(const GstCaps *caps);
void vigil_key_decoder_free(VigilKeyDecoder *self);

/**
 * vigil_key_decoder_run:
 * @buffer: (transfer none): can be decoded without others
 *
 * Returns: (transfer full) (nullable): the picture with its caps; its time is that of @buffer. %NULL: it cannot be decoded.
 */
GstSample *vigil_key_decoder_run(VigilKeyDecoder *self, GstBuffer *buffer);

G_END_DECLS
