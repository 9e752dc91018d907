/* SPDX-License-Identifier: Apache-2.0 */
/* What is purged is gone from the files, with a note of who did it. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "storage/vigil-outbox.h"
#include "storage/vigil-purge.h"
#include "storage/vigil-seal.h"
#include "tests/storage/store-test.h"

#define SECRET "planted-secret-of-the-door"

static StoreTest t;

static gint64
start_of(guint number)
{
    return TEST_WALL_US + number * G_GINT64_CONSTANT(10000000);
}

/* Odd events are of the door. */
/* Clips' times, by which they are found, are those of their events here. */
static void
record_whole(guint number)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    g_autoptr(GError) error = NULL;
    VigilClipInfo info = store_test_info;
    VigilClip *clip = store_test_begin(t.store, number, 100, &error);

    assert_no_error(error);
    info.start_wall_us = end->start_wall_us;
    info.end_wall_us = end->end_wall_us;
    ck_assert(vigil_store_commit_event(t.store, end, clip, &error));
    ck_assert(vigil_store_finish_clip(t.store, clip, &info, &error));
}

static void
set_up(guint n)
{
    const VigilOutboxDestination destination = {.name = "backend"};

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(vigil_outbox_set_destinations(t.store, &destination, 1, NULL));
    for (guint i = 0; i < n; i++)
        record_whole(i);
}

static void
plant(guint number)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    g_autoptr(GError) error = NULL;

    end->rule = g_intern_string(SECRET "-rule");
    end->zones[0] = g_intern_string(SECRET "-zone");
    g_clear_pointer(&end->snapshot, g_bytes_unref);
    end->snapshot = g_bytes_new_static(SECRET "-jpeg", strlen(SECRET "-jpeg"));
    end->record = FALSE;
    ck_assert_msg(vigil_store_commit_event(t.store, end, NULL, &error), "%s",
                  error ? error->message : "");
}

static gboolean
file_has_secret(const gchar *suffix)
{
    g_autofree gchar *path = g_strconcat(t.database, suffix, NULL);
    g_autofree gchar *bytes = NULL;
    gsize length;

    return g_file_get_contents(path, &bytes, &length, NULL) &&
           memmem(bytes, length, SECRET, strlen(SECRET)) != NULL;
}

static VigilPurge
purge_of(guint first, guint last)
{
    return (VigilPurge){.camera = "door",
                        .since_us = start_of(first),
                        .until_us = start_of(last),
                        .pinned = TRUE,
                        .uid = 1234,
                        .user_name = "mia",
                        .command = "vigil purge …"};
}

START_TEST(test_nothing_is_left_in_the_files)
{
    const VigilPurge purge = purge_of(101, 101);
    VigilPurgeCounts counts, expected;
    g_autoptr(GError) error = NULL;

    set_up(4);
    plant(101);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(101), TRUE, NULL));
    ck_assert(file_has_secret("-wal") || file_has_secret(""));
    /* some of it in the database, some in the log */
    store_test_exec(&t, "PRAGMA wal_checkpoint(PASSIVE)");
    ck_assert(file_has_secret(""));
    plant(101);
    ck_assert(vigil_store_count_purge(t.store, &purge, &expected, &error));
    ck_assert_msg(vigil_store_purge(t.store, &purge, &counts, &error), "%s",
                  error ? error->message : "");
    ck_assert_uint_eq(counts.n_events, 1);
    ck_assert_uint_eq(counts.n_events, expected.n_events);
    ck_assert_uint_eq(counts.n_messages, expected.n_messages);
    ck_assert_uint_gt(counts.n_messages, 0);
    ck_assert(!file_has_secret("") && !file_has_secret("-wal"));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 4);
    store_test_close(&t);
    ck_assert(!file_has_secret("") && !file_has_secret("-wal"));
    store_test_finish(&t);
}
END_TEST

