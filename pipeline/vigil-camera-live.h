/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilCameraQueue: what waits in a queue of the pipeline: @age_ns: from its oldest frame to its newest */
typedef struct {
    guint frames, bytes;
    guint64 age_ns;
} VigilCameraQueue;

enum {
    VIGIL_CAMERA_QUEUE_DECODE, /* coded frames for the decoder */
    VIGIL_CAMERA_QUEUE_FRAMES, /* pictures for the detector */
    VIGIL_CAMERA_QUEUE_RECORD, /* coded frames for the recorder */
    VIGIL_CAMERA_N_QUEUES,
};

/** VigilCameraCapture: counters of vigilv4l2src, see its `stats`; @known: the camera is one of V4L2. */
typedef struct {
    gboolean known;
    guint64 frames, lost, corrupt, too_short, oversize, backwards, dropped, unplugs;
} VigilCameraCapture;

/**
 * VigilCameraNetwork: counters of vigilrtspsrc, see its `stats`.
 * @known: the stream comes over the network
 * @udp_lost_permille: of its packets, for which UDP was left for TCP; 0: it was not
 */
typedef struct {
    gboolean known;
    gchar transport[8];
    guint udp_lost_permille;
    guint64 frames, packets, lost_packets, stale, before_key, dropped, drop_outs, attempts;
    guint jumps;
} VigilCameraNetwork;

/**
 * VigilCameraSound: of what is recorded beside the pictures.
 * @packets, @lost_packets: of cameras on the network
 * @frames: that came to the recorder
 * @stale: too late
 * @dropped: there was no room, there were no pictures, or times did not rise
 * @missing: belonged into a clip that had to be written without them
 */
typedef struct {
    guint64 packets, lost_packets, frames, stale, dropped, missing;
} VigilCameraSound;

/** VigilCameraIdle: counters of vigilidle, see its `stats`; @known: the camera has one. */
typedef struct {
    gboolean known, asleep;
    guint64 frames, left, caught_up, sleeps, false_sizes;
    guint64 woken_by_size, woken_by_probe, woken_by_track, woken_by_limit;
} VigilCameraIdle;

/** VigilCameraRecording: some counters of vigilrecord, see its `stats`. */
typedef struct {
    guint64 ring_bytes;
    guint ring_frames;
    guint64 frames_lost, clips_complete, clips_failed, clips_short;
    guint64 footage_lost, segments_failed;
} VigilCameraRecording;

/** VigilCameraLive: what the elements of the present pipeline hold and have counted; zeroed where there is none. */
typedef struct {
    VigilCameraQueue queues[VIGIL_CAMERA_N_QUEUES];
    VigilCameraCapture capture;
    VigilCameraNetwork network,
        detect_network; /* of its source, and of the stream that is only looked at */
    VigilCameraSound sound;
    VigilCameraIdle idle;
    VigilCameraRecording recording;
} VigilCameraLive;

G_END_DECLS
