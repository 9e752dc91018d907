/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-seal-private.h"

/* A full disk is met by deleting old events; more tries than this would delete in vain. */
#define MAX_FULL_TRIES 8
#define OFFSET_SLACK_US G_USEC_PER_SEC
#define SAVE_CLOCK_US (60 * (gint64)G_USEC_PER_SEC)
/* before that no clock was set */
#define FIRST_SANE_WALL_US G_GINT64_CONSTANT(1577836800000000) /* 2020-01-01 */

VigilStatement
vigil_statement(VigilStore *self, const gchar *sql)
{
    VigilStatement statement = {self, g_hash_table_lookup(self->statements, sql), SQLITE_OK};

    if (statement.stmt)
        return statement;
    statement.rc =
        sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement.stmt, NULL);
    if (statement.rc == SQLITE_OK)
        g_hash_table_insert(self->statements, g_strdup(sql), statement.stmt);
    return statement;
}

void
vigil_statement_clear(VigilStatement *self)
{
    if (!self->stmt)
        return;
    sqlite3_reset(self->stmt);
    sqlite3_clear_bindings(self->stmt);
    self->stmt = NULL;
}

void
vigil_statement_rewind(VigilStatement *self)
{
    if (!self->stmt)
        return; /* it could not be prepared: the next step says why */
    sqlite3_reset(self->stmt);
    self->rc = SQLITE_OK;
}

/* Parameters are bound by name only: a name that the SQL lacks is a mistake in this program. */
static gint
parameter(VigilStatement *self, const gchar *name)
{
    gint index;

    if (self->rc != SQLITE_OK)
        return 0;
    index = sqlite3_bind_parameter_index(self->stmt, name);
    if (index == 0) {
        g_critical("no parameter %s in %s", name, sqlite3_sql(self->stmt));
        self->rc = SQLITE_RANGE;
    }
    return index;
}

void
vigil_statement_int(VigilStatement *self, const gchar *name, gint64 value)
{
    const gint index = parameter(self, name);

    if (index)
        self->rc = sqlite3_bind_int64(self->stmt, index, value);
}

void
vigil_statement_real(VigilStatement *self, const gchar *name, gdouble value)
{
    const gint index = parameter(self, name);

    if (index)
        self->rc = sqlite3_bind_double(self->stmt, index, value);
}

void
vigil_statement_text(VigilStatement *self, const gchar *name, const gchar *value)
{
    const gint index = parameter(self, name);

    if (index)
        self->rc = sqlite3_bind_text(self->stmt, index, value, -1, SQLITE_STATIC);
}

void
vigil_statement_blob(VigilStatement *self, const gchar *name, gconstpointer data, gsize length)
{
    const gint index = parameter(self, name);

    if (index)
        self->rc =
            sqlite3_bind_blob64(self->stmt, index, length ? data : "", length, SQLITE_STATIC);
}

gboolean
vigil_statement_step(VigilStatement *self, GError **error)
{
    if (self->rc == SQLITE_OK || self->rc == SQLITE_ROW)
        self->rc = sqlite3_step(self->stmt);
    if (self->rc == SQLITE_ROW)
        return TRUE;
    if (self->rc != SQLITE_DONE)
        vigil_store_set_sqlite(self->store, self->rc, "the database refused", error);
    return FALSE;
}

