/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "models/vigil-pool-private.h"

#define MOST_CHUNKS 300u
#define N_JOBS 3000u
#define N_CALLERS 3u

/* What one job did: who did each chunk, and how often. */
typedef struct {
    guint threads;
    _Atomic guint times[MOST_CHUNKS];
    _Atomic guint busy[VIGIL_POOL_MAX_THREADS];
    _Atomic guint wrong;
} Job;

/* One thread number is never at work twice, and none is beyond what was asked for. */
static void
do_chunk(gpointer data, guint chunk, guint thread)
{
    Job *job = data;

    if (thread >= job->threads || atomic_fetch_add(&job->busy[thread], 1) != 0)
        atomic_fetch_add(&job->wrong, 1);
    atomic_fetch_add(&job->times[chunk], 1);
    for (volatile guint i = 0; i < chunk % 7 * 50; i++)
        continue;
    atomic_fetch_sub(&job->busy[thread], 1);
}

static void
run_jobs(guint most_threads, guint32 seed)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);

    for (guint i = 0; i < N_JOBS; i++) {
        const guint n_chunks = (guint)g_rand_int_range(dice, 0, MOST_CHUNKS + 1);
        Job job = {.threads = (guint)g_rand_int_range(dice, 1, (gint)most_threads + 1)};

        vigil_pool_run(job.threads, n_chunks, NULL, do_chunk, &job);
        ck_assert_uint_eq(atomic_load(&job.wrong), 0);
        for (guint chunk = 0; chunk < MOST_CHUNKS; chunk++)
            if (atomic_load(&job.times[chunk]) != (chunk < n_chunks ? 1 : 0))
                ck_abort_msg("chunk %u of %u", chunk, n_chunks);
    }
}

START_TEST(every_chunk_is_done_once)
{
    ck_assert_uint_eq(vigil_pool_acquire(4), 4);
    run_jobs(4, 1);
    vigil_pool_release();
    /* without threads all is done by the caller */
    run_jobs(4, 2);
}
END_TEST

/* A job whose chunks look whether what they need is done. */
typedef struct {
    guint32 needs[MOST_CHUNKS];
    gboolean done
        [MOST_CHUNKS]; /* not atomic: it is the pool that makes one thread see what another did */
    _Atomic guint wrong;
} Ordered;

static void
do_ordered(gpointer data, guint chunk, guint thread)
{
    Ordered *job = data;

    for (guint i = 0; i < job->needs[chunk]; i++)
        if (!job->done[i])
            atomic_fetch_add(&job->wrong, 1);
    for (volatile guint i = 0; i < chunk % 7 * 50; i++)
        continue;
    job->done[chunk] = TRUE;
}

START_TEST(a_chunk_waits_for_what_it_needs)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(8);

    ck_assert_uint_eq(vigil_pool_acquire(4), 4);
    for (guint i = 0; i < N_JOBS; i++) {
        Ordered job = {.needs = {0}};
        const gint reach = g_rand_int_range(dice, 1, 12);

        for (gint k = 0; k < (gint)MOST_CHUNKS; k++) {
            const gint behind = g_rand_int_range(dice, 0, reach);

            job.needs[k] = (guint32)MAX(0, k - behind);
        }
        vigil_pool_run((guint)g_rand_int_range(dice, 1, 5), MOST_CHUNKS, job.needs, do_ordered,
                       &job);
        ck_assert_uint_eq(atomic_load(&job.wrong), 0);
        for (guint k = 0; k < MOST_CHUNKS; k++)
            if (!job.done[k])
                ck_abort_msg("chunk %u was not done", k);
    }
    vigil_pool_release();
}
END_TEST

static gpointer
call(gpointer data)
{
    vigil_pool_acquire(3);
    run_jobs(3, GPOINTER_TO_UINT(data));
    vigil_pool_release();
    return NULL;
}

START_TEST(callers_may_come_at_once)
{
    GThread *threads[N_CALLERS];

    for (guint i = 0; i < N_CALLERS; i++)
        threads[i] = g_thread_new("caller", call, GUINT_TO_POINTER(i + 10));
    for (guint i = 0; i < N_CALLERS; i++)
        g_thread_join(threads[i]);
}
END_TEST

static void
nested(gpointer data, guint chunk, guint thread)
{
    Job *inner = data;

    vigil_pool_run(inner->threads, 20, NULL, do_chunk, &inner[chunk]);
}

START_TEST(a_job_within_a_job_is_done_alone)
{
    Job jobs[8] = {0};

    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        jobs[i].threads = 4;
    vigil_pool_acquire(4);
    vigil_pool_run(4, G_N_ELEMENTS(jobs), NULL, nested, jobs);
    vigil_pool_release();
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        for (guint chunk = 0; chunk < 20; chunk++)
            ck_assert_uint_eq(atomic_load(&jobs[i].times[chunk]), 1);
}
END_TEST

static guint
count_threads(void)
{
    g_autofree gchar *status = NULL;

    ck_assert(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
    return (guint)atoi(strstr(status, "Threads:") + strlen("Threads:"));
}

/* A thread that was joined may be a moment yet in the system's list. */
static guint
count_threads_down_to(guint wanted)
{
    guint n = count_threads();

    for (guint i = 0; n != wanted && i < 500; i++) {
        g_usleep(10000);
        n = count_threads();
    }
    return n;
}

START_TEST(threads_come_and_go)
{
    const guint before = count_threads();

    for (guint i = 0; i < 50; i++) {
        vigil_pool_acquire(2);
        vigil_pool_acquire(4);
        ck_assert_uint_eq(count_threads(), before + 3);
        vigil_pool_release();
        ck_assert_uint_eq(count_threads(), before + 3);
        vigil_pool_release();
        ck_assert_uint_eq(count_threads_down_to(before), before);
    }
}
END_TEST

START_TEST(a_child_works_alone)
{
    gint status;
    pid_t child;

    vigil_pool_acquire(4);
    run_jobs(4, 5);
    child = fork();
    if (child == 0) {
        run_jobs(4, 6);
        vigil_pool_release();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    vigil_pool_release();
}
END_TEST

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#ifndef SANITIZED
/*
 * A system that gives no threads: the address space is what is taken away, since root has no limit of processes. Sanitizers
 * need it themselves.
 */
START_TEST(no_threads_to_be_had_is_no_error)
{
    struct rlimit limit;
    guint threads;
    void *room;

    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = 1 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    room = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    threads = vigil_pool_acquire(4);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
    if (room != MAP_FAILED)
        g_print("not tested: the limit of the address space has no effect, as under an emulator\n");
    else
        ck_assert_uint_eq(threads, 1);
    run_jobs(4, 7);
    vigil_pool_release();
}
END_TEST
#endif

START_TEST(not_more_than_processors)
{
    const guint processors = g_get_num_processors();

    ck_assert_uint_eq(vigil_pool_limit(0), 1);
    ck_assert_uint_eq(vigil_pool_limit(1), 1);
    ck_assert_uint_eq(vigil_pool_limit(1000), MIN(processors, VIGIL_POOL_MAX_THREADS));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_chunk_is_done_once);
    tcase_add_test(tcase, a_chunk_waits_for_what_it_needs);
    tcase_add_test(tcase, callers_may_come_at_once);
    tcase_add_test(tcase, a_job_within_a_job_is_done_alone);
    tcase_add_test(tcase, threads_come_and_go);
    tcase_add_test(tcase, a_child_works_alone);
#ifndef SANITIZED
    tcase_add_test(tcase, no_threads_to_be_had_is_no_error);
#endif
    tcase_add_test(tcase, not_more_than_processors);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
