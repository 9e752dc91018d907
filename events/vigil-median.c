/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-median.h"

#include <string.h>

void
vigil_median_clear(VigilMedian *self)
{
    self->n = 0;
    self->stride_shift = 0;
    self->n_seen = 0;
}

void
vigil_median_add(VigilMedian *self, gfloat value)
{
    guint place;

    if (self->n_seen++ & ((G_GUINT64_CONSTANT(1) << self->stride_shift) - 1))
        return;
    if (self->n == VIGIL_MEDIAN_MAX) {
        for (guint i = 0; i < VIGIL_MEDIAN_MAX / 2;
             i++) /* the lower and the upper of a pair by turns: no drift */
            self->values[i] = self->values[2 * i + (i & 1)];
        self->n = VIGIL_MEDIAN_MAX / 2;
        self->stride_shift = MIN(self->stride_shift + 1, 62);
    }
    for (place = self->n; place > 0 && self->values[place - 1] > value; place--)
        ;
    memmove(&self->values[place + 1], &self->values[place],
            (self->n - place) * sizeof self->values[0]);
    self->values[place] = value;
    self->n++;
}

gfloat
vigil_median_get(const VigilMedian *self)
{
    if (self->n == 0)
        return 0.0f;
    return 0.5f * (self->values[(self->n - 1) / 2] + self->values[self->n / 2]);
}
