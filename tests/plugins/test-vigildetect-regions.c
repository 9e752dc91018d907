/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of frames: what is too small in the whole frame is found in the part that moves, and what is elsewhere stays. */
#include "plugins/common/gstvigilstream.h"
#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-spot-model.h"

#define FRAME (GST_SECOND / 5)
#define WIDTH 320
#define HEIGHT 240
#define SPOT 24 /* pixels: a cell of the model's input in a part, nothing in the whole frame */

static gchar *folder, *model;
static GstVideoInfo info;
static VigilDetection detections[GST_VIGIL_MAX_DETECTIONS];
static guint n_detections;
static VigilTrack tracks[128];
static guint n_tracks;

static void
setup(void)
{
    folder = g_dir_make_tmp("vigil-regions-XXXXXX", NULL);
    fail_unless(folder != NULL);
    model = g_build_filename(folder, "spots", NULL);
    vigil_spot_package(&(VigilSpot){128, 96, VIGIL_SPOT_BRIGHT, 2, 0}, model, "spots", "1.0.0",
                       "light\nother\n");
    info = test_video_info(GST_VIDEO_FORMAT_GRAY8, WIDTH, HEIGHT);
}

static void
teardown(void)
{
    static const gchar *const files[] = {"manifest.ini", "labels.txt", "model.tflite"};

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree gchar *path = g_build_filename(model, files[i], NULL);

        g_remove(path);
    }
    g_remove(model);
    g_remove(folder);
    g_free(model);
    g_free(folder);
}

/* @elements: with %s for the properties of vigildetect */
static GstHarness *
harness_new(const gchar *elements, const gchar *more)
{
    g_autofree gchar *properties =
        g_strdup_printf("model=\"%s\" iou-threshold=0.1 %s", model, more);
    g_autofree gchar *detect = g_strdup_printf("vigildetect name=detect %s", properties);
    g_autofree gchar *line = g_strconcat(detect, elements, NULL);
    GstHarness *h = gst_harness_new_parse(line);

    gst_harness_set_live(h, FALSE);
    test_set_caps(h, &info);
    return h;
}

static GstBuffer *
frame_new(guint number, const gint (*spots)[2], guint n_spots)
{
    GstBuffer *buffer = test_frame_new(&info, number * FRAME, FRAME);

    for (guint i = 0; i < n_spots; i++)
        for (gint line = 0; line < SPOT; line++)
            gst_buffer_memset(
                buffer,
                (gsize)((spots[i][1] + line) * (gint)GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) +
                        spots[i][0]),
                255, SPOT);
    return buffer;
}

static void
add_region(VigilMotionResult *motion, gint x, gint y)
{
    motion->state = VIGIL_MOTION_MOVING;
    motion->regions[motion->n_regions++] =
        (VigilBox){(gfloat)x / WIDTH, (gfloat)y / HEIGHT, (gfloat)(x + SPOT) / WIDTH,
                   (gfloat)(y + SPOT) / HEIGHT};
}

/* Returns: whether only a part was looked at; the detections and tracks are of that frame. */
static gboolean
push(GstHarness *h, GstBuffer *buffer, const VigilMotionResult *motion)
{
    gboolean part;

    if (motion)
        gst_vigil_buffer_set_motion(buffer, motion);
    buffer = gst_harness_push_and_pull(h, buffer);
    fail_unless(buffer != NULL);
    assert_equals_int(gst_vigil_buffer_get_outcome(buffer), VIGIL_OUTCOME_INFERRED);
    part = gst_vigil_buffer_get_area(buffer) != NULL;
    n_detections =
        gst_vigil_buffer_get_detections(buffer, &info, detections, G_N_ELEMENTS(detections));
    n_tracks = gst_vigil_buffer_get_tracks(buffer, &info, tracks, G_N_ELEMENTS(tracks));
    gst_buffer_unref(buffer);
    return part;
}

static guint64
get_count(GstHarness *h, const gchar *field)
{
    GstElement *detect = gst_harness_find_element(h, "vigildetect");
    GstStructure *stats;
    guint64 value = 0;

    g_object_get(detect, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, field, &value));
    gst_structure_free(stats);
    gst_object_unref(detect);
    return value;
}

static const gint middle[][2] = {{160, 112}};

