/* SPDX-License-Identifier: Apache-2.0 */
/* What the elements of a running pipeline count. */
#include "pipeline/vigil-camera-pipeline-private.h"

static void
read_queue(VigilCameraPipeline *self, const gchar *name, VigilCameraQueue *queue)
{
    g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(self->pipeline), name);

    *queue = (VigilCameraQueue){0};
    if (element)
        g_object_get(element, "current-level-buffers", &queue->frames, "current-level-bytes",
                     &queue->bytes, "current-level-time", &queue->age_ns, NULL);
}

/* (transfer full) (nullable) */
static GstStructure *
get_stats(VigilCameraPipeline *self, const gchar *name)
{
    g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(self->pipeline), name);
    GstStructure *stats = NULL;

    if (element && g_object_class_find_property(G_OBJECT_GET_CLASS(element), "stats"))
        g_object_get(element, "stats", &stats, NULL);
    return stats;
}

static void
read_capture(VigilCameraPipeline *self, VigilCameraCapture *capture)
{
    GstStructure *stats = get_stats(self, "source");

    *capture = (VigilCameraCapture){0};
    if (!stats)
        return;
    capture->known =
        gst_structure_has_name(stats, "vigilv4l2src-stats") &&
        gst_structure_get(stats, "frames", G_TYPE_UINT64, &capture->frames, "lost", G_TYPE_UINT64,
                          &capture->lost, "corrupt", G_TYPE_UINT64, &capture->corrupt, "short",
                          G_TYPE_UINT64, &capture->too_short, "oversize", G_TYPE_UINT64,
                          &capture->oversize, "backwards", G_TYPE_UINT64, &capture->backwards,
                          "dropped", G_TYPE_UINT64, &capture->dropped, "unplugs", G_TYPE_UINT64,
                          &capture->unplugs, NULL);
    gst_structure_free(stats);
}

static void
read_recording(VigilCameraPipeline *self, VigilCameraRecording *recording)
{
    GstStructure *stats = get_stats(self, "record");

    *recording = (VigilCameraRecording){0};
    if (!stats)
        return;
    gst_structure_get(
        stats, "ring-bytes", G_TYPE_UINT64, &recording->ring_bytes, "ring-frames", G_TYPE_UINT,
        &recording->ring_frames, "frames-lost", G_TYPE_UINT64, &recording->frames_lost,
        "clips-complete", G_TYPE_UINT64, &recording->clips_complete, "clips-failed", G_TYPE_UINT64,
        &recording->clips_failed, "clips-short", G_TYPE_UINT64, &recording->clips_short, NULL);
    gst_structure_free(stats);
}

void
vigil_camera_pipeline_get_live(VigilCameraPipeline *self, VigilCameraLive *live)
{
    static const gchar *const queues[VIGIL_CAMERA_N_QUEUES] = {
        [VIGIL_CAMERA_QUEUE_DECODE] = "decode-queue",
        [VIGIL_CAMERA_QUEUE_FRAMES] = "frames",
        [VIGIL_CAMERA_QUEUE_RECORD] = "record-queue",
    };

    for (guint i = 0; i < VIGIL_CAMERA_N_QUEUES; i++)
        read_queue(self, queues[i], &live->queues[i]);
    read_capture(self, &live->capture);
    read_recording(self, &live->recording);
}
