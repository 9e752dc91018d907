/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-decode.h"
#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "models/vigil-package.h"
#include "models/vigil-preprocess.h"

G_BEGIN_DECLS

#define VIGIL_DETECTOR_MAX_OUTPUTS 16

struct VigilDetector {
    gint refs;
    gchar *instance_id; /* when shared: its key in the registry, whose lock guards the last unref */
    VigilModel *model;
    VigilPackage *package; /* nullable: a bare model */
    gchar *name;
    GPtrArray *labels; /* interned names, never NULL entries */
    gfloat threshold, iou_threshold;
    guint max_detections;

    GMutex lock; /* guards what a run uses, below */
    VigilSession *session;
    VigilPreprocess *preprocess;
    VigilDecoder *decoder;
    VigilCandidate *candidates, *kept;
};

/** vigil_detector_free: when the last reference went. */
void vigil_detector_free(VigilDetector *self);

/** vigil_detector_decode: outputs of the last run as boxes in parts of the frame; under the lock. */
guint vigil_detector_decode(VigilDetector *self, const VigilMapping *mapping, gfloat threshold,
                            VigilDetection *detections, guint capacity);

G_END_DECLS
