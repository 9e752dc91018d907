/* SPDX-License-Identifier: Apache-2.0 */
/* Queries beside events: the last run, outcomes of frames. */
#include "storage/vigil-store-private.h"

void
vigil_run_info_clear(VigilRunInfo *self)
{
    g_clear_pointer(&self->program, g_free);
}

static gboolean
read_last_run(VigilStore *self, VigilRunInfo *info, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT r.program, r.begun_wall_us, r.ended_wall_us, r.how, "
                              "(SELECT count(*) FROM events e WHERE e.run_id = r.id) FROM runs r "
                              "ORDER BY r.id DESC LIMIT 1");

    if (!vigil_statement_step(&statement, &local)) {
        if (local)
            g_propagate_error(error, g_steal_pointer(&local));
        else
            g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                        "%s: nothing has run yet", self->database);
        return FALSE;
    }
    info->program = g_strdup(vigil_statement_need_text(&statement, 0));
    info->begun_wall_us = sqlite3_column_int64(statement.stmt, 1);
    info->ended_wall_us = sqlite3_column_int64(statement.stmt, 2);
    info->died = g_strcmp0(vigil_statement_get_text(&statement, 3), "died") == 0;
    info->n_events = (guint64)sqlite3_column_int64(statement.stmt, 4);
    return TRUE;
}

/* A writer whose disk failed was closed when the store was opened anew. */
static gboolean
check_open(VigilStore *self, GError **error)
{
    return self->db != NULL || vigil_store_check_writable(self, error);
}

gboolean
vigil_store_get_last_run(VigilStore *self, VigilRunInfo *info, GError **error)
{
    gboolean ok;

    *info = (VigilRunInfo){0};
    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) && read_last_run(self, info, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

static VigilOutcome
outcome_from_string(const gchar *text)
{
    guint i = 0;

    while (i < VIGIL_N_OUTCOME_COUNTS && !g_str_equal(text, vigil_outcome_to_string(i)))
        i++;
    return i;
}

static gboolean
read_outcomes(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
              guint64 counts[VIGIL_N_OUTCOME_COUNTS], GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(
        self,
        "SELECT o.outcome, sum(o.frames) FROM outcomes o JOIN cameras k ON k.id = o.camera_id "
        "WHERE k.name = :camera AND o.minute_wall_us >= :since AND o.minute_wall_us < :until "
        "GROUP BY o.outcome");

    vigil_statement_text(&statement, ":camera", camera);
    vigil_statement_int(&statement, ":since", since_us);
    vigil_statement_int(&statement, ":until", until_us);
    while (vigil_statement_step(&statement, &local)) {
        const VigilOutcome outcome = outcome_from_string(vigil_statement_need_text(&statement, 0));

        if (outcome < VIGIL_N_OUTCOME_COUNTS)
            counts[outcome] = (guint64)sqlite3_column_int64(statement.stmt, 1);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_get_outcomes(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                         guint64 counts[VIGIL_N_OUTCOME_COUNTS], GError **error)
{
    gboolean ok;

    for (guint i = 0; i < VIGIL_N_OUTCOME_COUNTS; i++)
        counts[i] = 0;
    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) && read_outcomes(self, camera, since_us, until_us, counts, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

static gboolean
read_minutes(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us, guint64 *n,
             GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT count(DISTINCT o.minute_wall_us) FROM outcomes o "
                              "JOIN cameras k ON k.id = o.camera_id WHERE k.name = :camera "
                              "AND o.minute_wall_us >= :since AND o.minute_wall_us < :until");

    vigil_statement_text(&statement, ":camera", camera);
    vigil_statement_int(&statement, ":since", since_us);
    vigil_statement_int(&statement, ":until", until_us);
    if (vigil_statement_step(&statement, &local))
        *n = (guint64)sqlite3_column_int64(statement.stmt, 0);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_get_minutes(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                        guint64 *n, GError **error)
{
    gboolean ok;

    *n = 0;
    g_mutex_lock(&self->mutex);
    ok = check_open(self, error) && read_minutes(self, camera, since_us, until_us, n, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
