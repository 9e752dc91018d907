/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-key-decoder.h"

#include "plugins/avcodec/vigil-avcodec.h"

struct VigilKeyDecoder {
    VigilAvcodec *codec;
};

/*
 * Each has some ten megabytes while it is there, and cameras that were started together have their keyframes together. So few are there at a
 * time. One that hangs must not keep the others from looking: they wait for this long at most.
 */
#define MAX_WAIT_US (G_USEC_PER_SEC / 2)

static GMutex lock;
static GCond freed;
static guint n_decoders; /* under lock */

static guint
get_max_decoders(void)
{
    return MAX(g_get_num_processors() / 2, 1);
}

static void
take_turn(void)
{
    const gint64 until_us = g_get_monotonic_time() + MAX_WAIT_US;

    g_mutex_lock(&lock);
    while (n_decoders >= get_max_decoders() && g_cond_wait_until(&freed, &lock, until_us))
        ;
    n_decoders++;
    g_mutex_unlock(&lock);
}

static void
end_turn(void)
{
    g_mutex_lock(&lock);
    n_decoders--;
    g_cond_signal(&freed);
    g_mutex_unlock(&lock);
}

VigilKeyDecoder *
vigil_key_decoder_new(const GstCaps *caps)
{
    VigilKeyDecoder *self;

    if (!vigil_avcodec_is_there())
        return NULL;
    take_turn();
    self = g_new0(VigilKeyDecoder, 1);
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
    g_free(self);
    end_turn();
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
