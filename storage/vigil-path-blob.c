/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of tracks as blobs; the format is described in schema/0001.sql, table tracks. */
#include "storage/vigil-store-private.h"

#include <math.h>

#define FORMAT_VERSION 1
#define MAX_VARINT_BYTES 10
#define POINT_BYTES (1 + 4 * 2 + 1) /* at least */

static void
put_varint(GByteArray *out, guint64 value)
{
    guint8 bytes[MAX_VARINT_BYTES];
    guint n = 0;

    do {
        bytes[n++] = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
        value >>= 7;
    } while (value);
    g_byte_array_append(out, bytes, n);
}

static guint64
zigzag(gint64 value)
{
    return ((guint64)value << 1) ^ (value < 0 ? G_MAXUINT64 : 0);
}

static gint64
unzigzag(guint64 value)
{
    return (gint64)(value >> 1) ^ -(gint64)(value & 1);
}

/* NaN becomes 0: the comparisons are false for it. */
static guint
quantise(gfloat value, gfloat offset, gfloat scale, guint max)
{
    const gfloat q = roundf((value + offset) * scale);

    return q >= max ? max : q > 0 ? (guint)q : 0;
}

static void
put_point(GByteArray *out, const VigilPathPoint *point, gint64 before_ns)
{
    const gfloat edges[4] = {point->box.x0, point->box.y0, point->box.x1, point->box.y1};
    guint8 bytes[9];

    put_varint(out, zigzag((gint64)((guint64)point->time_ns - (guint64)before_ns)));
    for (guint i = 0; i < 4; i++) {
        const guint q = quantise(edges[i], 0.5f, 32767.5f, 65535);

        bytes[2 * i] = q & 0xff;
        bytes[2 * i + 1] = q >> 8;
    }
    bytes[8] = quantise(point->score, 0.0f, 255.0f, 255);
    g_byte_array_append(out, bytes, sizeof bytes);
}

GByteArray *
vigil_path_encode(const GArray *path, guint *n_points)
{
    const guint step = (path->len + VIGIL_PATH_MAX_POINTS - 1) / VIGIL_PATH_MAX_POINTS;
    const guint n = path->len ? (path->len + step - 1) / step : 0;
    GByteArray *out = g_byte_array_sized_new(2 + n * 14);
    const guint8 version = FORMAT_VERSION;
    gint64 before_ns = 0;

    g_byte_array_append(out, &version, 1);
    put_varint(out, n);
    for (guint i = 0; i < n; i++) {
        const VigilPathPoint *point = &g_array_index(path, VigilPathPoint, i * step);

        put_point(out, point, before_ns);
        before_ns = point->time_ns;
    }
    *n_points = n;
    return out;
}

typedef struct {
    const guint8 *data;
    gsize left;
} Reader;

static gboolean
take_varint(Reader *reader, guint64 *value)
{
    *value = 0;
    for (guint i = 0; i < MAX_VARINT_BYTES && reader->left > 0; i++) {
        const guint8 byte = *reader->data++;

        reader->left--;
        if (i == MAX_VARINT_BYTES - 1 && byte > 1)
            return FALSE;
        *value |= (guint64)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return TRUE;
    }
    return FALSE;
}

static gboolean
take_point(Reader *reader, gint64 before_ns, VigilPathPoint *point)
{
    gfloat edges[4];
    guint64 delta;

    if (!take_varint(reader, &delta) || reader->left < 9)
        return FALSE;
    point->time_ns = (gint64)((guint64)before_ns + (guint64)unzigzag(delta));
    for (guint i = 0; i < 4; i++)
        edges[i] = (reader->data[2 * i] | reader->data[2 * i + 1] << 8) / 32767.5f - 0.5f;
    point->box = (VigilBox){edges[0], edges[1], edges[2], edges[3]};
    point->score = reader->data[8] / 255.0f;
    reader->data += 9;
    reader->left -= 9;
    return TRUE;
}

GArray *
vigil_path_decode(gconstpointer data, gsize length)
{
    Reader reader = {data, length};
    g_autoptr(GArray) path = NULL;
    gint64 before_ns = 0;
    guint64 n;

    if (length < 1 || reader.data[0] != FORMAT_VERSION)
        return NULL;
    reader.data++;
    reader.left--;
    if (!take_varint(&reader, &n) || n > reader.left / POINT_BYTES)
        return NULL;
    path = g_array_sized_new(FALSE, FALSE, sizeof(VigilPathPoint), (guint)n);
    for (guint64 i = 0; i < n; i++) {
        VigilPathPoint point;

        if (!take_point(&reader, before_ns, &point))
            return NULL;
        g_array_append_val(path, point);
        before_ns = point.time_ns;
    }
    return reader.left == 0 ? g_steal_pointer(&path) : NULL;
}
