/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deleting: row → garbage row (one transaction), unlink, fsync of the directory, garbage row. "Oldest" is the order of
 * the commits, which no clock can change.
 */
#include "storage/vigil-seal-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BATCH 16
/* No clock of ours was ever set before this: 2020-01-01. Such times say nothing about an age. */
#define FIRST_SANE_WALL_US G_GINT64_CONSTANT(1577836800000000)
#define VACUUM_SHARE 4

typedef gboolean (*PickFunc)(VigilStore *self, gint64 *seq, GError **error);

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

static gboolean
has_clip_row(VigilStore *self, const gchar *path, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(self, "SELECT 1 FROM clips WHERE path = :path");

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

        if (!has_clip_row(self, path, &wanted, error))
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
drop_clip(VigilStore *self, gint64 clip_id, const gchar *path, GError **error)
{
    g_auto(VigilStatement) list =
        vigil_statement(self, "INSERT OR REPLACE INTO garbage (path, reason, since_wall_us) "
                              "VALUES (:path, 'deleted', :now)");
    g_auto(VigilStatement) drop = vigil_statement(self, "DELETE FROM clips WHERE id = :id");

    vigil_statement_text(&list, ":path", path);
    vigil_statement_int(&list, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&drop, ":id", clip_id);
    return vigil_seal_clip_goes(self, clip_id, error) && vigil_statement_run(&list, error) &&
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
        path = g_strdup(vigil_statement_get_text(&find, 1));
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

#define MAY_GO                                                             \
    "e.pinned = 0 AND e.end_reason IS NOT NULL AND (e.clip_id IS NULL OR " \
    "(SELECT c.state FROM clips c WHERE c.id = e.clip_id) <> 'open') "

static gboolean
pick(VigilStatement *statement, gint64 *seq, GError **error)
{
    g_autoptr(GError) local = NULL;

    *seq = vigil_statement_step(statement, &local) ? sqlite3_column_int64(statement->stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* Events of this boot age by the monotonic clock, others by the wall clock that their run is known to have had. */
static gboolean
pick_aged(VigilStore *self, gint64 *seq, GError **error)
{
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT e.seq FROM events e JOIN runs r ON r.id = e.run_id WHERE " MAY_GO
              "AND CASE WHEN r.boot_id = :boot THEN e.committed_mono_us < :mono "
              "ELSE e.committed_mono_us + r.wall_offset_us BETWEEN :sane AND :wall END "
              "ORDER BY e.seq LIMIT 1");

    vigil_statement_text(&find, ":boot", self->boot_id);
    vigil_statement_int(&find, ":mono", vigil_store_clock_mono(&self->clock) - self->max_age_us);
    vigil_statement_int(&find, ":sane", FIRST_SANE_WALL_US);
    vigil_statement_int(&find, ":wall",
                        vigil_store_clock_trusted(&self->clock) - self->max_age_us - 1);
    return pick(&find, seq, error);
}

static gboolean
read_used_bytes(VigilStore *self, gint64 *bytes, GError **error)
{
    gint64 clips, pages, unused, page_size;

    if (!vigil_store_read_int(self,
                              "SELECT coalesce(sum(bytes), 0) FROM clips WHERE state <> 'open'",
                              &clips, error) ||
        !vigil_store_read_int(self, "PRAGMA page_count", &pages, error) ||
        !vigil_store_read_int(self, "PRAGMA freelist_count", &unused, error) ||
        !vigil_store_read_int(self, "PRAGMA page_size", &page_size, error))
        return FALSE;
    for (guint i = 0; i < self->live_clips->len; i++)
        clips += (gint64)vigil_clip_bytes(g_ptr_array_index(self->live_clips, i));
    *bytes = clips + (pages - unused) * page_size;
    return TRUE;
}

static gboolean
pick_oldest(VigilStore *self, gint64 *seq, GError **error)
{
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT e.seq FROM events e WHERE " MAY_GO "ORDER BY e.seq LIMIT 1");

    return pick(&find, seq, error);
}

/* What gives space to footage: an event without any gives none. */
static gboolean
pick_oldest_with_clip(VigilStore *self, gint64 *seq, GError **error)
{
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT e.seq FROM events e WHERE e.clip_id IS NOT NULL AND " MAY_GO
                              "ORDER BY e.seq LIMIT 1");

    return pick(&find, seq, error);
}

static gboolean
pick_over_limit(VigilStore *self, gint64 *seq, GError **error)
{
    gint64 bytes;

    *seq = 0;
    if (!read_used_bytes(self, &bytes, error))
        return FALSE;
    return bytes <= self->max_bytes || pick_oldest(self, seq, error);
}

typedef struct {
    PickFunc pick;
    guint n_max, n_dropped;
    GPtrArray *garbage;
} Batch;

static gboolean
drop_batch(VigilStore *self, gpointer data, GError **error)
{
    Batch *batch = data;

    g_ptr_array_set_size(batch->garbage, 0);
    batch->n_dropped = 0;
    while (batch->n_dropped < batch->n_max) {
        gint64 seq;

        if (!batch->pick(self, &seq, error))
            return FALSE;
        if (!seq)
            break;
        if (!vigil_store_drop_event(self, seq, batch->garbage, error))
            return FALSE;
        batch->n_dropped++;
    }
    return TRUE;
}

/* One step: at most @n_max events. */
static gboolean
delete_some(VigilStore *self, PickFunc pick_func, guint n_max, guint *n_deleted, GError **error)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);
    Batch batch = {pick_func, n_max, 0, garbage};

    *n_deleted = 0;
    if (!vigil_store_transact(self, drop_batch, &batch, error))
        return FALSE;
    *n_deleted = batch.n_dropped;
    return garbage->len == 0 || vigil_store_collect(self, garbage, error);
}

