/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-colour-private.h"

#include <math.h>

VigilColourMatrix
vigil_colour_matrix(VigilYuvMatrix matrix, gboolean full_range)
{
    const gdouble kr = matrix == VIGIL_YUV_BT709 ? 0.2126 : 0.299;
    const gdouble kb = matrix == VIGIL_YUV_BT709 ? 0.0722 : 0.114;
    const gdouble kg = 1 - kr - kb;
    const gdouble luma = full_range ? 1.0 : 255.0 / 219;
    const gdouble chroma = full_range ? 1.0 : 255.0 / 224;

    return (VigilColourMatrix){
        .black = full_range ? 0 : 16 << 6,
        .y = (gint32)lrint(luma * 8192),
        .rv = (gint32)lrint(2 * (1 - kr) * chroma * 8192),
        .gu = (gint32)lrint(-2 * (1 - kb) * kb / kg * chroma * 8192),
        .gv = (gint32)lrint(-2 * (1 - kr) * kr / kg * chroma * 8192),
        .bu = (gint32)lrint(2 * (1 - kb) * chroma * 8192),
    };
}

void
vigil_colour_yuv_to_rgb(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u,
                        const gint16 *v, guint n, guint8 *restrict r, guint8 *restrict g,
                        guint8 *restrict b)
{
    const VigilColourMatrix m = *matrix;

    for (guint i = 0; i < n; i++) {
        const gint32 luma = (y[i] - m.black) * m.y + (1 << 18);
        const gint32 cb = u[i] - (128 << 6), cr = v[i] - (128 << 6);
        const gint32 red = (luma + cr * m.rv) >> 19;
        const gint32 green = (luma + cb * m.gu + cr * m.gv) >> 19;
        const gint32 blue = (luma + cb * m.bu) >> 19;

        r[i] = (guint8)CLAMP(red, 0, 255);
        g[i] = (guint8)CLAMP(green, 0, 255);
        b[i] = (guint8)CLAMP(blue, 0, 255);
    }
}

void
vigil_colour_luma_to_gray(const VigilColourMatrix *matrix, const gint16 *y, guint n,
                          guint8 *restrict gray)
{
    const VigilColourMatrix m = *matrix;

    for (guint i = 0; i < n; i++) {
        const gint32 level = ((y[i] - m.black) * m.y + (1 << 18)) >> 19;

        gray[i] = (guint8)CLAMP(level, 0, 255);
    }
}

void
vigil_colour_rgb_to_gray(const gint16 *r, const gint16 *g, const gint16 *b, guint n,
                         guint8 *restrict gray)
{
    for (guint i = 0; i < n; i++)
        gray[i] = (guint8)((r[i] * 2449 + g[i] * 4809 + b[i] * 934 + (1 << 18)) >> 19);
}

void
vigil_colour_round(const gint16 *samples, guint n, guint8 *restrict out)
{
    for (guint i = 0; i < n; i++)
        out[i] = (guint8)((samples[i] + 32) >> 6);
}
