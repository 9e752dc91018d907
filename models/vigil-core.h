/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-histogram.h"

G_BEGIN_DECLS

/*
 * Who looks next: many streams, one model. Pure logic: time is an argument, nothing waits, nothing is allocated. Whoever
 * uses it from several threads has a lock around it: VigilScheduler.
 *
 * Fairness. Each stream is served in proportion to its weight (start-time fair queueing on the time that inferences take, so
 * a stream of large frames pays for them). A stream without a frame saves nothing up; one that comes back within
 * the time of its last inference, or within its maximum age (10 s at most) after a frame was shed, has not been away;
 * one that comes back within a second has one inference to claim at most. Among equals the
 * freshest frame goes first. A stream that waits is served after at most the share of the others, so none starves. An
 * inference that hangs costs its stream no more than the patience.
 *
 * Shedding, in this order, and nothing else is shed:
 *  1. a frame whose stream has a newer one: superseded;
 *  2. a frame that is older than its stream's maximum age when its turn comes: too old;
 *  3. while an inference takes longer than the patience: any frame of a stream that has a maximum age: stuck.
 */

/** VigilCoreOutcome: what became of a frame. */
typedef enum {
    VIGIL_CORE_INFERRED,
    VIGIL_CORE_SUPERSEDED, /* load: a newer one of its stream was taken instead */
    VIGIL_CORE_TOO_OLD,    /* load: its turn came too late */
    VIGIL_CORE_STUCK,      /* an inference of another frame does not end */
    VIGIL_CORE_WITHDRAWN,  /* by its stream */
    VIGIL_CORE_FAILED,
} VigilCoreOutcome;

#define VIGIL_CORE_N_OUTCOMES (VIGIL_CORE_FAILED + 1)

/**
 * VigilCoreStats: of one stream; all since it began.
 * @seen: frames that were submitted
 * @outcomes: of these, by what became of them; those that wait or run are not among them
 * @queue_age: of frames that are inferred: from when they were taken to the begin of the inference
 * @inference: how long inferences took
 */
typedef struct {
    guint64 seen;
    guint64 outcomes[VIGIL_CORE_N_OUTCOMES];
    VigilHistogram queue_age, inference;
} VigilCoreStats;

/**
 * VigilCoreStream: memory of the caller's, of zeros but for the options; stays where it is while it is part of a core.
 * @weight: 1..1000; 0 counts as 1
 * @max_age_ns: 0: a frame is worth an inference however old it is
 * @stats: to be read
 */
typedef struct VigilCoreStream VigilCoreStream;
struct VigilCoreStream {
    guint weight;
    gint64 max_age_ns;
    VigilCoreStats stats;

    /*< private >*/
    VigilCoreStream *next;
    gboolean waiting, running, abandoned;
    gint64 born_ns, begun_ns;
    gint64 left_ns, hold_ns; /* when its last frame went, and how long its place is kept */
    gdouble tag;       /* of the frame that waits: virtual time at which its service may begin */
    gdouble begun_tag; /* of the frame that runs */
    gdouble last_paid; /* for its last inference */
    gdouble paid;      /* virtual time up to which the stream has been served */
};

/**
 * VigilCore: zeroed to begin with.
 * @patience_ns: an inference that takes longer is stuck; 0: none is
 */
typedef struct {
    gint64 patience_ns;

    /*< private >*/
    VigilCoreStream *streams;
    VigilCoreStream *running;
    gdouble virtual_ns;
} VigilCore;

void vigil_core_add(VigilCore *self, VigilCoreStream *stream);
/** vigil_core_remove: @stream must neither wait nor run. */
void vigil_core_remove(VigilCore *self, VigilCoreStream *stream);

/**
 * vigil_core_submit: a stream has a frame.
 * @born_ns: when it was taken, by the clock of @now_ns
 *
 * Of one stream only the latest waits. While a frame of it is being looked at, the next may wait.
 *
 * Returns: %TRUE when an older one that waited is superseded
 */
gboolean vigil_core_submit(VigilCore *self, VigilCoreStream *stream, gint64 born_ns, gint64 now_ns);

/** vigil_core_renew: the frame that waits is another one from now on: a fresher one of as much worth. */
void vigil_core_renew(VigilCoreStream *stream, gint64 born_ns);

/**
 * vigil_core_next: who is to be looked at now; frames that are too old by now are shed first.
 *
 * Returns: (nullable): a stream whose frame runs from now on; %NULL while another one runs, or when no frame waits
 */
VigilCoreStream *vigil_core_next(VigilCore *self, gint64 now_ns);

/** vigil_core_done: @stream's frame, which vigil_core_next() gave, has been looked at. */
void vigil_core_done(VigilCore *self, VigilCoreStream *stream, gint64 now_ns, gboolean ok);

/**
 * vigil_core_abandon: nobody waits for the frame that runs any more.
 * @outcome: of that frame: stuck or withdrawn
 *
 * The core is busy with it until vigil_core_done(), which then counts it no more.
 */
void vigil_core_abandon(VigilCoreStream *stream, VigilCoreOutcome outcome);

/** vigil_core_is_waiting: its latest frame has neither been given out nor shed. */
gboolean vigil_core_is_waiting(const VigilCoreStream *stream);

/**
 * vigil_core_check: whether a frame that waits still should.
 *
 * Returns: %TRUE when it was shed, as too old or since the core is stuck; @stats say which
 */
gboolean vigil_core_check(VigilCore *self, VigilCoreStream *stream, gint64 now_ns);

/** vigil_core_deadline: when vigil_core_check() will shed the frame that waits; %G_MAXINT64: never. */
gint64 vigil_core_deadline(const VigilCore *self, const VigilCoreStream *stream);

/** vigil_core_withdraw: the frame that waits, if any, is not to be looked at. */
void vigil_core_withdraw(VigilCoreStream *stream, gint64 now_ns);

/** vigil_core_stuck_at: when the inference of @stream that runs is stuck; %G_MAXINT64: never, or none runs. */
gint64 vigil_core_stuck_at(const VigilCore *self, const VigilCoreStream *stream);

/** vigil_core_outcome_to_string: "inferred", "superseded" … */
const gchar *vigil_core_outcome_to_string(VigilCoreOutcome outcome);

G_END_DECLS
