/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-model.h"

G_BEGIN_DECLS

/**
 * VigilTfliteWriter:
 *
 * Writes small `.tflite` files: tensors, constants, quantization and operators of one subgraph, as
 * TensorFlow Lite itself reads them. For tests: nothing is checked, so that wrong models can be written too.
 */
typedef struct VigilTfliteWriter VigilTfliteWriter;

VigilTfliteWriter *vigil_tflite_writer_new(void);
void vigil_tflite_writer_free(VigilTfliteWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilTfliteWriter, vigil_tflite_writer_free)

/**
 * vigil_tflite_writer_tensor:
 * @data: (nullable): a constant's @bytes; copied
 * @scale: 0: no quantization
 *
 * Returns: the tensor's index
 */
gint vigil_tflite_writer_tensor(VigilTfliteWriter *self, VigilTensorType type, guint n_dims,
                                const gint32 *dims, const void *data, gsize bytes, gfloat scale,
                                gint32 zero_point);

/** vigil_tflite_writer_set_channels: @n scales along @dimension instead of one; zero points as given before. */
void vigil_tflite_writer_set_channels(VigilTfliteWriter *self, gint tensor, const gfloat *scales,
                                      guint n, gint32 dimension);

/** vigil_tflite_writer_ints: a constant of @n INT32 values in one dimension. */
gint vigil_tflite_writer_ints(VigilTfliteWriter *self, const gint32 *values, guint n);

/**
 * vigil_tflite_writer_operator: appends an operator; its options follow by the functions below.
 * @code: BuiltinOperator
 */
void vigil_tflite_writer_operator(VigilTfliteWriter *self, gint32 code, const gint32 *inputs,
                                  guint n_inputs, const gint32 *outputs, guint n_outputs);

/* Options of the operator appended last, by field number of its options table. */
void vigil_tflite_writer_option_i8(VigilTfliteWriter *self, guint field, gint8 value);
void vigil_tflite_writer_option_i32(VigilTfliteWriter *self, guint field, gint32 value);
void vigil_tflite_writer_option_float(VigilTfliteWriter *self, guint field, gfloat value);
void vigil_tflite_writer_option_ints(VigilTfliteWriter *self, guint field, const gint32 *values,
                                     guint n);

/** vigil_tflite_writer_custom: the operator appended last is custom: its name and options. */
void vigil_tflite_writer_custom(VigilTfliteWriter *self, const gchar *name, const void *options,
                                gsize bytes);

/** vigil_tflite_writer_interface: the graph's inputs and outputs. */
void vigil_tflite_writer_interface(VigilTfliteWriter *self, const gint32 *inputs, guint n_inputs,
                                   const gint32 *outputs, guint n_outputs);

/** vigil_tflite_writer_finish: Returns: (transfer full): the file. */
GBytes *vigil_tflite_writer_finish(VigilTfliteWriter *self);

G_END_DECLS
