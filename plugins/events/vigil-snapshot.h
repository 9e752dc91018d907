/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"

G_BEGIN_DECLS

/**
 * VigilSnapshot:
 *
 * Makes small JPEGs of frames. Not thread-safe.
 */
typedef struct VigilSnapshot VigilSnapshot;

/**
 * vigil_snapshot_new:
 * @max_width: pixels, 16..1920; a wider frame is scaled down, keeping its proportions, a smaller one is left as it is
 */
VigilSnapshot *vigil_snapshot_new(guint max_width);
void vigil_snapshot_free(VigilSnapshot *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSnapshot, vigil_snapshot_free)

/**
 * vigil_snapshot_encode:
 * @image: of at least one pixel
 *
 * Each pixel of the result is the mean of the pixels that it covers, in integers, so equal frames give equal pixels
 * on every machine.
 *
 * Returns: (transfer full) (nullable): the JPEG, or %NULL when the encoder failed
 */
GBytes *vigil_snapshot_encode(VigilSnapshot *self, const VigilImage *image);

G_END_DECLS
