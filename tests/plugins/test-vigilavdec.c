/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder in software, set against GStreamer's own wrapper of the same library. */
#include <gst/app/gstappsink.h>

#include "plugins/avcodec/vigil-picture-memory.h"
#include "tests/plugins/plugin-test.h"

#define N_PICTURES 40
/* whose chroma has odd sizes, and of which neither is a multiple of 16 */
#define WIDTH 322
#define HEIGHT 182
#define BALL                                                                        \
    "videotestsrc num-buffers=40 pattern=ball animation-mode=frames ! video/x-raw," \
    "framerate=10/1,width=322,height=182,format="

typedef struct {
    GstCaps *caps;
    GPtrArray *frames; /* GstBuffer */
} Stream;

typedef struct {
    GstClockTime pts;
    guint64 sum;
} Seen;

/* --- coded streams ------------------------------------------------------------------------------ */

static Stream
encode(const gchar *line)
{
    gchar *launch = g_strdup_printf("%s ! appsink name=sink sync=false", line);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(launch, &error);
    Stream stream = {NULL, g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref)};
    GstElement *sink;
    GstSample *sample;

    fail_unless(pipeline && !error, "%s: %s", launch, error ? error->message : "");
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        gst_caps_replace(&stream.caps, gst_sample_get_caps(sample));
        g_ptr_array_add(stream.frames, gst_buffer_ref(gst_sample_get_buffer(sample)));
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    fail_unless(stream.caps != NULL, "nothing from %s", launch);
    g_free(launch);
    return stream;
}

static void
clear(Stream *stream)
{
    gst_caps_unref(stream->caps);
    g_ptr_array_unref(stream->frames);
}

/* --- pictures ----------------------------------------------------------------------------------- */

static guint64
sum_picture(const GstVideoInfo *info, GstBuffer *buffer)
{
    guint64 sum = G_GUINT64_CONSTANT(14695981039346656037);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++) {
        const guint8 *row = GST_VIDEO_FRAME_COMP_DATA(&frame, c);
        const gint bytes =
            GST_VIDEO_FRAME_COMP_WIDTH(&frame, c) * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);

        for (gint y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c);
             y++, row += GST_VIDEO_FRAME_COMP_STRIDE(&frame, c))
            for (gint x = 0; x < bytes; x++)
                sum = (sum ^ row[x]) * G_GUINT64_CONSTANT(1099511628211);
    }
    gst_video_frame_unmap(&frame);
    return sum;
}

static void
take_picture(GstHarness *h, GstBuffer *buffer, gboolean spoil, GArray *all)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoFrame frame;
    GstVideoInfo info;
    Seen seen;

    fail_unless(caps && gst_video_info_from_caps(&info, caps));
    seen = (Seen){GST_BUFFER_PTS(buffer), sum_picture(&info, buffer)};
    g_array_append_val(all, seen);
    if (spoil) {
        buffer = gst_buffer_make_writable(buffer);
        fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
        memset(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0), 0xAA,
               (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) * HEIGHT);
        gst_video_frame_unmap(&frame);
    }
    gst_buffer_unref(buffer);
    gst_caps_unref(caps);
}

static GstHarness *
open_decoder(const gchar *name, const Stream *stream, gboolean any_strides)
{
    GstHarness *h = gst_harness_new(name);

    if (g_object_class_find_property(G_OBJECT_GET_CLASS(h->element), "max-threads"))
        g_object_set(h->element, "max-threads", 1, NULL);
    if (any_strides)
        gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_set_src_caps(h, gst_caps_ref(stream->caps));
    return h;
}

/* To the end. */
static void
play(GstHarness *h, const Stream *stream, GArray *all)
{
    for (guint i = 0; i < stream->frames->len; i++)
        gst_harness_push(h, gst_buffer_ref(stream->frames->pdata[i]));
    gst_harness_push_event(h, gst_event_new_eos());
    while (gst_harness_buffers_in_queue(h) > 0)
        take_picture(h, gst_harness_pull(h), FALSE, all);
}

