/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-cameras: what the daemon needs for many cameras on the network at a time, and whether that grows: 1080p15 H.264 from a server on
 * this machine, some cameras see traffic all the time, the others an empty hall with a noisy sensor; SSD MobileNet v1 at 5 frames a second.
 * The videos are made of the test data by ffmpeg, encoded once and repeated, so that the server costs little.
 * [-m MINUTES] [-n CAMERAS] [-a ACTIVE: that see traffic] [-t tcp|udp] [-d FOLDER: where the videos are, or are made and kept]
 */
#include <gio/gunixsocketaddress.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench-cameras.h"
#include "tests/support/vigil-rtsp-camera.h"
#include "tests/support/vigil-test-data.h"

#define READY_S 60
#define SAMPLE_S 2
#define STOP_S 10

static gint minutes = 30, cameras = 8, active = 4;
static gchar *transport, *folder;

/* --- videos ---------------------------------------------------------------------------------- */

static const struct {
    const gchar *name, *input, *filter;
} videos[] = {
    {"hall15", "one-by-one-person-detection.mp4",
     "trim=46:46.2,setpts=PTS-STARTPTS,fps=15,loop=-1:1,setpts=N/15/TB,scale=1920:1080,"
     "noise=alls=6:allf=t"},
    {"traffic15", "slow_traffic_small.mp4", "fps=15,setpts=N/15/TB,scale=1920:1080"},
};

static void
spawn(const gchar *const *argv)
{
    g_autoptr(GError) error = NULL;
    gint status;

    if (!g_spawn_sync(NULL, (gchar **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                      NULL, NULL, NULL, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("%s: %s", argv[0], error->message);
}

static void
encode(guint index, const gchar *path)
{
    g_autofree gchar *relative = g_build_filename("videos", videos[index].input, NULL);
    g_autofree gchar *input = vigil_test_data_path(relative);
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-i",
                           input,
                           "-an",
                           "-vf",
                           videos[index].filter,
                           "-t",
                           "20",
                           "-c:v",
                           "libx264",
                           "-b:v",
                           "2M",
                           "-maxrate",
                           "2M",
                           "-bufsize",
                           "2M",
                           "-preset",
                           "veryfast",
                           "-g",
                           "30",
                           "-bf",
                           "0",
                           "-sc_threshold",
                           "0",
                           "-pix_fmt",
                           "yuv420p",
                           path,
                           NULL};

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        spawn(argv);
}

/* (transfer full): a file that lasts for the whole run. */
static gchar *
make_video(guint index)
{
    g_autofree gchar *one = g_strdup_printf("%s/%s.mp4", folder, videos[index].name);
    gchar *all = g_strdup_printf("%s/%s-%d.mp4", folder, videos[index].name, minutes);
    g_autofree gchar *seconds = g_strdup_printf("%d", minutes * 60 + READY_S + 30);
    const gchar *argv[] = {"ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-i",
                           one,      "-t", seconds, "-c", "copy",         all,  NULL};

    encode(index, one);
    if (!g_file_test(all, G_FILE_TEST_EXISTS))
        spawn(argv);
    return all;
}

/* --- server and daemon ----------------------------------------------------------------------- */

static GSubprocess *
start(const gchar *const *argv, const gchar *errors)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;
    GSubprocess *process;

    g_subprocess_launcher_set_stderr_file_path(launcher, errors);
    process = g_subprocess_launcher_spawnv(launcher, argv, &error);
    if (!process)
        g_error("%s: %s", argv[0], error->message);
    return process;
}

static GSubprocess *
start_server(guint port, const gchar *errors)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree gchar *hall = make_video(0), *traffic = make_video(1);

    g_ptr_array_add(argv, g_strdup(g_getenv("VIGIL_RTSP_SERVER")));
    g_ptr_array_add(argv, g_strdup_printf("--port=%u", port));
    for (gint i = 0; i < cameras; i++)
        g_ptr_array_add(argv,
                        g_strdup_printf("camera%d=( filesrc location=\"%s\" ! qtdemux ! h264parse "
                                        "config-interval=-1 ! rtph264pay name=pay0 pt=96 )",
                                        i, i < active ? traffic : hall));
    g_ptr_array_add(argv, NULL);
    return start((const gchar *const *)argv->pdata, errors);
}

static GSubprocess *
start_daemon(guint port, const gchar *store, const gchar *errors)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree gchar *path = g_build_filename(folder, "cameras.yaml", NULL);
    g_autofree gchar *model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    g_autofree gchar *labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");
    const gchar *argv[] = {g_getenv("VIGIL_PROGRAM"), "run", path, NULL};
    g_autoptr(GError) error = NULL;

    g_string_printf(text,
                    "store: {path: '%s', max_bytes: 1GB}\nmodel: {path: '%s', labels: '%s'}\n"
                    "cameras:\n",
                    store, model, labels);
    for (gint i = 0; i < cameras; i++)
        g_string_append_printf(
            text,
            "  - name: camera%d\n    source: rtsp://127.0.0.1:%u/camera%d\n    transport: %s\n"
            "    detect: {fps: 5}\n    motion: {enabled: true}\n    rules:\n"
            "      - {name: all, min_score: 0.5, record: {pre: 3s, post: 3s}}\n",
            i, port, i, transport);
    if (!g_file_set_contents(path, text->str, -1, &error))
        g_error("%s", error->message);
    return start(argv, errors);
}

