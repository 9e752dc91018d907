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
#include "plugins/detect/vigil-detect-stats.h"
#include "plugins/detect/vigil-frame-gate.h"

GST_DEBUG_CATEGORY_STATIC(vigil_detect_debug);
#define GST_CAT_DEFAULT vigil_detect_debug

/* As often as a person or a supervisor would look. */
#define STATS_INTERVAL_US G_USEC_PER_SEC
/* Even on a machine that never keeps up, a camera is looked at once a second. */
#define STARVE_NS GST_SECOND
/* Longer than the jitter of a loaded machine, shorter than what a person notices in an alarm. */
#define DEFAULT_MAX_LATENESS (500 * GST_MSECOND)
#define DEFAULT_DEVICE "cpu"

/* Under the object lock. */
typedef struct {
    gchar *model, *labels, *instance_id, *device;
    gdouble threshold, iou_threshold; /* negative: what the package says */
    guint max_detections, threads;
    gdouble fps;
    gint64 max_lateness;
} Config;

struct _GstVigilDetect {
    GstBaseTransform parent;

    Config config;
    VigilFrameGate gate;    /* its settings and state: object lock */
    VigilDetectStats stats; /* object lock */
    GstClockTime
        qos_earliest; /* object lock: running time before which a frame is of no use downstream */

    /* streaming thread */
    VigilDetector *detector;
    VigilDetection *detections;
    guint capacity;
    GstVideoInfo info;
    gboolean live, live_known;
    GstClockTime latency;
    gint64 stats_posted_us;
};

enum {
    PROP_0,
    PROP_MODEL,
    PROP_MODEL_FILE,
    PROP_LABELS,
    PROP_LABELS_FILE,
    PROP_LABEL_FILE,
    PROP_THRESHOLD,
    PROP_IOU_THRESHOLD,
    PROP_MAX_DETECTIONS,
    PROP_INFERENCE_INTERVAL,
    PROP_FPS,
    PROP_MAX_LATENESS,
    PROP_DEVICE,
    PROP_THREADS,
    PROP_MODEL_INSTANCE_ID,
    PROP_STATS,
};

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

static VigilDetector *
open_detector(const Config *config, GError **error)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();

    options.model = config->model;
    options.labels = config->labels;
    options.threshold = config->threshold;
    options.iou_threshold = config->iou_threshold;
    options.max_detections = config->max_detections;
    return config->instance_id ? vigil_detector_open_shared(config->instance_id, &options, error)
                               : vigil_detector_open(&options, error);
}

static gboolean
check_config(GstVigilDetect *self, const Config *config)
{
    if (!config->model || !*config->model) {
        GST_ELEMENT_ERROR(
            self, RESOURCE, SETTINGS,
            ("No model is set: set the property \"model\" to a .tflite file or a model package."),
            (NULL));
        return FALSE;
    }
    if (g_strcmp0(config->device, DEFAULT_DEVICE) != 0) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                          ("There is no device \"%s\": this build runs models on \"cpu\" only.",
                           GST_STR_NULL(config->device)),
                          ("model=%s", config->model));
        return FALSE;
    }
    return TRUE;
}

static void
post_open_error(GstVigilDetect *self, const Config *config, const GError *error)
{
    if (g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO))
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s", error->message),
                          ("model=%s labels=%s", config->model, GST_STR_NULL(config->labels)));
    else
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message),
                          ("model=%s labels=%s model-instance-id=%s", config->model,
                           GST_STR_NULL(config->labels), GST_STR_NULL(config->instance_id)));
}

static void
config_clear(Config *config)
{
    g_free(config->model);
    g_free(config->labels);
    g_free(config->instance_id);
    g_free(config->device);
}

static Config
copy_config(GstVigilDetect *self)
{
    Config config;

    GST_OBJECT_LOCK(self);
    config = self->config;
    config.model = g_strdup(config.model);
    config.labels = g_strdup(config.labels);
    config.instance_id = g_strdup(config.instance_id);
    config.device = g_strdup(config.device);
    GST_OBJECT_UNLOCK(self);
    return config;
}

