/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-scheduler.h"

#define PATIENCE_NS (5 * G_GINT64_CONSTANT(1000000000))
/* Never too old, but it does not wait for what is stuck. */
#define ANY_AGE_NS (G_MAXINT64 / 4)
/* One that waits and one that is being looked at. */
#define MAX_HELD 2
/* And the one with which vigil_stream_put() waits, of which there is one at a time. */
#define MAX_QUEUED (MAX_HELD + 1)

struct VigilScheduler {
    GMutex life_lock; /* taken before the other: the thread comes and goes */
    GThread *thread;

    GMutex lock; /* of all below, and of all streams */
    GCond wake;
    VigilCore core;
    guint n_streams;
    gboolean quit;
};

struct VigilStream {
    VigilCoreStream core; /* first: the core's list is the list of streams */
    VigilScheduler *scheduler;
    gboolean (*look)(VigilFrame *frame, gpointer user_data);
    gpointer user_data;
    GDestroyNotify destroy;
    GCond changed;
    gboolean lossless, flushing;
    gboolean in_hand; /* the taker has one */
    gboolean orphaned;

    VigilFrame *queue[MAX_QUEUED]; /* in their order */
    guint n_queued;
    VigilFrame *waiting, *running; /* of these; running: unless it was given up */
};

static gint64
get_now(void)
{
    return g_get_monotonic_time() * 1000;
}

/* --- frames ----------------------------------------------------------------------------------- */

void
vigil_frame_init(VigilFrame *self, void (*release)(VigilFrame *self))
{
    g_atomic_ref_count_init(&self->refs);
    self->fate = VIGIL_FRAME_PENDING;
    self->release = release;
}

void
vigil_frame_unref(VigilFrame *self)
{
    if (g_atomic_ref_count_dec(&self->refs))
        self->release(self);
}

static VigilFrame *
pop(VigilStream *self)
{
    VigilFrame *frame = self->queue[0];

    self->n_queued--;
    for (guint i = 0; i < self->n_queued; i++)
        self->queue[i] = self->queue[i + 1];
    return frame;
}

