/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-decision.h"
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
 * @run_nonce: goes into the ids: random for live streams, so that ids are unique; fixed for a file (0, or a number made from it), so that they are repeatable
 * @update_interval_ns: an open event whose score, zones or lines changed says so at most this often, default 1 s; 0: never
 */
typedef struct {
    const gchar *camera;
    gint64 wall_base_us;
    guint64 run_nonce;
    gint64 update_interval_ns;
} VigilEventFilterOptions;

VigilEventFilterOptions vigil_event_filter_options_defaults(void);

/* Everything is bounded. What finds no room is counted, see vigil_event_filter_get_n_overflow(). */
#define VIGIL_EVENT_FILTER_MAX_OBJECTS 256 /* remembered at once */
#define VIGIL_EVENT_FILTER_MAX_STAYS \
    256 /* open events and what may become one, all rules together */
#define VIGIL_EVENT_FILTER_MAX_SNAPSHOTS \
    32 /* kept at once; an open event goes before what may become one */
#define VIGIL_EVENT_FILTER_MAX_PATH \
    1000 /* points; then every second one is dropped and half as many are taken */
#define VIGIL_EVENT_FILTER_SNAPSHOT_INTERVAL_NS G_GINT64_CONSTANT(500000000)
#define VIGIL_EVENT_FILTER_BLIND_NS G_GINT64_CONSTANT(10000000000)

/**
 * VigilEventFilter:
 *
 * Tracks of one camera, frame by frame → events. Pure: no I/O, no clock; the same calls give the same events,
 * ids included. Not thread-safe.
 *
 * - **Objects.** A track is an object. A new track that appears where an object of the same class was lost (around its
 *   last place, or where its speed would have taken it; sizes within a factor of 3), while a rule's `end_after` may
 *   still wait for it, is that object again: being detected on and off, or hidden for a moment, does not make a second
 *   event. A new track that lies over another object of its class (half of the smaller box, areas within a factor of 5)
 *   is a double of that one: it counts when it is there on its own, or for 2 s with at least 0.6 of the other's score, and goes on with the other's events when
 *   the other one is lost or scores less than 0.6 of it.
 * - **Stays.** An object meets a rule in a frame when it was detected there, its class, size and zone fit, and the
 *   detection scores at least half of `min_score` (less is no sign that it is still there). From the first such frame
 *   on it stays, until the rule has not been met for longer than `end_after`. The stay of a rule with a line begins
 *   with the crossing; the line need not be crossed again to stay.
 * - **Events.** The event begins when the stay is `dwell` old and the median over all detections of the object reaches
 *   `min_score`. It ends with the stay; its end is the last frame that met the rule. Frames that were not looked at
 *   prove nothing, so they do not end an event, unless there are only such frames for 10 s beyond `end_after`.
 * - **Areas.** Of a frame of which only a part was looked at (vigil_event_filter_set_area()) the same holds for what is not in
 *   that part, by nine tenths of its box. Such a frame never proves that there are at most so many, nor fewer than so many. What is first
 *   seen in a part, where nobody had looked at a part 2 s before, may have been too small to be seen until then: it is not new. What was
 *   seen in parts only is not gone since a look at a larger part, or at all of the frame, does not show it, unless it was about to leave the
 *   picture.
 * - **Schedule.** Frames at other times do not meet the rule, so an event that is open when the schedule ends is ended by
 *   `end_after`, and its end is the last frame within the schedule. The time is that of the frame: @wall_base_us and the
 *   stream time, and what vigil_event_filter_set_clock_skew() says.
 * - **Cooldown** counts from the end (not from the message that says so); stays do not begin in it. That of a track is
 *   the object's own; that of a camera begins with the end of every event, whichever rule it is of.
 * - **Zones** with a filter hold only objects that fit it, in every respect: for rules, and in what events say.
 * - **Counts.** A rule with a count has one stay, of all objects together, in frames in which so many meet the rest of
 *   the rule (with a median from `min_score`). Its events have track 0, the box around those that are counted, the score,
 *   label and model's label of the best of them; where nobody is counted, score 0, the rule's first class and label -1,
 *   and the box of the rule's zones. At least so many: those seen in the frame. At most so many: with those who were lost
 *   less than `end_after` (at least 1 s) ago, since a detector that misses somebody once proves nothing; such a count has
 *   to hold without a break for `dwell`, at least 1 s, and frames that were not looked at do not break it for 10 s.
 * - **When.** A count in a `when` is taken in the same way, and what a frame does not prove does not hold, nor does its
 *   `not`. Another rule is active when it had an open event before the frame.
 * - **Merge.** While the object of an event is lost, the event waits for `merge` where that is longer than `end_after`: a new
 *   track of its class near its last place within that time is that object again.
 * - **Left, removed.** An object stands still while its boxes overlap by half, but for less than 1 s. One of `kind: left`
 *   came 2 s or more after the filter began to look (or to look again after a long time). One of `kind: removed` makes an
 *   event, which begins and ends at once with the frame that last saw it in its place, when it has moved on, or when its
 *   place was seen without it for `end_after` (at least 1 s, in 3 looks); a place that somebody else's box covers is not
 *   seen, for up to 10 min. What still stands there without meeting the rule for longer than `end_after` (at least 2 s), at
 *   another hour than the schedule's for instance, is not removed then.
 * - **Order** of the messages of a frame: ends, then begins and updates, each by the begin of the stay, then by rule
 *   (as in the rules), then by track id.
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
 * @time_ns: stream time of the frame, rising; a frame that is not after the one before is left out. After
 *   vigil_event_filter_finish() it may begin anew.
 * @outcome: what became of the frame; only inferred frames move rules on, every frame counts for coverage
 * @tracks: of that frame
 *
 * Calls the function for each begin, update and end, in a fixed order.
 */
