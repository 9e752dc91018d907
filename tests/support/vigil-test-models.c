/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-test-models.h"

#include <string.h>

#include "tests/support/vigil-test-data.h"

GPtrArray *
vigil_test_models(void)
{
    g_autofree gchar *folder = vigil_test_data_path("models");
    g_autoptr(GDir) dir = folder != NULL ? g_dir_open(folder, 0, NULL) : NULL;
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    const gchar *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        if (g_str_has_suffix(name, ".tflite"))
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
    return paths;
}

void
vigil_test_fill_inputs(const VigilModel *model, VigilSession *session, guint32 seed)
{
    for (guint i = 0; i < vigil_model_get_n_inputs(model); i++) {
        const VigilTensorInfo *info = vigil_model_get_input_info(model, i);
        guint8 *data = vigil_session_get_input(session, i);

        memset(data, 0, info->bytes);
        for (gsize j = 0; j < info->bytes && info->type != VIGIL_TENSOR_FLOAT32; j++) {
            seed = seed * 1664525u + 1013904223u;
            data[j] = (guint8)(seed >> 24);
        }
    }
}

void
vigil_test_append_outputs(const VigilModel *model, VigilSession *session, GByteArray *bytes)
{
    for (guint i = 0; i < vigil_model_get_n_outputs(model); i++)
        g_byte_array_append(bytes, vigil_session_get_output(session, i),
                            (guint)vigil_model_get_output_info(model, i)->bytes);
}
