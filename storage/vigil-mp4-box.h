/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilMp4Box: one of the boxes that an MP4 file is a sequence of (ISO/IEC 14496-12, 4.2)
 * @offset: of its header in the file
 * @size: with the header, as its header says, in bytes; 0 when there is no header
 * @header: 8, or 16 of a large one
 */
typedef struct {
    guint64 offset, size;
    guint header;
    guint8 type[4];
} VigilMp4Box;

/** vigil_mp4_read: Returns: how many bytes were read, fewer than @length at the end of the file alone, or -errno. */
gssize vigil_mp4_read(gint fd, gpointer data, gsize length, guint64 offset);

/**
 * vigil_mp4_read_box:
 * @fd: its bytes are not trusted
 * @n_bytes: the file's size
 *
 * Returns: 1 when the box at @offset lies in the file as a whole, 0 when it is cut off or none, or -errno
 */
gint vigil_mp4_read_box(gint fd, guint64 offset, guint64 n_bytes, VigilMp4Box *box);

/** vigil_mp4_number: big-endian, of up to 8 bytes. */
guint64 vigil_mp4_number(const guint8 *data, guint n_bytes);

G_END_DECLS
