/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessing with 256-bit vectors. Products are of 16-bit pairs (vpmaddwd), sums of 32 bits, so nothing is rounded
 * elsewhere than in plain C. */
#include "models/vigil-pixels-private.h"

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

AVX2_INLINE __m256i
load(const void *at)
{
    return _mm256_loadu_si256(at);
}

/* Two halves that lie apart. */
AVX2_INLINE __m256i
load_halves(const void *low, const void *high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)),
                                   _mm_loadu_si128(high), 1);
}

/* --- down ---------------------------------------------------------------------------------------------------- */

/* 32 columns of @n_pairs pairs of rows; with an odd number of taps the last row is multiplied by 0 once more. */
AVX2_INLINE void
rows_block(const guint8 *first, gsize stride, const guint32 *pairs, guint n_pairs, gsize last,
           guint16 *out)
{
    const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi32(128);
    __m256i s0 = half, s1 = half, s2 = half, s3 = half;
    __m256i low, high;

    for (guint p = 0; p < n_pairs; p++) {
        const guint8 *row = first + 2 * p * stride;
        const __m256i a = load(row), b = load(p + 1 == n_pairs ? row + last : row + stride);
        const __m256i w = _mm256_set1_epi32((gint32)pairs[p]);
        const __m256i ab = _mm256_unpacklo_epi8(a, b), cd = _mm256_unpackhi_epi8(a, b);

        s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(_mm256_unpacklo_epi8(ab, zero), w));
        s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(_mm256_unpackhi_epi8(ab, zero), w));
        s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(_mm256_unpacklo_epi8(cd, zero), w));
        s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(_mm256_unpackhi_epi8(cd, zero), w));
    }
    low = _mm256_packus_epi32(_mm256_srli_epi32(s0, 8), _mm256_srli_epi32(s1, 8));
    high = _mm256_packus_epi32(_mm256_srli_epi32(s2, 8), _mm256_srli_epi32(s3, 8));
    _mm256_storeu_si256((__m256i *)out, _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256((__m256i *)(out + 16), _mm256_permute2x128_si256(low, high, 0x31));
}

AVX2_INLINE void
rows_all(const guint8 *first, gsize stride, const guint32 *pairs, guint n_pairs, gsize last,
         guint n, guint16 *out)
{
    guint x = 0;

    for (; x + 32 <= n; x += 32)
        rows_block(first + x, stride, pairs, n_pairs, last, out + x);
    /* the last columns once more, in a block that ends where the row does */
    if (x < n)
        rows_block(first + n - 32, stride, pairs, n_pairs, last, out + n - 32);
}

/* Beyond 64 rows an output, which takes frames of 64 times the model's size, plain C does. */
#define MAX_PAIRS 32

AVX2 static void
rows(const guint8 *first, gsize stride, const guint16 *weights, guint n_taps, guint n, guint16 *out)
{
    guint32 pairs[MAX_PAIRS];
    guint n_pairs;
    gsize last;

    /* an output covers fewer rows than the widest of the axis */
    while (n_taps > 1 && weights[n_taps - 1] == 0)
        n_taps--;
    for (; n_taps > 1 && weights[0] == 0; n_taps--, weights++)
        first += stride;
    if (n < 32 || n_taps > 2 * MAX_PAIRS) {
        vigil_pixels_ref.rows(first, stride, weights, n_taps, n, out);
        return;
    }
    n_pairs = (n_taps + 1) / 2;
    last = n_taps % 2 ? 0 : stride;
    for (guint p = 0; p < n_pairs; p++)
        pairs[p] = weights[2 * p] | (2 * p + 1 < n_taps ? (guint32)weights[2 * p + 1] << 16 : 0);
    switch (n_pairs) {
    case 1: rows_all(first, stride, pairs, 1, last, n, out); break;
    case 2: rows_all(first, stride, pairs, 2, last, n, out); break;
    case 3: rows_all(first, stride, pairs, 3, last, n, out); break;
    default: rows_all(first, stride, pairs, n_pairs, last, n, out); break;
    }
}

/* --- channels apart ------------------------------------------------------------------------------------------ */

AVX2_INLINE __m256i
even_words(__m256i a, __m256i b)
{
    const __m256i mask = _mm256_set1_epi32(0xffff);

    return _mm256_permute4x64_epi64(
        _mm256_packus_epi32(_mm256_and_si256(a, mask), _mm256_and_si256(b, mask)), 0xd8);
}

/* Every third of 24 values. */
AVX2_INLINE __m128i
third_words(const guint16 *row)
{
    const __m128i m0 = _mm_setr_epi8(0, 1, 6, 7, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i m1 = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 2, 3, 8, 9, 14, 15, -1, -1, -1, -1);
    const __m128i m2 = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 4, 5, 10, 11);

    return _mm_or_si128(
        _mm_or_si128(_mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)row), m0),
                     _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(row + 8)), m1)),
        _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(row + 16)), m2));
}

