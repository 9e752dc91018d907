/* SPDX-License-Identifier: Apache-2.0 */
/* A database that is damaged or gone is made again from what the clips say. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

#include "storage/vigil-clip-note.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-retention-private.h"
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"

#define N_EVENTS 60

static StoreTest t;

static void
write_box(VigilClip *clip, const gchar *type, guint content)
{
    g_autofree guint8 *box = g_malloc0(8 + content);
    const guint32 size = GUINT32_TO_BE(8 + content);

    memcpy(box, &size, 4);
    memcpy(box + 4, type, 4);
    ck_assert(vigil_clip_write(clip, box, 8 + content, NULL));
}

/* @note: (transfer full) */
static void
write_note(VigilClip *clip, GBytes *note)
{
    gsize length;
    gconstpointer data = g_bytes_get_data(note, &length);

    ck_assert(vigil_clip_write(clip, data, length, NULL));
    g_bytes_unref(note);
}

static void
commit(VigilClip *clip, guint number, VigilEventType type)
{
    g_autoptr(VigilEvent) event = store_test_event(number, type);
    g_autoptr(GError) error = NULL;

    write_note(clip, vigil_clip_note_event(event, 0, vigil_store_get_wall_us(t.store)));
    ck_assert(vigil_store_commit_event(t.store, event, clip, &error));
    assert_no_error(error);
    store_test_wall_us += G_USEC_PER_SEC;
    store_test_mono_us += G_USEC_PER_SEC;
}

static VigilClip *
begin_clip(guint number)
{
    g_autoptr(VigilEvent) event = store_test_event(number, VIGIL_EVENT_BEGIN);
    VigilClip *clip = vigil_store_create_clip(t.store, event->camera, event->id,
                                              event->start_wall_us + number * DAY_US / 7, NULL);

    ck_assert_ptr_nonnull(clip);
    write_box(clip, "ftyp", 12);
    write_box(clip, "moov", 600);
    write_box(clip, "moof", 100);
    write_box(clip, "mdat", 5000);
    return clip;
}

static void
end_clip(VigilClip *clip)
{
    write_note(clip, vigil_clip_note_closed(&store_test_info));
    ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, NULL));
}

/* Each fifth clip shows two events, each seventh was cut off. */
static void
fill_store_with(guint n_events)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < n_events; i++) {
        VigilClip *clip = begin_clip(i);
        const gboolean shared = i % 5 == 0, cut = i % 7 == 6;

        commit(clip, i, VIGIL_EVENT_BEGIN);
        if (shared)
            commit(clip, i + 1, VIGIL_EVENT_BEGIN);
        write_box(clip, "moof", 100);
        write_box(clip, "mdat", 5000);
        commit(clip, i, cut ? VIGIL_EVENT_UPDATE : VIGIL_EVENT_END);
        if (shared)
            commit(clip, ++i, VIGIL_EVENT_END);
        if (cut)
            vigil_store_abandon_clip(t.store, clip);
        else
            end_clip(clip);
    }
    store_test_close(&t);
    /* what was cut off is ended by this */
    store_test_open(&t);
    store_test_close(&t);
}

static void
fill_store(void)
{
    fill_store_with(N_EVENTS);
}

/* The open does as much as 10 s allow, which is all of it where nothing slows the program down. */
static void
open_whole(void)
{
    gboolean done = FALSE;

    store_test_open(&t);
    while (!done)
        ck_assert(vigil_store_rebuild_some(t.store, 0, &done, NULL));
}

static gboolean
add_row(const VigilEventRow *row, gpointer user_data)
{
    GString *out = user_data;
    g_autofree gchar *json = vigil_event_to_json(row->event, row->clip);
    g_autoptr(GBytes) jpeg = vigil_store_get_snapshot(t.store, row->event->id, NULL);
    g_autofree gchar *hash = NULL;
    guint n_points = 0;

    if (row->event->path) {
        g_autoptr(GByteArray) path = vigil_path_encode(row->event->path, &n_points);

        hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, path->data, path->len);
    }
    g_string_append_printf(out, "%s %d %d %d %u %s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT "\n",
                           json, row->clip_complete, row->has_snapshot,
                           jpeg ? (int)g_bytes_get_size(jpeg) : 0, n_points, hash ? hash : "",
                           row->clip_bytes, row->clip_start_ns);
    return TRUE;
}

