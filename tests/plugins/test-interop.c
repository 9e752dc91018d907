/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of others take our metadata. Needs GStreamer >= 1.24 with its analytics plugins; skipped otherwise. */
#include "tests/plugins/plugin-test.h"
#include "vigil-config.h"

#ifdef HAVE_GST_ANALYTICS

static const VigilDetection detection = {{0.25f, 0.25f, 0.5f, 0.75f}, 0.9f, 0, "person"};

static gboolean
is_there(const gchar *name)
{
    GstElementFactory *factory = gst_element_factory_find(name);

    if (!factory) {
        g_printerr("SKIP: no element %s\n", name);
        return FALSE;
    }
    gst_object_unref(factory);
    return TRUE;
}

/* Pixels of a row, or column, that are no longer gray. */
static guint
count_drawn(const VigilImage *image, guint x, guint y, guint dx, guint dy, guint n)
{
    guint drawn = 0;

    for (guint i = 0; i < n; i++) {
        const guint8 *p = image->planes[0] + (y + i * dy) * image->strides[0] + 4 * (x + i * dx);

        drawn += p[0] != 128 || p[1] != 128 || p[2] != 128;
    }
    return drawn;
}

GST_START_TEST(stock_overlay_draws_our_detections)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_BGRx, 320, 240);
    GstBuffer *buffer = test_frame_new(&info, 0, GST_SECOND), *out;
    GstHarness *h;
    GstVideoFrame frame;
    VigilImage image;

    gst_vigil_buffer_add_detections(buffer, &info, &detection, 1);
    if (!is_there("objectdetectionoverlay")) {
        gst_buffer_unref(buffer);
        return;
    }
    h = gst_harness_new("objectdetectionoverlay");
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, buffer);
    fail_unless(out != NULL);
    fail_unless(gst_video_frame_map(&frame, &info, out, GST_MAP_READ));
    fail_unless(gst_vigil_image_from_frame(&frame, &image));
    /* across the box's edges somewhere near 80..160, 60..180 */
    fail_unless(count_drawn(&image, 76, 150, 1, 0, 8) > 0);
    fail_unless(count_drawn(&image, 156, 150, 1, 0, 8) > 0);
    fail_unless(count_drawn(&image, 120, 176, 0, 1, 8) > 0);
    /* and nowhere far from it */
    fail_unless(count_drawn(&image, 250, 0, 0, 1, 240) == 0);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}
GST_END_TEST

/* videoscale drops the region's structures; the analytics metadata goes on and is read instead */
GST_START_TEST(detections_survive_scaling)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_BGRx, 320, 240);
    GstBuffer *buffer = test_frame_new(&info, 0, GST_SECOND), *out;
    GstVideoInfo small = test_video_info(GST_VIDEO_FORMAT_BGRx, 160, 120);
    GstHarness *h = gst_harness_new("videoscale");
    VigilDetection found[4];

    gst_vigil_buffer_add_detections(buffer, &info, &detection, 1);
    gst_harness_set_sink_caps(h, gst_video_info_to_caps(&small));
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, buffer);
    assert_equals_int(gst_vigil_buffer_get_detections(out, &small, found, G_N_ELEMENTS(found)), 1);
    assert_equals_string(found[0].label, "person");
    fail_unless(vigil_box_iou(&found[0].box, &detection.box) > 0.9f);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}
GST_END_TEST

#else

GST_START_TEST(analytics_metadata_is_not_there)
{
    g_printerr("SKIP: this GStreamer has no analytics library (1.24 or newer)\n");
}
GST_END_TEST

#endif

static Suite *
vigil_interop_suite(void)
{
    Suite *suite = suite_create("vigil-interop");
    TCase *tcase = tcase_create("interop");

    suite_add_tcase(suite, tcase);
#ifdef HAVE_GST_ANALYTICS
    tcase_add_test(tcase, stock_overlay_draws_our_detections);
    tcase_add_test(tcase, detections_survive_scaling);
#else
    tcase_add_test(tcase, analytics_metadata_is_not_there);
#endif
    return suite;
}

GST_CHECK_MAIN(vigil_interop)
