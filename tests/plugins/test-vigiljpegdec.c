/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/jpeg/vigil-jpeg.h"
#include "tests/plugins/jpeg-test.h"
#include "tests/plugins/plugin-test.h"

#define WIDTH 320
#define HEIGHT 240
#define FRAME_NS (GST_SECOND / 25)
#define CAMERA_CAPS "image/jpeg, width=320, height=240, framerate=25/1"
#define N_HOSTILE 3000

static guint8 *jpeg;
static gsize jpeg_size;

static void
setup(void)
{
    const JpegKind kind = jpeg_kind(WIDTH, HEIGHT, 2, 1);

    jpeg = jpeg_test_make(&kind, 0, &jpeg_size);
}

static void
teardown(void)
{
    free(jpeg);
}

/* @downstream: (nullable): what is taken there */
static GstHarness *
open_decoder(const gchar *downstream)
{
    GstHarness *h = gst_harness_new("vigiljpegdec");

    if (downstream)
        gst_harness_set_sink_caps_str(h, downstream);
    gst_harness_set_src_caps_str(h, CAMERA_CAPS);
    return h;
}

static GstBuffer *
buffer_of(const guint8 *data, gsize size, guint index)
{
    GstBuffer *buffer = size ? gst_buffer_new_memdup(data, size) : gst_buffer_new();

    GST_BUFFER_PTS(buffer) = index * FRAME_NS;
    GST_BUFFER_DURATION(buffer) = FRAME_NS;
    return buffer;
}

static void
push(GstHarness *h, const guint8 *data, gsize size, guint index)
{
    assert_equals_int(gst_harness_push(h, buffer_of(data, size, index)), GST_FLOW_OK);
}

static guint
count(GstHarness *h, const gchar *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;

    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return (guint)value;
}

static void
assert_output(GstHarness *h, GstVideoFormat format, gint width, gint height)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoInfo info;

    fail_unless(caps != NULL && gst_video_info_from_caps(&info, caps));
    assert_equals_int(GST_VIDEO_INFO_FORMAT(&info), format);
    assert_equals_int(GST_VIDEO_INFO_WIDTH(&info), width);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&info), height);
    assert_equals_int(GST_VIDEO_INFO_FPS_N(&info), 25);
    gst_caps_unref(caps);
}

/* --- what comes out --------------------------------------------------------------------------- */

static const struct {
    const gchar *name;
    GstVideoFormat format;
    J_COLOR_SPACE space;
} formats[] = {
    {"I420", GST_VIDEO_FORMAT_I420, JCS_GRAYSCALE},
    {"NV12", GST_VIDEO_FORMAT_NV12, JCS_GRAYSCALE},
    {"GRAY8", GST_VIDEO_FORMAT_GRAY8, JCS_GRAYSCALE},
    {"RGB", GST_VIDEO_FORMAT_RGB, JCS_RGB},
};

/* Of the Y'CbCr formats luma: the rest is tested where it is decoded. */
GST_START_TEST(frames_are_decoded_to_each_format)
{
    gchar *caps = g_strdup_printf("video/x-raw, format=%s", formats[__i__].name);
    GstHarness *h = open_decoder(caps);
    guint width, height;
    guint8 *pixels = jpeg_test_decode(jpeg, jpeg_size, 1, formats[__i__].space, &width, &height);
    const guint bytes = width * (formats[__i__].space == JCS_RGB ? 3 : 1);
    GstVideoFrame frame;
    GstVideoInfo info;
    GstBuffer *out;
    GstCaps *current;

    push(h, jpeg, jpeg_size, 7);
    assert_output(h, formats[__i__].format, WIDTH, HEIGHT);
    out = gst_harness_pull(h);
    fail_unless(GST_BUFFER_PTS(out) == 7 * FRAME_NS);
    fail_unless(GST_BUFFER_DURATION(out) == FRAME_NS);
    current = gst_pad_get_current_caps(h->sinkpad);
    fail_unless(gst_video_info_from_caps(&info, current));
    if (GST_VIDEO_INFO_IS_YUV(&info)) {
        assert_equals_int(info.colorimetry.range, GST_VIDEO_COLOR_RANGE_0_255);
        assert_equals_int(info.colorimetry.matrix, GST_VIDEO_COLOR_MATRIX_BT601);
    }
    fail_unless(gst_video_frame_map(&frame, &info, out, GST_MAP_READ));
    for (guint y = 0; y < height; y++)
        fail_unless(memcmp((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(&frame, 0) +
                               y * (guint)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0),
                           pixels + y * bytes, bytes) == 0);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(out);
    gst_caps_unref(current);
    g_free(pixels);
    g_free(caps);
    gst_harness_teardown(h);
}
GST_END_TEST

