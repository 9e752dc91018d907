/* SPDX-License-Identifier: Apache-2.0 */
/* The pad for sound. Whoever takes it slowly, or not at all, holds up neither the video nor the connection. */
#include "plugins/rtsp/gstvigilrtspsrc-private.h"

/* Some seconds: more than a recorder that writes falls behind. */
#define MOST_QUEUED_FRAMES 512
#define MOST_QUEUED_BYTES (1024 * 1024)
#define FIRST_QUEUED_FRAMES 16

static GstStaticPadTemplate audio_template = GST_STATIC_PAD_TEMPLATE(
    "audio", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS("audio/mpeg, mpegversion=(int)4, stream-format=(string)raw; audio/x-opus; "
                    "audio/x-mulaw; audio/x-alaw"));

void
gst_vigil_rtsp_sound_init(GstVigilRtspSound *self)
{
    g_cond_init(&self->wake);
    self->flushing = TRUE;
}

void
gst_vigil_rtsp_sound_clear(GstVigilRtspSound *self)
{
    g_clear_pointer(&self->frames, gst_queue_array_free);
    g_free(self->missing);
    g_cond_clear(&self->wake);
}

/* --- from the session's threads -------------------------------------------------------------- */

void
gst_vigil_rtsp_src_take_sound(GstSample *sample, gpointer user_data)
{
    GstVigilRtspSrc *self = user_data;
    GstVigilRtspSound *sound = &self->sound;
    const gsize size = gst_buffer_get_size(gst_sample_get_buffer(sample));

    g_mutex_lock(&self->lock);
    if (!sound->frames)
        sound->frames = gst_queue_array_new(FIRST_QUEUED_FRAMES);
    if (gst_queue_array_get_length(sound->frames) >= MOST_QUEUED_FRAMES ||
        sound->queued_bytes + size > MOST_QUEUED_BYTES) {
        sound->n_dropped++;
        gst_sample_unref(sample);
    } else {
        sound->queued_bytes += size;
        gst_queue_array_push_tail(sound->frames, sample);
        g_cond_signal(&sound->wake);
    }
    g_mutex_unlock(&self->lock);
}

void
gst_vigil_rtsp_src_miss_sound(const gchar *reason, gpointer user_data)
{
    GstVigilRtspSrc *self = user_data;
    gboolean news;

    g_mutex_lock(&self->lock);
    news = g_strcmp0(reason, self->sound.missing) != 0;
    if (news) {
        g_free(self->sound.missing);
        self->sound.missing = g_strdup(reason);
    }
    g_mutex_unlock(&self->lock);
    if (news)
        gst_element_post_message(
            GST_ELEMENT(self),
            gst_message_new_element(GST_OBJECT(self),
                                    gst_structure_new("vigilrtspsrc-no-sound", "location",
                                                      G_TYPE_STRING, self->asked.login.location,
                                                      "reason", G_TYPE_STRING, reason, NULL)));
}

void
gst_vigil_rtsp_src_forget_sound(GstVigilRtspSrc *self)
{
    GstSample *sample;

    while (self->sound.frames && (sample = gst_queue_array_pop_head(self->sound.frames)))
        gst_sample_unref(sample);
    self->sound.queued_bytes = 0;
}

/* --- the pad's thread ------------------------------------------------------------------------ */

static void
begin_stream(GstVigilRtspSrc *self)
{
    g_autofree gchar *id = gst_pad_create_stream_id(self->sound.pad, GST_ELEMENT(self), "audio");

    self->sound.started = TRUE;
    gst_pad_push_event(self->sound.pad, gst_event_new_stream_start(id));
}

static void
send_caps(GstVigilRtspSrc *self, GstCaps *caps)
{
    GstSegment segment;

    if (self->sound.caps && gst_caps_is_equal(self->sound.caps, caps))
        return;
    gst_caps_replace(&self->sound.caps, caps);
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->sound.pad, gst_event_new_caps(caps));
    gst_pad_push_event(self->sound.pad, gst_event_new_segment(&segment));
}

/* (transfer full) @sample */
static GstFlowReturn
send_sound(GstVigilRtspSrc *self, GstSample *sample)
{
    GstBuffer *buffer = gst_buffer_ref(gst_sample_get_buffer(sample));
    const gboolean stale = gst_vigil_rtsp_src_is_stale(self, buffer);
    GstFlowReturn flow = GST_FLOW_OK;

    g_mutex_lock(&self->lock);
    self->sound.n_stale += stale;
    self->sound.n_frames += !stale;
    g_mutex_unlock(&self->lock);
    if (!stale) {
        if (!self->sound.started)
            begin_stream(self);
        send_caps(self, gst_sample_get_caps(sample));
        gst_sample_unref(sample);
        return gst_pad_push(self->sound.pad, buffer);
    }
    gst_buffer_unref(buffer);
    gst_sample_unref(sample);
    return flow;
}

