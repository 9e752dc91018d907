/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-area.h"
#include "events/vigil-event-filter.h"
#include "events/vigil-median.h"

G_BEGIN_DECLS

#define VIGIL_NONE G_MAXUINT

/* After a while in which nothing was looked at, an object has this long to be found again: a tracker wants to see it
 * more than once before it tells. */
#define VIGIL_FILTER_GRACE_NS G_GINT64_CONSTANT(1000000000)

/* An object over time, under one or several track ids. Sets of rules, zones and lines are bits by their index. */
typedef struct {
    gboolean used;
    guint64 track_id; /* the latest */
    const gchar *label;
    gint32 label_id;
    gint64 last_ns;          /* latest detection */
    VigilBox box;            /* there */
    VigilPoint foot;         /* there */
    gfloat speed_x, speed_y; /* parts of the frame a second, smoothed */
    VigilMedian scores;      /* of all its detections */
    gint64
        missed_ns; /* first frame since last_ns that was looked at without it; G_MAXINT64: none */
    gint64
        shadow_since_ns; /* since when it is taken for a double of another object; G_MININT64: it is not */
    guint n_stays;                             /* that refer to it */
    gint64 cooldown_until_ns[VIGIL_RULES_MAX]; /* of its own events; G_MININT64: none */

    VigilBox anchor;   /* where it stands, for as long as it does */
    gint64 anchor_ns;  /* since when */
    gint64 strayed_ns; /* since when it is elsewhere; G_MAXINT64: it is not */
    gint64 empty_ns;   /* since when its place is seen without it; G_MAXINT64: it is not */
    guint n_empty;     /* in so many looks */
    gboolean is_new;   /* it came while somebody looked */
    gfloat widest;     /* the largest area in which it was seen there, in parts of the frame */

    gboolean looked;   /* in the frame at hand somebody looked where it should be */
    gboolean observed; /* the rest is of the frame at hand, and only if this is set */
    gboolean returned; /* it had been lost until this frame */
    gfloat score;
    guint64 zones, lines_in, lines_out;
} VigilFilterObject;

/* An object's stay under a rule: what may become, or is, an event. */
typedef struct {
    gboolean used;
    gboolean open; /* the event has begun */
    guint rule, object;
    gint64 start_ns, last_ns; /* first and latest frame that met the rule */
    gint64 missed_ns;  /* first frame since then that was looked at and did not; G_MAXINT64: none */
    gint64 refused_ns; /* first frame since then with the object in its place; G_MAXINT64: none */
    guint32 seen, inferred;           /* frames from the start to this one */
    guint32 seen_last, inferred_last; /* … to last_ns */
    VigilMedian scores;               /* of the frames that met the rule */
    gfloat top_score;
    VigilBox top_box;
    guint64 zones, lines_in, lines_out;
    GArray *path;     /* (element-type VigilPathPoint); kept when the slot is free */
    guint path_shift; /* one of 2^path_shift points is taken */
    guint32 n_points;
    VigilPathPoint last_point;

    /* once it is open */
    gchar id[VIGIL_EVENT_ID_LENGTH + 1];
    guint64 track_id;
    const gchar *label;
    gint32 label_id;
    gint64 trigger_ns;
    VigilModelId model; /* there */

    /* as the latest message said */
    gint64 said_ns;
    gfloat said_score;
    guint64 said_zones, said_lines_in, said_lines_out;

    gfloat best_view;
    gint64 asked_ns; /* for a snapshot; G_MININT64: never */
} VigilFilterStay;

typedef struct {
    guint stay; /* VIGIL_NONE: free */
    GBytes *jpeg;
    gfloat view; /* of the one that was asked for */
    gint64 asked_ns;
} VigilFilterSnapshot;

/* How far the filter came with an object under a rule before it said no. */
typedef enum {
    VIGIL_STEP_CONDITIONS, /* of this frame alone: class, size, zone, a single score */
    VIGIL_STEP_BEGIN,      /* of a stay */
    VIGIL_STEP_EVENT,      /* dwell, median score, cooldown */
} VigilFilterStep;

/* A "no", with what was measured and what the rule asks for; VIGIL_REASON_NONE is a "yes". */
typedef struct {
    VigilFilterStep step;
    VigilReason reason;
    gfloat value, limit;
} VigilFilterVerdict;

/* What became of an object under a rule since it was told last; zeroed when there is nothing to tell. */
typedef struct {
    gboolean used;
    VigilFilterVerdict verdict; /* the furthest */
    gint64 start_ns, last_ns;
    gboolean met; /* the next two are known */
    gint64 met_since_ns, met_last_ns;
} VigilFilterNote;

