/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Flags of tfhd and trun (ISO/IEC 14496-12, 8.8.7 and 8.8.8): what follows in the box. */
#define VIGIL_MP4_TFHD_BASE 0x000001u
#define VIGIL_MP4_TFHD_DESCRIPTION 0x000002u
#define VIGIL_MP4_TFHD_DURATION 0x000008u
#define VIGIL_MP4_TFHD_SIZE 0x000010u
#define VIGIL_MP4_TFHD_BASE_IS_MOOF 0x020000u
#define VIGIL_MP4_TRUN_OFFSET 0x000001u
#define VIGIL_MP4_TRUN_FIRST_FLAGS 0x000004u
#define VIGIL_MP4_TRUN_DURATION 0x000100u
#define VIGIL_MP4_TRUN_SIZE 0x000200u
#define VIGIL_MP4_TRUN_FLAGS 0x000400u
#define VIGIL_MP4_TRUN_COMPOSITION 0x000800u

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
