/* SPDX-License-Identifier: Apache-2.0 */
#include <turbojpeg.h>

#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/motion/vigil-mask-list.h"
#include "tests/plugins/plugin-test.h"

#define FRAME (GST_SECOND / 10)

static GstVideoInfo info;
static GstHarness *h;

static void
setup(void)
{
    info = test_video_info(GST_VIDEO_FORMAT_I420, 320, 240);
    h = gst_harness_new("vigilmotion");
    gst_harness_set_live(h, FALSE);
    test_set_caps(h, &info);
}

static void
teardown(void)
{
    gst_harness_teardown(h);
}

/* A gray picture; with @x not negative there is something bright at it. */
static GstBuffer *
picture_new(guint frame, gint x)
{
    GstBuffer *buffer = test_frame_new(&info, frame * FRAME, FRAME);

    for (guint line = 100; x >= 0 && line < 160; line++)
        gst_buffer_memset(buffer, line * 320 + (guint)x, 240, 24);
    return buffer;
}

static VigilOutcome
push(guint frame, gint x)
{
    GstBuffer *out = gst_harness_push_and_pull(h, picture_new(frame, x));
    const VigilOutcome outcome = gst_vigil_buffer_get_outcome(out);

    fail_unless(gst_vigil_buffer_get_motion(out) != NULL);
    gst_buffer_unref(out);
    return outcome;
}

/* Returns: how many of the frames are worth an inference. */
static guint
push_empty(guint from, guint to)
{
    guint n = 0;

    for (guint i = from; i < to; i++)
        n += push(i, -1) == VIGIL_OUTCOME_INFERRED ? 1 : 0;
    return n;
}

GST_START_TEST(an_empty_yard_is_looked_at_seldom)
{
    push_empty(0, 40);
    /* 26 s: one look in ten seconds */
    assert_equals_int(push_empty(40, 300), 2);
}
GST_END_TEST

GST_START_TEST(what_moves_is_worth_a_look_and_has_a_region)
{
    push_empty(0, 40);
    for (guint i = 40; i < 60; i++) {
        GstBuffer *out = gst_harness_push_and_pull(h, picture_new(i, (gint)(i - 40) * 10));
        const VigilMotionResult *motion = gst_vigil_buffer_get_motion(out);

        if (i > 44) {
            assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_INFERRED);
            assert_equals_int(motion->state, VIGIL_MOTION_MOVING);
            assert_equals_int(motion->n_regions, 1);
        }
        gst_buffer_unref(out);
    }
    /* two seconds of hold, then nothing */
    fail_unless(push_empty(60, 90) >= 18);
    assert_equals_int(push_empty(90, 140), 0);
}
GST_END_TEST

GST_START_TEST(what_is_tracked_keeps_being_looked_at)
{
    push_empty(0, 40);
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(1, 0)));
    assert_equals_int(push_empty(40, 140), 10);
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 1)));
    assert_equals_int(push_empty(140, 240), 2);
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 0)));
    assert_equals_int(push_empty(240, 320), 0);
}
GST_END_TEST

/* As vigilidle asks, with a picture or (@x -2) without. Returns: the answer. */
static gboolean
ask(guint frame, gint x, guint n_left)
{
    g_autoptr(GstCaps) caps = gst_video_info_to_caps(&info);
    g_autoptr(GstBuffer) picture = x >= -1 ? picture_new(frame, x) : NULL;
    GstSample *sample = picture ? gst_sample_new(picture, caps, NULL, NULL) : NULL;
    GstQuery *query = gst_vigil_query_new_probe(frame * FRAME, sample, n_left);
    gboolean quiet;

    fail_unless(gst_pad_peer_query(h->srcpad, query));
    quiet = gst_vigil_query_get_quiet(query);
    gst_query_unref(query);
    if (sample)
        gst_sample_unref(sample);
    return quiet;
}

