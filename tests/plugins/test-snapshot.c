/* SPDX-License-Identifier: Apache-2.0 */
#include <turbojpeg.h>

#include "plugins/events/vigil-snapshot.h"
#include "plugins/overlay/vigil-canvas.h"
#include "tests/plugins/plugin-test.h"

static const GstVideoFormat formats[] = {
    GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_RGB,
    GST_VIDEO_FORMAT_BGR,  GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_GRAY8,
};

/* Left half one colour, right half another. */
static GBytes *
take(GstVideoFormat format, guint width, guint height, guint max_width, VigilColour left,
     VigilColour right)
{
    GstVideoInfo info = test_video_info(format, width, height);
    GstBuffer *buffer = test_frame_new(&info, 0, 0);
    VigilSnapshot *snapshot = vigil_snapshot_new(max_width);
    GstVideoFrame frame;
    VigilImage image;
    g_autoptr(GBytes) again = NULL;
    GBytes *jpeg;

    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
    fail_unless(gst_vigil_image_from_frame(&frame, &image));
    vigil_canvas_fill(&image, 0, 0, width / 2, height, 255, vigil_canvas_ink(&image, left));
    vigil_canvas_fill(&image, width / 2, 0, width - width / 2, height, 255,
                      vigil_canvas_ink(&image, right));
    jpeg = vigil_snapshot_encode(snapshot, &image);
    /* nothing of one is left for the next */
    again = vigil_snapshot_encode(snapshot, &image);
    fail_unless(jpeg && again && g_bytes_equal(jpeg, again));
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
    vigil_snapshot_free(snapshot);
    return jpeg;
}

/* (transfer full): RGB */
static guint8 *
decode(GBytes *jpeg, gint *width, gint *height)
{
    tjhandle decoder = tjInitDecompress();
    gsize size;
    const guint8 *data = g_bytes_get_data(jpeg, &size);
    gint subsampling = 0, space = 0;
    guint8 *rgb;

    *width = *height = 0;
    fail_unless(tjDecompressHeader3(decoder, data, size, width, height, &subsampling, &space) == 0);
    rgb = g_malloc(*width * *height * 3);
    fail_unless(tjDecompress2(decoder, data, size, rgb, *width, 0, *height, TJPF_RGB, 0) == 0);
    tjDestroy(decoder);
    return rgb;
}

static void
assert_near(const guint8 *pixel, VigilColour colour)
{
    fail_unless(ABS(pixel[0] - colour.r) <= 8 && ABS(pixel[1] - colour.g) <= 8 &&
                    ABS(pixel[2] - colour.b) <= 8,
                "%u %u %u", pixel[0], pixel[1], pixel[2]);
}

GST_START_TEST(colours_come_out_in_every_format)
{
    const gboolean gray = formats[__i__] == GST_VIDEO_FORMAT_GRAY8;
    const VigilColour left = gray ? (VigilColour){60, 60, 60} : (VigilColour){200, 40, 40};
    const VigilColour right = gray ? (VigilColour){200, 200, 200} : (VigilColour){30, 60, 220};
    GBytes *jpeg = take(formats[__i__], 1280, 720, 640, left, right);
    gint width, height;
    guint8 *rgb = decode(jpeg, &width, &height);

    assert_equals_int(width, 640);
    assert_equals_int(height, 360);
    assert_near(rgb + 3 * (180 * 640 + 100), left);
    assert_near(rgb + 3 * (180 * 640 + 500), right);
    fail_unless(g_bytes_get_size(jpeg) < 100000);
    g_free(rgb);
    g_bytes_unref(jpeg);
}
GST_END_TEST

GST_START_TEST(small_and_odd_frames)
{
    static const guint sizes[][4] = {
        {1, 1, 1, 1}, {35, 17, 35, 17}, {641, 3, 640, 2}, {33, 2000, 33, 2000}};
    const VigilColour colour = {128, 128, 128};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        GBytes *jpeg = take(formats[__i__], sizes[i][0], sizes[i][1], 640, colour, colour);
        gint width, height;

        g_free(decode(jpeg, &width, &height));
        assert_equals_int(width, sizes[i][2]);
        assert_equals_int(height, sizes[i][3]);
        g_bytes_unref(jpeg);
    }
}
GST_END_TEST

GST_START_TEST(equal_frames_are_equal_bytes)
{
    GBytes *one =
        take(formats[__i__], 333, 222, 100, (VigilColour){1, 2, 3}, (VigilColour){250, 1, 9});
    GBytes *two =
        take(formats[__i__], 333, 222, 100, (VigilColour){1, 2, 3}, (VigilColour){250, 1, 9});

    fail_unless(g_bytes_equal(one, two));
    g_bytes_unref(one);
    g_bytes_unref(two);
}
GST_END_TEST

static Suite *
vigil_snapshot_suite(void)
{
    Suite *suite = suite_create("vigil-snapshot");
    TCase *tcase = tcase_create("snapshot");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, colours_come_out_in_every_format, 0, G_N_ELEMENTS(formats));
    tcase_add_loop_test(tcase, small_and_odd_frames, 0, G_N_ELEMENTS(formats));
    tcase_add_loop_test(tcase, equal_frames_are_equal_bytes, 0, G_N_ELEMENTS(formats));
    return suite;
}

GST_CHECK_MAIN(vigil_snapshot)
