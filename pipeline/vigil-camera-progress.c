/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a camera's thread is alive, and what comes from the camera is looked at. */
#include "pipeline/vigil-camera-private.h"

/* What loads a model may take long, and is no fault. */
#define BUILDING_FACTOR 10

static guint64
add_up(const VigilCameraDetection *detection)
{
    guint64 sum = 0;

    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        sum += detection->outcomes[i];
    return sum;
}

/*
 * A camera that gives nothing is another's affair, and so is one of which no picture can be made: a broken camera must not end the program. But
 * pictures must come out of the analysis again, looked at or not. What hangs before them blocks the camera's source, which is then torn
 * down as silent; that hangs, too, and with it this thread.
 */
static gboolean
note_progress(gpointer user_data)
{
    VigilCamera *self = user_data;
    VigilCameraProgress *progress = &self->progress;
    guint64 pictures, outcomes;

    g_mutex_lock(&self->lock);
    pictures = self->pipeline ? vigil_camera_pipeline_get_decoded(self->pipeline) : 0;
    outcomes = add_up(&self->status.detection);
    if (!self->pipeline || pictures == progress->pictures || outcomes != progress->outcomes) {
        *progress = (VigilCameraProgress){.at_us = g_get_monotonic_time(),
                                          .pictures = pictures,
                                          .outcomes = outcomes,
                                          .building = progress->building};
    }
    g_mutex_unlock(&self->lock);
    return G_SOURCE_CONTINUE;
}

void
vigil_camera_watch_progress(VigilCamera *self)
{
    g_autoptr(GSource) source = g_timeout_source_new_seconds(1);

    note_progress(self);
    g_source_set_callback(source, note_progress, self, NULL);
    g_source_attach(source, self->context);
}

void
vigil_camera_set_building(VigilCamera *self, gboolean building)
{
    g_mutex_lock(&self->lock);
    self->progress.building = building;
    self->progress.at_us = g_get_monotonic_time();
    g_mutex_unlock(&self->lock);
}

gboolean
vigil_camera_is_stalled(VigilCamera *self, gint64 limit_us)
{
    const gint64 now_us = g_get_monotonic_time();
    gboolean stalled;

    g_mutex_lock(&self->lock);
    if (self->progress.building)
        limit_us = MIN(limit_us, G_MAXINT64 / BUILDING_FACTOR) * BUILDING_FACTOR;
    stalled = !vigil_camera_state_is_final(self->status.state) &&
              now_us - self->progress.at_us > limit_us;
    g_mutex_unlock(&self->lock);
    return stalled;
}