static void
note_deletion(const VigilDeletion *deletion, gpointer user_data)
{
    ck_assert_str_eq(deletion->purge.camera, "door");
    ck_assert_str_eq(deletion->purge.user_name, "mia");
    ck_assert_uint_eq(deletion->purge.uid, 1234);
    ck_assert_int_eq(deletion->begun_us, TEST_WALL_US);
    ck_assert_int_eq(deletion->ended_us, TEST_WALL_US);
    *(guint64 *)user_data += deletion->counts.n_events;
}

START_TEST(test_camera_and_span)
{
    const VigilPurge purge = purge_of(21, 29);
    VigilPurgeCounts counts;
    VigilSealSummary summary;
    guint64 n_logged = 0;
    guint n_found = 1;

    set_up(100);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    /* 21, 23, … 29: one that ended before the span begins stays */
    ck_assert_uint_eq(counts.n_events, 5);
    ck_assert_uint_eq(counts.n_clips, 5);
    ck_assert_uint_eq(counts.n_messages, 10);
    ck_assert(vigil_store_has_event(t.store, store_test_id(19), NULL));
    ck_assert(vigil_store_has_event(t.store, store_test_id(22), NULL));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(21), NULL));
    ck_assert(vigil_store_has_event(t.store, store_test_id(31), NULL));
    ck_assert_uint_eq(store_test_count_files(&t), 95);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM snapshots"), 95);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 190);
    ck_assert_uint_eq(store_test_check(&t), 0);
    ck_assert(vigil_store_list_deletions(t.store, note_deletion, &n_logged, NULL));
    ck_assert_uint_eq(n_logged, 5);
    ck_assert(vigil_store_verify(t.store, NULL, NULL, NULL, NULL, &summary, &n_found, NULL));
    ck_assert_uint_eq(n_found, 0);
    store_test_finish(&t);
}
END_TEST

/* Many, and a clip that an event outside of the span has as well. */
START_TEST(test_shared_clip_goes_whole)
{
    const VigilPurge purge = purge_of(1, 1);
    VigilPurgeCounts counts;
    VigilClip *clip;
    g_autoptr(VigilEvent) first = NULL, second = NULL;

    set_up(0);
    clip = store_test_begin(t.store, 1, 100, NULL);
    first = store_test_event(1, VIGIL_EVENT_END);
    second = store_test_event(3, VIGIL_EVENT_END);
    ck_assert(vigil_store_commit_event(t.store, first, clip, NULL));
    ck_assert(vigil_store_commit_event(t.store, second, clip, NULL));
    {
        g_autoptr(GError) error = NULL;

        /* not while it is written */
        ck_assert(!vigil_store_purge(t.store, &purge, &counts, &error));
        assert_error(error, VIGIL_STORE_ERROR_INVALID);
    }
    ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, NULL));
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_events, 1);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM snapshots"), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* A clip that was cut says nothing of its times: it may have gone on until the next run began. */
START_TEST(test_cut_clips)
{
    VigilPurge purge = purge_of(60, 61);
    VigilPurgeCounts counts;

    set_up(4);
    store_test_exec(&t, "UPDATE clips SET state = 'cut', start_wall_us = NULL, end_wall_us = NULL");
    /* between the event and the next start, which there is none of yet */
    ck_assert(vigil_store_count_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_clips, 2);
    store_test_close(&t);
    store_test_wall_us = start_of(50);
    store_test_open(&t);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_clips, 0);
    purge = purge_of(40, 41);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_clips, 2);
    ck_assert_uint_eq(counts.n_events, 0);
    ck_assert_uint_eq(store_test_count_files(&t), 2);
    /* what came before the trigger */
    store_test_exec(&t,
                    "UPDATE clips SET camera_id = (SELECT id FROM cameras WHERE name = 'door')");
    purge = (VigilPurge){.camera = "door", .since_us = 1, .until_us = start_of(0) - 1};
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_clips, 1);
    store_test_finish(&t);
}
END_TEST

