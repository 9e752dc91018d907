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

/** vigil_fixed_from_double: nearest one to @x, 0 for numbers too small; @x finite, not negative. */
VigilMultiplier vigil_fixed_from_double(gdouble x);

/** vigil_fixed_high_mul: a * b / 2^31, rounded to nearest, ties upwards; saturates -2^31 * -2^31. */
gint32 vigil_fixed_high_mul(gint32 a, gint32 b);

/** vigil_fixed_divide_pot: x / 2^exponent, rounded to nearest, ties away from zero; 0 <= @exponent <= 31. */
gint32 vigil_fixed_divide_pot(gint32 x, gint exponent);

/** vigil_fixed_multiply: x * @by: left shift, high multiplication, then rounding right shift. */
gint32 vigil_fixed_multiply(gint32 x, VigilMultiplier by);

G_END_DECLS
