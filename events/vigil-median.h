/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_MEDIAN_MAX 256

/**
 * VigilMedian:
 *
 * Median of a stream of numbers in fixed memory. Exact for the first 256; then every second number in order of size is
 * dropped, which leaves the distribution as it is, and from there on every second new one is taken, then every fourth,
 * and so on. Zeroed memory is an empty one.
 */
typedef struct {
    /*< private >*/
    gfloat values[VIGIL_MEDIAN_MAX]; /* sorted */
    guint n;
    guint stride_shift; /* one of 2^stride_shift numbers is taken */
    guint64 n_seen;
} VigilMedian;

void vigil_median_clear(VigilMedian *self);
void vigil_median_add(VigilMedian *self, gfloat value);
/** vigil_median_get: the middle one, or the mean of the two middle ones; 0 of none. */
gfloat vigil_median_get(const VigilMedian *self);

G_END_DECLS
