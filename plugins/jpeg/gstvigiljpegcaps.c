/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/jpeg/gstvigiljpegcaps.h"

static const struct {
    GstVideoFormat format;
    VigilPixelFormat pixels;
} formats[] = {
    {GST_VIDEO_FORMAT_I420, VIGIL_PIXELS_I420},
    {GST_VIDEO_FORMAT_NV12, VIGIL_PIXELS_NV12},
    {GST_VIDEO_FORMAT_GRAY8, VIGIL_PIXELS_GRAY8},
    {GST_VIDEO_FORMAT_RGB, VIGIL_PIXELS_RGB},
};

static gboolean
takes(GstCaps *downstream, GstCaps *caps)
{
    return gst_caps_can_intersect(downstream, caps);
}

/* (transfer full): a picture of @scale in any of our formats */
static GstCaps *
size_caps(const VigilJpegHeader *header, guint scale)
{
    GstCaps *caps = gst_caps_from_string(GST_VIDEO_CAPS_MAKE(GST_VIGIL_JPEG_FORMATS));

    gst_caps_set_simple(caps, "width", G_TYPE_INT, (gint)vigil_jpeg_scaled(header->width, scale),
                        "height", G_TYPE_INT, (gint)vigil_jpeg_scaled(header->height, scale), NULL);
    return caps;
}

/* What is wanted at least; 0: anything */
static void
read_wish(GstCaps *downstream, gint *width, gint *height)
{
    const GstStructure *first;

    *width = *height = 0;
    if (gst_caps_is_any(downstream) || gst_caps_is_empty(downstream))
        return;
    first = gst_caps_get_structure(downstream, 0);
    gst_structure_get_int(first, "width", width);
    gst_structure_get_int(first, "height", height);
    *width = MAX(*width, 0);
    *height = MAX(*height, 0);
}

/* Returns: 0 when no scale is taken */
static guint
choose_scale(const VigilJpegHeader *header, GstCaps *downstream)
{
    guint chosen = 0, wanted;
    gint width, height;

    read_wish(downstream, &width, &height);
    wanted = width || height ? vigil_jpeg_choose_scale(header, (guint)width, (guint)height) : 1;
    /* from the smallest picture to the largest: the first that is large enough, or the last that is taken */
    for (guint scale = 8; scale >= 1; scale /= 2) {
        g_autoptr(GstCaps) caps = size_caps(header, scale);

        if (!takes(downstream, caps))
            continue;
        chosen = scale;
        if (scale <= wanted)
            break;
    }
    return chosen;
}

static gboolean
choose_format(GstCaps *downstream, guint structure, GstCaps *caps, GstVideoFormat *format)
{
    g_autoptr(GstCaps) one =
        gst_caps_is_any(downstream) ? gst_caps_new_any() : gst_caps_copy_nth(downstream, structure);

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GstCaps) candidate = gst_caps_copy(caps);

        gst_caps_set_simple(candidate, "format", G_TYPE_STRING,
                            gst_video_format_to_string(formats[i].format), NULL);
        if (takes(one, candidate)) {
            *format = formats[i].format;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
gst_vigil_jpeg_choose(const VigilJpegHeader *header, GstCaps *downstream,
                      GstVigilJpegChoice *choice)
{
    const guint scale = choose_scale(header, downstream);
    const guint n = gst_caps_is_any(downstream) ? 1 : gst_caps_get_size(downstream);
    g_autoptr(GstCaps) caps = NULL;

    if (scale == 0)
        return FALSE;
    caps = size_caps(header, scale);
    *choice = (GstVigilJpegChoice){
        .scale = scale,
        .width = vigil_jpeg_scaled(header->width, scale),
        .height = vigil_jpeg_scaled(header->height, scale),
    };
    for (guint i = 0; i < n; i++)
        if (choose_format(downstream, i, caps, &choice->format))
            return TRUE;
    return FALSE;
}

gboolean
gst_vigil_jpeg_target(const GstVideoFrame *frame, VigilJpegTarget *target)
{
    *target = (VigilJpegTarget){
        .width = (guint)GST_VIDEO_FRAME_WIDTH(frame),
        .height = (guint)GST_VIDEO_FRAME_HEIGHT(frame),
    };
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].format == GST_VIDEO_FRAME_FORMAT(frame))
            target->format = formats[i].pixels;
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame); i++) {
        if (GST_VIDEO_FRAME_PLANE_STRIDE(frame, i) <= 0)
            return FALSE;
        target->planes[i] = GST_VIDEO_FRAME_PLANE_DATA(frame, i);
        target->strides[i] = (guint)GST_VIDEO_FRAME_PLANE_STRIDE(frame, i);
    }
    return TRUE;
}
