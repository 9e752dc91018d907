/* SPDX-License-Identifier: Apache-2.0 */
/* A clip from outside, from which events are read. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/vigil-clip-note.h"
#include "storage/vigil-clip-tail.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What comes out can be said and stored. */
static gboolean
on_note(const VigilClipNote *note, gpointer user_data)
{
    guint *n = user_data;
    g_autofree gchar *json = NULL;

    (*n)++;
    if (note->kind == VIGIL_CLIP_NOTE_CLOSED) {
        g_assert(note->info.codec && g_utf8_validate(note->info.codec, -1, NULL));
        return TRUE;
    }
    g_assert(note->kind == VIGIL_CLIP_NOTE_EVENT && note->event);
    g_assert(note->event->id[0] && note->event->camera && note->event->rule && note->event->label);
    json = vigil_event_to_json(note->event, NULL);
    g_assert(g_utf8_validate(json, -1, NULL));
    return TRUE;
}

/* Once closed, there is nothing more to do. */
static void
close_tail(gint fd, gsize size)
{
    struct stat info;
    gint sync_code;

    if (vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code) == 1)
        g_assert(vigil_clip_tail_close(fd, &vigil_file_ops_system, &sync_code) == 0);
    g_assert(sync_code == 0);
    g_assert(fstat(fd, &info) == 0 && (gsize)info.st_size >= size &&
             (gsize)info.st_size < size + 8);
}

static void
read_file(const guint8 *data, gsize size)
{
    static gint fd = -1;
    VigilClipScan scan;
    guint n = 0;

    if (fd < 0)
        fd = memfd_create("clip", MFD_CLOEXEC);
    g_assert(fd >= 0);
    g_assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (gssize)size);
    g_assert(vigil_clip_notes_read(fd, on_note, &n, &scan) == 0);
    g_assert(scan.bytes == size && scan.n_notes == n && (!scan.complete || n > 0));
    close_tail(fd, size);
}

/* What nobody who only changes bytes comes to, for the checksum: a box around kind and body. */
static void
read_as_note(const guint8 *data, gsize size)
{
    static const guint8 head[] = {'u',  'u',  'i',  'd',  0x6b, 0x3c, 0x1f, 0x0e, 0x58, 0xa4, 0x4d,
                                  0x0b, 0x9c, 0x57, 0x76, 0x69, 0x67, 0x6c, 0x6e, 0x31, 1};
    g_autoptr(GByteArray) box = g_byte_array_new();
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    const guint32 length = GUINT32_TO_BE((guint32)(size + 33));
    const guint8 version = 1;
    guint8 digest[32];
    gsize n = sizeof digest;

    g_checksum_update(sum, &version, 1);
    g_checksum_update(sum, data, (gssize)size);
    g_checksum_get_digest(sum, digest, &n);
    g_byte_array_append(box, (const guint8 *)&length, 4);
    g_byte_array_append(box, head, sizeof head);
    g_byte_array_append(box, data, 1);
    g_byte_array_append(box, digest, 8);
    g_byte_array_append(box, data + 1, (guint)size - 1);
    read_file(box->data, box->len);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    read_file(data, size);
    if (size > 0 && size < 1 << 20)
        read_as_note(data, size);
    return 0;
}
