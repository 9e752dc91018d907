/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"

G_BEGIN_DECLS

#define VIGIL_MASKS_MAX 64

/** VigilMask: a polygon, in parts of the frame. */
typedef struct {
    VigilPoint points[VIGIL_ZONE_MAX_POINTS];
    guint n_points;
} VigilMask;

/**
 * vigil_mask_list_parse:
 * @text: (nullable): "x,y x,y x,y; x,y x,y x,y ...": polygons of at least three corners, each 0..1; %NULL and "" have none
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT: which corner of which polygon, and what is wrong with it.
 * Returns: (transfer full) (element-type VigilMask)
 */
GArray *vigil_mask_list_parse(const gchar *text, GError **error);

G_END_DECLS