/* What a frame proves. A detector that misses somebody once proves nothing; see vigil_filter_scenes_update(). */
typedef enum {
    VIGIL_NO,
    VIGIL_MAYBE,
    VIGIL_YES,
} VigilFilterTruth;

/* Of a rule with a count, in the latest frame that was looked at. */
typedef struct {
    VigilFilterTruth truth;
    VigilFilterVerdict verdict;
} VigilFilterScene;

#define VIGIL_FILTER_MAX_FAINT 16

/* Detections of a class that belong to no track. */
typedef struct {
    gboolean used;
    const gchar *label;
    gfloat score; /* the best */
    gint64 start_ns, last_ns;
    gboolean followed; /* an object of that class was seen as well: they may be its first ones */
} VigilFilterFaint;

struct VigilEventFilter {
    VigilRules *rules;
    const gchar *camera; /* interned */
    VigilModelId model;  /* of the frame at hand, if it was looked at */
    VigilEventFilterOptions options;
    VigilEventFunc func;
    gpointer user_data;
    VigilDecisionFunc decision_func; /* NULL: nobody asks, and there are no notes */
    gpointer decision_data;
    VigilFilterNote *notes; /* by object, then by rule */
    VigilFilterFaint faints[VIGIL_FILTER_MAX_FAINT];

    gint64 time_ns;     /* of the latest frame; G_MININT64: none */
    gboolean finished;  /* time may begin anew */
    gint64 patience_ns; /* the longest end_after */
    gint64 cooldown_until_ns[VIGIL_RULES_MAX];
    gint64 ended_ns;      /* end of the latest event that has ended; G_MININT64: none */
    gfloat frame_aspect;  /* width to height */
    guint64 off_schedule; /* rules whose schedule does not hold at the frame at hand */
    guint64 n_overflow;

    VigilBox area;    /* of the frame at hand that was looked at */
    gboolean in_part; /* it is not all of the frame */
    /* when somebody first looked at a part with this cell in it, 8 x 8 of them; G_MAXINT64: nobody did */
    gint64 part_since_ns[64];

    gint64 skew_us;          /* of the wall clock */
    gint64 wall_us;          /* of the frame at hand, if it was looked at */
    gint64 looking_since_ns; /* first look, or first after a long time */
    gint64 looked_ns;        /* latest look; G_MININT64: none */
    gboolean keeps_places;   /* a rule asks for what is left or removed */
    guint64 active;          /* rules that had an open event before it */

    /* then one for each rule with a count, which stands for all that are counted */
    VigilFilterObject objects[VIGIL_EVENT_FILTER_MAX_OBJECTS + VIGIL_RULES_MAX];
    VigilFilterScene scenes[VIGIL_RULES_MAX];
    VigilFilterTruth leaves[VIGIL_RULES_MAX][VIGIL_CONDITIONS_MAX]; /* by rule and node */
    VigilFilterStay stays[VIGIL_EVENT_FILTER_MAX_STAYS];
    guint order[VIGIL_EVENT_FILTER_MAX_STAYS]; /* the used stays, as they began */
    guint n_stays, n_open;
    VigilFilterSnapshot snapshots[VIGIL_EVENT_FILTER_MAX_SNAPSHOTS];
};

static inline const VigilRule *
vigil_filter_rule(const VigilEventFilter *self, guint index)
{
    return &g_array_index(self->rules->rules, VigilRule, index);
}

static inline guint
vigil_filter_scene_object(guint rule)
{
    return VIGIL_EVENT_FILTER_MAX_OBJECTS + rule;
}

/* vigil-event-filter-objects.c: who is there, and where */

/* Takes the frame's detected tracks in; the objects then say what was observed. */
void vigil_filter_objects_update(VigilEventFilter *self, const VigilTrack *tracks, guint n_tracks);
/* Forgets those that cannot come back. */
void vigil_filter_objects_expire(VigilEventFilter *self);
/* Tells what became of it, and frees its place. */
void vigil_filter_object_forget(VigilEventFilter *self, guint object);

/* vigil-event-filter-judge.c: everything but dwell, median score and the line: the first thing that does not fit */

VigilFilterVerdict
vigil_filter_judge_object(const VigilEventFilter *self, const VigilObjectFilter *filter,
                          const VigilFilterObject *object);
/* Of an object that was detected in the frame at hand. */
VigilFilterVerdict
vigil_filter_judge(const VigilEventFilter *self, guint rule, const VigilFilterObject *object);

/* vigil-event-filter-scenes.c: all objects together */

