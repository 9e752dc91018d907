/* SPDX-License-Identifier: Apache-2.0 */
#include <cairo.h>

#include "tests/plugins/plugin-test.h"

#define FRAME (GST_SECOND / 10)
#define PICTURE "images/tfex_cat1.png"

static gchar *model, *labels;
static GstBus *bus;
static GstElement
    *holder; /* keeps the instance that all elements of a test share, which saves time */

static GstElement *element_new(void);

static void
setup(void)
{
    model = vigil_test_data_path(TEST_MODEL);
    labels = vigil_test_data_path(TEST_LABELS);
    bus = gst_bus_new();
    if (model) {
        holder = element_new();
        assert_equals_int(gst_element_set_state(holder, GST_STATE_PAUSED),
                          GST_STATE_CHANGE_SUCCESS);
    }
}

static void
teardown(void)
{
    if (holder)
        gst_element_set_state(holder, GST_STATE_NULL);
    gst_clear_object(&holder);
    test_bus_free(bus);
    g_clear_pointer(&model, g_free);
    g_clear_pointer(&labels, g_free);
}

static GstElement *
element_new(void)
{
    GstElement *element = gst_element_factory_make("vigildetect", NULL);

    fail_unless(element != NULL);
    g_object_set(element, "model", model, "labels", labels, "threshold", 0.5, "model-instance-id",
                 "test", NULL);
    gst_element_set_bus(element, bus);
    return element;
}

static GstHarness *
harness_new(GstElement *element, const GstVideoInfo *info, gboolean live)
{
    GstHarness *h = gst_harness_new_with_element(element, "sink", "src");

    gst_object_unref(element);
    gst_harness_set_live(h, live);
    test_set_caps(h, info);
    return h;
}

/* --- what is found ------------------------------------------------------------------------------------------- */

/* The picture as BGRx; @gray: without its colours. */
static GstBuffer *
load_picture(GstVideoInfo *info, gboolean gray)
{
    gchar *path = vigil_test_data_path(PICTURE);
    cairo_surface_t *surface;
    guint width, height;
    GstBuffer *buffer;
    GstVideoFrame frame;

    fail_unless(path != NULL);
    surface = cairo_image_surface_create_from_png(path);
    g_free(path);
    fail_unless(cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS);
    width = cairo_image_surface_get_width(surface);
    height = cairo_image_surface_get_height(surface);
    *info = test_video_info(GST_VIDEO_FORMAT_BGRx, width, height);
    buffer = test_frame_new(info, 0, GST_SECOND);
    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE));
    for (guint y = 0; y < height; y++) {
        guint8 *to = (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                     y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);

        memcpy(to,
               cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface),
               width * 4);
        for (guint x = 0; gray && x < width; x++)
            to[4 * x] = to[4 * x + 2] = to[4 * x + 1];
    }
    gst_video_frame_unmap(&frame);
    cairo_surface_destroy(surface);
    return buffer;
}

static GstBuffer *
convert(GstBuffer *picture, GstVideoInfo *from, GstVideoInfo *to)
{
    GstVideoConverter *converter = gst_video_converter_new(from, to, NULL);
    GstBuffer *buffer = test_frame_new(to, 0, GST_SECOND);
    GstVideoFrame in, out;

    fail_unless(converter != NULL);
    fail_unless(gst_video_frame_map(&in, from, picture, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&out, to, buffer, GST_MAP_WRITE));
    gst_video_converter_frame(converter, &in, &out);
    gst_video_frame_unmap(&in);
    gst_video_frame_unmap(&out);
    gst_video_converter_free(converter);
    return buffer;
}

static guint
detect(GstVideoInfo *info, GstBuffer *buffer, VigilDetection *found, guint capacity)
{
    GstHarness *h = harness_new(element_new(), info, FALSE);
    GstBuffer *out = gst_harness_push_and_pull(h, buffer);
    const guint n = gst_vigil_buffer_get_detections(out, info, found, capacity);

    assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_INFERRED);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
    return n;
}

