/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-purge.h"

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-footage.h"
#include "storage/vigil-rebuild.h"
#include "storage/vigil-retention-private.h"
#include "storage/vigil-set-aside.h"

#define BATCH 32
#define SCHEMA_WITH_DELETIONS 9

/* That is pinned stays, with all that goes with it, unless it is meant, too. */
#define THIS_CAMERA "camera_id = (SELECT id FROM cameras WHERE name = :camera) "
#define EVENTS                           \
    "FROM events e WHERE e." THIS_CAMERA \
    "AND e.start_wall_us <= :until AND e.end_wall_us >= :since AND (:pinned OR e.pinned = 0) "
/*
 * Events may be gone before their messages. Those were committed about when their event was; when one was refused is not
 * bounded.
 */
#define MESSAGES(table, until)                                                       \
    "FROM " table " WHERE camera = :camera AND (event_id IN (SELECT e.id " EVENTS    \
    ") OR (NOT EXISTS (SELECT 1 FROM events x WHERE x.id = " table ".event_id) AND " \
    "wall_us >= :since - 3600000000" until "))"
#define WAITING MESSAGES("outbox", " AND wall_us <= :until + 86400000000")
#define REFUSED MESSAGES("refused", "")
#define DECISIONS \
    "FROM decisions WHERE " THIS_CAMERA "AND end_wall_us >= :since AND start_wall_us <= :until "
/* A minute that the span touches goes whole. */
#define OUTCOMES                       \
    "FROM outcomes WHERE " THIS_CAMERA \
    "AND minute_wall_us > :since - 60000000 AND minute_wall_us <= :until "
#define STATES \
    "FROM camera_states WHERE " THIS_CAMERA "AND since_wall_us BETWEEN :since AND :until "
/*
 * Of clips that were cut the times are not known: those of their events are, and that they ended before the next run began.
 * Whatever that one says, not more than a day is taken for footage of an event. Of a lost segment the row goes, too: it says that the camera
 * recorded then. Of a segment of a continuous recording that was cut the end is known, where
 * the file could be read; it is not longer than two hours.
 */
#define CLIPS                                                                                      \
    "FROM clips c WHERE c." THIS_CAMERA "AND (c.state <> 'lost' OR c.continuous = 1) AND "         \
    "((c.start_wall_us <= :until AND c.end_wall_us >= :since) OR EXISTS (SELECT 1 FROM events e "  \
    "WHERE " VIGIL_EVENT_IS_IN_CLIP                                                                \
    " AND e.start_wall_us <= :until AND e.end_wall_us >= :since) OR "                              \
    "(c.continuous = 1 AND c.end_wall_us IS NULL AND c.start_wall_us <= :until AND "               \
    "c.start_wall_us + 7200000000 >= :since) OR "                                                  \
    "(c.end_wall_us IS NULL AND EXISTS (SELECT 1 FROM events e WHERE " VIGIL_EVENT_IS_IN_CLIP      \
    " AND e.start_wall_us - e.pre_ns / 1000 <= :until AND e.end_wall_us + 86400000000 >= :since) " \
    "AND coalesce((SELECT r.begun_mono_us + r.wall_offset_us FROM runs r WHERE "                   \
    "r.id > c.run_id ORDER BY r.id LIMIT 1), :since) >= :since)) AND (:pinned OR NOT EXISTS "      \
    "(SELECT 1 FROM events e WHERE " VIGIL_EVENT_IS_IN_CLIP " AND e.pinned <> 0)) "
#define LEFT                                                               \
    "FROM events e WHERE NOT :pinned AND e.pinned <> 0 AND e." THIS_CAMERA \
    "AND e.start_wall_us <= :until AND e.end_wall_us >= :since "

typedef struct {
    const VigilPurge *purge;
    VigilPurgeCounts counts;
    gint64 log_id;
    guint n_last; /* of the last step */
    GPtrArray *garbage;
} Work;

static VigilStatement
statement_for(VigilStore *self, const VigilPurge *purge, const gchar *sql)
{
    VigilStatement statement = vigil_statement(self, sql);

    vigil_statement_text(&statement, ":camera", purge->camera);
    vigil_statement_int(&statement, ":since", purge->since_us);
    vigil_statement_int(&statement, ":until", purge->until_us);
    /* decisions are of no event */
    if (statement.stmt && sqlite3_bind_parameter_index(statement.stmt, ":pinned"))
        vigil_statement_int(&statement, ":pinned", purge->pinned ? 1 : 0);
    return statement;
}

