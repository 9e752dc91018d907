/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-pipeline-private.h"

#include "pipeline/vigil-fingerprint.h"
#include "pipeline/vigil-gst.h"

/* Encoded video for the detector: what a decoder falls behind while a model is loaded, or catches up after a rest. */
#define DECODE_QUEUE_NS (5 * GST_SECOND)
/* Encoded video for the recorder: what piles up while a disk is slow. */
#define RECORD_QUEUE_NS (10 * GST_SECOND)
#define RECORD_QUEUE_BYTES (64 * 1024 * 1024)
/*
 * Video that the recorder keeps for what comes before an event: from where the analysis is, for the time that rules take. It waits for an
 * analysis that is late by what waits for the decoder (DECODE_QUEUE_NS) and behind it, and by what vigilidle holds.
 */
#define MAX_RING_SECONDS 3600
#define RING_MARGIN_SECONDS 8
#define RING_LAG_SECONDS 8
/* Decoded frames, which are what a camera needs most memory for: vigildetect holds one that is looked at and one that waits. */
#define FRAME_QUEUE_BUFFERS 1

/* Below it the tracker's patience of 2 s is about one frame. */
#define SLOW_FPS 1.25

gboolean
vigil_camera_pipeline_add(VigilCameraPipeline *self, GstElement *element)
{
    return element && gst_bin_add(GST_BIN(self->pipeline), element);
}

void
vigil_camera_pipeline_post(VigilCameraPipeline *self, GQuark domain, gint code, const gchar *format,
                           ...)
{
    va_list list;
    gchar *text;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    gst_element_message_full(self->pipeline, GST_MESSAGE_ERROR, domain, code, text, NULL, __FILE__,
                             G_STRFUNC, __LINE__);
}

/* --- counting -------------------------------------------------------------------------------- */

static GstPadProbeReturn
count_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const GstClockTime time = /* an AVI has only DTS */
        GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : GST_BUFFER_DTS(buffer);

    g_mutex_lock(&self->lock);
    self->frames++;
    self->last_frame_us = g_get_monotonic_time();
    if (GST_CLOCK_TIME_IS_VALID(time))
        self->last_pts_ns = MAX(self->last_pts_ns, (gint64)time);
    g_mutex_unlock(&self->lock);
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
note_detect_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;

    g_mutex_lock(&self->lock);
    self->last_detect_us = g_get_monotonic_time();
    g_mutex_unlock(&self->lock);
    return GST_PAD_PROBE_OK;
}

/* Pictures need no other lock: one thread brings them. */
static GstPadProbeReturn
count_picture(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    g_atomic_int_inc(&((VigilCameraPipeline *)user_data)->decoded);
    return GST_PAD_PROBE_OK;
}

guint64
vigil_camera_pipeline_get_decoded(VigilCameraPipeline *self)
{
    return (guint)g_atomic_int_get(&self->decoded);
}

guint64
vigil_camera_pipeline_get_frames(VigilCameraPipeline *self)
{
    guint64 frames;

    g_mutex_lock(&self->lock);
    frames = self->frames;
    g_mutex_unlock(&self->lock);
    return frames;
}

void
vigil_camera_pipeline_touch(VigilCameraPipeline *self)
{
    g_mutex_lock(&self->lock);
    self->last_frame_us = g_get_monotonic_time();
    if (self->last_detect_us)
        self->last_detect_us = self->last_frame_us;
    g_mutex_unlock(&self->lock);
}

gint64
vigil_camera_pipeline_get_idle_us(VigilCameraPipeline *self)
{
    gint64 since;

    g_mutex_lock(&self->lock);
    since = self->last_frame_us;
    /* once there was something to see, an event may be open that only more of it can end */
    if (self->last_detect_us)
        since = MIN(since, self->last_detect_us);
    g_mutex_unlock(&self->lock);
    return g_get_monotonic_time() - since;
}

