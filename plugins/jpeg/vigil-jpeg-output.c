/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libjpeg's components to the planes of the target. Luma, and chroma that has the target's layout already, are decoded in place;
 * other chroma goes by a strip of one row of blocks.
 *
 * At 1/2 and below libjpeg gives chroma that is stored coarser than luma in luma's size, as far as it can by a larger inverse
 * DCT. The 4:2:0 of the target then takes the mean of the samples that fall together.
 */
#include <string.h>

#include "plugins/jpeg/vigil-jpeg-private.h"

/* Rows for one call of libjpeg, which hands out at most four at once */
#define RGB_ROWS 8

static guint
halved(guint pixels)
{
    return (pixels + 1) / 2;
}

static void
plane_init(VigilJpegPlane *plane, const VigilJpeg *self, guint index)
{
    const struct jpeg_decompress_struct *cinfo = &self->cinfo;
    const jpeg_component_info *component = &cinfo->comp_info[index];
    const guint size = (guint)component->DCT_scaled_size;
    const gboolean is_layout = self->target->format == VIGIL_PIXELS_I420 || index == 0;

    plane->rows = (guint)component->v_samp_factor * size;
    plane->width = component->width_in_blocks * size;
    plane->step_x = (guint)(cinfo->max_h_samp_factor * cinfo->min_DCT_scaled_size) /
                    ((guint)component->h_samp_factor * size);
    plane->step_y = (guint)(cinfo->max_v_samp_factor * cinfo->min_DCT_scaled_size) /
                    ((guint)component->v_samp_factor * size);
    plane->direct = is_layout &&
                    (index == 0 ? plane->step_x == 1 && plane->step_y == 1
                                : plane->step_x == 2 && plane->step_y == 2) &&
                    self->target->strides[index] >= plane->width;
    plane->above = NULL;
}

/* Strips only grow, as the arena does. */
static void
place_strips(VigilJpeg *self, guint n)
{
    gsize size = 0;
    guint8 *strip;

    for (guint i = 0; i < n; i++)
        size += ((gsize)self->planes[i].rows + 1) * self->planes[i].width;
    if (size > self->strips_size) {
        g_free(self->strips);
        self->strips = g_try_malloc(size);
        self->strips_size = self->strips ? size : 0;
    }
    if (!self->strips)
        vigil_jpeg_escape(self, "there is no memory for it");
    strip = self->strips;
    for (guint i = 0; i < n; i++) {
        VigilJpegPlane *plane = &self->planes[i];

        plane->strip = strip;
        plane->carry = strip + (gsize)plane->rows * plane->width;
        strip = plane->carry + plane->width;
    }
}

/* @y: row of the picture where the strip begins. Where it hangs over the last row, libjpeg writes to the strip. */
static void
aim(VigilJpegPlane *plane, const VigilJpegTarget *target, guint index, guint y)
{
    const guint first = y / plane->step_y;
    const guint n_rows = index == 0 ? target->height : halved(target->height);

    for (guint i = 0; i < plane->rows; i++)
        plane->lines[i] = plane->direct && first + i < n_rows
                              ? target->planes[index] + (gsize)(first + i) * target->strides[index]
                              : plane->strip + (gsize)i * plane->width;
}

static void
copy_luma(const VigilJpegPlane *plane, const VigilJpegTarget *target, guint y)
{
    const guint n = MIN(plane->rows, target->height - y);

    for (guint i = 0; i < n; i++)
        memcpy(target->planes[0] + (gsize)(y + i) * target->strides[0], plane->lines[i],
               target->width);
}

/*
 * A row of the target's chroma from two rows of samples, which may be the same one.
 * @spread: bytes from one sample of the target to the next: a constant where this is called, so that each loop is one of vectors
 * @n: samples wanted, @last: the last sample of a row
 */
static inline void
mix_row(guint8 *restrict out, guint spread, guint n, const guint8 *above, const guint8 *below,
        guint step_x, guint last)
{
    const guint pairs = (last + 1) / 2;

    if (step_x == 4) {
        for (guint x = 0; x < n; x++)
            out[x * spread] = (guint8)((above[x / 2] + below[x / 2] + 1) / 2);
    } else if (step_x == 2) {
        for (guint x = 0; x < n; x++)
            out[x * spread] = (guint8)((above[x] + below[x] + 1) / 2);
    } else {
        for (guint x = 0; x < pairs; x++)
            out[x * spread] =
                (guint8)((above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1] + 2) /
                         4);
        if (pairs < n)
            out[pairs * spread] = (guint8)((above[last] + below[last] + 1) / 2);
    }
}

