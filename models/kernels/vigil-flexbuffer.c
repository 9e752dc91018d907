/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-flexbuffer-private.h"

#include <string.h>

enum {
    TYPE_INT = 1,
    TYPE_UINT = 2,
    TYPE_FLOAT = 3,
    TYPE_INDIRECT_INT = 6,
    TYPE_INDIRECT_UINT = 7,
    TYPE_INDIRECT_FLOAT = 8,
    TYPE_MAP = 9,
    TYPE_BOOL = 26,
};

typedef struct {
    const guint8 *data;
    gsize size;
} Buffer;

/* A map: n values of the width from position values on, their types behind them; n keys. */
typedef struct {
    gsize values, width, n;
    gsize keys, key_width;
} Map;

static gboolean
read_uint(const Buffer *buffer, gsize at, gsize width, guint64 *value)
{
    if (width > 8 || at > buffer->size || buffer->size - at < width)
        return FALSE;
    *value = 0;
    for (gsize i = 0; i < width; i++)
        *value |= (guint64)buffer->data[at + i] << (8 * i);
    return TRUE;
}

/* Offsets point backwards from where they stand. */
static gboolean
follow(const Buffer *buffer, gsize at, gsize width, gsize *target)
{
    guint64 offset;

    if (!read_uint(buffer, at, width, &offset) || offset > at)
        return FALSE;
    *target = at - (gsize)offset;
    return TRUE;
}

static gboolean
is_width(guint64 width)
{
    return width == 1 || width == 2 || width == 4 || width == 8;
}

/* The buffer ends in: the root, its packed type, its width. */
static gboolean
open_map(const Buffer *buffer, Map *map)
{
    guint64 n, key_width;
    gsize root_width, type;

    if (buffer->size < 3)
        return FALSE;
    root_width = buffer->data[buffer->size - 1];
    type = buffer->data[buffer->size - 2];
    if (!is_width(root_width) || buffer->size < root_width + 2 || type >> 2 != TYPE_MAP)
        return FALSE;
    map->width = (gsize)1 << (type & 3);
    if (!follow(buffer, buffer->size - 2 - root_width, root_width, &map->values) ||
        map->values < 3 * map->width)
        return FALSE;
    if (!read_uint(buffer, map->values - map->width, map->width, &n) ||
        !read_uint(buffer, map->values - 2 * map->width, map->width, &key_width) ||
        !follow(buffer, map->values - 3 * map->width, map->width, &map->keys))
        return FALSE;
    if (!is_width(key_width) || n > buffer->size / (map->width + 1) ||
        n * (map->width + 1) > buffer->size - map->values ||
        n * key_width > buffer->size - map->keys)
        return FALSE;
    map->n = (gsize)n;
    map->key_width = (gsize)key_width;
    return TRUE;
}

static gdouble
as_signed(guint64 bits, gsize width)
{
    switch (width) {
    case 1: return (gint8)bits;
    case 2: return (gint16)bits;
    case 4: return (gint32)bits;
    default: return (gdouble)(gint64)bits;
    }
}

static gboolean
as_float(guint64 bits, gsize width, gdouble *value)
{
    if (width == 4) {
        const guint32 half = (guint32)bits;
        gfloat number;

        memcpy(&number, &half, sizeof number);
        *value = number;
        return TRUE;
    }
    if (width != 8)
        return FALSE;
    memcpy(value, &bits, sizeof bits);
    return TRUE;
}

static gboolean
read_number(const Buffer *buffer, gsize at, gsize width, guint8 packed, gdouble *value)
{
    guint type = packed >> 2;
    guint64 bits;

    if (type >= TYPE_INDIRECT_INT && type <= TYPE_INDIRECT_FLOAT) {
        if (!follow(buffer, at, width, &at))
            return FALSE;
        width = (gsize)1 << (packed & 3);
        type -= TYPE_INDIRECT_INT - TYPE_INT;
    }
    if (!read_uint(buffer, at, width, &bits))
        return FALSE;
    switch (type) {
    case TYPE_INT: *value = as_signed(bits, width); return TRUE;
    case TYPE_UINT:
    case TYPE_BOOL: *value = (gdouble)bits; return TRUE;
    case TYPE_FLOAT: return as_float(bits, width, value);
    default: return FALSE;
    }
}

gboolean
vigil_flexbuffer_get_number(const guint8 *data, gsize size, const gchar *key, gdouble *value)
{
    const Buffer buffer = {data, size};
    const gsize length = strlen(key) + 1;
    Map map;

    if (!open_map(&buffer, &map))
        return FALSE;
    for (gsize i = 0; i < map.n; i++) {
        const guint8 packed = data[map.values + map.n * map.width + i];
        gsize name;

        if (!follow(&buffer, map.keys + i * map.key_width, map.key_width, &name) ||
            size - name < length || memcmp(data + name, key, length) != 0)
            continue;
        return read_number(&buffer, map.values + i * map.width, map.width, packed, value);
    }
    return FALSE;
}
