/* SPDX-License-Identifier: Apache-2.0 */
/* Sound through the whole program: clips have it where it was asked for, as it came, and nowhere else. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/support/vigil-rtsp-camera.h"

#define MASKS "    masks: [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]]]\n"

static Scene scene;

/* (transfer full): 12 s in which somebody comes and goes, with noise beside it. */
static gchar *
make_video_of(const gchar *name, const gchar *codec, const gchar *rate, const gchar *seconds)
{
    gchar *path = g_build_filename(scene.folder, name, NULL);
    const gchar *argv[] = {
        "ffmpeg", "-v",    "error",     "-y",  "-ss",   "4",   "-t",
        "12",     "-i",    scene.video, "-f",  "lavfi", "-i",  "anoisesrc=sample_rate=48000",
        "-t",     seconds, "-map",      "0:v", "-map",  "1:a", "-c:v",
        "copy",   "-c:a",  codec,       "-ar", rate,    "-ac", "1",
        path,     NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static gchar *
make_video(const gchar *name, const gchar *codec, const gchar *rate)
{
    return make_video_of(name, codec, rate, "12");
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

/* (transfer full): the coded sound, all in one. */
static gchar *
extract(const gchar *path, const gchar *format, gsize *length)
{
    g_autofree gchar *raw = g_build_filename(scene.folder, "sound.raw", NULL);
    const gchar *argv[] = {"ffmpeg", "-v", "error", "-y", "-i",   path, "-map",
                           "0:a",    "-c", "copy",  "-f", format, raw,  NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);
    gchar *bytes = NULL;

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    ck_assert(g_file_get_contents(raw, &bytes, length, NULL));
    return bytes;
}

static gchar *
get_codecs(const gchar *clip)
{
    const gchar *argv[] = {"ffprobe", "-v", "warning", "-show_entries", "stream=codec_name", "-of",
                           "csv=p=0", clip, NULL};
    g_auto(Program) ffprobe = program_run_argv(argv);
    g_auto(GStrv) lines = NULL;

    ck_assert_msg(ffprobe.code == 0 && !*ffprobe.errors, "%s", ffprobe.errors);
    lines = g_strsplit(g_strstrip(ffprobe.output), "\n", -1);
    return g_strjoinv(" ", lines);
}

/* Replays the video into a store of its own. Returns: (transfer full): the clip */
static gchar *
replay(const gchar *video, const gchar *more, Program *run)
{
    g_autofree gchar *url = g_strdup_printf("file://%s", video);
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    g_autofree gchar *config = scene_config(&scene, "audio.yaml", store, url, more);
    g_auto(Program) fsck = {0};

    *run = program_run("replay", config, NULL);
    ck_assert_msg(run->code == 0, "%s", run->errors);
    fsck = program_run("fsck", "--verify", "--store", store, NULL);
    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    return find_clip(store);
}

START_TEST(test_clip_has_the_file_s_sound)
{
    static const struct {
        const gchar *name, *codec, *rate, *format, *codecs;
    } files[] = {
        {"v.mp4", "aac", "16000", "adts", "h264 aac"},
        {"v.mkv", "libopus", "48000", "data", "h264 opus"},
        {"v.mov", "pcm_alaw", "8000", "alaw", "h264 pcm_alaw"},
        {"v.ts", "aac", "16000", "adts", "h264 aac"},
    };
    g_autofree gchar *video = make_video(files[_i].name, files[_i].codec, files[_i].rate);
    g_auto(Program) run = {0};
    g_autofree gchar *clip = replay(video, "    audio: true\n", &run);
    g_autofree gchar *codecs = get_codecs(clip), *all = NULL, *kept = NULL;
    gsize all_bytes, kept_bytes;

    ck_assert_str_eq(codecs, files[_i].codecs);
    all = extract(video, files[_i].format, &all_bytes);
    kept = extract(clip, files[_i].format, &kept_bytes);
    ck_assert_uint_gt(kept_bytes, all_bytes / 3);
    ck_assert_msg(memmem(all, all_bytes, kept, kept_bytes), "the clip has other bytes");
}
END_TEST

/* The headers of frames of AAC, which begin with FF F1 in a .ts file: %TRUE: they say MPEG-2, which no clip can have; else they are none any more. */
static void
spoil_sound(const gchar *path, gboolean mpeg2)
{
    gchar *bytes = NULL;
    gsize length;

    ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
    for (gsize i = 0; i + 2 < length; i++)
        if ((guint8)bytes[i] == 0xff && (guint8)bytes[i + 1] == 0xf1 &&
            ((guint8)bytes[i + 2] & 0xfc) == 0x60)
            bytes[i + 1] = (gchar)(mpeg2 ? 0xf9 : 0x01);
    ck_assert(g_file_set_contents(path, bytes, (gssize)length, NULL));
    g_free(bytes);
}

/* Who cannot have the sound has the pictures. */
START_TEST(test_sound_that_cannot_be_taken)
{
    g_autofree gchar *video = make_video("v.ts", "aac", "16000");
    g_autofree gchar *clip = NULL;
    g_auto(Program) run = {0};

    spoil_sound(video, _i == 0);
    clip = replay(video, "    audio: true\n", &run);
    ck_assert_uint_eq(count_text(run.errors, _i ? "its sound is broken" : "no clip can have"), 1);
}
END_TEST

/* Nothing comes any more that it could wait for, and the end of the pictures is behind it. */
START_TEST(test_sound_that_goes_on_for_long)
{
    g_autofree gchar *video = make_video_of("v.ts", "aac", "48000", "600");
    g_autofree gchar *clip = NULL;
    g_auto(Program) run = {0};

    clip = replay(video, "    audio: true\n", &run);
}
END_TEST

/* Off by default, and what a camera with masks records has its sound, too. */
START_TEST(test_only_where_it_is_asked_for)
{
    static const struct {
        const gchar *more, *codecs;
    } cases[] = {
        {"", "h264"},
        {"    audio: false\n", "h264"},
        {"    audio: true\n" MASKS, "h264 aac"},
    };
    g_autofree gchar *video = make_video("v.mp4", "aac", "16000");
    g_auto(Program) run = {0};
    g_autofree gchar *clip = replay(video, cases[_i].more, &run);
    g_autofree gchar *codecs = get_codecs(clip);

    ck_assert_str_eq(codecs, cases[_i].codecs);
}
END_TEST

/* It is said, and the pictures are recorded. */
START_TEST(test_sound_that_no_clip_can_have)
{
    g_autofree gchar *video = make_video("v.mkv", "flac", "16000");
    g_auto(Program) run = {0};
    g_autofree gchar *clip = replay(video, "    audio: true\n", &run);
    g_autofree gchar *codecs = get_codecs(clip);

    ck_assert_str_eq(codecs, "h264");
    ck_assert_uint_eq(count_text(run.errors, "its clips are without sound"), 1);
}
END_TEST

#define RTSP_MOUNT                                                                              \
    "live=( filesrc location=\"%s\" ! qtdemux name=d d.video_0 ! queue ! h264parse "            \
    "config-interval=-1 ! rtph264pay name=pay0 pt=96 d.audio_0 ! queue ! rtpmp4gpay name=pay1 " \
    "pt=97 )"

/* A frame is a packet here, as of most cameras. */
static void
check_counters(const gchar *store)
{
    g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
    g_autoptr(JsonNode) root = json_from_string(status.output, NULL);
    JsonObject *camera, *sound;

    ck_assert_msg(status.code == 0 && root, "%s", status.errors);
    camera = json_array_get_object_element(
        json_object_get_array_member(json_node_get_object(root), "cameras"), 0);
    sound = json_object_get_object_member(camera, "sound");
    ck_assert_ptr_nonnull(sound);
    ck_assert_int_gt(json_object_get_int_member(sound, "frames"), 20);
    ck_assert_int_ge(json_object_get_int_member(sound, "packets"),
                     json_object_get_int_member(sound, "frames"));
    ck_assert_int_eq(json_object_get_int_member(sound, "lost_packets"), 0);
    ck_assert_int_eq(json_object_get_int_member(sound, "missing"), 0);
}

/* The same from the network: the frames of a clip are some that the camera sent. */
START_TEST(test_camera_on_the_network)
{
    g_autofree gchar *video = make_video("v.mp4", "aac", "16000");
    g_autofree gchar *output = g_build_filename(scene.folder, "out", NULL);
    g_autofree gchar *errors = g_build_filename(scene.folder, "err", NULL);
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    VigilRtspCamera camera = {.port = vigil_rtsp_camera_free_port()};
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%u/live", camera.port);
    g_autofree gchar *config =
        scene_config(&scene, "rtsp.yaml", store, url, "    audio: true\n    detect: {fps: 5}\n");
    g_autofree gchar *mount = g_strdup_printf(RTSP_MOUNT, video);
    g_autofree gchar *clip = NULL, *codecs = NULL, *all = NULL, *kept = NULL, *log = NULL;
    g_autoptr(GSubprocess) daemon = NULL;
    g_auto(Program) table = {0};
    gsize all_bytes, kept_bytes;
    gint code;

    vigil_rtsp_camera_start(&camera, mount, NULL);
    daemon = program_start(output, errors, "run", config, NULL);
    ck_assert(wait_for_text(errors, "\"type\":\"begin\"", 1, 60));
    g_usleep(3000000);
    check_counters(store);
    table = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(table.output, "its sound: "), "%s", table.output);
    g_subprocess_send_signal(daemon, SIGTERM);
    code = program_wait_exit(daemon, 20.0);
    log = read_text(errors);
    ck_assert_msg(code == 0, "%d: %s", code, log);
    vigil_rtsp_camera_kill(&camera);
    clip = find_clip(store);
    codecs = get_codecs(clip);
    ck_assert_str_eq(codecs, "h264 aac");
    all = extract(video, "adts", &all_bytes);
    kept = extract(clip, "adts", &kept_bytes);
    ck_assert_uint_gt(kept_bytes, 1000);
    ck_assert_msg(memmem(all, all_bytes, kept, kept_bytes), "the clip has other bytes");
}
END_TEST

static void
open_scene(void)
{
    ck_assert(scene_open(&scene));
}

static void
close_scene(void)
{
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("audio");
    TCase *tcase = tcase_create("audio"), *broken = tcase_create("broken");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 180);
    tcase_add_checked_fixture(tcase, open_scene, close_scene);
    tcase_set_timeout(broken, 180);
    tcase_add_checked_fixture(broken, open_scene, close_scene);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_test(broken, test_sound_that_goes_on_for_long);
        tcase_add_loop_test(broken, test_sound_that_cannot_be_taken, 0, 2);
        tcase_add_loop_test(tcase, test_clip_has_the_file_s_sound, 0, 4);
        tcase_add_loop_test(tcase, test_only_where_it_is_asked_for, 0, 3);
        tcase_add_test(tcase, test_sound_that_no_clip_can_have);
        tcase_add_test(tcase, test_camera_on_the_network);
    }
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, broken);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
