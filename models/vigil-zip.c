/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-zip-private.h"

#define END_SIZE 22
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define MAX_COMMENT 65535

/* A model carries a few files; a directory of millions that share one content must not take its time. */
#define MAX_ENTRIES 256

static guint32
get16(const guint8 *p)
{
    return p[0] | (guint32)p[1] << 8;
}

static guint32
get32(const guint8 *p)
{
    return get16(p) | get16(p + 2) << 16;
}

/* The record at the archive's end, behind which only a comment may come. */
static const guint8 *
find_end(const guint8 *data, gsize size)
{
    for (gsize back = END_SIZE; back <= size && back <= END_SIZE + MAX_COMMENT; back++) {
        const guint8 *at = data + size - back;

        if (get32(at) == 0x06054b50 && get16(at + 20) + END_SIZE == back)
            return at;
    }
    return NULL;
}

/* The entry's bytes: its local header says where they begin. */
static gboolean
find_content(const guint8 *data, gsize size, gsize local, const guint8 *entry, VigilZipEntry *out)
{
    const gboolean stored = get16(entry + 10) == 0;
    gsize begin;

    out->size = get32(entry + 20);
    out->data = NULL;
    if (local > size || size - local < LOCAL_SIZE || get32(data + local) != 0x04034b50)
        return FALSE;
    begin = local + LOCAL_SIZE + get16(data + local + 26) + get16(data + local + 28);
    if (begin > size || out->size > size - begin)
        return FALSE;
    if (stored)
        out->data = data + begin;
    return TRUE;
}

void
vigil_zip_foreach(const guint8 *data, gsize size, VigilZipFunc func, gpointer user_data)
{
    const guint8 *end = size >= END_SIZE ? find_end(data, size) : NULL;
    gsize directory, bytes, base, left;
    const guint8 *entry;
    guint n = 0;

    if (!end)
        return;
    bytes = get32(end + 12);
    if (bytes > (gsize)(end - data))
        return;
    directory = (gsize)(end - data) - bytes;
    /* offsets count from the archive's begin or from the file's: the directory's own tells which */
    if (get32(end + 16) > directory)
        return;
    base = directory - get32(end + 16);
    entry = data + directory;
    for (left = bytes; n++ < MAX_ENTRIES && left >= ENTRY_SIZE && get32(entry) == 0x02014b50;) {
        const gsize name_length = get16(entry + 28);
        const gsize whole = ENTRY_SIZE + name_length + get16(entry + 30) + get16(entry + 32);
        VigilZipEntry found = {(const gchar *)entry + ENTRY_SIZE, name_length, NULL, 0};

        if (whole > left)
            return;
        if (find_content(data, size, base + get32(entry + 42), entry, &found) &&
            !func(&found, user_data))
            return;
        entry += whole;
        left -= whole;
    }
}
