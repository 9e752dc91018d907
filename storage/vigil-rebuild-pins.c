/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins stand in the database alone. What can still be read of them in the one that was set aside is asked for, since
 * evidence that somebody wanted to keep would otherwise be deleted by its age at once.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/vigil-rebuild-private.h"

#define READ_US (3 * G_USEC_PER_SEC)
#define READ_INSTRUCTIONS 10000 /* of SQLite's machine, between two looks at the clock */
#define MAX_PINS 100000

static gint
is_late(gpointer deadline_us)
{
    return g_get_monotonic_time() > *(const gint64 *)deadline_us;
}

static void
read_pins(sqlite3 *db, GHashTable *pins)
{
    gint64 deadline_us = g_get_monotonic_time() + READ_US;
    sqlite3_stmt *list = NULL;
    gint unused;

    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VIGIL_STORE_LENGTH_LIMIT);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, &unused);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &unused);
    sqlite3_progress_handler(db, READ_INSTRUCTIONS, is_late, &deadline_us);
    if (sqlite3_prepare_v2(db, "SELECT id FROM events WHERE pinned = 1", -1, &list, NULL) ==
        SQLITE_OK)
        while (g_hash_table_size(pins) < MAX_PINS && sqlite3_step(list) == SQLITE_ROW) {
            const gchar *id = (const gchar *)sqlite3_column_text(list, 0);

            if (id)
                g_hash_table_add(pins, g_strdup(id));
        }
    sqlite3_finalize(list);
}

/* What a reader leaves beside a database that has its log: nothing of what was there before. */
static void
tidy(VigilStore *self, const gchar *path)
{
    g_autofree gchar *shared = g_strconcat(path, "-shm", NULL);
    g_autofree gchar *log = g_strconcat(path, "-wal", NULL);
    struct stat info;

    self->ops->unlink_at(AT_FDCWD, shared, 0);
    if (stat(log, &info) == 0 && info.st_size == 0)
        self->ops->unlink_at(AT_FDCWD, log, 0);
}

/* (nullable) (transfer full) */
static gchar *
find_set_aside(VigilStore *self)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT set_aside FROM rebuild WHERE set_aside IS NOT NULL");
    g_autoptr(GError) error = NULL;
    const gchar *name =
        vigil_statement_step(&find, &error) ? vigil_statement_get_text(&find, 0) : NULL;

    return name && !strchr(name, '/') ? g_build_filename(dir, name, NULL) : NULL;
}

GHashTable *
vigil_rebuild_read_pins(VigilStore *self)
{
    GHashTable *pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree gchar *path = find_set_aside(self);
    sqlite3 *db = NULL;

    if (!path)
        return pins;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        read_pins(db, pins);
    sqlite3_close(db);
    tidy(self, path);
    if (g_hash_table_size(pins) > 0)
        g_message("%s: %u events were pinned", path, g_hash_table_size(pins));
    return pins;
}
