/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * vigil_fold_node:
 *
 * Runs a prepared node whose inputs are all constant, once, and makes its outputs constants. What
 * is left to run time: nodes that read something computed, that multiply and accumulate or need working
 * memory, or whose outputs are larger than 1 MiB. Shape arithmetic is none of that, and a hostile file
 * could make loading take as long as it likes.
 */
void vigil_fold_node(VigilGraph *graph, VigilNode *node);

/**
 * vigil_fold_set_constant: output 0 of @node, whose shape is set, becomes the constant @data (copied,
 * the tensor's bytes long). For operators whose result depends on shapes alone.
 */
void vigil_fold_set_constant(VigilGraph *graph, VigilNode *node, const void *data);

G_END_DECLS
