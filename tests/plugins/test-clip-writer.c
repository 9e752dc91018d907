/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "plugins/record/vigil-clip-writer.h"
#include "storage/vigil-clip-note.h"
#include "tests/plugins/record-test.h"
#include "tests/support/vigil-test-size.h"

#define N_FRAMES 100

/* Encoded frames, and what became of them. */
typedef struct {
    GstCaps *caps;
    GPtrArray *buffers;
    GArray *frames; /* of VigilRingFrame */
    GByteArray *file;
    guint fail_after; /* calls of the write function; 0: never */
    guint n_writes;
} Take;

static VigilRingFrame
describe(const GstSegment *segment, GstBuffer *buffer)
{
    VigilRingFrame frame = {.duration_ns = (gint64)GST_BUFFER_DURATION(buffer),
                            .dts_ns = VIGIL_RING_TIME_NONE};
    guint64 time;
    gint sign;

    frame.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    frame.size = gst_buffer_get_size(buffer);
    sign = gst_segment_to_stream_time_full(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &time);
    frame.pts_ns = sign * (gint64)time;
    if (GST_BUFFER_DTS_IS_VALID(buffer)) {
        sign = gst_segment_to_stream_time_full(segment, GST_FORMAT_TIME, GST_BUFFER_DTS(buffer),
                                               &time);
        frame.dts_ns = sign * (gint64)time;
    }
    return frame;
}

/* 10 s, 10 frames a second */
static Take
encode(const gchar *encoder, const gchar *caps)
{
    Take take = {.buffers = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref),
                 .frames = g_array_new(FALSE, FALSE, sizeof(VigilRingFrame)),
                 .file = g_byte_array_new()};
    g_autofree gchar *line =
        g_strdup_printf("videotestsrc num-buffers=%d ! "
                        "video/x-raw,format=I420,width=160,height=120,framerate=10/1 ! %s "
                        "! %s ! appsink name=sink sync=false",
                        N_FRAMES, encoder, caps);
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;
    GstSample *sample;

    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        const VigilRingFrame frame = describe(gst_sample_get_segment(sample), buffer);

        gst_caps_replace(&take.caps, gst_sample_get_caps(sample));
        g_array_append_val(take.frames, frame);
        g_ptr_array_add(take.buffers, gst_buffer_copy_deep(buffer));
        gst_sample_unref(sample);
    }
    assert_equals_int(take.buffers->len, N_FRAMES);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return take;
}

static void
take_clear(Take *take)
{
    gst_caps_unref(take->caps);
    g_ptr_array_unref(take->buffers);
    g_array_unref(take->frames);
    g_byte_array_unref(take->file);
}

static gboolean
on_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    Take *take = user_data;

    if (++take->n_writes == take->fail_after) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "full");
        return FALSE;
    }
    g_byte_array_append(take->file, data, (guint)length);
    return TRUE;
}

static void
on_wake(gpointer user_data)
{
}

/* From frame @from on. Returns: whether all was written. */
static gboolean
write_take(Take *take, guint from, VigilClipWriterFlags flags, VigilClipWriterInfo *info,
           GError **error)
{
    g_autoptr(VigilClipWriter) writer =
        vigil_clip_writer_new(take->caps, flags, on_bytes, on_wake, take, error);
    gboolean ok = TRUE;

    fail_unless(writer != NULL);
    for (guint i = from; ok && i < take->buffers->len; i++)
        ok = vigil_clip_writer_push(writer, &g_array_index(take->frames, VigilRingFrame, i),
                                    gst_buffer_copy_deep(take->buffers->pdata[i]), error) &&
             vigil_clip_writer_pump(writer, error);
    ok = ok && vigil_clip_writer_finish(writer, error);
    *info = vigil_clip_writer_get_info(writer);
    return ok;
}

static gchar *
save(const Take *take, gsize length)
{
    gchar *path = NULL;
    const gint fd = g_file_open_tmp("vigil-clip-XXXXXX.mp4", &path, NULL);

    fail_unless(fd >= 0);
    g_close(fd, NULL);
    fail_unless(g_file_set_contents(path, (const gchar *)take->file->data, (gssize)length, NULL));
    return path;
}

