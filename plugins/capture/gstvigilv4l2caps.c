/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/gstvigilv4l2caps.h"

#include <linux/videodev2.h>

static const struct {
    guint32 fourcc;
    GstVideoFormat format;
} raw_formats[] = {
    {V4L2_PIX_FMT_NV12, GST_VIDEO_FORMAT_NV12},
    {V4L2_PIX_FMT_NV12M, GST_VIDEO_FORMAT_NV12},
    {V4L2_PIX_FMT_YUV420, GST_VIDEO_FORMAT_I420},
    {V4L2_PIX_FMT_YUV420M, GST_VIDEO_FORMAT_I420},
    {V4L2_PIX_FMT_YVU420, GST_VIDEO_FORMAT_YV12},
    {V4L2_PIX_FMT_YVU420M, GST_VIDEO_FORMAT_YV12},
    {V4L2_PIX_FMT_NV21, GST_VIDEO_FORMAT_NV21},
    {V4L2_PIX_FMT_NV21M, GST_VIDEO_FORMAT_NV21},
    {V4L2_PIX_FMT_YUYV, GST_VIDEO_FORMAT_YUY2},
    {V4L2_PIX_FMT_UYVY, GST_VIDEO_FORMAT_UYVY},
    {V4L2_PIX_FMT_YVYU, GST_VIDEO_FORMAT_YVYU},
    {V4L2_PIX_FMT_VYUY, GST_VIDEO_FORMAT_VYUY},
    {V4L2_PIX_FMT_YUV422P, GST_VIDEO_FORMAT_Y42B},
    {V4L2_PIX_FMT_YUV422M, GST_VIDEO_FORMAT_Y42B},
    {V4L2_PIX_FMT_NV16, GST_VIDEO_FORMAT_NV16},
    {V4L2_PIX_FMT_NV16M, GST_VIDEO_FORMAT_NV16},
    {V4L2_PIX_FMT_NV61, GST_VIDEO_FORMAT_NV61},
    {V4L2_PIX_FMT_NV24, GST_VIDEO_FORMAT_NV24},
    {V4L2_PIX_FMT_RGB24, GST_VIDEO_FORMAT_RGB},
    {V4L2_PIX_FMT_BGR24, GST_VIDEO_FORMAT_BGR},
    {V4L2_PIX_FMT_XBGR32, GST_VIDEO_FORMAT_BGRx},
    {V4L2_PIX_FMT_XRGB32, GST_VIDEO_FORMAT_xRGB},
    {V4L2_PIX_FMT_ABGR32, GST_VIDEO_FORMAT_BGRA},
    {V4L2_PIX_FMT_ARGB32, GST_VIDEO_FORMAT_ARGB},
    {V4L2_PIX_FMT_RGBX32, GST_VIDEO_FORMAT_RGBx},
    {V4L2_PIX_FMT_RGBA32, GST_VIDEO_FORMAT_RGBA},
    {V4L2_PIX_FMT_BGR32, GST_VIDEO_FORMAT_BGRx},
    {V4L2_PIX_FMT_RGB32, GST_VIDEO_FORMAT_xRGB},
    {V4L2_PIX_FMT_RGB565, GST_VIDEO_FORMAT_RGB16},
    {V4L2_PIX_FMT_RGB555, GST_VIDEO_FORMAT_RGB15},
    {V4L2_PIX_FMT_GREY, GST_VIDEO_FORMAT_GRAY8},
    {V4L2_PIX_FMT_Y16, GST_VIDEO_FORMAT_GRAY16_LE},
    {V4L2_PIX_FMT_Y16_BE, GST_VIDEO_FORMAT_GRAY16_BE},
};

static GstVideoFormat
find_raw(guint32 fourcc)
{
    for (guint i = 0; i < G_N_ELEMENTS(raw_formats); i++)
        if (raw_formats[i].fourcc == fourcc)
            return raw_formats[i].format;
    return GST_VIDEO_FORMAT_UNKNOWN;
}

