/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/storage/store-test.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

gint64 store_test_wall_us = TEST_WALL_US, store_test_mono_us = 3600 * (gint64)G_USEC_PER_SEC;

const VigilClipInfo store_test_info = {.start_ns = 1000,
                                       .end_ns = 9000,
                                       .start_wall_us = TEST_WALL_US,
                                       .end_wall_us = TEST_WALL_US + 8,
                                       .width = 640,
                                       .height = 480,
                                       .codec = "h264"};

gint64
store_test_wall(gpointer data)
{
    return store_test_wall_us;
}

gint64
store_test_mono(gpointer data)
{
    return store_test_mono_us;
}

void
store_test_init(StoreTest *self, const gchar *parent)
{
    /* in memory where there is such a place: thousands of syncs */
    const gchar *fast = g_access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();

    *self = (StoreTest){0};
    self->dir = g_build_filename(parent ? parent : fast, "vigil-store-XXXXXX", NULL);
    ck_assert_ptr_nonnull(g_mkdtemp(self->dir));
    self->database = g_build_filename(self->dir, "events.db", NULL);
    self->clips = g_build_filename(self->dir, "clips", NULL);
    self->options = (VigilStoreOptions){.database = self->database,
                                        .clips = self->clips,
                                        .program = "test",
                                        .now_func = store_test_wall};
}

void
store_test_open(StoreTest *self)
{
    g_autoptr(GError) error = NULL;

    self->store = vigil_store_open_with(&self->options, NULL, store_test_mono, &error);
    assert_no_error(error);
    ck_assert_ptr_nonnull(self->store);
}

void
store_test_close(StoreTest *self)
{
    g_clear_pointer(&self->store, vigil_store_unref);
}

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

void
store_test_finish(StoreTest *self)
{
    store_test_close(self);
    nftw(self->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    g_free(self->dir);
    g_free(self->database);
    g_free(self->clips);
}

const gchar *
store_test_id(guint number)
{
    static _Thread_local gchar id[VIGIL_EVENT_ID_LENGTH + 1];

    g_snprintf(id, sizeof id, "01KDXTEST00000000000%06u", number);
    return id;
}

static GArray *
make_path(guint number)
{
    GArray *path = g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));

    for (guint i = 0; i < 20; i++) {
        const VigilPathPoint point = {
            .time_ns = (number * 10 + i) * G_GINT64_CONSTANT(200000000),
            .box = {0.01f * i, 0.1f, 0.01f * i + 0.2f, 0.9f},
            .score = 0.5f + 0.01f * i,
        };

        g_array_append_val(path, point);
    }
    return path;
}

VigilEvent *
store_test_event(guint number, VigilEventType type)
{
    static const guint8 jpeg[] = {0xff, 0xd8, 1, 2, 3, 0xff, 0xd9};
    const gint64 second = G_GINT64_CONSTANT(1000000000);
    VigilEvent *event = vigil_event_new();

    g_strlcpy(event->id, store_test_id(number), sizeof event->id);
    event->type = type;
    event->camera = g_intern_string(number % 2 ? "door" : "garden");
    event->rule = g_intern_string("visitor");
    event->label = g_intern_string(number % 3 ? "person" : "dog");
    event->label_id = 7;
    event->track_id = G_MAXUINT64 - number;
    event->start_ns = number * 10 * second;
    event->trigger_ns = event->start_ns + second;
    event->end_ns = event->start_ns + (type == VIGIL_EVENT_END ? 5 : 2) * second;
    event->time_ns = event->end_ns + second;
    event->start_wall_us = TEST_WALL_US + event->start_ns / 1000;
    event->end_wall_us = TEST_WALL_US + event->end_ns / 1000;
    event->score = 0.625f;
    event->top_score = 0.875f;
    event->box = (VigilBox){0.1f, 0.2f, 0.3f, 0.4f};
    event->zones = g_new0(const gchar *, 3);
    event->zones[0] = g_intern_string("porch");
    event->zones[1] = type == VIGIL_EVENT_END ? g_intern_string("path") : NULL;
    event->lines = g_new0(const gchar *, 2);
    event->lines[0] = g_intern_string("gate:in");
    event->frames_seen = 100;
    event->frames_inferred = 50;
    event->record = TRUE;
    event->pre_ns = 3 * second;
    event->post_ns = 4 * second;
    if (type != VIGIL_EVENT_END)
        return event;
    event->end_reason = VIGIL_END_GONE;
    event->path = make_path(number);
    event->snapshot = g_bytes_new_static(jpeg, sizeof jpeg);
    return event;
}

