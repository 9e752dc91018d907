/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigildetect
 * @title: vigildetect
 *
 * Finds objects in video frames with an INT8 model and attaches what it found. The frame itself is untouched:
 * only metadata is added, and where a frame is shared with other branches its pixels stay shared.
 *
 * Each detection is a GstVideoRegionOfInterestMeta (roi_type: the label; x, y, w, h in pixels) with a structure
 * `detection` (x_min, x_max, y_min, y_max: double, parts of the frame; confidence: double 0..1; label_id: int). With
 * GStreamer 1.24 or newer it is a GstAnalyticsODMtd as well, whose id is the region's id.
 *
 * Not every frame need be looked at: `fps` and `inference-interval` thin them out, and in a live pipeline a frame that
 * comes too late is passed on without an inference. What became of a frame is marked on it, so that vigiltrack and
 * vigilevents tell "nothing there" from "not looked at".
 *
 * A tracker makes use of weak detections (vigiltrack carries a track on with them), but only of those that are attached:
 * before vigiltrack set `threshold` to its `low-score`.
 *
 * A model may take another's place while frames flow: set `model` (with `labels` and what else belongs to it) anew. It is
 * opened in the background, whatever its input size and labels, and looks at the first frame that comes when it is ready; no
 * frame is lost or waits. Each frame says which model looked at it. What cannot be opened changes nothing: a warning and the
 * element message `vigildetect-refused` (model, reason: string) say why.
 *
 * With `trial` the model that took another's place is compared with it for a while, by rules that VigilTrial states; if it does
 * worse, the one of before is back with the next frame. `vigildetect-trial` (name, sha256, model, verdict, reason: string, and
 * counters) tells of it, once a second and at its end.
 *
 * When a model begins to look at frames, an element message `vigildetect-model` (name, sha256, model: string; labels: guint)
 * says which it is.
 * Once a second, and at the end of the stream, an element message `vigildetect-stats` with the content of the property
 * `stats` goes to the bus.
 *
 * ## Example launch lines
 *
 * Boxes of a COCO model drawn on a video:
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! avdec_h264 ! vigildetect model=model.tflite labels=labels.txt fps=1 ! vigiloverlay ! fakesink
 * ]|
 *
 * Two branches share one instance of a model:
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=20 ! tee name=t t. ! queue ! vigildetect model=model.tflite labels=labels.txt model-instance-id=coco inference-interval=5 ! fakesink t. ! queue ! vigildetect model=model.tflite labels=labels.txt model-instance-id=coco inference-interval=10 ! fakesink
 * ]|
 */
#include "plugins/detect/gstvigildetect.h"

#include <gst/video/video.h>

#include "models/vigil-detector.h"
#include "models/vigil-model.h"
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/detect/gstvigildetectconfig.h"
#include "plugins/detect/vigil-detect-loader.h"
#include "plugins/detect/vigil-detect-stats.h"
#include "plugins/detect/vigil-detect-trial.h"

GST_DEBUG_CATEGORY_STATIC(vigil_detect_debug);
#define GST_CAT_DEFAULT vigil_detect_debug

/* As often as a person or a supervisor would look. */
#define STATS_INTERVAL_US G_USEC_PER_SEC

struct _GstVigilDetect {
    GstBaseTransform parent;

    GstVigilDetectConfig config; /* object lock */
    VigilDetectStats stats;      /* object lock */
    GstClockTime
        qos_earliest; /* object lock: running time before which a frame is of no use downstream */

    gboolean wanted; /* object lock: another model is to be opened */
    VigilDetectModel
        *model; /* written by the streaming thread, or nobody streams, under the object lock */
    VigilDetectLoader *loader;

    /* streaming thread */
    VigilDetectTrial *trial; /* NULL: the model is not on trial */
    GstVideoInfo info;
    gboolean live, live_known;
    GstClockTime latency;
    gint64 stats_posted_us;
};

#define PROP_STATS GST_VIGIL_DETECT_CONFIG_N_PROPS

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));

G_DEFINE_TYPE_WITH_CODE(GstVigilDetect, gst_vigil_detect, GST_TYPE_BASE_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(vigil_detect_debug, "vigildetect", 0,
                                                "object detection"))
GST_ELEMENT_REGISTER_DEFINE(vigildetect, "vigildetect", GST_RANK_NONE, GST_TYPE_VIGIL_DETECT)

static void
post_open_error(GstVigilDetect *self, const GstVigilDetectConfig *config, const GError *error)
{
    if (g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO))
        GST_ELEMENT_ERROR(
            self, RESOURCE, OPEN_READ, ("%s", error->message),
            ("model=%s labels=%s", GST_STR_NULL(config->model), GST_STR_NULL(config->labels)));
    else
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message),
                          ("model=%s labels=%s model-instance-id=%s", GST_STR_NULL(config->model),
                           GST_STR_NULL(config->labels), GST_STR_NULL(config->instance_id)));
}