/* Reads at most 64 values and writes at most 15 beyond what is wanted. */
AVX2 static void
pick(const guint16 *row, guint step, guint n, guint16 *out)
{
    for (guint i = 0; step == 2 && i < n; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i),
                            even_words(load(row + 2 * (gsize)i), load(row + 2 * (gsize)i + 16)));
    for (guint i = 0; step == 3 && i < n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i), third_words(row + 3 * (gsize)i));
    for (guint i = 0; step == 4 && i < n; i += 16) {
        const guint16 *in = row + 4 * (gsize)i;

        _mm256_storeu_si256((__m256i *)(out + i),
                            even_words(even_words(load(in), load(in + 16)),
                                       even_words(load(in + 32), load(in + 48))));
    }
}

/* --- across -------------------------------------------------------------------------------------------------- */

/* Eight sums of products to eight values. */
AVX2_INLINE void
store_sums(gint16 *out, __m256i sums)
{
    const __m256i rounded =
        _mm256_srli_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(VIGIL_RESAMPLE_ONE / 2)), 14);

    _mm_storeu_si128((__m128i *)out, _mm_packs_epi32(_mm256_castsi256_si128(rounded),
                                                     _mm256_extracti128_si256(rounded, 1)));
}

/* Two taps: four outputs take their pairs from eight values. */
AVX2_INLINE void
columns_2(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    for (guint i = 0; i < axis->n_out; i += 8) {
        const __m256i in = load_halves(row + axis->first[i], row + axis->first[i + 4]);
        const __m256i pairs = _mm256_shuffle_epi8(in, load(axis->picks + 4 * (gsize)i));

        store_sums(out + i, _mm256_madd_epi16(pairs, load(axis->weights + 2 * (gsize)i)));
    }
}

AVX2_INLINE __m256i
load_fours(const guint16 *a, const guint16 *b, const guint16 *c, const guint16 *d)
{
    const __m128i low = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)a),
                                           _mm_loadl_epi64((const __m128i *)b));
    const __m128i high = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)c),
                                            _mm_loadl_epi64((const __m128i *)d));

    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

AVX2_INLINE void
columns_4(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    const guint32 *first = axis->first;

    for (guint i = 0; i < axis->n_out; i += 8, first += 8) {
        const guint16 *w = axis->padded + 4 * (gsize)i;
        const __m256i a =
            load_fours(row + first[0], row + first[1], row + first[4], row + first[5]);
        const __m256i b =
            load_fours(row + first[2], row + first[3], row + first[6], row + first[7]);

        store_sums(out + i, _mm256_hadd_epi32(_mm256_madd_epi16(a, load_halves(w, w + 16)),
                                              _mm256_madd_epi16(b, load_halves(w + 8, w + 24))));
    }
}

/* Outputs j and j + 4, a half each. */
AVX2_INLINE __m256i
sum_of_two(const guint16 *row, const guint32 *first, const guint16 *w, guint block)
{
    __m256i sum = _mm256_setzero_si256();

    for (guint k = 0; k < block; k += 8)
        sum = _mm256_add_epi32(
            sum, _mm256_madd_epi16(load_halves(row + first[0] + k, row + first[4] + k),
                                   load_halves(w + k, w + 4 * (gsize)block + k)));
    return sum;
}

AVX2_INLINE void
columns_8(const VigilResampleAxis *axis, guint block, const guint16 *row, gint16 *out)
{
    for (guint i = 0; i < axis->n_out; i += 8) {
        const guint32 *first = axis->first + i;
        const guint16 *w = axis->padded + (gsize)block * i;
        const __m256i a = sum_of_two(row, first, w, block);
        const __m256i b = sum_of_two(row, first + 1, w + block, block);
        const __m256i c = sum_of_two(row, first + 2, w + 2 * (gsize)block, block);
        const __m256i d = sum_of_two(row, first + 3, w + 3 * (gsize)block, block);

        store_sums(out + i, _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d)));
    }
}

AVX2 static void
columns(const VigilResampleAxis *axis, const guint16 *row, gint16 *out)
{
    switch (axis->block) {
    case 2: columns_2(axis, row, out); break;
    case 4: columns_4(axis, row, out); break;
    case 8: columns_8(axis, 8, row, out); break;
    default: columns_8(axis, axis->block, row, out); break;
    }
}

/* --- colours ------------------------------------------------------------------------------------------------- */

AVX2_INLINE __m256i
set_pair(gint32 low, gint32 high)
{
    return _mm256_set1_epi32((gint32)((guint32)low & 0xffff) | (gint32)((guint32)high << 16));
}

/* 16 values with 19 bits behind the point to bytes. */
AVX2_INLINE void
store_bytes(guint8 *out, __m256i low, __m256i high)
{
    const __m256i words =
        _mm256_packs_epi32(_mm256_srai_epi32(low, 19), _mm256_srai_epi32(high, 19));

    _mm_storeu_si128((__m128i *)out, _mm_packus_epi16(_mm256_castsi256_si128(words),
                                                      _mm256_extracti128_si256(words, 1)));
}

