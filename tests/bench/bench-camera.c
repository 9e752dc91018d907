/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-camera: what a camera costs: seconds of processor time for a second of video, beside what others do with the same frames. Each
 * case's contenders by turns in one run, medians; of each run what lies between its first ten seconds and its last five, so that learning the
 * scene and catching up at the end do not count. The videos are made of the test data by ffmpeg.
 * [-r RUNS] [-c TEXT: those cases only whose names have it in them] [-d FOLDER: where the videos are, or are made and kept]
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-detector.h"
#include "tests/support/vigil-test-data.h"

#define BEGIN_S 10.0
#define LEFT_S 5.0
#define SECONDS 40
#define MAX_RUNS 99
#define N_CONTENDERS 4

/* A picture without anybody, with noise, and traffic, enlarged to what cameras send. */
#define QUIET "one-by-one-person-detection.mp4"
#define TRAFFIC "slow_traffic_small.mp4"

typedef struct {
    const gchar *name, *input, *filter, *rate, *codec;
} Video;

enum {
    VIDEO_QUIET,
    VIDEO_MOVING,
    VIDEO_SUB,
    VIDEO_MJPEG,
    N_VIDEOS
};

static const Video videos[N_VIDEOS] = {
    {"quiet.mp4", QUIET,
     "trim=46:46.2,setpts=PTS-STARTPTS,fps=30,loop=-1:1,setpts=N/30/"
     "TB,scale=1920:1080,noise=alls=6:allf=t",
     "4M", "libx264"},
    {"moving.mp4", TRAFFIC, "fps=30,loop=1:900,setpts=N/30/TB,scale=1920:1080", "4M", "libx264"},
    {"sub.mp4", TRAFFIC, "fps=15,loop=1:450,setpts=N/15/TB,scale=640:360", "512k", "libx264"},
    {"quiet.mkv", QUIET,
     "trim=46:46.2,setpts=PTS-STARTPTS,fps=15,loop=-1:1,setpts=N/15/"
     "TB,scale=1920:1080,noise=alls=6:allf=t",
     "", "mjpeg"},
};

#define LOOK                                                                                   \
    "vigilmotion ! vigildetect model-file=%MODEL% labels-file=%LABELS% fps=5 threshold=0.6 ! " \
    "vigiltrack ! fakesink"
#define DECODE "avdec_h264 max-threads=1 ! "

/* The first is what the others are set against. */
static const struct {
    const gchar *title;
    guint video;
    gboolean inferences; /* five a second are added to the first */
    gdouble wanted;      /* times the first; negative: seconds */
    struct {
        const gchar *name, *launch;
    } contenders[N_CONTENDERS];
} cases[] = {
    {"1080p30, quiet",
     VIDEO_QUIET,
     FALSE,
     0.12,
     {{"every frame decoded", DECODE "fakesink"},
      {"vigilidle and all behind it", "vigilidle ! vigilavdec ! " LOOK},
      {"keyframes only, not looked at",
       "identity drop-buffer-flags=delta-unit ! " DECODE "fakesink"},
      {"decoded, 300x300 RGB at 5 a second",
       DECODE "videorate drop-only=true ! video/x-raw,framerate=5/1 ! videoscale ! videoconvert ! "
              "video/x-raw,format=RGB,width=300,height=300 ! fakesink"}}},
    {"1080p30, always motion",
     VIDEO_MOVING,
     TRUE,
     1.25,
     {{"every frame decoded, and 5 inferences", DECODE "fakesink"},
      {"vigilidle and all behind it", "vigilidle ! vigilavdec ! " LOOK},
      {"decoded, 300x300 RGB at 5 a second",
       DECODE "videorate drop-only=true ! video/x-raw,framerate=5/1 ! videoscale ! videoconvert ! "
              "video/x-raw,format=RGB,width=300,height=300 ! fakesink"}}},
    {"640x360 at 15, always motion",
     VIDEO_SUB,
     TRUE,
     -0.03,
     {{"every frame decoded, and 5 inferences", DECODE "fakesink"},
      {"vigilidle and all behind it", "vigilidle ! vigilavdec ! " LOOK}}},
    {"1080p15 Motion JPEG, quiet",
     VIDEO_MJPEG,
     FALSE,
     0.5,
     {{"every frame decoded by jpegdec", "jpegdec ! fakesink"},
      {"vigilidle and all behind it", "vigilidle ! vigiljpegdec ! " LOOK},
      {"every frame decoded by vigiljpegdec", "vigiljpegdec ! fakesink"}}},
};

