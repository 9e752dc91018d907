/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom in vigilrecord, and what it does when things go wrong. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/plugins/record-rig.h"

/* 60 s, 10 frames a second, a keyframe a second */
#define LONG SOURCE(600, 10) X264(10, "") AVC

static void
wait_for_stat(Rig *rig, const gchar *name, guint64 least)
{
    for (guint i = 0; i < 3000 && rig_stat(rig, name) < least; i++)
        g_usleep(10000);
    fail_unless(rig_stat(rig, name) >= least, "%s does not come to %d", name, (int)least);
}

/* --- waiting ------------------------------------------------------------------------------------------------- */

GST_START_TEST(video_does_not_outrun_the_analysis)
{
    const Script script[] = {{1, B, 1000, 2000, 1000, 1000}, {1, E, 1000, 3000, 1000, 1000}};
    Rig rig = rig_new(LONG, "max-lead=1000000000 ring-seconds=2");
    GPtrArray *lines;
    guint64 frames;

    rig_push_gap(&rig, 0);
    wait_for_stat(&rig, "frames-held", 1);
    /* 64 frames may always be ahead: a decoder may hold them back */
    wait_for_stat(&rig, "frames", 60);
    g_usleep(300000);
    frames = rig_stat(&rig, "frames");
    fail_unless(frames <= 70, "%d frames", (int)frames);
    rig_push_gap(&rig, 20000);
    wait_for_stat(&rig, "frames", 260);
    g_usleep(300000);
    frames = rig_stat(&rig, "frames");
    fail_unless(frames <= 270, "%d frames", (int)frames);
    rig_play(&rig, script, 2, 60000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    assert_equals_uint64(rig_stat(&rig, "frames"), 600);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* An analysis of 30 frames a second against a ring that would have gone on long before. */
GST_START_TEST(slow_analysis_loses_no_footage)
{
    const Script script[] = {{1, B, 6500, 7000, 2000, 1000}, {1, E, 6500, 9000, 2000, 1000}};
    Rig rig = rig_new(PLAIN, "ring-seconds=3");
    GPtrArray *lines;

    rig_play(&rig, script, 2, 20000, 10000);
    lines = rig_wait(&rig);
    assert_clip(&rig, 1, 4000, 10000, 10200);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* One source, a tee, a queue in each branch, and a decoder that holds frames back. */
GST_START_TEST(branches_of_a_tee_do_not_block_each_other)
{
    g_autofree gchar *dir = test_make_dir(), *line = NULL, *rules = NULL;
    GstElement *pipeline;
    GstBus *bus;
    GstMessage *message;
    GError *error = NULL;

    if (!test_have_element("x264enc") || !test_have_element("avdec_h264"))
        return;
    rules = test_write_file("rules: [{name: all}]\n");
    /* one frame a second: 16 frames in a decoder are 16 s */
    line = g_strdup_printf(
        SOURCE(200, 1) X264(10, "bframes=2") AVC
        "tee name=t t. ! queue ! avdec_h264 max-threads=16 ! vigilevents rules=%s ! "
        "r.events t. ! queue ! r.video vigilrecord name=r database=%s/events.db",
        rules, dir);
    pipeline = gst_parse_launch(line, &error);
    fail_unless(error == NULL, "%s", error ? error->message : "");
    bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    test_remove_file(g_steal_pointer(&rules));
    test_remove_tree(dir);
}
GST_END_TEST

static guint
get_ring_frames(Rig *rig)
{
    g_autoptr(GstStructure) stats = NULL;
    guint frames = 0;

    g_object_get(rig->record, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint(stats, "ring-frames", &frames));
    return frames;
}

GST_START_TEST(live_video_never_waits)
{
    const Script script[] = {{1, B, 500, 800, 400, 500}, {1, E, 500, 1500, 400, 500}};
    Rig rig = rig_new("videotestsrc is-live=true num-buffers=60 ! "
                      "video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! " X264(
                          10, "tune=zerolatency") AVC,
                      "max-lead=0");
    GPtrArray *lines;
    GstClockTime begin = gst_util_get_timestamp();

    /* no word from the analysis until all video has come */
    wait_for_stat(&rig, "frames", 60);
    fail_unless(gst_util_get_timestamp() - begin < 6 * GST_SECOND);
    assert_equals_uint64(rig_stat(&rig, "frames-held"), 0);
    rig_play(&rig, script, 2, 3000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* The ring reaches back from where the analysis is, and no further, however long it may be late. */
GST_START_TEST(ring_follows_the_analysis)
{
    Rig rig = rig_new("videotestsrc is-live=true num-buffers=200 ! "
                      "video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! " X264(
                          10, "tune=zerolatency") AVC,
                      "ring-seconds=1 ring-lag=30");
    guint64 n_gone = 0;

    /* not a word: all are kept */
    wait_for_stat(&rig, "frames", 60);
    fail_unless(get_ring_frames(&rig) >= 60);
    rig_push_gap(&rig, 2500);
    while (n_gone < 20 && rig_stat(&rig, "frames") < 200) {
        n_gone = rig_stat(&rig, "frames");
        n_gone -= MIN(n_gone, get_ring_frames(&rig));
        g_usleep(G_USEC_PER_SEC / 20);
    }
    /* what is before 1.5 s, but for a group of pictures */
    fail_unless(n_gone >= 20 && n_gone <= 31, "%d", (gint)n_gone);
    rig_play(&rig, NULL, 0, 10000, 0);
    g_ptr_array_unref(rig_wait(&rig));
    rig_free(&rig);
}
GST_END_TEST

/* Sent as vigilevents sends it: there is nothing to tell, and no event that begins later is recorded from before @wanted_ms. */
static void
push_nothing(Rig *rig, gint64 ms, gint64 wanted_ms)
{
    gst_pad_push_event(
        rig->events,
        gst_vigil_event_new_nothing((GstClockTime)(ms * MS), GST_CLOCK_TIME_NONE, wanted_ms * MS));
}

/* What no event can want any more is given up; what one wants that was told is not, though its clip is not begun. */
GST_START_TEST(ring_keeps_what_is_wanted)
{
    const Script begin = {1, B, 3000, 8000, 400, 500}, end = {1, E, 3000, 9000, 400, 500};
    Rig rig = rig_new("videotestsrc is-live=true num-buffers=200 ! "
                      "video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! " X264(
                          10, "tune=zerolatency") AVC,
                      "ring-seconds=30");
    guint64 n_gone = 0;
    Found found;

    push_nothing(&rig, 3000, 2600);
    while (n_gone < 10 && rig_stat(&rig, "frames") < 140) {
        n_gone = rig_stat(&rig, "frames");
        n_gone -= MIN(n_gone, get_ring_frames(&rig));
        g_usleep(G_USEC_PER_SEC / 20);
    }
    /* groups of pictures before 2.6 s; the first frame comes when the pipeline has started */
    fail_unless(n_gone >= 10 && n_gone <= 52, "%d", (gint)n_gone);
    /* the analysis is far ahead of the video */
    rig_push(&rig, &begin);
    push_nothing(&rig, 8050, 3500);
    wait_for_stat(&rig, "frames", 120);
    rig_push(&rig, &end);
    gst_pad_push_event(rig.events, gst_event_new_eos());
    g_ptr_array_unref(rig_wait(&rig));
    found = rig_find(&rig, 1);
    fail_unless(found.complete && found.start_ms > 2050 && found.start_ms <= 2600, "%d",
                (gint)found.start_ms);
    g_free(found.path);
    assert_nothing_amiss(&rig);
    rig_free(&rig);
}
GST_END_TEST

/* --- states -------------------------------------------------------------------------------------------------- */

GST_START_TEST(stop_in_the_middle_keeps_what_there_is)
{
    const Script script[] = {{1, B, 2000, 3000, 1000, 60000}, {2, B, 3000, 4000, 1000, 1000}};
    Rig rig = rig_new(LONG, "");
    GstClockTime begin;
    Found found;

    for (gint64 ms = 0; ms < 3000; ms += STEP_MS)
        rig_push_gap(&rig, ms);
    rig_push(&rig, &script[0]);
    rig_push_gap(&rig, 4000);
    rig_push(&rig, &script[1]);
    rig_push_gap(&rig, 10000);
    wait_for_stat(&rig, "frames", 150);
    begin = gst_util_get_timestamp();
    rig_stop(&rig);
    fail_unless(gst_util_get_timestamp() - begin < 5 * GST_SECOND);
    found = rig_find(&rig, 0);
    assert_equals_int(found.n, 2);
    assert_equals_int(found.n_clips, 2);
    /* what is open for ever would never be deleted */
    assert_equals_int(found.n_ended, 2);
    fail_unless(found.complete);
    assert_equals_int(found.start_ms, 1000);
    fail_unless(found.end_ms >= 9900);
    fail_unless(test_ffprobe_duration(found.path) != 0);
    g_free(found.path);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(nothing_set_is_an_error)
{
    GstElement *element = gst_check_setup_element("vigilrecord");
    GstBus *bus = gst_bus_new();

    gst_element_set_bus(element, bus);
    fail_unless(gst_element_set_state(element, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    g_object_set(element, "database", "/proc/no/such/events.db", NULL);
    fail_unless(gst_element_set_state(element, GST_STATE_READY) == GST_STATE_CHANGE_FAILURE);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_check_teardown_element(element);
}
GST_END_TEST

/* Who forgets the events is told that there will be no clips; the pipeline goes on. */
GST_START_TEST(video_alone_is_a_warning)
{
    static const GstMessageType expected[] = {GST_MESSAGE_WARNING, GST_MESSAGE_EOS};
    g_autofree gchar *dir = test_make_dir(), *line = NULL;
    GstElement *pipeline;
    GstBus *bus;

    if (!test_have_element("x264enc"))
        return;
    line =
        g_strdup_printf(SOURCE(20, 10) X264(10, "") AVC "vigilrecord database=%s/events.db", dir);
    pipeline = gst_parse_launch(line, NULL);
    bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        GstMessage *message = gst_bus_timed_pop_filtered(
            bus, 60 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_EOS | GST_MESSAGE_ERROR);

        fail_unless(message && GST_MESSAGE_TYPE(message) == expected[i]);
        gst_message_unref(message);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    test_remove_tree(dir);
}
GST_END_TEST

/* As every sink it is paused when it has data, and takes no more until it plays. */
GST_START_TEST(paused_with_the_first_frame)
{
    g_autofree gchar *dir = test_make_dir();
    g_autofree gchar *line =
        g_strdup_printf(PLAIN "r.video vigilrecord name=r database=%s/events.db", dir);
    GstElement *pipeline = gst_parse_launch(line, NULL), *record;
    GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
    GstMessage *message;
    GstStructure *stats;
    guint64 frames;

    record = gst_bin_get_by_name(GST_BIN(pipeline), "r");
    fail_unless(gst_element_set_state(pipeline, GST_STATE_PAUSED) == GST_STATE_CHANGE_ASYNC);
    fail_unless(gst_element_get_state(pipeline, NULL, NULL, 20 * GST_SECOND) ==
                GST_STATE_CHANGE_SUCCESS);
    g_usleep(100000);
    g_object_get(record, "stats", &stats, NULL);
    fail_unless(gst_structure_get_uint64(stats, "frames", &frames) && frames == 0);
    gst_structure_free(stats);
    /* nobody is at the pad for events: the video alone ends it */
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(record);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
    test_remove_tree(dir);
}
GST_END_TEST

/* --- a disk that fails ---------------------------------------------------------------------------------------- */

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;

    fail_unless(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    fail_unless(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

GST_START_TEST(failed_disk_is_an_error_and_the_next_start_opens_the_store_again)
{
    const Script script[] = {{1, B, 2000, 3000, 1000, 1000}, {1, E, 2000, 4000, 1000, 1000}};
    Rig rig = rig_new(PLAIN, ""), again;
    GstMessage *message;
    GPtrArray *lines;
    GError *error = NULL;

    signal(SIGXFSZ, SIG_IGN);
    limit_files(1);
    rig_play(&rig, script, 2, 20000, 0);
    message =
        gst_bus_timed_pop_filtered(rig.bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR);
    gst_message_parse_error(message, &error, NULL);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE), "%s",
                error->message);
    g_clear_error(&error);
    gst_message_unref(message);
    limit_files(RLIM_INFINITY);
    rig_stop(&rig);
    again = rig_in(rig.dir, PLAIN, "");
    rig_play(&again, script, 2, 20000, 0);
    lines = rig_wait(&again);
    assert_equals_int(lines->len, 2);
    assert_clip(&again, 1, 1000, 5000, 5200);
    g_ptr_array_unref(lines);
    rig_free(&again);
    rig_free(&rig);
}
GST_END_TEST

/* What came while it failed is in the store when it works again, with a clip from the ring. */
GST_START_TEST(live_events_outlast_a_disk_that_fails)
{
    const Script script[] = {{1, B, 500, 800, 400, 500}, {1, E, 500, 1500, 400, 500}};
    Rig rig = rig_new("videotestsrc is-live=true num-buffers=160 ! "
                      "video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! " X264(
                          10, "tune=zerolatency") AVC,
                      "");
    GPtrArray *lines;
    Found found;

    wait_for_stat(&rig, "frames", 20);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(1);
    rig_push(&rig, &script[0]);
    wait_for_stat(&rig, "clips-failed", 1);
    g_usleep(G_USEC_PER_SEC / 2); /* and the commit, which is counted nowhere */
    limit_files(RLIM_INFINITY);
    rig_push(&rig, &script[1]);
    wait_for_stat(&rig, "events-committed", 2);
    rig_play(&rig, NULL, 0, 4000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    assert_equals_uint64(rig_stat(&rig, "events-failed"), 0);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    found = rig_find(&rig, 1);
    assert_equals_int(found.n_ended, 1);
    fail_unless(found.complete);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- what changes in mid-stream ------------------------------------------------------------------------------ */

/* The clip ends where the picture's size changes; the next event has one of the new size. */
GST_START_TEST(another_resolution_ends_the_clip)
{
    const Script script[] = {{1, B, 3000, 4000, 1000, 10000},
                             {1, E, 3000, 6000, 1000, 10000},
                             {2, B, 11000, 12000, 5000, 1000},
                             {2, E, 11000, 13000, 5000, 1000}};
    Rig rig = rig_new(SOURCE(100, 10) X264(10, "") AVC
                      "c. videotestsrc num-buffers=100 timestamp-offset=10000000000 ! "
                      "video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! " X264(10, "")
                          AVC "c. concat name=c ! ",
                      "");
    GPtrArray *lines;
    Found found;

    rig_play(&rig, script, 4, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 4);
    found = rig_find(&rig, 1);
    fail_unless(found.complete);
    assert_equals_int(found.start_ms, 2000);
    assert_equals_int(found.end_ms, 10000);
    g_free(found.path);
    found = rig_find(&rig, 2);
    assert_equals_int(found.start_ms, 10000);
    g_free(found.path);
    assert_equals_uint64(rig_stat(&rig, "clips-cut"), 1);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 2);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* The camera's clock begins anew: what is recorded then is of the new time line. */
GST_START_TEST(times_that_jump_back)
{
    const Script before[] = {{1, B, 3000, 4000, 1000, 60000}};
    const Script after[] = {{1, E, 3000, 9000, 1000, 60000},
                            {2, B, 3000, 4000, 1000, 1000},
                            {2, E, 3000, 5000, 1000, 1000}};
    Rig rig = rig_new(SOURCE(100, 10) X264(10, "") AVC "c. " SOURCE(100, 10) X264(10, "") AVC
                      "c. concat name=c ! ",
                      "");
    GPtrArray *lines;
    Found found;

    for (gint64 ms = 0; ms < 10000; ms += STEP_MS) {
        if (ms == 4000)
            rig_push(&rig, &before[0]);
        rig_push_gap(&rig, ms);
    }
    wait_for_stat(&rig, "frames", 150);
    rig_push(&rig, &after[0]);
    rig_play(&rig, after + 1, 2, 10000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 4);
    assert_clip(&rig, 1, 2000, 10000, 10000);
    found = rig_find(&rig, 2);
    assert_equals_int(found.start_ms, 2000);
    /* 64 frames, here 6.4 s, may be ahead of the analysis when the end comes, so up to the last may be in it */
    fail_unless(found.complete && found.end_ms >= 6000 && found.end_ms < 10300,
                "complete %d, end %" G_GINT64_FORMAT " ms", found.complete, found.end_ms);
    assert_equals_uint64(rig_stat(&rig, "clips-cut"), 1);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(seek_begins_anew)
{
    const Script script[] = {{1, B, 24500, 25000, 1000, 1000}, {1, E, 24500, 27000, 1000, 1000}};
    Rig rig = rig_new(LONG, "");
    GstSegment segment;
    GPtrArray *lines;

    rig_push_gap(&rig, 5000);
    wait_for_stat(&rig, "frames-held", 1);
    /* the frame that waits lets go */
    fail_unless(
        gst_element_seek_simple(rig.record, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 20 * GST_SECOND));
    gst_pad_push_event(rig.events, gst_event_new_flush_start());
    gst_pad_push_event(rig.events, gst_event_new_flush_stop(TRUE));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(rig.events, gst_event_new_segment(&segment));
    for (gint64 ms = 20000; ms < 25000; ms += STEP_MS)
        rig_push_gap(&rig, ms);
    rig_push(&rig, &script[0]);
    rig_push_gap(&rig, 26000);
    rig_push(&rig, &script[1]);
    rig_push_gap(&rig, 60000);
    gst_pad_push_event(rig.events, gst_event_new_eos());
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    assert_clip(&rig, 1, 23000, 28000, 28200);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- no space ------------------------------------------------------------------------------------------------ */

static gboolean
fill(const gchar *path, gsize leave)
{
    FILE *file = fopen(path, "w");
    gchar block[4096] = {1};

    if (!file)
        return FALSE;
    setvbuf(file, NULL, _IONBF, 0);
    while (fwrite(block, sizeof block, 1, file) == 1)
        ;
    if (ftruncate(fileno(file), ftell(file) - (off_t)leave) != 0)
        leave = 0;
    fclose(file);
    return leave > 0;
}

GST_START_TEST(full_disk_stops_nothing)
{
    const Script script[] = {{1, B, 3000, 4000, 1000, 1000},
                             {1, E, 3000, 12000, 1000, 1000},
                             {2, B, 20000, 21000, 1000, 1000},
                             {2, E, 20000, 24000, 1000, 1000}};
    g_autofree gchar *dir = test_make_dir(), *filler = g_build_filename(dir, "filler", NULL);
    GPtrArray *lines;
    Found found;
    Rig rig;

    if (mount("tmpfs", dir, "tmpfs", 0, "size=12m") != 0) {
        g_printerr("SKIP: no tmpfs: %s\n", g_strerror(errno));
        test_remove_tree(dir);
        return;
    }
    rig = rig_in(dir,
                 "videotestsrc pattern=snow num-buffers=300 ! "
                 "video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! "
                 "x264enc speed-preset=ultrafast bitrate=2000 key-int-max=10 ! h264parse ! " AVC,
                 "");
    fail_unless(fill(filler, 700 * 1024));
    for (gint64 ms = 0; ms < 16000; ms += STEP_MS) {
        for (guint i = 0; i < 2; i++)
            if (script[i].time_ms == ms)
                rig_push(&rig, &script[i]);
        rig_push_gap(&rig, ms);
    }
    /* what there was room for is kept, and the event with it */
    wait_for_stat(&rig, "events-committed", 2);
    wait_for_stat(&rig, "clips-broken", 1);
    g_unlink(filler);
    rig_play(&rig, script + 2, 2, 30000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 4);
    assert_equals_uint64(rig_stat(&rig, "events-failed"), 0);
    assert_clip(&rig, 2, 19000, 25000, 25200);
    found = rig_find(&rig, 1);
    assert_equals_int(found.n_ended, 1);
    fail_unless(found.complete && found.end_ms < 13000 &&
                test_view_clip(found.path, FALSE).n_decoded > 0);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_stop(&rig);
    fail_unless(umount(dir) == 0);
    rig_free(&rig);
}
GST_END_TEST

static Suite *
vigilrecord_flow_suite(void)
{
    Suite *suite = suite_create("vigilrecord-flow");
    TCase *waiting = tcase_create("waiting"), *states = tcase_create("states");
    TCase *faults = tcase_create("faults");

    tcase_set_timeout(waiting, 120);
    tcase_add_test(waiting, video_does_not_outrun_the_analysis);
    tcase_add_test(waiting, slow_analysis_loses_no_footage);
    tcase_add_test(waiting, branches_of_a_tee_do_not_block_each_other);
    tcase_add_test(waiting, live_video_never_waits);
    tcase_add_test(waiting, ring_follows_the_analysis);
    tcase_add_test(waiting, ring_keeps_what_is_wanted);
    suite_add_tcase(suite, waiting);
    tcase_set_timeout(states, 120);
    tcase_add_test(states, stop_in_the_middle_keeps_what_there_is);
    tcase_add_test(states, nothing_set_is_an_error);
    tcase_add_test(states, video_alone_is_a_warning);
    tcase_add_test(states, paused_with_the_first_frame);
    suite_add_tcase(suite, states);
    tcase_set_timeout(faults, 120);
    tcase_add_test(faults, failed_disk_is_an_error_and_the_next_start_opens_the_store_again);
    tcase_add_test(faults, live_events_outlast_a_disk_that_fails);
    tcase_add_test(faults, another_resolution_ends_the_clip);
    tcase_add_test(faults, times_that_jump_back);
    tcase_add_test(faults, seek_begins_anew);
    tcase_add_test(faults, full_disk_stops_nothing);
    suite_add_tcase(suite, faults);
    return suite;
}

GST_CHECK_MAIN(vigilrecord_flow)