GST_START_TEST(a_probe_says_when_it_is_quiet)
{
    fail_if(ask(0, -2, 0));
    push_empty(0, 20);
    fail_if(ask(20, -2, 0));
    push_empty(20, 40);
    fail_unless(ask(40, -2, 0));
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(1, 1)));
    fail_if(ask(40, -2, 0));
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 1)));
    fail_unless(ask(40, -2, 0));
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 0)));
    push(41, 100);
    push(43, 120);
    fail_if(ask(44, -2, 0));
}
GST_END_TEST

GST_START_TEST(a_quiet_keyframe_is_sent_on_once)
{
    GstBuffer *out;
    GstEvent *event;
    guint n_left = 0;

    push_empty(0, 40);
    fail_unless(ask(60, -1, 19));
    out = gst_harness_try_pull(h);
    fail_unless(out != NULL);
    assert_equals_uint64(GST_BUFFER_PTS(out), 60 * FRAME);
    assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_SKIPPED_NO_MOTION);
    gst_buffer_unref(out);
    while ((event = gst_harness_try_pull_event(h))) {
        n_left += gst_vigil_event_parse_left(event);
        gst_event_unref(event);
    }
    assert_equals_int(n_left, 19);
    /* the frames from there on are sent after all, it among them */
    fail_unless(gst_harness_push(h, picture_new(60, -1)) == GST_FLOW_OK);
    fail_unless(gst_harness_try_pull(h) == NULL);
    push_empty(61, 62);
    /* one in ten seconds is worth an inference */
    fail_unless(ask(140, -1, 0));
    out = gst_harness_try_pull(h);
    assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_INFERRED);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(a_keyframe_with_motion_is_forgotten)
{
    guint first = 0;

    push_empty(0, 40);
    fail_if(ask(60, 100, 19));
    fail_unless(gst_harness_try_pull(h) == NULL);
    fail_if(gst_harness_events_in_queue(h) > 3);
    /* what is sent then begins before it, and is compared with what was there */
    for (guint i = 41; i < 61 && first == 0; i++)
        if (push(i, i < 50 ? -1 : 100) == VIGIL_OUTCOME_INFERRED)
            first = i;
    fail_unless(first >= 50 && first <= 52, "first %u", first);
}
GST_END_TEST

GST_START_TEST(a_keyframe_of_another_size_is_no_answer)
{
    g_autoptr(GstCaps) caps = NULL;
    GstVideoInfo other = test_video_info(GST_VIDEO_FORMAT_I420, 160, 120);
    GstSample *sample;
    GstQuery *query;
    GstBuffer *picture = test_frame_new(&other, 60 * FRAME, FRAME);

    push_empty(0, 40);
    caps = gst_video_info_to_caps(&other);
    sample = gst_sample_new(picture, caps, NULL, NULL);
    query = gst_vigil_query_new_probe(60 * FRAME, sample, 0);
    fail_unless(gst_pad_peer_query(h->srcpad, query));
    fail_if(gst_vigil_query_get_quiet(query));
    gst_query_unref(query);
    gst_sample_unref(sample);
    gst_buffer_unref(picture);
}
GST_END_TEST

GST_START_TEST(another_outcome_is_left_as_it_is)
{
    GstBuffer *buffer = picture_new(0, -1), *out;

    push_empty(0, 100);
    GST_BUFFER_PTS(buffer) = 100 * FRAME;
    gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_FAILED);
    out = gst_harness_push_and_pull(h, buffer);
    assert_equals_int(gst_vigil_buffer_get_outcome(out), VIGIL_OUTCOME_FAILED);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(stats_count)
{
    g_autoptr(GstStructure) stats = NULL;
    guint64 frames, looks, passed;

    push_empty(0, 100);
    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "looks", G_TYPE_UINT64,
                                  &looks, "passed", G_TYPE_UINT64, &passed, NULL));
    assert_equals_uint64(frames, 100);
    assert_equals_uint64(looks, 50);
    fail_unless(passed > 0 && passed < 50);
}
GST_END_TEST

