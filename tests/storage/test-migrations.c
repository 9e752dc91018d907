/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores that earlier versions of the program left, as SQL text in fixtures/: each is read as it is, and brought to the
 * present version by a writer, and says the same before and after.
 */
#include "tests/storage/store-test.h"

#include <string.h>

#define N_EVENTS 6
#define SEGMENT_BYTES 600 /* from schema 16 on */

static StoreTest t;

static const gchar *const fixtures[] = {"0001", "0002", "0003", "0004", "0005", "0006",
                                        "0007", "0008", "0009", "0010", "0011", "0012",
                                        "0013", "0014", "0015", "0016", "0017"};
#define N_BEFORE_SUMS 3 /* of these have a schema before 4 */

/* What the programs of some schema wrote first is still there, but for what recovery adds. */
static const struct {
    guint schema;
    const gchar *sql;
    gint64 wanted;
} rows[] = {
    {3, "SELECT count(*) FROM outbox WHERE seq < 3", 2},
    {3,
     "SELECT count(*) FROM outbox WHERE type = 'end' AND event_id = '01KDXTEST00000000000000005'",
     1},
    {3, "SELECT sum(10000 * passed_seq + 1000 * sent + 100 * refused + dropped) FROM destinations",
     11102},
    {3, "SELECT count(*) FROM refused WHERE reason = '422: no'", 1},
    {3, "SELECT sum(n_commits) FROM events", 12},
    {4, "SELECT count(*) FROM sums WHERE name = 'trusted_wall_us'", 1},
    {5, "SELECT count(*) FROM decisions", 2},
    {5, "SELECT count(*) FROM camera_states", 2},
    {6, "SELECT event_seq FROM seal_begin", 6},
    {7, "SELECT sum(clock_synced) FROM events WHERE seq > 2", 2},
    {8, "SELECT count(*) FROM clips WHERE expired_wall_us > 0", 1},
    {9, "SELECT n_events FROM deletions WHERE user_name = 'owner'", 3},
    {10, "SELECT clips FROM rebuild WHERE ended_wall_us > 0", 3},
    {13, "SELECT max(done_mono_us) FROM clips", 3617000000},
    {14, "SELECT count(*) FROM event_areas", 6},
    {16, "SELECT count(*) FROM footage_sums WHERE max_age_us IS NULL AND max_bytes IS NULL", 1},
    {16, "SELECT 1000 * n_segments + bytes FROM footage_sums", 1000 + SEGMENT_BYTES},
    {11, "SELECT count(*) FROM event_parts WHERE event_seq = 1 AND clip_id = 4", 1},
};

static void
make_clip_file(const gchar *path, gsize bytes)
{
    g_autofree gchar *file = g_build_filename(t.clips, path, NULL);
    g_autofree gchar *dir = g_path_get_dirname(file);
    g_autofree gchar *data = g_strnfill(bytes, 'c');

    g_mkdir_with_parents(dir, 0750);
    ck_assert(g_file_set_contents(file, data, (gssize)bytes, NULL));
}

static void
set_up(const gchar *fixture)
{
    g_autofree gchar *name = g_strconcat(fixture, ".sql", NULL);
    g_autofree gchar *path =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "tests", "storage", "fixtures", name, NULL);
    g_autofree gchar *sql = NULL;

    store_test_init(&t, NULL);
    ck_assert_msg(g_file_get_contents(path, &sql, NULL, NULL), "%s", path);
    store_test_exec(&t, sql);
    make_clip_file("2026/01/02/door/01KDXTEST00000000000000001.mp4", 1000);
    make_clip_file("2026/01/02/garden/01KDXTEST00000000000000002.mp4", 700);
    make_clip_file("2026/01/02/door/01KDXTEST00000000000000005.mp4", 400);
    if (strcmp(fixture, "0016") >= 0)
        make_clip_file("2026/01/02/door/01KDXTEST0-continuous.mp4", SEGMENT_BYTES);
}

