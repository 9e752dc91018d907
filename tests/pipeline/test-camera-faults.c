/* SPDX-License-Identifier: Apache-2.0 */
/* Three cameras on the network, of which one hangs, dies and comes back all the time: the other two do not notice. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/support/vigil-rtsp-camera.h"

#define WAIT_S 60
#define PHASE_S 12.0
#define POLL_US 300000
/* At 25 frames a second. The element itself gives a camera up after 4 s. */
#define MOST_SILENT_S 3.5
/* What a busy machine may add to the age of frames from one phase to the next. */
#define SLACK_MS 400.0
#define LIVE VIGIL_RTSP_PICTURES(320, 240)

enum {
    BAD,
    LEFT,
    RIGHT,
    N_CAMERAS
};

static const gchar *const names[N_CAMERAS] = {"bad", "left", "right"};

/** Seen: of a camera that is well. */
typedef struct {
    gint64 frames, inferred, drop_outs, losses;
    gdouble silent_s; /* the longest */
    gdouble age_ms;   /* median */
} Seen;

static Scene scene;
static gchar *output, *errors, *store;
static VigilRtspCamera good, bad;

static void
await(const gchar *text, guint times)
{
    const gboolean found = wait_for_text(errors, text, times, WAIT_S);
    g_autofree gchar *log = found ? NULL : read_text(errors);

    ck_assert_msg(found, "no %s (%u times):\n%s", text, times, log);
}

static guint
count(const gchar *text)
{
    g_autofree gchar *log = read_text(errors);

    return count_text(log, text);
}

static JsonObject *
part(JsonObject *object, const gchar *name)
{
    ck_assert_msg(json_object_has_member(object, name), "no %s", name);
    return json_object_get_object_member(object, name);
}

static JsonObject *
find_camera(JsonNode *root, const gchar *name)
{
    JsonArray *list = json_object_get_array_member(json_node_get_object(root), "cameras");

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *camera = json_array_get_object_element(list, i);

        if (g_str_equal(json_object_get_string_member(camera, "name"), name))
            return camera;
    }
    ck_abort_msg("no camera %s", name);
    return NULL;
}

static void
look(JsonObject *camera, gboolean metadata_only, Seen *seen)
{
    JsonObject *network = part(camera, "network"), *detection = part(camera, "detection");

    ck_assert_str_eq(json_object_get_string_member(camera, "state"), "running");
    seen->silent_s = MAX(seen->silent_s, json_object_get_double_member(camera, "last_frame_s_ago"));
    seen->frames = json_object_get_int_member(network, "frames");
    seen->drop_outs = json_object_get_int_member(network, "drop_outs");
    seen->losses = json_object_get_int_member(camera, "losses");
    seen->inferred = json_object_get_int_member(detection, "inferred");
    seen->age_ms = json_object_get_double_member(part(detection, "queue_age_ms"), "p50");
}

/* The two that are well, for so long. */
static void
watch(Seen *seen, gdouble seconds)
{
    const gint64 end_us = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    do {
        g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
        g_autoptr(JsonNode) root = json_from_string(status.output, NULL);

        ck_assert_msg(root != NULL, "%s", status.errors);
        for (guint i = LEFT; i < N_CAMERAS; i++)
            look(find_camera(root, names[i]), i == RIGHT, &seen[i]);
        g_usleep(POLL_US);
    } while (g_get_monotonic_time() < end_us);
}

/* The third one hangs, comes back, dies at once, and comes back. */
static void
torment(Seen *seen)
{
    guint waiting = count("camera bad: waiting"), running = count("camera bad: running");

    vigil_rtsp_camera_freeze(&bad);
    watch(seen, PHASE_S / 2);
    await("camera bad: waiting", ++waiting);
    vigil_rtsp_camera_thaw(&bad);
    await("camera bad: running", ++running);
    for (guint i = 0; i < 2; i++) {
        vigil_rtsp_camera_kill(&bad);
        watch(seen, PHASE_S / 4);
        await("camera bad: waiting", ++waiting);
        vigil_rtsp_camera_start(&bad, "live=" LIVE, NULL);
        await("camera bad: running", ++running);
    }
    watch(seen, 1);
}

