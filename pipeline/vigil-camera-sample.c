/* SPDX-License-Identifier: Apache-2.0 */
/* What the status of a camera needs to be gathered beforehand. */
#include <string.h>

#include "pipeline/vigil-camera-private.h"

#define DAY_US (24 * 3600 * (gint64)G_USEC_PER_SEC)

void
vigil_camera_sample_rates(VigilCamera *self)
{
    guint64 counts[VIGIL_RATE_COUNTERS];

    g_mutex_lock(&self->lock);
    if (self->pipeline) {
        counts[0] = vigil_camera_pipeline_get_frames(self->pipeline);
        counts[1] = vigil_camera_pipeline_get_decoded(self->pipeline);
        counts[2] = self->status.detection.outcomes[VIGIL_OUTCOME_INFERRED];
        vigil_rate_window_add(&self->rates, g_get_monotonic_time(), counts);
    }
    g_mutex_unlock(&self->lock);
}

/* A store that cannot be read says so where it is written to. */
void
vigil_camera_read_day(VigilCamera *self)
{
    const gint64 now_us = g_get_real_time();
    guint64 outcomes[VIGIL_N_OUTCOME_COUNTS];
    VigilCameraDay day = {0};

    if (!vigil_store_get_outcomes(self->options.store, self->settings->name, now_us - DAY_US,
                                  now_us, outcomes, NULL) ||
        !vigil_store_get_minutes(self->options.store, self->settings->name, now_us - DAY_US, now_us,
                                 &day.minutes, NULL))
        return;
    memcpy(day.outcomes, outcomes, sizeof day.outcomes);
    g_mutex_lock(&self->lock);
    self->status.day = day;
    g_mutex_unlock(&self->lock);
}
