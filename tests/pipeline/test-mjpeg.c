/* SPDX-License-Identifier: Apache-2.0 */
/* Motion JPEG through the whole program: its clips hold the frames that came, byte for byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

static Scene scene;

/* (transfer full): a video of Motion JPEG, 12 s in which somebody comes and goes. */
static gchar *
make_video(const gchar *name)
{
    gchar *path = g_build_filename(scene.folder, name, NULL);
    const gchar *argv[] = {"ffmpeg", "-v", "error", "-y",    "-ss",  "4", "-i", scene.video,
                           "-t",     "12", "-c:v",  "mjpeg", "-q:v", "6", path, NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

/* (transfer full): hashes of the coded frames, one a line of ffmpeg's. */
static GPtrArray *
hash_frames(const gchar *path)
{
    const gchar *argv[] = {"ffmpeg", "-v",   "error", "-i",       path, "-map", "0:v",
                           "-c",     "copy", "-f",    "framemd5", "-",  NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);
    g_auto(GStrv) lines = g_strsplit(ffmpeg.output, "\n", -1);
    GPtrArray *hashes = g_ptr_array_new_with_free_func(g_free);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    for (gchar **line = lines; *line; line++) {
        const gchar *hash = **line == '#' ? NULL : strrchr(*line, ',');

        if (hash)
            g_ptr_array_add(hashes, g_strstrip(g_strdup(hash + 1)));
    }
    return hashes;
}

static gchar *
find_clip(const gchar *store)
{
    g_autofree gchar *clips = g_build_filename(store, "clips", NULL);
    const gchar *argv[] = {"find", clips, "-name", "*.mp4", NULL};
    g_auto(Program) find = program_run_argv(argv);

    ck_assert_uint_eq(count_text(find.output, ".mp4"), 1);
    return g_strdup(g_strstrip(find.output));
}

/* AVI has decoding times only; MOV and MKV have both. */
START_TEST(test_clip_is_a_copy)
{
    static const gchar *const names[] = {"v.avi", "v.mov", "v.mkv"};
    g_autofree gchar *video = make_video(names[_i]);
    g_autofree gchar *url = g_strdup_printf("file://%s", video);
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    g_autofree gchar *config = scene_config(&scene, "mjpeg.yaml", store, url, "");
    g_auto(Program) replay = program_run("replay", config, NULL);
    g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);
    g_autofree gchar *clip = NULL;
    g_autoptr(GPtrArray) all = NULL, kept = NULL;
    guint at = 0;

    ck_assert_msg(replay.code == 0, "%s", replay.errors);
    ck_assert_uint_eq(count_text(replay.output, "\"type\":\"end\""), 1);
    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    clip = find_clip(store);
    all = hash_frames(video);
    kept = hash_frames(clip);
    ck_assert_uint_eq(all->len, 120);
    ck_assert_uint_ge(kept->len, 100); /* the visit, 3 s before and after it */
    while (at < all->len && !g_str_equal(all->pdata[at], kept->pdata[0]))
        at++;
    ck_assert_uint_le(at + kept->len, all->len);
    for (guint i = 0; i < kept->len; i++)
        ck_assert_str_eq(kept->pdata[i], all->pdata[at + i]);
}
END_TEST

/* (transfer full): what ffprobe says of the video's stream. */
static gchar *
probe(const gchar *path, const gchar *entries)
{
    const gchar *argv[] = {
        "ffprobe", "-v", "warning", "-count_packets", "-show_entries", entries, "-of",
        "csv=p=0", path, NULL};
    Program ffprobe = program_run_argv(argv);

    ck_assert_msg(ffprobe.code == 0 && !*ffprobe.errors, "%s", ffprobe.errors);
    g_free(ffprobe.errors);
    return g_strstrip(ffprobe.output);
}

/* The same events, with clips in H.264 that show as much. */
START_TEST(test_clip_is_encoded)
{
    g_autofree gchar *video = make_video("v.mov");
    g_autofree gchar *url = g_strdup_printf("file://%s", video);
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    g_autofree gchar *store2 = g_build_filename(scene.folder, "store2", NULL);
    g_autofree gchar *copy = scene_config(&scene, "copy.yaml", store, url, "    record: copy\n");
    g_autofree gchar *encode =
        scene_config(&scene, "encode.yaml", store2, url, "    record: h264\n");
    g_auto(Program) first = program_run("replay", copy, NULL);
    g_auto(Program) second = program_run("replay", encode, NULL);
    g_autofree gchar *clip = find_clip(store), *clip2 = find_clip(store2);
    g_autofree gchar *codec = probe(clip, "stream=codec_name");
    g_autofree gchar *codec2 = probe(clip2, "stream=codec_name");
    g_autofree gchar *n = probe(clip, "stream=nb_read_packets");
    g_autofree gchar *n2 = probe(clip2, "stream=nb_read_packets");

    ck_assert_int_eq(first.code, 0);
    ck_assert_int_eq(second.code, 0);
    ck_assert_str_eq(first.output, second.output);
    ck_assert_str_eq(codec, "mjpeg");
    ck_assert_str_eq(codec2, "h264");
    ck_assert_str_eq(n, n2);
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
}

static void
teardown(void)
{
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("mjpeg");
    TCase *tcase = tcase_create("mjpeg");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 180);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_loop_test(tcase, test_clip_is_a_copy, 0, 3);
        tcase_add_test(tcase, test_clip_is_encoded);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
