/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-rate.h"

#include <string.h>

#define SAMPLE_US G_USEC_PER_SEC

static guint
newest(const VigilRateWindow *self)
{
    return (self->next + VIGIL_RATE_SAMPLES - 1) % VIGIL_RATE_SAMPLES;
}

void
vigil_rate_window_add(VigilRateWindow *self, gint64 now_us,
                      const guint64 counts[VIGIL_RATE_COUNTERS])
{
    for (guint i = 0; self->n > 0 && i < VIGIL_RATE_COUNTERS; i++)
        if (counts[i] < self->counts[newest(self)][i])
            self->n = self->next = 0;
    if (self->n > 0 && now_us - self->times_us[newest(self)] < SAMPLE_US)
        return;
    self->times_us[self->next] = now_us;
    memcpy(self->counts[self->next], counts, sizeof self->counts[self->next]);
    self->next = (self->next + 1) % VIGIL_RATE_SAMPLES;
    self->n = MIN(self->n + 1, VIGIL_RATE_SAMPLES);
}

void
vigil_rate_window_get(const VigilRateWindow *self, gdouble rates[VIGIL_RATE_COUNTERS])
{
    const guint last = newest(self);
    const guint first = (self->next + VIGIL_RATE_SAMPLES - self->n) % VIGIL_RATE_SAMPLES;

    for (guint i = 0; i < VIGIL_RATE_COUNTERS; i++) {
        rates[i] = 0;
        if (self->n > 1)
            rates[i] = (gdouble)(self->counts[last][i] - self->counts[first][i]) * 1e6 /
                       (gdouble)(self->times_us[last] - self->times_us[first]);
    }
}
