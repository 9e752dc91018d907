/* SPDX-License-Identifier: Apache-2.0 */
/* Clips with sound, from the recorder's pads to what a player hears. */
#include <gst/app/gstappsrc.h>

#include "tests/plugins/record-rig.h"
#include "tests/plugins/sound-test.h"

#define SOUND "appsrc name=sound format=time ! queue ! r.audio "
#define LIVE_SOUND "appsrc name=sound format=time is-live=true ! queue ! r.audio "
#define LIVE_VIDEO                                                                      \
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,"         \
    "framerate=10/1 ! x264enc speed-preset=ultrafast tune=zerolatency key-int-max=5 ! " \
    "h264parse ! " AVC "queue ! "

static GstAppSrc *
get_sound(Rig *rig, const SoundTake *sound)
{
    GstAppSrc *source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(rig->pipeline), "sound"));

    gst_app_src_set_caps(source, sound->caps);
    return source;
}

static void
push_sound(GstAppSrc *source, const SoundTake *sound, guint i, gint64 base_ns)
{
    const VigilRingFrame *frame = &g_array_index(sound->frames, VigilRingFrame, i);
    GstBuffer *buffer = gst_buffer_copy_deep(sound->buffers->pdata[i]);

    GST_BUFFER_PTS(buffer) = (GstClockTime)(MAX(frame->pts_ns, 0) + base_ns);
    fail_unless(gst_app_src_push_buffer(source, buffer) == GST_FLOW_OK);
}

/* Sound between these times of the stream, and its end. */
static void
push_all(Rig *rig, const SoundTake *sound, gint64 from_ns, gint64 to_ns)
{
    GstAppSrc *source = get_sound(rig, sound);

    for (guint i = 0; i < sound->buffers->len; i++) {
        const gint64 time_ns = g_array_index(sound->frames, VigilRingFrame, i).pts_ns;

        if (time_ns >= from_ns && time_ns < to_ns)
            push_sound(source, sound, i, 0);
    }
    gst_app_src_end_of_stream(source);
    gst_object_unref(source);
}

/* What a clip from @start_ms to @end_ms has: each frame of that time, once, at its time. @first, @n: (out): which */
static void
check_sound(const gchar *path, const SoundTake *sound, const gchar *media, gint64 start_ms,
            gint64 end_ms, guint *begin, guint *n)
{
    SoundView view = sound_view(path, media);
    const gint at = sound_find(sound, view.bytes, n);
    gint64 time_ns, late_ns;

    fail_unless(at >= 0, "%s: other bytes, or a frame is missing", path);
    time_ns = g_array_index(sound->frames, VigilRingFrame, at).pts_ns - start_ms * MS;
    late_ns = view.first_ns - time_ns;
    fail_unless(ABS(late_ns) <= MS, "%s is heard %.1f ms too late", media, (gdouble)late_ns / 1e6);
    fail_unless(time_ns >= 0 && time_ns < 100 * MS, "begins at %.1f ms", (gdouble)time_ns / 1e6);
    fail_unless(ABS(view.end_ns - (end_ms - start_ms) * MS) < 100 * MS, "%.1f of %d ms",
                (gdouble)view.end_ns / 1e6, (gint)(end_ms - start_ms));
    fail_unless(view.max_hole_ns <= MS);
    *begin = (guint)at;
    g_byte_array_unref(view.bytes);
}

/* All pictures of 3.0 to 10.5 s are there. The last frame of sound may last a little longer. */
static Found
check_pictures(Rig *rig)
{
    Found found = rig_find(rig, 1);
    ClipView seen;

    fail_unless(found.n == 1 && found.path && found.complete);
    assert_equals_int(found.start_ms, 3000);
    fail_unless(found.end_ms >= 10500 && found.end_ms <= 10700);
    seen = test_view_clip(found.path, FALSE);
    fail_unless(seen.n_errors == 0 && seen.first_is_key);
    assert_equals_int(seen.n_decoded, (found.end_ms - found.start_ms) / 100);
    assert_equals_uint64(seen.first_dts, 0);
    assert_equals_int((seen.end_pts - seen.first_pts) / MS, found.end_ms - found.start_ms);
    test_ffprobe_duration(found.path);
    return found;
}

