/* SPDX-License-Identifier: Apache-2.0 */
/* A camera's sound, where it was asked for: from the source to the recorder, as it comes. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

/* Of a file, where the recorder lets sound wait for its pictures: a container may have one that far ahead of the other. */
#define QUEUE_BYTES (4 * 1024 * 1024)

static const struct {
    const gchar *media;
    const gchar *parser; /* (nullable): brings it into the form in which clips have it */
} codecs[] = {
    {"audio/mpeg", "aacparse"},
    {"audio/x-opus", "opusparse"},
    {"audio/x-alaw", NULL},
    {"audio/x-mulaw", NULL},
};

gboolean
vigil_camera_pipeline_records_audio(const VigilCameraPipeline *self)
{
    return self->settings->audio && vigil_camera_settings_records(self->settings);
}

gboolean
vigil_camera_pipeline_expect_audio(VigilCameraPipeline *self)
{
    if (!vigil_camera_pipeline_records_audio(self))
        return TRUE;
    self->audio = gst_element_request_pad_simple(self->record, "audio");
    return self->audio != NULL;
}

static gint
find_codec(const GstStructure *s)
{
    gint version = 4;

    gst_structure_get_int(s, "mpegversion", &version);
    for (guint i = 0; i < G_N_ELEMENTS(codecs); i++)
        if (gst_structure_has_name(s, codecs[i].media) && (version == 4 || version == 2))
            return (gint)i;
    return -1;
}

static void
tell_no_sound(VigilCameraPipeline *self, const gchar *reason)
{
    GstStructure *s = gst_structure_new("vigil-no-sound", "reason", G_TYPE_STRING, reason, NULL);

    gst_element_post_message(self->pipeline,
                             gst_message_new_element(GST_OBJECT(self->pipeline), s));
}

/* Handed on from here, so that the demuxer, which would end all streams, does not hear of what the elements for sound cannot take. */
static GstPadProbeReturn
on_sound(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    g_autoptr(GstPad) peer = gst_pad_get_peer(pad);
    GstFlowReturn flow = GST_FLOW_OK;

    if (!peer)
        return GST_PAD_PROBE_DROP;
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
        gst_pad_send_event(peer, GST_PAD_PROBE_INFO_EVENT(info));
    else if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
        flow = gst_pad_chain(peer, GST_PAD_PROBE_INFO_BUFFER(info));
    else
        flow = gst_pad_chain_list(peer, GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    GST_PAD_PROBE_INFO_DATA(info) = NULL;
    /* the recorder need not wait for more, and what comes is left out from now on */
    if (flow < GST_FLOW_EOS) {
        tell_no_sound(user_data, "its sound is of a form that no clip can have");
        gst_pad_send_event(peer, gst_event_new_eos());
    }
    return GST_PAD_PROBE_HANDLED;
}

static gboolean
link_audio(VigilCameraPipeline *self, GstPad *pad, guint codec)
{
    GstElement *queue = vigil_gst_make("queue", "audio-queue", NULL);
    const gchar *factory = codecs[codec].parser ? codecs[codec].parser : "identity";
    GstElement *parser = vigil_gst_make(factory, VIGIL_CAMERA_AUDIO_PARSER, NULL);
    g_autoptr(GstPad) sink = NULL, src = NULL;

    if (!vigil_camera_pipeline_add(self, queue) || !vigil_camera_pipeline_add(self, parser))
        return FALSE;
    g_object_set(queue, "max-size-buffers", 0, "max-size-bytes", QUEUE_BYTES, "max-size-time",
                 (guint64)0, "silent", TRUE, NULL);
    sink = gst_element_get_static_pad(parser, "sink");
    src = gst_element_get_static_pad(queue, "src");
    if (!gst_element_link(parser, queue) || gst_pad_link(src, self->audio) != GST_PAD_LINK_OK)
        return FALSE;
    gst_element_sync_state_with_parent(queue);
    gst_element_sync_state_with_parent(parser);
    vigil_camera_pipeline_follow_times(self, pad, 1);
    gst_pad_add_probe(pad,
                      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                      on_sound, self, NULL);
    return gst_pad_link(pad, sink) == GST_PAD_LINK_OK;
}

/* The recorder need not wait for it. */
static void
give_up(VigilCameraPipeline *self, const gchar *reason)
{
    gst_element_release_request_pad(self->record, self->audio);
    gst_clear_object(&self->audio);
    tell_no_sound(self, reason);
}

gboolean
vigil_camera_pipeline_take_audio(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gint codec;

    if (!g_str_has_prefix(gst_structure_get_name(s), "audio/"))
        return FALSE;
    codec = find_codec(s);
    if (self->audio && codec >= 0 && self->all_known)
        tell_no_sound(self,
                      "in the middle of it another stream of sound begins, which is left out");
    /* of several the first is the one */
    if (!self->audio || codec < 0 || gst_pad_is_linked(self->audio))
        return FALSE;
    if (!link_audio(self, pad, (guint)codec))
        give_up(self, "its sound cannot be linked");
    return TRUE;
}

void
vigil_camera_pipeline_no_more_audio(VigilCameraPipeline *self)
{
    if (self->audio && !gst_pad_is_linked(self->audio))
        give_up(self, "it has no sound, or none that is AAC, Opus or G.711");
}

static void
on_pad_added(GstElement *source, GstPad *pad, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;

    /* it has a thread and a queue of its own */
    if (self->audio && g_str_equal(GST_OBJECT_NAME(pad), "audio") &&
        gst_pad_link(pad, self->audio) != GST_PAD_LINK_OK)
        give_up(self, "its sound cannot be linked");
}

void
vigil_camera_pipeline_add_rtsp_audio(VigilCameraPipeline *self, GstElement *source)
{
    if (!self->audio)
        return;
    g_object_set(source, "audio", TRUE, NULL);
    g_signal_connect(source, "pad-added", G_CALLBACK(on_pad_added), self);
}