static void
stop(GSubprocess *daemon)
{
    g_autofree gchar *log = NULL;
    gint code;

    g_subprocess_send_signal(daemon, SIGTERM);
    code = program_wait_exit(daemon, 30.0);
    log = read_text(errors);
    /* longer than a message of check's may be */
    if (code != 0)
        g_printerr("%s", log);
    ck_assert_int_eq(code, 0);
}

static gchar *
write_config(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "store: {path: '%s'}\nmodel: {path: '%s', labels: '%s'}\ncameras:\n",
                    store, scene.model, scene.labels);
    for (guint i = 0; i < N_CAMERAS; i++)
        g_string_append_printf(text,
                               "  - name: %s\n    source: rtsp://127.0.0.1:%u/%s\n"
                               "    detect: {fps: 2}\n%s    rules: [{name: all, min_score: 0.9}]\n",
                               names[i], i == BAD ? bad.port : good.port,
                               i == BAD ? "live" : names[i],
                               i == RIGHT ? "    metadata_only: true\n" : "");
    return folder_write(scene.folder, "three.yaml", "%s", text->str);
}

START_TEST(test_others_do_not_notice)
{
    g_autofree gchar *config = write_config();
    g_autoptr(GSubprocess) daemon = NULL;
    Seen before[N_CAMERAS] = {0}, after[N_CAMERAS] = {0};
    gint64 begin_us, calm_us, fault_us;

    vigil_rtsp_camera_start(&good, "left=" LIVE, "right=" LIVE, NULL);
    vigil_rtsp_camera_start(&bad, "live=" LIVE, NULL);
    daemon = program_start(output, errors, "run", config, NULL);
    for (guint i = 0; i < N_CAMERAS; i++) {
        g_autofree gchar *text = g_strdup_printf("camera %s: running", names[i]);

        await(text, 1);
    }
    begin_us = g_get_monotonic_time();
    watch(before, PHASE_S);
    calm_us = g_get_monotonic_time() - begin_us;
    memcpy(after, before, sizeof after);
    for (guint i = LEFT; i < N_CAMERAS; i++)
        after[i].silent_s = 0;
    torment(after);
    fault_us = g_get_monotonic_time() - begin_us - calm_us;
    stop(daemon);

    for (guint i = LEFT; i < N_CAMERAS; i++) {
        const gdouble calm = (gdouble)before[i].inferred / (gdouble)calm_us;
        const gdouble fault = (gdouble)(after[i].inferred - before[i].inferred) / (gdouble)fault_us;

        g_print("%s: silent for %.2f s at most, then %.2f s; looked at %.2f /s, then %.2f /s; "
                "age of frames %.0f ms, then %.0f ms\n",
                names[i], before[i].silent_s, after[i].silent_s, calm * 1e6, fault * 1e6,
                before[i].age_ms, after[i].age_ms);
        ck_assert_int_eq(after[i].drop_outs, 0);
        ck_assert_int_eq(after[i].losses, 0);
        ck_assert(after[i].silent_s < MOST_SILENT_S);
        ck_assert(fault > calm / 3);
        ck_assert(after[i].age_ms < before[i].age_ms + SLACK_MS);
    }
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
    store = g_build_filename(scene.folder, "store", NULL);
    output = g_build_filename(scene.folder, "output", NULL);
    errors = g_build_filename(scene.folder, "errors", NULL);
    good.port = vigil_rtsp_camera_free_port();
    bad.port = vigil_rtsp_camera_free_port();
}

static void
teardown(void)
{
    vigil_rtsp_camera_kill(&good);
    vigil_rtsp_camera_kill(&bad);
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("camera-faults");
    TCase *tcase = tcase_create("camera-faults");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 400);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (scene_open(&scene)) {
        scene_close(&scene);
        tcase_add_test(tcase, test_others_do_not_notice);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