static void
forget_stream(GstVigilDetect *self)
{
    GST_OBJECT_LOCK(self);
    vigil_frame_gate_reset(&self->config.gate);
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK(self);
    self->live_known = FALSE;
}

/* --- the model -------------------------------------------------------------------------------- */

static void
post(GstVigilDetect *self, GstStructure *structure)
{
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}

static void
post_model(GstVigilDetect *self)
{
    const VigilDetectModel *model = self->model;

    GST_INFO_OBJECT(self, "model %s (%s)", model->id.name, model->id.sha256);
    post(self,
         gst_structure_new("vigildetect-model", "name", G_TYPE_STRING, model->id.name, "sha256",
                           G_TYPE_STRING, model->id.sha256, "labels", G_TYPE_UINT,
                           vigil_detector_get_n_labels(model->detector), "model", G_TYPE_STRING,
                           model->config.model, "threshold", G_TYPE_DOUBLE, model->config.threshold,
                           "trial-score", G_TYPE_DOUBLE, model->config.trial_score, NULL));
}

static VigilDetectModel *
exchange_model(GstVigilDetect *self, VigilDetectModel *model)
{
    VigilDetectModel *old;

    GST_OBJECT_LOCK(self);
    old = self->model;
    self->model = model;
    GST_OBJECT_UNLOCK(self);
    return old;
}

static void
post_trial(GstVigilDetect *self)
{
    post(self, vigil_detect_trial_to_structure(self->trial, self->model));
}

/*
 * Between two frames. A model that has a trial of its own to pass is compared with the one that passed last, which is there
 * until then.
 */
static void
adopt_model(GstVigilDetect *self)
{
    VigilDetectModel *model = vigil_detect_loader_take(self->loader), *before;

    if (!model)
        return;
    before = exchange_model(self, model);
    if (self->trial) {
        vigil_detect_loader_bury(self->loader, before);
        before = vigil_detect_trial_free(g_steal_pointer(&self->trial));
    }
    if (model->config.trial_ns > 0 && model->id.sha256 != before->id.sha256)
        self->trial = vigil_detect_trial_new(before, model);
    else
        vigil_detect_loader_bury(self->loader, before);
    post_model(self);
}

/* The model of before is back; the properties say so, unless they have been set anew. */
static void
go_back(GstVigilDetect *self, VigilDetectModel *before)
{
    VigilDetectModel *failed = exchange_model(self, before);

    GST_OBJECT_LOCK(self);
    if (!self->wanted && g_strcmp0(self->config.model, failed->config.model) == 0)
        gst_vigil_detect_config_take_model(&self->config, &before->config);
    GST_OBJECT_UNLOCK(self);
    vigil_detect_loader_bury(self->loader, failed);
    post_model(self);
}

static void
judge_model(GstVigilDetect *self)
{
    const VigilTrialVerdict verdict = vigil_detect_trial_judge(self->trial);
    VigilDetectModel *before;

    if (verdict == VIGIL_TRIAL_PENDING)
        return;
    post_trial(self);
    before = vigil_detect_trial_free(g_steal_pointer(&self->trial));
    if (verdict == VIGIL_TRIAL_HEALTHY)
        vigil_detect_loader_bury(self->loader, before);
    else
        go_back(self, before);
}

/* The properties say again what is in use, unless they have been set anew. */
static void
refuse_model(GstElement *element, const GstVigilDetectConfig *config, const GError *error,
             gboolean latest)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(element);

    GST_OBJECT_LOCK(self);
    if (latest && self->model && !self->wanted)
        gst_vigil_detect_config_take_model(&self->config, &self->model->config);
    GST_OBJECT_UNLOCK(self);
    post(self, gst_structure_new("vigildetect-refused", "model", G_TYPE_STRING,
                                 GST_STR_NULL(config->model), "reason", G_TYPE_STRING,
                                 error->message, NULL));
    GST_ELEMENT_WARNING(
        self, RESOURCE, SETTINGS, ("The model stays as it was: %s", error->message),
        ("model=%s labels=%s", GST_STR_NULL(config->model), GST_STR_NULL(config->labels)));
}

/* What was set since the last time, if anything. */
static void
request_model(GstVigilDetect *self)
{
    GstVigilDetectConfig config = {0};

    GST_OBJECT_LOCK(self);
    if (self->wanted && self->model) {
        self->wanted = FALSE;
        config = gst_vigil_detect_config_copy(&self->config);
        vigil_detect_loader_request(self->loader, &config, self->model->detector);
    }
    GST_OBJECT_UNLOCK(self);
}

