/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilevents
 * @title: vigilevents
 *
 * Turns tracked objects into events by rules: zones, lines, dwell, scores. Frames end here; the source pad carries events,
 * caps application/x-vigil-events: one buffer an event (a JSON line, and the event itself as metadata for vigilrecord),
 * and on frames without one a GAP event, so that downstream knows how far the analysis is.
 *
 * Each event is also an element message `vigilevents-event` on the bus (json: string; type, id, camera, rule, label: string;
 * start, end: gint64, ns of stream time; event: boxed VigilEvent). It is not recorded yet; vigilrecord says when it is.
 * At the end of each minute of wall time, and of the stream, `vigilevents-outcomes` (camera: string; minute: gint64, µs
 * since 1970; one guint a frame outcome: inferred, skipped-rate, …; inferred-part: of the inferred) says what became of the frames.
 *
 * Why there was no event is told every 10 s of stream, if there is anything to tell, by `vigilevents-decisions` (camera:
 * string; dropped: guint64, those for which there was no room so far; decisions: boxed GArray of VigilDecision).
 *
 * Rules are a YAML file with `zones`, `lines` and `rules`, for instance:
 * |[
 * zones: {porch: [[0.1, 0.4], [0.6, 0.4], [0.6, 1.0], [0.1, 1.0]]}
 * rules:
 *   - {name: visitor, classes: [person], zones: [porch], dwell: 2s}
 * ]|
 * Set anew while the element runs, they hold from the next frame on; if they differ, the events that are open end.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -m filesrc location=camera.mp4 ! qtdemux ! h264parse ! vigilavdec ! vigildetect model=model.tflite labels=labels.txt fps=2 threshold=0.2 ! vigiltrack low-score=0.2 ! vigilevents rules=rules.yaml camera=door ! fakesink dump=true
 * ]|
 */
#include "plugins/events/gstvigilevents.h"

#include <gst/video/video.h>

#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/common/vigil-wall-base.h"
#include "plugins/events/vigil-event-stage.h"
#include "plugins/events/vigil-run-nonce.h"

GST_DEBUG_CATEGORY_STATIC(vigil_events_debug);
#define GST_CAT_DEFAULT vigil_events_debug

#define DEFAULT_CAMERA "camera"
/* Enough to recognize a face at a door, small enough to keep in the database. */
#define DEFAULT_SNAPSHOT_WIDTH 640
#define AUTO_NONCE G_MAXUINT64
/* Clocks drift, and frames are late; schedules are about minutes. */
#define MIN_SKEW_US G_USEC_PER_SEC

struct _GstVigilEvents {
    GstElement parent;
    GstPad *sinkpad, *srcpad;

    /* object lock */
    gchar *rules_path, *camera;
    VigilRules *next_rules; /* to be adopted at the next frame; NULL: nothing new */
    gboolean running; /* between READY and PAUSED or higher: a rules file is read when it is set */
    gint64 wall_base_us; /* -1: find out */
    guint64 run_nonce;
    gboolean snapshots;
    guint snapshot_width;
    gboolean stopping;

    /* streaming thread, or nobody streams */
    GstSegment segment;
    gint64 tag_wall_us;     /* -1: no date in the tags */
    gboolean follows_clock; /* the wall base is what the wall clock showed at the first frame */
    gboolean options_known; /* wall base and nonce are fixed for the run */
    GstClockTime last_pts;
    VigilEventStage stage;
};

enum {
    PROP_0,
    PROP_RULES,
    PROP_RULE_SET,
    PROP_CAMERA,
    PROP_WALL_BASE,
    PROP_RUN_NONCE,
    PROP_SNAPSHOT,
    PROP_SNAPSHOT_WIDTH,
    PROP_STOPPING,
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(GST_VIGIL_VIDEO_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIGIL_EVENT_CAPS));

G_DEFINE_TYPE_WITH_CODE(GstVigilEvents, gst_vigil_events, GST_TYPE_ELEMENT,
                        GST_DEBUG_CATEGORY_INIT(vigil_events_debug, "vigilevents", 0,
                                                "event filter"))
GST_ELEMENT_REGISTER_DEFINE(vigilevents, "vigilevents", GST_RANK_NONE, GST_TYPE_VIGIL_EVENTS)

static void
post(GstVigilEvents *self, GstStructure *structure)
{
    if (structure)
        gst_element_post_message(GST_ELEMENT(self),
                                 gst_message_new_element(GST_OBJECT(self), structure));
}

