/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon tells of its cameras while they run, go and come back, and while a decoder breaks. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/vigil-rate.h"
#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/plugins/fake-decoder.h"

static Scene scene;
static gchar *output, *errors, *store;

START_TEST(test_rates)
{
    VigilRateWindow window = {0};
    gdouble rates[VIGIL_RATE_COUNTERS];

    vigil_rate_window_get(&window, rates);
    ck_assert(rates[0] == 0);
    for (guint i = 0; i <= 40; i++) { /* each quarter of a second */
        const guint64 counts[] = {100 + i * 5, i * 4, i};

        vigil_rate_window_add(&window, 7 + i * G_USEC_PER_SEC / 4, counts);
    }
    vigil_rate_window_get(&window, rates);
    ck_assert_double_eq_tol(rates[0], 20, 0.001);
    ck_assert_double_eq_tol(rates[1], 16, 0.001);
    ck_assert_double_eq_tol(rates[2], 4, 0.001);
    /* ten seconds later nothing of that is left */
    for (guint i = 0; i < 12; i++)
        vigil_rate_window_add(&window, (20 + i) * G_USEC_PER_SEC, (guint64[]){300, 160, 40});
    vigil_rate_window_get(&window, rates);
    ck_assert(rates[0] == 0 && rates[2] == 0);
    /* counted anew */
    vigil_rate_window_add(&window, 40 * G_USEC_PER_SEC, (guint64[]){301, 161, 3});
    vigil_rate_window_get(&window, rates);
    ck_assert(rates[0] == 0);
    vigil_rate_window_add(&window, 42 * G_USEC_PER_SEC, (guint64[]){321, 161, 4});
    vigil_rate_window_get(&window, rates);
    ck_assert_double_eq_tol(rates[0], 10, 0.001);
    ck_assert_double_eq_tol(rates[2], 0.5, 0.001);
}
END_TEST

static void
await(const gchar *text, guint times, gdouble seconds)
{
    const gboolean found = wait_for_text(errors, text, times, seconds);
    g_autofree gchar *log = found ? NULL : read_text(errors);

    ck_assert_msg(found, "no %s (%u times) in %.0f s:\n%s", text, times, seconds, log);
}

static gchar *
free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();

    return g_strdup_printf("%u", g_socket_listener_add_any_inet_port(listener, NULL, NULL));
}

static GSubprocess *
start_server(const gchar *port)
{
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"), port, scene.video, NULL};
    GSubprocess *server = program_start_argv(NULL, NULL, argv);

    g_usleep(500000);
    return server;
}

static void
kill_server(GSubprocess *server)
{
    g_subprocess_force_exit(server);
    g_subprocess_wait(server, NULL, NULL);
}

/* (transfer full): the daemon's answer; @camera: (out): its one camera, borrowed */
static JsonNode *
ask(JsonObject **camera)
{
    g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
    JsonNode *root;

    ck_assert_msg(status.code == 0, "%s", status.errors);
    root = json_from_string(status.output, NULL);
    ck_assert_ptr_nonnull(root);
    *camera = json_array_get_object_element(
        json_object_get_array_member(json_node_get_object(root), "cameras"), 0);
    return root;
}

static JsonObject *
part(JsonObject *camera, const gchar *name)
{
    ck_assert_msg(json_object_has_member(camera, name), "no %s", name);
    return json_object_get_object_member(camera, name);
}

/* Until a rate is known and above, as a loaded machine needs. */
static void
await_rate(const gchar *name, gdouble least)
{
    const gint64 end_us = g_get_monotonic_time() + 40 * G_USEC_PER_SEC;

    for (;;) {
        JsonObject *camera;
        g_autoptr(JsonNode) root = ask(&camera);
        const gdouble rate = json_object_get_double_member(part(camera, "rates"), name);

        ck_assert_ptr_nonnull(root);
        if (rate >= least)
            return;
        ck_assert_msg(g_get_monotonic_time() < end_us, "%s: %.2f a second only", name, rate);
        g_usleep(500000);
    }
}

static GSubprocess *
start_daemon(const gchar *port, const gchar *more)
{
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%s/live", port);
    g_autofree gchar *config = scene_config(&scene, "status.yaml", store, url, more);

    return program_start(output, errors, "run", config, NULL);
}

static void
stop_daemon(GSubprocess *daemon)
{
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 10.0), 0);
}

