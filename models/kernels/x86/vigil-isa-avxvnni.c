/* SPDX-License-Identifier: Apache-2.0 */
/* VNNI on 256 bits: Alder Lake and its small siblings (N100), Zen 5; also what has AVX-512 VNNI, for tests. */
#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "models/kernels/vigil-isa-tables-private.h"

/* The encoding of AVX-VNNI; the other one needs AVX-512, and has its 32 registers. */
#ifdef VIGIL_AVXVNNI_EVEX
#define DOT_INSTRUCTION "vpdpbusd"
#define DOT_REGISTERS "v"
#else
#define DOT_INSTRUCTION "%{vex%} vpdpbusd"
#define DOT_REGISTERS "x"
#endif
#include "models/kernels/x86/vigil-x86-dot-vnni.inc"

#include "models/kernels/x86/vigil-x86-vector256.inc"

#include "models/kernels/x86/vigil-x86-requantize.inc"

#include "models/kernels/x86/vigil-x86-gemm.inc"

#define PACKED_GROUP 32
#include "models/kernels/x86/vigil-x86-depthwise.inc"

#include "models/kernels/x86/vigil-x86-elementwise.inc"

#include "models/kernels/x86/vigil-x86-sum.inc"

/* 16 registers: rows * vectors sums, the weights' vectors, one broadcast. */
DEFINE_PANEL(1, 12)
DEFINE_PANEL(2, 6)

static void
gemm(const VigilGemmRows *rows, const VigilPanel *panel)
{
    if (panel->vectors == 1)
        gemm_panel_1(rows, panel);
    else
        gemm_panel_2(rows, panel);
}

static gboolean
is_supported(void)
{
#ifdef VIGIL_AVXVNNI_EVEX
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
#else
    guint eax = 0, ebx, ecx, edx;

    /* Compilers' own names for it are younger than those we build with. */
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
           (eax & (1u << 4)) != 0;
#endif
}

static void
stage(const guint8 *in, gsize n, guint8 turn, void *out)
{
    if (turn != 0)
        flip(in, out, n);
    else
        memcpy(out, in, n);
}

#ifdef VIGIL_AVXVNNI_EVEX
const VigilIsa vigil_isa_avxvnni_evex = {
#else
const VigilIsa vigil_isa_avxvnni = {
#endif
    .name = "avxvnni",
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
    .flip = flip,
    .max = max,
    .dequantize = dequantize,
};
