/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels a byte at a time: everything but products of matrices and depthwise convolutions. */
#include <string.h>

#include "models/kernels/arm/vigil-arm-private.h"

/* Applies the statement to whole vectors, and then to what is left over, in copies of 16 bytes. */
typedef struct {
    guint8 a[16], b[16], out[16];
} Rest;

void
vigil_arm_flip(const guint8 *in, guint8 *out, gsize n)
{
    gsize i = 0;

    for (; i + 16 <= n; i += 16)
        vst1q_u8(out + i, veorq_u8(vld1q_u8(in + i), vdupq_n_u8(0x80)));
    for (; i < n; i++)
        out[i] = in[i] ^ 0x80;
}

void
vigil_arm_stage(const guint8 *in, gsize n, guint8 flip, void *out)
{
    if (flip != 0)
        vigil_arm_flip(in, out, n);
    else
        memcpy(out, in, n);
}

gint32
vigil_arm_sum(const guint8 *const *pieces, gsize stride, guint runs, gsize n)
{
    int32x4_t total = vdupq_n_s32(0);
    gint32 rest = 0;

    for (guint t = 0; t < runs; t++) {
        const gint8 *in = (const gint8 *)pieces[t * stride];
        gsize i = 0;

        for (; i + 16 <= n; i += 16)
            total = vpadalq_s16(total, vpaddlq_s8(vld1q_s8(in + i)));
        for (; i < n; i++)
            rest += in[i];
    }
    return vaddvq_s32(total) + rest;
}

void
vigil_arm_max(const guint8 *in, guint8 *acc, gsize n)
{
    const gint8 *from = (const gint8 *)in;
    gint8 *to = (gint8 *)acc;
    gsize i = 0;

    for (; i + 16 <= n; i += 16)
        vst1q_s8(to + i, vmaxq_s8(vld1q_s8(to + i), vld1q_s8(from + i)));
    for (; i < n; i++)
        to[i] = MAX(to[i], from[i]);
}

/* A table of 256 entries is four of 64; TBX leaves alone what is out of a table's range. */
void
vigil_arm_lookup(const guint8 *table, const guint8 *in, guint8 *out, gsize n)
{
    const uint8x16x4_t t0 = vld1q_u8_x4(table), t1 = vld1q_u8_x4(table + 64);
    const uint8x16x4_t t2 = vld1q_u8_x4(table + 128), t3 = vld1q_u8_x4(table + 192);
    const uint8x16_t step = vdupq_n_u8(64);
    gsize i = 0;

    for (; i + 16 <= n; i += 16) {
        uint8x16_t index = vld1q_u8(in + i), x = vqtbl4q_u8(t0, index);

        index = vsubq_u8(index, step);
        x = vqtbx4q_u8(x, t1, index);
        index = vsubq_u8(index, step);
        x = vqtbx4q_u8(x, t2, index);
        index = vsubq_u8(index, step);
        vst1q_u8(out + i, vqtbx4q_u8(x, t3, index));
    }
    for (; i < n; i++)
        out[i] = table[in[i]];
}

/* 4 of 16 bytes as 32 bits. */
#define WIDEN(X)                                                                                 \
    {                                                                                            \
        vmovl_s16(vget_low_s16(vmovl_s8(vget_low_s8(X)))),                                       \
            vmovl_high_s16(vmovl_s8(vget_low_s8(X))), vmovl_s16(vget_low_s16(vmovl_high_s8(X))), \
            vmovl_high_s16(vmovl_high_s8(X))                                                     \
    }

typedef struct {
    int32x4_t a_multiplier, b_multiplier, bias, shift;
    int8x16_t a_flip, b_flip;
    VigilArmBytes bytes;
} Add;

static Add
add_init(const VigilAddLine *line)
{
    const VigilRequant requant = {
        .zero_point = line->zero_point, .lo = line->lo, .hi = line->hi, .flip = line->out_flip};

    return (Add){
        .a_multiplier = vdupq_n_s32(line->a_multiplier),
        .b_multiplier = vdupq_n_s32(line->b_multiplier),
        .bias = vdupq_n_s32(line->bias),
        .shift = vdupq_n_s32(-(gint32)line->shift),
        .a_flip = vdupq_n_s8((gint8)line->a_flip),
        .b_flip = vdupq_n_s8((gint8)line->b_flip),
        .bytes = vigil_arm_bytes_init(&requant),
    };
}

