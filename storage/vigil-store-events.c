/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of events. */
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-event-rows.h"
#include "storage/vigil-outbox-private.h"
#include "storage/vigil-retention-private.h"
#include "storage/vigil-seal-private.h"

gboolean
vigil_store_has_event(VigilStore *self, const gchar *event_id, gchar **clip_path)
{
    g_auto(VigilEventFound) existing = {0};
    g_autoptr(GError) error = NULL;

    g_mutex_lock(&self->mutex);
    if (!self->db || !vigil_event_rows_find(self, event_id, &existing, &error))
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

/* By an earlier run, or in this one by a recorder that is gone when a new one begins with the event again. */
static gboolean
is_left_behind(VigilStore *self, const Commit *commit, const VigilEventFound *existing)
{
    if (!existing->seq)
        return FALSE;
    return existing->run_id != self->run_id ||
           (commit->clip && commit->event->type == VIGIL_EVENT_BEGIN && existing->clip_id &&
            !vigil_clip_is_live(self, existing->clip_id));
}

/* What was left behind goes; a pin stays, and messages go on being counted. */
static gboolean
replace_event(VigilStore *self, Commit *commit, VigilEventFound *existing, GError **error)
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
get_clip_path(const Commit *commit, const VigilEventFound *existing)
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
    g_auto(VigilEventFound) existing = {0};
    gint64 camera_id, clip_id;

    g_ptr_array_set_size(commit->garbage, 0);
    commit->clip_id = commit->clip ? commit->clip->row_id : 0;
    if (!vigil_event_rows_find(self, event->id, &existing, error))
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
    return (existing.seq
                ? vigil_event_rows_update(self, event, &existing, clip_id, error)
                : vigil_event_rows_insert(self, event, camera_id, clip_id, &existing, error)) &&
           vigil_event_rows_put_details(self, existing.seq, event, error) &&
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
    if (!vigil_store_write_shared(self, VIGIL_SPACE_FOR_ROWS, commit_event, commit_done, &commit,
                                  error))
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

typedef struct {
    const gchar *event_id;
    Commit commit;
} Continuation;

static gboolean
continue_event(VigilStore *self, gpointer data, GError **error)
{
    Continuation *work = data;
    Commit *commit = &work->commit;
    g_auto(VigilEventFound) existing = {0};
    gint64 camera_id;

    commit->clip_id = commit->clip->row_id;
    if (!vigil_event_rows_find(self, work->event_id, &existing, error))
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
        return vigil_event_rows_set_first_clip(self, existing.seq, commit->clip_id, error);
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
