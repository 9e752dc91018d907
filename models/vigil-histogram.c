/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-histogram.h"

#include <math.h>

/* Bucket 0 ends at 1 µs, each further one a fourth of a doubling later. */
static gint64
bucket_end(guint bucket)
{
    return (gint64)(1000.0 * exp2((gdouble)bucket / VIGIL_HISTOGRAM_STEPS));
}

void
vigil_histogram_add(VigilHistogram *self, gint64 ns)
{
    guint bucket = 0;

    if (ns > 1000)
        bucket = (guint)MIN(ceil(log2((gdouble)ns / 1000.0) * VIGIL_HISTOGRAM_STEPS),
                            VIGIL_HISTOGRAM_BUCKETS - 1.0);
    self->buckets[bucket]++;
    self->n++;
    self->max_ns = MAX(self->max_ns, ns);
}

gint64
vigil_histogram_get(const VigilHistogram *self, gdouble part)
{
    const gdouble wanted = part * (gdouble)self->n;
    guint64 sum = 0;

    for (guint bucket = 0; self->n > 0 && bucket < VIGIL_HISTOGRAM_BUCKETS; bucket++) {
        sum += self->buckets[bucket];
        if (sum > 0 && (gdouble)sum >= wanted)
            return bucket + 1 == VIGIL_HISTOGRAM_BUCKETS ? self->max_ns
                                                         : MIN(bucket_end(bucket), self->max_ns);
    }
    return self->max_ns;
}