static void
forget_stream(GstVigilDetect *self)
{
    GST_OBJECT_LOCK(self);
    vigil_frame_gate_reset(&self->gate);
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK(self);
    self->live_known = FALSE;
}

static gboolean
gst_vigil_detect_start(GstBaseTransform *trans)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);
    Config config = copy_config(self);
    g_autoptr(GError) error = NULL;

    if (check_config(self, &config)) {
        self->detector = open_detector(&config, &error);
        if (!self->detector)
            post_open_error(self, &config, error);
    }
    config_clear(&config);
    if (!self->detector)
        return FALSE;
    self->capacity =
        MIN(vigil_detector_get_max_detections(self->detector), GST_VIGIL_MAX_DETECTIONS);
    self->detections = g_new0(VigilDetection, self->capacity);
    GST_OBJECT_LOCK(self);
    self->stats = (VigilDetectStats){0};
    GST_OBJECT_UNLOCK(self);
    self->stats_posted_us = g_get_monotonic_time();
    forget_stream(self);
    GST_INFO_OBJECT(self, "model %s (%s)", vigil_detector_get_name(self->detector),
                    vigil_detector_get_sha256(self->detector));
    return TRUE;
}

static gboolean
gst_vigil_detect_stop(GstBaseTransform *trans)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);

    g_clear_pointer(&self->detections, g_free);
    g_clear_pointer(&self->detector, vigil_detector_unref);
    return TRUE;
}

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
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), stats));
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

/* How long after the time at which upstream's latency lets us expect it this frame is here. */
static gint64
clock_lateness(GstVigilDetect *self, GstClockTime running)
{
    const GstClockTime now = gst_vigil_element_get_running_time(GST_ELEMENT(self));

    if (!GST_CLOCK_TIME_IS_VALID(now))
        return 0;
    return (gint64)(now - running - self->latency);
}

static VigilOutcome
decide(GstVigilDetect *self, GstBuffer *buffer)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    const gint64 stream_ns = gst_vigil_stream_time(segment, buffer);
    const GstClockTime running =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    gint64 lateness = 0;
    VigilOutcome outcome;

    if (!self->live_known) {
        self->live = gst_vigil_pad_is_live(GST_BASE_TRANSFORM_SINK_PAD(self), &self->latency);
        self->live_known = TRUE;
    }
    if (self->live && GST_CLOCK_TIME_IS_VALID(running))
        lateness = clock_lateness(self, running);
    GST_OBJECT_LOCK(self);
    if (self->live && GST_CLOCK_TIME_IS_VALID(running) &&
        GST_CLOCK_TIME_IS_VALID(self->qos_earliest) && self->qos_earliest > running &&
        self->gate.max_lateness_ns >= 0)
        lateness = G_MAXINT64;
    outcome = vigil_frame_gate_decide(&self->gate, stream_ns, (gint64)running, lateness);
    GST_OBJECT_UNLOCK(self);
    return outcome;
}

