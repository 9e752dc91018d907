/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of clips. Everything is reached from its descriptor, name by name with O_NOFOLLOW and without "..", so no
 * link and no name from the database leads out of it.
 */
#include "storage/vigil-store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DIR_MODE 0750
#define MAX_CAMERA_BYTES 64

static gboolean
is_plain(gchar c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '_';
}

/*
 * Letters, digits, '-' and '_' stay, '.' as well except in front. When anything was changed, a few digits of a hash
 * keep "a/b" and "a:b" apart.
 */
static gchar *
safe_camera(const gchar *camera)
{
    g_autoptr(GString) name = g_string_new(NULL);
    gboolean changed = FALSE;

    for (const gchar *p = camera; *p; p++) {
        const gboolean keep =
            name->len < MAX_CAMERA_BYTES && (is_plain(*p) || (*p == '.' && name->len));

        changed |= !keep;
        if (name->len < MAX_CAMERA_BYTES)
            g_string_append_c(name, keep ? *p : '_');
    }
    if (changed) {
        g_autofree gchar *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, camera, -1);

        g_string_append_printf(name, "-%.6s", hash);
    }
    return g_string_free(g_steal_pointer(&name), FALSE);
}

gchar *
vigil_clip_folder_for(const gchar *camera, gint64 wall_us)
{
    g_autoptr(GDateTime) time = NULL;
    g_autofree gchar *name = NULL;
    gint64 seconds = wall_us / G_USEC_PER_SEC;

    if (!camera || !*camera)
        return NULL;
    if (wall_us % G_USEC_PER_SEC < 0)
        seconds--;
    time = g_date_time_new_from_unix_utc(seconds);
    if (!time)
        return NULL;
    name = safe_camera(camera);
    return g_strdup_printf("%04d/%02d/%02d/%s", g_date_time_get_year(time),
                           g_date_time_get_month(time), g_date_time_get_day_of_month(time), name);
}

static gboolean
is_digits(const gchar *text, gsize n)
{
    if (strlen(text) != n)
        return FALSE;
    for (gsize i = 0; i < n; i++)
        if (!g_ascii_isdigit(text[i]))
            return FALSE;
    return TRUE;
}

gboolean
vigil_clip_folder_is_clip(const gchar *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    const gchar *name;

    if (g_strv_length(parts) != 5 || !is_digits(parts[0], 4) || !is_digits(parts[1], 2) ||
        !is_digits(parts[2], 2) || !*parts[3] || *parts[3] == '.')
        return FALSE;
    name = parts[4];
    while (is_plain(*name))
        name++;
    return name != parts[4] && g_str_equal(name, ".mp4");
}

