/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd hears of the daemon, from a socket in systemd's place; and that its watchdog bites when a thread hangs. */
#include <check.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/support/vigil-rtsp-camera.h"

#define WAIT_S 60
/* So long that a busy machine is not taken for a hang. */
#define WATCHDOG_S 12

static Scene scene;
static gchar *output, *errors, *store;
static GSocket *systemd;
static VigilRtspCamera camera;

/* (transfer full) (nullable): what was said, %NULL when nothing was for so long */
static gchar *
hear(gdouble seconds)
{
    gchar text[512];
    gssize size;

    g_socket_set_blocking(systemd, TRUE);
    g_socket_set_timeout(systemd, (guint)seconds);
    size = g_socket_receive(systemd, text, sizeof text, NULL, NULL);
    return size > 0 ? g_strndup(text, (gsize)size) : NULL;
}

/* Until that is said; whatever is said before is passed over. */
static void
await_said(const gchar *wanted)
{
    const gint64 end_us = g_get_monotonic_time() + WAIT_S * G_USEC_PER_SEC;
    g_autofree gchar *said = NULL;

    while (!said || !g_str_has_prefix(said, wanted)) {
        g_autofree gchar *log = NULL;

        g_free(said);
        said = hear(WAIT_S);
        if (said && g_get_monotonic_time() < end_us)
            continue;
        log = read_text(errors);
        ck_abort_msg("%s was not said:\n%s", wanted, log);
    }
    if (g_str_has_prefix(wanted, "RELOADING"))
        ck_assert(g_ascii_strtoull(strstr(said, "MONOTONIC_USEC=") + 15, NULL, 10) > 0);
}

/* @name: "" for one that is in no file system */
static void
open_systemd(const gchar *name)
{
    g_autofree gchar *random = g_strdup_printf("@vigil-test-%08x", g_random_int());
    g_autofree gchar *path = *name ? g_build_filename(scene.folder, name, NULL) : NULL;
    g_autofree gchar *seconds = g_strdup_printf("%d", WATCHDOG_S * 1000000);
    g_autoptr(GSocketAddress) address =
        path ? g_unix_socket_address_new(path)
             : g_unix_socket_address_new_with_type(random + 1, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);

    systemd = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, 0, NULL);
    ck_assert(g_socket_bind(systemd, address, FALSE, NULL));
    g_setenv("NOTIFY_SOCKET", path ? path : random, TRUE);
    g_setenv("WATCHDOG_USEC", seconds, TRUE);
}

/* @source: of the camera; %NULL: where the server is, or would be */
static GSubprocess *
start_daemon(const gchar *source)
{
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%u/live", camera.port);
    g_autofree gchar *config = scene_config(&scene, "watchdog.yaml", store, source ? source : url,
                                            "    detect: {fps: 2}\n");
    GSubprocess *daemon = program_start(output, errors, "run", config, NULL);

    g_unsetenv("NOTIFY_SOCKET");
    g_unsetenv("WATCHDOG_USEC");
    return daemon;
}

/* A camera that is not there is no reason to end the program. */
START_TEST(test_what_systemd_hears)
{
    static const gchar *const names[] = {"notify", ""};
    g_autoptr(GSubprocess) daemon = NULL;

    open_systemd(names[_i]);
    daemon = start_daemon(NULL);
    await_said("READY=1");
    for (guint i = 0; i < 3; i++)
        await_said("WATCHDOG=1");
    g_subprocess_send_signal(daemon, SIGHUP);
    await_said("RELOADING=1");
    await_said("READY=1");
    await_said("WATCHDOG=1");
    g_subprocess_send_signal(daemon, SIGTERM);
    await_said("STOPPING=1");
    ck_assert_int_eq(program_wait_exit(daemon, 30.0), 0);
}
END_TEST

/* What is meant for another process is not taken. */
START_TEST(test_other_process)
{
    g_autoptr(GSubprocess) daemon = NULL;
    g_autofree gchar *said = NULL;

    open_systemd("notify");
    g_setenv("WATCHDOG_PID", "1", TRUE);
    daemon = start_daemon(NULL);
    g_unsetenv("WATCHDOG_PID");
    await_said("READY=1");
    said = hear(WATCHDOG_S);
    ck_assert_msg(!said, "%s", said);
    g_subprocess_send_signal(daemon, SIGTERM);
    await_said("STOPPING=1");
    ck_assert_int_eq(program_wait_exit(daemon, 30.0), 0);
}
END_TEST

