/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-preprocess-plan-private.h"

#include <math.h>

static const VigilPixelLayout layouts[] = {
    [VIGIL_PIXELS_I420] = {3, 3, TRUE, {{0, 0, 1, 0, 0}, {1, 0, 1, 1, 1}, {2, 0, 1, 1, 1}}},
    [VIGIL_PIXELS_NV12] = {2, 3, TRUE, {{0, 0, 1, 0, 0}, {1, 0, 2, 1, 1}, {1, 1, 2, 1, 1}}},
    [VIGIL_PIXELS_YUY2] = {1, 3, TRUE, {{0, 0, 2, 0, 0}, {0, 1, 4, 1, 0}, {0, 3, 4, 1, 0}}},
    [VIGIL_PIXELS_RGB] = {1, 3, FALSE, {{0, 0, 3, 0, 0}, {0, 1, 3, 0, 0}, {0, 2, 3, 0, 0}}},
    [VIGIL_PIXELS_BGR] = {1, 3, FALSE, {{0, 2, 3, 0, 0}, {0, 1, 3, 0, 0}, {0, 0, 3, 0, 0}}},
    [VIGIL_PIXELS_RGBX] = {1, 3, FALSE, {{0, 0, 4, 0, 0}, {0, 1, 4, 0, 0}, {0, 2, 4, 0, 0}}},
    [VIGIL_PIXELS_BGRX] = {1, 3, FALSE, {{0, 2, 4, 0, 0}, {0, 1, 4, 0, 0}, {0, 0, 4, 0, 0}}},
    [VIGIL_PIXELS_GRAY8] = {1, 1, FALSE, {{0, 0, 1, 0, 0}}},
};

const VigilPixelLayout *
vigil_pixel_layout(VigilPixelFormat format)
{
    return (guint)format < G_N_ELEMENTS(layouts) ? &layouts[format] : NULL;
}

guint
vigil_pixel_row_bytes(const VigilPixelLayout *layout, guint plane, guint width)
{
    guint bytes = 0;

    for (guint c = 0; c < layout->n_channels; c++) {
        const VigilPixelChannel *channel = &layout->channels[c];
        const guint n = channel->halved_x ? (width + 1) / 2 : width;

        if (channel->plane == plane)
            bytes = MAX(bytes, (n - 1) * channel->step + channel->offset + 1);
    }
    return bytes;
}

gboolean
vigil_preprocess_plan_fits(const VigilPreprocessPlan *self, const VigilImage *image,
                           const VigilCrop *crop)
{
    const gboolean yuv = layouts[image->format].yuv;

    return self->format == image->format && self->width == crop->width &&
           self->height == crop->height && self->odd_x == (yuv ? crop->x % 2 : 0) &&
           self->odd_y == (yuv ? crop->y % 2 : 0);
}

static void
place(VigilPreprocessPlan *plan, VigilResize resize, guint in_width, guint in_height)
{
    plan->out_width = in_width;
    plan->out_height = in_height;
    if (resize == VIGIL_RESIZE_LETTERBOX) {
        const gdouble scale =
            MIN((gdouble)in_width / plan->width, (gdouble)in_height / plan->height);

        plan->out_width = (guint)CLAMP(lrint(plan->width * scale), 1, (glong)in_width);
        plan->out_height = (guint)CLAMP(lrint(plan->height * scale), 1, (glong)in_height);
    }
    plan->left = (in_width - plan->out_width) / 2;
    plan->top = (in_height - plan->out_height) / 2;
    plan->mapping = (VigilMapping){
        .x_scale = (gfloat)in_width / plan->out_width,
        .x_offset = -(gfloat)plan->left / plan->out_width,
        .y_scale = (gfloat)in_height / plan->out_height,
        .y_offset = -(gfloat)plan->top / plan->out_height,
    };
}

/* Samples of a halved axis that pixels from @odd on share; the first block may be half outside. */
static void
init_half(VigilResampleAxis *axis, guint odd, guint n, guint n_out)
{
    vigil_resample_axis_init(axis, (odd + n + 1) / 2, odd / 2.0, n / 2.0, n_out);
}

void
vigil_preprocess_plan_set(VigilPreprocessPlan *self, const VigilImage *image, const VigilCrop *crop,
                          VigilResize resize, guint in_width, guint in_height)
{
    const VigilPixelLayout *layout = &layouts[image->format];
    const guint width = crop->width, height = crop->height;

    self->format = image->format;
    self->width = width;
    self->height = height;
    self->odd_x = layout->yuv ? crop->x % 2 : 0;
    self->odd_y = layout->yuv ? crop->y % 2 : 0;
    place(self, resize, in_width, in_height);
    vigil_resample_axis_init(&self->x_full, width, 0, width, self->out_width);
    vigil_resample_axis_init(&self->y_full, height, 0, height, self->out_height);
    vigil_resample_axis_pad(&self->x_full);
    if (layout->yuv) {
        init_half(&self->x_half, self->odd_x, width, self->out_width);
        init_half(&self->y_half, self->odd_y, height, self->out_height);
        vigil_resample_axis_pad(&self->x_half);
    }
    for (guint p = 0; p < layout->n_planes; p++)
        self->row_bytes[p] = vigil_pixel_row_bytes(layout, p, self->odd_x + width);
}

void
vigil_preprocess_plan_free(VigilPreprocessPlan *self)
{
    if (!self)
        return;
    vigil_resample_axis_finish(&self->x_full);
    vigil_resample_axis_finish(&self->x_half);
    vigil_resample_axis_finish(&self->y_full);
    vigil_resample_axis_finish(&self->y_half);
    g_free(self);
}