static void
post_decisions(GstVigilEvents *self, gint64 time_ns)
{
    post(self,
         vigil_decision_batch_take(&self->stage.decisions, self->stage.options.camera, time_ns));
}

/* --- what a run needs to know ---------------------------------------------------------------------------------------------- */

static guint64
random_nonce(void)
{
    /* 0 is what a stream without a source's name has */
    return MAX((guint64)g_random_int() << 32 | g_random_int(), 1);
}

/* Of the file or URI that the frames come from, so that two files under one camera's name have ids of their own. */
static guint64
source_nonce(GstVigilEvents *self)
{
    GstQuery *query = gst_query_new_uri();
    g_autofree gchar *uri = NULL;

    if (gst_pad_peer_query(self->sinkpad, query))
        gst_query_parse_uri(query, &uri);
    gst_query_unref(query);
    return vigil_run_nonce_of_uri(uri);
}

static gint64
live_base(GstVigilEvents *self, GstBuffer *buffer, gint64 time_ns)
{
    return vigil_wall_base_live(
        g_get_real_time(), gst_vigil_element_get_running_time(GST_ELEMENT(self)),
        gst_segment_to_running_time(&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)),
        time_ns);
}

static void
find_options(GstVigilEvents *self, GstBuffer *buffer, gint64 time_ns)
{
    GstClockTime latency;
    const gboolean live = gst_vigil_pad_is_live(self->sinkpad, &latency);
    VigilEventFilterOptions *options = &self->stage.options;

    *options = vigil_event_filter_options_defaults();
    GST_OBJECT_LOCK(self);
    options->camera = g_intern_string(self->camera ? self->camera : DEFAULT_CAMERA);
    options->wall_base_us = self->wall_base_us;
    options->run_nonce = self->run_nonce;
    GST_OBJECT_UNLOCK(self);
    if (options->run_nonce == AUTO_NONCE)
        options->run_nonce = live ? random_nonce() : source_nonce(self);
    self->follows_clock = options->wall_base_us < 0 && live;
    self->stage.skew_us = 0;
    if (self->follows_clock)
        options->wall_base_us = live_base(self, buffer, time_ns);
    else if (options->wall_base_us < 0)
        options->wall_base_us = MAX(self->tag_wall_us, 0);
    self->options_known = TRUE;
    GST_INFO_OBJECT(self, "camera %s, %s, stream time 0 is at %" G_GINT64_FORMAT " us",
                    options->camera, live ? "live" : "not live", options->wall_base_us);
}

/* A clock that is set later, or drifts over months, moves schedules, but not the times of events that are told already. */
static void
follow_clock(GstVigilEvents *self, GstBuffer *buffer, gint64 time_ns)
{
    gint64 skew_us;

    if (!self->follows_clock)
        return;
    skew_us = live_base(self, buffer, time_ns) - self->stage.options.wall_base_us;
    if (ABS(skew_us - self->stage.skew_us) <= MIN_SKEW_US)
        return;
    GST_INFO_OBJECT(self, "the wall clock has moved by %" G_GINT64_FORMAT " us", skew_us);
    self->stage.skew_us = skew_us;
}

/* Rules that were set since the last frame. */
static void
adopt_rules(GstVigilEvents *self)
{
    VigilRules *rules;

    GST_OBJECT_LOCK(self);
    rules = g_steal_pointer(&self->next_rules);
    GST_OBJECT_UNLOCK(self);
    if (rules)
        vigil_event_stage_set_rules(&self->stage, rules);
}

/* --- data flow ----------------------------------------------------------------------------------------------- */

static GstFlowReturn
send_events(GstVigilEvents *self, GstClockTime pts)
{
    GstFlowReturn flow = GST_FLOW_OK;

    for (guint i = 0; i < self->stage.events->len; i++) {
        VigilEvent *event = self->stage.events->pdata[i];

        GST_DEBUG_OBJECT(self, "%s %s %s", event->id, vigil_event_type_to_string(event->type),
                         event->rule);
        post(self, gst_vigil_event_to_structure(event));
        if (flow == GST_FLOW_OK)
            flow = gst_pad_push(self->srcpad, gst_vigil_event_buffer_new(event, pts));
    }
    g_ptr_array_set_size(self->stage.events, 0);
    return flow;
}

