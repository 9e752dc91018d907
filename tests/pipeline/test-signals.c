/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon and its signals, on files that it plays in real time. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

static Scene scene;
static gchar *output, *errors, *store, *video;

/* Until the daemon has said this so often. */
static void
await(const gchar *text, guint times, gdouble seconds)
{
    const gboolean found = wait_for_text(errors, text, times, seconds);
    g_autofree gchar *log = found ? NULL : read_text(errors);

    ck_assert_msg(found, "no %s (%u times) in %.0f s:\n%s", text, times, seconds, log);
}

/* SIGTERM in the middle of an event: it ends, its clip is whole, and all that takes less than 5 s. */
START_TEST(test_stop)
{
    static const gint signals[] = {SIGTERM, SIGINT};
    g_autofree gchar *config = scene_config(&scene, "a.yaml", store, video, "");
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    g_auto(Program) events = {0}, fsck = {0};
    g_autoptr(JsonNode) node = NULL;
    g_autofree gchar *clip = NULL;
    gint64 begin_us;

    await("\"type\":\"begin\"", 1, 30);
    begin_us = g_get_monotonic_time();
    g_subprocess_send_signal(daemon, signals[_i]);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
    g_print("ended after %.2f s\n", (gdouble)(g_get_monotonic_time() - begin_us) / 1e6);

    events = program_run("events", "--store", store, "--format", "json", NULL);
    fsck = program_run("fsck", "--store", store, NULL);
    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    ck_assert_uint_eq(count_text(events.output, "\n"), 1);
    node = json_from_string(events.output, NULL);
    ck_assert_str_eq(json_object_get_string_member(json_node_get_object(node), "type"), "end");
    clip = g_build_filename(
        store, "clips", json_object_get_string_member(json_node_get_object(node), "clip"), NULL);
    const gchar *argv[] = {"ffprobe", "-v", "warning", "-show_format", clip, NULL};
    g_auto(Program) ffprobe = program_run_argv(argv);
    ck_assert_msg(ffprobe.code == 0 && *ffprobe.errors == '\0', "%s", ffprobe.errors);
}
END_TEST

/* What the daemon says of pins, once its housekeeper has seen so many. */
static gboolean
await_pins(gint64 n)
{
    for (guint i = 0; i < 300; i++) {
        g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
        g_autoptr(JsonNode) root = json_from_string(status.output, NULL);
        JsonObject *pins, *log;

        ck_assert_msg(status.code == 0 && root, "%s", status.errors);
        log = json_object_get_object_member(json_node_get_object(root), "log");
        ck_assert(log && json_object_has_member(log, "checkpoints"));
        pins = json_object_get_object_member(json_node_get_object(root), "pins");
        if (json_object_get_int_member(pins, "events") == n) {
            ck_assert_str_eq(json_object_get_string_member(pins, "health"), "ok");
            ck_assert_int_gt(json_object_get_int_member(log, "bytes"), 0);
            return TRUE;
        }
        g_usleep(100000);
    }
    return FALSE;
}

/* The event that goes on is pinned and let go while the daemon has the store. */
START_TEST(test_pin)
{
    g_autofree gchar *config = scene_config(&scene, "a.yaml", store, video, "");
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    g_auto(Program) events = {0}, pinned = {0}, listed = {0}, text = {0}, unpinned = {0};
    g_autoptr(JsonNode) node = NULL;
    const gchar *id;

    await("\"type\":\"begin\"", 1, 30);
    events = program_run("events", "--store", store, "--format", "json", "--limit", "1", NULL);
    node = json_from_string(events.output, NULL);
    id = json_object_get_string_member(json_node_get_object(node), "id");
    pinned = program_run("pin", id, "--store", store, NULL);
    ck_assert_msg(pinned.code == 0, "%s", pinned.errors);
    listed = program_run("events", "--pinned", "--store", store, "--format", "json", NULL);
    ck_assert_ptr_nonnull(strstr(listed.output, id));
    ck_assert(await_pins(1));
    text = program_run("status", "--store", store, NULL);
    ck_assert_ptr_nonnull(strstr(text.output, "pinned: 1 events"));
    ck_assert_ptr_nonnull(strstr(text.output, "log of the database: "));
    unpinned = program_run("unpin", id, "--store", store, NULL);
    ck_assert_msg(unpinned.code == 0, "%s", unpinned.errors);
    ck_assert(await_pins(0));
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
}
END_TEST

