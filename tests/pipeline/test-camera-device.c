/* SPDX-License-Identifier: Apache-2.0 */
/* A camera of the daemon on a V4L2 device of the test's: it comes late, goes, and comes back. */
#include <check.h>
#include <linux/videodev2.h>
#include <string.h>

#include "pipeline/vigil-camera.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-model-source.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-fake-v4l2.h"

static const VigilV4l2Mode modes[] = {
    {V4L2_PIX_FMT_YUYV, 64, 64, 1, 48, 48, 1, FALSE, 1, {{30, 1}}},
};
static const VigilV4l2Mode jpeg_modes[] = {
    {V4L2_PIX_FMT_MJPEG, 64, 64, 1, 48, 48, 1, FALSE, 1, {{30, 1}}},
};
static const VigilFakeControl controls[] = {
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, 0, "Gain", 0, 255, 1, 60, NULL}};
static const VigilFakeCamera webcam = {.card = "Webcam",
                                       .serial = "A1B2",
                                       .port = "1",
                                       .modes = modes,
                                       .n_modes = 1,
                                       .controls = controls,
                                       .n_controls = 1};

static const VigilFakeCamera jpeg_webcam = {
    .card = "Webcam", .serial = "A1B2", .port = "1", .modes = jpeg_modes, .n_modes = 1};

static VigilFakeV4l2 *fake;
static gchar *folder;
static VigilSettings *settings;
static VigilStore *store;
static VigilCamera *camera;

const VigilV4l2System *__wrap_vigil_v4l2_system(void);

const VigilV4l2System *
__wrap_vigil_v4l2_system(void)
{
    return vigil_fake_v4l2_get_system(fake);
}

static void
setup(void)
{
    fake = vigil_fake_v4l2_new(TRUE);
    folder = folder_new();
    ck_assert(vigil_gst_init(NULL));
}

static void
teardown(void)
{
    VigilFakeCounts left;

    vigil_settings_free(settings);
    vigil_store_unref(store);
    folder_remove(folder);
    g_free(folder);
    left = vigil_fake_v4l2_free(fake);
    ck_assert_uint_eq(left.files, 0);
    ck_assert_uint_eq(left.memory, 0);
}

static void
start(const gchar *more)
{
    g_autofree gchar *path =
        folder_write(folder, "c.yaml",
                     "store: {path: %s}\nmodel: default\ncameras:\n  - name: desk\n"
                     "    source: v4l2:serial=A1B2\n    detect: {fps: 0.5}\n%s"
                     "    rules: [{name: r, classes: [person], min_score: 0.99}]\n",
                     folder, more);
    g_autofree gchar *database = g_build_filename(folder, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(folder, "clips", NULL);
    g_autoptr(GError) error = NULL;

    settings = vigil_settings_load(path, &error);
    ck_assert_msg(settings && vigil_model_source_resolve(settings, &error), "%s",
                  error ? error->message : "");
    store = vigil_store_open(
        &(VigilStoreOptions){.database = database, .clips = clips, .program = "test"}, &error);
    ck_assert_msg(store != NULL, "%s", error ? error->message : "");
    camera = vigil_camera_new(
        settings->cameras->pdata[0],
        &(VigilCameraOptions){.store = store, .database = database, .clips = clips});
}

static void
stop(void)
{
    vigil_camera_stop(camera);
    for (guint i = 0; i < 1000 && !vigil_camera_state_is_final(vigil_camera_get_state(camera)); i++)
        g_usleep(10000);
    vigil_camera_free(camera);
}

/* Until it is in this state, with so many more frames. */
static void
await(VigilCameraState state, guint64 more)
{
    const gint64 end_us = g_get_monotonic_time() + 40 * G_USEC_PER_SEC;
    guint64 before = G_MAXUINT64;

    for (;;) {
        VigilCameraStatus status = {0};
        gboolean done;

        vigil_camera_get_status(camera, &status);
        if (before == G_MAXUINT64)
            before = status.frames;
        done = status.state == state && status.frames >= before + more;
        if (!done && g_get_monotonic_time() > end_us)
            ck_abort_msg("it is %s with %" G_GUINT64_FORMAT " frames: %s",
                         vigil_camera_state_to_string(status.state), status.frames, status.error);
        vigil_camera_status_clear(&status);
        if (done)
            return;
        g_usleep(20000);
    }
}

static void
check_error(const gchar *text)
{
    VigilCameraStatus status = {0};

    vigil_camera_get_status(camera, &status);
    ck_assert_msg(status.error && strstr(status.error, text), "%s", status.error);
    vigil_camera_status_clear(&status);
}

START_TEST(comes_goes_and_comes_back)
{
    start("    capture: {format: raw, controls: {gain: 9}}\n");
    await(VIGIL_CAMERA_WAITING, 0);
    check_error("no such camera is there");
    g_usleep(6 * G_USEC_PER_SEC); /* longer than a silent camera is waited for */
    ck_assert_int_eq(vigil_camera_get_state(camera), VIGIL_CAMERA_WAITING);

    vigil_fake_v4l2_plug(fake, 3, &webcam);
    await(VIGIL_CAMERA_RUNNING, 30);
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 3, V4L2_CID_GAIN), 9);

    vigil_fake_v4l2_unplug(fake, 3);
    await(VIGIL_CAMERA_WAITING, 0);
    vigil_fake_v4l2_plug(fake, 1, &webcam);
    await(VIGIL_CAMERA_RUNNING, 30);
    stop();
}
END_TEST