/* (transfer full) (nullable): the caps of a format without size and rate */
static GstStructure *
describe(guint32 fourcc)
{
    switch (vigil_v4l2_kind_of(fourcc)) {
    case VIGIL_V4L2_H264:
        return gst_structure_new("video/x-h264", "stream-format", G_TYPE_STRING, "byte-stream",
                                 "alignment", G_TYPE_STRING, "au", NULL);
    case VIGIL_V4L2_H265:
        return gst_structure_new("video/x-h265", "stream-format", G_TYPE_STRING, "byte-stream",
                                 "alignment", G_TYPE_STRING, "au", NULL);
    case VIGIL_V4L2_MJPEG:
        return gst_structure_new("image/jpeg", "parsed", G_TYPE_BOOLEAN, TRUE, NULL);
    case VIGIL_V4L2_RAW:
        return gst_structure_new("video/x-raw", "format", G_TYPE_STRING,
                                 gst_video_format_to_string(find_raw(fourcc)), NULL);
    default: return NULL;
    }
}

GstCaps *
gst_vigil_v4l2_caps_of_all(void)
{
    static const guint32 encoded[] = {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_HEVC, V4L2_PIX_FMT_MJPEG};
    GstCaps *caps = gst_caps_new_empty();

    for (guint i = 0; i < G_N_ELEMENTS(encoded); i++)
        gst_caps_append_structure(caps, describe(encoded[i]));
    for (guint i = 0; i < G_N_ELEMENTS(raw_formats); i++)
        caps = gst_caps_merge_structure(caps, describe(raw_formats[i].fourcc));
    gst_caps_set_simple(caps, "width", GST_TYPE_INT_RANGE, 1, G_MAXINT, "height",
                        GST_TYPE_INT_RANGE, 1, G_MAXINT, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
                        G_MAXINT, 1, NULL);
    return gst_caps_simplify(caps);
}

/* --- what others take of it ------------------------------------------------------------------ */

static void
set_range(GstStructure *structure, const gchar *field, guint min, guint max)
{
    if (min == max)
        gst_structure_set(structure, field, G_TYPE_INT, (gint)min, NULL);
    else
        gst_structure_set(structure, field, GST_TYPE_INT_RANGE, (gint)min, (gint)max, NULL);
}

static void
get_range(const GstStructure *structure, const gchar *field, guint *min, guint *max)
{
    const GValue *value = gst_structure_get_value(structure, field);

    if (value && GST_VALUE_HOLDS_LIST(value) && gst_value_list_get_size(value) > 0)
        value = gst_value_list_get_value(value, 0);
    if (value && G_VALUE_HOLDS_INT(value)) {
        *min = *max = (guint)g_value_get_int(value);
    } else if (value && GST_VALUE_HOLDS_INT_RANGE(value)) {
        *min = (guint)gst_value_get_int_range_min(value);
        *max = (guint)gst_value_get_int_range_max(value);
    }
}

/* Caps without a rate take any; a rate that the driver does not tell fits any. */
static gboolean
takes_rate(const GstStructure *left, VigilV4l2Rate rate)
{
    const GValue *field = gst_structure_get_value(left, "framerate");
    GValue value = G_VALUE_INIT;
    gboolean takes;

    if (!field || rate.d == 0)
        return TRUE;
    g_value_init(&value, GST_TYPE_FRACTION);
    gst_value_set_fraction(&value, (gint)MIN(rate.n, G_MAXINT), (gint)MIN(rate.d, G_MAXINT));
    takes = gst_value_can_intersect(field, &value);
    g_value_unset(&value);
    return takes;
}

static VigilV4l2Rate
read_rate(const GValue *value)
{
    return (VigilV4l2Rate){(guint32)gst_value_get_fraction_numerator(value),
                           (guint32)gst_value_get_fraction_denominator(value)};
}

