/* SPDX-License-Identifier: Apache-2.0 */
#include <gst/app/gstappsink.h>

#include "events/vigil-mask-spans.h"
#include "plugins/common/gstvigilprobe.h"
#include "plugins/mask/vigil-mask-painter.h"
#include "tests/plugins/plugin-test.h"

#define TEST_MASKS "[[[0.2, 0.1], [0.75, 0.3], [0.4, 0.9]], [[0.9, 0.9], [1, 0.9], [1, 1]]]"
#define VIDEO "videos/one-by-one-person-detection.mp4"

static const GstVideoFormat formats[] = {
    GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_YUY2,
    GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGR,  GST_VIDEO_FORMAT_RGBx,  GST_VIDEO_FORMAT_BGRx,
    GST_VIDEO_FORMAT_YV12, GST_VIDEO_FORMAT_NV21, GST_VIDEO_FORMAT_Y42B,  GST_VIDEO_FORMAT_Y444,
    GST_VIDEO_FORMAT_Y41B, GST_VIDEO_FORMAT_UYVY, GST_VIDEO_FORMAT_YVYU,  GST_VIDEO_FORMAT_xRGB,
    GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA,  GST_VIDEO_FORMAT_ARGB,
    GST_VIDEO_FORMAT_ABGR,
};

/* Which samples of a row stand for any pixel that is covered. */
static void
find_covered(const VigilMaskSpans *spans, guint shift_x, guint shift_y, guint y, guint8 *covered)
{
    const guint last = MIN((y + 1) << shift_y, spans->height) - 1;

    memset(covered, 0, spans->width);
    for (guint row = y << shift_y; row <= last; row++)
        for (guint i = spans->rows[row]; i < spans->rows[row + 1]; i++)
            for (guint x = spans->spans[i].begin; x < spans->spans[i].end; x++)
                covered[x >> shift_x] = 1;
}

/* Every sample of every component: the mask's where it is covered, else as it was. Returns: covered ones */
static guint
check_frame(const GstVideoInfo *info, GstBuffer *before, GstBuffer *after, const guint8 value[4])
{
    VigilPrivacyMask *mask = vigil_privacy_mask_parse(TEST_MASKS, NULL);
    VigilMaskSpans *spans =
        vigil_mask_spans_new(mask, GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info));
    GstVideoFrame a, b;
    guint8 *row = g_malloc((gsize)GST_VIDEO_INFO_WIDTH(info));
    gchar first[128] = "";
    guint n = 0, n_wrong = 0;

    fail_unless(gst_video_frame_map(&a, info, before, GST_MAP_READ));
    fail_unless(gst_video_frame_map(&b, info, after, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++) {
        for (gint y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(info, c); y++) {
            find_covered(spans, info->finfo->w_sub[c], info->finfo->h_sub[c], (guint)y, row);
            for (gint x = 0; x < GST_VIDEO_INFO_COMP_WIDTH(info, c); x++) {
                const gsize from = (gsize)y * GST_VIDEO_FRAME_COMP_STRIDE(&a, c) +
                                   (gsize)x * GST_VIDEO_FRAME_COMP_PSTRIDE(&a, c);
                const gsize to = (gsize)y * GST_VIDEO_FRAME_COMP_STRIDE(&b, c) +
                                 (gsize)x * GST_VIDEO_FRAME_COMP_PSTRIDE(&b, c);
                const guint8 covered = row[x];
                const guint8 was = ((guint8 *)GST_VIDEO_FRAME_COMP_DATA(&a, c))[from];
                const guint8 is = ((guint8 *)GST_VIDEO_FRAME_COMP_DATA(&b, c))[to];

                n += covered;
                /* an assertion is told to the test's parent, which takes its time */
                if (is != (covered ? value[c] : was) && n_wrong++ == 0)
                    g_snprintf(first, sizeof first,
                               "component %u at %d,%d is %u, was %u, covered: %d", c, x, y, is, was,
                               covered);
            }
        }
    }
    gst_video_frame_unmap(&b);
    gst_video_frame_unmap(&a);
    g_free(row);
    vigil_mask_spans_free(spans);
    vigil_privacy_mask_free(mask);
    fail_unless(n_wrong == 0, "%s: %u are wrong: %s", GST_VIDEO_INFO_NAME(info), n_wrong, first);
    return n;
}