/* A file of Motion JPEG, of which a parser takes each frame and no decoder: they say of themselves that they are lossless. */
static gchar *
make_broken_video(void)
{
    g_autofree gchar *path = g_build_filename(scene.folder, "broken.avi", NULL);
    const gchar *argv[] = {
        "ffmpeg", "-v",    "error", "-f", "lavfi", "-i", "testsrc=duration=60:size=160x120:rate=10",
        "-c:v",   "mjpeg", path,    NULL};
    g_autofree gchar *bytes = NULL;
    gsize size;
    gint status;
    guint n_broken = 0;

    ck_assert(g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                           &status, NULL));
    ck_assert(g_spawn_check_wait_status(status, NULL));
    ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
    for (gsize i = 0; i + 3 < size; i++) {
        if (memcmp(bytes + i, "\xff\xc0\0\x11", 4) == 0) {
            bytes[i + 1] = (gchar)0xc3;
            n_broken++;
        }
    }
    ck_assert_uint_ge(n_broken, 600);
    ck_assert(g_file_set_contents(path, bytes, (gssize)size, NULL));
    return g_strconcat("file://", path, NULL);
}

/* Of such a camera the others must not suffer. */
START_TEST(test_nothing_to_look_at)
{
    g_autofree gchar *source = make_broken_video();
    g_autoptr(GSubprocess) daemon = NULL;
    const gint64 end_us = g_get_monotonic_time() + 3 * WATCHDOG_S * G_USEC_PER_SEC;

    open_systemd("notify");
    daemon = start_daemon(source);
    await_said("READY=1");
    while (g_get_monotonic_time() < end_us) {
        g_autofree gchar *said = hear(WATCHDOG_S);

        ck_assert_msg(said != NULL, "nothing said for %d s", WATCHDOG_S);
    }
    g_subprocess_send_signal(daemon, SIGTERM);
    await_said("STOPPING=1");
    ck_assert_int_eq(program_wait_exit(daemon, 30.0), 0);
}
END_TEST

/* Its number; 0: there is none. */
static pid_t
find_thread(const gchar *pid, const gchar *name)
{
    g_autofree gchar *folder = g_strdup_printf("/proc/%s/task", pid);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const gchar *entry;

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree gchar *path = g_build_filename(folder, entry, "comm", NULL);
        g_autofree gchar *comm = read_text(path);

        if (g_str_equal(g_strchomp(comm), name))
            return (pid_t)g_ascii_strtoll(entry, NULL, 10);
    }
    return 0;
}

/* One thread alone hangs: that of the camera, or one that brings frames to the decoder. */
START_TEST(test_thread_hangs)
{
    static const gchar *const threads[] = {"hall", "decode-queue:sr"};
    g_autoptr(GSubprocess) daemon = NULL;
    g_autofree gchar *said = NULL;
    const gint64 begin_us = g_get_monotonic_time();
    pid_t thread;
    gint status;

    open_systemd("notify");
    vigil_rtsp_camera_start(&camera, "live=" VIGIL_RTSP_PICTURES(320, 240), NULL);
    daemon = start_daemon(NULL);
    await_said("READY=1");
    ck_assert(wait_for_text(errors, "camera hall: running", 1, WAIT_S));
    await_said("WATCHDOG=1");
    /* frames have come out by then, too */
    for (guint i = 0; i < 4; i++)
        await_said("WATCHDOG=1");
    thread = find_thread(g_subprocess_get_identifier(daemon), threads[_i]);
    ck_assert_msg(thread != 0, "no thread %s", threads[_i]);
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) {
        g_print("skipped: threads cannot be stopped here: %s\n", g_strerror(errno));
    } else {
        ck_assert(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0);
        ck_assert_int_eq(waitpid(thread, &status, __WALL), thread);
        ck_assert(wait_for_text(errors, "camera hall: it makes no progress", 1, WAIT_S));
        do { /* what was said before */
            g_free(said);
            said = hear(WATCHDOG_S);
            ck_assert(g_get_monotonic_time() - begin_us < 4 * WAIT_S * G_USEC_PER_SEC);
        } while (said);
        ptrace(PTRACE_DETACH, thread, NULL, NULL);
        /* it was only asleep: all is well again */
        await_said("WATCHDOG=1");
    }
    g_subprocess_send_signal(daemon, SIGTERM);
    await_said("STOPPING=1");
    ck_assert_int_eq(program_wait_exit(daemon, 30.0), 0);
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
    store = g_build_filename(scene.folder, "store", NULL);
    output = g_build_filename(scene.folder, "output", NULL);
    errors = g_build_filename(scene.folder, "errors", NULL);
    camera = (VigilRtspCamera){.port = vigil_rtsp_camera_free_port()};
}

static void
teardown(void)
{
    vigil_rtsp_camera_kill(&camera);
    g_clear_object(&systemd);
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *tcase = tcase_create("watchdog"), *broken = tcase_create("broken");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(broken, 300);
    tcase_add_checked_fixture(broken, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_loop_test(tcase, test_what_systemd_hears, 0, 2);
        tcase_add_test(tcase, test_other_process);
        tcase_add_test(broken, test_nothing_to_look_at);
        tcase_add_loop_test(tcase, test_thread_hangs, 0, 2);
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
