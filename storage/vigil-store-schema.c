/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-areas.h"
#include "storage/vigil-store-private.h"

static const gchar schema_0001[] =
#include "storage/schema-0001.h"
    ;

static const gchar schema_0002[] =
#include "storage/schema-0002.h"
    ;

static const gchar schema_0003[] =
#include "storage/schema-0003.h"
    ;

static const gchar schema_0004[] =
#include "storage/schema-0004.h"
    ;

static const gchar schema_0005[] =
#include "storage/schema-0005.h"
    ;

static const gchar schema_0006[] =
#include "storage/schema-0006.h"
    ;

static const gchar schema_0007[] =
#include "storage/schema-0007.h"
    ;

static const gchar schema_0008[] =
#include "storage/schema-0008.h"
    ;

static const gchar schema_0009[] =
#include "storage/schema-0009.h"
    ;

static const gchar schema_0010[] =
#include "storage/schema-0010.h"
    ;

static const gchar schema_0011[] =
#include "storage/schema-0011.h"
    ;

static const gchar schema_0012[] =
#include "storage/schema-0012.h"
    ;

static const gchar schema_0013[] =
#include "storage/schema-0013.h"
    ;

static const gchar schema_0014[] =
#include "storage/schema-0014.h"
    ;

static const gchar schema_0015[] =
#include "storage/schema-0015.h"
    ;

static const gchar schema_0016[] =
#include "storage/schema-0016.h"
    ;

static const gchar schema_0017[] =
#include "storage/schema-0017.h"
    ;

static const gchar schema_0018[] =
#include "storage/schema-0018.h"
    ;

/* Step N brings a database from version N to version N + 1. */
static const gchar *const schema_steps[] = {
    schema_0001, schema_0002, schema_0003, schema_0004, schema_0005, schema_0006,
    schema_0007, schema_0008, schema_0009, schema_0010, schema_0011, schema_0012,
    schema_0013, schema_0014, schema_0015, schema_0016, schema_0017, schema_0018};

guint
vigil_store_newest_schema(void)
{
    return G_N_ELEMENTS(schema_steps);
}

typedef struct {
    gint64 application_id, version, n_tables;
} Identity;

static void
harden(sqlite3 *db)
{
    static const struct {
        gint id, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, VIGIL_STORE_LENGTH_LIMIT},
        {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},
        {SQLITE_LIMIT_COLUMN, 64},
        {SQLITE_LIMIT_EXPR_DEPTH, 50},
        {SQLITE_LIMIT_COMPOUND_SELECT, 4},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    gint unused;

    for (guint i = 0; i < G_N_ELEMENTS(limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, &unused);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &unused);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, &unused);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, &unused);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, &unused);
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, VIGIL_STORE_BUSY_TIMEOUT_MS);
}

/* Closing would fold the log into the file: not before it is known to be ours. */
static void
keep_log_on_close(sqlite3 *db, gboolean keep)
{
    gint unused;

    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, &unused);
}

static gboolean
read_identity(VigilStore *self, Identity *identity, GError **error)
{
    return vigil_store_read_int(self, "PRAGMA application_id", &identity->application_id, error) &&
           vigil_store_read_int(self, "PRAGMA user_version", &identity->version, error) &&
           vigil_store_read_int(self, "SELECT count(*) FROM sqlite_schema", &identity->n_tables,
                                error);
}

static gboolean
is_empty(const Identity *identity)
{
    return identity->application_id == 0 && identity->version == 0 && identity->n_tables == 0;
}

static gboolean
check_identity(VigilStore *self, const Identity *identity, GError **error)
{
    if (is_empty(identity) && self->writer)
        return TRUE;
    if (identity->application_id != VIGIL_STORE_APPLICATION_ID || identity->version < 1) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
                    "%s: this database is not a store of events; nothing was touched",
                    self->database);
        return FALSE;
    }
    if (identity->version > (gint64)G_N_ELEMENTS(schema_steps)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NEWER,
                    "%s: written by a newer version (schema %" G_GINT64_FORMAT
                    ", this program knows up to %u); nothing was touched: upgrade",
                    self->database, identity->version, (guint)G_N_ELEMENTS(schema_steps));
        return FALSE;
    }
    return TRUE;
}

typedef struct {
    guint version;
    gboolean is_empty; /* there is nothing that could be brought along */
} Migration;

