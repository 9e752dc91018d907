/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares rows and files. Runs beside a writer: files are read before rows, and what looks wrong is looked at twice, as
 * the writer may have been in between.
 */
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-footage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 8
/* Where repair puts clips without a row; not looked into afterwards. */
#define LOST_DIR "lost"

typedef struct {
    VigilStore *store;
    gboolean repair;
    VigilFsckFunc func;
    gpointer user_data;
    guint n_left;
} Fsck;

static void G_GNUC_PRINTF(3, 4) report(Fsck *self, gboolean repaired, const gchar *format, ...)
{
    va_list args;
    g_autofree gchar *text = NULL;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (!repaired)
        self->n_left++;
    if (self->func)
        self->func(text, repaired, self->user_data);
}

/* --- the database itself --- */

/* What cannot be read on is an answer, too, and is not to fail the store. */
static gboolean
check_pages(Fsck *self, GError **error)
{
    sqlite3_stmt *check = NULL;
    gboolean tree_is_whole = TRUE;
    gint rc;

    if (self->store->schema >= VIGIL_AREAS_SCHEMA &&
        !vigil_areas_check_tree(self->store, &tree_is_whole, error))
        return FALSE;
    rc = sqlite3_prepare_v2(self->store->db, "PRAGMA integrity_check", -1, &check, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        const gchar *text;

        rc = sqlite3_step(check);
        text = rc == SQLITE_ROW ? (const gchar *)sqlite3_column_text(check, 0) : NULL;
        /* from SQLite 3.44 on it looks into trees as well, and may stop there; check_areas() tells */
        if (text && !g_str_equal(text, "ok") && !g_str_has_prefix(text, "In RTree "))
            report(self, FALSE, "database: %s", text);
    }
    sqlite3_finalize(check);
    if ((rc & 0xff) == SQLITE_CORRUPT && tree_is_whole)
        report(self, FALSE, "database: %s", sqlite3_errstr(rc));
    return rc == SQLITE_DONE || (rc & 0xff) == SQLITE_CORRUPT ||
           vigil_store_set_sqlite(self->store, rc, "cannot check the database", error);
}

static gboolean
check_database(Fsck *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) keys = vigil_statement(self->store, "PRAGMA foreign_key_check");

    if (!check_pages(self, error))
        return FALSE;
    while (vigil_statement_step(&keys, &local))
        report(self, FALSE,
               "database: row %" G_GINT64_FORMAT " of %s names a row of %s that is not there",
               (gint64)sqlite3_column_int64(keys.stmt, 1), vigil_statement_need_text(&keys, 0),
               vigil_statement_need_text(&keys, 2));
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
check_paths(Fsck *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) paths = vigil_statement(
        self->store,
        "SELECT e.id, t.path, t.n_points FROM tracks t JOIN events e ON e.seq = t.event_seq");

    while (vigil_statement_step(&paths, &local)) {
        g_autoptr(GArray) path = vigil_path_decode(sqlite3_column_blob(paths.stmt, 1),
                                                   sqlite3_column_bytes(paths.stmt, 1));

        if (!path || path->len != (guint64)sqlite3_column_int64(paths.stmt, 2))
            report(self, FALSE, "event %s: its path is damaged",
                   vigil_statement_need_text(&paths, 0));
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
fill_areas(VigilStore *store, gpointer data, GError **error)
{
    return vigil_areas_fill(store, error);
}

static gboolean
check_areas(Fsck *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    gboolean repaired;
    gint64 n;

    if (self->store->schema < VIGIL_AREAS_SCHEMA)
        return TRUE;
    if (!vigil_areas_count_wrong(self->store, &n, error))
        return FALSE;
    if (n == 0)
        return TRUE;
    repaired = self->repair && vigil_store_write(self->store, fill_areas, NULL, &local);
    if (n < 0)
        report(self, repaired, "database: the tree of places is damaged");
    else
        report(self, repaired, "database: %" G_GINT64_FORMAT " places of events are wrong", n);
    if (local)
        g_message("%s", local->message);
    return TRUE;
}

/* --- rows → files --- */

typedef struct {
    gint64 id, bytes, has_event;
    gchar *path, *state;
} ClipRow;

static void
clip_row_clear(gpointer data)
{
    ClipRow *self = data;

    g_free(self->path);
    g_free(self->state);
}

/* All, or the one with @id again. */
static GArray *
read_clips(VigilStore *store, gint64 id, GError **error)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(ClipRow));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        store, store->schema >= VIGIL_FOOTAGE_SCHEMA
                   ? "SELECT c.id, c.bytes, c.path, c.state, c.continuous OR EXISTS (SELECT 1 FROM "
                     "events e WHERE " VIGIL_EVENT_IS_IN_CLIP
                     ") FROM clips c WHERE :id = 0 OR c.id = :id"
               : store->schema >= VIGIL_PARTS_SCHEMA
                   ? "SELECT c.id, c.bytes, c.path, c.state, EXISTS (SELECT 1 FROM events e "
                     "WHERE " VIGIL_EVENT_IS_IN_CLIP ") FROM clips c WHERE :id = 0 OR c.id = :id"
                   : "SELECT c.id, c.bytes, c.path, c.state, EXISTS (SELECT 1 FROM events e "
                     "WHERE e.clip_id = c.id) FROM clips c WHERE :id = 0 OR c.id = :id");

    g_array_set_clear_func(rows, clip_row_clear);
    vigil_statement_int(&list, ":id", id);
    while (vigil_statement_step(&list, &local)) {
        ClipRow row = {sqlite3_column_int64(list.stmt, 0), sqlite3_column_int64(list.stmt, 1),
                       sqlite3_column_int64(list.stmt, 4),
                       g_strdup(vigil_statement_need_text(&list, 2)),
                       g_strdup(vigil_statement_need_text(&list, 3))};

        g_array_append_val(rows, row);
    }
    if (!local)
        return g_steal_pointer(&rows);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

