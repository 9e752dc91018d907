/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-pool-private.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Inferences use little of it; the default of 8 MB is address space that small boards count. */
#define STACK_BYTES (256u * 1024)

/*
 * Worker: @job is raised by one for each job that it is to take part in, then @sleeps is looked at; the worker sets
 * @sleeps, then looks at @job. Both in one order for all threads, so that one of them sees the other.
 */
typedef struct {
    pthread_t thread;
    guint index; /* of its thread in a job: 1 and up */
    _Atomic guint32 job;
    _Atomic guint32 sleeps;
} Worker;

/*
 * What a thread is at: all chunks that it took before @chunk are done; NOTHING: it is not at work. It sleeps on @wakes until
 * the chunks below @need are done; 0: it does not.
 */
typedef struct {
    _Alignas(64) _Atomic guint32 chunk;
    _Atomic guint32 need, wakes;
} Place;

#define NOTHING G_MAXUINT32

/*
 * Written by whoever has @taken; read by workers between @open and the last of @inside. Who waits for others' chunks counts
 * itself in @waiting, says what it needs, and looks at @places; who moves on writes its place, and looks at @waiting then.
 */
static struct {
    Place places[VIGIL_POOL_MAX_THREADS];
    pthread_mutex_t lock; /* of those that acquire and release */
    guint n_users, n_workers;
    Worker workers[VIGIL_POOL_MAX_THREADS];
    _Atomic guint32 n_ready; /* workers that a job may call */
    _Atomic guint32 ending;

