/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-device-report.h"

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    gboolean json = FALSE, controls = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "All that is known, as one JSON array", NULL},
        {"controls", 0, 0, G_OPTION_ARG_NONE, &controls,
         "Also what can be set: names, values now, and what is allowed", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GPtrArray) cameras = NULL;
    g_auto(GStrv) args = NULL;
    g_autofree gchar *text = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    cameras = vigil_v4l2_list_cameras(vigil_v4l2_system());
    text = json ? vigil_device_report_json(cameras) : vigil_device_report_text(cameras, controls);
    printf("%s%s", text, json ? "\n" : "");
    if (cameras->len == 0 && !json)
        printf("There is no V4L2 camera here.\n");
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_devices = {
    "devices", "", "Cameras that are there, their formats and stable names",
    "The first line of each camera is what `source:` of a configuration takes.\n", run};
