/* SPDX-License-Identifier: Apache-2.0 */
/* What a camera with privacy masks has: nothing but what paints them sees a frame without. */
#include "pipeline/vigil-camera-pipeline-private.h"
#include "pipeline/vigil-gst.h"

gboolean
vigil_camera_pipeline_records_masked(const VigilCameraPipeline *self)
{
    return self->settings->masks && vigil_camera_settings_records(self->settings);
}

gboolean
vigil_camera_pipeline_link_frames(VigilCameraPipeline *self, GstElement *convert, GError **error)
{
    GstElement *mask, *tee, *queue;

    if (!self->settings->masks)
        return gst_element_link(convert, self->frame_queue);
    mask = vigil_gst_make("vigilmask", "mask", error);
    if (!vigil_camera_pipeline_add(self, mask))
        return FALSE;
    g_object_set(mask, "masks", self->settings->masks, NULL);
    if (!gst_element_link(convert, mask))
        return FALSE;
    if (!vigil_camera_pipeline_records_masked(self))
        return gst_element_link(mask, self->frame_queue);
    tee = vigil_gst_make("tee", "masked", error);
    if (!vigil_camera_pipeline_add(self, tee))
        return FALSE;
    queue = vigil_camera_pipeline_add_encoder(self, error);
    return queue && gst_element_link(mask, tee) && gst_element_link(tee, self->frame_queue) &&
           gst_element_link(tee, queue);
}
