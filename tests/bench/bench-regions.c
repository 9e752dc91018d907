/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-regions: what it would bring to look at the part of a picture that moves in place of all of it. A scene of the test data,
 * whose visits are known, in a corner of a 1080p picture, so that people are small; of the frames in which something moves: in how many the
 * model finds somebody while somebody is there, and while nobody is. A part is what moves, all of it, with a margin, square, of
 * 300 pixels at least; every fifth look is at the whole picture. [-d FOLDER: where the videos are, or are made and kept]
 */
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events/vigil-motion.h"
#include "models/vigil-detector.h"
#include "tests/support/vigil-test-data.h"

#define SECONDS "71"
#define WIDTH 1920
#define HEIGHT 1080
#define LEAST_SIDE 300.0f
#define MARGIN 0.25f
#define WHOLE_EVERY 5u
#define SCORE 0.5f

static const struct {
    gdouble from, to;
} visits[] = {{6.0, 20.3}, {22.7, 45.2}, {50.2, 70.4}};

/* Width of the scene in the picture. */
static const guint widths[] = {1920, 960, 640, 480};

enum {
    WHOLE,
    PARTS,
    N_WAYS
};

typedef struct {
    VigilDetector *detector;
    VigilDetection *detections;
    VigilMotion *motion;
    guint n_frames, n_looks;
    guint n_there, n_empty; /* frames in which something moves, by whether somebody is there */
    guint found[N_WAYS], wrong[N_WAYS];
    gdouble cpu_s[N_WAYS];
} Watch;

static gdouble
cpu_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (gdouble)time.tv_sec + (gdouble)time.tv_nsec / 1e9;
}

/* %FALSE: the part is most of the picture */
static gboolean
choose_part(const VigilMotionResult *result, guint *x, guint *y, guint *side)
{
    VigilBox all = result->regions[0];
    gfloat width, height, length;

    for (guint i = 1; i < result->n_regions; i++) {
        const VigilBox *box = &result->regions[i];

        all = (VigilBox){MIN(all.x0, box->x0), MIN(all.y0, box->y0), MAX(all.x1, box->x1),
                         MAX(all.y1, box->y1)};
    }
    width = (all.x1 - all.x0) * WIDTH;
    height = (all.y1 - all.y0) * HEIGHT;
    length = MAX(MAX(width, height) * (1 + 2 * MARGIN), LEAST_SIDE);
    if (length > 0.7f * HEIGHT)
        return FALSE;
    /* even, for the chroma */
    *side = (guint)length / 2 * 2;
    *x = (guint)CLAMP(0.5f * (all.x0 + all.x1) * WIDTH - length / 2, 0, WIDTH - length) / 2 * 2;
    *y = (guint)CLAMP(0.5f * (all.y0 + all.y1) * HEIGHT - length / 2, 0, HEIGHT - length) / 2 * 2;
    return TRUE;
}

static VigilImage
cut(const VigilImage *image, guint x, guint y, guint side)
{
    VigilImage part = *image;

    part.width = part.height = side;
    part.planes[0] += (gsize)y * part.strides[0] + x;
    for (guint i = 1; i < 3; i++)
        part.planes[i] += (gsize)y / 2 * part.strides[i] + x / 2;
    return part;
}

static gboolean
finds_somebody(Watch *self, const VigilImage *image, guint way)
{
    const gdouble begin_s = cpu_now();
    const gint n = vigil_detector_run(self->detector, image, SCORE, self->detections,
                                      vigil_detector_get_max_detections(self->detector));
    gboolean found = FALSE;

    self->cpu_s[way] += cpu_now() - begin_s;
    for (gint i = 0; i < n; i++)
        found |= g_strcmp0(self->detections[i].label, "person") == 0;
    return found;
}

static gboolean
is_there(gdouble time)
{
    for (guint i = 0; i < G_N_ELEMENTS(visits); i++)
        if (time >= visits[i].from && time <= visits[i].to)
            return TRUE;
    return FALSE;
}

static void
look(Watch *self, const VigilImage *image, const VigilMotionResult *result, gdouble time)
{
    const gboolean there = is_there(time);
    const gboolean whole = finds_somebody(self, image, WHOLE);
    gboolean parts;
    guint x, y, side;

    if (self->n_looks++ % WHOLE_EVERY == 0 || !choose_part(result, &x, &y, &side)) {
        const VigilImage same = *image;

        parts = finds_somebody(self, &same, PARTS);
    } else {
        const VigilImage part = cut(image, x, y, side);

        parts = finds_somebody(self, &part, PARTS);
    }
    *(there ? &self->n_there : &self->n_empty) += 1;
    (there ? self->found : self->wrong)[WHOLE] += whole ? 1 : 0;
    (there ? self->found : self->wrong)[PARTS] += parts ? 1 : 0;
}

