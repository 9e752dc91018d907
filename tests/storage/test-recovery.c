/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation on the disk fails in its turn, for N = 1, 2, … until the work comes to its end: the process dies there,
 * or the operation fails once, or all fail from there on; and so does every allocation of SQLite's. After each the store is opened without faults, and what was
 * acknowledged must be there, every row with its file, every file with its row.
 */
#include "storage/vigil-seal-shorten.h"
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"
#include "tests/support/vigil-test-size.h"

#include <string.h>

#define MAX_OPERATIONS 2000
#define MAX_ALLOCATIONS 50000

typedef enum {
    ACK_OPEN,
    ACK_BEGIN,
    ACK_END,
    ACK_FINISH,
    ACK_PART,
    ACK_LAST,
    ACK_DELETE,
    ACK_DONE
} AckKind;

/* What the child says to its parent, one after each thing that it was told is done. */
typedef struct {
    AckKind kind;
    guint number;
    guint n_operations, n_syncs_after;
} Ack;

static gint ack_fd;
static StoreTest t;

static void
acknowledge(AckKind kind, guint number)
{
    const Ack ack = {kind, number, faults_get_count(), faults_get_syncs_after()};

    if (write(ack_fd, &ack, sizeof ack) != sizeof ack)
        _exit(2);
}

typedef gboolean (*Work)(GError **error);

static gboolean
open_with_faults(GError **error)
{
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, error);
    if (t.store)
        acknowledge(ACK_OPEN, 0);
    return t.store != NULL;
}

static gboolean
record(guint number, gsize bytes, GError **error)
{
    g_autoptr(VigilEvent) update = store_test_event(number, VIGIL_EVENT_UPDATE);
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    VigilClip *clip = store_test_begin(t.store, number, bytes, error);
    gboolean ok;

    if (!clip)
        return FALSE;
    acknowledge(ACK_BEGIN, number);
    /* pinned, so that a full disk does not take it */
    ok = vigil_store_set_pinned(t.store, end->id, TRUE, error) &&
         vigil_clip_write(clip, "more", 4, error) &&
         vigil_store_commit_event(t.store, update, clip, error) &&
         vigil_store_commit_event(t.store, end, clip, error);
    if (!ok) {
        vigil_store_abandon_clip(t.store, clip);
        return FALSE;
    }
    acknowledge(ACK_END, number);
    if (!vigil_store_finish_clip(t.store, clip, &store_test_info, error))
        return FALSE;
    acknowledge(ACK_FINISH, number);
    return TRUE;
}

/* An event that goes on in a second clip, which is begun before the first one is finished. */
static gboolean
record_on(guint number, GError **error)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    VigilClip *clip = store_test_begin(t.store, number, 100, error), *part;
    gboolean ok;

    if (!clip)
        return FALSE;
    acknowledge(ACK_BEGIN, number);
    ok = vigil_store_set_pinned(t.store, end->id, TRUE, error);
    part = ok ? store_test_continue(t.store, number, 60, error) : NULL;
    if (!part || !vigil_clip_write(clip, "more", 4, error)) {
        vigil_store_abandon_clip(t.store, clip);
        if (part)
            vigil_store_abandon_clip(t.store, part);
        return FALSE;
    }
    acknowledge(ACK_PART, number);
    if (!vigil_store_finish_clip(t.store, clip, &store_test_info, error)) {
        vigil_store_abandon_clip(t.store, part);
        return FALSE;
    }
    acknowledge(ACK_FINISH, number);
    if (!vigil_store_commit_event(t.store, end, part, error)) {
        vigil_store_abandon_clip(t.store, part);
        return FALSE;
    }
    acknowledge(ACK_END, number);
    if (!vigil_store_finish_clip(t.store, part, &store_test_info, error))
        return FALSE;
    acknowledge(ACK_LAST, number);
    return TRUE;
}

static gboolean
delete_all(GError **error)
{
    acknowledge(ACK_DELETE, 0);
    store_test_mono_us += 2 * DAY_US;
    store_test_wall_us += 2 * DAY_US;
    return vigil_store_enforce_limits(t.store, NULL, error);
}

static gboolean
work_record(GError **error)
{
    return open_with_faults(error) && record(1, 100, error) && record(2, 100, error);
}

static gboolean
work_record_on(GError **error)
{
    return open_with_faults(error) && record_on(1, error);
}

static gboolean
work_delete(GError **error)
{
    return open_with_faults(error) && delete_all(error) && record(5, 100, error);
}

/* What is deleted makes the chain of seals shorter, in several transactions. */
static gboolean
work_shorten(GError **error)
{
    if (!open_with_faults(error))
        return FALSE;
    *vigil_seal_shortener_get_pace(t.store->seal_shortener) =
        (VigilSealPace){.n_open = 4, .n_ended = 1, .n_look = 8, .n_batch = 4, .n_slack = 4};
    return delete_all(error) && record(5, 100, error);
}