static GstBuffer *
noise_new(gsize size)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, size, NULL);
    GRand *rand = g_rand_new_with_seed((guint32)size);
    GstMapInfo map;

    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    for (gsize i = 0; i < map.size; i++)
        map.data[i] = (guint8)g_rand_int_range(rand, 0, 256);
    gst_buffer_unmap(buffer, &map);
    g_rand_free(rand);
    GST_BUFFER_PTS(buffer) = 0;
    return buffer;
}

/* Red: 81, 90, 240 in BT.601 of limited range. */
static void
find_red(const GstVideoInfo *info, guint8 value[4])
{
    static const guint8 yuv[4] = {81, 90, 240, 255}, rgb[4] = {255, 0, 0, 255};

    memcpy(value, GST_VIDEO_INFO_IS_RGB(info) ? rgb : yuv, 4);
    if (GST_VIDEO_INFO_IS_GRAY(info)) /* full range */
        value[0] = 76;
}

static GstHarness *
harness_new(const gchar *masks, guint colour)
{
    GstHarness *h = gst_harness_new("vigilmask");

    gst_harness_set_live(h, FALSE);
    g_object_set(h->element, "masks", masks, "color", colour, NULL);
    return h;
}

GST_START_TEST(every_format_and_odd_sizes)
{
    static const guint sizes[][2] = {{64, 48}, {33, 27}, {1, 1}, {2, 5}};

    for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
        GstVideoInfo info = test_video_info(formats[__i__], sizes[s][0], sizes[s][1]);
        GstHarness *h = harness_new(TEST_MASKS, 0xff0000);
        GstBuffer *in = noise_new(GST_VIDEO_INFO_SIZE(&info)), *before, *out;
        guint8 value[4];

        if (!GST_VIDEO_INFO_IS_RGB(&info) && !GST_VIDEO_INFO_IS_GRAY(&info))
            gst_video_colorimetry_from_string(&info.colorimetry, GST_VIDEO_COLORIMETRY_BT601);
        find_red(&info, value);
        test_set_caps(h, &info);
        before = gst_buffer_copy_deep(in);
        out = gst_harness_push_and_pull(h, in);
        fail_unless(out == in, "it was copied");
        fail_unless(check_frame(&info, before, out, value) > 0);
        gst_buffer_unref(before);
        gst_buffer_unref(out);
        gst_harness_teardown(h);
    }
}
GST_END_TEST

/* Planes in another order, with gaps between rows and planes, as a decoder lays them out. */
static GstBuffer *
spread_new(const GstVideoInfo *info)
{
    const gsize area =
        (gsize)(GST_VIDEO_INFO_PLANE_STRIDE(info, 0) + 48) * GST_VIDEO_INFO_HEIGHT(info);
    gsize offset[GST_VIDEO_MAX_PLANES] = {0};
    gint stride[GST_VIDEO_MAX_PLANES] = {0};
    GstBuffer *buffer = noise_new(area * GST_VIDEO_INFO_N_PLANES(info));

    for (guint i = 0; i < GST_VIDEO_INFO_N_PLANES(info); i++) {
        stride[i] = GST_VIDEO_INFO_PLANE_STRIDE(info, i) + 32;
        offset[i] = (GST_VIDEO_INFO_N_PLANES(info) - 1 - i) * area + 16;
    }
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info),
                                   GST_VIDEO_INFO_WIDTH(info), GST_VIDEO_INFO_HEIGHT(info),
                                   GST_VIDEO_INFO_N_PLANES(info), offset, stride);
    return buffer;
}

static guint
count_changed(GstBuffer *a, GstBuffer *b)
{
    GstMapInfo x, y;
    guint n = 0;

    fail_unless(gst_buffer_map(a, &x, GST_MAP_READ) && gst_buffer_map(b, &y, GST_MAP_READ));
    assert_equals_uint64(x.size, y.size);
    for (gsize i = 0; i < x.size; i++)
        n += x.data[i] != y.data[i];
    gst_buffer_unmap(b, &y);
    gst_buffer_unmap(a, &x);
    return n;
}