/* Judges what depends on no single object, after vigil_filter_objects_update(). */
void vigil_filter_scenes_update(VigilEventFilter *self);
/* The rule's `when`, if it has one. */
VigilFilterTruth
vigil_filter_when(const VigilEventFilter *self, guint rule, const VigilFilterObject *object);
/* A number that must not be exceeded proves little at once, so it has to hold without a break until the event begins,
 * and for a moment at least: a tracker wants to see an object more than once before it tells. */
static inline gboolean
vigil_filter_is_unbroken(const VigilRule *rule)
{
    return rule->count.given && (rule->count.differs || rule->count.max < G_MAXUINT);
}

/* vigil-event-filter-areas.c: what was looked at in the frame at hand */

/* Notes which cells it holds. */
void vigil_filter_area_begin(VigilEventFilter *self);
void vigil_filter_area_forget(VigilEventFilter *self);
/* Whether the place of the object, and of its track if that is known, was looked at, and as closely as when it was seen there. Nothing else
 * proves that it is not there. */
gboolean vigil_filter_area_has(const VigilEventFilter *self, const VigilFilterObject *object,
                               const VigilTrack *tracks, guint n_tracks);
/* Whether the frame can prove that the stay's rule is not met. */
gboolean vigil_filter_area_judges(const VigilEventFilter *self, const VigilFilterStay *stay);
/* Somebody who looked as closely as now would have seen before what is in the box. */
gboolean vigil_filter_area_was_known(const VigilEventFilter *self, const VigilBox *box);
static inline gfloat
vigil_filter_area_size(const VigilEventFilter *self)
{
    return vigil_area_size(self->in_part ? &self->area : NULL);
}

/* vigil-event-filter-places.c: what stands still */

void
vigil_filter_place_begin(VigilEventFilter *self, VigilFilterObject *object, const VigilBox *box);
void
vigil_filter_place_observe(VigilEventFilter *self, VigilFilterObject *object, const VigilBox *box);
/* Of those that were not detected, after the others. */
void vigil_filter_places_update(VigilEventFilter *self);
/* It had stood still for some seconds when it was seen last. */
gboolean vigil_filter_place_is_still(const VigilFilterObject *object);
/* It stood still when it was lost, and may still be there, behind somebody. */
gboolean vigil_filter_place_waits(const VigilEventFilter *self, const VigilFilterObject *object);
/* The stay is of a rule that asks for an object that stands still, and it no longer stands where it did. */
gboolean vigil_filter_place_has_moved(const VigilEventFilter *self, const VigilFilterStay *stay);
/* Whether the object of a stay is no longer where it stood. Maybe: nobody will know. */
VigilFilterTruth
vigil_filter_place_is_left(const VigilEventFilter *self, const VigilFilterStay *stay);

/* vigil-event-filter-stays.c: the life cycle */

/* VIGIL_NONE when there is no room, which is counted. */
guint vigil_filter_stay_begin(VigilEventFilter *self, guint rule, guint object);
guint vigil_filter_stay_find(const VigilEventFilter *self, guint rule, guint object);
/* The object met the rule in the frame at hand. */
void vigil_filter_stay_meet(VigilEventFilter *self, VigilFilterStay *stay);
void vigil_filter_stay_open(VigilEventFilter *self, VigilFilterStay *stay);
/* Says so if there is something new to say. */
void vigil_filter_stay_update(VigilEventFilter *self, VigilFilterStay *stay);
/* Ends the event if it is open, and frees the stay, which is at @position of the order. */
void vigil_filter_stay_end(VigilEventFilter *self, guint position, VigilEndReason reason);

/* vigil-event-filter-decisions.c: why not. Nothing is allocated but when a decision is told. */

/* In the frame at hand the object made no event of the rule, and why. */
void vigil_filter_note(VigilEventFilter *self, guint rule, guint object,
                       const VigilFilterVerdict *verdict);
/* The event of this stay began. */
void vigil_filter_note_fired(VigilEventFilter *self, const VigilFilterStay *stay);
void vigil_filter_notes_end(VigilEventFilter *self, guint object);
/* Tells of counts that are over. */
void vigil_filter_scene_notes_update(VigilEventFilter *self);
/* Tells of faint detections that are over. @all: of all of them */
void vigil_filter_faints_update(VigilEventFilter *self, gboolean all);

/* vigil-event-filter-snapshots.c */

/* Takes the snapshot of a stay out; the place is free then. */
GBytes *vigil_filter_snapshot_take(VigilEventFilter *self, guint stay);

G_END_DECLS
