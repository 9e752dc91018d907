/* SPDX-License-Identifier: Apache-2.0 */
/* Cameras with privacy masks: what is under them gets nowhere, not in one frame. */
#include <check.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <linux/videodev2.h>
#include <signal.h>
#include <string.h>

#include "pipeline/vigil-camera-pipeline.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-model-source.h"
#include "tests/pipeline/marker.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-fake-v4l2.h"

#define RULES \
    "    rules: [{name: r, classes: [light], end_after: 1s, record: {pre: 2s, post: 1s}}]\n"
/* Pre-roll, what is seen, post-roll, at 10 frames a second; the tracker needs a frame or two. */
#define LEAST_FRAMES 45
/* of 180 in which the model has long seen something */
#define ENOUGH_BRIGHT 140
#define BEGIN "\"type\":\"begin\""
#define END "\"type\":\"end\""

static gchar *folder, *store, *model;

static void
setup(void)
{
    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
    model = marker_model(folder);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_free(folder);
    g_free(store);
    g_free(model);
}

static gchar *
write_config(const gchar *source, const gchar *more)
{
    return folder_write(folder, "c.yaml",
                        "store: {path: '%s'}\nmodel: {path: '%s'}\ncameras:\n  - name: yard\n"
                        "    source: '%s'\n    masks: " MARKER_MASKS "\n%s" RULES,
                        store, model, source, more);
}

/* --- what the detector sees ------------------------------------------------------------------ */

typedef struct {
    MarkerCount count;
    GstVideoInfo info;
} Watch;

static GstPadProbeReturn
watch_frame(GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
    Watch *watch = user_data;
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    GstVideoFrame frame;

    ck_assert(caps && gst_video_info_from_caps(&watch->info, caps));
    ck_assert(
        gst_video_frame_map(&frame, &watch->info, GST_PAD_PROBE_INFO_BUFFER(probe), GST_MAP_READ));
    marker_look(&frame, 0, &watch->count);
    gst_video_frame_unmap(&frame);
    return GST_PAD_PROBE_OK;
}

static void
watch_element(GstElement *pipeline, const gchar *name, Watch *watch)
{
    g_autoptr(GstElement) element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_autoptr(GstPad) pad = element ? gst_element_get_static_pad(element, "sink") : NULL;

    ck_assert_msg(pad != NULL, "no %s", name);
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, watch_frame, watch, NULL);
}

/* Runs a file's camera to its end. Returns: (transfer full) (nullable): what went wrong */
static GError *
run_camera(const gchar *config, Watch *detect, Watch *motion)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = vigil_settings_load(config, &error);
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(store, "clips", NULL);
    const VigilCameraPipelineOptions options = {.database = database, .clips = clips};
    VigilCameraPipeline *camera;
    GstElement *element;
    g_autoptr(GstBus) bus = NULL;
    GstMessage *message;
    GError *wrong = NULL;

    ck_assert_msg(settings && vigil_model_source_resolve(settings, &error), "%s",
                  error ? error->message : "");
    g_mkdir_with_parents(store, 0700);
    camera = vigil_camera_pipeline_new(settings->cameras->pdata[0], &options, &wrong);
    if (!camera)
        return wrong;
    element = vigil_camera_pipeline_get_element(camera);
    watch_element(element, "detect", detect);
    if (motion)
        watch_element(element, "motion", motion);
    bus = gst_element_get_bus(element);
    ck_assert(vigil_camera_pipeline_start(camera));
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    ck_assert_ptr_nonnull(message);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &wrong, NULL);
    gst_message_unref(message);
    vigil_camera_pipeline_free(camera);
    return wrong;
}

START_TEST(detector_motion_clip_and_snapshot)
{
    static const gchar *const codecs[][2] = {
        {"libx264", "video.mp4"}, {"libx265", "video.mp4"}, {"mjpeg", "video.mkv"}};
    g_autofree gchar *video = g_build_filename(folder, codecs[_i][1], NULL);
    g_autofree gchar *config = write_config(video, "    motion: {enabled: true}\n");
    Watch detect = {0}, motion = {0};
    guint n_snapshots, n_clips;
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_gst_init(NULL));
    marker_video(video, 160, 96, codecs[_i][0]);
    error = run_camera(config, &detect, &motion);
    ck_assert_msg(!error, "%s", error ? error->message : "");
    ck_assert_uint_eq(detect.count.frames, 120);
    ck_assert_uint_eq(motion.count.frames, 120);
    ck_assert_uint_eq(detect.count.most, 0);
    ck_assert_uint_eq(motion.count.most, 0);
    ck_assert_uint_ge(detect.count.bright, 18);
    n_clips = marker_check_store(store, LEAST_FRAMES, &n_snapshots);
    ck_assert_uint_ge(n_clips, 1);
    ck_assert_uint_ge(n_snapshots, 1);
}
END_TEST

/* Otherwise the test proves nothing: without the mask all of this shows the pattern. */
START_TEST(without_a_mask_it_would_show)
{
    g_autofree gchar *video = g_build_filename(folder, "video.mp4", NULL);
    MarkerCount count;

    ck_assert(vigil_gst_init(NULL));
    marker_video(video, 160, 96, "libx264");
    count = marker_look_file(video, 8);
    ck_assert_uint_eq(count.frames, 120);
    ck_assert_uint_gt(count.most, 100);
}
END_TEST