/* Limits may have deleted the event, and its message waits still, or was refused. */
START_TEST(test_messages_without_their_event)
{
    VigilPurge purge = purge_of(1, 3);
    VigilPurgeCounts counts, expected;

    set_up(6);
    store_test_exec(&t, "INSERT INTO refused SELECT d.id, o.seq, o.event_id, o.type, o.number, "
                        "o.camera, o.message, '400', o.wall_us FROM outbox o, destinations d "
                        "WHERE o.type = 'end'");
    store_test_exec(&t, "DELETE FROM events");
    ck_assert(vigil_store_count_purge(t.store, &purge, &expected, NULL));
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_messages, expected.n_messages);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox WHERE camera = 'door'"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM refused WHERE camera = 'door'"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 6);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM refused"), 3);
    store_test_finish(&t);
}
END_TEST

/* At that moment: the count of its minute, and a state. */
static void
note_camera(const gchar *camera, gint64 us, const gchar *state)
{
    g_autofree gchar *sql = g_strdup_printf(
        "INSERT OR IGNORE INTO outcomes SELECT id, %" G_GINT64_FORMAT
        " / 60000000 * 60000000, 'inferred', 5 FROM cameras WHERE name = '%s';"
        "INSERT INTO camera_states (camera_id, run_id, since_wall_us, state, committed_wall_us) "
        "SELECT id, 1, %" G_GINT64_FORMAT ", '%s', 0 FROM cameras WHERE name = '%s'",
        us, camera, us, state, camera);

    store_test_exec(&t, sql);
}

START_TEST(test_counts_and_states_go)
{
    const gint64 minute_us = 60 * (gint64)G_USEC_PER_SEC, day_us = start_of(0) / DAY_US * DAY_US;
    const VigilPurge purge = {
        .camera = "door", .since_us = day_us + 90000000, .until_us = day_us + 150000000};
    VigilPurgeCounts counts, expected;

    set_up(4);
    store_test_exec(&t, "DELETE FROM outcomes; DELETE FROM camera_states");
    note_camera("door", day_us + 1, "up");
    note_camera("door", day_us + minute_us, "down");
    note_camera("door", day_us + 100000000, "up");
    note_camera("door", day_us + 140000000, "off");
    note_camera("door", day_us + 200000000, "up");
    note_camera("garden", day_us + 100000000, "down");
    store_test_wall_us = day_us + DAY_US;
    ck_assert(vigil_store_count_purge(t.store, &purge, &expected, NULL));
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    /* of the minutes 0 to 3 the second and the third, and two states */
    ck_assert_uint_eq(counts.n_decisions, 4);
    ck_assert_uint_eq(counts.n_decisions, expected.n_decisions);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outcomes"), 3);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM camera_states"), 5);
    /* what came of it is said of the first moment behind the span */
    ck_assert_int_eq(store_test_int(&t, "SELECT max(since_wall_us) FROM camera_states WHERE state "
                                        "= 'off'"),
                     purge.until_us + 1);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_decisions, 0);
    store_test_finish(&t);
}
END_TEST

static gchar *
write_beside(const gchar *suffix, gsize bytes)
{
    g_autofree gchar *data = g_strnfill(bytes, 'x');
    gchar *path = g_strconcat(t.database, suffix, NULL);

    ck_assert(g_file_set_contents(path, data, (gssize)bytes, NULL));
    return path;
}

static guint
count_beside(void)
{
    g_autoptr(GDir) dir = g_dir_open(t.dir, 0, NULL);
    const gchar *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir)))
        n += strstr(name, ".corrupt-") != NULL;
    return n;
}

/* 2026-01-02T03:04:05Z is now. */
START_TEST(test_databases_that_were_set_aside)
{
    static const gchar *const others[] = {".corrupt-notes", ".corrupt-20260101T000000Z.txt",
                                          ".corrupt-20261301T000000Z",
                                          ".corrupt-20260101T000000Z-2-x"};
    const VigilPurge purge = purge_of(1, 1);
    VigilPurgeCounts counts;

    set_up(4);
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        g_free(write_beside(others[i], 10));
    g_free(write_beside(".corrupt-20251201T000000Z", 10)); /* too old */
    g_free(write_beside(".corrupt-20251201T000000Z-wal", 10));
    g_free(write_beside(".corrupt-20260101T000001Z", 10)); /* one too many */
    g_free(write_beside(".corrupt-20260101T000001Z-wal", 10));
    g_free(write_beside(".corrupt-20260101T000002Z", 10));
    g_free(write_beside(".corrupt-20260101T000002Z-wal", 10));
    g_free(write_beside(".corrupt-20260101T000002Z-2", 10));
    g_free(write_beside(".corrupt-20260101T000003Z", 10));
    g_free(write_beside(".corrupt-20260101T000003Z-wal", 10));
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_uint_eq(count_beside(), G_N_ELEMENTS(others) + 5);
    /* of any camera and time */
    ck_assert(vigil_store_count_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_set_aside, 3);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_set_aside, 3);
    ck_assert_uint_eq(count_beside(), G_N_ELEMENTS(others));
    store_test_finish(&t);
}
END_TEST