static const struct {
    const gchar *downstream;
    gint width, height;
    GstVideoFormat format;
} choices[] = {
    {"video/x-raw", 320, 240, GST_VIDEO_FORMAT_I420},
    {"ANY", 320, 240, GST_VIDEO_FORMAT_I420},
    /* one of the four */
    {"video/x-raw, width=160, height=120", 160, 120, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=40", 40, 30, GST_VIDEO_FORMAT_I420},
    /* as behind videoscale: what is liked best, and what is taken */
    {"video/x-raw, width=100, height=75; video/x-raw", 160, 120, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=80, height=61; video/x-raw", 160, 120, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=80, height=60; video/x-raw", 80, 60, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=1, height=1; video/x-raw", 40, 30, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=640, height=480; video/x-raw", 320, 240, GST_VIDEO_FORMAT_I420},
    /* what is wanted but not taken */
    {"video/x-raw, width=100, height=75; video/x-raw, width=[1,100]", 80, 60,
     GST_VIDEO_FORMAT_I420},
    /* limits */
    {"video/x-raw, width=[1,319]", 160, 120, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=[50,100], height=[50,100]", 80, 60, GST_VIDEO_FORMAT_I420},
    {"video/x-raw, width=[16,4096], height=[16,4096]", 320, 240, GST_VIDEO_FORMAT_I420},
    /* formats: the cheapest of the first that is taken */
    {"video/x-raw, format={RGB, NV12}", 320, 240, GST_VIDEO_FORMAT_NV12},
    {"video/x-raw, format=RGB; video/x-raw", 320, 240, GST_VIDEO_FORMAT_RGB},
    {"video/x-raw, format=YUY2; video/x-raw, format=GRAY8", 320, 240, GST_VIDEO_FORMAT_GRAY8},
};

GST_START_TEST(the_size_is_what_is_asked_for)
{
    GstHarness *h = open_decoder(choices[__i__].downstream);

    push(h, jpeg, jpeg_size, 0);
    assert_output(h, choices[__i__].format, choices[__i__].width, choices[__i__].height);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(a_size_that_cannot_be_is_an_error)
{
    GstHarness *h = open_decoder("video/x-raw, width=100, height=75");
    GstBus *bus = gst_bus_new();

    gst_element_set_bus(h->element, bus);
    assert_equals_int(gst_harness_push(h, buffer_of(jpeg, jpeg_size, 0)), GST_FLOW_NOT_NEGOTIATED);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    gst_harness_teardown(h);
    test_bus_free(bus);
}
GST_END_TEST

/* With the elements that people put behind it. */
GST_START_TEST(videoscale_makes_it_decode_less)
{
    GstHarness *h = gst_harness_new_parse("vigiljpegdec name=decoder ! videoscale ! capsfilter "
                                          "caps=video/x-raw,width=100,height=75");
    GstElement *decoder;
    GstStructure *stats = NULL;
    guint scale = 0;

    gst_harness_set_src_caps_str(h, CAMERA_CAPS);
    push(h, jpeg, jpeg_size, 0);
    gst_buffer_unref(gst_harness_pull(h));
    assert_output(h, GST_VIDEO_FORMAT_I420, 100, 75);
    decoder = gst_bin_get_by_name(GST_BIN(h->element), "decoder");
    g_object_get(decoder, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint(stats, "scale", &scale));
    assert_equals_int(scale, 2);
    gst_structure_free(stats);
    gst_object_unref(decoder);
    gst_harness_teardown(h);
}
GST_END_TEST

/* The camera is not asked for a small picture because someone behind wants one; for a rate it is. */
GST_START_TEST(upstream_is_not_told_of_sizes)
{
    GstHarness *h = gst_harness_new("vigiljpegdec");
    GstCaps *caps;
    const GstStructure *structure;
    gint n = 0, d = 0;

    gst_harness_set_sink_caps_str(h, "video/x-raw, width=160, height=120, framerate=15/1");
    gst_harness_play(h);
    caps = gst_pad_peer_query_caps(h->srcpad, NULL);
    assert_equals_int(gst_caps_get_size(caps), 1);
    structure = gst_caps_get_structure(caps, 0);
    fail_unless(gst_structure_has_name(structure, "image/jpeg"));
    fail_if(gst_structure_has_field(structure, "width"));
    fail_if(gst_structure_has_field(structure, "height"));
    fail_unless(gst_structure_get_fraction(structure, "framerate", &n, &d) && n == 15);
    gst_caps_unref(caps);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(downstream_may_change_its_mind)
{
    GstHarness *h = open_decoder("video/x-raw");

    push(h, jpeg, jpeg_size, 0);
    assert_output(h, GST_VIDEO_FORMAT_I420, 320, 240);
    gst_harness_set_sink_caps_str(h, "video/x-raw, format=GRAY8, width=80, height=60");
    gst_harness_push_upstream_event(h, gst_event_new_reconfigure());
    push(h, jpeg, jpeg_size, 1);
    assert_output(h, GST_VIDEO_FORMAT_GRAY8, 80, 60);
    assert_equals_int(count(h, "decoded"), 2);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffers_come_from_a_pool)
{
    GstHarness *h = open_decoder("video/x-raw");
    GHashTable *seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < 50; i++) {
        GstBuffer *out;

        push(h, jpeg, jpeg_size, i);
        out = gst_harness_pull(h);
        fail_unless(out->pool != NULL);
        g_hash_table_add(seen, gst_buffer_peek_memory(out, 0));
        gst_buffer_unref(out);
    }
    fail_unless(g_hash_table_size(seen) <= 4, "%u", g_hash_table_size(seen));
    g_hash_table_unref(seen);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(nothing_is_held_back)
{
    GstHarness *h = open_decoder("video/x-raw");
    GstQuery *query = gst_query_new_latency();
    GstClockTime least = 1;
    gboolean live = FALSE;

    gst_harness_set_upstream_latency(h, 0);
    push(h, jpeg, jpeg_size, 0);
    assert_equals_int(gst_harness_buffers_received(h), 1);
    fail_unless(gst_pad_peer_query(h->sinkpad, query));
    gst_query_parse_latency(query, &live, &least, NULL);
    fail_unless(least == 0);
    gst_query_unref(query);
    gst_harness_teardown(h);
}
GST_END_TEST

/* --- what cameras do -------------------------------------------------------------------------- */

GST_START_TEST(a_damaged_frame_is_dropped_and_the_next_is_not)
{
    GstHarness *h = open_decoder("video/x-raw");
    GstBus *bus = gst_bus_new();
    GstStructure *stats = NULL;

    gst_element_set_bus(h->element, bus);
    push(h, jpeg, jpeg_size, 0);
    push(h, jpeg, jpeg_size / 2, 1); /* half of it */
    push(h, jpeg, 100, 2);           /* the begin of a header */
    push(h, (const guint8 *)"", 0, 3);
    push(h, (const guint8 *)"no JPEG at all", 14, 4);
    assert_equals_int(gst_harness_buffers_received(h), 1);
    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(strlen(gst_structure_get_string(stats, "problem")) > 0);
    gst_structure_free(stats);
    push(h, jpeg, jpeg_size, 5);
    assert_equals_int(gst_harness_buffers_received(h), 2);
    gst_buffer_unref(gst_harness_pull(h));
    {
        GstBuffer *out = gst_harness_pull(h);

        fail_unless(GST_BUFFER_PTS(out) == 5 * FRAME_NS);
        gst_buffer_unref(out);
    }
    assert_equals_int(count(h, "decoded"), 2);
    assert_equals_int(count(h, "damaged"), 1);
    fail_unless(count(h, "refused") + count(h, "damaged") == count(h, "frames") - 2);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING), 0);
    gst_harness_teardown(h);
    test_bus_free(bus);
}
GST_END_TEST

/* What came with the first frame, the segment first of all, is not lost with it. */
GST_START_TEST(the_first_frame_may_be_broken)
{
    GstHarness *h = open_decoder("video/x-raw");
    GstEvent *event;
    gboolean segment = FALSE;

    push(h, jpeg, jpeg_size / 3, 0);
    push(h, jpeg, jpeg_size, 1);
    assert_equals_int(gst_harness_buffers_received(h), 1);
    while ((event = gst_harness_try_pull_event(h))) {
        segment |= GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT;
        gst_event_unref(event);
    }
    fail_unless(segment);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(messages_do_not_flood)
{
    GstHarness *h = open_decoder("video/x-raw");
    GstBus *bus = gst_bus_new();
    const gint64 begin = g_get_monotonic_time();
    guint n;

    gst_element_set_bus(h->element, bus);
    for (guint i = 0; i < 2000; i++)
        push(h, jpeg, 300 + i % 300, i);
    n = test_count_messages(bus, GST_MESSAGE_ANY);
    fail_unless(n <= 1 + (g_get_monotonic_time() - begin) / G_USEC_PER_SEC, "%u messages", n);
    push(h, jpeg, jpeg_size, 2000);
    test_count_messages(bus, GST_MESSAGE_ANY);
    gst_harness_push_event(h, gst_event_new_eos());
    {
        GstMessage *message = test_pop_message(bus, "vigiljpegdec-stats");
        guint64 frames = 0;

        fail_unless(message != NULL);
        gst_structure_get_uint64(gst_message_get_structure(message), "frames", &frames);
        assert_equals_uint64(frames, 2001);
        gst_message_unref(message);
    }
    gst_harness_teardown(h);
    test_bus_free(bus);
}
GST_END_TEST

GST_START_TEST(one_frame_of_another_size_is_not_believed_two_are)
{
    const JpegKind kind = jpeg_kind(200, 100, 2, 2);
    GstHarness *h = open_decoder("video/x-raw");
    gsize size;
    guint8 *other = jpeg_test_make(&kind, 0, &size);

    push(h, jpeg, jpeg_size, 0);
    push(h, other, size, 1);
    push(h, jpeg, jpeg_size, 2);
    assert_equals_int(gst_harness_buffers_received(h), 2);
    assert_equals_int(count(h, "refused"), 1);
    assert_output(h, GST_VIDEO_FORMAT_I420, 320, 240);
    push(h, other, size, 3);
    push(h, other, size, 4);
    push(h, other, size, 5);
    assert_equals_int(gst_harness_buffers_received(h), 4);
    assert_equals_int(count(h, "refused"), 2);
    assert_output(h, GST_VIDEO_FORMAT_I420, 200, 100);
    /* new caps say it beforehand */
    gst_harness_set_src_caps_str(h, "image/jpeg, width=320, height=240, framerate=25/1, x=1");
    push(h, jpeg, jpeg_size, 6);
    assert_equals_int(gst_harness_buffers_received(h), 5);
    assert_output(h, GST_VIDEO_FORMAT_I420, 320, 240);
    free(other);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(a_small_frame_cannot_claim_a_huge_one)
{
    GstHarness *h = open_decoder("video/x-raw");
    guint8 *huge = g_malloc0(12288);
    const gint64 begin = g_get_monotonic_time();
    gsize at;

    memcpy(huge, jpeg, MIN(jpeg_size, 12288));
    at = jpeg_test_find(huge, 12288, 0xc0);
    fail_unless(at > 0);
    huge[at + 5] = huge[at + 7] = 16384 >> 8;
    huge[at + 6] = huge[at + 8] = 0;
    for (guint i = 0; i < 100; i++)
        push(h, huge, 12288, i);
    fail_unless(g_get_monotonic_time() - begin < G_USEC_PER_SEC);
    push(h, jpeg, jpeg_size, 100);
    assert_equals_int(count(h, "refused"), 100);
    assert_equals_int(gst_harness_buffers_received(h), 1);
    g_free(huge);
    gst_harness_teardown(h);
}
GST_END_TEST

/* Every good frame among hostile ones gets through. VIGIL_JPEG_STREAM sets how many hostile ones there are. */
GST_START_TEST(the_stream_goes_on_among_hostile_frames)
{
    const JpegKind kind = jpeg_kind(96, 64, 2, 2);
    GstHarness *h = open_decoder("video/x-raw, format=NV12, width=48, height=32");
    GRand *rand = g_rand_new_with_seed(5);
    const gchar *asked = g_getenv("VIGIL_JPEG_STREAM");
    const guint n = asked ? (guint)atoi(asked) : N_HOSTILE;
    gsize size;
    guint8 *good = jpeg_test_make(&kind, 0, &size), *copy = g_malloc(size);
    GstClockTime last = GST_CLOCK_TIME_NONE;

    for (guint i = 0; i < n; i++) {
        const guint n_bytes = (guint)g_rand_int_range(rand, 1, 12);
        GstBuffer *out;

        memcpy(copy, good, size);
        for (guint k = 0; k < n_bytes; k++)
            copy[g_rand_int_range(rand, 0, g_rand_boolean(rand) ? (gint)size : 640)] =
                (guint8)g_rand_int(rand);
        push(h, copy, g_rand_boolean(rand) ? size : (gsize)g_rand_int_range(rand, 1, (gint)size),
             2 * i);
        if (i % 8 != 7)
            continue;
        /* twice, should the one before have been believed to be of another size */
        push(h, good, size, 2 * i);
        push(h, good, size, 2 * i + 1);
        while ((out = gst_harness_try_pull(h))) {
            last = GST_BUFFER_PTS(out);
            gst_buffer_unref(out);
        }
        fail_unless(last == (2 * i + 1) * FRAME_NS, "after frame %u", i);
        assert_output(h, GST_VIDEO_FORMAT_NV12, 48, 32);
    }
    g_print("%u frames: %u decoded, %u damaged, %u refused\n", count(h, "frames"),
            count(h, "decoded"), count(h, "damaged"), count(h, "refused"));
    assert_equals_int(count(h, "frames"), n + n / 8 * 2);
    fail_unless(count(h, "decoded") >= n / 8 && count(h, "refused") > 0);
    g_free(copy);
    free(good);
    g_rand_free(rand);
    gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
vigiljpegdec_suite(void)
{
    Suite *suite = suite_create("vigiljpegdec");
    TCase *tcase = tcase_create("element");

    tcase_set_timeout(tcase, g_getenv("VIGIL_JPEG_STREAM") ? 3600 : 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, frames_are_decoded_to_each_format, 0, G_N_ELEMENTS(formats));
    tcase_add_loop_test(tcase, the_size_is_what_is_asked_for, 0, G_N_ELEMENTS(choices));
    tcase_add_test(tcase, a_size_that_cannot_be_is_an_error);
    tcase_add_test(tcase, videoscale_makes_it_decode_less);
    tcase_add_test(tcase, upstream_is_not_told_of_sizes);
    tcase_add_test(tcase, downstream_may_change_its_mind);
    tcase_add_test(tcase, buffers_come_from_a_pool);
    tcase_add_test(tcase, nothing_is_held_back);
    tcase_add_test(tcase, a_damaged_frame_is_dropped_and_the_next_is_not);
    tcase_add_test(tcase, the_first_frame_may_be_broken);
    tcase_add_test(tcase, messages_do_not_flood);
    tcase_add_test(tcase, one_frame_of_another_size_is_not_believed_two_are);
    tcase_add_test(tcase, a_small_frame_cannot_claim_a_huge_one);
    tcase_add_test(tcase, the_stream_goes_on_among_hostile_frames);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigiljpegdec)
