/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Fixed-point arithmetic of the operators that TensorFlow Lite computes itself (those its XNNPACK
 * delegate leaves to it). Source: gemmlowp's documented definitions; results are compared with
 * TensorFlow Lite 2.9 by tests/models/test-golden.c
 */

/** VigilMultiplier: the real number multiplier * 2^(shift - 31), multiplier 0 or 2^30..2^31-1. */
typedef struct {
    gint32 multiplier;
    gint shift;
} VigilMultiplier;

/** vigil_fixed_from_double: nearest one to @x; 0 for numbers too small, the largest for those too large. */
VigilMultiplier vigil_fixed_from_double(gdouble x);

/** vigil_fixed_high_mul: a * b / 2^31, rounded to nearest, ties upwards; saturates -2^31 * -2^31. */
static inline gint32
vigil_fixed_high_mul(gint32 a, gint32 b)
{
    const gint64 product = (gint64)a * b;
    const gint64 nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);

    if (a == G_MININT32 && b == G_MININT32)
        return G_MAXINT32;
    return (gint32)((product + nudge) / (G_GINT64_CONSTANT(1) << 31));
}

/** vigil_fixed_divide_pot: x / 2^exponent, rounded to nearest, ties away from zero; 0 <= @exponent <= 31. */
static inline gint32
vigil_fixed_divide_pot(gint32 x, gint exponent)
{
    const gint32 mask = (gint32)((G_GINT64_CONSTANT(1) << exponent) - 1);
    const gint32 remainder = x & mask;
    const gint32 threshold = (mask >> 1) + (x < 0 ? 1 : 0);

    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/** vigil_fixed_multiply: x * @by: left shift, high multiplication, then rounding right shift. */
static inline gint32
vigil_fixed_multiply(gint32 x, VigilMultiplier by)
{
    const gint left = MAX(by.shift, 0), right = MAX(-by.shift, 0);
    const gint32 shifted = (gint32)((guint32)x << left);

    return vigil_fixed_divide_pot(vigil_fixed_high_mul(shifted, by.multiplier), right);
}

/** vigil_fixed_multiply_upwards: the same, but ties of both roundings go upwards: the rule of matrix products. */
static inline gint32
vigil_fixed_multiply_upwards(gint32 x, VigilMultiplier by)
{
    const gint left = MAX(by.shift, 0), right = MAX(-by.shift, 0);
    const gint32 shifted = (gint32)((guint32)x << left);
    const gint64 product = ((gint64)shifted * by.multiplier + (1 << 30)) >> 31;

    return (gint32)((product + ((G_GINT64_CONSTANT(1) << right) >> 1)) >> right);
}

G_END_DECLS
