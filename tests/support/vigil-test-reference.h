/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-types.h"

G_BEGIN_DECLS

/**
 * VigilTestReference:
 * @file: relative to the test data
 * @detections: (element-type VigilDetection): boxes in parts of the image
 */
typedef struct {
    gchar *file;
    GArray *detections;
} VigilTestReference;

/** vigil_test_reference_load: lines of `reference/ssd_v1_images.jsonl`; Returns: (element-type VigilTestReference). */
GPtrArray *vigil_test_reference_load(const gchar *path);

/** vigil_test_reference_load_coco: `reference/coco_subset_annotations.json`; the score is 1. */
GPtrArray *vigil_test_reference_load_coco(const gchar *path);

G_END_DECLS
