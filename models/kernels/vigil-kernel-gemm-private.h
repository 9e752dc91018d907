/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-fixed-private.h"
#include "models/kernels/vigil-kernel-private.h"

G_BEGIN_DECLS

/* Rows are computed in groups of 4, channels in groups of 2, k in whole vectors. */
#define VIGIL_GEMM_ROWS 4u
#define VIGIL_GEMM_CHANNELS 2u
#define VIGIL_GEMM_K 32u

/**
 * VigilGemm: rows times weights, requantized. What convolutions and fully connected layers come down to.
 * @k: values a row, before padding
 * @k_padded: @k rounded up to %VIGIL_GEMM_K; the padding of weights is 0, so that of rows may be anything
 * @n: output channels; @n_padded: rounded up to %VIGIL_GEMM_CHANNELS
 * @weight_bytes: set by the caller before vigil_gemm_init() where @weights are something else than below, else 0
 * @weights: int16 [n_padded][k_padded], zero point subtracted
 * @bias: int32 [n_padded]
 * @scale: fp32 [n_padded], input_scale * weight_scale[c] / output_scale
 * @undelegated: set by the caller before vigil_gemm_init(): TensorFlow Lite computes this operator itself in every graph,
 *   by vigil_fixed_multiply()
 * @fixed: (nullable): [n]: the same scales in fixed point, in graphs that TensorFlow Lite does not delegate
 * @zero_point: of the output; @lo, @hi: range of the result minus @zero_point
 */
typedef struct {
    guint k, k_padded;
    guint n, n_padded;
    gboolean undelegated;
    guint64 weight_bytes;
    gint16 *weights;
    gint32 *bias;
    gfloat *scale;
    VigilMultiplier *fixed;
    gint32 zero_point;
    gfloat lo, hi;
} VigilGemm;

/** vigil_gemm_pad: @k rounded up to %VIGIL_GEMM_K. */
static inline guint
vigil_gemm_pad(guint k)
{
    return (k + VIGIL_GEMM_K - 1) / VIGIL_GEMM_K * VIGIL_GEMM_K;
}

/**
 * vigil_gemm_init:
 * @self: (inout): k, k_padded and n are set by the caller
 * @channel_dim: dimension of the weights that output channels go along
 * @activation: fused, as in the schema
 *
 * Checks types and scales of inputs 0 (activations), 1 (weights, constant), 2 (bias, optional) and the
 * output, allocates weights, bias and scale as the node's packed memory and fills in bias and scale. The
 * weights stay zero for the caller to fill with vigil_gemm_weight().
 */
gboolean vigil_gemm_init(VigilGemm *self, VigilGraph *graph, VigilNode *node, gint32 channel_dim,
                         gint8 activation, GError **error);

/** vigil_gemm_weight: weight @i of the tensor in the order of the file, zero point subtracted. */
gint16 vigil_gemm_weight(const VigilTensor *weights, gsize i);

/**
 * vigil_gemm_run:
 * @rows: int16 [n_rows rounded up to VIGIL_GEMM_ROWS][k_padded], zero point subtracted
 * @acc: int32 [n_rows rounded up][n_padded], working memory
 * @out: 8-bit [n_rows][n]
 *
 * Equals, with sums modulo 2^32:
 *
 *     for r < n_rows, c < n:
 *         sum = bias[c]
 *         for i < k: sum += rows[r][i] * weights[c][i]
 *         out[r][c] = clamp(rne(sum * scale[c]), lo, hi) + zero_point
 *
 * or, where @fixed is given, clamp(vigil_fixed_multiply_upwards(sum, fixed[c]), lo, hi) + zero_point;
 * vigil_fixed_multiply() if @undelegated.
 *
 * Source: XNNPACK's qs8-qc8w GEMM with fp32 requantization
 */
void
vigil_gemm_run(const VigilGemm *self, const gint16 *rows, guint n_rows, gint32 *acc, guint8 *out);

/** vigil_gemm_widen: @n 8-bit values minus @zero_point as int16. */
void
vigil_gemm_widen(const guint8 *in, gboolean is_signed, gint32 zero_point, gsize n, gint16 *out);

/** vigil_gemm_requantize: one row of n sums, bias included, to 8 bits. */
void vigil_gemm_requantize(const VigilGemm *self, const gint32 *acc, guint8 *out);

/** vigil_gemm_requantize_depthwise: the same, but @fixed is vigil_fixed_multiply(), whose second rounding takes ties away from zero. */
void vigil_gemm_requantize_depthwise(const VigilGemm *self, const gint32 *acc, guint8 *out);

G_END_DECLS
