/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/gstvigildetectconfig.h"

#include "models/vigil-model.h"
#include "models/vigil-trial.h"
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/detect/vigil-detect-instance.h"

#define DEFAULT_DEVICE "cpu"
#define DEFAULT_REGIONS FALSE
/* Longer than the jitter of a loaded machine, shorter than what a person notices in an alarm. */
#define DEFAULT_MAX_LATENESS (500 * GST_MSECOND)
/* What is shown of it is then about what a person calls "now"; and a camera of one frame a second has it looked at. */
#define DEFAULT_MAX_AGE_MS 1000
#define LONGEST_MAX_AGE_MS 3600000
/* Even on a machine that never keeps up, a camera is looked at once a second. */
#define STARVE_NS GST_SECOND

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
    PROP_WEIGHT,
    PROP_MAX_AGE,
    PROP_TRIAL,
    PROP_TRIAL_FRAMES,
    PROP_TRIAL_SCORE,
    PROP_REGIONS,
    PROP_WHOLE_INTERVAL,
};

void
gst_vigil_detect_config_init(GstVigilDetectConfig *self)
{
    *self = (GstVigilDetectConfig){
        .threshold = -1.0,
        .iou_threshold = -1.0,
        .device = g_strdup(DEFAULT_DEVICE),
        .weight = 1,
        .max_age_ms = DEFAULT_MAX_AGE_MS,
        .regions = DEFAULT_REGIONS,
        .whole_ns = vigil_look_planner_defaults().whole_ns,
        .trial_frames = vigil_trial_options_defaults().min_frames,
        .trial_score = -1.0,
        .gate = {.fps_d = 1,
                 .interval = 1,
                 .max_lateness_ns = DEFAULT_MAX_LATENESS,
                 .starve_ns = STARVE_NS},
    };
    vigil_frame_gate_reset(&self->gate);
}

void
gst_vigil_detect_config_clear(GstVigilDetectConfig *self)
{
    g_free(self->model);
    g_free(self->labels);
    g_free(self->instance_id);
    g_free(self->device);
}

GstVigilDetectConfig
gst_vigil_detect_config_copy(const GstVigilDetectConfig *self)
{
    GstVigilDetectConfig copy = *self;

    copy.model = g_strdup(self->model);
    copy.labels = g_strdup(self->labels);
    copy.instance_id = g_strdup(self->instance_id);
    copy.device = g_strdup(self->device);
    return copy;
}

gboolean
gst_vigil_detect_config_is_model(guint id)
{
    return (id >= PROP_MODEL && id <= PROP_MAX_DETECTIONS) ||
           (id >= PROP_DEVICE && id <= PROP_MODEL_INSTANCE_ID);
}

void
gst_vigil_detect_config_take_model(GstVigilDetectConfig *self, const GstVigilDetectConfig *other)
{
    GstVigilDetectConfig taken = gst_vigil_detect_config_copy(other);

    taken.fps = self->fps;
    taken.gate = self->gate;
    taken.weight = self->weight;
    taken.max_age_ms = self->max_age_ms;
    taken.regions = self->regions;
    taken.whole_ns = self->whole_ns;
    taken.trial_ns = self->trial_ns;
    taken.trial_frames = self->trial_frames;
    gst_vigil_detect_config_clear(self);
    *self = taken;
}

static gboolean
check(const GstVigilDetectConfig *self, VigilDevice *device, GError **error)
{
    if (!self->model || !*self->model) {
        g_set_error_literal(
            error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
            "No model is set: set the property \"model\" to a .tflite or .onnx file or a "
            "model package.");
        return FALSE;
    }
    if (vigil_device_from_string(self->device, device))
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                "There is no device \"%s\": it is \"cpu\", \"cuda\" or \"tensorrt\".",
                GST_STR_NULL(self->device));
    return FALSE;
}

VigilDetector *
gst_vigil_detect_config_open(const GstVigilDetectConfig *self, const VigilDetector *current,
                             GError **error)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autofree gchar *name = NULL;

    if (!check(self, &options.device, error))
        return NULL;
    options.model = self->model;
    options.labels = self->labels;
    options.threshold = self->threshold;
    options.iou_threshold = self->iou_threshold;
    options.max_detections = self->max_detections;
    options.threads = self->threads;
    if (!self->instance_id) {
        name = vigil_detect_instance_name(&options);
        return vigil_detector_open_shared(name, &options, error);
    }
    return current ? vigil_detector_replace_shared(self->instance_id, &options, current, error)
                   : vigil_detector_open_shared(self->instance_id, &options, error);
}

