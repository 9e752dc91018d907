/* SPDX-License-Identifier: Apache-2.0 */
/* A camera on the network: vigilrtspsrc, which connects anew by itself. */
#include <string.h>

#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-redact.h"
#include "plugins/rtsp/vigil-rtsp-login.h"

/* What the element reads by itself may be in GStreamer's log. */
static void
hide_login(VigilCameraPipeline *self)
{
    const VigilCameraSettings *settings = self->settings;
    g_auto(VigilRtspLogin) login = {0};
    g_autofree gchar *pair = NULL, *encoded = NULL;

    if (!settings->rtsp.credentials ||
        !vigil_rtsp_login_read(&login, settings->rtsp.credentials, NULL))
        return;
    vigil_redact_hold(&self->hold, login.password);
    pair = g_strdup_printf("%s:%s", login.user, login.password);
    encoded = g_base64_encode((const guchar *)pair, strlen(pair));
    vigil_redact_hold(&self->hold, encoded);
}

static GstElement *
make_source(VigilCameraPipeline *self, const VigilSource *address, const gchar *name,
            GError **error)
{
    static const gchar *const transports[] = {"tcp", "udp", "auto"};
    const VigilCameraSettings *settings = self->settings;
    GstElement *source = vigil_gst_make("vigilrtspsrc", name, error);

    if (!vigil_camera_pipeline_add(self, source))
        return NULL;
    hide_login(self);
    g_object_set(source, "location", address->location, "user", address->user, "password",
                 address->password, "credentials", settings->rtsp.credentials, "latency",
                 (guint)(settings->latency_ns / GST_MSECOND), "tls-ca", settings->rtsp.tls_ca,
                 "tls-verify", !settings->rtsp.tls_unverified, "clock-group", settings->name, NULL);
    gst_util_set_object_arg(G_OBJECT(source), "transport", transports[settings->transport]);
    return source;
}

static gboolean
is_for_detector(GstPad *pad)
{
    g_autoptr(GstElement) source = gst_pad_get_parent_element(pad);

    return source && g_str_equal(GST_OBJECT_NAME(source), "detect-source");
}

/*
 * The first caps say what the camera sends, and go on into what is linked here. Another size is for those behind it to take; for another
 * codec there are other elements, so the camera is built anew.
 */
static GstPadProbeReturn
on_caps(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    VigilCameraPipeline *self = user_data;
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    g_autoptr(GstCaps) before = NULL;
    GstCaps *caps;

    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    before = gst_pad_get_current_caps(pad);
    if (!gst_pad_is_linked(pad) && is_for_detector(pad)) {
        vigil_camera_pipeline_take_detect(self, pad, caps);
    } else if (!gst_pad_is_linked(pad)) {
        vigil_camera_pipeline_take_video(self, pad, caps);
    } else if (before && !g_str_equal(gst_structure_get_name(gst_caps_get_structure(before, 0)),
                                      gst_structure_get_name(gst_caps_get_structure(caps, 0)))) {
        vigil_camera_pipeline_post(self, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
                                   "%s: its codec is another one now",
                                   is_for_detector(pad) ? self->settings->detect_source->display
                                                        : self->settings->source->display);
        return GST_PAD_PROBE_DROP;
    }
    return GST_PAD_PROBE_OK;
}

static gboolean
add_one(VigilCameraPipeline *self, const VigilSource *address, const gchar *name, GError **error)
{
    GstElement *source = make_source(self, address, name, error);
    g_autoptr(GstPad) pad = NULL;

    if (!source)
        return FALSE;
    if (address == self->settings->source)
        vigil_camera_pipeline_add_rtsp_audio(self, source);
    pad = gst_element_get_static_pad(source, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps, self, NULL);
    return TRUE;
}

gboolean
vigil_camera_pipeline_add_rtsp(VigilCameraPipeline *self, GError **error)
{
    const VigilCameraSettings *settings = self->settings;

    return add_one(self, settings->source, "source", error) &&
           (!settings->detect_source ||
            add_one(self, settings->detect_source, "detect-source", error));
}
