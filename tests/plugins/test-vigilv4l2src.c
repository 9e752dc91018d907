/* SPDX-License-Identifier: Apache-2.0 */
/* The source against cameras that do what they are told; frames come every 2 ms. */
#include <errno.h>
#include <gst/allocators/gstdmabuf.h>
#include <linux/videodev2.h>

#include "plugins/capture/gstvigilv4l2caps.h"
#include "plugins/capture/gstvigilv4l2src.h"
#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-fake-v4l2.h"

#define TIMEOUT_SECONDS 60
#define SIZE(w, h) .min_width = w, .max_width = w, .min_height = h, .max_height = h
#define FPS(...) .n_rates = G_N_ELEMENTS(((VigilV4l2Rate[]){__VA_ARGS__})), .rates = {__VA_ARGS__}
#define R(n) \
    {        \
        n, 1 \
    }

static const VigilV4l2Mode modes[] = {
    {V4L2_PIX_FMT_MJPEG, SIZE(64, 48), FPS(R(30), R(15))},
    {V4L2_PIX_FMT_MJPEG, SIZE(32, 24), FPS(R(30))},
    {V4L2_PIX_FMT_YUYV, SIZE(64, 48), FPS(R(30))},
    {V4L2_PIX_FMT_YUYV, SIZE(32, 24), FPS(R(30))},
};
static const VigilV4l2Mode sensor_modes[] = {
    {V4L2_PIX_FMT_NV12M, 64, 2592, 2, 64, 1944, 2, TRUE, FPS(R(1), R(90))},
};
static const VigilV4l2Mode h264_modes[] = {{V4L2_PIX_FMT_H264, SIZE(64, 48), FPS(R(30))}};
static const VigilFakeControl controls[] = {
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, 0, "Gain", 0, 255, 1, 60, NULL}};

static const VigilFakeCamera webcam = {.card = "Webcam",
                                       .serial = "A1B2",
                                       .port = "1.2",
                                       .modes = modes,
                                       .n_modes = G_N_ELEMENTS(modes),
                                       .controls = controls,
                                       .n_controls = 1};
static const VigilFakeCamera other = {
    .card = "Other", .serial = "X", .port = "7", .modes = modes, .n_modes = G_N_ELEMENTS(modes)};
static const VigilFakeCamera sensor = {
    .card = "Sensor", .port = "3", .modes = sensor_modes, .n_modes = 1, .multiplanar = TRUE};
static const VigilFakeCamera encoder = {
    .card = "Encoder", .port = "4", .modes = h264_modes, .n_modes = 1};

static VigilFakeV4l2 *fake;
static GstElement *source;
static GstBus *bus;
static GstHarness *h;

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
    source = g_object_new(GST_TYPE_VIGIL_V4L2_SRC, NULL);
    gst_object_ref_sink(source);
    bus = gst_bus_new();
    gst_element_set_bus(source, bus);
    h = gst_harness_new_with_element(source, NULL, "src");
    gst_harness_use_systemclock(h);
    gst_element_set_base_time(source, (GstClockTime)g_get_monotonic_time() * 1000);
    g_object_set(source, "device", "serial=A1B2", NULL);
}

static void
teardown(void)
{
    VigilFakeCounts left;

    gst_element_set_state(source,
                          GST_STATE_NULL); /* the harness does it for its own reference only */
    gst_harness_teardown(h);
    gst_element_set_bus(source, NULL);
    test_bus_free(bus);
    gst_object_unref(source);
    left = vigil_fake_v4l2_free(fake);
    fail_unless_equals_int(left.files, 0);
    fail_unless_equals_int(left.mappings, 0);
    fail_unless_equals_int(left.memory, 0);
}

/* At the end of each test, since the library waits for the threads before it calls teardown(). */
static void
stop(void)
{
    fail_unless(gst_element_set_state(source, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
}

static guint64
get_stat(const gchar *name)
{
    GstStructure *stats = NULL;
    guint64 value = G_MAXUINT64;

    g_object_get(source, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value), "%s", name);
    gst_structure_free(stats);
    return value;
}

static GstBuffer *
pull(void)
{
    GstBuffer *buffer = gst_harness_pull(h);

    fail_unless(buffer != NULL);
    return buffer;
}

/* (transfer full): the next frame with a discontinuity; those before are let go */
static GstBuffer *
pull_discont(void)
{
    for (guint i = 0; i < 2000; i++) {
        GstBuffer *buffer = pull();

        if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT))
            return buffer;
        gst_buffer_unref(buffer);
    }
    fail("no discontinuity");
    return NULL;
}