typedef struct {
    gdouble begin_cpu, end_cpu, begin_s, end_s;
} Span;

static gchar *model, *labels;

static gdouble
cpu_now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (gdouble)time.tv_sec + (gdouble)time.tv_nsec / 1e9;
}

static GstPadProbeReturn
note_frame(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
    const gdouble pts = (gdouble)GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) / GST_SECOND;
    Span *span = user_data;

    if (span->begin_s < 0 && pts >= BEGIN_S) {
        span->begin_s = pts;
        span->begin_cpu = cpu_now(CLOCK_PROCESS_CPUTIME_ID);
    }
    if (span->end_s < 0 && pts >= SECONDS - LEFT_S) {
        span->end_s = pts;
        span->end_cpu = cpu_now(CLOCK_PROCESS_CPUTIME_ID);
    }
    return GST_PAD_PROBE_OK;
}

static gchar *
make_launch(const gchar *path, const gchar *launch)
{
    const gboolean jpeg = g_str_has_suffix(path, ".mkv");
    g_autoptr(GString) line = g_string_new(NULL);

    g_string_printf(line, "filesrc location=\"%s\" ! %s name=parser ! %s", path,
                    jpeg ? "matroskademux ! capsfilter caps=image/jpeg" : "qtdemux ! h264parse",
                    launch);
    g_string_replace(line, "%MODEL%", model, 0);
    g_string_replace(line, "%LABELS%", labels, 0);
    return g_string_free(g_steal_pointer(&line), FALSE);
}

/* Returns: seconds of processor time for a second of video. */
static gdouble
run(const gchar *path, const gchar *launch)
{
    g_autofree gchar *line = make_launch(path, launch);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, &error);
    g_autoptr(GstElement) parser = NULL;
    g_autoptr(GstPad) pad = NULL;
    g_autoptr(GstBus) bus = NULL;
    g_autoptr(GstMessage) message = NULL;
    Span span = {.begin_s = -1, .end_s = -1};

    if (!pipeline || error)
        g_error("%s: %s", line, error ? error->message : "");
    gst_pipeline_use_clock(GST_PIPELINE(pipeline), NULL);
    parser = gst_bin_get_by_name(GST_BIN(pipeline), "parser");
    pad = gst_element_get_static_pad(parser, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, note_frame, &span, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    bus = gst_element_get_bus(pipeline);
    message =
        gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS || span.end_s < 0)
        g_error("%s: no end", line);
    return (span.end_cpu - span.begin_cpu) / (span.end_s - span.begin_s);
}

static int
compare_doubles(const void *a, const void *b)
{
    const gdouble left = *(const gdouble *)a, right = *(const gdouble *)b;

    return (left > right) - (left < right);
}

static gdouble
median(gdouble *values, guint n)
{
    qsort(values, n, sizeof values[0], compare_doubles);
    return values[n / 2];
}

/* Seconds of processor time, of a frame that has the model's size already. */
static gdouble
time_inference(void)
{
    VigilDetectorOptions options = vigil_detector_options_defaults();
    g_autoptr(VigilDetector) detector = NULL;
    g_autofree guint8 *pixels = g_malloc(300 * 300 * 3);
    const VigilImage image = {.format = VIGIL_PIXELS_RGB,
                              .width = 300,
                              .height = 300,
                              .planes = {pixels},
                              .strides = {900}};
    g_autofree VigilDetection *detections = NULL;
    gdouble times[31];

    memset(pixels, 100, 300 * 300 * 3);
    options.model = model;
    options.labels = labels;
    detector = vigil_detector_open(&options, NULL);
    g_assert_nonnull(detector);
    detections = g_new(VigilDetection, vigil_detector_get_max_detections(detector));
    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        const gdouble begin = cpu_now(CLOCK_THREAD_CPUTIME_ID);

        vigil_detector_run(detector, &image, -1.0f, detections,
                           vigil_detector_get_max_detections(detector));
        times[i] = cpu_now(CLOCK_THREAD_CPUTIME_ID) - begin;
    }
    return median(times, G_N_ELEMENTS(times));
}

