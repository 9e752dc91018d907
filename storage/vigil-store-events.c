/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of events. */
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-outbox-private.h"
#include "storage/vigil-rebuild-private.h"
#include "storage/vigil-seal-private.h"

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

/* What the store has of an event. */
typedef struct {
    gint64 seq; /* 0: nothing */
    gint64 run_id, clip_id, n_commits;
    gboolean ended, pinned;
    gboolean
        complete; /* ended by itself or with its stream, with its whole clip when it wants one */
    gchar *clip_path;
    gchar *rule, *label;
    gint64 start_wall_us;
} Existing;

static void
existing_clear(Existing *self)
{
    g_clear_pointer(&self->clip_path, g_free);
    g_clear_pointer(&self->rule, g_free);
    g_clear_pointer(&self->label, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Existing, existing_clear)

static gboolean
has_whole_clip(VigilStore *self, const gchar *path, const gchar *state, gint64 bytes)
{
    return path && g_strcmp0(state, "complete") == 0 && vigil_clip_folder_size(self, path) == bytes;
}

static gboolean
find_event(VigilStore *self, const gchar *id, Existing *existing, GError **error)
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

gboolean
vigil_store_has_event(VigilStore *self, const gchar *event_id, gchar **clip_path)
{
    g_auto(Existing) existing = {0};
    g_autoptr(GError) error = NULL;

    g_mutex_lock(&self->mutex);
    if (!self->db || !find_event(self, event_id, &existing, &error))
        existing.complete = FALSE;
    g_mutex_unlock(&self->mutex);
    if (clip_path)
        *clip_path = existing.complete ? g_steal_pointer(&existing.clip_path) : NULL;
    return existing.complete;
}

/* One commit on its way through the transaction. */
typedef struct {
    const VigilEvent *event;
    VigilClip *clip;
    gint64 clip_id;     /* of the clip's row, made by this commit or before */
    GPtrArray *garbage; /* (element-type utf8) */
} Commit;

static gboolean
insert_clip(VigilStore *self, Commit *commit, gint64 camera_id, GError **error)
{
    g_auto(VigilStatement) insert =
        vigil_statement(self, "INSERT INTO clips (camera_id, run_id, path, state, bytes) "
                              "VALUES (:camera, :run, :path, 'open', :bytes)");
    g_auto(VigilStatement) claim = vigil_statement(self, "DELETE FROM garbage WHERE path = :path");

    vigil_statement_int(&insert, ":camera", camera_id);
    vigil_statement_int(&insert, ":run", self->run_id);
    vigil_statement_text(&insert, ":path", commit->clip->path);
    vigil_statement_int(&insert, ":bytes", (gint64)commit->clip->bytes);
    vigil_statement_text(&claim, ":path", commit->clip->path);
    if (!vigil_statement_run(&insert, error) || !vigil_statement_run(&claim, error))
        return FALSE;
    commit->clip_id = sqlite3_last_insert_rowid(self->db);
    return TRUE;
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

static gboolean
insert_event(VigilStore *self, const VigilEvent *event, gint64 camera_id, gint64 clip_id,
             Existing *existing, GError **error)
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

static gboolean
update_event(VigilStore *self, const VigilEvent *event, const Existing *existing, gint64 clip_id,
             GError **error)
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

/* By an earlier run, or in this one by a recorder that is gone when a new one begins with the event again. */
static gboolean
is_left_behind(VigilStore *self, const Commit *commit, const Existing *existing)
{
    if (!existing->seq)
        return FALSE;
    return existing->run_id != self->run_id ||
           (commit->clip && commit->event->type == VIGIL_EVENT_BEGIN && existing->clip_id &&
            !vigil_clip_is_live(self, existing->clip_id));
}

/* What was left behind goes; a pin stays, and messages go on being counted. */
static gboolean
replace_event(VigilStore *self, Commit *commit, Existing *existing, GError **error)
{
    if (!vigil_store_drop_event(self, existing->seq, commit->garbage, error))
        return FALSE;
    existing->seq = 0;
    existing->clip_id = 0;
    g_clear_pointer(&existing->clip_path, g_free);
    existing->ended = FALSE;
    return TRUE;
}

/* (nullable): of the clip that the event has from this commit on. Its first one stays. */
static const gchar *
get_clip_path(const Commit *commit, const Existing *existing)
{
    if (existing->clip_id)
        return existing->clip_path;
    return commit->clip ? commit->clip->path : NULL;
}

static gboolean
commit_event(VigilStore *self, gpointer data, GError **error)
{
    Commit *commit = data;
    const VigilEvent *event = commit->event;
    g_auto(Existing) existing = {0};
    gint64 camera_id, clip_id;

    g_ptr_array_set_size(commit->garbage, 0);
    commit->clip_id = commit->clip ? commit->clip->row_id : 0;
    if (!find_event(self, event->id, &existing, error))
        return FALSE;
    if (existing.complete)
        return TRUE;
    if (is_left_behind(self, commit, &existing)) {
        if (!replace_event(self, commit, &existing, error))
            return FALSE;
    } else if (existing.ended && event->type != VIGIL_EVENT_END) {
        return TRUE;
    }
    if (!vigil_store_camera_id(self, event->camera ? event->camera : "", &camera_id, error))
        return FALSE;
    if (commit->clip && !commit->clip_id && !insert_clip(self, commit, camera_id, error))
        return FALSE;
    if (existing.clip_id && commit->clip_id && existing.clip_id != commit->clip_id &&
        !vigil_clip_parts_add(self, existing.seq, commit->clip_id, error))
        return FALSE;
    if (event->model.sha256 && !vigil_store_insert_model(self, &event->model, error))
        return FALSE;
    clip_id = existing.clip_id ? existing.clip_id : commit->clip_id;
    return (existing.seq ? update_event(self, event, &existing, clip_id, error)
                         : insert_event(self, event, camera_id, clip_id, &existing, error)) &&
           insert_places(self, existing.seq, event, "zone", event->zones, error) &&
           insert_places(self, existing.seq, event, "line", event->lines, error) &&
           insert_path(self, existing.seq, event, error) &&
           vigil_areas_put(self, existing.seq, event, error) &&
           insert_snapshot(self, existing.seq, event, error) &&
           (event->type != VIGIL_EVENT_END || vigil_seal_event(self, existing.seq, error)) &&
           vigil_outbox_add(self, event, get_clip_path(commit, &existing),
                            (guint)existing.n_commits, error);
}

static void
commit_done(VigilStore *self, gpointer data)
{
    const Commit *commit = data;

    if (commit->clip && commit->clip_id)
        commit->clip->row_id = commit->clip_id;
    if (self->outbox_func)
        self->outbox_func(self->outbox_data);
}

gboolean
vigil_store_commit_event(VigilStore *self, const VigilEvent *event, VigilClip *clip, GError **error)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) local = NULL;
    Commit commit = {.event = event, .clip = clip, .garbage = garbage};

    /* not under the lock: other cameras need not wait for this camera's footage */
    if (clip && !clip->row_id && !vigil_clip_sync(clip, error))
        return FALSE;
    if (!vigil_store_write_shared(self, commit_event, commit_done, &commit, error))
        return FALSE;
    if (garbage->len == 0)
        return TRUE;
    /* the event is on disk whatever becomes of the old clip */
    g_mutex_lock(&self->mutex);
    if (vigil_store_check_writable(self, NULL) && !vigil_store_collect(self, garbage, &local))
        g_message("%s: an old clip was not removed yet: %s", self->database, local->message);
    g_mutex_unlock(&self->mutex);
    return TRUE;
}

