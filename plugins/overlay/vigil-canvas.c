/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/overlay/vigil-canvas.h"

#include "plugins/common/vigil-samples.h"

static guint8
to_byte(gfloat value)
{
    return (guint8)CLAMP(value + 0.5f, 0.0f, 255.0f);
}

/* ITU-R BT.601 and BT.709 */
static VigilInk
yuv_ink(const VigilImage *image, VigilColour colour)
{
    const gfloat kr = image->matrix == VIGIL_YUV_BT709 ? 0.2126f : 0.299f;
    const gfloat kb = image->matrix == VIGIL_YUV_BT709 ? 0.0722f : 0.114f;
    const gfloat y = kr * colour.r + (1.0f - kr - kb) * colour.g + kb * colour.b;
    const gfloat cb = (colour.b - y) / (2.0f * (1.0f - kb));
    const gfloat cr = (colour.r - y) / (2.0f * (1.0f - kr));

    if (image->full_range)
        return (VigilInk){{to_byte(y), to_byte(128.0f + cb), to_byte(128.0f + cr)}};
    return (VigilInk){{to_byte(16.0f + y * 219.0f / 255.0f), to_byte(128.0f + cb * 224.0f / 255.0f),
                       to_byte(128.0f + cr * 224.0f / 255.0f)}};
}

VigilInk
vigil_canvas_ink(const VigilImage *image, VigilColour colour)
{
    VigilSamples samples[3];

    switch (vigil_samples_locate(image, samples)) {
    case VIGIL_SAMPLES_YUV: return yuv_ink(image, colour);
    case VIGIL_SAMPLES_GRAY:
        return (VigilInk){{to_byte(0.299f * colour.r + 0.587f * colour.g + 0.114f * colour.b)}};
    case VIGIL_SAMPLES_RGB: break;
    }
    return (VigilInk){{colour.r, colour.g, colour.b}};
}

static void
blend_component(const VigilSamples *samples, gint x, gint y, gint n, const guint8 *coverage,
                guint8 alpha, guint8 value)
{
    /* an image only borrows pixels; whoever draws on it says that they are writable */
    guint8 *row = (guint8 *)samples->data + (gsize)(y >> samples->shift_y) * samples->stride;
    const gint mask = (1 << samples->shift_x) - 1;

    for (gint i = 0; i < n; i++) {
        const guint a = coverage ? coverage[i] * alpha / 255 : alpha;
        guint8 *sample;

        if (((x + i) & mask) && i > 0)
            continue;
        sample = row + (gsize)((x + i) >> samples->shift_x) * samples->step;
        *sample = (*sample * (255 - a) + value * a + 127) / 255;
    }
}

void
vigil_canvas_blend_row(const VigilImage *image, gint x, gint y, gint n, const guint8 *coverage,
                       guint8 alpha, VigilInk ink)
{
    const gint skip = MAX(-x, 0);
    VigilSamples samples[3];
    guint n_components;

    if (y < 0 || y >= (gint)image->height || x >= (gint)image->width || skip >= n)
        return;
    x += skip;
    n = MIN(n - skip, (gint)image->width - x);
    if (coverage)
        coverage += skip;
    n_components = vigil_samples_locate(image, samples) == VIGIL_SAMPLES_GRAY ? 1 : 3;
    for (guint i = 0; i < n_components; i++)
        blend_component(&samples[i], x, y, n, coverage, alpha, ink.components[i]);
}

void
vigil_canvas_fill(const VigilImage *image, gint x, gint y, gint width, gint height, guint8 alpha,
                  VigilInk ink)
{
    const gint first = MAX(y, 0), end = MIN(y + height, (gint)image->height);

    for (gint row = first; row < end; row++)
        vigil_canvas_blend_row(image, x, row, width, NULL, alpha, ink);
}