GST_START_TEST(what_is_small_is_found_where_it_moves)
{
    GstHarness *h = harness_new("", "regions=true");
    VigilMotionResult motion = {0};
    guint n_parts = 0;

    add_region(&motion, 160, 112);
    for (guint i = 0; i < 30; i++) {
        const gboolean part = push(h, frame_new(i, middle, 1), &motion);

        n_parts += part ? 1 : 0;
        fail_unless((n_detections > 0) == part);
        /* in parts of the whole frame */
        for (guint k = 0; k < n_detections; k++) {
            const VigilBox *box = &detections[k].box;

            fail_unless(box->x0 > 0.4f && box->x1 < 0.7f && box->y0 > 0.35f && box->y1 < 0.7f);
        }
    }
    assert_equals_int(n_parts, 27); /* the whole frame each 2 s */
    assert_equals_uint64(get_count(h, "inferred-part"), 27);
    assert_equals_uint64(get_count(h, "inferred"), 30);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(whole_frames_unless_it_is_asked_for)
{
    GstHarness *h = harness_new("", "");
    VigilMotionResult motion = {0};

    add_region(&motion, 160, 112);
    for (guint i = 0; i < 10; i++) {
        fail_unless(!push(h, frame_new(i, middle, 1), &motion));
        assert_equals_int(n_detections, 0);
    }
    gst_harness_teardown(h);
    /* nobody says what moves */
    h = harness_new("", "regions=true");
    for (guint i = 0; i < 10; i++)
        fail_unless(!push(h, frame_new(i, middle, 1), NULL));
    assert_equals_uint64(get_count(h, "inferred-part"), 0);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(the_whole_interval_is_a_property)
{
    GstHarness *h = harness_new("", "regions=true whole-interval=400000000");
    VigilMotionResult motion = {0};
    guint n_parts = 0;

    add_region(&motion, 160, 112);
    for (guint i = 0; i < 20; i++)
        n_parts += push(h, frame_new(i, middle, 1), &motion) ? 1 : 0;
    assert_equals_int(n_parts, 10);
    gst_harness_teardown(h);
}
GST_END_TEST

/* The spot is in the outermost cells of the part: how large it is the part does not show. */
GST_START_TEST(what_the_border_cuts_is_not_told)
{
    GstHarness *h = harness_new("", "regions=true");
    VigilMotionResult motion = {0};

    add_region(&motion, 160 + 52, 112);
    for (guint i = 0; i < 8; i++) {
        const gboolean part = push(h, frame_new(i, middle, 1), &motion);

        assert_equals_int(n_detections, 0);
        /* so the whole frame is looked at next */
        assert_equals_int(part, i % 2 == 1);
    }
    gst_harness_teardown(h);
}
GST_END_TEST

/* Of two that are far apart one is looked at at a time; both are followed, under one number. */
GST_START_TEST(a_track_elsewhere_stays)
{
    static const gint spots[][2] = {{40, 40}, {250, 180}};
    GstHarness *h = harness_new(" ! vigiltrack", "regions=true");
    VigilMotionResult motion = {0};
    guint n_parts = 0;

    for (guint i = 0; i < 2; i++)
        add_region(&motion, spots[i][0], spots[i][1]);
    for (guint i = 0; i < 40; i++) {
        n_parts += push(h, frame_new(i, spots, 2), &motion) ? 1 : 0;
        if (i < 12)
            continue;
        assert_equals_int(n_tracks, 2);
        fail_unless(!tracks[0].observed || !tracks[1].observed);
        assert_equals_int(tracks[0].id + tracks[1].id, 3);
    }
    assert_equals_int(n_parts, 20);
    /* one of them is gone: the looks at its place end it */
    for (guint i = 40; i < 100; i++)
        push(h, frame_new(i, spots, 1), &motion);
    assert_equals_int(n_tracks, 1);
    gst_harness_teardown(h);
}
GST_END_TEST

/* Nothing moves any more: what is tracked is looked for as closely as before. */
GST_START_TEST(what_stopped_is_looked_for)
{
    GstHarness *h = harness_new(" ! vigiltrack", "regions=true");
    VigilMotionResult motion = {0};
    const VigilMotionResult quiet = {.state = VIGIL_MOTION_QUIET};
    guint n_observed = 0;

    add_region(&motion, 160, 112);
    for (guint i = 0; i < 5; i++)
        push(h, frame_new(i, middle, 1), &motion);
    for (guint i = 5; i < 105; i++) {
        push(h, frame_new(i, middle, 1), &quiet);
        assert_equals_int(n_tracks, 1);
        n_observed += tracks[0].observed ? 1 : 0;
    }
    assert_equals_int(n_observed, 90);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(places_go_upstream)
{
    VigilPlaces places = {.time_ns = 7, .n = 1}, read;
    GstEvent *event;
    guint n_live, n_resting;

    places.places[0] = (VigilPlace){{0.1f, 0.2f, 0.3f, 0.4f}, 0.5f, -0.5f, TRUE};
    event = gst_vigil_event_new_places(3, 2, &places);
    fail_unless(gst_vigil_event_parse_tracks(event, &n_live, &n_resting));
    assert_equals_int(n_live, 3);
    assert_equals_int(n_resting, 2);
    fail_unless(gst_vigil_event_parse_places(event, &read));
    assert_equals_int(read.n, 1);
    assert_equals_int64(read.time_ns, 7);
    fail_unless(read.places[0].resting && read.places[0].speed_y == -0.5f);
    gst_event_unref(event);
    event = gst_vigil_event_new_tracks(3, 2);
    fail_unless(!gst_vigil_event_parse_places(event, &read));
    gst_event_unref(event);
}
GST_END_TEST

static Suite *
vigildetect_regions_suite(void)
{
    Suite *s = suite_create("vigildetect-regions");
    TCase *tc = tcase_create("vigildetect-regions");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_small_is_found_where_it_moves);
    tcase_add_test(tc, whole_frames_unless_it_is_asked_for);
    tcase_add_test(tc, the_whole_interval_is_a_property);
    tcase_add_test(tc, what_the_border_cuts_is_not_told);
    tcase_add_test(tc, a_track_elsewhere_stays);
    tcase_add_test(tc, what_stopped_is_looked_for);
    tcase_add_test(tc, places_go_upstream);
    suite_add_tcase(s, tc);
    return s;
}

GST_CHECK_MAIN(vigildetect_regions)
