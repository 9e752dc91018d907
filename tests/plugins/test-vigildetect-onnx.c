/* SPDX-License-Identifier: Apache-2.0 */
/* vigildetect with models that ONNX Runtime runs, where this build has it and it is installed. */
#include <cairo.h>
#include <stdio.h>

#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-onnx-writer.h"

#define PICTURE "images/tfex_cat1.png"
#define N_ROWS (8 * 8 + 4 * 4 + 2 * 2)

static GstBus *bus;

static void
setup(void)
{
    bus = gst_bus_new();
}

static void
teardown(void)
{
    test_bus_free(bus);
}

static GstElement *
element_new(const gchar *model)
{
    GstElement *element = gst_element_factory_make("vigildetect", NULL);

    fail_unless(element != NULL);
    g_object_set(element, "model", model, "threshold", 0.5, NULL);
    gst_element_set_bus(element, bus);
    return element;
}

/* %FALSE, after a message, when the element does not open because there is no ONNX Runtime. */
static gboolean
is_runnable(GstElement *element)
{
    const gboolean ok =
        gst_element_set_state(element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE;
    GstMessage *message = ok ? NULL : gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    GError *error = NULL;

    if (ok)
        return TRUE;
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(strstr(error->message, "ONNX Runtime, which") != NULL, "%s", error->message);
    fprintf(stderr, "SKIP: %s\n", error->message);
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
    return FALSE;
}

static GstHarness *
harness_new(GstElement *element, const GstVideoInfo *info)
{
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");

    gst_object_unref(element);
    test_set_caps(h, info);
    return h;
}

static GstBuffer *
load_picture(GstVideoInfo *info)
{
    gchar *path = vigil_test_data_path(PICTURE);
    cairo_surface_t *surface = cairo_image_surface_create_from_png(path);
    GstVideoFrame frame;
    GstBuffer *buffer;

    fail_unless(cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS);
    *info = test_video_info(GST_VIDEO_FORMAT_BGRx, cairo_image_surface_get_width(surface),
                            cairo_image_surface_get_height(surface));
    buffer = test_frame_new(info, 0, GST_SECOND);
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE));
    for (gint y = 0; y < info->height; y++)
        memcpy((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                   y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
               cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface),
               (gsize)info->width * 4);
    gst_video_frame_unmap(&frame);
    cairo_surface_destroy(surface);
    g_free(path);
    return buffer;
}

/* Real detectors on a real picture; test-detector-onnx.c looks closer at their boxes. */
GST_START_TEST(finds_the_cat)
{
    static const gchar *const models[] = {"models/yolox_nano.onnx",
                                          "models/object_detection_nanodet_2022nov_int8.onnx"};
    gchar *model = vigil_test_data_path(models[__i__]);
    gchar *labels = vigil_test_data_path("labels/coco_80.txt");
    GstElement *element = model && labels ? element_new(model) : NULL;
    VigilDetection found[10] = {0};
    GstVideoInfo info;

    if (element)
        g_object_set(element, "labels", labels, NULL);
    if (element && is_runnable(element)) {
        GstBuffer *picture = load_picture(&info);
        GstHarness *h = harness_new(element, &info);
        GstBuffer *out = gst_harness_push_and_pull(h, picture);

        assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_INFERRED);
        fail_unless(gst_vigil_buffer_get_detections(out, &info, found, 10) >= 1);
        assert_equals_string(found[0].label, "cat");
        fail_unless(found[0].score > 0.6f && found[0].box.x0 > 0.2f && found[0].box.x0 < 0.3f);
        gst_buffer_unref(out);
        gst_harness_teardown(h);
    }
    g_free(model);
    g_free(labels);
}
GST_END_TEST

/*
 * A YOLOX head of a 64 x 64 picture that never sees anything, by way of a table of 201 entries at the place of the brightest
 * pixel: where that is beyond the table, the runtime gives up.
 */
