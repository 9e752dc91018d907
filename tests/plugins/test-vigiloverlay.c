/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-samples.h"
#include "plugins/overlay/vigil-draw.h"
#include "tests/plugins/plugin-test.h"

static const GstVideoFormat formats[] = {
    GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_RGB,
    GST_VIDEO_FORMAT_BGR,  GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_GRAY8,
};

/* Edges at multiples of two, so that coarse chroma has them too. */
static const VigilBox box = {0.25f, 0.25f, 0.5f, 0.75f};

typedef struct {
    VigilSampleKind kind;
    guint8 c[3];
} Pixel;

static Pixel
pixel_at(const VigilImage *image, guint x, guint y)
{
    VigilSamples samples[3];
    Pixel pixel;

    pixel.kind = vigil_samples_locate(image, samples);
    for (guint i = 0; i < 3; i++)
        pixel.c[i] = samples[i].data[(y >> samples[i].shift_y) * samples[i].stride +
                                     (x >> samples[i].shift_x) * samples[i].step];
    return pixel;
}

static gboolean
is_gray(Pixel pixel)
{
    return pixel.c[0] == 128 && pixel.c[1] == 128 && pixel.c[2] == 128;
}

/* The first colour is a red. */
static gboolean
is_red(Pixel pixel)
{
    switch (pixel.kind) {
    case VIGIL_SAMPLES_RGB: return pixel.c[0] == 230 && pixel.c[1] == 25 && pixel.c[2] == 75;
    case VIGIL_SAMPLES_YUV: return pixel.c[0] < 110 && pixel.c[2] > 200;
    case VIGIL_SAMPLES_GRAY: return pixel.c[0] == 92;
    }
    return FALSE;
}

static GstBuffer *
draw(GstVideoInfo *info, GstBuffer *buffer, gboolean labels)
{
    GstElement *element = gst_element_factory_make("vigiloverlay", NULL);
    GstHarness *h;
    GstBuffer *out;

    g_object_set(element, "labels", labels, "line-width", 4, NULL);
    h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    test_set_caps(h, info);
    out = gst_harness_push_and_pull(h, buffer);
    gst_harness_teardown(h);
    return out;
}

static GstBuffer *
frame_with_track(const GstVideoInfo *info, gboolean observed)
{
    GstBuffer *buffer = test_frame_new(info, 0, GST_SECOND);
    const VigilTrack track = {
        .id = 10, .box = box, .score = 0.5f, .label = "person", .observed = observed};

    gst_vigil_buffer_set_tracks(buffer, info, &track, 1, NULL, 0);
    return buffer;
}

static void
map_image(GstVideoFrame *frame, VigilImage *image, GstVideoInfo *info, GstBuffer *buffer)
{
    fail_unless(gst_video_frame_map(frame, info, buffer, GST_MAP_READ));
    fail_unless(gst_vigil_image_from_frame(frame, image));
}

