/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: lock, sharing, versions, what is no database. */
#include "tests/storage/store-test.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

static StoreTest t;

static void
assert_open_fails(VigilStoreError code)
{
    g_autoptr(GError) error = NULL;
    VigilStore *store = vigil_store_open(&t.options, &error);

    ck_assert_ptr_null(store);
    assert_error(error, code);
}

static GBytes *
read_bytes(const gchar *path)
{
    gchar *data;
    gsize length;

    ck_assert(g_file_get_contents(path, &data, &length, NULL));
    return g_bytes_new_take(data, length);
}

START_TEST(test_open_makes_all_and_close_tidies)
{
    g_autofree gchar *log = NULL;
    g_auto(VigilRunInfo) info = {0};
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    t.options.database = g_build_filename(t.dir, "a", "b", "events.db", NULL);
    t.options.clips = g_build_filename(t.dir, "c", "clips", NULL);
    store_test_open(&t);
    ck_assert(g_file_test(t.options.clips, G_FILE_TEST_IS_DIR));
    ck_assert(vigil_store_get_last_run(t.store, &info, &error));
    ck_assert_str_eq(info.program, "test");
    ck_assert_int_eq(info.ended_wall_us, 0);
    ck_assert_int_eq(info.begun_wall_us, TEST_WALL_US);
    store_test_close(&t);
    log = g_strconcat(t.options.database, "-wal", NULL);
    ck_assert(!g_file_test(log, G_FILE_TEST_EXISTS));
    g_free((gchar *)t.options.database);
    g_free((gchar *)t.options.clips);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_settings_of_the_database)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert_int_eq(store_test_int(&t, "PRAGMA user_version"), vigil_store_newest_schema());
    ck_assert_int_eq(store_test_int(&t, "PRAGMA application_id"), VIGIL_STORE_APPLICATION_ID);
    ck_assert_int_eq(store_test_int(&t, "PRAGMA auto_vacuum"), 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM pragma_journal_mode WHERE "
                                        "journal_mode = 'wal'"),
                     1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM pragma_table_list WHERE type = "
                                        "'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'"),
                     0);
    g_mutex_lock(&t.store->mutex);
    gint64 value;

    ck_assert(vigil_store_read_int(t.store, "PRAGMA synchronous", &value, NULL));
    ck_assert_int_eq(value, 2);
    ck_assert(vigil_store_read_int(t.store, "PRAGMA foreign_keys", &value, NULL));
    ck_assert_int_eq(value, 1);
    ck_assert(!vigil_store_exec(t.store,
                                "PRAGMA writable_schema = ON; "
                                "DELETE FROM sqlite_schema",
                                NULL));
    g_mutex_unlock(&t.store->mutex);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_one_process_shares_a_store)
{
    g_autoptr(GError) error = NULL;
    VigilStoreOptions other;
    VigilStore *again;

    store_test_init(&t, NULL);
    store_test_open(&t);
    other = t.options;
    other.database = g_build_filename(t.dir, ".", "events.db", NULL); /* the same by another name */
    again = vigil_store_open(&other, &error);
    ck_assert_ptr_eq(again, t.store);
    vigil_store_unref(again);
    other.clips = t.dir;
    ck_assert_ptr_null(vigil_store_open(&other, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_free((gchar *)other.database);
    ck_assert(store_test_whole(t.store, 1, 10, NULL));
    vigil_store_unref(NULL);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_second_process_is_told_so)
{
    pid_t child;
    gint status;

    store_test_init(&t, NULL);
    store_test_open(&t);
    store_test_close(&t); /* first close: a child shares an open lock */
    gint ready[2], go_on[2];
    gchar byte = 0;

    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(go_on), 0);
    child = fork();
    if (child == 0) {
        store_test_open(&t);
        if (write(ready[1], "x", 1) != 1 || read(go_on[0], &byte, 1) != 1)
            _exit(1);
        store_test_close(&t);
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    assert_open_fails(VIGIL_STORE_ERROR_BUSY);
    ck_assert_uint_eq(store_test_check(&t), 0); /* readers work */
    ck_assert_int_eq(write(go_on[1], "x", 1), 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    store_test_open(&t);
    store_test_finish(&t);
}
END_TEST

/* Refused, and not one byte changed. */
static void
assert_untouched(VigilStoreError code)
{
    g_autoptr(GBytes) before = read_bytes(t.database), after = NULL;
    g_autoptr(GError) error = NULL;

    assert_open_fails(code);
    ck_assert_ptr_null(vigil_store_open_reader(t.database, t.clips, &error));
    assert_error(error, code);
    after = read_bytes(t.database);
    ck_assert(g_bytes_equal(before, after));
}

START_TEST(test_newer_database)
{
    g_autofree gchar *log = NULL;
    g_autoptr(GBytes) log_before = NULL, log_after = NULL;
    g_autofree gchar *newer =
        g_strdup_printf("PRAGMA user_version = %u", vigil_store_newest_schema() + 1);
    sqlite3 *db;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 10, NULL));
    store_test_close(&t);
    store_test_exec(&t, newer);
    assert_untouched(VIGIL_STORE_ERROR_NEWER);
    /* with a log that its writer left behind */
    log = g_strconcat(t.database, "-wal", NULL);
    ck_assert_int_eq(sqlite3_open(t.database, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 4711", NULL, NULL, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
    log_before = read_bytes(log);
    ck_assert_uint_gt(g_bytes_get_size(log_before), 0);
    assert_untouched(VIGIL_STORE_ERROR_NEWER);
    log_after = read_bytes(log);
    ck_assert(g_bytes_equal(log_before, log_after));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_not_a_database)
{
    g_autofree gchar *noise = g_strnfill(5000, 'x');

    store_test_init(&t, NULL);
    ck_assert(g_file_set_contents(t.database, noise, -1, NULL));
    assert_untouched(VIGIL_STORE_ERROR_CORRUPT);
    ck_assert(g_file_set_contents(t.database, "short", -1, NULL));
    assert_untouched(VIGIL_STORE_ERROR_CORRUPT);
    g_unlink(t.database);
    store_test_exec(&t, "CREATE TABLE somebody_elses (x)");
    assert_untouched(VIGIL_STORE_ERROR_CORRUPT);
    store_test_finish(&t);
}
END_TEST

/* Returns: how many there were. */
static guint
remove_set_aside(void)
{
    GDir *dir = g_dir_open(t.dir, 0, NULL);
    const gchar *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir)))
        if (g_str_has_prefix(name, "events.db.corrupt-")) {
            g_autofree gchar *path = g_build_filename(t.dir, name, NULL);

            ck_assert_int_eq(g_unlink(path), 0);
            n++;
        }
    g_dir_close(dir);
    return n;
}