static void
expect_state(const gchar *state)
{
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_ELEMENT);
    const GstStructure *structure;

    fail_unless(message != NULL, "nothing about %s", state);
    structure = gst_message_get_structure(message);
    fail_unless(gst_structure_has_name(structure, "vigilv4l2src-state"));
    fail_unless_equals_string(gst_structure_get_string(structure, "state"), state);
    gst_message_unref(message);
}

static void
check_caps(const gchar *expected)
{
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad), *wanted = gst_caps_from_string(expected);

    fail_unless(caps && gst_caps_is_subset(caps, wanted), "%" GST_PTR_FORMAT, caps);
    gst_caps_unref(caps);
    gst_caps_unref(wanted);
}

GST_START_TEST(frames_of_the_preferred_format)
{
    GstClockTime last = 0;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "width", 64, "height", 48, "fps", 30.0, "controls", "gain=7", NULL);
    gst_harness_play(h);
    for (guint i = 0; i < 50; i++) {
        GstBuffer *buffer = pull();

        fail_unless(i == 0 || GST_BUFFER_PTS(buffer) > last);
        fail_unless(GST_BUFFER_PTS(buffer) < 50 * GST_SECOND);
        fail_unless_equals_uint64(GST_BUFFER_DURATION(buffer), GST_SECOND / 30);
        fail_unless_equals_int(gst_buffer_get_size(buffer), 64 * 48);
        last = GST_BUFFER_PTS(buffer);
        gst_buffer_unref(buffer);
    }
    check_caps("image/jpeg,width=64,height=48,framerate=30/1");
    expect_state("streaming");
    fail_unless_equals_int(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_GAIN), 7);
    fail_unless(gst_harness_query_latency(h) == GST_SECOND / 30);
    fail_unless_equals_int(test_count_messages(bus, GST_MESSAGE_INFO | GST_MESSAGE_WARNING), 0);
    stop();
}
GST_END_TEST

GST_START_TEST(what_the_camera_has_not_is_said)
{
    GstMessage *message;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "width", 640, "height", 480, NULL);
    gst_harness_play(h);
    gst_buffer_unref(pull());
    check_caps("image/jpeg,width=64,height=48");
    message = gst_bus_pop_filtered(bus, GST_MESSAGE_INFO);
    fail_unless(message != NULL);
    gst_message_unref(message);
    stop();
}
GST_END_TEST

GST_START_TEST(downstream_has_a_say)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    gst_harness_set_sink_caps_str(h, "video/x-raw,format=YUY2,width=32");
    gst_harness_play(h);
    gst_buffer_unref(pull());
    check_caps("video/x-raw,format=YUY2,width=32,height=24,colorimetry=2:4:7:1");
    stop();
}
GST_END_TEST

GST_START_TEST(ranges_are_narrowed)
{
    vigil_fake_v4l2_plug(fake, 0, &sensor);
    g_object_set(source, "device", "path=pci-0000:00:14.0-usb-0:3:1.0", NULL);
    gst_harness_set_sink_caps_str(h, "video/x-raw,height=[64,96],framerate=[1/1,25/2]");
    gst_harness_play(h);
    gst_buffer_unref(pull());
    check_caps("video/x-raw,format=NV12,width=1280,height=96,framerate=25/2");
    stop();
}
GST_END_TEST

/* Of each plane the first byte, and one of its last row. */
static void
check_planes(GstBuffer *buffer, GstVideoFormat format, guint width, guint height)
{
    GstVideoInfo info = test_video_info(format, width, height);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&frame); p++) {
        const guint8 *data = GST_VIDEO_FRAME_PLANE_DATA(&frame, p);
        const guint rows = GST_VIDEO_FRAME_COMP_HEIGHT(&frame, p);
        const guint number = (guint)GST_BUFFER_OFFSET(buffer) & 0xff;

        fail_unless_equals_int(data[0], number);
        fail_unless_equals_int(data[(rows - 1) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, p)], number);
    }
    gst_video_frame_unmap(&frame);
}