static GstFlowReturn
gst_vigil_events_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(parent);
    const gint64 time_ns = gst_vigil_stream_time(&self->segment, buffer);
    const GstClockTime pts = GST_BUFFER_PTS(buffer), duration = GST_BUFFER_DURATION(buffer);
    GstFlowReturn flow = GST_FLOW_OK;
    gint64 wanted_ns = G_MININT64;

    if (GST_VIDEO_INFO_FORMAT(&self->stage.info) == GST_VIDEO_FORMAT_UNKNOWN) {
        gst_buffer_unref(buffer);
        return GST_FLOW_NOT_NEGOTIATED;
    }
    /* a frame without a time, or a second one of the same time, tells a rule nothing */
    if (vigil_event_stage_takes(&self->stage, time_ns)) {
        if (!self->options_known)
            find_options(self, buffer, time_ns);
        follow_clock(self, buffer, time_ns);
        adopt_rules(self);
        post(self, vigil_event_stage_process(&self->stage, buffer, time_ns));
        post_decisions(self, time_ns);
        self->last_pts = pts;
        wanted_ns = vigil_event_stage_get_wanted_ns(&self->stage);
    }
    gst_buffer_unref(buffer);
    if (self->stage.events->len > 0)
        flow = send_events(self, pts);
    else if (GST_CLOCK_TIME_IS_VALID(pts))
        gst_pad_push_event(self->srcpad, gst_vigil_event_new_nothing(pts, duration, wanted_ns));
    return flow;
}

static gboolean
handle_caps(GstVigilEvents *self, GstEvent *event)
{
    GstCaps *caps, *out;
    gboolean ok;

    gst_event_parse_caps(event, &caps);
    ok = gst_video_info_from_caps(&self->stage.info, caps);
    gst_event_unref(event);
    if (!ok)
        return FALSE;
    out = gst_static_pad_template_get_caps(&src_template);
    ok = gst_pad_set_caps(self->srcpad, out);
    gst_caps_unref(out);
    return ok;
}

static gboolean
handle_segment(GstVigilEvents *self, GstEvent *event)
{
    gst_event_copy_segment(event, &self->segment);
    if (self->segment.format != GST_FORMAT_TIME) {
        GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Frames must have times."),
                          ("segment in format %s", gst_format_get_name(self->segment.format)));
        gst_event_unref(event);
        return FALSE;
    }
    return gst_pad_push_event(self->srcpad, event);
}

static VigilEndReason
end_reason(GstVigilEvents *self)
{
    gboolean stopping;

    GST_OBJECT_LOCK(self);
    stopping = self->stopping;
    GST_OBJECT_UNLOCK(self);
    return stopping ? VIGIL_END_STOPPED : VIGIL_END_STREAM;
}

static gboolean
gst_vigil_events_sink_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(parent);

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: return handle_caps(self, event);
    case GST_EVENT_SEGMENT: return handle_segment(self, event);
    case GST_EVENT_STREAM_START: vigil_event_stage_break(&self->stage); break;
    case GST_EVENT_FLUSH_STOP:
        gst_segment_init(&self->segment, GST_FORMAT_TIME);
        vigil_event_stage_break(&self->stage);
        break;
    case GST_EVENT_GAP:
        vigil_event_stage_leave(&self->stage, gst_vigil_event_parse_left(event));
        break;
    case GST_EVENT_TAG: vigil_wall_base_note_tags(event, &self->tag_wall_us); break;
    case GST_EVENT_EOS:
        vigil_event_stage_close(&self->stage, end_reason(self));
        send_events(self, self->last_pts);
        post_decisions(self, G_MAXINT64);
        post(self, vigil_outcome_minutes_take(&self->stage.minutes, self->stage.options.camera));
        break;
    default: break;
    }
    return gst_pad_event_default(pad, parent, event);
}

static gboolean
gst_vigil_events_sink_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    /* frames end here, and are mapped with whatever strides they have */
    if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) {
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
        return TRUE;
    }
    return gst_pad_query_default(pad, parent, query);
}

/* --- states -------------------------------------------------------------------------------------------------- */

static VigilRules *
load_rules(GstVigilEvents *self, const gchar *path, GError **error)
{
    VigilRules *rules = vigil_rules_load(path, error);

    if (rules)
        GST_INFO_OBJECT(self, "%u rules from %s", rules->rules->len, path);
    return rules;
}