GST_START_TEST(no_memory_is_copied)
{
    GstBuffer *buffer = picture_new(0, -1), *out;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);

    out = gst_harness_push_and_pull(h, buffer);
    fail_unless(gst_buffer_peek_memory(out, 0) == memory);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(masks_are_read)
{
    g_autoptr(GArray) masks =
        vigil_mask_list_parse(" 0,0 0.5,0  0.5,1 0,1 ; 0.9,0.9 1,0.9 1,1;", NULL);
    g_autoptr(GArray) none = vigil_mask_list_parse(NULL, NULL);

    fail_unless(masks && none);
    assert_equals_int(masks->len, 2);
    assert_equals_int(none->len, 0);
    assert_equals_int(g_array_index(masks, VigilMask, 0).n_points, 4);
    assert_equals_float(g_array_index(masks, VigilMask, 1).points[0].y, 0.9f);
}
GST_END_TEST

GST_START_TEST(bad_masks_are_refused_by_name)
{
    static const struct {
        const gchar *text, *says;
    } cases[] = {
        {"0,0 1,0", "mask 1 has no area"},
        {"0,0 0.5,0.5 1,1", "mask 1 has no area"},
        {"0,0 1,0 1,1; 0,0 1 1,1", "corner 2 of mask 2 is \"1\""},
        {"0,0 1,0 1,1.5", "corner 3 of mask 1"},
        {"0,0 1,0 nan,1", "corner 3 of mask 1"},
        {"0,0 1,0 1,1x", "corner 3 of mask 1"},
        {"-0.1,0 1,0 1,1", "corner 1 of mask 1"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        fail_unless(vigil_mask_list_parse(cases[i].text, &error) == NULL);
        fail_unless(strstr(error->message, cases[i].says), "%s", error->message);
    }
}
GST_END_TEST

GST_START_TEST(bad_masks_stop_the_element)
{
    GstElement *element = gst_element_factory_make("vigilmotion", NULL);
    GstBus *bus = gst_bus_new();

    gst_element_set_bus(element, bus);
    g_object_set(element, "masks", "nonsense", NULL);
    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, NULL);
    gst_object_unref(element);
    test_bus_free(bus);
}
GST_END_TEST

/* --- real videos, as they are and as bad cameras would show them -------------------------------- */

typedef enum {
    AS_IT_IS,
    NOISE,
    LIGHT,
    SHAKE,
    ARTEFACTS,
    N_VARIANTS
} Variant;

typedef struct {
    gdouble from, to;
} Interval;

typedef struct {
    const gchar *path;
    guint every;       /* of its frames, every so many-th is looked at: about 5 a second */
    gdouble tolerance; /* of the intervals, as whoever marked them said */
    Interval events[8], empty[8];
} Video;

static const Video videos[] = {
    {"videos/one-by-one-person-detection.mp4",
     2,
     0.2,
     {{6.0, 20.3}, {22.7, 45.2}, {50.2, 70.4}, {74.5, 87.3}, {92.1, 120.6}, {123.4, 136.6}},
     {{0, 5.9},
      {20.4, 22.6},
      {45.3, 50.1},
      {70.5, 74.4},
      {87.4, 92.0},
      {120.7, 123.3},
      {136.7, 139.4}}},
    {"videos/person-bicycle-car-detection.mp4",
     2,
     0.5,
     {{0, 3.4}, {9, 13.4}, {24, 30}, {28, 33.4}, {28.8, 33.7}},
     {{3.6, 8.6}, {13.7, 23.6}, {34, 38.3}}},
};

typedef struct {
    const Video *video;
    VigilMotion *motion[N_VARIANTS];
    guint8 *picture;
    tjhandle encoder, decoder;
    unsigned char *jpeg; /* TurboJPEG's */
    unsigned long jpeg_size;
    gint8 *noise;
    GRand *dice;
    guint n_frames;
    gboolean flagged[N_VARIANTS][8];
    guint n_empty, n_false[N_VARIANTS];
} Watch;

