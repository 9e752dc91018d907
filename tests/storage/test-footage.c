/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of continuous recordings: rows and files, limits, recovery, purge, backup, and a database made again. */
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "storage/vigil-backup.h"
#include "storage/vigil-clip-note.h"
#include "storage/vigil-clip-span.h"
#include "storage/vigil-footage.h"
#include "storage/vigil-purge.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-store-private.h"
#include "tests/storage/store-test.h"

#define SEGMENT_US (600 * (gint64)G_USEC_PER_SEC)
#define SEGMENT_S 600
#define NOBODY 65534

static StoreTest t;

/* --- boxes of a file ----------------------------------------------------------------------------------------- */

static void
put(GByteArray *to, guint64 value, guint n_bytes)
{
    for (guint i = n_bytes; i > 0; i--) {
        const guint8 byte = i <= sizeof value ? (guint8)(value >> (8 * (i - 1))) : 0;

        g_byte_array_append(to, &byte, 1);
    }
}

static void
put_box(GByteArray *to, const gchar *type, const GByteArray *content)
{
    put(to, 8 + content->len, 4);
    g_byte_array_append(to, (const guint8 *)type, 4);
    g_byte_array_append(to, content->data, content->len);
}

/* moov with a timescale of 1000, as far as anybody here looks into it. */
static void
put_moov(GByteArray *to)
{
    g_autoptr(GByteArray) mdhd = g_byte_array_new(), mdia = g_byte_array_new();
    g_autoptr(GByteArray) trak = g_byte_array_new(), moov = g_byte_array_new();

    put(mdhd, 0, 12);
    put(mdhd, 1000, 4);
    put(mdhd, 0, 8);
    put_box(mdia, "mdhd", mdhd);
    put_box(trak, "mdia", mdia);
    put_box(moov, "trak", trak);
    put_box(to, "moov", moov);
}

/* A fragment of @n_samples, each 100 ms long and of 50 bytes. */
static void
put_fragment(GByteArray *to, guint begin_ms, guint n_samples)
{
    g_autoptr(GByteArray) tfhd = g_byte_array_new(), tfdt = g_byte_array_new();
    g_autoptr(GByteArray) trun = g_byte_array_new(), traf = g_byte_array_new();
    g_autoptr(GByteArray) moof = g_byte_array_new(), mdat = g_byte_array_new();

    put(tfhd, 0, 4);
    put(tfhd, 1, 4);
    put(tfdt, 1 << 24, 4);
    put(tfdt, begin_ms, 8);
    put(trun, 0x000301, 4);
    put(trun, n_samples, 4);
    put(trun, 8 + 8 + 16 + 20 + 20 + n_samples * 8 + 8, 4);
    for (guint i = 0; i < n_samples; i++) {
        put(trun, 100, 4);
        put(trun, 50, 4);
    }
    put_box(traf, "tfhd", tfhd);
    put_box(traf, "tfdt", tfdt);
    put_box(traf, "trun", trun);
    put_box(moof, "traf", traf);
    put_box(to, "moof", moof);
    g_byte_array_set_size(mdat, n_samples * 50);
    memset(mdat->data, 7, mdat->len);
    put_box(to, "mdat", mdat);
}

static void
write_all(VigilClip *clip, const GByteArray *bytes)
{
    g_autoptr(GError) error = NULL;

    vigil_clip_write(clip, bytes->data, bytes->len, &error);
    assert_no_error(error);
}

static void
write_note(VigilClip *clip, GBytes *note)
{
    gsize length;
    gconstpointer data = g_bytes_get_data(note, &length);

    ck_assert(vigil_clip_write(clip, data, length, NULL));
    g_bytes_unref(note);
}

/* --- segments ------------------------------------------------------------------------------------------------ */

static void
pass(gint64 us)
{
    store_test_wall_us += us;
    store_test_mono_us += us;
}

/* The first second of a segment that begins now, with its row. */
static VigilClip *
begin_segment(const gchar *camera)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    VigilClip *clip = vigil_store_create_footage(t.store, camera, store_test_wall_us, &error);

    assert_no_error(error);
    put_moov(bytes);
    put_fragment(bytes, 0, 10);
    write_all(clip, bytes);
    write_note(clip, vigil_clip_note_footage(camera, store_test_wall_us, store_test_wall_us));
    vigil_store_begin_footage(t.store, clip, &error);
    assert_no_error(error);
    return clip;
}

