/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-isa-private.h"
#include "models/kernels/vigil-kernel-gemm-private.h"

G_BEGIN_DECLS

/* Rows of activations multiplied at a time: whole blocks of every table's kernels. */
#define VIGIL_PACKED_ROWS 48u

/**
 * VigilPacked: the weights of a convolution or fully connected layer, packed for the inner kernels of one table.
 * @isa: one with a gemm
 * @runs: pieces a row of activations consists of; @run: activations a piece; @k: @run rounded up to the table's k_group
 * @in_zero_point: of the input, in the table's sign; @in_flip: 0x80 where the input has the other one, else 0
 * @weight_zero_point: of the 8-bit weights as they are packed; where it is not 0 the sums of rows are needed
 */
typedef struct {
    const VigilIsa *isa;
    guint runs, run, k;
    VigilRequant requant;
    gint32 in_zero_point;
    guint8 in_flip;
    gint32 weight_zero_point;
    guint n_panels;
    const VigilPanel *panels;
} VigilPacked;

/**
 * vigil_packed_fits: whether the tables' kernels may requantize for this node: that the scale of every channel is less
 * than 1, so that no sum leaves 32 bits. Types and scales were checked.
 */
gboolean vigil_packed_fits(const VigilGraph *graph, const VigilNode *node);

/**
 * vigil_packed_choose: @isa, or its table of narrow products where that is faster with @weights, which need not have been
 * checked, for @n channels in @runs pieces of @run.
 */
const VigilIsa *vigil_packed_choose(const VigilIsa *isa, const VigilTensor *weights, guint n,
                                    guint runs, guint run);

/** vigil_packed_plan: sets @isa, @runs, @run and @k; returns the bytes of packed memory for @n output channels. */
guint64 vigil_packed_plan(VigilPacked *self, const VigilIsa *isa, guint n, guint runs, guint run);

/** vigil_packed_fill: packs input 1 of @node and the constants in @gemm into @gemm->weights. */
void vigil_packed_fill(VigilPacked *self, const VigilGemm *gemm, const VigilGraph *graph,
                       const VigilNode *node);

/** vigil_packed_requant: the rule and the output's range, in the table's sign. */
VigilRequant vigil_packed_requant(const VigilIsa *isa, const VigilGemm *gemm,
                                  const VigilTensor *out, gboolean depthwise);

/** vigil_packed_zero_point: of @tensor in the table's sign; @flip: (out): 0x80 where it has the other one, else 0. */
gint32 vigil_packed_zero_point(const VigilIsa *isa, const VigilTensor *tensor, guint8 *flip);

/**
 * vigil_packed_run: multiplies @n rows (at most VIGIL_PACKED_ROWS) by panels @panel to @end_panel - 1.
 * @rows: [runs][VIGIL_PACKED_ROWS] where the pieces begin, in the table's row format
 * @sums: room for VIGIL_PACKED_ROWS numbers
 * @out: first channel of the first row
 */
void vigil_packed_run(const VigilPacked *self, const guint8 *const *rows, guint n, guint panel,
                      guint end_panel, gint32 *sums, guint8 *out, gsize out_stride);

/** vigil_packed_lookup: puts what vigil_packed_run() wrote through @table. */
void vigil_packed_lookup(const VigilPacked *self, const guint8 *table, guint panel, guint end_panel,
                         guint8 *out, guint n, gsize out_stride);

G_END_DECLS