/* The faster of two, or the slower. */
static VigilV4l2Rate
pick_rate(VigilV4l2Rate rate, const GValue *limit, gboolean faster)
{
    const VigilV4l2Rate other = read_rate(limit);

    return (vigil_v4l2_rate_to_fps(other) > vigil_v4l2_rate_to_fps(rate)) == faster ? other : rate;
}

static gboolean
narrow_rates(const GstStructure *left, const VigilV4l2Mode *mode, VigilV4l2Mode *narrowed)
{
    const GValue *field = gst_structure_get_value(left, "framerate");

    narrowed->n_rates = 0;
    if (mode->any_rate && field && GST_VALUE_HOLDS_FRACTION(field)) {
        const VigilV4l2Rate rate = read_rate(field);
        const gdouble fps = vigil_v4l2_rate_to_fps(rate);

        narrowed->any_rate = FALSE;
        narrowed->rates[narrowed->n_rates++] = rate;
        return fps >= vigil_v4l2_rate_to_fps(mode->rates[0]) &&
               fps <= vigil_v4l2_rate_to_fps(mode->rates[1]);
    }
    if (mode->any_rate && field && GST_VALUE_HOLDS_FRACTION_RANGE(field)) {
        narrowed->rates[0] =
            pick_rate(mode->rates[0], gst_value_get_fraction_range_min(field), TRUE);
        narrowed->rates[1] =
            pick_rate(mode->rates[1], gst_value_get_fraction_range_max(field), FALSE);
        narrowed->n_rates = 2;
        return TRUE;
    }
    for (guint i = 0; i < mode->n_rates; i++)
        if (mode->any_rate || takes_rate(left, mode->rates[i]))
            narrowed->rates[narrowed->n_rates++] = mode->rates[i];
    return mode->n_rates == 0 || narrowed->n_rates > 0;
}

gboolean
gst_vigil_v4l2_mode_narrow(const VigilV4l2Mode *mode, const GstCaps *allowed,
                           VigilV4l2Mode *narrowed)
{
    GstStructure *structure = describe(mode->fourcc);
    g_autoptr(GstCaps) own = NULL, common = NULL;

    *narrowed = *mode;
    if (!structure)
        return FALSE;
    set_range(structure, "width", mode->min_width, mode->max_width);
    set_range(structure, "height", mode->min_height, mode->max_height);
    own = gst_caps_new_full(structure, NULL);
    common = gst_caps_intersect_full((GstCaps *)allowed, own, GST_CAPS_INTERSECT_FIRST);
    for (guint i = 0; i < gst_caps_get_size(common); i++) {
        const GstStructure *left = gst_caps_get_structure(common, i);

        get_range(left, "width", &narrowed->min_width, &narrowed->max_width);
        get_range(left, "height", &narrowed->min_height, &narrowed->max_height);
        if (narrow_rates(left, mode, narrowed))
            return TRUE;
    }
    return FALSE;
}

/* --- what the driver gave -------------------------------------------------------------------- */

static void
set_colours(GstCaps *caps, const VigilV4l2Format *format)
{
    const gboolean full = format->quantization == V4L2_QUANTIZATION_FULL_RANGE;
    const gchar *text = NULL;

    /* range:matrix:transfer:primaries, by what <linux/videodev2.h> says of each colour space's defaults */
    switch (format->colorspace) {
    case V4L2_COLORSPACE_SMPTE170M: text = full ? "1:4:16:4" : "bt601"; break;
    case V4L2_COLORSPACE_REC709: text = full ? "1:3:5:1" : "bt709"; break;
    case V4L2_COLORSPACE_SRGB: text = full ? "1:4:7:1" : "2:4:7:1"; break;
    case V4L2_COLORSPACE_JPEG: text = "1:4:7:1"; break;
    default: break;
    }
    if (text)
        gst_caps_set_simple(caps, "colorimetry", G_TYPE_STRING, text, NULL);
}

