/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system of 3 MB that is really full. In a mount namespace of its own, which needs root; skipped with a message
 * otherwise (test-recovery fails the same calls without one).
 */
#include "storage/vigil-footage.h"
#include "tests/storage/store-test.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#define CLIP_BYTES (200 * 1000)

static StoreTest t;
static gchar *mount_point;

/* FALSE: not permitted. */
static gboolean
set_up(const gchar *size)
{
    mount_point = g_strdup("/tmp/vigil-full-XXXXXX");
    ck_assert_ptr_nonnull(g_mkdtemp(mount_point));
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", mount_point, "tmpfs", 0, size) < 0) {
        g_printerr("SKIP: no permission to mount a small file system\n");
        rmdir(mount_point);
        return FALSE;
    }
    store_test_init(&t, mount_point);
    return TRUE;
}

static void
tear_down(void)
{
    store_test_finish(&t);
    umount(mount_point);
    rmdir(mount_point);
    g_free(mount_point);
}

/* What somebody else writes until nothing is left. */
static void
fill_up(void)
{
    static const gchar zeros[4096];
    g_autofree gchar *path = g_build_filename(t.dir, "ballast", NULL);
    const gint fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    ck_assert_int_ge(fd, 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    close(fd);
}

static void
drop_ballast(void)
{
    g_autofree gchar *path = g_build_filename(t.dir, "ballast", NULL);

    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(test_oldest_clips_make_way)
{
    g_autoptr(GError) error = NULL;

    if (!set_up("size=8m"))
        return;
    store_test_open(&t);
    for (guint i = 1; i <= 120; i++)
        ck_assert_msg(store_test_whole(t.store, i, CLIP_BYTES, &error), "%u: %s", i,
                      error ? error->message : "");
    ck_assert(vigil_store_has_event(t.store, store_test_id(120), NULL));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_int_gt(store_test_int(&t, "SELECT count(*) FROM events"), 10);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_close(&t);
    store_test_open(&t);
    ck_assert_uint_eq(store_test_check(&t), 0);
    tear_down();
}
END_TEST

/* A segment that finds no space ends, and makes way for the next one: nothing of an event goes for either. */
START_TEST(test_footage_takes_nothing_from_events)
{
    static const gchar zeros[CLIP_BYTES];

    if (!set_up("size=8m"))
        return;
    store_test_open(&t);
    for (guint i = 1; i <= 10; i++)
        ck_assert(store_test_whole(t.store, i, CLIP_BYTES, NULL));
    for (guint n_segments = 0; n_segments < 3; n_segments++) {
        g_autoptr(GError) error = NULL;
        VigilClip *clip = vigil_store_create_footage(
            t.store, "door", TEST_WALL_US + n_segments * (gint64)G_USEC_PER_SEC, &error);

        assert_no_error(error);
        for (guint n = 0; vigil_clip_write(clip, zeros, sizeof zeros, &error); n++) {
            ck_assert_uint_lt(n, 100);
            if (n == 0)
                ck_assert(vigil_store_begin_footage(t.store, clip, NULL));
        }
        assert_error(error, VIGIL_STORE_ERROR_FULL);
        ck_assert_uint_gt(vigil_clip_get_bytes(clip), 5 * CLIP_BYTES);
        vigil_store_abandon_clip(t.store, clip);
        ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
        ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 10);
        ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE continuous = 1"), 1);
    }
    /* one of an event takes what it needs */
    ck_assert(store_test_whole(t.store, 11, CLIP_BYTES, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 11);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE continuous = 1"), 0);
    ck_assert_uint_eq(store_test_check(&t), 0);
    tear_down();
}
END_TEST

/* Full from outside, with nothing that may go: FULL, and all is well when there is space again. */
START_TEST(test_rows_keep_their_reserve)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    VigilClip *clip;
    guint n = 2;

    if (!set_up("size=8m"))
        return;
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 1000, &error);
    assert_no_error(error);
    fill_up();
    ck_assert(!vigil_clip_write(clip, end, sizeof *end, &error) ||
              vigil_clip_get_bytes(clip) == 1000 + sizeof *end);
    g_clear_error(&error);
    /* the event's end is a row, for which space was kept */
    ck_assert_msg(vigil_store_commit_event(t.store, end, clip, &error), "%s",
                  error ? error->message : "");
    ck_assert_msg(vigil_store_finish_clip(t.store, clip, &store_test_info, &error), "%s",
                  error ? error->message : "");
    ck_assert(vigil_store_set_pinned(t.store, end->id, TRUE, &error));
    while (store_test_whole(t.store, n, CLIP_BYTES, &error))
        ck_assert_uint_lt(n++, 100);
    assert_error(error, VIGIL_STORE_ERROR_FULL);
    g_clear_error(&error);
    ck_assert_uint_eq(store_test_check(&t), 0);
    drop_ballast();
    ck_assert_msg(store_test_whole(t.store, n, CLIP_BYTES, &error), "%s",
                  error ? error->message : "");
    ck_assert(vigil_store_enforce_limits(t.store, NULL, &error));
    ck_assert(vigil_store_has_event(t.store, end->id, NULL));
    ck_assert_uint_eq(store_test_check(&t), 0);
    tear_down();
}
END_TEST

START_TEST(test_open_on_a_full_disk)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *reserve = NULL;

    if (!set_up("size=6m"))
        return;
    fill_up();
    t.store = vigil_store_open(&t.options, &error);
    ck_assert_ptr_null(t.store);
    assert_error(error, VIGIL_STORE_ERROR_FULL);
    g_clear_error(&error);
    drop_ballast();
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, CLIP_BYTES, &error));
    store_test_close(&t);
    /* with the reserve and an event that may go there is a way in */
    reserve = g_strconcat(t.database, ".reserve", NULL);
    ck_assert(g_file_test(reserve, G_FILE_TEST_EXISTS));
    fill_up();
    store_test_open(&t);
    ck_assert_uint_eq(store_test_check(&t), 0);
    ck_assert_msg(store_test_whole(t.store, 2, CLIP_BYTES / 2, &error), "%s",
                  error ? error->message : "");
    tear_down();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_oldest_clips_make_way,
        test_footage_takes_nothing_from_events,
        test_rows_keep_their_reserve,
        test_open_on_a_full_disk,
    };

    return store_test_main("disk-full", tests, G_N_ELEMENTS(tests));
}
