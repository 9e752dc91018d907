/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way through the scheduler's thread: order, fates, who waits for whom. */
#include <check.h>
#include <stdlib.h>

#include "models/vigil-scheduler.h"

#define MS G_GINT64_CONSTANT(1000000)
#define PATIENCE_NS (1000 * MS)

typedef struct {
    VigilFrame base;
    guint number;
} Frame;

/* A model that looks at frames when it is told to. */
typedef struct {
    GMutex lock;
    GCond changed;
    gboolean closed; /* looks wait */
    guint n_looking, n_looked;
    guint order[64];
    gint64 busy_us; /* how long a look takes */
} Model;

static VigilScheduler *scheduler;
static Model model;
static gint n_frames, n_destroyed; /* atomic */

static void
setup(void)
{
    scheduler = vigil_scheduler_new(PATIENCE_NS);
    model = (Model){0};
    g_mutex_init(&model.lock);
    g_cond_init(&model.changed);
    n_frames = n_destroyed = 0;
}

static void
teardown(void)
{
    vigil_scheduler_free(scheduler);
    ck_assert_int_eq(g_atomic_int_get(&n_frames), 0);
    g_mutex_clear(&model.lock);
    g_cond_clear(&model.changed);
}

static gboolean
look(VigilFrame *frame, gpointer user_data)
{
    g_mutex_lock(&model.lock);
    model.n_looking++;
    g_cond_broadcast(&model.changed);
    while (model.closed)
        g_cond_wait(&model.changed, &model.lock);
    if (model.n_looked < G_N_ELEMENTS(model.order))
        model.order[model.n_looked] = ((Frame *)frame)->number;
    model.n_looked++;
    model.n_looking--;
    g_cond_broadcast(&model.changed);
    g_mutex_unlock(&model.lock);
    if (model.busy_us > 0)
        g_usleep((gulong)model.busy_us);
    return ((Frame *)frame)->number != 13;
}

static void
set_closed(gboolean closed)
{
    g_mutex_lock(&model.lock);
    model.closed = closed;
    g_cond_broadcast(&model.changed);
    g_mutex_unlock(&model.lock);
}

static void
await_looking(void)
{
    g_mutex_lock(&model.lock);
    while (model.n_looking == 0)
        g_cond_wait(&model.changed, &model.lock);
    g_mutex_unlock(&model.lock);
}

static void
release(VigilFrame *frame)
{
    g_atomic_int_add(&n_frames, -1);
    g_free(frame);
}

static void
destroyed(gpointer user_data)
{
    g_atomic_int_inc(&n_destroyed);
}

static VigilStream *
stream_new(gint64 max_age_ns, gboolean lossless)
{
    return vigil_stream_new(scheduler, &(VigilStreamOptions){1, max_age_ns, lossless}, look, NULL,
                            destroyed);
}

static gint64
get_now(void)
{
    return g_get_monotonic_time() * 1000;
}

static gboolean
put_aged(VigilStream *stream, guint number, VigilFrameWish wish, gint64 age_ns)
{
    Frame *frame = g_new0(Frame, 1);

    g_atomic_int_inc(&n_frames);
    frame->number = number;
    vigil_frame_init(&frame->base, release);
    return vigil_stream_put(stream, &frame->base, wish, get_now() - age_ns);
}

static gboolean
put(VigilStream *stream, guint number, VigilFrameWish wish)
{
    return put_aged(stream, number, wish, 0);
}

static void
check_take(VigilStream *stream, guint number, VigilFrameFate expected)
{
    VigilFrameFate fate = VIGIL_FRAME_PENDING;
    VigilFrame *frame = vigil_stream_take(stream, &fate);

    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(((Frame *)frame)->number, number);
    ck_assert_uint_eq(fate, expected);
    vigil_frame_unref(frame);
}

