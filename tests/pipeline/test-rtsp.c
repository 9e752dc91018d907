/* SPDX-License-Identifier: Apache-2.0 */
/* A camera on the network that dies and comes back, and one that does not want us. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

#define PASSWORD "Geheim-77x"
#define PARAMETER "Wort/88-q"
#define RECONNECT_S 10.0

static Scene scene;
static gchar *output, *errors, *store;

/* Until the daemon has said this so often. */
static void
await(const gchar *text, guint times, gdouble seconds)
{
    const gboolean found = wait_for_text(errors, text, times, seconds);
    g_autofree gchar *log = found ? NULL : read_text(errors);

    ck_assert_msg(found, "no %s (%u times) in %.0f s:\n%s", text, times, seconds, log);
}

static guint
free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();

    return g_socket_listener_add_any_inet_port(listener, NULL, NULL);
}

static GSubprocess *
start_server(const gchar *port, const gchar *video, const gchar *password)
{
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"), port,     video,
                           password ? "user" : NULL,      password, NULL};

    return program_start_argv(NULL, NULL, argv);
}

static void
kill_server(GSubprocess *server)
{
    g_subprocess_force_exit(server);
    g_subprocess_wait(server, NULL, NULL);
}

static gdouble
seconds_since(gint64 begin_us)
{
    return (gdouble)(g_get_monotonic_time() - begin_us) / 1e6;
}

static void
check_clips(guint least)
{
    g_auto(Program) events = program_run("events", "--store", store, "--format", "json", NULL);
    g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);
    g_auto(GStrv) lines = g_strsplit(g_strstrip(events.output), "\n", -1);

    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    ck_assert_uint_ge(g_strv_length(lines), least);
    for (gchar **line = lines; *line; line++) {
        g_autoptr(JsonNode) node = json_from_string(*line, NULL);
        JsonObject *event = json_node_get_object(node);
        g_autofree gchar *clip =
            g_build_filename(store, "clips", json_object_get_string_member(event, "clip"), NULL);
        const gchar *argv[] = {"ffprobe", "-v", "warning", "-show_format", clip, NULL};
        g_auto(Program) ffprobe = program_run_argv(argv);

        ck_assert_str_eq(json_object_get_string_member(event, "type"), "end");
        ck_assert_msg(ffprobe.code == 0 && *ffprobe.errors == '\0', "%s: %s", clip, ffprobe.errors);
    }
}

START_TEST(test_killed_server)
{
    g_autofree gchar *video = scene_cut(&scene, "visit.mp4", 4, 20);
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *url = g_strdup_printf("rtsp://user:%s@127.0.0.1:%s/live", PASSWORD, port);
    g_autofree gchar *config =
        scene_config(&scene, "rtsp.yaml", store, url, "    detect: {fps: 5}\n");
    g_autoptr(GSubprocess) first = start_server(port, video, PASSWORD);
    g_autoptr(GSubprocess) second = NULL, daemon = NULL;
    gint64 at_us;

    g_usleep(500000);
    daemon = program_start(output, errors, "run", config, NULL);
    await("\"type\":\"begin\"", 1, 20);
    g_usleep(3000000);
    kill_server(first);
    at_us = g_get_monotonic_time();
    await("camera hall: waiting", 1, 6);
    g_print("the dead server was noticed after %.1f s\n", seconds_since(at_us));
    /* 5 s after the last frame what was open is in the store; the camera is not forgotten */
    await("\"type\":\"end\"", 1, 15);

    second = start_server(port, video, PASSWORD);
    at_us = g_get_monotonic_time();
    await("camera hall: running", 2, RECONNECT_S);
    g_print("back %.1f s after the server\n", seconds_since(at_us));
    await("\"type\":\"begin\"", 2, 20);
    g_usleep(2000000);
    at_us = g_get_monotonic_time();
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
    g_print("ended %.1f s after SIGTERM\n", seconds_since(at_us));
    kill_server(second);
    check_clips(2);
}
END_TEST

