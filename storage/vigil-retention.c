/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting: row → garbage row (one transaction), unlink, fsync of the directory, garbage row. "Oldest" is the order of
 * the commits, which no clock can change.
 */
#include "storage/vigil-retention-private.h"
#include "storage/vigil-seal-private.h"

#include <errno.h>

static gboolean
drop_garbage_rows(VigilStore *self, gpointer data, GError **error)
{
    const GPtrArray *paths = data;

    for (guint i = 0; i < paths->len; i++) {
        g_auto(VigilStatement) drop =
            vigil_statement(self, "DELETE FROM garbage WHERE path = :path");

        vigil_statement_text(&drop, ":path", g_ptr_array_index(paths, i));
        if (!vigil_statement_run(&drop, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vigil_store_has_clip_row(VigilStore *self, const gchar *path, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT 1 FROM clips WHERE path = :path AND expired_wall_us IS NULL");

    vigil_statement_text(&find, ":path", path);
    *has = vigil_statement_step(&find, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_collect(VigilStore *self, GPtrArray *paths, GError **error)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();

    for (guint i = 0; i < paths->len; i++) {
        const gchar *path = g_ptr_array_index(paths, i);
        gboolean wanted;
        gint code;

        if (!vigil_store_has_clip_row(self, path, &wanted, error))
            return FALSE;
        code = wanted ? 0 : vigil_clip_folder_remove(self, path);
        if (code == 0 || code == -ENOENT)
            g_ptr_array_add(gone, (gpointer)path);
        else if (g_atomic_int_get(&self->failed) || code == -EIO)
            return vigil_store_set_errno(error, code, "cannot remove the clip", path);
        else
            g_message("%s: cannot be removed, is tried again at the next start: %s", path,
                      g_strerror(-code));
    }
    return gone->len == 0 || vigil_store_transact(self, drop_garbage_rows, gone, error);
}

static gboolean
list_garbage(VigilStore *self, const gchar *path, GError **error)
{
    g_auto(VigilStatement) list =
        vigil_statement(self, "INSERT OR REPLACE INTO garbage (path, reason, since_wall_us) "
                              "VALUES (:path, 'deleted', :now)");

    vigil_statement_text(&list, ":path", path);
    vigil_statement_int(&list, ":now", vigil_store_clock_wall(&self->clock));
    return vigil_statement_run(&list, error);
}

static gboolean
drop_clip(VigilStore *self, gint64 clip_id, const gchar *path, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(self, "DELETE FROM clips WHERE id = :id");

    vigil_statement_int(&drop, ":id", clip_id);
    return vigil_seal_clip_goes(self, clip_id, error) && list_garbage(self, path, error) &&
           vigil_statement_run(&drop, error);
}

gboolean
vigil_store_drop_event(VigilStore *self, gint64 seq, GPtrArray *garbage, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree gchar *path = NULL;
    gint64 clip_id = 0;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT c.id, c.path FROM events e JOIN clips c ON c.id = e.clip_id "
                              "WHERE e.seq = :seq AND NOT EXISTS "
                              "(SELECT 1 FROM events o WHERE o.clip_id = c.id AND o.seq <> e.seq)");
    g_auto(VigilStatement) drop = vigil_statement(self, "DELETE FROM events WHERE seq = :seq");

    vigil_statement_int(&find, ":seq", seq);
    if (vigil_statement_step(&find, &local)) {
        clip_id = sqlite3_column_int64(find.stmt, 0);
        path = g_strdup(vigil_statement_need_text(&find, 1));
    }
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    vigil_statement_int(&drop, ":seq", seq);
    if (!vigil_seal_event_goes(self, seq, error) || !vigil_statement_run(&drop, error))
        return FALSE;
    if (!clip_id)
        return TRUE;
    if (!drop_clip(self, clip_id, path, error))
        return FALSE;
    g_ptr_array_add(garbage, g_steal_pointer(&path));
    return TRUE;
}

static gchar *
find_clip_path(VigilStore *self, gint64 clip_id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT path FROM clips WHERE id = :id AND state <> 'lost'");

    vigil_statement_int(&find, ":id", clip_id);
    if (vigil_statement_step(&find, &local))
        return g_strdup(vigil_statement_need_text(&find, 0));
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

gboolean
vigil_store_drop_snapshot(VigilStore *self, gint64 seq, GError **error)
{
    g_auto(VigilStatement) drop =
        vigil_statement(self, "DELETE FROM snapshots WHERE event_seq = :seq");

    vigil_statement_int(&drop, ":seq", seq);
    return vigil_seal_snapshot_goes(self, seq, error) && vigil_statement_run(&drop, error);
}

static gboolean
drop_snapshots_of_clip(VigilStore *self, gint64 clip_id, GError **error)
{
    g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GError) local = NULL;

    {
        g_auto(VigilStatement) list =
            vigil_statement(self, "SELECT e.seq FROM events e JOIN snapshots s ON "
                                  "s.event_seq = e.seq WHERE e.clip_id = :id");

        vigil_statement_int(&list, ":id", clip_id);
        while (vigil_statement_step(&list, &local)) {
            const gint64 seq = sqlite3_column_int64(list.stmt, 0);

            g_array_append_val(events, seq);
        }
    }
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    for (guint i = 0; i < events->len; i++)
        if (!vigil_store_drop_snapshot(self, g_array_index(events, gint64, i), error))
            return FALSE;
    return TRUE;
}

gboolean
vigil_store_expire_clip(VigilStore *self, gint64 clip_id, GPtrArray *garbage, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree gchar *path = find_clip_path(self, clip_id, &local);
    g_auto(VigilStatement) expire = {0};

    /* one whose handle was given up is 'open' until limits are enforced */
    if ((!path && !local) || vigil_clip_is_live(self, clip_id))
        return TRUE;
    if (!path) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    expire = vigil_statement(self, "UPDATE clips SET state = 'lost', bytes = 0, "
                                   "expired_wall_us = :now WHERE id = :id");
    vigil_statement_int(&expire, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&expire, ":id", clip_id);
    if (!vigil_seal_clip_goes(self, clip_id, error) || !vigil_statement_run(&expire, error) ||
        !drop_snapshots_of_clip(self, clip_id, error) || !list_garbage(self, path, error))
        return FALSE;
    g_ptr_array_add(garbage, g_steal_pointer(&path));
    return TRUE;
}

static gboolean
pick(VigilStore *self, const gchar *sql, gint64 *id, GError **error)
{
    g_auto(VigilStatement) statement = vigil_statement(self, sql);
    g_autoptr(GError) local = NULL;

    *id = vigil_statement_step(&statement, &local) ? sqlite3_column_int64(statement.stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_pick_oldest(VigilStore *self, gint64 *seq, GError **error)
{
    return pick(self,
                "SELECT e.seq FROM events e WHERE e.pinned = 0 AND e.end_reason IS NOT NULL AND "
                "(e.clip_id IS NULL OR "
                "(SELECT c.state FROM clips c WHERE c.id = e.clip_id) <> 'open') "
                "ORDER BY e.seq LIMIT 1",
                seq, error);
}

/* Clips that are complete, of events that may go, all of them, and at least one. */
#define OLD_CLIPS                                                                               \
    "FROM clips c WHERE c.state IN ('complete', 'cut') AND NOT EXISTS (SELECT 1 FROM events e " \
    "WHERE e.clip_id = c.id AND (e.pinned <> 0 OR e.end_reason IS NULL)) AND EXISTS (SELECT 1 " \
    "FROM events x WHERE x.clip_id = c.id) ORDER BY c.id LIMIT 1"

gboolean
vigil_store_pick_oldest_clip(VigilStore *self, gint64 *clip_id, GError **error)
{
    return pick(self, "SELECT c.id " OLD_CLIPS, clip_id, error);
}

/* What gives space to footage: an event without any gives none. */
gboolean
vigil_store_pick_oldest_with_clip(VigilStore *self, gint64 *seq, GError **error)
{
    return pick(self,
                "SELECT min(o.seq) FROM events o WHERE o.clip_id = (SELECT c.id " OLD_CLIPS ")",
                seq, error);
}
