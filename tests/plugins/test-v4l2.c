/* SPDX-License-Identifier: Apache-2.0 */
/* The capture core against cameras that do what they are told. */
#include <check.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugins/capture/vigil-v4l2-identity.h"
#include "plugins/capture/vigil-v4l2.h"
#include "tests/support/vigil-fake-v4l2.h"

/* Nothing here waits; the machine may. */
#define TIMEOUT_SECONDS 60

#define SIZE(w, h) .min_width = w, .max_width = w, .min_height = h, .max_height = h
#define FPS(...) .n_rates = G_N_ELEMENTS(((VigilV4l2Rate[]){__VA_ARGS__})), .rates = {__VA_ARGS__}
#define R(n) \
    {        \
        n, 1 \
    }

static const VigilV4l2Mode webcam_modes[] = {
    {V4L2_PIX_FMT_YUYV, SIZE(640, 480), FPS(R(30), R(15))},
    {V4L2_PIX_FMT_YUYV, SIZE(1280, 720), FPS(R(10), R(5))},
    {V4L2_PIX_FMT_YUYV, SIZE(1920, 1080), FPS(R(5))},
    {V4L2_PIX_FMT_MJPEG, SIZE(640, 480), FPS(R(30), R(15))},
    {V4L2_PIX_FMT_MJPEG, SIZE(1280, 720), FPS(R(60), R(30), R(15))},
    {V4L2_PIX_FMT_MJPEG, SIZE(1920, 1080), FPS(R(30), {30000, 1001})},
};
static const VigilV4l2Mode sensor_modes[] = {
    {V4L2_PIX_FMT_NV12M, 64, 2592, 2, 64, 1944, 2, TRUE, FPS(R(1), R(90))},
};
static const VigilV4l2Mode small_modes[] = {
    {V4L2_PIX_FMT_MJPEG, SIZE(64, 48), FPS(R(30))},
    {V4L2_PIX_FMT_YUYV, SIZE(64, 48), FPS(R(30))},
};
static const gchar *const exposure_items[] = {"Auto Mode", "Manual Mode", NULL,
                                              "Aperture Priority Mode"};
static const gchar *const bias_items[] = {"-1000", "0", "1000"};
static const VigilFakeControl controls[] = {
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, 0, "Gain", 0, 255, 5, 60, NULL},
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, 0, "Auto Exposure", 0, 3, 1, 3, exposure_items},
    {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, V4L2_CTRL_FLAG_INACTIVE,
     "Exposure Time, Absolute", 3, 2047, 1, 250, NULL},
    {V4L2_CID_TILT_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, V4L2_CTRL_FLAG_READ_ONLY, "Tilt, Absolute", -9,
     9, 1, 0, NULL},
    {V4L2_CID_FOCUS_AUTO, V4L2_CTRL_TYPE_BOOLEAN, 0, "Focus, Automatic Continuous", 0, 1, 1, 1,
     NULL},
    {V4L2_CID_AUTO_EXPOSURE_BIAS, V4L2_CTRL_TYPE_INTEGER_MENU, 0, "Bias", 0, 2, 1, 1, bias_items},
};

static const VigilFakeCamera webcam = {.card = "Webcam",
                                       .serial = "A1B2",
                                       .port = "1.2",
                                       .modes = webcam_modes,
                                       .n_modes = G_N_ELEMENTS(webcam_modes),
                                       .controls = controls,
                                       .n_controls = G_N_ELEMENTS(controls)};
static const VigilFakeCamera sensor = {.card = "Sensor",
                                       .port = "3",
                                       .modes = sensor_modes,
                                       .n_modes = G_N_ELEMENTS(sensor_modes),
                                       .multiplanar = TRUE};
static const VigilFakeCamera small = {.card = "Small",
                                      .serial = "S",
                                      .port = "4",
                                      .modes = small_modes,
                                      .n_modes = G_N_ELEMENTS(small_modes)};

static VigilFakeV4l2 *fake;
static VigilV4l2 *device;

static void
setup(void)
{
    fake = vigil_fake_v4l2_new(FALSE);
    device = vigil_v4l2_new(vigil_fake_v4l2_get_system(fake));
}

static void
teardown(void)
{
    VigilFakeCounts left;

    vigil_v4l2_free(device);
    left = vigil_fake_v4l2_free(fake);
    ck_assert_uint_eq(left.files, 0);
    ck_assert_uint_eq(left.mappings, 0);
    ck_assert_uint_eq(left.memory, 0);
}

static gint
open_number(guint number)
{
    g_autofree gchar *path =
        g_strdup_printf("%s/video%u", vigil_fake_v4l2_get_system(fake)->dev, number);

    return vigil_v4l2_open(device, path);
}

