/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "models/vigil-model-store.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-reload.h"
#include "pipeline/vigil-store-place.h"

/* The name that was given, else that of the only model there is. */
static gchar *
choose(VigilModelStore *store, const VigilStorePlace *place, const gchar *name)
{
    g_auto(GStrv) names = NULL;
    g_autofree gchar *list = NULL;

    if (name)
        return g_strdup(name);
    names = vigil_model_store_list(store);
    if (g_strv_length(names) == 1)
        return g_strdup(names[0]);
    list = g_strjoinv(", ", names);
    if (*list)
        vigil_command_error("name one of the models: %s", list);
    else
        vigil_command_error("no model is installed in %s", place->directory);
    return NULL;
}

static VigilExit
rollback(const VigilStorePlace *place, const gchar *asked, const gchar *reason)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(place->directory);
    g_autofree gchar *name = choose(store, place, asked);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = NULL;

    if (!name)
        return VIGIL_EXIT_NOT_FOUND;
    slot = vigil_model_store_rollback(store, name, NULL, reason, &error);
    if (slot) {
        printf("%s %s is in use again, from %s\n", slot->name, slot->version, slot->path);
        if (vigil_reload_daemon(place->directory))
            printf("the daemon of this store was told\n");
        return VIGIL_EXIT_OK;
    }
    vigil_command_error("%s", error->message);
    return g_error_matches(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_NOT_FOUND)
               ? VIGIL_EXIT_NOT_FOUND
               : VIGIL_EXIT_FAILED;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {0};
    g_autofree gchar *reason = NULL;
    const GOptionEntry entries[] = {
        VIGIL_STORE_PLACE_ENTRIES(place),
        {"reason", 'r', 0, G_OPTION_ARG_STRING, &reason, "Why, kept with the version that is left",
         "TEXT"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 1, &args, &code) ||
        !vigil_store_place_resolve(&place, &code))
        return code;
    return rollback(&place, args[0], reason ? reason : "by hand");
}

const VigilCommand vigil_cmd_model_rollback = {
    "rollback", "[NAME]", "Go back to the version before",
    "The version that is left is marked bad and not installed again by itself.\n", run};
