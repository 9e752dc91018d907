/* SPDX-License-Identifier: Apache-2.0 */
/* What `vigil devices` says, of cameras that are described here and of those that are there. */
#include <check.h>
#include <errno.h>
#include <json-glib/json-glib.h>
#include <linux/videodev2.h>
#include <string.h>

#include "pipeline/vigil-device-report.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-fake-v4l2.h"

static const VigilV4l2Mode modes[] = {
    {V4L2_PIX_FMT_MJPEG, 1280, 1280, 1, 720, 720, 1, FALSE, 2, {{30, 1}, {15, 2}}},
    {V4L2_PIX_FMT_NV12, 64, 2592, 2, 64, 1944, 2, TRUE, 2, {{1, 1}, {90, 1}}},
    {v4l2_fourcc('P', 'W', 'C', '1'), 640, 640, 1, 480, 480, 1, FALSE, 0, {{0, 0}}},
};
static const gchar *const items[] = {"Auto \"Mode\"", "Manual Mode"};
static const VigilFakeControl controls[] = {
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, 0, "Gain", 0, 255, 1, 60, NULL},
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, 0, "Auto Exposure", 0, 1, 1, 1, items},
};
static const VigilFakeCamera webcam = {.card = "Web \"cam\"",
                                       .serial = "A1B2",
                                       .port = "1.2",
                                       .modes = modes,
                                       .n_modes = G_N_ELEMENTS(modes),
                                       .controls = controls,
                                       .n_controls = G_N_ELEMENTS(controls)};

static VigilFakeV4l2 *fake;

static void
setup(void)
{
    fake = vigil_fake_v4l2_new(FALSE);
}

static void
teardown(void)
{
    ck_assert_uint_eq(vigil_fake_v4l2_free(fake).files, 0);
}

static GPtrArray *
list(void)
{
    return vigil_v4l2_list_cameras(vigil_fake_v4l2_get_system(fake));
}

START_TEST(text_for_people)
{
    VigilFakeCamera metadata = webcam;
    g_autoptr(GPtrArray) cameras = NULL;
    g_autofree gchar *text = NULL, *expected = NULL, *brief = NULL;

    metadata.index = 1;
    metadata.no_capture = TRUE;
    vigil_fake_v4l2_plug(fake, 2, &webcam);
    vigil_fake_v4l2_plug(fake, 3, &metadata);
    cameras = list();
    ck_assert_uint_eq(cameras->len, 1);
    text = vigil_device_report_text(cameras, TRUE);
    brief = vigil_device_report_text(cameras, FALSE);
    expected = g_strdup_printf("v4l2:serial=A1B2\n"
                               "    Web \"cam\", %s/video2, driver fake\n"
                               "    MJPG     1280x720 at 30, 7.5\n"
                               "    NV12     64x64 to 2592x1944 at 1 to 90\n"
                               "    PWC1     640x480 (not used)\n"
                               "    gain=60: 0 to 255, 60 by default\n"
                               "    auto_exposure=1: 0 (auto_mode), 1 (manual_mode)\n",
                               vigil_fake_v4l2_get_system(fake)->dev);
    ck_assert_str_eq(text, expected);
    ck_assert(g_str_has_prefix(expected, brief));
    ck_assert_ptr_null(strstr(brief, "gain"));
}
END_TEST

START_TEST(json_for_programs)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GPtrArray) cameras = NULL;
    g_autofree gchar *text = NULL;
    JsonObject *camera, *first, *second;

    vigil_fake_v4l2_plug(fake, 2, &webcam);
    cameras = list();
    text = vigil_device_report_json(cameras);
    ck_assert(json_parser_load_from_data(parser, text, -1, NULL));
    camera = json_array_get_object_element(json_node_get_array(json_parser_get_root(parser)), 0);
    ck_assert_str_eq(json_object_get_string_member(camera, "source"), "v4l2:serial=A1B2");
    ck_assert_str_eq(json_object_get_string_member(camera, "name"), "Web \"cam\"");
    ck_assert_str_eq(json_object_get_string_member(camera, "path"),
                     "pci-0000:00:14.0-usb-0:1.2:1.0");
    ck_assert(json_object_get_null_member(camera, "error"));
    first = json_array_get_object_element(json_object_get_array_member(camera, "formats"), 0);
    ck_assert_str_eq(json_object_get_string_member(first, "format"), "mjpeg");
    ck_assert_int_eq(json_object_get_int_member(first, "height"), 720);
    ck_assert_double_eq(
        json_array_get_double_element(json_object_get_array_member(first, "fps"), 1), 7.5);
    second = json_array_get_object_element(json_object_get_array_member(camera, "formats"), 1);
    ck_assert_int_eq(json_object_get_int_member(second, "min_width"), 64);
    ck_assert_uint_eq(json_array_get_length(json_object_get_array_member(second, "fps_range")), 2);
    ck_assert_uint_eq(json_array_get_length(json_object_get_array_member(camera, "controls")), 2);
}
END_TEST

/* Whatever fails on the way, another camera is listed, and nothing stays open. */
START_TEST(cameras_that_cannot_be_asked)
{
    const gint error = _i ? EBUSY : ENODEV;
    VigilFakeCamera other = webcam;
    guint calls = 0;

    other.serial = "OTHER";
    other.port = "4";
    for (guint n = 1; n <= calls + 1; n++) {
        g_autoptr(GPtrArray) cameras = NULL;

        teardown();
        setup();
        vigil_fake_v4l2_plug(fake, 0, &webcam);
        vigil_fake_v4l2_plug(fake, 1, &other);
        vigil_fake_v4l2_fail(fake, n, error);
        cameras = list();
        calls = vigil_fake_v4l2_get_counts(fake).calls;
        ck_assert_uint_eq(vigil_fake_v4l2_get_counts(fake).files, 0);
        ck_assert_msg(cameras->len == 2 || (cameras->len == 1 && error == ENODEV), "call %u", n);
    }
    ck_assert_uint_gt(calls, 40);
}
END_TEST

START_TEST(the_command_itself)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_auto(Program) text = program_run("devices", "--controls", NULL);
    g_auto(Program) json = program_run("devices", "--json", NULL);
    g_auto(Program) wrong = program_run("devices", "extra", NULL);
    JsonArray *cameras;

    ck_assert_int_eq(text.code, 0);
    ck_assert_int_eq(json.code, 0);
    ck_assert_int_eq(wrong.code, 2);
    ck_assert(json_parser_load_from_data(parser, json.output, -1, NULL));
    cameras = json_node_get_array(json_parser_get_root(parser));
    ck_assert_int_eq(json_array_get_length(cameras) == 0,
                     strstr(text.output, "There is no V4L2 camera here.") != NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("devices");
    TCase *tcase = tcase_create("devices");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, text_for_people);
    tcase_add_test(tcase, json_for_programs);
    tcase_add_loop_test(tcase, cameras_that_cannot_be_asked, 0, 2);
    tcase_add_test(tcase, the_command_itself);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