GST_START_TEST(planes_in_pieces)
{
    vigil_fake_v4l2_plug(fake, 0, &sensor);
    g_object_set(source, "device", "path=pci-0000:00:14.0-usb-0:3:1.0", "width", 128, "height", 64,
                 NULL);
    if (__i__)
        gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_play(h);
    for (guint i = 0; i < 10; i++) {
        GstBuffer *buffer = pull();

        fail_unless_equals_int(gst_buffer_get_video_meta(buffer) != NULL, __i__);
        check_planes(buffer, GST_VIDEO_FORMAT_NV12, 128, 64);
        gst_buffer_unref(buffer);
    }
    stop();
}
GST_END_TEST

GST_START_TEST(rows_with_padding)
{
    VigilFakeCamera padded = webcam;

    padded.padding = 20;
    vigil_fake_v4l2_plug(fake, 0, &padded);
    g_object_set(source, "format", "raw", NULL);
    if (__i__)
        gst_harness_add_propose_allocation_meta(h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_play(h);
    for (guint i = 0; i < 10; i++) {
        GstBuffer *buffer = pull();
        const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);

        fail_unless_equals_int(meta != NULL, __i__);
        fail_unless(!meta || meta->stride[0] == 148);
        fail_unless_equals_int(gst_buffer_get_size(buffer), (__i__ ? 148 : 128) * 48);
        check_planes(buffer, GST_VIDEO_FORMAT_YUY2, 64, 48);
        gst_buffer_unref(buffer);
    }
    stop();
}
GST_END_TEST

GST_START_TEST(dmabufs)
{
    GstBuffer *buffer;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "format", "raw", "dmabuf", TRUE, "buffers", 8, NULL);
    gst_harness_play(h);
    buffer = pull();
    fail_unless(gst_is_dmabuf_memory(gst_buffer_peek_memory(buffer, 0)));
    check_planes(buffer, GST_VIDEO_FORMAT_YUY2, 64, 48);
    gst_buffer_unref(buffer);
    stop();
}
GST_END_TEST

/* A pipeline that keeps everything: the driver is never left without buffers. */
GST_START_TEST(frames_are_copied_when_buffers_run_out)
{
    GstBuffer *kept[60];

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "format", "raw", NULL);
    gst_harness_play(h);
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++)
        kept[i] = pull();
    fail_unless(get_stat("copied") >= G_N_ELEMENTS(kept) - 2);
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
        fail_unless_equals_uint64(GST_BUFFER_OFFSET(kept[i]), i);
        check_planes(kept[i], GST_VIDEO_FORMAT_YUY2, 64, 48);
        gst_buffer_unref(kept[i]);
    }
    fail_unless_equals_uint64(get_stat("lost"), 0);
    stop();
}
GST_END_TEST

/* A buffer goes to the driver again when its memory is let go, not when the first buffer around it is. */
GST_START_TEST(memory_that_outlives_its_buffer)
{
    GstMemory *memory;
    GstMapInfo map;
    GstBuffer *buffer;
    guint8 number;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "format", "raw", "buffers", 4, NULL);
    gst_harness_play(h);
    buffer = pull();
    number = (guint8)GST_BUFFER_OFFSET(buffer);
    memory = gst_buffer_get_memory(buffer, 0);
    gst_buffer_unref(buffer);
    for (guint i = 0; i < 40; i++)
        gst_buffer_unref(pull());
    fail_unless(gst_memory_map(memory, &map, GST_MAP_READ));
    fail_unless_equals_int(map.data[17], number);
    gst_memory_unmap(memory, &map);
    /* and outlives the camera */
    vigil_fake_v4l2_unplug(fake, 0);
    expect_state("streaming");
    expect_state("waiting");
    fail_unless(gst_memory_map(memory, &map, GST_MAP_READ));
    fail_unless_equals_int(map.data[17], number);
    gst_memory_unmap(memory, &map);
    gst_element_set_state(source, GST_STATE_NULL);
    fail_unless(vigil_fake_v4l2_get_counts(fake).mappings > 0);
    gst_memory_unref(memory);
    stop();
}
GST_END_TEST

