/* SPDX-License-Identifier: Apache-2.0 */
#include <gst/video/video.h>

#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

/* A clip begins at a keyframe: so much more than its pre-roll may be in it. */
#define KEYFRAME_INTERVAL (2 * GST_SECOND)
#define BITRATE_KBIT 2000
/* What one of these encoders takes while it works on others; a frame is large. */
#define QUEUE_BUFFERS 8

/* The best first: those of the machine's chips, then software. */
static const struct {
    const gchar *factory;
    const gchar *before; /* brings frames into the device's memory */
    const gchar *const *settings;
} encoders[] = {
    {"v4l2h264enc", NULL, NULL},
    {"nvv4l2h264enc", "nvvidconv", (const gchar *const[]){"insert-sps-pps", "true", NULL}},
    {"x264enc", NULL,
     (const gchar *const[]){"tune", "zerolatency", "speed-preset", "superfast", NULL}},
    {"openh264enc", NULL, (const gchar *const[]){"complexity", "low", NULL}},
};

static void
apply(GstElement *encoder, const gchar *const *settings)
{
    for (; settings && settings[0]; settings += 2)
        gst_util_set_object_arg(G_OBJECT(encoder), settings[0], settings[1]);
}

/* One whose device is busy or gone is not there. */
static GstElement *
try_encoder(guint i)
{
    GstElement *encoder = gst_element_factory_make(encoders[i].factory, "encoder");

    if (!encoder)
        return NULL;
    gst_object_ref_sink(encoder);
    apply(encoder, encoders[i].settings);
    if (g_str_equal(encoders[i].factory, "x264enc"))
        g_object_set(encoder, "bitrate", BITRATE_KBIT, NULL);
    else if (g_str_equal(encoders[i].factory, "openh264enc"))
        g_object_set(encoder, "bitrate", 1000 * BITRATE_KBIT, NULL);
    if (gst_element_set_state(encoder, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE) {
        /* the pipeline takes it from there */
        gst_element_set_state(encoder, GST_STATE_NULL);
        return encoder;
    }
    gst_element_set_state(encoder, GST_STATE_NULL);
    gst_object_unref(encoder);
    return NULL;
}

static GstElement *
make_encoder(VigilCameraPipeline *self, const gchar **before, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(encoders); i++) {
        GstElement *encoder = try_encoder(i);

        if (!encoder)
            continue;
        *before = encoders[i].before;
        gst_bin_add(GST_BIN(self->pipeline), encoder);
        gst_object_unref(encoder);
        return encoder;
    }
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                "no H.264 encoder is installed for a camera that %s; Debian has x264enc in "
                "gstreamer1.0-plugins-ugly",
                self->settings->masks ? "has masks, whose clips are encoded anew"
                                      : "does not encode itself");
    return NULL;
}

/* Encoders count keyframes in frames or not at all; here the time counts, however many frames there are. */
static GstPadProbeReturn
ask_for_keyframe(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    GstClockTime *last = user_data;
    const GstClockTime pts = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));

    if (!GST_CLOCK_TIME_IS_VALID(pts))
        return GST_PAD_PROBE_OK;
    if (!GST_CLOCK_TIME_IS_VALID(*last)) {
        *last = pts; /* the first one is a keyframe anyway */
        return GST_PAD_PROBE_OK;
    }
    if (pts >= *last && pts - *last < KEYFRAME_INTERVAL)
        return GST_PAD_PROBE_OK;
    *last = pts;
    gst_pad_send_event(pad, gst_video_event_new_downstream_force_key_unit(
                                pts, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, TRUE, 0));
    return GST_PAD_PROBE_OK;
}

static void
bound_keyframes(GstElement *encoder)
{
    g_autoptr(GstPad) sink = gst_element_get_static_pad(encoder, "sink");
    GstClockTime *last = g_new(GstClockTime, 1);

    *last = GST_CLOCK_TIME_NONE;
    gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, ask_for_keyframe, last, g_free);
}

static GstElement *
add_raw_queue(VigilCameraPipeline *self, GError **error)
{
    GstElement *queue = vigil_gst_make("queue", "raw-queue", error);

    if (!vigil_camera_pipeline_add(self, queue))
        return NULL;
    g_object_set(queue, "max-size-buffers", QUEUE_BUFFERS, "max-size-bytes", 0, "max-size-time",
                 (guint64)0, "silent", TRUE, NULL);
    /* an encoder that cannot keep up leaves frames out, and does not hold up the detector */
    if (self->live)
        gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");
    return queue;
}

/* Formats that every player knows. */
static GstElement *
add_filter(VigilCameraPipeline *self, GError **error)
{
    GstElement *filter = vigil_gst_make("capsfilter", NULL, error);
    g_autoptr(GstCaps) caps =
        gst_caps_from_string("video/x-raw, format=(string){ I420, NV12 }; "
                             "video/x-raw(memory:NVMM), format=(string){ I420, NV12 }");

    if (!vigil_camera_pipeline_add(self, filter))
        return NULL;
    g_object_set(filter, "caps", caps, NULL);
    return filter;
}

GstElement *
vigil_camera_pipeline_add_encoder(VigilCameraPipeline *self, GError **error)
{
    GstElement *queue, *convert, *filter, *encoder, *parser;
    const gchar *before = NULL;

    queue = add_raw_queue(self, error);
    if (!queue)
        return NULL;
    encoder = make_encoder(self, &before, error);
    if (!encoder)
        return NULL;
    bound_keyframes(encoder);
    convert = vigil_gst_make(before ? before : "videoconvert", NULL, error);
    if (!vigil_camera_pipeline_add(self, convert))
        return NULL;
    filter = add_filter(self, error);
    if (!filter)
        return NULL;
    parser = vigil_gst_make("h264parse", "record-parser", error);
    if (!vigil_camera_pipeline_add(self, parser))
        return NULL;
    if (!gst_element_link_many(queue, convert, filter, encoder, parser, NULL) ||
        !gst_element_link_pads(parser, "src", self->record, "video"))
        return NULL;
    /* in a pipeline that runs already: what a frame reaches last is awake first */
    return gst_element_sync_state_with_parent(parser) &&
                   gst_element_sync_state_with_parent(encoder) &&
                   gst_element_sync_state_with_parent(filter) &&
                   gst_element_sync_state_with_parent(convert) &&
                   gst_element_sync_state_with_parent(queue)
               ? queue
               : NULL;
}
