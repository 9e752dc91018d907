/* SPDX-License-Identifier: Apache-2.0 */
/* vigilidle with real coded frames, and answers of the test's in the place of vigilmotion's. */
#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "tests/plugins/plugin-test.h"

#define FPS 10
#define GROUP 10
#define N_FRAMES 300 /* more than the sizes that must be known of each kind */
#define FRAME (GST_SECOND / FPS)

/* A scene that stands still, as the daemon's files and cameras come. */
static const gchar *const formats[] = {"avc", "byte-stream"};
static guint format; /* the one that is used */
static guint group = GROUP, b_frames = 2;
static GPtrArray *coded; /* GstBuffer */
static GstCaps *coded_caps;

static GstHarness *h;
static gboolean quiet, quiet_probe; /* the answers, the latter where there is a picture */
static guint n_questions, n_probes, n_left, n_rests;
static GstClockTime catch_up_until;

static void
keep_frame(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
    if (!coded_caps)
        coded_caps = gst_pad_get_current_caps(pad);
    g_ptr_array_add(coded, gst_buffer_copy_deep(buffer));
}

/* In each test's own process: threads do not survive a fork, and may have held locks. */
static void
encode_scene(void)
{
    g_autofree gchar *line = g_strdup_printf(
        "videotestsrc pattern=smpte100 num-buffers=%d ! "
        "video/x-raw,format=I420,width=320,height=240,framerate=%d/1 ! x264enc key-int-max=%d "
        "speed-preset=ultrafast threads=1 bframes=%u b-adapt=false ! "
        "video/x-h264,stream-format=avc "
        "! h264parse ! "
        "video/x-h264,stream-format=%s,alignment=au ! "
        "fakesink name=sink signal-handoffs=true sync=false",
        N_FRAMES, FPS, group, b_frames, formats[format]);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
    g_autoptr(GstElement) sink = NULL;
    g_autoptr(GstBus) bus = NULL;
    g_autoptr(GstMessage) message = NULL;

    fail_unless(pipeline && !error);
    coded = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_signal_connect(sink, "handoff", G_CALLBACK(keep_frame), NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    bus = gst_element_get_bus(pipeline);
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    fail_unless(coded->len == N_FRAMES);
}

static gboolean
answer(GstPad *pad, GstObject *parent, GstQuery *query)
{
    GstSample *sample;
    GstClockTime time;
    guint left;

    if (!gst_vigil_query_parse_probe(query, &time, &sample, &left))
        return gst_pad_query_default(pad, parent, query);
    n_questions++;
    n_left += left;
    if (sample) {
        GstVideoInfo info;

        n_probes++;
        fail_unless(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
        assert_equals_int(GST_VIDEO_INFO_WIDTH(&info), 320);
        assert_equals_uint64(GST_BUFFER_PTS(gst_sample_get_buffer(sample)),
                             time + GST_BUFFER_PTS(coded->pdata[0]));
    }
    gst_vigil_query_set_quiet(query, sample ? quiet_probe : quiet);
    return TRUE;
}

static GstPadProbeReturn
note_event(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    gst_vigil_event_parse_catch_up(GST_PAD_PROBE_INFO_EVENT(info), &catch_up_until);
    n_rests += gst_vigil_event_is_rest(GST_PAD_PROBE_INFO_EVENT(info));
    return GST_PAD_PROBE_OK;
}

static void
setup(void)
{
    GstSegment segment;

    encode_scene();
    h = gst_harness_new("vigilidle");
    gst_harness_set_live(h, FALSE);
    gst_pad_set_query_function(h->sinkpad, answer);
    gst_pad_add_probe(h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_event, NULL, NULL);
    gst_harness_set_src_caps(h, gst_caps_ref(coded_caps));
    /* the encoder's times begin late; stream time does not */
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_BUFFER_PTS(coded->pdata[0]);
    fail_unless(gst_harness_push_event(h, gst_event_new_segment(&segment)));
    quiet = FALSE;
    quiet_probe = TRUE;
    n_questions = n_probes = n_left = n_rests = 0;
    catch_up_until = GST_CLOCK_TIME_NONE;
}

static void
teardown(void)
{
    gst_harness_teardown(h);
    g_clear_pointer(&coded, g_ptr_array_unref);
    gst_clear_caps(&coded_caps);
}

static void
push(guint from, guint to)
{
    for (guint i = from; i < to; i++)
        assert_equals_int(gst_harness_push(h, gst_buffer_copy(coded->pdata[i])), GST_FLOW_OK);
}

/* The frames that have come out are these, in this order. */
static void
assert_came(guint from, guint to)
{
    for (guint i = from; i < to; i++) {
        GstBuffer *buffer = gst_harness_try_pull(h);

        fail_unless(buffer != NULL, "frame %u did not come", i);
        assert_equals_uint64(GST_BUFFER_DTS(buffer), GST_BUFFER_DTS(coded->pdata[i]));
        gst_buffer_unref(buffer);
    }
    fail_unless(gst_harness_try_pull(h) == NULL, "more came than %u", to);
}

static guint64
get_stat(const gchar *name)
{
    g_autoptr(GstStructure) stats = NULL;
    guint64 value;

    g_object_get(h->element, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, name, &value));
    return value;
}

GST_START_TEST(all_passes_while_something_moves)
{
    push(0, N_FRAMES);
    assert_came(0, N_FRAMES);
    assert_equals_int(n_questions, N_FRAMES / GROUP);
    assert_equals_uint64(get_stat("passed"), N_FRAMES);
    assert_equals_int(n_probes, 0);
}
GST_END_TEST

GST_START_TEST(without_vigilmotion_all_passes)
{
    gst_pad_set_query_function(h->sinkpad, gst_pad_query_default);
    push(0, N_FRAMES);
    assert_came(0, N_FRAMES);
}
GST_END_TEST

GST_START_TEST(asleep_keyframes_are_looked_at_and_nothing_comes)
{
    quiet = TRUE;
    push(0, 101);
    assert_came(0, 0);
    /* at 2, 4, 6, 8 and 10 s; the first keyframe was not looked at, the others were */
    assert_equals_int(n_probes, 5);
    assert_equals_int(n_left, 100 - 4);
    assert_equals_uint64(get_stat("left"), 100 - 4);
    assert_equals_uint64(get_stat("sleeps"), 1);
}
GST_END_TEST

/* Its parameter sets come once; who sees nothing but a later keyframe needs them. */
GST_START_TEST(byte_streams_are_slept_through)
{
    teardown();
    format = 1;
    setup();
    quiet = TRUE;
    push(0, 101);
    assert_came(0, 0);
    assert_equals_int(n_probes, 5);
}
GST_END_TEST

/* A decoder that has given all back gets what it needs to begin anew. It is told so after each quiet look. */
GST_START_TEST(after_a_rest_parameter_sets_come_again)
{
    GstBuffer *key;
    GstMapInfo map;

    teardown();
    format = 1;
    setup();
    quiet = TRUE;
    push(0, 20);
    assert_equals_int(n_rests, 0);
    push(20, 50);
    assert_equals_int(n_rests, 2);
    quiet_probe = FALSE;
    push(50, 61);
    key = gst_harness_pull(h);
    assert_equals_uint64(GST_BUFFER_DTS(key), GST_BUFFER_DTS(coded->pdata[40]));
    assert_equals_uint64(GST_BUFFER_PTS(key), GST_BUFFER_PTS(coded->pdata[40]));
    fail_if(GST_BUFFER_FLAG_IS_SET(key, GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless(gst_buffer_map(key, &map, GST_MAP_READ));
    assert_equals_int(map.data[4] & 31, 7);
    gst_buffer_unmap(key, &map);
    gst_buffer_unref(key);
    assert_came(41, 61);
    assert_equals_int(n_rests, 2);
}
GST_END_TEST

GST_START_TEST(a_keyframe_with_motion_brings_what_was_before_it)
{
    quiet = TRUE;
    push(0, 60);
    quiet = quiet_probe = FALSE;
    push(60, 70);
    assert_came(40, 70);
    assert_equals_uint64(get_stat("woken-by-probe"), 1);
    assert_equals_uint64(get_stat("caught-up"), 21);
    assert_equals_uint64(catch_up_until, 60 * FRAME);
    /* and on it goes, until it is quiet again */
    push(70, 90);
    assert_came(70, 90);
    quiet = quiet_probe = TRUE;
    push(90, N_FRAMES);
    assert_came(0, 0);
}
GST_END_TEST

/* So much larger than those before it. */
static GstBuffer *
swollen(guint i)
{
    const gsize size = gst_buffer_get_size(coded->pdata[i]);
    GstBuffer *buffer = gst_buffer_copy(coded->pdata[i]);
    GstMemory *more = gst_allocator_alloc(NULL, 3 * size + 2000, NULL);

    gst_buffer_append_memory(buffer, more);
    return buffer;
}

GST_START_TEST(a_large_frame_wakes_at_once)
{
    quiet = TRUE;
    push(0, 285);
    assert_came(0, 0);
    assert_equals_int(gst_harness_push(h, swollen(285)), GST_FLOW_OK);
    assert_came(280, 286);
    assert_equals_uint64(get_stat("woken-by-size"), 1);
    push(286, 290);
    assert_came(286, 290);
    /* it was nothing */
    push(290, 300);
    assert_came(0, 0);
    assert_equals_uint64(get_stat("false-sizes"), 1);
}
GST_END_TEST

GST_START_TEST(what_is_tracked_wakes)
{
    quiet = TRUE;
    push(0, 25);
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 1)));
    push(25, 27);
    assert_came(0, 0);
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(1, 0)));
    push(27, 40);
    assert_came(20, 40);
    assert_equals_uint64(get_stat("woken-by-track"), 1);
    /* not before that has gone, or rests */
    fail_unless(gst_harness_push_upstream_event(h, gst_vigil_event_new_tracks(0, 1)));
    push(40, 50);
    assert_came(0, 0);
}
GST_END_TEST

