/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-model-compare.h"

#include <string.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-picture.h"

static gboolean
is_picture(const gchar *name)
{
    static const gchar *const endings[] = {".jpg", ".jpeg", ".png", ".bmp"};
    g_autofree gchar *lower = g_ascii_strdown(name, -1);

    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (g_str_has_suffix(lower, endings[i]))
            return TRUE;
    }
    return FALSE;
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const gchar *const *)a, *(const gchar *const *)b);
}

static GPtrArray *
list_pictures(const gchar *folder, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    const gchar *name;

    if (!dir)
        return NULL;
    while ((name = g_dir_read_name(dir))) {
        if (is_picture(name))
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(paths, by_name);
    if (paths->len > 0)
        return g_steal_pointer(&paths);
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                "%s: no pictures in it (.jpg, .jpeg, .png, .bmp)", folder);
    return NULL;
}

static GArray *
run_detector(VigilDetector *detector, const VigilPicture *picture, const gchar *path,
             gfloat threshold, GError **error)
{
    const guint capacity = vigil_detector_get_max_detections(detector);
    g_autoptr(GArray) boxes = g_array_sized_new(FALSE, TRUE, sizeof(VigilDetection), capacity);
    gint n;

    g_array_set_size(boxes, capacity);
    n = vigil_detector_run(detector, &picture->image, threshold,
                           (VigilDetection *)(gpointer)boxes->data, capacity);
    if (n < 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s: the inference failed",
                    path);
        return NULL;
    }
    g_array_set_size(boxes, (guint)n);
    return g_steal_pointer(&boxes);
}

static GArray *
parse_list(const VigilDetector *detector, const gchar *path, gboolean yolo, GError **error)
{
    const guint n_labels = vigil_detector_get_n_labels(detector);
    g_autofree const gchar **labels = g_new0(const gchar *, n_labels + 1);
    g_autofree gchar *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    for (guint i = 0; i < n_labels; i++)
        labels[i] = vigil_detector_get_label(detector, (gint32)i);
    return yolo ? vigil_box_list_parse_yolo(text, length, path, labels, n_labels, error)
                : vigil_box_list_parse(text, length, path, error);
}

/* What should be in a picture: by a file beside it. NULL without an error: there is none. */
static GArray *
read_list(const VigilDetector *detector, const gchar *picture, GError **error)
{
    const gsize stem = (gsize)(strrchr(picture, '.') - picture);
    g_autofree gchar *tsv = g_strdup_printf("%.*s.tsv", (gint)stem, picture);
    g_autofree gchar *txt = g_strdup_printf("%.*s.txt", (gint)stem, picture);

    if (g_file_test(tsv, G_FILE_TEST_EXISTS))
        return parse_list(detector, tsv, FALSE, error);
    if (g_file_test(txt, G_FILE_TEST_EXISTS))
        return parse_list(detector, txt, TRUE, error);
    return NULL;
}

static gboolean
compare_picture(VigilDetector *detector, VigilDetector *against, const gchar *path,
                VigilModelComparison *result, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GArray) boxes = NULL;
    g_autoptr(GArray) reference = against ? NULL : read_list(detector, path, &why);
    g_autoptr(VigilPicture) picture = NULL;
    gfloat threshold = -1;

    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (!against && !reference) {
        result->without++;
        return TRUE;
    }
    picture = vigil_picture_load(path, error);
    if (!picture)
        return FALSE;
    if (against) {
        /* what only one of the two leaves out by its threshold is no difference between them */
        threshold =
            MAX(vigil_detector_get_threshold(detector), vigil_detector_get_threshold(against));
        reference = run_detector(against, picture, path, threshold, error);
    }
    boxes = reference ? run_detector(detector, picture, path, threshold, error) : NULL;
    if (!boxes)
        return FALSE;
    vigil_box_match_add(&result->match, (const VigilDetection *)(gpointer)reference->data,
                        reference->len, (const VigilDetection *)(gpointer)boxes->data, boxes->len,
                        VIGIL_MODEL_COMPARE_IOU);
    result->pictures++;
    return TRUE;
}

gboolean
vigil_model_compare(VigilDetector *detector, VigilDetector *against, const gchar *folder,
                    VigilModelComparison *result, GError **error)
{
    g_autoptr(GPtrArray) paths = list_pictures(folder, error);

    *result = (VigilModelComparison){0};
    for (guint i = 0; paths && i < paths->len; i++) {
        g_autofree gchar *progress =
            g_strdup_printf("%u of %u: %s", i + 1, paths->len, (const gchar *)paths->pdata[i]);

        vigil_command_progress(progress);
        if (!compare_picture(detector, against, paths->pdata[i], result, error)) {
            vigil_command_progress(NULL);
            return FALSE;
        }
    }
    vigil_command_progress(NULL);
    if (!paths || result->pictures > 0)
        return paths != NULL;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                "%s: no picture has its boxes beside it (as PICTURE.tsv or PICTURE.txt); --against "
                "MODEL compares with another model",
                folder);
    return FALSE;
}

gdouble
vigil_model_comparison_get_agreement(const VigilModelComparison *self)
{
    const guint64 all = self->match.matched + self->match.missed + self->match.extra;

    return all ? (gdouble)self->match.matched / (gdouble)all : 1.0;
}