static gchar *
reserve_path(VigilStore *self)
{
    return g_strconcat(self->database, ".reserve", NULL);
}

static guint64
get_free_bytes(VigilStore *self)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    struct statvfs space;

    return statvfs(dir, &space) < 0 ? 0 : (guint64)space.f_bavail * space.f_frsize;
}

void
vigil_store_keep_reserve(VigilStore *self)
{
    g_autofree gchar *path = reserve_path(self);
    struct stat info;
    gint fd;

    if (stat(path, &info) == 0 && info.st_size >= VIGIL_STORE_RESERVE_BYTES)
        return;
    fd = self->ops->open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return;
    if (posix_fallocate(fd, 0, VIGIL_STORE_RESERVE_BYTES) != 0)
        self->ops->unlink_at(AT_FDCWD, path, 0); /* a part of a reserve is none */
    close(fd);
}

gboolean
vigil_store_release_reserve(VigilStore *self)
{
    g_autofree gchar *path = reserve_path(self);

    return self->ops->unlink_at(AT_FDCWD, path, 0) == 0;
}

/* The log may hold megabytes that are long in the database. Does not wait for readers. */
static void
empty_log(VigilStore *self)
{
    gint rc;

    sqlite3_busy_timeout(self->db, 0);
    rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        vigil_store_set_sqlite(self, rc, "cannot checkpoint", NULL);
    sqlite3_busy_timeout(self->db, VIGIL_STORE_BUSY_TIMEOUT_MS);
}

gboolean
vigil_store_make_space(VigilStore *self, gboolean for_rows)
{
    const PickFunc pick_func = for_rows ? pick_oldest : pick_oldest_with_clip;
    g_autoptr(GError) error = NULL;
    gboolean released;
    guint n_deleted = 0, n = 0;

    if (!vigil_store_check_writable(self, NULL))
        return FALSE;
    /* deleting writes rows itself */
    released = vigil_store_release_reserve(self);
    empty_log(self);
    while (n_deleted < BATCH && delete_some(self, pick_func, 1, &n, &error) && n > 0) {
        n_deleted += n;
        if (get_free_bytes(self) >= 2 * VIGIL_STORE_RESERVE_BYTES)
            break;
    }
    if (error)
        g_message("%s: no space, and no event could be deleted: %s", self->database,
                  error->message);
    else if (n_deleted > 0)
        g_message("%s: no space: the %u oldest events were deleted", self->database, n_deleted);
    /* rows may live on the reserve when there is nothing else, clips may not */
    if (!g_atomic_int_get(&self->failed) && (n_deleted > 0 || !for_rows))
        vigil_store_keep_reserve(self);
    return n_deleted > 0 || (for_rows && released);
}

/* Gives pages that deletions left unused back to the file system, once they are worth it. */
static gboolean
shrink(VigilStore *self, GError **error)
{
    gint64 pages, unused;

    if (!vigil_store_read_int(self, "PRAGMA page_count", &pages, error) ||
        !vigil_store_read_int(self, "PRAGMA freelist_count", &unused, error))
        return FALSE;
    return unused * VACUUM_SHARE < pages ||
           vigil_store_exec(self, "PRAGMA incremental_vacuum", error);
}

static gboolean
drop_old_outcomes(VigilStore *self, gpointer data, GError **error)
{
    g_auto(VigilStatement) drop =
        vigil_statement(self, "DELETE FROM outcomes WHERE minute_wall_us < :wall");

    vigil_statement_int(&drop, ":wall", vigil_store_clock_trusted(&self->clock) - self->max_age_us);
    return vigil_statement_run(&drop, error);
}

static gboolean
drop_old_rows(VigilStore *self, GError **error)
{
    gint64 before_us = G_MININT64;

    if (self->max_age_us > 0) {
        if (!vigil_store_transact(self, drop_old_outcomes, NULL, error))
            return FALSE;
        before_us = vigil_store_clock_trusted(&self->clock) - self->max_age_us;
    }
    return vigil_store_transact(self, vigil_store_drop_old_decisions, &before_us, error);
}

static gboolean
enforce_step(VigilStore *self, guint *n_deleted, GError **error)
{
    if (!vigil_store_check_writable(self, error))
        return FALSE;
    *n_deleted = 0;
    if (!vigil_store_end_strays(self, error))
        return FALSE;
    if (self->max_age_us > 0 && !delete_some(self, pick_aged, BATCH, n_deleted, error))
        return FALSE;
    if (*n_deleted == 0 && self->max_bytes > 0 &&
        !delete_some(self, pick_over_limit, BATCH, n_deleted, error))
        return FALSE;
    if (*n_deleted > 0)
        return TRUE;
    if (!drop_old_rows(self, error))
        return FALSE;
    vigil_store_keep_reserve(self);
    return shrink(self, error);
}

/* On a full disk the rows of the deletion use the reserve; the last step makes it again. */
static gboolean
enforce_step_if_full(VigilStore *self, guint *n_deleted, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (enforce_step(self, n_deleted, &local))
        return TRUE;
    if (g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL) &&
        vigil_store_release_reserve(self))
        return enforce_step(self, n_deleted, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_store_enforce_some(VigilStore *self, guint *n_deleted, GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = enforce_step_if_full(self, n_deleted, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

gboolean
vigil_store_enforce_limits(VigilStore *self, guint *n_deleted, GError **error)
{
    guint step = 0, total = 0;
    gboolean ok;

    do {
        /* the lock is let go between the steps: a commit does not wait for all of it */
        ok = vigil_store_enforce_some(self, &step, error);
        total += step;
    } while (ok && step > 0);
    if (n_deleted)
        *n_deleted = total;
    return ok;
}