static VigilV4l2Want
want(const gchar *kinds, guint width, guint height, gdouble fps)
{
    VigilV4l2Want self = {.width = width, .height = height, .fps = fps};

    ck_assert(vigil_v4l2_want_set_kinds(&self, kinds, NULL));
    return self;
}

/* From nothing to a running stream, whatever goes wrong. */
static gint
start(guint number, const gchar *kinds, gboolean export)
{
    g_autoptr(GArray) modes = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));
    const VigilV4l2Want wanted = want(kinds, 64, 48, 30);
    VigilV4l2Choice choice;
    gint result = open_number(number);

    if (result == 0)
        result = vigil_v4l2_list_modes(device, modes);
    if (result == 0 &&
        !vigil_v4l2_choose((VigilV4l2Mode *)modes->data, modes->len, &wanted, &choice))
        result = -ENOMSG;
    if (result == 0)
        result = vigil_v4l2_set_format(device, &choice);
    return result ? result : vigil_v4l2_start(device, 4, export);
}

static VigilV4l2Frame
take(void)
{
    VigilV4l2Frame frame;

    ck_assert_int_eq(vigil_v4l2_take(device, -1, 1000, &frame), 0);
    return frame;
}

static void
give_back(const VigilV4l2Frame *frame)
{
    ck_assert_int_eq(vigil_v4l2_stream_give_back(vigil_v4l2_get_stream(device), frame->index), 0);
}

/* --- choice ---------------------------------------------------------------------------------- */

static const struct {
    const gchar *kinds;
    guint width, height;
    gdouble fps;
    const gchar *expected;
    gboolean exact;
} choices[] = {
    {"auto", 0, 0, 0, "MJPG 1920x1080 at 30", TRUE},
    {"raw", 0, 0, 0, "YUYV 1280x720 at 10", TRUE},
    {"raw", 1280, 720, 30, "YUYV 1280x720 at 10", FALSE},
    {"raw", 640, 480, 0, "YUYV 640x480 at 30", TRUE},
    {"raw,mjpeg", 640, 480, 15, "YUYV 640x480 at 15", TRUE},
    {"mjpeg", 1280, 720, 20, "MJPG 1280x720 at 30", FALSE},
    {"mjpeg", 1280, 720, 100, "MJPG 1280x720 at 60", FALSE},
    {"h264,mjpeg", 800, 600, 30, "MJPG 640x480 at 30", FALSE},
    {"mjpeg", 4000, 3000, 30, "MJPG 1920x1080 at 30", FALSE},
    {"h264", 0, 0, 0, NULL, FALSE},
};

START_TEST(nearest_of_the_first_kind)
{
    const VigilV4l2Want wanted =
        want(choices[_i].kinds, choices[_i].width, choices[_i].height, choices[_i].fps);
    VigilV4l2Choice choice;
    const gboolean found =
        vigil_v4l2_choose(webcam_modes, G_N_ELEMENTS(webcam_modes), &wanted, &choice);
    g_autofree gchar *text = NULL;
    gchar fourcc[8];

    ck_assert_int_eq(found, choices[_i].expected != NULL);
    if (!found)
        return;
    text = g_strdup_printf("%s %ux%u at %.4g", vigil_v4l2_fourcc_to_string(choice.fourcc, fourcc),
                           choice.width, choice.height, vigil_v4l2_rate_to_fps(choice.rate));
    ck_assert_str_eq(text, choices[_i].expected);
    ck_assert_int_eq(choice.exact, choices[_i].exact);
}
END_TEST

START_TEST(ranges_of_sizes_and_rates)
{
    VigilV4l2Want wanted = want("raw", 1281, 719, 12.5);
    VigilV4l2Choice choice;

    ck_assert(vigil_v4l2_choose(sensor_modes, 1, &wanted, &choice));
    ck_assert_uint_eq(choice.width, 1282);
    ck_assert_uint_eq(choice.height, 720);
    ck_assert_double_eq(vigil_v4l2_rate_to_fps(choice.rate), 12.5);
    wanted = want("raw", 10000, 2, 0.5);
    ck_assert(vigil_v4l2_choose(sensor_modes, 1, &wanted, &choice));
    ck_assert_uint_eq(choice.width, 2592);
    ck_assert_uint_eq(choice.height, 64);
    ck_assert_double_eq(vigil_v4l2_rate_to_fps(choice.rate), 1);
}
END_TEST

START_TEST(kinds_that_are_none)
{
    static const gchar *const wrong[] = {"", "h263", "raw,", "raw,raw", "other", "RAW"};

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        VigilV4l2Want self = {0};

        ck_assert_msg(!vigil_v4l2_want_set_kinds(&self, wrong[i], &error), "%s", wrong[i]);
        ck_assert_int_eq(error->code, VIGIL_V4L2_ERROR_SETTING);
    }
}
END_TEST

/* --- a device -------------------------------------------------------------------------------- */

