/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-outcome.h"

G_BEGIN_DECLS

/**
 * VigilFrameGate:
 * @fps_n: inferences in @fps_d seconds at most; 0: every frame
 * @fps_d: see @fps_n
 * @interval: of the frames that the rate takes, every so many-th; at least 1
 * @max_lateness_ns: a frame that comes later than this is not worth an inference; negative: however late
 * @starve_ns: lateness is no reason when the last inference is longer ago than this
 *
 * Which frames are looked at. The rate goes by stream time alone, so a file gives the same choice each time. Plain
 * value; not thread-safe.
 */
typedef struct {
    gint fps_n, fps_d;
    guint interval;
    gint64 max_lateness_ns;
    gint64 starve_ns;

    /*< private >*/
    guint64 n_taken; /* by the rate */
    gint64 last_slot;
    gint64 last_inference_ns; /* when it was, by the clock; -1: not yet */
} VigilFrameGate;

/** vigil_frame_gate_reset: the stream begins, or jumps. */
void vigil_frame_gate_reset(VigilFrameGate *self);

/**
 * vigil_frame_gate_decide:
 * @stream_ns: stream time of the frame; -1: unknown, then the rate takes it
 * @now_ns: the time by the clock; -1: unknown, then no frame is late
 * @lateness_ns: how long after its time it came; 0 or less: in time
 *
 * Returns: inferred, skipped-rate or skipped-load
 */
VigilOutcome
vigil_frame_gate_decide(VigilFrameGate *self, gint64 stream_ns, gint64 now_ns, gint64 lateness_ns);

G_END_DECLS