START_TEST(test_one_by_one)
{
    VigilStream *stream = stream_new(0, TRUE);
    VigilCoreStats stats;

    for (guint i = 0; i < 20; i++) {
        ck_assert(put_aged(stream, i, i % 3 ? VIGIL_FRAME_WANTED : VIGIL_FRAME_PASS, 1000000 * MS));
        check_take(stream, i,
                   i % 3 == 0 ? VIGIL_FRAME_PASSED
                   : i == 13  ? VIGIL_FRAME_FAILED
                              : VIGIL_FRAME_INFERRED);
    }
    vigil_stream_get_stats(stream, &stats);
    ck_assert_uint_eq(stats.seen, 13);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_INFERRED], 12);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_FAILED], 1);
    ck_assert_uint_eq(stats.inference.n, 13);
    vigil_stream_free(stream);
    ck_assert_int_eq(n_destroyed, 1);
}
END_TEST

/* While another stream is looked at, only the newest waits, and what was replaced goes on at once. */
START_TEST(test_the_newest_waits)
{
    VigilStream *busy = stream_new(0, FALSE), *stream = stream_new(0, FALSE);
    VigilCoreStats stats;

    set_closed(TRUE);
    put(busy, 0, VIGIL_FRAME_WANTED);
    await_looking();
    put(stream, 1, VIGIL_FRAME_WANTED);
    put(stream, 2, VIGIL_FRAME_WANTED);
    check_take(stream, 1, VIGIL_FRAME_SUPERSEDED);
    put(stream, 3, VIGIL_FRAME_SPARE);
    check_take(stream, 2, VIGIL_FRAME_REPLACED);
    put(stream, 4, VIGIL_FRAME_PASS);
    set_closed(FALSE);
    check_take(stream, 3, VIGIL_FRAME_INFERRED);
    check_take(stream, 4, VIGIL_FRAME_PASSED);
    put(stream, 5, VIGIL_FRAME_SPARE);
    check_take(stream, 5, VIGIL_FRAME_PASSED);
    vigil_stream_get_stats(stream, &stats);
    ck_assert_uint_eq(stats.seen, 2);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_SUPERSEDED], 1);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_INFERRED], 1);
    vigil_stream_free(busy);
    vigil_stream_free(stream);
}
END_TEST

static gpointer
put_three(gpointer user_data)
{
    for (guint i = 1; i <= 3; i++)
        put(user_data, i, VIGIL_FRAME_WANTED);
    return NULL;
}

/* Behind one that is being looked at, others keep their order, and who puts more waits. */
START_TEST(test_bounded)
{
    VigilStream *stream = stream_new(0, FALSE);
    GThread *thread;

    set_closed(TRUE);
    put(stream, 0, VIGIL_FRAME_WANTED);
    await_looking();
    thread = g_thread_new("put", put_three, stream);
    g_usleep(50000);
    ck_assert_int_eq(g_atomic_int_get(&n_frames), 3); /* the third put is not back yet */
    set_closed(FALSE);
    check_take(stream, 0, VIGIL_FRAME_INFERRED);
    check_take(stream, 1, VIGIL_FRAME_SUPERSEDED);
    g_thread_join(thread);
    for (guint i = 2; i <= 3; i++) {
        VigilFrameFate fate;
        VigilFrame *frame = vigil_stream_take(stream, &fate);

        ck_assert_uint_eq(((Frame *)frame)->number, i);
        ck_assert(fate == VIGIL_FRAME_INFERRED || fate == VIGIL_FRAME_SUPERSEDED);
        vigil_frame_unref(frame);
    }
    vigil_stream_free(stream);
}
END_TEST

START_TEST(test_too_old)
{
    VigilStream *busy = stream_new(0, FALSE), *stream = stream_new(50 * MS, FALSE);
    gint64 begin;

    put_aged(stream, 0, VIGIL_FRAME_WANTED, 60 * MS);
    check_take(stream, 0, VIGIL_FRAME_TOO_OLD);
    set_closed(TRUE);
    put(busy, 1, VIGIL_FRAME_WANTED);
    await_looking();
    begin = get_now();
    put(stream, 2, VIGIL_FRAME_WANTED);
    check_take(stream, 2, VIGIL_FRAME_TOO_OLD);
    ck_assert_int_ge(get_now() - begin, 49 * MS);
    ck_assert_int_lt(get_now() - begin, PATIENCE_NS);
    set_closed(FALSE);
    check_take(busy, 1, VIGIL_FRAME_INFERRED);
    put(stream, 3, VIGIL_FRAME_WANTED);
    check_take(stream, 3, VIGIL_FRAME_INFERRED);
    vigil_stream_free(stream);
    vigil_stream_free(busy);
}
END_TEST

