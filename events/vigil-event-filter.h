/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-event.h"
#include "events/vigil-outcome.h"
#include "events/vigil-rules.h"
#include "events/vigil-track.h"

G_BEGIN_DECLS

/**
 * VigilEventFunc:
 * @event: (transfer none): ref it to keep it
 */
typedef void (*VigilEventFunc)(VigilEvent *event, gpointer user_data);

/**
 * VigilEventFilterOptions:
 * @camera: name that events carry
 * @wall_base_us: wall time of stream time 0, microseconds since 1970; fixed for files (same file → same events)
 * @run_nonce: goes into the ids: random for live streams, 0 for files, so that ids are unique or repeatable
 * @update_interval_ns: an open event whose score, zones or lines changed says so at most this often, default 1 s; 0: never
 */
typedef struct {
    const gchar *camera;
    gint64 wall_base_us;
    guint64 run_nonce;
    gint64 update_interval_ns;
} VigilEventFilterOptions;

VigilEventFilterOptions vigil_event_filter_options_defaults(void);

/**
 * VigilEventFilter:
 *
 * Tracks of one camera, frame by frame → events. Pure: no I/O, no clock; the same calls give the same events,
 * ids included. Not thread-safe.
 */
typedef struct VigilEventFilter VigilEventFilter;

/** vigil_event_filter_new: @rules is copied. */
VigilEventFilter *
vigil_event_filter_new(const VigilRules *rules, const VigilEventFilterOptions *options,
                       VigilEventFunc func, gpointer user_data);
void vigil_event_filter_free(VigilEventFilter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilEventFilter, vigil_event_filter_free)

/**
 * vigil_event_filter_update:
 * @time_ns: stream time of the frame, rising
 * @outcome: what became of the frame; only inferred frames move rules on, every frame counts for coverage
 * @tracks: of that frame
 *
 * Calls the function for each begin, update and end, in a fixed order.
 */
void vigil_event_filter_update(VigilEventFilter *self, gint64 time_ns, VigilOutcome outcome,
                               const VigilTrack *tracks, guint n_tracks);

/**
 * vigil_event_filter_wants_snapshot:
 *
 * After an update: %TRUE when this frame is the best view so far of an open event (or of a track that may become
 * one), at most once in 500 ms for each event.
 * @event_slot: (out): a small number (0..VIGIL_EVENT_FILTER_MAX_SNAPSHOTS-1) for vigil_event_filter_set_snapshot()
 */
gboolean vigil_event_filter_wants_snapshot(VigilEventFilter *self, guint *event_slot);
/** vigil_event_filter_set_snapshot: hands in the JPEG for that event; a reference is taken; replaces the earlier one. */
void vigil_event_filter_set_snapshot(VigilEventFilter *self, guint event_slot, GBytes *jpeg);

/** vigil_event_filter_finish: ends every open event. */
void vigil_event_filter_finish(VigilEventFilter *self, VigilEndReason reason);

guint vigil_event_filter_get_n_open(const VigilEventFilter *self);

G_END_DECLS
