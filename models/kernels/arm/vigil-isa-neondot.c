/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NEON with dot products (SDOT, optional from ARMv8.2 on): Cortex-A55, A75, A76 and later (Raspberry Pi 5, Jetson Orin).
 * Matrix products: 4 activations of a row, one lane of a vector, times 4 weights of each of 4 channels.
 */
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "models/kernels/arm/vigil-arm-private.h"
#include "models/kernels/vigil-isa-tables-private.h"

#define LANES 4u
#define MAX_VECTORS 4u
#define K_GROUP 4u
#define MAX_ROWS 8u

VIGIL_ARM_INLINE void
store_block(const guint n_rows, const guint vectors, int32x4_t acc[MAX_ROWS][MAX_VECTORS],
            const VigilGemmRows *rows, const VigilPanel *panel, guint first)
{
    const VigilArmBytes bytes = vigil_arm_bytes_init(rows->requant);
    const VigilRequantRule rule = rows->requant->rule;
    const int32x4_t zero = vdupq_n_s32(0);

    VIGIL_ARM_ROWS
    {
        int32x4_t x[MAX_VECTORS] = {zero, zero, zero, zero};

        VIGIL_ARM_VECTORS x[v] = vigil_arm_rule(rule, acc[r][v], panel, LANES * v);
        vigil_arm_bytes_store(rows->out + (gsize)(first + r) * rows->out_stride, panel->n,
                              vigil_arm_bytes_pack(&bytes, x[0], x[1], x[2], x[3]));
    }
}

/* Group @LANE of the 16 activations in x. */
#define STEP(LANE)                                                                   \
    do {                                                                             \
        VIGIL_ARM_VECTORS                                                            \
        {                                                                            \
            const int8x16_t four = vld1q_s8(w + ((LANE)*vectors + v) * 16);          \
                                                                                     \
            VIGIL_ARM_ROWS acc[r][v] = vdotq_laneq_s32(acc[r][v], four, x[r], LANE); \
        }                                                                            \
    } while (0)

VIGIL_ARM_INLINE void
gemm_block(const guint n_rows, const guint vectors, const VigilGemmRows *rows,
           const VigilPanel *panel, guint first)
{
    const gint8 *w = panel->weights;
    int32x4_t acc[MAX_ROWS][MAX_VECTORS];

    VIGIL_ARM_ROWS
    {
        const int32x4_t sum = vdupq_n_s32(rows->row_sums != NULL ? rows->row_sums[first + r] : 0);

        VIGIL_ARM_VECTORS acc[r][v] = vaddq_s32(vld1q_s32(panel->bias + LANES * v), sum);
    }
    for (guint t = 0; t < rows->runs; t++) {
        const guint8 *const *run = rows->rows + (gsize)t * rows->row_stride + first;
        const gint8 *p[MAX_ROWS];
        int8x16_t x[MAX_ROWS];
        guint k = rows->k;

        VIGIL_ARM_ROWS p[r] = (const gint8 *)run[r];
        _Pragma("GCC unroll 1") for (; k >= 16; k -= 16)
        {
            VIGIL_ARM_ROWS
            {
                x[r] = vld1q_s8(p[r]);
                p[r] += 16;
            }
            STEP(0);
            STEP(1);
            STEP(2);
            STEP(3);
            w += 64 * vectors;
        }
        if (k == 0)
            continue;
        /* beyond the row's end there are bytes to read, but no weights */
        VIGIL_ARM_ROWS x[r] = vld1q_s8(p[r]);
        STEP(0);
        if (k >= 8)
            STEP(1);
        if (k >= 12)
            STEP(2);
        w += 4 * (gsize)k * vectors;
    }
    store_block(n_rows, vectors, acc, rows, panel, first);
}

/* Whole blocks; what is left over is done again with rows before it, where there are enough, else row by row. */
#define DEFINE_PANEL(VECTORS, ROWS)                                                       \
    static __attribute__((noinline)) void gemm_panel_##VECTORS(const VigilGemmRows *rows, \
                                                               const VigilPanel *panel)   \
    {                                                                                     \
        const guint n = rows->n_rows;                                                     \
                                                                                          \
        for (guint r = 0; r < n && n >= ROWS; r += ROWS)                                  \
            gemm_block(ROWS, VECTORS, rows, panel, MIN(r, n - ROWS));                     \
        for (guint r = 0; r < n && n < ROWS; r++)                                         \
            gemm_block(1, VECTORS, rows, panel, r);                                       \
    }

/* 32 registers: rows * vectors sums, a vector of activations a row, those of weights. */
DEFINE_PANEL(1, 8)
DEFINE_PANEL(2, 8)
DEFINE_PANEL(3, 6)
DEFINE_PANEL(4, 4)

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
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}

const VigilIsa vigil_isa_neondot = {
    .name = "neondot",
    .is_supported = is_supported,
    .is_signed = TRUE,
    .lanes = LANES,
    .max_vectors = MAX_VECTORS,
    .k_group = K_GROUP,
    .row_bytes = 1,
    .weight_bytes = 1,
    .gemm = gemm,
    .stage = vigil_arm_stage,
    .sum = vigil_arm_sum,
    .depthwise_channels = VIGIL_ARM_DEPTHWISE_CHANNELS,
    .depthwise_supports = vigil_arm_depthwise_supports,
    .depthwise_bytes = vigil_arm_depthwise_bytes,
    .depthwise_pack = vigil_arm_depthwise_pack,
    .depthwise_channel = vigil_arm_depthwise_channel,
    .depthwise_lines = vigil_arm_depthwise_lines,
    .depthwise = vigil_arm_depthwise,
    .add = vigil_arm_add,
    .mul = vigil_arm_mul,
    .lookup = vigil_arm_lookup,
    .flip = vigil_arm_flip,
    .max = vigil_arm_max,
    .dequantize = vigil_arm_dequantize,
};