GST_START_TEST(strides_and_offsets_of_the_meta)
{
    static const GstVideoFormat some[] = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12,
                                          GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_BGRx};
    GstVideoInfo info = test_video_info(some[__i__], 33, 27);
    GstHarness *h = harness_new(TEST_MASKS, 0xff0000);
    GstBuffer *in = spread_new(&info), *before = gst_buffer_copy_deep(in), *out;
    guint8 value[4];
    guint covered;

    if (!GST_VIDEO_INFO_IS_RGB(&info))
        gst_video_colorimetry_from_string(&info.colorimetry, GST_VIDEO_COLORIMETRY_BT601);
    find_red(&info, value);
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, in);
    covered = check_frame(&info, before, out, value);
    /* and nothing between the rows; the byte of BGRx that means nothing is painted as well */
    if (some[__i__] == GST_VIDEO_FORMAT_BGRx)
        covered += covered / 3;
    fail_unless(count_changed(before, out) <= covered);
    gst_buffer_unref(before);
    gst_buffer_unref(out);
    gst_harness_teardown(h);
}
GST_END_TEST

/* Offsets and strides that lead out of the memory: an error, and nothing is written there. */
GST_START_TEST(a_meta_that_lies_is_an_error)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_I420, 32, 32);
    GRand *rand = g_rand_new_with_seed(5);
    guint n_refused = 0;

    for (guint i = 0; i < 500; i++) {
        GstHarness *h = harness_new("[[[0, 0], [1, 0], [1, 1], [0, 1]]]", 0);
        gsize offset[GST_VIDEO_MAX_PLANES] = {0};
        gint stride[GST_VIDEO_MAX_PLANES] = {0};
        GstBuffer *buffer = noise_new(GST_VIDEO_INFO_SIZE(&info));
        GstFlowReturn flow;

        for (guint p = 0; p < 3; p++) {
            offset[p] = (gsize)g_rand_int_range(rand, 0, (gint)GST_VIDEO_INFO_SIZE(&info));
            stride[p] = g_rand_int_range(rand, -80, 80);
        }
        gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 32,
                                       32, 3, offset, stride);
        test_set_caps(h, &info);
        flow = gst_harness_push(h, buffer);
        n_refused += flow != GST_FLOW_OK;
        assert_equals_int((gint)gst_harness_buffers_in_queue(h), flow == GST_FLOW_OK ? 1 : 0);
        gst_harness_teardown(h);
    }
    fail_unless(n_refused > 300 && n_refused < 500, "%u", n_refused);
    g_rand_free(rand);
}
GST_END_TEST

GST_START_TEST(a_frame_smaller_than_its_caps_goes_nowhere)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_I420, 64, 64);
    GstHarness *h = harness_new(TEST_MASKS, 0);

    test_set_caps(h, &info);
    assert_equals_int(gst_harness_push(h, noise_new(GST_VIDEO_INFO_SIZE(&info) - 1)),
                      GST_FLOW_ERROR);
    assert_equals_int((gint)gst_harness_buffers_in_queue(h), 0);
    gst_harness_teardown(h);
}
GST_END_TEST

