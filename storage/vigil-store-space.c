/* SPDX-License-Identifier: Apache-2.0 */
/* A full disk: the reserve for rows, and old events that make space. */
#include "storage/vigil-footage-private.h"
#include "storage/vigil-retention-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* More at a time would delete in vain. */
#define MAX_DELETED 16

static gchar *
reserve_path(VigilStore *self)
{
    return g_strconcat(self->database, ".reserve", NULL);
}

/* Of the disk with the database, which may be another than that of the clips. */
static gint64
get_free_bytes(VigilStore *self)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    const gint fd = self->ops->open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    gint64 free_bytes;

    if (fd < 0)
        return fd;
    free_bytes = self->ops->free_bytes(fd);
    close(fd);
    return free_bytes;
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
    rc = vigil_store_empty_log(self);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        vigil_store_set_sqlite(self, rc, "cannot checkpoint", NULL);
    sqlite3_busy_timeout(self->db, VIGIL_STORE_BUSY_TIMEOUT_MS);
}

typedef struct {
    VigilSpaceUse use;
    GPtrArray *garbage;
    guint n_deleted;
} Sacrifice;

static gboolean
is_for_rows(VigilSpaceUse use)
{
    return use == VIGIL_SPACE_FOR_ROWS || use == VIGIL_SPACE_FOR_FOOTAGE_ROWS;
}

/* Rows gain nothing from files that lie on another disk. */
static gboolean
pick_footage(VigilStore *self, VigilSpaceUse use, gint64 *clip_id, GError **error)
{
    struct stat rows, clips;

    *clip_id = 0;
    if (is_for_rows(use) && (stat(self->database, &rows) < 0 || fstat(self->clips_fd, &clips) < 0 ||
                             rows.st_dev != clips.st_dev))
        return TRUE;
    return vigil_footage_pick_oldest(self, clip_id, error);
}

/* Continuous recordings first, then what belongs to events: never for a recording that goes on. */
static gboolean
sacrifice(VigilStore *self, gpointer data, GError **error)
{
    Sacrifice *work = data;
    const gboolean for_rows = work->use == VIGIL_SPACE_FOR_ROWS;
    gint64 seq, passed_id = 0;

    g_ptr_array_set_size(work->garbage, 0);
    work->n_deleted = 0;
    if (!pick_footage(self, work->use, &passed_id, error))
        return FALSE;
    if (passed_id) {
        work->n_deleted = 1;
        return vigil_store_expire_clip(self, passed_id, work->garbage, error);
    }
    if (work->use == VIGIL_SPACE_FOR_FOOTAGE || work->use == VIGIL_SPACE_FOR_FOOTAGE_ROWS)
        return TRUE;
    if (!(for_rows ? vigil_store_pick_oldest(self, &seq, error)
                   : vigil_store_pick_oldest_with_clip(self, &seq, error)))
        return FALSE;
    if (!for_rows && !vigil_store_pick_passed_before(self, seq, &passed_id, error))
        return FALSE;
    work->n_deleted = seq || passed_id ? 1 : 0;
    if (passed_id)
        return vigil_store_expire_clip(self, passed_id, work->garbage, error);
    return !seq || vigil_store_drop_event(self, seq, work->garbage, error);
}

/* The oldest event, with its clip at once. */
static gboolean
delete_one(VigilStore *self, VigilSpaceUse use, guint *n_deleted, GError **error)
{
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);
    Sacrifice work = {use, garbage, 0};

    *n_deleted = 0;
    if (!vigil_store_transact(self, sacrifice, &work, error))
        return FALSE;
    *n_deleted = work.n_deleted;
    return garbage->len == 0 || vigil_store_collect(self, garbage, error);
}

gboolean
vigil_store_make_space(VigilStore *self, VigilSpaceUse use)
{
    const gboolean for_rows = use == VIGIL_SPACE_FOR_ROWS;
    g_autoptr(GError) error = NULL;
    gboolean released;
    guint n_deleted = 0, n = 0;

    if (!vigil_store_check_writable(self, NULL))
        return FALSE;
    /* deleting writes rows itself */
    released = vigil_store_release_reserve(self);
    empty_log(self);
    while (n_deleted < MAX_DELETED && delete_one(self, use, &n, &error) && n > 0) {
        n_deleted += n;
        if ((is_for_rows(use) ? get_free_bytes(self) : self->ops->free_bytes(self->clips_fd)) >=
            2 * VIGIL_STORE_RESERVE_BYTES)
            break;
    }
    if (error)
        g_message("%s: no space, and no event could be deleted: %s", self->database,
                  error->message);
    else if (n_deleted > 0)
        g_message("%s: no space: the %u oldest events or segments were deleted", self->database,
                  n_deleted);
    /* rows of events may live on the reserve when there is nothing else, all else may not */
    if (!g_atomic_int_get(&self->failed) && (n_deleted > 0 || !for_rows))
        vigil_store_keep_reserve(self);
    return n_deleted > 0 || (for_rows && released);
}
