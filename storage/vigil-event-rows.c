/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-event-rows.h"
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"

/* In no index but that of the ages and that of the open ones. */
#define PLAIN_COLUMNS                                                                \
    "label_id = :label_id, track_id = :track_id, start_ns = :start_ns, "             \
    "trigger_ns = :trigger_ns, end_ns = :end_ns, time_ns = :time_ns, "               \
    "end_wall_us = :end_wall_us, score = :score, top_score = :top_score, x0 = :x0, " \
    "y0 = :y0, x1 = :x1, y1 = :y1, frames_seen = :frames_seen, "                     \
    "frames_inferred = :frames_inferred, record = :record, pre_ns = :pre_ns, "       \
    "post_ns = :post_ns, end_reason = :end_reason, committed_wall_us = :wall, "      \
    "committed_mono_us = :mono, clock_synced = :synced, n_commits = n_commits + 1, " \
    "model_id = (SELECT id FROM models WHERE name = :model AND sha256 = :sha256)"
/* Naming them in an UPDATE writes their indexes, six, again, even if they stay what they are. */
#define INDEXED_COLUMNS \
    "rule = :rule, label = :label, start_wall_us = :start_wall_us, clip_id = :clip_id, "

void
vigil_event_found_clear(VigilEventFound *self)
{
    g_clear_pointer(&self->clip_path, g_free);
    g_clear_pointer(&self->rule, g_free);
    g_clear_pointer(&self->label, g_free);
}

static gboolean
has_whole_clip(VigilStore *self, const gchar *path, const gchar *state, gint64 bytes)
{
    return path && g_strcmp0(state, "complete") == 0 && vigil_clip_folder_size(self, path) == bytes;
}

