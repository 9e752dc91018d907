/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting: row → garbage row (one transaction), unlink, fsync of the directory, garbage row. "Oldest" is the order of
 * the commits, which no clock can change.
 */
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"
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

/* Whether an event other than this one has the clip. */
static gboolean
is_shared(VigilStore *self, gint64 clip_id, gint64 event_seq, gboolean *shared, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT 1 FROM events WHERE clip_id = :clip AND seq <> :seq UNION ALL "
              "SELECT 1 FROM event_parts WHERE clip_id = :clip AND event_seq <> :seq LIMIT 1");

    vigil_statement_int(&find, ":clip", clip_id);
    vigil_statement_int(&find, ":seq", event_seq);
    *shared = vigil_statement_step(&find, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_drop_event(VigilStore *self, gint64 seq, GPtrArray *garbage, GError **error)
{
    g_autoptr(GArray) parts = vigil_clip_parts_list(self, seq, TRUE, error);
    g_auto(VigilStatement) drop = {0};

    if (!parts)
        return FALSE;
    drop = vigil_statement(self, "DELETE FROM events WHERE seq = :seq");
    vigil_statement_int(&drop, ":seq", seq);
    if (!vigil_seal_event_goes(self, seq, error) || !vigil_areas_drop(self, seq, error) ||
        !vigil_statement_run(&drop, error))
        return FALSE;
    for (guint i = 0; i < parts->len; i++) {
        VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);
        gboolean shared;

        if (!is_shared(self, part->id, seq, &shared, error))
            return FALSE;
        if (shared)
            continue;
        if (!drop_clip(self, part->id, part->path, error))
            return FALSE;
        g_ptr_array_add(garbage, g_steal_pointer(&part->path));
    }
    return TRUE;
}

/* One that is lost has none, but for a segment, whose row is still there. */
static gchar *
find_clip_path(VigilStore *self, gint64 clip_id, gboolean *continuous, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT path, continuous FROM clips WHERE id = :id AND "
                              "(state <> 'lost' OR continuous = 1)");

    vigil_statement_int(&find, ":id", clip_id);
    if (vigil_statement_step(&find, &local)) {
        *continuous = sqlite3_column_int(find.stmt, 1) != 0;
        return g_strdup(vigil_statement_need_text(&find, 0));
    }
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
        g_auto(VigilStatement) list = vigil_statement(
            self, "SELECT e.seq FROM clips c JOIN events e ON " VIGIL_EVENT_IS_IN_CLIP
                  " JOIN snapshots s ON s.event_seq = e.seq WHERE c.id = :id");

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

/*
 * A segment goes with its row; but no event has a segment. A clip that an event has and that is marked as one was altered by
 * somebody else: it is a clip again, and goes by the limits of clips.
 */
static gboolean
drop_segment(VigilStore *self, gint64 clip_id, const gchar *path, gboolean *dropped, GError **error)
{
    g_auto(VigilStatement) correct = {0};
    gboolean has_event;

    if (!is_shared(self, clip_id, 0, &has_event, error))
        return FALSE;
    *dropped = !has_event;
    if (!has_event)
        return drop_clip(self, clip_id, path, error);
    g_message("%s: it is marked as a segment of a continuous recording, but belongs to an event: "
              "it is kept as a clip",
              path);
    correct = vigil_statement(self, "UPDATE clips SET continuous = 0 WHERE id = :id");
    vigil_statement_int(&correct, ":id", clip_id);
    return vigil_statement_run(&correct, error);
}

gboolean
vigil_store_expire_clip(VigilStore *self, gint64 clip_id, GPtrArray *garbage, GError **error)
{
    g_autoptr(GError) local = NULL;
    gboolean continuous = FALSE;
    g_autofree gchar *path = find_clip_path(self, clip_id, &continuous, &local);
    g_auto(VigilStatement) expire = {0};

    /* one whose handle was given up is 'open' until limits are enforced */
    if ((!path && !local) || vigil_clip_is_live(self, clip_id))
        return TRUE;
    if (!path) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (continuous) {
        gboolean dropped;

        if (!drop_segment(self, clip_id, path, &dropped, error))
            return FALSE;
        if (dropped)
            g_ptr_array_add(garbage, g_steal_pointer(&path));
        return TRUE;
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
                "(SELECT c.state FROM clips c WHERE c.id = e.clip_id) <> 'open') AND "
                "NOT EXISTS (SELECT 1 FROM event_parts p CROSS JOIN clips c ON c.id = p.clip_id "
                "WHERE p.event_seq = e.seq AND c.state = 'open') "
                "ORDER BY e.seq LIMIT 1",
                seq, error);
}

