/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-assign.h"
#include "events/vigil-kalman.h"
#include "events/vigil-tracker.h"

G_BEGIN_DECLS

#define VIGIL_TRACKER_MAX_VOTES 4 /* classes that a track is remembered to have been seen as */

typedef struct {
    gint32 label_id;
    const gchar *label;
    guint n;
} VigilTrackerVote;

typedef struct {
    guint64 id;
    VigilKalman kalman;
    VigilBox box;      /* in the current frame: predicted, then corrected */
    VigilBox last_box; /* as last corrected */
    gdouble pace_x,
        pace_y; /* its speed, averaged over about a second: parts of the frame a second */
    gint64 first_ns, last_ns;
    gint64 missed_ns;  /* first update without it since last_ns */
    guint n_missed;    /* updates since then that looked for it */
    gfloat seen_size;  /* of the area in which it was seen last, in parts of the frame */
    gint64 blind_ns;   /* of the time since last_ns: in which it was not looked for */
    VigilBox rest_box; /* where it is since rest_ns */
    gint64 rest_ns;
    guint hits;
    gfloat score;
    gboolean looked;       /* for it, in the current frame */
    gboolean observed;     /* in the current frame */
    gboolean was_observed; /* in the latest frame before that looked for it */
    gboolean asleep;       /* lost for so long that only a return wakes it */
    VigilTrackerVote votes[VIGIL_TRACKER_MAX_VOTES]; /* by number, the majority first */
    guint n_votes;
} VigilTrackerItem;

struct VigilTracker {
    VigilTrackerOptions options;
    gint64 time_ns;   /* of the latest frame; G_MININT64: none */
    gfloat area_size; /* so much of it was looked at */
    guint64 next_id;
    guint64 n_overflow;
    VigilTrackerItem tracks[VIGIL_TRACKER_MAX_TRACKS]; /* by id */
    guint n_tracks;
    VigilAssign *assign; /* tracks × detections */

    /* of the frame at hand; detections by falling score */
    VigilDetection detections[VIGIL_TRACKER_MAX_DETECTIONS];
    guint origin[VIGIL_TRACKER_MAX_DETECTIONS];  /* index in the caller's array */
    guint64 owner[VIGIL_TRACKER_MAX_DETECTIONS]; /* id of the track; 0: none */
    guint n_detections;
    guint rows[VIGIL_TRACKER_MAX_TRACKS],
        columns[VIGIL_TRACKER_MAX_DETECTIONS]; /* of one assignment */
    gint pairs[VIGIL_TRACKER_MAX_TRACKS];
};

/* By name where both have one: a model that takes another's place may number the same classes otherwise. */
static inline gboolean
vigil_tracker_is_same_class(const VigilTrackerVote *vote, const VigilDetection *detection)
{
    return vote->label && detection->label ? vote->label == detection->label
                                           : vote->label_id == detection->label_id;
}

/* For as long as its detections told so: a while without any is no rest. */
static inline gboolean
vigil_tracker_is_resting(const VigilTrackerItem *track)
{
    return track->last_ns - track->rest_ns >= G_GINT64_CONSTANT(5000000000);
}

static inline gboolean
vigil_tracker_is_confirmed(const VigilTracker *self, const VigilTrackerItem *track)
{
    return track->hits >= self->options.min_hits;
}

/* --- vigil-tracker-costs.c: of a track and a detection of the frame at hand, or VIGIL_ASSIGN_FORBIDDEN ------------- */

/* of the steps 1 … 6, as in vigil-tracker.h */
gfloat vigil_tracker_cost_overlap(const VigilTracker *self, const VigilTrackerItem *track,
                                  const VigilDetection *detection);
gfloat vigil_tracker_cost_return(const VigilTracker *self, const VigilTrackerItem *track,
                                 const VigilDetection *detection);
gfloat vigil_tracker_cost_overlap_last(const VigilTracker *self, const VigilTrackerItem *track,
                                       const VigilDetection *detection);
gfloat vigil_tracker_cost_distance(const VigilTracker *self, const VigilTrackerItem *track,
                                   const VigilDetection *detection);
gfloat vigil_tracker_cost_weak(const VigilTracker *self, const VigilTrackerItem *track,
                               const VigilDetection *detection);
gfloat vigil_tracker_cost_return_far(const VigilTracker *self, const VigilTrackerItem *track,
                                     const VigilDetection *detection);
/* Whether it may come back at all after it was lost for long: it was seen well, and not where one leaves the picture. */
gboolean vigil_tracker_may_return(const VigilTrackerItem *track);

G_END_DECLS