static void
set_fps(GstVigilDetectConfig *self, gdouble fps)
{
    self->fps = fps;
    gst_util_double_to_fraction(fps, &self->gate.fps_n, &self->gate.fps_d);
}

static void
replace_string(gchar **string, const GValue *value)
{
    g_free(*string);
    *string = g_value_dup_string(value);
}

gboolean
gst_vigil_detect_config_set(GstVigilDetectConfig *self, guint id, const GValue *value)
{
    switch (id) {
    case PROP_MODEL:
    case PROP_MODEL_FILE: replace_string(&self->model, value); break;
    case PROP_LABELS:
    case PROP_LABELS_FILE:
    case PROP_LABEL_FILE: replace_string(&self->labels, value); break;
    case PROP_THRESHOLD: self->threshold = g_value_get_double(value); break;
    case PROP_IOU_THRESHOLD: self->iou_threshold = g_value_get_double(value); break;
    case PROP_MAX_DETECTIONS: self->max_detections = g_value_get_uint(value); break;
    case PROP_INFERENCE_INTERVAL: self->gate.interval = g_value_get_uint(value); break;
    case PROP_FPS: set_fps(self, g_value_get_double(value)); break;
    case PROP_MAX_LATENESS: self->gate.max_lateness_ns = g_value_get_int64(value); break;
    case PROP_DEVICE: replace_string(&self->device, value); break;
    case PROP_THREADS: self->threads = g_value_get_uint(value); break;
    case PROP_MODEL_INSTANCE_ID: replace_string(&self->instance_id, value); break;
    case PROP_WEIGHT: self->weight = g_value_get_uint(value); break;
    case PROP_MAX_AGE: self->max_age_ms = g_value_get_uint(value); break;
    case PROP_TRIAL: self->trial_ns = g_value_get_uint64(value); break;
    case PROP_TRIAL_FRAMES: self->trial_frames = g_value_get_uint(value); break;
    case PROP_TRIAL_SCORE: self->trial_score = g_value_get_double(value); break;
    case PROP_REGIONS: self->regions = g_value_get_boolean(value); break;
    case PROP_WHOLE_INTERVAL: self->whole_ns = g_value_get_int64(value); break;
    default: return FALSE;
    }
    return TRUE;
}

gboolean
gst_vigil_detect_config_get(const GstVigilDetectConfig *self, guint id, GValue *value)
{
    switch (id) {
    case PROP_MODEL:
    case PROP_MODEL_FILE: g_value_set_string(value, self->model); break;
    case PROP_LABELS:
    case PROP_LABELS_FILE:
    case PROP_LABEL_FILE: g_value_set_string(value, self->labels); break;
    case PROP_THRESHOLD: g_value_set_double(value, self->threshold); break;
    case PROP_IOU_THRESHOLD: g_value_set_double(value, self->iou_threshold); break;
    case PROP_MAX_DETECTIONS: g_value_set_uint(value, self->max_detections); break;
    case PROP_INFERENCE_INTERVAL: g_value_set_uint(value, self->gate.interval); break;
    case PROP_FPS: g_value_set_double(value, self->fps); break;
    case PROP_MAX_LATENESS: g_value_set_int64(value, self->gate.max_lateness_ns); break;
    case PROP_DEVICE: g_value_set_string(value, self->device); break;
    case PROP_THREADS: g_value_set_uint(value, self->threads); break;
    case PROP_MODEL_INSTANCE_ID: g_value_set_string(value, self->instance_id); break;
    case PROP_WEIGHT: g_value_set_uint(value, self->weight); break;
    case PROP_MAX_AGE: g_value_set_uint(value, self->max_age_ms); break;
    case PROP_TRIAL: g_value_set_uint64(value, self->trial_ns); break;
    case PROP_TRIAL_FRAMES: g_value_set_uint(value, self->trial_frames); break;
    case PROP_TRIAL_SCORE: g_value_set_double(value, self->trial_score); break;
    case PROP_REGIONS: g_value_set_boolean(value, self->regions); break;
    case PROP_WHOLE_INTERVAL: g_value_set_int64(value, self->whole_ns); break;
    default: return FALSE;
    }
    return TRUE;
}

#define PLAYING_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void
install_string(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
               const gchar *blurb, const gchar *initial)
{
    g_object_class_install_property(klass, id,
                                    g_param_spec_string(name, nick, blurb, initial, PLAYING_FLAGS));
}