GST_START_TEST(what_cannot_be_held_is_sent)
{
    quiet = TRUE;
    g_object_set(h->element, "max-held-time", (gint64)(5 * FRAME), NULL);
    push(0, N_FRAMES);
    /* and it does not try again: the next group is as long */
    assert_came(0, N_FRAMES);
    assert_equals_uint64(get_stat("woken-by-limit"), 1);
}
GST_END_TEST

GST_START_TEST(bytes_are_bounded)
{
    quiet = TRUE;
    g_object_set(h->element, "max-held-bytes", (guint64)1, NULL);
    push(0, 2);
    assert_came(0, 2);
    assert_equals_uint64(get_stat("woken-by-limit"), 1);
    /* and it does not try again: the next group is as large */
    push(2, N_FRAMES);
    assert_came(2, N_FRAMES);
    assert_equals_uint64(get_stat("woken-by-limit"), 1);
}
GST_END_TEST

/* Through groups that are longer than one is to be blind it sleeps when it can tell by the sizes that something moves. */
GST_START_TEST(long_groups_are_slept_through_once_sizes_tell)
{
    teardown();
    group = 60;
    b_frames = 0;
    setup();
    quiet = TRUE;
    g_object_set(h->element, "max-blind-time", (gint64)(20 * FRAME), NULL);
    push(0, 230);
    /* those of two groups had to be seen; that they are known is found at the keyframe behind these */
    assert_came(0, 180);
    assert_equals_uint64(get_stat("woken-by-limit"), 1);
    assert_equals_uint64(get_stat("sleeps"), 2);
    assert_equals_int(gst_harness_push(h, swollen(230)), GST_FLOW_OK);
    assert_came(180, 231);
    assert_equals_uint64(get_stat("woken-by-size"), 1);
}
GST_END_TEST