START_TEST(modes_are_listed)
{
    g_autoptr(GArray) modes = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_plug(fake, 1, &sensor);
    ck_assert_int_eq(open_number(0), 0);
    ck_assert_str_eq(vigil_v4l2_get_card(device)->card, "Webcam");
    ck_assert_int_eq(vigil_v4l2_list_modes(device, modes), 0);
    ck_assert_uint_eq(modes->len, G_N_ELEMENTS(webcam_modes));
    for (guint i = 0; i < modes->len; i++) {
        const VigilV4l2Mode *mode = &g_array_index(modes, VigilV4l2Mode, i);

        ck_assert_uint_eq(mode->fourcc, webcam_modes[i].fourcc);
        ck_assert_uint_eq(mode->max_width, webcam_modes[i].max_width);
        ck_assert_uint_eq(mode->n_rates, webcam_modes[i].n_rates);
        ck_assert_uint_eq(mode->rates[0].n, webcam_modes[i].rates[0].n);
    }
    g_array_set_size(modes, 0);
    ck_assert_int_eq(open_number(1), 0);
    ck_assert_int_eq(vigil_v4l2_list_modes(device, modes), 0);
    ck_assert_uint_eq(modes->len, 1);
    ck_assert_mem_eq(modes->data, &sensor_modes[0], sizeof sensor_modes[0]);
}
END_TEST

START_TEST(driver_that_lists_no_sizes)
{
    g_autoptr(GArray) modes = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Mode));
    VigilFakeCamera mute = sensor;

    mute.mute = TRUE;
    vigil_fake_v4l2_plug(fake, 0, &mute);
    ck_assert_int_eq(open_number(0), 0);
    ck_assert_int_eq(vigil_v4l2_list_modes(device, modes), 0);
    ck_assert_uint_eq(modes->len, 1);
    ck_assert_uint_eq(g_array_index(modes, VigilV4l2Mode, 0).min_width, 64);
    ck_assert_uint_eq(g_array_index(modes, VigilV4l2Mode, 0).max_height, 1944);
}
END_TEST

START_TEST(what_is_no_camera)
{
    VigilFakeCamera metadata = webcam;

    metadata.no_capture = TRUE;
    vigil_fake_v4l2_plug(fake, 1, &metadata);
    ck_assert_int_eq(open_number(1), -ENOTSUP);
    ck_assert_int_eq(open_number(2), -ENOENT);
    ck_assert_ptr_nonnull(strstr(vigil_v4l2_get_trouble(device), "video2"));
}
END_TEST

START_TEST(frames_come_with_their_times)
{
    gint64 last_ns = 0;

    vigil_fake_v4l2_plug(fake, 0, &small);
    ck_assert_int_eq(start(0, "auto", FALSE), 0);
    ck_assert_uint_eq(vigil_v4l2_get_format(device)->fourcc, V4L2_PIX_FMT_MJPEG);
    for (guint i = 0; i < 100; i++) {
        const VigilV4l2Frame frame = take();
        const VigilV4l2Plane *plane =
            vigil_v4l2_stream_get_plane(vigil_v4l2_get_stream(device), frame.index, 0);

        ck_assert_uint_eq(frame.quality, VIGIL_V4L2_GOOD);
        ck_assert_uint_eq(frame.sequence, i);
        ck_assert_uint_eq(frame.queued, 3);
        ck_assert_uint_eq(frame.size[0], 64 * 48);
        ck_assert_uint_eq(plane->data[100], i & 0xff);
        ck_assert_int_gt(frame.time_ns, last_ns);
        if (i)
            ck_assert_int_le(ABS(frame.time_ns - last_ns - 33333333), 1000);
        last_ns = frame.time_ns;
        give_back(&frame);
    }
    ck_assert_uint_eq(vigil_v4l2_get_stats(device).frames, 100);
    ck_assert_uint_eq(vigil_v4l2_get_stats(device).lost, 0);
}
END_TEST

START_TEST(planes_and_exports)
{
    VigilV4l2Frame frame;
    VigilV4l2Stream *stream;

    vigil_fake_v4l2_plug(fake, 0, &sensor);
    ck_assert_int_eq(start(0, "raw", TRUE), 0);
    frame = take();
    stream = vigil_v4l2_get_stream(device);
    ck_assert_uint_eq(frame.n_planes, 2);
    ck_assert_uint_eq(frame.quality, VIGIL_V4L2_GOOD);
    ck_assert_uint_eq(frame.size[0], 64 * 64);
    ck_assert_uint_eq(frame.size[1], 64 * 32);
    for (guint p = 0; p < 2; p++) {
        const VigilV4l2Plane *plane = vigil_v4l2_stream_get_plane(stream, frame.index, p);
        guint8 byte = 0xaa;

        ck_assert_int_ge(plane->dmabuf, 0);
        ck_assert_int_eq(pread(plane->dmabuf, &byte, 1, 5), 1);
        ck_assert_uint_eq(byte, plane->data[5]);
    }
    give_back(&frame);
}
END_TEST

