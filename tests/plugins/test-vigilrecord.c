/* SPDX-License-Identifier: Apache-2.0 */
/* Which footage vigilrecord keeps, and what it says. */
#include <string.h>
#include <unistd.h>

#include "storage/vigil-clip-note.h"
#include "tests/plugins/record-rig.h"

/* --- which footage ------------------------------------------------------------------------------------------- */

GST_START_TEST(clip_reaches_from_before_until_after)
{
    /* pre reaches back to 4.5 s, where the keyframe before is at 4 s */
    const Script script[] = {{1, B, 6500, 7000, 2000, 3000}, {1, E, 6500, 9000, 2000, 3000}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;

    rig_play(&rig, script, 2, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    fail_unless(strstr(lines->pdata[0], "\"begin\"") && strstr(lines->pdata[0], ".mp4"));
    fail_unless(strstr(lines->pdata[1], "\"end\"") && strstr(lines->pdata[1], ".mp4"));
    assert_clip(&rig, 1, 4000, 12000, 12200);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    assert_equals_uint64(rig_stat(&rig, "events-committed"), 2);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(clip_is_clamped_to_the_stream)
{
    const Script script[] = {{1, B, 0, 0, 5000, 1000},
                             {1, E, 0, 1000, 5000, 1000},
                             {2, B, 18000, 18500, 1000, 30000},
                             {2, E, 18000, 19900, 1000, 30000}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;

    rig_play(&rig, script, 4, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 4);
    assert_clip(&rig, 1, 0, 2000, 2200);
    assert_clip(&rig, 2, 17000, 20000, 20000);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(event_that_is_open_at_the_end_of_the_stream)
{
    const Script script[] = {{1, B, 15000, 16000, 1000, 2000}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;
    Found found;

    rig_play(&rig, script, 1, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    fail_unless(strstr(lines->pdata[1], "\"end_reason\":\"stream\"") != NULL, "%s",
                (gchar *)lines->pdata[1]);
    assert_clip(&rig, 1, 14000, 20000, 20000);
    found = rig_find(&rig, 1);
    assert_equals_int(found.n_ended, 1);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- which events share it ----------------------------------------------------------------------------------- */

GST_START_TEST(overlapping_events_share_a_clip)
{
    const Script script[] = {{1, B, 5000, 5500, 2000, 1000},
                             {2, B, 7000, 7500, 2000, 2000},
                             {1, E, 5000, 8000, 2000, 1000},
                             {2, U, 7000, 9000, 2000, 2000},
                             {2, E, 7000, 11000, 2000, 2000}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;
    Found all;

    rig_play(&rig, script, 5, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 5);
    assert_clip(&rig, 1, 3000, 13000, 13200);
    assert_clip(&rig, 2, 3000, 13000, 13200);
    all = rig_find(&rig, 0);
    assert_equals_int(all.n, 2);
    assert_equals_int(all.n_ended, 2);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    assert_nothing_amiss(&rig);
    g_free(all.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(event_that_needs_more_has_its_own_clip)
{
    /* the second one wants 6 s before, which the first clip does not show; the third comes in a post-roll */
    const Script script[] = {{1, B, 5000, 5500, 1000, 4000},   {2, B, 7000, 7500, 6000, 1000},
                             {1, E, 5000, 8000, 1000, 4000},   {2, E, 7000, 8500, 6000, 1000},
                             {3, B, 10000, 10500, 1000, 1000}, {3, E, 10000, 11000, 1000, 1000}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;

    rig_play(&rig, script, 6, 20000, 0);
    lines = rig_wait(&rig);
    assert_clip(&rig, 1, 4000, 12000, 12200);
    assert_clip(&rig, 2, 1000, 9500, 9700);
    assert_clip(&rig, 3, 9000, 12000, 12200);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 3);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* A begin and an end every 3 s, with pre- and post-rolls that overlap. */
static void
make_six(Script *script)
{
    for (guint i = 0; i < 6; i++) {
        script[2 * i] = (Script){i + 1, B, 1000 + i * 3000, 1500 + i * 3000, 1500, 1500};
        script[2 * i + 1] = (Script){i + 1, E, 1000 + i * 3000, 2500 + i * 3000, 1500, 1500};
    }
}

GST_START_TEST(six_events_one_after_the_other)
{
    Script script[12];
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;

    make_six(script);
    rig_play(&rig, script, 12, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 12);
    for (gint i = 0; i < 6; i++) {
        const gint pre = MAX(1000 + i * 3000 - 1500, 0) / 1000 * 1000;

        assert_clip(&rig, (guint)i + 1, pre, 4000 + i * 3000, 4200 + i * 3000);
    }
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(same_file_again)
{
    Script script[12];
    Rig rig = rig_new(PLAIN, ""), again;
    GPtrArray *before, *after;
    Found all;

    make_six(script);
    rig_play(&rig, script, 12, 20000, 0);
    before = rig_wait(&rig);
    rig_stop(&rig);
    again = rig_in(rig.dir, PLAIN, "");
    rig_play(&again, script, 12, 20000, 0);
    after = rig_wait(&again);
    assert_equals_int(after->len, 12);
    for (guint i = 0; i < 12; i++)
        assert_equals_string(before->pdata[i], after->pdata[i]);
    assert_equals_uint64(rig_stat(&again, "events-known"), 12);
    assert_equals_uint64(rig_stat(&again, "clips-complete"), 0);
    all = rig_find(&again, 0);
    assert_equals_int(all.n, 6);
    assert_equals_int(all.n_clips, 6);
    g_free(all.path);
    g_ptr_array_unref(before);
    g_ptr_array_unref(after);
    rig_stop(&again);
    rig_free(&again);
    rig_free(&rig);
}
GST_END_TEST

GST_START_TEST(event_that_wants_no_clip)
{
    const Script script[] = {{1, B, 5000, 5500, 1000, 1000, TRUE},
                             {1, E, 5000, 8000, 1000, 1000, TRUE}};
    Rig rig = rig_new(PLAIN, "");
    GPtrArray *lines;
    Found found;

    rig_play(&rig, script, 2, 20000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    found = rig_find(&rig, 1);
    assert_equals_int(found.n_ended, 1);
    assert_equals_int(found.n_clips, 0);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* What a clip says of itself. */
typedef struct {
    guint n_first, n_part, n_end;
    gint64 start_ms, end_ms;
} Said;

static gboolean
on_note(const VigilClipNote *note, gpointer user_data)
{
    Said *said = user_data;

    if (note->kind == VIGIL_CLIP_NOTE_CLOSED) {
        said->start_ms = note->info.start_ns / MS;
        said->end_ms = note->info.end_ns / MS;
    } else {
        said->n_first += note->part == 0;
        said->n_part += note->part > 0;
        said->n_end += note->event->type == VIGIL_EVENT_END;
    }
    return TRUE;
}

/* Clip @number of the event 1; @view: (nullable) */
static Said
read_part(Rig *rig, guint number, ClipView *view)
{
    g_autoptr(VigilStore) store = vigil_store_open_reader(rig->database, rig->clips, NULL);
    const gint fd = vigil_store_open_clip(store, "00000000000000000000000001", number, NULL);
    g_autofree gchar *path = g_strdup_printf("/proc/self/fd/%d", fd);
    Said said = {0};
    VigilClipScan scan;

    fail_unless(fd >= 0, "clip %u", number);
    assert_equals_int(vigil_clip_notes_read(fd, on_note, &said, &scan), 0);
    fail_unless(scan.complete && scan.n_damaged == 0);
    if (view) {
        *view = test_view_clip(path, rig->h265);
        assert_equals_int(view->n_errors, 0);
        fail_unless(view->first_is_key);
        assert_equals_uint64(view->first_dts, 0);
        assert_equals_int(view->n_decoded, view->n_samples);
    }
    close(fd);
    return said;
}

static void
assert_store_is_fine(Rig *rig)
{
    g_autoptr(VigilStore) store = vigil_store_open_reader(rig->database, rig->clips, NULL);
    guint n_left;

    fail_unless(vigil_store_fsck(store, FALSE, NULL, NULL, &n_left, NULL));
    assert_equals_int(n_left, 0);
}

GST_START_TEST(event_goes_on_in_further_clips)
{
    const Script script[] = {{1, B, 2000, 2500, 1000, 1000}, {1, E, 2000, 18000, 1000, 1000}};
    Rig rig = rig_new(PLAIN, "max-clip=5000000000");
    GPtrArray *lines;
    Found found;

    rig_play(&rig, script, 2, 20000, 2000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    found = rig_find(&rig, 1);
    assert_equals_int(found.n_ended, 1);
    fail_unless(strstr(lines->pdata[1], "/00000000000000000000000001.mp4\"") != NULL, "%s",
                (gchar *)lines->pdata[1]);
    for (guint i = 0; i < 4; i++) {
        ClipView view;
        const Said said = read_part(&rig, i, &view);

        /* each begins with the last picture of the one before, a keyframe */
        assert_equals_int(said.start_ms, 1000 + 5000 * i);
        assert_equals_int(said.end_ms, i == 3 ? 19100 : said.start_ms + 5100);
        assert_equals_int(view.n_samples, i == 3 ? 31 : 51);
        fail_unless(i == 0 ? said.n_first >= 1 : said.n_first == 0);
        fail_unless(i == 0 ? said.n_part == 0 : said.n_part >= 1);
        /* also in those before, when it was known by then */
        fail_unless(i < 3 || said.n_end >= 1);
    }
    assert_equals_uint64(rig_stat(&rig, "clips-continued"), 3);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 4);
    assert_nothing_amiss(&rig);
    assert_store_is_fine(&rig);
    g_free(found.path);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* Groups of pictures longer than half a clip, and pictures out of order: nothing is missing between two clips. */
GST_START_TEST(parts_leave_nothing_out)
{
    const Script script[] = {{1, B, 2000, 2500, 1000, 1000},
                             {2, B, 3000, 3500, 1000, 4000},
                             {2, E, 3000, 5500, 1000, 4000}, /* its post-roll crosses the limit */
                             {1, E, 2000, 15000, 1000, 3000}};
    Rig rig = rig_new(SOURCE(200, 10) X264(27, "bframes=2 b-adapt=false") AVC,
                      "max-clip=5000000000 ring-seconds=4");
    GPtrArray *lines;
    gint64 reached_ms = 1000;

    rig_play(&rig, script, 4, 20000, 2000);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 4);
    for (guint i = 0; i < 4; i++) {
        ClipView view;
        const Said said = read_part(&rig, i, &view);

        fail_unless(said.start_ms <= reached_ms, "clip %u begins at %d, %d was reached", i,
                    (int)said.start_ms, (int)reached_ms);
        fail_unless(view.max_step <= 100 * GST_MSECOND);
        reached_ms = said.end_ms;
        fail_unless(i != 0 || said.n_first >= 3); /* two begins and an end */
        fail_unless(i != 1 || said.n_part >= 2);
        fail_unless(i < 3 || said.n_end >= 1);
    }
    fail_unless(reached_ms >= 18000, "%d", (int)reached_ms);
    assert_nothing_amiss(&rig);
    assert_store_is_fine(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* An analysis that comes later says that the event had ended before. */
GST_START_TEST(event_that_ended_in_time_does_not_go_on)
{
    const Script script[] = {{1, B, 2000, 2500, 1000, 1000}, {1, E, 2000, 4900, 1000, 1000}};
    Rig rig = rig_new(PLAIN, "max-clip=5000000000");
    GPtrArray *lines;

    rig_play(&rig, script, 2, 20000, 5000);
    lines = rig_wait(&rig);
    assert_equals_uint64(rig_stat(&rig, "clips-continued"), 0);
    assert_equals_uint64(rig_stat(&rig, "clips-complete"), 1);
    assert_clip(&rig, 1, 1000, 5900, 6100);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

/* --- which streams ------------------------------------------------------------------------------------------- */

typedef struct {
    const gchar *video, *needs;
    gint64 start_ms, min_end_ms, max_end_ms;
    gboolean h265;
} Format;

#define PACED(n, gop, more, caps) SOURCE(n, 10) X264(gop, more) caps
#define BYTES "video/x-h264,stream-format=byte-stream,alignment=au ! "
#define X265(caps)                                                 \
    SOURCE(120, 10)                                                \
    "x265enc speed-preset=ultrafast key-int-max=10 ! h265parse ! " \
    "video/x-h265,stream-format=" caps ",alignment=au ! "

static const Format formats[] = {
    {PACED(120, 10, "bframes=2 b-adapt=false", AVC), "x264enc", 4000, 9000, 9400, FALSE},
    {PACED(120, 10, "", BYTES), "x264enc", 4000, 9000, 9200, FALSE},
    {PACED(120, 10, "bframes=2 b-adapt=false", BYTES), "x264enc", 4000, 9000, 9400, FALSE},
    {PACED(120, 100, "", AVC), "x264enc", 0, 9000, 9200, FALSE},
    {X265("hvc1"), "x265enc", 4000, 9000, 9600, TRUE},
    {X265("byte-stream"), "x265enc", 4000, 9000, 9600, TRUE},
};

GST_START_TEST(formats_and_reordering)
{
    const Format *format = &formats[__i__];
    const Script script[] = {{1, B, 6500, 7000, 2000, 1000}, {1, E, 6500, 8000, 2000, 1000}};
    GPtrArray *lines;
    Rig rig;

    if (!test_have_element(format->needs))
        return;
    rig = rig_new(format->video, "");
    rig_play(&rig, script, 2, 12000, 0);
    lines = rig_wait(&rig);
    assert_equals_int(lines->len, 2);
    rig.h265 = format->h265;
    assert_clip(&rig, 1, format->start_ms, format->min_end_ms, format->max_end_ms);
    assert_nothing_amiss(&rig);
    g_ptr_array_unref(lines);
    rig_free(&rig);
}
GST_END_TEST

static Suite *
vigilrecord_suite(void)
{
    Suite *suite = suite_create("vigilrecord");
    TCase *footage = tcase_create("footage"), *sharing = tcase_create("sharing");
    TCase *streams = tcase_create("streams");

    tcase_set_timeout(footage, 120);
    tcase_add_test(footage, clip_reaches_from_before_until_after);
    tcase_add_test(footage, clip_is_clamped_to_the_stream);
    tcase_add_test(footage, event_that_is_open_at_the_end_of_the_stream);
    suite_add_tcase(suite, footage);
    tcase_set_timeout(sharing, 120);
    tcase_add_test(sharing, overlapping_events_share_a_clip);
    tcase_add_test(sharing, event_that_needs_more_has_its_own_clip);
    tcase_add_test(sharing, six_events_one_after_the_other);
    tcase_add_test(sharing, same_file_again);
    tcase_add_test(sharing, event_that_wants_no_clip);
    tcase_add_test(sharing, event_goes_on_in_further_clips);
    tcase_add_test(sharing, parts_leave_nothing_out);
    tcase_add_test(sharing, event_that_ended_in_time_does_not_go_on);
    suite_add_tcase(suite, sharing);
    tcase_set_timeout(streams, 120);
    tcase_add_loop_test(streams, formats_and_reordering, 0, G_N_ELEMENTS(formats));
    suite_add_tcase(suite, streams);
    return suite;
}

GST_CHECK_MAIN(vigilrecord)
