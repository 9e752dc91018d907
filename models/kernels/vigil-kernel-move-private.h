/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-graph-private.h"

G_BEGIN_DECLS

/* Bytes from one place to another as they are; in plain C that compilers make vectors of on every processor. */

/**
 * vigil_move_lines:
 * @in_step, @out_step: bytes from line to line
 * @bytes: of a line, which are often so few that a call of memcpy() for each would take longer than the copying
 */
void vigil_move_lines(const guint8 *in, gssize in_step, guint8 *out, gsize out_step, gsize bytes,
                      gsize n_lines);

/** vigil_move_transposed: out[c * out_step + r] = in[r * in_step + c] for r < @rows, c < @columns */
void vigil_move_transposed(const guint8 *in, gsize in_step, gsize rows, gsize columns, guint8 *out,
                           gsize out_step);

/**
 * vigil_move_become_transpose: @node computes its TRANSPOSE by vigil_move_transposed() from now on.
 * @order: the input's dimension for each of the output's
 *
 * Returns: %FALSE, and nothing changed, where what it does is something else than to transpose matrices of bytes
 */
gboolean vigil_move_become_transpose(VigilNode *node, const VigilTensor *in, const gint32 *order);

G_END_DECLS
