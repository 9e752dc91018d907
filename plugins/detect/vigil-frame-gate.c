/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/detect/vigil-frame-gate.h"

#include <gst/gst.h>

void
vigil_frame_gate_reset(VigilFrameGate *self)
{
    self->n_taken = 0;
    self->last_slot = -1;
    self->last_inference_ns = -1;
}

/*
 * Time is cut into slots of one period; the first frame of a slot is taken. So the choice hangs on the frame's time only,
 * not on how many frames came before, and the rate is never above what was asked.
 */
static gboolean
rate_takes(VigilFrameGate *self, gint64 stream_ns)
{
    gint64 slot;

    if (self->fps_n <= 0 || stream_ns < 0)
        return TRUE;
    slot = gst_util_uint64_scale(stream_ns, self->fps_n, GST_SECOND * self->fps_d);
    if (slot == self->last_slot)
        return FALSE;
    self->last_slot = slot;
    return TRUE;
}

static gboolean
is_starving(const VigilFrameGate *self, gint64 now_ns)
{
    return self->last_inference_ns < 0 || now_ns < self->last_inference_ns ||
           now_ns - self->last_inference_ns >= self->starve_ns;
}

VigilOutcome
vigil_frame_gate_decide(VigilFrameGate *self, gint64 stream_ns, gint64 now_ns, gint64 lateness_ns)
{
    if (!rate_takes(self, stream_ns) || self->n_taken++ % MAX(self->interval, 1) != 0)
        return VIGIL_OUTCOME_SKIPPED_RATE;
    if (self->max_lateness_ns >= 0 && now_ns >= 0 && lateness_ns > self->max_lateness_ns &&
        !is_starving(self, now_ns))
        return VIGIL_OUTCOME_SKIPPED_LOAD;
    self->last_inference_ns = now_ns;
    return VIGIL_OUTCOME_INFERRED;
}
