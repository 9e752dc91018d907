/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-fixed-private.h"

#include <math.h>

VigilMultiplier
vigil_fixed_from_double(gdouble x)
{
    VigilMultiplier result = {0, 0};
    gint64 fraction;

    if (x == 0.0)
        return result;
    fraction = (gint64)round(frexp(x, &result.shift) * 2147483648.0);
    if (fraction == G_GINT64_CONSTANT(1) << 31) {
        fraction /= 2;
        result.shift++;
    }
    if (result.shift < -31)
        return (VigilMultiplier){0, 0};
    if (result.shift > 30) {
        result.shift = 30;
        fraction = G_MAXINT32;
    }
    result.multiplier = (gint32)fraction;
    return result;
}

gint32
vigil_fixed_high_mul(gint32 a, gint32 b)
{
    const gint64 product = (gint64)a * b;
    const gint64 nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);

    if (a == G_MININT32 && b == G_MININT32)
        return G_MAXINT32;
    return (gint32)((product + nudge) / (G_GINT64_CONSTANT(1) << 31));
}

gint32
vigil_fixed_divide_pot(gint32 x, gint exponent)
{
    const gint32 mask = (gint32)((G_GINT64_CONSTANT(1) << exponent) - 1);
    const gint32 remainder = x & mask;
    const gint32 threshold = (mask >> 1) + (x < 0 ? 1 : 0);

    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

gint32
vigil_fixed_multiply(gint32 x, VigilMultiplier by)
{
    const gint left = MAX(by.shift, 0), right = MAX(-by.shift, 0);
    const gint32 shifted = (gint32)((guint32)x << left);

    return vigil_fixed_divide_pot(vigil_fixed_high_mul(shifted, by.multiplier), right);
}
