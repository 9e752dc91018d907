/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "models/vigil-model.h"
#include "pipeline/vigil-command.h"

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilModel) model = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree gchar *text = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, NULL, argc, argv, 1, 1, &args, &code))
        return code;
    model = vigil_model_load(args[0], &error);
    if (!model) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    text = vigil_model_describe(model);
    fputs(text, stdout);
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_model_inspect = {
    "inspect", "MODEL", "Operators, tensors, multiply-accumulates, arena and weight bytes", "",
    run};