START_TEST(driver_that_exports_nothing)
{
    VigilFakeCamera closed = small;
    VigilV4l2Frame frame;

    closed.no_export = TRUE;
    closed.no_rate = TRUE;
    vigil_fake_v4l2_plug(fake, 0, &closed);
    ck_assert_int_eq(start(0, "raw", TRUE), 0);
    frame = take();
    ck_assert_int_eq(
        vigil_v4l2_stream_get_plane(vigil_v4l2_get_stream(device), frame.index, 0)->dmabuf, -1);
}
END_TEST

START_TEST(driver_that_gives_something_else)
{
    VigilFakeCamera stubborn = small;

    stubborn.forced_width = 48;
    vigil_fake_v4l2_plug(fake, 0, &stubborn);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    ck_assert_uint_eq(vigil_v4l2_get_format(device)->width, 48);
    vigil_fake_v4l2_unplug(fake, 0);
    stubborn.forced_fourcc = V4L2_PIX_FMT_YUYV;
    vigil_fake_v4l2_plug(fake, 0, &stubborn);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), -EPROTO);
    vigil_fake_v4l2_unplug(fake, 0);
    stubborn.forced_fourcc = 0;
    stubborn.forced_field = V4L2_FIELD_ALTERNATE;
    vigil_fake_v4l2_plug(fake, 0, &stubborn);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), -EPROTO);
}
END_TEST

START_TEST(too_few_buffers)
{
    VigilFakeCamera poor = small;

    poor.max_buffers = 1;
    vigil_fake_v4l2_plug(fake, 0, &poor);
    ck_assert_int_eq(start(0, "auto", FALSE), -ENOMEM);
    vigil_fake_v4l2_unplug(fake, 0);
    poor.max_buffers = 2;
    vigil_fake_v4l2_plug(fake, 0, &poor);
    ck_assert_int_eq(start(0, "auto", FALSE), 0);
    ck_assert_uint_eq(vigil_v4l2_stream_get_n_buffers(vigil_v4l2_get_stream(device)), 2);
}
END_TEST

/* --- frames that are not as they should be ---------------------------------------------------- */

START_TEST(bad_frames_are_counted)
{
    static const VigilFakeFrame script[] = {
        {0},
        {.flags = V4L2_BUF_FLAG_ERROR},
        {.empty = TRUE},
        {.size = 100},
        {.garbage = TRUE},
        {.size = 64 * 48 + 1},
        {.size = G_MAXUINT32},
        {.skip = 3},
        {0},
    };
    static const VigilV4l2Quality expected[] = {
        VIGIL_V4L2_GOOD,     VIGIL_V4L2_CORRUPT, VIGIL_V4L2_SHORT,
        VIGIL_V4L2_SHORT,    VIGIL_V4L2_SHORT,   VIGIL_V4L2_OVERSIZE,
        VIGIL_V4L2_OVERSIZE, VIGIL_V4L2_GOOD,    VIGIL_V4L2_GOOD};
    VigilV4l2Stats stats;

    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    for (guint i = 0; i < G_N_ELEMENTS(script); i++) {
        const VigilV4l2Frame frame = take();

        ck_assert_msg(frame.quality == expected[i], "frame %u: %d", i, frame.quality);
        ck_assert_uint_eq(frame.lost, script[i].skip);
        give_back(&frame);
    }
    stats = vigil_v4l2_get_stats(device);
    ck_assert_uint_eq(stats.frames, G_N_ELEMENTS(script));
    ck_assert_uint_eq(stats.corrupt, 1);
    ck_assert_uint_eq(stats.too_short, 3);
    ck_assert_uint_eq(stats.oversize, 2);
    ck_assert_uint_eq(stats.lost, 3);
}
END_TEST

START_TEST(short_raw_frames)
{
    static const VigilFakeFrame script[] = {{.size = 2 * 64 * 48 - 1}, {.size = 2 * 64 * 48}};
    VigilFakeCamera padded = small;
    VigilV4l2Frame frame;

    vigil_fake_v4l2_plug(fake, 0, &padded);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "raw", FALSE), 0);
    frame = take();
    ck_assert_uint_eq(frame.quality, VIGIL_V4L2_SHORT);
    give_back(&frame);
    ck_assert_uint_eq(take().quality, VIGIL_V4L2_GOOD);
}
END_TEST

