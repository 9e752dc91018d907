/* SPDX-License-Identifier: Apache-2.0 */
#include <gst/app/gstappsink.h>
#include <string.h>

#include "plugins/rtsp/gstvigilrtspsession-private.h"

/* A server that is told that we go need not answer. */
#define TEARDOWN_TIMEOUT_NS (100 * GST_MSECOND)
#define DEFAULT_RATE 90000

static const struct {
    const gchar *encoding, *depay, *parse, *caps;
} codecs[] = {
    {"H264", "rtph264depay", "h264parse",
     "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au"},
    {"H265", "rtph265depay", "h265parse",
     "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au"},
};

/* --- the end --------------------------------------------------------------------------------- */

/* The first reason counts. */
static void
lose(GstVigilRtspSession *self, VigilRtspLoss loss, const gchar *reason)
{
    gboolean first;

    g_mutex_lock(&self->lock);
    first = !self->lost;
    self->lost = TRUE;
    g_mutex_unlock(&self->lock);
    if (first)
        self->funcs.lost(loss, reason, self->user_data);
}

static VigilRtspLoss
classify(const GError *error)
{
    if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED))
        return VIGIL_RTSP_REFUSED;
    if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE))
        return VIGIL_RTSP_AWAY;
    return VIGIL_RTSP_LOST;
}

/* (transfer full): what rtspsrc says to people is the same for nearly all that goes wrong; the last line of the rest is better. */
static gchar *
explain(const GError *error, const gchar *debug)
{
    const gchar *line = debug ? strrchr(debug, '\n') : NULL;

    return line && line[1] ? g_strdup_printf("%s (%s)", error->message, line + 1)
                           : g_strdup(error->message);
}

/* (transfer full) (nullable): when there is no stream that could be taken */
static gchar *
explain_streams(GstVigilRtspSession *self)
{
    gchar *reason = NULL;

    g_mutex_lock(&self->lock);
    if (!self->linked)
        reason = g_strdup_printf("no H.264 or H.265 video in it, only: %s",
                                 self->others->len ? self->others->str : "nothing");
    g_mutex_unlock(&self->lock);
    return reason;
}

static gboolean
is_of_sound(GstVigilRtspSession *self, GstObject *object)
{
    gboolean yes;

    g_mutex_lock(&self->lock);
    yes = self->audio.bin && object &&
          gst_object_has_as_ancestor(object, GST_OBJECT(self->audio.bin));
    g_mutex_unlock(&self->lock);
    return yes;
}

static void
on_error(GstVigilRtspSession *self, GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *debug = NULL, *reason = NULL;

    /* a camera whose sound is broken still has its video */
    if (is_of_sound(self, GST_MESSAGE_SRC(message)))
        return;
    gst_message_parse_error(message, &error, &debug);
    if (g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND))
        reason = explain_streams(self);
    if (reason) {
        lose(self, VIGIL_RTSP_USELESS, reason);
        return;
    }
    reason = explain(error, debug);
    lose(self, classify(error), reason);
}

/* All of the session's messages end here: an element's may say more than others are to know. */
static GstBusSyncReply
on_message(GstBus *bus, GstMessage *message, gpointer user_data)
{
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        on_error(user_data, message);
    gst_message_unref(message);
    return GST_BUS_DROP;
}

static void
on_eos(GstAppSink *sink, gpointer user_data)
{
    lose(user_data, VIGIL_RTSP_LOST, "the stream ended");
}

/* --- packets --------------------------------------------------------------------------------- */

void
gst_vigil_rtsp_sequence_note(GstVigilRtspSequence *self, const guint8 *header)
{
    const guint16 number = GST_READ_UINT16_BE(header + 2);
    const guint32 ssrc = GST_READ_UINT32_BE(header + 8);
    const gint16 missing = (gint16)(guint16)(number - self->last - 1);

    /* another sender counts from elsewhere */
    if (self->begun && ssrc == self->ssrc && missing > 0)
        self->lost += (guint64)missing;
    self->begun = TRUE;
    self->last = number;
    self->ssrc = ssrc;
    self->packets++;
}