gboolean
vigil_camera_pipeline_get_progress(VigilCameraPipeline *self, gint64 *position_ns,
                                   gint64 *duration_ns)
{
    g_mutex_lock(&self->lock);
    *position_ns = self->last_pts_ns;
    *duration_ns = self->duration_ns;
    g_mutex_unlock(&self->lock);
    return *duration_ns > 0;
}

void
vigil_camera_pipeline_note_position(VigilCameraPipeline *self, GstClockTime time)
{
    g_mutex_lock(&self->lock);
    if (GST_CLOCK_TIME_IS_VALID(time))
        self->file_ns = MAX(self->file_ns, (gint64)time);
    g_mutex_unlock(&self->lock);
}

static gint64
get_missing_ns(VigilCameraPipeline *self)
{
    /* sound may go on for a little when the pictures have ended */
    const gint64 tolerance = 2 * GST_SECOND;
    gint64 position, duration;

    if (!vigil_camera_pipeline_get_progress(self, &position, &duration) || self->measured)
        return 0;
    g_mutex_lock(&self->lock);
    position = MAX(position, self->file_ns);
    g_mutex_unlock(&self->lock);
    return duration - position > tolerance ? duration - position : 0;
}

gchar *
vigil_camera_pipeline_dup_end_problem(VigilCameraPipeline *self)
{
    const gint64 missing_ns = get_missing_ns(self);
    gchar *problem;

    g_mutex_lock(&self->lock);
    problem = g_strdup(self->end_problem);
    g_mutex_unlock(&self->lock);
    if (!problem && missing_ns > 0)
        problem = g_strdup_printf("%s: the file is cut off: its last %.1f s are missing",
                                  self->settings->source->display, missing_ns / 1e9);
    return problem;
}

/* --- the parts that every camera has --------------------------------------------------------- */

static GstElement *
make_queue(VigilCameraPipeline *self, const gchar *name, guint buffers, guint bytes,
           guint64 time_ns, GError **error)
{
    GstElement *queue = vigil_gst_make("queue", name, error);

    if (queue)
        g_object_set(queue, "max-size-buffers", buffers, "max-size-bytes", bytes, "max-size-time",
                     time_ns, "silent", TRUE, NULL);
    return vigil_camera_pipeline_add(self, queue) ? queue : NULL;
}

static GstElement *
make_events(VigilCameraPipeline *self, GError **error)
{
    GstElement *events = vigil_gst_make("vigilevents", "events", error);

    if (events)
        g_object_set(events, "camera", self->settings->name, "rule-set", self->settings->rules,
                     NULL);
    if (events && self->settings->metadata_only)
        g_object_set(events, "snapshot", FALSE, NULL);
    if (events && self->settings->start_time_us != G_MININT64)
        g_object_set(events, "wall-base", self->settings->start_time_us, NULL);
    if (events && !self->live && !self->realtime)
        g_object_set(events, "run-nonce", vigil_fingerprint_replay(self->settings, self->detector),
                     NULL);
    return events;
}

static guint
to_ring_seconds(gint64 time_ns, gint64 margin)
{
    const gint64 seconds = (time_ns + (gint64)GST_SECOND - 1) / (gint64)GST_SECOND;

    return (guint)MIN(seconds + margin, MAX_RING_SECONDS);
}

static GstElement *
make_record(VigilCameraPipeline *self, const VigilCameraPipelineOptions *options, GError **error)
{
    GstElement *record = vigil_gst_make("vigilrecord", "record", error);

    if (record)
        g_object_set(
            record, "database", options->database, "location", options->clips, "encode-jpeg",
            self->settings->record_as == VIGIL_RECORD_AS_H264, "max-clip",
            (guint64)self->settings->max_clip_ns, "ring-seconds",
            to_ring_seconds(vigil_rules_get_reach(self->settings->rules), RING_MARGIN_SECONDS),
            "ring-lag", to_ring_seconds(vigil_camera_pipeline_get_held_ns(self), RING_LAG_SECONDS),
            NULL);
    /* a file that is replayed is there already */
    if (record && self->settings->continuous.enabled && (self->live || self->realtime))
        g_object_set(record, "camera", self->settings->name, "segment",
                     (guint64)self->settings->continuous.segment_ns, NULL);
    if (record && self->settings->start_time_us != G_MININT64)
        g_object_set(record, "wall-base", self->settings->start_time_us, NULL);
    return record;
}

