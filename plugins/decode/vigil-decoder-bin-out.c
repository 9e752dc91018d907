/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the pictures, and what goes past a decoder that is not there. */
#include "plugins/decode/vigil-decoder-bin-private.h"

gboolean
vigil_decoder_bin_is_resting(VigilDecoderBin *self)
{
    gboolean resting;

    g_mutex_lock(&self->lock);
    resting = self->resting;
    g_mutex_unlock(&self->lock);
    return resting;
}

static GstFlowReturn
src_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    VigilDecoderBin *self = gst_pad_get_element_private(pad);
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    GstFlowReturn flow = GST_FLOW_OK;
    gboolean known;

    g_mutex_lock(&self->lock);
    self->n_silent = 0;
    self->repeating = FALSE;
    known = GST_CLOCK_TIME_IS_VALID(pts) && GST_CLOCK_TIME_IS_VALID(self->skip_until) &&
            pts <= self->skip_until;
    if (GST_CLOCK_TIME_IS_VALID(pts) && !known) {
        self->last_pts = pts;
        /* the stream has come to what is new: should its times go back now, that is its own affair */
        self->skip_until = GST_CLOCK_TIME_NONE;
    }
    g_mutex_unlock(&self->lock);
    if (known) {
        gst_buffer_unref(buffer);
        return flow;
    }
    flow = gst_proxy_pad_chain_default(pad, parent, buffer);
    g_mutex_lock(&self->lock);
    self->downstream = flow;
    g_mutex_unlock(&self->lock);
    return flow;
}

/* That another decoder gives the pictures is no news of the stream. */
static gboolean
src_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    VigilDecoderBin *self = gst_pad_get_element_private(pad);
    const GstEventType type = GST_EVENT_TYPE(event);
    gboolean drop;

    g_mutex_lock(&self->lock);
    drop = self->repeating && (type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT) &&
           GST_CLOCK_TIME_IS_VALID(self->last_pts);
    if (type == GST_EVENT_EOS) {
        drop = self->eos_out;
        self->eos_out = TRUE;
    }
    g_mutex_unlock(&self->lock);
    if (!drop)
        return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    return TRUE;
}

/* What elements behind tell those before must come through at any time; no decoder cares for it. */
static gboolean
upstream_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(parent);

    if (GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM || vigil_decoder_bin_is_resting(self))
        return gst_pad_push_event(self->sink, event);
    return gst_pad_event_default(pad, parent, event);
}

static gboolean
upstream_query(GstPad *pad, GstObject *parent, GstQuery *query)
{
    VigilDecoderBin *self = VIGIL_DECODER_BIN(parent);
    const GstQueryType type = GST_QUERY_TYPE(query);

    if (gst_pad_query_default(pad, parent, query))
        return TRUE;
    /* formats before and behind a decoder have nothing to do with each other */
    return type != GST_QUERY_CAPS && type != GST_QUERY_ACCEPT_CAPS &&
           vigil_decoder_bin_is_resting(self) && gst_pad_peer_query(self->sink, query);
}

void
vigil_decoder_bin_init_out(VigilDecoderBin *self)
{
    g_autoptr(GstProxyPad) inner = gst_proxy_pad_get_internal(GST_PROXY_PAD(self->src));

    gst_pad_set_event_function(self->src, upstream_event);
    gst_pad_set_query_function(self->src, upstream_query);
    gst_pad_set_element_private(GST_PAD(inner), self);
    gst_pad_set_chain_function(GST_PAD(inner), src_chain);
    gst_pad_set_event_function(GST_PAD(inner), src_event);
}