/* Called once for all properties that are set at once, without a lock. */
static void
gst_vigil_detect_dispatch_properties_changed(GObject *object, guint n, GParamSpec **specs)
{
    G_OBJECT_CLASS(gst_vigil_detect_parent_class)->dispatch_properties_changed(object, n, specs);
    request_model(GST_VIGIL_DETECT(object));
}

static gboolean
gst_vigil_detect_start(GstBaseTransform *trans)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);
    GstVigilDetectConfig config;
    VigilDetectModel *model;
    g_autoptr(GError) error = NULL;

    GST_OBJECT_LOCK(self);
    config = gst_vigil_detect_config_copy(&self->config);
    self->stats = (VigilDetectStats){0};
    self->wanted = FALSE;
    GST_OBJECT_UNLOCK(self);
    model = vigil_detect_model_open(&config, NULL, &error);
    if (!model)
        post_open_error(self, &config, error);
    gst_vigil_detect_config_clear(&config);
    if (!model)
        return FALSE;
    self->loader = vigil_detect_loader_new(GST_ELEMENT(self), refuse_model);
    exchange_model(self, model);
    self->stats_posted_us = g_get_monotonic_time();
    forget_stream(self);
    post_model(self);
    request_model(self); /* what was set meanwhile */
    return TRUE;
}

static gboolean
gst_vigil_detect_stop(GstBaseTransform *trans)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);
    VigilDetectLoader *loader;

    vigil_detect_model_free(vigil_detect_trial_free(g_steal_pointer(&self->trial)));
    vigil_detect_model_free(exchange_model(self, NULL));
    GST_OBJECT_LOCK(self);
    loader = g_steal_pointer(&self->loader);
    GST_OBJECT_UNLOCK(self);
    vigil_detect_loader_free(loader);
    return TRUE;
}

/* --- frames ----------------------------------------------------------------------------------- */

static gboolean
gst_vigil_detect_set_caps(GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
    return gst_video_info_from_caps(&GST_VIGIL_DETECT(trans)->info, incaps);
}

static gboolean
gst_vigil_detect_propose_allocation(GstBaseTransform *trans, GstQuery *decide, GstQuery *query)
{
    return gst_vigil_propose_allocation(GST_BASE_TRANSFORM_SRC_PAD(trans), query);
}

static void
post_stats(GstVigilDetect *self)
{
    GstStructure *stats;

    self->stats_posted_us = g_get_monotonic_time();
    GST_OBJECT_LOCK(self);
    stats = vigil_detect_stats_to_structure(&self->stats);
    GST_OBJECT_UNLOCK(self);
    post(self, stats);
    if (self->trial)
        post_trial(self);
}

static gboolean
gst_vigil_detect_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
        post_stats(GST_VIGIL_DETECT(trans));
    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP ||
        GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
        forget_stream(GST_VIGIL_DETECT(trans));
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_detect_parent_class)->sink_event(trans, event);
}

static void
note_qos(GstVigilDetect *self, GstEvent *event)
{
    GstClockTimeDiff diff;
    GstClockTime time;

    gst_event_parse_qos(event, NULL, NULL, &diff, &time);
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return;
    GST_OBJECT_LOCK(self);
    self->qos_earliest = diff > 0 || time > (GstClockTime)-diff ? time + diff : 0;
    GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_vigil_detect_src_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
        note_qos(GST_VIGIL_DETECT(trans), event);
    return GST_BASE_TRANSFORM_CLASS(gst_vigil_detect_parent_class)->src_event(trans, event);
}

/* How late this frame is, with the object lock held: by the clock, after the time at which upstream's latency lets us
 * expect it, or for a sink downstream. */
static gint64
get_lateness(const GstVigilDetect *self, GstClockTime running, GstClockTime now)
{
    if (GST_CLOCK_TIME_IS_VALID(self->qos_earliest) && self->qos_earliest > running)
        return G_MAXINT64;
    return (gint64)(now - running - self->latency);
}

static VigilOutcome
decide(GstVigilDetect *self, GstBuffer *buffer)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    const gint64 stream_ns = gst_vigil_stream_time(segment, buffer);
    const GstClockTime running =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    GstClockTime now = GST_CLOCK_TIME_NONE;
    gint64 lateness = 0;
    VigilOutcome outcome;

    if (!self->live_known) {
        self->live = gst_vigil_pad_is_live(GST_BASE_TRANSFORM_SINK_PAD(self), &self->latency);
        self->live_known = TRUE;
    }
    if (self->live && GST_CLOCK_TIME_IS_VALID(running))
        now = gst_vigil_element_get_running_time(GST_ELEMENT(self));
    GST_OBJECT_LOCK(self);
    if (GST_CLOCK_TIME_IS_VALID(now))
        lateness = get_lateness(self, running, now);
    outcome = vigil_frame_gate_decide(&self->config.gate, stream_ns, (gint64)now, lateness);
    GST_OBJECT_UNLOCK(self);
    return outcome;
}