/* They count, and go first. */
START_TEST(test_set_aside_and_space)
{
    g_autofree gchar *stuck = NULL;
    guint n_deleted = 1;

    set_up(4);
    stuck = g_strconcat(t.database, ".corrupt-20260101T000005Z", NULL);
    store_test_close(&t);
    t.options.max_bytes = 4 * 1024 * 1024;
    store_test_open(&t);
    g_free(write_beside(".corrupt-20260101T000003Z", 1024 * 1024));
    ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    ck_assert_uint_eq(count_beside(), 1);
    g_free(write_beside(".corrupt-20260101T000004Z", 4 * 1024 * 1024));
    ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    ck_assert_uint_eq(count_beside(), 0);
    ck_assert_uint_eq(n_deleted, 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 4);
    /* one that cannot be removed is not tried without an end: events go */
    store_test_close(&t);
    t.options.max_bytes = 1000;
    store_test_open(&t);
    ck_assert_int_eq(g_mkdir(stuck, 0700), 0);
    ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    ck_assert_uint_eq(count_beside(), 1);
    ck_assert_uint_gt(n_deleted, 0);
    store_test_finish(&t);
}
END_TEST

static gint
deny_unlink(gint dir_fd, const gchar *name, gint flags)
{
    return -EACCES;
}

/* It is not done before the files are gone. */
START_TEST(test_files_that_stay)
{
    const VigilPurge purge = purge_of(1, 3);
    VigilFileOps ops = vigil_file_ops_system;
    VigilPurgeCounts counts;
    g_autoptr(GError) error = NULL;

    set_up(4);
    ops.unlink_at = deny_unlink;
    t.store->ops = &ops;
    ck_assert(!vigil_store_purge(t.store, &purge, &counts, &error));
    assert_error(error, VIGIL_STORE_ERROR_READ_ONLY);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(ended_wall_us) FROM deletions"), 0);
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(store_test_count_files(&t), 2);
    store_test_finish(&t);
}
END_TEST

/* A reader that is in the middle of something keeps the log: that is said, and the second time does it. */
START_TEST(test_reader_in_the_way)
{
    const VigilPurge purge = purge_of(101, 101);
    VigilPurgeCounts counts;
    g_autoptr(GError) error = NULL;
    sqlite3 *db;

    set_up(1);
    plant(101);
    ck_assert_int_eq(sqlite3_open(t.database, &db), SQLITE_OK);
    sqlite3_exec(db, "BEGIN; SELECT * FROM events", NULL, NULL, NULL);
    sqlite3_busy_timeout(t.store->db, 50);
    ck_assert(!vigil_store_purge(t.store, &purge, &counts, &error));
    assert_error(error, VIGIL_STORE_ERROR_BUSY);
    ck_assert_uint_eq(counts.n_events, 1);
    sqlite3_close(db);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert(!file_has_secret("") && !file_has_secret("-wal"));
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_nothing_is_left_in_the_files,
        test_camera_and_span,
        test_shared_clip_goes_whole,
        test_reader_in_the_way,
        test_cut_clips,
        test_messages_without_their_event,
        test_counts_and_states_go,
        test_databases_that_were_set_aside,
        test_set_aside_and_space,
        test_files_that_stay,
    };

    return store_test_main("purge", tests, G_N_ELEMENTS(tests));
}
