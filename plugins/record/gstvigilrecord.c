/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SECTION:element-vigilrecord
 * @title: vigilrecord
 *
 * Records events: for each one that vigilevents sends to the pad `events` it writes a clip of the encoded video that comes
 * on the pad `video`, from before the event began until after it ended, and commits event and clip to the store. Nothing
 * is transcoded. A clip is a fragmented MP4 that can be played wherever a power cut ends it; it begins at the keyframe at
 * or before what the rule asks for. Motion JPEG is recorded as it comes, too, in QuickTime's form of the same file, or, with
 * `encode-jpeg`, encoded to H.264 for the clip alone.
 *
 * Sound that comes on the request pad `audio` (AAC, Opus, G.711) goes into the clips as it comes, too, at its time, as long as there
 * are pictures. The pictures never wait for it in a live pipeline: where it is away the clip is silent. A clip of which
 * it is known when it begins that there is sound has a track for it; sound that begins later goes into the next one, and so does
 * sound in another format. With G.711, files are in QuickTime's form. In a pipeline that is not live it needs a queue of its own.
 *
 * An event has a clip of its own, unless it begins while another one is still going on whose clip reaches back far enough:
 * then they share that clip, which ends when the last of them has had its time.
 *
 * When an event is on disk, with the first second of its clip, an element message `vigilrecord-event` says so
 * (json: string, with the clip's path; type, id, camera, rule, label, clip: string; start, end: gint64, ns of stream time;
 * event: boxed VigilEvent). What could not be recorded, on a full disk for instance, is counted in `stats` and told by
 * a warning at most every 10 s, and recording goes on with the next event. In a live stream the same holds for a disk that
 * fails: the store is opened again as soon as that works, and until then messages wait, within bounds. In any other one
 * it is an error: the store is
 * opened again when the element starts again. An event that nobody ended ends with its stream, or as stopped with the
 * element.
 *
 * With `segment` it records all video as well, in files of that length that follow each other without a gap, whether there
 * are events or not, and whether or not the analysis goes on: see `vigil footage`.
 *
 * In a live pipeline it never holds up the video. In any other one the video waits for the analysis, so that the
 * footage is still at hand when an event is found: each branch needs a queue.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=camera.mp4 ! qtdemux ! h264parse ! tee name=t t. ! queue ! vigilavdec ! vigildetect model=model.tflite labels=labels.txt fps=2 ! vigiltrack ! vigilevents rules=rules.yaml camera=door ! r.events t. ! queue ! r.video vigilrecord name=r database=events.db location=clips
 * ]|
 */
#include "plugins/common/gstvigilmeta.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/common/vigil-wall-base.h"
#include "plugins/events/vigil-event-messages.h"
#include "plugins/record/gstvigilrecord-private.h"
#include "vigil-config.h"

GST_DEBUG_CATEGORY_STATIC(vigil_record_debug);
#define GST_CAT_DEFAULT vigil_record_debug

#define WARNING_INTERVAL_US (10 * G_USEC_PER_SEC)

#define VIDEO_CAPS                                                                            \
    "video/x-h264, stream-format=(string){ avc, avc3, byte-stream }, alignment=(string)au; "  \
    "video/x-h265, stream-format=(string){ hvc1, hev1, byte-stream }, alignment=(string)au; " \
    "image/jpeg"

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

/* Nothing more is recorded until the store is opened again, which needs this element to be stopped. */
static void
post_disk_error(GstVigilRecord *self, const GError *error)
{
    if (self->disk_failed)
        return;
    self->disk_failed = TRUE;
    GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("%s", error->message),
                      ("set the element to NULL and start it again"));
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
    /* live, the recorder opens it again by itself */
    if (!g_atomic_int_get(&self->live) && vigil_store_has_failed(self->store)) {
        post_disk_error(self, error);
        return;
    }
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

GstFlowReturn
gst_vigil_record_wait_for_playing(GstVigilRecord *self, RecordPad *pad)
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

gint64
gst_vigil_record_to_stream_time(const GstSegment *segment, GstClockTime time)
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
        .pts_ns = gst_vigil_record_to_stream_time(segment, GST_BUFFER_PTS(buffer)),
        .dts_ns = gst_vigil_record_to_stream_time(segment, GST_BUFFER_DTS(buffer)),
        .duration_ns =
            GST_BUFFER_DURATION_IS_VALID(buffer) ? (gint64)GST_BUFFER_DURATION(buffer) : 0,
        .key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT),
    };
    if (frame->pts_ns == VIGIL_RING_TIME_NONE)
        frame->pts_ns = frame->dts_ns != VIGIL_RING_TIME_NONE ? frame->dts_ns : self->last_pts_ns;
    self->last_pts_ns = frame->pts_ns;
}

static void
ask_for_life(GstVigilRecord *self, RecordPad *pad)
{
    GstClockTime latency;
    const gboolean live = gst_vigil_pad_is_live(pad->pad, &latency);

    self->live_known = TRUE;
    g_atomic_int_set(&self->live, live);
    vigil_recorder_set_live(self->recorder, live);
}

static void
handle_first_frame(GstVigilRecord *self)
{
    ask_for_life(self, &self->video);
    if (!gst_pad_is_linked(self->events.pad) && self->segment == 0)
        GST_ELEMENT_WARNING(self, CORE, PAD,
                            ("The pad \"events\" is not linked, so that nothing will be recorded: "
                             "link vigilevents to it."),
                            (NULL));
}