/* On the thread of the detector, so that a file gives the same each time. */
static GstElement *
add_motion(VigilCameraPipeline *self, GstElement *before, GError **error)
{
    const VigilMotionSettings *settings = &self->settings->motion;
    GstElement *motion;

    if (!settings->enabled)
        return before;
    motion = vigil_gst_make("vigilmotion", "motion", error);
    if (!vigil_camera_pipeline_add(self, motion))
        return NULL;
    g_object_set(motion, "sensitivity", (guint)settings->sensitivity, "masks", settings->masks,
                 NULL);
    return gst_element_link(before, motion) ? motion : NULL;
}

static gboolean
add_analysis(VigilCameraPipeline *self, GError **error)
{
    GstElement *convert, *motion, *detect, *track, *events;
    g_autoptr(GstPad) sink = NULL;
    gdouble strong, weak;

    vigil_camera_get_thresholds(self->settings, vigil_camera_pipeline_first_model(self), &strong,
                                &weak);
    self->frame_queue = make_queue(self, "frames", FRAME_QUEUE_BUFFERS, 0, 0, error);
    if (!self->frame_queue)
        return FALSE;
    /* passes frames on as they are, unless vigildetect does not take their format (10 bits, 4:2:2) */
    convert = vigil_gst_make("videoconvert", "convert", error);
    if (!vigil_camera_pipeline_add(self, convert))
        return FALSE;
    sink = gst_element_get_static_pad(convert, "sink");
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, count_picture, self, NULL);
    detect = vigil_camera_pipeline_make_detect(self, error);
    if (!vigil_camera_pipeline_add(self, detect))
        return FALSE;
    track = vigil_gst_make("vigiltrack", "track", error);
    if (!vigil_camera_pipeline_add(self, track))
        return FALSE;
    g_object_set(track, "high-score", strong, "low-score", weak, NULL);
    /* a track outlives one frame without it, however far apart frames are */
    if (self->settings->fps > 0 && self->settings->fps < SLOW_FPS)
        g_object_set(track, "max-lost", (guint64)(2.5 * GST_SECOND / self->settings->fps), NULL);
    events = make_events(self, error);
    if (!vigil_camera_pipeline_add(self, events))
        return FALSE;
    motion = add_motion(self, self->frame_queue, error);
    return motion && vigil_camera_pipeline_link_frames(self, convert, error) &&
           gst_element_link_many(motion, detect, track, events, NULL) &&
           gst_element_link_pads(events, "src", self->record, "events");
}

static gboolean
add_detect_tee(VigilCameraPipeline *self, GError **error)
{
    g_autoptr(GstPad) sink = NULL;

    self->detect_tee = vigil_gst_make("tee", "detect-tee", error);
    if (!vigil_camera_pipeline_add(self, self->detect_tee))
        return FALSE;
    sink = gst_element_get_static_pad(self->detect_tee, "sink");
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, note_detect_frame, self, NULL);
    return TRUE;
}

static gboolean
add_common(VigilCameraPipeline *self, const VigilCameraPipelineOptions *options, GError **error)
{
    g_autoptr(GstPad) sink = NULL;

    self->tee = vigil_gst_make("tee", "tee", error);
    if (!vigil_camera_pipeline_add(self, self->tee))
        return FALSE;
    self->entry = self->tee;
    if (!self->live && self->realtime) {
        /* there from the start, since an element that comes later may miss when time began */
        self->entry = vigil_gst_make("clocksync", "pace", error);
        if (!vigil_camera_pipeline_add(self, self->entry) ||
            !gst_element_link(self->entry, self->tee))
            return FALSE;
    }
    sink = gst_element_get_static_pad(self->tee, "sink");
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, count_frame, self, NULL);

    if (self->settings->detect_source && !add_detect_tee(self, error))
        return FALSE;
    self->record = make_record(self, options, error);
    if (!vigil_camera_pipeline_add(self, self->record) || !vigil_camera_pipeline_expect_audio(self))
        return FALSE;
    return add_analysis(self, error);
}