static void
assert_same(const VigilDetection *found, const VigilDetection *expected, guint n)
{
    for (guint i = 0; i < n; i++) {
        assert_equals_string(found[i].label, expected[i].label);
        fail_unless(ABS(found[i].score - expected[i].score) <= 0.03f, "%s %g, not %g",
                    found[i].label, found[i].score, expected[i].score);
        fail_unless(vigil_box_iou(&found[i].box, &expected[i].box) >= 0.9f);
    }
}

/* The picture in each of the formats, and the first of them with or without its colours as what is expected. */
static void
assert_formats_agree(const GstVideoFormat *list, guint n_formats, gboolean gray)
{
    GstVideoInfo info, other;
    GstBuffer *picture = load_picture(&info, gray);
    VigilDetection expected[100], found[100];
    guint n;

    n = detect(&info, gst_buffer_ref(picture), expected, G_N_ELEMENTS(expected));
    fail_unless(n >= 1);
    assert_equals_string(expected[0].label, "cat");
    for (guint i = 0; i < n_formats; i++) {
        other = test_video_info(list[i], info.width, info.height);
        assert_equals_int(
            detect(&other, convert(picture, &info, &other), found, G_N_ELEMENTS(found)), n);
        assert_same(found, expected, n);
    }
    gst_buffer_unref(picture);
}

GST_START_TEST(every_format_shows_the_same)
{
    static const GstVideoFormat colour[] = {
        GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_RGB,
        GST_VIDEO_FORMAT_BGR,  GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx,
    };
    static const GstVideoFormat gray[] = {GST_VIDEO_FORMAT_GRAY8};

    if (!model || !labels)
        return;
    assert_formats_agree(colour, G_N_ELEMENTS(colour), FALSE);
    assert_formats_agree(gray, G_N_ELEMENTS(gray), TRUE);
}
GST_END_TEST

GST_START_TEST(pixels_are_untouched_and_shared)
{
    GstVideoInfo info;
    GstBuffer *picture, *held, *out;
    GstHarness *h;

    if (!model || !labels)
        return;
    picture = load_picture(&info, FALSE);
    h = harness_new(element_new(), &info, FALSE);
    held = gst_buffer_ref(picture);
    out = gst_harness_push_and_pull(h, picture);
    fail_unless(gst_buffer_peek_memory(out, 0) == gst_buffer_peek_memory(held, 0));
    assert_equals_int(gst_buffer_get_n_meta(held, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), 0);
    fail_unless(gst_buffer_get_n_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) > 0);
    gst_buffer_unref(out);
    gst_buffer_unref(held);
    gst_harness_teardown(h);
}
GST_END_TEST

/* --- which frames are looked at ------------------------------------------------------------------------------ */

static gchar
look(GstHarness *h, GstVideoInfo *info, GstClockTime pts)
{
    static const gchar letters[] = "xr-ltf"; /* by outcome */
    GstBuffer *out = gst_harness_push_and_pull(h, test_frame_new(info, pts, FRAME));
    const VigilOutcome outcome = gst_vigil_buffer_get_outcome(out);

    gst_buffer_unref(out);
    return letters[outcome];
}

static void
assert_pattern(GstElement *element, gboolean live, GstClockTime now, const gchar *expected)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstHarness *h = harness_new(element, &info, live);
    GString *found = g_string_new(NULL);

    gst_harness_set_time(h, now);
    for (guint i = 0; i < strlen(expected); i++)
        g_string_append_c(found, look(h, &info, i * FRAME));
    assert_equals_string(found->str, expected);
    g_string_free(found, TRUE);
    gst_harness_teardown(h);
}

GST_START_TEST(interval_and_rate_give_exact_patterns)
{
    GstElement *element;

    if (!model)
        return;
    assert_pattern(element_new(), FALSE, 0, "xxx");
    element = element_new();
    g_object_set(element, "inference-interval", 3, NULL);
    assert_pattern(element, FALSE, 0, "xrrxrrxrr");
    element = element_new();
    g_object_set(element, "fps", 2.0, NULL);
    assert_pattern(element, FALSE, 0, "xrrrrxrrrrx");
    element = element_new();
    g_object_set(element, "fps", 5.0, "inference-interval", 2, NULL);
    assert_pattern(element, FALSE, 0, "xrrrxrrrx");
}
GST_END_TEST

