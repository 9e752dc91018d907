/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-look-planner.h"
#include "events/vigil-track.h"

G_BEGIN_DECLS

/**
 * VigilTrackerOptions:
 * @high_score: detections at least this good start tracks and are associated first, 0..1, default 0.5
 * @low_score: weaker ones down to here only carry on existing tracks (ByteTrack's second stage), default 0.1
 * @min_hits: detections before a track is reported, default 2
 * @max_lost_ns: a track without a detection for longer is not reported any more, default 2 s; it may still come back with its
 *   id until 2.5 times as long. Of a track that rests only the time counts in which it was looked for, up to a gap of 40 s: nobody
 *   looks often at what stands still
 * @iou_threshold: least overlap for an association, 0..1, default 0.2
 */
typedef struct {
    gfloat high_score, low_score;
    guint min_hits;
    gint64 max_lost_ns;
    gfloat iou_threshold;
} VigilTrackerOptions;

VigilTrackerOptions vigil_tracker_options_defaults(void);

#define VIGIL_TRACKER_MAX_TRACKS 128
#define VIGIL_TRACKER_MAX_DETECTIONS 256 /* of a frame; of more, the best ones */

/**
 * VigilTracker:
 *
 * Detections of one camera, frame by frame → tracks. Kalman filter for each track, association by optimal
 * assignment, in two stages on scores as ByteTrack does. Deterministic; not thread-safe; allocates only in new.
 *
 * What is matched with what, in this order, each by optimal assignment:
 * 1. tracks with strong detections, by overlap with the predicted box. A track that was missed in the frame before
 *    may overlap where it was last seen instead: the guess of its speed may be worse than none. Classes that differ
 *    need an overlap of 0.6 (one object under two names), since a track's class is the one of most of its detections.
 * 2. tracks lost for longer than max_lost_ns, where they should be by now (within half their size).
 * 3. tracks that had 5 detections and have been lost for more than 0.8 s, by overlap with where they were last seen: first
 *    comes whoever was to be expected there, since of two that vanish behind one thing either may come out.
 * 4. what is left, same class, by the distance of the centres: at 5 frames a second a small fast object does not
 *    overlap with itself. The radius is 0.5 of the object's size and grows with the time since it was last seen by 8
 *    sizes a second up to 2.5 (young tracks, whose speed is not known yet) or by 4 up to 1.5 (others), and is never
 *    more than a quarter of the frame; sizes may differ by a factor of 2.
 * 5. tracks that are left with weak detections, by overlap; a track that was missed in the frame before needs 0.5.
 * 6. as 2, near to where they should be or were last seen, within 0.5 of their size and 0.25 more each second.
 * Only who had 5 detections and was lost in the middle of the picture comes back (2 and 6), and not at its border, where
 * others come in. How well this does is measured in tests/bench/tracking.
 * A strong detection that is left starts a track, unless it overlaps by 0.7 with one of its class that was just seen:
 * that is the same object found twice.
 */
typedef struct VigilTracker VigilTracker;

/** vigil_tracker_set_scores: from the next update on; the tracks stay. @low is not above @high, or counts as @high. */
void vigil_tracker_set_scores(VigilTracker *self, gfloat low, gfloat high);
VigilTracker *vigil_tracker_new(const VigilTrackerOptions *options);
void vigil_tracker_free(VigilTracker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilTracker, vigil_tracker_free)

/**
 * vigil_tracker_update:
 * @time_ns: stream time of the frame; a time not after the last one is an error of the caller and changes nothing
 *   (0 tracks, no match)
 * @detections: of a frame that was inferred; borrowed
 * @tracks: (out): the live, confirmed tracks
 * @matches: (out) (nullable): for each detection the index of its track in @tracks, or -1
 * @capacity: room in @tracks; %VIGIL_TRACKER_MAX_TRACKS is enough
 *
 * Returns: number of tracks written
 */
guint vigil_tracker_update(VigilTracker *self, gint64 time_ns, const VigilDetection *detections,
                           guint n_detections, VigilTrack *tracks, gint *matches, guint capacity);

/**
 * vigil_tracker_update_area:
 * @area: (nullable): the part of the frame that was looked at; %NULL: all of it
 *
 * As vigil_tracker_update(). A track that was expected outside of @area was not looked for, nor was one that was last seen in a
 * much smaller area, where small things are seen: it is predicted and not missed, and that
 * time does not count for max_lost_ns, unless it was looked for in vain twice already. That ends 40 s after it was last seen: look at
 * all places in turn (VigilLookPlanner).
 */
guint vigil_tracker_update_area(VigilTracker *self, gint64 time_ns, const VigilBox *area,
                                const VigilDetection *detections, guint n_detections,
                                VigilTrack *tracks, gint *matches, guint capacity);

/** vigil_tracker_get_places: where tracks were in the latest frame, also those that are not confirmed yet; for VigilLookPlanner. */
void vigil_tracker_get_places(const VigilTracker *self, VigilPlaces *places);

/**
 * vigil_tracker_predict:
 *
 * For a frame that was not looked at: where the live, confirmed tracks probably are. Changes nothing.
 */
guint
vigil_tracker_predict(const VigilTracker *self, gint64 time_ns, VigilTrack *tracks, guint capacity);

/** vigil_tracker_get_n_overflow: strong detections that found no room for a track, so far. */
guint64 vigil_tracker_get_n_overflow(const VigilTracker *self);

/** vigil_tracker_reset: forgets all tracks (stream gap); ids go on. */
void vigil_tracker_reset(VigilTracker *self);

G_END_DECLS
