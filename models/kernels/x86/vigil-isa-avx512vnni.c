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

/* 32 registers: rows * vectors sums, the weights' vectors, one broadcast. */
DEFINE_PANEL(1, 16)
DEFINE_PANEL(2, 12)
DEFINE_PANEL(3, 8)
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

static void
stage(const guint8 *in, gsize n, guint8 turn, void *out)
{
    if (turn != 0)
        flip(in, out, n);
    else
        memcpy(out, in, n);
}

static gint32
sum(const void *row, gsize n)
{
    const guint8 *in = row;
    V total = v_zero();
    const V ones = v_set8(1);

    for (gsize i = 0; i < n; i += 64)
        total = dot(total, v_load_mask(mask_first((guint)MIN(n - i, 64u)), in + i), ones);
    return _mm512_reduce_add_epi32(total);
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
    .depthwise_pack = depthwise_pack,
    .depthwise_channel = depthwise_channel,
    .depthwise_lines = depthwise_lines,
    .depthwise = depthwise,
    .add = add,
    .mul = mul,
    .lookup = lookup,
    .flip = flip,
    .max = max,
    .dequantize = dequantize,
};
