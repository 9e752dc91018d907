/* SPDX-License-Identifier: Apache-2.0 */
/* The pad for sound, which is there when somebody asked for it. */
#include "plugins/record/gstvigilrecord-private.h"

#define AUDIO_CAPS                                                                            \
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw; audio/x-opus; audio/x-alaw; " \
    "audio/x-mulaw"

static GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE("audio", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS(AUDIO_CAPS));

static GstFlowReturn
audio_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    GstFlowReturn flow = gst_vigil_record_wait_for_playing(self, &self->audio);
    const VigilRingFrame frame = {
        .pts_ns = gst_vigil_record_to_stream_time(&self->audio.segment, GST_BUFFER_PTS(buffer)),
        .dts_ns = VIGIL_RING_TIME_NONE,
        .duration_ns =
            GST_BUFFER_DURATION_IS_VALID(buffer) ? (gint64)GST_BUFFER_DURATION(buffer) : 0,
    };

    if (flow == GST_FLOW_OK && !self->has_audio_caps)
        flow = GST_FLOW_NOT_NEGOTIATED;
    /* one without a time cannot be placed */
    if (flow == GST_FLOW_OK && frame.pts_ns != VIGIL_RING_TIME_NONE &&
        gst_buffer_get_size(buffer) > 0 &&
        !vigil_recorder_push_audio(self->recorder, &frame, buffer))
        flow = GST_FLOW_FLUSHING;
    gst_buffer_unref(buffer);
    return flow;
}

static gboolean
audio_event(GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(parent);
    GstCaps *caps;

    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        gst_event_parse_caps(event, &caps);
        vigil_recorder_set_audio_caps(self->recorder, caps);
        self->has_audio_caps = TRUE;
    }
    return gst_vigil_record_event(pad, parent, event);
}

/* What the ring holds is settled when it is made. */
static GstPad *
request_pad(GstElement *element, GstPadTemplate *templ, const gchar *name, const GstCaps *caps)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(element);
    gboolean free;
    GstPad *pad;

    GST_OBJECT_LOCK(self);
    free = !self->recorder && !self->audio.pad;
    GST_OBJECT_UNLOCK(self);
    if (!free) {
        GST_WARNING_OBJECT(self, "one pad for sound, before the element is in PAUSED");
        return NULL;
    }
    pad = gst_pad_new_from_template(templ, "audio");
    gst_pad_set_chain_function(pad, audio_chain);
    gst_pad_set_event_function(pad, audio_event);
    self->audio.pad = pad;
    gst_element_add_pad(element, pad);
    return pad;
}

static void
release_pad(GstElement *element, GstPad *pad)
{
    GstVigilRecord *self = GST_VIGIL_RECORD(element);
    gboolean running;

    GST_OBJECT_LOCK(self);
    running = self->recorder != NULL;
    GST_OBJECT_UNLOCK(self);
    /* a frame may wait for PLAYING */
    g_mutex_lock(&self->state_lock);
    self->audio.flushing = TRUE;
    g_cond_broadcast(&self->state_cond);
    g_mutex_unlock(&self->state_lock);
    if (running) {
        vigil_recorder_flush_audio(self->recorder, TRUE);
        vigil_recorder_end_audio(self->recorder);
    }
    gst_pad_set_active(pad, FALSE);
    self->audio.pad = NULL;
    gst_element_remove_pad(element, pad);
}

void
gst_vigil_record_install_audio(GstElementClass *klass)
{
    gst_element_class_add_static_pad_template(klass, &audio_template);
    klass->request_new_pad = request_pad;
    klass->release_pad = release_pad;
}
