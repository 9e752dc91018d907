/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#include "storage/vigil-backup-private.h"
#include "storage/vigil-seal-private.h"

#define STEP_PAGES 256 /* 1 MB */
#define PAUSE_US 500   /* between steps: the writer's disk is the same one */
#define MAX_BUSY_US (30 * G_USEC_PER_SEC)
#define DIR_MODE 0750

typedef struct {
    VigilStore *store;
    gchar *part, *database, *clips; /* until it is whole */
    VigilBackupSummary *summary;
} Backup;

static void
backup_clear(Backup *self)
{
    g_free(self->part);
    g_free(self->database);
    g_free(self->clips);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Backup, backup_clear)

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

static void
remove_part(Backup *self)
{
    nftw(self->part, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the database ------------------------------------------------------------------------------ */

static gint
run_steps(sqlite3_backup *steps)
{
    gint64 busy_us = 0;

    for (;;) {
        const gint rc = sqlite3_backup_step(steps, STEP_PAGES);

        if (rc == SQLITE_OK) {
            busy_us = 0;
        } else if ((rc != SQLITE_BUSY && rc != SQLITE_LOCKED) || busy_us > MAX_BUSY_US) {
            return rc;
        }
        busy_us += PAUSE_US;
        g_usleep(PAUSE_US);
    }
}

static gint
copy_pages(VigilStore *self, const gchar *path)
{
    sqlite3_backup *steps;
    sqlite3 *copy = NULL;
    gint rc = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    /* half a copy is thrown away, a whole one is synced below */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL,
                          NULL);
    steps = rc == SQLITE_OK ? sqlite3_backup_init(copy, "main", self->db, "main") : NULL;
    if (rc == SQLITE_OK && !steps)
        rc = sqlite3_errcode(copy);
    if (steps) {
        rc = run_steps(steps);
        sqlite3_backup_finish(steps);
    }
    sqlite3_close(copy);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static gboolean
copy_snapshot(Backup *self, GError **error)
{
    gint64 n_events;
    gint rc;

    /* the first look begins the moment that all pages are of */
    if (!vigil_store_read_int(self->store, "SELECT count(*) FROM events", &n_events, error))
        return FALSE;
    self->summary->n_events = (guint64)n_events;
    rc = copy_pages(self->store, self->database);
    if (rc == SQLITE_OK)
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR,
                (rc & 0xff) == SQLITE_FULL ? VIGIL_STORE_ERROR_FULL : VIGIL_STORE_ERROR_IO,
                "%s: cannot copy the database: %s", self->database, sqlite3_errstr(rc));
    return FALSE;
}

static gboolean
copy_database(Backup *self, GError **error)
{
    gboolean ok;
    gint fd, code;

    g_mutex_lock(&self->store->mutex);
    ok = vigil_store_exec(self->store, "BEGIN", error);
    if (ok) {
        ok = copy_snapshot(self, error);
        sqlite3_exec(self->store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    g_mutex_unlock(&self->store->mutex);
    if (!ok)
        return FALSE;
    fd = open(self->database, O_RDONLY | O_CLOEXEC);
    code = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return code == 0 || vigil_store_set_errno(error, code, "cannot sync the copy", self->database);
}

static gboolean
copy_public_key(Backup *self, GError **error)
{
    g_autofree gchar *from = vigil_seal_public_path(self->store), *text = NULL;
    g_autofree gchar *to = g_build_filename(self->part, "seal.pub", NULL);
    gsize length;

    /* a store without seals has none */
    return !g_file_get_contents(from, &text, &length, NULL) ||
           g_file_set_contents_full(to, text, (gssize)length,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    0644, error);
}

/* --- checking ---------------------------------------------------------------------------------- */

static gboolean
refuse(const Backup *self, const gchar *what, GError **error)
{
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
                "%s: the copy is not whole: %s; the store itself may be damaged: see `vigil fsck`",
                self->database, what);
    return FALSE;
}

static gboolean
check_database(const Backup *self, VigilStore *copy, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree gchar *problem = NULL;
    gint64 n_events = 0;
    gboolean ok;

    g_mutex_lock(&copy->mutex);
    {
        g_auto(VigilStatement) integrity = vigil_statement(copy, "PRAGMA integrity_check(1)");

        if (vigil_statement_step(&integrity, &local))
            problem = g_strdup(vigil_statement_get_text(&integrity, 0));
    }
    ok = !local && vigil_store_read_int(copy, "SELECT count(*) FROM events", &n_events, &local);
    g_mutex_unlock(&copy->mutex);
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (g_strcmp0(problem, "ok") != 0)
        return refuse(self, problem ? problem : "nothing can be read", error);
    return (guint64)n_events == self->summary->n_events ||
           refuse(self, "events are missing", error);
}

/* What opening the copy left beside it: an empty log. */
static void
tidy_database(const Backup *self)
{
    g_autofree gchar *log = g_strconcat(self->database, "-wal", NULL);
    g_autofree gchar *index = g_strconcat(self->database, "-shm", NULL);

    unlink(log);
    unlink(index);
}

/* --- */

static gboolean
copy_all(Backup *self, VigilBackupClips *clips, VigilFsckFunc func, gpointer user_data,
         GError **error)
{
    g_autoptr(VigilStore) copy = NULL;
    gint code;

    if (clips && !vigil_backup_copy_clips(clips, self->store, FALSE, error))
        return FALSE;
    if (!copy_database(self, error) || !copy_public_key(self, error))
        return FALSE;
    copy = vigil_store_open_reader(self->database, clips ? self->clips : NULL, error);
    if (!copy || !check_database(self, copy, error))
        return FALSE;
    if (!clips)
        return TRUE;
    if (!vigil_backup_copy_clips(clips, copy, TRUE, error))
        return FALSE;
    code = vigil_backup_sync_clips(clips);
    if (code < 0)
        return vigil_store_set_errno(error, code, "cannot sync the clips", self->clips);
    return vigil_store_fsck(copy, FALSE, func, user_data, &self->summary->n_found, error);
}

static gboolean
make_part(Backup *self, const gchar *directory, GError **error)
{
    self->part = g_strdup_printf("%s.part-XXXXXX", directory);
    if (!g_mkdtemp_full(self->part, DIR_MODE)) {
        vigil_store_set_errno(error, errno, "cannot make the backup", directory);
        return FALSE;
    }
    self->database = g_build_filename(self->part, "events.db", NULL);
    self->clips = g_build_filename(self->part, "clips", NULL);
    if (g_mkdir(self->clips, DIR_MODE) == 0)
        return TRUE;
    vigil_store_set_errno(error, errno, "cannot make the backup", self->clips);
    remove_part(self);
    return FALSE;
}

/* The last step: a name that somebody took meanwhile is not taken from him. */
static gboolean
give_name(Backup *self, const gchar *directory, GError **error)
{
    g_autofree gchar *parent = g_path_get_dirname(directory);
    gint code = vigil_backup_sync_dir(self->part);

    if (code == 0)
        code = vigil_file_ops_system.rename_at(AT_FDCWD, self->part, AT_FDCWD, directory);
    if (code == 0)
        code = vigil_backup_sync_dir(parent);
    return code == 0 || vigil_store_set_errno(error, code, "cannot finish the backup", directory);
}

static gboolean
check_caller(VigilStore *self, const gchar *directory, gboolean with_clips, GError **error)
{
    if (self->writer || !self->db || (with_clips && self->clips_fd < 0))
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: a backup needs a store that was opened for reading, with its clips",
                    self->database);
    else if (g_file_test(directory, G_FILE_TEST_EXISTS))
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: something is there already; a backup makes its own directory", directory);
    else
        return TRUE;
    return FALSE;
}

gboolean
vigil_store_backup(VigilStore *self, const gchar *directory, gboolean with_clips,
                   VigilFsckFunc func, gpointer user_data, VigilBackupSummary *summary,
                   GError **error)
{
    g_autofree gchar *target = g_canonicalize_filename(directory, NULL);
    g_auto(Backup) backup = {.store = self, .summary = summary};
    g_autoptr(GHashTable) copied = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) dirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    VigilBackupClips clips = {.store = self, .copied = copied, .dirs = dirs, .summary = summary};

    *summary = (VigilBackupSummary){0};
    if (!check_caller(self, target, with_clips, error) || !make_part(&backup, target, error))
        return FALSE;
    clips.folder = backup.clips;
    if (copy_all(&backup, with_clips ? &clips : NULL, func, user_data, error)) {
        tidy_database(&backup);
        if (give_name(&backup, target, error))
            return TRUE;
    }
    remove_part(&backup);
    return FALSE;
}