/* @y: row of the target's chroma */
static void
put_chroma(const VigilJpegPlane *plane, const VigilJpegTarget *target, guint index, guint y,
           const guint8 *above, const guint8 *below)
{
    const guint n = halved(target->width), last = (target->width - 1) / plane->step_x;

    if (target->format == VIGIL_PIXELS_NV12)
        mix_row(target->planes[1] + (gsize)y * target->strides[1] + index - 1, 2, n, above, below,
                plane->step_x, last);
    else
        mix_row(target->planes[index] + (gsize)y * target->strides[index], 1, n, above, below,
                plane->step_x, last);
}

/* @y: row of the picture where the strip begins */
static void
copy_chroma(VigilJpegPlane *plane, const VigilJpegTarget *target, guint index, guint y)
{
    for (guint i = 0; i < plane->rows && y < target->height; i++, y += plane->step_y) {
        const guint8 *row = plane->lines[i];

        if (plane->step_y == 1 && y % 2 == 0 && y + 1 < target->height) {
            plane->above = row;
            continue;
        }
        put_chroma(plane, target, index, y / 2, plane->above ? plane->above : row, row);
        plane->above = NULL;
        if (plane->step_y == 4 && y + 2 < target->height)
            put_chroma(plane, target, index, y / 2 + 1, row, row);
    }
    /* at 1/8 a strip may be one row, and the next is written over it */
    if (plane->above) {
        memcpy(plane->carry, plane->above, plane->width);
        plane->above = plane->carry;
    }
}

static void
fill_gray(const VigilJpegTarget *target)
{
    const gboolean interleaved = target->format == VIGIL_PIXELS_NV12;
    const guint width = halved(target->width) * (interleaved ? 2 : 1);

    for (guint i = 1; i < (interleaved ? 2 : 3); i++)
        for (guint y = 0; y < halved(target->height); y++)
            memset(target->planes[i] + (gsize)y * target->strides[i], 128, width);
}

void
vigil_jpeg_output_yuv(VigilJpeg *self)
{
    const VigilJpegTarget *target = self->target;
    const gboolean luma_only = target->format == VIGIL_PIXELS_GRAY8;
    const guint n = luma_only ? 1 : (guint)self->cinfo.num_components;
    const guint step = (guint)(self->cinfo.max_v_samp_factor * self->cinfo.min_DCT_scaled_size);
    JSAMPARRAY lines[3] = {self->planes[0].lines, self->planes[1].lines, self->planes[2].lines};

    for (guint i = 0; i < n; i++)
        plane_init(&self->planes[i], self, i);
    place_strips(self, n);
    for (guint y = 0; y < target->height; y += step) {
        for (guint i = 0; i < n; i++)
            aim(&self->planes[i], target, i, y);
        if (jpeg_read_raw_data(&self->cinfo, lines, step) != step)
            vigil_jpeg_escape(self, "it ends early");
        if (!self->planes[0].direct)
            copy_luma(&self->planes[0], target, y);
        for (guint i = 1; i < n; i++)
            if (!self->planes[i].direct)
                copy_chroma(&self->planes[i], target, i, y);
    }
    if (n == 1 && !luma_only)
        fill_gray(target);
}

void
vigil_jpeg_output_rgb(VigilJpeg *self)
{
    const VigilJpegTarget *target = self->target;

    while (self->cinfo.output_scanline < target->height) {
        JSAMPROW rows[RGB_ROWS];
        const guint y = self->cinfo.output_scanline;
        const guint n = MIN(RGB_ROWS, target->height - y);

        for (guint i = 0; i < n; i++)
            rows[i] = target->planes[0] + (gsize)(y + i) * target->strides[0];
        if (jpeg_read_scanlines(&self->cinfo, rows, n) == 0)
            vigil_jpeg_escape(self, "it ends early");
    }
}
