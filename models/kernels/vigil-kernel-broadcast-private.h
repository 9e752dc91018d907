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
 * @spread: the input that lies in the packed memory of the node, again and again for @period bytes, or -1; there is one line then
 */
typedef struct {
    guint n_outer;
    gsize outer[VIGIL_MAX_DIMS];
    gsize a_step[VIGIL_MAX_DIMS], b_step[VIGIL_MAX_DIMS];
    gsize line;
    guint a_line, b_line;
    gint spread;
    gsize period;
} VigilBroadcast;

/** vigil_broadcast_init: checks the shapes of inputs 0 and 1 and sets that of output 0. */
gboolean
vigil_broadcast_init(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, GError **error);

/**
 * vigil_broadcast_spread: where lines are short since constant 8-bit input 0 or 1 is repeated, puts it into @node's packed memory
 * often enough, unless that were too much, so that there is one line. After vigil_broadcast_init().
 */
gboolean
vigil_broadcast_spread(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, GError **error);

/**
 * VigilBroadcastLine: computes out[i] from a[i * a_step] and b[i * b_step], i < n, in elements.
 */
typedef void (*VigilBroadcastLine)(const void *params, const void *a, guint a_step, const void *b,
                                   guint b_step, void *out, gsize n);

/**
 * vigil_broadcast_chunk: what a node of one line does in chunk @chunk, see vigil_kernel_set_bytewise(); elements have one byte.
 */
void vigil_broadcast_chunk(const VigilBroadcast *self, const VigilNode *node, const VigilRun *run,
                           guint chunk, VigilBroadcastLine line, const void *params);

/** vigil_broadcast_run: calls @line for each line; @element is the size of an element of all three. Nothing is spread. */
void vigil_broadcast_run(const VigilBroadcast *self, const void *a, const void *b, void *out,
                         gsize element, VigilBroadcastLine line, const void *params);

G_END_DECLS