static void
install_model_properties(GObjectClass *klass)
{
    install_string(klass, PROP_MODEL, "model", "Model",
                   "The model: a .tflite file, an .onnx file (in builds with ONNX Runtime) or the "
                   "directory of a model package. Set while the "
                   "element runs, it is opened in the background and takes the other's place "
                   "between two frames; if it cannot be opened, the other stays, with a warning. "
                   "So do labels, thresholds and the other properties of a model, and what is set "
                   "at once (g_object_set() with several) is opened once",
                   NULL);
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
                   "What an .onnx model runs on: \"cpu\", \"cuda\" or \"tensorrt\", which are "
                   "execution providers of ONNX Runtime; where it has not "
                   "the one, and for other models, a warning says so and it is \"cpu\"",
                   DEFAULT_DEVICE);
    install_string(
        klass, PROP_MODEL_INSTANCE_ID, "model-instance-id", "Model instance id",
        "Elements of a process with the same id share one instance of the model (memory is needed "
        "once, "
        "inferences wait for each other) and must have the same model, labels, thresholds, threads "
        "and device "
        "(set while they run: each in its turn); "
        "not set: those that have the same of all these, and of the files, share one by themselves",
        NULL);
    g_object_class_install_property(
        klass, PROP_THREADS,
        g_param_spec_uint(
            "threads", "Threads",
            "Most threads for one inference, the thread that looks at frames among them, and not "
            "more than there are processors. One pool serves all elements of the process; who "
            "finds it at work does its inference alone. 0: one, which is best where there are "
            "more cameras than processors",
            0, VIGIL_SESSION_MAX_THREADS, 0, PLAYING_FLAGS));
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
                            -1.0, 1.0, -1.0, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_IOU_THRESHOLD,
        g_param_spec_double("iou-threshold", "IoU threshold",
                            "Boxes of one class that overlap more (intersection over union, 0 to "
                            "1) are one object; "
                            "-1: what the model package says, else 0.45",
                            -1.0, 1.0, -1.0, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_MAX_DETECTIONS,
        g_param_spec_uint(
            "max-detections", "Max. detections",
            "Most detections a frame, best first; 0: what the model package says, else 100", 0,
            GST_VIGIL_MAX_DETECTIONS, 0, PLAYING_FLAGS));
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
}

static void
install_part_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_REGIONS,
        g_param_spec_boolean("regions", "Regions",
                             "Behind vigilmotion: look at the part of a frame in which something "
                             "moves or is tracked, where that is much smaller than the frame, so "
                             "that small objects are found; a look costs the same",
                             DEFAULT_REGIONS, PLAYING_FLAGS));
    gst_vigil_install_time(
        klass, PROP_WHOLE_INTERVAL, "whole-interval", "Whole interval",
        "With regions: look at the whole frame at least so often, in ns of stream time (every "
        "second look where looks are further apart); must be less than vigiltrack's 40 s",
        vigil_look_planner_defaults().whole_ns);
}

static void
install_share_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_WEIGHT,
        g_param_spec_uint("weight", "Weight",
                          "Share of the time for inferences when all elements of the process "
                          "together want more than there is: one of weight 2 gets twice as much as "
                          "one of weight 1; without such load it is of no effect",
                          1, 1000, 1, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_MAX_AGE,
        g_param_spec_uint("max-age", "Max. age",
                          "In a live pipeline a frame that is older than this (ms, after its time "
                          "and upstream's latency) when its turn comes is passed on without an "
                          "inference; 0: it is looked at however old. Of no effect in pipelines "
                          "that are not live",
                          0, LONGEST_MAX_AGE_MS, DEFAULT_MAX_AGE_MS, PLAYING_FLAGS));
}

static void
install_trial_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_TRIAL,
        g_param_spec_uint64("trial", "Trial",
                            "How long a model that takes another's place is on trial (ns): the one "
                            "of before looks at some of the frames as well, and takes its place "
                            "again if the new one fails, is too slow, or sees far less or far "
                            "more; until it has seen enough to tell, a trial lasts up to 144 times "
                            "as long. 0: no trial",
                            0, G_MAXINT64 / 144, 0, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_TRIAL_FRAMES,
        g_param_spec_uint("trial-frames", "Frames of a trial",
                          "A trial lasts at least until so many frames were looked at", 1,
                          G_MAXUINT, vigil_trial_options_defaults().min_frames, PLAYING_FLAGS));
    g_object_class_install_property(
        klass, PROP_TRIAL_SCORE,
        g_param_spec_double("trial-score", "Score of a trial",
                            "Lowest score of what counts as seen in a trial, 0 to 1, taken over "
                            "with the next model that is set; -1: its threshold",
                            -1.0, 1.0, -1.0, PLAYING_FLAGS));
}

void
gst_vigil_detect_config_install(GObjectClass *klass)
{
    install_model_properties(klass);
    install_threshold_properties(klass);
    install_rate_properties(klass);
    install_share_properties(klass);
    install_trial_properties(klass);
    install_part_properties(klass);
}