static GstFlowReturn
gst_vigil_record_video_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    GstFlowReturn flow = gst_vigil_record_wait_for_playing(self, &self->video);
    VigilRingFrame frame;

    if (flow == GST_FLOW_OK && !self->has_caps)
        flow = GST_FLOW_NOT_NEGOTIATED;
    if (flow == GST_FLOW_OK) {
        if (!self->live_known)
            handle_first_frame(self);
        describe_frame(self, buffer, &frame);
        if (!gst_pad_is_linked(self->events.pad))
            vigil_recorder_set_front(self->recorder, frame.pts_ns);
        gst_vigil_record_note_wall_base(self, buffer, &frame);
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
    const gboolean has_video = gst_pad_is_linked(self->video.pad);
    GstFlowReturn flow = gst_vigil_record_wait_for_playing(self, &self->events);
    VigilEvent *event = gst_vigil_buffer_get_event(buffer);
    const gint64 time_ns =
        gst_vigil_record_to_stream_time(&self->events.segment, GST_BUFFER_PTS(buffer));

    if (flow == GST_FLOW_OK && !has_video && !self->live_known)
        ask_for_life(self, &self->events);
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
    else if (pad == &self->audio)
        vigil_recorder_flush_audio(self->recorder, flushing);
    else
        vigil_recorder_flush_events(self->recorder, flushing);
}

static void
end_pad(GstVigilRecord *self, RecordPad *pad, GstEvent *event)
{
    if (pad == &self->audio) {
        vigil_recorder_end_audio(self->recorder);
        return;
    }
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
    gint64 time_ns, wanted_ns;
    GstClockTime time;

    gst_event_parse_gap(event, &time, NULL);
    time_ns = gst_vigil_record_to_stream_time(&pad->segment, time);
    if (pad != &self->events || time_ns == VIGIL_RING_TIME_NONE ||
        gst_vigil_record_wait_for_playing(self, pad) != GST_FLOW_OK)
        return;
    if (gst_vigil_event_parse_wanted(event, &wanted_ns))
        vigil_recorder_set_wanted(self->recorder, wanted_ns);
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

gboolean
gst_vigil_record_event(GstPad *gstpad, GstObject *parent, GstEvent *event)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    RecordPad *pad = gstpad == self->video.pad   ? &self->video
                     : gstpad == self->audio.pad ? &self->audio
                                                 : &self->events;
    GstCaps *caps;
    gboolean ok = TRUE;

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
        gst_event_parse_caps(event, &caps);
        if (pad == &self->video) {
            vigil_recorder_set_caps(self->recorder, caps);
            self->has_caps = TRUE;
        }
        break;
    case GST_EVENT_SEGMENT: ok = handle_segment(self, pad, event); break;
    case GST_EVENT_FLUSH_START: set_flushing(self, pad, TRUE); break;
    case GST_EVENT_FLUSH_STOP: set_flushing(self, pad, FALSE); break;
    case GST_EVENT_TAG:
        if (pad == &self->video)
            vigil_wall_base_note_tags(event, &self->tag_wall_us);
        break;
    case GST_EVENT_GAP: handle_gap(self, pad, event); break;
    case GST_EVENT_EOS: end_pad(self, pad, event); break;
    default: break;
    }
    gst_event_unref(event);
    return ok;
}

/* --- states -------------------------------------------------------------------------------------------------- */

/* One that was given may have failed since. */
static gboolean
renew_store(GstVigilRecord *self)
{
    g_autoptr(GError) error = NULL;

    self->store = vigil_store_renew(self->store, &error);
    if (!error)
        return TRUE;
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("%s", error->message), (NULL));
    g_clear_pointer(&self->store, vigil_store_unref);
    return FALSE;
}

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
        return renew_store(self);
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
    options.ring_lag_ns =
        self->ring_lag > 0 ? (gint64)(self->ring_lag * GST_SECOND) : options.ring_ns;
    options.ring_bytes = self->ring_bytes;
    options.max_lead_ns = (gint64)self->max_lead;
    options.max_clip_ns = (gint64)self->max_clip;
    options.encode_jpeg = self->encode_jpeg;
    options.audio = self->audio.pad != NULL;
    options.segment_ns = (gint64)self->segment;
    options.camera = g_intern_string(self->camera ? self->camera : GST_OBJECT_NAME(self));
    GST_OBJECT_UNLOCK(self);
    gst_segment_init(&self->video.segment, GST_FORMAT_TIME);
    gst_segment_init(&self->events.segment, GST_FORMAT_TIME);
    gst_segment_init(&self->audio.segment, GST_FORMAT_TIME);
    self->live_known = self->has_caps = self->has_audio_caps = FALSE;
    self->last_pts_ns = 0;
    self->tag_wall_us = -1;
    self->eos_seqnum = 0;
    self->last_warning_us[0] = self->last_warning_us[1] = 0;
    self->disk_failed = FALSE;
    g_mutex_lock(&self->state_lock);
    self->playing = self->stopping = self->eos_pending = FALSE;
    self->video.flushing = self->events.flushing = self->audio.flushing = FALSE;
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
    vigil_recorder_flush_audio(self->recorder, TRUE);
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

static void
gst_vigil_record_finalize(GObject *object)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(object);

    gst_vigil_record_clear_properties(self);
    g_cond_clear(&self->state_cond);
    g_mutex_clear(&self->state_lock);
    G_OBJECT_CLASS(gst_vigil_record_parent_class)->finalize(object);
}

static void
gst_vigil_record_class_init(GstVigilRecordClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->finalize = gst_vigil_record_finalize;
    gst_vigil_record_install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &events_template);
    gst_vigil_record_install_audio(element_class);
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
    gst_vigil_record_init_properties(self);
}