START_TEST(test_damaged_databases)
{
    g_autoptr(GBytes) whole = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    g_autofree gchar *log = NULL, *shared = NULL;
    guint set_aside = 0;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 20; i++)
        ck_assert(store_test_whole(t.store, i, 10, NULL));
    store_test_close(&t);
    log = g_strconcat(t.database, "-wal", NULL);
    shared = g_strconcat(t.database, "-shm", NULL);
    whole = read_bytes(t.database);
    for (guint i = 0; i < 60; i++) {
        gsize length = g_bytes_get_size(whole);
        g_autofree guint8 *bytes = g_memdup2(g_bytes_get_data(whole, NULL), length);
        g_autoptr(GError) error = NULL;

        for (guint k = 0; k < 1 + i % 20; k++)
            bytes[g_rand_int_range(random, 0, length)] = g_rand_int_range(random, 0, 256);
        if (i % 5 == 0)
            length = g_rand_int_range(random, 1, length);
        ck_assert(g_file_set_contents(t.database, (gchar *)bytes, length, NULL));
        g_unlink(log);
        g_unlink(shared);
        t.store = vigil_store_open(&t.options, &error);
        if (t.store) {
            guint n_left;

            store_test_whole(t.store, 100, 10, NULL);
            vigil_store_fsck(t.store, TRUE, NULL, NULL, &n_left, NULL);
            store_test_close(&t);
        } else {
            assert_error(error, VIGIL_STORE_ERROR_NEWER);
        }
        set_aside += remove_set_aside();
    }
    ck_assert_uint_gt(set_aside, 5);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_directory_that_cannot_be_made)
{
    const VigilStoreOptions nothing = {.database = NULL};
    g_autofree gchar *file = NULL;
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    file = g_build_filename(t.dir, "file", NULL);
    ck_assert(g_file_set_contents(file, "x", 1, NULL));
    t.options.database = g_build_filename(file, "events.db", NULL);
    assert_open_fails(VIGIL_STORE_ERROR_INVALID);
    g_free((gchar *)t.options.database);
    t.options.database = t.database;
    t.options.clips = file;
    assert_open_fails(VIGIL_STORE_ERROR_INVALID);
    ck_assert_ptr_null(vigil_store_open_reader("/nowhere/events.db", t.dir, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_store_open(&nothing, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_reader_changes_nothing)
{
    g_autoptr(VigilStore) reader = NULL;
    g_autoptr(GError) error = NULL;
    guint n_left;

    store_test_init(&t, NULL);
    store_test_open(&t);
    reader = vigil_store_open_reader(t.database, t.clips, &error);
    assert_no_error(error);
    ck_assert_ptr_null(vigil_store_create_clip(reader, "door", "x", TEST_WALL_US, &error));
    assert_error(error, VIGIL_STORE_ERROR_READ_ONLY);
    g_clear_error(&error);
    ck_assert(!vigil_store_set_pinned(reader, store_test_id(1), TRUE, &error));
    assert_error(error, VIGIL_STORE_ERROR_READ_ONLY);
    g_clear_error(&error);
    ck_assert(!vigil_store_enforce_limits(reader, NULL, &error));
    assert_error(error, VIGIL_STORE_ERROR_READ_ONLY);
    g_clear_error(&error);
    ck_assert(!vigil_store_fsck(reader, TRUE, NULL, NULL, &n_left, &error));
    assert_error(error, VIGIL_STORE_ERROR_READ_ONLY);
    /* it sees what the writer does */
    ck_assert(store_test_whole(t.store, 1, 10, NULL));
    ck_assert(vigil_store_has_event(reader, store_test_id(1), NULL));
    store_test_finish(&t);
}
END_TEST

/* In a mount namespace of its own, as only root has; status 77: not permitted. */
static gint
read_only_child(void)
{
    g_autoptr(GError) error = NULL;
    VigilStore *reader;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(t.dir, t.dir, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, t.dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        return 77;
    reader = vigil_store_open_reader(t.database, t.clips, &error);
    if (!reader || !vigil_store_has_event(reader, store_test_id(1), NULL))
        return 1;
    vigil_store_unref(reader);
    if (vigil_store_open(&t.options, &error) ||
        !g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY))
        return 2;
    return 0;
}

/* The same with the log of a writer that died: it cannot be read, and the message says so. */
static gint
read_only_log_child(void)
{
    g_autofree gchar *shared = g_strconcat(t.database, "-shm", NULL);
    g_autoptr(GError) error = NULL;
    const pid_t writer = fork();
    gint status;

    if (writer == 0) {
        store_test_open(&t);
        _exit(store_test_whole(t.store, 2, 10, NULL) ? 0 : 1);
    }
    if (waitpid(writer, &status, 0) != writer || status != 0)
        return 3;
    g_unlink(shared);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(t.dir, t.dir, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, t.dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        return 77;
    if (vigil_store_open_reader(t.database, t.clips, &error) ||
        !g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY))
        return 4;
    return strstr(error->message, "its writer did not close it") ? 0 : 5;
}

static void
run_read_only(gint (*work)(void))
{
    pid_t child;
    gint status;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 10, NULL));
    store_test_close(&t);
    child = fork();
    if (child == 0)
        _exit(work());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_printerr("SKIP: no permission to mount\n");
    else
        ck_assert_int_eq(status, 0);
    store_test_finish(&t);
}

START_TEST(test_read_only_directory)
{
    run_read_only(read_only_child);
}
END_TEST

START_TEST(test_read_only_directory_with_log)
{
    run_read_only(read_only_log_child);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_open_makes_all_and_close_tidies,
        test_settings_of_the_database,
        test_one_process_shares_a_store,
        test_second_process_is_told_so,
        test_newer_database,
        test_not_a_database,
        test_damaged_databases,
        test_directory_that_cannot_be_made,
        test_reader_changes_nothing,
        test_read_only_directory,
        test_read_only_directory_with_log,
    };

    return store_test_main("store", tests, G_N_ELEMENTS(tests));
}
