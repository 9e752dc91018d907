/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "models/vigil-key.h"
#include "models/vigil-model-store.h"
#include "pipeline/vigil-command.h"
#include "pipeline/vigil-reload.h"
#include "pipeline/vigil-store-place.h"

static VigilExit
install(const VigilStorePlace *place, const gchar *package, const VigilModelInstall *options)
{
    g_autoptr(VigilModelStore) store = vigil_model_store_open(place->directory);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_install(store, package, options, &error);

    if (!slot) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    printf("%s %s is in %s, %s%s\n", slot->name, slot->version, slot->path,
           slot->key ? "signed by key " : "not signed", slot->key ? slot->key : "");
    if (vigil_reload_daemon(place->directory))
        printf("the daemon of this store was told\n");
    return VIGIL_EXIT_OK;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {0};
    g_autofree gchar *keys = NULL;
    VigilModelInstall options = {0};
    const GOptionEntry entries[] = {
        VIGIL_STORE_PLACE_ENTRIES(place),
        {"keys", 'k', 0, G_OPTION_ARG_FILENAME, &keys,
         "Directory of the trusted keys, *.pub (default " VIGIL_KEYS_DEFAULT_DIR ")", "DIR"},
        {"allow-unsigned", 0, 0, G_OPTION_ARG_NONE, &options.allow_unsigned,
         "Take a package that nobody signed", NULL},
        {"allow-downgrade", 0, 0, G_OPTION_ARG_NONE, &options.allow_downgrade,
         "Take a version that is not higher, or one that was rolled back", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code) ||
        !vigil_store_place_resolve(&place, &code))
        return code;
    options.keys = keys;
    return install(&place, args[0], &options);
}

const VigilCommand vigil_cmd_model_install = {
    "install", "PACKAGE", "Put a signed package into the store",
    "Verified, loaded and checked with its golden boxes first; then written beside the version in "
    "use and switched to\n"
    "at one stroke. The version before stays for `vigil model rollback`. A configuration uses it "
    "by `model: NAME`;\na daemon that runs on this store changes to it without a restart.\n",
    run};
