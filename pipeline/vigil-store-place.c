/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-store-place.h"

#include "pipeline/vigil-settings.h"

void
vigil_store_place_set(VigilStorePlace *self, const gchar *directory)
{
    g_free(self->directory);
    g_free(self->database);
    g_free(self->clips);
    self->directory = g_canonicalize_filename(directory, NULL);
    self->database = g_build_filename(self->directory, "events.db", NULL);
    self->clips = g_build_filename(self->directory, "clips", NULL);
}

void
vigil_store_place_clear(VigilStorePlace *self)
{
    g_free(self->store_option);
    g_free(self->config_option);
    g_free(self->directory);
    g_free(self->database);
    g_free(self->clips);
}

gboolean
vigil_store_place_resolve(VigilStorePlace *self, VigilExit *code)
{
    const gchar *config = self->config_option ? self->config_option : VIGIL_SETTINGS_DEFAULT_PATH;
    g_autoptr(VigilSettings) settings = NULL;
    g_autoptr(GError) error = NULL;

    if (self->store_option) {
        vigil_store_place_set(self, self->store_option);
        return TRUE;
    }
    settings = vigil_settings_load(config, &error);
    if (!settings) {
        *code = vigil_command_mistakes(error);
        if (!self->config_option)
            vigil_command_error("name the store with --store DIR or --config FILE");
        return FALSE;
    }
    vigil_store_place_set(self, settings->store_path);
    return TRUE;
}

VigilStore *
vigil_store_place_open_reader(VigilStorePlace *self, VigilExit *code)
{
    g_autoptr(GError) error = NULL;
    VigilStore *store;

    if (!vigil_store_place_resolve(self, code))
        return NULL;
    store = vigil_store_open_reader(self->database, self->clips, &error);
    if (!store) {
        vigil_command_error("%s", error->message);
        *code = VIGIL_EXIT_FAILED;
    }
    return store;
}