static void
sound_loop(gpointer user_data)
{
    GstVigilRtspSrc *self = user_data;
    GstVigilRtspSound *sound = &self->sound;
    GstSample *sample = NULL;
    GstFlowReturn flow = GST_FLOW_OK;
    gboolean over;

    g_mutex_lock(&self->lock);
    while (!sound->flushing && !sound->eos && gst_queue_array_is_empty(sound->frames))
        g_cond_wait(&sound->wake, &self->lock);
    over = sound->flushing || sound->eos;
    if (!over && (sample = gst_queue_array_pop_head(sound->frames)))
        sound->queued_bytes -= gst_buffer_get_size(gst_sample_get_buffer(sample));
    g_mutex_unlock(&self->lock);
    if (sample)
        flow = send_sound(self, sample);
    if (over && sound->eos && sound->started)
        gst_pad_push_event(sound->pad, gst_event_new_eos());
    /* nobody may want it yet */
    if (over || (flow != GST_FLOW_OK && flow != GST_FLOW_NOT_LINKED))
        gst_pad_pause_task(sound->pad);
}

/* The pad must be active before the element has it, so it has no parent yet; and its thread begins after that. */
static gboolean
activate_mode(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    GstVigilRtspSrc *self = gst_pad_get_element_private(pad);

    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    g_mutex_lock(&self->lock);
    self->sound.flushing = !active;
    g_cond_signal(&self->sound.wake);
    g_mutex_unlock(&self->lock);
    return active || gst_pad_stop_task(pad);
}

static gboolean
query(GstPad *pad, GstObject *parent, GstQuery *asked)
{
    if (GST_QUERY_TYPE(asked) == GST_QUERY_LATENCY)
        return GST_BASE_SRC_GET_CLASS(parent)->query(GST_BASE_SRC(parent), asked);
    return gst_pad_query_default(pad, parent, asked);
}

/* --- the element's --------------------------------------------------------------------------- */

void
gst_vigil_rtsp_src_offer_sound(GstVigilRtspSrc *self)
{
    gboolean there;
    GstPad *pad;

    if (!self->asked.audio || self->sound.pad)
        return;
    g_mutex_lock(&self->lock);
    there = self->sound.frames && !gst_queue_array_is_empty(self->sound.frames);
    g_mutex_unlock(&self->lock);
    if (!there)
        return;
    pad = gst_pad_new_from_static_template(&audio_template, "audio");
    gst_pad_set_activatemode_function(pad, activate_mode);
    gst_pad_set_query_function(pad, query);
    self->sound.started = FALSE;
    self->sound.pad = gst_object_ref(pad);
    gst_pad_set_element_private(pad, self);
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(GST_ELEMENT(self), pad);
    gst_pad_start_task(pad, sound_loop, self, NULL);
}

void
gst_vigil_rtsp_src_end_sound(GstVigilRtspSrc *self)
{
    GstPad *pad = self->sound.pad;

    /* its thread uses it until it has ended */
    if (pad) {
        gst_pad_set_active(pad, FALSE);
        gst_pad_stop_task(pad);
        gst_element_remove_pad(GST_ELEMENT(self), pad);
    }
    gst_clear_object(&self->sound.pad);
    gst_clear_caps(&self->sound.caps);
    g_mutex_lock(&self->lock);
    gst_vigil_rtsp_src_forget_sound(self);
    self->sound.eos = FALSE;
    g_clear_pointer(&self->sound.missing, g_free);
    g_mutex_unlock(&self->lock);
}

static gboolean
send_event(GstElement *element, GstEvent *event)
{
    GstVigilRtspSrc *self = GST_VIGIL_RTSP_SRC(element);
    GstElementClass *parent = g_type_class_peek(GST_TYPE_PUSH_SRC);

    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
        g_mutex_lock(&self->lock);
        self->sound.eos = TRUE;
        g_cond_signal(&self->sound.wake);
        g_mutex_unlock(&self->lock);
    }
    return parent->send_event(element, event);
}

void
gst_vigil_rtsp_src_install_sound(GstElementClass *klass)
{
    gst_element_class_add_static_pad_template(klass, &audio_template);
    klass->send_event = send_event;
}