AVX2 static void
yuv(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u, const gint16 *v, guint n,
    guint8 *const *rgb)
{
    const __m256i black = _mm256_set1_epi16((gint16)matrix->black),
                  middle = _mm256_set1_epi16(128 << 6), half = _mm256_set1_epi32(1 << 18),
                  one = _mm256_set1_epi16(1 << 14);
    const __m256i to_r = set_pair(matrix->y, matrix->rv), to_b = set_pair(matrix->y, matrix->bu);
    /* half again, as 2^14 * 2^4 */
    const __m256i to_g = set_pair(matrix->y, matrix->gv), from_u = set_pair(matrix->gu, 1 << 4);

    for (guint i = 0; i < n; i += 16) {
        const __m256i luma = _mm256_sub_epi16(load(y + i), black);
        const __m256i cb = _mm256_sub_epi16(load(u + i), middle);
        const __m256i cr = _mm256_sub_epi16(load(v + i), middle);
        const __m256i yr0 = _mm256_unpacklo_epi16(luma, cr), yr1 = _mm256_unpackhi_epi16(luma, cr);
        const __m256i yb0 = _mm256_unpacklo_epi16(luma, cb), yb1 = _mm256_unpackhi_epi16(luma, cb);
        const __m256i u0 = _mm256_unpacklo_epi16(cb, one), u1 = _mm256_unpackhi_epi16(cb, one);

        store_bytes(rgb[0] + i, _mm256_add_epi32(_mm256_madd_epi16(yr0, to_r), half),
                    _mm256_add_epi32(_mm256_madd_epi16(yr1, to_r), half));
        store_bytes(rgb[1] + i,
                    _mm256_add_epi32(_mm256_madd_epi16(yr0, to_g), _mm256_madd_epi16(u0, from_u)),
                    _mm256_add_epi32(_mm256_madd_epi16(yr1, to_g), _mm256_madd_epi16(u1, from_u)));
        store_bytes(rgb[2] + i, _mm256_add_epi32(_mm256_madd_epi16(yb0, to_b), half),
                    _mm256_add_epi32(_mm256_madd_epi16(yb1, to_b), half));
    }
}

AVX2 static void
round_samples(const gint16 *samples, guint n, guint8 *out)
{
    const __m256i half = _mm256_set1_epi16(32);

    for (guint i = 0; i < n; i += 16) {
        const __m256i words = _mm256_srai_epi16(_mm256_add_epi16(load(samples + i), half), 6);

        _mm_storeu_si128(
            (__m128i *)(out + i),
            _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
    }
}

/* Byte @at of each output byte's channel, -1 where it is another channel's. */
#define PACK_MASK(c, from)                                                                  \
    _mm_setr_epi8(PACK(c, from, 0), PACK(c, from, 1), PACK(c, from, 2), PACK(c, from, 3),   \
                  PACK(c, from, 4), PACK(c, from, 5), PACK(c, from, 6), PACK(c, from, 7),   \
                  PACK(c, from, 8), PACK(c, from, 9), PACK(c, from, 10), PACK(c, from, 11), \
                  PACK(c, from, 12), PACK(c, from, 13), PACK(c, from, 14), PACK(c, from, 15))
#define PACK(c, from, i) (((from) + (i)) % 3 == (c) ? ((from) + (i)) / 3 : -1)

AVX2_INLINE void
pack_16(__m128i a, __m128i b, __m128i c, guint8 *out)
{
    _mm_storeu_si128((__m128i *)out,
                     _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, PACK_MASK(0, 0)),
                                               _mm_shuffle_epi8(b, PACK_MASK(1, 0))),
                                  _mm_shuffle_epi8(c, PACK_MASK(2, 0))));
    _mm_storeu_si128((__m128i *)(out + 16),
                     _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, PACK_MASK(0, 16)),
                                               _mm_shuffle_epi8(b, PACK_MASK(1, 16))),
                                  _mm_shuffle_epi8(c, PACK_MASK(2, 16))));
    _mm_storeu_si128((__m128i *)(out + 32),
                     _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, PACK_MASK(0, 32)),
                                               _mm_shuffle_epi8(b, PACK_MASK(1, 32))),
                                  _mm_shuffle_epi8(c, PACK_MASK(2, 32))));
}

AVX2 static void
pack(const guint8 *const *planes, guint n, guint8 flip, guint8 *out)
{
    const __m128i turn = _mm_set1_epi8((gchar)flip);
    guint i = 0;

    for (; i + 16 <= n; i += 16)
        pack_16(_mm_xor_si128(_mm_loadu_si128((const __m128i *)(planes[0] + i)), turn),
                _mm_xor_si128(_mm_loadu_si128((const __m128i *)(planes[1] + i)), turn),
                _mm_xor_si128(_mm_loadu_si128((const __m128i *)(planes[2] + i)), turn),
                out + 3 * (gsize)i);
    if (i < n) {
        const guint8 *const rest[] = {planes[0] + i, planes[1] + i, planes[2] + i};

        vigil_pixels_ref.pack(rest, n - i, flip, out + 3 * (gsize)i);
    }
}

const VigilPixels vigil_pixels_avx2 = {
    .name = "avx2",
    .rows = rows,
    .pick = pick,
    .columns = columns,
    .yuv = yuv,
    .round = round_samples,
    .pack = pack,
};
#endif
