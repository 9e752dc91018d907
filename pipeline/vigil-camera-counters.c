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
read_network(VigilCameraPipeline *self, const gchar *name, VigilCameraNetwork *network)
{
    GstStructure *stats = get_stats(self, name);
    const gchar *transport;

    *network = (VigilCameraNetwork){0};
    if (!stats)
        return;
    transport = gst_structure_get_string(stats, "transport");
    g_strlcpy(network->transport, transport ? transport : "", sizeof network->transport);
    network->known = gst_structure_has_name(stats, "vigilrtspsrc-stats") &&
                     gst_structure_get(
                         stats, "frames", G_TYPE_UINT64, &network->frames, "packets", G_TYPE_UINT64,
                         &network->packets, "lost-packets", G_TYPE_UINT64, &network->lost_packets,
                         "stale", G_TYPE_UINT64, &network->stale, "before-key", G_TYPE_UINT64,
                         &network->before_key, "dropped", G_TYPE_UINT64, &network->dropped,
                         "drop-outs", G_TYPE_UINT64, &network->drop_outs, "attempts", G_TYPE_UINT64,
                         &network->attempts, "jumps", G_TYPE_UINT, &network->jumps,
                         "udp-lost-permille", G_TYPE_UINT, &network->udp_lost_permille, NULL);
    gst_structure_free(stats);
}

/* What has no such counter leaves its field alone. */
static void
read_sound(VigilCameraPipeline *self, VigilCameraSound *sound)
{
    GstStructure *source = get_stats(self, "source"), *record = get_stats(self, "record");
    guint64 dropped = 0;

    *sound = (VigilCameraSound){0};
    if (source) {
        gst_structure_get_uint64(source, "sound-packets", &sound->packets);
        gst_structure_get_uint64(source, "sound-lost-packets", &sound->lost_packets);
        gst_structure_get_uint64(source, "sound-stale", &sound->stale);
        gst_structure_get_uint64(source, "sound-dropped", &sound->dropped);
        gst_structure_free(source);
    }
    if (record) {
        gst_structure_get_uint64(record, "audio-frames", &sound->frames);
        gst_structure_get_uint64(record, "audio-dropped", &dropped);
        gst_structure_get_uint64(record, "audio-lost", &sound->missing);
        sound->dropped += dropped;
        gst_structure_free(record);
    }
}

static void
read_idle(VigilCameraPipeline *self, VigilCameraIdle *idle)
{
    GstStructure *stats = get_stats(self, "idle");

    *idle = (VigilCameraIdle){0};
    if (!stats)
        return;
    idle->known = gst_structure_get(
        stats, "asleep", G_TYPE_BOOLEAN, &idle->asleep, "frames", G_TYPE_UINT64, &idle->frames,
        "left", G_TYPE_UINT64, &idle->left, "caught-up", G_TYPE_UINT64, &idle->caught_up, "sleeps",
        G_TYPE_UINT64, &idle->sleeps, "false-sizes", G_TYPE_UINT64, &idle->false_sizes,
        "woken-by-size", G_TYPE_UINT64, &idle->woken_by_size, "woken-by-probe", G_TYPE_UINT64,
        &idle->woken_by_probe, "woken-by-track", G_TYPE_UINT64, &idle->woken_by_track,
        "woken-by-limit", G_TYPE_UINT64, &idle->woken_by_limit, NULL);
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
        &recording->clips_failed, "clips-short", G_TYPE_UINT64, &recording->clips_short,
        "footage-lost", G_TYPE_UINT64, &recording->footage_lost, "segments-failed", G_TYPE_UINT64,
        &recording->segments_failed, NULL);
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
    read_network(self, "source", &live->network);
    read_network(self, "detect-source", &live->detect_network);
    read_sound(self, &live->sound);
    read_idle(self, &live->idle);
    read_recording(self, &live->recording);
}
