/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/**
 * vigil_optimise_graph:
 *
 * Rewrites prepared operators into fewer that give the same bytes:
 *   - a function of one byte and what is computed of its result and its own input (x * logistic(x)) into one table;
 *   - what is computed of bytes and of a constant that is the same everywhere into a table;
 *   - tables of tables into one;
 *   - a table that alone reads a convolution's output into the convolution, while the output is still in the cache;
 *   - what a concatenation puts into one piece is computed where it belongs;
 *   - away with what nobody reads any more.
 *
 * Called between preparing and planning, unless the environment variable VIGIL_OPTIMISE is 0. PAD goes into
 * convolutions earlier, see vigil_window_absorb_pad(), and a TRANSPOSE of a TRANSPOSE becomes one or none where it is
 * prepared.
 */
void vigil_optimise_graph(VigilGraph *graph);

G_END_DECLS