/* Returns: fragments that lie whole within the first @length bytes; @first_end: where the first one ends. */
static guint
whole_fragments(const Take *take, gsize length, gsize *first_end)
{
    gsize offset = 0;
    guint n = 0;

    while (offset + 8 <= length) {
        const guint8 *box = take->file->data + offset;

        offset += (gsize)box[0] << 24 | box[1] << 16 | box[2] << 8 | box[3];
        if (memcmp(box + 4, "mdat", 4) == 0 && offset <= length && n++ == 0)
            *first_end = offset;
    }
    return n;
}

#define X264 "x264enc speed-preset=ultrafast bitrate=200 key-int-max=10 "
#define BYTE_STREAM "h264parse ! video/x-h264,stream-format=byte-stream,alignment=au"
#define AVC "h264parse ! video/x-h264,stream-format=avc,alignment=au"

GST_START_TEST(file_begins_at_0_and_lasts_as_long_as_its_frames)
{
    Take take = encode(X264, AVC);
    VigilClipWriterInfo info;
    ClipView view;
    gchar *path;

    fail_unless(write_take(&take, 30, 0, &info, NULL));
    assert_equals_int64(info.start_ns, 3 * GST_SECOND);
    assert_equals_int64(info.end_ns, 10 * GST_SECOND);
    assert_equals_int(info.n_frames, 70);
    assert_equals_int(info.n_fragments, 7);
    assert_equals_int(info.bytes, take.file->len);
    path = save(&take, take.file->len);
    view = test_view_clip(path, FALSE);
    assert_equals_int(view.n_samples, 70);
    assert_equals_int(view.n_decoded, 70);
    assert_equals_uint64(view.first_pts, 0);
    assert_equals_uint64(view.end_pts, 7 * GST_SECOND);
    fail_unless(view.first_is_key && view.n_errors == 0);
    test_remove_file(path);
    take_clear(&take);
}
GST_END_TEST

/* Decoding times that are missing are worked out. */
GST_START_TEST(reordered_pictures_without_decoding_times)
{
    static const gchar *const forms[] = {AVC, BYTE_STREAM};
    Take take = encode(X264 "bframes=2 b-adapt=false", forms[__i__]);
    VigilClipWriterInfo info;
    ClipView view;
    gchar *path;

    for (guint i = 0; i < take.frames->len; i++)
        g_array_index(take.frames, VigilRingFrame, i).dts_ns = VIGIL_RING_TIME_NONE;
    fail_unless(write_take(&take, 0, VIGIL_CLIP_WRITER_REORDERS, &info, NULL));
    path = save(&take, take.file->len);
    view = test_view_clip(path, FALSE);
    assert_equals_int(view.n_decoded, N_FRAMES);
    assert_equals_uint64(view.max_step, GST_SECOND / 10);
    fail_unless(ABS(test_ffprobe_duration(path) - 10.0) < 0.001 ||
                !g_find_program_in_path("ffprobe"));
    test_remove_file(path);
    take_clear(&take);
}
GST_END_TEST

GST_START_TEST(file_that_is_cut_off_anywhere_can_be_played)
{
    Take take = encode(X264, AVC);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    VigilClipWriterInfo info;
    const guint n_cuts = vigil_test_size(60, 1000);
    gsize first_end = 0;

    fail_unless(write_take(&take, 0, 0, &info, NULL));
    assert_equals_int(whole_fragments(&take, take.file->len, &first_end), 10);
    for (guint i = 0; i < n_cuts; i++) {
        const gsize length =
            (gsize)g_rand_int_range(rand, (gint32)first_end, (gint32)take.file->len + 1);
        const guint n = whole_fragments(&take, length, &first_end);
        gchar *path = save(&take, length);
        ClipView view = {0};

        test_view_pipeline(path, "h264parse ! avdec_h264 max-threads=1", test_view_pictures, &view);
        fail_unless(view.n_decoded >= 10 * n && view.n_decoded <= 10 * (n + 1),
                    "cut at %d of %d: %d pictures of %d fragments", (int)length,
                    (int)take.file->len, (int)view.n_decoded, (int)n);
        test_remove_file(path);
    }
    vigil_test_figure(
        "%u clips cut off at random: all playable, 0 lost more than their last fragment", n_cuts);
    take_clear(&take);
}
GST_END_TEST