static GstPadProbeReturn
take_frame(GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
    Watch *self = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    const gint64 time_ns = (gint64)self->n_frames * 100 * (gint64)GST_MSECOND; /* ten a second */
    VigilMotionResult result;
    GstVideoInfo info;
    GstVideoFrame frame;
    VigilImage image = {.format = VIGIL_PIXELS_I420, .width = WIDTH, .height = HEIGHT};

    if (self->n_frames++ % 2 != 0)
        return GST_PAD_PROBE_OK;
    g_assert_true(gst_video_info_from_caps(&info, caps));
    g_assert_true(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (guint i = 0; i < 3; i++) {
        image.planes[i] = GST_VIDEO_FRAME_PLANE_DATA(&frame, i);
        image.strides[i] = (guint)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, i);
    }
    vigil_motion_update(self->motion, time_ns, image.planes[0], image.strides[0], &result);
    if (result.state == VIGIL_MOTION_MOVING)
        look(self, &image, &result, (gdouble)time_ns / GST_SECOND);
    gst_video_frame_unmap(&frame);
    return GST_PAD_PROBE_OK;
}

static gboolean
make_video(guint width, const gchar *path)
{
    g_autofree gchar *input = vigil_test_data_path("videos/one-by-one-person-detection.mp4");
    g_autofree gchar *filter = g_strdup_printf(
        "[0:v]split[a][b];[a]trim=46:46.05,loop=-1:1,setpts=N/10/TB,scale=%d:%d,boxblur=20[c];"
        "[b]scale=%u:%u[d];[c][d]overlay=x=(W-w)*0.6:y=(H-h)*0.7:shortest=1,fps=10",
        WIDTH, HEIGHT, width, width * HEIGHT / WIDTH / 2 * 2);
    const gchar *argv[] = {"ffmpeg", "-v",   "error",    "-y",      "-i",
                           input,    "-an",  "-t",       SECONDS,   "-filter_complex",
                           filter,   "-c:v", "libx264",  "-preset", "veryfast",
                           "-crf",   "22",   "-pix_fmt", "yuv420p", path,
                           NULL};
    gint status = -1;

    return g_file_test(path, G_FILE_TEST_EXISTS) ||
           (input &&
            g_spawn_sync(NULL, (gchar **)argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                         &status, NULL) &&
            status == 0);
}

static void
play(Watch *self, const gchar *path)
{
    g_autofree gchar *line = g_strdup_printf(
        "filesrc location=\"%s\" ! qtdemux ! h264parse ! avdec_h264 max-threads=1 ! "
        "fakesink name=sink sync=false",
        path);
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, NULL);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autoptr(GstPad) pad = gst_element_get_static_pad(sink, "sink");
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = NULL;

    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, take_frame, self, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message =
        gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS)
        g_error("%s: no end", line);
}

static void
compare(VigilDetector *detector, guint width, const gchar *path)
{
    static const gchar *const ways[N_WAYS] = {"whole pictures", "parts that move"};
    g_autofree VigilDetection *detections =
        g_new(VigilDetection, vigil_detector_get_max_detections(detector));
    Watch self = {.detector = detector,
                  .detections = detections,
                  .motion = vigil_motion_new(WIDTH, HEIGHT, VIGIL_MOTION_SENSITIVITY_DEFAULT)};

    play(&self, path);
    for (guint way = 0; way < N_WAYS; way++)
        g_print("| %u | %s | %u of %u | %u of %u | %.2f |\n", width, ways[way], self.found[way],
                self.n_there, self.wrong[way], self.n_empty,
                1e3 * self.cpu_s[way] / MAX(1, self.n_looks));
    vigil_motion_free(self.motion);
}

int
main(int argc, char **argv)
{
    g_autofree gchar *folder = NULL, *model = NULL, *labels = NULL;
    const GOptionEntry entries[] = {
        {"folder", 'd', 0, G_OPTION_ARG_FILENAME, &folder, "Where the videos are kept", "FOLDER"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(VigilDetector) detector = NULL;
    VigilDetectorOptions options = vigil_detector_options_defaults();

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return EXIT_FAILURE;
    gst_init(NULL, NULL);
    if (!folder)
        folder = g_dir_make_tmp("vigil-bench-XXXXXX", NULL);
    options.model = model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    options.labels = labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");
    if (!model || !labels)
        return EXIT_SUCCESS;
    detector = vigil_detector_open(&options, NULL);
    g_assert_nonnull(detector);
    g_print("| scene's width of 1920 | looked at | found while there | found while not | ms |\n"
            "|---|---|---|---|---|\n");
    for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
        g_autofree gchar *name = g_strdup_printf("small-%u.mp4", widths[i]);
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        if (make_video(widths[i], path))
            compare(detector, widths[i], path);
        else
            g_printerr("%s: ffmpeg could not make it\n", name);
    }
    return EXIT_SUCCESS;
}