static gboolean
work_abandon(GError **error)
{
    VigilClip *clip;

    if (!open_with_faults(error))
        return FALSE;
    clip = vigil_store_create_clip(t.store, "door", "nothing", TEST_WALL_US, error);
    if (!clip)
        return FALSE;
    vigil_clip_write(clip, "abc", 3, NULL);
    vigil_store_abandon_clip(t.store, clip);
    return TRUE;
}

/* --- the state before --- */

static void
prepare_nothing(void)
{
}

static void
prepare_two_events(void)
{
    g_autoptr(GError) error = NULL;

    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 3, 40, &error));
    ck_assert(store_test_whole(t.store, 4, 40, &error));
    store_test_close(&t);
}

/* One of twelve stays, and its record with it. */
static void
prepare_chain(void)
{
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    for (guint number = 11; number <= 22; number++)
        ck_assert(store_test_whole(t.store, number, 40, NULL));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(13), TRUE, NULL));
    store_test_close(&t);
}

static gboolean
drop_first_event(VigilStore *store, gpointer data, GError **error)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);

    return vigil_store_drop_event(store, 1, garbage, error);
}

/* Two clips each */
static void
prepare_parts(void)
{
    g_autoptr(GError) error = NULL;

    store_test_open(&t);
    for (guint number = 3; number <= 4; number++) {
        VigilClip *clip = store_test_begin(t.store, number, 40, &error);
        VigilClip *part = store_test_continue(t.store, number, 30, &error);

        assert_no_error(error);
        ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, &error));
        ck_assert(store_test_end(t.store, number, part, &error));
    }
    store_test_close(&t);
}

/* A run that died with event 1 open, a clip without an event and a deletion half done. */
static void
prepare_wreck(void)
{
    const pid_t child = fork();
    gint status;

    if (child == 0) {
        g_autoptr(GError) error = NULL;
        VigilClip *clip;

        store_test_open(&t);
        store_test_whole(t.store, 3, 40, &error);
        store_test_begin(t.store, 1, 50, &error);
        clip = vigil_store_create_clip(t.store, "door", "pending", TEST_WALL_US, &error);
        vigil_clip_write(clip, "abc", 3, &error);
        g_mutex_lock(&t.store->mutex);
        vigil_store_transact(t.store, drop_first_event, NULL, &error);
        _exit(error ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_uint_eq(store_test_count_files(&t), 3);
}

/* --- after it --- */

static gint64
count_event(guint number, const gchar *also)
{
    g_autofree gchar *sql = g_strdup_printf(
        "SELECT count(*) FROM events e LEFT JOIN clips c ON c.id = e.clip_id WHERE e.id = '%s' "
        "AND (%s)",
        store_test_id(number), also);

    return store_test_int(&t, sql);
}

static void
check_acks(const Ack *acks, guint n_acks, guint nth)
{
    gboolean deleting = FALSE;

    for (guint i = 0; i < n_acks; i++)
        deleting |= acks[i].kind == ACK_DELETE;
    for (guint i = 0; i < n_acks; i++) {
        const Ack *ack = &acks[i];

        if (deleting && ack->number < 5)
            continue;
        if (ack->kind == ACK_BEGIN)
            ck_assert_msg(count_event(ack->number, "1") == 1, "%u: event %u", nth, ack->number);
        if (ack->kind == ACK_END)
            ck_assert_msg(count_event(ack->number, "e.end_reason = 'gone'") == 1, "%u: end of %u",
                          nth, ack->number);
        if (ack->kind == ACK_PART)
            ck_assert_msg(count_event(ack->number,
                                      "EXISTS (SELECT 1 FROM event_parts p JOIN clips q ON "
                                      "q.id = p.clip_id WHERE p.event_seq = e.seq AND "
                                      "q.state IN ('cut', 'complete') AND q.bytes = 60)") == 1,
                          "%u: part of %u", nth, ack->number);
        if (ack->kind == ACK_LAST)
            ck_assert_msg(vigil_store_has_event(t.store, store_test_id(ack->number), NULL),
                          "%u: all of %u", nth, ack->number);
        if (ack->kind == ACK_FINISH)
            ck_assert_msg(count_event(ack->number, "c.state = 'complete' AND c.bytes = 104") == 1,
                          "%u: clip of %u", nth, ack->number);
    }
}

static void
check_store(const Ack *acks, guint n_acks, guint nth)
{
    faults_arm(FAULT_NONE, 0, FALSE);
    store_test_open(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'open'"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason IS NULL"), 0);
    ck_assert_msg(store_test_check(&t) == 0, "%u", nth);
    ck_assert_msg(store_test_count_files(&t) == store_test_int(&t, "SELECT count(*) FROM clips"),
                  "%u: files and rows", nth);
    check_acks(acks, n_acks, nth);
    store_test_close(&t);
}

/* --- the loop --- */

static guint
run_child(Work work, FaultKind kind, guint nth, gboolean sticky, Ack *acks)
{
    gint fds[2], status;
    guint n_acks = 0;
    pid_t child;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        g_autoptr(GError) error = NULL;

        close(fds[0]);
        ack_fd = fds[1];
        faults_arm(kind, nth, sticky);
        work(&error);
        store_test_close(&t);
        acknowledge(ACK_DONE, 0);
        _exit(0);
    }
    close(fds[1]);
    while (n_acks < 64 && read(fds[0], &acks[n_acks], sizeof *acks) == sizeof *acks)
        n_acks++;
    close(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9),
                  "operation %u: child ended with %x", nth, status);
    return n_acks;
}

