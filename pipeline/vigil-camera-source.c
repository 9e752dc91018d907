/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <string.h>

#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

void
vigil_camera_pipeline_note_other(VigilCameraPipeline *self, const GstCaps *caps)
{
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const gchar *encoding = gst_structure_get_string(structure, "encoding-name");

    g_mutex_lock(&self->lock);
    if (self->others->len)
        g_string_append(self->others, ", ");
    g_string_append(self->others, encoding ? encoding : gst_structure_get_name(structure));
    g_mutex_unlock(&self->lock);
}

void
vigil_camera_pipeline_no_more_streams(VigilCameraPipeline *self)
{
    g_autofree gchar *found = NULL;
    gboolean linked;

    g_mutex_lock(&self->lock);
    linked = self->linked;
    found = g_strdup(self->others->len ? self->others->str : "nothing");
    g_mutex_unlock(&self->lock);
    if (!linked)
        vigil_camera_pipeline_post(self, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
                                   "%s: no H.264, H.265 or Motion JPEG video in it, only: %s",
                                   self->settings->source->display, found);
}

/* --- files ----------------------------------------------------------------------------------- */

static void
on_demuxed_pad(GstElement *demux, GstPad *pad, gpointer user_data)
{
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);

    if (!caps)
        caps = gst_pad_query_caps(pad, NULL);
    if (GST_PAD_IS_SRC(pad) && caps && !gst_caps_is_any(caps) && !gst_caps_is_empty(caps) &&
        !vigil_camera_pipeline_take_audio(user_data, pad, caps))
        vigil_camera_pipeline_take_video(user_data, pad, caps);
}

static void
on_no_more_pads(GstElement *demux, gpointer user_data)
{
    vigil_camera_pipeline_no_more_audio(user_data);
    vigil_camera_pipeline_no_more_streams(user_data);
    ((VigilCameraPipeline *)user_data)->all_known = TRUE;
}

static GstElement *
find_demuxer(const GstCaps *caps)
{
    static const gchar *const factories[] = {"qtdemux",  "matroskademux", "tsdemux",
                                             "avidemux", "flvdemux",      "mpegpsdemux"};

    for (guint i = 0; i < G_N_ELEMENTS(factories); i++) {
        g_autoptr(GstElementFactory) factory = gst_element_factory_find(factories[i]);

        if (factory && gst_element_factory_can_sink_any_caps(factory, caps))
            return gst_element_factory_create(factory, "demux");
    }
    return NULL;
}

static void
on_type_found(GstElement *typefind, guint probability, GstCaps *caps, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;
    const gchar *type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    g_autoptr(GstPad) src = gst_element_get_static_pad(typefind, "src");
    GstElement *demux;

    if (g_str_equal(type, "video/x-h264") || g_str_equal(type, "video/x-h265")) {
        vigil_camera_pipeline_take_video(self, src, caps);
        return;
    }
    demux = find_demuxer(caps);
    if (!demux) {
        vigil_camera_pipeline_post(self, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
                                   "%s: this is no video that can be read: its content is %s",
                                   self->settings->source->display, type);
        return;
    }
    /* these streams say nowhere how long they are */
    self->measured = g_str_equal(type, "video/mpegts") || g_str_equal(type, "video/mpeg");
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_demuxed_pad), self);
    g_signal_connect(demux, "no-more-pads", G_CALLBACK(on_no_more_pads), self);
    gst_bin_add(GST_BIN(self->pipeline), demux);
    if (!gst_element_link(typefind, demux) || !gst_element_sync_state_with_parent(demux))
        vigil_camera_pipeline_post(self, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                                   "%s: its container (%s) cannot be opened",
                                   self->settings->source->display, type);
}

static gboolean
check_file(const VigilSource *source, GError **error)
{
    const gchar *wrong = NULL;
    GStatBuf info;

    if (g_stat(source->location, &info) != 0)
        wrong = g_strerror(errno);
    else if (S_ISDIR(info.st_mode))
        wrong = "it is a directory";
    else if (S_ISREG(info.st_mode) && info.st_size == 0)
        wrong = "the file is empty";
    if (wrong)
        g_set_error(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ, "%s: %s",
                    source->display, wrong);
    return !wrong;
}

static gboolean
add_file(VigilCameraPipeline *self, GError **error)
{
    GstElement *source, *typefind;

    if (!check_file(self->settings->source, error))
        return FALSE;
    source = vigil_gst_make("filesrc", "source", error);
    if (!vigil_camera_pipeline_add(self, source))
        return FALSE;
    g_object_set(source, "location", self->settings->source->location, NULL);
    typefind = vigil_gst_make("typefind", "typefind", error);
    if (!vigil_camera_pipeline_add(self, typefind))
        return FALSE;
    g_signal_connect(typefind, "have-type", G_CALLBACK(on_type_found), self);
    return gst_element_link(source, typefind);
}

/* --- V4L2 ------------------------------------------------------------------------------------ */

static void
take_device(VigilCameraPipeline *self, GstPad *pad, const GstCaps *caps)
{
    g_autoptr(GstElement) source = gst_pad_get_parent_element(pad);
    g_autoptr(GError) error = NULL;

    if (!gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-raw"))
        vigil_camera_pipeline_take_video(self, pad, caps);
    else if (!vigil_camera_pipeline_take_raw(self, source, &error))
        vigil_camera_pipeline_post(self, error ? error->domain : GST_CORE_ERROR,
                                   error ? error->code : GST_CORE_ERROR_NEGOTIATION, "%s: %s",
                                   self->settings->source->display,
                                   error ? error->message : "its frames cannot be linked");
}

/* The first caps say what the device gives: it may not be there before that. They go on into what is linked here. */
static GstPadProbeReturn
on_device_caps(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstCaps *caps;

    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    take_device(user_data, pad, caps);
    return GST_PAD_PROBE_REMOVE;
}

static gboolean
add_v4l2(VigilCameraPipeline *self, GError **error)
{
    const VigilCaptureSettings *capture = &self->settings->capture;
    GstElement *source = vigil_gst_make("vigilv4l2src", "source", error);
    g_autoptr(GstPad) pad = NULL;

    if (!vigil_camera_pipeline_add(self, source))
        return FALSE;
    g_object_set(source, "device", self->settings->source->location, "width", (guint)capture->width,
                 "height", (guint)capture->height, "fps", capture->fps, "controls",
                 capture->controls, NULL);
    if (capture->format)
        g_object_set(source, "format", capture->format, NULL);
    pad = gst_element_get_static_pad(source, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_device_caps, self, NULL);
    return TRUE;
}

gboolean
vigil_camera_pipeline_add_source(VigilCameraPipeline *self, GError **error)
{
    switch (self->settings->source->kind) {
    case VIGIL_SOURCE_FILE: return add_file(self, error);
    case VIGIL_SOURCE_RTSP: return vigil_camera_pipeline_add_rtsp(self, error);
    case VIGIL_SOURCE_V4L2: return add_v4l2(self, error);
    }
    return FALSE;
}
