/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * vigil_normalize_graph:
 *
 * Stores INT8 tensors as UINT8, with every value and the zero point 128 higher, where the graph's table of kernels
 * multiplies unsigned activations; or the other way round. Real values stay what they are, and the rounding of the
 * operators concerned does not depend on where zero lies. The graph's inputs, outputs and constants stay as they are,
 * and what operators touch whose rounding goes by the sign of q, or that were not looked at.
 *
 * Called after reading, before any operator is prepared.
 */
void vigil_normalize_graph(VigilGraph *graph);

/** vigil_normalize_undo: @self as the file has it, by value; for rules that go by the file's q. */
VigilTensor vigil_normalize_undo(const VigilTensor *self);

G_END_DECLS
