/* SPDX-License-Identifier: Apache-2.0 */
/* The second track of a clip. */
#include <string.h>

#include "plugins/record/vigil-clip-writer-private.h"

/* The muxer has to know that there is none up to here; how long that lasts does not matter to it. */
#define GAP_DURATION GST_MSECOND

const gchar *
vigil_clip_writer_get_muxer_for(const GstCaps *audio_caps, const gchar *muxer)
{
    const GstStructure *s = audio_caps ? gst_caps_get_structure(audio_caps, 0) : NULL;

    /* G.711 has a place in QuickTime's form of the file only */
    return s && (gst_structure_has_name(s, "audio/x-alaw") ||
                 gst_structure_has_name(s, "audio/x-mulaw"))
               ? "qtmux"
               : muxer;
}

gboolean
vigil_clip_writer_add_audio(VigilClipWriter *self, GstCaps *audio_caps, GstElement *muxer,
                            GError **error)
{
    const GstStructure *s = gst_caps_get_structure(audio_caps, 0);
    GstElement *source = gst_element_factory_make("appsrc", NULL);
    g_autoptr(GstPad) from = NULL, to = NULL;
    gint rate = 0;

    if (!source) {
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                    "GStreamer element appsrc is missing");
        return FALSE;
    }
    gst_bin_add(GST_BIN(self->pipeline), source);
    g_object_set(source, "format", GST_FORMAT_TIME, "caps", audio_caps, "max-bytes", (guint64)0,
                 NULL);
    from = gst_element_get_static_pad(source, "src");
    to = gst_element_request_pad_simple(muxer, "audio_%u");
    /* Opus always counts so, whatever it was before */
    if (gst_structure_has_name(s, "audio/x-opus") || !gst_structure_get_int(s, "rate", &rate) ||
        rate <= 0)
        rate = 48000;
    if (!to || gst_pad_link(from, to) != GST_PAD_LINK_OK) {
        g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION, "%s does not take %s",
                    GST_OBJECT_NAME(muxer), gst_structure_get_name(s));
        return FALSE;
    }
    g_object_set(to, "trak-timescale", (guint)rate, NULL);
    self->audio =
        (VigilClipWriterAudio){.source = GST_APP_SRC(source), .rate = (guint)rate, .last_ns = -1};
    return TRUE;
}

gboolean
vigil_clip_writer_takes_audio(const VigilClipWriter *self)
{
    return self->audio.source && !self->audio.over && self->started && !self->first;
}

static gboolean
push(VigilClipWriter *self, gint64 time_ns, GstBuffer *buffer, GError **error)
{
    self->audio.last_ns = time_ns;
    GST_BUFFER_PTS(buffer) = (GstClockTime)time_ns;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    if (gst_app_src_push_buffer(self->audio.source, buffer) == GST_FLOW_OK)
        return TRUE;
    if (vigil_clip_writer_check_bus(self, error))
        g_set_error_literal(error, GST_STREAM_ERROR, GST_STREAM_ERROR_MUX,
                            "The MP4 muxer takes no more sound");
    return FALSE;
}

gboolean
vigil_clip_writer_push_audio(VigilClipWriter *self, const VigilRingFrame *frame, GstBuffer *buffer,
                             GError **error)
{
    const gint64 time_ns = frame->pts_ns - self->base_ns;

    if (time_ns <= self->audio.last_ns || frame->pts_ns < self->info.start_ns) {
        gst_buffer_unref(buffer);
        return TRUE;
    }
    if (!self->audio.begun)
        self->audio.shift =
            gst_util_uint64_scale_round((guint64)time_ns, self->audio.rate, GST_SECOND);
    self->audio.begun = TRUE;
    self->info.n_audio++;
    GST_BUFFER_DURATION(buffer) =
        frame->duration_ns > 0 ? (GstClockTime)frame->duration_ns : GST_CLOCK_TIME_NONE;
    return push(self, time_ns, buffer, error);
}

gboolean
vigil_clip_writer_skip_audio(VigilClipWriter *self, gint64 until_ns, GError **error)
{
    GstBuffer *gap;

    if (until_ns - self->base_ns <= self->audio.last_ns)
        return TRUE;
    gap = gst_buffer_new();
    GST_BUFFER_FLAG_SET(gap, GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DROPPABLE);
    GST_BUFFER_DURATION(gap) = GAP_DURATION;
    return push(self, until_ns - self->base_ns, gap, error);
}

void
vigil_clip_writer_end_audio(VigilClipWriter *self)
{
    if (!self->audio.source || self->audio.over)
        return;
    self->audio.over = TRUE;
    gst_app_src_end_of_stream(self->audio.source);
}

GstBuffer *
vigil_clip_writer_place_audio(VigilClipWriter *self, GstBuffer *buffer)
{
    guint8 head[VIGIL_CLIP_MOOF_HEAD];
    GstMapInfo map;
    GstBuffer *copy;

    if (self->audio.shift == 0 || !vigil_clip_boxes_is_between(&self->boxes) ||
        gst_buffer_extract(buffer, 0, head, sizeof head) != sizeof head ||
        memcmp(head + 4, "moof", 4) != 0)
        return buffer;
    copy = gst_buffer_copy_deep(buffer);
    gst_buffer_unref(buffer);
    if (gst_buffer_map(copy, &map, GST_MAP_READWRITE)) {
        vigil_clip_boxes_shift_audio(map.data, map.size, self->audio.shift);
        gst_buffer_unmap(copy, &map);
    }
    return copy;
}