START_TEST(times_never_go_back)
{
    static const VigilFakeFrame script[] = {
        {0},
        {.back_ns = 40000000},
        {0},
        {.back_ns = G_GINT64_CONSTANT(5000000000000)}, /* before the machine was started */
        {.back_ns = -G_GINT64_CONSTANT(5000000000000)},
        {0},
    };
    gint64 last_ns = 0;

    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    for (guint i = 0; i < G_N_ELEMENTS(script); i++) {
        const VigilV4l2Frame frame = take();
        const VigilV4l2System *system = vigil_fake_v4l2_get_system(fake);

        ck_assert_int_gt(frame.time_ns, last_ns);
        ck_assert_int_le(frame.time_ns, system->get_time_ns(system->user_data));
        last_ns = frame.time_ns;
        give_back(&frame);
    }
    ck_assert_uint_eq(vigil_v4l2_get_stats(device).backwards, 1);
}
END_TEST

START_TEST(driver_without_a_clock)
{
    VigilFakeCamera timeless = small;
    VigilV4l2Frame first, second;

    timeless.monotonic_unknown = TRUE;
    vigil_fake_v4l2_plug(fake, 0, &timeless);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    first = take();
    second = take();
    ck_assert_int_gt(second.time_ns, first.time_ns);
    ck_assert_uint_eq(vigil_v4l2_get_stats(device).backwards, 0);
}
END_TEST

START_TEST(numbers_that_wrap_and_jump)
{
    static const VigilFakeFrame script[] = {
        {.skip = G_MAXUINT32},     /* the last number there is */
        {.skip = 2},               /* 2: two are missing */
        {.skip = 1000000},         /* another count */
        {.skip = G_MAXUINT32},     /* the same number again: it does not count */
        {.skip = G_MAXUINT32 - 5}, /* back */
        {0},
    };
    static const guint32 lost[] = {0, 2, 0, 0, 0, 0};

    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    for (guint i = 0; i < G_N_ELEMENTS(script); i++) {
        const VigilV4l2Frame frame = take();

        ck_assert_msg(frame.lost == lost[i], "frame %u: %u", i, frame.lost);
        give_back(&frame);
    }
}
END_TEST

START_TEST(buffer_that_the_driver_had_not)
{
    static const VigilFakeFrame script[] = {{0}, {.wrong_index = TRUE}};
    VigilV4l2Frame frame;

    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    frame = take();
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 1000, &frame), -EPROTO);
    ck_assert_uint_eq(vigil_v4l2_get_stats(device).bad_index, 1);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    take();
}
END_TEST

START_TEST(errors_of_a_stream)
{
    static const VigilFakeFrame script[] = {{.error = EAGAIN}, {.error = EINTR}, {.error = EIO}};
    VigilV4l2Frame frame;

    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_script(fake, 0, script, G_N_ELEMENTS(script));
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 1000, &frame), -EIO);
    ck_assert_ptr_nonnull(strstr(vigil_v4l2_get_trouble(device), "VIDIOC_DQBUF"));
    /* the stream itself goes on */
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 1000, &frame), 0);
}
END_TEST

START_TEST(waiting_ends)
{
    const gint wake_fd = eventfd(0, EFD_CLOEXEC);
    const guint64 one = 1;
    VigilV4l2Frame frame;

    vigil_fake_v4l2_plug(fake, 0, &small);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    vigil_fake_v4l2_hush(fake, 0, TRUE);
    ck_assert_int_eq(vigil_v4l2_take(device, wake_fd, 500, &frame), -ETIMEDOUT);
    ck_assert_int_eq(write(wake_fd, &one, sizeof one), sizeof one);
    ck_assert_int_eq(vigil_v4l2_take(device, wake_fd, 500, &frame), -ECANCELED);
    vigil_fake_v4l2_hush(fake, 0, FALSE);
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 500, &frame), 0);
    close(wake_fd);
}
END_TEST

START_TEST(all_buffers_taken)
{
    VigilV4l2Frame frames[4], more;

    vigil_fake_v4l2_plug(fake, 0, &small);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    for (guint i = 0; i < 4; i++) {
        frames[i] = take();
        ck_assert_uint_eq(frames[i].queued, 3 - i);
    }
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 200, &more), -ETIMEDOUT);
    give_back(&frames[2]);
    give_back(&frames[2]); /* twice is once */
    more = take();
    ck_assert_uint_eq(more.index, frames[2].index);
    ck_assert_int_eq(vigil_v4l2_stream_give_back(vigil_v4l2_get_stream(device), 99), 0);
}
END_TEST