static gboolean
make_video(const Video *video, const gchar *path)
{
    g_autofree gchar *relative = g_build_filename("videos", video->input, NULL);
    g_autofree gchar *input = vigil_test_data_path(relative);
    g_autofree gchar *seconds = g_strdup_printf("%d", SECONDS);
    const gboolean jpeg = g_str_equal(video->codec, "mjpeg");
    const gchar *rate_option = jpeg ? "-q:v" : "-b:v", *rate = jpeg ? "4" : video->rate;
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-i",
                           input,
                           "-an",
                           "-vf",
                           video->filter,
                           "-t",
                           seconds,
                           "-c:v",
                           video->codec,
                           rate_option,
                           rate,
                           "-maxrate",
                           jpeg ? "100M" : rate,
                           "-bufsize",
                           jpeg ? "100M" : rate,
                           "-preset",
                           "veryfast", /* the fastest has no loop filter, which cameras have */
                           "-g",
                           jpeg ? "1" : "60",
                           "-bf",
                           "0",
                           "-sc_threshold",
                           jpeg ? "1000000000" : "0",
                           "-pix_fmt",
                           jpeg ? "yuvj422p" : "yuv420p",
                           path,
                           NULL};
    gint status = -1;

    if (!input)
        return FALSE;
    return g_file_test(path, G_FILE_TEST_EXISTS) ||
           (g_spawn_sync(NULL, (gchar **)argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                         &status, NULL) &&
            status == 0);
}

static void
compare(guint index, const gchar *path, guint runs, gdouble inference)
{
    gdouble times[N_CONTENDERS][MAX_RUNS], first = 0;

    for (guint r = 0; r < runs; r++)
        for (guint i = 0; i < N_CONTENDERS && cases[index].contenders[i].name; i++)
            times[i][r] = run(path, cases[index].contenders[i].launch);
    for (guint i = 0; i < N_CONTENDERS && cases[index].contenders[i].name; i++) {
        gdouble cost = median(times[i], runs);

        if (i == 0)
            first = cost = cost + (cases[index].inferences ? 5 * inference : 0);
        g_print("| %s | %s | %.4f | %.3f |", cases[index].title, cases[index].contenders[i].name,
                cost, cost / first);
        if (i == 1 && cases[index].wanted > 0)
            g_print(" %.2f times |\n", cases[index].wanted);
        else if (i == 1)
            g_print(" %.3f s |\n", -cases[index].wanted);
        else
            g_print(" |\n");
    }
}

int
main(int argc, char **argv)
{
    gint runs = 5;
    g_autofree gchar *folder = NULL, *chosen = NULL;
    const GOptionEntry entries[] = {
        {"runs", 'r', 0, G_OPTION_ARG_INT, &runs, "Runs of each, the median is taken", "N"},
        {"case", 'c', 0, G_OPTION_ARG_STRING, &chosen,
         "Of the cases, those with this in their names", "TEXT"},
        {"folder", 'd', 0, G_OPTION_ARG_FILENAME, &folder, "Where the videos are kept", "FOLDER"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    gdouble inference;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return EXIT_FAILURE;
    gst_init(NULL, NULL);
    runs = CLAMP(runs, 1, MAX_RUNS);
    if (!folder)
        folder = g_dir_make_tmp("vigil-bench-XXXXXX", NULL);
    model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");
    if (!model || !labels)
        return EXIT_SUCCESS;
    inference = time_inference();
    g_print("an inference: %.2f ms\n\n| camera | what is done | s a second | ratio | wanted |\n"
            "|---|---|---|---|---|\n",
            1e3 * inference);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Video *video = &videos[cases[i].video];
        g_autofree gchar *path = g_build_filename(folder, video->name, NULL);

        if (chosen && !strstr(cases[i].title, chosen))
            continue;
        if (make_video(video, path))
            compare(i, path, (guint)runs, inference);
        else
            g_printerr("%s: ffmpeg could not make it\n", video->name);
    }
    g_free(model);
    g_free(labels);
    return EXIT_SUCCESS;
}
