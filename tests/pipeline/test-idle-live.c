/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idle path of a camera on the network, in real time: it falls asleep while nothing moves, wakes for what comes, and its
 * events are those of the same video when every frame of it is decoded.
 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

#define LATER_S 0.5
/* Where the machine had no time for frames. */
#define LATER_UNDER_LOAD_S 1.5
#define FPS 15
#define GROUP 30
/* The counters come about once a second. */
#define UNDER_WAY (3 * FPS)
#define N_EVENTS 2

/* A light that crosses the picture, twice, before something restless but dim. */
#define SCENE                                                        \
    "[0]noise=alls=8:allf=t[a];"                                     \
    "[a][1]overlay=x='(t-12)*40':y=64:enable='between(t,12,18)'[b];" \
    "[b][2]overlay=x='(t-27)*40':y=96:enable='between(t,27,33)'"

typedef struct {
    gdouble start, end;
} Visit;

static const gchar *const outcomes[] = {"inferred",          "skipped-rate", "skipped-load",
                                        "skipped-no-motion", "failed",       "timed-out"};

static gchar *folder, *store, *output, *errors, *video, *spot;

static void
make_video(void)
{
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=0x404040:s=320x192:r=15:d=42",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=56x56:r=15:d=42",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=56x56:r=15:d=42",
                           "-filter_complex",
                           SCENE,
                           "-t",
                           "42",
                           "-c:v",
                           "libx264",
                           "-preset",
                           "superfast",
                           "-crf",
                           "26",
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           G_STRINGIFY(GROUP),
                           "-keyint_min",
                           G_STRINGIFY(GROUP),
                           "-sc_threshold",
                           "0",
                           "-bf",
                           "0",
                           video,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
}

static gchar *
write_config(const gchar *name, const gchar *source, const gchar *idle)
{
    return folder_write(folder, name,
                        "store: {path: '%s-%s'}\n"
                        "model: {path: '%s'}\n"
                        "cameras:\n"
                        "  - name: yard\n"
                        "    source: '%s'\n"
                        "    detect: {fps: 5}\n"
                        "    motion: {enabled: true}\n"
                        "    idle: %s\n"
                        "    rules:\n"
                        "      - {name: r, classes: [light], count: {at_least: 1}, end_after: 1s, "
                        "record: {pre: 2s, post: 1s}}\n",
                        store, name, spot, source, idle);
}

/* From what a replay says, or the daemon's log; the count's events are one a visit. */
static void
read_visits(const gchar *text, Visit *visits)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = 0;

    for (gchar **line = lines; *line && n < N_EVENTS; line++) {
        const gchar *json = strstr(*line, "{\"id\"");
        g_autoptr(JsonNode) node = json ? json_from_string(json, NULL) : NULL;
        JsonObject *event = node ? json_node_get_object(node) : NULL;

        if (!event || !g_str_equal(json_object_get_string_member(event, "type"), "end"))
            continue;
        visits[n].start = json_object_get_double_member(event, "start_s");
        visits[n++].end = json_object_get_double_member(event, "end_s");
    }
    ck_assert_uint_eq(n, N_EVENTS);
}

static gint64
get(JsonObject *camera, const gchar *part, const gchar *name)
{
    return json_object_get_int_member(json_object_get_object_member(camera, part), name);
}

