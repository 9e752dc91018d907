/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-pixels-private.h"

/* Rows are added up in pieces that stay in the nearest cache. */
#define PIECE 512

static void
rows(const guint8 *first, gsize stride, const guint16 *weights, guint n_taps, guint n, guint16 *out)
{
    guint32 sums[PIECE];

    for (guint x0 = 0; x0 < n; x0 += PIECE) {
        const guint count = MIN(PIECE, n - x0);

        for (guint x = 0; x < count; x++)
            sums[x] = 128;
        for (guint k = 0; k < n_taps; k++) {
            const guint8 *row = first + k * stride + x0;
            const guint32 weight = weights[k];

            if (weight == 0)
                continue;
            for (guint x = 0; x < count; x++)
                sums[x] += row[x] * weight;
        }
        for (guint x = 0; x < count; x++)
            out[x0 + x] = (guint16)(sums[x] >> 8);
    }
}

static void
pick(const guint16 *row, guint step, guint n, guint16 *out)
{
    for (guint i = 0; i < n; i++)
        out[i] = row[(gsize)i * step];
}

static void
columns(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    const guint16 *weights = axis->weights;

    for (guint i = 0; i < axis->n_out; i++, weights += axis->n_taps) {
        const guint16 *in = row + axis->first[i];
        guint32 sum = VIGIL_RESAMPLE_ONE / 2;

        for (guint k = 0; k < axis->n_taps; k++)
            sum += in[k] * (guint32)weights[k];
        out[i] = (gint16)(sum >> 14);
    }
}

static void
yuv(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u, const gint16 *v, guint n,
    guint8 *const *rgb)
{
    vigil_colour_yuv_to_rgb(matrix, y, u, v, n, rgb[0], rgb[1], rgb[2]);
}

static void
pack(const guint8 *const *planes, guint n, guint8 flip, guint8 *out)
{
    for (guint i = 0; i < n; i++)
        for (guint c = 0; c < 3; c++)
            out[3 * (gsize)i + c] = planes[c][i] ^ flip;
}

const VigilPixels vigil_pixels_ref = {
    .name = "ref",
    .rows = rows,
    .pick = pick,
    .columns = columns,
    .yuv = yuv,
    .round = vigil_colour_round,
    .pack = pack,
};

const VigilPixels *const *
vigil_pixels_list(void)
{
    static const VigilPixels *const always[] = {
        &vigil_pixels_ref,
#ifdef __aarch64__
        &vigil_pixels_neon,
#endif
        NULL,
    };

#ifdef __x86_64__
    static const VigilPixels *const wide[] = {&vigil_pixels_ref, &vigil_pixels_avx2, NULL};

    if (__builtin_cpu_supports("avx2"))
        return wide;
#endif
    return always;
}

const VigilPixels *
vigil_pixels_select(void)
{
    const VigilPixels *const *list = vigil_pixels_list();
    const gchar *wanted = g_getenv("VIGIL_ISA");
    guint i = 0;

    if (g_strcmp0(wanted, "ref") == 0)
        return &vigil_pixels_ref;
    while (list[i + 1])
        i++;
    return list[i];
}
