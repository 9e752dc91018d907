/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "models/vigil-model-store.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"

static void
print_slot(const VigilModelSlot *slot, const gchar *use)
{
    g_autoptr(GDateTime) since = g_date_time_new_from_unix_utc(slot->since_us / G_USEC_PER_SEC);
    g_autofree gchar *when = g_date_time_format(since, "%Y-%m-%dT%H:%M:%SZ");

    printf("%-20s %-12s %-8s %-6s %-20s %-16s %s\n", slot->name, slot->version, use,
           vigil_model_health_get_name(slot->health), when, slot->key ? slot->key : "not signed",
           slot->reason ? slot->reason : "");
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {0};
    const GOptionEntry entries[] = {
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(VigilModelStore) store = NULL;
    g_auto(GStrv) args = NULL, names = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code) ||
        !vigil_store_place_resolve(&place, &code))
        return code;
    store = vigil_model_store_open(place.directory);
    names = vigil_model_store_list(store);
    printf("%-20s %-12s %-8s %-6s %-20s %-16s %s\n", "MODEL", "VERSION", "USE", "HEALTH", "SINCE",
           "KEY", "WHY");
    for (guint i = 0; names[i]; i++) {
        g_autoptr(VigilModelSlot) current = vigil_model_store_current(store, names[i], NULL);
        g_autoptr(VigilModelSlot) other = vigil_model_store_other(store, names[i], NULL);

        if (current)
            print_slot(current, "current");
        if (other)
            print_slot(other, "other");
    }
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_model_list = {"list", "",
                                           "Installed models, their versions and health", "", run};