/* An inference that does not end holds nobody up for longer than the patience, but a lossless stream. */
START_TEST(test_stuck)
{
    VigilStream *stuck = stream_new(0, FALSE), *other = stream_new(0, FALSE);
    VigilStream *lossless = stream_new(0, TRUE);
    VigilCoreStats stats;
    gint64 begin = get_now();

    set_closed(TRUE);
    put(stuck, 0, VIGIL_FRAME_WANTED);
    await_looking();
    put(lossless, 10, VIGIL_FRAME_WANTED);
    put(other, 20, VIGIL_FRAME_WANTED);
    check_take(stuck, 0, VIGIL_FRAME_STUCK);
    ck_assert_int_ge(get_now() - begin, PATIENCE_NS);
    check_take(other, 20, VIGIL_FRAME_STUCK);
    begin = get_now();
    for (guint i = 1; i < 10; i++) {
        put(stuck, i, VIGIL_FRAME_WANTED);
        check_take(stuck, i, VIGIL_FRAME_STUCK);
        put(other, 20 + i, VIGIL_FRAME_WANTED);
        check_take(other, 20 + i, VIGIL_FRAME_STUCK);
    }
    ck_assert_int_lt(get_now() - begin, PATIENCE_NS);
    vigil_stream_get_stats(stuck, &stats);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_STUCK], 10);
    set_closed(FALSE);
    check_take(lossless, 10, VIGIL_FRAME_INFERRED);
    put(stuck, 30, VIGIL_FRAME_WANTED);
    check_take(stuck, 30, VIGIL_FRAME_INFERRED);
    vigil_stream_get_stats(stuck, &stats);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_STUCK], 10);
    ck_assert_uint_eq(stats.outcomes[VIGIL_CORE_INFERRED], 1);
    vigil_stream_free(stuck);
    vigil_stream_free(other);
    vigil_stream_free(lossless);
}
END_TEST

static void
ignore(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user_data)
{
    (*(guint *)user_data)++;
}

/* A stream that goes while its frame is stuck is left behind, and freed when that ends; a new thread is not needed for others. */
START_TEST(test_gone_while_stuck)
{
    VigilStream *stuck = stream_new(0, FALSE), *other;
    const gint64 begin = get_now();
    guint warnings = 0;

    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    g_log_set_handler("vigil", G_LOG_LEVEL_WARNING, ignore, &warnings);
    set_closed(TRUE);
    put(stuck, 0, VIGIL_FRAME_WANTED);
    await_looking();
    vigil_stream_free(stuck);
    ck_assert_uint_eq(warnings, 1);
    ck_assert_int_ge(get_now() - begin, PATIENCE_NS);
    ck_assert_int_eq(g_atomic_int_get(&n_destroyed), 0);
    other = stream_new(0, FALSE);
    put(other, 1, VIGIL_FRAME_WANTED);
    check_take(other, 1, VIGIL_FRAME_STUCK);
    set_closed(FALSE);
    while (g_atomic_int_get(&n_destroyed) == 0)
        g_usleep(1000);
    put(other, 2, VIGIL_FRAME_WANTED);
    check_take(other, 2, VIGIL_FRAME_INFERRED);
    vigil_stream_free(other);
}
END_TEST

static gpointer
open_later(gpointer user_data)
{
    g_usleep(50000);
    set_closed(FALSE);
    return NULL;
}