static const struct {
    void (*prepare)(void);
    Work work;
} scenes[] = {
    {prepare_nothing, work_record},       {prepare_two_events, work_record},
    {prepare_wreck, work_record},         {prepare_two_events, work_delete},
    {prepare_wreck, work_delete},         {prepare_two_events, work_abandon},
    {prepare_two_events, work_record_on}, {prepare_parts, work_delete},
    {prepare_chain, work_shorten},
};

static const gchar *const kind_names[] = {"", "killed", "EIO", "ENOSPC", "no memory"};

/* make check fails some of them only, make nightly each */
static guint
get_stride(FaultKind kind, gboolean sticky)
{
    const guint wanted = kind == FAULT_NO_MEMORY ? 101 : sticky ? 5 : 1;

    return wanted / MIN(wanted, vigil_test_size(1, wanted));
}

static void
fail_each(guint scene, FaultKind kind, gboolean sticky)
{
    void (*const prepare)(void) = scenes[scene].prepare;
    const Work work = scenes[scene].work;
    const guint stride = get_stride(kind, sticky);
    guint n_runs = 0;

    faults_install();
    for (guint nth = 1;; nth += stride) {
        Ack acks[64];
        guint n_acks;
        gboolean done;

        ck_assert_uint_lt(nth, kind == FAULT_NO_MEMORY ? MAX_ALLOCATIONS : MAX_OPERATIONS);
        n_runs++;
        store_test_init(&t, NULL);
        prepare();
        n_acks = run_child(work, kind, nth, sticky, acks);
        done = n_acks > 0 && acks[n_acks - 1].kind == ACK_DONE;
        /* while it makes a new database, SQLite rolls back by its journal, which it syncs */
        if (done && !sticky && (n_acks > 1 || prepare != prepare_nothing))
            ck_assert_msg(acks[n_acks - 1].n_syncs_after == 0,
                          "operation %u: a failed sync was tried again", nth);
        check_store(acks, n_acks, nth);
        store_test_finish(&t);
        if (done && acks[n_acks - 1].n_operations < nth) {
            ck_assert_uint_gt(nth, 10);
            vigil_test_figure(
                "scene %u, %s: %u runs with one of %u %s failing%s, 0 lost, 0 corrupt", scene,
                kind_names[kind], n_runs, nth - 1,
                kind == FAULT_NO_MEMORY ? "allocations" : "operations",
                sticky ? " and all after it" : "");
            return;
        }
    }
}

START_TEST(test_die)
{
    fail_each(_i, FAULT_DIE, FALSE);
}
END_TEST

START_TEST(test_eio_once)
{
    fail_each(_i, FAULT_EIO, FALSE);
}
END_TEST

START_TEST(test_eio_from_then_on)
{
    fail_each(_i, FAULT_EIO, TRUE);
}
END_TEST

START_TEST(test_enospc_once)
{
    fail_each(_i, FAULT_ENOSPC, FALSE);
}
END_TEST

START_TEST(test_memory_once)
{
    fail_each(_i, FAULT_NO_MEMORY, FALSE);
}
END_TEST

START_TEST(test_memory_from_then_on)
{
    fail_each(_i, FAULT_NO_MEMORY, TRUE);
}
END_TEST

START_TEST(test_enospc_from_then_on)
{
    fail_each(_i, FAULT_ENOSPC, TRUE);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_die,
        test_eio_once,
        test_eio_from_then_on,
        test_enospc_once,
        test_enospc_from_then_on,
        test_memory_once,
        test_memory_from_then_on,
    };
    Suite *suite = suite_create("recovery");
    TCase *tcase = tcase_create("faults");
    SRunner *runner;
    gint failed;

    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_loop_test(tcase, tests[i], 0, G_N_ELEMENTS(scenes));
    tcase_set_timeout(tcase, 200);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