static gboolean
migrate_step(VigilStore *self, gpointer data, GError **error)
{
    const Migration *migration = data;
    g_autofree gchar *marks =
        g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %u",
                        VIGIL_STORE_APPLICATION_ID, migration->version + 1);

    return vigil_store_exec(self, schema_steps[migration->version], error) &&
           (migration->version + 1 != VIGIL_AREAS_SCHEMA || migration->is_empty ||
            vigil_areas_fill(self, error)) &&
           vigil_store_exec(self, marks, error);
}

static gboolean
prepare_writer(VigilStore *self, const Identity *identity, GError **error)
{
    gint rc;

    /* the kind of vacuum can only be chosen while there is no table */
    if (is_empty(identity) && !vigil_store_exec(self, "PRAGMA auto_vacuum = INCREMENTAL", error))
        return FALSE;
    if (!vigil_store_exec(self,
                          "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                          "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 8388608;"
                          "PRAGMA cell_size_check = ON",
                          error))
        return FALSE;
    sqlite3_wal_hook(self->db, vigil_store_checkpoint_when_long, self);
    for (guint version = identity->version; version < G_N_ELEMENTS(schema_steps); version++) {
        Migration migration = {version, is_empty(identity)};

        if (!vigil_store_transact(self, migrate_step, &migration, error)) {
            g_prefix_error(error, "to schema %u: ", version + 1);
            return FALSE;
        }
    }
    /*
     * What an earlier run left in the log may be what it could not sync: it is only safe once it is in the database.
     * Passive: does not wait for readers.
     */
    rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return rc == SQLITE_OK || rc == SQLITE_BUSY ||
           vigil_store_set_sqlite(self, rc, "cannot checkpoint", error);
}

void
vigil_store_disconnect(VigilStore *self)
{
    if (!self->db)
        return;
    vigil_store_end_checkpoints(self);
    g_hash_table_remove_all(self->statements);
    if (g_atomic_int_get(&self->failed))
        keep_log_on_close(self->db,
                          TRUE); /* a checkpoint would sync again what failed to be synced */
    sqlite3_close(g_steal_pointer(&self->db));
}

static gboolean
connect_to(VigilStore *self, const gchar *name, gint flags, Identity *identity, GError **error)
{
    gint rc = sqlite3_open_v2(name, &self->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        vigil_store_set_sqlite(self, rc, "cannot open the database", error);
    } else {
        harden(self->db);
        keep_log_on_close(self->db, TRUE);
        if (read_identity(self, identity, error))
            return TRUE;
    }
    vigil_store_disconnect(self);
    return FALSE;
}

/*
 * In a directory that cannot be written SQLite cannot make the shared memory of the log. Without a log none is needed:
 * the file can be read as it lies there.
 */
static gboolean
connect_immutable(VigilStore *self, Identity *identity, GError **error)
{
    g_autofree gchar *log = g_strconcat(self->database, "-wal", NULL);
    g_autofree gchar *absolute = g_canonicalize_filename(self->database, NULL);
    g_autofree gchar *uri = g_filename_to_uri(absolute, NULL, error);
    g_autofree gchar *name = NULL;
    struct stat info;

    if (!uri)
        return FALSE;
    if (stat(log, &info) == 0 && info.st_size > 0) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY,
                    "%s: its writer did not close it and the directory cannot be written: open it "
                    "for writing once, or copy it with its -wal file to where that is possible",
                    self->database);
        return FALSE;
    }
    name = g_strconcat(uri, "?immutable=1", NULL);
    return connect_to(self, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, identity, error);
}

static gboolean
connect_reader(VigilStore *self, Identity *identity, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!g_file_test(self->database, G_FILE_TEST_EXISTS)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: there is no such database", self->database);
        return FALSE;
    }
    if (connect_to(self, self->database, SQLITE_OPEN_READONLY, identity, &local))
        return TRUE;
    if (g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY))
        return connect_immutable(self, identity, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_connect(VigilStore *self, GError **error)
{
    Identity identity;

    if (!vigil_areas_check_sqlite(error))
        return FALSE;
    if (self->writer ? !connect_to(self, self->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                   &identity, error)
                     : !connect_reader(self, &identity, error))
        return FALSE;
    if (!check_identity(self, &identity, error))
        return FALSE;
    self->current = identity.version == (gint64)G_N_ELEMENTS(schema_steps);
    self->schema = self->writer ? G_N_ELEMENTS(schema_steps) : (guint)identity.version;
    if (!self->writer)
        return vigil_store_exec(self, "PRAGMA query_only = ON", error);
    keep_log_on_close(self->db, FALSE);
    return prepare_writer(self, &identity, error);
}