static VigilOutcome
infer(GstVigilDetect *self, GstBuffer *buffer)
{
    const gint64 begin_us = g_get_monotonic_time();
    VigilDetectModel *model = self->model;
    GstVideoFrame frame;
    VigilImage image;
    gint64 took_us;
    gint n = -1;

    if (!gst_video_frame_map(&frame, &self->info, buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return VIGIL_OUTCOME_FAILED;
    if (gst_vigil_image_from_frame(&frame, &image))
        n = vigil_detector_run(model->detector, &image, -1.0f, model->detections, model->capacity);
    took_us = g_get_monotonic_time() - begin_us;
    if (n >= 0 && self->trial)
        vigil_detect_trial_look(self->trial, model, &image, (guint)n, took_us);
    gst_video_frame_unmap(&frame);
    if (n < 0)
        return VIGIL_OUTCOME_FAILED;
    gst_vigil_buffer_add_detections(buffer, &self->info, model->detections, (guint)n);
    gst_vigil_buffer_set_model(buffer, model->id);
    GST_OBJECT_LOCK(self);
    vigil_detect_stats_add_inference(&self->stats, took_us, (guint)n);
    GST_OBJECT_UNLOCK(self);
    return VIGIL_OUTCOME_INFERRED;
}

static GstFlowReturn
gst_vigil_detect_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);
    /* a motion gate upstream may have found that there is nothing to look at */
    VigilOutcome outcome = gst_vigil_buffer_get_outcome(buffer);

    adopt_model(self);
    if (outcome == VIGIL_OUTCOME_INFERRED)
        outcome = decide(self, buffer);
    if (outcome == VIGIL_OUTCOME_INFERRED) {
        outcome = infer(self, buffer);
        if (self->trial && outcome == VIGIL_OUTCOME_FAILED)
            vigil_detect_trial_fail(self->trial);
        if (self->trial)
            judge_model(self);
    }
    gst_vigil_buffer_set_outcome(buffer, outcome);
    GST_OBJECT_LOCK(self);
    self->stats.outcomes[outcome]++;
    GST_OBJECT_UNLOCK(self);
    GST_LOG_OBJECT(self, "%" GST_TIME_FORMAT " %s", GST_TIME_ARGS(GST_BUFFER_PTS(buffer)),
                   vigil_outcome_to_string(outcome));
    if (g_get_monotonic_time() - self->stats_posted_us >= STATS_INTERVAL_US)
        post_stats(self);
    return GST_FLOW_OK;
}

static void
gst_vigil_detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);

    GST_OBJECT_LOCK(self);
    if (gst_vigil_detect_config_set(&self->config, id, value))
        self->wanted |= gst_vigil_detect_config_is_model(id);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);

    GST_OBJECT_LOCK(self);
    if (id == PROP_STATS)
        g_value_take_boxed(value, vigil_detect_stats_to_structure(&self->stats));
    else if (!gst_vigil_detect_config_get(&self->config, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_finalize(GObject *object)
{
    gst_vigil_detect_config_clear(&GST_VIGIL_DETECT(object)->config);
    G_OBJECT_CLASS(gst_vigil_detect_parent_class)->finalize(object);
}

static void
gst_vigil_detect_class_init(GstVigilDetectClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_vigil_detect_set_property;
    object_class->get_property = gst_vigil_detect_get_property;
    object_class->dispatch_properties_changed = gst_vigil_detect_dispatch_properties_changed;
    object_class->finalize = gst_vigil_detect_finalize;
    gst_vigil_detect_config_install(object_class);
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Counters since the element started: frames by outcome, detections, "
                           "time of inference in ns",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil object detector", "Filter/Analyzer/Video",
        "Finds objects in video frames with an INT8 model and attaches them as metadata",
        "The Vigil authors");

    transform_class->start = gst_vigil_detect_start;
    transform_class->stop = gst_vigil_detect_stop;
    transform_class->set_caps = gst_vigil_detect_set_caps;
    transform_class->propose_allocation = gst_vigil_detect_propose_allocation;
    transform_class->sink_event = gst_vigil_detect_sink_event;
    transform_class->src_event = gst_vigil_detect_src_event;
    transform_class->transform_ip = gst_vigil_detect_transform_ip;
}

static void
gst_vigil_detect_init(GstVigilDetect *self)
{
    gst_vigil_detect_config_init(&self->config);
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}