/* (transfer full): everything that can be asked for, oldest first. */
static gchar *
dump(void)
{
    const VigilEventQuery query = {.with_path = TRUE, .ascending = TRUE};
    GString *out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_store_query_events(t.store, &query, add_row, out, &error));
    assert_no_error(error);
    return g_string_free(out, FALSE);
}

static gchar *
dump_before(void)
{
    g_autofree gchar *text = NULL;

    store_test_open(&t);
    text = dump();
    store_test_close(&t);
    return g_steal_pointer(&text);
}

static guint
count_set_aside(void)
{
    GDir *dir = g_dir_open(t.dir, 0, NULL);
    const gchar *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir)))
        n += g_str_has_prefix(name, "events.db.corrupt-") && !g_str_has_suffix(name, "-wal");
    g_dir_close(dir);
    return n;
}

static void
truncate_half(void)
{
    GStatBuf info;

    ck_assert_int_eq(g_stat(t.database, &info), 0);
    ck_assert_int_eq(truncate(t.database, info.st_size / 2), 0);
}

static void
truncate_all(void)
{
    ck_assert_int_eq(truncate(t.database, 0), 0);
}

/* In place: who has it open finds it. */
static void
write_garbage(gdouble from, gdouble to)
{
    FILE *file = g_fopen(t.database, "r+");
    GStatBuf info;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(g_stat(t.database, &info), 0);
    ck_assert_int_eq(fseek(file, (glong)(from * info.st_size), SEEK_SET), 0);
    for (glong i = (glong)(from * info.st_size); i < (glong)(to * info.st_size); i++)
        fputc((gint)(i * 2654435761u >> 7 & 0xff), file);
    ck_assert_int_eq(fclose(file), 0);
}

static void
garble_header(void)
{
    write_garbage(0, 0.001);
}

static void
garble_pages(void)
{
    write_garbage(0.3, 0.6);
}

static void
garble_all(void)
{
    write_garbage(0, 1);
}

static void
lose(void)
{
    ck_assert_int_eq(g_unlink(t.database), 0);
}

static void
mark(void)
{
    g_autofree gchar *marker = g_strconcat(t.database, ".damaged", NULL);

    ck_assert(g_file_set_contents(marker, "", 0, NULL));
}

static const struct {
    void (*damage)(void);
    gboolean set_aside;
} ways[] = {
    {truncate_half, TRUE}, {truncate_all, FALSE}, {garble_header, TRUE}, {garble_pages, TRUE},
    {garble_all, TRUE},    {lose, FALSE},         {mark, TRUE},
};

START_TEST(test_events_are_put_back)
{
    g_autofree gchar *before = NULL, *after = NULL;
    g_auto(VigilRebuildInfo) info = {0};
    g_autoptr(GError) error = NULL;
    guint n_left;

    fill_store();
    before = dump_before();
    ways[_i].damage();
    open_whole();
    after = dump();
    ck_assert_str_eq(before, after);
    ck_assert_uint_eq(count_set_aside(), ways[_i].set_aside);
    ck_assert(vigil_store_get_rebuild(t.store, &info, &error));
    ck_assert_uint_eq(info.n_events, N_EVENTS);
    ck_assert_int_ne(info.ended_wall_us, 0);
    ck_assert((info.set_aside != NULL) == ways[_i].set_aside);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events a JOIN events b "
                                        "ON a.seq < b.seq AND a.id > b.id"),
                     0);
    /* it is a store as any other one */
    ck_assert(store_test_whole(t.store, N_EVENTS, 10, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE seq >= (1 << 32)"), 1);
    store_test_close(&t);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_open(&t);
    ck_assert(vigil_store_fsck(t.store, TRUE, NULL, NULL, &n_left, NULL) && n_left == 0);
    ck_assert_uint_eq(count_set_aside(), ways[_i].set_aside);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_twice_is_once)
{
    g_autofree gchar *before = NULL, *after = NULL;

    fill_store();
    before = dump_before();
    for (guint i = 0; i < 3; i++) {
        garble_pages();
        open_whole();
        store_test_close(&t);
    }
    ck_assert_uint_eq(count_set_aside(), 3);
    after = dump_before();
    ck_assert_str_eq(before, after);
    store_test_finish(&t);
}
END_TEST

/* What SQLite finds while the store is in use: it fails, and is made again when it is opened anew. */
START_TEST(test_damage_in_use)
{
    g_autoptr(GError) error = NULL;
    gboolean done = FALSE;
    guint n_failed = 0;

    fill_store();
    store_test_open(&t);
    write_garbage(0.1, 1);
    for (guint i = 0; i < 50 && !vigil_store_has_failed(t.store); i++) {
        sqlite3_db_release_memory(t.store->db); /* what it remembers of the pages */
        n_failed += !store_test_whole(t.store, 1000 + i, 10, NULL);
    }
    ck_assert(vigil_store_has_failed(t.store) && n_failed > 0);
    t.store = vigil_store_renew(t.store, &error);
    assert_no_error(error);
    ck_assert(!vigil_store_has_failed(t.store));
    while (!done)
        ck_assert(vigil_store_rebuild_some(t.store, 0, &done, NULL));
    ck_assert_int_ge(store_test_int(&t, "SELECT count(*) FROM events"), N_EVENTS);
    ck_assert_uint_eq(count_set_aside(), 1);
    store_test_finish(&t);
}
END_TEST

/* Retention goes on as if nothing had happened: by the age of the commits, the oldest first. */
START_TEST(test_ages_go_on)
{
    gint64 n;
    guint n_deleted;

    fill_store();
    lose();
    store_test_wall_us += DAY_US;
    store_test_mono_us += DAY_US;
    t.options.max_age_us = DAY_US + 50 * (gint64)G_USEC_PER_SEC;
    open_whole();
    ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    n = store_test_int(&t, "SELECT count(*) FROM events");
    ck_assert_uint_eq(n_deleted, N_EVENTS - n);
    ck_assert(n > 15 && n < 30);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE id < "
                                        "(SELECT id FROM events ORDER BY seq LIMIT 1)"),
                     0);
    store_test_finish(&t);
    t.options.max_age_us = 0;
}
END_TEST

