/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mask/vigil-mask-painter.h"

#include "events/vigil-mask-spans.h"

/* Samples of a plane that are written alike: one component, or all of them where they lie side by side. */
typedef struct {
    guint plane, offset;
    guint step, size;
    guint shift_x, shift_y;
    guint8 value[GST_VIDEO_MAX_COMPONENTS];
    VigilMaskSpans *spans; /* borrowed */
} Layer;

struct VigilMaskPainter {
    GstVideoFormat format;
    guint width, height;
    Layer layers[GST_VIDEO_MAX_COMPONENTS];
    guint n_layers;
    VigilMaskSpans *full, *small; /* of luma; of chroma, NULL where it has as many samples */
};

/* --- colour ---------------------------------------------------------------------------------- */

static void
to_yuv(const GstVideoInfo *info, const gdouble rgb[3], guint8 value[GST_VIDEO_MAX_COMPONENTS])
{
    GstVideoColorMatrix matrix = info->colorimetry.matrix;
    gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
    gdouble kr, kb, yuv[3];

    if (!gst_video_color_matrix_get_Kr_Kb(matrix, &kr, &kb))
        gst_video_color_matrix_get_Kr_Kb(GST_VIDEO_COLOR_MATRIX_BT601, &kr, &kb);
    gst_video_color_range_offsets(info->colorimetry.range, info->finfo, offset, scale);
    yuv[0] = kr * rgb[0] + (1.0 - kr - kb) * rgb[1] + kb * rgb[2];
    yuv[1] = 0.5 * (rgb[2] - yuv[0]) / (1.0 - kb);
    yuv[2] = 0.5 * (rgb[0] - yuv[0]) / (1.0 - kr);
    for (guint i = 0; i < 3; i++)
        value[i] = (guint8)CLAMP((gint)(offset[i] + yuv[i] * scale[i] + 0.5), 0, 255);
}

static void
find_value(const GstVideoInfo *info, guint32 colour, guint8 value[GST_VIDEO_MAX_COMPONENTS])
{
    const guint8 rgb[3] = {(colour >> 16) & 0xff, (colour >> 8) & 0xff, colour & 0xff};
    const gdouble parts[3] = {rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0};

    for (guint i = 0; i < GST_VIDEO_MAX_COMPONENTS; i++)
        value[i] = i < 3 ? rgb[i] : 0xff; /* what is masked is not seen through */
    if (!GST_VIDEO_INFO_IS_RGB(info))
        to_yuv(info, parts, value);
}

/* --- layers ---------------------------------------------------------------------------------- */

/* Bytes that stand for themselves, whose places the description of the format says. */
static gboolean
is_known(const GstVideoFormatInfo *format)
{
    if (!(GST_VIDEO_FORMAT_INFO_IS_YUV(format) || GST_VIDEO_FORMAT_INFO_IS_RGB(format) ||
          GST_VIDEO_FORMAT_INFO_IS_GRAY(format)) ||
        GST_VIDEO_FORMAT_INFO_IS_COMPLEX(format) || GST_VIDEO_FORMAT_INFO_IS_TILED(format) ||
        GST_VIDEO_FORMAT_INFO_HAS_PALETTE(format))
        return FALSE;
    for (guint i = 0; i < format->n_components; i++)
        if (format->depth[i] != 8 || format->shift[i] != 0 ||
            format->pixel_stride[i] > GST_VIDEO_MAX_COMPONENTS)
            return FALSE;
    return TRUE;
}

/* The first layer of the plane whose samples this component is part of, side by side with others. */
static Layer *
find_layer(VigilMaskPainter *self, const GstVideoFormatInfo *format, guint component)
{
    for (guint i = 0; i < self->n_layers; i++) {
        Layer *layer = &self->layers[i];

        if (layer->size == layer->step && layer->plane == format->plane[component] &&
            layer->shift_x == format->w_sub[component] &&
            layer->step == (guint)format->pixel_stride[component])
            return layer;
    }
    return NULL;
}

/* Whether all components of the plane have as many samples: then a sample is one run of bytes. */
static gboolean
is_uniform(const GstVideoFormatInfo *format, guint component)
{
    for (guint i = 0; i < format->n_components; i++)
        if (format->plane[i] == format->plane[component] &&
            format->w_sub[i] != format->w_sub[component])
            return FALSE;
    return TRUE;
}

