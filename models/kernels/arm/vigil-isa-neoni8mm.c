/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NEON with matrix products of bytes (SMMLA, from ARMv8.6 on): Cortex-A510, A710, X2, Neoverse N2, V1 and later.
 * An instruction multiplies 8 activations of each of two rows by 8 weights of each of two channels.
 */
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "models/kernels/arm/vigil-arm-private.h"
#include "models/kernels/vigil-isa-tables-private.h"

#define LANES 4u
#define MAX_VECTORS 4u
#define K_GROUP 8u
#define MAX_ROWS 8u

#define ALL_PAIRS _Pragma("GCC unroll 4") for (guint p = 0; p < n_rows / 2; p++)
#define ALL_CHANNELS _Pragma("GCC unroll 8") for (guint c = 0; c < 2 * vectors; c++)

/* Sums of two rows and two channels: the first row's two, then the second's. */
typedef int32x4_t Square;

VIGIL_ARM_INLINE int32x4_t
row_of(Square a, Square b, const guint row)
{
    const int64x2_t x = vreinterpretq_s64_s32(a), y = vreinterpretq_s64_s32(b);

    return vreinterpretq_s32_s64(row == 0 ? vzip1q_s64(x, y) : vzip2q_s64(x, y));
}

VIGIL_ARM_INLINE void
store_block(const guint n_rows, const guint vectors, Square acc[MAX_ROWS / 2][2 * MAX_VECTORS],
            const VigilGemmRows *rows, const VigilPanel *panel, guint first)
{
    const VigilArmBytes bytes = vigil_arm_bytes_init(rows->requant);
    const VigilRequantRule rule = rows->requant->rule;
    const int32x4_t zero = vdupq_n_s32(0);
    const guint n = MIN(n_rows, rows->n_rows - first);

    VIGIL_ARM_ROWS
    {
        const gint32 row_sum = rows->row_sums != NULL && r < n ? rows->row_sums[first + r] : 0;
        int32x4_t x[MAX_VECTORS] = {zero, zero, zero, zero};

        VIGIL_ARM_VECTORS
        {
            const Square *two = &acc[r / 2][2 * v];
            const int32x4_t bias =
                vaddq_s32(vld1q_s32(panel->bias + LANES * v), vdupq_n_s32(row_sum));

            x[v] = vigil_arm_rule(rule, vaddq_s32(row_of(two[0], two[1], r % 2), bias), panel,
                                  LANES * v);
        }
        if (r < n)
            vigil_arm_bytes_store(rows->out + (gsize)(first + r) * rows->out_stride, panel->n,
                                  vigil_arm_bytes_pack(&bytes, x[0], x[1], x[2], x[3]));
    }
}

/* 8 activations of two rows by 8 weights of two channels, for all of the block. */
#define STEP(X, W)                                                  \
    do {                                                            \
        ALL_CHANNELS                                                \
        {                                                           \
            const int8x16_t two = vld1q_s8((W) + 16 * c);           \
                                                                    \
            ALL_PAIRS acc[p][c] = vmmlaq_s32(acc[p][c], X[p], two); \
        }                                                           \
    } while (0)

/* Rows beyond the last are the last one again, and not stored. */
VIGIL_ARM_INLINE void
gemm_block(const guint n_rows, const guint vectors, const VigilGemmRows *rows,
           const VigilPanel *panel, guint first)
{
    const gint8 *w = panel->weights;
    const guint last = rows->n_rows - 1;
    Square acc[MAX_ROWS / 2][2 * MAX_VECTORS];

    ALL_PAIRS ALL_CHANNELS acc[p][c] = vdupq_n_s32(0);
    for (guint t = 0; t < rows->runs; t++) {
        const guint8 *const *run = rows->rows + (gsize)t * rows->row_stride;
        const gint8 *from[MAX_ROWS];
        guint k = rows->k;

        VIGIL_ARM_ROWS from[r] = (const gint8 *)run[MIN(first + r, last)];
        _Pragma("GCC unroll 1") for (; k >= 16; k -= 16)
        {
            int8x16_t x[MAX_ROWS / 2], y[MAX_ROWS / 2];

            ALL_PAIRS
            {
                const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(from[2 * p]));
                const int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(from[2 * p + 1]));

                x[p] = vreinterpretq_s8_s64(vzip1q_s64(a, b));
                y[p] = vreinterpretq_s8_s64(vzip2q_s64(a, b));
                from[2 * p] += 16;
                from[2 * p + 1] += 16;
            }
            STEP(x, w);
            STEP(y, w + 32 * vectors);
            w += 64 * vectors;
        }
        if (k != 0) {
            int8x16_t x[MAX_ROWS / 2];

            ALL_PAIRS x[p] = vcombine_s8(vld1_s8(from[2 * p]), vld1_s8(from[2 * p + 1]));
            STEP(x, w);
            w += 32 * vectors;
        }
    }
    store_block(n_rows, vectors, acc, rows, panel, first);
}

#define DEFINE_PANEL(VECTORS, ROWS)                                                       \
    static __attribute__((noinline)) void gemm_panel_##VECTORS(const VigilGemmRows *rows, \
                                                               const VigilPanel *panel)   \
    {                                                                                     \
        guint r = 0;                                                                      \
                                                                                          \
        for (; rows->n_rows - r > 2; r += MIN(ROWS, rows->n_rows - r))                    \
            gemm_block(ROWS, VECTORS, rows, panel, r);                                    \
        if (r < rows->n_rows)                                                             \
            gemm_block(2, VECTORS, rows, panel, r);                                       \
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
    return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
}

const VigilIsa vigil_isa_neoni8mm = {
    .name = "neoni8mm",
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