GST_START_TEST(broken_frames_are_left_out)
{
    static const VigilFakeFrame script[] = {
        {0},
        {.flags = V4L2_BUF_FLAG_ERROR},
        {.size = 64 * 48 + 1},
        {.garbage = TRUE},
        {.empty = TRUE},
        {0},
        {.skip = 2},
    };
    GstBuffer *buffer;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    gst_harness_play(h);
    buffer = pull();
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), 0);
    gst_buffer_unref(buffer);
    buffer = pull();
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), 5);
    fail_unless(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT));
    gst_buffer_unref(buffer);
    buffer = pull();
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), 8);
    fail_unless(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT));
    gst_buffer_unref(buffer);
    fail_unless_equals_uint64(get_stat("dropped"), 4);
    fail_unless_equals_uint64(get_stat("corrupt"), 1);
    fail_unless_equals_uint64(get_stat("oversize"), 1);
    fail_unless_equals_uint64(get_stat("short"), 2);
    fail_unless_equals_uint64(get_stat("lost"), 2);
    stop();
}
GST_END_TEST

GST_START_TEST(broken_video_is_marked_and_passed_on)
{
    static const VigilFakeFrame script[] = {{.flags = V4L2_BUF_FLAG_ERROR}, {.empty = TRUE}, {0}};
    GstBuffer *buffer;

    vigil_fake_v4l2_plug(fake, 0, &encoder);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    g_object_set(source, "device", "path=pci-0000:00:14.0-usb-0:4:1.0", NULL);
    gst_harness_play(h);
    buffer = pull();
    fail_unless(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED));
    gst_buffer_unref(buffer);
    buffer = pull();
    fail_unless(!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_CORRUPTED));
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), 2);
    gst_buffer_unref(buffer);
    check_caps("video/x-h264,stream-format=byte-stream,alignment=au,width=64,height=48");
    stop();
}
GST_END_TEST

GST_START_TEST(camera_that_is_not_there_yet)
{
    gst_harness_play(h);
    expect_state("waiting");
    vigil_fake_v4l2_plug(fake, 0, &other);
    vigil_fake_v4l2_plug(fake, 3, &webcam);
    gst_buffer_unref(pull());
    expect_state("streaming");
    fail_unless_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    stop();
}
GST_END_TEST

/* Two cameras swap their numbers: the stream goes on with the right one. */
GST_START_TEST(plugged_in_again_under_another_number)
{
    GstBuffer *buffer;
    GstClockTime before;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_plug(fake, 1, &other);
    gst_harness_play(h);
    buffer = pull();
    before = GST_BUFFER_PTS(buffer);
    gst_buffer_unref(buffer);
    expect_state("streaming");
    vigil_fake_v4l2_unplug(fake, 0);
    vigil_fake_v4l2_unplug(fake, 1);
    vigil_fake_v4l2_plug(fake, 0, &other);
    expect_state("waiting");
    vigil_fake_v4l2_plug(fake, 1, &webcam);
    expect_state("streaming");
    buffer = pull_discont();
    fail_unless(GST_BUFFER_PTS(buffer) > before);
    gst_buffer_unref(buffer);
    fail_unless_equals_uint64(get_stat("unplugs"), 1);
    fail_unless_equals_int(gst_harness_events_received(h), 3); /* stream-start, caps, segment */
    stop();
}
GST_END_TEST

GST_START_TEST(twenty_unplugs_leave_nothing_behind)
{
    guint files = 0;

    gst_harness_set_drop_buffers(h, TRUE);
    gst_harness_play(h);
    expect_state("waiting");
    for (guint i = 0; i < 20; i++) {
        vigil_fake_v4l2_plug(fake, i % 5, &webcam);
        expect_state("streaming");
        g_usleep(10000);
        files = MAX(files, vigil_fake_v4l2_get_counts(fake).files);
        vigil_fake_v4l2_unplug(fake, i % 5);
        expect_state("waiting");
    }
    fail_unless_equals_int(files, 1);
    fail_unless_equals_int(vigil_fake_v4l2_get_counts(fake).files, 0);
    fail_unless_equals_int(vigil_fake_v4l2_get_counts(fake).mappings, 0);
    stop();
}
GST_END_TEST

