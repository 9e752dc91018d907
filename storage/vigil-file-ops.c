/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-file-ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static gint
system_open_at(gint dir_fd, const gchar *name, gint flags, mode_t mode)
{
    const gint fd = TEMP_FAILURE_RETRY(openat(dir_fd, name, flags, mode));

    return fd < 0 ? -errno : fd;
}

static gint
system_mkdir_at(gint dir_fd, const gchar *name, mode_t mode)
{
    return mkdirat(dir_fd, name, mode) < 0 ? -errno : 0;
}

static gssize
system_write_at(gint fd, gconstpointer data, gsize length, gint64 offset)
{
    const gssize n = TEMP_FAILURE_RETRY(pwrite(fd, data, length, offset));

    return n < 0 ? -errno : n;
}

static gint
system_truncate(gint fd, gint64 length)
{
    return TEMP_FAILURE_RETRY(ftruncate(fd, length)) < 0 ? -errno : 0;
}

static gint
system_sync(gint fd)
{
    /* not repeated, not even after EINTR: a second fsync may say yes to what the first one lost */
    return fsync(fd) < 0 ? -errno : 0;
}

static gint
system_unlink_at(gint dir_fd, const gchar *name, gint flags)
{
    return unlinkat(dir_fd, name, flags) < 0 ? -errno : 0;
}

static gint
system_rename_at(gint from_fd, const gchar *from, gint to_fd, const gchar *to)
{
    return renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

static gint64
system_free_bytes(gint fd)
{
    struct statvfs space;
    gint code;

    do
        code = fstatvfs(fd, &space) < 0 ? -errno : 0;
    while (code == -EINTR);
    return code < 0 ? code : (gint64)MIN((guint64)space.f_bavail * space.f_frsize, G_MAXINT64);
}

const VigilFileOps vigil_file_ops_system = {
    .open_at = system_open_at,
    .mkdir_at = system_mkdir_at,
    .write_at = system_write_at,
    .truncate = system_truncate,
    .sync = system_sync,
    .unlink_at = system_unlink_at,
    .rename_at = system_rename_at,
    .free_bytes = system_free_bytes,
};
