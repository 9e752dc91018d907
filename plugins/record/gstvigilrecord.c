/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilrecord
 * @title: vigilrecord
 *
 * Records events: for each one that vigilevents sends to the pad `events` it writes a clip of the encoded video that comes
 * on the pad `video`, from before the event began until after it ended, and commits event and clip to the store. Nothing
 * is transcoded. A clip is a fragmented MP4 that can be played wherever a power cut ends it; it begins at the keyframe at
 * or before what the rule asks for.
 *
 * An event has a clip of its own, unless it begins while another one is still going on whose clip reaches back far enough:
 * then they share that clip, which ends when the last of them has had its time.
 *
 * When an event is on disk, with the first second of its clip, an element message `vigilrecord-event` says so
 * (json: string, with the clip's path; type, id, camera, rule, label, clip: string; start, end: gint64, ns of stream time;
 * event: boxed VigilEvent). What could not be recorded, on a full disk for instance, is counted in `stats` and told by
 * a warning at most every 10 s, and recording goes on with the next event.
 *
 * In a live pipeline it never holds up the video. In any other one the video waits for the analysis, so that the
 * footage is still at hand when an event is found: each branch needs a queue.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! tee name=t t. ! queue ! avdec_h264 ! vigildetect model=model.tflite labels=labels.txt fps=2 ! vigiltrack ! vigilevents rules=rules.yaml camera=door ! r.events t. ! queue ! r.video vigilrecord name=r database=events.db location=clips
 * ]|
 */
#include "plugins/record/gstvigilrecord.h"

#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/events/vigil-event-messages.h"
#include "plugins/record/vigil-recorder.h"
#include "vigil-config.h"

GST_DEBUG_CATEGORY_STATIC(vigil_record_debug);
#define GST_CAT_DEFAULT vigil_record_debug

/* The longest pre-roll people ask for (10 s), with time for a rule to decide (dwell) and an analysis that lags. */
#define DEFAULT_RING_SECONDS 30
/* 30 s of 16 Mbit/s; what is not needed is not allocated. */
#define DEFAULT_RING_BYTES (G_GUINT64_CONSTANT(64) * 1024 * 1024)
/* More than decoders and small queues hold back. */
#define DEFAULT_MAX_LEAD (2 * GST_SECOND)
/* A parked car must not fill the disk with one file. */
#define DEFAULT_MAX_CLIP (600 * GST_SECOND)
#define WARNING_INTERVAL_US (10 * G_USEC_PER_SEC)

typedef struct {
    GstPad *pad;
    GstSegment segment; /* its streaming thread */
    gboolean flushing;  /* state_lock */
} RecordPad;

struct _GstVigilRecord {
    GstElement parent;
    RecordPad video, events;

    /* object lock */
    gchar *database, *location;
    gchar *camera;
    VigilStore *given_store;
    guint ring_seconds;
    guint64 ring_bytes, max_lead, max_clip;

    VigilStore *store; /* READY and above */
    VigilRecorder *
        recorder; /* PAUSED and above; set and cleared while no pad is active, and under object lock */
    gboolean live_known; /* video's streaming thread */
    gint64 last_pts_ns;  /* video's streaming thread */
    guint32 eos_seqnum;

    GMutex state_lock;
    GCond state_cond;
    /* under state_lock */
    gboolean playing, stopping;
    gboolean async;       /* the first data make the change to PAUSED complete */
    gboolean eos_pending; /* all is done, but EOS is only told in PLAYING */

    gint64 last_warning_us[2]; /* recorder's thread */
};

enum {
    PROP_0,
    PROP_DATABASE,
    PROP_LOCATION,
    PROP_STORE,
    PROP_CAMERA,
    PROP_RING_SECONDS,
    PROP_RING_BYTES,
    PROP_MAX_LEAD,
    PROP_MAX_CLIP,
    PROP_STATS,
};

#define VIDEO_CAPS                                                                           \
    "video/x-h264, stream-format=(string){ avc, avc3, byte-stream }, alignment=(string)au; " \
    "video/x-h265, stream-format=(string){ hvc1, hev1, byte-stream }, alignment=(string)au"

