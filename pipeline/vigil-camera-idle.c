/* SPDX-License-Identifier: Apache-2.0 */
/* What is not decoded while nothing happens. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

/* 250 frames at 15 a second, which many cameras send from keyframe to keyframe. */
#define LIVE_HELD ((gint64)(17 * GST_SECOND))
#define FILE_HELD ((gint64)(30 * GST_SECOND))
/* Without a hint from sizes an alarm of a live camera is late by as much as is held. */
#define LIVE_BLIND ((gint64)(4 * GST_SECOND))

static gboolean
is_wanted(const VigilCameraPipeline *self)
{
    /* what is recorded of a masked camera is what was decoded; and without vigilmotion nobody knows when nothing happens */
    if (vigil_camera_pipeline_records_masked(self) || !self->settings->motion.enabled)
        return FALSE;
    return self->settings->idle == VIGIL_IDLE_KEYFRAMES ||
           (self->settings->idle == VIGIL_IDLE_AUTO && self->live);
}

gint64
vigil_camera_pipeline_get_held_ns(const VigilCameraPipeline *self)
{
    if (!is_wanted(self))
        return 0;
    return self->live ? LIVE_HELD : FILE_HELD;
}

GstElement *
vigil_camera_pipeline_add_idle(VigilCameraPipeline *self, GstElement *before, GError **error)
{
    GstElement *idle;

    if (!is_wanted(self))
        return before;
    idle = vigil_gst_make("vigilidle", "idle", error);
    if (!vigil_camera_pipeline_add(self, idle))
        return NULL;
    g_object_set(idle, "max-held-time", vigil_camera_pipeline_get_held_ns(self), "max-blind-time",
                 self->live ? LIVE_BLIND : FILE_HELD, NULL);
    return gst_element_link(before, idle) ? idle : NULL;
}
