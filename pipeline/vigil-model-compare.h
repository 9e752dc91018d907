/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-box-list.h"
#include "models/vigil-detector.h"

G_BEGIN_DECLS

/**
 * VigilModelComparison:
 * @pictures: that were looked at
 * @without: pictures that have no file of boxes; they are not looked at
 * @match: of all of them
 */
typedef struct {
    guint pictures, without;
    VigilBoxMatch match;
} VigilModelComparison;

/** Overlap from which two boxes of one label are the same object. */
#define VIGIL_MODEL_COMPARE_IOU 0.5f

/**
 * vigil_model_compare:
 * @against: (nullable): another model, whose boxes are the reference; %NULL: files beside the pictures: PICTURE.tsv (see
 *   vigil_box_list_parse()) or PICTURE.txt (see vigil_box_list_parse_yolo()), where PICTURE is the picture's name without its ending
 * @folder: of pictures: .jpg, .jpeg, .png, .bmp; others are left out
 *
 * Errors: those of pictures and lists; also when there is nothing to compare.
 */
gboolean vigil_model_compare(VigilDetector *detector, VigilDetector *against, const gchar *folder,
                             VigilModelComparison *result, GError **error);

/** vigil_model_comparison_get_agreement: matched boxes among all boxes, 0..1; 1 when there are none on either side. */
gdouble vigil_model_comparison_get_agreement(const VigilModelComparison *self);

G_END_DECLS
