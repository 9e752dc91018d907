/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/record/vigil-ring.h"
#include "tests/plugins/record-test.h"

/* Encoded streams in memory, and the sound of a clip seen through qtdemux. */

/** SoundTake: encoded frames and their times. */
typedef struct {
    GstCaps *caps;
    GPtrArray *buffers;
    GArray *frames; /* of VigilRingFrame */
} SoundTake;

/* Each codec as a camera may send it; G.711 in pieces of 20 ms. */
typedef struct {
    const gchar *encoder, *element, *media;
} SoundCodec;

static const SoundCodec sound_codecs[] = {
    {"audio/x-raw,rate=16000 ! avenc_aac ! aacparse ! audio/mpeg,stream-format=raw", "avenc_aac",
     "audio/mpeg"},
    {"audio/x-raw,rate=48000 ! opusenc ! opusparse", "opusenc", "audio/x-opus"},
    {"audio/x-raw,rate=8000 ! alawenc", "alawenc", "audio/x-alaw"},
    {"audio/x-raw,rate=8000 ! mulawenc", "mulawenc", "audio/x-mulaw"},
};

static inline void
sound_append(SoundTake *take, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    const GstSegment *segment = gst_sample_get_segment(sample);
    VigilRingFrame frame = {.dts_ns = VIGIL_RING_TIME_NONE,
                            .duration_ns = (gint64)GST_BUFFER_DURATION(buffer),
                            .size = gst_buffer_get_size(buffer)};
    guint64 time;
    gint sign;

    frame.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    sign = gst_segment_to_stream_time_full(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &time);
    frame.pts_ns = sign * (gint64)time;
    gst_caps_replace(&take->caps, gst_sample_get_caps(sample));
    g_array_append_val(take->frames, frame);
    g_ptr_array_add(take->buffers, gst_buffer_copy_deep(buffer));
}

/** sound_encode: @line: up to where coded frames come out */
static inline SoundTake
sound_encode(const gchar *line)
{
    SoundTake take = {.buffers = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref),
                      .frames = g_array_new(FALSE, FALSE, sizeof(VigilRingFrame))};
    g_autofree gchar *whole = g_strconcat(line, " ! appsink name=sink sync=false", NULL);
    GstElement *pipeline = gst_parse_launch(whole, NULL), *sink;
    GstSample *sample;

    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        sound_append(&take, sample);
        gst_sample_unref(sample);
    }
    fail_unless(take.buffers->len > 0, "%s", whole);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return take;
}

/** sound_make: @seconds of noise, no two frames of which are the same */
static inline SoundTake
sound_make(const SoundCodec *codec, guint seconds)
{
    g_autofree gchar *line =
        g_strdup_printf("audiotestsrc wave=pink-noise num-buffers=%u samplesperbuffer=960 ! "
                        "audio/x-raw,rate=48000,channels=1 ! audioconvert ! audioresample ! %s",
                        seconds * 50, codec->encoder);

    return sound_encode(line);
}

static inline void
sound_clear(SoundTake *take)
{
    gst_clear_caps(&take->caps);
    g_ptr_array_unref(take->buffers);
    g_array_unref(take->frames);
}

/** SoundView: of a clip's sound: how much, when it begins and ends, the longest hole, and how far two frames are apart at most. */
typedef struct {
    guint n;
    gint64 first_ns, last_ns, end_ns, max_hole_ns, max_step_ns;
    GByteArray *bytes; /* of all frames, one after the other */
} SoundView;

static inline void
sound_view_sample(SoundView *view, GstSample *sample)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    const gint64 time_ns = (gint64)GST_BUFFER_PTS(buffer);
    GstMapInfo map;

    if (view->n++ == 0) {
        view->first_ns = time_ns;
    } else {
        view->max_hole_ns = MAX(view->max_hole_ns, time_ns - view->end_ns);
        view->max_step_ns = MAX(view->max_step_ns, time_ns - view->last_ns);
    }
    view->last_ns = view->end_ns = time_ns;
    if (GST_BUFFER_DURATION_IS_VALID(buffer))
        view->end_ns += (gint64)GST_BUFFER_DURATION(buffer);
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    g_byte_array_append(view->bytes, map.data, (guint)map.size);
    gst_buffer_unmap(buffer, &map);
}

static inline SoundView
sound_view(const gchar *path, const gchar *media)
{
    g_autofree gchar *line = g_strdup_printf("filesrc location=\"%s\" ! qtdemux name=d d.audio_0 ! "
                                             "appsink name=sink sync=false caps=\"%s\"",
                                             path, media);
    SoundView view = {.bytes = g_byte_array_new()};
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;
    GstSample *sample;

    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 10 * GST_SECOND))) {
        sound_view_sample(&view, sample);
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return view;
}

/** sound_find: where in @take the @bytes lie as whole frames in order; -1: they do not. @n: (out): how many frames */
static inline gint
sound_find(const SoundTake *take, const GByteArray *bytes, guint *n)
{
    for (guint first = 0; first < take->buffers->len; first++) {
        gsize at = 0;
        guint i = first;

        for (; i < take->buffers->len && at < bytes->len; i++) {
            GstBuffer *buffer = take->buffers->pdata[i];
            const gsize size = gst_buffer_get_size(buffer);

            if (size > bytes->len - at || gst_buffer_memcmp(buffer, 0, bytes->data + at, size) != 0)
                break;
            at += size;
        }
        *n = i - first;
        if (at == bytes->len)
            return (gint)first;
    }
    return -1;
}
