/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-onnx-writer.h"

#include <string.h>

struct VigilOnnxWriter {
    GByteArray *graph, *metadata;
};

/* --- protocol buffers: a field is its number and wire type, then a number or a length and bytes ---------------- */

static void
put_varint(GByteArray *out, guint64 value)
{
    do {
        const guint8 byte = (guint8)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

        g_byte_array_append(out, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void
put_number(GByteArray *out, guint field, gint64 value)
{
    put_varint(out, field << 3);
    put_varint(out, (guint64)value);
}

static void
put_bytes(GByteArray *out, guint field, gconstpointer data, gsize size)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, size);
    g_byte_array_append(out, data, (guint)size);
}

static void
put_text(GByteArray *out, guint field, const gchar *text)
{
    put_bytes(out, field, text, strlen(text));
}

static void
put_message(GByteArray *out, guint field, GByteArray *message)
{
    put_bytes(out, field, message->data, message->len);
    g_byte_array_unref(message);
}

/* --- onnx.proto ----------------------------------------------------------------------------------------------- */

VigilOnnxWriter *
vigil_onnx_writer_new(void)
{
    VigilOnnxWriter *self = g_new0(VigilOnnxWriter, 1);

    self->graph = g_byte_array_new();
    self->metadata = g_byte_array_new();
    put_text(self->graph, 2, "g");
    return self;
}

static void
put_value_info(VigilOnnxWriter *self, guint field, const gchar *name, guint type, guint n_dims,
               const gint64 *dims)
{
    GByteArray *shape = g_byte_array_new(), *tensor = g_byte_array_new();
    GByteArray *wrapper = g_byte_array_new(), *info = g_byte_array_new();

    for (guint i = 0; i < n_dims; i++) {
        GByteArray *dim = g_byte_array_new();
        g_autofree gchar *open = g_strdup_printf("d%u", i);

        if (dims[i] < 0)
            put_text(dim, 2, open);
        else
            put_number(dim, 1, dims[i]);
        put_message(shape, 1, dim);
    }
    put_number(tensor, 1, type);
    if (n_dims > 0)
        put_message(tensor, 2, shape);
    else
        g_byte_array_unref(shape);
    put_message(wrapper, 1, tensor);
    put_text(info, 1, name);
    put_message(info, 2, wrapper);
    put_message(self->graph, field, info);
}

void
vigil_onnx_writer_input(VigilOnnxWriter *self, const gchar *name, guint type, guint n_dims,
                        const gint64 *dims)
{
    put_value_info(self, 11, name, type, n_dims, dims);
}

void
vigil_onnx_writer_output(VigilOnnxWriter *self, const gchar *name, guint type, guint n_dims,
                         const gint64 *dims)
{
    put_value_info(self, 12, name, type, n_dims, dims);
}

void
vigil_onnx_writer_constant(VigilOnnxWriter *self, const gchar *name, guint type,
                           gconstpointer values, guint n)
{
    GByteArray *tensor = g_byte_array_new();

    put_number(tensor, 1, n);
    put_number(tensor, 2, type);
    put_text(tensor, 8, name);
    put_bytes(tensor, 9, values, (gsize)n * (type == VIGIL_ONNX_INT64 ? 8 : 4));
    put_message(self->graph, 5, tensor);
}

void
vigil_onnx_writer_external(VigilOnnxWriter *self, const gchar *name, const gchar *path, guint n)
{
    GByteArray *tensor = g_byte_array_new(), *entry = g_byte_array_new();

    put_text(entry, 1, "location");
    put_text(entry, 2, path);
    put_number(tensor, 1, n);
    put_number(tensor, 2, VIGIL_ONNX_FLOAT);
    put_text(tensor, 8, name);
    put_message(tensor, 13, entry);
    put_number(tensor, 14, 1);
    put_message(self->graph, 5, tensor);
}

void
vigil_onnx_writer_node(VigilOnnxWriter *self, const gchar *op, const gchar *a, const gchar *b,
                       const gchar *output, const gchar *attribute, gint64 value)
{
    GByteArray *node = g_byte_array_new();

    put_text(node, 1, a);
    if (b)
        put_text(node, 1, b);
    put_text(node, 2, output);
    put_text(node, 4, op);
    if (attribute) {
        GByteArray *pair = g_byte_array_new();

        put_text(pair, 1, attribute);
        put_number(pair, 3, value);
        put_number(pair, 20, 2); /* an integer */
        put_message(node, 5, pair);
    }
    put_message(self->graph, 1, node);
}

void
vigil_onnx_writer_metadata(VigilOnnxWriter *self, const gchar *key, const gchar *value)
{
    GByteArray *pair = g_byte_array_new();

    put_text(pair, 1, key);
    put_text(pair, 2, value);
    put_message(self->metadata, 14, pair);
}

GBytes *
vigil_onnx_writer_finish(VigilOnnxWriter *self)
{
    GByteArray *model = g_byte_array_new(), *opset = g_byte_array_new();

    put_number(model, 1, 8);
    put_message(model, 7, self->graph);
    put_text(opset, 1, "");
    put_number(opset, 2, 13);
    put_message(model, 8, opset);
    g_byte_array_append(model, self->metadata->data, self->metadata->len);
    g_byte_array_unref(self->metadata);
    g_free(self);
    return g_byte_array_free_to_bytes(model);
}
