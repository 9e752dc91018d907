/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-package.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "models/vigil-builtin.h"
#include "models/vigil-file-private.h"

#define MAX_MANIFEST (64u << 10)

static const gchar *const model_keys[] = {"name",        "version", "file",       "labels",
                                          "licence",     "sha256",  "provenance", "decoder",
                                          "coordinates", NULL};
static const gchar *const input_keys[] = {"resize", "colour", "mean",   "std",
                                          "pad",    "width",  "height", NULL};
static const gchar *const detect_keys[] = {"threshold", "iou_threshold", "max_detections", NULL};
static const gchar *const golden_keys[] = {"input", "boxes", NULL};
static const gchar *const groups[] = {"model", "input", "detect", "golden", NULL};
static const gchar *const *const keys_of_group[] = {model_keys, input_keys, detect_keys,
                                                    golden_keys};

/* What reading a manifest needs at hand. */
typedef struct {
    GKeyFile *file;
    const gchar *directory;
    gchar *path; /* for messages */
    VigilPackage *package;
} Reader;

static gboolean G_GNUC_PRINTF(5, 6) refuse(const Reader *reader, GError **error, const gchar *group,
                                           const gchar *key, const gchar *format, ...)
{
    g_autofree gchar *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s: [%s] %s: %s",
                reader->path, group, key, why);
    return FALSE;
}

