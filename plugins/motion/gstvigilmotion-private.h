/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "events/vigil-motion-gate.h"
#include "plugins/motion/gstvigilmotion.h"

G_BEGIN_DECLS

typedef struct {
    guint64 frames, looks, moving, quiet, scene_changes, passed;
} GstVigilMotionStats;

struct _GstVigilMotion {
    GstBaseTransform parent;

    /* object lock */
    guint sensitivity;
    gint looks_n, looks_d;
    gint64 hold_ns, tracked_ns, resting_ns, idle_ns;
    gchar *masks;
    guint n_tracks, n_resting; /* that do not rest, and that do */
    GstVigilMotionStats stats;

    /* streaming thread */
    GArray *polygons;
    VigilMotion *motion;
    VigilMotionGate gate;
    VigilMotionResult result; /* of the last look */
    gint64 last_slot;
    VigilMotion *saved; /* what was known before a probe */
    gint64 probed_ns;   /* stream time of the keyframe that a probe sent on; -1: none */
    GstVideoInfo info;
    gint64 stats_posted_us;
};

/** gst_vigil_motion_is_look_due: whether the frame of this time is the first of its slot. */
gboolean gst_vigil_motion_is_look_due(GstVigilMotion *self, gint64 time_ns);
void gst_vigil_motion_count_look(GstVigilMotion *self);
gboolean gst_vigil_motion_is_worth_an_inference(GstVigilMotion *self, gint64 time_ns);
/** gst_vigil_motion_mark: @buffer, which is writable, with what the last look came to. */
void gst_vigil_motion_mark(GstVigilMotion *self, GstBuffer *buffer, gint64 time_ns);

/* gstvigilmotion-probe.c */

/** gst_vigil_motion_answer_probe: %FALSE: it is another query. Streaming thread. */
gboolean gst_vigil_motion_answer_probe(GstVigilMotion *self, GstQuery *query);

G_END_DECLS
