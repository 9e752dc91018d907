/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-fingerprint.h"

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

static void
add_file(GChecksum *checksum, const gchar *path)
{
    const gint fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat info;

    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        const gint64 length = GINT64_TO_LE((gint64)info.st_size);

        g_checksum_update(checksum, (const guchar *)&length, sizeof length);
        add_part(checksum, fd, 0);
        add_part(checksum, fd, MAX((gint64)info.st_size - PART_BYTES, 0));
    }
    close(fd);
}

guint64
vigil_fingerprint_replay(const VigilCameraSettings *settings, const VigilDetector *detector)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree gchar *asked = NULL;
    guint8 digest[32];
    gsize length = sizeof digest;
    guint64 number = 0;

    add_file(checksum, settings->source->location);
    /* whole numbers: a locale may write fractions otherwise */
    asked = g_strdup_printf("%s %d %d %d %d", vigil_detector_get_sha256(detector),
                            (gint)(1e4 * settings->fps), (gint)(1e4 * settings->threshold),
                            (gint)(1e4 * settings->model->threshold),
                            (gint)(1e4 * settings->model->iou_threshold));
    g_checksum_update(checksum, (const guchar *)asked, -1);
    g_checksum_get_digest(checksum, digest, &length);
    for (guint i = 0; i < sizeof number; i++)
        number = number << 8 | digest[i];
    return number >> 1 | 1;
}