/* Levenshtein's distance, of words short enough for one row on the stack. */
static guint
distance(const gchar *a, const gchar *b)
{
    guint row[32];
    const gsize n = strlen(b);

    if (n >= G_N_ELEMENTS(row))
        return G_MAXUINT;
    for (guint j = 0; j <= n; j++)
        row[j] = j;
    for (guint i = 0; a[i]; i++) {
        guint diagonal = row[0];

        row[0] = i + 1;
        for (guint j = 0; j < n; j++) {
            const guint above = row[j + 1];

            row[j + 1] = MIN(MIN(above, row[j]) + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[n];
}

static const gchar *
nearest(const gchar *word, const gchar *const *known)
{
    const gchar *best = known[0];

    for (guint i = 1; known[i]; i++) {
        if (distance(word, known[i]) < distance(word, best))
            best = known[i];
    }
    return best;
}

static gboolean
check_keys(const Reader *reader, GError **error)
{
    g_auto(GStrv) found = g_key_file_get_groups(reader->file, NULL);

    for (guint g = 0; found[g]; g++) {
        g_auto(GStrv) keys = g_key_file_get_keys(reader->file, found[g], NULL, NULL);
        guint known = 0;

        while (groups[known] && !g_str_equal(groups[known], found[g]))
            known++;
        if (!groups[known]) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                        "%s: unknown group [%s]; did you mean [%s]?", reader->path, found[g],
                        nearest(found[g], groups));
            return FALSE;
        }
        for (guint k = 0; keys && keys[k]; k++) {
            if (!g_strv_contains(keys_of_group[known], keys[k]))
                return refuse(reader, error, found[g], keys[k], "unknown key; did you mean \"%s\"?",
                              nearest(keys[k], keys_of_group[known]));
        }
    }
    return TRUE;
}

static gchar *
get_text(const Reader *reader, const gchar *group, const gchar *key)
{
    gchar *value = g_key_file_get_value(reader->file, group, key, NULL);

    return value ? g_strstrip(value) : NULL;
}

/* A file of the package: by a relative name that does not lead out of it. */
static gboolean
get_file(const Reader *reader, const gchar *group, const gchar *key, gchar **path, GError **error)
{
    g_autofree gchar *name = get_text(reader, group, key);
    g_auto(GStrv) parts = NULL;

    if (!name)
        return TRUE;
    parts = g_strsplit(name, "/", -1);
    if (!*name || g_path_is_absolute(name) || g_strv_contains((const gchar *const *)parts, ".."))
        return refuse(reader, error, group, key,
                      "\"%s\" must be the name of a file inside the package", name);
    *path = g_build_filename(reader->directory, name, NULL);
    return TRUE;
}

static gboolean
parse_number(const gchar *text, gdouble *value)
{
    gchar *end;

    *value = g_ascii_strtod(text, &end);
    while (g_ascii_isspace(*end))
        end++;
    return end != text && !*end && isfinite(*value);
}

static gboolean
get_number(const Reader *reader, const gchar *group, const gchar *key, gdouble low, gdouble high,
           gdouble *value, GError **error)
{
    g_autofree gchar *text = get_text(reader, group, key);

    if (!text || (parse_number(text, value) && *value >= low && *value <= high))
        return TRUE;
    return refuse(reader, error, group, key, "\"%s\" must be a number from %g to %g", text, low,
                  high);
}

/* One number for all channels, or three. */
static gboolean
get_channels(const Reader *reader, const gchar *key, gfloat values[3], gboolean *given,
             GError **error)
{
    g_autofree gchar *text = get_text(reader, "input", key);
    g_auto(GStrv) parts = NULL;
    guint n;

    if (!text)
        return TRUE;
    parts = g_strsplit(text, ",", -1);
    n = g_strv_length(parts);
    for (guint c = 0; c < 3; c++) {
        gdouble value;

        if ((n != 1 && n != 3) || !parse_number(parts[n == 3 ? c : 0], &value) || fabs(value) > 1e6)
            return refuse(reader, error, "input", key,
                          "\"%s\" must be one number, or three with commas between", text);
        values[c] = (gfloat)value;
    }
    *given = TRUE;
    return TRUE;
}

static gboolean
get_choice(const Reader *reader, const gchar *group, const gchar *key, const gchar *const *choices,
           gint *choice, GError **error)
{
    g_autofree gchar *text = get_text(reader, group, key);
    g_autofree gchar *list = NULL;

    for (gint i = 0; text && choices[i]; i++) {
        if (g_str_equal(text, choices[i])) {
            *choice = i;
            return TRUE;
        }
    }
    if (!text)
        return TRUE;
    list = g_strjoinv(", ", (gchar **)choices);
    return refuse(reader, error, group, key, "\"%s\" is none of: %s", text, list);
}

static gboolean
read_model(const Reader *reader, GError **error)
{
    static const gchar *const decoders[] = {"ssd-postprocess", "ssd-anchors", "yolov5",  "yolov8",
                                            "anchor-free",     "yolox",       "nanodet", NULL};
    static const gchar *const coordinates[] = {"normalised", "pixels", "cells", NULL};
    VigilPackage *package = reader->package;
    gint decoder = -1, unit = -1;

    package->name = get_text(reader, "model", "name");
    package->version = get_text(reader, "model", "version");
    package->licence = get_text(reader, "model", "licence");
    package->provenance = get_text(reader, "model", "provenance");
    package->sha256 = get_text(reader, "model", "sha256");
    if (!package->name || !*package->name)
        return refuse(reader, error, "model", "name", "a package needs a name");
    if (!get_file(reader, "model", "file", &package->model_path, error) ||
        !get_file(reader, "model", "labels", &package->labels_path, error) ||
        !get_choice(reader, "model", "decoder", decoders, &decoder, error) ||
        !get_choice(reader, "model", "coordinates", coordinates, &unit, error))
        return FALSE;
    if (!package->model_path)
        return refuse(reader, error, "model", "file",
                      "a package needs the name of its .tflite or .onnx file");
    if (package->sha256 &&
        (strlen(package->sha256) != 64 || strspn(package->sha256, "0123456789abcdef") != 64))
        return refuse(reader, error, "model", "sha256", "must be 64 lower-case hexadecimal digits");
    if (decoder >= 0)
        package->decoder = vigil_decoder_kind_from_name(decoders[decoder]);
    if (unit >= 0)
        package->coordinates = VIGIL_COORDINATES_NORMALISED + (guint)unit;
    return TRUE;
}

static gboolean
read_input(const Reader *reader, GError **error)
{
    static const gchar *const resizes[] = {"stretch", "letterbox", NULL};
    static const gchar *const colours[] = {"rgb", "bgr", "gray", NULL};
    VigilPreprocessOptions *options = &reader->package->preprocess;
    gint resize = -1, colour = -1;
    gdouble pad = options->pad, width = 0, height = 0;

    if (!get_choice(reader, "input", "resize", resizes, &resize, error) ||
        !get_choice(reader, "input", "colour", colours, &colour, error) ||
        !get_channels(reader, "mean", options->mean, &options->normalise, error) ||
        !get_channels(reader, "std", options->std, &options->normalise, error) ||
        !get_number(reader, "input", "pad", 0, 255, &pad, error) ||
        !get_number(reader, "input", "width", 1, VIGIL_PREPROCESS_MAX_SIDE, &width, error) ||
        !get_number(reader, "input", "height", 1, VIGIL_PREPROCESS_MAX_SIDE, &height, error))
        return FALSE;
    for (guint c = 0; c < 3; c++) {
        if (!(options->std[c] > 0))
            return refuse(reader, error, "input", "std", "must be above 0");
    }
    reader->package->has_resize = resize >= 0;
    options->resize = resize == 1 ? VIGIL_RESIZE_LETTERBOX : VIGIL_RESIZE_STRETCH;
    reader->package->has_colour = colour >= 0;
    options->colour = colour >= 0 ? (VigilColour)colour : VIGIL_COLOUR_RGB;
    reader->package->input_width = (guint)width;
    reader->package->input_height = (guint)height;
    options->pad = (guint8)pad;
    return TRUE;
}

static gboolean
read_detect(const Reader *reader, GError **error)
{
    VigilPackage *package = reader->package;
    gdouble threshold = -1, iou_threshold = -1, max_detections = 0;

    if (!get_number(reader, "detect", "threshold", 0, 1, &threshold, error) ||
        !get_number(reader, "detect", "iou_threshold", 0, 1, &iou_threshold, error) ||
        !get_number(reader, "detect", "max_detections", 1, 1000, &max_detections, error))
        return FALSE;
    if (max_detections != floor(max_detections))
        return refuse(reader, error, "detect", "max_detections", "must be a whole number");
    package->threshold = (gfloat)threshold;
    package->iou_threshold = (gfloat)iou_threshold;
    package->max_detections = (guint)max_detections;
    return TRUE;
}

static gboolean
read_golden(const Reader *reader, GError **error)
{
    VigilPackage *package = reader->package;

    if (!get_file(reader, "golden", "input", &package->golden_input, error) ||
        !get_file(reader, "golden", "boxes", &package->golden_boxes, error))
        return FALSE;
    if (!package->golden_input != !package->golden_boxes)
        return refuse(reader, error, "golden", package->golden_input ? "boxes" : "input",
                      "missing; input and boxes go together");
    return TRUE;
}

VigilPackage *
vigil_package_parse(const gchar *directory, const gchar *manifest, gsize length, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(VigilPackage) package = g_new0(VigilPackage, 1);
    g_autoptr(GError) why = NULL;
    g_autofree gchar *path = g_build_filename(directory, VIGIL_PACKAGE_MANIFEST, NULL);
    const Reader reader = {file, directory, path, package};

    package->preprocess = vigil_preprocess_options_defaults();
    if (!g_utf8_validate_len(manifest, length, NULL) ||
        !g_key_file_load_from_data(file, manifest, length, G_KEY_FILE_NONE, &why)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s: %s", path,
                    why ? why->message : "not UTF-8 text");
        return NULL;
    }
    if (!check_keys(&reader, error) || !read_model(&reader, error) || !read_input(&reader, error) ||
        !read_detect(&reader, error) || !read_golden(&reader, error))
        return NULL;
    return g_steal_pointer(&package);
}

