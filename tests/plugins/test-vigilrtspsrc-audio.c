/* SPDX-License-Identifier: Apache-2.0 */
/* A camera with sound, from the network into clips. */
#include "tests/plugins/record-rig.h"
#include "tests/plugins/sound-test.h"
#include "tests/support/vigil-rtsp-camera.h"

#define CAMERA_VIDEO                                                                         \
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,"              \
    "framerate=25/1 ! identity name=mark ! x264enc tune=zerolatency speed-preset=ultrafast " \
    "key-int-max=25 ! rtph264pay name=pay0 pt=96 "
#define CAMERA_SOUND                                                                        \
    "audiotestsrc is-live=true samplesperbuffer=480 ! audio/x-raw,format=S16LE,rate=48000," \
    "channels=1 ! identity name=beep ! audioconvert ! audioresample ! "
/* RTCP comes within 5 s, and time moves slowly to where it should be */
#define SETTLE_MS 12000
#define APART_NS (100 * MS)

static const struct {
    const gchar *send, *element, *media, *decode;
} sounds[] = {
    {"avenc_aac ! rtpmp4gpay name=pay1 pt=97", "avenc_aac", "audio/mpeg", "avdec_aac"},
    {"avenc_aac ! aacparse ! rtpmp4apay name=pay1 pt=97", "avenc_aac", "audio/mpeg", "avdec_aac"},
    {"opusenc ! rtpopuspay name=pay1 pt=97", "opusenc", "audio/x-opus", "opusdec"},
    {"audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay1", "alawenc", "audio/x-alaw",
     "alawdec"},
    {"audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay1", "mulawenc", "audio/x-mulaw",
     "mulawdec"},
};

/*
 * Of each test the recorder goes first. A camera that dies while the connection is taken down ends the stream at that moment, and then rtspsrc
 * (1.22.0) may give its own end of stream the number 0, which its change of state sets in another thread: harmless, but a critical
 * message, which ends a test.
 */
static VigilRtspCamera camera;

static void
start_camera(const gchar *mount)
{
    camera = (VigilRtspCamera){.port = vigil_rtsp_camera_free_port()};
    vigil_rtsp_camera_start(&camera, mount, NULL);
}

static Rig
watch(const gchar *settings)
{
    g_autofree gchar *line = g_strdup_printf(
        "vigilrtspsrc name=source transport=tcp location=rtsp://127.0.0.1:%u/live %s "
        "source.src ! h264parse ! " AVC "queue ! ",
        camera.port, settings);

    return rig_new(line, "");
}

static gint64
get_running_ms(Rig *rig)
{
    GstClock *clock = gst_element_get_clock(rig->pipeline);
    gint64 now_ns = 0;

    if (clock)
        now_ns = (gint64)(gst_clock_get_time(clock) - gst_element_get_base_time(rig->pipeline));
    gst_clear_object(&clock);
    return now_ns / MS;
}

/* Records what comes from @start_ms after the start on, for so long. Returns: its clip */
static gchar *
record(Rig *rig, gint64 start_ms, gint64 length_ms)
{
    Script begin = {1, B, 0, 0, 1000, 500}, end = {1, E, 0, 0, 1000, 500};
    GPtrArray *lines;
    Found found;
    gint64 at_ms;

    /* the test's time begins when the camera's pictures are there */
    while (rig_stat(rig, "frames") == 0)
        g_usleep(20000);
    for (at_ms = start_ms += get_running_ms(rig); (at_ms = get_running_ms(rig)) < start_ms;)
        g_usleep(20000);
    begin.start_ms = begin.time_ms = at_ms;
    rig_push(rig, &begin);
    for (; get_running_ms(rig) < at_ms + length_ms; g_usleep(20000))
        rig_push_gap(rig, get_running_ms(rig));
    end.start_ms = at_ms;
    end.time_ms = get_running_ms(rig);
    rig_push(rig, &end);
    g_usleep(1500000);
    gst_element_send_event(rig->pipeline, gst_event_new_eos());
    gst_pad_push_event(rig->events, gst_event_new_eos());
    lines = rig_wait(rig);
    assert_equals_int(lines->len, 2);
    g_ptr_array_unref(lines);
    found = rig_find(rig, 1);
    fail_unless(found.path && found.complete);
    return found.path;
}

/* --- a flash and a beep ------------------------------------------------------------------------------------------ */

typedef struct {
    gint64 at_ns[32];
    guint n;
} Marks;

