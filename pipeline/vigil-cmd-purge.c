/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "storage/vigil-purge.h"
#include "vigil-config.h"

typedef struct {
    gchar *camera, *between;
    gboolean yes, log, pinned;
} Options;

static void
options_clear(Options *self)
{
    g_free(self->camera);
    g_free(self->between);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static void
print_deletion(const VigilDeletion *deletion, gpointer user_data)
{
    g_autofree gchar *begun = vigil_time_format(deletion->begun_us);
    g_autofree gchar *since = vigil_time_format(deletion->purge.since_us);
    g_autofree gchar *until = vigil_time_format(deletion->purge.until_us);

    printf("%s  %s (uid %u)  camera %s from %s to %s: %" G_GUINT64_FORMAT
           " events, %" G_GUINT64_FORMAT " clips, %" G_GUINT64_FORMAT
           " messages, %" G_GUINT64_FORMAT " decisions%s  [%s]\n",
           begun, deletion->purge.user_name, deletion->purge.uid, deletion->purge.camera, since,
           until, deletion->counts.n_events, deletion->counts.n_clips, deletion->counts.n_messages,
           deletion->counts.n_decisions, deletion->ended_us ? "" : ", cut off",
           deletion->purge.command);
}

static VigilExit
print_log(VigilStorePlace *place)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) store = NULL;
    VigilExit code;

    store = vigil_store_place_open_reader(place, &code);
    if (!store)
        return code;
    if (vigil_store_list_deletions(store, print_deletion, NULL, &error))
        return VIGIL_EXIT_OK;
    vigil_command_error("%s", error->message);
    return VIGIL_EXIT_FAILED;
}

static gboolean
read_span(const gchar *between, VigilPurge *purge, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(between, ",", -1);
    const gint64 now_us = g_get_real_time();

    if (g_strv_length(parts) != 2) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--between %s: write two times with a comma between them", between);
        return FALSE;
    }
    if (!vigil_time_parse(parts[0], now_us, &purge->since_us, error) ||
        !vigil_time_parse(parts[1], now_us, &purge->until_us, error))
        return FALSE;
    if (purge->since_us <= purge->until_us)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--between %s: the second time is before the first", between);
    return FALSE;
}

static void
print_counts(const VigilPurgeCounts *counts, const gchar *what)
{
    printf("%s: %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " clips, %" G_GUINT64_FORMAT
           " messages in the outbox, %" G_GUINT64_FORMAT
           " decisions, counts and states of the camera\n",
           what, counts->n_events, counts->n_clips, counts->n_messages, counts->n_decisions);
    if (counts->n_left)
        printf("pinned: %" G_GUINT64_FORMAT
               " events stay, with their clips: say --pinned to delete them too\n",
               counts->n_left);
    if (counts->n_set_aside > 0)
        printf("%s: %" G_GUINT64_FORMAT " damaged databases that were set aside, whole\n", what,
               counts->n_set_aside);
}

static gboolean
purge_store(const VigilStorePlace *place, const VigilPurge *purge, VigilPurgeCounts *counts,
            GError **error)
{
    const VigilStoreOptions options = {.database = place->database,
                                       .clips = place->clips,
                                       .program = "vigil " VIGIL_VERSION " purge"};
    g_autoptr(VigilStore) store = vigil_store_open(&options, error);

    return store && vigil_store_purge(store, purge, counts, error);
}

static VigilExit
purge(VigilStorePlace *place, const Options *options, VigilPurge *purge)
{
    g_autofree gchar *command =
        g_strdup_printf("vigil purge --camera %s --between %s%s", options->camera, options->between,
                        options->pinned ? " --pinned" : "");
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = NULL;
    VigilPurgeCounts counts = {0};
    VigilExit code;

    reader = vigil_store_place_open_reader(place, &code);
    if (!reader)
        return code;
    purge->camera = options->camera;
    purge->pinned = options->pinned;
    purge->uid = getuid();
    purge->user_name = g_get_user_name();
    purge->command = command;
    if (!options->yes) {
        if (vigil_store_count_purge(reader, purge, &counts, &error)) {
            print_counts(&counts, "would be deleted");
            printf("nothing was done: say --yes to delete them for good\n");
            return VIGIL_EXIT_OK;
        }
    } else {
        g_clear_pointer(&reader, vigil_store_unref); /* it would keep the log */
        if (purge_store(place, purge, &counts, &error)) {
            print_counts(&counts, "deleted");
            printf("backups and exported clips are not touched: where they lie, only you know\n");
            if (counts.n_unread > 0)
                vigil_command_error("%" G_GUINT64_FORMAT " other clips of an earlier run cannot be "
                                    "read: they are left as they are",
                                    counts.n_unread);
            return counts.n_unread > 0 ? VIGIL_EXIT_FINDINGS : VIGIL_EXIT_OK;
        }
    }
    vigil_command_error("%s", error->message);
    return VIGIL_EXIT_FAILED;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_auto(Options) options = {NULL};
    const GOptionEntry entries[] = {
        {"camera", 0, 0, G_OPTION_ARG_STRING, &options.camera, "Of this camera", "C"},
        {"between", 0, 0, G_OPTION_ARG_STRING, &options.between,
         "What touches this span of time, as in 2026-05-01T12:00:00Z,2026-05-01T13:00:00Z or 2h,1h",
         "A,B"},
        {"pinned", 0, 0, G_OPTION_ARG_NONE, &options.pinned, "Pinned events, too", NULL},
        {"yes", 0, 0, G_OPTION_ARG_NONE, &options.yes,
         "Delete (default: only say what would be deleted)", NULL},
        {"log", 0, 0, G_OPTION_ARG_NONE, &options.log, "Say who deleted what and when", NULL},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(GError) error = NULL;
    VigilPurge what = {0};
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    if (options.log)
        return print_log(&place);
    if (!options.camera || !options.between)
        return vigil_command_usage_error(self, "--camera and --between are wanted, or --log");
    if (!read_span(options.between, &what, &error))
        return vigil_command_usage_error(self, "%s", error->message);
    return purge(&place, &options, &what);
}

const VigilCommand vigil_cmd_purge = {
    "purge", "", "Delete what a camera saw in a span of time, for good",
    "Events with tracks, snapshots, clips, messages that wait to be sent, decisions, counts of\n"
    "frames, and when the camera was away; pinned events stay, with their clips, unless --pinned\n"
    "is said. A clip that shows any of it goes whole. What was in the database is overwritten; of\n"
    "clips the file system may still have the blocks. Damaged databases that were set\n"
    "aside go whole. Backups and exports are not touched. The daemon has to be stopped "
    "meanwhile.\n",
    run};
