/* SPDX-License-Identifier: Apache-2.0 */
/* Two streams of one camera, of which one takes its time: their frames are on one line by the camera's clock. */
#include <gst/app/gstappsink.h>

#include "tests/plugins/plugin-test.h"
#include "tests/support/vigil-rtsp-camera.h"

#define MAIN                                                                                 \
    "main=( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,"       \
    "framerate=25/1 ! identity name=mark ! x264enc tune=zerolatency speed-preset=ultrafast " \
    "key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
/* its encoder takes 400 ms */
#define SUB                                                                                  \
    "sub=( videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,"        \
    "framerate=25/1 ! identity name=mark ! x264enc tune=zerolatency speed-preset=ultrafast " \
    "key-int-max=25 ! queue min-threshold-time=400000000 max-size-time=2000000000 ! "        \
    "rtph264pay name=pay0 pt=96 )"
#define ALIGNED_NS (200 * (gint64)GST_MSECOND)
/* RTCP comes within 5 s; a mark every 2 s; time moves slowly to where it should be */
#define SETTLE_S 12
#define LATEST_MARKS 2

typedef struct {
    gboolean white, known;
    gint64 marks[64]; /* when it became white, ns of running time */
    guint n;
} Stream;

static VigilRtspCamera camera;
static GMutex lock;
static Stream streams[2];

static GstFlowReturn
on_sample(GstAppSink *sink, gpointer user_data)
{
    Stream *stream = user_data;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    guint8 luma = 0;
    gboolean white;

    gst_buffer_extract(buffer, 1000, &luma, 1);
    white = luma > 128;
    g_mutex_lock(&lock);
    if (stream->known && white && !stream->white && stream->n < G_N_ELEMENTS(stream->marks))
        stream->marks[stream->n++] = (gint64)GST_BUFFER_PTS(buffer);
    stream->white = white;
    stream->known = TRUE;
    g_mutex_unlock(&lock);
    return GST_FLOW_OK;
}

static void
set_up(GstElement *pipeline, const gchar *name, const gchar *group, Stream *stream)
{
    GstAppSinkCallbacks callbacks = {.new_sample = on_sample};
    g_autofree gchar *sink_name = g_strconcat(name, "-sink", NULL);
    g_autofree gchar *url = g_strdup_printf("rtsp://127.0.0.1:%u/%s", camera.port, name);
    g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), sink_name);

    g_object_set(source, "location", url, "clock-group", group, NULL);
    *stream = (Stream){0};
    gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, stream, NULL);
}

/* How much later than the main stream's the other's latest marks are, at most. */
static gint64
measure(const gchar *group)
{
    g_autoptr(GstElement) pipeline = gst_parse_launch(
        "vigilrtspsrc name=main ! h264parse ! avdec_h264 max-threads=1 ! appsink name=main-sink "
        "sync=false vigilrtspsrc name=sub ! h264parse ! avdec_h264 max-threads=1 ! "
        "appsink name=sub-sink sync=false",
        NULL);
    gint64 worst_ns = 0;
    guint n = 0;

    set_up(pipeline, "main", group, &streams[0]);
    set_up(pipeline, "sub", group, &streams[1]);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    for (guint i = 0; i < 600 && n < SETTLE_S / 2 + LATEST_MARKS; i++) {
        g_usleep(100000);
        g_mutex_lock(&lock);
        n = MIN(streams[0].n, streams[1].n);
        g_mutex_unlock(&lock);
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    fail_unless(n >= SETTLE_S / 2 + LATEST_MARKS, "%u marks only", n);
    for (guint i = 0; i < LATEST_MARKS; i++) {
        const gint64 mark_ns = streams[1].marks[streams[1].n - 1 - i];
        gint64 nearest_ns = G_MAXINT64;

        for (guint k = 0; k < streams[0].n; k++)
            if (ABS(mark_ns - streams[0].marks[k]) < ABS(nearest_ns))
                nearest_ns = mark_ns - streams[0].marks[k];
        if (ABS(nearest_ns) > ABS(worst_ns))
            worst_ns = nearest_ns;
    }
    return worst_ns;
}

GST_START_TEST(test_one_line)
{
    gint64 apart_ns;

    camera.port = vigil_rtsp_camera_free_port();
    vigil_rtsp_camera_start(&camera, MAIN, SUB, NULL);
    apart_ns = measure(NULL);
    g_print("each by its arrival: %.0f ms apart\n", (gdouble)apart_ns / 1e6);
    fail_unless(apart_ns > ALIGNED_NS, "the camera does not do what the test is about");
    apart_ns = measure("camera");
    g_print("by the camera's clock: %.0f ms apart\n", (gdouble)apart_ns / 1e6);
    fail_unless(ABS(apart_ns) <= ALIGNED_NS);
    vigil_rtsp_camera_kill(&camera);
}
GST_END_TEST;

static Suite *
vigilrtspsrc_pair_suite(void)
{
    Suite *suite = suite_create("vigilrtspsrc-pair");
    TCase *tcase = tcase_create("vigilrtspsrc-pair");

    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, test_one_line);
    suite_add_tcase(suite, tcase);
    return suite;
}

GST_CHECK_MAIN(vigilrtspsrc_pair)