/* Each camera's lines of the configuration. */
static void
write_config(const gchar *cameras)
{
    g_free(folder_write(scene.folder, "c.yaml",
                        "store: {path: '%s'}\nmodel: {path: '%s', labels: '%s'}\ncameras:\n%s",
                        store, scene.model, scene.labels, cameras));
}

static gchar *
camera_yaml(const gchar *name, const gchar *dwell)
{
    return g_strdup_printf(
        "  - {name: %s, source: '%s', detect: {fps: 1, weight: 3, max_age: 2s},\n"
        "     rules: [{name: r, classes: [person], dwell: %s}]}\n",
        name, video, dwell);
}

static gint64 n_looked_at; /* by the camera that was asked for last */

static void
check_detection(JsonObject *detection)
{
    JsonObject *ages = json_object_get_object_member(detection, "queue_age_ms");
    JsonObject *times = json_object_get_object_member(detection, "inference_ms");

    n_looked_at = json_object_get_int_member(detection, "inferred");
    ck_assert_int_eq(json_object_get_int_member(detection, "weight"), 3);
    ck_assert(json_object_get_double_member(detection, "max_age_s") == 2);
    ck_assert(n_looked_at == 0 || json_object_get_double_member(times, "p50") > 0);
    ck_assert(json_object_get_double_member(times, "p99") >=
              json_object_get_double_member(times, "p50"));
    ck_assert(json_object_get_double_member(ages, "p99") >=
              json_object_get_double_member(ages, "p50"));
}

/* What the daemon says of a camera: "since STATE"; "" when it has no such camera. */
static gchar *
ask(const gchar *name, gint64 *frames)
{
    g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
    g_autoptr(JsonNode) root = json_from_string(status.output, NULL);
    JsonArray *cameras;

    ck_assert_msg(status.code == 0 && root, "%s", status.errors);
    cameras = json_object_get_array_member(json_node_get_object(root), "cameras");
    for (guint i = 0; i < json_array_get_length(cameras); i++) {
        JsonObject *camera = json_array_get_object_element(cameras, i);

        if (!g_str_equal(json_object_get_string_member(camera, "name"), name))
            continue;
        *frames = json_object_get_int_member(camera, "frames");
        check_detection(json_object_get_object_member(camera, "detection"));
        return g_strdup_printf("%s %s", json_object_get_string_member(camera, "since"),
                               json_object_get_string_member(camera, "state"));
    }
    return g_strdup("");
}

/* The same once the camera has more frames than @than, and some were looked at; however fast the machine is. */
static gchar *
ask_later(const gchar *name, gint64 *frames, gint64 than)
{
    for (guint i = 0; i < 200; i++) {
        g_autofree gchar *answer = ask(name, frames);

        if (*frames > than && n_looked_at > 0)
            return g_steal_pointer(&answer);
        g_usleep(100000);
    }
    ck_abort_msg("%s stays at %" G_GINT64_FORMAT " frames, %" G_GINT64_FORMAT " looked at", name,
                 *frames, n_looked_at);
}