START_TEST(memory_outlives_the_device)
{
    g_autoptr(VigilV4l2Stream) stream = NULL;
    VigilV4l2Frame frame;
    const VigilV4l2Plane *plane;

    vigil_fake_v4l2_plug(fake, 0, &small);
    ck_assert_int_eq(start(0, "mjpeg", FALSE), 0);
    frame = take();
    stream = vigil_v4l2_stream_ref(vigil_v4l2_get_stream(device));
    vigil_fake_v4l2_unplug(fake, 0);
    ck_assert_int_eq(vigil_v4l2_take(device, -1, 1000, &frame), -ENODEV);
    vigil_v4l2_close(device);
    vigil_v4l2_close(device);
    plane = vigil_v4l2_stream_get_plane(stream, 0, 0);
    ck_assert_uint_eq(plane->data[1], 0xd8);
    ck_assert_int_eq(vigil_v4l2_stream_give_back(stream, 0), 0);
    ck_assert_uint_eq(vigil_fake_v4l2_get_counts(fake).mappings, 4);
    ck_assert_uint_eq(vigil_fake_v4l2_get_counts(fake).files, 0);
}
END_TEST

/* --- what fails at each call ------------------------------------------------------------------ */

static gint
run_scenario(void)
{
    gint result = start(0, "auto", TRUE);

    for (guint i = 0; i < 5 && result == 0; i++) {
        VigilV4l2Frame frame;

        result = vigil_v4l2_take(device, -1, 1000, &frame);
        if (result == 0)
            result = vigil_v4l2_stream_give_back(vigil_v4l2_get_stream(device), frame.index);
    }
    return result;
}

static const gint errors[] = {EINTR, EAGAIN, ENODEV, EIO, EBUSY, ENOMEM, EINVAL, ENOTTY};

/* For n = 1, 2, … until nothing fails any more: no leak, and the next attempt works. */
START_TEST(error_at_each_call)
{
    const gint error = errors[_i];

    for (guint n = 1;; n++) {
        guint calls;
        gint result;

        vigil_fake_v4l2_plug(fake, 0, _i % 2 ? &sensor : &small);
        calls = vigil_fake_v4l2_get_counts(fake).calls;
        vigil_fake_v4l2_fail(fake, n, error);
        result = run_scenario();
        calls = vigil_fake_v4l2_get_counts(fake).calls - calls;
        vigil_fake_v4l2_fail(fake, 0, 0);
        vigil_v4l2_close(device);
        ck_assert_uint_eq(vigil_fake_v4l2_get_counts(fake).files, 0);
        ck_assert_uint_eq(vigil_fake_v4l2_get_counts(fake).mappings, 0);
        if (n > calls) {
            ck_assert_int_eq(result, 0);
            ck_assert_uint_gt(n, 30);
            vigil_fake_v4l2_unplug(fake, 0);
            return;
        }
        if (error == EINTR)
            ck_assert_int_eq(result, 0);
        if (error == ENODEV)
            ck_assert_msg(vigil_v4l2_is_gone(result), "call %u: %d", n, result);
        if (error != ENODEV) {
            ck_assert_msg(run_scenario() == 0, "after call %u: %s", n,
                          vigil_v4l2_get_trouble(device));
            vigil_v4l2_close(device);
            vigil_fake_v4l2_unplug(fake, 0);
        }
    }
}
END_TEST

/* --- controls --------------------------------------------------------------------------------- */

static gboolean
apply(const gchar *text, GError **error)
{
    g_autoptr(GPtrArray) settings = vigil_v4l2_settings_parse(text, error);

    return settings && vigil_v4l2_apply_controls(device, settings, error);
}

START_TEST(controls_are_set_by_name)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    ck_assert_int_eq(open_number(0), 0);
    ck_assert(apply("exposure=100, auto_exposure=Manual Mode,autofocus=off,gain=255", NULL));
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_EXPOSURE_ABSOLUTE), 100);
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_EXPOSURE_AUTO), 1);
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_FOCUS_AUTO), 0);
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_GAIN), 255);
    ck_assert(apply("exposure_time_absolute=3,auto_exposure=3,", NULL));
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_EXPOSURE_ABSOLUTE), 3);
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_EXPOSURE_AUTO), 3);
    /* of numbers: by place, or as it is */
    ck_assert(apply("bias=2", NULL));
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_AUTO_EXPOSURE_BIAS), 2);
    ck_assert(apply("bias=-1000", NULL));
    ck_assert_int_eq(vigil_fake_v4l2_get_control(fake, 0, V4L2_CID_AUTO_EXPOSURE_BIAS), 0);
    ck_assert(apply("", NULL));
    ck_assert(apply(NULL, NULL));
}
END_TEST

static const struct {
    const gchar *text, *says;
} wrong_controls[] = {
    {"gain=300", "0 to 255 in steps of 5, 60 by default"},
    {"gain=7", "in steps of 5"},
    {"gain=much", "0 to 255"},
    {"exposure=99999999999", "3 to 2047, 250 by default"},
    {"gian=5", "did you mean \"gain\"?"},
    {"warp=5", "it has: gain, auto_exposure, exposure_time_absolute"},
    {"autofocus=maybe", "true or false"},
    {"bias=500", "0 (-1000), 1 (0), 2 (1000)"},
    {"auto_exposure=2", "0 (auto_mode), 1 (manual_mode), 3 (aperture_priority_mode)"},
    {"auto_exposure=moon", "1 (manual_mode)"},
    {"tilt_absolute=1", "can only be read"},
    {"gain", "write gain=30"},
    {"=5", "write gain=30"},
    {"gain=", "write gain=30"},
};

