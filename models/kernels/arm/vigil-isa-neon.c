/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 64-bit NEON without dot products: Cortex-A53, A57, A72 (Raspberry Pi 3 and 4).
 *
 * Matrix products: 8 activations of a row times 8 weights of a channel give 8 products of 16 bits (SMULL); those of the
 * next 8 are added to them (SMLAL) where no weight is -128, since only (-128)^2 * 2 does not fit; SADALP then adds pairs to
 * the channel's four partial sums. That is twice the products an instruction of SMLAL on 16 bits.
 */
#include "models/kernels/arm/vigil-arm-private.h"
#include "models/kernels/vigil-isa-tables-private.h"

#define LANES 4u
#define MAX_VECTORS 2u
#define K_GROUP 8u
#define MAX_ROWS 4u

#define ALL_CHANNELS _Pragma("GCC unroll 8") for (guint c = 0; c < vectors * LANES; c++)
#define ALL_PAIRS _Pragma("GCC unroll 4") for (guint c = 0; c < vectors * LANES; c += 2)

/* The first 8 activations in the low half of @x and the high half of @turned. */
VIGIL_ARM_INLINE int32x4_t
add_low(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    return vpadalq_s16(sum, vmull_s8(vget_low_s8(w), vget_low_s8(x)));
}

VIGIL_ARM_INLINE int32x4_t
add_high(int32x4_t sum, int8x16_t w, int8x16_t x)
{
    return vpadalq_s16(sum, vmull_high_s8(w, x));
}

VIGIL_ARM_INLINE void
store_block(const guint n_rows, const guint vectors, int32x4_t acc[MAX_ROWS][MAX_VECTORS * LANES],
            const VigilGemmRows *rows, const VigilPanel *panel, guint first)
{
    const VigilArmBytes bytes = vigil_arm_bytes_init(rows->requant);
    const VigilRequantRule rule = rows->requant->rule;
    const int32x4_t zero = vdupq_n_s32(0);

    VIGIL_ARM_ROWS
    {
        const gint32 row_sum = rows->row_sums != NULL ? rows->row_sums[first + r] : 0;
        int32x4_t x[MAX_VECTORS] = {zero, zero};

        VIGIL_ARM_VECTORS
        {
            const int32x4_t *four = acc[r] + LANES * v;
            const int32x4_t sum =
                vpaddq_s32(vpaddq_s32(four[0], four[1]), vpaddq_s32(four[2], four[3]));
            const int32x4_t bias =
                vaddq_s32(vld1q_s32(panel->bias + LANES * v), vdupq_n_s32(row_sum));

            x[v] = vigil_arm_rule(rule, vaddq_s32(sum, bias), panel, LANES * v);
        }
        vigil_arm_bytes_store(rows->out + (gsize)(first + r) * rows->out_stride, panel->n,
                              vigil_arm_bytes_pack(&bytes, x[0], x[1], zero, zero));
    }
}

/* @pairs: two products fit into 16 bits. */
VIGIL_ARM_INLINE void
gemm_block(const guint n_rows, const guint vectors, const gboolean pairs, const VigilGemmRows *rows,
           const VigilPanel *panel, guint first)
{
    const gint8 *w = panel->weights;
    const guint next = vectors * LANES * K_GROUP;
    int32x4_t acc[MAX_ROWS][MAX_VECTORS * LANES];

    VIGIL_ARM_ROWS ALL_CHANNELS acc[r][c] = vdupq_n_s32(0);
    for (guint t = 0; t < rows->runs; t++) {
        const guint8 *const *run = rows->rows + (gsize)t * rows->row_stride + first;
        const gint8 *p[MAX_ROWS];
        guint k = rows->k;

        VIGIL_ARM_ROWS p[r] = (const gint8 *)run[r];
        _Pragma("GCC unroll 1") for (; k >= 16; k -= 16)
        {
            int8x16_t x[MAX_ROWS], turned[MAX_ROWS];

            VIGIL_ARM_ROWS
            {
                x[r] = vld1q_s8(p[r]);
                turned[r] = vextq_s8(x[r], x[r], 8);
                p[r] += 16;
            }
            ALL_PAIRS
            {
                const int8x16_t w0 = vld1q_s8(w + 8 * c), w1 = vld1q_s8(w + next + 8 * c);

                VIGIL_ARM_ROWS
                {
                    if (pairs) {
                        int16x8_t low = vmull_s8(vget_low_s8(w0), vget_low_s8(x[r]));
                        int16x8_t high = vmull_high_s8(w0, turned[r]);

                        low = vmlal_s8(low, vget_low_s8(w1), vget_low_s8(turned[r]));
                        high = vmlal_high_s8(high, w1, x[r]);
                        acc[r][c] = vpadalq_s16(acc[r][c], low);
                        acc[r][c + 1] = vpadalq_s16(acc[r][c + 1], high);
                    } else {
                        acc[r][c] = add_low(add_low(acc[r][c], w0, x[r]), w1, turned[r]);
                        acc[r][c + 1] = add_high(add_high(acc[r][c + 1], w0, turned[r]), w1, x[r]);
                    }
                }
            }
            w += 2 * next;
        }
        if (k != 0) {
            int8x16_t x[MAX_ROWS];

            VIGIL_ARM_ROWS x[r] = vcombine_s8(vld1_s8(p[r]), vld1_s8(p[r]));
            ALL_PAIRS
            {
                const int8x16_t w0 = vld1q_s8(w + 8 * c);

                VIGIL_ARM_ROWS
                {
                    acc[r][c] = add_low(acc[r][c], w0, x[r]);
                    acc[r][c + 1] = add_high(acc[r][c + 1], w0, x[r]);
                }
            }
            w += next;
        }
    }
    store_block(n_rows, vectors, acc, rows, panel, first);
}

/* Whole blocks; what is left over is done again with rows before it, where there are enough, else row by row. */
#define DEFINE_PANEL(NAME, VECTORS, ROWS, PAIRS)                                                   \
    static __attribute__((noinline)) void NAME(const VigilGemmRows *rows, const VigilPanel *panel) \
    {                                                                                              \
        const guint n = rows->n_rows;                                                              \
                                                                                                   \
        for (guint r = 0; r < n && n >= ROWS; r += ROWS)                                           \
            gemm_block(ROWS, VECTORS, PAIRS, rows, panel, MIN(r, n - ROWS));                       \
        for (guint r = 0; r < n && n < ROWS; r++)                                                  \
            gemm_block(1, VECTORS, PAIRS, rows, panel, r);                                         \
    }

DEFINE_PANEL(gemm_4, 1, 4, TRUE)
DEFINE_PANEL(gemm_8, 2, 2, TRUE)
DEFINE_PANEL(gemm_4_lowest, 1, 4, FALSE)
DEFINE_PANEL(gemm_8_lowest, 2, 2, FALSE)

static void
gemm(const VigilGemmRows *rows, const VigilPanel *panel)
{
    if (panel->vectors == 1)
        (panel->has_lowest ? gemm_4_lowest : gemm_4)(rows, panel);
    else
        (panel->has_lowest ? gemm_8_lowest : gemm_8)(rows, panel);
}

static gboolean
is_supported(void)
{
    return TRUE;
}

const VigilIsa vigil_isa_neon = {
    .name = "neon",
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