/* The video has 10 frames a second, of which 2 are looked at. */
START_TEST(test_running_camera)
{
    g_autofree gchar *port = free_port();
    g_autoptr(GSubprocess) first = start_server(port);
    g_autoptr(GSubprocess) daemon = start_daemon(port, "    detect: {fps: 2}\n");
    g_autoptr(GSubprocess) second = NULL;
    g_autoptr(JsonNode) running = NULL, lost = NULL, back = NULL;
    g_auto(Program) table = {0};
    JsonObject *camera;

    await("camera hall: running", 1, 20);
    await_rate("inferred", 0.5);
    await_rate("decoded", 5);
    running = ask(&camera);
    ck_assert_double_lt(json_object_get_double_member(part(camera, "rates"), "captured"), 20);
    ck_assert_double_lt(json_object_get_double_member(part(camera, "rates"), "inferred"), 4);
    ck_assert_str_eq(json_object_get_string_member(part(camera, "decoder"), "name"), "vigilavdec");
    ck_assert(json_object_get_null_member(part(camera, "decoder"), "failed"));
    ck_assert_int_eq(json_object_get_int_member(part(camera, "dropouts"), "count"), 0);
    ck_assert(json_object_get_null_member(part(camera, "dropouts"), "since"));
    ck_assert(json_object_get_null_member(camera, "capture")); /* it is none of V4L2 */
    ck_assert_str_eq(json_object_get_string_member(part(camera, "network"), "transport"), "tcp");
    ck_assert(json_object_get_null_member(part(camera, "network"), "udp_lost_percent"));
    ck_assert_int_gt(json_object_get_int_member(part(camera, "network"), "frames"), 0);
    ck_assert_int_eq(json_object_get_int_member(part(camera, "network"), "attempts"), 1);
    ck_assert(json_object_get_null_member(camera, "detect_network"));
    ck_assert(json_object_get_null_member(camera, "sound"));
    ck_assert(json_object_get_null_member(camera, "idle")); /* nobody asked for motion */
    ck_assert(json_object_has_member(part(camera, "queues"), "record"));
    ck_assert_int_gt(json_object_get_int_member(part(camera, "recording"), "ring_bytes"), 0);
    table = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(table.output, "CAPTURED") && strstr(table.output, "vigilavdec"), "%s",
                  table.output);

    kill_server(first);
    await("camera hall: waiting", 1, 10);
    await("next attempt", 1, 20); /* after 5 s what was recorded is ended */
    lost = ask(&camera);
    ck_assert_int_eq(json_object_get_int_member(part(camera, "dropouts"), "count"), 1);
    ck_assert(!json_object_get_null_member(part(camera, "dropouts"), "since"));
    /* what was looked at until then was written down; the day knows it */
    ck_assert_int_ge(json_object_get_int_member(part(camera, "day"), "minutes"), 1);
    ck_assert_int_gt(json_object_get_int_member(part(camera, "day"), "inferred"), 0);
    ck_assert_double_le(json_object_get_double_member(part(camera, "day"), "coverage"), 1.0);

    second = start_server(port);
    await("camera hall: running", 2, 20);
    back = ask(&camera);
    /* further attempts that failed belong to the same drop-out */
    ck_assert_int_eq(json_object_get_int_member(part(camera, "dropouts"), "count"), 1);
    ck_assert(json_object_get_null_member(part(camera, "dropouts"), "since"));
    ck_assert_double_gt(json_object_get_double_member(part(camera, "dropouts"), "longest_s"), 0.5);
    stop_daemon(daemon);
    kill_server(second);
}
END_TEST

/* With motion, and a small stream to look at (here the same one): what is not decoded is counted, and both streams are. */
START_TEST(test_two_streams_and_idle)
{
    g_autofree gchar *port = free_port();
    g_autofree gchar *more = g_strdup_printf("    detect_source: 'rtsp://127.0.0.1:%s/live'\n"
                                             "    motion: {enabled: true}\n",
                                             port);
    g_autoptr(GSubprocess) server = start_server(port);
    g_autoptr(GSubprocess) daemon = start_daemon(port, more);
    g_autoptr(JsonNode) root = NULL;
    g_auto(Program) table = {0};
    JsonObject *camera;

    await("camera hall: running", 1, 20);
    await_rate("captured", 1);
    root = ask(&camera);
    ck_assert_int_gt(json_object_get_int_member(part(camera, "network"), "frames"), 0);
    ck_assert_int_gt(json_object_get_int_member(part(camera, "detect_network"), "frames"), 0);
    ck_assert_int_gt(json_object_get_int_member(part(camera, "idle"), "frames"), 0);
    table = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(table.output, "the stream looked at over tcp"), "%s", table.output);
    ck_assert_msg(strstr(table.output, "not decoded: "), "%s", table.output);
    stop_daemon(daemon);
    kill_server(server);
}
END_TEST

