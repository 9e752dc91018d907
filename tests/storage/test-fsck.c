/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of damage is found, said in so many words, and mended where that loses nothing. */
#include "tests/storage/store-test.h"

#include <glib/gstdio.h>
#include <string.h>

static StoreTest t;
static GString *findings;

static void
note(const gchar *finding, gboolean repaired, gpointer user_data)
{
    g_string_append_printf(findings, "%s%s\n", finding, repaired ? " [mended]" : "");
}

static guint
check(gboolean repair)
{
    g_autoptr(GError) error = NULL;
    guint n_left;

    if (findings)
        g_string_free(findings, TRUE);
    findings = g_string_new(NULL);
    ck_assert_msg(vigil_store_fsck(t.store, repair, note, NULL, &n_left, &error), "%s",
                  error ? error->message : "");
    return n_left;
}

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 1; i <= 3; i++)
        ck_assert(store_test_whole(t.store, i, 100, NULL));
    ck_assert_uint_eq(check(FALSE), 0);
    ck_assert_str_eq(findings->str, "");
}

static gchar *
clip_file(guint number)
{
    g_autofree gchar *path = NULL;

    ck_assert(vigil_store_has_event(t.store, store_test_id(number), &path));
    return g_build_filename(t.clips, path, NULL);
}

#define assert_found(text) ck_assert_msg(strstr(findings->str, text), "%s", findings->str)

START_TEST(test_missing_file)
{
    g_autofree gchar *file = NULL;
    g_autoptr(GError) error = NULL;

    set_up();
    file = clip_file(1);
    g_unlink(file);
    ck_assert_uint_eq(check(FALSE), 1);
    assert_found("its file is missing\n");
    ck_assert_uint_eq(check(TRUE), 0);
    assert_found("its file is missing [mended]");
    ck_assert_uint_eq(check(FALSE), 0);
    /* the event is still there */
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 3);
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_other_size)
{
    g_autofree gchar *shorter = NULL, *longer = NULL;

    set_up();
    shorter = clip_file(1);
    longer = clip_file(2);
    ck_assert_int_eq(truncate(shorter, 60), 0);
    ck_assert_int_eq(truncate(longer, 160), 0);
    ck_assert_uint_eq(check(FALSE), 2);
    assert_found("60 bytes, should be 100");
    assert_found("160 bytes, should be 100");
    ck_assert_uint_eq(check(TRUE), 0);
    ck_assert_uint_eq(check(FALSE), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut'"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(bytes) FROM clips"), 320);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_files_without_row)
{
    g_autofree gchar *door = NULL, *orphan = NULL, *foreign = NULL, *kept = NULL, *link = NULL;

    set_up();
    door = g_build_filename(t.clips, "2026", "01", "02", "door", NULL);
    orphan = g_build_filename(door, "01ORPHAN.mp4", NULL);
    foreign = g_build_filename(t.clips, "readme.txt", NULL);
    link = g_build_filename(door, "link", NULL);
    ck_assert(g_file_set_contents(orphan, "evidence", -1, NULL));
    ck_assert(g_file_set_contents(foreign, "mine", -1, NULL));
    ck_assert_int_eq(symlink("/", link), 0);
    ck_assert_uint_eq(check(FALSE), 3);
    assert_found("01ORPHAN.mp4: no row names it");
    assert_found("file readme.txt: not a clip of this store; left alone");
    assert_found("file 2026/01/02/door/link: not a clip");
    /* opening for writing does not delete what it does not know */
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_uint_eq(check(TRUE), 2);
    kept = g_build_filename(t.clips, "lost", "2026-01-02-door-01ORPHAN.mp4", NULL);
    ck_assert(g_file_test(kept, G_FILE_TEST_IS_REGULAR));
    ck_assert(g_file_test(foreign, G_FILE_TEST_IS_REGULAR));
    g_unlink(foreign);
    g_unlink(link);
    ck_assert_uint_eq(check(FALSE), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_damaged_rows)
{
    set_up();
    store_test_exec(&t, "UPDATE tracks SET path = x'010203' WHERE event_seq = 1;"
                        "UPDATE tracks SET n_points = 3 WHERE event_seq = 2;"
                        "UPDATE events SET clip_id = NULL WHERE seq = 3;"
                        "INSERT INTO event_places VALUES (99, 'zone', 0, 'x', 0)");
    ck_assert_uint_eq(check(TRUE), 4);
    assert_found("event 01KDXTEST00000000000000001: its path is damaged");
    assert_found("event 01KDXTEST00000000000000002: its path is damaged");
    assert_found("no event has it");
    assert_found("of event_places names a row of events that is not there");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_damaged_index)
{
    set_up();
    store_test_exec(&t, "PRAGMA writable_schema = ON;"
                        "UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_clip ON events "
                        "(track_id)' WHERE name = 'events_by_clip'");
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_uint_ge(check(FALSE), 1);
    assert_found("database: ");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_work_in_hand_is_no_finding)
{
    g_autoptr(GError) error = NULL;
    VigilClip *with_event, *without;

    set_up();
    with_event = store_test_begin(t.store, 8, 10, &error);
    ck_assert(vigil_clip_write(with_event, "more", 4, &error));
    without = vigil_store_create_clip(t.store, "door", "pending", TEST_WALL_US, &error);
    ck_assert_uint_eq(check(TRUE), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    vigil_store_abandon_clip(t.store, without);
    ck_assert(store_test_end(t.store, 8, with_event, &error));
    ck_assert_uint_eq(check(TRUE), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_open_clip_that_shrank)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *file = NULL;
    VigilClip *clip;

    set_up();
    clip = store_test_begin(t.store, 8, 10, &error);
    file = g_build_filename(t.clips, vigil_clip_get_path(clip), NULL);
    ck_assert_int_eq(truncate(file, 5), 0);
    ck_assert_uint_eq(check(TRUE), 1); /* its writer has it: not touched */
    assert_found("5 bytes, should be 10\n");
    vigil_store_abandon_clip(t.store, clip);
    store_test_close(&t);
    /* the next start takes it as it is */
    store_test_open(&t);
    ck_assert_uint_eq(check(FALSE), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips WHERE state = 'cut'"), 5);
    g_unlink(file);
    store_test_exec(&t, "UPDATE clips SET state = 'open' WHERE state = 'cut'");
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_uint_eq(check(FALSE), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'lost'"), 1);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_missing_file,          test_other_size,    test_files_without_row,
        test_damaged_rows,          test_damaged_index, test_work_in_hand_is_no_finding,
        test_open_clip_that_shrank,
    };

    return store_test_main("fsck", tests, G_N_ELEMENTS(tests));
}
