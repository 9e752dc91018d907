/* SPDX-License-Identifier: Apache-2.0 */
/* Backups beside a writer: whole, of one moment, restorable; or not there. */
#include "storage/vigil-backup.h"
#include "tests/storage/store-test.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define N_EVENTS 600

static StoreTest t;
static gchar *target;
static VigilBackupSummary summary;

static void
set_up(guint n)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 1; i <= n; i++)
        ck_assert(store_test_whole(t.store, i, 100 + i, NULL));
    target = g_build_filename(t.dir, "backup", NULL);
}

static void
tear_down(void)
{
    g_clear_pointer(&target, g_free);
    store_test_finish(&t);
}

static void
print_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
    g_printerr("backup: %s\n", finding);
}

static gboolean
back_up(gboolean with_clips, GError **error)
{
    g_autoptr(VigilStore) reader = vigil_store_open_reader(t.database, t.clips, error);

    return reader &&
           vigil_store_backup(reader, target, with_clips, print_finding, NULL, &summary, error);
}

static gboolean
add_line(const VigilEventRow *row, gpointer user_data)
{
    g_autofree gchar *line = vigil_event_to_json(row->event, row->clip);

    g_string_append_printf(user_data, "%s %u %u\n", line,
                           row->event->path ? row->event->path->len : 0, (guint)row->has_snapshot);
    return TRUE;
}

static gchar *
list_events(VigilStore *store)
{
    const VigilEventQuery query = {.with_path = TRUE, .ascending = TRUE};
    GString *lines = g_string_new(NULL);

    ck_assert(vigil_store_query_events(store, &query, add_line, lines, NULL));
    return g_string_free(lines, FALSE);
}

/* Puts the copy in the store's place. */
static void
restore(void)
{
    store_test_close(&t);
    g_free(t.database);
    g_free(t.clips);
    t.database = g_build_filename(target, "events.db", NULL);
    t.clips = g_build_filename(target, "clips", NULL);
    t.options.database = t.database;
    t.options.clips = t.clips;
    store_test_open(&t);
}

START_TEST(test_restored)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *before = NULL, *after = NULL, *key = NULL;
    VigilClip *open;

    set_up(50);
    open = store_test_begin(t.store, 77, 500, &error);
    ck_assert(back_up(TRUE, &error));
    ck_assert_uint_eq(summary.n_events, 51);
    ck_assert_uint_eq(summary.n_clips, 51);
    ck_assert_uint_eq(summary.n_linked + summary.n_copied, 51);
    ck_assert_uint_eq(summary.n_found, 0);
    before = list_events(t.store);
    /* what goes on in the store does not reach the copy, not even what shares its bytes */
    ck_assert(vigil_clip_write(open, "more", 4, &error));
    ck_assert(store_test_end(t.store, 77, open, &error));
    key = g_build_filename(target, "seal.key", NULL);
    ck_assert(!g_file_test(key, G_FILE_TEST_EXISTS));
    ck_assert_uint_eq(store_test_check(&t), 0);
    restore();
    /* the clip that was being written is cut, its event interrupted; all else is the same */
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips WHERE state = 'cut'"), 500);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_exec(&t, "UPDATE events SET end_reason = NULL WHERE end_reason = 'interrupted';"
                        "UPDATE clips SET state = 'open' WHERE state = 'cut'");
    after = list_events(t.store);
    ck_assert_str_eq(before, after);
    /* it goes on by itself */
    ck_assert(store_test_whole(t.store, 90, 10, &error));
    tear_down();
}
END_TEST

START_TEST(test_database_alone)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *database = NULL, *log = NULL;
    g_autoptr(VigilStore) copy = NULL;
    g_autofree gchar *before = NULL, *after = NULL;

    set_up(20);
    ck_assert(back_up(FALSE, &error));
    ck_assert_uint_eq(summary.n_clips, 0);
    database = g_build_filename(target, "events.db", NULL);
    log = g_strconcat(database, "-wal", NULL);
    ck_assert(!g_file_test(log, G_FILE_TEST_EXISTS));
    copy = vigil_store_open_reader(database, NULL, &error);
    assert_no_error(error);
    before = list_events(t.store);
    after = list_events(copy);
    ck_assert_str_eq(before, after);
    tear_down();
}
END_TEST

static void
assert_nothing_left(void)
{
    g_autoptr(GDir) dir = g_dir_open(t.dir, 0, NULL);

    for (const gchar *name; (name = g_dir_read_name(dir));)
        ck_assert_msg(!strstr(name, "part"), "%s", name);
}

START_TEST(test_refused)
{
    g_autoptr(GError) there = NULL, nowhere = NULL, writer = NULL, damaged = NULL;
    g_autofree gchar *kept = NULL;

    set_up(5);
    g_mkdir(target, 0700);
    kept = g_build_filename(target, "kept", NULL);
    ck_assert(g_file_set_contents(kept, "mine", -1, NULL));
    ck_assert(!back_up(TRUE, &there));
    assert_error(there, VIGIL_STORE_ERROR_INVALID);
    ck_assert(g_file_test(kept, G_FILE_TEST_EXISTS));
    ck_assert(!vigil_store_backup(t.store, "/dev/shm/x", FALSE, NULL, NULL, &summary, &writer));
    assert_error(writer, VIGIL_STORE_ERROR_INVALID);
    g_free(target);
    target = g_strdup("/nowhere/backup");
    ck_assert(!back_up(TRUE, &nowhere));
    assert_error(nowhere, VIGIL_STORE_ERROR_NOT_FOUND);
    /* a damaged database gives no backup that says it is one */
    g_free(target);
    target = g_build_filename(t.dir, "other", NULL);
    store_test_exec(&t, "PRAGMA writable_schema = ON;"
                        "UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_clip ON events "
                        "(track_id)' WHERE name = 'events_by_clip'");
    ck_assert(!back_up(FALSE, &damaged));
    assert_error(damaged, VIGIL_STORE_ERROR_CORRUPT);
    ck_assert(!g_file_test(target, G_FILE_TEST_EXISTS));
    assert_nothing_left();
    tear_down();
}
END_TEST