static GstStaticPadTemplate video_template =
    GST_STATIC_PAD_TEMPLATE("video", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(VIDEO_CAPS));
static GstStaticPadTemplate events_template = GST_STATIC_PAD_TEMPLATE(
    "events", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIGIL_EVENT_CAPS));

G_DEFINE_TYPE_WITH_CODE(GstVigilRecord, gst_vigil_record, GST_TYPE_ELEMENT,
                        GST_DEBUG_CATEGORY_INIT(vigil_record_debug, "vigilrecord", 0, "recorder"))
GST_ELEMENT_REGISTER_DEFINE(vigilrecord, "vigilrecord", GST_RANK_NONE, GST_TYPE_VIGIL_RECORD)

/* --- what the recorder says ---------------------------------------------------------------------------------- */

static void
on_committed(VigilEvent *event, const gchar *clip, gpointer user_data)
{
    GstVigilRecord *self = user_data;
    GstStructure *structure = gst_vigil_event_to_structure(event);
    g_autofree gchar *json = vigil_event_to_json(event, clip);

    gst_structure_set_name(structure, "vigilrecord-event");
    gst_structure_set(structure, "json", G_TYPE_STRING, json, "clip", G_TYPE_STRING, clip, NULL);
    gst_element_post_message(GST_ELEMENT(self),
                             gst_message_new_element(GST_OBJECT(self), structure));
}

static void
on_trouble(const gchar *what, const GError *error, gpointer user_data)
{
    GstVigilRecord *self = user_data;
    const gboolean is_event = g_str_equal(what, "event");
    const gint64 now_us = g_get_monotonic_time();
    const gboolean full = g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL);
    GstMessage *message;
    g_autoptr(GError) warning = NULL;
    g_autofree gchar *name = NULL;

    GST_WARNING_OBJECT(self, "%s: %s", what, error->message);
    if (self->last_warning_us[is_event] &&
        now_us - self->last_warning_us[is_event] < WARNING_INTERVAL_US)
        return;
    self->last_warning_us[is_event] = now_us;
    GST_OBJECT_LOCK(self);
    name = g_strdup(self->camera ? self->camera : GST_OBJECT_NAME(self));
    GST_OBJECT_UNLOCK(self);
    warning = g_error_new(
        GST_RESOURCE_ERROR, full ? GST_RESOURCE_ERROR_NO_SPACE_LEFT : GST_RESOURCE_ERROR_WRITE,
        "%s: %s was not recorded: %s", name, is_event ? "an event" : "a clip", error->message);
    message = gst_message_new_warning(GST_OBJECT(self), warning,
                                      "more of these are counted in the property \"stats\"");
    gst_element_post_message(GST_ELEMENT(self), message);
}

static void
post_eos(GstVigilRecord *self)
{
    GstMessage *message = gst_message_new_eos(GST_OBJECT(self));

    if (self->eos_seqnum)
        gst_message_set_seqnum(message, self->eos_seqnum);
    gst_element_post_message(GST_ELEMENT(self), message);
}

static void
on_drained(gpointer user_data)
{
    GstVigilRecord *self = user_data;
    gboolean post;

    g_mutex_lock(&self->state_lock);
    post = self->playing && !self->stopping;
    self->eos_pending = !post && !self->stopping;
    g_mutex_unlock(&self->state_lock);
    if (post)
        post_eos(self);
}

/* --- data ---------------------------------------------------------------------------------------------------- */

/* Not in the streaming thread, which a change of state may be waiting for. */
static void
complete_paused(GstElement *element, gpointer user_data)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(element);
    gboolean async;

    GST_STATE_LOCK(element);
    g_mutex_lock(&self->state_lock);
    async = self->async && !self->stopping;
    self->async = FALSE;
    g_mutex_unlock(&self->state_lock);
    if (async) {
        gst_element_continue_state(element, GST_STATE_CHANGE_SUCCESS);
        gst_element_post_message(
            element, gst_message_new_async_done(GST_OBJECT(element), GST_CLOCK_TIME_NONE));
    }
    GST_STATE_UNLOCK(element);
}