/* What others hold stays as it is for them. */
GST_START_TEST(shared_frames_are_copied)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_NV12, 33, 27);
    GstHarness *h = harness_new(TEST_MASKS, 0);
    GstBuffer *in = noise_new(GST_VIDEO_INFO_SIZE(&info)), *before = gst_buffer_copy_deep(in);
    GstBuffer *same_memory = gst_buffer_copy(in), *out;
    static const guint8 black[4] = {16, 128, 128, 255};

    gst_video_colorimetry_from_string(&info.colorimetry, GST_VIDEO_COLORIMETRY_BT709);
    GST_BUFFER_PTS(in) = GST_BUFFER_PTS(same_memory) = 40 * GST_MSECOND;
    gst_buffer_add_video_region_of_interest_meta(same_memory, "door", 1, 2, 3, 4);
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    fail_unless(out != in);
    assert_equals_int(count_changed(before, in), 0);
    check_frame(&info, before, out, black);
    assert_equals_uint64(GST_BUFFER_PTS(out), 40 * GST_MSECOND);
    gst_buffer_unref(out);

    out = gst_harness_push_and_pull(h, same_memory);
    assert_equals_int(count_changed(before, in), 0);
    check_frame(&info, before, out, black);
    fail_unless(gst_buffer_get_meta(out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) != NULL);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_buffer_unref(before);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(caps_change_with_the_first_frame_masked)
{
    static const guint sizes[][2] = {{64, 48}, {160, 90}, {33, 27}, {64, 48}};
    static const guint8 black[4] = {16, 128, 128, 255};
    GstHarness *h = harness_new(TEST_MASKS, 0);

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        GstVideoInfo info = test_video_info(i % 2 ? GST_VIDEO_FORMAT_NV12 : GST_VIDEO_FORMAT_I420,
                                            sizes[i][0], sizes[i][1]);

        test_set_caps(h, &info);
        for (guint k = 0; k < 3; k++) {
            GstBuffer *in = noise_new(GST_VIDEO_INFO_SIZE(&info)),
                      *before = gst_buffer_copy_deep(in);
            GstBuffer *out = gst_harness_push_and_pull(h, in);

            check_frame(&info, before, out, black);
            gst_buffer_unref(before);
            gst_buffer_unref(out);
        }
    }
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(no_masks_change_nothing)
{
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_I420, 64, 48);
    GstHarness *h = harness_new("[]", 0);
    GstBuffer *in = noise_new(GST_VIDEO_INFO_SIZE(&info)), *before = gst_buffer_copy_deep(in), *out;

    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    fail_unless(out == in);
    assert_equals_int(count_changed(before, out), 0);
    gst_buffer_unref(out);
    gst_buffer_unref(in);
    gst_buffer_unref(before);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(wrong_masks_do_not_start)
{
    GstElement *element = gst_element_factory_make("vigilmask", NULL);
    GstBus *bus = gst_bus_new();
    GstMessage *message;
    GError *error = NULL;

    gst_element_set_bus(element, bus);
    g_object_set(element, "masks", "[[[0, 0], [1, 1]]]", NULL);
    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(strstr(error->message, "at least 3 points, this has 2") != NULL, "%s",
                error->message);
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
    test_bus_free(bus);
}
GST_END_TEST

GST_START_TEST(masks_change_from_one_frame_to_the_next)
{
    static const guint8 black[4] = {16, 128, 128, 255}, red[4] = {81, 90, 240, 255};
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_I420, 64, 48);
    GstHarness *h = harness_new(NULL, 0);
    GstBuffer *in = noise_new(GST_VIDEO_INFO_SIZE(&info)), *out;

    gst_video_colorimetry_from_string(&info.colorimetry, GST_VIDEO_COLORIMETRY_BT601);
    test_set_caps(h, &info);
    out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    assert_equals_int(count_changed(in, out), 0);
    gst_buffer_unref(out);
    g_object_set(h->element, "masks", TEST_MASKS, NULL);
    out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    check_frame(&info, in, out, black);
    gst_buffer_unref(out);
    g_object_set(h->element, "color", 0xff0000, NULL);
    out = gst_harness_push_and_pull(h, gst_buffer_ref(in));
    check_frame(&info, in, out, red);
    gst_buffer_unref(out);
    /* what cannot be masked as it was asked for is not shown */
    g_object_set(h->element, "masks", "nonsense", NULL);
    assert_equals_int(gst_harness_push(h, in), GST_FLOW_ERROR);
    gst_harness_teardown(h);
}
GST_END_TEST

/* --- behind a decoder ------------------------------------------------------------------------ */

static GstElement *
decode(const gchar *path, const gchar *more)
{
    gchar *line = g_strdup_printf("filesrc location=\"%s\" ! qtdemux ! h264parse ! avdec_h264 "
                                  "max-threads=1 ! %s appsink name=sink sync=false max-buffers=4",
                                  path, more);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(line, &error);

    fail_unless(error == NULL, "%s", error ? error->message : "");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    g_free(line);
    return pipeline;
}