VIGIL_ARM_INLINE void
add_16(const Add *self, const guint8 *a, const guint8 *b, guint8 *out)
{
    const int8x16_t xa = veorq_s8(vld1q_s8((const gint8 *)a), self->a_flip);
    const int8x16_t xb = veorq_s8(vld1q_s8((const gint8 *)b), self->b_flip);
    const int32x4_t wa[4] = WIDEN(xa), wb[4] = WIDEN(xb);
    int32x4_t sum[4];

    for (guint i = 0; i < 4; i++) {
        sum[i] = vmlaq_s32(self->bias, wa[i], self->a_multiplier);
        sum[i] = vshlq_s32(vmlaq_s32(sum[i], wb[i], self->b_multiplier), self->shift);
    }
    vst1q_s8((gint8 *)out, vigil_arm_bytes_pack(&self->bytes, sum[0], sum[1], sum[2], sum[3]));
}

void
vigil_arm_add(const VigilAddLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n)
{
    const Add self = add_init(line);
    Rest rest = {0};
    gsize i = 0;

    for (; i + 16 <= n; i += 16)
        add_16(&self, a + i, b + i, out + i);
    if (i == n)
        return;
    memcpy(rest.a, a + i, n - i);
    memcpy(rest.b, b + i, n - i);
    add_16(&self, rest.a, rest.b, rest.out);
    memcpy(out + i, rest.out, n - i);
}

typedef struct {
    VigilRequantRule rule;
    int8x8_t a_zero_point, b_zero_point;
    int8x16_t a_flip, b_flip;
    float32x4_t scale;
    int32x4_t multiplier, shift;
    VigilArmBytes bytes;
} Mul;

VIGIL_ARM_INLINE int32x4_t
mul_rule(const Mul *self, int32x4_t x)
{
    if (self->rule == VIGIL_REQUANT_FLOAT)
        return vigil_arm_rule_float(x, self->scale);
    return vigil_arm_rule_fixed(self->rule, x, self->multiplier, self->shift);
}

VIGIL_ARM_INLINE void
mul_16(const Mul *self, const guint8 *a, const guint8 *b, guint8 *out)
{
    const int8x16_t xa = veorq_s8(vld1q_s8((const gint8 *)a), self->a_flip);
    const int8x16_t xb = veorq_s8(vld1q_s8((const gint8 *)b), self->b_flip);
    const int16x8_t a0 = vsubl_s8(vget_low_s8(xa), self->a_zero_point);
    const int16x8_t a1 = vsubl_s8(vget_high_s8(xa), self->a_zero_point);
    const int16x8_t b0 = vsubl_s8(vget_low_s8(xb), self->b_zero_point);
    const int16x8_t b1 = vsubl_s8(vget_high_s8(xb), self->b_zero_point);
    const int32x4_t x0 = mul_rule(self, vmull_s16(vget_low_s16(a0), vget_low_s16(b0)));
    const int32x4_t x1 = mul_rule(self, vmull_high_s16(a0, b0));
    const int32x4_t x2 = mul_rule(self, vmull_s16(vget_low_s16(a1), vget_low_s16(b1)));
    const int32x4_t x3 = mul_rule(self, vmull_high_s16(a1, b1));

    vst1q_s8((gint8 *)out, vigil_arm_bytes_pack(&self->bytes, x0, x1, x2, x3));
}

void
vigil_arm_mul(const VigilMulLine *line, const guint8 *a, const guint8 *b, guint8 *out, gsize n)
{
    const Mul self = {
        .rule = line->requant.rule,
        .a_zero_point = vdup_n_s8((gint8)line->a_zero_point),
        .b_zero_point = vdup_n_s8((gint8)line->b_zero_point),
        .a_flip = vdupq_n_s8((gint8)line->a_flip),
        .b_flip = vdupq_n_s8((gint8)line->b_flip),
        .scale = vdupq_n_f32(line->scale),
        .multiplier = vdupq_n_s32(line->fixed.multiplier),
        .shift = vdupq_n_s32(line->fixed.shift),
        .bytes = vigil_arm_bytes_init(&line->requant),
    };
    Rest rest = {0};
    gsize i = 0;

    for (; i + 16 <= n; i += 16)
        mul_16(&self, a + i, b + i, out + i);
    if (i == n)
        return;
    memcpy(rest.a, a + i, n - i);
    memcpy(rest.b, b + i, n - i);
    mul_16(&self, rest.a, rest.b, rest.out);
    memcpy(out + i, rest.out, n - i);
}

void
vigil_arm_dequantize(const guint8 *in, gint32 zero_point, gfloat scale, gfloat *out, gsize n)
{
    const gint8 *from = (const gint8 *)in;
    const int32x4_t zero = vdupq_n_s32(zero_point);
    gsize i = 0;

    for (; i + 16 <= n; i += 16) {
        const int8x16_t bytes = vld1q_s8(from + i);
        const int32x4_t x[4] = WIDEN(bytes);

        for (guint j = 0; j < 4; j++)
            vst1q_f32(out + i + 4 * j, vmulq_n_f32(vcvtq_f32_s32(vsubq_s32(x[j], zero)), scale));
    }
    for (; i < n; i++)
        out[i] = (gfloat)(from[i] - zero_point) * scale;
}