GST_START_TEST(late_frames_of_a_live_stream_are_passed_on)
{
    GstElement *element;

    if (!model)
        return;
    /* all come 10 s after their time */
    assert_pattern(element_new(), TRUE, 10 * GST_SECOND, "xlllllllllll");
    assert_pattern(element_new(), FALSE, 10 * GST_SECOND, "xxx");
    assert_pattern(element_new(), TRUE, 0, "xxx");
    element = element_new();
    g_object_set(element, "max-lateness", (gint64)-1, NULL);
    assert_pattern(element, TRUE, 10 * GST_SECOND, "xxx");
}
GST_END_TEST

/* a camera that never keeps up: one frame a second is looked at even so */
GST_START_TEST(late_streams_do_not_starve)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstHarness *h;

    if (!model)
        return;
    h = harness_new(element_new(), &info, TRUE);
    gst_harness_set_time(h, 10 * GST_SECOND);
    assert_equals_int(look(h, &info, 0), 'x');
    gst_harness_set_time(h, 11 * GST_SECOND - 1);
    assert_equals_int(look(h, &info, FRAME), 'l');
    gst_harness_set_time(h, 11 * GST_SECOND);
    assert_equals_int(look(h, &info, 2 * FRAME), 'x');
    assert_equals_int(look(h, &info, 3 * FRAME), 'l');
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(frames_too_late_for_a_sink_are_passed_on)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstHarness *h;

    if (!model)
        return;
    h = harness_new(element_new(), &info, TRUE);
    assert_equals_int(look(h, &info, 0), 'x');
    /* a sink says that what was due at 0.1 s came 0.2 s late */
    gst_harness_push_upstream_event(
        h, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 2 * FRAME, FRAME));
    assert_equals_int(look(h, &info, FRAME), 'l');
    assert_equals_int(look(h, &info, 2 * FRAME), 'l');
    assert_equals_int(look(h, &info, 3 * FRAME), 'x');
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(frames_without_motion_are_not_looked_at)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstBuffer *buffer = test_frame_new(&info, 0, FRAME);
    GstHarness *h;

    if (!model) {
        gst_buffer_unref(buffer);
        return;
    }
    h = harness_new(element_new(), &info, FALSE);
    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_SKIPPED_NO_MOTION);
    buffer = gst_harness_push_and_pull(h, buffer);
    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_SKIPPED_NO_MOTION);
    gst_buffer_unref(buffer);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(statistics_count_every_frame)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstElement *element;
    GstHarness *h;
    GstMessage *message;
    GstStructure *stats = NULL;
    guint64 frames, inferred, skipped, mean;

    if (!model)
        return;
    message = test_pop_message(bus, "vigildetect-model");
    fail_unless(message != NULL);
    assert_equals_string(gst_structure_get_string(gst_message_get_structure(message), "name"),
                         "ssd_mobilenet_v1_coco_quant_300.tflite");
    fail_unless(strlen(gst_structure_get_string(gst_message_get_structure(message), "sha256")) ==
                64);
    gst_message_unref(message);
    element = element_new();
    g_object_set(element, "inference-interval", 4, NULL);
    h = harness_new(element, &info, FALSE);
    for (guint i = 0; i < 10; i++)
        look(h, &info, i * FRAME);
    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "inferred",
                                  G_TYPE_UINT64, &inferred, "skipped-rate", G_TYPE_UINT64, &skipped,
                                  "inference-time-mean", G_TYPE_UINT64, &mean, NULL));
    fail_unless(frames == 10 && inferred == 3 && skipped == 7 && mean > 0);
    gst_structure_free(stats);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    message = test_pop_message(bus, "vigildetect-stats");
    fail_unless(message != NULL);
    gst_message_unref(message);
    gst_harness_teardown(h);
}
GST_END_TEST

/* --- what goes wrong ----------------------------------------------------------------------------------------- */