gboolean
vigil_statement_run(VigilStatement *self, GError **error)
{
    g_autoptr(GError) local = NULL;

    while (vigil_statement_step(self, &local))
        ;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

const gchar *
vigil_statement_get_text(VigilStatement *self, gint column)
{
    return (const gchar *)sqlite3_column_text(self->stmt, column);
}

const gchar *
vigil_statement_need_text(VigilStatement *self, gint column)
{
    const gchar *text = vigil_statement_get_text(self, column);

    return text ? text : "";
}

gboolean
vigil_store_exec(VigilStore *self, const gchar *sql, GError **error)
{
    const gint rc = sqlite3_exec(self->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK || vigil_store_set_sqlite(self, rc, "the database refused", error);
}

gboolean
vigil_store_read_int(VigilStore *self, const gchar *sql, gint64 *value, GError **error)
{
    g_auto(VigilStatement) statement = vigil_statement(self, sql);
    g_autoptr(GError) local = NULL;

    *value = vigil_statement_step(&statement, &local) ? sqlite3_column_int64(statement.stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
save_value(VigilStore *self, const gchar *name, gint64 value, gboolean rises, GError **error)
{
    g_auto(VigilStatement) save =
        vigil_statement(self, "INSERT INTO sums (name, value) VALUES (:name, :value) ON CONFLICT "
                              "(name) DO UPDATE SET value = iif(:rises, max(value, :value), "
                              ":value)");

    vigil_statement_text(&save, ":name", name);
    vigil_statement_int(&save, ":value", value);
    vigil_statement_int(&save, ":rises", rises);
    return vigil_statement_run(&save, error);
}

gboolean
vigil_store_save_clock(VigilStore *self, GError **error)
{
    const gint64 trusted = vigil_store_clock_trusted(&self->clock);
    const VigilStoreDoubt doubt = vigil_store_clock_get_doubt(&self->clock);

    self->clock_saved_us = vigil_store_clock_mono(&self->clock);
    return trusted < FIRST_SANE_WALL_US ||
           (save_value(self, "trusted_wall_us", trusted, TRUE, error) &&
            save_value(self, "doubted_wall_us", doubt.wall_us, FALSE, error) &&
            save_value(self, "doubted_for_us", doubt.lasted_us, FALSE, error));
}

static gboolean
save_clock_now_and_then(VigilStore *self, GError **error)
{
    return !self->run_id ||
           vigil_store_clock_mono(&self->clock) - self->clock_saved_us < SAVE_CLOCK_US ||
           vigil_store_save_clock(self, error);
}

/* A clock that was set since the run began moves the whole run. */
static gboolean
save_wall_offset(VigilStore *self, GError **error)
{
    const gint64 offset =
        vigil_store_clock_wall(&self->clock) - vigil_store_clock_mono(&self->clock);

    if (!self->run_id || ABS(offset - self->run_offset_us) < OFFSET_SLACK_US)
        return TRUE;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "UPDATE runs SET wall_offset_us = :offset WHERE id = :run");

    vigil_statement_int(&statement, ":offset", offset);
    vigil_statement_int(&statement, ":run", self->run_id);
    if (!vigil_statement_run(&statement, error))
        return FALSE;
    self->run_offset_us = offset;
    return TRUE;
}

gboolean
vigil_store_transact(VigilStore *self, VigilStoreWork work, gpointer data, GError **error)
{
    const gint64 run_offset_us = self->run_offset_us, clock_saved_us = self->clock_saved_us;

    if (!vigil_store_exec(self, "BEGIN IMMEDIATE", error))
        return FALSE;
    if (save_wall_offset(self, error) && save_clock_now_and_then(self, error) &&
        work(self, data, error) && vigil_seal_flush(self, error) &&
        vigil_store_exec(self, "COMMIT", error))
        return TRUE;
    /* some errors have rolled back already */
    if (!sqlite3_get_autocommit(self->db))
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    vigil_seal_forget(self);
    self->run_offset_us = run_offset_us;
    self->clock_saved_us = clock_saved_us;
    return FALSE;
}

gboolean
vigil_store_write(VigilStore *self, VigilStoreWork work, gpointer data, GError **error)
{
    return vigil_store_write_for(self, VIGIL_SPACE_FOR_ROWS, work, data, error);
}

gboolean
vigil_store_write_for(VigilStore *self, VigilSpaceUse use, VigilStoreWork work, gpointer data,
                      GError **error)
{
    for (guint i = 0;; i++) {
        g_autoptr(GError) local = NULL;

        if (!vigil_store_check_writable(self, error))
            return FALSE;
        if (vigil_store_transact(self, work, data, &local))
            return TRUE;
        if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL) ||
            i == MAX_FULL_TRIES || !vigil_store_make_space(self, use)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
}