#define NOISE_SIZE 65536u

static void
vary(Watch *self, Variant variant, const guint8 *luma, guint stride, guint width, guint height,
     gdouble time)
{
    const guint step = (guint)(time / 3) % 3; /* the light is another each three seconds */
    const gdouble gain = ((const gdouble[]){1, 0.6, 1.35})[step], offset = step == 1 ? 20 : 0;
    const gint dx = g_rand_int_range(self->dice, -2, 3), dy = g_rand_int_range(self->dice, -2, 3);
    guint at = g_rand_int(self->dice);

    for (guint y = 0; y < height; y++)
        for (guint x = 0; x < width; x++) {
            const guint8 *line = luma + y * stride;
            gint value = line[x];

            if (variant == NOISE)
                value += self->noise[at++ % NOISE_SIZE];
            else if (variant == LIGHT)
                value = (gint)(value * gain + offset);
            else if (variant == SHAKE)
                value = luma[(guint)CLAMP((gint)y + dy, 0, (gint)height - 1) * stride +
                             (guint)CLAMP((gint)x + dx, 0, (gint)width - 1)];
            self->picture[y * width + x] = (guint8)CLAMP(value, 0, 255);
        }
}

/* As a camera that has few bytes for a frame sends it: the quality is another for each. */
static void
code_badly(Watch *self, guint width, guint height)
{
    const gint quality = g_rand_int_range(self->dice, 30, 51);

    fail_unless(tjCompress2(self->encoder, self->picture, (gint)width, 0, (gint)height, TJPF_GRAY,
                            &self->jpeg, &self->jpeg_size, TJSAMP_GRAY, quality, 0) == 0);
    fail_unless(tjDecompress2(self->decoder, self->jpeg, self->jpeg_size, self->picture,
                              (gint)width, 0, (gint)height, TJPF_GRAY, 0) == 0);
}

static gboolean
is_in(const Interval *interval, gdouble time, gdouble tolerance)
{
    return interval->to > 0 && time >= interval->from - tolerance &&
           time <= interval->to + tolerance;
}

static gboolean
is_empty(const Video *video, gdouble time)
{
    for (guint i = 0; i < G_N_ELEMENTS(video->empty); i++)
        if (is_in(&video->empty[i], time, -video->tolerance))
            return TRUE;
    return FALSE;
}

static void
note(Watch *self, Variant variant, gdouble time, VigilMotionState state)
{
    if (state == VIGIL_MOTION_LEARNING)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(self->video->events); i++)
        if (state != VIGIL_MOTION_QUIET && is_in(&self->video->events[i], time, 0))
            self->flagged[variant][i] = TRUE;
    if (state != VIGIL_MOTION_QUIET && is_empty(self->video, time))
        self->n_false[variant]++;
}

static GstPadProbeReturn
watch(GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
    Watch *self = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    const GstSegment *segment;
    gint64 time_ns;
    gdouble time;
    GstVideoInfo video;
    GstVideoFrame frame;

    gst_event_parse_segment(event, &segment);
    time_ns = gst_vigil_stream_time(segment, buffer);
    gst_event_unref(event);
    if (self->n_frames++ % self->video->every != 0)
        return GST_PAD_PROBE_OK;
    time = (gdouble)time_ns / GST_SECOND;
    fail_unless(gst_video_info_from_caps(&video, caps));
    fail_unless(gst_video_frame_map(&frame, &video, buffer, GST_MAP_READ));
    if (!self->picture)
        self->picture = g_malloc(GST_VIDEO_INFO_SIZE(&video));
    self->n_empty += is_empty(self->video, time) ? 1 : 0;
    for (Variant variant = AS_IT_IS; variant < N_VARIANTS; variant++) {
        const guint width = (guint)video.width, height = (guint)video.height;
        VigilMotionResult result;

        if (!self->motion[variant])
            self->motion[variant] =
                vigil_motion_new(width, height, VIGIL_MOTION_SENSITIVITY_DEFAULT);
        vary(self, variant, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
             (guint)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), width, height, time);
        if (variant == ARTEFACTS)
            code_badly(self, width, height);
        vigil_motion_update(self->motion[variant], time_ns, self->picture, width, &result);
        note(self, variant, time, result.state);
    }
    gst_video_frame_unmap(&frame);
    return GST_PAD_PROBE_OK;
}