/* The first column of all rows. */
static GArray *
list_ids(VigilStore *self, const VigilPurge *purge, const gchar *sql, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = statement_for(self, purge, sql);

    while (vigil_statement_step(&list, &local)) {
        const gint64 id = sqlite3_column_int64(list.stmt, 0);

        g_array_append_val(ids, id);
    }
    if (!local)
        return g_steal_pointer(&ids);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

static gboolean
count(VigilStore *self, const VigilPurge *purge, const gchar *sql, guint64 *n, GError **error)
{
    g_autoptr(GArray) counted = list_ids(self, purge, sql, error);

    if (!counted)
        return FALSE;
    *n = counted->len ? (guint64)g_array_index(counted, gint64, 0) : 0;
    return TRUE;
}

static gboolean
check_open(VigilStore *self, guint schema, GError **error)
{
    if (self->schema >= schema && self->db)
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "%s: a writer has to open this store of an earlier version first", self->database);
    return FALSE;
}

static guint64
count_set_aside(const VigilStore *self)
{
    g_autoptr(GArray) found = vigil_set_aside_list(self);
    guint64 n = 0;

    for (guint i = 0; i < found->len; i++)
        n += !g_array_index(found, VigilSetAside, i).is_part;
    return n;
}

gboolean
vigil_store_count_purge(VigilStore *self, const VigilPurge *purge, VigilPurgeCounts *counts,
                        GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = check_open(self, VIGIL_FOOTAGE_SCHEMA, error) &&
         count(self, purge, "SELECT count(*) " EVENTS, &counts->n_events, error) &&
         count(self, purge, "SELECT count(*) " CLIPS, &counts->n_clips, error) &&
         count(self, purge, "SELECT (SELECT count(*) " WAITING ") + (SELECT count(*) " REFUSED ")",
               &counts->n_messages, error) &&
         count(self, purge,
               "SELECT (SELECT count(*) " DECISIONS ") + (SELECT count(*) " OUTCOMES
               ") + (SELECT count(*) " STATES ")",
               &counts->n_decisions, error) &&
         count(self, purge, "SELECT count(*) " LEFT, &counts->n_left, error);
    counts->n_set_aside = ok ? count_set_aside(self) : 0;
    g_mutex_unlock(&self->mutex);
    return ok;
}

/* --- the log ------------------------------------------------------------------------------------------------- */

static gboolean
begin_log(VigilStore *self, gpointer data, GError **error)
{
    Work *work = data;
    g_auto(VigilStatement) insert = statement_for(
        self, work->purge,
        "INSERT INTO deletions (run_id, begun_wall_us, uid, user_name, command, camera, "
        "since_wall_us, until_wall_us) VALUES (:run, :now, :uid, :user, :command, :camera, :since, "
        ":until)");

    vigil_statement_int(&insert, ":run", self->run_id);
    vigil_statement_int(&insert, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&insert, ":uid", work->purge->uid);
    vigil_statement_text(&insert, ":user", work->purge->user_name ? work->purge->user_name : "");
    vigil_statement_text(&insert, ":command", work->purge->command ? work->purge->command : "");
    if (!vigil_statement_run(&insert, error))
        return FALSE;
    work->log_id = sqlite3_last_insert_rowid(self->db);
    return TRUE;
}

static gboolean
note_counts(VigilStore *self, const Work *work, gboolean ended, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE deletions SET n_events = :events, n_clips = :clips, n_messages = :messages, "
              "n_decisions = :decisions, ended_wall_us = :ended WHERE id = :id");

    vigil_statement_int(&update, ":events", (gint64)work->counts.n_events);
    vigil_statement_int(&update, ":clips", (gint64)work->counts.n_clips);
    vigil_statement_int(&update, ":messages", (gint64)work->counts.n_messages);
    vigil_statement_int(&update, ":decisions", (gint64)work->counts.n_decisions);
    if (ended)
        vigil_statement_int(&update, ":ended", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&update, ":id", work->log_id);
    return vigil_statement_run(&update, error);
}

/* --- steps: each in a transaction, with what it did in the log ---------------------------------------------------- */