/* Frees a clip that could not be used. */
static VigilClip *
give_up(VigilStore *store, VigilClip *clip)
{
    vigil_store_abandon_clip(store, clip);
    return NULL;
}

VigilClip *
store_test_begin(VigilStore *store, guint number, gsize bytes, GError **error)
{
    g_autoptr(VigilEvent) begin = store_test_event(number, VIGIL_EVENT_BEGIN);
    g_autofree gchar *data = g_malloc(bytes);
    VigilClip *clip =
        vigil_store_create_clip(store, begin->camera, begin->id, begin->start_wall_us, error);

    if (!clip)
        return NULL;
    memset(data, 'a' + number % 26, bytes);
    if (!vigil_clip_write(clip, data, bytes, error) ||
        !vigil_store_commit_event(store, begin, clip, error))
        return give_up(store, clip);
    return clip;
}

VigilClip *
store_test_continue(VigilStore *store, guint number, gsize bytes, GError **error)
{
    g_autoptr(VigilEvent) begin = store_test_event(number, VIGIL_EVENT_BEGIN);
    g_autofree gchar *data = g_malloc(bytes);
    g_autofree gchar *name = g_strconcat(begin->id, "-p1", NULL);
    VigilClip *clip =
        vigil_store_create_clip(store, begin->camera, name, begin->start_wall_us, error);

    if (!clip)
        return NULL;
    memset(data, 'A' + number % 26, bytes);
    if (!vigil_clip_write(clip, data, bytes, error) ||
        !vigil_store_continue_event(store, begin->id, clip, error))
        return give_up(store, clip);
    return clip;
}

gboolean
store_test_end(VigilStore *store, guint number, VigilClip *clip, GError **error)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);

    if (!vigil_store_commit_event(store, end, clip, error)) {
        give_up(store, clip);
        return FALSE;
    }
    return vigil_store_finish_clip(store, clip, &store_test_info, error);
}

VigilClipInfo
store_test_segment_info(guint number)
{
    const gint64 start_us = TEST_WALL_US + number * STORE_TEST_SEGMENT_US;

    return (VigilClipInfo){
        .start_ns = number * STORE_TEST_SEGMENT_US * 1000,
        .end_ns = (number + 1) * STORE_TEST_SEGMENT_US * 1000,
        .start_wall_us = start_us,
        .end_wall_us = start_us + STORE_TEST_SEGMENT_US,
        .width = 640,
        .height = 480,
        .codec = "h264",
    };
}

gboolean
store_test_whole(VigilStore *store, guint number, gsize bytes, GError **error)
{
    VigilClip *clip = store_test_begin(store, number, bytes, error);

    return clip && store_test_end(store, number, clip, error);
}

static sqlite3 *
open_plainly(StoreTest *self)
{
    sqlite3 *db;

    ck_assert_int_eq(
        sqlite3_open_v2(self->database, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

gint64
store_test_int(StoreTest *self, const gchar *sql)
{
    sqlite3 *db = open_plainly(self);
    sqlite3_stmt *stmt;
    gint64 value;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

void
store_test_exec(StoreTest *self, const gchar *sql)
{
    sqlite3 *db = open_plainly(self);

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static guint n_files;

static int
count_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    n_files += type == FTW_F ? 1 : 0;
    return 0;
}

guint
store_test_count_files(StoreTest *self)
{
    n_files = 0;
    nftw(self->clips, count_entry, 16, FTW_PHYS);
    return n_files;
}

static void
print_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
    g_printerr("fsck: %s%s\n", finding, repaired ? " (repaired)" : "");
}

guint
store_test_check(StoreTest *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = vigil_store_open_reader(self->database, self->clips, &error);
    VigilSealSummary summary;
    guint n_left = 0, n_altered = 0;

    assert_no_error(error);
    ck_assert(vigil_store_fsck(reader, FALSE, print_finding, NULL, &n_left, &error));
    vigil_store_verify(reader, NULL, NULL, print_finding, NULL, &summary, &n_altered, &error);
    assert_no_error(error);
    return n_left + n_altered;
}

gint
store_test_main(const gchar *name, const TTest *const *tests, guint n_tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner;
    gint failed;

    for (guint i = 0; i < n_tests; i++)
        tcase_add_test(tcase, tests[i]);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
