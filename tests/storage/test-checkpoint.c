/* SPDX-License-Identifier: Apache-2.0 */
/* The log goes into the database beside the writers, stays small, and nothing of it is lost on the way. */
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"

#include <string.h>

#define LONG_PAGES 1000
#define MAX_LOG_BYTES (16 * 1024 * 1024)
#define SNAPSHOT_BYTES 60000
#define WAIT_US (60 * G_USEC_PER_SEC)

static StoreTest t;
static gint n_pages; /* of the log, after the latest commit */
static guint n_events;

static gint
note_pages(gpointer data, sqlite3 *db, const gchar *name, gint n)
{
    n_pages = n;
    return vigil_store_checkpoint_when_long(data, db, name, n);
}

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    sqlite3_wal_hook(t.store->db, note_pages, t.store);
    n_pages = 0;
    n_events = 0;
}

static gboolean
commit_large(GError **error)
{
    g_autoptr(VigilEvent) end = store_test_event(n_events + 1, VIGIL_EVENT_END);
    g_autofree guint8 *jpeg = g_malloc(SNAPSHOT_BYTES);

    memset(jpeg, (gint)(n_events % 251), SNAPSHOT_BYTES);
    g_clear_pointer(&end->snapshot, g_bytes_unref);
    end->snapshot = g_bytes_new_take(g_steal_pointer(&jpeg), SNAPSHOT_BYTES);
    if (!vigil_store_commit_event(t.store, end, NULL, error))
        return FALSE;
    n_events++;
    return TRUE;
}

static void
commit_or_fail(void)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(commit_large(&error), "%s", error ? error->message : "");
}

static void
check_all(void)
{
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), n_events);
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM snapshots WHERE length(jpeg) = 60000"), n_events);
    ck_assert_uint_eq(store_test_check(&t), 0);
}

static gint64
get_log_bytes(void)
{
    g_autofree gchar *log = g_strconcat(t.database, "-wal", NULL);
    struct stat info;

    return stat(log, &info) == 0 ? info.st_size : 0;
}

START_TEST(test_writers_do_not_wait)
{
    VigilStoreLog log;
    gint64 until_us;

    set_up();
    vigil_store_get_log(t.store, &log);
    ck_assert_uint_eq(log.n_checkpoints, 0);
    g_mutex_lock(&t.store->checkpoint_lock); /* one that takes long */
    while (n_pages < LONG_PAGES * 3 / 2)
        commit_or_fail();
    ck_assert_ptr_nonnull(t.store->checkpointer);
    vigil_store_get_log(t.store, &log);
    ck_assert_int_eq(log.bytes, get_log_bytes());
    ck_assert_int_gt(log.bytes, LONG_PAGES * 4096);
    ck_assert_uint_eq(log.n_checkpoints, 0);
    ck_assert_int_eq(log.last_wall_us, 0);
    g_mutex_unlock(&t.store->checkpoint_lock);
    /* a log that is in the database is begun anew */
    for (until_us = g_get_monotonic_time() + WAIT_US;
         n_pages >= LONG_PAGES && g_get_monotonic_time() < until_us;) {
        g_usleep(20000);
        commit_or_fail();
    }
    ck_assert_int_lt(n_pages, LONG_PAGES);
    vigil_store_get_log(t.store, &log);
    ck_assert_uint_ge(log.n_checkpoints, 1);
    ck_assert_int_gt(log.longest_us, 0);
    ck_assert_int_le(log.last_wall_us, g_get_real_time());
    ck_assert_int_gt(log.last_wall_us, g_get_real_time() - 2 * WAIT_US);
    check_all();
    store_test_finish(&t);
}
END_TEST

START_TEST(test_log_stays_small)
{
    gint64 longest = 0;

    set_up();
    for (guint i = 0; i < 1000; i++) {
        commit_or_fail();
        longest = MAX(longest, get_log_bytes());
    }
    ck_assert_int_gt(longest, LONG_PAGES * 4096);
    ck_assert_int_le(longest, MAX_LOG_BYTES);
    check_all();
    store_test_finish(&t);
}
END_TEST

/* While it is at it. */
START_TEST(test_closed_in_between)
{
    set_up();
    for (guint i = 0; i < 5; i++) {
        do
            commit_or_fail();
        while (n_pages < LONG_PAGES);
        store_test_close(&t);
        ck_assert_int_eq(get_log_bytes(), 0);
        store_test_open(&t);
        n_pages = 0;
        sqlite3_wal_hook(t.store->db, note_pages, t.store);
    }
    check_all();
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_disk_that_does_not_take_it)
{
    g_autoptr(GError) error = NULL;
    gint64 until_us;

    faults_install();
    set_up();
    g_mutex_lock(&t.store->checkpoint_lock);
    while (n_pages < LONG_PAGES * 3 / 2)
        commit_or_fail();
    faults_arm(FAULT_EIO, 1, TRUE);
    g_mutex_unlock(&t.store->checkpoint_lock);
    for (until_us = g_get_monotonic_time() + WAIT_US;
         !vigil_store_has_failed(t.store) && g_get_monotonic_time() < until_us;)
        g_usleep(1000);
    ck_assert(vigil_store_has_failed(t.store));
    ck_assert(!commit_large(&error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    store_test_close(&t);
    ck_assert_uint_eq(faults_get_syncs_after(), 0);
    faults_arm(FAULT_NONE, 0, FALSE);
    store_test_open(&t);
    check_all();
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_writers_do_not_wait,
        test_log_stays_small,
        test_closed_in_between,
        test_a_disk_that_does_not_take_it,
    };

    return store_test_main("checkpoint", tests, G_N_ELEMENTS(tests));
}
