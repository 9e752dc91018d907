/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-types.h"

/**
 * VigilTestTflite:
 *
 * Writes tiny `.tflite` files: a subgraph of a few tensors and operators.
 */
typedef struct VigilTestTflite VigilTestTflite;

/** VigilTestField: a field of an operator's options; in the schema's numbering. */
typedef struct {
    guint field;
    enum {
        VIGIL_TEST_I8, /* also booleans and enumerations */
        VIGIL_TEST_I32,
        VIGIL_TEST_F32,
    } kind;
    gdouble value;
} VigilTestField;

/** VigilTestTensor: what vigil_test_tflite_tensor() takes. */
typedef struct {
    gint type; /* TensorType of the schema: 0 FLOAT32, 2 INT32, 3 UINT8, 4 INT64, 9 INT8 */
    guint n_dims;
    gint32 dims[6];
    gfloat scale; /* 0: none */
    gint64 zero_point;
    const gfloat *scales; /* per channel, beside @scale == 0 */
    guint n_scales;
    gint32 channel_dim;
    gconstpointer data; /* of a constant */
    gsize bytes;
} VigilTestTensor;

VigilTestTflite *vigil_test_tflite_new(void);

/** vigil_test_tflite_tensor: Returns: its index. @tensor and its data are copied. */
gint32 vigil_test_tflite_tensor(VigilTestTflite *self, const VigilTestTensor *tensor);

/** vigil_test_tflite_ints: a constant INT32 vector. */
gint32 vigil_test_tflite_ints(VigilTestTflite *self, const gint32 *values, guint n);

/**
 * vigil_test_tflite_op:
 * @code: BuiltinOperator
 * @custom: (nullable): name, with @code 32
 * @custom_options: (nullable)
 * @options_type: BuiltinOptions, 0: none
 */
void vigil_test_tflite_op(VigilTestTflite *self, gint32 code, gint32 version, const gint32 *inputs,
                          guint n_inputs, const gint32 *outputs, guint n_outputs,
                          guint8 options_type, const VigilTestField *fields, guint n_fields);
void vigil_test_tflite_custom(VigilTestTflite *self, const gchar *name, GBytes *options,
                              const gint32 *inputs, guint n_inputs, const gint32 *outputs,
                              guint n_outputs);

/** vigil_test_tflite_finish: Returns: (transfer full): the file; @self is freed. */
GBytes *vigil_test_tflite_finish(VigilTestTflite *self, const gint32 *inputs, guint n_inputs,
                                 const gint32 *outputs, guint n_outputs);