    _Atomic guint32 taken;
    VigilPoolFunc func;
    gpointer data;
    guint n_chunks, threads;
    const guint32 *needs;
    _Atomic guint32 next;
    _Atomic guint32 waiting;
    _Atomic guint32 open;
    _Atomic guint32 inside; /* workers */
    _Atomic guint32 waited; /* the caller sleeps until nobody is inside */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
futex_wait(_Atomic guint32 *word, guint32 value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
futex_wake(_Atomic guint32 *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* All chunks below are done. */
static guint32
find_lowest(void)
{
    guint32 lowest = NOTHING;

    for (guint i = 0; i < pool.threads; i++) {
        /* once: MIN() would load it again */
        const guint32 chunk = atomic_load(&pool.places[i].chunk);

        lowest = MIN(lowest, chunk);
    }
    return lowest;
}

static void
wake_waiting(void)
{
    const guint32 lowest = find_lowest();

    for (guint i = 0; i < pool.threads; i++) {
        Place *place = &pool.places[i];
        guint32 need = atomic_load(&place->need);

        if (need == 0 || need > lowest || !atomic_compare_exchange_strong(&place->need, &need, 0))
            continue;
        atomic_fetch_add(&place->wakes, 1);
        futex_wake(&place->wakes);
    }
}

static void
move_to(guint thread, guint32 chunk)
{
    atomic_store(&pool.places[thread].chunk, chunk);
    if (atomic_load(&pool.waiting) != 0)
        wake_waiting();
}

/* The need is said anew each time, since a thread that comes late to the job may have seemed past it. */
static guint32
wait_for_chunks(guint thread, guint32 need)
{
    Place *place = &pool.places[thread];
    guint32 lowest = find_lowest();

    if (lowest >= need)
        return lowest;
    atomic_fetch_add(&pool.waiting, 1);
    for (;;) {
        const guint32 wakes = atomic_load(&place->wakes);

        atomic_store(&place->need, need);
        lowest = find_lowest();
        if (lowest >= need)
            break;
        futex_wait(&place->wakes, wakes);
    }
    atomic_store(&place->need, 0);
    atomic_fetch_sub(&pool.waiting, 1);
    return lowest;
}

/* The place is taken before the chunk is, so that whoever has a later one sees it. */
static void
do_chunks(guint thread)
{
    const guint n_chunks = pool.n_chunks;
    guint32 chunk, done = 0;

    move_to(thread, atomic_load(&pool.next));
    while ((chunk = atomic_fetch_add(&pool.next, 1)) < n_chunks) {
        move_to(thread, chunk);
        if (pool.needs != NULL && pool.needs[chunk] > done)
            done = wait_for_chunks(thread, pool.needs[chunk]);
        pool.func(pool.data, chunk, thread);
    }
    move_to(thread, NOTHING);
}

/* Whoever comes when the job is over finds it closed and touches nothing of it, or the next one, which may be for fewer. */
static void
take_part(const Worker *self)
{
    atomic_fetch_add(&pool.inside, 1);
    if (atomic_load(&pool.open) && self->index < pool.threads)
        do_chunks(self->index);
    if (atomic_fetch_sub(&pool.inside, 1) == 1 && atomic_load(&pool.waited))
        futex_wake(&pool.inside);
}

static void *
work(void *user_data)
{
    Worker *self = user_data;
    guint32 done = 0;

    for (;;) {
        const guint32 job = atomic_load(&self->job);

        if (job != done) {
            done = job;
            if (atomic_load(&pool.ending))
                return NULL;
            take_part(self);
            continue;
        }
        atomic_store(&self->sleeps, 1);
        futex_wait(&self->job, done);
        atomic_store(&self->sleeps, 0);
    }
}

static void
call(Worker *self)
{
    atomic_fetch_add(&self->job, 1);
    if (atomic_load(&self->sleeps))
        futex_wake(&self->job);
}

static void
wait_for_workers(void)
{
    guint32 inside;

    atomic_store(&pool.open, 0);
    if (atomic_load(&pool.inside) == 0)
        return;
    atomic_store(&pool.waited, 1);
    while ((inside = atomic_load(&pool.inside)) != 0)
        futex_wait(&pool.inside, inside);
    atomic_store(&pool.waited, 0);
}

static void
do_alone(guint n_chunks, VigilPoolFunc func, gpointer data)
{
    for (guint chunk = 0; chunk < n_chunks; chunk++)
        func(data, chunk, 0);
}

void
vigil_pool_run(guint threads, guint n_chunks, const guint32 *needs, VigilPoolFunc func,
               gpointer data)
{
    const guint n_ready = atomic_load(&pool.n_ready);
    guint32 nobody = 0;

    threads = MIN(MIN(threads, n_chunks), n_ready + 1);
    if (threads <= 1 || !atomic_compare_exchange_strong(&pool.taken, &nobody, 1)) {
        do_alone(n_chunks, func, data);
        return;
    }
    pool.func = func;
    pool.data = data;
    pool.n_chunks = n_chunks;
    pool.threads = threads;
    pool.needs = needs;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.open, 1);
    for (guint i = 0; i + 1 < threads; i++)
        call(&pool.workers[i]);
    do_chunks(0);
    wait_for_workers();
    atomic_store(&pool.taken, 0);
}

guint
vigil_pool_limit(guint threads)
{
    cpu_set_t set;
    guint most = 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        most = (guint)CPU_COUNT(&set);
    return CLAMP(threads, 1u, MIN(most, VIGIL_POOL_MAX_THREADS));
}

/* Signals are for the program's own threads. */
static gboolean
start_worker(Worker *self, guint index)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    gboolean ok;

    self->index = index;
    atomic_store(&self->job, 0);
    atomic_store(&self->sleeps, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, MAX(STACK_BYTES, (gsize)PTHREAD_STACK_MIN));
    ok = pthread_create(&self->thread, &attributes, work, self) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        pthread_setname_np(self->thread, "vigil-pool");
    return ok;
}

/* Nobody acquires or releases while a process forks; the child has the caller's thread only. */
static void
hold_pool(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void
free_pool(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void
forget_places(void)
{
    for (guint i = 0; i < VIGIL_POOL_MAX_THREADS; i++) {
        atomic_store(&pool.places[i].chunk, NOTHING);
        atomic_store(&pool.places[i].need, 0);
    }
}

static void
forget_workers(void)
{
    atomic_store(&pool.n_ready, 0);
    atomic_store(&pool.taken, 0);
    atomic_store(&pool.inside, 0);
    atomic_store(&pool.waiting, 0);
    forget_places();
    pool.n_workers = 0;
    free_pool();
}

guint
vigil_pool_acquire(guint threads)
{
    static gsize watches_forks = 0;
    guint there;

    if (g_once_init_enter(&watches_forks)) {
        forget_places();
        pthread_atfork(hold_pool, free_pool, forget_workers);
        g_once_init_leave(&watches_forks, 1);
    }
    pthread_mutex_lock(&pool.lock);
    pool.n_users++;
    while (pool.n_workers + 1 < MIN(threads, VIGIL_POOL_MAX_THREADS) &&
           start_worker(&pool.workers[pool.n_workers], pool.n_workers + 1))
        pool.n_workers++;
    atomic_store(&pool.n_ready, pool.n_workers);
    there = pool.n_workers + 1;
    pthread_mutex_unlock(&pool.lock);
    return MIN(threads, there);
}

static void
end_workers(void)
{
    atomic_store(&pool.n_ready, 0);
    atomic_store(&pool.ending, 1);
    for (guint i = 0; i < pool.n_workers; i++)
        call(&pool.workers[i]);
    for (guint i = 0; i < pool.n_workers; i++)
        pthread_join(pool.workers[i].thread, NULL);
    atomic_store(&pool.ending, 0);
    pool.n_workers = 0;
}

void
vigil_pool_release(void)
{
    pthread_mutex_lock(&pool.lock);
    if (--pool.n_users == 0)
        end_workers();
    pthread_mutex_unlock(&pool.lock);
}