VigilPackage *
vigil_package_new(VigilSealed *sealed, const gchar *path, GError **error)
{
    g_autoptr(VigilPackage) bare = g_new0(VigilPackage, 1);
    g_autoptr(VigilPackage) self = NULL;
    g_autoptr(GBytes) manifest = NULL;
    g_autofree gchar *file = g_build_filename(path, VIGIL_PACKAGE_MANIFEST, NULL);
    gsize length;
    const gchar *text;

    bare->directory = g_strdup(path);
    bare->sealed = *sealed;
    *sealed = (VigilSealed){0};
    manifest = vigil_package_read(bare, file, MAX_MANIFEST, error);
    if (!manifest) {
        g_prefix_error(error, "%s: a model package has a readable %s: ", path,
                       VIGIL_PACKAGE_MANIFEST);
        return NULL;
    }
    text = g_bytes_get_data(manifest, &length);
    self = vigil_package_parse(path, text ? text : "", length, error);
    if (!self)
        return NULL;
    self->directory = g_steal_pointer(&bare->directory);
    self->sealed = bare->sealed;
    bare->sealed = (VigilSealed){0};
    return g_steal_pointer(&self);
}

gboolean
vigil_package_is(const gchar *path)
{
    return vigil_builtin_is(path) || g_file_test(path, G_FILE_TEST_IS_DIR) ||
           vigil_package_is_archive(path);
}

