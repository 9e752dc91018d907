/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"
#include "plugins/common/vigil-encoder.h"

/* A clip begins at a keyframe: so much more than its pre-roll may be in it. */
#define KEYFRAME_INTERVAL (2 * GST_SECOND)
/* What one of these encoders takes while it works on others; a frame is large. */
#define QUEUE_BUFFERS 8

static GstElement *
make_encoder(VigilCameraPipeline *self, const gchar **before, GError **error)
{
    GstElement *encoder = vigil_encoder_make(before);

    if (encoder)
        return vigil_camera_pipeline_add(self, encoder) ? encoder : NULL;
    g_set_error(error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                "no H.264 encoder is installed for a camera that %s; Debian has x264enc in "
                "gstreamer1.0-plugins-ugly",
                self->settings->masks ? "has masks, whose clips are encoded anew"
                                      : "does not encode itself");
    return NULL;
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
    g_autoptr(GstCaps) caps = gst_caps_from_string(VIGIL_ENCODER_FORMATS);

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
    vigil_encoder_bound_keyframes(encoder, KEYFRAME_INTERVAL);
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