static gboolean
set_first_clip(VigilStore *self, gint64 seq, gint64 clip_id, GError **error)
{
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE events SET clip_id = :clip WHERE seq = :seq");

    vigil_statement_int(&update, ":clip", clip_id);
    vigil_statement_int(&update, ":seq", seq);
    return vigil_statement_run(&update, error);
}

typedef struct {
    const gchar *event_id;
    Commit commit;
} Continuation;

static gboolean
continue_event(VigilStore *self, gpointer data, GError **error)
{
    Continuation *work = data;
    Commit *commit = &work->commit;
    g_auto(Existing) existing = {0};
    gint64 camera_id;

    commit->clip_id = commit->clip->row_id;
    if (!find_event(self, work->event_id, &existing, error))
        return FALSE;
    if (!existing.seq || existing.run_id != self->run_id) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: no such event of this run", work->event_id);
        return FALSE;
    }
    if (!vigil_store_camera_id(self, commit->clip->camera, &camera_id, error) ||
        (!commit->clip_id && !insert_clip(self, commit, camera_id, error)))
        return FALSE;
    if (!existing.clip_id)
        return set_first_clip(self, existing.seq, commit->clip_id, error);
    return existing.clip_id == commit->clip_id ||
           vigil_clip_parts_add(self, existing.seq, commit->clip_id, error);
}

gboolean
vigil_store_continue_event(VigilStore *self, const gchar *event_id, VigilClip *clip, GError **error)
{
    Continuation work = {event_id, {.clip = clip}};
    gboolean ok;

    if (!clip->row_id && !vigil_clip_sync(clip, error))
        return FALSE;
    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, continue_event, &work, error);
    if (ok)
        clip->row_id = work.commit.clip_id;
    g_mutex_unlock(&self->mutex);
    return ok;
}