static void
add_component(VigilMaskPainter *self, const GstVideoFormatInfo *format, guint component,
              guint8 value)
{
    const gboolean uniform = is_uniform(format, component);
    Layer *layer = uniform ? find_layer(self, format, component) : NULL;

    if (!layer) {
        layer = &self->layers[self->n_layers++];
        layer->plane = format->plane[component];
        layer->step = format->pixel_stride[component];
        layer->size = uniform ? layer->step : 1;
        layer->offset = uniform ? 0 : format->poffset[component];
        layer->shift_x = format->w_sub[component];
        layer->shift_y = format->h_sub[component];
        /* a byte that means nothing, of RGBx */
        memset(layer->value, 0xff, sizeof layer->value);
    }
    layer->value[uniform ? format->poffset[component] : 0] = value;
}

VigilMaskPainter *
vigil_mask_painter_new(const VigilPrivacyMask *mask, const GstVideoInfo *info, guint32 colour)
{
    g_autoptr(VigilMaskPainter) self = g_new0(VigilMaskPainter, 1);
    guint8 value[GST_VIDEO_MAX_COMPONENTS];

    if (!is_known(info->finfo) || GST_VIDEO_INFO_WIDTH(info) < 1 ||
        GST_VIDEO_INFO_HEIGHT(info) < 1 || GST_VIDEO_INFO_WIDTH(info) > VIGIL_MASK_SPANS_MAX_SIZE ||
        GST_VIDEO_INFO_HEIGHT(info) > VIGIL_MASK_SPANS_MAX_SIZE)
        return NULL;
    self->format = GST_VIDEO_INFO_FORMAT(info);
    self->width = (guint)GST_VIDEO_INFO_WIDTH(info);
    self->height = (guint)GST_VIDEO_INFO_HEIGHT(info);
    find_value(info, colour, value);
    for (guint i = 0; i < info->finfo->n_components; i++)
        add_component(self, info->finfo, i, value[i]);
    self->full = vigil_mask_spans_new(mask, self->width, self->height);
    for (guint i = 0; i < self->n_layers; i++) {
        Layer *layer = &self->layers[i];

        layer->spans = self->full;
        if (layer->shift_x == 0 && layer->shift_y == 0)
            continue;
        if (!self->small)
            self->small = vigil_mask_spans_subsample(self->full, layer->shift_x, layer->shift_y,
                                                     layer->shift_y > 0 &&
                                                         GST_VIDEO_INFO_IS_INTERLACED(info));
        layer->spans = self->small; /* all chroma has as many samples */
    }
    return g_steal_pointer(&self);
}

void
vigil_mask_painter_free(VigilMaskPainter *self)
{
    if (!self)
        return;
    vigil_mask_spans_free(self->full);
    vigil_mask_spans_free(self->small);
    g_free(self);
}

/* --- frames ---------------------------------------------------------------------------------- */

/* Planes and strides may be a producer's say-so. With a meta each plane has a mapping of its own, else they share one. */
static gboolean
is_inside(const Layer *layer, const GstVideoFrame *frame, const guint8 *first, gssize stride)
{
    const GstMapInfo *map = &frame->map[frame->meta ? layer->plane : 0];
    const guintptr begin = (guintptr)map->data, end = begin + map->size;
    const guintptr at = (guintptr)first;
    const gsize width = (gsize)(layer->spans->width - 1) * layer->step + layer->size;
    const gsize rows = layer->spans->height - 1;
    const gsize pitch = (gsize)ABS(stride);
    gsize above, below;

    if (!map->data || at < begin || at > end || (rows > 0 && pitch > map->size / rows))
        return FALSE;
    above = stride < 0 ? pitch * rows : 0;
    below = stride < 0 ? 0 : pitch * rows;
    return above <= at - begin && below <= end - at && width <= end - at - below;
}

gboolean
vigil_mask_painter_paint(const VigilMaskPainter *self, GstVideoFrame *frame)
{
    if (GST_VIDEO_FRAME_FORMAT(frame) != self->format ||
        (guint)GST_VIDEO_FRAME_WIDTH(frame) != self->width ||
        (guint)GST_VIDEO_FRAME_HEIGHT(frame) != self->height)
        return FALSE;
    for (guint i = 0; i < self->n_layers; i++) {
        const Layer *layer = &self->layers[i];
        const gssize stride = GST_VIDEO_FRAME_PLANE_STRIDE(frame, layer->plane);
        guint8 *first = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, layer->plane) + layer->offset;

        if (!is_inside(layer, frame, first, stride))
            return FALSE;
        vigil_mask_spans_fill(layer->spans, first, stride, layer->step, layer->value, layer->size);
    }
    return TRUE;
}