/* Each picture before the next frame: who spoils one does it while others refer to it. */
static GArray *
decode(const gchar *name, const Stream *stream, gboolean any_strides, gboolean spoil)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Seen));
    GstHarness *h = open_decoder(name, stream, any_strides);

    for (guint i = 0; i < stream->frames->len; i++) {
        assert_equals_int(gst_harness_push(h, gst_buffer_ref(stream->frames->pdata[i])),
                          GST_FLOW_OK);
        if (spoil)
            while (gst_harness_buffers_in_queue(h) > 0)
                take_picture(h, gst_harness_pull(h), TRUE, all);
    }
    gst_harness_push_event(h, gst_event_new_eos());
    while (gst_harness_buffers_in_queue(h) > 0)
        take_picture(h, gst_harness_pull(h), spoil, all);
    gst_harness_teardown(h);
    return all;
}

static void
assert_same(const GArray *a, const GArray *b)
{
    assert_equals_int(a->len, b->len);
    for (guint i = 0; i < a->len; i++) {
        const Seen *x = &g_array_index(a, Seen, i), *y = &g_array_index(b, Seen, i);

        fail_unless(x->pts == y->pts && x->sum == y->sum,
                    "picture %u: %" GST_TIME_FORMAT " and %" GST_TIME_FORMAT ", sums %s", i,
                    GST_TIME_ARGS(x->pts), GST_TIME_ARGS(y->pts),
                    x->sum == y->sum ? "equal" : "differ");
    }
}

/* --- tests -------------------------------------------------------------------------------------- */

#define H264 " ! h264parse ! video/x-h264,alignment=au,stream-format="
#define H265 " ! h265parse ! video/x-h265,alignment=au,stream-format="

static const struct {
    const gchar *encoder, *peer, *line;
} streams[] = {
    {"x264enc", "avdec_h264",
     BALL "I420 ! x264enc threads=1 bframes=0 key-int-max=15" H264 "byte-stream"},
    {"x264enc", "avdec_h264",
     BALL "I420 ! x264enc threads=1 bframes=2 b-adapt=false key-int-max=12" H264 "avc"},
    {"x264enc", "avdec_h264",
     BALL "I420 ! x264enc threads=1 bframes=0 interlaced=true key-int-max=15" H264 "byte-stream"},
    {"x264enc", "avdec_h264", BALL "Y42B ! x264enc threads=1 key-int-max=15" H264 "avc"},
    {"x264enc", "avdec_h264", BALL "Y444 ! x264enc threads=1 key-int-max=15" H264 "avc"},
    {"x264enc", "avdec_h264", BALL "I420_10LE ! x264enc threads=1 key-int-max=15" H264 "avc"},
    {"x265enc", "avdec_h265",
     BALL "I420 ! x265enc option-string=pools=1:frame-threads=1 key-int-max=15" H265 "byte-stream"},
    {"x265enc", "avdec_h265",
     BALL "I420 ! x265enc option-string=pools=1:frame-threads=1:bframes=3 key-int-max=15" H265
          "hvc1"},
};

GST_START_TEST(pictures_are_those_of_the_peer)
{
    const gchar *peer = streams[__i__].peer;
    GArray *expected, *direct, *copied;
    Stream stream;

    if (test_have_element(streams[__i__].encoder) && test_have_element(peer)) {
        stream = encode(streams[__i__].line);
        expected = decode(peer, &stream, TRUE, FALSE);
        assert_equals_int(expected->len, N_PICTURES);
        direct = decode("vigilavdec", &stream, TRUE, FALSE);
        assert_same(direct, expected);
        copied = decode("vigilavdec", &stream, FALSE, FALSE);
        assert_same(copied, expected);
        g_array_unref(expected);
        g_array_unref(direct);
        g_array_unref(copied);
        clear(&stream);
    }
}
GST_END_TEST

