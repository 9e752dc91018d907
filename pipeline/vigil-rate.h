/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VIGIL_RATE_COUNTERS: what a camera's rates are of: frames captured, decoded, and looked at. */
#define VIGIL_RATE_COUNTERS 3
#define VIGIL_RATE_SAMPLES 11

/**
 * VigilRateWindow:
 *
 * Counters over the last ten seconds or so, for their rates. Zeroed to begin with. Pure.
 */
typedef struct {
    gint64 times_us[VIGIL_RATE_SAMPLES];
    guint64 counts[VIGIL_RATE_SAMPLES][VIGIL_RATE_COUNTERS];
    guint n, next;
} VigilRateWindow;

/**
 * vigil_rate_window_add:
 * @now_us: monotonic; less than a second after the last sample nothing is taken
 * @counts: when one is lower than it was, counting began anew, and so does the window
 */
void vigil_rate_window_add(VigilRateWindow *self, gint64 now_us,
                           const guint64 counts[VIGIL_RATE_COUNTERS]);

/** vigil_rate_window_get: @rates: (out): a second, between the oldest sample and the newest; 0 with less than two */
void vigil_rate_window_get(const VigilRateWindow *self, gdouble rates[VIGIL_RATE_COUNTERS]);

G_END_DECLS
