/* SPDX-License-Identifier: Apache-2.0 */
/* A transport stream in which another video takes the place of the one before, as where recordings were put one behind the other. */
#include "pipeline/vigil-camera-pipeline-private.h"

/* What has ended already, or was taken away, would never say so again to whom it is linked now. */
static gboolean
is_alive(GstPad *pad)
{
    g_autoptr(GstEvent) end = gst_pad_get_sticky_event(pad, GST_EVENT_EOS, 0);

    return gst_pad_is_active(pad) && !end;
}

static GstPadProbeReturn
leave_out(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    return GST_PAD_PROBE_DROP;
}

/* What was before goes through to its end first; the demuxer would take a pad that nobody wants for an error of its own. */
static void
end_here(VigilCameraPipeline *self, GstPad *next)
{
    g_mutex_lock(&self->lock);
    self->end_problem = g_strdup_printf(
        "%s: in the middle of it its video becomes %s, which was %s before: cut it in two there",
        self->settings->source->display, vigil_codec_to_string(self->next_codec),
        vigil_codec_to_string(self->codec));
    g_mutex_unlock(&self->lock);
    gst_pad_add_probe(next, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, leave_out,
                      NULL, NULL);
}

static gboolean
go_on(VigilCameraPipeline *self, GstPad *pad, GstPad *next)
{
    g_autoptr(GstPad) sink = gst_pad_get_peer(pad);

    if (!sink || !is_alive(next))
        return FALSE;
    if (self->next_codec != self->codec) {
        end_here(self, next);
        return FALSE;
    }
    gst_pad_unlink(pad, sink);
    vigil_camera_pipeline_follow_times(self, next, 0);
    vigil_camera_pipeline_watch_end(self, next);
    /* the end would reach nobody now */
    if (gst_pad_link(next, sink) != GST_PAD_LINK_OK)
        gst_pad_send_event(sink, gst_event_new_eos());
    return TRUE;
}

static GstPadProbeReturn
on_end(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;
    g_autoptr(GstPad) next = NULL;

    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS)
        return GST_PAD_PROBE_OK;
    next = g_steal_pointer(&self->next_video);
    return next && go_on(self, pad, next) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

void
vigil_camera_pipeline_watch_end(VigilCameraPipeline *self, GstPad *pad)
{
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_end, self, NULL);
}

void
vigil_camera_pipeline_expect_next(VigilCameraPipeline *self, GstPad *pad, VigilCodec codec)
{
    /* one that was there from the start is no other's continuation, and of several the first is the one */
    if (self->live || !self->all_known || (self->next_video && is_alive(self->next_video)))
        return;
    gst_object_replace((GstObject **)&self->next_video, GST_OBJECT(pad));
    self->next_codec = codec;
}
