/* SPDX-License-Identifier: Apache-2.0 */
/* Clip files: names, places, writing, what a failing disk does to them. */
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"

#include <string.h>

static StoreTest t;

START_TEST(test_folders)
{
    static const struct {
        const gchar *camera;
        gint64 wall_us;
        const gchar *prefix; /* NULL: refused */
        gboolean hashed;
    } cases[] = {
        {"door", TEST_WALL_US, "2026/01/02/door", FALSE},
        {"door.2", 0, "1970/01/01/door.2", FALSE},
        {"door", -1, "1969/12/31/door", FALSE},
        {"../../etc", TEST_WALL_US, "2026/01/02/_._.._etc", TRUE},
        {"..", TEST_WALL_US, "2026/01/02/_.", TRUE},
        {"a/b", TEST_WALL_US, "2026/01/02/a_b", TRUE},
        {"Tür", TEST_WALL_US, "2026/01/02/T__r", TRUE},
        {"", TEST_WALL_US, NULL, FALSE},
        {NULL, TEST_WALL_US, NULL, FALSE},
        {"door", G_MAXINT64, NULL, FALSE},
    };
    g_autofree gchar *long_name = g_strnfill(300, 'x');
    g_autofree gchar *long_folder = vigil_clip_folder_for(long_name, 0);
    g_autofree gchar *one = vigil_clip_folder_for("a/b", 0);
    g_autofree gchar *other = vigil_clip_folder_for("a:b", 0);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *folder = vigil_clip_folder_for(cases[i].camera, cases[i].wall_us);

        if (!cases[i].prefix) {
            ck_assert_ptr_null(folder);
            continue;
        }
        ck_assert_msg(g_str_has_prefix(folder, cases[i].prefix), "%s", folder);
        ck_assert_uint_eq(strlen(folder), strlen(cases[i].prefix) + (cases[i].hashed ? 7 : 0));
    }
    ck_assert_uint_lt(strlen(long_folder), 100);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(test_layout_is_recognised)
{
    static const gchar *const ours[] = {"2026/01/02/door/01ABC.mp4", "2026/01/02/a.b/x-2.mp4"};
    static const gchar *const foreign[] = {
        "2026/01/02/door/01ABC.mkv", "2026/01/02/door/.mp4",
        "2026/01/02/01ABC.mp4",      "2026/1/02/door/01ABC.mp4",
        "2026/01/02/../01ABC.mp4",   "2026/01/02/door/a.b.mp4",
        "2026/01/02//01ABC.mp4",     "2026/01/02/door/x/y.mp4",
        "20x6/01/02/door/01ABC.mp4", "readme.txt",
        "2026/01/02/door/ü.mp4",     "",
    };

    for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
        ck_assert_msg(vigil_clip_folder_is_clip(ours[i]), "%s", ours[i]);
    for (guint i = 0; i < G_N_ELEMENTS(foreign); i++)
        ck_assert_msg(!vigil_clip_folder_is_clip(foreign[i]), "%s", foreign[i]);
}
END_TEST