START_TEST(wrong_control_is_given_up)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    start("    capture: {controls: {gain: 999}}\n");
    await(VIGIL_CAMERA_FAILED, 0);
    check_error("0 to 255");
    stop();
}
END_TEST

/* What the device does wrong is in the camera's status. */
START_TEST(broken_frames_are_counted)
{
    static const VigilFakeFrame script[] = {{0},
                                            {.flags = V4L2_BUF_FLAG_ERROR},
                                            {.skip = 3},
                                            {.flags = V4L2_BUF_FLAG_ERROR},
                                            {.size = 9}};
    VigilCameraStatus status = {0};

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    start("    capture: {format: raw}\n");
    await(VIGIL_CAMERA_RUNNING, 10);
    vigil_camera_get_status(camera, &status);
    ck_assert(status.live.capture.known);
    ck_assert_uint_ge(status.live.capture.frames, 10);
    ck_assert_uint_eq(status.live.capture.corrupt, 2);
    ck_assert_uint_eq(status.live.capture.lost, 3);
    ck_assert_uint_eq(status.live.capture.too_short, 1);
    ck_assert_uint_eq(status.dropouts.count, 0);
    ck_assert_int_eq(status.dropouts.since_us, 0);
    vigil_camera_status_clear(&status);
    stop();
}
END_TEST

/* The recorder gets a camera's JPEGs as they come, also those that nobody can decode, as all of these. */
START_TEST(motion_jpeg_is_kept_as_it_comes)
{
    VigilCameraStatus status = {0};

    vigil_fake_v4l2_plug(fake, 0, &jpeg_webcam);
    start("");
    await(VIGIL_CAMERA_RUNNING, 30);
    vigil_camera_get_status(camera, &status);
    ck_assert_str_eq(status.decoder.name, "vigiljpegdec");
    ck_assert_uint_gt(status.live.recording.ring_frames, 0);
    vigil_camera_status_clear(&status);
    stop();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("camera-device");
    TCase *tcase = tcase_create("device");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, comes_goes_and_comes_back);
    tcase_add_test(tcase, broken_frames_are_counted);
    tcase_add_test(tcase, motion_jpeg_is_kept_as_it_comes);
    tcase_add_test(tcase, wrong_control_is_given_up);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