/* The one that waits does so no more. */
static void
settle_waiting(VigilStream *self, VigilFrameFate fate)
{
    self->waiting->fate = fate;
    self->waiting = NULL;
    g_cond_broadcast(&self->changed);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* What vigil_core_next() shed on its way. */
static void
settle_shed(VigilScheduler *self, const VigilCoreStream *next)
{
    for (VigilCoreStream *core = self->core.streams; core; core = core->next) {
        VigilStream *stream = (VigilStream *)core;

        if (core != next && stream->waiting && !vigil_core_is_waiting(core))
            settle_waiting(stream, VIGIL_FRAME_TOO_OLD);
    }
}

static void
destroy_stream(VigilStream *self)
{
    if (self->destroy)
        self->destroy(self->user_data);
    g_cond_clear(&self->changed);
    g_free(self);
}

/* With the lock, which is let go meanwhile. */
static void
look_at(VigilScheduler *self, VigilStream *stream)
{
    VigilFrame *frame = g_steal_pointer(&stream->waiting);
    gboolean ok;

    stream->running = frame;
    g_atomic_ref_count_inc(&frame->refs);
    g_mutex_unlock(&self->lock);
    ok = stream->look(frame, stream->user_data);
    g_mutex_lock(&self->lock);
    if (stream->running) {
        frame->fate = ok ? VIGIL_FRAME_INFERRED : VIGIL_FRAME_FAILED;
        stream->running = NULL;
        /* not the last: it is in the queue */
        vigil_frame_unref(frame);
    } else {
        /* before the stream may go, which is from vigil_core_done() on */
        g_mutex_unlock(&self->lock);
        vigil_frame_unref(frame);
        g_mutex_lock(&self->lock);
    }
    vigil_core_done(&self->core, &stream->core, get_now(), ok);
    g_cond_broadcast(&stream->changed);
    if (!stream->orphaned)
        return;
    vigil_core_remove(&self->core, &stream->core);
    self->n_streams--;
    g_mutex_unlock(&self->lock);
    destroy_stream(stream);
    g_mutex_lock(&self->lock);
}

static gpointer
run_thread(gpointer user_data)
{
    VigilScheduler *self = user_data;

    g_mutex_lock(&self->lock);
    while (!self->quit) {
        VigilCoreStream *next = vigil_core_next(&self->core, get_now());

        settle_shed(self, next);
        if (next)
            look_at(self, (VigilStream *)next);
        else
            g_cond_wait(&self->wake, &self->lock);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

VigilScheduler *
vigil_scheduler_new(gint64 patience_ns)
{
    VigilScheduler *self = g_new0(VigilScheduler, 1);

    g_mutex_init(&self->life_lock);
    g_mutex_init(&self->lock);
    g_cond_init(&self->wake);
    self->core.patience_ns = patience_ns;
    return self;
}

VigilScheduler *
vigil_scheduler_get(void)
{
    static VigilScheduler *scheduler;

    if (g_once_init_enter(&scheduler))
        g_once_init_leave(&scheduler, vigil_scheduler_new(PATIENCE_NS));
    return scheduler;
}

static void
end_thread_if_unused(VigilScheduler *self)
{
    gboolean unused;

    g_mutex_lock(&self->life_lock);
    g_mutex_lock(&self->lock);
    unused = self->thread && self->n_streams == 0;
    self->quit = unused;
    g_cond_signal(&self->wake);
    g_mutex_unlock(&self->lock);
    if (unused)
        g_thread_join(g_steal_pointer(&self->thread));
    self->quit = FALSE;
    g_mutex_unlock(&self->life_lock);
}

void
vigil_scheduler_free(VigilScheduler *self)
{
    g_return_if_fail(self->n_streams == 0);
    end_thread_if_unused(self);
    g_mutex_clear(&self->life_lock);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->wake);
    g_free(self);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void
apply_options(VigilStream *self, const VigilStreamOptions *options)
{
    self->lossless = options->lossless;
    self->core.weight = MAX(options->weight, 1);
    self->core.max_age_ns = options->lossless         ? 0
                            : options->max_age_ns > 0 ? options->max_age_ns
                                                      : ANY_AGE_NS;
}

VigilStream *
vigil_stream_new(VigilScheduler *scheduler, const VigilStreamOptions *options,
                 gboolean (*look)(VigilFrame *frame, gpointer user_data), gpointer user_data,
                 GDestroyNotify destroy)
{
    VigilStream *self = g_new0(VigilStream, 1);

    self->scheduler = scheduler;
    self->look = look;
    self->user_data = user_data;
    self->destroy = destroy;
    g_cond_init(&self->changed);
    apply_options(self, options);
    g_mutex_lock(&scheduler->life_lock);
    g_mutex_lock(&scheduler->lock);
    vigil_core_add(&scheduler->core, &self->core);
    scheduler->n_streams++;
    g_mutex_unlock(&scheduler->lock);
    if (!scheduler->thread)
        scheduler->thread = g_thread_new("vigil-infer", run_thread, scheduler);
    g_mutex_unlock(&scheduler->life_lock);
    return self;
}

void
vigil_stream_set_options(VigilStream *self, const VigilStreamOptions *options)
{
    g_mutex_lock(&self->scheduler->lock);
    apply_options(self, options);
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->scheduler->lock);
}

/* Waits for the frame that is being looked at; FALSE: in vain. */
static gboolean
await_end(VigilStream *self)
{
    VigilScheduler *scheduler = self->scheduler;

    while (self->core.running) {
        const gint64 until = vigil_core_stuck_at(&scheduler->core, &self->core);

        if (until == G_MAXINT64)
            g_cond_wait(&self->changed, &scheduler->lock);
        else if (!g_cond_wait_until(&self->changed, &scheduler->lock, until / 1000 + 1))
            break;
    }
    return !self->core.running;
}

void
vigil_stream_free(VigilStream *self)
{
    VigilScheduler *scheduler;
    gboolean ended;

    if (!self)
        return;
    scheduler = self->scheduler;
    vigil_stream_set_flushing(self, TRUE);
    g_mutex_lock(&scheduler->lock);
    ended = await_end(self);
    self->orphaned = !ended;
    if (ended) {
        vigil_core_remove(&scheduler->core, &self->core);
        scheduler->n_streams--;
    }
    g_mutex_unlock(&scheduler->lock);
    if (ended)
        destroy_stream(self);
    else
        g_warning("an inference does not end: it is left behind");
    end_thread_if_unused(scheduler);
}

/* With the lock. */
static void
enter(VigilStream *self, VigilFrame *frame, VigilFrameWish wish, gint64 born_ns)
{
    self->queue[self->n_queued++] = frame;
    if (wish == VIGIL_FRAME_WANTED) {
        vigil_core_submit(&self->scheduler->core, &self->core, born_ns, get_now());
        if (self->waiting)
            settle_waiting(self, VIGIL_FRAME_SUPERSEDED);
        self->waiting = frame;
        g_cond_signal(&self->scheduler->wake);
    } else if (wish == VIGIL_FRAME_SPARE && self->waiting) {
        vigil_core_renew(&self->core, born_ns);
        settle_waiting(self, VIGIL_FRAME_REPLACED);
        self->waiting = frame;
    } else {
        frame->fate = VIGIL_FRAME_PASSED;
    }
    g_cond_broadcast(&self->changed);
}

gboolean
vigil_stream_put(VigilStream *self, VigilFrame *frame, VigilFrameWish wish, gint64 born_ns)
{
    GMutex *lock = &self->scheduler->lock;
    gboolean ok;

    g_mutex_lock(lock);
    ok = !self->flushing;
    if (ok)
        enter(self, frame, wish, born_ns);
    while (!self->flushing && self->n_queued > MAX_HELD)
        g_cond_wait(&self->changed, lock);
    g_mutex_unlock(lock);
    if (!ok)
        vigil_frame_unref(frame);
    return ok;
}

/* The first one's fate, if it is time; else until when that may be waited for, ns. */
static gint64
check_first(VigilStream *self)
{
    VigilCore *core = &self->scheduler->core;
    VigilFrame *first = self->queue[0];
    const gint64 now = get_now();
    gint64 until = G_MAXINT64;

    if (first == self->waiting) {
        const guint64 stuck = self->core.stats.outcomes[VIGIL_CORE_STUCK];

        if (vigil_core_check(core, &self->core, now))
            settle_waiting(self, self->core.stats.outcomes[VIGIL_CORE_STUCK] > stuck
                                     ? VIGIL_FRAME_STUCK
                                     : VIGIL_FRAME_TOO_OLD);
        else
            until = vigil_core_deadline(core, &self->core);
    } else if (first == self->running && !self->lossless) {
        until = vigil_core_stuck_at(core, &self->core);
        if (now >= until) {
            vigil_core_abandon(&self->core, VIGIL_CORE_STUCK);
            first->fate = VIGIL_FRAME_STUCK;
            self->running = NULL;
        }
    }
    return until;
}

VigilFrame *
vigil_stream_take(VigilStream *self, VigilFrameFate *fate)
{
    GMutex *lock = &self->scheduler->lock;
    VigilFrame *frame = NULL;

    g_mutex_lock(lock);
    self->in_hand = FALSE;
    g_cond_broadcast(&self->changed);
    while (!frame && !self->flushing) {
        const gint64 until = self->n_queued > 0 && self->queue[0]->fate == VIGIL_FRAME_PENDING
                                 ? check_first(self)
                                 : G_MAXINT64;

        if (self->n_queued > 0 && self->queue[0]->fate != VIGIL_FRAME_PENDING)
            frame = pop(self);
        else if (until == G_MAXINT64)
            g_cond_wait(&self->changed, lock);
        else
            g_cond_wait_until(&self->changed, lock, until / 1000 + 1);
    }
    if (frame) {
        *fate = frame->fate;
        self->in_hand = TRUE;
        g_cond_broadcast(&self->changed);
    }
    g_mutex_unlock(lock);
    return frame;
}

void
vigil_stream_drain(VigilStream *self)
{
    GMutex *lock = &self->scheduler->lock;

    g_mutex_lock(lock);
    while (!self->flushing && (self->n_queued > 0 || self->in_hand))
        g_cond_wait(&self->changed, lock);
    g_mutex_unlock(lock);
}

void
vigil_stream_set_flushing(VigilStream *self, gboolean flushing)
{
    VigilFrame *dropped[MAX_QUEUED];
    guint n = 0;

    g_mutex_lock(&self->scheduler->lock);
    self->flushing = flushing;
    if (flushing) {
        vigil_core_withdraw(&self->core, get_now());
        vigil_core_abandon(&self->core, VIGIL_CORE_WITHDRAWN);
        self->waiting = self->running = NULL;
        while (self->n_queued > 0)
            dropped[n++] = pop(self);
        self->in_hand = FALSE;
    }
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->scheduler->lock);
    for (guint i = 0; i < n; i++)
        vigil_frame_unref(dropped[i]);
}

void
vigil_stream_get_stats(VigilStream *self, VigilCoreStats *stats)
{
    g_mutex_lock(&self->scheduler->lock);
    *stats = self->core.stats;
    g_mutex_unlock(&self->scheduler->lock);
}