/* (lock held) @header: of a packet */
static gint64
note_packet(GstVigilRtspSession *self, const guint8 *header, gint64 now_ns)
{
    gst_vigil_rtsp_sequence_note(&self->sequence, header);
    return vigil_rtsp_timeline_add(self->timeline, GST_READ_UINT32_BE(header + 4), now_ns);
}

typedef struct {
    GstVigilRtspSession *session;
    GstVigilRtspNoteFunc note;
} Stamp;

static gboolean
stamp_packet(GstBuffer **buffer, guint index, gpointer user_data)
{
    const Stamp *stamp = user_data;
    GstVigilRtspSession *self = stamp->session;
    const GstClockTime now = gst_clock_get_time(self->clock);
    guint8 header[VIGIL_RTP_HEADER_BYTES];
    gint64 time_ns;

    if (gst_buffer_extract(*buffer, 0, header, sizeof header) != sizeof header ||
        now < self->base_time)
        return TRUE;
    g_mutex_lock(&self->lock);
    time_ns = stamp->note(self, header, (gint64)(now - self->base_time));
    g_mutex_unlock(&self->lock);
    *buffer = gst_buffer_make_writable(*buffer);
    GST_BUFFER_PTS(*buffer) = (GstClockTime)time_ns;
    GST_BUFFER_DTS(*buffer) = GST_CLOCK_TIME_NONE;
    return TRUE;
}

void
gst_vigil_rtsp_session_stamp(GstVigilRtspSession *self, GstPadProbeInfo *info,
                             GstVigilRtspNoteFunc note)
{
    Stamp stamp = {self, note};
    GstBufferList *list;

    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);

        stamp_packet(&buffer, 0, &stamp);
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        return;
    }
    list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    gst_buffer_list_foreach(list, stamp_packet, &stamp);
    GST_PAD_PROBE_INFO_DATA(info) = list;
}

static GstPadProbeReturn
on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    gst_vigil_rtsp_session_stamp(user_data, info, note_packet);
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn
gst_vigil_rtsp_session_replace_segment(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstSegment segment;

    if (GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT)
        return GST_PAD_PROBE_OK;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_event_unref(event);
    GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
    return GST_PAD_PROBE_OK;
}

/* --- the camera's clock ---------------------------------------------------------------------- */

static void
on_rtcp(GObject *manager, guint session_id, guint ssrc, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;
    g_autoptr(GObject) session = NULL, source = NULL;
    g_autoptr(GstStructure) stats = NULL;
    gboolean have = FALSE;
    guint64 ntp = 0;
    guint rtp = 0;

    g_signal_emit_by_name(manager, "get-internal-session", session_id, &session);
    if (session)
        g_signal_emit_by_name(session, "get-source-by-ssrc", ssrc, &source);
    if (!source)
        return;
    g_object_get(source, "stats", &stats, NULL);
    if (!stats || !gst_structure_get(stats, "have-sr", G_TYPE_BOOLEAN, &have, "sr-ntptime",
                                     G_TYPE_UINT64, &ntp, "sr-rtptime", G_TYPE_UINT, &rtp, NULL))
        return;
    g_mutex_lock(&self->lock);
    /* a camera without a clock sends none, which is 0 */
    if (have && ntp >> 32 && self->timeline && ssrc == self->sequence.ssrc)
        vigil_rtsp_timeline_set_report(self->timeline, ntp, rtp);
    else if (have && ntp >> 32 && self->audio.timeline && ssrc == self->audio.sequence.ssrc)
        vigil_rtsp_timeline_set_report(self->audio.timeline, ntp, rtp);
    g_mutex_unlock(&self->lock);
}

