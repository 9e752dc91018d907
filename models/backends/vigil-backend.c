/* SPDX-License-Identifier: Apache-2.0 */
#include "models/backends/vigil-backend-private.h"

#include "vigil-config.h"

static gboolean
is_onnx(const gchar *name)
{
    g_autofree gchar *lower = g_ascii_strdown(name, -1);

    return g_str_has_suffix(lower, ".onnx");
}

static const VigilBackend *
find_onnx_backend(GError **error)
{
#ifdef HAVE_ONNXRUNTIME
    return vigil_backend_onnxruntime();
#else
    g_set_error_literal(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                        "this build of Vigil has no ONNX Runtime, which runs .onnx files: install "
                        "libonnxruntime-dev (Debian 13 has it, 12 does not) and build again, or "
                        "convert the model to .tflite");
    return NULL;
#endif
}

gboolean
vigil_backend_choose(const gchar *name, GBytes *bytes, const VigilBackend **backend, GError **error)
{
    *backend = NULL;
    if (!is_onnx(name))
        return TRUE;
    if (g_bytes_get_size(bytes) > VIGIL_ONNX_MAX_FILE_BYTES) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "it has %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT
                    " are read of an ONNX file",
                    g_bytes_get_size(bytes), VIGIL_ONNX_MAX_FILE_BYTES);
        return FALSE;
    }
    *backend = find_onnx_backend(error);
    return *backend != NULL;
}
