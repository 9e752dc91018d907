/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-core.h"

/* A place is kept no longer, however old a frame may be. */
#define LONGEST_HOLD_NS (10 * G_GINT64_CONSTANT(1000000000))

/* Longer than it takes a camera to deliver the next frame. */
#define SHORT_ABSENCE_NS (1 * G_GINT64_CONSTANT(1000000000))

void
vigil_core_add(VigilCore *self, VigilCoreStream *stream)
{
    stream->weight = MAX(stream->weight, 1);
    stream->paid = self->virtual_ns;
    stream->left_ns = G_MININT64 / 2;
    stream->next = self->streams;
    self->streams = stream;
}

void
vigil_core_remove(VigilCore *self, VigilCoreStream *stream)
{
    VigilCoreStream **at = &self->streams;

    g_return_if_fail(!stream->waiting && !stream->running);
    while (*at && *at != stream)
        at = &(*at)->next;
    if (*at)
        *at = stream->next;
    stream->next = NULL;
}

/* The stream keeps its place for the time that a frame may wait: a next one should not have to begin anew. */
static void
shed(VigilCoreStream *stream, VigilCoreOutcome outcome, gint64 now_ns)
{
    stream->waiting = FALSE;
    stream->paid = stream->tag;
    stream->left_ns = now_ns;
    stream->hold_ns = MIN(stream->max_age_ns, LONGEST_HOLD_NS);
    stream->stats.outcomes[outcome]++;
}

gboolean
vigil_core_submit(VigilCore *self, VigilCoreStream *stream, gint64 born_ns, gint64 now_ns)
{
    const gboolean superseded = stream->waiting;
    const gboolean away = !stream->running && now_ns - stream->left_ns > stream->hold_ns;
    /* one that is back soon had no frame just when its turn came, and has one inference to claim */
    const gdouble claim = now_ns - stream->left_ns > SHORT_ABSENCE_NS ? 0 : stream->last_paid;

    stream->stats.seen++;
    if (superseded)
        shed(stream, VIGIL_CORE_SUPERSEDED, now_ns); /* the newer one inherits its place */
    else
        stream->tag = away ? MAX(stream->paid, self->virtual_ns - claim) : stream->paid;
    stream->waiting = TRUE;
    stream->born_ns = born_ns;
    return superseded;
}

void
vigil_core_renew(VigilCoreStream *stream, gint64 born_ns)
{
    g_return_if_fail(stream->waiting);
    stream->born_ns = born_ns;
}

static gboolean
is_too_old(const VigilCoreStream *stream, gint64 now_ns)
{
    return stream->max_age_ns > 0 && now_ns - stream->born_ns > stream->max_age_ns;
}

static gboolean
goes_before(const VigilCoreStream *a, const VigilCoreStream *b)
{
    return a->tag < b->tag || (a->tag == b->tag && a->born_ns > b->born_ns);
}

VigilCoreStream *
vigil_core_next(VigilCore *self, gint64 now_ns)
{
    VigilCoreStream *best = NULL;

    if (self->running)
        return NULL;
    for (VigilCoreStream *stream = self->streams; stream; stream = stream->next) {
        if (!stream->waiting)
            continue;
        if (is_too_old(stream, now_ns))
            shed(stream, VIGIL_CORE_TOO_OLD, now_ns);
        else if (!best || goes_before(stream, best))
            best = stream;
    }
    if (!best)
        return NULL;
    best->waiting = FALSE;
    best->running = TRUE;
    best->begun_ns = now_ns;
    best->begun_tag = best->tag;
    vigil_histogram_add(&best->stats.queue_age, now_ns - best->born_ns);
    self->virtual_ns = MAX(self->virtual_ns, best->tag);
    self->running = best;
    return best;
}

void
vigil_core_done(VigilCore *self, VigilCoreStream *stream, gint64 now_ns, gboolean ok)
{
    const gint64 took_ns = MAX(now_ns - stream->begun_ns, 0);
    gint64 owed_ns = took_ns;

    g_return_if_fail(self->running == stream);
    self->running = NULL;
    stream->running = FALSE;
    stream->left_ns = now_ns;
    stream->hold_ns = took_ns;
    if (self->patience_ns > 0)
        owed_ns = MIN(took_ns, self->patience_ns);
    stream->last_paid = (gdouble)owed_ns / stream->weight;
    stream->paid = stream->begun_tag + stream->last_paid;
    /* one that waits behind it was put there before this was known */
    if (stream->waiting)
        stream->tag = stream->paid;
    if (!stream->abandoned)
        stream->stats.outcomes[ok ? VIGIL_CORE_INFERRED : VIGIL_CORE_FAILED]++;
    stream->abandoned = FALSE;
    vigil_histogram_add(&stream->stats.inference, took_ns);
}

void
vigil_core_abandon(VigilCoreStream *stream, VigilCoreOutcome outcome)
{
    if (!stream->running || stream->abandoned)
        return;
    stream->abandoned = TRUE;
    stream->stats.outcomes[outcome]++;
}

gboolean
vigil_core_is_waiting(const VigilCoreStream *stream)
{
    return stream->waiting;
}

static gboolean
is_stuck(const VigilCore *self, gint64 now_ns)
{
    return self->running && self->patience_ns > 0 &&
           now_ns - self->running->begun_ns > self->patience_ns;
}

gboolean
vigil_core_check(VigilCore *self, VigilCoreStream *stream, gint64 now_ns)
{
    if (!stream->waiting || stream->max_age_ns <= 0)
        return FALSE;
    if (is_stuck(self, now_ns))
        shed(stream, VIGIL_CORE_STUCK, now_ns);
    else if (is_too_old(stream, now_ns))
        shed(stream, VIGIL_CORE_TOO_OLD, now_ns);
    return !stream->waiting;
}

gint64
vigil_core_deadline(const VigilCore *self, const VigilCoreStream *stream)
{
    gint64 deadline = G_MAXINT64;

    if (!stream->waiting || stream->max_age_ns <= 0)
        return deadline;
    deadline = stream->born_ns + stream->max_age_ns + 1;
    if (self->running && self->patience_ns > 0)
        deadline = MIN(deadline, self->running->begun_ns + self->patience_ns + 1);
    return deadline;
}

gint64
vigil_core_stuck_at(const VigilCore *self, const VigilCoreStream *stream)
{
    if (self->running != stream || self->patience_ns <= 0)
        return G_MAXINT64;
    return stream->begun_ns + self->patience_ns + 1;
}

void
vigil_core_withdraw(VigilCoreStream *stream, gint64 now_ns)
{
    if (stream->waiting)
        shed(stream, VIGIL_CORE_WITHDRAWN, now_ns);
}

const gchar *
vigil_core_outcome_to_string(VigilCoreOutcome outcome)
{
    static const gchar *const names[] = {"inferred", "superseded", "too-old",
                                         "stuck",    "withdrawn",  "failed"};

    return (guint)outcome < G_N_ELEMENTS(names) ? names[outcome] : "unknown";
}