gint
vigil_make_dirs(const VigilFileOps *ops, const gchar *path)
{
    g_autofree gchar *parent = g_path_get_dirname(path);
    gint fd, code;

    code = ops->mkdir_at(AT_FDCWD, path, DIR_MODE);
    if (code == -ENOENT && !g_str_equal(parent, path)) {
        code = vigil_make_dirs(ops, parent);
        if (code == 0)
            code = ops->mkdir_at(AT_FDCWD, path, DIR_MODE);
    }
    if (code == -EEXIST || (code < 0 && g_file_test(path, G_FILE_TEST_IS_DIR)))
        return 0;
    if (code < 0)
        return code;
    fd = ops->open_at(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    code = ops->sync(fd);
    close(fd);
    return code;
}

static gint
open_child(VigilStore *self, gint dir_fd, const gchar *name, gboolean make)
{
    gint fd = self->ops->open_at(dir_fd, name, DIR_FLAGS, 0), code;

    if (fd != -ENOENT || !make)
        return fd;
    code = self->ops->mkdir_at(dir_fd, name, DIR_MODE);
    if (code < 0 && code != -EEXIST)
        return code;
    code = vigil_store_sync(self, dir_fd);
    if (code < 0)
        return code;
    return self->ops->open_at(dir_fd, name, DIR_FLAGS, 0);
}

gint
vigil_clip_folder_open_dir(VigilStore *self, const gchar *dir, gboolean make)
{
    g_auto(GStrv) parts = g_strsplit(dir, "/", -1);
    gint fd;

    if (self->clips_fd < 0)
        return -ENOENT;
    fd = fcntl(self->clips_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    for (guint i = 0; parts[i] && fd >= 0; i++) {
        const gint parent = fd;

        if (!*parts[i] || g_str_equal(parts[i], ".") || g_str_equal(parts[i], ".."))
            fd = -EINVAL;
        else
            fd = open_child(self, parent, parts[i], make);
        close(parent);
    }
    return fd;
}

/* The directory of a relative path; @name: (out): its last part, within @path. */
static gint
open_parent(VigilStore *self, const gchar *path, gboolean make, const gchar **name)
{
    const gchar *slash = strrchr(path, '/');
    g_autofree gchar *dir = NULL;

    if (!slash || !slash[1] || g_str_equal(slash, "/..") || g_str_equal(slash, "/."))
        return -EINVAL;
    *name = slash + 1;
    dir = g_strndup(path, slash - path);
    return vigil_clip_folder_open_dir(self, dir, make);
}

static gint
open_clip(VigilStore *self, const gchar *path, gint access)
{
    const gchar *name;
    const gint dir_fd = open_parent(self, path, FALSE, &name);
    struct stat info;
    gint fd, code;

    if (dir_fd < 0)
        return dir_fd;
    /* O_NONBLOCK: a named pipe in place of the clip shall not hang the reader */
    fd = self->ops->open_at(dir_fd, name, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    close(dir_fd);
    if (fd < 0)
        return fd;
    code = fstat(fd, &info) < 0 ? -errno : S_ISREG(info.st_mode) ? 0 : -EINVAL;
    if (code < 0) {
        close(fd);
        return code;
    }
    return fd;
}

gint
vigil_clip_folder_open(VigilStore *self, const gchar *path)
{
    return open_clip(self, path, O_RDONLY);
}

gint
vigil_clip_folder_open_to_mend(VigilStore *self, const gchar *path)
{
    return open_clip(self, path, O_RDWR);
}

gint64
vigil_clip_folder_size(VigilStore *self, const gchar *path)
{
    const gchar *name;
    const gint dir_fd = open_parent(self, path, FALSE, &name);
    struct stat info;
    gint64 size;

    if (dir_fd < 0)
        return dir_fd;
    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        size = -errno;
    else
        size = S_ISREG(info.st_mode) ? info.st_size : -EINVAL;
    close(dir_fd);
    return size;
}

/* Removes the directories of @path that are empty. Not synced: an empty directory that comes back does no harm. */
static void
tidy_parents(VigilStore *self, const gchar *path)
{
    g_autofree gchar *dir = g_path_get_dirname(path);

    while (strchr(dir, '/')) {
        const gchar *name;
        const gint parent_fd = open_parent(self, dir, FALSE, &name);
        gint code;
        gchar *up;

        if (parent_fd >= 0) {
            code = self->ops->unlink_at(parent_fd, name, AT_REMOVEDIR);
            close(parent_fd);
            if (code < 0 && code != -ENOENT)
                return;
        } else if (parent_fd != -ENOENT) {
            return;
        }
        up = g_path_get_dirname(dir);
        g_free(dir);
        dir = up;
    }
    self->ops->unlink_at(self->clips_fd, dir, AT_REMOVEDIR);
}

gint
vigil_clip_folder_remove(VigilStore *self, const gchar *path)
{
    const gchar *name;
    const gint dir_fd = open_parent(self, path, FALSE, &name);
    gint code;

    if (dir_fd == -ENOENT) {
        tidy_parents(self, path);
        return 0;
    }
    if (dir_fd < 0)
        return dir_fd;
    code = self->ops->unlink_at(dir_fd, name, 0);
    /* also when it was gone: the run that unlinked it may have died before this */
    if (code == 0 || code == -ENOENT)
        code = vigil_store_sync(self, dir_fd);
    close(dir_fd);
    if (code == 0)
        tidy_parents(self, path);
    return code;
}

/* Unlinks those of @paths from @first on that lie in one directory, which is synced once. Returns how many it went through. */
static guint
remove_in_one(VigilStore *self, const GPtrArray *paths, guint first, gint *code)
{
    const gchar *name, *path = g_ptr_array_index(paths, first);
    const gsize dir_length = strrchr(path, '/') ? (gsize)(strrchr(path, '/') - path) + 1 : 0;
    const gint dir_fd = open_parent(self, path, FALSE, &name);
    guint n = 1;

    *code = dir_fd == -ENOENT ? 0 : dir_fd;
    if (dir_fd < 0)
        return 1;
    *code = self->ops->unlink_at(dir_fd, name, 0);
    while ((*code == 0 || *code == -ENOENT) && first + n < paths->len) {
        const gchar *other = g_ptr_array_index(paths, first + n);

        if (dir_length == 0 || strncmp(path, other, dir_length) != 0 ||
            strchr(other + dir_length, '/'))
            break;
        *code = self->ops->unlink_at(dir_fd, other + dir_length, 0);
        n++;
    }
    if (*code == 0 || *code == -ENOENT)
        *code = vigil_store_sync(self, dir_fd);
    close(dir_fd);
    if (*code == 0)
        tidy_parents(self, path);
    return n;
}

static gint
compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const gchar *const *)a, *(const gchar *const *)b);
}

gboolean
vigil_clip_folder_remove_all(VigilStore *self, const GPtrArray *paths, GPtrArray *gone,
                             GError **error)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    guint n;

    for (guint i = 0; i < paths->len; i++)
        g_ptr_array_add(sorted, g_ptr_array_index(paths, i));
    g_ptr_array_sort(sorted, compare_paths);
    for (guint i = 0; i < sorted->len; i += n) {
        const gchar *path = g_ptr_array_index(sorted, i);
        gint code;

        n = remove_in_one(self, sorted, i, &code);
        if (code == -EIO || g_atomic_int_get(&self->failed))
            return vigil_store_set_errno(error, code, "cannot remove the clip", path);
        if (code < 0)
            g_message("%s: cannot be removed, is tried again at the next start: %s",
                      (const gchar *)g_ptr_array_index(sorted, i + n - 1), g_strerror(-code));
        for (guint k = i; k < i + n && code == 0; k++)
            g_ptr_array_add(gone, g_ptr_array_index(sorted, k));
    }
    return TRUE;
}

gint
vigil_clip_folder_rename(VigilStore *self, const gchar *from, const gchar *to)
{
    const gchar *from_name, *to_name;
    gint from_fd = open_parent(self, from, FALSE, &from_name), to_fd, code;

    if (from_fd < 0)
        return from_fd;
    to_fd = open_parent(self, to, TRUE, &to_name);
    if (to_fd < 0) {
        close(from_fd);
        return to_fd;
    }
    code = self->ops->rename_at(from_fd, from_name, to_fd, to_name);
    if (code == 0)
        code = vigil_store_sync(self, to_fd);
    if (code == 0)
        code = vigil_store_sync(self, from_fd);
    close(from_fd);
    close(to_fd);
    if (code == 0)
        tidy_parents(self, from);
    return code;
}
