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
vigil_colour_yuv_to_rgb(const VigilColourMatrix *matrix, gint16 *restrict y, gint16 *restrict u,
                        gint16 *restrict v, guint n)
{
    const VigilColourMatrix m = *matrix;

    for (guint i = 0; i < n; i++) {
        const gint32 luma = (y[i] - m.black) * m.y + (1 << 18);
        const gint32 cb = u[i] - (128 << 6), cr = v[i] - (128 << 6);
        const gint32 r = (luma + cr * m.rv) >> 19;
        const gint32 g = (luma + cb * m.gu + cr * m.gv) >> 19;
        const gint32 b = (luma + cb * m.bu) >> 19;

        y[i] = (gint16)CLAMP(r, 0, 255);
        u[i] = (gint16)CLAMP(g, 0, 255);
        v[i] = (gint16)CLAMP(b, 0, 255);
    }
}

void
vigil_colour_luma_to_gray(const VigilColourMatrix *matrix, gint16 *y, guint n)
{
    const VigilColourMatrix m = *matrix;

    for (guint i = 0; i < n; i++) {
        const gint32 gray = ((y[i] - m.black) * m.y + (1 << 18)) >> 19;

        y[i] = (gint16)CLAMP(gray, 0, 255);
    }
}

void
vigil_colour_rgb_to_gray(gint16 *restrict r, const gint16 *restrict g, const gint16 *restrict b,
                         guint n)
{
    for (guint i = 0; i < n; i++)
        r[i] = (gint16)((r[i] * 2449 + g[i] * 4809 + b[i] * 934 + (1 << 18)) >> 19);
}

void
vigil_colour_round(gint16 *samples, guint n)
{
    for (guint i = 0; i < n; i++)
        samples[i] = (gint16)((samples[i] + 32) >> 6);
}