GST_START_TEST(error_of_a_write_is_told_once)
{
    Take take = encode(X264, AVC);
    VigilClipWriterInfo info;
    guint n_writes;

    fail_unless(write_take(&take, 0, 0, &info, NULL));
    n_writes = take.n_writes;
    for (guint i = 1; i <= n_writes; i += 3) {
        g_autoptr(GError) error = NULL;

        take.n_writes = 0;
        take.fail_after = i;
        fail_if(write_take(&take, 0, 0, &info, &error));
        fail_unless(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC));
        assert_equals_int(take.n_writes, i);
    }
    take_clear(&take);
}
GST_END_TEST

/* Frames of a file against those that were put in: the same bytes, and each one a keyframe. */
static void
compare_frames(GstAppSink *sink, ClipView *view)
{
    const Take *take = view->user_data;
    GstSample *sample;

    while ((sample = gst_app_sink_pull_sample(sink))) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        GstBuffer *original = take->buffers->pdata[MIN(view->n_samples, N_FRAMES - 1)];
        GstMapInfo map;

        fail_if(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
        fail_unless(gst_buffer_map(original, &map, GST_MAP_READ));
        assert_equals_int(gst_buffer_get_size(buffer), map.size);
        assert_equals_int(gst_buffer_memcmp(buffer, 0, map.data, map.size), 0);
        gst_buffer_unmap(original, &map);
        assert_equals_uint64(GST_BUFFER_PTS(buffer), view->n_samples * GST_SECOND / 10);
        view->n_samples++;
        gst_sample_unref(sample);
    }
}

/* Also when the camera's caps do not say how large its frames are. */
GST_START_TEST(motion_jpeg_is_written_as_it_comes)
{
    static const gchar *const caps[] = {"image/jpeg", "image/jpeg,width=160,height=120"};
    Take take = encode("jpegenc", "image/jpeg");
    VigilClipWriterInfo info;
    ClipView view = {.user_data = &take};
    gdouble duration;
    gchar *path;

    gst_caps_take(&take.caps, gst_caps_from_string(caps[__i__]));
    fail_unless(write_take(&take, 0, 0, &info, NULL));
    assert_equals_int(info.n_frames, N_FRAMES);
    assert_equals_int(info.n_fragments, 10);
    path = save(&take, take.file->len);
    test_view_pipeline(path, "image/jpeg", compare_frames, &view);
    assert_equals_int(view.n_samples, N_FRAMES);
    duration = test_ffprobe_duration(path);
    /* GStreamer's parser, which finds the size, forgets how long the last frame is shown */
    fail_unless(duration < 0 || ABS(duration - 10.0) < (__i__ == 0 ? 0.101 : 0.001), "%.3f s",
                duration);
    test_remove_file(path);
    take_clear(&take);
}
GST_END_TEST

/* Encoded while it is written: each picture, at its time; what waits for the encoder is bounded. */
GST_START_TEST(motion_jpeg_becomes_h264)
{
    Take take = encode("jpegenc", "image/jpeg");
    VigilClipWriterInfo info;
    ClipView view;
    gchar *path;

    gst_caps_take(&take.caps, gst_caps_from_string("image/jpeg,width=160,height=120"));
    fail_unless(write_take(&take, 20, VIGIL_CLIP_WRITER_ENCODE, &info, NULL));
    assert_equals_int(info.n_frames, 80);
    assert_equals_int(info.n_fragments, 8);
    path = save(&take, take.file->len);
    view = test_view_clip(path, FALSE);
    assert_equals_int(view.n_samples, 80);
    assert_equals_int(view.n_decoded, 80);
    assert_equals_uint64(view.first_pts, 0);
    /* how long the last one is shown is lost on the way */
    fail_unless(view.end_pts >= 7900 * GST_MSECOND && view.end_pts <= 8 * GST_SECOND);
    assert_equals_uint64(view.max_step, GST_SECOND / 10);
    fail_unless(view.first_is_key && view.n_errors == 0);
    test_remove_file(path);
    take_clear(&take);
}
GST_END_TEST