START_TEST(wrong_controls_say_what_is_right)
{
    g_autoptr(GError) error = NULL;

    vigil_fake_v4l2_plug(fake, 0, &webcam);
    ck_assert_int_eq(open_number(0), 0);
    ck_assert(!apply(wrong_controls[_i].text, &error));
    ck_assert_int_eq(error->code, VIGIL_V4L2_ERROR_SETTING);
    ck_assert_msg(strstr(error->message, wrong_controls[_i].says), "%s", error->message);
}
END_TEST

START_TEST(controls_of_a_camera_that_goes)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    for (guint n = 1; n < 40; n++) {
        g_autoptr(GError) error = NULL;

        ck_assert_int_eq(open_number(0), 0);
        vigil_fake_v4l2_fail(fake, n, ENODEV);
        if (apply("gain=5,auto_exposure=1,exposure=9", &error))
            return;
        vigil_v4l2_close(device);
        vigil_fake_v4l2_plug(fake, 0, &webcam);
    }
    ck_abort_msg("it never works");
}
END_TEST

/* --- which camera ----------------------------------------------------------------------------- */

static gchar *
find(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilV4l2Identity) identity = vigil_v4l2_identity_parse(text, &error);
    g_autoptr(GPtrArray) paths = NULL;

    ck_assert_msg(identity != NULL, "%s", text);
    paths = vigil_v4l2_identity_find(identity, vigil_fake_v4l2_get_system(fake), &error);
    if (!paths)
        return g_strdup(error->message);
    return paths->len ? g_path_get_basename(paths->pdata[0]) : g_strdup("none");
}

static void
check_find(const gchar *text, const gchar *expected)
{
    g_autofree gchar *found = find(text);

    ck_assert_msg(g_str_has_prefix(found, expected), "%s: %s", text, found);
}

START_TEST(cameras_are_found_by_serial_and_port)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_plug(fake, 2, &sensor);
    check_find("v4l2:/dev/video7", "video7");
    check_find("serial=A1B2", "video0");
    check_find("v4l2:serial=A1B2", "video0");
    check_find("serial=a1b2", "none");
    check_find("path=pci-0000:00:14.0-usb-0:3:1.0", "video2");
    check_find("v4l2:path=pci-0000:00:14.0-usb-0:1.2:1.0", "video0");
    check_find("path=pci-0000:00:14.0", "none");
}
END_TEST

START_TEST(cameras_that_swap_numbers)
{
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_plug(fake, 1, &small);
    check_find("serial=A1B2", "video0");
    check_find("serial=S", "video1");
    vigil_fake_v4l2_unplug(fake, 0);
    check_find("serial=A1B2", "none");
    vigil_fake_v4l2_unplug(fake, 1);
    vigil_fake_v4l2_plug(fake, 0, &small);
    vigil_fake_v4l2_plug(fake, 1, &webcam);
    check_find("serial=A1B2", "video1");
    check_find("path=pci-0000:00:14.0-usb-0:1.2:1.0", "video1");
    check_find("serial=S", "video0");
}
END_TEST

START_TEST(several_nodes_and_several_cameras)
{
    VigilFakeCamera metadata = webcam, twin = webcam;

    metadata.index = 1;
    metadata.no_capture = TRUE;
    twin.port = "2";
    /* the second node got the lower number */
    vigil_fake_v4l2_plug(fake, 0, &metadata);
    vigil_fake_v4l2_plug(fake, 1, &webcam);
    check_find("serial=A1B2", "video1");
    check_find("serial=A1B2-video-index1", "video0");
    check_find("path=pci-0000:00:14.0-usb-0:1.2:1.0-video-index0", "video1");
    check_find("serial=A1B2-video-index2", "none");
    vigil_fake_v4l2_plug(fake, 2, &twin);
    check_find("serial=A1B2", "several cameras have the serial number A1B2");
    check_find("path=pci-0000:00:14.0-usb-0:2:1.0", "video2");
}
END_TEST

