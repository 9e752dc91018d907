/* SPDX-License-Identifier: Apache-2.0 */
/* The camera's sound, as it comes. Nothing that happens to it ends the video. */
#include <gst/app/gstappsink.h>

#include "plugins/rtsp/gstvigilrtspsession-private.h"

/* Samples of a frame of AAC-LC (ISO/IEC 14496-3, 4.5.2.1), the only thing that cameras send. */
#define AAC_SAMPLES 1024

static const struct {
    const gchar *encoding, *depay, *parse, *caps;
} codecs[] = {
    {"MPEG4-GENERIC", "rtpmp4gdepay", "aacparse",
     "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw"},
    {"MP4A-LATM", "rtpmp4adepay", "aacparse",
     "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw"},
    {"OPUS", "rtpopusdepay", "opusparse", "audio/x-opus"},
    {"PCMU", "rtppcmudepay", NULL, "audio/x-mulaw"},
    {"PCMA", "rtppcmadepay", NULL, "audio/x-alaw"},
};

gboolean
gst_vigil_rtsp_session_is_audio(const GstStructure *stream)
{
    return g_strcmp0(gst_structure_get_string(stream, "media"), "audio") == 0;
}

static gint
find_codec(const GstStructure *stream)
{
    const gchar *encoding = gst_structure_get_string(stream, "encoding-name");

    for (guint i = 0; encoding && i < G_N_ELEMENTS(codecs); i++)
        if (g_ascii_strcasecmp(encoding, codecs[i].encoding) == 0)
            return (gint)i;
    return -1;
}

gboolean
gst_vigil_rtsp_session_choose_audio(GstVigilRtspSession *self, const GstStructure *stream)
{
    const gchar *encoding = gst_structure_get_string(stream, "encoding-name");
    gboolean chosen;

    g_mutex_lock(&self->lock);
    chosen = self->audio.wanted && !self->audio.chosen && find_codec(stream) >= 0;
    self->audio.chosen |= chosen;
    if (!chosen && self->audio.others->len)
        g_string_append(self->audio.others, ", ");
    if (!chosen)
        g_string_append(self->audio.others, encoding ? encoding : "unknown");
    g_mutex_unlock(&self->lock);
    return chosen;
}

void
gst_vigil_rtsp_session_tell_audio(GstVigilRtspSession *self)
{
    g_autofree gchar *reason = NULL;

    g_mutex_lock(&self->lock);
    if (self->audio.wanted && !self->audio.chosen)
        reason = self->audio.others->len
                     ? g_strdup_printf("its sound (%s) is none of AAC, Opus and G.711",
                                       self->audio.others->str)
                     : g_strdup("it has no sound");
    g_mutex_unlock(&self->lock);
    if (reason)
        self->funcs.no_sound(reason, self->user_data);
}

/* --- packets --------------------------------------------------------------------------------- */

/* (lock held) @header: of a packet */
static gint64
note_packet(GstVigilRtspSession *self, const guint8 *header, gint64 now_ns)
{
    gst_vigil_rtsp_sequence_note(&self->audio.sequence, header);
    return vigil_rtsp_timeline_add(self->audio.timeline, GST_READ_UINT32_BE(header + 4), now_ns);
}

/* Handed on from here, so that rtspsrc, which would end all streams, does not hear of what its elements cannot take. */
static GstPadProbeReturn
on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    g_autoptr(GstPad) peer = gst_pad_get_peer(pad);

    if (!peer)
        return GST_PAD_PROBE_DROP;
    /* a format that they refuse would fail the next packet before it came here */
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
        gst_pad_send_event(peer, GST_PAD_PROBE_INFO_EVENT(info));
    } else {
        gst_vigil_rtsp_session_stamp(user_data, info, note_packet);
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
            gst_pad_chain(peer, GST_PAD_PROBE_INFO_BUFFER(info));
        else
            gst_pad_chain_list(peer, GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    }
    GST_PAD_PROBE_INFO_DATA(info) = NULL;
    return GST_PAD_PROBE_HANDLED;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* How long a frame lasts, in ns; 0: not known */
static gint64
get_duration(const GstStructure *s, const GstBuffer *buffer)
{
    gint rate = 0, channels = 1;

    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        return (gint64)GST_BUFFER_DURATION(buffer);
    gst_structure_get(s, "rate", G_TYPE_INT, &rate, "channels", G_TYPE_INT, &channels, NULL);
    gst_structure_get_int(s, "rate", &rate);
    if (rate <= 0 || channels <= 0)
        return 0;
    if (gst_structure_has_name(s, "audio/mpeg"))
        return AAC_SAMPLES * (gint64)GST_SECOND / rate;
    /* a byte is a sample */
    return (gint64)gst_util_uint64_scale(gst_buffer_get_size((GstBuffer *)buffer), GST_SECOND,
                                         (guint64)rate * (guint64)channels);
}

/* Of several frames in a packet only the first has its time. */
static GstSample *
time_frame(GstVigilRtspSession *self, GstSample *sample)
{
    const GstStructure *s = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
    GstBuffer *buffer = gst_buffer_ref(gst_sample_get_buffer(sample));

    sample = gst_sample_make_writable(sample);
    gst_sample_set_buffer(sample, NULL);
    buffer = gst_buffer_make_writable(buffer);
    if (!GST_BUFFER_PTS_IS_VALID(buffer))
        GST_BUFFER_PTS(buffer) = (GstClockTime)self->audio.next_ns;
    GST_BUFFER_DURATION(buffer) = (GstClockTime)get_duration(s, buffer);
    self->audio.next_ns = (gint64)(GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer));
    gst_sample_set_buffer(sample, buffer);
    gst_buffer_unref(buffer);
    return sample;
}