static void
end_segment(VigilClip *clip, gint64 start_us, gsize bytes)
{
    const VigilClipInfo info = {
        0, (store_test_wall_us - start_us) * 1000, start_us, store_test_wall_us, 640, 480, "h264"};
    g_autoptr(GByteArray) box = g_byte_array_new(), content = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    g_byte_array_set_size(content, (guint)bytes);
    memset(content->data, 3, bytes);
    put_box(box, "mdat", content);
    write_all(clip, box);
    write_note(clip, vigil_clip_note_closed(&info));
    vigil_store_finish_clip(t.store, clip, &info, &error);
    assert_no_error(error);
}

/* A whole one of ten minutes; the clocks go on. */
static void
record_segment(const gchar *camera, gsize bytes)
{
    const gint64 start_us = store_test_wall_us;
    VigilClip *clip = begin_segment(camera);

    pass(SEGMENT_US);
    end_segment(clip, start_us, bytes);
}

static gboolean
describe(const VigilFootageRow *row, gpointer user_data)
{
    g_string_append_printf(user_data, "%s %s %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "\n",
                           row->camera, row->state, (row->start_us - TEST_WALL_US) / G_USEC_PER_SEC,
                           row->end_us ? (row->end_us - TEST_WALL_US) / G_USEC_PER_SEC : -1);
    return TRUE;
}

/* (transfer full): with seconds since the test's beginning. */
static gchar *
list(const gchar *camera, gint64 since_s, gint64 until_s)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    vigil_store_list_footage(t.store, camera, since_s ? TEST_WALL_US + since_s * G_USEC_PER_SEC : 0,
                             until_s ? TEST_WALL_US + until_s * G_USEC_PER_SEC : 0, describe, text,
                             &error);
    assert_no_error(error);
    return g_string_free(text, FALSE);
}

static void
expect(const gchar *wanted)
{
    g_autofree gchar *found = list(NULL, 0, 0);

    ck_assert_str_eq(found, wanted);
}

static void
note_sum(const gchar *camera, const VigilFootageSum *sum, gpointer user_data)
{
    g_string_append_printf(user_data, "%s %u since %d\n", camera, (guint)sum->n_segments,
                           (gint)((sum->oldest_us - TEST_WALL_US) / G_USEC_PER_SEC));
}

static void
enforce(void)
{
    g_autoptr(GError) error = NULL;

    vigil_store_enforce_limits(t.store, NULL, &error);
    assert_no_error(error);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
}

static void
begin_test(void)
{
    store_test_wall_us = TEST_WALL_US;
    store_test_mono_us = SEGMENT_US;
    store_test_init(&t, NULL);
    store_test_open(&t);
}

