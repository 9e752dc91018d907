/* SPDX-License-Identifier: Apache-2.0 */
/* A database that is damaged: how it is noticed, and how it is put out of the way. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-rebuild-private.h"

#define CHECK_US (3 * G_USEC_PER_SEC)
#define AGAIN_US (100 * 1000)
#define MAX_NAMES 100

/*
 * Who ends a check that takes too long. Most of it is one instruction of SQLite's machine, which looks at all of the file, and in
 * which SQLite before 3.42 asks no progress handler: it has to be interrupted by another thread.
 */
typedef struct {
    sqlite3 *db;
    GMutex lock;
    GCond cond;
    gboolean ended, late;
} Watch;

static gpointer
interrupt_when_late(gpointer data)
{
    Watch *self = data;
    const gint64 deadline_us = g_get_monotonic_time() + CHECK_US;

    g_mutex_lock(&self->lock);
    while (!self->ended && !self->late)
        self->late = !g_cond_wait_until(&self->cond, &self->lock, deadline_us);
    /* again and again: an interrupt that comes before the statement runs is forgotten */
    while (!self->ended) {
        sqlite3_interrupt(self->db);
        g_cond_wait_until(&self->cond, &self->lock, g_get_monotonic_time() + AGAIN_US);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

static gchar *
run_check(sqlite3 *db)
{
    sqlite3_stmt *check = NULL;
    gchar *found = NULL;

    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &check, NULL) == SQLITE_OK &&
        sqlite3_step(check) == SQLITE_ROW)
        found = g_strdup((const gchar *)sqlite3_column_text(check, 0));
    sqlite3_finalize(check);
    return found;
}

/*
 * (nullable) (transfer full): what SQLite found. It says of a page that could not be read, or for which there was no
 * memory, that it is damaged; and, when it is interrupted, of pages that it did not come to that nothing uses them.
 */
static gchar *
find_damage(VigilStore *self)
{
    Watch watch = {.db = self->db};
    gchar *found;
    GThread *thread;

    g_mutex_init(&watch.lock);
    g_cond_init(&watch.cond);
    thread = g_thread_new("vigil-check", interrupt_when_late, &watch);
    found = run_check(self->db);
    g_mutex_lock(&watch.lock);
    watch.ended = TRUE;
    g_cond_signal(&watch.cond);
    g_mutex_unlock(&watch.lock);
    g_thread_join(thread);
    g_mutex_clear(&watch.lock);
    g_cond_clear(&watch.cond);
    if (watch.late || g_strcmp0(found, "ok") == 0)
        g_clear_pointer(&found, g_free);
    return found;
}

/*
 * Of a large database only so much as the time allows is looked at; what is missed is found when it is used. A failure
 * that passes is no damage: what is to be set aside must be found twice. One that stays is met, and told, by what follows.
 */
gboolean
vigil_store_check_pages(VigilStore *self, GError **error)
{
    g_autofree gchar *found = find_damage(self), *again = found ? find_damage(self) : NULL;

    if (!again || strstr(again, "unable to get the page"))
        return TRUE;
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
                "%s: the database is damaged: %s", self->database, again);
    return FALSE;
}

static gchar *
marker_path(VigilStore *self)
{
    return g_strconcat(self->database, ".damaged", NULL);
}

/* Returns: 0 or -errno. */
static gint
make_marker(VigilStore *self)
{
    g_autofree gchar *path = marker_path(self);
    const gint fd =
        self->ops->open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

void
vigil_store_note_damage(VigilStore *self)
{
    make_marker(self);
    vigil_store_fail(self);
}

gboolean
vigil_store_is_marked_damaged(VigilStore *self)
{
    g_autofree gchar *path = marker_path(self);

    return access(path, F_OK) == 0;
}

gboolean
vigil_store_is_ours(VigilStore *self)
{
    g_autofree gchar *reserve = g_strconcat(self->database, ".reserve", NULL);

    gboolean has = FALSE;

    return access(reserve, F_OK) == 0 || (vigil_rebuild_has_clips(self, &has, NULL) && has);
}

/* Returns: 0, or -errno; 0 as well when there is no such file. */
static gint
move_part(VigilStore *self, const gchar *suffix, const gchar *to)
{
    g_autofree gchar *from = g_strconcat(self->database, suffix, NULL);
    g_autofree gchar *target = g_strconcat(to, suffix, NULL);
    const gint code = self->ops->rename_at(AT_FDCWD, from, AT_FDCWD, target);

    return code == -ENOENT ? 0 : code;
}

static gchar *
choose_name(VigilStore *self)
{
    g_autoptr(GDateTime) now =
        g_date_time_new_from_unix_utc(vigil_store_clock_wall(&self->clock) / G_USEC_PER_SEC);
    g_autofree gchar *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");

    for (guint i = 1; i < MAX_NAMES; i++) {
        g_autofree gchar *name = i == 1
                                     ? g_strdup_printf("%s.corrupt-%s", self->database, time)
                                     : g_strdup_printf("%s.corrupt-%s-%u", self->database, time, i);

        if (access(name, F_OK) < 0)
            return g_steal_pointer(&name);
    }
    return NULL;
}

static gint
sync_directory(VigilStore *self)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    const gint fd = self->ops->open_at(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    gint code = fd;

    if (fd >= 0) {
        code = vigil_store_sync(self, fd);
        close(fd);
    }
    return code;
}

/* Returns: 0 or -errno; 0 as well when there is none. */
static gint
remove_marker(VigilStore *self)
{
    g_autofree gchar *path = marker_path(self);
    const gint code = self->ops->unlink_at(AT_FDCWD, path, 0);

    return code == -ENOENT ? 0 : code;
}

/*
 * The log first: a new database must never find the log of another one. Nor may the old one be used without its log, in
 * which its latest events are: the mark stands until both are gone.
 */
static gint
move_all(VigilStore *self, const gchar *to)
{
    g_autofree gchar *shared = g_strconcat(self->database, "-shm", NULL);
    gint code = make_marker(self);

    if (code == 0)
        code = sync_directory(self);
    if (code == 0)
        code = move_part(self, "-wal", to);
    if (code == 0)
        code = sync_directory(self);
    if (code == 0)
        code = move_part(self, "", to);
    if (code == 0)
        code = sync_directory(self);
    if (code < 0)
        return code;
    self->ops->unlink_at(AT_FDCWD, shared, 0);
    code = remove_marker(self);
    return code == 0 ? sync_directory(self) : code;
}

gboolean
vigil_store_set_aside(VigilStore *self, gchar **name, GError **error)
{
    g_autofree gchar *to = choose_name(self);
    gint code;

    if (!to)
        return vigil_store_set_errno(error, EEXIST, "cannot set the damaged database aside",
                                     self->database);
    code = move_all(self, to);
    if (code < 0)
        return vigil_store_set_errno(error, code, "cannot set the damaged database aside",
                                     self->database);
    *name = g_path_get_basename(to);
    return TRUE;
}