static gboolean
append_row(const VigilEventRow *row, gpointer user_data)
{
    g_autofree gchar *json = vigil_event_to_json(row->event, row->clip);

    g_string_append_printf(user_data, "%s %s %d %d %d\n", json, row->event->model.sha256,
                           row->pinned, row->has_snapshot,
                           row->event->path ? (gint)row->event->path->len : -1);
    return TRUE;
}

/* All that a query says of events that had ended. */
static gchar *
describe(VigilStore *store)
{
    static const gchar *const zones[] = {NULL, "porch", "path"};
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        const VigilEventQuery query = {
            .zone = zones[i], .until_us = TEST_WALL_US + 45000000, .with_path = TRUE};
        g_autoptr(GError) error = NULL;

        g_string_append_printf(text, "zone %s\n", zones[i] ? zones[i] : "any");
        ck_assert(vigil_store_query_events(store, &query, append_row, text, &error));
    }
    return g_string_free(text, FALSE);
}

static gchar *
describe_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = vigil_store_open_reader(t.database, t.clips, &error);

    assert_no_error(error);
    return describe(reader);
}

static void
check_rows(guint schema)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (rows[i].schema <= schema)
            ck_assert_msg(store_test_int(&t, rows[i].sql) == rows[i].wanted, "schema %u: %s",
                          schema, rows[i].sql);
}

START_TEST(test_fixture)
{
    g_autofree gchar *before = NULL, *after = NULL;

    set_up(fixtures[_i]);
    before = describe_file();
    ck_assert_ptr_nonnull(strstr(before, "driver's car"));
    store_test_open(&t);
    after = describe(t.store);
    ck_assert_str_eq(before, after);
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_int_eq(store_test_int(&t, "PRAGMA user_version"), vigil_store_newest_schema());
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), N_EVENTS);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(frames) FROM outcomes"), 303);
    /* what the run that died left is ended, and sums count it */
    ck_assert_int_eq(store_test_int(&t, "SELECT value FROM sums WHERE name = 'clip_bytes'"),
                     _i < 15 ? 2100 : 2100 + SEGMENT_BYTES);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason IS NULL"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_places p JOIN events e ON "
                                        "e.seq = p.event_seq WHERE p.start_wall_us <> "
                                        "e.start_wall_us"),
                     0);
    check_rows(_i + 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    /* and it can be written to */
    ck_assert(store_test_whole(t.store, 50, 100, NULL));
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(vigil_store_has_event(t.store, store_test_id(50), NULL));
    store_test_finish(&t);
}
END_TEST

/* A step that cannot be done changes nothing, whatever was done of it. */
START_TEST(test_failed_step)
{
    g_autofree gchar *before = NULL, *after = NULL;
    g_autoptr(GError) error = NULL;

    set_up(fixtures[_i]);
    /* in the way of a later statement of a step */
    store_test_exec(&t, "CREATE TABLE sums (x)");
    before = describe_file();
    ck_assert_ptr_null(vigil_store_open_with(&t.options, NULL, store_test_mono, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "to schema 4"));
    /* the steps before it were done */
    ck_assert_int_eq(store_test_int(&t, "PRAGMA user_version"), 3);
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM sqlite_schema WHERE name = 'events_by_rule'"), 0);
    after = describe_file();
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(store_test_count_files(&t), 3);
    /* the way free again, it is gone on with */
    store_test_exec(&t, "DROP TABLE sums");
    store_test_open(&t);
    g_free(after);
    after = describe(t.store);
    ck_assert_str_eq(before, after);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("migrations");
    TCase *tcase = tcase_create("migrations");
    SRunner *runner;
    gint failed;

    tcase_add_loop_test(tcase, test_fixture, 0, G_N_ELEMENTS(fixtures));
    tcase_add_loop_test(tcase, test_failed_step, 0, N_BEFORE_SUMS);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