static void
note_data(GstVigilRecord *self)
{
    gboolean async;

    g_mutex_lock(&self->state_lock);
    async = self->async && !self->stopping;
    g_mutex_unlock(&self->state_lock);
    if (async)
        gst_element_call_async(GST_ELEMENT(self), complete_paused, NULL, NULL);
}

/* As every sink, it takes data in PLAYING only. */
static GstFlowReturn
wait_for_playing(GstVigilRecord *self, RecordPad *pad)
{
    gboolean flushing;

    note_data(self);
    g_mutex_lock(&self->state_lock);
    while (!self->playing && !self->stopping && !pad->flushing)
        g_cond_wait(&self->state_cond, &self->state_lock);
    flushing = self->stopping || pad->flushing;
    g_mutex_unlock(&self->state_lock);
    return flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

static gint64
to_stream_time(const GstSegment *segment, GstClockTime time)
{
    guint64 result;
    gint sign;

    if (!GST_CLOCK_TIME_IS_VALID(time))
        return VIGIL_RING_TIME_NONE;
    sign = gst_segment_to_stream_time_full(segment, GST_FORMAT_TIME, time, &result);
    return sign == 0 || result > G_MAXINT64 ? VIGIL_RING_TIME_NONE : sign * (gint64)result;
}

static void
describe_frame(GstVigilRecord *self, GstBuffer *buffer, VigilRingFrame *frame)
{
    const GstSegment *segment = &self->video.segment;

    *frame = (VigilRingFrame){
        .pts_ns = to_stream_time(segment, GST_BUFFER_PTS(buffer)),
        .dts_ns = to_stream_time(segment, GST_BUFFER_DTS(buffer)),
        .duration_ns =
            GST_BUFFER_DURATION_IS_VALID(buffer) ? (gint64)GST_BUFFER_DURATION(buffer) : 0,
        .key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT),
    };
    if (frame->pts_ns == VIGIL_RING_TIME_NONE)
        frame->pts_ns = frame->dts_ns != VIGIL_RING_TIME_NONE ? frame->dts_ns : self->last_pts_ns;
    self->last_pts_ns = frame->pts_ns;
}

static GstFlowReturn
gst_vigil_record_video_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    GstFlowReturn flow = wait_for_playing(self, &self->video);
    GstClockTime latency;
    VigilRingFrame frame;

    if (flow == GST_FLOW_OK) {
        if (!self->live_known)
            vigil_recorder_set_live(self->recorder, gst_vigil_pad_is_live(pad, &latency));
        self->live_known = TRUE;
        describe_frame(self, buffer, &frame);
        if (!gst_pad_is_linked(self->events.pad))
            vigil_recorder_set_front(self->recorder, frame.pts_ns);
        if (!vigil_recorder_push_frame(self->recorder, &frame, buffer))
            flow = GST_FLOW_FLUSHING;
    }
    gst_buffer_unref(buffer);
    return flow;
}

static GstFlowReturn
gst_vigil_record_events_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    GstFlowReturn flow = wait_for_playing(self, &self->events);
    VigilEvent *event = gst_vigil_buffer_get_event(buffer);
    const gint64 time_ns = to_stream_time(&self->events.segment, GST_BUFFER_PTS(buffer));

    if (flow == GST_FLOW_OK && event) {
        GST_DEBUG_OBJECT(self, "%s %s", event->id, vigil_event_type_to_string(event->type));
        if (!vigil_recorder_push_event(self->recorder, event))
            flow = GST_FLOW_FLUSHING;
    } else if (flow == GST_FLOW_OK) {
        GST_WARNING_OBJECT(self, "a buffer without an event");
    }
    if (flow == GST_FLOW_OK && time_ns != VIGIL_RING_TIME_NONE)
        vigil_recorder_set_front(self->recorder, time_ns);
    gst_buffer_unref(buffer);
    return flow;
}