START_TEST(test_rows_and_files)
{
    g_autoptr(GString) sums = g_string_new(NULL);
    g_autofree gchar *some = NULL;
    VigilFootageSum sum;
    VigilClip *clip;
    gint fd;

    begin_test();
    record_segment("door", 1000);
    record_segment("door", 2000);
    clip = begin_segment("yard");
    expect("door complete 0-600\ndoor complete 600-1200\nyard open 1200--1\n");
    some = list("door", 601, 0);
    ck_assert_str_eq(some, "door complete 600-1200\n");
    ck_assert(vigil_store_sum_footage(t.store, "door", &sum, NULL));
    ck_assert_uint_eq(sum.n_segments, 2);
    ck_assert_int_eq(sum.oldest_us, TEST_WALL_US);
    ck_assert_uint_eq(sum.bytes, (guint64)store_test_int(
                                     &t, "SELECT sum(bytes) FROM clips WHERE state = 'complete'"));
    ck_assert(vigil_store_sum_footage(t.store, "yard", &sum, NULL));
    ck_assert_uint_eq(sum.bytes, vigil_clip_get_bytes(clip));
    ck_assert(vigil_store_sum_all_footage(t.store, note_sum, sums, NULL));
    ck_assert_str_eq(sums->str, "door 2 since 0\nyard 1 since 1200\n");
    fd = vigil_store_open_footage(t.store, 1, NULL);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_lt(vigil_store_open_footage(t.store, 99, NULL), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    /* two seals, and each says what the file is */
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE seal_seq > 0"), 2);
    vigil_store_abandon_clip(t.store, clip);
    ck_assert_uint_eq(store_test_count_files(&t), 3);
    store_test_finish(&t);
}
END_TEST

static gboolean
empty_log(const VigilFootageRow *row, gpointer n)
{
    ck_assert_int_eq(store_test_int(&t, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    ++*(guint *)n;
    return TRUE;
}

/* Somebody who reads a list slowly does not keep the writer's log from beginning anew. */
START_TEST(test_slow_reader)
{
    g_autoptr(VigilStore) reader = NULL;
    guint n = 0;

    begin_test();
    for (guint i = 0; i < 3; i++)
        record_segment("door", 1000);
    reader = vigil_store_open_reader(t.database, t.clips, NULL);
    ck_assert(vigil_store_list_footage(reader, NULL, 0, 0, empty_log, &n, NULL));
    ck_assert_uint_eq(n, 3);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_altered_segment_is_found)
{
    g_autofree gchar *path = NULL;
    FILE *file;

    begin_test();
    record_segment("door", 1000);
    ck_assert_uint_eq(store_test_check(&t), 0);
    path = g_build_filename(t.clips, "2026/01/02/door/01KDYAK348-continuous.mp4",
                            NULL); /* its time, in its name */
    file = fopen(path, "r+");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fseek(file, 500, SEEK_SET), 0);
    ck_assert_int_eq(fputc(99, file), 99);
    fclose(file);
    ck_assert_uint_eq(store_test_check(&t), 1);
    store_test_finish(&t);
}
END_TEST

/* What is in the store of a writer that died: a row that is open, and a file that ends anywhere. */
START_TEST(test_cut_off)
{
    g_autoptr(GByteArray) more = g_byte_array_new();
    VigilClip *clip;

    begin_test();
    clip = begin_segment("door");
    put_fragment(more, 1000, 10);
    put_fragment(more, 2000, 10);
    g_byte_array_set_size(more,
                          more->len - 230); /* in the midst of the sixth picture of the last */
    write_all(clip, more);
    vigil_store_abandon_clip(t.store, clip);
    expect("door open 0--1\n");
    pass(G_USEC_PER_SEC);
    store_test_close(&t);
    store_test_open(&t);
    expect("door open 0--1\n");
    enforce();
    expect("door cut 0-2\n");
    ck_assert_int_eq(store_test_int(&t, "SELECT (end_wall_us - start_wall_us) / 1000 FROM clips"),
                     2500);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* A segment of @camera as a writer that died left it: @mb of it; nothing but zeros behind its first second. */
static void
leave_segment(const gchar *camera, guint mb)
{
    VigilClip *clip = begin_segment(camera);
    g_autofree gchar *path = g_build_filename(t.clips, vigil_clip_get_path(clip), NULL);
    g_autoptr(GByteArray) head = g_byte_array_new();

    put(head, mb << 20, 4);
    g_byte_array_append(head, (const guint8 *)"free", 4);
    write_all(clip, head);
    ck_assert_int_eq(truncate(path, (off_t)vigil_clip_get_bytes(clip) - 8 + ((off_t)mb << 20)), 0);
    vigil_store_abandon_clip(t.store, clip);
    pass(G_USEC_PER_SEC);
}

/* The start does not read what may be gigabytes, a second death while they are read loses nothing, and limits go on being kept. */
START_TEST(test_long_ones_that_were_cut_off)
{
    const VigilStoreFootage limits[] = {{"yard", SEGMENT_US, 0}};
    guint n_steps = 0, n_deleted;
    gboolean done = FALSE;

    begin_test();
    record_segment("yard", 1000);
    leave_segment("door", 300);
    leave_segment("gate", 1);
    pass(2 * SEGMENT_US);
    for (guint i = 0; i < 2; i++) {
        store_test_close(&t);
        store_test_open(&t);
        vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
        expect("door open 600--1\ngate open 601--1\nyard complete 0-600\n");
        ck_assert_uint_eq(store_test_check(&t), 0);
        for (guint k = 0; k < 3; k++)
            ck_assert(vigil_store_enforce_some(t.store, &n_deleted, &done, NULL));
        ck_assert(!done);
        expect("door open 600--1\ngate open 601--1\nyard complete 0-600\n");
    }
    for (gboolean old = TRUE; old; n_steps++) {
        ck_assert(vigil_store_enforce_some(t.store, &n_deleted, &done, NULL));
        old = store_test_int(&t, "SELECT count(*) FROM clips") == 3;
    }
    expect("door open 600--1\ngate open 601--1\n");
    ck_assert_uint_lt(n_steps, 35);
    enforce();
    expect("door cut 600-601\ngate cut 601-602\n");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE seal_seq > 0"), 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* What was cut off an hour before is not taken for footage of that hour, though nobody has looked at it yet. */
START_TEST(test_purge_behind_a_cut)
{
    VigilPurge purge = {.camera = "door",
                        .since_us = TEST_WALL_US + 6 * SEGMENT_US,
                        .until_us = TEST_WALL_US + 7 * SEGMENT_US,
                        .command = "test"};
    VigilPurgeCounts counts = {0};
    g_autoptr(GError) error = NULL;

    begin_test();
    leave_segment("door", 1);
    store_test_close(&t);
    store_test_open(&t);
    expect("door open 0--1\n");
    ck_assert(vigil_store_purge(t.store, &purge, &counts, &error));
    ck_assert_uint_eq(counts.n_clips, 0);
    expect("door cut 0-1\n");
    purge.since_us = TEST_WALL_US;
    ck_assert(vigil_store_purge(t.store, &purge, &counts, &error));
    ck_assert_uint_eq(counts.n_clips, 1);
    expect("");
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

static int
give_away(const char *path, const struct stat *info, int type, struct FTW *at)
{
    return chown(path, NOBODY, NOBODY);
}

/* Rights say nothing to root. */
static void
become_nobody(void)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(nftw(t.dir, give_away, 16, FTW_PHYS), 0);
    ck_assert_int_eq(seteuid(NOBODY), 0);
}

/* Left by a run that died: what cannot be opened at 600 s, and a segment of "gate" behind it. Returns: (transfer full): its path */
static gchar *
leave_one_that_cannot_be_opened(void)
{
    VigilClip *clip;
    gchar *path;

    begin_test();
    record_segment("yard", 1000);
    clip = begin_segment("door");
    path = g_build_filename(t.clips, vigil_clip_get_path(clip), NULL);
    vigil_store_abandon_clip(t.store, clip);
    leave_segment("gate", 1);
    pass(2 * SEGMENT_US);
    store_test_close(&t);
    ck_assert_int_eq(g_chmod(path, 0), 0);
    become_nobody();
    store_test_open(&t);
    return path;
}

static void
count_denials(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer n)
{
    *(guint *)n += strstr(message, "door") && strstr(message, "Permission denied");
}

static void
count_findings(const gchar *finding, gboolean repaired, gpointer n)
{
    count_denials(NULL, 0, finding, n);
}

/*
 * One whose file cannot be opened does not keep limits from being kept, nor others from being ended; and it is told when that is new, not
 * with each round.
 */
START_TEST(test_cut_off_and_not_to_be_opened)
{
    const VigilStoreFootage limits[] = {{"yard", SEGMENT_US, 0}};
    g_autofree gchar *path = leave_one_that_cannot_be_opened();
    guint n_told = 0;

    g_log_set_default_handler(count_denials, &n_told);
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    for (guint i = 0; i < 3; i++) {
        enforce();
        expect("door open 600--1\ngate cut 600-601\n");
    }
    ck_assert_uint_eq(n_told, 1);
    ck_assert_int_eq(g_chmod(path, 0600), 0);
    enforce();
    expect("door cut 600-601\ngate cut 600-601\n");
    g_log_set_default_handler(g_log_default_handler, NULL);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
    ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

/* … nor a purge: it goes with what it may touch, else it is named, and stays. */
START_TEST(test_purge_beside_one_that_cannot_be_opened)
{
    VigilPurge purge = {.camera = "gate",
                        .since_us = TEST_WALL_US,
                        .until_us = TEST_WALL_US + 3 * SEGMENT_US,
                        .command = "test"};
    g_autofree gchar *path = leave_one_that_cannot_be_opened();
    g_autoptr(GError) error = NULL;
    VigilPurgeCounts counts = {0};
    guint n_told = 0;

    g_log_set_default_handler(count_denials, &n_told);
    vigil_store_purge(t.store, &purge, &counts, &error);
    g_log_set_default_handler(g_log_default_handler, NULL);
    assert_no_error(error);
    ck_assert_uint_eq(counts.n_clips, 1);
    ck_assert_uint_eq(counts.n_unread, 1);
    ck_assert_uint_eq(n_told, 1);
    expect("door open 600--1\nyard complete 0-600\n");
    purge.camera = "door";
    purge.since_us += 2 * SEGMENT_US;
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_clips, 1);
    ck_assert_uint_eq(counts.n_unread, 0);
    expect("yard complete 0-600\n");
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
    store_test_finish(&t);
    ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

/* … nor fsck, which finds it once; and what only cannot be looked at now is not given up for lost. */
START_TEST(test_fsck_beside_one_that_cannot_be_opened)
{
    g_autofree gchar *path = leave_one_that_cannot_be_opened();
    g_autofree gchar *folder = g_path_get_dirname(path);
    guint n_told = 0, n_left = 0;

    ck_assert(vigil_store_fsck(t.store, TRUE, count_findings, &n_told, &n_left, NULL));
    ck_assert_uint_eq(n_left, 1);
    ck_assert_uint_eq(n_told, 1);
    expect("door open 600--1\ngate cut 600-601\nyard complete 0-600\n");
    ck_assert_int_eq(g_chmod(path, 0600), 0);
    ck_assert(vigil_store_fsck(t.store, TRUE, NULL, NULL, &n_left, NULL));
    ck_assert_uint_eq(n_left, 0);
    ck_assert_int_eq(g_chmod(folder, 0), 0);
    n_told = 0;
    ck_assert(vigil_store_fsck(t.store, TRUE, count_findings, &n_told, &n_left, NULL));
    ck_assert_int_eq(g_chmod(folder, 0700), 0);
    ck_assert_uint_eq(n_left, 2); /* the folder, and its clip */
    ck_assert_uint_eq(n_told, 2);
    expect("door cut 600-601\ngate cut 600-601\nyard complete 0-600\n");
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
    ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

static int
count_step(void *n)
{
    ++*(guint *)n;
    return 0;
}

/* A year of a camera of which nothing is due: a round of the housekeeper does not look at each segment. */
START_TEST(test_many_segments)
{
    const VigilStoreFootage limit = {"door", 999999 * SEGMENT_US, G_GINT64_CONSTANT(1) << 60};
    g_autoptr(GString) sums = g_string_new(NULL);
    guint n_steps = 0;

    begin_test();
    vigil_store_set_footage(t.store, &limit, 1);
    record_segment("door", 1000);
    store_test_exec(
        &t, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            "INSERT INTO clips (camera_id, run_id, path, state, bytes, start_wall_us, end_wall_us, "
            "done_mono_us, continuous) SELECT c.camera_id, c.run_id, 'x' || n.i, 'complete', 1000, "
            "c.end_wall_us, c.end_wall_us, c.done_mono_us + n.i, 1 FROM n CROSS JOIN clips c WHERE "
            "c.id = 1");
    enforce();
    sqlite3_progress_handler(t.store->db, 1000, count_step, &n_steps);
    enforce();
    ck_assert(vigil_store_sum_all_footage(t.store, note_sum, sums, NULL));
    sqlite3_progress_handler(t.store->db, 0, NULL, NULL);
    ck_assert_str_eq(sums->str, "door 20001 since 0\n");
    ck_assert_uint_lt(n_steps, 20);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_ages)
{
    VigilStoreFootage limits[] = {{"door", 3 * SEGMENT_US, 0}, {"yard", 5 * SEGMENT_US, 0}};

    begin_test();
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    for (guint i = 0; i < 4; i++) {
        record_segment("door", 1000);
        record_segment("yard", 1000);
    }
    enforce();
    /* door's ended 7, 5, 3 and 1 segments ago */
    expect("door complete 2400-3000\ndoor complete 3600-4200\n"
           "yard complete 1800-2400\nyard complete 3000-3600\nyard complete 4200-4800\n");
    ck_assert_uint_eq(store_test_count_files(&t), 5);
    ck_assert_uint_eq(store_test_check(&t), 0);
    /* after another boot the wall clock decides */
    store_test_exec(&t, "UPDATE runs SET boot_id = 'before'");
    pass(SEGMENT_US);
    enforce();
    expect("door complete 3600-4200\nyard complete 3000-3600\nyard complete 4200-4800\n");
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* A camera that is not recorded any more keeps the limits that it had, however short the store's age is. */
START_TEST(test_limits_of_before)
{
    VigilStoreFootage limits[] = {{"door", 99 * SEGMENT_US, 0}, {"yard", 0, 250000}};

    begin_test();
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    record_segment("door", 1000);
    limits[0].max_age_us = 5 * SEGMENT_US;
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    record_segment("door", 1000);
    record_segment("yard", 100000);
    record_segment("yard", 100000);
    limits[1].max_bytes = 150000; /* of which no segment has been recorded with */
    vigil_store_set_footage(t.store, NULL, 0);
    record_segment("gate", 1000); /* it never had any */
    t.options.max_age_us = SEGMENT_US / 2;
    store_test_close(&t);
    store_test_open(&t);
    pass(SEGMENT_US + G_USEC_PER_SEC);
    enforce();
    expect("door complete 600-1200\nyard complete 1200-1800\nyard complete 1800-2400\n");
    pass(9 * SEGMENT_US);
    enforce();
    expect("yard complete 1200-1800\nyard complete 1800-2400\n");
    /* renamed back */
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    enforce();
    expect("yard complete 1800-2400\n");
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bytes_of_a_camera)
{
    const VigilStoreFootage limits[] = {{"door", 0, 250000}};
    VigilClip *clip;

    begin_test();
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    for (guint i = 0; i < 4; i++) {
        record_segment("door", 100000);
        record_segment("yard", 100000);
    }
    enforce();
    expect("door complete 2400-3000\ndoor complete 3600-4200\nyard complete 600-1200\n"
           "yard complete 1800-2400\nyard complete 3000-3600\nyard complete 4200-4800\n");
    /* what is being written counts, and stays */
    clip = begin_segment("door");
    end_segment(clip, store_test_wall_us, 240000);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE camera_id = 1"), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* The store's limit: segments go first, and events only when there is none left. */
START_TEST(test_space)
{

    begin_test();
    ck_assert(store_test_whole(t.store, 1, 300000, NULL));
    ck_assert(store_test_whole(t.store, 2, 300000, NULL));
    for (guint i = 0; i < 5; i++)
        record_segment(i % 2 ? "yard" : "door", 300000);
    t.options.max_bytes = 1800000;
    store_test_close(&t);
    store_test_open(&t);
    enforce();
    expect("door complete 1200-1800\ndoor complete 2400-3000\nyard complete 1800-2400\n");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 2);
    store_test_close(&t);
    t.options.max_bytes = 700000;
    store_test_open(&t);
    enforce();
    expect("");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* What a segment has that is still written to can go once it is done: no event goes for it meanwhile. */
START_TEST(test_space_of_open_segments)
{
    g_autoptr(GByteArray) box = g_byte_array_new(), content = g_byte_array_new();
    const gint64 start_us = store_test_wall_us;
    VigilClip *clip;

    begin_test();
    store_test_close(&t);
    t.options.max_bytes = 900000;
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 300000, NULL));
    ck_assert(store_test_whole(t.store, 2, 300000, NULL));
    clip = begin_segment("door");
    g_byte_array_set_size(content, 800000);
    put_box(box, "mdat", content);
    write_all(clip, box);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 2);
    pass(SEGMENT_US);
    end_segment(clip, start_us, 1000);
    enforce();
    expect("");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* The database's disk is full: rows of segments make room from segments, and where there are none they fail. */
START_TEST(test_rows_take_nothing_from_events)
{
    g_autofree gchar *full = NULL;
    g_autoptr(GError) error = NULL;

    begin_test();
    for (guint i = 1; i <= 5; i++)
        ck_assert(store_test_whole(t.store, i, 1000, NULL));
    full = g_strdup_printf("PRAGMA max_page_count = %d",
                           (gint)store_test_int(&t, "PRAGMA page_count") + 1);
    ck_assert_int_eq(sqlite3_exec(t.store->db, full, NULL, NULL, NULL), SQLITE_OK);
    for (guint i = 0; i < 1000 && !error; i++) {
        VigilClip *clip = vigil_store_create_footage(t.store, "door", store_test_wall_us, &error);

        pass(G_USEC_PER_SEC);
        if (!clip)
            break;
        ck_assert(vigil_clip_write(clip, full, 10, NULL));
        vigil_store_begin_footage(t.store, clip, &error);
        vigil_store_abandon_clip(t.store, clip);
    }
    assert_error(error, VIGIL_STORE_ERROR_FULL);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 5);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

static void
say_full(sqlite3_context *context, int n_values, sqlite3_value **values)
{
    sqlite3_result_error_code(context, SQLITE_FULL);
}

/* Where a cut segment's row cannot be written, as the disk is full, limits are kept all the same: it is they that make space. */
START_TEST(test_limits_beside_a_full_disk)
{
    const VigilStoreFootage limit = {"door", DAY_US, 0};

    begin_test();
    vigil_store_set_footage(t.store, &limit, 1);
    record_segment("door", 1000);
    vigil_store_abandon_clip(t.store, begin_segment("door"));
    sqlite3_create_function(t.store->db, "disk_full", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, NULL,
                            say_full, NULL, NULL);
    ck_assert_int_eq(sqlite3_exec(t.store->db,
                                  "CREATE TEMP TRIGGER no_space BEFORE UPDATE OF state ON clips "
                                  "BEGIN SELECT disk_full(); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    pass(2 * DAY_US);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'open'"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 1);
    ck_assert_int_eq(sqlite3_exec(t.store->db, "DROP TRIGGER no_space", NULL, NULL, NULL),
                     SQLITE_OK);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'open'"), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_purge)
{
    const VigilPurge purge = {.camera = "door",
                              .since_us = TEST_WALL_US + (SEGMENT_S + 10) * G_USEC_PER_SEC,
                              .until_us = TEST_WALL_US + (SEGMENT_S + 20) * G_USEC_PER_SEC,
                              .command = "test"};
    VigilPurgeCounts counts = {0};
    g_autoptr(GError) error = NULL;

    begin_test();
    for (guint i = 0; i < 3; i++)
        record_segment("door", 1000);
    ck_assert(vigil_store_count_purge(t.store, &purge, &counts, &error));
    ck_assert_uint_eq(counts.n_clips, 1);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, &error));
    assert_no_error(error);
    ck_assert_uint_eq(counts.n_clips, 1);
    expect("door complete 0-600\ndoor complete 1200-1800\n");
    ck_assert_uint_eq(store_test_count_files(&t), 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* Of a segment whose file was lost the row says that the camera recorded then: that goes, too, and the others' stay. */
START_TEST(test_purge_of_lost_ones)
{
    const VigilPurge purge = {.camera = "door",
                              .since_us = TEST_WALL_US + SEGMENT_US + G_USEC_PER_SEC,
                              .until_us = TEST_WALL_US + 2 * SEGMENT_US - G_USEC_PER_SEC,
                              .command = "test"};
    VigilPurgeCounts counts = {0};
    g_autoptr(GError) error = NULL;
    VigilFootageSum sum;

    begin_test();
    for (guint i = 0; i < 3; i++)
        record_segment("door", 1000);
    record_segment("yard", 1000);
    store_test_exec(&t, "UPDATE clips SET state = 'lost', bytes = 0");
    ck_assert(vigil_store_count_purge(t.store, &purge, &counts, &error));
    ck_assert_uint_eq(counts.n_clips, 1);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, &error));
    assert_no_error(error);
    ck_assert_uint_eq(counts.n_clips, 1);
    expect("door lost 0-600\ndoor lost 1200-1800\nyard lost 1800-2400\n");
    ck_assert(vigil_store_sum_footage(t.store, "door", &sum, NULL));
    ck_assert_uint_eq(sum.n_segments, 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_made_again)
{
    VigilStoreFootage limits[] = {{"door", 3 * SEGMENT_US, 0}};
    VigilClip *clip;

    begin_test();
    record_segment("door", 1000);
    ck_assert(
        store_test_whole(t.store, 1, 1000, NULL)); /* says nothing of itself: it is passed over */
    record_segment("yard", 1000);
    record_segment("door", 1000);
    clip = begin_segment("door");
    vigil_store_abandon_clip(t.store, clip);
    store_test_close(&t);
    ck_assert_int_eq(g_remove(t.database), 0);
    store_test_open(&t);
    expect("door complete 0-600\ndoor complete 1200-1800\ndoor cut 1800-1801\n"
           "yard complete 600-1200\n");
    ck_assert_int_eq(store_test_int(&t, "SELECT min(id) = (SELECT id FROM clips WHERE "
                                        "start_wall_us = (SELECT min(start_wall_us) FROM clips)) "
                                        "FROM clips"),
                     1);
    /* ages go on */
    vigil_store_set_footage(t.store, limits, G_N_ELEMENTS(limits));
    pass(SEGMENT_US);
    enforce();
    expect("door complete 1200-1800\ndoor cut 1800-1801\nyard complete 600-1200\n");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_backup)
{
    g_autofree gchar *folder = NULL;
    g_autoptr(VigilStore) reader = NULL;
    g_autoptr(GError) error = NULL;
    VigilBackupSummary summary;
    StoreTest copy;

    begin_test();
    record_segment("door", 1000);
    record_segment("door", 1000);
    folder = g_build_filename(t.dir, "copy", NULL);
    reader = vigil_store_open_reader(t.database, t.clips, &error);
    assert_no_error(error);
    vigil_store_backup(reader, folder, TRUE, NULL, NULL, &summary, &error);
    assert_no_error(error);
    ck_assert_uint_eq(summary.n_clips, 2);
    copy = t;
    copy.database = g_build_filename(folder, "events.db", NULL);
    copy.clips = g_build_filename(folder, "clips", NULL);
    ck_assert_uint_eq(store_test_check(&copy), 0);
    ck_assert_uint_eq(store_test_count_files(&copy), 2);
    g_free(copy.database);
    g_free(copy.clips);
    store_test_finish(&t);
}
END_TEST

/* Bytes of no file: whatever is asked of them, an answer comes. */
START_TEST(test_span_of_anything)
{
    g_autoptr(GByteArray) whole = g_byte_array_new();
    g_autofree gchar *path = NULL;
    gint64 duration_us = 0;
    gint fd = g_file_open_tmp("vigil-span-XXXXXX", &path, NULL);

    put_moov(whole);
    put_fragment(whole, 0, 10);
    put_fragment(whole, 1000, 4);
    ck_assert_int_eq(write(fd, whole->data, whole->len), (gssize)whole->len);
    ck_assert_int_eq(vigil_clip_span_read(fd, &duration_us), 0);
    ck_assert_int_eq(duration_us, 1400000);
    for (guint i = 0; i < whole->len; i++) {
        const guint8 wrong = whole->data[i] ^ (guint8)(1 << (i % 8));

        ck_assert_int_eq(pwrite(fd, &wrong, 1, i), 1);
        vigil_clip_span_read(fd, &duration_us);
        ck_assert_int_eq(pwrite(fd, whole->data + i, 1, i), 1);
    }
    for (guint i = whole->len; i > 0; i--) {
        ck_assert_int_eq(ftruncate(fd, i - 1), 0);
        vigil_clip_span_read(fd, &duration_us);
    }
    ck_assert_int_lt(vigil_clip_span_read(fd, &duration_us), 0);
    close(fd);
    g_remove(path);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_rows_and_files,
                                  test_slow_reader,
                                  test_altered_segment_is_found,
                                  test_cut_off,
                                  test_long_ones_that_were_cut_off,
                                  test_purge_behind_a_cut,
                                  test_cut_off_and_not_to_be_opened,
                                  test_purge_beside_one_that_cannot_be_opened,
                                  test_fsck_beside_one_that_cannot_be_opened,
                                  test_many_segments,
                                  test_ages,
                                  test_limits_of_before,
                                  test_bytes_of_a_camera,
                                  test_space,
                                  test_space_of_open_segments,
                                  test_rows_take_nothing_from_events,
                                  test_limits_beside_a_full_disk,
                                  test_purge,
                                  test_purge_of_lost_ones,
                                  test_made_again,
                                  test_backup,
                                  test_span_of_anything};

    return store_test_main("footage", tests, G_N_ELEMENTS(tests));
}