static void
append_stream(GString *stream, guint width, guint height)
{
    g_autofree gchar *path = g_build_filename(folder, "part.h264", NULL);
    g_autofree gchar *bytes = NULL;
    gsize length;

    marker_video(path, width, height, "libx264");
    ck_assert(g_file_get_contents(path, &bytes, &length, NULL));
    g_string_append_len(stream, bytes, (gssize)length);
}

START_TEST(another_size_in_mid_stream)
{
    g_autoptr(GString) stream = g_string_new(NULL);
    g_autofree gchar *video = g_build_filename(folder, "video.h264", NULL);
    g_autofree gchar *config = write_config(video, "");
    Watch detect = {0};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_gst_init(NULL));
    append_stream(stream, 160, 96);
    append_stream(stream, 320, 192);
    append_stream(stream, 160, 96);
    ck_assert(g_file_set_contents(video, stream->str, (gssize)stream->len, NULL));
    error = run_camera(config, &detect, NULL);
    ck_assert_msg(!error, "%s", error ? error->message : "");
    ck_assert_int_eq(detect.count.n_sizes, 3);
    ck_assert_uint_eq(detect.count.most, 0);
    ck_assert_uint_ge(detect.count.frames, 355);
    ck_assert_uint_ge(marker_check_store(store, LEAST_FRAMES, NULL), 3);
}
END_TEST

/* --- a camera of raw frames, unplugged and replaced by another ----------------------------------- */

static const VigilV4l2Mode small_modes[] = {
    {V4L2_PIX_FMT_YUYV, 64, 64, 1, 48, 48, 1, FALSE, 1, {{30, 1}}},
};
static const VigilV4l2Mode large_modes[] = {
    {V4L2_PIX_FMT_YUYV, 160, 160, 1, 96, 96, 1, FALSE, 1, {{30, 1}}},
};
static const VigilFakeCamera small_camera = {
    .card = "Small", .serial = "A1", .port = "1", .modes = small_modes, .n_modes = 1};
static const VigilFakeCamera large_camera = {
    .card = "Large", .serial = "A1", .port = "1", .modes = large_modes, .n_modes = 1};

static VigilFakeV4l2 *fake;

const VigilV4l2System *__wrap_vigil_v4l2_system(void);

const VigilV4l2System *
__wrap_vigil_v4l2_system(void)
{
    return vigil_fake_v4l2_get_system(fake);
}

/* Frames become brighter from one to the next, and after 256 begin anew: until so many were bright. */
static void
await_bright(Watch *watch, gint n)
{
    const gint64 end_us = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (g_atomic_int_get((gint *)&watch->count.bright) < n) {
        ck_assert(g_get_monotonic_time() < end_us);
        g_usleep(20000);
    }
}

START_TEST(raw_camera_that_is_replaced)
{
    g_autofree gchar *config = write_config("v4l2:serial=A1", "");
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(store, "clips", NULL);
    const VigilCameraPipelineOptions options = {.database = database, .clips = clips};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = vigil_settings_load(config, &error);
    VigilCameraPipeline *camera;
    g_autoptr(GstBus) bus = NULL;
    GstMessage *message;
    Watch detect = {0};

    ck_assert(vigil_gst_init(NULL));
    ck_assert_msg(settings && vigil_model_source_resolve(settings, &error), "%s",
                  error ? error->message : "");
    g_mkdir_with_parents(store, 0700);
    fake = vigil_fake_v4l2_new(TRUE);
    vigil_fake_v4l2_plug(fake, 0, &small_camera);
    camera = vigil_camera_pipeline_new(settings->cameras->pdata[0], &options, &error);
    ck_assert_msg(camera != NULL, "%s", error ? error->message : "");
    watch_element(vigil_camera_pipeline_get_element(camera), "detect", &detect);
    bus = gst_element_get_bus(vigil_camera_pipeline_get_element(camera));
    ck_assert(vigil_camera_pipeline_start(camera));
    await_bright(&detect, ENOUGH_BRIGHT);
    vigil_fake_v4l2_unplug(fake, 0);
    vigil_fake_v4l2_plug(fake, 1, &large_camera);
    await_bright(&detect, 2 * ENOUGH_BRIGHT + 40);
    ck_assert(vigil_camera_pipeline_drain(camera, TRUE));
    message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    ck_assert(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    vigil_camera_pipeline_free(camera);
    vigil_fake_v4l2_free(fake);
    ck_assert_int_eq(detect.count.n_sizes, 2);
    ck_assert_uint_eq(detect.count.most, 0);
    /* how many depends on how many frames a loaded machine takes in time */
    ck_assert_uint_ge(marker_check_store(store, 5, NULL), 1);
}
END_TEST

/* --- encoders -------------------------------------------------------------------------------- */

static void
remove_element(const gchar *name)
{
    GstRegistry *registry = gst_registry_get();
    g_autoptr(GstPluginFeature) feature = gst_registry_lookup_feature(registry, name);

    if (feature)
        gst_registry_remove_feature(registry, feature);
}

START_TEST(second_best_encoder)
{
    g_autofree gchar *video = g_build_filename(folder, "video.mp4", NULL);
    g_autofree gchar *config = write_config(video, "");
    Watch detect = {0};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_gst_init(NULL));
    remove_element("x264enc");
    marker_video(video, 160, 96, "libx264");
    error = run_camera(config, &detect, NULL);
    ck_assert_msg(!error, "%s", error ? error->message : "");
    ck_assert_uint_ge(marker_check_store(store, LEAST_FRAMES, NULL), 1);
}
END_TEST