START_TEST(test_gone_in_mid_inference)
{
    VigilStream *stream = stream_new(0, FALSE);
    GThread *thread;

    set_closed(TRUE);
    put(stream, 0, VIGIL_FRAME_WANTED);
    await_looking();
    put(stream, 1, VIGIL_FRAME_WANTED);
    thread = g_thread_new("open", open_later, NULL);
    vigil_stream_free(stream);
    ck_assert_int_eq(n_destroyed, 1);
    ck_assert_uint_eq(model.n_looked, 1);
    g_thread_join(thread);
}
END_TEST

static gpointer
flush_later(gpointer user_data)
{
    g_usleep(50000);
    vigil_stream_set_flushing(user_data, TRUE);
    return NULL;
}

START_TEST(test_flush)
{
    VigilStream *stream = stream_new(0, TRUE);
    GThread *thread = g_thread_new("flush", flush_later, stream);
    VigilFrameFate fate;

    set_closed(TRUE);
    put(stream, 0, VIGIL_FRAME_WANTED);
    await_looking();
    ck_assert_ptr_null(vigil_stream_take(stream, &fate));
    g_thread_join(thread);
    ck_assert(!put(stream, 1, VIGIL_FRAME_WANTED));
    vigil_stream_drain(stream);
    vigil_stream_set_flushing(stream, FALSE);
    put(stream, 2, VIGIL_FRAME_WANTED);
    set_closed(FALSE);
    check_take(stream, 2, VIGIL_FRAME_INFERRED);
    vigil_stream_free(stream);
}
END_TEST

static gpointer
take_all(gpointer user_data)
{
    guint64 *counts = g_new0(guint64, VIGIL_FRAME_FAILED + 1);
    VigilFrameFate fate;
    VigilFrame *frame;
    guint last = 0;

    while ((frame = vigil_stream_take(user_data, &fate))) {
        const guint number = ((Frame *)frame)->number;

        if (number <= last)
            g_error("frame %u after %u", number, last);
        last = number;
        counts[fate]++;
        vigil_frame_unref(frame);
    }
    return counts;
}

/* Real threads at three times what can be done: every frame comes out once and in order, and each gets its share. */
START_TEST(test_shares)
{
    static const guint weights[] = {1, 1, 2, 4};
    VigilStream *streams[4];
    GThread *takers[4];
    guint64 inferred[4];

    model.busy_us = 4000;
    for (guint i = 0; i < 4; i++) {
        streams[i] = vigil_stream_new(scheduler, &(VigilStreamOptions){.weight = weights[i]}, look,
                                      NULL, NULL);
        takers[i] = g_thread_new("take", take_all, streams[i]);
    }
    for (guint n = 101; n <= 700; n++) {
        for (guint i = 0; i < 4; i++)
            put(streams[i], n, VIGIL_FRAME_WANTED);
        g_usleep(1500);
    }
    for (guint i = 0; i < 4; i++) {
        g_autofree guint64 *counts = NULL;

        vigil_stream_drain(streams[i]);
        vigil_stream_set_flushing(streams[i], TRUE);
        counts = g_thread_join(takers[i]);
        ck_assert_uint_eq(counts[VIGIL_FRAME_INFERRED] + counts[VIGIL_FRAME_SUPERSEDED], 600);
        inferred[i] = counts[VIGIL_FRAME_INFERRED];
        vigil_stream_free(streams[i]);
    }
    /* other programs run as well, and hold up whoever puts; how near shares come to weights is simulated in test-core.c */
    ck_assert_uint_gt(inferred[3], inferred[0]);
    ck_assert_uint_gt(inferred[3], inferred[1]);
    ck_assert_uint_gt(inferred[0], 0);
    ck_assert_uint_gt(inferred[1], 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("scheduler");
    TCase *tests = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_one_by_one);
    tcase_add_test(tests, test_the_newest_waits);
    tcase_add_test(tests, test_bounded);
    tcase_add_test(tests, test_too_old);
    tcase_add_test(tests, test_stuck);
    tcase_add_test(tests, test_gone_while_stuck);
    tcase_add_test(tests, test_gone_in_mid_inference);
    tcase_add_test(tests, test_flush);
    tcase_add_test(tests, test_shares);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
