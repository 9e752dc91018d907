/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says of a model. */
#include <glib/gstdio.h>

#include "models/vigil-model-store.h"
#include "pipeline/vigil-model-source.h"
#include "pipeline/vigil-settings-private.h"

#define DEFAULT_TRIAL_NS (600 * G_GINT64_CONSTANT(1000000000))
#define LONGEST_TRIAL_NS (7 * 86400e9)
#define DEFAULT_TRIAL_FRAMES 300

/* Whether the files are there and good is vigil_model_check()'s affair: a store can be asked without them. */

/* A word that names no file here is the name of a model: one of ours, or an installed one. */
static gboolean
is_name(const gchar *text, const gchar *base)
{
    g_autofree gchar *path = g_canonicalize_filename(text, base);

    return vigil_model_source_is_ours(text) ||
           (vigil_model_store_is_name(text) && !g_str_has_suffix(text, ".tflite") &&
            !g_str_has_suffix(text, ".onnx") && !g_str_has_suffix(text, ".vigil") &&
            !g_file_test(path, G_FILE_TEST_EXISTS));
}

static void
read_model_path(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                gpointer user_data)
{
    VigilModelSettings *model = target;
    const gchar *text = NULL;

    model->line = vigil_yaml_get_line(node);
    if (vigil_yaml_read_string(node, &text, NULL) && is_name(text, user_data)) {
        model->name = g_strdup(text);
        model->path = g_strdup(text);
    } else {
        vigil_settings_read_path(node, user_data, &model->path, mistakes);
    }
}

static void
read_model_labels(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
                  gpointer user_data)
{
    vigil_settings_read_path(node, user_data, &((VigilModelSettings *)target)->labels, mistakes);
}

static void
append_stamp(GString *stamp, const gchar *path)
{
    GStatBuf info;

    if (path && g_stat(path, &info) == 0)
        g_string_append_printf(
            stamp, "%" G_GINT64_FORMAT ".%ld:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT ";",
            (gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, (gint64)info.st_size,
            (guint64)info.st_ino);
}

static VigilModelSettings *
model_settings_new(void)
{
    VigilModelSettings *self = g_new0(VigilModelSettings, 1);

    self->threshold = -1.0;
    self->iou_threshold = -1.0;
    self->trial_ns = DEFAULT_TRIAL_NS;
    self->trial_frames = DEFAULT_TRIAL_FRAMES;
    return self;
}

VigilModelSettings *
vigil_model_settings_copy(const VigilModelSettings *self)
{
    VigilModelSettings *copy = g_memdup2(self, sizeof *self);

    copy->path = g_strdup(self->path);
    copy->labels = g_strdup(self->labels);
    copy->stamp = g_strdup(self->stamp);
    copy->name = g_strdup(self->name);
    copy->package = g_strdup(self->package);
    copy->before = self->before ? vigil_model_settings_copy(self->before) : NULL;
    return copy;
}

void
vigil_model_settings_free(VigilModelSettings *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_free(self->labels);
    g_free(self->stamp);
    g_free(self->name);
    g_free(self->package);
    vigil_model_settings_free(self->before);
    g_free(self);
}

void
vigil_model_settings_read(const VigilYaml *node, VigilModelSettings **place, const gchar *base,
                          VigilYamlMistakes *mistakes)
{
    static const gchar *const devices[] = {"cpu", "cuda", "tensorrt", NULL}; /* VigilDevice */
    static const VigilYamlKey keys[] = {
        {.name = "path", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_model_path},
        {.name = "labels", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_model_labels},
        {.name = "threads",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, threads),
         .min = 1,
         .max = VIGIL_SESSION_MAX_THREADS},
        {.name = "device",
         .type = VIGIL_YAML_KEY_WORD,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, device),
         .words = devices},
        {.name = "threshold",
         .type = VIGIL_YAML_KEY_DOUBLE,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, threshold),
         .min = 0.01,
         .max = 1},
        {.name = "iou_threshold",
         .type = VIGIL_YAML_KEY_DOUBLE,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, iou_threshold),
         .min = 0,
         .max = 1},
        {.name = "max_detections",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, max_detections),
         .min = 1,
         .max = 1000},
        {.name = "trial",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, trial_ns),
         .min = 0,
         .max = LONGEST_TRIAL_NS},
        {.name = "trial_frames",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilModelSettings, trial_frames),
         .min = 1,
         .max = 1000000},
        {.name = NULL},
    };
    g_autoptr(GString) stamp = g_string_new(NULL);
    GError *error = NULL;

    vigil_model_settings_free(*place);
    *place = model_settings_new();
    if (vigil_yaml_get_kind(node) == VIGIL_YAML_SCALAR)
        read_model_path(node, *place, mistakes, (gpointer)base);
    else
        vigil_yaml_table_read(node, keys, *place, mistakes, (gpointer)base);
    if (vigil_yaml_get_kind(node) == VIGIL_YAML_MAPPING && !vigil_yaml_get(node, "path")) {
        vigil_yaml_set_error(node, &error,
                             "`path` is missing: a .tflite or .onnx file or a model package");
        vigil_yaml_mistakes_add(mistakes, error);
    }
    append_stamp(stamp, (*place)->path);
    append_stamp(stamp, (*place)->labels);
    (*place)->stamp = g_strdup(stamp->str);
}

gboolean
vigil_model_settings_equal(const VigilModelSettings *a, const VigilModelSettings *b)
{
    return g_strcmp0(a->path, b->path) == 0 && g_strcmp0(a->labels, b->labels) == 0 &&
           g_strcmp0(a->stamp, b->stamp) == 0 && a->threads == b->threads &&
           a->device == b->device && a->threshold == b->threshold &&
           a->iou_threshold == b->iou_threshold && a->max_detections == b->max_detections;
}