typedef struct {
    gint64 id, bytes;
    const gchar *state;
} ClipFix;

static gboolean
update_clip(VigilStore *store, gpointer data, GError **error)
{
    const ClipFix *fix = data;
    g_auto(VigilStatement) update =
        vigil_statement(store, "UPDATE clips SET state = :state, bytes = :bytes WHERE id = :id");

    vigil_statement_text(&update, ":state", fix->state);
    vigil_statement_int(&update, ":bytes", fix->bytes);
    vigil_statement_int(&update, ":id", fix->id);
    return vigil_statement_run(&update, error);
}

static gboolean
mend_clip(Fsck *self, gint64 id, gint64 bytes, const gchar *state)
{
    ClipFix fix = {id, bytes, state};
    g_autoptr(GError) error = NULL;

    if (!self->repair)
        return FALSE;
    if (vigil_store_write(self->store, update_clip, &fix, &error))
        return TRUE;
    g_message("%s", error->message);
    return FALSE;
}

/* What the disk or somebody's rights keep from being seen is there, perhaps, and is not given up for lost. */
static gboolean
is_missing(gint64 size)
{
    return size == -ENOENT || size == -EINVAL || size == -ELOOP || size == -ENOTDIR;
}

static gboolean
is_fine(const ClipRow *row, gint64 size)
{
    if (!row->has_event)
        return FALSE;
    if (g_str_equal(row->state, "lost"))
        return TRUE;
    return g_str_equal(row->state, "open") ? size >= row->bytes : size == row->bytes;
}

static void
report_clip(Fsck *self, const ClipRow *row, gint64 size)
{
    const gboolean is_open = g_str_equal(row->state, "open"); /* a writer has it: it mends it */

    if (!row->has_event)
        report(self, FALSE, "clip %s: no event has it", row->path);
    if (g_str_equal(row->state, "lost") || (is_open && size >= row->bytes))
        return;
    if (size < 0 && !is_missing(size)) {
        /* of those that were to be ended this was said already */
        if (!is_open || !self->repair)
            report(self, FALSE, "clip %s: cannot be looked at: %s", row->path,
                   g_strerror((gint)-size));
    } else if (size < 0)
        report(self, !is_open && mend_clip(self, row->id, 0, "lost"),
               "clip %s: its file is missing", row->path);
    else if (size != row->bytes)
        report(self,
               !is_open && mend_clip(self, row->id, size, size < row->bytes ? "cut" : row->state),
               "clip %s: %" G_GINT64_FORMAT " bytes, should be %" G_GINT64_FORMAT, row->path, size,
               row->bytes);
}

static gboolean
check_rows(Fsck *self, GError **error)
{
    g_autoptr(GArray) rows = read_clips(self->store, 0, error);

    if (!rows)
        return FALSE;
    for (guint i = 0; i < rows->len; i++) {
        const ClipRow *row = &g_array_index(rows, ClipRow, i);
        g_autoptr(GArray) again = NULL;

        if (is_fine(row, vigil_clip_folder_size(self->store, row->path)))
            continue;
        again = read_clips(self->store, row->id, error);
        if (!again)
            return FALSE;
        if (again->len == 0)
            continue; /* deleted meanwhile */
        row = &g_array_index(again, ClipRow, 0);
        report_clip(self, row, vigil_clip_folder_size(self->store, row->path));
    }
    return TRUE;
}

