/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-types.h"

G_BEGIN_DECLS

/**
 * VigilCandidate:
 * @box: any unit
 * @score: higher is better; never NaN
 * @class_id: only boxes of one class suppress each other
 * @index: place in the model's output; of equal scores the lower index wins
 */
typedef struct {
    VigilBox box;
    gfloat score;
    gint32 class_id;
    guint32 index;
} VigilCandidate;

/**
 * vigil_nms:
 * @candidates: (inout): in any order; reordered
 * @n: how many
 * @iou_threshold: a box that overlaps a better one of its class by more than this goes; 1 keeps all
 * @kept: (out): the boxes that stay, best first
 * @capacity: room in @kept
 *
 * Greedy non-maximum suppression. Allocates nothing; the same candidates in any order give the same
 * result, as long as their indices differ. Takes O(n) plus O(log n + kept) for each box looked at,
 * and looks no further once @kept is full.
 *
 * Returns: number of boxes in @kept
 */
guint vigil_nms(VigilCandidate *candidates, guint n, gfloat iou_threshold, VigilCandidate *kept,
                guint capacity);

G_END_DECLS