static gboolean
delete_rows(VigilStore *self, const VigilPurge *purge, const gchar *sql, guint64 *n, GError **error)
{
    g_auto(VigilStatement) drop = statement_for(self, purge, sql);

    if (!vigil_statement_run(&drop, error))
        return FALSE;
    *n += (guint64)sqlite3_changes(self->db);
    return TRUE;
}

/*
 * What a camera came to in the span is what it still is after it: that alone is said of the span's end, where it is not said
 * anew there.
 */
static gboolean
drop_states(VigilStore *self, const VigilPurge *purge, guint64 *n, GError **error)
{
    const gboolean over = purge->until_us < vigil_store_clock_wall(&self->clock);
    guint64 n_moved = 0;

    if (over && !delete_rows(self, purge,
                             "UPDATE camera_states SET since_wall_us = :until + 1 WHERE id = "
                             "(SELECT id " STATES "ORDER BY since_wall_us DESC, id DESC LIMIT 1)",
                             &n_moved, error))
        return FALSE;
    *n += n_moved;
    return delete_rows(self, purge, "DELETE " STATES, n, error);
}

/* Before the events, which say which messages they are. */
static gboolean
drop_messages(VigilStore *self, gpointer data, GError **error)
{
    Work *work = data;
    Work next = *work;

    if (!delete_rows(self, work->purge, "DELETE " WAITING, &next.counts.n_messages, error) ||
        !delete_rows(self, work->purge, "DELETE " REFUSED, &next.counts.n_messages, error) ||
        !delete_rows(self, work->purge, "DELETE " DECISIONS, &next.counts.n_decisions, error) ||
        !delete_rows(self, work->purge, "DELETE " OUTCOMES, &next.counts.n_decisions, error) ||
        !drop_states(self, work->purge, &next.counts.n_decisions, error) ||
        !note_counts(self, &next, FALSE, error))
        return FALSE;
    work->counts = next.counts;
    return TRUE;
}

static gboolean
drop_clips(VigilStore *self, gpointer data, GError **error)
{
    Work *work = data;
    Work next = *work;
    g_autoptr(GArray) clips = list_ids(self, work->purge, "SELECT c.id " CLIPS "LIMIT 32", error);

    g_ptr_array_set_size(work->garbage, 0);
    if (!clips)
        return FALSE;
    for (guint i = 0; i < clips->len; i++) {
        const gint64 id = g_array_index(clips, gint64, i);

        if (vigil_clip_is_live(self, id)) {
            g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                        "%s: a clip of this time is still being recorded", work->purge->camera);
            return FALSE;
        }
        if (!vigil_store_expire_clip(self, id, work->garbage, error))
            return FALSE;
    }
    next.counts.n_clips += clips->len;
    if (!note_counts(self, &next, FALSE, error))
        return FALSE;
    work->counts = next.counts;
    work->n_last = clips->len;
    return TRUE;
}

static gboolean
drop_events(VigilStore *self, gpointer data, GError **error)
{
    Work *work = data;
    Work next = *work;
    g_autoptr(GArray) events =
        list_ids(self, work->purge, "SELECT e.seq " EVENTS "LIMIT 32", error);

    g_ptr_array_set_size(work->garbage, 0);
    if (!events)
        return FALSE;
    for (guint i = 0; i < events->len; i++)
        if (!vigil_store_drop_event(self, g_array_index(events, gint64, i), work->garbage, error))
            return FALSE;
    next.counts.n_events += events->len;
    if (!note_counts(self, &next, FALSE, error))
        return FALSE;
    work->counts = next.counts;
    work->n_last = events->len;
    return TRUE;
}

static gboolean
end_log(VigilStore *self, gpointer data, GError **error)
{
    return note_counts(self, data, TRUE, error);
}

static gboolean
repeat(VigilStore *self, VigilStoreWork step, Work *work, GError **error)
{
    do {
        if (!vigil_store_write(self, step, work, error) ||
            (work->garbage->len > 0 && !vigil_store_collect(self, work->garbage, error)))
            return FALSE;
    } while (work->n_last > 0);
    return TRUE;
}

/* What could not be unlinked stays listed: it is not deleted. */
static gboolean
check_files(VigilStore *self, GError **error)
{
    gint64 n;

    if (!vigil_store_read_int(self, "SELECT count(*) FROM garbage WHERE reason = 'deleted'", &n,
                              error))
        return FALSE;
    if (n == 0)
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY,
                "%s: %" G_GINT64_FORMAT " clips could not be removed: see to the rights on the "
                "folder of clips, and do it again",
                self->database, n);
    return FALSE;
}