/* Masks, and boxes that are drawn, must not be seen in the pictures that refer to this one. */
GST_START_TEST(who_writes_into_a_picture_changes_no_other)
{
    GArray *expected, *spoilt;
    Stream stream;

    if (!test_have_element("x264enc"))
        return;
    stream = encode(streams[1].line);
    expected = decode("vigilavdec", &stream, TRUE, FALSE);
    spoilt = decode("vigilavdec", &stream, TRUE, TRUE);
    assert_same(spoilt, expected);
    g_array_unref(expected);
    g_array_unref(spoilt);
    clear(&stream);
}
GST_END_TEST

/* What it gives is what was decoded into; only who cannot have it so gets a copy. */
GST_START_TEST(a_picture_is_copied_only_where_it_must_be)
{
    Stream stream;

    if (!test_have_element("x264enc"))
        return;
    stream = encode(streams[0].line);
    for (guint any_strides = 0; any_strides < 2; any_strides++) {
        GstHarness *h = open_decoder("vigilavdec", &stream, any_strides == 1);
        GstBuffer *buffer = gst_harness_push_and_pull(h, gst_buffer_ref(stream.frames->pdata[0]));
        const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);

        assert_equals_int(GST_MEMORY_IS_READONLY(gst_buffer_peek_memory(buffer, 0)),
                          any_strides == 1);
        if (any_strides == 1) {
            fail_unless(meta != NULL);
            assert_equals_int(meta->width, WIDTH);
            assert_equals_int(meta->height, HEIGHT);
        } else {
            assert_equals_int(gst_buffer_get_size(buffer), 324 * 182 + 2 * 164 * 91);
        }
        gst_buffer_unref(buffer);
        gst_harness_teardown(h);
    }
    clear(&stream);
}
GST_END_TEST

static void
assert_size(GstHarness *h, gint width, gint height)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoInfo info;

    fail_unless(caps && gst_video_info_from_caps(&info, caps));
    assert_equals_int(GST_VIDEO_INFO_WIDTH(&info), width);
    assert_equals_int(GST_VIDEO_INFO_HEIGHT(&info), height);
    gst_caps_unref(caps);
}

/* A camera that is set to another size sends new parameter sets, and the parser may be late to say so. */
GST_START_TEST(another_size_in_the_middle)
{
    Stream stream, other;
    GstHarness *h;
    guint n = 0;

    if (!test_have_element("x264enc"))
        return;
    stream = encode(streams[0].line);
    other = encode("videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=640,height=360 ! "
                   "x264enc threads=1 bframes=0 key-int-max=10" H264 "byte-stream");
    h = open_decoder("vigilavdec", &stream, TRUE);
    for (guint i = 0; i < stream.frames->len; i++)
        gst_harness_push(h, gst_buffer_ref(stream.frames->pdata[i]));
    assert_size(h, WIDTH, HEIGHT);
    for (guint i = 0; i < other.frames->len; i++)
        assert_equals_int(gst_harness_push(h, gst_buffer_ref(other.frames->pdata[i])), GST_FLOW_OK);
    gst_harness_push_event(h, gst_event_new_eos());
    assert_size(h, 640, 360);
    for (; gst_harness_buffers_in_queue(h) > 0; n++)
        gst_buffer_unref(gst_harness_pull(h));
    assert_equals_int(n, N_PICTURES + 20);
    gst_harness_teardown(h);
    clear(&stream);
    clear(&other);
}
GST_END_TEST

/* The times of the second part go on from those of the first: as when somebody seeks. */
GST_START_TEST(after_a_flush_it_begins_anew)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Seen)), *expected;
    Stream stream;
    GstHarness *h;
    GstSegment segment;

    if (test_have_element("x264enc")) {
        stream = encode(streams[1].line);
        expected = decode("vigilavdec", &stream, TRUE, FALSE);
        h = open_decoder("vigilavdec", &stream, TRUE);
        for (guint i = 0; i < 7; i++)
            gst_harness_push(h, gst_buffer_ref(stream.frames->pdata[i]));
        gst_harness_push_event(h, gst_event_new_flush_start());
        gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
        while (gst_harness_buffers_in_queue(h) > 0)
            gst_buffer_unref(gst_harness_pull(h));
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_harness_push_event(h, gst_event_new_segment(&segment));
        play(h, &stream, all);
        assert_same(all, expected);
        gst_harness_teardown(h);
        g_array_unref(expected);
        clear(&stream);
    }
    g_array_unref(all);
}
GST_END_TEST