static VigilOutcome
infer(GstVigilDetect *self, GstBuffer *buffer)
{
    const gint64 begin_us = g_get_monotonic_time();
    GstVideoFrame frame;
    VigilImage image;
    guint n = 0;
    gboolean ok;

    if (!gst_video_frame_map(&frame, &self->info, buffer,
                             GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return VIGIL_OUTCOME_FAILED;
    ok = gst_vigil_image_from_frame(&frame, &image);
    if (ok)
        n = vigil_detector_run(self->detector, &image, -1.0f, self->detections, self->capacity);
    gst_video_frame_unmap(&frame);
    if (!ok)
        return VIGIL_OUTCOME_FAILED;
    gst_vigil_buffer_add_detections(buffer, &self->info, self->detections, n);
    GST_OBJECT_LOCK(self);
    vigil_detect_stats_add_inference(&self->stats, g_get_monotonic_time() - begin_us, n);
    GST_OBJECT_UNLOCK(self);
    return VIGIL_OUTCOME_INFERRED;
}

static GstFlowReturn
gst_vigil_detect_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(trans);
    /* a motion gate upstream may have found that there is nothing to look at */
    VigilOutcome outcome = gst_vigil_buffer_get_outcome(buffer);

    if (outcome == VIGIL_OUTCOME_INFERRED)
        outcome = decide(self, buffer);
    if (outcome == VIGIL_OUTCOME_INFERRED)
        outcome = infer(self, buffer);
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
set_fps(GstVigilDetect *self, gdouble fps)
{
    self->config.fps = fps;
    gst_util_double_to_fraction(fps, &self->gate.fps_n, &self->gate.fps_d);
}

static void
replace_string(gchar **string, const GValue *value)
{
    g_free(*string);
    *string = g_value_dup_string(value);
}

static void
gst_vigil_detect_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);
    Config *config = &self->config;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_MODEL:
    case PROP_MODEL_FILE: replace_string(&config->model, value); break;
    case PROP_LABELS:
    case PROP_LABELS_FILE:
    case PROP_LABEL_FILE: replace_string(&config->labels, value); break;
    case PROP_THRESHOLD: config->threshold = g_value_get_double(value); break;
    case PROP_IOU_THRESHOLD: config->iou_threshold = g_value_get_double(value); break;
    case PROP_MAX_DETECTIONS: config->max_detections = g_value_get_uint(value); break;
    case PROP_INFERENCE_INTERVAL: self->gate.interval = g_value_get_uint(value); break;
    case PROP_FPS: set_fps(self, g_value_get_double(value)); break;
    case PROP_MAX_LATENESS: self->gate.max_lateness_ns = g_value_get_int64(value); break;
    case PROP_DEVICE: replace_string(&config->device, value); break;
    case PROP_THREADS: config->threads = g_value_get_uint(value); break;
    case PROP_MODEL_INSTANCE_ID: replace_string(&config->instance_id, value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilDetect *self = GST_VIGIL_DETECT(object);
    const Config *config = &self->config;

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_MODEL:
    case PROP_MODEL_FILE: g_value_set_string(value, config->model); break;
    case PROP_LABELS:
    case PROP_LABELS_FILE:
    case PROP_LABEL_FILE: g_value_set_string(value, config->labels); break;
    case PROP_THRESHOLD: g_value_set_double(value, config->threshold); break;
    case PROP_IOU_THRESHOLD: g_value_set_double(value, config->iou_threshold); break;
    case PROP_MAX_DETECTIONS: g_value_set_uint(value, config->max_detections); break;
    case PROP_INFERENCE_INTERVAL: g_value_set_uint(value, self->gate.interval); break;
    case PROP_FPS: g_value_set_double(value, config->fps); break;
    case PROP_MAX_LATENESS: g_value_set_int64(value, self->gate.max_lateness_ns); break;
    case PROP_DEVICE: g_value_set_string(value, config->device); break;
    case PROP_THREADS: g_value_set_uint(value, config->threads); break;
    case PROP_MODEL_INSTANCE_ID: g_value_set_string(value, config->instance_id); break;
    case PROP_STATS:
        g_value_take_boxed(value, vigil_detect_stats_to_structure(&self->stats));
        break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_detect_finalize(GObject *object)
{
    config_clear(&GST_VIGIL_DETECT(object)->config);
    G_OBJECT_CLASS(gst_vigil_detect_parent_class)->finalize(object);
}

#define READY_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define PLAYING_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void
install_string(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
               const gchar *blurb, const gchar *initial)
{
    g_object_class_install_property(klass, id,
                                    g_param_spec_string(name, nick, blurb, initial, READY_FLAGS));
}

static void
install_model_properties(GObjectClass *klass)
{
    install_string(klass, PROP_MODEL, "model", "Model",
                   "The model: a .tflite file or the directory of a model package", NULL);
    install_string(klass, PROP_MODEL_FILE, "model-file", "Model file",
                   "The same as the property \"model\"", NULL);
    install_string(
        klass, PROP_LABELS, "labels", "Labels",
        "Text file with one class name a line, the first for class 0. Overrules the model's own; "
        "not set: what the model or its package carries",
        NULL);
    install_string(klass, PROP_LABELS_FILE, "labels-file", "Labels file",
                   "The same as the property \"labels\"", NULL);
    install_string(klass, PROP_LABEL_FILE, "label-file", "Label file",
                   "The same as the property \"labels\"", NULL);
    install_string(klass, PROP_DEVICE, "device", "Device",
                   "What the model runs on; this build has only \"cpu\"", DEFAULT_DEVICE);
    install_string(
        klass, PROP_MODEL_INSTANCE_ID, "model-instance-id", "Model instance id",
        "Elements of a process with the same id share one instance of the model (memory is needed "
        "once, "
        "inferences wait for each other) and must have the same model, labels and thresholds; "
        "not set: an instance of its own",
        NULL);
    g_object_class_install_property(
        klass, PROP_THREADS,
        g_param_spec_uint("threads", "Threads",
                          "Most threads for one inference; 0: the core chooses. At present every "
                          "inference runs on the "
                          "streaming thread alone, whatever this says",
                          0, 64, 0, READY_FLAGS));
}

static void
install_threshold_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_THRESHOLD,
        g_param_spec_double("threshold", "Threshold",
                            "Lowest score of a detection that is attached, 0 to 1; -1: what the "
                            "model package says, else "
                            "0.5. Before vigiltrack: its low-score",
                            -1.0, 1.0, -1.0, READY_FLAGS));
    g_object_class_install_property(
        klass, PROP_IOU_THRESHOLD,
        g_param_spec_double("iou-threshold", "IoU threshold",
                            "Boxes of one class that overlap more (intersection over union, 0 to "
                            "1) are one object; "
                            "-1: what the model package says, else 0.45",
                            -1.0, 1.0, -1.0, READY_FLAGS));
    g_object_class_install_property(
        klass, PROP_MAX_DETECTIONS,
        g_param_spec_uint(
            "max-detections", "Max. detections",
            "Most detections a frame, best first; 0: what the model package says, else 100", 0,
            GST_VIGIL_MAX_DETECTIONS, 0, READY_FLAGS));
}