/* Clips that are complete, of events that may go, all of them, and at least one. */
#define OLD_CLIPS                                                                                \
    "FROM clips c WHERE c.state IN ('complete', 'cut') AND NOT EXISTS (SELECT 1 FROM events e "  \
    "WHERE e.clip_id = c.id AND (e.pinned <> 0 OR e.end_reason IS NULL)) AND NOT EXISTS "        \
    "(SELECT 1 FROM event_parts p CROSS JOIN events e ON e.seq = p.event_seq WHERE "             \
    "p.clip_id = c.id AND (e.pinned <> 0 OR e.end_reason IS NULL)) AND (EXISTS (SELECT 1 FROM "  \
    "events x WHERE x.clip_id = c.id) OR EXISTS (SELECT 1 FROM event_parts y WHERE y.clip_id = " \
    "c.id)) ORDER BY c.id LIMIT 1"

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
                "SELECT min(m.seq) FROM (SELECT o.seq AS seq FROM events o WHERE o.clip_id = "
                "(SELECT c.id " OLD_CLIPS ") UNION ALL SELECT q.event_seq FROM event_parts q "
                "WHERE q.clip_id = (SELECT c.id " OLD_CLIPS ")) m",
                seq, error);
}

/* Of events that last still, what they have behind them. Such events are of this run. */
#define PASSED_CLIPS                                                                            \
    "SELECT min(c.id) FROM (SELECT e.clip_id AS id FROM events e WHERE e.end_reason IS NULL "   \
    "UNION ALL SELECT p.clip_id FROM events e CROSS JOIN event_parts p ON p.event_seq = e.seq " \
    "WHERE e.end_reason IS NULL) m CROSS JOIN clips c ON c.id = m.id AND c.state IN "           \
    "('complete', 'cut') AND NOT EXISTS (SELECT 1 FROM events e WHERE e.clip_id = c.id AND "    \
    "e.pinned <> 0) AND NOT EXISTS (SELECT 1 FROM event_parts p CROSS JOIN events e ON "        \
    "e.seq = p.event_seq WHERE p.clip_id = c.id AND e.pinned <> 0) "

/* An event that does not end must not fill the disk: what it has behind it may go while it lasts. */
gboolean
vigil_store_pick_passed_clip(VigilStore *self, gint64 *clip_id, GError **error)
{
    return pick(self, PASSED_CLIPS, clip_id, error);
}

gboolean
vigil_store_pick_passed_by_age(VigilStore *self, gint64 max_age_us, gint64 *clip_id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, PASSED_CLIPS "WHERE c.run_id = :run AND c.done_mono_us < :until");

    vigil_statement_int(&find, ":run", self->run_id);
    vigil_statement_int(&find, ":until", vigil_store_clock_mono(&self->clock) - max_age_us);
    *clip_id = vigil_statement_step(&find, &local) ? sqlite3_column_int64(find.stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* @first_id: (out): of the event's first clip; 0: none */
static gboolean
find_first_clip(VigilStore *self, gint64 seq, gint64 *first_id, GError **error)
{
    g_autoptr(GArray) parts = vigil_clip_parts_list(self, seq, TRUE, error);

    *first_id = parts && parts->len > 0 ? g_array_index(parts, VigilClipPart, 0).id : 0;
    return parts != NULL;
}

gboolean
vigil_store_pick_passed_before(VigilStore *self, gint64 seq, gint64 *clip_id, GError **error)
{
    gint64 first_id = 0;

    if (!vigil_store_pick_passed_clip(self, clip_id, error))
        return FALSE;
    if (!*clip_id || !seq)
        return TRUE;
    if (!find_first_clip(self, seq, &first_id, error))
        return FALSE;
    if (first_id < *clip_id)
        *clip_id = 0;
    return TRUE;
}
