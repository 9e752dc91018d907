/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/gstvigilstream.h"
#include "tests/plugins/plugin-test.h"

#define FRAME (GST_SECOND / 10)

static GstVideoInfo info;
static GstHarness *h;

static void
setup(void)
{
    info = test_video_info(GST_VIDEO_FORMAT_NV12, 320, 240);
    h = gst_harness_new("vigiltrack");
    gst_harness_set_live(h, FALSE);
    test_set_caps(h, &info);
}

static void
teardown(void)
{
    gst_harness_teardown(h);
}

/* Somebody walks to the right. */
static VigilDetection
walker(guint frame)
{
    const gfloat x = 0.1f + 0.01f * frame;

    return (VigilDetection){{x, 0.3f, x + 0.15f, 0.8f}, 0.8f, 0, g_intern_static_string("person")};
}

static GstBuffer *
frame_new(guint frame, gboolean inferred)
{
    GstBuffer *buffer = test_frame_new(&info, frame * FRAME, FRAME);
    const VigilDetection detection = walker(frame);

    if (inferred)
        gst_vigil_buffer_add_detections(buffer, &info, &detection, 1);
    gst_vigil_buffer_set_outcome(buffer,
                                 inferred ? VIGIL_OUTCOME_INFERRED : VIGIL_OUTCOME_SKIPPED_RATE);
    return buffer;
}

static guint
track_frame(GstBuffer *buffer, VigilTrack *track)
{
    GstBuffer *out = gst_harness_push_and_pull(h, buffer);
    VigilTrack found[8];
    const guint n = gst_vigil_buffer_get_tracks(out, &info, found, G_N_ELEMENTS(found));

    if (n > 0)
        *track = found[0];
    gst_buffer_unref(out);
    return n;
}

GST_START_TEST(one_object_has_one_id)
{
    VigilTrack track;
    guint64 id = 0;

    for (guint i = 0; i < 40; i++) {
        const guint n = track_frame(frame_new(i, TRUE), &track);

        if (i < 5)
            continue;
        assert_equals_int(n, 1);
        fail_unless(track.observed);
        assert_equals_string(track.label, "person");
        fail_unless(id == 0 || id == track.id);
        id = track.id;
    }
    fail_unless(track.first_ns == 0 && track.last_ns == (gint64)(39 * FRAME));
}
GST_END_TEST

GST_START_TEST(frames_between_have_the_probable_place)
{
    VigilTrack track;

    for (guint i = 0; i < 30; i++) {
        const guint n = track_frame(frame_new(i, i % 3 == 0), &track);
        const VigilDetection truth = walker(i);

        if (i < 15)
            continue;
        assert_equals_int(n, 1);
        assert_equals_int(track.observed, i % 3 == 0);
        /* the walker moves on between the frames that were looked at, and so does the guess */
        fail_unless(vigil_box_iou(&track.box, &truth.box) > 0.7f, "frame %u", i);
    }
}
GST_END_TEST

GST_START_TEST(a_jump_back_begins_anew)
{
    VigilTrack before, after;

    for (guint i = 50; i < 60; i++)
        track_frame(frame_new(i, TRUE), &before);
    for (guint i = 0; i < 10; i++)
        track_frame(frame_new(i, TRUE), &after);
    fail_unless(after.id != before.id);
    fail_unless(after.first_ns == 0);
}
GST_END_TEST

GST_START_TEST(a_flush_begins_anew)
{
    VigilTrack before, after;
    GstSegment segment;

    for (guint i = 0; i < 10; i++)
        track_frame(frame_new(i, TRUE), &before);
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(h, gst_event_new_segment(&segment)));
    for (guint i = 10; i < 20; i++)
        track_frame(frame_new(i, TRUE), &after);
    fail_unless(after.id != before.id);
}
GST_END_TEST

GST_START_TEST(frames_pass_as_they_are)
{
    GstBuffer *buffer = frame_new(0, TRUE), *shared = gst_buffer_ref(buffer), *out;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);

    out = gst_harness_push_and_pull(h, buffer);
    /* somebody else holds the frame: metadata went to another buffer over the same pixels */
    fail_unless(out != shared);
    fail_unless(gst_buffer_peek_memory(out, 0) == memory);
    gst_buffer_unref(out);
    gst_buffer_unref(shared);
    /* a frame without a time passes too */
    buffer = frame_new(1, TRUE);
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    out = gst_harness_push_and_pull(h, buffer);
    fail_unless(out != NULL);
    gst_buffer_unref(out);
}
GST_END_TEST

GST_START_TEST(scores_the_wrong_way_round_are_an_error)
{
    GstElement *element = gst_element_factory_make("vigiltrack", NULL);
    GstBus *bus = gst_bus_new();

    g_object_set(element, "low-score", 0.9, "high-score", 0.3, NULL);
    gst_element_set_bus(element, bus);
    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
    test_bus_free(bus);
}
GST_END_TEST

static guint
count_places_told(void)
{
    VigilPlaces places;
    GstEvent *event;
    guint n = 0;

    while ((event = gst_harness_try_pull_upstream_event(h))) {
        n += gst_vigil_event_parse_places(event, &places) ? 1 : 0;
        gst_event_unref(event);
    }
    return n;
}

/* An event a frame is for those who asked only. */
GST_START_TEST(places_are_told_to_who_wants_them)
{
    VigilTrack track;

    for (guint i = 0; i < 10; i++)
        track_frame(frame_new(i, TRUE), &track);
    assert_equals_int(count_places_told(), 0);
    for (guint i = 10; i < 20; i++) {
        GstBuffer *frame = frame_new(i, TRUE);

        gst_vigil_buffer_set_wants_places(frame, TRUE);
        track_frame(frame, &track);
    }
    assert_equals_int(count_places_told(), 10);
}
GST_END_TEST

static Suite *
vigiltrack_suite(void)
{
    Suite *suite = suite_create("vigiltrack");
    TCase *tcase = tcase_create("track");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, one_object_has_one_id);
    tcase_add_test(tcase, frames_between_have_the_probable_place);
    tcase_add_test(tcase, a_jump_back_begins_anew);
    tcase_add_test(tcase, a_flush_begins_anew);
    tcase_add_test(tcase, frames_pass_as_they_are);
    tcase_add_test(tcase, places_are_told_to_who_wants_them);
    tcase_add_test(tcase, scores_the_wrong_way_round_are_an_error);
    return suite;
}

GST_CHECK_MAIN(vigiltrack)
