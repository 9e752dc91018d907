/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seal says of an event whose names are any bytes: one line a column, and from each line the name can be had back,
 * so that no two events have the same statement.
 */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/vigil-seal-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gchar *folder;

static void
require(gboolean ok)
{
    if (!ok)
        abort();
}

static VigilStore *
open_store(void)
{
    g_autofree gchar *database = NULL, *clips = NULL;
    g_autoptr(VigilEvent) event = vigil_event_new();
    VigilStoreOptions options = {.program = "fuzz"};
    VigilStore *store;

    folder = g_dir_make_tmp("vigil-fuzz-XXXXXX", NULL);
    require(folder != NULL);
    database = g_build_filename(folder, "events.db", NULL);
    clips = g_build_filename(folder, "clips", NULL);
    options.database = database;
    options.clips = clips;
    store = vigil_store_open(&options, NULL);
    require(store != NULL);
    g_strlcpy(event->id, "01KDXTEST00000000000000001", sizeof event->id);
    event->camera = event->rule = event->label = "x";
    require(vigil_store_commit_event(store, event, NULL, NULL));
    return store;
}

/* Nothing of it is needed any more: the files can go while they are in use. */
static void
remove_files(void)
{
    static const gchar *const names[] = {
        "events.db",         "events.db-wal", "events.db-shm", "events.db.lock",
        "events.db.reserve", "seal.key",      "seal.pub",      "clips"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree gchar *path = g_build_filename(folder, names[i], NULL);

        g_remove(path);
    }
    g_rmdir(folder);
}

static void
set_text(VigilStore *store, const gchar *sql, const gchar *text)
{
    sqlite3_stmt *statement = NULL;

    require(sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    require(sqlite3_step(statement) == SQLITE_DONE);
    sqlite3_finalize(statement);
}

/* @name: of the line, with the blank behind it */
static void
check_line(gchar **lines, const gchar *name, const gchar *wanted)
{
    guint n = 0;

    for (guint i = 0; lines[i]; i++) {
        g_autofree gchar *value = NULL;

        if (!g_str_has_prefix(lines[i], name))
            continue;
        value = g_strcompress(lines[i] + strlen(name));
        require(g_str_equal(value, wanted));
        n++;
    }
    require(n == 1);
}

static void
check(VigilStore *store, const gchar *rule, const gchar *zone)
{
    static const gchar *const inserted =
        "INSERT INTO event_places (event_seq, kind, position, name) VALUES (1, 'zone', 0, ?1)";
    static guint n_lines;
    g_autoptr(GError) error = NULL;
    g_autofree gchar *statement = NULL;
    g_auto(GStrv) lines = NULL;

    set_text(store, "UPDATE events SET rule = ?1 WHERE seq = 1", rule);
    set_text(store, inserted, zone);
    statement = vigil_seal_statement(store, 1, &error);
    require(statement && !error && g_str_has_suffix(statement, "\n"));
    lines = g_strsplit(statement, "\n", -1);
    if (n_lines == 0)
        n_lines = g_strv_length(lines);
    require(g_strv_length(lines) == n_lines);
    check_line(lines, "rule ", rule);
    check_line(lines, "zone ", zone);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static VigilStore *store;
    g_autofree gchar *rule = g_strndup((const gchar *)data, size / 2);
    g_autofree gchar *zone = g_strndup((const gchar *)data + size / 2, size - size / 2);

    if (!store) {
        store = open_store();
        remove_files();
    }
    g_mutex_lock(&store->mutex);
    require(sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
    check(store, rule, zone);
    require(sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    g_mutex_unlock(&store->mutex);
    return 0;
}
