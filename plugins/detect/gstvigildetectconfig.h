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
    VigilFrameGate gate;      /* its settings, and its state */
    guint weight, max_age_ms; /* of the scheduler's stream; 0: however old */
    gboolean regions;         /* parts of frames may be looked at */
    gint64 whole_ns;          /* the whole of one at least so often */
    guint64 trial_ns;         /* 0: a model that takes another's place is not compared with it */
    guint trial_frames;
    gdouble trial_score; /* negative: the threshold */
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

/** gst_vigil_detect_config_is_model: whether the property with this number says which model is opened, and how. */
gboolean gst_vigil_detect_config_is_model(guint id);
/** gst_vigil_detect_config_take_model: @self asks for the model that @other asks for; all else stays. */
void
gst_vigil_detect_config_take_model(GstVigilDetectConfig *self, const GstVigilDetectConfig *other);

/**
 * gst_vigil_detect_config_open:
 * @current: (nullable): see vigil_detector_replace_shared(); %NULL: nothing is to be replaced
 *
 * Returns: (transfer full): the detector that the properties ask for
 */
VigilDetector *gst_vigil_detect_config_open(const GstVigilDetectConfig *self,
                                            const VigilDetector *current, GError **error);

G_END_DECLS