static void
set_flushing(GstVigilRecord *self, RecordPad *pad, gboolean flushing)
{
    g_mutex_lock(&self->state_lock);
    pad->flushing = flushing;
    if (!flushing)
        self->eos_pending = FALSE;
    g_cond_broadcast(&self->state_cond);
    g_mutex_unlock(&self->state_lock);
    if (!flushing)
        gst_segment_init(&pad->segment, GST_FORMAT_TIME);
    if (pad == &self->video)
        vigil_recorder_flush_video(self->recorder, flushing);
    else
        vigil_recorder_flush_events(self->recorder, flushing);
}

static void
end_pad(GstVigilRecord *self, RecordPad *pad, GstEvent *event)
{
    self->eos_seqnum = gst_event_get_seqnum(event);
    note_data(self);
    /* a pad that nobody feeds has nothing to end */
    if (pad == &self->video || !gst_pad_is_linked(self->video.pad))
        vigil_recorder_end_video(self->recorder);
    if (pad == &self->events || !gst_pad_is_linked(self->events.pad))
        vigil_recorder_end_events(self->recorder);
}

static void
handle_gap(GstVigilRecord *self, RecordPad *pad, GstEvent *event)
{
    GstClockTime time;
    gint64 time_ns;

    gst_event_parse_gap(event, &time, NULL);
    time_ns = to_stream_time(&pad->segment, time);
    if (pad == &self->events && time_ns != VIGIL_RING_TIME_NONE &&
        wait_for_playing(self, pad) == GST_FLOW_OK)
        vigil_recorder_set_front(self->recorder, time_ns);
}

static gboolean
handle_segment(GstVigilRecord *self, RecordPad *pad, GstEvent *event)
{
    gst_event_copy_segment(event, &pad->segment);
    if (pad->segment.format == GST_FORMAT_TIME)
        return TRUE;
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Video and events must have times."),
                      ("segment in format %s", gst_format_get_name(pad->segment.format)));
    return FALSE;
}

static gboolean
gst_vigil_record_event(GstPad *gstpad, GstObject *parent, GstEvent *event)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    RecordPad *pad = gstpad == self->video.pad ? &self->video : &self->events;
    GstCaps *caps;
    gboolean ok = TRUE;

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
        gst_event_parse_caps(event, &caps);
        if (pad == &self->video)
            vigil_recorder_set_caps(self->recorder, caps);
        break;
    case GST_EVENT_SEGMENT: ok = handle_segment(self, pad, event); break;
    case GST_EVENT_FLUSH_START: set_flushing(self, pad, TRUE); break;
    case GST_EVENT_FLUSH_STOP: set_flushing(self, pad, FALSE); break;
    case GST_EVENT_GAP: handle_gap(self, pad, event); break;
    case GST_EVENT_EOS: end_pad(self, pad, event); break;
    default: break;
    }
    gst_event_unref(event);
    return ok;
}

/* --- states -------------------------------------------------------------------------------------------------- */

static gboolean
open_store(GstVigilRecord *self)
{
    g_autofree gchar *database = NULL, *location = NULL;
    VigilStoreOptions options = {.program = "vigilrecord " VIGIL_VERSION};
    g_autoptr(GError) error = NULL;

    GST_OBJECT_LOCK(self);
    if (self->given_store)
        self->store = vigil_store_ref(self->given_store);
    database = g_strdup(self->database);
    location = g_strdup(self->location);
    GST_OBJECT_UNLOCK(self);
    if (self->store)
        return TRUE;
    if (!database) {
        GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                          ("No store is set: set the property \"database\" to a file."), (NULL));
        return FALSE;
    }
    if (!location) {
        g_autofree gchar *directory = g_path_get_dirname(database);

        location = g_build_filename(directory, "clips", NULL);
    }
    options.database = database;
    options.clips = location;
    self->store = vigil_store_open(&options, &error);
    if (!self->store)
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error->message),
                          ("database=%s location=%s", database, location));
    return self->store != NULL;
}

