/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessing with NEON, which every AArch64 processor has. Sums are of 32 bits and are narrowed by shifts that round as
 * plain C does, so all bytes are the same. */
#include "models/vigil-pixels-private.h"

#ifdef __aarch64__
#include <arm_neon.h>

#define NEON_INLINE __attribute__((always_inline)) static inline

/* --- down ---------------------------------------------------------------------------------------------------- */

/* 16 columns. */
NEON_INLINE void
rows_block(const guint8 *row, gsize stride, const guint16 *weights, guint n_taps, guint16 *out)
{
    const uint32x4_t half = vdupq_n_u32(128);
    uint32x4_t s0 = half, s1 = half, s2 = half, s3 = half;

    for (guint k = 0; k < n_taps; k++, row += stride) {
        const uint8x16_t bytes = vld1q_u8(row);
        const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
        const uint16x8_t weight = vdupq_n_u16(weights[k]);

        s0 = vmlal_u16(s0, vget_low_u16(low), vget_low_u16(weight));
        s1 = vmlal_high_u16(s1, low, weight);
        s2 = vmlal_u16(s2, vget_low_u16(high), vget_low_u16(weight));
        s3 = vmlal_high_u16(s3, high, weight);
    }
    vst1q_u16(out, vshrn_high_n_u32(vshrn_n_u32(s0, 8), s1, 8));
    vst1q_u16(out + 8, vshrn_high_n_u32(vshrn_n_u32(s2, 8), s3, 8));
}

NEON_INLINE void
rows_all(const guint8 *first, gsize stride, const guint16 *weights, guint n_taps, guint n,
         guint16 *out)
{
    guint x = 0;

    for (; x + 16 <= n; x += 16)
        rows_block(first + x, stride, weights, n_taps, out + x);
    /* the last columns once more, in a block that ends where the row does */
    if (x < n)
        rows_block(first + n - 16, stride, weights, n_taps, out + n - 16);
}

static void
rows(const guint8 *first, gsize stride, const guint16 *weights, guint n_taps, guint n, guint16 *out)
{
    /* an output covers fewer rows than the widest of the axis */
    while (n_taps > 1 && weights[n_taps - 1] == 0)
        n_taps--;
    for (; n_taps > 1 && weights[0] == 0; n_taps--, weights++)
        first += stride;
    if (n < 16) {
        vigil_pixels_ref.rows(first, stride, weights, n_taps, n, out);
        return;
    }
    switch (n_taps) {
    case 1: rows_all(first, stride, weights, 1, n, out); break;
    case 2: rows_all(first, stride, weights, 2, n, out); break;
    case 3: rows_all(first, stride, weights, 3, n, out); break;
    case 4: rows_all(first, stride, weights, 4, n, out); break;
    default: rows_all(first, stride, weights, n_taps, n, out); break;
    }
}

/* --- channels apart ------------------------------------------------------------------------------------------ */

/* The even ones of 16 values. */
NEON_INLINE uint16x8_t
even_words(const guint16 *row)
{
    return vuzp1q_u16(vld1q_u16(row), vld1q_u16(row + 8));
}

/* Reads at most 32 values and writes at most 7 beyond what is wanted. */
static void
pick(const guint16 *row, guint step, guint n, guint16 *out)
{
    for (guint i = 0; step == 2 && i < n; i += 8)
        vst1q_u16(out + i, even_words(row + 2 * (gsize)i));
    for (guint i = 0; step == 3 && i < n; i += 8)
        vst1q_u16(out + i, vld3q_u16(row + 3 * (gsize)i).val[0]);
    for (guint i = 0; step == 4 && i < n; i += 8)
        vst1q_u16(out + i,
                  vuzp1q_u16(even_words(row + 4 * (gsize)i), even_words(row + 4 * (gsize)i + 16)));
}

/* --- across -------------------------------------------------------------------------------------------------- */

/* Four sums of products to four values; the shift rounds as adding VIGIL_RESAMPLE_ONE / 2 does. */
NEON_INLINE void
store_sums(gint16 *out, uint32x4_t sums)
{
    vst1_s16(out, vreinterpret_s16_u16(vrshrn_n_u32(sums, 14)));
}

/* Two taps: four outputs take their pairs from eight values. */
NEON_INLINE void
columns_2(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    for (guint i = 0; i < axis->n_out; i += 4) {
        const uint8x16_t in = vreinterpretq_u8_u16(vld1q_u16(row + axis->first[i]));
        const uint16x8_t pairs =
            vreinterpretq_u16_u8(vqtbl1q_u8(in, vld1q_u8(axis->picks + 4 * (gsize)i)));
        const uint16x8_t w = vld1q_u16(axis->weights + 2 * (gsize)i);

        store_sums(out + i, vpaddq_u32(vmull_u16(vget_low_u16(pairs), vget_low_u16(w)),
                                       vmull_high_u16(pairs, w)));
    }
}