START_TEST(test_names_get_numbers)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clips[3];
    static const gchar *const paths[] = {"2026/01/02/door/x.mp4", "2026/01/02/door/x-2.mp4",
                                         "2026/01/02/door/x-3.mp4"};
    static const gchar *const bad[] = {"", "..", "a/b", "a.b", "ü"};

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 3; i++) {
        clips[i] = vigil_store_create_clip(t.store, "door", "x", TEST_WALL_US, &error);
        assert_no_error(error);
        ck_assert_str_eq(vigil_clip_get_path(clips[i]), paths[i]);
    }
    ck_assert_uint_eq(store_test_count_files(&t), 3);
    ck_assert_uint_eq(store_test_check(&t), 0); /* they are being made: nothing is wrong */
    for (guint i = 0; i < 3; i++)
        vigil_store_abandon_clip(t.store, clips[i]);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        ck_assert_ptr_null(vigil_store_create_clip(t.store, "door", bad[i], 0, &error));
        assert_error(error, VIGIL_STORE_ERROR_INVALID);
        g_clear_error(&error);
    }
    ck_assert_ptr_null(vigil_store_create_clip(t.store, "", "x", 0, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_empty_folders_go)
{
    g_autofree gchar *year = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    year = g_build_filename(t.clips, "2026", NULL);
    clip = vigil_store_create_clip(t.store, "door", "x", TEST_WALL_US, NULL);
    ck_assert(g_file_test(year, G_FILE_TEST_IS_DIR));
    /* never used by an event: finishing it is giving it up */
    ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, NULL));
    ck_assert(!g_file_test(year, G_FILE_TEST_EXISTS));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bytes_arrive)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;
    gchar text[32] = "";
    gint fd;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 3, &error);
    ck_assert(vigil_clip_write(clip, "hello", 5, &error));
    ck_assert(vigil_clip_write(clip, "", 0, &error));
    ck_assert(vigil_clip_sync(clip, &error));
    ck_assert_uint_eq(vigil_clip_get_bytes(clip), 8);
    fd = vigil_store_open_clip(t.store, store_test_id(1), 0, &error); /* while it is written */
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, text, sizeof text), 8);
    ck_assert_str_eq(text, "bbbhello");
    close(fd);
    ck_assert(store_test_end(t.store, 1, clip, &error));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_no_link_leads_out)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *day = NULL, *elsewhere = NULL, *clip_file = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 10, &error));
    clip_file = g_strdup_printf("%s/2026/01/02/door/%s.mp4", t.clips, store_test_id(1));
    ck_assert_int_eq(unlink(clip_file), 0);
    ck_assert_int_eq(symlink("/etc/passwd", clip_file), 0);
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_clear_error(&error);
    store_test_exec(&t, "UPDATE clips SET path = '../../../etc/passwd'");
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_clear_error(&error);
    store_test_exec(&t, "UPDATE clips SET path = '/etc/passwd'");
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_clear_error(&error);
    /* a folder that is a link takes no clips either */
    elsewhere = g_build_filename(t.dir, "elsewhere", NULL);
    day = g_build_filename(t.clips, "2027", NULL);
    ck_assert_int_eq(symlink(elsewhere, day), 0);
    ck_assert_ptr_null(
        vigil_store_create_clip(t.store, "door", "x", TEST_WALL_US + 366 * DAY_US, &error));
    ck_assert_ptr_nonnull(error);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_failed_disk_stops_all_writes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    VigilStore *again;
    VigilClip *clip;

    store_test_init(&t, NULL);
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, &error);
    clip = store_test_begin(t.store, 1, 100, &error);
    faults_arm(FAULT_EIO, 1, FALSE);
    ck_assert(!vigil_clip_sync(clip, &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);
    ck_assert(!vigil_clip_write(clip, "x", 1, &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);
    ck_assert(!vigil_store_commit_event(t.store, end, clip, &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);
    ck_assert_uint_eq(faults_get_syncs_after(), 0);
    /* the reopened one works, the old handles do not */
    again = vigil_store_open_with(&t.options, NULL, store_test_mono, &error);
    assert_no_error(error);
    ck_assert_ptr_ne(again, t.store);
    ck_assert(!vigil_store_finish_clip(t.store, clip, &store_test_info, &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_store_get_snapshot(t.store, store_test_id(1), &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert(store_test_whole(again, 1, 50, &error));
    store_test_close(&t);
    ck_assert(vigil_store_has_event(again, store_test_id(1), NULL));
    t.store = again;
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

#define assert_trace(pattern)                                                            \
    ck_assert_msg(g_regex_match_simple("^" pattern "$", faults_get_trace(), 0, 0), "%s", \
                  faults_get_trace())

/* What makes it outlive a power cut: each step is on the disk before the next. */
START_TEST(test_order_of_steps)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    VigilClip *clip;

    faults_install();
    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, &error);
    faults_arm(FAULT_NONE, 0, FALSE);
    clip = vigil_store_create_clip(t.store, begin->camera, begin->id, begin->start_wall_us, &error);
    assert_trace("W+S(ms){4}o"); /* pending row; year, month, day, camera, each synced; the file */
    faults_arm(FAULT_NONE, 0, FALSE);
    ck_assert(vigil_clip_write(clip, "abc", 3, &error));
    ck_assert(vigil_store_commit_event(t.store, begin, clip, &error));
    assert_trace("wssW+S"); /* bytes, file, directory; then the rows */
    faults_arm(FAULT_NONE, 0, FALSE);
    ck_assert(store_test_end(t.store, 1, clip, &error));
    assert_trace("W+SsW+S"); /* the end; file; complete */
    store_test_mono_us += 2 * DAY_US;
    store_test_wall_us += 2 * DAY_US;
    faults_arm(FAULT_NONE, 0, FALSE);
    ck_assert(vigil_store_enforce_limits(t.store, NULL, &error));
    assert_trace("W+SusuuuuW+S.*"); /* row to garbage; unlink, directory; empty ones; garbage row */
    store_test_finish(&t);
}
END_TEST

START_TEST(test_full_disk_may_be_tried_again)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *data = NULL;
    VigilClip *clip;
    gsize length;
    gint fd;

    store_test_init(&t, NULL);
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, &error);
    clip = store_test_begin(t.store, 1, 100, &error);
    faults_arm(FAULT_ENOSPC, 1, TRUE);
    ck_assert(!vigil_clip_write(clip, "twelve bytes", 12, &error));
    assert_error(error, VIGIL_STORE_ERROR_FULL);
    g_clear_error(&error);
    ck_assert_uint_eq(vigil_clip_get_bytes(clip), 100);
    faults_arm(FAULT_NONE, 0, FALSE);
    ck_assert(vigil_clip_write(clip, "twelve bytes", 12, &error));
    ck_assert(store_test_end(t.store, 1, clip, &error));
    fd = vigil_store_open_clip(t.store, store_test_id(1), 0, &error);
    g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, NULL);

    data = g_strndup(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
    length = strlen(data);
    ck_assert_uint_eq(length, 112);
    ck_assert_str_eq(data + 100, "twelve bytes");
    close(fd);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_paths_survive_and_damage_is_seen)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));
    g_autoptr(GArray) thin = NULL, edge = NULL;
    g_autoptr(GByteArray) blob = NULL, long_blob = NULL, edge_blob = NULL;
    const VigilPathPoint wild[] = {
        {G_MAXINT64, {-9.0f, 9.0f, 0.0f, 1.0f}, 2.0f},
        {G_MININT64, {0.0f / 1.0f, 0.5f, 1.5f, -0.5f}, -1.0f},
    };
    guint n;

    for (guint i = 0; i < 100; i++) {
        const VigilPathPoint point = {i * 40000000, {0.1f, 0.2f, 0.3f, 0.4f}, 0.5f};

        g_array_append_val(path, point);
    }
    blob = vigil_path_encode(path, &n);
    ck_assert_uint_eq(n, 100);
    for (guint length = 0; length < blob->len; length++)
        ck_assert_ptr_null(vigil_path_decode(blob->data, length));
    for (guint i = 0; i < 2000; i++) {
        g_autofree guint8 *bytes = g_memdup2(blob->data, blob->len);

        for (guint k = 0; k < 3; k++)
            bytes[g_rand_int_range(random, 0, MIN(20, blob->len))] = g_rand_int(random);
        g_autoptr(GArray) decoded = vigil_path_decode(bytes, blob->len);

        ck_assert(!decoded || decoded->len <= blob->len / 10);
    }
    edge = g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));
    g_array_append_vals(edge, wild, 2);
    edge_blob = vigil_path_encode(edge, &n);
    thin = vigil_path_decode(edge_blob->data, edge_blob->len);
    ck_assert_int_eq(g_array_index(thin, VigilPathPoint, 0).time_ns, G_MAXINT64);
    ck_assert_int_eq(g_array_index(thin, VigilPathPoint, 1).time_ns, G_MININT64);
    ck_assert_float_eq_tol(g_array_index(thin, VigilPathPoint, 0).box.x0, -0.5f, 1e-4f);
    ck_assert_float_eq_tol(g_array_index(thin, VigilPathPoint, 0).score, 1.0f, 1e-4f);
    g_clear_pointer(&thin, g_array_unref);
    g_array_set_size(path, VIGIL_PATH_MAX_POINTS + 1);
    long_blob = vigil_path_encode(path, &n);
    ck_assert_uint_eq(n, VIGIL_PATH_MAX_POINTS / 2 + 1);
    thin = vigil_path_decode(long_blob->data, long_blob->len);
    ck_assert_uint_eq(thin->len, n);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_folders,
        test_layout_is_recognised,
        test_names_get_numbers,
        test_empty_folders_go,
        test_bytes_arrive,
        test_no_link_leads_out,
        test_failed_disk_stops_all_writes,
        test_order_of_steps,
        test_full_disk_may_be_tried_again,
        test_paths_survive_and_damage_is_seen,
    };

    return store_test_main("clips", tests, G_N_ELEMENTS(tests));
}