static void
on_new_manager(GstElement *source, GstElement *manager, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;

    g_mutex_lock(&self->lock);
    g_set_object(&self->manager, G_OBJECT(manager));
    g_mutex_unlock(&self->lock);
    g_signal_connect(manager, "on-ssrc-active", G_CALLBACK(on_rtcp), self);
}

/* --- frames ---------------------------------------------------------------------------------- */

static GstSample *
add_camera_time(GstVigilRtspSession *self, GstSample *sample, gint64 camera_ns)
{
    GstBuffer *buffer = gst_buffer_ref(gst_sample_get_buffer(sample));

    sample = gst_sample_make_writable(sample);
    gst_sample_set_buffer(sample, NULL);
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_add_reference_timestamp_meta(buffer, self->unix_caps, (GstClockTime)camera_ns,
                                            GST_CLOCK_TIME_NONE);
    gst_sample_set_buffer(sample, buffer);
    gst_buffer_unref(buffer);
    return sample;
}

static GstFlowReturn
on_sample(GstAppSink *sink, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;
    GstSample *sample = gst_app_sink_pull_sample(sink);
    gint64 camera_ns = VIGIL_RTSP_TIME_NONE;
    const GstBuffer *buffer;

    if (!sample)
        return GST_FLOW_FLUSHING;
    buffer = gst_sample_get_buffer(sample);
    g_mutex_lock(&self->lock);
    if (GST_BUFFER_PTS_IS_VALID(buffer))
        camera_ns =
            vigil_rtsp_timeline_get_camera_ns(self->timeline, (gint64)GST_BUFFER_PTS(buffer));
    g_mutex_unlock(&self->lock);
    if (camera_ns >= 0)
        sample = add_camera_time(self, sample, camera_ns);
    self->funcs.frame(sample, self->user_data);
    return GST_FLOW_OK;
}

/* --- what the server has --------------------------------------------------------------------- */

static void
note_other(GstVigilRtspSession *self, const GstStructure *stream)
{
    const gchar *encoding = gst_structure_get_string(stream, "encoding-name");

    g_mutex_lock(&self->lock);
    if (self->others->len)
        g_string_append(self->others, ", ");
    g_string_append(self->others, encoding ? encoding : gst_structure_get_name(stream));
    g_mutex_unlock(&self->lock);
}

static gint
find_codec(const GstStructure *stream)
{
    const gchar *media = gst_structure_get_string(stream, "media");
    const gchar *encoding = gst_structure_get_string(stream, "encoding-name");

    for (guint i = 0; i < G_N_ELEMENTS(codecs); i++)
        if (g_strcmp0(media, "video") == 0 && g_strcmp0(encoding, codecs[i].encoding) == 0)
            return (gint)i;
    return -1;
}

/* Sound that nobody wants is not even asked for. */
static gboolean
on_select_stream(GstElement *source, guint index, GstCaps *caps, gpointer user_data)
{
    const GstStructure *stream = gst_caps_get_structure(caps, 0);

    if (find_codec(stream) >= 0)
        return TRUE;
    note_other(user_data, stream);
    return gst_vigil_rtsp_session_is_audio(stream) &&
           gst_vigil_rtsp_session_choose_audio(user_data, stream);
}

static void
on_no_more_pads(GstElement *source, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;
    g_autofree gchar *reason = explain_streams(self);

    if (reason)
        lose(self, VIGIL_RTSP_USELESS, reason);
    gst_vigil_rtsp_session_tell_audio(self);
}

static GstElement *
add(GstVigilRtspSession *self, const gchar *factory)
{
    GstElement *element = gst_element_factory_make(factory, NULL);
    g_autofree gchar *reason = NULL;

    if (element && gst_bin_add(GST_BIN(self->pipeline), element))
        return element;
    reason = g_strdup_printf("GStreamer's element %s is not installed", factory);
    lose(self, VIGIL_RTSP_USELESS, reason);
    return NULL;
}