/* Pinned is what can still be read of the pins. */
START_TEST(test_pins_are_kept)
{
    fill_store();
    store_test_open(&t);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(3), TRUE, NULL));
    store_test_close(&t);
    mark();
    open_whole();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE pinned = 1"), 1);
    store_test_close(&t);
    store_test_wall_us += DAY_US;
    store_test_mono_us += DAY_US;
    t.options.max_age_us = DAY_US / 2;
    store_test_open(&t);
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert(vigil_store_has_event(t.store, store_test_id(3), NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    store_test_finish(&t);
    t.options.max_age_us = 0;
}
END_TEST

/* Files that say nothing, links and strange names stay as they are. */
START_TEST(test_strange_files)
{
    g_autofree gchar *day = NULL, *nothing = NULL, *link = NULL, *hollow = NULL, *upper = NULL;
    g_auto(VigilRebuildInfo) info = {0};

    fill_store();
    day = g_build_filename(t.clips, "2031/01/02/door", NULL);
    ck_assert_int_eq(g_mkdir_with_parents(day, 0700), 0);
    nothing = g_build_filename(day, "NOTHING.mp4", NULL);
    hollow = g_build_filename(day, "HOLLOW.mp4", NULL);
    link = g_build_filename(day, "LINK.mp4", NULL);
    upper = g_build_filename(t.clips, "year", NULL);
    ck_assert(g_file_set_contents(nothing, "not an MP4 file at all", -1, NULL));
    ck_assert(g_file_set_contents(hollow, "", 0, NULL));
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    ck_assert_int_eq(symlink("/", upper), 0);
    lose();
    open_whole();
    ck_assert(vigil_store_get_rebuild(t.store, &info, NULL));
    ck_assert_uint_eq(info.n_events, N_EVENTS);
    ck_assert_uint_eq(info.n_unknown, 3);
    ck_assert(g_file_test(nothing, G_FILE_TEST_EXISTS) && g_file_test(hollow, G_FILE_TEST_EXISTS));
    store_test_finish(&t);
}
END_TEST

/* To ID-2.mp4 beside it. */
static void
copy_clip(guint number)
{
    g_autofree gchar *name = NULL, *from = NULL, *to = NULL, *bytes = NULL;
    gsize length;

    store_test_open(&t);
    ck_assert(vigil_store_has_event(t.store, store_test_id(number), &name));
    store_test_close(&t);
    from = g_build_filename(t.clips, name, NULL);
    to = g_strdup_printf("%.*s-2.mp4", (gint)(strlen(from) - 4), from);
    ck_assert(g_file_get_contents(from, &bytes, &length, NULL));
    ck_assert(g_file_set_contents(to, bytes, (gssize)length, NULL));
}

/* Two files of the same events: the newer one has them, and nothing hinders space from being made. */
START_TEST(test_second_file_of_an_event)
{
    g_auto(VigilRebuildInfo) info = {0};
    gint64 seq = 0;

    fill_store_with(3);
    copy_clip(2);
    lose();
    open_whole();
    ck_assert(vigil_store_get_rebuild(t.store, &info, NULL));
    ck_assert_uint_eq(info.n_unknown, 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE path LIKE '%-2.mp4'"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips c WHERE NOT EXISTS "
                                        "(SELECT 1 FROM events e WHERE e.clip_id = c.id)"),
                     0);
    store_test_exec(&t, "INSERT INTO clips (id, camera_id, run_id, path, state, bytes) "
                        "VALUES (1, 1, 1, 'x', 'cut', 1)");
    ck_assert(vigil_store_pick_oldest_with_clip(t.store, &seq, NULL));
    ck_assert_int_ne(seq, 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_clip_that_is_refused_hinders_no_other)
{
    g_auto(VigilRebuildInfo) info = {0};

    fill_store_with(3);
    lose();
    open_whole();
    store_test_close(&t);
    copy_clip(2);
    store_test_exec(&t, "UPDATE rebuild SET ended_wall_us = NULL;"
                        "CREATE TRIGGER no BEFORE INSERT ON clips WHEN new.path LIKE '%-2.mp4' "
                        "BEGIN SELECT RAISE(ABORT, 'no'); END");
    open_whole();
    ck_assert(vigil_store_get_rebuild(t.store, &info, NULL));
    ck_assert_int_ne(info.ended_wall_us, 0);
    ck_assert_uint_eq(info.n_events, 3);
    ck_assert_uint_eq(info.n_unknown, 1);
    store_test_finish(&t);
}
END_TEST

static void
lose_all_but_clips(void)
{
    static const gchar *const names[] = {"events.db", "events.db-wal",     "events.db-shm",
                                         "seal.key",  "events.db.reserve", "events.db-journal"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *path = g_build_filename(t.dir, names[i], NULL);

        g_unlink(path);
    }
}

/* Returns: whether it came to its end before anything went wrong. */
static gboolean
open_in_child(FaultKind kind, guint nth)
{
    const pid_t child = fork();
    gint status;

    if (child == 0) {
        faults_arm(kind, nth, FALSE);
        t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, NULL);
        _exit(faults_get_count() >= nth ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static const FaultKind faults[] = {FAULT_DIE, FAULT_ENOSPC, FAULT_EIO};

/* Under a sanitizer not every operation has its turn. */
static gboolean
is_slow(void)
{
    return g_getenv("ASAN_OPTIONS") != NULL;
}

/* Wherever the start of it ends, the next open begins it again. */
START_TEST(test_is_begun_again)
{
    g_autofree gchar *before = NULL;
    const guint stride = (faults[_i] == FAULT_DIE ? 1 : 5) * (is_slow() ? 7 : 1);
    guint nth = 1;
    gboolean whole = FALSE;

    faults_install();
    fill_store_with(3);
    before = dump_before();
    while (!whole) {
        g_autofree gchar *after = NULL;

        lose_all_but_clips();
        whole = open_in_child(faults[_i], nth);
        open_whole();
        after = dump();
        ck_assert_msg(g_str_equal(before, after), "lost after operation %u", nth);
        nth += stride;
        store_test_close(&t);
    }
    ck_assert_uint_gt(nth, 30);
    store_test_finish(&t);
}
END_TEST

static const gchar *unreadable;

static gint
refuse_unreadable(gint dir_fd, const gchar *name, gint flags, mode_t mode)
{
    if (g_str_has_suffix(name, unreadable) && !(flags & O_CREAT))
        return -EIO;
    return vigil_file_ops_system.open_at(dir_fd, name, flags, mode);
}

static const gchar *const unreadables[] = {".mp4", "door", "2026"};

/* What cannot be read is not taken for what is not there. */
START_TEST(test_what_cannot_be_read_is_looked_at_again)
{
    g_auto(VigilRebuildInfo) info = {0}, again = {0};
    VigilFileOps ops = vigil_file_ops_system;
    g_autofree gchar *before = NULL, *after = NULL;
    gboolean done;

    fill_store_with(6);
    before = dump_before();
    lose_all_but_clips();
    ops.open_at = refuse_unreadable;
    unreadable = unreadables[_i];
    t.store = vigil_store_open_with(&t.options, &ops, store_test_mono, NULL);
    ck_assert_ptr_nonnull(t.store);
    ck_assert(vigil_store_rebuild_some(t.store, 0, &done, NULL) && done);
    ck_assert(vigil_store_get_rebuild(t.store, &info, NULL));
    ck_assert_uint_lt(info.n_events, 6);
    ck_assert_int_eq(info.ended_wall_us, 0);
    store_test_close(&t);
    open_whole();
    after = dump();
    ck_assert_str_eq(before, after);
    ck_assert(vigil_store_get_rebuild(t.store, &again, NULL));
    ck_assert_int_ne(again.ended_wall_us, 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_folder_that_cannot_be_read_is_an_error)
{
    VigilFileOps ops = vigil_file_ops_system;
    g_autoptr(GError) error = NULL;

    fill_store_with(3);
    lose_all_but_clips();
    ops.open_at = refuse_unreadable;
    unreadable = ".";
    t.store = vigil_store_open_with(&t.options, &ops, store_test_mono, &error);
    ck_assert_ptr_null(t.store);
    assert_error(error, VIGIL_STORE_ERROR_IO);
    store_test_finish(&t);
}
END_TEST

static gboolean
is_there(const gchar *suffix)
{
    g_autofree gchar *path = g_strconcat(t.database, suffix, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Wherever setting it aside ends, a database is not used without the log that it had. */
START_TEST(test_is_set_aside_with_its_log)
{
    g_autofree gchar *before = NULL, *log = NULL;
    gboolean whole = FALSE;
    guint n_halves = 0;

    faults_install();
    fill_store_with(3);
    before = dump_before();
    log = g_strconcat(t.database, "-wal", NULL);
    /* the renames come first */
    for (guint nth = 1; !whole; nth += is_slow() && nth > 12 ? 7 : 1) {
        const guint n_before = count_set_aside();
        g_autofree gchar *after = NULL;

        store_test_wall_us += G_USEC_PER_SEC;
        store_test_mono_us += G_USEC_PER_SEC;
        garble_header();
        ck_assert(g_file_set_contents(log, "log", 3, NULL));
        whole = open_in_child(FAULT_DIE, nth);
        if (count_set_aside() == n_before && !is_there("-wal")) {
            ck_assert(is_there("") && is_there(".damaged"));
            n_halves++;
        }
        open_whole();
        after = dump();
        ck_assert_str_eq(before, after);
        ck_assert(!is_there(".damaged"));
        store_test_close(&t);
    }
    ck_assert_uint_gt(n_halves, 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_new_store_is_not_rebuilt)
{
    g_auto(VigilRebuildInfo) info = {0};
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(!vigil_store_get_rebuild(t.store, &info, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    store_test_finish(&t);
}
END_TEST

static void
set_up(void)
{
    store_test_wall_us = TEST_WALL_US;
    store_test_mono_us = 3600 * (gint64)G_USEC_PER_SEC;
}

int
main(void)
{
    Suite *suite = suite_create("rebuild");
    TCase *tcase = tcase_create("rebuild");
    SRunner *runner = srunner_create(suite);
    gint n_failed;

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 360);
    tcase_add_loop_test(tcase, test_events_are_put_back, 0, G_N_ELEMENTS(ways));
    tcase_add_test(tcase, test_twice_is_once);
    tcase_add_test(tcase, test_damage_in_use);
    tcase_add_test(tcase, test_ages_go_on);
    tcase_add_test(tcase, test_pins_are_kept);
    tcase_add_test(tcase, test_strange_files);
    tcase_add_test(tcase, test_second_file_of_an_event);
    tcase_add_test(tcase, test_clip_that_is_refused_hinders_no_other);
    tcase_add_loop_test(tcase, test_is_begun_again, 0, G_N_ELEMENTS(faults));
    tcase_add_loop_test(tcase, test_what_cannot_be_read_is_looked_at_again, 0,
                        G_N_ELEMENTS(unreadables));
    tcase_add_test(tcase, test_folder_that_cannot_be_read_is_an_error);
    tcase_add_test(tcase, test_is_set_aside_with_its_log);
    tcase_add_test(tcase, test_new_store_is_not_rebuilt);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
