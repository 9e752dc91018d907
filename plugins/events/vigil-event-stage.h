/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "events/vigil-event-filter.h"
#include "events/vigil-tracker.h"
#include "plugins/events/vigil-event-messages.h"
#include "plugins/events/vigil-snapshot.h"

G_BEGIN_DECLS

/**
 * VigilEventStage:
 * @info: of the frames
 * @options: for the next filter
 * @skew_us: of the wall clock, for the filter; see vigil_event_filter_set_clock_skew()
 * @events: (element-type VigilEvent): made and not taken yet; the caller empties it
 * @minutes: outcomes of the minute that is going on
 * @decisions: what became of objects without an event; the caller takes them
 * @rules: (nullable): that hold
 *
 * What vigilevents does with a frame: tracks to the filter, snapshots where it wants them, outcomes counted. Used by one
 * thread at a time.
 */
typedef struct {
    GstVideoInfo info;
    VigilEventFilterOptions options;
    gint64 skew_us;
    GPtrArray *events;
    VigilOutcomeMinutes minutes;
    VigilDecisionBatch decisions;
    VigilRules *rules;

    /*< private >*/
    VigilEventFilter *filter;
    VigilSnapshot *snapshot;
    gint64 last_ns;
    gboolean broken; /* what is open cannot go on */
    VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];
    VigilDetection untracked[VIGIL_TRACKER_MAX_DETECTIONS];
} VigilEventStage;

void vigil_event_stage_init(VigilEventStage *self);
void vigil_event_stage_finish(VigilEventStage *self);

/** vigil_event_stage_start: @snapshot_width: widest snapshot in pixels; 0: none are made */
void vigil_event_stage_start(VigilEventStage *self, guint snapshot_width);
/** vigil_event_stage_stop: forgets filter and rules. */
void vigil_event_stage_stop(VigilEventStage *self);

/** vigil_event_stage_set_rules: (transfer full) @rules: unless they are equal, what is open ends as stopped. */
void vigil_event_stage_set_rules(VigilEventStage *self, VigilRules *rules);

/** vigil_event_stage_break: the stream jumps: with the next frame, what is open ends and all begins anew. */
void vigil_event_stage_break(VigilEventStage *self);

/** vigil_event_stage_takes: %FALSE for a frame without a time, or a second one of the same time, which tells a rule nothing. */
gboolean vigil_event_stage_takes(const VigilEventStage *self, gint64 time_ns);

/**
 * vigil_event_stage_process:
 * @time_ns: stream time; after a step back what is open ends
 *
 * Rules and options must be set.
 *
 * Returns: (transfer full) (nullable): the outcomes of a minute that is over
 */
GstStructure *vigil_event_stage_process(VigilEventStage *self, GstBuffer *buffer, gint64 time_ns);

/** vigil_event_stage_get_wanted_ns: after a frame was processed; see vigil_event_filter_get_wanted_ns(). */
gint64 vigil_event_stage_get_wanted_ns(const VigilEventStage *self);

/** vigil_event_stage_leave: so many frames were not decoded, as nothing moved; they count for the minute that is going on. */
void vigil_event_stage_leave(VigilEventStage *self, guint n_frames);

/** vigil_event_stage_close: ends what is open. */
void vigil_event_stage_close(VigilEventStage *self, VigilEndReason reason);

G_END_DECLS
