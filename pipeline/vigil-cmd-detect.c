/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "models/vigil-detector.h"

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-picture.h"
#include "plugins/overlay/vigil-draw.h"

typedef struct {
    VigilDetector *detector;
    VigilDraw *draw;
    VigilDetection *detections;
    guint capacity;
    gdouble threshold;
    const gchar *output; /* NULL: draw nothing */
    gboolean output_is_folder;
} Detection;

static void
append_json_string(GString *line, const gchar *text)
{
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), text);
    g_autofree gchar *quoted = json_to_string(node, FALSE);

    g_string_append(line, quoted);
}

static void
append_number(GString *line, gdouble value)
{
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(line, g_ascii_formatd(text, sizeof text, "%.4f", value));
}

static gchar *
format_line(const gchar *file, const VigilDetection *detections, guint n)
{
    GString *line = g_string_new("{\"file\":");
    g_autofree gchar *name = g_filename_display_name(file);

    append_json_string(line, name);
    g_string_append(line, ",\"detections\":[");
    for (guint i = 0; i < n; i++) {
        const VigilBox *box = &detections[i].box;
        const gfloat edges[] = {box->x0, box->y0, box->x1, box->y1};

        g_string_append(line, i ? ",{\"label\":" : "{\"label\":");
        append_json_string(line, detections[i].label);
        g_string_append(line, ",\"score\":");
        append_number(line, detections[i].score);
        g_string_append(line, ",\"box\":[");
        for (guint k = 0; k < G_N_ELEMENTS(edges); k++) {
            if (k)
                g_string_append_c(line, ',');
            append_number(line, edges[k]);
        }
        g_string_append(line, "]}");
    }
    g_string_append(line, "]}");
    return g_string_free(line, FALSE);
}

static gboolean
save_drawn(Detection *self, const gchar *file, VigilPicture *picture, guint n, GError **error)
{
    g_autofree gchar *base = g_path_get_basename(file);
    g_autofree gchar *name = g_strconcat(base, ".png", NULL);
    g_autofree gchar *path = self->output_is_folder ? g_build_filename(self->output, name, NULL)
                                                    : g_strdup(self->output);

    /* the best one last, so that it lies on top */
    for (guint i = n; i > 0; i--) {
        const VigilDetection *found = &self->detections[i - 1];
        g_autofree gchar *text = g_strdup_printf("%s %.2f", found->label, found->score);

        vigil_draw_box(self->draw, &picture->image, &found->box, text,
                       vigil_draw_get_colour((guint64)found->label_id), FALSE);
    }
    return vigil_picture_save(picture, path, error);
}

static gboolean
detect(Detection *self, const gchar *file, GError **error)
{
    g_autoptr(VigilPicture) picture = vigil_picture_load(file, error);
    g_autofree gchar *line = NULL;
    gint n;

    if (!picture)
        return FALSE;
    n = vigil_detector_run(self->detector, &picture->image, (gfloat)self->threshold,
                           self->detections, self->capacity);
    if (n < 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s: the inference failed",
                    file);
        return FALSE;
    }
    line = format_line(file, self->detections, (guint)n);
    if (!vigil_command_print(line)) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "the results could not be written");
        return FALSE;
    }
    return !self->output || save_drawn(self, file, picture, (guint)n, error);
}

static VigilExit
detect_all(Detection *self, gchar **files)
{
    const guint n = g_strv_length(files);
    VigilExit code = VIGIL_EXIT_OK;

    self->output_is_folder =
        self->output && (n > 1 || g_file_test(self->output, G_FILE_TEST_IS_DIR));
    if (self->output_is_folder && g_mkdir_with_parents(self->output, 0755) != 0) {
        vigil_command_error("%s: %s", self->output, g_strerror(errno));
        return VIGIL_EXIT_FAILED;
    }
    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree gchar *progress = g_strdup_printf("%u of %u: %s", i + 1, n, files[i]);

        if (n > 1)
            vigil_command_progress(progress);
        if (!detect(self, files[i], &error)) {
            vigil_command_error("%s", error->message);
            code = VIGIL_EXIT_FAILED;
        }
    }
    vigil_command_progress(NULL);
    return code;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *model = NULL, *labels = NULL, *output = NULL;
    gdouble threshold = -1.0;
    const GOptionEntry entries[] = {
        {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model,
         "A .tflite or .onnx file or a model package", "M"},
        {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels,
         "A file with the classes' names, if the model has none", "FILE"},
        {"threshold", 't', 0, G_OPTION_ARG_DOUBLE, &threshold,
         "Lowest score, 0..1 (default: what the model says, else 0.5)", "S"},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
         "Also draw: a .png or .jpg for one picture, a directory for several", "OUT"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilDetector) detector = NULL;
    g_autoptr(VigilDraw) draw = NULL;
    g_autofree VigilDetection *detections = NULL;
    g_autoptr(GError) error = NULL;
    VigilDetectorOptions options = vigil_detector_options_defaults();
    Detection detection = {NULL};
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, -1, &args, &code))
        return code;
    if (!model)
        return vigil_command_usage_error(self, "--model is missing");
    if (threshold > 1.0 || (threshold < 0.0 && threshold != -1.0))
        return vigil_command_usage_error(self, "--threshold %g: write a number from 0 to 1",
                                         threshold);
    if (output && g_strv_length(args) == 1 && !g_file_test(output, G_FILE_TEST_IS_DIR) &&
        !vigil_picture_can_save(output))
        return vigil_command_usage_error(
            self, "-o %s: name a .png or .jpg, or a directory that is there", output);
    options.model = model;
    options.labels = labels;
    options.threshold = (gfloat)threshold;
    if (vigil_gst_init(&error))
        detector = vigil_detector_open(&options, &error);
    if (!detector) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    draw = vigil_draw_new(0, 0);
    detection.detector = detector;
    detection.draw = draw;
    detection.threshold = threshold;
    detection.output = output;
    detection.capacity = vigil_detector_get_max_detections(detector);
    detections = g_new0(VigilDetection, detection.capacity);
    detection.detections = detections;
    return detect_all(&detection, args);
}

const VigilCommand vigil_cmd_detect = {
    "detect", "IMAGE…", "Boxes in pictures, as JSON lines, or drawn",
    "Pictures are JPEG, PNG, BMP or what else GStreamer decodes. A line of JSON for each:\n"
    "{\"file\":…,\"detections\":[{\"label\":…,\"score\":…,\"box\":[x0,y0,x1,y1]}]}, "
    "boxes in parts of the picture.\n",
    run};