/* From the keyframe on with which the pre-roll begins until the end. */
GST_START_TEST(clip_has_the_sound_of_its_time)
{
    static const Script script[] = {{1, B, 5500, 5600, 2000, 1500}, {1, E, 5500, 9000, 2000, 1500}};
    const SoundCodec *codec = &sound_codecs[__i__];
    SoundTake sound;
    GPtrArray *lines;
    Found found;
    guint begin, n;
    Rig rig;

    if (!test_have_element(codec->element))
        return;
    sound = sound_make(codec, 20);
    rig = rig_new(SOUND PLAIN, "");
    push_all(&rig, &sound, 0, G_MAXINT64);
    rig_play(&rig, script, G_N_ELEMENTS(script), 20000, 1000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    found = check_pictures(&rig);
    check_sound(found.path, &sound, codec->media, found.start_ms, found.end_ms, &begin, &n);
    assert_nothing_amiss(&rig);
    assert_equals_int(rig_stat(&rig, "audio-lost"), 0);
    assert_equals_int(rig_stat(&rig, "audio-dropped"), 0);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

/* An event that goes on in other clips: no frame of sound is missing between them. */
GST_START_TEST(parts_have_sound_without_a_gap)
{
    static const Script script[] = {{1, B, 1000, 1100, 1000, 1000},
                                    {1, E, 1000, 17000, 1000, 1000}};
    SoundTake sound;
    GPtrArray *lines;
    Rig rig;
    Found found;
    guint expected = 0, n_parts = 0;

    if (!test_have_element(sound_codecs[0].element))
        return;
    sound = sound_make(&sound_codecs[0], 20);
    rig = rig_new(SOUND PLAIN, "max-clip=5000000000");
    push_all(&rig, &sound, 0, G_MAXINT64);
    rig_play(&rig, script, G_N_ELEMENTS(script), 20000, 1000);
    lines = rig_wait(&rig);
    found = rig_find(&rig, 1);
    for (;; n_parts++) {
        g_autofree gchar *stem = g_strndup(found.path, strlen(found.path) - strlen(".mp4"));
        g_autofree gchar *path =
            n_parts ? g_strdup_printf("%s-p%u.mp4", stem, n_parts) : g_strdup(found.path);
        SoundView view;
        guint n;
        gint at;

        if (!g_file_test(path, G_FILE_TEST_EXISTS))
            break;
        view = sound_view(path, sound_codecs[0].media);
        at = sound_find(&sound, view.bytes, &n);
        fail_unless(at >= 0 && (guint)at <= expected && (n_parts == 0 || at > 0),
                    "part %u begins with frame %d, and %u was next", n_parts, at, expected);
        expected = (guint)at + n;
        g_byte_array_unref(view.bytes);
    }
    fail_unless(n_parts >= 4, "%u parts", n_parts);
    fail_unless(g_array_index(sound.frames, VigilRingFrame, expected).pts_ns >= 17900 * MS);
    assert_equals_int(rig_stat(&rig, "audio-lost"), 0);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

/* It ends, or begins, within the clip, or is not there at all: the pictures are all there. */
GST_START_TEST(sound_of_a_part_of_the_time)
{
    static const Script script[] = {{1, B, 5500, 5600, 2000, 1500}, {1, E, 5500, 9000, 2000, 1500}};
    static const gint64 times[][2] = {{0, 6000}, {6000, 20000}, {0, 0}, {0, 1000}};
    SoundTake sound;
    GPtrArray *lines;
    Found found;
    Rig rig;

    if (!test_have_element(sound_codecs[0].element))
        return;
    sound = sound_make(&sound_codecs[0], 20);
    rig = rig_new(SOUND PLAIN, "");
    push_all(&rig, &sound, times[__i__][0] * MS, times[__i__][1] * MS);
    rig_play(&rig, script, G_N_ELEMENTS(script), 20000, 1000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    found = check_pictures(&rig);
    g_free(found.path);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

/* A hole in it that is longer than what the muxer may hold of the pictures: what comes behind the hole tells that nothing is in it. */
GST_START_TEST(sound_with_a_long_hole)
{
    static const Script script[] = {{1, B, 2500, 2600, 500, 500}, {1, E, 2500, 18000, 500, 500}};
    SoundTake sound;
    GstAppSrc *source;
    GPtrArray *lines;
    SoundView view;
    Found found;
    Rig rig;

    if (!test_have_element(sound_codecs[0].element))
        return;
    sound = sound_make(&sound_codecs[0], 20);
    rig = rig_new(SOUND PLAIN, "max-lead=20000000000");
    source = get_sound(&rig, &sound);
    for (guint i = 0; i < sound.buffers->len; i++) {
        const gint64 time_ns = g_array_index(sound.frames, VigilRingFrame, i).pts_ns;

        if (time_ns < 3000 * MS || time_ns > 16000 * MS)
            push_sound(source, &sound, i, 0);
    }
    gst_app_src_end_of_stream(source);
    gst_object_unref(source);
    rig_play(&rig, script, G_N_ELEMENTS(script), 20000, 1000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    found = rig_find(&rig, 1);
    fail_unless(found.n == 1 && found.complete && found.end_ms >= 18500);
    view = sound_view(found.path, sound_codecs[0].media);
    fail_unless(view.n > 40 && view.max_step_ns > 12900 * MS && view.max_step_ns < 13200 * MS,
                "%u frames, a hole of %d ms", view.n, (gint)(view.max_step_ns / MS));
    assert_nothing_amiss(&rig);
    assert_equals_int(rig_stat(&rig, "audio-lost"), 0);
    g_byte_array_unref(view.bytes);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

static gint64
get_running_ns(Rig *rig)
{
    GstClock *clock = gst_element_get_clock(rig->pipeline);
    gint64 now_ns = 0;

    if (clock)
        now_ns = (gint64)(gst_clock_get_time(clock) - gst_element_get_base_time(rig->pipeline));
    gst_clear_object(&clock);
    return now_ns;
}

/* Live, it stops in the midst of an event without a word, and comes back: nothing waits for it. */
GST_START_TEST(live_sound_that_stops)
{
    static const Script begin = {1, B, 2000, 2100, 1000, 1000};
    static const Script end = {1, E, 2000, 9000, 1000, 1000};
    SoundTake sound;
    GstAppSrc *source;
    gint64 committed_ns = 0, now_ns = 0;
    gboolean begun = FALSE;
    GstMessage *message;
    GPtrArray *lines;
    ClipView seen;
    Found found;
    guint i = 0;
    Rig rig;

    if (!test_have_element(sound_codecs[0].element))
        return;
    sound = sound_make(&sound_codecs[0], 20);
    rig = rig_new(LIVE_SOUND LIVE_VIDEO, "");
    source = get_sound(&rig, &sound);
    for (; now_ns < 11000 * MS; g_usleep(20000)) {
        now_ns = get_running_ns(&rig);
        for (; g_array_index(sound.frames, VigilRingFrame, i).pts_ns < now_ns; i++)
            if (now_ns < 3500 * MS || now_ns > 8000 * MS)
                push_sound(source, &sound, i, 0);
        rig_push_gap(&rig, now_ns / MS);
        if (!begun && now_ns > 2100 * MS)
            rig_push(&rig, &begin);
        begun |= now_ns > 2100 * MS;
        while ((message = gst_bus_pop_filtered(rig.bus, GST_MESSAGE_ELEMENT))) {
            if (gst_message_has_name(message, "vigilrecord-event"))
                committed_ns = get_running_ns(&rig);
            gst_message_unref(message);
        }
    }
    fail_unless(committed_ns > 0 && committed_ns < 9000 * MS, "told at %d ms",
                (gint)(committed_ns / MS));
    rig_push(&rig, &end);
    gst_element_send_event(rig.pipeline, gst_event_new_eos());
    gst_pad_push_event(rig.events, gst_event_new_eos());
    lines = rig_wait(&rig);
    found = rig_find(&rig, 1);
    fail_unless(found.complete);
    seen = test_view_clip(found.path, FALSE);
    fail_unless(seen.n_errors == 0 && seen.max_step <= 400 * GST_MSECOND && seen.n_decoded > 60,
                "%u pictures, %d ms apart", seen.n_decoded, (gint)(seen.max_step / MS));
    {
        SoundView view = sound_view(found.path, sound_codecs[0].media);

        fail_unless(view.n > 20 && view.max_step_ns > 3000 * MS && view.end_ns > 6000 * MS,
                    "%u frames until %d ms, a hole of %d ms", view.n, (gint)(view.end_ns / MS),
                    (gint)(view.max_step_ns / MS));
        g_byte_array_unref(view.bytes);
    }
    test_ffprobe_duration(found.path);
    g_free(found.path);
    g_ptr_array_unref(lines);
    gst_object_unref(source);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

/* Live, it comes ever later: the clip does not stay open for as long as it takes. */
GST_START_TEST(live_sound_that_is_slow)
{
    static const Script begin = {1, B, 2000, 2100, 1000, 1000};
    static const Script end = {1, E, 2000, 5000, 1000, 1000};
    gint64 now_ns = 0, next_ns = 0;
    gboolean begun = FALSE, ended = FALSE;
    SoundTake sound;
    GstAppSrc *source;
    Found found;
    guint i = 0;
    Rig rig;

    if (!test_have_element(sound_codecs[0].element))
        return;
    sound = sound_make(&sound_codecs[0], 20);
    rig = rig_new(LIVE_SOUND LIVE_VIDEO, "");
    source = get_sound(&rig, &sound);
    for (; now_ns < 11500 * MS; g_usleep(20000)) {
        now_ns = get_running_ns(&rig);
        for (; g_array_index(sound.frames, VigilRingFrame, i).pts_ns < now_ns &&
               (now_ns < 3500 * MS || now_ns > next_ns);
             i++) {
            push_sound(source, &sound, i, 0);
            next_ns = now_ns + 600 * MS;
        }
        rig_push_gap(&rig, now_ns / MS);
        if (!begun && now_ns > 2100 * MS)
            rig_push(&rig, &begin);
        begun |= now_ns > 2100 * MS;
        if (!ended && now_ns > 5000 * MS)
            rig_push(&rig, &end);
        ended |= now_ns > 5000 * MS;
    }
    found = rig_find(&rig, 1);
    fail_unless(found.complete);
    gst_element_send_event(rig.pipeline, gst_event_new_eos());
    gst_pad_push_event(rig.events, gst_event_new_eos());
    g_ptr_array_unref(rig_wait(&rig));
    g_free(found.path);
    gst_object_unref(source);
    rig_free(&rig);
    sound_clear(&sound);
}
GST_END_TEST

/* It can be given back, and is not given any more when the ring is made. */
GST_START_TEST(pad_for_sound_is_asked_for_in_time)
{
    GstElement *record = gst_check_setup_element("vigilrecord");
    GstPad *pad = gst_element_request_pad_simple(record, "audio");
    g_autofree gchar *dir = NULL, *database = NULL;

    fail_unless(pad != NULL);
    gst_element_release_request_pad(record, pad);
    gst_object_unref(pad);
    pad = gst_element_request_pad_simple(record, "audio");
    fail_unless(pad != NULL);
    gst_element_release_request_pad(record, pad);
    gst_object_unref(pad);
    dir = test_make_dir();
    database = g_build_filename(dir, "events.db", NULL);
    g_object_set(record, "database", database, NULL);
    fail_unless(gst_element_set_state(record, GST_STATE_PAUSED) == GST_STATE_CHANGE_ASYNC);
    fail_unless(gst_element_request_pad_simple(record, "audio") == NULL);
    gst_element_set_state(record, GST_STATE_NULL);
    gst_check_teardown_element(record);
    test_remove_tree(dir);
}
GST_END_TEST

static Suite *
vigilrecord_audio_suite(void)
{
    Suite *suite = suite_create("vigilrecord-audio");
    TCase *tcase = tcase_create("vigilrecord-audio");

    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, pad_for_sound_is_asked_for_in_time);
    if (test_have_element("x264enc") && test_have_element("avdec_h264")) {
        tcase_add_loop_test(tcase, clip_has_the_sound_of_its_time, 0, G_N_ELEMENTS(sound_codecs));
        tcase_add_test(tcase, parts_have_sound_without_a_gap);
        tcase_add_loop_test(tcase, sound_of_a_part_of_the_time, 0, 4);
        tcase_add_test(tcase, sound_with_a_long_hole);
        tcase_add_test(tcase, live_sound_that_stops);
        tcase_add_test(tcase, live_sound_that_is_slow);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilrecord_audio)
