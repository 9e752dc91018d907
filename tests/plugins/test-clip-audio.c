/* SPDX-License-Identifier: Apache-2.0 */
/* Clips with sound: the second track of the writer. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "plugins/record/vigil-clip-writer.h"
#include "storage/vigil-clip-tail.h"
#include "tests/plugins/sound-test.h"

#define MS ((gint64)GST_MSECOND)
/* 10 s, 10 pictures a second, a keyframe a second */
#define PICTURES                                                                                \
    "videotestsrc num-buffers=100 ! video/x-raw,format=I420,width=160,height=120,"              \
    "framerate=10/1 ! x264enc speed-preset=ultrafast bitrate=200 key-int-max=10 ! h264parse ! " \
    "video/x-h264,stream-format=avc,alignment=au"

/* What is written, and of which sound. */
typedef struct {
    GByteArray *file;
    gint64 from_ms, hole_ms, back_ms, to_ms; /* sound between from and hole, back and to */
} Job;

static gboolean
on_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    g_byte_array_append(((Job *)user_data)->file, data, (guint)length);
    return TRUE;
}

static void
on_wake(gpointer user_data)
{
}

static gboolean
is_heard(const Job *job, gint64 time_ns)
{
    return (time_ns >= job->from_ms * MS && time_ns < job->hole_ms * MS) ||
           (time_ns >= job->back_ms * MS && time_ns < job->to_ms * MS);
}

/* As the recorder does it: pictures, then the sound up to them, and where there is none, that it is so. */
static VigilClipWriterInfo
write_clip(Job *job, const SoundTake *pictures, const SoundTake *sound, guint first)
{
    g_autoptr(VigilClipWriter) writer = vigil_clip_writer_new_with_audio(
        pictures->caps, sound->caps, 0, on_bytes, on_wake, job, NULL);
    guint next = 0;

    fail_unless(writer != NULL);
    for (guint i = first; i < pictures->buffers->len; i++) {
        const VigilRingFrame *picture = &g_array_index(pictures->frames, VigilRingFrame, i);
        gboolean heard = FALSE;

        fail_unless(vigil_clip_writer_push(
            writer, picture, gst_buffer_copy_deep(pictures->buffers->pdata[i]), NULL));
        if (!vigil_clip_writer_takes_audio(writer))
            continue;
        for (; next < sound->buffers->len; next++) {
            const VigilRingFrame *frame = &g_array_index(sound->frames, VigilRingFrame, next);

            if (frame->pts_ns >= picture->pts_ns)
                break;
            if (!is_heard(job, frame->pts_ns))
                continue;
            heard = TRUE;
            fail_unless(vigil_clip_writer_push_audio(
                writer, frame, gst_buffer_copy_deep(sound->buffers->pdata[next]), NULL));
        }
        fail_unless(heard || vigil_clip_writer_skip_audio(writer, picture->pts_ns, NULL));
        fail_unless(vigil_clip_writer_pump(writer, NULL));
    }
    fail_unless(vigil_clip_writer_finish(writer, NULL));
    return vigil_clip_writer_get_info(writer);
}

static gchar *
save(const GByteArray *file, gsize length)
{
    gchar *path = NULL;
    const gint fd = g_file_open_tmp("vigil-sound-XXXXXX.mp4", &path, NULL);

    fail_unless(fd >= 0);
    g_close(fd, NULL);
    fail_unless(g_file_set_contents(path, (const gchar *)file->data, (gssize)length, NULL));
    return path;
}

/* Not a byte of it is another one, and it is heard when it was. */
GST_START_TEST(sound_is_kept_as_it_came)
{
    const SoundCodec *codec = &sound_codecs[__i__];
    Job job = {.file = g_byte_array_new(), .hole_ms = 10000, .back_ms = 10000, .to_ms = 10000};
    SoundTake pictures, sound;
    VigilClipWriterInfo info;
    SoundView view;
    ClipView seen;
    gchar *path;
    guint n;
    gint at;

    if (!test_have_element(codec->element))
        return;
    pictures = sound_encode(PICTURES);
    sound = sound_make(codec, 10);
    info = write_clip(&job, &pictures, &sound, 30);
    assert_equals_int(info.n_frames, 70);
    assert_equals_int(info.n_fragments, 7);
    path = save(job.file, job.file->len);
    seen = test_view_clip(path, FALSE);
    assert_equals_int(seen.n_decoded, 70);
    assert_equals_int(seen.n_errors, 0);
    view = sound_view(path, codec->media);
    at = sound_find(&sound, view.bytes, &n);
    fail_unless(at >= 0, "other bytes");
    assert_equals_int(n, info.n_audio);
    fail_unless(ABS(view.first_ns -
                    (g_array_index(sound.frames, VigilRingFrame, at).pts_ns - info.start_ns)) <= MS,
                "%s: heard at %.1f ms, not %.1f", codec->media, (gdouble)view.first_ns / 1e6,
                (gdouble)(g_array_index(sound.frames, VigilRingFrame, at).pts_ns - info.start_ns) /
                    1e6);
    fail_unless(view.max_hole_ns <= MS);
    fail_unless(test_ffprobe_duration(path) < 7.1);
    g_byte_array_unref(view.bytes);
    test_remove_file(path);
    sound_clear(&pictures);
    sound_clear(&sound);
    g_byte_array_unref(job.file);
}
GST_END_TEST

