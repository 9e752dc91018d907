/* SPDX-License-Identifier: Apache-2.0 */
/* Clips of a backup. A clip never changes once it is done, so its bytes may be shared. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "storage/vigil-backup-private.h"

#define BLOCK_BYTES (1024 * 1024)

typedef struct {
    gchar *path;
    gboolean open;
} Clip;

static void
clip_clear(gpointer data)
{
    g_free(((Clip *)data)->path);
}

static GArray *
list_clips(VigilStore *rows, gboolean with_open, GError **error)
{
    g_autoptr(GArray) clips = g_array_new(FALSE, FALSE, sizeof(Clip));
    g_autoptr(GError) local = NULL;

    g_array_set_clear_func(clips, clip_clear);
    g_mutex_lock(&rows->mutex);
    {
        g_auto(VigilStatement) list = vigil_statement(
            rows, "SELECT path, state = 'open' FROM clips WHERE state <> 'lost' ORDER BY id");

        while (vigil_statement_step(&list, &local)) {
            Clip clip = {g_strdup(vigil_statement_need_text(&list, 0)),
                         sqlite3_column_int(list.stmt, 1) != 0};

            if ((clip.open && !with_open) || !vigil_clip_folder_is_clip(clip.path))
                g_free(clip.path);
            else
                g_array_append_val(clips, clip);
        }
    }
    g_mutex_unlock(&rows->mutex);
    if (!local)
        return g_steal_pointer(&clips);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

/* Returns 0 or -errno. */
static gint
copy_bytes(gint from, gint to)
{
    g_autofree guint8 *block = g_malloc(BLOCK_BYTES);
    gint64 done = 0;

    for (;;) {
        const gssize n = TEMP_FAILURE_RETRY(pread(from, block, BLOCK_BYTES, done));
        gssize written = 0;

        if (n <= 0)
            return n < 0 ? -errno : 0;
        while (written < n) {
            const gssize w = TEMP_FAILURE_RETRY(
                pwrite(to, block + written, (gsize)(n - written), done + written));

            if (w <= 0)
                return w < 0 ? -errno : -EIO;
            written += w;
        }
        done += n;
    }
}

/* @shared: (out): by reflink */
static gint
copy_file(gint from, const gchar *path, gboolean *shared)
{
    const gint to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    gint code;

    if (to < 0)
        return -errno;
    *shared = ioctl(to, FICLONE, from) == 0;
    code = *shared ? 0 : copy_bytes(from, to);
    if (code == 0 && fsync(to) < 0)
        code = -errno;
    close(to);
    return code;
}

static gint
link_file(gint from, const gchar *path)
{
    g_autofree gchar *name = g_strdup_printf("/proc/self/fd/%d", from);

    return linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static gint
copy_clip(VigilBackupClips *self, const Clip *clip)
{
    g_autofree gchar *path = g_build_filename(self->folder, clip->path, NULL);
    g_autofree gchar *dir = g_path_get_dirname(path);
    const gint from = vigil_clip_folder_open(self->store, clip->path);
    gboolean shared = TRUE;
    gint code;

    if (from < 0)
        return from;
    code = vigil_make_dirs(&vigil_file_ops_system, dir);
    /* one that grows on must not do so in the backup */
    if (code == 0 && (clip->open || link_file(from, path) < 0))
        code = copy_file(from, path, &shared);
    close(from);
    if (code < 0)
        return code;
    g_hash_table_add(self->dirs, g_steal_pointer(&dir));
    self->summary->n_linked += shared;
    self->summary->n_copied += !shared;
    return 0;
}

static void
take_away(VigilBackupClips *self, GHashTable *wanted)
{
    GHashTableIter iter;
    gpointer path;

    g_hash_table_iter_init(&iter, self->copied);
    while (g_hash_table_iter_next(&iter, &path, NULL)) {
        g_autofree gchar *file = g_build_filename(self->folder, path, NULL);

        if (!g_hash_table_contains(wanted, path))
            unlink(file);
    }
}

gboolean
vigil_backup_copy_clips(VigilBackupClips *self, VigilStore *rows, gboolean last, GError **error)
{
    g_autoptr(GArray) clips = list_clips(rows, last, error);
    g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);

    if (!clips)
        return FALSE;
    for (guint i = 0; i < clips->len; i++) {
        const Clip *clip = &g_array_index(clips, Clip, i);
        gint code;

        g_hash_table_add(wanted, clip->path);
        if (g_hash_table_contains(self->copied, clip->path))
            continue;
        code = copy_clip(self, clip);
        /* deleted meanwhile, or missing before: fsck says so of the copy */
        if (code < 0 && code != -ENOENT)
            return vigil_store_set_errno(error, code, "cannot copy the clip", clip->path);
        g_hash_table_add(self->copied, g_strdup(clip->path));
    }
    self->summary->n_clips = clips->len;
    if (last)
        take_away(self, wanted);
    return TRUE;
}

gint
vigil_backup_sync_dir(const gchar *path)
{
    const gint fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gint code;

    if (fd < 0)
        return -errno;
    code = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return code;
}

gint
vigil_backup_sync_clips(VigilBackupClips *self)
{
    GHashTableIter iter;
    gpointer dir;
    gint code = 0;

    g_hash_table_iter_init(&iter, self->dirs);
    while (code == 0 && g_hash_table_iter_next(&iter, &dir, NULL))
        code = vigil_backup_sync_dir(dir);
    return code;
}