static void
assert_refused(GstElement *element, gint code)
{
    GstMessage *message;
    GError *error = NULL;

    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, code), "%s", error->message);
    fail_unless(strlen(error->message) > 15);
    g_error_free(error);
    gst_message_unref(message);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
}

static GstElement *
lone_element_new(void)
{
    GstElement *element = element_new();

    g_object_set(element, "model-instance-id", NULL, NULL);
    return element;
}

GST_START_TEST(what_cannot_be_opened_is_one_error)
{
    GstElement *element = lone_element_new();
    gchar *garbage = test_write_file("this is no model");

    g_object_set(element, "model", "/nonexistent/model.tflite", NULL);
    assert_refused(element, GST_RESOURCE_ERROR_OPEN_READ);
    element = lone_element_new();
    g_object_set(element, "model-file", garbage, NULL);
    assert_refused(element, GST_RESOURCE_ERROR_SETTINGS);
    element = lone_element_new();
    g_object_set(element, "model", NULL, NULL);
    assert_refused(element, GST_RESOURCE_ERROR_SETTINGS);
    element = lone_element_new();
    g_object_set(element, "model", garbage, "device", "gpu", NULL);
    assert_refused(element, GST_RESOURCE_ERROR_SETTINGS);
    test_remove_file(garbage);
}
GST_END_TEST

GST_START_TEST(names_of_properties_that_mean_the_same)
{
    static const gchar *const names[] = {"labels", "labels-file", "label-file"};
    GstElement *element = gst_element_factory_make("vigildetect", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        gchar *value = NULL;

        g_object_set(element, names[i], names[i], "model-file", "m", NULL);
        g_object_get(element, names[(i + 1) % G_N_ELEMENTS(names)], &value, NULL);
        assert_equals_string(value, names[i]);
        g_free(value);
        g_object_get(element, "model", &value, NULL);
        assert_equals_string(value, "m");
        g_free(value);
    }
    gst_object_unref(element);
}
GST_END_TEST

GST_START_TEST(elements_share_an_instance)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_GRAY8, 64, 48);
    GstElement *element, *other;
    GstHarness *h, *k;

    if (!model)
        return;
    element = element_new();
    other = element_new();
    g_object_set(element, "model-instance-id", "one", NULL);
    g_object_set(other, "model-instance-id", "one", NULL);
    h = harness_new(element, &info, FALSE);
    k = harness_new(other, &info, FALSE);
    assert_equals_int(look(h, &info, 0), 'x');
    assert_equals_int(look(k, &info, 0), 'x');
    /* it is one instance: another threshold does not fit it */
    element = element_new();
    g_object_set(element, "model-instance-id", "one", "threshold", 0.9, NULL);
    assert_refused(element, GST_RESOURCE_ERROR_SETTINGS);
    gst_harness_teardown(h);
    assert_equals_int(look(k, &info, FRAME), 'x');
    gst_harness_teardown(k);
    /* nobody holds it any more */
    element = element_new();
    g_object_set(element, "model-instance-id", "one", "threshold", 0.9, NULL);
    h = harness_new(element, &info, FALSE);
    gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
vigildetect_suite(void)
{
    Suite *suite = suite_create("vigildetect");
    TCase *tcase = tcase_create("detect");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_format_shows_the_same);
    tcase_add_test(tcase, pixels_are_untouched_and_shared);
    tcase_add_test(tcase, interval_and_rate_give_exact_patterns);
    tcase_add_test(tcase, late_frames_of_a_live_stream_are_passed_on);
    tcase_add_test(tcase, late_streams_do_not_starve);
    tcase_add_test(tcase, frames_too_late_for_a_sink_are_passed_on);
    tcase_add_test(tcase, frames_without_motion_are_not_looked_at);
    tcase_add_test(tcase, statistics_count_every_frame);
    tcase_add_test(tcase, what_cannot_be_opened_is_one_error);
    tcase_add_test(tcase, names_of_properties_that_mean_the_same);
    tcase_add_test(tcase, elements_share_an_instance);
    return suite;
}

GST_CHECK_MAIN(vigildetect)