static void
start(GstVigilRecord *self)
{
    const VigilRecorderCallbacks callbacks = {on_committed, on_trouble, on_drained};
    VigilRecorderOptions options = {.store = self->store};
    VigilRecorder *recorder;

    GST_OBJECT_LOCK(self);
    options.ring_ns = (gint64)(self->ring_seconds * GST_SECOND);
    options.ring_bytes = self->ring_bytes;
    options.max_lead_ns = (gint64)self->max_lead;
    options.max_clip_ns = (gint64)self->max_clip;
    GST_OBJECT_UNLOCK(self);
    gst_segment_init(&self->video.segment, GST_FORMAT_TIME);
    gst_segment_init(&self->events.segment, GST_FORMAT_TIME);
    self->live_known = FALSE;
    self->last_pts_ns = 0;
    self->eos_seqnum = 0;
    self->last_warning_us[0] = self->last_warning_us[1] = 0;
    g_mutex_lock(&self->state_lock);
    self->playing = self->stopping = self->eos_pending = FALSE;
    self->video.flushing = self->events.flushing = FALSE;
    self->async = TRUE;
    g_mutex_unlock(&self->state_lock);
    recorder = vigil_recorder_new(&options, &callbacks, self);
    GST_OBJECT_LOCK(self);
    self->recorder = recorder;
    GST_OBJECT_UNLOCK(self);
}

/* Lets the streaming threads go, so that their pads can be closed. */
static void
release(GstVigilRecord *self)
{
    g_mutex_lock(&self->state_lock);
    self->stopping = TRUE;
    self->async = FALSE;
    g_cond_broadcast(&self->state_cond);
    g_mutex_unlock(&self->state_lock);
    vigil_recorder_flush_video(self->recorder, TRUE);
    vigil_recorder_flush_events(self->recorder, TRUE);
}

static void
stop(GstVigilRecord *self)
{
    VigilRecorder *recorder;

    GST_OBJECT_LOCK(self);
    recorder = g_steal_pointer(&self->recorder);
    GST_OBJECT_UNLOCK(self);
    vigil_recorder_free(recorder);
}

static void
set_playing(GstVigilRecord *self, gboolean playing)
{
    gboolean eos;

    g_mutex_lock(&self->state_lock);
    self->playing = playing;
    eos = playing && self->eos_pending;
    if (playing)
        self->eos_pending = FALSE;
    g_cond_broadcast(&self->state_cond);
    g_mutex_unlock(&self->state_lock);
    if (eos)
        post_eos(self);
}

static GstStateChangeReturn
gst_vigil_record_change_state(GstElement *element, GstStateChange transition)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(element);
    GstStateChangeReturn result;

    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        if (!open_store(self))
            return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        start(self);
        gst_element_post_message(element, gst_message_new_async_start(GST_OBJECT(element)));
        break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING: set_playing(self, TRUE); break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED: set_playing(self, FALSE); break;
    case GST_STATE_CHANGE_PAUSED_TO_READY: release(self); break;
    default: break;
    }
    result = GST_ELEMENT_CLASS(gst_vigil_record_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_SUCCESS)
        result = GST_STATE_CHANGE_ASYNC;
    else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
             (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
        stop(self);
    else if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        g_clear_pointer(&self->store, vigil_store_unref);
    return result;
}

/* A sink's events go upstream, a seek for instance, by way of the video. */
static gboolean
gst_vigil_record_send_event(GstElement *element, GstEvent *event)
{
    if (GST_EVENT_IS_UPSTREAM(event))
        return gst_pad_push_event(GST_VIGIL_RECORD(element)->video.pad, event);
    return GST_ELEMENT_CLASS(gst_vigil_record_parent_class)->send_event(element, event);
}

/* --- properties ---------------------------------------------------------------------------------------------- */