/* Sigma 8. */
static void
fill_noise(Watch *self)
{
    self->noise = g_malloc(NOISE_SIZE);
    for (guint i = 0; i < NOISE_SIZE; i++) {
        gdouble sum = -6;

        for (guint k = 0; k < 12; k++)
            sum += g_rand_double(self->dice);
        self->noise[i] = (gint8)CLAMP(sum * 8, -127, 127);
    }
}

static void
play(Watch *self, const gchar *path)
{
    g_autofree gchar *line =
        g_strdup_printf("filesrc location=%s ! qtdemux ! h264parse ! avdec_h264 max-threads=1 ! "
                        "fakesink name=sink sync=false",
                        path);
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message;
    GstPad *pad;

    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, watch, self, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message =
        gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pad);
    gst_object_unref(sink);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

GST_START_TEST(real_videos_by_bad_cameras)
{
    static const gchar *const names[N_VARIANTS] = {"as it is", "noise", "light", "shaking",
                                                   "coded as bad JPEGs"};
    const Video *video = &videos[__i__];
    g_autofree gchar *path = vigil_test_data_path(video->path);
    Watch self = {.video = video,
                  .dice = g_rand_new_with_seed(1),
                  .encoder = tjInitCompress(),
                  .decoder = tjInitDecompress()};

    if (path) {
        fill_noise(&self);
        play(&self, path);
    }
    for (Variant variant = AS_IT_IS; path && variant < N_VARIANTS; variant++) {
        g_print("%s, %s: %u false of %u empty frames\n", video->path, names[variant],
                self.n_false[variant], self.n_empty);
        /* two of a hundred */
        fail_unless(self.n_false[variant] * 50 <= self.n_empty, "%s", names[variant]);
        for (guint i = 0; i < G_N_ELEMENTS(video->events); i++)
            fail_unless(video->events[i].to == 0 || self.flagged[variant][i],
                        "%s: interval %u missed", names[variant], i);
        vigil_motion_free(self.motion[variant]);
    }
    g_rand_free(self.dice);
    g_free(self.noise);
    g_free(self.picture);
    tjFree(self.jpeg);
    tjDestroy(self.encoder);
    tjDestroy(self.decoder);
}
GST_END_TEST

static Suite *
vigilmotion_suite(void)
{
    Suite *suite = suite_create("vigilmotion");
    TCase *tcase = tcase_create("element");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 200);
    tcase_add_test(tcase, an_empty_yard_is_looked_at_seldom);
    tcase_add_test(tcase, what_moves_is_worth_a_look_and_has_a_region);
    tcase_add_test(tcase, what_is_tracked_keeps_being_looked_at);
    tcase_add_test(tcase, a_probe_says_when_it_is_quiet);
    tcase_add_test(tcase, a_quiet_keyframe_is_sent_on_once);
    tcase_add_test(tcase, a_keyframe_with_motion_is_forgotten);
    tcase_add_test(tcase, a_keyframe_of_another_size_is_no_answer);
    tcase_add_test(tcase, another_outcome_is_left_as_it_is);
    tcase_add_test(tcase, stats_count);
    tcase_add_test(tcase, no_memory_is_copied);
    tcase_add_test(tcase, masks_are_read);
    tcase_add_test(tcase, bad_masks_are_refused_by_name);
    tcase_add_test(tcase, bad_masks_stop_the_element);
    tcase_add_loop_test(tcase, real_videos_by_bad_cameras, 0, G_N_ELEMENTS(videos));
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilmotion)