/* Each frame that came is accounted for, but those that are held, of two groups at most, and those on their way. */
static void
check_counters(gboolean *loaded)
{
    g_autofree gchar *place = g_strdup_printf("%s-live", store);
    g_auto(Program) status = program_run("status", "--json", "--store", place, NULL);
    g_autoptr(JsonNode) root = json_from_string(status.output, NULL);
    JsonObject *camera, *detection;
    gint64 n_told = 0, frames;

    ck_assert_msg(status.code == 0, "%s", status.errors);
    camera = json_array_get_object_element(
        json_object_get_array_member(json_node_get_object(root), "cameras"), 0);
    detection = json_object_get_object_member(camera, "detection");
    for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++)
        n_told += json_object_get_int_member(detection, outcomes[i]);
    frames = get(camera, "idle", "frames");
    g_print("%" G_GINT64_FORMAT " frames, %" G_GINT64_FORMAT " told, %" G_GINT64_FORMAT
            " of them not decoded, asleep %" G_GINT64_FORMAT " times\n",
            frames, n_told, get(camera, "idle", "left"), get(camera, "idle", "sleeps"));
    *loaded = json_object_get_int_member(detection, "skipped-load") > 0;
    ck_assert_int_ge(get(camera, "idle", "sleeps"), 2);
    ck_assert_int_ge(get(camera, "idle", "left"), 4 * FPS);
    ck_assert_int_ge(n_told, frames - 2 * GROUP - UNDER_WAY);
    ck_assert_int_le(n_told, frames);
    ck_assert_int_eq(get(camera, "network", "dropped"), 0);
    ck_assert_int_eq(get(camera, "recording", "frames_lost"), 0);
}

START_TEST(test_live_camera)
{
    g_autofree gchar *file_config = write_config("file", video, "full");
    g_autofree gchar *port = NULL, *url = NULL, *config = NULL, *log = NULL;
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    g_autoptr(GSubprocess) server = NULL, daemon = NULL;
    g_auto(Program) file = program_run("replay", file_config, NULL);
    Visit full[N_EVENTS], live[N_EVENTS];
    gdouble later_s;
    gboolean found, loaded = FALSE;

    ck_assert_msg(file.code == 0, "%s", file.errors);
    read_visits(file.output, full);
    port = g_strdup_printf("%u", g_socket_listener_add_any_inet_port(listener, NULL, NULL));
    g_clear_object(&listener);
    url = g_strdup_printf("rtsp://127.0.0.1:%s/live", port);
    config = write_config("live", url, "auto");
    server = program_start_argv(
        NULL, NULL, (const gchar *[]){g_getenv("VIGIL_RTSP_SERVER"), port, video, NULL});
    g_usleep(500000);
    g_setenv("GST_DEBUG", "vigilidle:5", TRUE);
    g_setenv("GST_DEBUG_NO_COLOR", "1", TRUE);
    daemon = program_start(output, errors, "run", config, NULL);
    found = wait_for_text(errors, "\"type\":\"end\"", N_EVENTS, 150);
    if (found)
        check_counters(&loaded);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 30.0), 0);
    g_subprocess_force_exit(server);
    g_subprocess_wait(server, NULL, NULL);
    log = read_text(errors);
    ck_assert_msg(found, "no events:\n%s", log);
    read_visits(log, live);
    later_s = loaded ? LATER_UNDER_LOAD_S : LATER_S;
    for (guint i = 0; i < N_EVENTS; i++) {
        g_print("event %.1f-%.1f s, of the camera that slept %.1f-%.1f s\n", full[i].start,
                full[i].end, live[i].start, live[i].end);
        ck_assert_double_le(ABS(live[i].start - full[i].start), later_s);
        ck_assert_double_le(ABS(live[i].end - full[i].end), later_s);
    }
    ck_assert_uint_ge(count_text(log, "asleep at"), 2);
    ck_assert_uint_ge(count_text(log, "frames to catch up with"), 2);
}
END_TEST

static void
setup(void)
{
    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
    output = g_build_filename(folder, "output", NULL);
    errors = g_build_filename(folder, "errors", NULL);
    video = g_build_filename(folder, "lights.mp4", NULL);
    spot = g_build_filename(folder, "spot", NULL);
    vigil_spot_package(&(VigilSpot){160, 96, VIGIL_SPOT_BRIGHT, 2, 0}, spot, "spot", "1.0.0",
                       "light\nb\n");
    make_video();
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    g_clear_pointer(&video, g_free);
    g_clear_pointer(&spot, g_free);
}

int
main(void)
{
    Suite *suite = suite_create("idle-live");
    TCase *tcase = tcase_create("camera");
    SRunner *runner = srunner_create(suite);
    g_autofree gchar *tool = g_find_program_in_path("ffmpeg");
    int failed;

    if (!tool) {
        g_printerr("SKIP: ffmpeg is not installed\n");
        return 77;
    }
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_live_camera);
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
