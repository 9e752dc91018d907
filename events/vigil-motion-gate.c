/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-motion-gate.h"

#define SECOND ((gint64)1000000000)

VigilMotionGate
vigil_motion_gate_defaults(void)
{
    return (VigilMotionGate){.hold_ns = 2 * SECOND,
                             .tracked_ns = SECOND,
                             .resting_ns = 5 * SECOND,
                             .idle_ns = 10 * SECOND};
}

void
vigil_motion_gate_reset(VigilMotionGate *self)
{
    self->begun = self->moved = FALSE;
}

static gboolean
is_due(const VigilMotionGate *self, gint64 time_ns, guint n_tracks, guint n_resting)
{
    const gint64 since = time_ns - self->looked_ns;

    if (!self->begun)
        return TRUE;
    if (self->moved && time_ns - self->moved_ns < self->hold_ns)
        return TRUE;
    if (n_tracks > 0 && since >= self->tracked_ns)
        return TRUE;
    if (n_resting > 0 && since >= self->resting_ns)
        return TRUE;
    return self->idle_ns > 0 && since >= self->idle_ns;
}

gboolean
vigil_motion_gate_decide(VigilMotionGate *self, gint64 time_ns, VigilMotionState state,
                         guint n_tracks, guint n_resting)
{
    if (self->begun && time_ns < self->looked_ns)
        vigil_motion_gate_reset(self);
    if (state != VIGIL_MOTION_QUIET) {
        self->moved = TRUE;
        self->moved_ns = time_ns;
    }
    if (!is_due(self, time_ns, n_tracks, n_resting))
        return FALSE;
    self->begun = TRUE;
    self->looked_ns = time_ns;
    return TRUE;
}

gboolean
vigil_motion_gate_is_quiet(const VigilMotionGate *self, gint64 time_ns, guint n_tracks)
{
    if (!self->begun || n_tracks > 0)
        return FALSE;
    return !self->moved || time_ns - self->moved_ns >= self->hold_ns;
}