static GstStructure *
make_stats(GstVigilRecord *self)
{
    VigilRecorderStats s = {0};

    if (self->recorder)
        s = vigil_recorder_get_stats(self->recorder);
    return gst_structure_new(
        "vigilrecord-stats", "frames", G_TYPE_UINT64, s.frames, "frames-lost", G_TYPE_UINT64,
        s.frames_lost, "frames-held", G_TYPE_UINT64, s.frames_held, "holds-given-up", G_TYPE_UINT64,
        s.holds_given_up, "ring-frames", G_TYPE_UINT, s.ring.frames, "ring-bytes", G_TYPE_UINT64,
        (guint64)s.ring.bytes, "ring-dropped-space", G_TYPE_UINT64, s.ring.dropped_space,
        "ring-dropped-size", G_TYPE_UINT64, s.ring.dropped_size, "ring-dropped-no-key",
        G_TYPE_UINT64, s.ring.dropped_no_key, "events-committed", G_TYPE_UINT64, s.events_committed,
        "events-known", G_TYPE_UINT64, s.events_known, "events-failed", G_TYPE_UINT64,
        s.events_failed, "events-dropped", G_TYPE_UINT64, s.events_dropped, "events-without-clip",
        G_TYPE_UINT64, s.events_without_clip, "clips-complete", G_TYPE_UINT64, s.clips_complete,
        "clips-failed", G_TYPE_UINT64, s.clips_failed, "clips-broken", G_TYPE_UINT64,
        s.clips_broken, "clips-cut", G_TYPE_UINT64, s.clips_cut, "clips-short", G_TYPE_UINT64,
        s.clips_short, "clips-without-trigger", G_TYPE_UINT64, s.clips_without_trigger, NULL);
}

static void
set_string(gchar **field, const GValue *value)
{
    g_free(*field);
    *field = g_value_dup_string(value);
}

static void
set_store(GstVigilRecord *self, VigilStore *store)
{
    VigilStore *old;

    GST_OBJECT_LOCK(self);
    old = self->given_store;
    self->given_store = store ? vigil_store_ref(store) : NULL;
    GST_OBJECT_UNLOCK(self);
    if (old)
        vigil_store_unref(old);
}

static void
gst_vigil_record_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    /* the last reference closes the store, which takes time */
    if (id == PROP_STORE) {
        set_store(self, g_value_get_pointer(value));
        return;
    }
    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DATABASE: set_string(&self->database, value); break;
    case PROP_LOCATION: set_string(&self->location, value); break;
    case PROP_CAMERA: set_string(&self->camera, value); break;
    case PROP_RING_SECONDS: self->ring_seconds = g_value_get_uint(value); break;
    case PROP_RING_BYTES: self->ring_bytes = g_value_get_uint64(value); break;
    case PROP_MAX_LEAD: self->max_lead = g_value_get_uint64(value); break;
    case PROP_MAX_CLIP: self->max_clip = g_value_get_uint64(value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
gst_vigil_record_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    GST_OBJECT_LOCK(self);
    switch (id) {
    case PROP_DATABASE: g_value_set_string(value, self->database); break;
    case PROP_LOCATION: g_value_set_string(value, self->location); break;
    case PROP_STORE: g_value_set_pointer(value, self->given_store); break;
    case PROP_CAMERA: g_value_set_string(value, self->camera); break;
    case PROP_RING_SECONDS: g_value_set_uint(value, self->ring_seconds); break;
    case PROP_RING_BYTES: g_value_set_uint64(value, self->ring_bytes); break;
    case PROP_MAX_LEAD: g_value_set_uint64(value, self->max_lead); break;
    case PROP_MAX_CLIP: g_value_set_uint64(value, self->max_clip); break;
    case PROP_STATS: g_value_take_boxed(value, make_stats(self)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec); break;
    }
    GST_OBJECT_UNLOCK(self);
}

static void
install_store_properties(GObjectClass *klass, GParamFlags flags)
{
    g_object_class_install_property(
        klass, PROP_DATABASE,
        g_param_spec_string(
            "database", "Database",
            "File of the events' database; it and its directory are made when missing. "
            "One process may write to it at a time",
            NULL, flags));
    g_object_class_install_property(
        klass, PROP_LOCATION,
        g_param_spec_string(
            "location", "Location",
            "Directory of the clips, made when missing; not set: \"clips\" beside the "
            "database",
            NULL, flags));
    g_object_class_install_property(
        klass, PROP_STORE,
        g_param_spec_pointer("store", "Store",
                             "For programs: a VigilStore that is open for writing, used instead of "
                             "database and location; a reference is taken",
                             flags));
    g_object_class_install_property(
        klass, PROP_CAMERA,
        g_param_spec_string(
            "camera", "Camera",
            "Name of the camera in this element's warnings; events carry their own. Not "
            "set: the element's name",
            NULL, flags));
}

