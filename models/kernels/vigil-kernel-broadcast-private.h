/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-private.h"

G_BEGIN_DECLS

/**
 * VigilBroadcast: two operands of broadcast-compatible shapes, walked line by line.
 * @n_outer: loop dimensions outside the line; @outer: their sizes
 * @a_step, @b_step: elements that the operand advances by a step of that loop; 0 where it is repeated
 * @line: elements of the innermost loop, contiguous in the output
 * @a_line, @b_line: 1, or 0 where the operand is one element for the whole line
 */
typedef struct {
    guint n_outer;
    gsize outer[VIGIL_MAX_DIMS];
    gsize a_step[VIGIL_MAX_DIMS], b_step[VIGIL_MAX_DIMS];
    gsize line;
    guint a_line, b_line;
} VigilBroadcast;

/** vigil_broadcast_init: checks the shapes of inputs 0 and 1 and sets that of output 0. */
gboolean
vigil_broadcast_init(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, GError **error);

/**
 * vigil_broadcast_spread: where lines are short since constant 8-bit input 0 or 1 is repeated, puts the whole of it into
 * @node's packed memory, unless that were too large, so that there is one line. After vigil_broadcast_init().
 * @spread: (out): the input that was, or -1
 */
gboolean vigil_broadcast_spread(VigilBroadcast *self, VigilGraph *graph, VigilNode *node,
                                gint *spread, GError **error);

/**
 * VigilBroadcastLine: computes out[i] from a[i * a_step] and b[i * b_step], i < n, in elements.
 */
typedef void (*VigilBroadcastLine)(const void *params, const void *a, guint a_step, const void *b,
                                   guint b_step, void *out, gsize n);

/** vigil_broadcast_run: calls @line for each line; @element is the size of an element of all three. */
void vigil_broadcast_run(const VigilBroadcast *self, const void *a, const void *b, void *out,
                         gsize element, VigilBroadcastLine line, const void *params);

G_END_DECLS
