/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a camera's pipeline, and how it is changed. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

/*
 * Two thresholds, since a tracker makes good use of weak detections: the camera's threshold is what may begin a track; half
 * of it is what may carry one on (the second stage of ByteTrack), and so what vigildetect attaches.
 */
void
vigil_camera_get_thresholds(const VigilCameraSettings *settings, const VigilModelSettings *model,
                            gdouble *strong, gdouble *weak)
{
    const gdouble usual = 0.5;

    *strong = settings->threshold >= 0 ? settings->threshold
              : model->threshold >= 0  ? model->threshold
                                       : usual;
    *weak = *strong / 2;
}

/* One instance for all cameras that ask the same of the same files. */
static gchar *
name_instance(const VigilModelSettings *model, gdouble weak)
{
    return g_strdup_printf("%s|%s|%s|%g|%g|%u|%d|%d", model->path,
                           model->labels ? model->labels : "", model->stamp, weak,
                           model->iou_threshold, (guint)model->max_detections, (gint)model->threads,
                           model->device);
}

/* All at once: the element opens what it is asked for by one call. */
static void
set_model(VigilCameraPipeline *self, GstElement *detect, const VigilModelSettings *model)
{
    g_autofree gchar *instance = NULL;
    gdouble strong, weak;

    vigil_camera_get_thresholds(self->settings, model, &strong, &weak);
    instance = name_instance(model, weak);
    g_object_set(detect, "model", model->path, "labels", model->labels, "threshold", weak,
                 "iou-threshold", model->iou_threshold, "max-detections",
                 (guint)model->max_detections, "threads", (guint)model->threads, "device",
                 vigil_device_to_string((VigilDevice)model->device), "model-instance-id", instance,
                 "trial-score", strong, "trial-frames", (guint)model->trial_frames, "trial",
                 model->before ? (guint64)model->trial_ns : (guint64)0, NULL);
}

/* A model whose trial was cut short begins it anew: the one of before looks at the camera first. */
const VigilModelSettings *
vigil_camera_pipeline_first_model(const VigilCameraPipeline *self)
{
    const VigilModelSettings *model = self->settings->model;

    return model->before && model->trial_ns > 0 ? model->before : model;
}

GstElement *
vigil_camera_pipeline_make_detect(VigilCameraPipeline *self, GError **error)
{
    const VigilModelSettings *model = vigil_camera_pipeline_first_model(self);
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autofree gchar *instance = NULL;
    gdouble strong, weak;
    GstElement *detect;

    vigil_camera_get_thresholds(self->settings, model, &strong, &weak);
    options.model = model->path;
    options.labels = model->labels;
    options.threshold = (gfloat)weak;
    options.iou_threshold = (gfloat)model->iou_threshold;
    options.max_detections = (guint)model->max_detections;
    options.threads = (guint)model->threads;
    options.device = (VigilDevice)model->device;
    instance = name_instance(model, weak);
    /* held here as well, to know what it is; the element finds it by its id */
    self->detector = vigil_detector_open_shared(instance, &options, error);
    if (!self->detector)
        return NULL;
    detect = vigil_gst_make("vigildetect", "detect", error);
    if (detect)
        g_object_set(detect, "fps", self->settings->fps, "weight", (guint)self->settings->weight,
                     "max-age", (guint)(self->settings->max_age_ns / GST_MSECOND), "regions",
                     self->settings->motion.enabled && self->settings->motion.regions, NULL);
    if (detect)
        set_model(self, detect, model);
    return detect;
}

void
vigil_camera_pipeline_set_settings(VigilCameraPipeline *self, const VigilCameraSettings *settings,
                                   gboolean open)
{
    g_autoptr(GstElement) detect = gst_bin_get_by_name(GST_BIN(self->pipeline), "detect");

    self->settings = settings;
    if (open)
        set_model(self, detect, settings->model);
}

void
vigil_camera_pipeline_fit_tracker(VigilCameraPipeline *self, const GstStructure *model)
{
    g_autoptr(GstElement) track = gst_bin_get_by_name(GST_BIN(self->pipeline), "track");
    gdouble strong, weak;

    if (gst_structure_get(model, "threshold", G_TYPE_DOUBLE, &weak, "trial-score", G_TYPE_DOUBLE,
                          &strong, NULL) &&
        weak >= 0 && strong >= weak)
        g_object_set(track, "low-score", weak, "high-score", strong, NULL);
}