/* Its place among the others, and when it was committed. */
static gboolean
move_back(VigilStore *self, const VigilRestore *restore, gint64 seq, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE events SET seq = :seq, run_id = :run, committed_wall_us = :wall, "
              "committed_mono_us = :wall, pinned = :pinned WHERE seq = :old");

    vigil_statement_int(&update, ":old", seq);
    vigil_statement_int(&update, ":pinned", restore->pinned);
    vigil_statement_int(&update, ":seq", restore->seq);
    vigil_statement_int(&update, ":run", restore->run_id);
    vigil_statement_int(&update, ":wall", restore->committed_wall_us);
    return vigil_statement_run(&update, error);
}

/* What is known of it beside its row, which gets its place among the others before anything refers to it. */
static gboolean
fill_in(VigilStore *self, const VigilRestore *restore, gint64 seq, GError **error)
{
    const VigilEvent *event = restore->event;

    return move_back(self, restore, seq, error) &&
           insert_places(self, restore->seq, event, "zone", event->zones, error) &&
           insert_places(self, restore->seq, event, "line", event->lines, error) &&
           insert_path(self, restore->seq, event, error) &&
           vigil_areas_put(self, restore->seq, event, error) &&
           insert_snapshot(self, restore->seq, event, error);
}

/* Of one that came out of another of its clips: when it was committed last, and whether that clip is not its first. */
static gboolean
look_back(VigilStore *self, const Existing *existing, gint64 *committed_us, gboolean *had_before,
          GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT e.committed_wall_us, EXISTS (SELECT 1 FROM event_parts p WHERE "
              "p.event_seq = e.seq AND p.clip_id = e.clip_id) FROM events e WHERE e.seq = :seq");

    vigil_statement_int(&find, ":seq", existing->seq);
    if (vigil_statement_step(&find, &local)) {
        *committed_us = sqlite3_column_int64(find.stmt, 0);
        *had_before = sqlite3_column_int(find.stmt, 1) != 0;
        return TRUE;
    }
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    return local == NULL;
}

/*
 * One more clip of an event that is there: the one that it began in, or another in which it went on. Until the one that it
 * began in is found, the earliest of the others takes its place, which event_parts has as well.
 */
static gboolean
restore_part(VigilStore *self, const VigilRestore *restore, const Existing *existing,
             VigilRestored *restored, GError **error)
{
    VigilRestore latest = *restore;
    gint64 committed_us = 0, first_id = existing->clip_id;
    gboolean had_before = FALSE;

    if (!look_back(self, existing, &committed_us, &had_before, error))
        return FALSE;
    if (!restore->goes_on && !had_before)
        return TRUE;
    *restored = VIGIL_RESTORED_PART;
    if (restore->goes_on && !vigil_clip_parts_add(self, existing->seq, restore->clip_id, error))
        return FALSE;
    if (had_before && (!restore->goes_on || restore->clip_id < first_id))
        first_id = restore->clip_id;
    if (!set_first_clip(self, existing->seq, first_id, error))
        return FALSE;
    latest.seq = existing->seq;
    return restore->committed_wall_us <= committed_us ||
           (update_event(self, restore->event, existing, first_id, error) &&
            fill_in(self, &latest, existing->seq, error));
}

gboolean
vigil_store_restore_event(VigilStore *self, const VigilRestore *restore, VigilRestored *restored,
                          GError **error)
{
    const VigilEvent *event = restore->event;
    g_auto(Existing) existing = {0};
    gint64 camera_id;

    *restored = VIGIL_RESTORED_NOT;
    if (!find_event(self, event->id, &existing, error))
        return FALSE;
    if (event->model.sha256 && !vigil_store_insert_model(self, &event->model, error))
        return FALSE;
    if (existing.seq)
        return existing.run_id != restore->run_id ||
               restore_part(self, restore, &existing, restored, error);
    *restored = VIGIL_RESTORED_EVENT;
    return vigil_store_camera_id(self, event->camera, &camera_id, error) &&
           insert_event(self, event, camera_id, restore->clip_id, &existing, error) &&
           fill_in(self, restore, existing.seq, error) &&
           (!restore->goes_on || vigil_clip_parts_add(self, restore->seq, restore->clip_id, error));
}

typedef struct {
    const gchar *id;
    gboolean pinned;
} Pin;

static gboolean
update_pin(VigilStore *self, gpointer data, GError **error)
{
    const Pin *pin = data;
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE events SET pinned = :pinned WHERE id = :id");

    vigil_statement_int(&update, ":pinned", pin->pinned ? 1 : 0);
    vigil_statement_text(&update, ":id", pin->id);
    if (!vigil_statement_run(&update, error))
        return FALSE;
    if (sqlite3_changes(self->db) == 1)
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event",
                pin->id);
    return FALSE;
}

gboolean
vigil_store_set_pinned(VigilStore *self, const gchar *event_id, gboolean pinned, GError **error)
{
    Pin pin = {event_id, pinned};
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, update_pin, &pin, error);
    if (ok && !pinned)
        vigil_retention_reset(self);
    g_mutex_unlock(&self->mutex);
    return ok;
}