START_TEST(names_are_the_most_stable_ones)
{
    static const gchar *const expected[] = {
        "path=pci-0000:00:14.0-usb-0:1.2:1.0", "path=pci-0000:00:14.0-usb-0:2:1.0",
        "path=pci-0000:00:14.0-usb-0:3:1.0", "serial=S", "serial=S-video-index1"};
    VigilFakeCamera twin = webcam, second = small;
    g_autoptr(GPtrArray) nodes = NULL;

    twin.port = "2";
    second.index = 1;
    vigil_fake_v4l2_plug(fake, 0, &webcam);
    vigil_fake_v4l2_plug(fake, 1, &twin);
    vigil_fake_v4l2_plug(fake, 2, &sensor);
    vigil_fake_v4l2_plug(fake, 3, &small);
    vigil_fake_v4l2_plug(fake, 10, &second);
    nodes = vigil_v4l2_list_nodes(vigil_fake_v4l2_get_system(fake));
    ck_assert_uint_eq(nodes->len, G_N_ELEMENTS(expected));
    for (guint i = 0; i < nodes->len; i++) {
        g_autofree gchar *name = vigil_v4l2_node_get_name(nodes->pdata[i], nodes);
        g_autofree gchar *found = find(name);

        ck_assert_str_eq(name, expected[i]);
        ck_assert_str_eq(found, ((VigilV4l2Node *)nodes->pdata[i])->name);
    }
}
END_TEST

START_TEST(names_that_are_none)
{
    static const gchar *const wrong[] = {"", "video0", "v4l2:", "serial=", "path=", "v4l2:serial="};

    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        ck_assert_ptr_null(vigil_v4l2_identity_parse(wrong[i], &error));
        ck_assert_int_eq(error->code, VIGIL_V4L2_ERROR_SETTING);
    }
}
END_TEST

/* On the machine that runs the test, whatever it has. */
START_TEST(the_real_system)
{
    g_autoptr(GPtrArray) nodes = vigil_v4l2_list_nodes(vigil_v4l2_system());
    g_autoptr(VigilV4l2) real = vigil_v4l2_new(vigil_v4l2_system());

    ck_assert_ptr_nonnull(nodes);
    ck_assert_int_eq(vigil_v4l2_open(real, "/dev/null"), -ENOTSUP);
    ck_assert_int_eq(vigil_v4l2_open(real, "/dev/no-such-camera"), -ENOENT);
    ck_assert_int_eq(vigil_v4l2_open(real, "/dev"), -EISDIR);
}
END_TEST

static void
add_frames(Suite *suite)
{
    TCase *frames = tcase_create("frames");

    tcase_set_timeout(frames, TIMEOUT_SECONDS);
    tcase_add_checked_fixture(frames, setup, teardown);
    tcase_add_test(frames, frames_come_with_their_times);
    tcase_add_test(frames, planes_and_exports);
    tcase_add_test(frames, driver_that_exports_nothing);
    tcase_add_test(frames, driver_that_gives_something_else);
    tcase_add_test(frames, too_few_buffers);
    tcase_add_test(frames, bad_frames_are_counted);
    tcase_add_test(frames, short_raw_frames);
    tcase_add_test(frames, times_never_go_back);
    tcase_add_test(frames, driver_without_a_clock);
    tcase_add_test(frames, numbers_that_wrap_and_jump);
    tcase_add_test(frames, buffer_that_the_driver_had_not);
    tcase_add_test(frames, errors_of_a_stream);
    tcase_add_test(frames, waiting_ends);
    tcase_add_test(frames, all_buffers_taken);
    tcase_add_test(frames, memory_outlives_the_device);
    tcase_add_loop_test(frames, error_at_each_call, 0, G_N_ELEMENTS(errors));
    suite_add_tcase(suite, frames);
}

int
main(void)
{
    Suite *suite = suite_create("v4l2");
    TCase *choice = tcase_create("choice"), *open = tcase_create("device");
    TCase *identity = tcase_create("identity");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(choice, nearest_of_the_first_kind, 0, G_N_ELEMENTS(choices));
    tcase_add_test(choice, ranges_of_sizes_and_rates);
    tcase_add_test(choice, kinds_that_are_none);
    suite_add_tcase(suite, choice);
    tcase_set_timeout(open, TIMEOUT_SECONDS);
    tcase_add_checked_fixture(open, setup, teardown);
    tcase_add_test(open, modes_are_listed);
    tcase_add_test(open, driver_that_lists_no_sizes);
    tcase_add_test(open, what_is_no_camera);
    tcase_add_test(open, controls_are_set_by_name);
    tcase_add_loop_test(open, wrong_controls_say_what_is_right, 0, G_N_ELEMENTS(wrong_controls));
    tcase_add_test(open, controls_of_a_camera_that_goes);
    suite_add_tcase(suite, open);
    add_frames(suite);
    tcase_set_timeout(identity, TIMEOUT_SECONDS);
    tcase_add_checked_fixture(identity, setup, teardown);
    tcase_add_test(identity, cameras_are_found_by_serial_and_port);
    tcase_add_test(identity, cameras_that_swap_numbers);
    tcase_add_test(identity, several_nodes_and_several_cameras);
    tcase_add_test(identity, names_are_the_most_stable_ones);
    tcase_add_test(identity, names_that_are_none);
    tcase_add_test(identity, the_real_system);
    suite_add_tcase(suite, identity);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