static void
install_limit_properties(GObjectClass *klass, GParamFlags flags)
{
    g_object_class_install_property(
        klass, PROP_RING_SECONDS,
        g_param_spec_uint(
            "ring-seconds", "Ring seconds",
            "Seconds of video kept for pre-rolls, beside a group of pictures: at least the "
            "longest pre-roll plus the time that a rule takes to decide (dwell)",
            1, 3600, DEFAULT_RING_SECONDS, flags));
    g_object_class_install_property(
        klass, PROP_RING_BYTES,
        g_param_spec_uint64(
            "ring-bytes", "Ring bytes",
            "Most bytes of video kept for pre-rolls; the oldest goes first. Memory is "
            "taken as the stream needs it",
            64 * 1024, G_GUINT64_CONSTANT(4) << 30, DEFAULT_RING_BYTES, flags));
    g_object_class_install_property(
        klass, PROP_MAX_LEAD,
        g_param_spec_uint64(
            "max-lead", "Max lead",
            "How far video may be ahead of the analysis in ns, before it waits; 64 frames "
            "always may, since decoders hold frames back. Live pipelines never wait",
            0, G_MAXINT64, DEFAULT_MAX_LEAD, flags));
    g_object_class_install_property(
        klass, PROP_MAX_CLIP,
        g_param_spec_uint64(
            "max-clip", "Max clip",
            "Longest clip in ns; an event that lasts longer goes on without its video, and "
            "is counted in clips-cut",
            GST_SECOND, G_MAXINT64 / 2, DEFAULT_MAX_CLIP, flags));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            "What was recorded and what was not, counted since the element started: frames, "
            "ring, events, clips",
            GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vigil_record_finalize(GObject *object)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    g_free(self->database);
    g_free(self->location);
    g_free(self->camera);
    g_clear_pointer(&self->given_store, vigil_store_unref);
    g_cond_clear(&self->state_cond);
    g_mutex_clear(&self->state_lock);
    G_OBJECT_CLASS(gst_vigil_record_parent_class)->finalize(object);
}

static void
gst_vigil_record_class_init(GstVigilRecordClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

    object_class->set_property = gst_vigil_record_set_property;
    object_class->get_property = gst_vigil_record_get_property;
    object_class->finalize = gst_vigil_record_finalize;
    install_store_properties(object_class, flags);
    install_limit_properties(object_class, flags);

    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &events_template);
    gst_element_class_set_static_metadata(
        element_class, "Vigil recorder", "Sink/Video",
        "Writes clips of events without transcoding and commits them with their events",
        "The Vigil authors");
    element_class->change_state = gst_vigil_record_change_state;
    element_class->send_event = gst_vigil_record_send_event;
}

static void
init_pad(GstVigilRecord *self, RecordPad *pad, GstStaticPadTemplate *template,
         GstPadChainFunction chain)
{
    pad->pad = gst_pad_new_from_static_template(template, template->name_template);
    gst_pad_set_chain_function(pad->pad, chain);
    gst_pad_set_event_function(pad->pad, gst_vigil_record_event);
    gst_element_add_pad(GST_ELEMENT(self), pad->pad);
}

static void
gst_vigil_record_init(GstVigilRecord *self)
{
    init_pad(self, &self->video, &video_template, gst_vigil_record_video_chain);
    init_pad(self, &self->events, &events_template, gst_vigil_record_events_chain);
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
    g_mutex_init(&self->state_lock);
    g_cond_init(&self->state_cond);
    self->ring_seconds = DEFAULT_RING_SECONDS;
    self->ring_bytes = DEFAULT_RING_BYTES;
    self->max_lead = DEFAULT_MAX_LEAD;
    self->max_clip = DEFAULT_MAX_CLIP;
}