GstCaps *
gst_vigil_v4l2_caps_of_format(const VigilV4l2Format *format)
{
    GstCaps *caps = gst_caps_new_full(describe(format->fourcc), NULL);
    const GstVideoFormat raw = find_raw(format->fourcc);
    const gint n = format->rate.d ? (gint)MIN(format->rate.n, G_MAXINT) : 0;
    const gint d = format->rate.d ? (gint)MIN(format->rate.d, G_MAXINT) : 1;

    gst_caps_set_simple(caps, "width", G_TYPE_INT, (gint)format->width, "height", G_TYPE_INT,
                        (gint)format->height, "framerate", GST_TYPE_FRACTION, n, d,
                        "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
    gst_caps_set_simple(caps, "interlace-mode", G_TYPE_STRING,
                        format->field <= V4L2_FIELD_NONE ? "progressive" : "interleaved", NULL);
    if (raw != GST_VIDEO_FORMAT_UNKNOWN &&
        GST_VIDEO_FORMAT_INFO_IS_YUV(gst_video_format_get_info(raw)))
        set_colours(caps, format);
    return caps;
}

gboolean
gst_vigil_v4l2_lay_out(const VigilV4l2Format *format, const GstVideoInfo *info, const gsize *sizes,
                       gsize offsets[GST_VIDEO_MAX_PLANES], gint strides[GST_VIDEO_MAX_PLANES])
{
    const guint n_planes = GST_VIDEO_INFO_N_PLANES(info);
    const gboolean apart = format->n_planes == n_planes && n_planes > 1;
    gsize offset = 0;
    gboolean usual = !apart;

    for (guint p = 0; p < n_planes; p++) {
        gint component[GST_VIDEO_MAX_COMPONENTS];
        gsize rows;

        gst_video_format_info_component(info->finfo, p, component);
        rows = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT(info->finfo, component[0], format->height);
        /* rows of chroma in the same memory are as much shorter as its pixels are fewer */
        strides[p] = apart ? (gint)format->stride[p]
                           : (gint)((guint64)format->stride[0] *
                                    (guint64)GST_VIDEO_INFO_PLANE_STRIDE(info, p) /
                                    (guint64)GST_VIDEO_INFO_PLANE_STRIDE(info, 0));
        offsets[p] = offset;
        offset += apart ? sizes[p] : (gsize)strides[p] * rows;
        usual &= strides[p] == GST_VIDEO_INFO_PLANE_STRIDE(info, p) &&
                 offsets[p] == GST_VIDEO_INFO_PLANE_OFFSET(info, p);
    }
    return usual;
}

gboolean
gst_vigil_v4l2_layout_fits(const VigilV4l2Format *format, const GstVideoInfo *info)
{
    const gboolean apart = format->n_planes == GST_VIDEO_INFO_N_PLANES(info);
    gsize sizes[VIGIL_V4L2_MAX_PLANES], offsets[GST_VIDEO_MAX_PLANES], total = 0;
    gint strides[GST_VIDEO_MAX_PLANES];

    for (guint p = 0; p < VIGIL_V4L2_MAX_PLANES; p++) {
        sizes[p] = format->size[p];
        total += p < format->n_planes ? sizes[p] : 0;
    }
    gst_vigil_v4l2_lay_out(format, info, sizes, offsets, strides);
    for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES(info); p++) {
        const gsize limit = apart ? offsets[p] + sizes[p] : total;
        gint component[GST_VIDEO_MAX_COMPONENTS];
        gsize row, rows;

        gst_video_format_info_component(info->finfo, p, component);
        row = (gsize)GST_VIDEO_INFO_COMP_PSTRIDE(info, component[0]) *
              (gsize)GST_VIDEO_INFO_COMP_WIDTH(info, component[0]);
        rows = (gsize)GST_VIDEO_INFO_COMP_HEIGHT(info, component[0]);
        if (strides[p] < 0 || (gsize)strides[p] < row ||
            offsets[p] + (gsize)strides[p] * (rows - 1) + row > limit)
            return FALSE;
    }
    return TRUE;
}