/* (transfer full) (nullable): what the daemon says of itself. */
static JsonNode *
ask(const gchar *store)
{
    g_autofree gchar *path = g_build_filename(store, "vigil.sock", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    g_autoptr(JsonParser) parser = json_parser_new();

    if (!connection ||
        !json_parser_load_from_stream(parser, g_io_stream_get_input_stream(G_IO_STREAM(connection)),
                                      NULL, NULL))
        return NULL;
    return json_parser_steal_root(parser);
}

static gboolean
all_run(JsonNode *root)
{
    JsonArray *list =
        root ? json_object_get_array_member(json_node_get_object(root), "cameras") : NULL;

    for (gint i = 0; i < cameras; i++)
        if (!list || g_strcmp0(json_object_get_string_member(
                                   json_array_get_object_element(list, (guint)i), "state"),
                               "running") != 0)
            return FALSE;
    return TRUE;
}

static gboolean
await_cameras(const gchar *store)
{
    for (guint i = 0; i < READY_S * 2; i++) {
        g_autoptr(JsonNode) root = ask(store);

        if (all_run(root))
            return TRUE;
        g_usleep(G_USEC_PER_SEC / 2);
    }
    return FALSE;
}

static void
watch(const gchar *store, GSubprocess *daemon, GSubprocess *server)
{
    const gchar *pid = g_subprocess_get_identifier(daemon);
    const gint64 begin_us = g_get_monotonic_time();
    g_autoptr(BenchCameras) bench = bench_cameras_new((guint)cameras);
    gint64 now_us = begin_us;

    g_print("| minute | resident | limit | anonymous | most so far | threads | descriptors | ring |"
            "\n|---|---|---|---|---|---|---|---|\n");
    while (now_us - begin_us < minutes * 60 * (gint64)G_USEC_PER_SEC && pid) {
        g_autoptr(JsonNode) root = ask(store);

        bench_cameras_add(bench, pid, root, (gdouble)(now_us - begin_us) / 1e6);
        g_usleep(SAMPLE_S * G_USEC_PER_SEC);
        now_us = g_get_monotonic_time();
        pid = g_subprocess_get_identifier(daemon);
    }
    if (!pid)
        g_error("the daemon ended");
    bench_cameras_print(bench, pid, g_subprocess_get_identifier(server), ask(store));
}

static void
stop(GSubprocess *process)
{
    g_subprocess_send_signal(process, SIGTERM);
    for (guint i = 0; i < STOP_S * 10 && g_subprocess_get_identifier(process); i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(G_USEC_PER_SEC / 10);
    }
    g_subprocess_force_exit(process);
    g_subprocess_wait(process, NULL, NULL);
}

static gboolean
parse(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"minutes", 'm', 0, G_OPTION_ARG_INT, &minutes, "How long", "N"},
        {"cameras", 'n', 0, G_OPTION_ARG_INT, &cameras, "How many", "N"},
        {"active", 'a', 0, G_OPTION_ARG_INT, &active, "That see traffic", "N"},
        {"transport", 't', 0, G_OPTION_ARG_STRING, &transport, "tcp or udp", "NAME"},
        {"folder", 'd', 0, G_OPTION_ARG_FILENAME, &folder, "Where the videos are kept", "FOLDER"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return FALSE;
    minutes = CLAMP(minutes, 1, 24 * 60);
    cameras = CLAMP(cameras, 1, 64);
    active = CLAMP(active, 0, cameras);
    if (!transport)
        transport = g_strdup("tcp");
    if (!folder)
        folder = g_dir_make_tmp("vigil-bench-XXXXXX", NULL);
    return TRUE;
}

int
main(int argc, char **argv)
{
    const guint port = vigil_rtsp_camera_free_port();
    g_autofree gchar *model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    g_autofree gchar *store = NULL, *errors = NULL, *server_errors = NULL;
    g_autoptr(GSubprocess) server = NULL, daemon = NULL;

    if (!model)
        return EXIT_SUCCESS;
    if (!parse(argc, argv))
        return EXIT_FAILURE;
    store = g_build_filename(folder, "store", NULL);
    errors = g_build_filename(folder, "vigil.log", NULL);
    server_errors = g_build_filename(folder, "server.log", NULL);
    server = start_server(port, server_errors);
    g_usleep(G_USEC_PER_SEC);
    daemon = start_daemon(port, store, errors);
    if (await_cameras(store))
        watch(store, daemon, server);
    else
        g_printerr("the cameras do not run: see %s\n", errors);
    stop(daemon);
    stop(server);
    return EXIT_SUCCESS;
}
