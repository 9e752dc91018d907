/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-store-decisions.h"

#include "storage/vigil-store-private.h"

#define MAX_SPAN_US (3600 * (gint64)G_USEC_PER_SEC)
#define JOIN_US (2 * (gint64)G_USEC_PER_SEC)
/* Rows that one step deletes: a commit does not wait for long. */
#define DROP_ROWS "2000"
#define SCHEMA 5 /* that has the tables */

static const gchar *const presences[] = {"up", "down", "off"};

const gchar *
vigil_camera_presence_to_string(VigilCameraPresence presence)
{
    return (guint)presence < G_N_ELEMENTS(presences) ? presences[presence] : "unknown";
}

/* --- writing ------------------------------------------------------------------------------------------------- */

typedef struct {
    const VigilDecision *decisions;
    guint n;
    gint64 now_us;
} Batch;

/* Makes the row that this one goes on longer. */
static gboolean
extend(VigilStore *self, gint64 camera_id, const VigilDecision *decision, gboolean *done,
       GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE OR REPLACE decisions SET end_wall_us = :end, "
              "value = CASE WHEN reason = 'faint' THEN max(value, :value) ELSE :value END, "
              "wanted_value = :limit, wanted = :wanted WHERE camera_id = :camera "
              "AND end_wall_us BETWEEN :start - :join AND :start AND end_wall_us < :end "
              "AND track_id = :track AND rule = :rule AND label IS :label AND reason = :reason "
              "AND :end - start_wall_us <= :span");

    vigil_statement_int(&update, ":end", decision->end_wall_us);
    vigil_statement_real(&update, ":value", (gdouble)decision->value);
    vigil_statement_real(&update, ":limit", (gdouble)decision->limit);
    vigil_statement_text(&update, ":wanted", decision->wanted);
    vigil_statement_int(&update, ":camera", camera_id);
    vigil_statement_int(&update, ":start", decision->start_wall_us);
    vigil_statement_int(&update, ":join", JOIN_US);
    vigil_statement_int(&update, ":track", (gint64)decision->track_id);
    vigil_statement_text(&update, ":rule", decision->rule);
    vigil_statement_text(&update, ":label", decision->label);
    vigil_statement_text(&update, ":reason", vigil_reason_to_string(decision->reason));
    vigil_statement_int(&update, ":span", MAX_SPAN_US);
    if (!vigil_statement_run(&update, error))
        return FALSE;
    *done = sqlite3_changes(self->db) > 0;
    return TRUE;
}

static gboolean
insert(VigilStore *self, gint64 camera_id, const VigilDecision *decision, gint64 now_us,
       GError **error)
{
    /* a span that is too long could not be found again */
    const gint64 start_us = MAX(decision->start_wall_us, decision->end_wall_us - MAX_SPAN_US);
    g_auto(VigilStatement) statement = vigil_statement(
        self, "INSERT OR REPLACE INTO decisions (camera_id, rule, track_id, label, start_wall_us, "
              "end_wall_us, reason, value, wanted_value, wanted, event_id, committed_wall_us) "
              "VALUES (:camera, :rule, :track, :label, :start, :end, :reason, :value, :limit, "
              ":wanted, :event, :now)");

    vigil_statement_int(&statement, ":camera", camera_id);
    vigil_statement_text(&statement, ":rule", decision->rule);
    vigil_statement_int(&statement, ":track", (gint64)decision->track_id);
    vigil_statement_text(&statement, ":label", decision->label);
    vigil_statement_int(&statement, ":start", start_us);
    vigil_statement_int(&statement, ":end", decision->end_wall_us);
    vigil_statement_text(&statement, ":reason", vigil_reason_to_string(decision->reason));
    vigil_statement_real(&statement, ":value", (gdouble)decision->value);
    vigil_statement_real(&statement, ":limit", (gdouble)decision->limit);
    vigil_statement_text(&statement, ":wanted", decision->wanted);
    vigil_statement_text(&statement, ":event", *decision->event_id ? decision->event_id : NULL);
    vigil_statement_int(&statement, ":now", now_us);
    return vigil_statement_run(&statement, error);
}

static gboolean
add_decision(VigilStore *self, const VigilDecision *decision, gint64 now_us, GError **error)
{
    gboolean done = FALSE;
    gint64 camera_id;

    if (!vigil_store_camera_id(self, decision->camera, &camera_id, error))
        return FALSE;
    /* each event has its own */
    if (decision->reason != VIGIL_REASON_FIRED && !extend(self, camera_id, decision, &done, error))
        return FALSE;
    return done || insert(self, camera_id, decision, now_us, error);
}

static gboolean
add_decisions(VigilStore *self, gpointer data, GError **error)
{
    const Batch *batch = data;

    for (guint i = 0; i < batch->n; i++)
        if (!add_decision(self, &batch->decisions[i], batch->now_us, error))
            return FALSE;
    return TRUE;
}