/* What one output is made of, in four parts. */
NEON_INLINE uint32x4_t
parts(const guint16 *in, const guint16 *w, guint block)
{
    uint32x4_t sum = vmull_u16(vld1_u16(in), vld1_u16(w));

    if (block == 4)
        return sum;
    sum = vmlal_u16(sum, vld1_u16(in + 4), vld1_u16(w + 4));
    for (guint k = 8; k < block; k += 8) {
        const uint16x8_t a = vld1q_u16(in + k), b = vld1q_u16(w + k);

        sum = vmlal_high_u16(vmlal_u16(sum, vget_low_u16(a), vget_low_u16(b)), a, b);
    }
    return sum;
}

NEON_INLINE void
columns_block(const VigilResampleAxis *axis, guint block, const guint16 *row, gint16 *out)
{
    const guint32 *first = axis->first;
    const guint16 *w = axis->padded;

    for (guint i = 0; i < axis->n_out; i += 4, first += 4, w += 4 * (gsize)block) {
        const uint32x4_t a = parts(row + first[0], w, block);
        const uint32x4_t b = parts(row + first[1], w + block, block);
        const uint32x4_t c = parts(row + first[2], w + 2 * (gsize)block, block);
        const uint32x4_t d = parts(row + first[3], w + 3 * (gsize)block, block);

        store_sums(out + i, vpaddq_u32(vpaddq_u32(a, b), vpaddq_u32(c, d)));
    }
}

static void
columns(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    switch (axis->block) {
    case 2: columns_2(axis, row, out); break;
    case 4: columns_block(axis, 4, row, out); break;
    case 8: columns_block(axis, 8, row, out); break;
    default: columns_block(axis, axis->block, row, out); break;
    }
}

/* --- colours ------------------------------------------------------------------------------------------------- */

/* Eight values with 19 bits behind the point to bytes: 16 of them are cut off, which leaves words, and the last 3 rounded,
 * which is what adding 2^18 before a shift by 19 gives. */
NEON_INLINE void
store_bytes(guint8 *out, int32x4_t low, int32x4_t high)
{
    vst1_u8(out, vqrshrun_n_s16(vshrn_high_n_s32(vshrn_n_s32(low, 16), high, 16), 3));
}

static void
yuv(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u, const gint16 *v, guint n,
    guint8 *const *rgb)
{
    const int16x8_t black = vdupq_n_s16((gint16)matrix->black), middle = vdupq_n_s16(128 << 6);
    const int16x8_t luma = vdupq_n_s16((gint16)matrix->y), rv = vdupq_n_s16((gint16)matrix->rv),
                    gu = vdupq_n_s16((gint16)matrix->gu), gv = vdupq_n_s16((gint16)matrix->gv),
                    bu = vdupq_n_s16((gint16)matrix->bu);
    guint8 *const r = rgb[0], *const g = rgb[1], *const b = rgb[2];

    for (guint i = 0; i < n; i += 8) {
        const int16x8_t level = vsubq_s16(vld1q_s16(y + i), black);
        const int16x8_t cb = vsubq_s16(vld1q_s16(u + i), middle);
        const int16x8_t cr = vsubq_s16(vld1q_s16(v + i), middle);
        const int16x4_t cb_low = vget_low_s16(cb), cr_low = vget_low_s16(cr);
        const int32x4_t low = vmull_s16(vget_low_s16(level), vget_low_s16(luma));
        const int32x4_t high = vmull_high_s16(level, luma);

        store_bytes(r + i, vmlal_s16(low, cr_low, vget_low_s16(rv)), vmlal_high_s16(high, cr, rv));
        store_bytes(g + i,
                    vmlal_s16(vmlal_s16(low, cb_low, vget_low_s16(gu)), cr_low, vget_low_s16(gv)),
                    vmlal_high_s16(vmlal_high_s16(high, cb, gu), cr, gv));
        store_bytes(b + i, vmlal_s16(low, cb_low, vget_low_s16(bu)), vmlal_high_s16(high, cb, bu));
    }
}

static void
round_samples(const gint16 *samples, guint n, guint8 *out)
{
    for (guint i = 0; i < n; i += 8)
        vst1_u8(out + i, vqrshrun_n_s16(vld1q_s16(samples + i), 6));
}

NEON_INLINE void
pack_16(const guint8 *const *planes, guint at, uint8x16_t turn, guint8 *out)
{
    vst3q_u8(out + 3 * (gsize)at, ((uint8x16x3_t){{veorq_u8(vld1q_u8(planes[0] + at), turn),
                                                   veorq_u8(vld1q_u8(planes[1] + at), turn),
                                                   veorq_u8(vld1q_u8(planes[2] + at), turn)}}));
}

static void
pack(const guint8 *const *planes, guint n, guint8 flip, guint8 *out)
{
    const uint8x16_t turn = vdupq_n_u8(flip);
    guint i = 0;

    if (n < 16) {
        vigil_pixels_ref.pack(planes, n, flip, out);
        return;
    }
    for (; i + 16 <= n; i += 16)
        pack_16(planes, i, turn, out);
    if (i < n)
        pack_16(planes, n - 16, turn, out);
}

const VigilPixels vigil_pixels_neon = {
    .name = "neon",
    .rows = rows,
    .pick = pick,
    .columns = columns,
    .yuv = yuv,
    .round = round_samples,
    .pack = pack,
};
#endif