static GstBuffer *
mutate(GRand *rand, GstBuffer *buffer)
{
    GstBuffer *mutated = gst_buffer_copy_deep(buffer);
    GstMapInfo map;

    fail_unless(gst_buffer_map(mutated, &map, GST_MAP_READWRITE));
    for (gint i = g_rand_int_range(rand, 1, 20); i > 0; i--)
        map.data[g_rand_int_range(rand, 0, (gint32)map.size)] = (guint8)g_rand_int(rand);
    gst_buffer_unmap(mutated, &map);
    if (g_rand_int_range(rand, 0, 4) == 0)
        gst_buffer_set_size(mutated, g_rand_int_range(rand, 0, (gint32)map.size));
    return mutated;
}

static guint64
get_stat(GstHarness *h, const gchar *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;

    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
}

/* No number of damaged frames is an error, and what comes after them is decoded. */
GST_START_TEST(damaged_frames)
{
    GRand *rand = g_rand_new_with_seed((guint32)__i__ + 1);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Seen)), *expected;
    Stream stream;
    GstHarness *h;

    if (test_have_element(streams[__i__ == 0 ? 1 : 6].encoder)) {
        stream = encode(streams[__i__ == 0 ? 1 : 6].line);
        expected = decode("vigilavdec", &stream, TRUE, FALSE);
        h = open_decoder("vigilavdec", &stream, TRUE);
        for (guint i = 0; i < 2000; i++) {
            GstBuffer *frame = mutate(rand, stream.frames->pdata[i % stream.frames->len]);

            GST_BUFFER_PTS(frame) = GST_BUFFER_DTS(frame) = i * GST_MSECOND;
            fail_unless(gst_harness_push(h, frame) >= GST_FLOW_OK);
            while (gst_harness_buffers_in_queue(h) > 0)
                gst_buffer_unref(gst_harness_pull(h));
        }
        fail_unless(get_stat(h, "damaged") > 0);
        gst_harness_push_event(h, gst_event_new_flush_start());
        gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
        gst_harness_set_src_caps(h, gst_caps_ref(stream.caps));
        play(h, &stream, all);
        assert_same(all, expected);
        gst_harness_teardown(h);
        g_array_unref(expected);
        clear(&stream);
    }
    g_array_unref(all);
    g_rand_free(rand);
}
GST_END_TEST

/* coded in four slices, so that the last ones may be missing */
#define SLICES                                                                               \
    "! x265enc option-string=pools=1:frame-threads=1:bframes=0:slices=4 key-int-max=12" H265 \
    "byte-stream"
#define SIZED "video/x-raw,framerate=10/1,width=640,height=368,format=I420 "

/*
 * Where slices are missing libavcodec leaves an H.265 picture as its memory was: what another camera sees must not be in it. (White is 235.)
 */
GST_START_TEST(what_is_missing_shows_no_other_camera)
{
    Stream white, dark;
    GstBuffer *cut, *picture;
    GstVideoFrame frame;
    GstVideoInfo info;
    GstHarness *h;
    guint n_white = 0;

    if (!test_have_element("x265enc"))
        return;
    white = encode("videotestsrc num-buffers=6 pattern=white ! " SIZED SLICES);
    dark = encode("videotestsrc num-buffers=2 pattern=snow ! " SIZED
                  "! videobalance brightness=-0.6 " SLICES);
    g_array_unref(decode("vigilavdec", &white, TRUE, FALSE));
    h = open_decoder("vigilavdec", &dark, TRUE);
    cut = gst_buffer_copy_deep(dark.frames->pdata[0]);
    gst_buffer_set_size(cut, (gssize)gst_buffer_get_size(cut) / 2);
    gst_harness_push(h, cut);
    gst_harness_push_event(h, gst_event_new_eos());
    picture = gst_harness_try_pull(h);
    fail_unless(picture != NULL);
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, 640, 368);
    fail_unless(gst_video_frame_map(&frame, &info, picture, GST_MAP_READ));
    for (guint y = 0; y < 368; y++)
        for (guint x = 0; x < 640; x++)
            n_white +=
                ((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(
                    &frame, 0))[y * (guint)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x] > 233;
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(picture);
    gst_harness_teardown(h);
    clear(&white);
    clear(&dark);
    assert_equals_int(n_white, 0);
}
GST_END_TEST