static void
count_wakes(gpointer user_data)
{
    g_atomic_int_inc((gint *)user_data);
}

static gboolean
forget_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    return TRUE;
}

GST_START_TEST(writer_that_encodes_says_when_it_is_full)
{
    Take take = encode("jpegenc", "image/jpeg");
    gint wakes = 0;
    g_autoptr(VigilClipWriter) writer = NULL;
    guint n = 0;

    gst_caps_take(&take.caps, gst_caps_from_string("image/jpeg,width=160,height=120"));
    writer = vigil_clip_writer_new(take.caps, VIGIL_CLIP_WRITER_ENCODE, forget_bytes, count_wakes,
                                   &wakes, NULL);
    fail_unless(writer && !vigil_clip_writer_is_full(writer));
    assert_equals_string(vigil_clip_writer_get_codec(writer), "h264");
    /* faster than it can be encoded */
    while (!vigil_clip_writer_is_full(writer) && ++n < 100000) {
        VigilRingFrame frame = g_array_index(take.frames, VigilRingFrame, 0);

        frame.pts_ns = n * GST_SECOND / 30;
        fail_unless(vigil_clip_writer_push(writer, &frame,
                                           gst_buffer_copy_deep(take.buffers->pdata[0]), NULL));
    }
    fail_unless(n < 100000);
    g_atomic_int_set(&wakes, 0);
    while (vigil_clip_writer_is_full(writer) || g_atomic_int_get(&wakes) == 0) {
        fail_unless(vigil_clip_writer_pump(writer, NULL));
        g_usleep(10000);
    }
    take_clear(&take);
}
GST_END_TEST

GST_START_TEST(stream_that_is_none)
{
    Take take = {.file = g_byte_array_new(),
                 .buffers = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref),
                 .frames = g_array_new(FALSE, FALSE, sizeof(VigilRingFrame))};
    g_autoptr(GError) error = NULL;
    VigilClipWriterInfo info;

    take.caps = gst_caps_from_string("video/x-h264,stream-format=byte-stream,alignment=au");
    for (guint i = 0; i < 20; i++) {
        const VigilRingFrame frame = {.pts_ns = i * GST_SECOND,
                                      .dts_ns = i * GST_SECOND,
                                      .duration_ns = GST_SECOND,
                                      .key = TRUE,
                                      .size = 1000};
        GstBuffer *buffer = gst_buffer_new_allocate(NULL, 1000, NULL);

        gst_buffer_memset(buffer, 0, (guint8)(i * 37), 1000);
        g_array_append_val(take.frames, frame);
        g_ptr_array_add(take.buffers, buffer);
    }
    /* it may say so or write nothing, but comes to an end */
    fail_unless(write_take(&take, 0, 0, &info, &error) ? info.n_fragments == 0 : error != NULL);
    take_clear(&take);
}
GST_END_TEST

/* Notes that come with each @every-th frame, and at the end. */
static void
write_take_with_notes(Take *take, guint every, VigilClipWriterInfo *info)
{
    g_autoptr(VigilClipWriter) writer =
        vigil_clip_writer_new(take->caps, 0, on_bytes, on_wake, take, NULL);
    g_autoptr(GBytes) closed = vigil_clip_note_closed(&(VigilClipInfo){.codec = "h264"});
    guint n = 0;

    g_byte_array_set_size(take->file, 0);
    for (guint i = 0; i < take->buffers->len; i++) {
        g_autoptr(VigilEvent) event = test_event_new(i, VIGIL_EVENT_BEGIN, 0, 0, 0, 0);
        g_autoptr(GBytes) note = vigil_clip_note_event(event, 0, i);

        fail_unless(vigil_clip_writer_push(writer, &g_array_index(take->frames, VigilRingFrame, i),
                                           gst_buffer_copy_deep(take->buffers->pdata[i]), NULL) &&
                    vigil_clip_writer_pump(writer, NULL));
        fail_unless(i % every || vigil_clip_writer_add_note(writer, note, NULL));
        n += i % every == 0;
        *info = vigil_clip_writer_get_info(writer);
        assert_equals_int(info->n_notes + info->n_pending, n);
        fail_unless(info->n_fragments > 0 || info->n_pending == n);
    }
    fail_unless(vigil_clip_writer_finish(writer, NULL));
    fail_unless(vigil_clip_writer_add_note(writer, closed, NULL));
    *info = vigil_clip_writer_get_info(writer);
}

