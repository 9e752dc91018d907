/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-seal.h"
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
    if (!g_file_test(place->database, G_FILE_TEST_EXISTS) &&
        !g_file_test(place->clips, G_FILE_TEST_IS_DIR)) {
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

typedef struct {
    gboolean wanted;
    gchar *public_key, *head; /* (nullable): as given on the command line */
} Verify;

static void
verify_clear(Verify *self)
{
    g_free(self->public_key);
    g_free(self->head);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verify, verify_clear)

static void
print_closed(const VigilSealSummary *summary)
{
    g_autoptr(GDateTime) last =
        g_date_time_new_from_unix_utc(summary->closed_wall_us / G_USEC_PER_SEC);
    g_autofree gchar *time = last ? g_date_time_format_iso8601(last) : NULL;

    printf("chain from record %" G_GUINT64_FORMAT ", closed up to there (%s, %" G_GUINT64_FORMAT
           " items) by record %" G_GUINT64_FORMAT "; %" G_GUINT64_FORMAT
           " records of before are kept\n",
           summary->closed_seq + 1, time ? time : "-", summary->n_closed_items, summary->closed_by,
           summary->n_kept);
}

static void
print_summary(const VigilSealSummary *summary)
{
    if (summary->n_older_clips || summary->n_older_events)
        printf("%" G_GUINT64_FORMAT " clips and %" G_GUINT64_FORMAT
               " events are older than seals: nothing can be said of them\n",
               summary->n_older_clips, summary->n_older_events);
    printf("%" G_GUINT64_FORMAT " clips and %" G_GUINT64_FORMAT
           " events verified against %" G_GUINT64_FORMAT " records\n",
           summary->n_clips, summary->n_events - summary->n_older_events, summary->n_records);
    if (summary->closed_seq)
        print_closed(summary);
    /* with its number, it can be told from one that was closed since */
    if (*summary->head)
        printf("head %s:%" G_GUINT64_FORMAT "\n", summary->head, summary->head_seq);
}

/* @n: (inout): findings */
static gboolean
verify_seals(const Verify *self, VigilStore *store, guint *n)
{
    g_autofree gchar *keys = NULL;
    g_autoptr(GError) error = NULL;
    VigilSealSummary summary;
    guint n_printed = 0, n_found;

    if (!self->wanted)
        return TRUE;
    if ((self->public_key && !g_file_get_contents(self->public_key, &keys, NULL, &error)) ||
        !vigil_store_verify(store, keys, self->head, print_finding, &n_printed, &summary, &n_found,
                            &error)) {
        vigil_command_error("%s", error->message);
        return FALSE;
    }
    print_summary(&summary);
    *n += n_found;
    return TRUE;
}

static VigilExit
check(VigilStore *store, gboolean repair, const Verify *verify)
{
    g_autoptr(GError) error = NULL;
    guint n_found = 0, n_left = 0, n_altered = 0;

    if (!vigil_store_fsck(store, repair, print_finding, &n_found, &n_left, &error)) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    if (!verify_seals(verify, store, &n_altered))
        return VIGIL_EXIT_FAILED;
    printf("%u found, %u left\n", n_found + n_altered, n_left + n_altered);
    return n_left + n_altered ? VIGIL_EXIT_FINDINGS : VIGIL_EXIT_OK;
}

/* All of it, and before clips without a row are put out of the way. */
static gboolean
finish_rebuild(VigilStore *store)
{
    g_auto(VigilRebuildInfo) info = {NULL};
    g_autoptr(GError) error = NULL;
    gboolean done = FALSE;

    while (!done)
        if (!vigil_store_rebuild_some(store, G_USEC_PER_SEC, &done, &error)) {
            vigil_command_error("%s", error->message);
            return FALSE;
        }
    if (vigil_store_get_rebuild(store, &info, NULL))
        printf("the database was made again from the clips: %" G_GUINT64_FORMAT
               " events of %" G_GUINT64_FORMAT " clips\n",
               info.n_events, info.n_clips);
    return TRUE;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_auto(Verify) verify = {FALSE};
    gboolean repair = FALSE;
    const GOptionEntry entries[] = {
        {"repair", 0, 0, G_OPTION_ARG_NONE, &repair,
         "Mend what can be mended; no other program may be writing", NULL},
        {"verify", 0, 0, G_OPTION_ARG_NONE, &verify.wanted,
         "Read all clips, and check them and all events against their seals", NULL},
        {"public-key", 0, 0, G_OPTION_ARG_FILENAME, &verify.public_key,
         "With --verify: a copy of seal.pub that was kept elsewhere", "FILE"},
        {"head", 0, 0, G_OPTION_ARG_STRING, &verify.head,
         "With --verify: the head that an earlier --verify printed must still be there, or closed",
         "DIGEST[:N]"},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    if ((verify.public_key || verify.head) && !verify.wanted)
        return vigil_command_usage_error(self, "--public-key and --head belong to --verify");
    store = repair ? open_writer(&place, &code) : vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (repair && !finish_rebuild(store))
        return VIGIL_EXIT_FAILED;
    return check(store, repair, &verify);
}

const VigilCommand vigil_cmd_fsck = {
    "fsck", "", "Check the store: rows against clips, and the database itself",
    "Each finding is a line; the last line counts them.\n"
    "An unfinished clip of a program that was killed is no damage: the next start finishes it.\n"
    "With --verify, what was altered since it was recorded is found: footage, events, deletions "
    "that nobody signed. The\n"
    "key that signs lies in the store as seal.key; keep a copy of seal.pub elsewhere, and now and "
    "then the head that\n"
    "is printed, as who can write to the store can replace both.\n",
    run};