/* Caps that are refused, and then those of before again, which GStreamer's base class thinks it has. */
GST_START_TEST(caps_that_are_refused)
{
    /* three arrays of which the lengths lie */
    guint8 bad[40];
    GstBus *bus = gst_bus_new();
    GstMessage *message;
    GstBuffer *data;
    Stream stream;
    GstHarness *h;
    GstCaps *caps;
    guint n = 0;

    memset(bad, 0xFF, sizeof bad);
    bad[0] = 1;
    bad[22] = 3;
    data = gst_buffer_new_memdup(bad, sizeof bad);
    if (test_have_element("x265enc")) {
        stream = encode(streams[7].line);
        h = open_decoder("vigilavdec", &stream, TRUE);
        for (guint i = 0; i < stream.frames->len / 2; i++)
            gst_harness_push(h, gst_buffer_ref(stream.frames->pdata[i]));
        gst_element_set_bus(h->element, bus);
        caps = gst_caps_copy(stream.caps);
        gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, NULL);
        gst_harness_push_event(h, gst_event_new_caps(caps));
        message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        fail_unless(message != NULL);
        gst_message_unref(message);
        gst_element_set_bus(h->element, NULL);
        gst_harness_push_event(h, gst_event_new_caps(stream.caps));
        for (guint i = stream.frames->len / 2; i < stream.frames->len; i++)
            gst_harness_push(h, gst_buffer_ref(stream.frames->pdata[i]));
        gst_harness_push_event(h, gst_event_new_eos());
        for (; gst_harness_buffers_in_queue(h) > 0; n++)
            gst_buffer_unref(gst_harness_pull(h));
        fail_unless(n > 0);
        gst_caps_unref(caps);
        gst_harness_teardown(h);
        clear(&stream);
    }
    gst_object_unref(bus);
    gst_buffer_unref(data);
}
GST_END_TEST

/* 12 bits: an error, so that another decoder gets its turn; a few such frames could be damage. */
GST_START_TEST(a_format_that_is_not_given)
{
    GstFlowReturn flow = GST_FLOW_OK;
    GstBus *bus = gst_bus_new();
    GstMessage *message;
    Stream stream;
    GstHarness *h;
    guint i = 0;

    if (test_have_element("x265enc")) {
        stream = encode("videotestsrc num-buffers=80 ! video/x-raw,framerate=10/1,width=320,"
                        "height=180,format=I420_12LE ! "
                        "x265enc speed-preset=ultrafast option-string=pools=1:frame-threads=1" H265
                        "byte-stream");
        h = open_decoder("vigilavdec", &stream, TRUE);
        gst_element_set_bus(h->element, bus);
        for (; i < stream.frames->len && flow == GST_FLOW_OK; i++)
            flow = gst_harness_push(h, gst_buffer_ref(stream.frames->pdata[i]));
        assert_equals_int(flow, GST_FLOW_NOT_NEGOTIATED);
        fail_unless(i > 16);
        message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        fail_unless(message != NULL);
        gst_message_unref(message);
        gst_element_set_bus(h->element, NULL);
        gst_harness_teardown(h);
        clear(&stream);
    }
    gst_object_unref(bus);
}
GST_END_TEST

/* --- memory ------------------------------------------------------------------------------------- */

#define SIZE 100000
#define KEPT 2