/* A camera that hangs when it is asked for TCP first, and loses what it sends by UDP: the log and the status say that it was left for TCP. */
START_TEST(test_udp_that_loses)
{
    g_autofree gchar *port = free_port();
    g_autofree gchar *option = g_strdup_printf("--port=%s", port);
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"),
                           option,
                           "--loss=100",
                           "--udp-only",
                           "live=( videotestsrc is-live=true ! video/x-raw,width=320,height=240,"
                           "framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast "
                           "key-int-max=25 ! rtph264pay name=pay0 pt=96 mtu=300 )",
                           NULL};
    g_autoptr(GSubprocess) server = program_start_argv(NULL, NULL, argv);
    g_autoptr(GSubprocess) daemon = NULL;
    g_autoptr(JsonNode) root = NULL;
    g_auto(Program) table = {0};
    JsonObject *camera;

    g_usleep(500000);
    g_subprocess_send_signal(server, SIGSTOP);
    daemon = start_daemon(port, "    transport: auto\n");
    await("no frame for 4 s", 1, 20);
    g_subprocess_send_signal(server, SIGCONT);
    await(" is udp: H.264", 1, 30);
    await("of its packets by UDP were lost; it is asked to send by TCP from now on", 1, 60);
    await(" is tcp: H.264", 1, 30);
    root = ask(&camera);
    ck_assert_str_eq(json_object_get_string_member(part(camera, "network"), "transport"), "tcp");
    ck_assert_double_gt(json_object_get_double_member(part(camera, "network"), "udp_lost_percent"),
                        2);
    table = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(table.output, "over tcp (by UDP "), "%s", table.output);
    stop_daemon(daemon);
    kill_server(server);
}
END_TEST

static void
check_replaced(const gchar *name, gint64 times)
{
    JsonObject *camera;
    g_autoptr(JsonNode) root = ask(&camera);
    JsonObject *decoder = part(camera, "decoder");

    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_object_get_string_member(decoder, "name"), name);
    ck_assert_str_eq(json_object_get_string_member(decoder, "failed"), "v4l2h264dec");
    ck_assert_ptr_nonnull(
        strstr(json_object_get_string_member(decoder, "reason"), "The fake device broke"));
    ck_assert_int_eq(json_object_get_int_member(decoder, "replaced"), times);
}

/* A device that breaks after 4 s: the camera goes on, and the next connection does not begin with it. */
START_TEST(test_decoder_that_breaks)
{
    g_autofree gchar *port = free_port();
    g_autofree gchar *folder = g_path_get_dirname(g_getenv("VIGIL_FAKE_DECODER_PLUGIN"));
    g_autofree gchar *before = g_strdup(g_getenv("GST_PLUGIN_PATH_1_0"));
    g_autofree gchar *path = g_strdup_printf("%s:%s", before ? before : "", folder);
    g_autofree gchar *old_registry = g_strdup(g_getenv("GST_REGISTRY"));
    g_autofree gchar *registry = g_build_filename(scene.folder, "registry.bin", NULL);
    g_autofree gchar *fault = g_strdup_printf("%d", FAKE_DECODER_LATER);
    g_autoptr(GSubprocess) first = start_server(port);
    g_autoptr(GSubprocess) second = NULL, daemon = NULL;
    g_autofree gchar *log = NULL;

    /* in its own registry, so that no other test meets the fake one */
    g_setenv("GST_PLUGIN_PATH_1_0", path, TRUE);
    g_setenv("GST_REGISTRY", registry, TRUE);
    g_setenv("VIGIL_FAKE_DECODER", fault, TRUE);
    daemon = start_daemon(port, "    detect: {fps: 1}\n");
    await("the decoder v4l2h264dec failed (The fake device broke.), and vigilavdec takes its place",
          1, 60);
    await_rate("decoded", 5);
    check_replaced("vigilavdec", 1);
    kill_server(first);
    await("camera hall: waiting", 1, 10);
    second = start_server(port);
    await("camera hall: running", 2, 20);
    await_rate("decoded", 5);
    check_replaced("vigilavdec", 1);
    stop_daemon(daemon);
    kill_server(second);
    log = read_text(errors);
    ck_assert_uint_eq(count_text(log, "takes its place"), 1);
    /* it was lost when the server was, and never else */
    ck_assert_uint_eq(count_text(log, "camera hall: running"), 2);
    g_unsetenv("VIGIL_FAKE_DECODER");
    if (before)
        g_setenv("GST_PLUGIN_PATH_1_0", before, TRUE);
    else
        g_unsetenv("GST_PLUGIN_PATH_1_0");
    if (old_registry)
        g_setenv("GST_REGISTRY", old_registry, TRUE);
    else
        g_unsetenv("GST_REGISTRY");
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
    Suite *suite = suite_create("status");
    TCase *pure = tcase_create("pure"), *daemon = tcase_create("daemon");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(pure, test_rates);
    suite_add_tcase(suite, pure);
    tcase_set_timeout(daemon, 240);
    tcase_add_checked_fixture(daemon, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_test(daemon, test_running_camera);
        tcase_add_test(daemon, test_two_streams_and_idle);
        tcase_add_test(daemon, test_udp_that_loses);
        tcase_add_test(daemon, test_decoder_that_breaks);
    }
    suite_add_tcase(suite, daemon);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