/* How far into the buffer it is white, or loud; -1: nowhere. A buffer of sound may be much longer than a picture. */
static gint64
find_on(GstSample *sample, gboolean picture)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstMapInfo map;
    gint64 at_ns = -1;
    gint rate = 0;

    gst_structure_get_int(gst_caps_get_structure(gst_sample_get_caps(sample), 0), "rate", &rate);
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    if (picture)
        at_ns = map.data[1000] > 128 ? 0 : -1;
    else
        for (gsize i = 0; at_ns < 0 && i + 1 < map.size; i += 2)
            if (ABS((gint16)GST_READ_UINT16_LE(map.data + i)) > 6000)
                at_ns = (gint64)(i / 2) * (gint64)GST_SECOND / rate;
    gst_buffer_unmap(buffer, &map);
    return at_ns;
}

/* When it begins to be white, or loud. */
static Marks
find_marks(const gchar *path, const gchar *decode, gboolean picture)
{
    g_autofree gchar *line =
        g_strdup_printf("filesrc location=\"%s\" ! qtdemux name=d d.%s ! queue ! %s ! "
                        "appsink name=sink sync=false",
                        path, picture ? "video_0" : "audio_0", decode);
    GstElement *pipeline = gst_parse_launch(line, NULL), *sink;
    gboolean before = TRUE;
    Marks marks = {.n = 0};
    GstSample *sample;

    sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    while ((sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 10 * GST_SECOND))) {
        const gint64 on_ns = find_on(sample, picture);

        if (on_ns >= 0 && !before && marks.n < G_N_ELEMENTS(marks.at_ns))
            marks.at_ns[marks.n++] = (gint64)GST_BUFFER_PTS(gst_sample_get_buffer(sample)) + on_ns;
        before = on_ns >= 0;
        gst_sample_unref(sample);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return marks;
}

GST_START_TEST(sound_and_pictures_are_on_one_line)
{
    g_autofree gchar *mount =
        g_strdup_printf("live=( " CAMERA_VIDEO CAMERA_SOUND "%s )", sounds[__i__].send);
    g_autofree gchar *decode = g_strdup_printf(
        "%s ! audioconvert ! audio/x-raw,format=S16LE,channels=1", sounds[__i__].decode);
    g_autofree gchar *path = NULL;
    gint64 worst_ns = 0;
    Marks seen, heard;
    Rig rig;

    if (!test_have_element(sounds[__i__].element))
        return;
    start_camera(mount);
    rig = watch("audio=true source.audio ! queue ! r.audio");
    path = record(&rig, SETTLE_MS, 7000);
    seen = find_marks(path, "h264parse ! avdec_h264 max-threads=1", TRUE);
    heard = find_marks(path, decode, FALSE);
    fail_unless(seen.n >= 3 && heard.n >= 3, "%u flashes, %u beeps", seen.n, heard.n);
    for (guint i = 0; i < heard.n; i++) {
        gint64 nearest_ns = G_MAXINT64;

        for (guint k = 0; k < seen.n; k++)
            if (ABS(heard.at_ns[i] - seen.at_ns[k]) < ABS(nearest_ns))
                nearest_ns = heard.at_ns[i] - seen.at_ns[k];
        if (ABS(nearest_ns) > ABS(worst_ns) && ABS(nearest_ns) < 900 * MS)
            worst_ns = nearest_ns;
    }
    g_print("%s: %u beeps, %.0f ms after their flashes at most\n", sounds[__i__].send, heard.n,
            (gdouble)worst_ns / 1e6);
    fail_unless(ABS(worst_ns) <= APART_NS);
    test_ffprobe_duration(path);
    rig_free(&rig);
    vigil_rtsp_camera_kill(&camera);
}
GST_END_TEST

/* --- a file, of which each byte is known ------------------------------------------------------------------------ */

