/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-mp4-box.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BOX_BYTES 8
#define LARGE_BOX_BYTES 16

gssize
vigil_mp4_read(gint fd, gpointer data, gsize length, guint64 offset)
{
    gsize done = 0;

    while (done < length) {
        const gssize n = TEMP_FAILURE_RETRY(
            pread(fd, (guint8 *)data + done, length - done, (off_t)(offset + done)));

        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (gsize)n;
    }
    return (gssize)done;
}

guint64
vigil_mp4_number(const guint8 *data, guint n_bytes)
{
    guint64 value = 0;

    for (guint i = 0; i < n_bytes; i++)
        value = value << 8 | data[i];
    return value;
}

gint
vigil_mp4_read_box(gint fd, guint64 offset, guint64 n_bytes, VigilMp4Box *box)
{
    guint8 head[LARGE_BOX_BYTES];
    const gssize n = vigil_mp4_read(fd, head, sizeof head, offset);

    *box = (VigilMp4Box){.offset = offset, .header = BOX_BYTES};
    if (n < BOX_BYTES)
        return n < 0 ? (gint)n : 0;
    memcpy(box->type, head + 4, sizeof box->type);
    box->size = vigil_mp4_number(head, 4);
    if (box->size == 1 && n == LARGE_BOX_BYTES) {
        box->size = vigil_mp4_number(head + 8, 8);
        box->header = LARGE_BOX_BYTES;
    }
    return box->size >= box->header && box->size <= n_bytes - offset;
}