static gboolean
start(GstVigilEvents *self)
{
    g_autofree gchar *path = NULL;
    g_autoptr(VigilRules) rules = NULL;
    g_autoptr(GError) error = NULL;
    gboolean given;
    guint snapshot_width;

    GST_OBJECT_LOCK(self);
    path = g_strdup(self->rules_path);
    given = self->next_rules != NULL;
    GST_OBJECT_UNLOCK(self);
    if (!given && !path) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                          ("No rules are set: set the property \"rules\" to a rules file."),
                          (NULL));
        return FALSE;
    }
    if (!given && !(rules = load_rules(self, path, &error))) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("%s", error->message), ("rules=%s", path));
        return FALSE;
    }
    GST_OBJECT_LOCK(self);
    if (!self->next_rules)
        self->next_rules = g_steal_pointer(&rules);
    self->running = TRUE;
    snapshot_width = self->snapshots ? self->snapshot_width : 0;
    GST_OBJECT_UNLOCK(self);
    vigil_event_stage_start(&self->stage, snapshot_width);
    gst_segment_init(&self->segment, GST_FORMAT_TIME);
    self->options_known = FALSE;
    self->tag_wall_us = -1;
    self->last_pts = GST_CLOCK_TIME_NONE;
    return TRUE;
}

/* Nobody streams any more, so what was open can only be told on the bus. */
static void
stop(GstVigilEvents *self)
{
    vigil_event_stage_close(&self->stage, VIGIL_END_STOPPED);
    for (guint i = 0; i < self->stage.events->len; i++)
        post(self, gst_vigil_event_to_structure(self->stage.events->pdata[i]));
    g_ptr_array_set_size(self->stage.events, 0);
    post_decisions(self, G_MAXINT64);
    post(self, vigil_outcome_minutes_take(&self->stage.minutes, self->stage.options.camera));
    GST_OBJECT_LOCK(self);
    self->running = FALSE;
    /* rules that were handed over as an object stay for the next start */
    if (!self->next_rules && !self->rules_path)
        self->next_rules = g_steal_pointer(&self->stage.rules);
    GST_OBJECT_UNLOCK(self);
    vigil_event_stage_stop(&self->stage);
}

static GstStateChangeReturn
gst_vigil_events_change_state(GstElement *element, GstStateChange transition)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(element);
    GstStateChangeReturn result;

    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self))
        return GST_STATE_CHANGE_FAILURE;
    result = GST_ELEMENT_CLASS(gst_vigil_events_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
        stop(self);
    return result;
}

/* --- properties ---------------------------------------------------------------------------------------------- */

/* @rules: (transfer full) (nullable): hold from now on; @path: where they come from, or would come from */
static void
set_rule_set(GstVigilEvents *self, VigilRules *rules, const gchar *path)
{
    VigilRules *old;

    GST_OBJECT_LOCK(self);
    old = self->next_rules;
    self->next_rules = rules;
    g_free(self->rules_path);
    self->rules_path = g_strdup(path);
    GST_OBJECT_UNLOCK(self);
    vigil_rules_free(old);
}

/* A running element reads the file at once, and keeps its rules when the file is no good. */
static void
set_rules_path(GstVigilEvents *self, const gchar *path)
{
    g_autoptr(GError) error = NULL;
    VigilRules *rules = NULL;
    gboolean running;

    GST_OBJECT_LOCK(self);
    running = self->running;
    GST_OBJECT_UNLOCK(self);
    if (running && path)
        rules = load_rules(self, path, &error);
    if (rules || !running)
        set_rule_set(self, rules, path);
    else
        GST_ELEMENT_WARNING(
            self, RESOURCE, SETTINGS,
            ("The rules stay as they were: %s", error ? error->message : "no file is given"),
            ("rules=%s", GST_STR_NULL(path)));
}

static void
set_camera(GstVigilEvents *self, const gchar *camera)
{
    g_free(self->camera);
    self->camera = g_strdup(camera ? camera : DEFAULT_CAMERA);
}

