/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-motion.h"

G_BEGIN_DECLS

/**
 * VigilMotionGate:
 * @hold_ns: after the last motion every frame is still worth a look for so long, default 2 s
 * @tracked_ns: while something is tracked that does not rest, one frame in so long is, though nothing moves, default 1 s: an object
 *   that stops keeps its track
 * @resting_ns: while all that is tracked rests, one frame in so long is, default 5 s
 * @idle_ns: else one frame in so long is, default 10 s; 0: none
 *
 * Which frames are worth an inference, by what VigilMotion says of them. Time is that of the stream, so a file gives the
 * same choice each time. Plain value; not thread-safe.
 */
typedef struct {
    gint64 hold_ns, tracked_ns, resting_ns, idle_ns;

    /*< private >*/
    gboolean begun, moved;
    gint64 moved_ns, looked_ns;
} VigilMotionGate;

VigilMotionGate vigil_motion_gate_defaults(void);

/** vigil_motion_gate_reset: the stream begins, or jumps. */
void vigil_motion_gate_reset(VigilMotionGate *self);

/**
 * vigil_motion_gate_decide:
 * @n_tracks: that live now and do not rest
 * @n_resting: those that rest
 *
 * Returns: whether the frame is worth an inference. Time that goes back begins anew.
 */
gboolean vigil_motion_gate_decide(VigilMotionGate *self, gint64 time_ns, VigilMotionState state,
                                  guint n_tracks, guint n_resting);

/** vigil_motion_gate_is_quiet: nothing moved for so long that nothing is held any more, and nothing is tracked that does not rest. */
gboolean vigil_motion_gate_is_quiet(const VigilMotionGate *self, gint64 time_ns, guint n_tracks);

G_END_DECLS
