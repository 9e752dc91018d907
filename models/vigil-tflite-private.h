/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * vigil_tflite_read:
 * @graph: (out): zeroed by the caller; on failure holds what vigil_graph_clear() frees
 * @file: a `.tflite` file; a reference is kept
 * @name: for messages
 *
 * Reads one subgraph of schema version 3: tensors with their constants and quantization, nodes with
 * checked indices in an order in which everything is computed before it is used, each tensor by one
 * node. What operators do is not looked at.
 *
 * Errors: %VIGIL_MODEL_ERROR
 * Source: tensorflow/lite/schema/schema.fbs; checked by tests/models/test-tflite.c
 */
gboolean vigil_tflite_read(VigilGraph *graph, GBytes *file, const gchar *name, GError **error);

G_END_DECLS