static GBytes *
write_moody(void)
{
    static const gint64 image[] = {1, 3, 64, 64}, head[] = {1, N_ROWS, 6};
    static const gfloat zeros[N_ROWS * 6];
    VigilOnnxWriter *writer = vigil_onnx_writer_new();

    vigil_onnx_writer_input(writer, "x", VIGIL_ONNX_FLOAT, 4, image);
    vigil_onnx_writer_constant(writer, "table", VIGIL_ONNX_FLOAT, zeros, 201);
    vigil_onnx_writer_constant(writer, "zeros", VIGIL_ONNX_FLOAT, zeros, N_ROWS * 6);
    vigil_onnx_writer_constant(writer, "head", VIGIL_ONNX_INT64, head, 3);
    vigil_onnx_writer_node(writer, "ReduceMax", "x", NULL, "brightest", "keepdims", 0);
    vigil_onnx_writer_node(writer, "Cast", "brightest", NULL, "place", "to", VIGIL_ONNX_INT64);
    vigil_onnx_writer_node(writer, "Gather", "table", "place", "entry", NULL, 0);
    vigil_onnx_writer_node(writer, "Add", "zeros", "entry", "all", NULL, 0);
    vigil_onnx_writer_node(writer, "Reshape", "all", "head", "y", NULL, 0);
    vigil_onnx_writer_output(writer, "y", VIGIL_ONNX_FLOAT, 3, head);
    return vigil_onnx_writer_finish(writer);
}

static VigilOutcome
push(GstHarness *h, const GstVideoInfo *info, guint8 gray, guint second)
{
    GstBuffer *buffer = test_frame_new(info, second * GST_SECOND, GST_SECOND), *out;
    VigilOutcome outcome;

    gst_buffer_memset(buffer, 0, gray, GST_VIDEO_INFO_SIZE(info));
    out = gst_harness_push_and_pull(h, buffer);
    outcome = gst_vigil_buffer_get_outcome(out);
    gst_buffer_unref(out);
    return outcome;
}

/* An inference that fails is a failed frame, not one without objects, and the next is looked at again. */
GST_START_TEST(failed_inference)
{
    const GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_RGB, 64, 64);
    GBytes *bytes = write_moody();
    GstElement *element;
    gchar *path = NULL;
    const gint fd = g_file_open_tmp("vigil-test-XXXXXX.onnx", &path, NULL);

    fail_unless(fd >= 0);
    g_close(fd, NULL);
    fail_unless(g_file_set_contents(path, g_bytes_get_data(bytes, NULL),
                                    (gssize)g_bytes_get_size(bytes), NULL));
    element = element_new(path);
    if (is_runnable(element)) {
        GstHarness *h = harness_new(element, &info);

        assert_equals_int(push(h, &info, 100, 0), VIGIL_OUTCOME_INFERRED);
        assert_equals_int(push(h, &info, 255, 1), VIGIL_OUTCOME_FAILED);
        assert_equals_int(push(h, &info, 255, 2), VIGIL_OUTCOME_FAILED);
        assert_equals_int(push(h, &info, 200, 3), VIGIL_OUTCOME_INFERRED);
        gst_harness_teardown(h);
    }
    g_bytes_unref(bytes);
    test_remove_file(path);
}
GST_END_TEST

/* The device that is asked for and not there: a warning, and the frame is looked at all the same. */
GST_START_TEST(absent_device)
{
    const GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_RGB, 64, 64);
    gchar *model = vigil_test_data_path("models/yolox_nano.onnx");
    GstElement *element = model ? element_new(model) : NULL;

    if (element && is_runnable(element)) {
        gst_element_set_state(element, GST_STATE_NULL);
        g_object_set(element, "device", "cuda", NULL);
        g_test_expect_message("vigil", G_LOG_LEVEL_WARNING, "*the model runs on the CPU*");
        fail_unless(gst_element_set_state(element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
        GstHarness *h = harness_new(element, &info);

        assert_equals_int(push(h, &info, 100, 0), VIGIL_OUTCOME_INFERRED);
        gst_harness_teardown(h);
    }
    g_free(model);
}
GST_END_TEST

static Suite *
vigildetect_onnx_suite(void)
{
    Suite *suite = suite_create("vigildetect-onnx");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, finds_the_cat, 0, 2);
    tcase_add_test(all, failed_inference);
    tcase_add_test(all, absent_device);
    suite_add_tcase(suite, all);
    return suite;
}

GST_CHECK_MAIN(vigildetect_onnx)