/* A server that hangs says nothing at all: no error, no end. */
START_TEST(test_frozen_server)
{
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%s/live", port);
    g_autofree gchar *config =
        scene_config(&scene, "frozen.yaml", store, url, "    detect: {fps: 1}\n");
    g_autoptr(GSubprocess) server = start_server(port, scene.video, NULL);
    g_autoptr(GSubprocess) daemon = NULL;
    gint64 at_us;

    g_usleep(500000);
    daemon = program_start(output, errors, "run", config, NULL);
    await("camera hall: running", 1, 10);
    g_subprocess_send_signal(server, SIGSTOP);
    at_us = g_get_monotonic_time();
    await("no frame for 4 s", 1, 8);
    g_print("silence was noticed after %.1f s\n", seconds_since(at_us));
    await("camera hall: waiting", 1, 5);
    g_subprocess_send_signal(server, SIGCONT);
    at_us = g_get_monotonic_time();
    await("camera hall: running", 2, RECONNECT_S);
    g_print("back %.1f s after the server\n", seconds_since(at_us));
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
    kill_server(server);
}
END_TEST

/* A directory's files, all of them, as text to search in. */
static gboolean
holds(const gchar *folder, const gchar *needle)
{
    const gchar *argv[] = {"grep", "-rqaF", "--", needle, folder, NULL};
    g_auto(Program) grep = program_run_argv(argv);

    return grep.code == 0;
}

START_TEST(test_wrong_password)
{
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *url = g_strdup_printf("rtsp://user:%s@127.0.0.1:%s/live", "Falsch-99y", port);
    g_autofree gchar *config = scene_config(&scene, "wrong.yaml", store, url, "");
    g_autoptr(GSubprocess) server = start_server(port, scene.video, PASSWORD);
    g_autoptr(GSubprocess) daemon = NULL;
    g_auto(Program) status = {0}, text = {0};

    g_usleep(500000);
    /* all that GStreamer has to say, which is a lot about the login */
    g_setenv("GST_DEBUG", "rtspsrc:9,rtspconnection:9,default:5", TRUE);
    g_setenv("G_MESSAGES_DEBUG", "all", TRUE);
    daemon = program_start(output, errors, "run", config, NULL);
    g_unsetenv("GST_DEBUG");
    g_unsetenv("G_MESSAGES_DEBUG");
    await("camera hall: waiting", 1, 15);
    status = program_run("status", "--json", "--store", store, NULL);
    text = program_run("status", "--store", store, NULL);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
    kill_server(server);

    ck_assert_msg(status.code == 0, "%s", status.errors);
    ck_assert_ptr_nonnull(strstr(status.output, "\"waiting\""));
    ck_assert_ptr_nonnull(strstr(status.output, "nauthorized"));
    ck_assert_ptr_nonnull(strstr(text.output, "waiting"));
    ck_assert_ptr_null(strstr(status.output, "Falsch"));
    ck_assert_ptr_null(strstr(text.output, "Falsch"));
    ck_assert(!holds(errors, "Falsch"));
    ck_assert(!holds(output, "Falsch"));
    ck_assert(!holds(store, "Falsch"));
    ck_assert(!holds(errors, "dXNlcjpGYWxzY2gtOTl5")); /* user:Falsch-99y in base 64 */
    ck_assert(holds(errors, "127.0.0.1"));             /* the log was there to be searched */
}
END_TEST

/* The login comes from a file, another one is in the address; the log, at its loudest, what is asked and the store have neither. */
START_TEST(test_credentials_file)
{
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *url =
        g_strdup_printf("rtsp://127.0.0.1:%s/live?user=a&psw=%s&channel=1", port, PARAMETER);
    g_autofree gchar *login = folder_write(scene.folder, "login", "user:%s\n", PASSWORD);
    g_autofree gchar *config = scene_config(&scene, "file.yaml", store, url,
                                            "    credentials: ./login\n    transport: auto\n");
    g_autoptr(GSubprocess) server = start_server(port, scene.video, PASSWORD);
    g_autoptr(GSubprocess) daemon = NULL;
    g_auto(Program) status = {0}, text = {0};

    ck_assert_ptr_nonnull(login);
    g_usleep(500000);
    g_setenv("GST_DEBUG", "rtspsrc:9,rtspconnection:9,default:4", TRUE);
    daemon = program_start(output, errors, "run", config, NULL);
    g_unsetenv("GST_DEBUG");
    await("camera hall: running", 1, 15);
    status = program_run("status", "--json", "--store", store, NULL);
    text = program_run("status", "--store", store, NULL);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 10.0), 0);
    kill_server(server);
    ck_assert(!holds(errors, PASSWORD));
    ck_assert(!holds(errors, "dXNlcjpHZWhlaW0tNzd4")); /* user:Geheim-77x in base 64 */
    ck_assert(!holds(store, PASSWORD));
    ck_assert(holds(errors, "127.0.0.1"));
    ck_assert_ptr_nonnull(strstr(status.output, "user=a&psw=***&channel=1"));
    ck_assert_ptr_null(strstr(status.output, "Wort"));
    ck_assert_ptr_null(strstr(text.output, "Wort"));
    ck_assert(!holds(errors, "Wort/88") && !holds(output, "Wort/88") && !holds(store, "Wort/88"));
}
END_TEST