START_TEST(test_reload)
{
    g_autofree gchar *config = g_build_filename(scene.folder, "c.yaml", NULL);
    g_autofree gchar *a = camera_yaml("aa", "1s"), *b = camera_yaml("bb", "1s");
    g_autofree gchar *b_changed = camera_yaml("bb", "2s"), *c = camera_yaml("cc", "1s");
    g_autofree gchar *two = g_strconcat(a, b, NULL), *changed = g_strconcat(a, b_changed, NULL);
    g_autofree gchar *other = g_strconcat(c, a, NULL);
    g_autofree gchar *before = NULL, *after = NULL, *last = NULL, *gone = NULL, *come = NULL;
    g_autoptr(GSubprocess) daemon = NULL;
    gint64 frames_before = 0, frames_after = 0, frames_last = 0, frames = 0;

    write_config(two);
    daemon = program_start(output, errors, "run", config, NULL);
    await("camera aa: running", 1, 20);
    await("camera bb: running", 1, 20);
    before = ask_later("aa", &frames_before, 0);
    ck_assert_ptr_nonnull(strstr(before, "running"));

    /* the same again: nobody is touched */
    g_subprocess_send_signal(daemon, SIGHUP);
    await("read again", 1, 10);
    /* one rule of one camera */
    write_config(changed);
    g_subprocess_send_signal(daemon, SIGHUP);
    await("camera bb: running", 2, 15);
    /* a mistake: all goes on */
    write_config("  - {name: zz}\n");
    g_subprocess_send_signal(daemon, SIGHUP);
    await("goes on as before", 1, 10);
    after = ask_later("aa", &frames_after, frames_before);
    /* one goes, one comes */
    write_config(other);
    g_subprocess_send_signal(daemon, SIGHUP);
    await("camera cc: running", 1, 15);
    await("camera bb: stopped", 2, 10);
    last = ask_later("aa", &frames_last, frames_after);
    gone = ask("bb", &frames);
    come = ask("cc", &frames);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);

    /* the first one ran through all of it */
    ck_assert_str_eq(before, after);
    ck_assert_str_eq(before, last);
    ck_assert_str_eq(gone, "");
    ck_assert_ptr_nonnull(strstr(come, "running"));
}
END_TEST

/* One camera that cannot work does not end the others; files that are played end the daemon. */
START_TEST(test_failure_is_alone)
{
    g_autofree gchar *config = g_build_filename(scene.folder, "c.yaml", NULL);
    g_autofree gchar *piece = scene_cut(&scene, "piece.mp4", 5, 5);
    g_autofree gchar *text = folder_write(scene.folder, "text.mp4", "no video at all\n");
    g_autofree gchar *cameras =
        g_strdup_printf("  - {name: bad, source: '%s', rules: [{name: r}]}\n"
                        "  - {name: good, source: '%s', rules: [{name: r, classes: [person]}]}\n",
                        text, piece);
    g_autoptr(GSubprocess) daemon = NULL;
    g_autofree gchar *log = NULL;

    write_config(cameras);
    daemon = program_start(output, errors, "run", config, NULL);
    /* 1: not everything that it was to watch could be watched */
    ck_assert_int_eq(program_wait_exit(daemon, 40.0), 1);
    log = read_text(errors);
    ck_assert_ptr_nonnull(strstr(log, "camera bad: failed"));
    ck_assert_ptr_nonnull(strstr(log, "camera good: ended"));
    ck_assert_ptr_nonnull(strstr(log, "\"type\":\"begin\""));
}
END_TEST

START_TEST(test_second_daemon)
{
    g_autofree gchar *config = scene_config(&scene, "a.yaml", store, video, "");
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    g_auto(Program) second = {0}, repair = {0}, status = {0};

    await("camera hall: running", 1, 20);
    second = program_run("run", config, NULL);
    repair = program_run("fsck", "--repair", "--store", store, NULL);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 5.0), 0);
    ck_assert_int_eq(second.code, 1);
    ck_assert_ptr_nonnull(strstr(second.errors, "another process"));
    ck_assert_int_eq(repair.code, 1);
    status = program_run("status", "--config", config, NULL);
    ck_assert_int_eq(status.code, 4);
    ck_assert_msg(strstr(status.output, "last run") != NULL, "%s", status.output);
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
    store = g_build_filename(scene.folder, "store", NULL);
    output = g_build_filename(scene.folder, "output", NULL);
    errors = g_build_filename(scene.folder, "errors", NULL);
    video = scene_cut(&scene, "visit.mp4", 4, 120);
}

static void
teardown(void)
{
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    g_clear_pointer(&video, g_free);
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("signals");
    TCase *tcase = tcase_create("signals");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_loop_test(tcase, test_stop, 0, 2);
        tcase_add_test(tcase, test_pin);
        tcase_add_test(tcase, test_reload);
        tcase_add_test(tcase, test_failure_is_alone);
        tcase_add_test(tcase, test_second_daemon);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