/* --- files → rows --- */

/* A file that is garbage or not yet an event's is known as well: the writer or the next start deals with it. */
static gboolean
is_known(VigilStore *store, const gchar *path, gboolean *known, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(store, "SELECT 1 FROM clips WHERE path = :path UNION ALL "
                               "SELECT 1 FROM garbage WHERE path = :path");

    vigil_statement_text(&find, ":path", path);
    *known = vigil_statement_step(&find, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
set_aside(Fsck *self, const gchar *path)
{
    g_autofree gchar *flat = g_strdelimit(g_strdup(path), "/", '-');
    g_autofree gchar *to = g_strconcat(LOST_DIR "/", flat, NULL);

    return self->repair && vigil_clip_folder_rename(self->store, path, to) == 0;
}

static gboolean
check_file(Fsck *self, const gchar *path, GError **error)
{
    gboolean known;

    if (!vigil_clip_folder_is_clip(path)) {
        report(self, FALSE, "file %s: not a clip of this store; left alone", path);
        return TRUE;
    }
    if (!is_known(self->store, path, &known, error))
        return FALSE;
    if (!known && vigil_clip_folder_size(self->store, path) != -ENOENT)
        report(self, set_aside(self, path),
               "clip %s: no row names it; repair moves it to %s/, where nothing deletes it", path,
               LOST_DIR);
    return TRUE;
}

static gboolean check_dir(Fsck *self, gint fd, const gchar *prefix, guint depth, GError **error);

static gboolean
check_entry(Fsck *self, gint dir_fd, const gchar *path, const gchar *name, guint depth,
            GError **error)
{
    struct stat info;
    gint fd;

    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return TRUE; /* gone meanwhile */
    if (!S_ISDIR(info.st_mode) || depth == MAX_DEPTH)
        return check_file(self, path, error);
    if (depth == 0 && (g_str_equal(name, LOST_DIR) || g_str_equal(name, "lost+found")))
        return TRUE;
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return check_dir(self, fd, path, depth + 1, error);
    if (errno != ENOENT)
        report(self, FALSE, "folder %s: cannot be read: %s", path, g_strerror(errno));
    return TRUE;
}

/* @fd is closed. */
static gboolean
check_dir(Fsck *self, gint fd, const gchar *prefix, guint depth, GError **error)
{
    DIR *dir = fdopendir(fd);
    gboolean ok = TRUE;

    if (!dir) {
        close(fd);
        return vigil_store_set_errno(error, errno, "cannot read", *prefix ? prefix : ".");
    }
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        g_autofree gchar *path = NULL;

        if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."))
            continue;
        path = *prefix ? g_strdup_printf("%s/%s", prefix, entry->d_name) : g_strdup(entry->d_name);
        ok = check_entry(self, fd, path, entry->d_name, depth, error);
    }
    closedir(dir);
    return ok;
}

static gboolean
check_files(Fsck *self, GError **error)
{
    gint fd;

    if (self->store->clips_fd < 0)
        return TRUE;
    fd = openat(self->store->clips_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return vigil_store_set_errno(error, errno, "cannot read", self->store->clips);
    return check_dir(self, fd, "", 0, error);
}

gboolean
vigil_store_fsck(VigilStore *self, gboolean repair, VigilFsckFunc func, gpointer user_data,
                 guint *n_left, GError **error)
{
    g_autoptr(GPtrArray) unread = g_ptr_array_new_with_free_func(g_free);
    Fsck fsck = {self, repair, func, user_data, 0};
    gboolean ok;

    if (repair && !vigil_store_end_strays(self, unread, error))
        return FALSE;
    for (guint i = 0; i < unread->len; i++)
        report(&fsck, FALSE, "clip %s", (const gchar *)g_ptr_array_index(unread, i));
    g_mutex_lock(&self->mutex);
    ok = (self->db && !repair) || vigil_store_check_writable(self, error);
    ok = ok && check_database(&fsck, error) && check_paths(&fsck, error) &&
         check_areas(&fsck, error) && check_files(&fsck, error) && check_rows(&fsck, error);
    g_mutex_unlock(&self->mutex);
    *n_left = fsck.n_left;
    return ok;
}
