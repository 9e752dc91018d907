/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/* What the tests of privacy share: pictures of which one part shows a pattern that nobody may see. */

/* The left two fifths, and what hides them. */
#define MARKER_PART 0.4
#define MARKER_MASKS "[[[0, 0], [0.4, 0], [0.4, 1], [0, 1]]]"

/**
 * marker_video:
 * @codec: ffmpeg's name of the encoder
 *
 * Writes 12 s of 10 frames each: a bright, restless pattern in the left two fifths, and in the rest, from 5 s to 7 s, a white square that
 * a model of marker_model() sees.
 */
void marker_video(const gchar *path, guint width, guint height, const gchar *codec);
/** marker_model: (transfer full): a package in this folder: objects are where it is bright. */
gchar *marker_model(const gchar *folder);

/**
 * MarkerCount:
 * @frames: that were looked at
 * @bright: those of them of which the other part was bright somewhere
 * @most: farthest from black that anything under the mask was, in any of them
 */
typedef struct {
    guint frames, bright, most;
    gint last_width, n_sizes;
} MarkerCount;

/**
 * marker_check:
 * @frame: planar, or NV12
 * @margin: pixels at the mask's edge that are not looked at
 */
void marker_look(GstVideoFrame *frame, guint margin, MarkerCount *count);

/** marker_look_file: at all frames of an MP4 with H.264, or at a JPEG. */
MarkerCount marker_look_file(const gchar *path, guint margin);

/**
 * marker_check_store: fails the test when a clip or a snapshot of the store shows anything under the mask.
 * @least_frames: that each clip has
 * @n_snapshots: (out) (optional)
 *
 * Returns: clips
 */
guint marker_check_store(const gchar *folder, guint least_frames, guint *n_snapshots);

G_END_DECLS
