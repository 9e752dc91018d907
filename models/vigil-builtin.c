/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-builtin.h"

static const gchar *const names[] = {"default", "tiny", NULL};

gboolean
vigil_builtin_is(const gchar *name)
{
    return g_strv_contains(names, name);
}

#ifdef VIGIL_EMBED_MODEL

/* The ends of the files in models/default/embedded.S. */
#define FILES_OF(model)                                                                       \
    extern const guint8 vigil_embedded_##model##_manifest[],                                  \
        vigil_embedded_##model##_manifest_end[], vigil_embedded_##model##_detector[],         \
        vigil_embedded_##model##_detector_end[], vigil_embedded_##model##_labels[],           \
        vigil_embedded_##model##_labels_end[], vigil_embedded_##model##_golden_input[],       \
        vigil_embedded_##model##_golden_input_end[], vigil_embedded_##model##_golden_boxes[], \
        vigil_embedded_##model##_golden_boxes_end[];

#define FILE_OF(model, name, symbol)                                                             \
    {                                                                                            \
#model, name, vigil_embedded_##model##_##symbol, vigil_embedded_##model##_##symbol##_end \
    }

#define ROWS_OF(model)                                                                     \
    FILE_OF(model, "manifest.ini", manifest), FILE_OF(model, "detector.tflite", detector), \
        FILE_OF(model, "labels.txt", labels), FILE_OF(model, "golden.raw", golden_input),  \
        FILE_OF(model, "golden.tsv", golden_boxes)

FILES_OF(default)
FILES_OF(tiny)

static const struct {
    const gchar *model, *name;
    const guint8 *begin, *end;
} files[] = {ROWS_OF(default), ROWS_OF(tiny)};

VigilPackage *
vigil_builtin_load(const gchar *name, GError **error)
{
    g_auto(VigilSealed) package = {.files = vigil_package_files_new()};

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GBytes) content = NULL;

        if (!g_str_equal(files[i].model, name))
            continue;
        content = g_bytes_new_static(files[i].begin, (gsize)(files[i].end - files[i].begin));
        if (!vigil_package_files_add(package.files, files[i].name, content, error))
            return NULL;
    }
    return vigil_package_new(&package, name, error);
}

#else

VigilPackage *
vigil_builtin_load(const gchar *name, GError **error)
{
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO,
                "%s: this program was built without a model of its own (embed_model): name a "
                ".tflite or .onnx file or a model package",
                name);
    return NULL;
}

#endif