VigilCameraPipeline *
vigil_camera_pipeline_new(const VigilCameraSettings *settings,
                          const VigilCameraPipelineOptions *options, GError **error)
{
    g_autoptr(VigilCameraPipeline) self = g_new0(VigilCameraPipeline, 1);

    g_mutex_init(&self->lock);
    self->settings = settings;
    self->failures = options->failures ? vigil_decoder_failures_ref(options->failures) : NULL;
    self->live = vigil_source_is_live(settings->source);
    self->realtime = options->realtime;
    self->others = g_string_new(NULL);
    self->times = vigil_file_times_new(self->realtime);
    self->last_frame_us = g_get_monotonic_time();
    self->pipeline = gst_object_ref_sink(gst_pipeline_new(settings->name));
    if (!self->live && !self->realtime)
        gst_pipeline_use_clock(GST_PIPELINE(self->pipeline), NULL);

    if (!add_common(self, options, error) || !vigil_camera_pipeline_add_source(self, error)) {
        if (error && !*error)
            g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                        "the elements of camera %s do not fit together", settings->name);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
vigil_camera_pipeline_free(VigilCameraPipeline *self)
{
    if (!self)
        return;
    if (self->pipeline) {
        gst_element_set_state(self->pipeline, GST_STATE_NULL);
        gst_clear_object(&self->audio);
        gst_object_unref(self->pipeline);
    }
    g_clear_pointer(&self->detector, vigil_detector_unref);
    vigil_decoder_failures_unref(self->failures);
    vigil_redact_release(&self->hold);
    g_string_free(self->others, TRUE);
    g_free(self->end_problem);
    vigil_file_times_free(self->times);
    for (guint i = 0; i < VIGIL_FILE_TIMES_STREAMS; i++)
        g_free(self->pad_times[i]);
    gst_clear_object(&self->next_video);
    g_mutex_clear(&self->lock);
    g_free(self);
}

GstElement *
vigil_camera_pipeline_get_element(const VigilCameraPipeline *self)
{
    return self->pipeline;
}

/*
 * A file says what it is at once, and the elements that it leads to are not linked before that, so the bin may start them
 * after it: what it then sends into a pad that still sleeps is lost, and it sends nothing more. So it is held until the
 * others are awake. What reads it is started first, as a bin would.
 */
static gboolean
start_file(VigilCameraPipeline *self)
{
    g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(self->pipeline), "source");
    g_autoptr(GstElement) typefind = gst_bin_get_by_name(GST_BIN(self->pipeline), "typefind");
    gboolean ok;

    gst_element_set_locked_state(source, TRUE);
    gst_element_set_locked_state(typefind, TRUE);
    ok = gst_element_set_state(self->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    gst_element_set_locked_state(typefind, FALSE);
    gst_element_set_locked_state(source, FALSE);
    return ok && gst_element_set_state(source, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE &&
           gst_element_sync_state_with_parent(typefind) &&
           gst_element_sync_state_with_parent(source);
}

gboolean
vigil_camera_pipeline_start(VigilCameraPipeline *self)
{
    gboolean ok;

    vigil_camera_pipeline_touch(self);
    ok = self->settings->source->kind == VIGIL_SOURCE_FILE
             ? start_file(self)
             : gst_element_set_state(self->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
    /* the element has its own by now, and may change it */
    g_clear_pointer(&self->detector, vigil_detector_unref);
    if (ok && vigil_camera_pipeline_first_model(self) != self->settings->model)
        vigil_camera_pipeline_set_settings(self, self->settings, TRUE);
    return ok;
}

/* On a thread of its own, since an event waits for a buffer that is on its way through the same pad. */
static void
end_stream(GstElement *pipeline, gpointer user_data)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(user_data, "sink");

    gst_pad_send_event(sink, gst_event_new_eos());
}

gboolean
vigil_camera_pipeline_drain(VigilCameraPipeline *self, gboolean stopping)
{
    g_autoptr(GstElement) events = gst_bin_get_by_name(GST_BIN(self->pipeline), "events");

    if (vigil_camera_pipeline_get_frames(self) == 0)
        return FALSE;
    g_object_set(events, "stopping", stopping, NULL);
    gst_element_call_async(self->pipeline, end_stream, gst_object_ref(self->tee), gst_object_unref);
    if (self->detect_tee)
        gst_element_call_async(self->pipeline, end_stream, gst_object_ref(self->detect_tee),
                               gst_object_unref);
    return TRUE;
}

/* --- when the stream says what it is --------------------------------------------------------- */

static const struct {
    const gchar *media;
    const gchar *parser; /* (nullable) */
} codecs[VIGIL_N_CODECS] = {
    [VIGIL_CODEC_H264] = {"video/x-h264", "h264parse"},
    [VIGIL_CODEC_H265] = {"video/x-h265", "h265parse"},
    [VIGIL_CODEC_JPEG] = {"image/jpeg", NULL}, /* a frame is a buffer */
};

static gboolean
add_decoder(VigilCameraPipeline *self, VigilCodec codec, GError **error)
{
    GstElement *queue, *idle, *decoder;
    g_autoptr(GstElement) convert = gst_bin_get_by_name(GST_BIN(self->pipeline), "convert");

    queue = make_queue(self, "decode-queue", 0, 0, DECODE_QUEUE_NS, error);
    if (!queue)
        return FALSE;
    decoder = vigil_camera_pipeline_make_decoder(self, codec, error);
    if (!vigil_camera_pipeline_add(self, decoder))
        return FALSE;
    idle = vigil_camera_pipeline_add_idle(self, queue, error);
    if (!idle || !gst_element_link_many(idle, decoder, convert, NULL))
        return FALSE;
    gst_element_sync_state_with_parent(decoder);
    gst_element_sync_state_with_parent(idle);
    gst_element_sync_state_with_parent(queue);
    return gst_element_link(self->detect_tee ? self->detect_tee : self->tee, queue);
}

/* As it comes from the camera, which is before any mask. */
static gboolean
records_coded(const VigilCameraPipeline *self)
{
    return !self->settings->masks && vigil_camera_settings_records(self->settings);
}

static gboolean
add_recording(VigilCameraPipeline *self, GError **error)
{
    /* what vigilidle holds is not analysed, and not recorded either until it is */
    const guint64 time_ns = RECORD_QUEUE_NS + (guint64)vigil_camera_pipeline_get_held_ns(self);
    GstElement *queue = make_queue(self, "record-queue", 0, RECORD_QUEUE_BYTES, time_ns, error);

    if (!queue || !gst_element_link_pads(queue, "src", self->record, "video"))
        return FALSE;
    gst_element_sync_state_with_parent(queue);
    return gst_element_link(self->tee, queue);
}

/* A camera on the network has a parser of its own, for each connection. */
static gboolean
is_parsed(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    gboolean parsed;

    return gst_structure_get_boolean(structure, "parsed", &parsed) && parsed &&
           g_strcmp0(gst_structure_get_string(structure, "alignment"), "au") == 0;
}

/* (transfer full) (nullable): where the stream goes in. */
static GstPad *
add_parser(VigilCameraPipeline *self, VigilCodec codec, const GstCaps *caps, GError **error)
{
    GstElement *parser;

    if (!codecs[codec].parser || is_parsed(caps))
        return gst_element_get_static_pad(self->entry, "sink");
    parser = vigil_gst_make(codecs[codec].parser, "parser", error);
    if (!vigil_camera_pipeline_add(self, parser) || !gst_element_link(parser, self->entry))
        return NULL;
    gst_element_sync_state_with_parent(parser);
    return gst_element_get_static_pad(parser, "sink");
}

static gboolean
find_codec(const GstCaps *caps, VigilCodec *codec)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);

    for (guint i = 0; i < G_N_ELEMENTS(codecs); i++) {
        if (gst_structure_has_name(structure, codecs[i].media)) {
            *codec = i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
link_video(VigilCameraPipeline *self, GstPad *pad, VigilCodec codec, const GstCaps *caps,
           GError **error)
{
    g_autoptr(GstPad) sink = NULL;
    gint64 duration;

    if (!(self->detect_tee || add_decoder(self, codec, error)) ||
        (records_coded(self) && !add_recording(self, error)))
        return FALSE;
    sink = add_parser(self, codec, caps, error);
    if (!sink)
        return FALSE;

    if (!self->live && gst_pad_query_duration(pad, GST_FORMAT_TIME, &duration) && duration > 0) {
        g_mutex_lock(&self->lock);
        self->duration_ns = duration;
        g_mutex_unlock(&self->lock);
    }
    if (!self->live) {
        self->codec = codec;
        vigil_camera_pipeline_follow_times(self, pad, 0);
        vigil_camera_pipeline_watch_end(self, pad);
    }
    return gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
}

void
vigil_camera_pipeline_take_video(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps)
{
    g_autoptr(GError) error = NULL;
    VigilCodec codec;
    gboolean first;

    if (!find_codec(caps, &codec)) {
        vigil_camera_pipeline_note_other(self, caps);
        return;
    }
    g_mutex_lock(&self->lock);
    first = !self->linked;
    self->linked = TRUE;
    g_mutex_unlock(&self->lock);
    if (!first)
        vigil_camera_pipeline_expect_next(self, pad, codec);
    if (!first || link_video(self, pad, codec, caps, &error))
        return;
    if (error)
        vigil_camera_pipeline_post(self, error->domain, error->code, "%s: %s",
                                   self->settings->source->display, error->message);
    else
        vigil_camera_pipeline_post(self, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                                   "%s: its %s cannot be linked", self->settings->source->display,
                                   codecs[codec].media);
}

void
vigil_camera_pipeline_take_detect(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(self->detect_tee, "sink");
    g_autoptr(GError) error = NULL;
    VigilCodec codec;

    if (find_codec(caps, &codec) && add_decoder(self, codec, &error) &&
        gst_pad_link(pad, sink) == GST_PAD_LINK_OK)
        return;
    vigil_camera_pipeline_post(self, error ? error->domain : GST_CORE_ERROR,
                               error ? error->code : GST_CORE_ERROR_NEGOTIATION, "%s: %s",
                               self->settings->detect_source->display,
                               error ? error->message : "it cannot be linked");
}

/* --- raw frames ------------------------------------------------------------------------------ */

/* Frames of a camera with masks are encoded behind the mask. */
static gboolean
encode_frames(VigilCameraPipeline *self, GError **error)
{
    GstElement *queue;

    if (self->settings->masks || !vigil_camera_settings_records(self->settings))
        return TRUE;
    queue = vigil_camera_pipeline_add_encoder(self, error);
    return queue && gst_element_link(self->tee, queue);
}

gboolean
vigil_camera_pipeline_take_raw(VigilCameraPipeline *self, GstElement *source, GError **error)
{
    g_autoptr(GstElement) convert = gst_bin_get_by_name(GST_BIN(self->pipeline), "convert");

    g_mutex_lock(&self->lock);
    self->linked = TRUE;
    g_mutex_unlock(&self->lock);
    return encode_frames(self, error) && gst_element_link(self->tee, convert) &&
           gst_element_link(source, self->tee);
}
