/* SPDX-License-Identifier: Apache-2.0 */
/* What is not decoded while nothing happens. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

/* Without a hint from sizes an alarm of a live camera is late by as much as is held. */
#define LIVE_HELD ((gint64)(4 * GST_SECOND))

static gboolean
is_wanted(const VigilCameraPipeline *self)
{
    /* what is recorded of a masked camera is what was decoded; and without vigilmotion nobody knows when nothing happens */
    if (vigil_camera_pipeline_records_masked(self) || !self->settings->motion.enabled)
        return FALSE;
    return self->settings->idle == VIGIL_IDLE_KEYFRAMES ||
           (self->settings->idle == VIGIL_IDLE_AUTO && self->live);
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
    if (self->live)
        g_object_set(idle, "max-held-time", LIVE_HELD, NULL);
    return gst_element_link(before, idle) ? idle : NULL;
}