VigilPackage *
vigil_package_load(const gchar *path, GError **error)
{
    g_autofree gchar *signature = g_build_filename(path, VIGIL_PACKAGE_SIGNATURE, NULL);
    const gboolean archive = !g_file_test(path, G_FILE_TEST_IS_DIR);
    const gboolean ask = archive || g_file_test(signature, G_FILE_TEST_EXISTS);
    g_autoptr(VigilKeys) keys = NULL;

    if (vigil_builtin_is(path))
        return vigil_builtin_load(path, error);
    keys = ask ? vigil_keys_load(NULL, error) : NULL;
    if (ask && !keys)
        return NULL;
    return vigil_package_open(path, keys, archive ? VIGIL_PACKAGE_SIGNED : VIGIL_PACKAGE_ANY,
                              error);
}

VigilPackage *
vigil_package_open(const gchar *path, const VigilKeys *keys, VigilPackagePolicy policy,
                   GError **error)
{
    g_auto(VigilSealed) sealed = {0};

    if (!vigil_sealed_open(&sealed, path, keys, policy, error))
        return NULL;
    return vigil_package_new(&sealed, path, error);
}

static GBytes *
read_from_disk(const gchar *path, gsize limit, GError **error)
{
    gchar *content = NULL;
    gsize length = 0;

    if (vigil_file_read(path, limit, &content, &length, error))
        return g_bytes_new_take(content, length);
    g_prefix_error(error, "%s: ", path);
    return NULL;
}

GBytes *
vigil_package_read(const VigilPackage *self, const gchar *path, gsize limit, GError **error)
{
    const gchar *name;
    GBytes *content;

    if (!self->sealed.files)
        return read_from_disk(path, limit, error);
    name = path + strlen(self->directory);
    name += strspn(name, "/");
    content = vigil_package_files_get(self->sealed.files, name);
    if (content && g_bytes_get_size(content) <= limit)
        return g_bytes_ref(content);
    g_set_error(error, VIGIL_MODEL_ERROR,
                content ? VIGIL_MODEL_ERROR_TOO_LARGE : VIGIL_MODEL_ERROR_INVALID, "%s: %s", path,
                content ? "larger than it may be" : "the package has no such file");
    return NULL;
}

void
vigil_package_free(VigilPackage *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->version);
    g_free(self->licence);
    g_free(self->provenance);
    g_free(self->sha256);
    g_free(self->model_path);
    g_free(self->labels_path);
    g_free(self->golden_input);
    g_free(self->golden_boxes);
    g_free(self->directory);
    vigil_sealed_clear(&self->sealed);
    g_free(self);
}