gboolean
vigil_store_add_decisions(VigilStore *self, const VigilDecision *decisions, guint n, GError **error)
{
    Batch batch = {decisions, n, 0};
    gboolean ok;

    g_mutex_lock(&self->mutex);
    batch.now_us = vigil_store_clock_trusted(&self->clock);
    ok = vigil_store_check_writable(self, error) &&
         vigil_store_transact(self, add_decisions, &batch, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

typedef struct {
    const gchar *camera, *reason;
    VigilCameraPresence presence;
} Presence;

static gboolean
note_presence(VigilStore *self, gpointer data, GError **error)
{
    const Presence *presence = data;
    gint64 camera_id;
    g_auto(VigilStatement) insert_row = vigil_statement(
        self, "INSERT INTO camera_states (camera_id, run_id, since_wall_us, state, reason, "
              "committed_wall_us) SELECT :camera, :run, :now, :state, :reason, :trusted "
              "WHERE :state IS NOT (SELECT state FROM camera_states WHERE camera_id = :camera "
              "AND run_id = :run ORDER BY id DESC LIMIT 1)");

    if (!vigil_store_camera_id(self, presence->camera, &camera_id, error))
        return FALSE;
    vigil_statement_int(&insert_row, ":camera", camera_id);
    vigil_statement_int(&insert_row, ":run", self->run_id);
    vigil_statement_int(&insert_row, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_text(&insert_row, ":state", presences[presence->presence]);
    vigil_statement_text(&insert_row, ":reason", presence->reason);
    vigil_statement_int(&insert_row, ":trusted", vigil_store_clock_trusted(&self->clock));
    return vigil_statement_run(&insert_row, error);
}

gboolean
vigil_store_note_presence(VigilStore *self, const gchar *camera, VigilCameraPresence presence,
                          const gchar *reason, GError **error)
{
    Presence data = {camera, reason, presence};
    gboolean ok;

    g_return_val_if_fail((guint)presence < G_N_ELEMENTS(presences), FALSE);
    g_mutex_lock(&self->mutex);
    ok = vigil_store_check_writable(self, error) &&
         vigil_store_transact(self, note_presence, &data, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

static gboolean
drop_aged(VigilStore *self, const gchar *sql, gint64 before_us, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(self, sql);

    vigil_statement_int(&drop, ":before", before_us);
    return vigil_statement_run(&drop, error);
}

static gboolean
drop_surplus(VigilStore *self, const gchar *sql, gint64 n_kept, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(self, sql);

    vigil_statement_int(&drop, ":kept", n_kept);
    return vigil_statement_run(&drop, error);
}

gboolean
vigil_store_drop_old_decisions(VigilStore *self, gpointer data, GError **error)
{
    const gint64 *before_us = data;

    if (*before_us != G_MININT64 &&
        !(drop_aged(self,
                    "DELETE FROM decisions WHERE id < (SELECT min(id) FROM decisions) + " DROP_ROWS
                    " AND committed_wall_us < :before",
                    *before_us, error) &&
          drop_aged(self,
                    "DELETE FROM camera_states WHERE id < (SELECT min(id) FROM camera_states) "
                    "+ " DROP_ROWS " AND committed_wall_us < :before",
                    *before_us, error)))
        return FALSE;
    return drop_surplus(self,
                        "DELETE FROM decisions WHERE id <= (SELECT max(id) FROM decisions) - :kept "
                        "AND id < (SELECT min(id) FROM decisions) + " DROP_ROWS,
                        VIGIL_STORE_MAX_DECISIONS, error) &&
           drop_surplus(self,
                        "DELETE FROM camera_states WHERE id <= (SELECT max(id) FROM camera_states) "
                        "- :kept AND id < (SELECT min(id) FROM camera_states) + " DROP_ROWS,
                        VIGIL_STORE_MAX_STATES, error);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static void
read_decision(VigilStatement *row, VigilDecision *decision)
{
    const gchar *event_id = vigil_statement_get_text(row, 9);

    *decision =
        (VigilDecision){.camera = g_intern_string(vigil_statement_need_text(row, 0)),
                        .rule = g_intern_string(vigil_statement_need_text(row, 1)),
                        .track_id = (guint64)sqlite3_column_int64(row->stmt, 2),
                        .label = g_intern_string(vigil_statement_get_text(row, 3)),
                        .start_wall_us = sqlite3_column_int64(row->stmt, 4),
                        .end_wall_us = sqlite3_column_int64(row->stmt, 5),
                        .reason = vigil_reason_from_string(vigil_statement_need_text(row, 6)),
                        .value = (gfloat)sqlite3_column_double(row->stmt, 7),
                        .limit = (gfloat)sqlite3_column_double(row->stmt, 8),
                        .wanted = g_intern_string(vigil_statement_get_text(row, 10))};
    g_strlcpy(decision->event_id, event_id ? event_id : "", sizeof decision->event_id);
}

static gboolean
query_decisions(VigilStore *self, VigilStatement *query, VigilDecisionRowFunc func,
                gpointer user_data, GError **error)
{
    g_autoptr(GError) local = NULL;
    VigilDecision decision;

    while (vigil_statement_step(query, &local)) {
        read_decision(query, &decision);
        if (!func(&decision, user_data))
            return TRUE;
    }
    if (!local)
        return TRUE;
    g_prefix_error(&local, "%s: ", self->database);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_query_decisions(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                            VigilDecisionRowFunc func, gpointer user_data, GError **error)
{
    gboolean ok = TRUE;

    if (self->schema < SCHEMA) /* a reader, of what an earlier version wrote */
        return TRUE;
    g_mutex_lock(&self->mutex);
    {
        g_auto(VigilStatement) query = vigil_statement(
            self,
            "SELECT k.name, d.rule, d.track_id, d.label, d.start_wall_us, d.end_wall_us, d.reason, "
            "d.value, d.wanted_value, d.event_id, d.wanted FROM decisions d "
            "JOIN cameras k ON k.id = d.camera_id WHERE k.name = :camera "
            "AND d.end_wall_us BETWEEN :since AND :until + :span AND d.start_wall_us <= :until "
            "ORDER BY d.end_wall_us, d.track_id, d.id");

        vigil_statement_text(&query, ":camera", camera);
        vigil_statement_int(&query, ":since", since_us);
        vigil_statement_int(&query, ":until", until_us);
        vigil_statement_int(&query, ":span", MAX_SPAN_US);
        ok = query_decisions(self, &query, func, user_data, error);
    }
    g_mutex_unlock(&self->mutex);
    return ok;
}

void
vigil_presence_info_clear(VigilPresenceInfo *self)
{
    g_clear_pointer(&self->reason, g_free);
}

/* The latest run that had begun then. */
static gboolean
read_run(VigilStore *self, gint64 at_us, VigilPresenceInfo *info, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) run =
        vigil_statement(self, "SELECT ended_wall_us, how FROM runs WHERE begun_wall_us <= :at "
                              "ORDER BY begun_wall_us DESC, id DESC LIMIT 1");

    vigil_statement_int(&run, ":at", at_us);
    if (vigil_statement_step(&run, &local)) {
        info->run_ended_us = sqlite3_column_int64(run.stmt, 0);
        info->died = g_strcmp0(vigil_statement_get_text(&run, 1), "died") == 0;
        info->running = info->died || info->run_ended_us == 0 || info->run_ended_us >= at_us;
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
read_presence(VigilStore *self, const gchar *camera, gint64 at_us, VigilPresenceInfo *info,
              GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) row = vigil_statement(
        self,
        "SELECT s.state, s.since_wall_us, s.reason, (SELECT min(n.since_wall_us) FROM "
        "camera_states n WHERE n.camera_id = s.camera_id AND n.since_wall_us > :at) "
        "FROM camera_states s JOIN cameras k ON k.id = s.camera_id WHERE k.name = :camera "
        "AND s.since_wall_us <= :at AND s.run_id = (SELECT id FROM runs WHERE begun_wall_us <= :at "
        "ORDER BY begun_wall_us DESC, id DESC LIMIT 1) "
        "ORDER BY s.since_wall_us DESC, s.id DESC LIMIT 1");

    vigil_statement_text(&row, ":camera", camera);
    vigil_statement_int(&row, ":at", at_us);
    if (vigil_statement_step(&row, &local)) {
        const gchar *state = vigil_statement_get_text(&row, 0);

        info->known = TRUE;
        info->presence = g_strcmp0(state, "up") == 0     ? VIGIL_PRESENCE_UP
                         : g_strcmp0(state, "down") == 0 ? VIGIL_PRESENCE_DOWN
                                                         : VIGIL_PRESENCE_OFF;
        info->since_us = sqlite3_column_int64(row.stmt, 1);
        info->reason = g_strdup(vigil_statement_get_text(&row, 2));
        info->until_us = sqlite3_column_int64(row.stmt, 3);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_get_presence(VigilStore *self, const gchar *camera, gint64 at_us,
                         VigilPresenceInfo *info, GError **error)
{
    gboolean ok;

    *info = (VigilPresenceInfo){0};
    g_mutex_lock(&self->mutex);
    ok = read_run(self, at_us, info, error) &&
         (self->schema < SCHEMA || read_presence(self, camera, at_us, info, error));
    g_mutex_unlock(&self->mutex);
    return ok;
}

gboolean
vigil_store_has_camera(VigilStore *self, const gchar *camera, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;

    g_mutex_lock(&self->mutex);
    {
        g_auto(VigilStatement) find =
            vigil_statement(self, "SELECT 1 FROM cameras WHERE name = :name");

        vigil_statement_text(&find, ":name", camera);
        *has = vigil_statement_step(&find, &local);
    }
    g_mutex_unlock(&self->mutex);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}