static gboolean
count_in_order(const VigilClipNote *note, gpointer user_data)
{
    gint64 *next = user_data;

    if (note->kind == VIGIL_CLIP_NOTE_EVENT)
        assert_equals_int64(note->written_wall_us, *next);
    *next += 7;
    return TRUE;
}

static VigilClipScan
scan_notes(const gchar *path)
{
    VigilClipScan scan;
    gint64 next = 0;
    const gint fd = g_open(path, O_RDONLY, 0);

    fail_unless(fd >= 0);
    assert_equals_int(vigil_clip_notes_read(fd, count_in_order, &next, &scan), 0);
    close(fd);
    return scan;
}

/* Nobody who plays the file notices them, and wherever it is cut off, those before are there. */
GST_START_TEST(notes_lie_between_fragments)
{
    static const gchar *const forms[] = {AVC, BYTE_STREAM};
    Take take = encode(X264, forms[__i__]);
    VigilClipWriterInfo info;
    VigilClipScan scan;
    ClipView plain, noted;
    gdouble duration;
    gchar *path;

    fail_unless(write_take(&take, 0, 0, &info, NULL));
    path = save(&take, take.file->len);
    plain = test_view_clip(path, FALSE);
    duration = test_ffprobe_duration(path);
    test_remove_file(path);
    write_take_with_notes(&take, 7, &info);
    assert_equals_int(info.n_notes, 16);
    assert_equals_int(info.n_pending, 0);
    assert_equals_int(info.n_fragments, 10);
    assert_equals_int(info.bytes, take.file->len);
    path = save(&take, take.file->len);
    noted = test_view_clip(path, FALSE);
    assert_equals_int(noted.n_samples, plain.n_samples);
    assert_equals_int(noted.n_decoded, plain.n_decoded);
    assert_equals_uint64(noted.end_pts, plain.end_pts);
    assert_equals_int(noted.n_errors, 0);
    fail_unless(test_ffprobe_duration(path) == duration);
    assert_equals_int(test_ffprobe_frames(path), duration < 0 ? -1 : N_FRAMES);
    scan = scan_notes(path);
    assert_equals_int(scan.n_notes, 16);
    assert_equals_int(scan.n_fragments, 10);
    fail_unless(scan.complete && scan.n_damaged == 0);
    test_remove_file(path);
    for (gsize length = take.file->len - 1; length > 1000; length -= length / 11) {
        const guint n_before = scan.n_notes;

        path = save(&take, length);
        scan = scan_notes(path);
        fail_unless(!scan.complete && scan.n_damaged == 0 && scan.n_notes <= n_before);
        fail_unless(scan.n_notes + 3 >= 16 * length / take.file->len, "%u notes in %u of %u bytes",
                    scan.n_notes, (guint)length, take.file->len);
        test_remove_file(path);
    }
    take_clear(&take);
}
GST_END_TEST

static Suite *
clip_writer_suite(void)
{
    Suite *suite = suite_create("clip-writer");
    TCase *tcase = tcase_create("files");

    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 200);
    tcase_add_test(tcase, stream_that_is_none);
    tcase_add_loop_test(tcase, motion_jpeg_is_written_as_it_comes, 0, 2);
    if (!test_have_element("x264enc") || !test_have_element("avdec_h264"))
        return suite;
    tcase_add_test(tcase, motion_jpeg_becomes_h264);
    tcase_add_test(tcase, writer_that_encodes_says_when_it_is_full);
    tcase_add_test(tcase, file_begins_at_0_and_lasts_as_long_as_its_frames);
    tcase_add_loop_test(tcase, reordered_pictures_without_decoding_times, 0, 2);
    tcase_add_test(tcase, file_that_is_cut_off_anywhere_can_be_played);
    tcase_add_test(tcase, error_of_a_write_is_told_once);
    tcase_add_loop_test(tcase, notes_lie_between_fragments, 0, 2);
    return suite;
}

GST_CHECK_MAIN(clip_writer)
