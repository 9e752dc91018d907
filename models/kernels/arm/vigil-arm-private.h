/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arm_neon.h>

#include "models/kernels/vigil-isa-private.h"

G_BEGIN_DECLS

/*
 * What the tables for ARM have in common: kernels that need nothing beyond 64-bit NEON, and the way from 32-bit sums to
 * bytes. See VigilIsa for what the functions compute.
 */

void vigil_arm_stage(const guint8 *in, gsize n, guint8 flip, void *out);
gint32 vigil_arm_sum(const guint8 *const *pieces, gsize stride, guint runs, gsize n);
void
vigil_arm_add(const VigilAddLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n);
void
vigil_arm_mul(const VigilMulLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n);
void vigil_arm_lookup(const guint8 *table, const guint8 *in, guint8 *out, gsize n);
void vigil_arm_flip(const guint8 *in, guint8 *out, gsize n);
void vigil_arm_max(const guint8 *in, guint8 *acc, gsize n);
void vigil_arm_dequantize(const guint8 *in, gint32 zero_point, gfloat scale, gfloat *out, gsize n);

/* Channels of a depthwise panel: one vector of bytes. */
#define VIGIL_ARM_DEPTHWISE_CHANNELS 16u

gboolean vigil_arm_depthwise_supports(guint k_h, guint k_w, guint stride);
gsize vigil_arm_depthwise_bytes(guint k_h, guint k_w);
void vigil_arm_depthwise_pack(VigilPanel *panel, guint k_h, guint k_w, const gint16 *weights,
                              void *packed);
guint vigil_arm_depthwise_channel(const VigilPanel *panel, guint position);
guint vigil_arm_depthwise_lines(guint k_h, guint k_w, guint stride);
void vigil_arm_depthwise(const VigilDepthwiseLines *lines, const VigilPanel *panel);

/* Loops over the sums of a block, whose sizes are constants. */
#define VIGIL_ARM_ROWS _Pragma("GCC unroll 16") for (guint r = 0; r < n_rows; r++)
#define VIGIL_ARM_VECTORS _Pragma("GCC unroll 4") for (guint v = 0; v < vectors; v++)
#define VIGIL_ARM_INLINE static inline __attribute__((always_inline))

/** VigilArmBytes: VigilRequant in vectors. */
typedef struct {
    int16x8_t zero_point;
    int8x16_t lo, hi, flip;
} VigilArmBytes;

VIGIL_ARM_INLINE VigilArmBytes
vigil_arm_bytes_init(const VigilRequant *requant)
{
    return (VigilArmBytes){vdupq_n_s16((gint16)requant->zero_point), vdupq_n_s8((gint8)requant->lo),
                           vdupq_n_s8((gint8)requant->hi), vdupq_n_s8((gint8)requant->flip)};
}

/** vigil_arm_bytes_clamp: two vectors of 16 bits, which the zero point was added to. */
VIGIL_ARM_INLINE int8x16_t
vigil_arm_bytes_clamp(const VigilArmBytes *self, int16x8_t low, int16x8_t high)
{
    const int8x16_t x = vqmovn_high_s16(vqmovn_s16(low), high);

    return veorq_s8(vminq_s8(vmaxq_s8(x, self->lo), self->hi), self->flip);
}

/** vigil_arm_bytes_pack: sums of 16 channels, in the output's scale already. */
VIGIL_ARM_INLINE int8x16_t
vigil_arm_bytes_pack(const VigilArmBytes *self, int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d)
{
    const int16x8_t low = vqmovn_high_s32(vqmovn_s32(a), b);
    const int16x8_t high = vqmovn_high_s32(vqmovn_s32(c), d);

    return vigil_arm_bytes_clamp(self, vqaddq_s16(low, self->zero_point),
                                 vqaddq_s16(high, self->zero_point));
}

/** vigil_arm_bytes_store: the first @n of 16 bytes. */
VIGIL_ARM_INLINE void
vigil_arm_bytes_store(guint8 *out, guint n, int8x16_t x)
{
    uint8x16_t bytes = vreinterpretq_u8_s8(x);

    if (n >= 16) {
        vst1q_u8(out, bytes);
        return;
    }
    if (n & 8) {
        vst1_u8(out, vget_low_u8(bytes));
        bytes = vextq_u8(bytes, bytes, 8);
        out += 8;
    }
    for (n &= 7; n > 0; n--) {
        *out++ = vgetq_lane_u8(bytes, 0);
        bytes = vextq_u8(bytes, bytes, 1);
    }
}

/** vigil_arm_rule_float: rounds to nearest, ties to even. */
VIGIL_ARM_INLINE int32x4_t
vigil_arm_rule_float(int32x4_t sum, float32x4_t scale)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), scale));
}

/**
 * vigil_arm_rule_fixed: see vigil_fixed_multiply() and vigil_fixed_multiply_upwards(). SQRDMULH rounds ties upwards, as
 * both want; SRSHL too, so that for ties away from zero negative numbers are made one less before.
 */
VIGIL_ARM_INLINE int32x4_t
vigil_arm_rule_fixed(VigilRequantRule rule, int32x4_t sum, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t zero = vdupq_n_s32(0);
    const int32x4_t right = vminq_s32(shift, zero);
    int32x4_t x = vqrdmulhq_s32(vshlq_s32(sum, vmaxq_s32(shift, zero)), multiplier);

    if (rule == VIGIL_REQUANT_AWAY)
        x = vqaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31));
    return vrshlq_s32(x, right);
}

/** vigil_arm_rule: of 4 channels from @position of @panel's constants on. */
VIGIL_ARM_INLINE int32x4_t
vigil_arm_rule(VigilRequantRule rule, int32x4_t sum, const VigilPanel *panel, guint position)
{
    if (rule == VIGIL_REQUANT_FLOAT)
        return vigil_arm_rule_float(sum, vld1q_f32(panel->scale + position));
    return vigil_arm_rule_fixed(rule, sum, vld1q_s32(panel->fixed_multiplier + position),
                                vld1q_s32(panel->fixed_shift + position));
}

G_END_DECLS
