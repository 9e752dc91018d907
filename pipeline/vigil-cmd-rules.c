/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"

static const VigilCommand *const commands[] = {&vigil_cmd_rules_test, NULL};

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_autofree gchar *list = NULL;

    if (argc > 1 && !g_str_equal(argv[1], "--help") && !g_str_equal(argv[1], "-h"))
        return vigil_command_dispatch(commands, "vigil rules", argc - 1, argv + 1);
    list = vigil_command_list(commands);
    printf("Usage:\n  vigil rules COMMAND …\n\n%s\n\nCommands:\n%s\n%s", self->summary, list,
           VIGIL_EXIT_HELP);
    return argc > 1 ? VIGIL_EXIT_OK : VIGIL_EXIT_USAGE;
}

const VigilCommand vigil_cmd_rules = {"rules", "COMMAND …", "Rules: try them on a video", "", run};
