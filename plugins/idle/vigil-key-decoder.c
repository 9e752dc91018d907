/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-key-decoder.h"

#include <gst/video/video.h>

struct VigilKeyDecoder {
    GstElement *element;
    GstPad *srcpad, *sinkpad; /* ours: to the element, and from it */
    GstBuffer *picture;
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

static const gchar *
find_factory(const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);

    if (gst_structure_has_name(structure, "video/x-h264"))
        return "avdec_h264";
    return gst_structure_has_name(structure, "video/x-h265") ? "avdec_h265" : NULL;
}

/* Any strides will do: so it decodes into the picture, and does not copy each into another. */
static gboolean
take_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
        return gst_pad_query_default(pad, parent, query);
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
}

static GstFlowReturn
take_picture(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    VigilKeyDecoder *self = gst_pad_get_element_private(pad);

    gst_clear_buffer(&self->picture);
    self->picture = buffer;
    return GST_FLOW_OK;
}

static gboolean
take_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    gst_event_unref(event);
    return TRUE;
}

static gboolean
connect(VigilKeyDecoder *self, const GstCaps *caps)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(self->element, "sink");
    g_autoptr(GstPad) src = gst_element_get_static_pad(self->element, "src");
    GstSegment segment;

    if (gst_pad_link_full(self->srcpad, sink, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK ||
        gst_pad_link_full(src, self->sinkpad, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK ||
        !gst_pad_set_active(self->srcpad, TRUE) || !gst_pad_set_active(self->sinkpad, TRUE) ||
        gst_element_set_state(self->element, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        return FALSE;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    return gst_pad_push_event(self->srcpad, gst_event_new_stream_start("keyframes")) &&
           gst_pad_push_event(self->srcpad, gst_event_new_caps((GstCaps *)caps)) &&
           gst_pad_push_event(self->srcpad, gst_event_new_segment(&segment));
}

VigilKeyDecoder *
vigil_key_decoder_new(const GstCaps *caps)
{
    const gchar *factory = find_factory(caps);
    GstElement *element = factory ? gst_element_factory_make(factory, NULL) : NULL;
    VigilKeyDecoder *self;

    if (!element)
        return NULL;
    take_turn();
    self = g_new0(VigilKeyDecoder, 1);
    self->element = gst_object_ref_sink(element);
    g_object_set(element, "max-threads", 1, NULL);
    self->srcpad = gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC));
    self->sinkpad = gst_object_ref_sink(gst_pad_new("sink", GST_PAD_SINK));
    gst_pad_set_element_private(self->sinkpad, self);
    gst_pad_set_chain_function(self->sinkpad, take_picture);
    gst_pad_set_event_function(self->sinkpad, take_event);
    gst_pad_set_query_function(self->sinkpad, take_query);
    if (!connect(self, caps))
        g_clear_pointer(&self, vigil_key_decoder_free);
    return self;
}

void
vigil_key_decoder_free(VigilKeyDecoder *self)
{
    if (!self)
        return;
    gst_pad_set_active(self->srcpad, FALSE);
    gst_element_set_state(self->element, GST_STATE_NULL);
    gst_pad_set_active(self->sinkpad, FALSE);
    gst_object_unref(self->element);
    gst_object_unref(self->srcpad);
    gst_object_unref(self->sinkpad);
    gst_clear_buffer(&self->picture);
    g_free(self);
    end_turn();
}

GstSample *
vigil_key_decoder_run(VigilKeyDecoder *self, GstBuffer *buffer)
{
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    g_autoptr(GstCaps) caps = NULL;
    GstSample *sample;

    gst_clear_buffer(&self->picture);
    /* what is still makes it give what it holds back for pictures that are shown before; a gap does not in all versions */
    if (gst_pad_push(self->srcpad, gst_buffer_ref(buffer)) != GST_FLOW_OK ||
        !gst_pad_push_event(self->srcpad, gst_video_event_new_still_frame(TRUE)) || !self->picture)
        return NULL;
    self->picture = gst_buffer_make_writable(self->picture);
    GST_BUFFER_PTS(self->picture) = pts;
    caps = gst_pad_get_current_caps(self->sinkpad);
    sample = gst_sample_new(self->picture, caps, NULL, NULL);
    gst_clear_buffer(&self->picture);
    return sample;
}