/* A clip that is missing is said, of the copy as of the store. */
START_TEST(test_findings)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path = NULL, *file = NULL;

    set_up(5);
    ck_assert(vigil_store_has_event(t.store, store_test_id(2), &path));
    file = g_build_filename(t.clips, path, NULL);
    ck_assert_int_eq(g_unlink(file), 0);
    ck_assert(back_up(TRUE, &error));
    ck_assert_uint_eq(summary.n_found, 1);
    tear_down();
}
END_TEST

START_TEST(test_killed)
{
    guint n_whole = 0;

    set_up(N_EVENTS);
    for (guint i = 0; i < 24; i++) {
        const pid_t child = fork();
        gint status;

        if (child == 0)
            _exit(back_up(i % 2 == 0, NULL) ? 0 : 1);
        g_usleep(i * i * 400);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        if (!g_file_test(target, G_FILE_TEST_EXISTS))
            continue;
        /* it has its name: it is whole */
        g_autofree gchar *database = g_build_filename(target, "events.db", NULL);
        g_autofree gchar *clips = g_build_filename(target, "clips", NULL);
        g_autoptr(VigilStore) copy = vigil_store_open_reader(database, clips, NULL);
        g_autofree gchar *aside = g_strdup_printf("%s-%u", target, i);
        g_autofree gchar *lines = NULL;
        guint n_found = 0, n_lines = 0;

        ck_assert_ptr_nonnull(copy);
        lines = list_events(copy);
        for (const gchar *p = lines; *p; p++)
            n_lines += *p == '\n';
        ck_assert_uint_eq(n_lines, N_EVENTS);
        ck_assert(vigil_store_fsck(copy, FALSE, NULL, NULL, &n_found, NULL));
        ck_assert_uint_eq(n_found, i % 2 == 0 ? 0 : N_EVENTS);
        n_whole++;
        ck_assert_int_eq(g_rename(target, aside), 0);
    }
    g_printerr("%u of 24 backups came to their end before they were killed\n", n_whole);
    tear_down();
}
END_TEST

static gpointer
back_up_in_thread(gpointer data)
{
    g_autoptr(GError) error = NULL;

    ck_assert(back_up(TRUE, &error));
    g_atomic_int_set((gint *)data, 1);
    return NULL;
}

static gint
compare_times(gconstpointer a, gconstpointer b)
{
    return *(const gint64 *)a < *(const gint64 *)b ? -1 : *(const gint64 *)a > *(const gint64 *)b;
}

/* One transaction a call: how long it took, in µs. */
static gint64
commit(guint number)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    const gint64 begin = g_get_monotonic_time();

    end->record = FALSE;
    ck_assert(vigil_store_commit_event(t.store, end, NULL, NULL));
    return g_get_monotonic_time() - begin;
}

static gint64
get_part(GArray *times, guint percent)
{
    g_array_sort(times, compare_times);
    return g_array_index(times, gint64, (times->len - 1) * percent / 100);
}

START_TEST(test_beside_a_writer)
{
    g_autoptr(GArray) alone = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GArray) beside = g_array_new(FALSE, FALSE, sizeof(gint64));
    GThread *thread;
    gint done = 0;
    guint number = N_EVENTS;

    set_up(N_EVENTS);
    for (guint i = 0; i < 300; i++) {
        const gint64 time = commit(++number);

        g_array_append_val(alone, time);
    }
    thread = g_thread_new("backup", back_up_in_thread, &done);
    while (!g_atomic_int_get(&done)) {
        const gint64 time = commit(++number);

        g_array_append_val(beside, time);
    }
    g_thread_join(thread);
    g_printerr("FIGURE: commits took p95 %.1f ms, worst %.1f ms; %u beside a backup p95 %.1f ms, "
               "worst %.1f ms\n",
               get_part(alone, 95) / 1e3, get_part(alone, 100) / 1e3, beside->len,
               get_part(beside, 95) / 1e3, get_part(beside, 100) / 1e3);
    ck_assert_uint_gt(beside->len, 3);
    /* on a machine that does other things as well, both are longer */
    ck_assert_int_lt(get_part(beside, 95), 50000 + get_part(alone, 100));
    ck_assert_uint_eq(summary.n_found, 0);
    ck_assert_uint_ge(summary.n_events, N_EVENTS);
    ck_assert_uint_eq(store_test_check(&t), 0);
    restore();
    ck_assert_uint_eq(store_test_check(&t), 0);
    tear_down();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_restored, test_database_alone, test_refused,
        test_findings, test_killed,         test_beside_a_writer,
    };

    return store_test_main("backup", tests, G_N_ELEMENTS(tests));
}