/* It begins late, is away for 2 s, and ends early: the pictures go on, and what there is is heard at its time. */
GST_START_TEST(sound_that_comes_and_goes)
{
    const SoundCodec *codec = &sound_codecs[__i__];
    Job job = {g_byte_array_new(), 1500, 4000, 6000, 8000};
    SoundTake pictures, sound;
    VigilClipWriterInfo info;
    SoundView view;
    gchar *path;

    if (!test_have_element(codec->element))
        return;
    pictures = sound_encode(PICTURES);
    sound = sound_make(codec, 10);
    info = write_clip(&job, &pictures, &sound, 0);
    assert_equals_int(info.n_fragments, 10);
    path = save(job.file, job.file->len);
    assert_equals_int(test_view_clip(path, FALSE).n_decoded, 100);
    view = sound_view(path, codec->media);
    fail_unless(ABS(view.first_ns - 1500 * MS) < 70 * MS, "%s: begins at %.1f ms", codec->media,
                (gdouble)view.first_ns / 1e6);
    fail_unless(ABS(view.end_ns - 8000 * MS) < 70 * MS, "%s: ends at %.1f ms", codec->media,
                (gdouble)view.end_ns / 1e6);
    g_byte_array_unref(view.bytes);
    test_remove_file(path);
    sound_clear(&pictures);
    sound_clear(&sound);
    g_byte_array_unref(job.file);
}
GST_END_TEST

/* The track is there, and nothing ever comes for it. */
GST_START_TEST(sound_that_never_comes)
{
    const SoundCodec *codec = &sound_codecs[__i__];
    Job job = {.file = g_byte_array_new()};
    SoundTake pictures, sound;
    gchar *path;

    if (!test_have_element(codec->element))
        return;
    pictures = sound_encode(PICTURES);
    sound = sound_make(codec, 1);
    assert_equals_int(write_clip(&job, &pictures, &sound, 0).n_audio, 0);
    path = save(job.file, job.file->len);
    assert_equals_int(test_view_clip(path, FALSE).n_decoded, 100);
    assert_equals_int(test_ffprobe_frames(path), 100);
    test_remove_file(path);
    sound_clear(&pictures);
    sound_clear(&sound);
    g_byte_array_unref(job.file);
}
GST_END_TEST

/* What a power cut leaves is mended, and has all pictures and all sound but those of the last second. */
GST_START_TEST(clip_with_sound_that_is_cut_off_anywhere)
{
    Job job = {.file = g_byte_array_new(), .hole_ms = 10000, .back_ms = 10000, .to_ms = 10000};
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    SoundTake pictures, sound;

    if (!test_have_element(sound_codecs[0].element))
        return;
    pictures = sound_encode(PICTURES);
    sound = sound_make(&sound_codecs[0], 10);
    write_clip(&job, &pictures, &sound, 0);
    for (guint i = 0; i < 30; i++) {
        const gsize half = job.file->len / 2;
        const gsize length = half + (gsize)g_rand_int_range(rand, 0, (gint32)half);
        gchar *path = save(job.file, length);
        const gint fd = g_open(path, O_RDWR, 0);
        gint sync_code, code = vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code);
        SoundView view;
        ClipView seen;
        guint n;

        fail_unless(code >= 0 && sync_code == 0);
        fail_unless(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code) == 0);
        g_close(fd, NULL);
        seen = test_view_clip(path, FALSE);
        view = sound_view(path, sound_codecs[0].media);
        fail_unless(seen.n_errors == 0 && seen.n_decoded >= 30, "cut at %d: %u", (int)length,
                    seen.n_decoded);
        fail_unless(sound_find(&sound, view.bytes, &n) == 0 && n >= 30, "cut at %d", (int)length);
        test_ffprobe_duration(path);
        g_byte_array_unref(view.bytes);
        test_remove_file(path);
    }
    sound_clear(&pictures);
    sound_clear(&sound);
    g_byte_array_unref(job.file);
}
GST_END_TEST

static Suite *
clip_audio_suite(void)
{
    Suite *suite = suite_create("clip-audio");
    TCase *tcase = tcase_create("clip-audio");
    const int n = G_N_ELEMENTS(sound_codecs);

    tcase_set_timeout(tcase, 180);
    if (test_have_element("x264enc") && test_have_element("avdec_h264")) {
        tcase_add_loop_test(tcase, sound_is_kept_as_it_came, 0, n);
        tcase_add_loop_test(tcase, sound_that_comes_and_goes, 0, n);
        tcase_add_loop_test(tcase, sound_that_never_comes, 0, n);
        tcase_add_test(tcase, clip_with_sound_that_is_cut_off_anywhere);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(clip_audio)