static gchar *
scale_down(const gchar *video)
{
    gchar *path = g_build_filename(scene.folder, "sub.mp4", NULL);
    const gchar *argv[] = {"ffmpeg",        "-v",   "error",   "-y",      "-i",        video, "-vf",
                           "scale=320:180", "-c:v", "libx264", "-preset", "ultrafast", "-g",  "24",
                           "-an",           path,   NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static gchar *
mount_file(const gchar *name, const gchar *file)
{
    return g_strdup_printf(
        "%s=( filesrc location=\"%s\" ! qtdemux ! h264parse config-interval=-1 ! "
        "rtph264pay name=pay0 pt=96 )",
        name, file);
}

/* The small stream is looked at, the large one recorded. */
START_TEST(test_detect_source)
{
    g_autofree gchar *video = scene_cut(&scene, "visit.mp4", 4, 20);
    g_autofree gchar *small = scale_down(video);
    g_autofree gchar *main = mount_file("main", video), *sub = mount_file("sub", small);
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *option = g_strdup_printf("--port=%s", port);
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%s/main", port);
    g_autofree gchar *more =
        g_strdup_printf("    detect: {fps: 5}\n    detect_source: rtsp://127.0.0.1:%s/sub\n", port);
    g_autofree gchar *config = scene_config(&scene, "sub.yaml", store, url, more);
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"), option, main, sub, NULL};
    g_autoptr(GSubprocess) server = program_start_argv(NULL, NULL, argv);
    g_autoptr(GSubprocess) daemon = NULL;
    g_autofree gchar *clips = g_build_filename(store, "clips", NULL);
    const gchar *probe[] = {"sh",
                            "-c",
                            "ffprobe -v error -show_entries stream=width -of csv=p=0 \"$(find "
                            "\"$1\" -name '*.mp4' | head -1)\"",
                            "sh",
                            clips,
                            NULL};
    const gchar *wanted[] = {"ffprobe",
                             "-v",
                             "error",
                             "-show_entries",
                             "stream=width",
                             "-of",
                             "csv=p=0",
                             "-select_streams",
                             "v",
                             video,
                             NULL};

    g_usleep(500000);
    daemon = program_start(output, errors, "run", config, NULL);
    await("camera hall: running", 1, 20);
    await("\"type\":\"begin\"", 1, 30);
    g_usleep(3000000);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 10.0), 0);
    kill_server(server);
    check_clips(1);

    g_auto(Program) recorded = program_run_argv(probe);
    g_auto(Program) sent = program_run_argv(wanted);

    ck_assert_msg(recorded.code == 0 && *recorded.output, "%s", recorded.errors);
    ck_assert_str_eq(recorded.output, sent.output);
    ck_assert_str_ne(recorded.output, "320\n");
}
END_TEST

START_TEST(test_nobody_there)
{
    g_autofree gchar *port = g_strdup_printf("%u", free_port());
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%s/live", port);
    g_autofree gchar *config = scene_config(&scene, "nobody.yaml", store, url, "");
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    g_autofree gchar *log = NULL;

    await("is awaited: ", 1, 12);
    /* nothing is built anew for it */
    g_usleep(7 * G_USEC_PER_SEC);
    log = read_text(errors);
    ck_assert_uint_eq(count_text(log, "camera hall: waiting"), 1);
    ck_assert_uint_eq(count_text(log, "next attempt"), 0);
    g_subprocess_send_signal(daemon, SIGINT);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
    store = g_build_filename(scene.folder, "store", NULL);
    output = g_build_filename(scene.folder, "output", NULL);
    errors = g_build_filename(scene.folder, "errors", NULL);
}

static void
teardown(void)
{
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("rtsp");
    TCase *tcase = tcase_create("rtsp");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_test(tcase, test_killed_server);
        tcase_add_test(tcase, test_frozen_server);
        tcase_add_test(tcase, test_wrong_password);
        tcase_add_test(tcase, test_credentials_file);
        tcase_add_test(tcase, test_detect_source);
        tcase_add_test(tcase, test_nobody_there);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