/* What a frame reaches last is awake first. */
static gboolean
build_chain(GstVigilRtspSession *self, guint codec, GstPad **sink_pad)
{
    GstAppSinkCallbacks callbacks = {.eos = on_eos, .new_sample = on_sample};
    g_autoptr(GstCaps) caps = gst_caps_from_string(codecs[codec].caps);
    g_autoptr(GstPad) depay_src = NULL;
    GstElement *depay = add(self, codecs[codec].depay);
    GstElement *parse = depay ? add(self, codecs[codec].parse) : NULL;
    GstElement *sink = parse ? add(self, "appsink") : NULL;

    if (!sink)
        return FALSE;
    g_object_set(parse, "config-interval", -1, NULL);
    g_object_set(sink, "caps", caps, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE,
                 NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, self, NULL);
    depay_src = gst_element_get_static_pad(depay, "src");
    gst_pad_add_probe(depay_src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                      gst_vigil_rtsp_session_replace_segment, NULL, NULL);
    *sink_pad = gst_element_get_static_pad(depay, "sink");
    return gst_element_link_many(depay, parse, sink, NULL) &&
           gst_element_sync_state_with_parent(sink) && gst_element_sync_state_with_parent(parse) &&
           gst_element_sync_state_with_parent(depay);
}

static gboolean
take_stream(GstVigilRtspSession *self, const GstStructure *stream)
{
    gint rate = DEFAULT_RATE;
    gboolean first;

    gst_structure_get_int(stream, "clock-rate", &rate);
    g_mutex_lock(&self->lock);
    first = !self->linked;
    self->linked = TRUE;
    if (first)
        self->timeline = vigil_rtsp_timeline_new(rate > 0 ? (guint)rate : DEFAULT_RATE, self->sync);
    g_mutex_unlock(&self->lock);
    return first;
}

static void
on_pad_added(GstElement *source, GstPad *pad, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    g_autoptr(GstPad) sink = NULL;
    const GstStructure *stream;
    gint codec;

    if (!caps)
        caps = gst_pad_query_caps(pad, NULL);
    if (gst_caps_is_any(caps) || gst_caps_is_empty(caps))
        return;
    stream = gst_caps_get_structure(caps, 0);
    if (gst_vigil_rtsp_session_is_audio(stream)) {
        gst_vigil_rtsp_session_take_audio(self, pad, stream);
        return;
    }
    codec = find_codec(stream);
    /* of several video streams the first is the one */
    if (codec < 0 || !take_stream(self, stream))
        return;
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_packet,
                      self, NULL);
    if (!build_chain(self, (guint)codec, &sink) || gst_pad_link(pad, sink) != GST_PAD_LINK_OK)
        lose(self, VIGIL_RTSP_LOST, "its stream cannot be linked");
}

/* --- beginning and end ----------------------------------------------------------------------- */

static gboolean
set_tls(GstElement *source, const GstVigilRtspSessionOptions *options, GError **error)
{
    g_autoptr(GTlsDatabase) database = NULL;

    if (!options->tls_verify)
        g_object_set(source, "tls-validation-flags", 0, NULL);
    if (!options->tls_ca)
        return TRUE;
    database = g_tls_file_database_new(options->tls_ca, error);
    if (!database)
        return FALSE;
    g_object_set(source, "tls-database", database, NULL);
    return TRUE;
}

