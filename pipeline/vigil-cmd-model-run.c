/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-command.h"

static gboolean
read_input(VigilSession *session, const VigilModel *model, guint index, const gchar *path,
           GError **error)
{
    const VigilTensorInfo *info = vigil_model_get_input_info(model, index);
    g_autofree gchar *data = NULL;
    gsize length;

    if (!g_file_get_contents(path, &data, &length, error))
        return FALSE;
    if (length != info->bytes) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s has %" G_GSIZE_FORMAT " bytes, but input %u (%s) takes %" G_GSIZE_FORMAT,
                    path, length, index, info->name, info->bytes);
        return FALSE;
    }
    memcpy(vigil_session_get_input(session, index), data, length);
    return TRUE;
}

static gboolean
run_model(const gchar *path, gchar **inputs, const gchar *prefix, GError **error)
{
    g_autoptr(VigilModel) model = vigil_model_load(path, error);
    g_autoptr(VigilSession) session = model ? vigil_session_new(model, 1, error) : NULL;
    const guint n = model ? vigil_model_get_n_inputs(model) : 0;

    if (!session)
        return FALSE;
    if (g_strv_length(inputs) != n) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                    "%s has %u inputs, %u files were given", path, n, g_strv_length(inputs));
        return FALSE;
    }
    for (guint i = 0; i < n; i++)
        if (!read_input(session, model, i, inputs[i], error))
            return FALSE;
    if (!vigil_session_run(session)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID, "%s: the inference failed",
                    path);
        return FALSE;
    }
    for (guint i = 0; i < vigil_model_get_n_outputs(model); i++) {
        g_autofree gchar *name = g_strdup_printf("%s.out%u.raw", prefix, i);

        if (!g_file_set_contents(name, vigil_session_get_output(session, i),
                                 (gssize)vigil_model_get_output_info(model, i)->bytes, error))
            return FALSE;
    }
    return TRUE;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *prefix = NULL;
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &prefix,
         "Outputs become PREFIX.out0.raw, PREFIX.out1.raw …", "PREFIX"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 2, -1, &args, &code))
        return code;
    if (!prefix)
        return vigil_command_usage_error(self, "-o PREFIX is missing");
    if (!run_model(args[0], args + 1, prefix, &error)) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_model_run = {
    "run", "MODEL INPUT.raw…", "One inference on raw tensors",
    "Each input file is the raw content of one input tensor, in the model's order.\n", run};