static GstFlowReturn
on_sample(GstAppSink *sink, gpointer user_data)
{
    GstVigilRtspSession *self = user_data;
    GstSample *sample = gst_app_sink_pull_sample(sink);

    if (!sample)
        return GST_FLOW_FLUSHING;
    if (gst_sample_get_caps(sample) && gst_sample_get_buffer(sample))
        self->funcs.sound(time_frame(self, sample), self->user_data);
    else
        gst_sample_unref(sample);
    return GST_FLOW_OK;
}

/* --- the chain ------------------------------------------------------------------------------- */

static GstElement *
add(GstElement *bin, const gchar *factory)
{
    GstElement *element = gst_element_factory_make(factory, NULL);

    return element && gst_bin_add(GST_BIN(bin), element) ? element : NULL;
}

/* (transfer none) (nullable): in the pipeline, with a pad "sink" */
static GstElement *
build_chain(GstVigilRtspSession *self, guint codec)
{
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    g_autoptr(GstCaps) caps = gst_caps_from_string(codecs[codec].caps);
    GstElement *bin = gst_bin_new("sound");
    GstElement *depay = add(bin, codecs[codec].depay), *sink = add(bin, "appsink");
    GstElement *parse = codecs[codec].parse ? add(bin, codecs[codec].parse) : depay;
    g_autoptr(GstPad) depay_sink = NULL, depay_src = NULL;

    if (!depay || !sink || !parse || (parse != depay && !gst_element_link(depay, parse)) ||
        !gst_element_link(parse, sink)) {
        gst_object_unref(gst_object_ref_sink(bin));
        return NULL;
    }
    g_object_set(sink, "caps", caps, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE,
                 NULL);
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, self, NULL);
    depay_src = gst_element_get_static_pad(depay, "src");
    gst_pad_add_probe(depay_src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                      gst_vigil_rtsp_session_replace_segment, NULL, NULL);
    depay_sink = gst_element_get_static_pad(depay, "sink");
    gst_element_add_pad(bin, gst_ghost_pad_new("sink", depay_sink));
    gst_bin_add(GST_BIN(self->pipeline), bin);
    return bin;
}

void
gst_vigil_rtsp_session_take_audio(GstVigilRtspSession *self, GstPad *pad,
                                  const GstStructure *stream)
{
    const gint codec = find_codec(stream);
    GstElement *bin = codec >= 0 ? build_chain(self, (guint)codec) : NULL;
    g_autoptr(GstPad) sink = bin ? gst_element_get_static_pad(bin, "sink") : NULL;
    gint rate = 0;

    if (!bin) {
        self->funcs.no_sound("GStreamer's elements for it are not installed", self->user_data);
        return;
    }
    gst_structure_get_int(stream, "clock-rate", &rate);
    g_mutex_lock(&self->lock);
    self->audio.bin = bin;
    if (!self->audio.timeline)
        self->audio.timeline = vigil_rtsp_timeline_new(rate > 0 ? (guint)rate : 8000, self->sync);
    g_mutex_unlock(&self->lock);
    gst_pad_add_probe(pad,
                      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                      on_packet, self, NULL);
    gst_element_sync_state_with_parent(bin);
    if (gst_pad_link(pad, sink) != GST_PAD_LINK_OK)
        self->funcs.no_sound("its sound cannot be linked", self->user_data);
}
