/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: Haswell and Zen on. */
#include <immintrin.h>
#include <string.h>

#include "models/kernels/vigil-isa-tables-private.h"
#include "models/kernels/x86/vigil-x86-narrow-private.h"

#include "models/kernels/x86/vigil-x86-dot-words.inc"

#include "models/kernels/x86/vigil-x86-vector256.inc"

#include "models/kernels/x86/vigil-x86-requantize.inc"

#include "models/kernels/x86/vigil-x86-gemm.inc"

#define PACKED_GROUP 32
#include "models/kernels/x86/vigil-x86-depthwise.inc"

#include "models/kernels/x86/vigil-x86-elementwise.inc"

/* 16 registers: rows * vectors sums, the weights, one broadcast, one product: a third vector would spill sums. */
DEFINE_PANEL(1, 8)
DEFINE_PANEL(2, 6)

static void
gemm(const VigilGemmRows *rows, const VigilPanel *panel)
{
    panel->vectors == 1 ? gemm_panel_1(rows, panel) : gemm_panel_2(rows, panel);
}

#include "models/kernels/x86/vigil-x86-gemm-narrow.inc"

static gboolean
is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

static void
stage(const guint8 *in, gsize n, guint8 turn, void *out)
{
    const __m128i sign = _mm_set1_epi8((char)turn);
    gint16 *to = out;
    gsize i = 0;

    for (; i + 16 <= n; i += 16) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(in + i));

        v_store(to + i, _mm256_cvtepu8_epi16(_mm_xor_si128(x, sign)));
    }
    for (; i < n; i++)
        to[i] = in[i] ^ turn;
}

static gint32
sum(const guint8 *const *pieces, gsize stride, guint runs, gsize n)
{
    const V ones = v_set16(1);
    V total = v_zero();
    gint32 lanes[LANES], rest = 0;

    for (guint t = 0; t < runs; t++) {
        const gint16 *in = (const gint16 *)(const void *)pieces[t * stride];
        gsize i = 0;

        for (; i + 16 <= n; i += 16)
            total = v_add32(total, _mm256_madd_epi16(v_load(in + i), ones));
        for (; i < n; i++)
            rest += in[i];
    }
    v_store(lanes, total);
    for (guint i = 0; i < LANES; i++)
        rest += lanes[i];
    return rest;
}

/* The room of words is what split weights may take. */
static const VigilIsa narrow = {
    .name = "avx2",
    .is_supported = is_supported,
    .lanes = LANES,
    .max_vectors = MAX_VECTORS,
    .k_group = VIGIL_NARROW_GROUP,
    .row_bytes = 1,
    .weight_bytes = 2,
    .gemm = gemm_narrow,
    .gemm_pack = vigil_narrow_pack,
    .stage = stage_narrow,
};

const VigilIsa vigil_isa_avx2 = {
    .name = "avx2",
    .is_supported = is_supported,
    .lanes = LANES,
    .max_vectors = MAX_VECTORS,
    .k_group = K_GROUP,
    .row_bytes = ROW_BYTES,
    .weight_bytes = WEIGHT_BYTES,
    .gemm = gemm,
    .narrow = &narrow,
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
    .flip = flip,
    .max = max,
    .dequantize = dequantize,
};
