/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-fixed-private.h"

#include <math.h>

VigilMultiplier
vigil_fixed_from_double(gdouble x)
{
    VigilMultiplier result = {0, 0};
    gint64 fraction;

    if (!(x > 0.0))
        return result;
    x = MIN(x, 0x1p40);
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