static void
make_file(const gchar *path, guint sound_seconds)
{
    g_autofree gchar *line = g_strdup_printf(
        "videotestsrc num-buffers=500 ! video/x-raw,format=I420,width=160,height=120,"
        "framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! queue ! "
        "m.video_0 audiotestsrc wave=pink-noise samplesperbuffer=1024 num-buffers=%u ! "
        "audio/x-raw,rate=16000,channels=1 ! avenc_aac ! queue ! m.audio_0 "
        "mp4mux name=m ! filesink location=\"%s\"",
        sound_seconds * 16000 / 1024, path);
    GstElement *pipeline = gst_parse_launch(line, NULL);
    GstBus *bus = gst_pipeline_get_bus(GST_PIPELINE(pipeline));
    GstMessage *message;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

static void
start_file_camera(const gchar *path)
{
    g_autofree gchar *mount = g_strdup_printf(
        "live=( filesrc location=\"%s\" ! qtdemux name=d d.video_0 ! queue ! h264parse "
        "config-interval=-1 ! rtph264pay name=pay0 pt=96 d.audio_0 ! queue ! rtpmp4gpay name=pay1 "
        "pt=97 )",
        path);

    start_camera(mount);
}

GST_START_TEST(clip_has_the_bytes_that_the_camera_sent)
{
    g_autofree gchar *dir = test_make_dir(), *line = NULL, *path = NULL;
    g_autofree gchar *file = g_build_filename(dir, "camera.mp4", NULL);
    SoundTake sent;
    SoundView view;
    guint n;
    Rig rig;

    if (!test_have_element("avenc_aac"))
        return;
    make_file(file, 20);
    line = g_strdup_printf("filesrc location=\"%s\" ! qtdemux name=d d.audio_0 ! audio/mpeg", file);
    sent = sound_encode(line);
    start_file_camera(file);
    rig = watch("audio=true source.audio ! queue ! r.audio");
    path = record(&rig, 3000, 5000);
    view = sound_view(path, "audio/mpeg");
    fail_unless(sound_find(&sent, view.bytes, &n) >= 0, "these are not the frames that were sent");
    fail_unless(n >= 80, "%u frames", n);
    assert_equals_int(rig_stat(&rig, "audio-lost"), 0);
    g_byte_array_unref(view.bytes);
    sound_clear(&sent);
    rig_free(&rig);
    vigil_rtsp_camera_kill(&camera);
    test_remove_tree(dir);
}
GST_END_TEST

/* The camera's sound ends after 5 s, in the midst of the clip. */
GST_START_TEST(sound_that_ends_leaves_the_pictures)
{
    g_autofree gchar *dir = test_make_dir(), *path = NULL;
    g_autofree gchar *file = g_build_filename(dir, "camera.mp4", NULL);
    ClipView seen;
    SoundView view;
    Rig rig;

    if (!test_have_element("avenc_aac"))
        return;
    make_file(file, 5);
    start_file_camera(file);
    rig = watch("audio=true source.audio ! queue ! r.audio");
    path = record(&rig, 3000, 7000);
    seen = test_view_clip(path, FALSE);
    view = sound_view(path, "audio/mpeg");
    fail_unless(seen.n_errors == 0 && seen.n_decoded > 150 && seen.max_step < 200 * GST_MSECOND,
                "%u pictures, %d ms apart", seen.n_decoded, (gint)(seen.max_step / MS));
    fail_unless(view.n >= 10 && view.n < 80, "%u frames of sound", view.n);
    g_byte_array_unref(view.bytes);
    rig_free(&rig);
    vigil_rtsp_camera_kill(&camera);
    test_remove_tree(dir);
}
GST_END_TEST

/* Nobody takes the pad for sound, the camera has none, or one that no clip can have: it is said, and the video comes. */
GST_START_TEST(sound_that_is_not_to_be_had)
{
    static const gchar *const mounts[] = {
        "live=( " CAMERA_VIDEO ")",
        "live=( " CAMERA_VIDEO CAMERA_SOUND "rtpL16pay name=pay1 pt=97 )",
    };
    gchar *text = NULL;
    GstMessage *message;
    Rig rig;

    start_camera(mounts[__i__]);
    rig = watch("audio=true");
    while (!text) {
        message = gst_bus_timed_pop_filtered(rig.bus, 30 * GST_SECOND,
                                             GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
        fail_unless(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT);
        if (gst_message_has_name(message, "vigilrtspsrc-no-sound"))
            text = g_strdup(gst_structure_get_string(gst_message_get_structure(message), "reason"));
        gst_message_unref(message);
    }
    assert_equals_string(text, __i__ ? "its sound (L16) is none of AAC, Opus and G.711"
                                     : "it has no sound");
    while (rig_stat(&rig, "frames") < 50)
        g_usleep(20000);
    g_free(text);
    rig_free(&rig);
    vigil_rtsp_camera_kill(&camera);
}
GST_END_TEST

static Suite *
vigilrtspsrc_audio_suite(void)
{
    Suite *suite = suite_create("vigilrtspsrc-audio");
    TCase *tcase = tcase_create("vigilrtspsrc-audio");

    tcase_set_timeout(tcase, 180);
    tcase_add_loop_test(tcase, sound_and_pictures_are_on_one_line, 0, G_N_ELEMENTS(sounds));
    tcase_add_test(tcase, clip_has_the_bytes_that_the_camera_sent);
    tcase_add_test(tcase, sound_that_ends_leaves_the_pictures);
    tcase_add_loop_test(tcase, sound_that_is_not_to_be_had, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilrtspsrc_audio)
