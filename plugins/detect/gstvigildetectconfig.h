/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "models/vigil-detector.h"
#include "plugins/detect/vigil-frame-gate.h"

G_BEGIN_DECLS

/** GstVigilDetectConfig: what vigildetect's properties say. Not thread-safe: the element's object lock guards it. */
typedef struct {
    gchar *model, *labels, *instance_id, *device;
    gdouble threshold, iou_threshold; /* negative: what the package says */
    guint max_detections, threads;
    gdouble fps;
    VigilFrameGate gate; /* its settings, and its state */
} GstVigilDetectConfig;

/** First number for a property of the element's own. */
#define GST_VIGIL_DETECT_CONFIG_N_PROPS 100

void gst_vigil_detect_config_install(GObjectClass *klass);
void gst_vigil_detect_config_init(GstVigilDetectConfig *self);
void gst_vigil_detect_config_clear(GstVigilDetectConfig *self);
/** gst_vigil_detect_config_copy: free with gst_vigil_detect_config_clear(). */
GstVigilDetectConfig gst_vigil_detect_config_copy(const GstVigilDetectConfig *self);

/** gst_vigil_detect_config_set: %FALSE: no property of this number. */
gboolean gst_vigil_detect_config_set(GstVigilDetectConfig *self, guint id, const GValue *value);
gboolean gst_vigil_detect_config_get(const GstVigilDetectConfig *self, guint id, GValue *value);

/** gst_vigil_detect_config_open: (transfer full): the detector that the properties ask for. */
VigilDetector *gst_vigil_detect_config_open(const GstVigilDetectConfig *self, GError **error);

G_END_DECLS
