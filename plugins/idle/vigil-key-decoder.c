/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-key-decoder.h"

#include "plugins/avcodec/vigil-avcodec.h"
#include "plugins/idle/vigil-turns.h"

struct VigilKeyDecoder {
    VigilAvcodec *codec;
    VigilTurn turn;
};

/*
 * Each has some ten megabytes while it is there, and cameras that were started together have their keyframes together. So few are there at a
 * time. One that hangs must not keep the others from looking: they wait for MAX_WAIT_US at most, and for one that has taken longer than a
 * keyframe ever does not at all.
 */
#define MAX_WAIT_US (G_USEC_PER_SEC / 2)
#define OLD_US (5 * G_USEC_PER_SEC)

static VigilTurns *
get_turns(void)
{
    static gsize turns;

    if (g_once_init_enter(&turns))
        g_once_init_leave(&turns, (gsize)vigil_turns_new(MAX(g_get_num_processors() / 2, 1),
                                                         MAX_WAIT_US, OLD_US));
    return (VigilTurns *)turns;
}

VigilKeyDecoder *
vigil_key_decoder_new(const GstCaps *caps)
{
    VigilKeyDecoder *self;

    if (!vigil_avcodec_is_there())
        return NULL;
    self = g_new0(VigilKeyDecoder, 1);
    vigil_turns_take(get_turns(), &self->turn);
    self->codec = vigil_avcodec_new(caps, NULL);
    if (!self->codec)
        g_clear_pointer(&self, vigil_key_decoder_free);
    return self;
}

void
vigil_key_decoder_free(VigilKeyDecoder *self)
{
    if (!self)
        return;
    vigil_avcodec_free(self->codec);
    vigil_turns_end(get_turns(), &self->turn);
    g_free(self);
}

static gboolean
push(VigilKeyDecoder *self, GstBuffer *buffer)
{
    GstMapInfo map;
    gboolean ok;

    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return FALSE;
    ok = vigil_avcodec_push(self->codec, map.data, map.size, 0);
    gst_buffer_unmap(buffer, &map);
    return ok;
}

GstSample *
vigil_key_decoder_run(VigilKeyDecoder *self, GstBuffer *buffer)
{
    VigilAvcodecPicture picture;
    g_autoptr(GstCaps) caps = NULL;
    guint n_damaged = 0;
    GstVideoInfo info;
    GstSample *sample;

    if (!push(self, buffer))
        return NULL;
    /* or it would be kept for pictures that are shown before it */
    vigil_avcodec_drain(self->codec);
    if (!vigil_avcodec_pull(self->codec, &picture, &n_damaged))
        return NULL;
    GST_BUFFER_PTS(picture.buffer) = GST_BUFFER_PTS(buffer);
    gst_video_info_set_format(&info, picture.format, picture.width, picture.height);
    caps = gst_video_info_to_caps(&info);
    sample = gst_sample_new(picture.buffer, caps, NULL, NULL);
    gst_buffer_unref(picture.buffer);
    return sample;
}