static void
stop(GstElement *pipeline)
{
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

/* A decoder makes frames from those before: what is painted must not get into them. */
GST_START_TEST(a_decoder_does_not_see_the_mask)
{
    gchar *path = vigil_test_data_path(VIDEO);
    GstElement *plain, *masked, *plain_sink, *masked_sink;
    guint n = 0;

    if (!path)
        return;
    plain = decode(path, "");
    masked = decode(path, "vigilmask masks=\"" TEST_MASKS "\" !");
    plain_sink = gst_bin_get_by_name(GST_BIN(plain), "sink");
    masked_sink = gst_bin_get_by_name(GST_BIN(masked), "sink");
    for (; n < 75; n++) {
        GstSample *a = gst_app_sink_pull_sample(GST_APP_SINK(plain_sink));
        GstSample *b = gst_app_sink_pull_sample(GST_APP_SINK(masked_sink));
        static const guint8 black[4] = {16, 128, 128, 255};
        GstVideoInfo info;

        fail_unless(a && b);
        fail_unless(gst_video_info_from_caps(&info, gst_sample_get_caps(a)));
        fail_unless(check_frame(&info, gst_sample_get_buffer(a), gst_sample_get_buffer(b), black) >
                    0);
        gst_sample_unref(a);
        gst_sample_unref(b);
    }
    gst_object_unref(plain_sink);
    gst_object_unref(masked_sink);
    stop(plain);
    stop(masked);
    g_free(path);
}
GST_END_TEST

static guint n_painted;

static gboolean
look_at_probe(GstPad *pad, GstObject *parent, GstQuery *query)
{
    GstSample *sample = NULL;
    GstClockTime time;
    guint n_left;

    if (!gst_vigil_query_parse_probe(query, &time, &sample, &n_left))
        return gst_pad_query_default(pad, parent, query);
    if (sample) {
        GstBuffer *picture = gst_sample_get_buffer(sample);
        guint8 corner;

        assert_equals_uint64(GST_BUFFER_PTS(picture), 7);
        assert_equals_int(gst_buffer_extract(picture, 2 * 64 + 2, &corner, 1), 1);
        n_painted += corner == 16;
        gst_buffer_extract(picture, 47 * 64 + 2, &corner, 1);
        assert_equals_int(corner, 128);
        assert_equals_int(n_left, 3);
    }
    gst_vigil_query_set_quiet(query, TRUE);
    return TRUE;
}

static gboolean
ask(GstHarness *h, GstVideoFormat format)
{
    GstVideoInfo info = test_video_info(format, 64, 48);
    g_autoptr(GstCaps) caps = gst_video_info_to_caps(&info);
    g_autoptr(GstBuffer) picture = test_frame_new(&info, 7, 1);
    GstSample *sample = gst_sample_new(picture, caps, NULL, NULL);
    GstQuery *query = gst_vigil_query_new_probe(7, sample, 3);
    const gboolean quiet = gst_pad_peer_query(h->srcpad, query) && gst_vigil_query_get_quiet(query);

    gst_query_unref(query);
    gst_sample_unref(sample);
    return quiet;
}

/* What vigilidle decodes beside the frames is painted over as well. */
GST_START_TEST(keyframes_of_probes_are_masked)
{
    GstHarness *h = gst_harness_new("vigilmask");
    GstVideoInfo info = test_video_info(GST_VIDEO_FORMAT_I420, 64, 48);

    g_object_set(h->element, "masks", "[[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]]", NULL);
    gst_pad_set_query_function(h->sinkpad, look_at_probe);
    test_set_caps(h, &info);
    gst_buffer_unref(gst_harness_push_and_pull(h, test_frame_new(&info, 0, 1)));
    fail_unless(ask(h, GST_VIDEO_FORMAT_I420));
    assert_equals_int(n_painted, 1);
    /* what cannot be painted goes nowhere */
    fail_if(ask(h, GST_VIDEO_FORMAT_NV12));
    assert_equals_int(n_painted, 1);
    gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
vigilmask_suite(void)
{
    Suite *suite = suite_create("vigilmask");
    TCase *tcase = tcase_create("vigilmask");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, every_format_and_odd_sizes, 0, G_N_ELEMENTS(formats));
    tcase_add_loop_test(tcase, strides_and_offsets_of_the_meta, 0, 4);
    tcase_add_test(tcase, a_meta_that_lies_is_an_error);
    tcase_add_test(tcase, a_frame_smaller_than_its_caps_goes_nowhere);
    tcase_add_test(tcase, shared_frames_are_copied);
    tcase_add_test(tcase, caps_change_with_the_first_frame_masked);
    tcase_add_test(tcase, no_masks_change_nothing);
    tcase_add_test(tcase, wrong_masks_do_not_start);
    tcase_add_test(tcase, masks_change_from_one_frame_to_the_next);
    tcase_add_test(tcase, keyframes_of_probes_are_masked);
    tcase_add_test(tcase, a_decoder_does_not_see_the_mask);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilmask);
