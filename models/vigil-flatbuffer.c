/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-flatbuffer-private.h"

#include <string.h>

#if G_BYTE_ORDER != G_LITTLE_ENDIAN
#error "FlatBuffers and the kernels' packed data are little-endian"
#endif

#define MAX_STRING 256

void
vigil_fb_init(VigilFlatbuffer *self, const guint8 *data, gsize size)
{
    self->data = data;
    self->size = size;
    self->broken = NULL;
}

static void
set_broken(VigilFlatbuffer *self, const gchar *what)
{
    if (self->broken == NULL)
        self->broken = what;
}

/* Copies @bytes at @pos to @out, which keeps its value when they do not lie in the file. */
static gboolean
read_at(VigilFlatbuffer *self, gsize pos, gpointer out, gsize bytes)
{
    if (bytes > self->size || pos > self->size - bytes) {
        set_broken(self, "an offset leads outside the file");
        return FALSE;
    }
    memcpy(out, self->data + pos, bytes);
    return TRUE;
}

/* Follows the forward offset stored at @pos; 0 on failure. */
static gsize
follow(VigilFlatbuffer *self, gsize pos)
{
    guint32 offset = 0;

    if (!read_at(self, pos, &offset, sizeof offset))
        return 0;
    if (offset == 0 || offset >= self->size - pos) {
        set_broken(self, "an offset leads outside the file");
        return 0;
    }
    return pos + offset;
}

static VigilFbTable
table_at(VigilFlatbuffer *self, gsize pos)
{
    const VigilFbTable none = {.fb = self};
    VigilFbTable table = {.fb = self, .pos = pos};
    gint32 back = 0;
    guint16 sizes[2] = {0, 0};

    if (pos == 0 || !read_at(self, pos, &back, sizeof back))
        return none;
    const gint64 vtable = (gint64)pos - back;
    if (vtable < 0 || (guint64)vtable >= self->size) {
        set_broken(self, "a table's field list lies outside the file");
        return none;
    }
    table.vtable = (gsize)vtable;
    if (!read_at(self, table.vtable, sizes, sizeof sizes))
        return none;
    if (sizes[0] < 4 || sizes[0] % 2 != 0 || sizes[0] > self->size - table.vtable || sizes[1] < 4 ||
        sizes[1] > self->size - pos) {
        set_broken(self, "a table has an impossible size");
        return none;
    }
    table.vtable_size = sizes[0];
    table.size = sizes[1];
    return table;
}

VigilFbTable
vigil_fb_root(VigilFlatbuffer *self, const gchar *identifier)
{
    const VigilFbTable none = {.fb = self};

    if (self->size < 8 || memcmp(self->data + 4, identifier, 4) != 0) {
        set_broken(self, "the file identifier is missing");
        return none;
    }
    return table_at(self, follow(self, 0));
}

/* Position of @bytes of @field in the file, or 0 when the field is not stored. */
static gsize
field_at(const VigilFbTable *table, guint field, gsize bytes)
{
    const gsize slot = 4 + 2 * (gsize)field;
    guint16 offset = 0;

    if (table->pos == 0 || slot + 2 > table->vtable_size)
        return 0;
    if (!read_at(table->fb, table->vtable + slot, &offset, sizeof offset) || offset == 0)
        return 0;
    if (offset < 4 || offset + bytes > table->size) {
        set_broken(table->fb, "a field lies outside its table");
        return 0;
    }
    return table->pos + offset;
}

gboolean
vigil_fb_has(const VigilFbTable *table, guint field)
{
    return field_at(table, field, 1) != 0;
}

gint8
vigil_fb_i8(const VigilFbTable *table, guint field, gint8 fallback)
{
    const gsize pos = field_at(table, field, sizeof fallback);

    if (pos != 0)
        read_at(table->fb, pos, &fallback, sizeof fallback);
    return fallback;
}

gint32
vigil_fb_i32(const VigilFbTable *table, guint field, gint32 fallback)
{
    const gsize pos = field_at(table, field, sizeof fallback);

    if (pos != 0)
        read_at(table->fb, pos, &fallback, sizeof fallback);
    return fallback;
}

guint32
vigil_fb_u32(const VigilFbTable *table, guint field, guint32 fallback)
{
    return (guint32)vigil_fb_i32(table, field, (gint32)fallback);
}

guint64
vigil_fb_u64(const VigilFbTable *table, guint field, guint64 fallback)
{
    const gsize pos = field_at(table, field, sizeof fallback);

    if (pos != 0)
        read_at(table->fb, pos, &fallback, sizeof fallback);
    return fallback;
}

gfloat
vigil_fb_float(const VigilFbTable *table, guint field, gfloat fallback)
{
    const gsize pos = field_at(table, field, sizeof fallback);

    if (pos != 0)
        read_at(table->fb, pos, &fallback, sizeof fallback);
    return fallback;
}

VigilFbTable
vigil_fb_table(const VigilFbTable *table, guint field)
{
    const gsize pos = field_at(table, field, 4);

    return table_at(table->fb, pos != 0 ? follow(table->fb, pos) : 0);
}

VigilFbVector
vigil_fb_vector(const VigilFbTable *table, guint field, gsize element)
{
    const VigilFbVector none = {.fb = table->fb};
    const gsize pos = field_at(table, field, 4);
    const gsize start = pos != 0 ? follow(table->fb, pos) : 0;
    guint32 length = 0;

    if (start == 0 || !read_at(table->fb, start, &length, sizeof length))
        return none;
    if (length > (table->fb->size - start - 4) / element) {
        set_broken(table->fb, "a vector reaches beyond the end of the file");
        return none;
    }
    return (VigilFbVector){.fb = table->fb, .pos = start + 4, .length = length};
}

gchar *
vigil_fb_string(const VigilFbTable *table, guint field)
{
    const VigilFbVector chars = vigil_fb_vector(table, field, 1);
    g_autofree gchar *text = NULL;

    if (chars.length == 0)
        return g_strdup("");
    text = g_strndup((const gchar *)chars.fb->data + chars.pos, MIN(chars.length, MAX_STRING));
    /* Names come into messages, and those on terminals, which a name must not command. */
    for (gchar *c = text; *c; c++)
        *c = g_ascii_iscntrl(*c) ? '?' : *c;
    return g_utf8_make_valid(text, -1);
}

VigilFbTable
vigil_fb_vector_table(const VigilFbVector *self, guint index)
{
    return table_at(self->fb, follow(self->fb, self->pos + 4 * (gsize)index));
}

gint32
vigil_fb_vector_i32(const VigilFbVector *self, guint index)
{
    gint32 value = 0;

    read_at(self->fb, self->pos + sizeof value * index, &value, sizeof value);
    return value;
}

gint64
vigil_fb_vector_i64(const VigilFbVector *self, guint index)
{
    gint64 value = 0;

    read_at(self->fb, self->pos + sizeof value * index, &value, sizeof value);
    return value;
}

gfloat
vigil_fb_vector_float(const VigilFbVector *self, guint index)
{
    gfloat value = 0.0f;

    read_at(self->fb, self->pos + sizeof value * index, &value, sizeof value);
    return value;
}

const guint8 *
vigil_fb_vector_bytes(const VigilFbVector *self)
{
    return self->fb->data + self->pos;
}