GST_START_TEST(box_is_where_it_should_be_in_every_format)
{
    GstVideoInfo info = test_video_info(formats[__i__], 320, 240);
    GstBuffer *out = draw(&info, frame_with_track(&info, TRUE), FALSE);
    GstVideoFrame frame;
    VigilImage image;

    map_image(&frame, &image, &info, out);
    /* the box is 80..160, 60..180; its frame is 4 wide, inward */
    for (guint x = 80; x < 160; x++) {
        fail_unless(is_red(pixel_at(&image, x, 60)) && is_red(pixel_at(&image, x, 63)), "column %u",
                    x);
        fail_unless(is_red(pixel_at(&image, x, 176)) && is_red(pixel_at(&image, x, 179)),
                    "column %u", x);
        fail_unless(is_gray(pixel_at(&image, x, 59)) && is_gray(pixel_at(&image, x, 180)),
                    "column %u", x);
    }
    for (guint y = 60; y < 180; y++) {
        fail_unless(is_red(pixel_at(&image, 80, y)) && is_red(pixel_at(&image, 83, y)), "row %u",
                    y);
        fail_unless(is_red(pixel_at(&image, 156, y)) && is_red(pixel_at(&image, 159, y)), "row %u",
                    y);
        fail_unless(is_gray(pixel_at(&image, 79, y)) && is_gray(pixel_at(&image, 160, y)), "row %u",
                    y);
    }
    for (guint y = 64; y < 176; y++)
        for (guint x = 84; x < 156; x++)
            fail_unless(is_gray(pixel_at(&image, x, y)), "inside, %u,%u", x, y);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(what_is_only_supposed_is_fainter)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_RGB, 320, 240);
    GstBuffer *out = draw(&info, frame_with_track(&info, FALSE), FALSE);
    GstVideoFrame frame;
    VigilImage image;
    Pixel pixel;

    map_image(&frame, &image, &info, out);
    pixel = pixel_at(&image, 100, 61);
    fail_unless(pixel.c[0] > 140 && pixel.c[0] < 220 && pixel.c[1] < 120 && pixel.c[1] > 40);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(label_stands_above_the_box)
{
    GstVideoInfo info = test_video_info(formats[__i__], 320, 240);
    GstBuffer *out = draw(&info, frame_with_track(&info, TRUE), TRUE);
    GstVideoFrame frame;
    VigilImage image;
    guint changed = 0;

    map_image(&frame, &image, &info, out);
    for (guint y = 48; y < 60; y++)
        for (guint x = 80; x < 160; x++)
            changed += !is_gray(pixel_at(&image, x, y));
    fail_unless(changed > 100, "%u pixels changed", changed);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(detections_are_drawn_while_nobody_tracks)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_RGB, 320, 240);
    GstBuffer *buffer = test_frame_new(&info, 0, GST_SECOND);
    const VigilDetection detection = {box, 0.7f, 0, "person"};
    GstVideoFrame frame;
    VigilImage image;

    gst_vigil_buffer_add_detections(buffer, &info, &detection, 1);
    buffer = draw(&info, buffer, FALSE);
    map_image(&frame, &image, &info, buffer);
    fail_if(is_gray(pixel_at(&image, 80, 60)));
    fail_unless(is_gray(pixel_at(&image, 120, 120)));
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(zones_and_lines_are_drawn)
{
    gchar *rules =
        test_write_file("zones: {z: [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]}\n"
                        "lines: {l: [[0.0, 0.9], [1.0, 0.9]]}\n");
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_RGB, 320, 240);
    GstElement *element = gst_element_factory_make("vigiloverlay", NULL);
    GstHarness *h;
    GstBuffer *out;
    GstVideoFrame frame;
    VigilImage image;

    g_object_set(element, "rules", rules, "labels", FALSE, NULL);
    h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, test_frame_new(&info, 0, 0));
    map_image(&frame, &image, &info, out);
    fail_if(is_gray(pixel_at(&image, 160, 60)));
    fail_if(is_gray(pixel_at(&image, 80, 120)));
    fail_if(is_gray(pixel_at(&image, 10, 216)));
    fail_if(is_gray(pixel_at(&image, 310, 216)));
    fail_unless(is_gray(pixel_at(&image, 160, 120)));
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
    test_remove_file(rules);
}
GST_END_TEST

/* places far outside, text that is no UTF-8, sizes of one pixel: nothing may be written beside the picture */
GST_START_TEST(drawing_stays_inside)
{
    static const guint sizes[][2] = {{1, 1}, {3, 5}, {17, 2}, {64, 48}};
    const guint guard = 64;

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        GstVideoInfo info = test_video_info(formats[__i__], sizes[i][0], sizes[i][1]);
        const gsize size = GST_VIDEO_INFO_SIZE(&info);
        guint8 *memory = g_malloc(size + 2 * guard);
        VigilDraw *drawing = vigil_draw_new(3, 12);
        GstBuffer *buffer =
            gst_buffer_new_wrapped_full(0, memory, size + 2 * guard, guard, size, NULL, NULL);
        GstVideoFrame frame;
        VigilImage image;

        memset(memory, 0xa5, size + 2 * guard);
        fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE));
        fail_unless(gst_vigil_image_from_frame(&frame, &image));
        for (gint k = -30; k <= 30; k += 6) {
            const gfloat at = k / 10.0f;
            const VigilBox wild = {at, -at, at + 0.7f, 1.3f - at};

            vigil_draw_box(drawing, &image, &wild, "p\xc3\xa9rson \xff", (VigilColour){1, 2, 3},
                           FALSE);
            vigil_draw_line(drawing, &image, at, 1e9f, -at, -1e9f, (VigilColour){1, 2, 3});
            vigil_draw_text(drawing, &image, at, at, "#7", (VigilColour){1, 2, 3});
        }
        gst_video_frame_unmap(&frame);
        for (guint k = 0; k < guard; k++)
            fail_unless(memory[k] == 0xa5 && memory[guard + size + k] == 0xa5);
        gst_buffer_unref(buffer);
        vigil_draw_free(drawing);
        g_free(memory);
    }
}
GST_END_TEST

static Suite *
vigiloverlay_suite(void)
{
    Suite *suite = suite_create("vigiloverlay");
    TCase *tcase = tcase_create("overlay");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, box_is_where_it_should_be_in_every_format, 0, G_N_ELEMENTS(formats));
    tcase_add_test(tcase, what_is_only_supposed_is_fainter);
    tcase_add_loop_test(tcase, label_stands_above_the_box, 0, G_N_ELEMENTS(formats));
    tcase_add_test(tcase, detections_are_drawn_while_nobody_tracks);
    tcase_add_test(tcase, zones_and_lines_are_drawn);
    tcase_add_loop_test(tcase, drawing_stays_inside, 0, G_N_ELEMENTS(formats));
    return suite;
}

GST_CHECK_MAIN(vigiloverlay)
