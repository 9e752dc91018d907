/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write that nobody needs. A card that died or went read-only is only seen by one: the mount still looks writable, and
 * what is in the page cache can still be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-store-private.h"

#define BYTES 4096

static gint
write_canary(const VigilFileOps *ops, gint fd)
{
    guint8 bytes[BYTES] = {0};
    gsize done = 0;

    /* never twice the same, whatever remembers blocks on the way */
    g_snprintf((gchar *)bytes, sizeof bytes, "%" G_GINT64_FORMAT, g_get_monotonic_time());
    while (done < sizeof bytes) {
        const gssize n = ops->write_at(fd, bytes + done, sizeof bytes - done, (gint64)done);

        if (n < 0)
            return (gint)n;
        if (n == 0)
            return -EIO;
        done += (gsize)n;
    }
    return ops->sync(fd);
}

gboolean
vigil_store_try_disk(VigilStore *self, GError **error)
{
    g_autofree gchar *path = g_strconcat(self->database, ".canary", NULL);
    const gint fd =
        self->ops->open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    gint code = fd;

    if (fd >= 0) {
        code = write_canary(self->ops, fd);
        close(fd);
    }
    return code >= 0 || vigil_store_set_errno(error, code, "the disk cannot be written", path);
}