GST_START_TEST(streams_that_fail_are_opened_anew)
{
    static const VigilFakeFrame script[] = {{0}, {.error = EIO}, {0}, {.wrong_index = TRUE}, {0}};

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    gst_harness_play(h);
    gst_buffer_unref(pull());
    gst_buffer_unref(pull_discont());
    gst_buffer_unref(pull_discont());
    fail_unless_equals_uint64(get_stat("restarts"), 2);
    fail_unless_equals_uint64(get_stat("bad-index"), 1);
    fail_unless_equals_int(vigil_fake_v4l2_get_counts(fake).opens, 3);
    stop();
}
GST_END_TEST

/* A frame that somebody keeps keeps its mapping, and that the file of the device, open. */
GST_START_TEST(opened_anew_while_a_frame_is_kept)
{
    static const VigilFakeFrame script[] = {{0}, {.error = EIO}};
    GstBuffer *kept;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    gst_harness_play(h);
    kept = pull();
    gst_buffer_unref(pull_discont());
    fail_unless_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    gst_buffer_unref(kept);
    stop();
}
GST_END_TEST

GST_START_TEST(silent_camera_is_opened_anew)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "timeout", 50 * GST_MSECOND, NULL);
    gst_harness_play(h);
    gst_buffer_unref(pull());
    vigil_fake_v4l2_hush(fake, 0, TRUE);
    while (get_stat("restarts") < 2)
        g_usleep(5000);
    vigil_fake_v4l2_hush(fake, 0, FALSE);
    gst_buffer_unref(pull_discont());
    stop();
}
GST_END_TEST

GST_START_TEST(a_pause_leaves_no_old_frames)
{
    GstBuffer *buffer;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    gst_harness_play(h);
    gst_buffer_unref(pull());
    fail_unless(gst_element_set_state(source, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    g_usleep(100000);
    while ((buffer = gst_harness_try_pull(h)))
        gst_buffer_unref(buffer);
    fail_unless(gst_element_set_state(source, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    /* one may have been on its way into the pause */
    buffer = pull_discont();
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), 0);
    gst_buffer_unref(buffer);
    stop();
}
GST_END_TEST

static const struct {
    const gchar *property, *value, *says;
} wrong[] = {
    {"device", "video0", "names no camera"}, {"format", "h263", "no list of formats"},
    {"controls", "gain", "sets no control"}, {"format", "h264", "none of its 4 formats and sizes"},
    {"controls", "gain=999", "0 to 255"},    {"controls", "gian=9", "did you mean \"gain\"?"},
};

GST_START_TEST(mistakes_are_errors)
{
    GstMessage *message;
    GError *error = NULL;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, wrong[__i__].property, wrong[__i__].value, NULL);
    gst_element_set_state(source, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_ERROR);
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(strstr(error->message, wrong[__i__].says) != NULL, "%s", error->message);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
    g_error_free(error);
    gst_message_unref(message);
    stop();
}
GST_END_TEST

GST_START_TEST(forbidden_camera_is_an_error)
{
    VigilFakeCamera private = webcam;
    GstMessage *message;
    GError *error = NULL;

    private.forbidden = TRUE;
    vigil_fake_v4l2_plug(fake, 0, &private);
    gst_element_set_state(source, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_ERROR);
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED));
    fail_unless(strstr(error->message, "group video") != NULL, "%s", error->message);
    g_error_free(error);
    gst_message_unref(message);
    stop();
}
GST_END_TEST

/* As when it was plugged in a moment ago. */
GST_START_TEST(rights_may_come_a_moment_after_the_node)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_fail(fake, 1, EACCES);
    gst_harness_play(h);
    gst_buffer_unref(pull());
    expect_state("waiting");
    expect_state("streaming");
    fail_unless_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    stop();
}
GST_END_TEST

