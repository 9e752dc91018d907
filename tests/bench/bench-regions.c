/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-regions: what `regions` of vigildetect brings. A scene of the test data, whose visits are known, in a corner of a 1080p picture,
 * so that people are small, through the elements themselves; of the frames in which something moves: in how many somebody is
 * found while somebody is there, and while nobody is. [-d FOLDER: where the videos are, or are made and kept]
 */
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdlib.h>

#include "plugins/common/gstvigilmeta.h"
#include "tests/support/vigil-test-data.h"

#define SECONDS "71"
#define WIDTH 1920
#define HEIGHT 1080

static const struct {
    gdouble from, to;
} visits[] = {{6.0, 20.3}, {22.7, 45.2}, {50.2, 70.4}};

/* Width of the scene in the picture. */
static const guint widths[] = {1920, 960, 640, 480, 320, 240};

typedef struct {
    const gchar *name;
    const gchar *properties; /* of vigildetect */
    gfloat score;            /* from which on it is taken for sure */
} Model;

typedef struct {
    gfloat score;
    guint n_there, n_empty; /* frames in which something moves, by whether somebody is there */
    guint found, wrong;
    guint n_looks, n_parts;
    guint64 inference_ns; /* mean */
} Watch;

static gboolean
finds_somebody(GstBuffer *buffer, const GstVideoInfo *info, gfloat score)
{
    static VigilDetection detections[GST_VIGIL_MAX_DETECTIONS];
    const guint n =
        gst_vigil_buffer_get_detections(buffer, info, detections, G_N_ELEMENTS(detections));

    for (guint i = 0; i < n; i++)
        if (detections[i].score >= score && g_strcmp0(detections[i].label, "person") == 0)
            return TRUE;
    return FALSE;
}

static gboolean
is_there(gdouble time)
{
    for (guint i = 0; i < G_N_ELEMENTS(visits); i++)
        if (time >= visits[i].from && time <= visits[i].to)
            return TRUE;
    return FALSE;
}

static GstPadProbeReturn
take_frame(GstPad *pad, GstPadProbeInfo *probe, gpointer user_data)
{
    Watch *self = user_data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(probe);
    const VigilMotionResult *motion = gst_vigil_buffer_get_motion(buffer);
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
    GstVideoInfo info;
    gboolean there, found;

    g_assert_true(gst_video_info_from_caps(&info, caps));
    if (gst_vigil_buffer_get_outcome(buffer) != VIGIL_OUTCOME_INFERRED)
        return GST_PAD_PROBE_OK;
    self->n_looks++;
    self->n_parts += gst_vigil_buffer_get_area(buffer) ? 1 : 0;
    if (!motion || motion->state != VIGIL_MOTION_MOVING)
        return GST_PAD_PROBE_OK;
    there = is_there((gdouble)GST_BUFFER_PTS(buffer) / GST_SECOND);
    found = finds_somebody(buffer, &info, self->score);
    *(there ? &self->n_there : &self->n_empty) += 1;
    *(there ? &self->found : &self->wrong) += found ? 1 : 0;
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
run(GstElement *pipeline)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GstMessage) message = NULL;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    message =
        gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS)
        g_error("no end");
}

static void
play(Watch *self, const gchar *path, const Model *model, gboolean regions)
{
    g_autofree gchar *line = g_strdup_printf(
        "filesrc location=\"%s\" ! qtdemux ! h264parse ! avdec_h264 max-threads=1 ! vigilmotion ! "
        "vigildetect name=detect fps=5 threshold=%.2f regions=%s %s ! "
        "vigiltrack high-score=%.2f low-score=%.2f ! fakesink name=sink sync=false",
        path, 0.5 * (gdouble)model->score, regions ? "true" : "false", model->properties,
        (gdouble)model->score, 0.5 * (gdouble)model->score);
    g_autoptr(GstElement) pipeline = gst_parse_launch(line, NULL);
    g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    g_autoptr(GstElement) detect = gst_bin_get_by_name(GST_BIN(pipeline), "detect");
    g_autoptr(GstPad) pad = gst_element_get_static_pad(sink, "sink");
    g_autoptr(GstStructure) stats = NULL;

    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, take_frame, self, NULL);
    run(pipeline);
    g_object_get(detect, "stats", &stats, NULL);
    g_assert_true(gst_structure_get_uint64(stats, "inference-time-mean", &self->inference_ns));
    gst_element_set_state(pipeline, GST_STATE_NULL);
}

static void
compare(const Model *model, guint width, const gchar *path)
{
    for (guint regions = 0; regions < 2; regions++) {
        Watch self = {.score = model->score};

        play(&self, path, model, regions == 1);
        g_print("| %s | %u | %s | %u of %u | %u of %u | %u of %u | %.2f |\n", model->name, width,
                regions ? "regions" : "whole frames", self.found, self.n_there, self.wrong,
                self.n_empty, self.n_parts, self.n_looks, (gdouble)self.inference_ns / 1e6);
    }
}

/* (transfer full) (nullable) */
static gchar *
ssd(void)
{
    g_autofree gchar *model = vigil_test_data_path("models/ssd_mobilenet_v1_coco_quant_300.tflite");
    g_autofree gchar *labels = vigil_test_data_path("labels/coco_labels_90_coral.txt");

    return model && labels ? g_strdup_printf("model=\"%s\" labels=\"%s\"", model, labels) : NULL;
}

int
main(int argc, char **argv)
{
    g_autofree gchar *folder = NULL, *model = ssd();
    const GOptionEntry entries[] = {
        {"folder", 'd', 0, G_OPTION_ARG_FILENAME, &folder, "Where the videos are kept", "FOLDER"},
        {0},
    };
    const Model models[] = {{"SSD MobileNet v1", model, 0.5f}, {"default", "model=default", 0.4f}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL))
        return EXIT_FAILURE;
    gst_init(NULL, NULL);
    if (!folder)
        folder = g_dir_make_tmp("vigil-bench-XXXXXX", NULL);
    if (!model)
        return EXIT_SUCCESS;
    g_print("| model | scene's width of 1920 | looked at | found while there | found while not | "
            "looks at parts | ms a look |\n|---|---|---|---|---|---|---|\n");
    for (guint i = 0; i < G_N_ELEMENTS(widths); i++) {
        g_autofree gchar *name = g_strdup_printf("small-%u.mp4", widths[i]);
        g_autofree gchar *path = g_build_filename(folder, name, NULL);

        if (!make_video(widths[i], path)) {
            g_printerr("%s: ffmpeg could not make it\n", name);
            continue;
        }
        for (guint m = 0; m < G_N_ELEMENTS(models); m++)
            compare(&models[m], widths[i], path);
    }
    return EXIT_SUCCESS;
}
