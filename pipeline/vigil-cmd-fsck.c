/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "vigil-config.h"

static void
print_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
    guint *n = user_data;

    (*n)++;
    printf("%s%s\n", finding, repaired ? " (repaired)" : "");
}

static VigilStore *
open_writer(VigilStorePlace *place, VigilExit *code)
{
    VigilStoreOptions options = {.program = "vigil " VIGIL_VERSION " fsck"};
    g_autoptr(GError) error = NULL;
    VigilStore *store;

    if (!vigil_store_place_resolve(place, code))
        return NULL;
    *code = VIGIL_EXIT_FAILED;
    /* to repair what is there, not to make a store where a name was mistyped */
    if (!g_file_test(place->database, G_FILE_TEST_EXISTS)) {
        vigil_command_error("%s: there is no store", place->directory);
        return NULL;
    }
    options.database = place->database;
    options.clips = place->clips;
    store = vigil_store_open(&options, &error);
    if (!store)
        vigil_command_error("%s", error->message);
    return store;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    gboolean repair = FALSE;
    const GOptionEntry entries[] = {
        {"repair", 0, 0, G_OPTION_ARG_NONE, &repair,
         "Mend what can be mended; no other program may be writing", NULL},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    guint n_found = 0, n_left = 0;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    store = repair ? open_writer(&place, &code) : vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (!vigil_store_fsck(store, repair, print_finding, &n_found, &n_left, &error)) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    printf("%u found, %u left\n", n_found, n_left);
    return n_left ? VIGIL_EXIT_FINDINGS : VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_fsck = {
    "fsck", "", "Check the store: rows against clips, and the database itself",
    "Each finding is a line; the last line counts them.\n"
    "An unfinished clip of a program that was killed is no damage: the next start finishes it.\n",
    run};
