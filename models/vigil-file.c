/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/vigil-model.h"

static gboolean
refuse_io(GError **error, const gchar *why)
{
    g_set_error_literal(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_IO, why);
    return FALSE;
}

static gboolean
check(int fd, gsize limit, gsize *size, GError **error)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return refuse_io(error, g_strerror(errno));
    if (S_ISDIR(info.st_mode))
        return refuse_io(error, "it is a directory");
    if (!S_ISREG(info.st_mode))
        return refuse_io(error, "it is no ordinary file");
    *size = (gsize)info.st_size;
    if ((guint64)info.st_size <= limit)
        return TRUE;
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                "it has %" G_GUINT64_FORMAT " bytes, at most %" G_GSIZE_FORMAT " are read",
                (guint64)info.st_size, limit);
    return FALSE;
}

/* Up to @size bytes; a file that became shorter ends earlier. */
static gboolean
read_all(int fd, gchar *content, gsize size, gsize *length, GError **error)
{
    gsize done = 0;

    while (done < size) {
        const gssize n = read(fd, content + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_io(error, g_strerror(errno));
        if (n == 0)
            break;
        done += (gsize)n;
    }
    content[done] = '\0';
    *length = done;
    return TRUE;
}

/* Closes @fd, which may be what open() answered when it failed. */
static gboolean
read_and_close(gint fd, gsize limit, gchar **content, gsize *length, GError **error)
{
    g_autofree gchar *bytes = NULL;
    gboolean ok;
    gsize size = 0;

    if (fd < 0)
        return refuse_io(error, errno == ELOOP ? "it is a symbolic link" : g_strerror(errno));
    ok = check(fd, limit, &size, error);
    if (ok && !(bytes = g_try_malloc(size + 1))) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "no memory for its %" G_GSIZE_FORMAT " bytes", size);
        ok = FALSE;
    }
    ok = ok && read_all(fd, bytes, size, length, error);
    close(fd);
    if (ok)
        *content = g_steal_pointer(&bytes);
    return ok;
}

/* O_NONBLOCK: a pipe opens only when somebody writes */
gboolean
vigil_file_read(const gchar *path, gsize limit, gchar **content, gsize *length, GError **error)
{
    return read_and_close(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), limit, content, length,
                          error);
}

gboolean
vigil_file_read_at(gint dir_fd, const gchar *name, gsize limit, gchar **content, gsize *length,
                   GError **error)
{
    return read_and_close(openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC),
                          limit, content, length, error);
}
