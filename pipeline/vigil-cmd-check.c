/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-model-check.h"
#include "pipeline/vigil-settings.h"

/* A file that is not there now may be there later, so it is no mistake of the configuration. */
static void
warn_about_files(const VigilSettings *settings)
{
    for (guint i = 0; i < settings->cameras->len; i++) {
        const VigilCameraSettings *camera = settings->cameras->pdata[i];

        if (camera->source->kind == VIGIL_SOURCE_FILE &&
            !g_file_test(camera->source->location, G_FILE_TEST_EXISTS))
            vigil_command_error("camera %s: there is no %s now", camera->name,
                                camera->source->location);
    }
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    const gchar *path;
    VigilExit code;

    if (!vigil_command_parse(self, NULL, argc, argv, 0, 1, &args, &code))
        return code;
    path = args[0] ? args[0] : VIGIL_SETTINGS_DEFAULT_PATH;
    settings = vigil_settings_load(path, &error);
    if (!settings || !vigil_model_check(settings, &error))
        return vigil_command_mistakes(error);
    warn_about_files(settings);
    printf("%s: %u camera%s, store %s: no mistakes\n", path, settings->cameras->len,
           settings->cameras->len == 1 ? "" : "s", settings->store_path);
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_check = {
    "check", "[CONFIG]", "Validate a configuration",
    "Reads the configuration (default /etc/vigil/vigil.yaml), loads its models and compares them "
    "with\nthe rules. Says all that is wrong: file, line, key, and what would be right.\n",
    run};
