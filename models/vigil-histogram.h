/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Four steps for each doubling, from 1 µs to 18 minutes; a value is known to a fifth of itself. */
#define VIGIL_HISTOGRAM_STEPS 4u
#define VIGIL_HISTOGRAM_BUCKETS (30u * VIGIL_HISTOGRAM_STEPS + 1u)

/** VigilHistogram: of times. A plain value, zeroed to begin with; nothing is allocated and nothing grows. */
typedef struct {
    guint64 n;
    gint64 max_ns;
    guint64 buckets[VIGIL_HISTOGRAM_BUCKETS];
} VigilHistogram;

/** vigil_histogram_add: a negative time counts as 0. */
void vigil_histogram_add(VigilHistogram *self, gint64 ns);

/**
 * vigil_histogram_get:
 * @part: 0..1, 0.99 for p99
 *
 * Returns: a time that at least this part of all was not above, at most a fifth too long; 0 without any
 */
gint64 vigil_histogram_get(const VigilHistogram *self, gdouble part);

G_END_DECLS
