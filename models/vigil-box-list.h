/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-types.h"

G_BEGIN_DECLS

/** Most boxes of a list, and most bytes of its text. */
#define VIGIL_BOX_LIST_MAX 1000
#define VIGIL_BOX_LIST_MAX_BYTES (1u << 20)

/**
 * vigil_box_list_parse:
 * @text: not terminated; lines "label TAB score TAB x0 TAB y0 TAB x1 TAB y1", boxes in parts of the picture; empty lines and lines
 *   that begin with "#" do not count
 * @name: of the file, for messages
 *
 * Errors: %VIGIL_MODEL_ERROR_INVALID with file and line.
 * Returns: (transfer full) (element-type VigilDetection): the boxes, perhaps none; label_id is not set
 */
GArray *vigil_box_list_parse(const gchar *text, gsize length, const gchar *name, GError **error);

/**
 * vigil_box_list_parse_yolo:
 * @text: not terminated; lines "class x y width height", the class by number, the box by its middle, in parts of the picture
 * @labels: names of the classes
 *
 * The labels of YOLO's trainers; the score is 1. Else as vigil_box_list_parse().
 */
GArray *vigil_box_list_parse_yolo(const gchar *text, gsize length, const gchar *name,
                                  const gchar *const *labels, guint n_labels, GError **error);

/**
 * VigilBoxMatch:
 * @matched: pairs of one label whose boxes overlap enough
 * @missed: of the reference, without a pair
 * @extra: of the boxes looked at, without a pair
 * @score_difference: sum over the pairs of |score - reference's score|
 * @overlap: sum over the pairs of the intersection over union
 */
typedef struct {
    guint64 matched, missed, extra;
    gdouble score_difference, overlap;
} VigilBoxMatch;

/**
 * vigil_box_match_add:
 * @reference: best score first, or in any order when the scores mean nothing
 * @min_iou: least intersection over union of a pair
 *
 * Pairs boxes of one picture: each of @reference, in its order, takes what is left of @boxes, of its label, and overlaps
 * it most.
 */
void vigil_box_match_add(VigilBoxMatch *self, const VigilDetection *reference, guint n_reference,
                         const VigilDetection *boxes, guint n_boxes, gfloat min_iou);

G_END_DECLS
