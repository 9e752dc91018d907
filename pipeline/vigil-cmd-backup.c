/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "storage/vigil-backup.h"

static void
print_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
    printf("%s\n", finding);
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    gboolean clips = FALSE;
    const GOptionEntry entries[] = {
        {"clips", 0, 0, G_OPTION_ARG_NONE, &clips,
         "The clips as well: as links where the file system is the same, else as copies", NULL},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    VigilBackupSummary summary;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 1, 1, &args, &code))
        return code;
    store = vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (!vigil_store_backup(store, args[0], clips, print_finding, NULL, &summary, &error)) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    printf("%" G_GUINT64_FORMAT " events", summary.n_events);
    if (clips)
        printf(" and %" G_GUINT64_FORMAT " clips (%" G_GUINT64_FORMAT " linked, %" G_GUINT64_FORMAT
               " copied)",
               summary.n_clips, summary.n_linked, summary.n_copied);
    printf(" in %s, checked: %u found\n", args[0], summary.n_found);
    return summary.n_found ? VIGIL_EXIT_FINDINGS : VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_backup = {
    "backup", "DIR", "Copy the store, beside a program that writes to it, and check the copy",
    "DIR becomes a store like the other one; it must not be there yet, and is there only once the "
    "copy is whole and was\n"
    "checked. seal.key, which signs, is not copied: keep it apart. To restore, stop the daemon and "
    "put the copy in the\n"
    "store's place.\n",
    run};