GST_START_TEST(memory_is_aligned_and_used_again)
{
    VigilPictureMemory *one = vigil_picture_memory_take(SIZE, 1), *other;
    guint8 *data = vigil_picture_memory_get_data(one);

    assert_equals_int((guintptr)data % VIGIL_PICTURE_ALIGN, 0);
    memset(data, 0xFF, SIZE);
    other = vigil_picture_memory_take(SIZE, 1);
    fail_unless(vigil_picture_memory_get_data(other) != data);
    vigil_picture_memory_give(one);
    one = vigil_picture_memory_take(SIZE, 1);
    fail_unless(vigil_picture_memory_get_data(one) == data);
    vigil_picture_memory_give(one);
    vigil_picture_memory_give(other);
}
GST_END_TEST

/* Those of another size do not fit, and go as others come. */
GST_START_TEST(few_are_kept)
{
    VigilPictureMemory *pictures[10];

    for (guint i = 0; i < G_N_ELEMENTS(pictures); i++)
        pictures[i] = vigil_picture_memory_take(i < 5 ? SIZE : 2 * SIZE, i);
    for (guint i = 0; i < G_N_ELEMENTS(pictures); i++)
        vigil_picture_memory_give(pictures[i]);
    fail_unless(vigil_picture_memory_count_free() == (gsize)KEPT * 2 * SIZE);
}
GST_END_TEST

/* What is in it is somebody's picture. */
GST_START_TEST(others_find_nothing_in_it)
{
    VigilPictureMemory *one = vigil_picture_memory_take(SIZE, 1), *other;
    guint8 *data = vigil_picture_memory_get_data(one);

    memset(data, 0xFF, SIZE);
    vigil_picture_memory_give(one);
    one = vigil_picture_memory_take(SIZE, 1);
    fail_unless(vigil_picture_memory_get_data(one) == data && data[SIZE - 1] == 0xFF);
    other = vigil_picture_memory_take(SIZE, 2);
    vigil_picture_memory_give(other);
    vigil_picture_memory_give(one);
    /* each its own, whichever came back last */
    other = vigil_picture_memory_take(SIZE, 2);
    fail_unless(vigil_picture_memory_get_data(other) != data);
    vigil_picture_memory_give(other);
    fail_unless(vigil_picture_memory_take(SIZE, 1) == one);
    vigil_picture_memory_give(one);
    for (guint i = 0; i < KEPT; i++) {
        VigilPictureMemory *any = vigil_picture_memory_take(SIZE, 3);

        for (guint k = 0; k < SIZE; k++)
            fail_unless(vigil_picture_memory_get_data(any)[k] == 0);
    }
}
GST_END_TEST

/* A giant's would keep others from their places. */
GST_START_TEST(large_ones_are_not_kept)
{
    const gsize before = vigil_picture_memory_count_free();
    VigilPictureMemory *giant = vigil_picture_memory_take((gsize)64 << 20, 1);

    vigil_picture_memory_give(giant);
    fail_unless(vigil_picture_memory_count_free() == before);
}
GST_END_TEST

/* Memory that cannot be had is a frame without a picture. */
GST_START_TEST(too_much_is_refused)
{
    fail_unless(vigil_picture_memory_take(G_MAXSIZE / 2, 1) == NULL);
}
GST_END_TEST

static Suite *
vigilavdec_suite(void)
{
    Suite *suite = suite_create("vigilavdec");
    TCase *tcase = tcase_create("vigilavdec");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, pictures_are_those_of_the_peer, 0, G_N_ELEMENTS(streams));
    tcase_add_test(tcase, who_writes_into_a_picture_changes_no_other);
    tcase_add_test(tcase, a_picture_is_copied_only_where_it_must_be);
    tcase_add_test(tcase, another_size_in_the_middle);
    tcase_add_test(tcase, after_a_flush_it_begins_anew);
    tcase_add_loop_test(tcase, damaged_frames, 0, 2);
    tcase_add_test(tcase, memory_is_aligned_and_used_again);
    tcase_add_test(tcase, what_is_missing_shows_no_other_camera);
    tcase_add_test(tcase, caps_that_are_refused);
    tcase_add_test(tcase, a_format_that_is_not_given);
    tcase_add_test(tcase, others_find_nothing_in_it);
    tcase_add_test(tcase, large_ones_are_not_kept);
    tcase_add_test(tcase, few_are_kept);
    tcase_add_test(tcase, too_much_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilavdec)
