/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilFlatbuffer:
 * @data: the file; borrowed
 * @size: its bytes
 * @broken: (nullable): the first thing found wrong; static text
 *
 * Bounds-checked access to a FlatBuffer nobody vouches for. An accessor that meets an offset or a
 * length outside the file sets @broken and returns the default, an empty vector or a table without
 * fields, so that callers check @broken once after a group of reads. Nothing outside @data is ever read.
 *
 * Source: FlatBuffers internals (flatbuffers.dev); checked by tests/models/test-tflite.c
 */
typedef struct {
    const guint8 *data;
    gsize size;
    const gchar *broken;
} VigilFlatbuffer;

/**
 * VigilFbTable:
 * @pos: of the table in the file; 0: no table, every field has its default
 * @vtable: position of its vtable
 * @vtable_size: bytes, a multiple of two, proved to lie in the file
 * @size: bytes of the table itself, proved to lie in the file
 */
typedef struct {
    VigilFlatbuffer *fb;
    gsize pos;
    gsize vtable;
    guint vtable_size;
    guint size;
} VigilFbTable;

/**
 * VigilFbVector:
 * @pos: of the first element in the file
 * @length: elements, all proved to lie in the file
 */
typedef struct {
    VigilFlatbuffer *fb;
    gsize pos;
    guint length;
} VigilFbVector;

void vigil_fb_init(VigilFlatbuffer *self, const guint8 *data, gsize size);

/** vigil_fb_root: the root table; @identifier (4 characters) is what bytes 4..7 must say. */
VigilFbTable vigil_fb_root(VigilFlatbuffer *self, const gchar *identifier);

/** vigil_fb_has: whether @table stores field number @field itself. */
gboolean vigil_fb_has(const VigilFbTable *table, guint field);
gint8 vigil_fb_i8(const VigilFbTable *table, guint field, gint8 fallback);
gint32 vigil_fb_i32(const VigilFbTable *table, guint field, gint32 fallback);
guint32 vigil_fb_u32(const VigilFbTable *table, guint field, guint32 fallback);
guint64 vigil_fb_u64(const VigilFbTable *table, guint field, guint64 fallback);
gfloat vigil_fb_float(const VigilFbTable *table, guint field, gfloat fallback);

/** vigil_fb_table: the table in @field; its pos is 0 when there is none. */
VigilFbTable vigil_fb_table(const VigilFbTable *table, guint field);

/** vigil_fb_vector: the vector in @field, of elements @element bytes wide; empty when there is none. */
VigilFbVector vigil_fb_vector(const VigilFbTable *table, guint field, gsize element);

/** vigil_fb_string: Returns: (transfer full): valid UTF-8, at most 256 bytes of it; "" when there is none. */
gchar *vigil_fb_string(const VigilFbTable *table, guint field);

/* @index must be below the vector's length, and the vector opened with the element size of the type. */
VigilFbTable vigil_fb_vector_table(const VigilFbVector *self, guint index);
gint32 vigil_fb_vector_i32(const VigilFbVector *self, guint index);
gint64 vigil_fb_vector_i64(const VigilFbVector *self, guint index);
gfloat vigil_fb_vector_float(const VigilFbVector *self, guint index);
const guint8 *vigil_fb_vector_bytes(const VigilFbVector *self);

G_END_DECLS