static gboolean
add_source(GstVigilRtspSession *self, const GstVigilRtspSessionOptions *options, GError **error)
{
    const VigilRtspLogin *login = options->login;

    self->source = gst_element_factory_make("rtspsrc", NULL);
    if (!self->source) {
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "GStreamer's element rtspsrc is not installed; Debian has it in "
                    "gstreamer1.0-plugins-good");
        return FALSE;
    }
    gst_bin_add(GST_BIN(self->pipeline), self->source);
    /* its own patience is longer than ours, which says better what is wrong, and its way from UDP to TCP is ours */
    g_object_set(self->source, "location", login->location, "user-id", login->user, "user-pw",
                 login->password, "latency", options->latency_ms, "tcp-timeout",
                 (guint64)options->timeout_us * 2, "timeout", (guint64)0, "teardown-timeout",
                 (guint64)TEARDOWN_TIMEOUT_NS, "udp-reconnect", FALSE, NULL);
    gst_util_set_object_arg(G_OBJECT(self->source), "protocols", options->udp ? "udp" : "tcp");
    g_signal_connect(self->source, "new-manager", G_CALLBACK(on_new_manager), self);
    g_signal_connect(self->source, "select-stream", G_CALLBACK(on_select_stream), self);
    g_signal_connect(self->source, "pad-added", G_CALLBACK(on_pad_added), self);
    g_signal_connect(self->source, "no-more-pads", G_CALLBACK(on_no_more_pads), self);
    return set_tls(self->source, options, error);
}

/* By the clock and from the time of the pipeline around it. */
static void
start(GstVigilRtspSession *self)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(self->pipeline);

    gst_bus_set_sync_handler(bus, on_message, self, NULL);
    gst_pipeline_use_clock(GST_PIPELINE(self->pipeline), self->clock);
    gst_element_set_start_time(self->pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(self->pipeline, self->base_time);
    if (gst_element_set_state(self->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        lose(self, VIGIL_RTSP_LOST, "the connection cannot be begun");
}

GstVigilRtspSession *
gst_vigil_rtsp_session_new(const GstVigilRtspSessionOptions *options,
                           const GstVigilRtspSessionFuncs *funcs, gpointer user_data,
                           GError **error)
{
    GstVigilRtspSession *self = g_new0(GstVigilRtspSession, 1);

    g_mutex_init(&self->lock);
    self->funcs = *funcs;
    self->user_data = user_data;
    self->sync = options->sync;
    self->others = g_string_new(NULL);
    self->audio.others = g_string_new(NULL);
    self->audio.wanted = options->audio;
    self->unix_caps = gst_caps_new_empty_simple("timestamp/x-unix");
    self->clock = gst_object_ref(options->clock);
    self->base_time = options->base_time;
    self->pipeline = gst_object_ref_sink(gst_pipeline_new(NULL));
    if (!add_source(self, options, error)) {
        gst_vigil_rtsp_session_free(self);
        return NULL;
    }
    start(self);
    return self;
}

void
gst_vigil_rtsp_session_free(GstVigilRtspSession *self)
{
    g_mutex_lock(&self->lock);
    self->lost = TRUE; /* whatever it says from now on */
    g_mutex_unlock(&self->lock);
    gst_element_set_state(self->pipeline, GST_STATE_NULL);
    if (self->manager)
        g_signal_handlers_disconnect_by_data(self->manager, self);
    gst_object_unref(self->pipeline);
    g_clear_object(&self->manager);
    vigil_rtsp_timeline_free(self->timeline);
    vigil_rtsp_timeline_free(self->audio.timeline);
    g_string_free(self->audio.others, TRUE);
    gst_object_unref(self->clock);
    gst_caps_unref(self->unix_caps);
    g_string_free(self->others, TRUE);
    g_mutex_clear(&self->lock);
    g_free(self);
}

GstVigilRtspSessionStats
gst_vigil_rtsp_session_get_stats(GstVigilRtspSession *self)
{
    GstVigilRtspSessionStats stats = {0};

    g_mutex_lock(&self->lock);
    stats.packets = self->sequence.packets;
    stats.lost = self->sequence.lost;
    stats.sound_packets = self->audio.sequence.packets;
    stats.sound_lost = self->audio.sequence.lost;
    if (self->timeline)
        stats.jumps = vigil_rtsp_timeline_get_jumps(self->timeline);
    g_mutex_unlock(&self->lock);
    return stats;
}