/* What a driver says of its rows is looked at before anybody reads pixels by it. */
GST_START_TEST(rows_must_fit)
{
    static const struct {
        VigilV4l2Format format;
        gboolean fits;
    } said[] = {
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {64}, {64 * 72}}, TRUE},
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {80}, {80 * 72}}, TRUE},
        /* the last row without its padding */
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {80}, {80 * 71 + 64}}, TRUE},
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {80}, {80 * 71 + 63}}, FALSE},
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {0}, {64 * 72}}, FALSE},
        {{V4L2_PIX_FMT_NV12, 64, 48, {30, 1}, 1, {G_MAXUINT}, {64 * 72}}, FALSE},
        {{V4L2_PIX_FMT_YUYV, 64, 48, {30, 1}, 1, {64}, {128 * 48}}, FALSE},
        {{V4L2_PIX_FMT_NV12M, 64, 48, {30, 1}, 2, {64, 64}, {64 * 48, 64 * 24}}, TRUE},
        {{V4L2_PIX_FMT_NV12M, 64, 48, {30, 1}, 2, {64, 64}, {64 * 60, 64 * 12}}, FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(said); i++) {
        const gboolean yuyv = said[i].format.fourcc == V4L2_PIX_FMT_YUYV;
        const GstVideoInfo info =
            test_video_info(yuyv ? GST_VIDEO_FORMAT_YUY2 : GST_VIDEO_FORMAT_NV12, 64, 48);

        fail_unless_equals_int(gst_vigil_v4l2_layout_fits(&said[i].format, &info), said[i].fits);
    }
}
GST_END_TEST

/* Once it was right, the same refusal is waited out: another camera may be in its port for a while. */
GST_START_TEST(what_was_right_once_is_waited_for)
{
    VigilFakeCamera simple = webcam;

    simple.n_controls = 0;
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    g_object_set(source, "controls", "gain=1", NULL);
    gst_harness_play(h);
    gst_buffer_unref(pull());
    expect_state("streaming");
    vigil_fake_v4l2_unplug(fake, 0);
    vigil_fake_v4l2_plug(fake, 0, &simple);
    expect_state("waiting");
    expect_state("waiting");
    vigil_fake_v4l2_unplug(fake, 0);
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    gst_buffer_unref(pull_discont());
    fail_unless_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    stop();
}
GST_END_TEST

static Suite *
vigilv4l2src_suite(void)
{
    Suite *suite = suite_create("vigilv4l2src");
    TCase *tcase = tcase_create("source");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, frames_of_the_preferred_format);
    tcase_add_test(tcase, what_the_camera_has_not_is_said);
    tcase_add_test(tcase, downstream_has_a_say);
    tcase_add_test(tcase, ranges_are_narrowed);
    tcase_add_loop_test(tcase, planes_in_pieces, 0, 2);
    tcase_add_loop_test(tcase, rows_with_padding, 0, 2);
    tcase_add_test(tcase, dmabufs);
    tcase_add_test(tcase, frames_are_copied_when_buffers_run_out);
    tcase_add_test(tcase, memory_that_outlives_its_buffer);
    tcase_add_test(tcase, broken_frames_are_left_out);
    tcase_add_test(tcase, broken_video_is_marked_and_passed_on);
    tcase_add_test(tcase, camera_that_is_not_there_yet);
    tcase_add_test(tcase, plugged_in_again_under_another_number);
    tcase_add_test(tcase, twenty_unplugs_leave_nothing_behind);
    tcase_add_test(tcase, streams_that_fail_are_opened_anew);
    tcase_add_test(tcase, opened_anew_while_a_frame_is_kept);
    tcase_add_test(tcase, silent_camera_is_opened_anew);
    tcase_add_test(tcase, a_pause_leaves_no_old_frames);
    tcase_add_loop_test(tcase, mistakes_are_errors, 0, G_N_ELEMENTS(wrong));
    tcase_add_test(tcase, forbidden_camera_is_an_error);
    tcase_add_test(tcase, rights_may_come_a_moment_after_the_node);
    tcase_add_test(tcase, rows_must_fit);
    tcase_add_test(tcase, what_was_right_once_is_waited_for);
    return suite;
}

GST_CHECK_MAIN(vigilv4l2src)