void vigil_event_filter_update(VigilEventFilter *self, gint64 time_ns, VigilOutcome outcome,
                               const VigilTrack *tracks, guint n_tracks);

/**
 * vigil_event_filter_set_area:
 * @area: (nullable): the part of the frame that was looked at; %NULL: all of it
 *
 * Before an update, and for that one: what is thought to be outside of the area was not looked for, and what is not seen there is
 * neither missed nor gone, nor is it known how many are there at most. It does not count as inferred for its events.
 */
void vigil_event_filter_set_area(VigilEventFilter *self, const VigilBox *area);

/**
 * vigil_event_filter_set_decision_func:
 * @func: (nullable): %NULL, as at first: nobody asks
 *
 * Before the first update: says of each object and rule what became of it: that an event began, or, when the object is
 * gone (or after each minute in which it was there, or when its place is needed), why there was none: the furthest that
 * it came in that time. Of a count it is told when nobody was counted for 5 s. Nothing is told of the time in which its
 * event is open.
 */
void vigil_event_filter_set_decision_func(VigilEventFilter *self, VigilDecisionFunc func,
                                          gpointer user_data);

/**
 * vigil_event_filter_set_clock_skew:
 * @skew_us: how far the wall clock is ahead of @wall_base_us and the stream time by now, 0 at first
 *
 * Schedules go by the wall clock from the next update on. The times of events and their ids do not.
 */
void vigil_event_filter_set_clock_skew(VigilEventFilter *self, gint64 skew_us);

/** vigil_event_filter_set_frame_aspect: width of the picture to its height, as it is seen; 1 until it is told. */
void vigil_event_filter_set_frame_aspect(VigilEventFilter *self, gfloat aspect);
/**
 * vigil_event_filter_see_faint:
 * @label: (nullable): interned
 *
 * After an update: a detection of that frame that belongs to no track. Where a rule asks for its class and no object of the
 * class is followed, a decision tells of the best of them (%VIGIL_REASON_FAINT), when 5 s were without or after a minute.
 */
void vigil_event_filter_see_faint(VigilEventFilter *self, const gchar *label, gfloat score);

/** vigil_event_filter_set_model: which model looks at the frames from the next update on; its events say so. */
void vigil_event_filter_set_model(VigilEventFilter *self, VigilModelId model);

/**
 * vigil_event_filter_wants_snapshot:
 * @event_slot: (out): 0..VIGIL_EVENT_FILTER_MAX_SNAPSHOTS-1, for vigil_event_filter_set_snapshot()
 *
 * After an update: whether this frame is the best view so far of an open event, or of an object that may become one;
 * at most once in 500 ms for each. How good a view is: score × square root of the part of the box that is in the frame.
 * Call it again until it says %FALSE: several events may want the same frame.
 */
gboolean vigil_event_filter_wants_snapshot(VigilEventFilter *self, guint *event_slot);
/**
 * vigil_event_filter_set_snapshot:
 *
 * Hands in the JPEG that was asked for, before the next update (later, the slot may be another event's, and it is not
 * taken). A reference is taken; it replaces the earlier one.
 */
void vigil_event_filter_set_snapshot(VigilEventFilter *self, guint event_slot, GBytes *jpeg);

/** vigil_event_filter_finish: ends every open event and forgets all objects. */
void vigil_event_filter_finish(VigilEventFilter *self, VigilEndReason reason);

guint vigil_event_filter_get_n_open(const VigilEventFilter *self);
/** vigil_event_filter_get_n_overflow: objects and stays that found no room, once for each frame, so far. */
guint64 vigil_event_filter_get_n_overflow(const VigilEventFilter *self);
/**
 * vigil_event_filter_get_wanted_ns:
 *
 * After an update: how far back pictures are still of use for events that have not begun: from where the earliest of those that may begin
 * would be recorded. It never goes back, but for rules with a longer pre-roll.
 *
 * Returns: stream time, before 0 where a pre-roll is
 */
gint64 vigil_event_filter_get_wanted_ns(const VigilEventFilter *self);

G_END_DECLS
