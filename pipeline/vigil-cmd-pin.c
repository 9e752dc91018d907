/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-pin-socket.h"
#include "pipeline/vigil-store-place.h"
#include "vigil-config.h"

/* Without a daemon nobody else writes: as itself. */
static gboolean
set_alone(const VigilStorePlace *place, const gchar *event_id, gboolean pinned, GError **error)
{
    const VigilStoreOptions options = {.database = place->database,
                                       .clips = place->clips,
                                       .program = "vigil " VIGIL_VERSION " pin"};
    g_autoptr(VigilStore) store = vigil_store_open(&options, error);

    return store && vigil_store_set_pinned(store, event_id, pinned, error);
}

static gboolean
set_pinned(const VigilStorePlace *place, const gchar *event_id, gboolean pinned, GError **error)
{
    g_autofree gchar *socket = g_build_filename(place->directory, VIGIL_PIN_SOCKET, NULL);
    gboolean answered;

    if (vigil_pin_socket_ask(socket, event_id, pinned, &answered, error))
        return TRUE;
    if (answered)
        return FALSE;
    g_clear_error(error);
    return set_alone(place, event_id, pinned, error);
}

static VigilExit
change(const VigilCommand *self, gint argc, gchar **argv, gboolean pinned)
{
    g_auto(VigilStorePlace) place = {NULL};
    const GOptionEntry entries[] = {VIGIL_STORE_PLACE_ENTRIES(place), G_OPTION_ENTRY_NULL};
    g_auto(GStrv) args = NULL;
    g_autoptr(GError) error = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code) ||
        !vigil_store_place_resolve(&place, &code))
        return code;
    if (!g_file_test(place.database, G_FILE_TEST_EXISTS)) {
        vigil_command_error("there is no store in %s", place.directory);
        return VIGIL_EXIT_FAILED;
    }
    if (set_pinned(&place, args[0], pinned, &error)) {
        printf("%s %s\n", pinned ? "pinned" : "not pinned any more", args[0]);
        return VIGIL_EXIT_OK;
    }
    vigil_command_error("%s", error->message);
    return g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
               ? VIGIL_EXIT_NOT_FOUND
               : VIGIL_EXIT_FAILED;
}

static VigilExit
run_pin(const VigilCommand *self, gint argc, gchar **argv)
{
    return change(self, argc, argv, TRUE);
}

static VigilExit
run_unpin(const VigilCommand *self, gint argc, gchar **argv)
{
    return change(self, argc, argv, FALSE);
}

const VigilCommand vigil_cmd_pin = {
    "pin", "EVENT", "Keep an event and its clip, whatever the limits",
    "No age and no lack of space deletes it; `vigil purge` only with --pinned. Also while the\n"
    "daemon runs. `vigil events --pinned` lists what is pinned.\n",
    run_pin};

const VigilCommand vigil_cmd_unpin = {"unpin", "EVENT", "Let an event go with its age again",
                                      "It goes when its time has come, which may be at once.\n",
                                      run_unpin};