static void
install_rate_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_INFERENCE_INTERVAL,
        g_param_spec_uint(
            "inference-interval", "Inference interval",
            "Look at every so many-th frame (of those that \"fps\" takes); 1: every frame", 1,
            G_MAXUINT, 1, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_FPS,
        g_param_spec_double("fps", "Inferences a second",
                            "Look at so many frames a second at most, chosen by their timestamps "
                            "alone, so that a file "
                            "gives the same choice each time; 0: every frame",
                            0.0, 1000.0, 0.0, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_MAX_LATENESS,
        g_param_spec_int64("max-lateness", "Max. lateness",
                           "In a live pipeline a frame that is here later than this (ns) after its "
                           "time and upstream's "
                           "latency, or that a sink reports as too late, is passed on without an "
                           "inference, but at "
                           "least one frame a second is looked at; -1: look at a frame however "
                           "late. Files are never late",
                           -1, G_MAXINT64, DEFAULT_MAX_LATENESS, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Counters since the element started: frames by outcome, detections, "
                           "time of inference in ns",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vigil_detect_class_init(GstVigilDetectClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_vigil_detect_set_property;
    object_class->get_property = gst_vigil_detect_get_property;
    object_class->finalize = gst_vigil_detect_finalize;
    install_model_properties(object_class);
    install_threshold_properties(object_class);
    install_rate_properties(object_class);

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
    self->config.threshold = -1.0;
    self->config.iou_threshold = -1.0;
    self->config.device = g_strdup(DEFAULT_DEVICE);
    self->gate.interval = 1;
    self->gate.fps_d = 1;
    self->gate.max_lateness_ns = DEFAULT_MAX_LATENESS;
    self->gate.starve_ns = STARVE_NS;
    self->qos_earliest = GST_CLOCK_TIME_NONE;
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}