/* What was deleted is still in the log, as it was before. */
static gboolean
empty_log(VigilStore *self, GError **error)
{
    const gint rc = vigil_store_empty_log(self);

    if (rc == SQLITE_OK)
        return TRUE;
    if (rc != SQLITE_BUSY)
        return vigil_store_set_sqlite(self, rc, "cannot checkpoint", error);
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_BUSY,
                "%s: all was deleted, but somebody reads the store, so it is still in its log: do "
                "it again",
                self->database);
    return FALSE;
}

/* All that could be read have ended. */
static gboolean
count_unread(VigilStore *self, guint64 *n, GError **error)
{
    g_autoptr(VigilStrays) strays = vigil_strays_list(self, TRUE, 0, G_MAXUINT, error);

    *n = strays ? vigil_strays_get_n(strays) : 0;
    return strays != NULL;
}

static gboolean
purge_locked(VigilStore *self, Work *work, GError **error)
{
    return vigil_store_check_writable(self, error) &&
           vigil_store_exec(self, "PRAGMA secure_delete = ON", error) &&
           vigil_store_write(self, begin_log, work, error) &&
           vigil_set_aside_remove_all(self, &work->counts.n_set_aside, error) &&
           vigil_store_write(self, drop_messages, work, error) &&
           repeat(self, drop_clips, work, error) && repeat(self, drop_events, work, error) &&
           count(self, work->purge, "SELECT count(*) " LEFT, &work->counts.n_left, error) &&
           count_unread(self, &work->counts.n_unread, error) && check_files(self, error) &&
           vigil_store_write(self, end_log, work, error) && empty_log(self, error);
}

gboolean
vigil_store_purge(VigilStore *self, const VigilPurge *purge, VigilPurgeCounts *counts,
                  GError **error)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);
    Work work = {.purge = purge, .garbage = garbage};
    gboolean ok = TRUE, rebuilt = FALSE;

    /* of clips that are not in the database again yet nothing would be found */
    while (ok && !rebuilt)
        ok = vigil_store_rebuild_some(self, G_USEC_PER_SEC, &rebuilt, error);
    /* … and of a segment that was cut off it must be known which time it has */
    ok = ok && vigil_store_end_strays(self, NULL, error);
    if (!ok) {
        *counts = work.counts;
        return FALSE;
    }
    g_mutex_lock(&self->mutex);
    ok = purge_locked(self, &work, error);
    g_mutex_unlock(&self->mutex);
    *counts = work.counts;
    return ok;
}

gboolean
vigil_store_list_deletions(VigilStore *self, VigilDeletionFunc func, gpointer user_data,
                           GError **error)
{
    g_autoptr(GError) local = NULL;

    g_mutex_lock(&self->mutex);
    if (check_open(self, SCHEMA_WITH_DELETIONS, &local)) {
        g_auto(VigilStatement) list = vigil_statement(
            self, "SELECT begun_wall_us, ended_wall_us, uid, user_name, command, camera, "
                  "since_wall_us, until_wall_us, n_events, n_clips, n_messages, n_decisions "
                  "FROM deletions ORDER BY id");

        while (vigil_statement_step(&list, &local)) {
            const VigilDeletion deletion = {
                .purge = {.camera = vigil_statement_need_text(&list, 5),
                          .since_us = sqlite3_column_int64(list.stmt, 6),
                          .until_us = sqlite3_column_int64(list.stmt, 7),
                          .uid = (guint)sqlite3_column_int64(list.stmt, 2),
                          .user_name = vigil_statement_need_text(&list, 3),
                          .command = vigil_statement_need_text(&list, 4)},
                .counts = {(guint64)sqlite3_column_int64(list.stmt, 8),
                           (guint64)sqlite3_column_int64(list.stmt, 9),
                           (guint64)sqlite3_column_int64(list.stmt, 10),
                           (guint64)sqlite3_column_int64(list.stmt, 11)},
                .begun_us = sqlite3_column_int64(list.stmt, 0),
                .ended_us = sqlite3_column_int64(list.stmt, 1),
            };

            func(&deletion, user_data);
        }
    }
    g_mutex_unlock(&self->mutex);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}
