/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Element types, with ONNX's numbers. */
enum {
    VIGIL_ONNX_FLOAT = 1,
    VIGIL_ONNX_INT64 = 7,
    VIGIL_ONNX_DOUBLE = 11,
};

/**
 * VigilOnnxWriter:
 *
 * Writes an ONNX file piece by piece (onnx.proto, IR version 8, operators of version 13).
 */
typedef struct VigilOnnxWriter VigilOnnxWriter;

VigilOnnxWriter *vigil_onnx_writer_new(void);

/** vigil_onnx_writer_input: an input of the graph; a dimension below 0 is open. */
void vigil_onnx_writer_input(VigilOnnxWriter *self, const gchar *name, guint type, guint n_dims,
                             const gint64 *dims);
/** vigil_onnx_writer_output: the same for an output; @n_dims 0: it says nothing of its shape. */
void vigil_onnx_writer_output(VigilOnnxWriter *self, const gchar *name, guint type, guint n_dims,
                              const gint64 *dims);
/** vigil_onnx_writer_constant: one dimension of @n elements, float or int64 as @type says. */
void vigil_onnx_writer_constant(VigilOnnxWriter *self, const gchar *name, guint type,
                                gconstpointer values, guint n);
/** vigil_onnx_writer_external: a constant of @n floats that lies in another file. */
void
vigil_onnx_writer_external(VigilOnnxWriter *self, const gchar *name, const gchar *path, guint n);
/** vigil_onnx_writer_node: @b: (nullable); @attribute: (nullable): name of an integer attribute with @value */
void vigil_onnx_writer_node(VigilOnnxWriter *self, const gchar *op, const gchar *a, const gchar *b,
                            const gchar *output, const gchar *attribute, gint64 value);

/** vigil_onnx_writer_metadata: a key of the model's metadata. */
void vigil_onnx_writer_metadata(VigilOnnxWriter *self, const gchar *key, const gchar *value);

/** vigil_onnx_writer_finish: Returns: (transfer full): the file; the writer is gone */
GBytes *vigil_onnx_writer_finish(VigilOnnxWriter *self);

G_END_DECLS
