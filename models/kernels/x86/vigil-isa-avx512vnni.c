/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 (F, BW, DQ, VL, VBMI) with VNNI: Ice Lake and Zen 4 on. */
#include <string.h>

#include "models/kernels/vigil-isa-tables-private.h"

#include "models/kernels/x86/vigil-x86-vector512.inc"

#include "models/kernels/x86/vigil-x86-requantize.inc"

#include "models/kernels/x86/vigil-x86-gemm.inc"

#define PACKED_GROUP 64
#include "models/kernels/x86/vigil-x86-depthwise.inc"

#include "models/kernels/x86/vigil-x86-elementwise.inc"

#include "models/kernels/x86/vigil-x86-sum.inc"

/*
 * Depthwise panels of few channels, the last ones, are left to vectors of 256 bits: half of each would be empty here, and
 * processors that do 512 bits in two halves would do both.
 */
static const VigilIsa *const half = &vigil_isa_avxvnni_evex;

static gboolean
is_half(const VigilPanel *panel)
{
    return panel->n <= half->depthwise_channels;
}

static void
depthwise_pack_any(VigilPanel *panel, guint k_h, guint k_w, const gint16 *weights, void *packed)
{
    gint16 first[5 * 5 * PACKED_GROUP / 2]; /* see depthwise_supports() */

    if (!is_half(panel)) {
        depthwise_pack(panel, k_h, k_w, weights, packed);
        return;
    }
    for (guint t = 0; t < k_h * k_w; t++)
        memcpy(first + t * PACKED_GROUP / 2, weights + t * PACKED_GROUP,
               PACKED_GROUP / 2 * sizeof *first);
    half->depthwise_pack(panel, k_h, k_w, first, packed);
}

static guint
depthwise_channel_any(const VigilPanel *panel, guint position)
{
    if (!is_half(panel))
        return depthwise_channel(panel, position);
    return position < half->depthwise_channels ? half->depthwise_channel(panel, position)
                                               : PACKED_GROUP;
}

static void
depthwise_any(const VigilDepthwiseLines *lines, const VigilPanel *panel)
{
    is_half(panel) ? half->depthwise(lines, panel) : depthwise(lines, panel);
}

/*
 * 32 registers: rows * vectors sums, the weights' vectors, one broadcast. Of up to three vectors half as many rows as there
 * is room for: pointers to more would not all be in registers, and of blocks that are short the processor begins the next
 * one while it still rounds the sums of the last.
 */
DEFINE_PANEL(1, 8)
DEFINE_PANEL(2, 6)
DEFINE_PANEL(3, 4)
DEFINE_PANEL(4, 6)

static void
gemm(const VigilGemmRows *rows, const VigilPanel *panel)
{
    switch (panel->vectors) {
    case 1: gemm_panel_1(rows, panel); break;
    case 2: gemm_panel_2(rows, panel); break;
    case 3: gemm_panel_3(rows, panel); break;
    default: gemm_panel_4(rows, panel); break;
    }
}

static gboolean
is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

/* The four quarters of the table are looked up in pairs by the index's low 7 bits; the highest bit chooses. */
static void
lookup(const guint8 *table, const guint8 *in, guint8 *out, gsize n)
{
    const V t0 = v_load(table), t1 = v_load(table + 64);
    const V t2 = v_load(table + 128), t3 = v_load(table + 192);

    for (gsize i = 0; i < n; i += 64) {
        const Mask rest = mask_first((guint)MIN(n - i, 64u));
        const V x = v_load_mask(rest, in + i);
        const V lower = _mm512_permutex2var_epi8(t0, x, t1);
        const V upper = _mm512_permutex2var_epi8(t2, x, t3);

        v_store_mask(out + i, rest, _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), lower, upper));
    }
}

/* The sixteen parts of the table are looked up in pairs by the index's low 5 bits; the others choose. */
static inline __attribute__((always_inline)) F
lookup_sixteen(const F table[16], V index)
{
    const __mmask16 five = _mm512_test_epi32_mask(index, v_set32(32));
    const __mmask16 six = _mm512_test_epi32_mask(index, v_set32(64));
    const __mmask16 seven = _mm512_test_epi32_mask(index, v_set32(128));
    F x[8];

    _Pragma("GCC unroll 8") for (guint i = 0; i < 8; i++) x[i] =
        _mm512_permutex2var_ps(table[2 * i], index, table[2 * i + 1]);
    _Pragma("GCC unroll 4") for (guint i = 0; i < 4; i++) x[i] =
        _mm512_mask_blend_ps(five, x[2 * i], x[2 * i + 1]);
    x[0] = _mm512_mask_blend_ps(six, x[0], x[1]);
    x[1] = _mm512_mask_blend_ps(six, x[2], x[3]);
    return _mm512_mask_blend_ps(seven, x[0], x[1]);
}

static void
lookup_floats(const gfloat *table, const guint8 *in, gfloat *out, gsize n)
{
    F parts[16];
    gsize i = 0;

    _Pragma("GCC unroll 16") for (guint p = 0; p < 16; p++) parts[p] = f_load(table + p * LANES);
    for (; i + LANES <= n; i += LANES)
        f_store(out + i, lookup_sixteen(parts, v_widen8(in + i)));
    for (; i < n; i++)
        out[i] = table[in[i]];
}

static void
stage(const guint8 *in, gsize n, guint8 turn, void *out)
{
    if (turn != 0)
        flip(in, out, n);
    else
        memcpy(out, in, n);
}

const VigilIsa vigil_isa_avx512vnni = {
    .name = "avx512vnni",
    .is_supported = is_supported,
    .lanes = LANES,
    .max_vectors = MAX_VECTORS,
    .k_group = K_GROUP,
    .row_bytes = ROW_BYTES,
    .weight_bytes = WEIGHT_BYTES,
    .gemm = gemm,
    .stage = stage,
    .sum = sum,
    .depthwise_channels = PACKED_GROUP,
    .depthwise_supports = depthwise_supports,
    .depthwise_bytes = depthwise_bytes,
    .depthwise_pack = depthwise_pack_any,
    .depthwise_channel = depthwise_channel_any,
    .depthwise_lines = depthwise_lines,
    .depthwise = depthwise_any,
    .add = add,
    .mul = mul,
    .lookup = lookup,
    .lookup_floats = lookup_floats,
    .flip = flip,
    .max = max,
    .dequantize = dequantize,
};