gboolean
vigil_event_rows_find(VigilStore *self, const gchar *id, VigilEventFound *existing, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(
        self, "SELECT e.seq, e.run_id, e.clip_id, e.end_reason, e.pinned, e.record, c.path, "
              "c.state, c.bytes, e.n_commits, c.expired_wall_us IS NOT NULL, e.rule, e.label, "
              "e.start_wall_us FROM events e LEFT JOIN clips c ON c.id = e.clip_id "
              "WHERE e.id = :id");
    const gchar *reason;
    gboolean cut_off;

    vigil_statement_text(&statement, ":id", id);
    if (!vigil_statement_step(&statement, &local)) {
        if (!local)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    existing->seq = sqlite3_column_int64(statement.stmt, 0);
    existing->run_id = sqlite3_column_int64(statement.stmt, 1);
    existing->clip_id = sqlite3_column_int64(statement.stmt, 2);
    reason = vigil_statement_get_text(&statement, 3);
    existing->ended = reason != NULL;
    cut_off = !reason || g_str_equal(reason, vigil_end_reason_to_string(VIGIL_END_INTERRUPTED)) ||
              g_str_equal(reason, vigil_end_reason_to_string(VIGIL_END_STOPPED));
    existing->pinned = sqlite3_column_int(statement.stmt, 4) != 0;
    existing->clip_path = g_strdup(vigil_statement_get_text(&statement, 6));
    existing->n_commits = sqlite3_column_int64(statement.stmt, 9);
    existing->rule = g_strdup(vigil_statement_need_text(&statement, 11));
    existing->label = g_strdup(vigil_statement_need_text(&statement, 12));
    existing->start_wall_us = sqlite3_column_int64(statement.stmt, 13);
    if (cut_off)
        return TRUE;
    if (sqlite3_column_int(statement.stmt, 10)) { /* it was complete */
        g_clear_pointer(&existing->clip_path, g_free);
        existing->complete = TRUE;
        return TRUE;
    }
    existing->complete = existing->clip_id ? has_whole_clip(self, existing->clip_path,
                                                            vigil_statement_get_text(&statement, 7),
                                                            sqlite3_column_int64(statement.stmt, 8))
                                           : sqlite3_column_int(statement.stmt, 5) == 0;
    return !existing->complete || self->schema < VIGIL_PARTS_SCHEMA ||
           vigil_clip_parts_are_whole(self, existing->seq, &existing->complete, error);
}
static const gchar *
get_rule(const VigilEvent *event)
{
    return event->rule ? event->rule : "";
}

static const gchar *
get_label(const VigilEvent *event)
{
    return event->label ? event->label : "";
}

static void
bind_plain(VigilStatement *statement, const VigilEvent *event)
{
    vigil_statement_int(statement, ":label_id", event->label_id);
    vigil_statement_int(statement, ":track_id", (gint64)event->track_id);
    vigil_statement_int(statement, ":start_ns", event->start_ns);
    vigil_statement_int(statement, ":trigger_ns", event->trigger_ns);
    vigil_statement_int(statement, ":end_ns", event->end_ns);
    vigil_statement_int(statement, ":time_ns", event->time_ns);
    vigil_statement_int(statement, ":end_wall_us", event->end_wall_us);
    vigil_statement_real(statement, ":score", event->score);
    vigil_statement_real(statement, ":top_score", event->top_score);
    vigil_statement_real(statement, ":x0", event->box.x0);
    vigil_statement_real(statement, ":y0", event->box.y0);
    vigil_statement_real(statement, ":x1", event->box.x1);
    vigil_statement_real(statement, ":y1", event->box.y1);
    vigil_statement_int(statement, ":frames_seen", event->frames_seen);
    vigil_statement_int(statement, ":frames_inferred", event->frames_inferred);
    vigil_statement_int(statement, ":record", event->record ? 1 : 0);
    vigil_statement_int(statement, ":pre_ns", event->pre_ns);
    vigil_statement_int(statement, ":post_ns", event->post_ns);
    if (event->type == VIGIL_EVENT_END)
        vigil_statement_text(statement, ":end_reason",
                             vigil_end_reason_to_string(event->end_reason));
    if (!event->model.sha256)
        return; /* of no model: NULL */
    vigil_statement_text(statement, ":model", event->model.name);
    vigil_statement_text(statement, ":sha256", event->model.sha256);
}

static void
bind_indexed(VigilStatement *statement, const VigilEvent *event, gint64 clip_id)
{
    vigil_statement_text(statement, ":rule", get_rule(event));
    vigil_statement_text(statement, ":label", get_label(event));
    vigil_statement_int(statement, ":start_wall_us", event->start_wall_us);
    if (clip_id)
        vigil_statement_int(statement, ":clip_id", clip_id);
}

static void
bind_now(VigilStatement *statement, const VigilStore *self)
{
    const gint synced = vigil_store_clock_synced(&self->clock);

    vigil_statement_int(statement, ":wall", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(statement, ":mono", vigil_store_clock_mono(&self->clock));
    if (synced >= 0)
        vigil_statement_int(statement, ":synced", synced);
}

gboolean
vigil_event_rows_insert(VigilStore *self, const VigilEvent *event, gint64 camera_id, gint64 clip_id,
                        VigilEventFound *existing, GError **error)
{
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO events (id, run_id, camera_id, clip_id, pinned, n_commits, rule, label, "
              "label_id, track_id, start_ns, trigger_ns, end_ns, time_ns, start_wall_us, "
              "end_wall_us, score, top_score, x0, y0, x1, y1, frames_seen, frames_inferred, "
              "record, pre_ns, post_ns, end_reason, committed_wall_us, committed_mono_us, "
              "clock_synced, model_id) VALUES (:id, :run, :camera, :clip_id, :pinned, :n_commits, "
              ":rule, :label, :label_id, :track_id, :start_ns, :trigger_ns, :end_ns, :time_ns, "
              ":start_wall_us, :end_wall_us, :score, :top_score, :x0, :y0, :x1, :y1, "
              ":frames_seen, :frames_inferred, :record, :pre_ns, :post_ns, :end_reason, :wall, "
              ":mono, :synced, "
              "(SELECT id FROM models WHERE name = :model AND sha256 = :sha256))");

    vigil_statement_text(&insert, ":id", event->id);
    vigil_statement_int(&insert, ":run", self->run_id);
    vigil_statement_int(&insert, ":camera", camera_id);
    vigil_statement_int(&insert, ":pinned", existing->pinned);
    vigil_statement_int(&insert, ":n_commits", existing->n_commits + 1);
    bind_plain(&insert, event);
    bind_indexed(&insert, event, clip_id);
    bind_now(&insert, self);
    if (!vigil_statement_run(&insert, error))
        return FALSE;
    existing->seq = sqlite3_last_insert_rowid(self->db);
    return TRUE;
}

gboolean
vigil_event_rows_update(VigilStore *self, const VigilEvent *event, const VigilEventFound *existing,
                        gint64 clip_id, GError **error)
{
    const gboolean same = existing->clip_id == clip_id &&
                          existing->start_wall_us == event->start_wall_us &&
                          g_strcmp0(existing->rule, get_rule(event)) == 0 &&
                          g_strcmp0(existing->label, get_label(event)) == 0;
    g_auto(VigilStatement) update = vigil_statement(
        self, same ? "UPDATE events SET " PLAIN_COLUMNS " WHERE seq = :seq"
                   : "UPDATE events SET " INDEXED_COLUMNS PLAIN_COLUMNS " WHERE seq = :seq");

    bind_plain(&update, event);
    if (!same)
        bind_indexed(&update, event, clip_id);
    bind_now(&update, self);
    vigil_statement_int(&update, ":seq", existing->seq);
    return vigil_statement_run(&update, error);
}

static gboolean
insert_places(VigilStore *self, gint64 seq, const VigilEvent *event, const gchar *kind,
              const gchar *const *names, GError **error)
{
    for (guint i = 0; names && names[i]; i++) {
        g_auto(VigilStatement) insert = vigil_statement(
            self, "INSERT INTO event_places (event_seq, kind, position, name, start_wall_us) "
                  "VALUES (:seq, :kind, :position, :name, :start) "
                  "ON CONFLICT DO UPDATE SET name = excluded.name, "
                  "start_wall_us = excluded.start_wall_us "
                  "WHERE name <> excluded.name OR start_wall_us <> excluded.start_wall_us");

        vigil_statement_int(&insert, ":seq", seq);
        vigil_statement_text(&insert, ":kind", kind);
        vigil_statement_int(&insert, ":position", i);
        vigil_statement_text(&insert, ":name", names[i]);
        vigil_statement_int(&insert, ":start", event->start_wall_us);
        if (!vigil_statement_run(&insert, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
insert_path(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error)
{
    guint n_points;
    g_autoptr(GByteArray) path = NULL;

    if (!event->path)
        return TRUE;
    path = vigil_path_encode(event->path, &n_points);
    g_auto(VigilStatement) insert =
        vigil_statement(self, "INSERT OR REPLACE INTO tracks (event_seq, track_id, n_points, path) "
                              "VALUES (:seq, :track, :n_points, :path)");

    vigil_statement_int(&insert, ":seq", seq);
    vigil_statement_int(&insert, ":track", (gint64)event->track_id);
    vigil_statement_int(&insert, ":n_points", n_points);
    vigil_statement_blob(&insert, ":path", path->data, path->len);
    return vigil_statement_run(&insert, error);
}

static gboolean
insert_snapshot(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error)
{
    gsize length;
    gconstpointer data;

    if (!event->snapshot)
        return TRUE;
    data = g_bytes_get_data(event->snapshot, &length);
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT OR REPLACE INTO snapshots (event_seq, jpeg) VALUES (:seq, :jpeg)");

    vigil_statement_int(&insert, ":seq", seq);
    vigil_statement_blob(&insert, ":jpeg", data, length);
    return vigil_statement_run(&insert, error);
}
gboolean
vigil_event_rows_set_first_clip(VigilStore *self, gint64 seq, gint64 clip_id, GError **error)
{
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE events SET clip_id = :clip WHERE seq = :seq");

    vigil_statement_int(&update, ":clip", clip_id);
    vigil_statement_int(&update, ":seq", seq);
    return vigil_statement_run(&update, error);
}

gboolean
vigil_event_rows_put_details(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error)
{
    return insert_places(self, seq, event, "zone", event->zones, error) &&
           insert_places(self, seq, event, "line", event->lines, error) &&
           insert_path(self, seq, event, error) && vigil_areas_put(self, seq, event, error) &&
           insert_snapshot(self, seq, event, error);
}