GST_START_TEST(the_end_brings_what_is_held)
{
    quiet = TRUE;
    push(0, 35);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    assert_came(20, 35);
}
GST_END_TEST

GST_START_TEST(a_flush_lets_it_go)
{
    quiet = TRUE;
    push(0, 35);
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    assert_came(0, 0);
}
GST_END_TEST

GST_START_TEST(a_damaged_keyframe_wakes)
{
    GstBuffer *damaged = gst_buffer_copy_deep(coded->pdata[20]);

    quiet = TRUE;
    push(0, 20);
    gst_buffer_memset(damaged, 40, 0xff, gst_buffer_get_size(damaged) - 40);
    gst_buffer_resize(damaged, 0, 40);
    gst_harness_push(h, damaged);
    quiet_probe = quiet = FALSE;
    push(21, 30);
    fail_unless(gst_harness_buffers_in_queue(h) >= 9);
}
GST_END_TEST

static GstBuffer *
jpeg(guint i)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 100, NULL);

    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(coded->pdata[0]) + i * FRAME;
    return buffer;
}

GST_START_TEST(jpegs_come_now_and_then)
{
    gst_harness_set_src_caps_str(h, "image/jpeg, width=320, height=240, framerate=10/1");
    g_object_set(h->element, "look-interval", (gint64)(3 * FRAME), NULL);
    quiet = TRUE;
    for (guint i = 0; i < 31; i++)
        gst_harness_push(h, jpeg(i));
    assert_equals_int(gst_harness_buffers_in_queue(h), 11);
    /* the last twenty are not told yet */
    assert_equals_int(n_left, 20);
    quiet = FALSE;
    for (guint i = 31; i < 41; i++)
        gst_harness_push(h, jpeg(i));
    /* from the next look on all */
    assert_equals_int(gst_harness_buffers_in_queue(h), 11 + 8);
}
GST_END_TEST

static Suite *
vigilidle_suite(void)
{
    Suite *suite = suite_create("vigilidle");
    TCase *tcase = tcase_create("element");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, all_passes_while_something_moves);
    tcase_add_test(tcase, without_vigilmotion_all_passes);
    tcase_add_test(tcase, asleep_keyframes_are_looked_at_and_nothing_comes);
    tcase_add_test(tcase, byte_streams_are_slept_through);
    tcase_add_test(tcase, after_a_rest_parameter_sets_come_again);
    tcase_add_test(tcase, a_keyframe_with_motion_brings_what_was_before_it);
    tcase_add_test(tcase, a_large_frame_wakes_at_once);
    tcase_add_test(tcase, what_is_tracked_wakes);
    tcase_add_test(tcase, what_cannot_be_held_is_sent);
    tcase_add_test(tcase, bytes_are_bounded);
    tcase_add_test(tcase, long_groups_are_slept_through_once_sizes_tell);
    tcase_add_test(tcase, the_end_brings_what_is_held);
    tcase_add_test(tcase, a_flush_lets_it_go);
    tcase_add_test(tcase, a_damaged_keyframe_wakes);
    tcase_add_test(tcase, jpegs_come_now_and_then);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    Suite *suite;

    gst_check_init(&argc, &argv);
    suite = vigilidle_suite();
    return gst_check_run_suite(suite, "vigilidle", __FILE__);
}
