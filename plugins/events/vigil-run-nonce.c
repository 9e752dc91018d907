/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-run-nonce.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART_BYTES (1024 * 1024)

static void
add_part(GChecksum *checksum, gint fd, gint64 offset)
{
    g_autofree guchar *part = g_malloc(PART_BYTES);
    const gssize n = pread(fd, part, PART_BYTES, (off_t)offset);

    if (n > 0)
        g_checksum_update(checksum, part, n);
}

gboolean
vigil_run_nonce_add_file(GChecksum *checksum, const gchar *path)
{
    const gint fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat info;
    gboolean ok;

    if (fd < 0)
        return FALSE;
    ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    if (ok) {
        const gint64 length = GINT64_TO_LE((gint64)info.st_size);

        g_checksum_update(checksum, (const guchar *)&length, sizeof length);
        add_part(checksum, fd, 0);
        add_part(checksum, fd, MAX((gint64)info.st_size - PART_BYTES, 0));
    }
    close(fd);
    return ok;
}

guint64
vigil_run_nonce_finish(GChecksum *checksum)
{
    guint8 digest[32];
    gsize length = sizeof digest;
    guint64 number = 0;

    g_checksum_get_digest(checksum, digest, &length);
    for (guint i = 0; i < sizeof number; i++)
        number = number << 8 | digest[i];
    return number >> 1 | 1;
}

guint64
vigil_run_nonce_of_uri(const gchar *uri)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree gchar *path = NULL;

    if (!uri)
        return 0;
    path = g_filename_from_uri(uri, NULL, NULL);
    if (!path || !vigil_run_nonce_add_file(checksum, path))
        g_checksum_update(checksum, (const guchar *)uri, -1);
    return vigil_run_nonce_finish(checksum);
}
