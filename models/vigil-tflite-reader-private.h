/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * VigilTfliteReader: what the parts of the reader share while a file is read.
 * @codes: the model's operator codes
 * @buffers: the model's buffers
 */
typedef struct {
    VigilGraph *graph;
    VigilFbVector codes, buffers;
    GError **error;
} VigilTfliteReader;

/** vigil_tflite_fail: Returns: %FALSE, with the sentence @format after the model's name. */
gboolean vigil_tflite_fail(const VigilTfliteReader *self, VigilModelError code, const gchar *format,
                           ...) G_GNUC_PRINTF(3, 4);

/** vigil_tflite_check_intact: whether everything read so far lay in the file. */
gboolean vigil_tflite_check_intact(const VigilTfliteReader *self);

/**
 * vigil_tflite_read_tensor: name, type, shape, quantization and, where it is one, the constant.
 * @tensor: (out): zeroed by the caller
 */
gboolean vigil_tflite_read_tensor(const VigilTfliteReader *self, VigilTensor *tensor,
                                  const VigilFbTable *table);

G_END_DECLS