START_TEST(no_encoder_is_an_error)
{
    static const gchar *const encoders[] = {"v4l2h264enc", "nvv4l2h264enc", "x264enc",
                                            "openh264enc"};
    g_autofree gchar *video = g_build_filename(folder, "video.mp4", NULL);
    g_autofree gchar *config = write_config(video, "");
    Watch detect = {0};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_gst_init(NULL));
    for (guint i = 0; i < G_N_ELEMENTS(encoders); i++)
        remove_element(encoders[i]);
    marker_video(video, 160, 96, "libx264");
    error = run_camera(config, &detect, NULL);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error->message, "no H.264 encoder is installed") &&
                      strstr(error->message, "masks"),
                  "%s", error->message);
    /* and nothing was recorded in its place */
    ck_assert_uint_eq(detect.count.frames, 0);
}
END_TEST

/* --- a camera that goes and comes back as another -------------------------------------------- */

static GSubprocess *
start_server(const gchar *port, const gchar *video)
{
    const gchar *argv[] = {g_getenv("VIGIL_RTSP_SERVER"), port, video, NULL};

    return program_start_argv(NULL, NULL, argv);
}

/* Who asks what the daemon does is told that there are masks. */
static void
check_status(void)
{
    g_auto(Program) document = program_run("status", "--json", "--store", store, NULL);
    g_auto(Program) text = program_run("status", "--store", store, NULL);
    g_autoptr(JsonNode) root = json_from_string(document.output, NULL);
    JsonObject *camera, *privacy;

    ck_assert_msg(root != NULL, "%s", document.errors);
    camera = json_array_get_object_element(
        json_object_get_array_member(json_node_get_object(root), "cameras"), 0);
    privacy = json_object_get_object_member(camera, "privacy");
    ck_assert_int_eq(json_object_get_int_member(privacy, "masks"), 1);
    ck_assert(!json_object_get_boolean_member(privacy, "metadata_only"));
    ck_assert_ptr_nonnull(strstr(text.output, "privacy mask"));
}

START_TEST(another_camera_after_a_reconnect)
{
    g_autofree gchar *small = g_build_filename(folder, "small.mp4", NULL);
    g_autofree gchar *large = g_build_filename(folder, "large.mp4", NULL);
    g_autofree gchar *output = g_build_filename(folder, "output", NULL);
    g_autofree gchar *errors = g_build_filename(folder, "errors", NULL);
    g_autofree gchar *port = g_strdup_printf("%d", 20000 + g_random_int_range(0, 20000));
    g_autofree gchar *source = g_strdup_printf("rtsp://127.0.0.1:%s/live", port);
    g_autofree gchar *config = write_config(source, "");
    g_autoptr(GSubprocess) server = NULL, daemon = NULL;
    g_autofree gchar *before = NULL, *log = NULL;
    guint n_first;

    if (!g_getenv("VIGIL_RTSP_SERVER")) {
        g_printerr("SKIP: the tests were built without an RTSP server\n");
        return;
    }
    ck_assert(vigil_gst_init(NULL));
    marker_video(small, 160, 96, "libx264");
    marker_video(large, 320, 192, "libx264");
    server = start_server(port, small);
    daemon = program_start(output, errors, "run", config, NULL);
    ck_assert(wait_for_text(errors, END, 1, 40));
    check_status();
    before = read_text(errors);
    g_subprocess_force_exit(server);
    ck_assert(wait_for_text(errors, "yard: waiting", count_text(before, "yard: waiting") + 1, 15));
    n_first = marker_check_store(store, 20, NULL);
    g_clear_object(&server);
    log = read_text(errors);
    server = start_server(port, large);
    ck_assert(wait_for_text(errors, BEGIN, count_text(log, BEGIN) + 1, 40));
    g_usleep(3 * G_USEC_PER_SEC);
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 10), 0);
    g_subprocess_force_exit(server);
    ck_assert_uint_gt(marker_check_store(store, 20, NULL), n_first);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("masks");
    TCase *tcase = tcase_create("masks");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 240);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, detector_motion_clip_and_snapshot, 0, 3);
    tcase_add_test(tcase, without_a_mask_it_would_show);
    tcase_add_test(tcase, another_size_in_mid_stream);
    tcase_add_test(tcase, raw_camera_that_is_replaced);
    tcase_add_test(tcase, second_best_encoder);
    tcase_add_test(tcase, no_encoder_is_an_error);
    tcase_add_test(tcase, another_camera_after_a_reconnect);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