static void
gst_vigil_events_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(object);

    /* these two read files or free memory, and lock by themselves */
    if (id == PROP_RULES) {
        set_rules_path(self, g_value_get_string(value));
        return;
    }
    if (id == PROP_RULE_SET) {
        set_rule_set(self, g_value_dup_boxed(value), NULL);
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_CAMERA: set_camera(self, g_value_get_string(value)); break;
    case PROP_WALL_BASE: self->wall_base_us = g_value_get_int64(value); break;
    case PROP_RUN_NONCE: self->run_nonce = g_value_get_uint64(value); break;
    case PROP_SNAPSHOT: self->snapshots = g_value_get_boolean(value); break;
    case PROP_SNAPSHOT_WIDTH: self->snapshot_width = g_value_get_uint(value); break;
    case PROP_STOPPING: self->stopping = g_value_get_boolean(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_events_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_RULES: g_value_set_string(value, self->rules_path); break;
    case PROP_CAMERA: g_value_set_string(value, self->camera); break;
    case PROP_WALL_BASE: g_value_set_int64(value, self->wall_base_us); break;
    case PROP_RUN_NONCE: g_value_set_uint64(value, self->run_nonce); break;
    case PROP_SNAPSHOT: g_value_set_boolean(value, self->snapshots); break;
    case PROP_SNAPSHOT_WIDTH: g_value_set_uint(value, self->snapshot_width); break;
    case PROP_STOPPING: g_value_set_boolean(value, self->stopping); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
install_rule_properties(GObjectClass *klass)
{
    g_object_class_install_property(
        klass, PROP_RULES,
        g_param_spec_string(
            "rules", "Rules",
            "YAML file with zones, lines and rules. Read when the element starts; set while it "
            "runs, it is read "
            "at once, holds from the next frame on and, if it differs, ends the events that are "
            "open; a file "
            "that is no good then leaves the rules as they are, with a warning",
            NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(
        klass, PROP_RULE_SET,
        g_param_spec_boxed("rule-set", "Rule set",
                           "The rules as an object (boxed VigilRules, copied), for programs; of "
                           "this and \"rules\" the one that "
                           "was set last holds",
                           VIGIL_TYPE_RULES,
                           G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(
        klass, PROP_CAMERA,
        g_param_spec_string("camera", "Camera", "Name of the camera, which events carry",
                            DEFAULT_CAMERA,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
}

static void
gst_vigil_events_finalize(GObject *object)
{
    GstVigilEvents *self = GST_VIGIL_EVENTS(object);

    g_free(self->rules_path);
    g_free(self->camera);
    vigil_rules_free(self->next_rules);
    vigil_event_stage_finish(&self->stage);
    G_OBJECT_CLASS(gst_vigil_events_parent_class)->finalize(object);
}

static void
install_run_properties(GObjectClass *klass)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    g_object_class_install_property(
        klass, PROP_WALL_BASE,
        g_param_spec_int64("wall-base", "Wall base",
                           "Wall time of the stream's begin in microseconds since 1970, UTC; -1: "
                           "of a live stream what the "
                           "clock says, else the date in the stream's tags, else 1970",
                           -1, G_MAXINT64, -1, flags));
    g_object_class_install_property(
        klass, PROP_RUN_NONCE,
        g_param_spec_uint64(
            "run-nonce", "Run nonce",
            "Goes into the ids of events: equal for equal streams gives equal ids; "
            "the greatest value: random for a live stream, of a file its length and "
            "its first and last MiB, of another source with a URI the URI, 0 without one",
            0, G_MAXUINT64, AUTO_NONCE, flags));
    g_object_class_install_property(
        klass, PROP_SNAPSHOT,
        g_param_spec_boolean("snapshot", "Snapshot",
                             "Whether an event's end carries a JPEG of the object's best view",
                             TRUE, flags));
    g_object_class_install_property(
        klass, PROP_SNAPSHOT_WIDTH,
        g_param_spec_uint("snapshot-width", "Snapshot width",
                          "Widest snapshot in pixels; a wider frame is scaled down to it", 16, 1920,
                          DEFAULT_SNAPSHOT_WIDTH, flags));
    g_object_class_install_property(
        klass, PROP_STOPPING,
        g_param_spec_boolean(
            "stopping", "Stopping",
            "Set before an end of stream that a program makes: events that are "
            "open then end as stopped, and a store does not take them for all "
            "that there is",
            FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

static void
gst_vigil_events_class_init(GstVigilEventsClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_vigil_events_set_property;
    object_class->get_property = gst_vigil_events_get_property;
    object_class->finalize = gst_vigil_events_finalize;
    install_rule_properties(object_class);
    install_run_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil event filter", "Filter/Analyzer/Video",
        "Turns tracked objects into events by rules", "The Vigil authors");
    element_class->change_state = gst_vigil_events_change_state;
}

static void
gst_vigil_events_init(GstVigilEvents *self)
{
    self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(self->sinkpad, gst_vigil_events_chain);
    gst_pad_set_event_function(self->sinkpad, gst_vigil_events_sink_event);
    gst_pad_set_query_function(self->sinkpad, gst_vigil_events_sink_query);
    gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);
    self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_use_fixed_caps(self->srcpad);
    gst_element_add_pad(GST_ELEMENT(self), self->srcpad);

    vigil_event_stage_init(&self->stage);
    self->camera = g_strdup(DEFAULT_CAMERA);
    self->wall_base_us = -1;
    self->run_nonce = AUTO_NONCE;
    self->snapshots = TRUE;
    self->snapshot_width = DEFAULT_SNAPSHOT_WIDTH;
}
