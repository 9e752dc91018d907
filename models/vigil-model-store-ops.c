/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/vigil-model-store-private.h"

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
system_write(gint fd, gconstpointer data, gsize length)
{
    const gssize n = TEMP_FAILURE_RETRY(write(fd, data, length));

    return n < 0 ? -errno : n;
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
system_rename_at(gint dir_fd, const gchar *from, const gchar *to)
{
    return renameat(dir_fd, from, dir_fd, to) < 0 ? -errno : 0;
}

static gint
system_symlink_at(const gchar *target, gint dir_fd, const gchar *name)
{
    return symlinkat(target, dir_fd, name) < 0 ? -errno : 0;
}

const VigilModelStoreOps vigil_model_store_ops_system = {
    .open_at = system_open_at,
    .mkdir_at = system_mkdir_at,
    .write = system_write,
    .sync = system_sync,
    .unlink_at = system_unlink_at,
    .rename_at = system_rename_at,
    .symlink_at = system_symlink_at,
};
