/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-gemm-private.h"

/*
 * TRANSPOSE_CONV, NHWC, weights [out_c][k_h][k_w][in_c]: the gradient of a convolution. Tap (ky, kx) of output (y, x)
 * is input ((y + pad_y - ky) / stride_y, (x + pad_x - kx) / stride_x) where both divide without rest:
 *
 *     sum = bias[c] + over such ky, kx, i: (in[…][i] - in_zero_point) * (w[c][ky][kx][i] - w_zero_point)
 *     out[y][x][c] = requantize(sum, scale[c])
 *
 * The padding is that of the convolution from the output's size to the input's. Requantized in fixed point: the
 * operator is not among those of the XNNPACK delegate of TensorFlow Lite 2.9.
 */

#define STRIP_BYTES 24576u
#define MAX_STRIP 64u

typedef struct {
    VigilGemm gemm;
    gint32 batch, in_h, in_w, in_c, out_h, out_w, k_h, k_w;
    gint32 stride_y, stride_x, pad_y, pad_x;
    guint strip;
    gboolean is_signed;
    gint32 zero_point;
    gsize acc_offset;
} TransposeConv;

/* The file's order is shape, weights, activations, bias; the shape is constant and the rest goes to where
 * vigil_gemm_init() looks for it. */
static gboolean
sort_inputs(VigilGraph *graph, VigilNode *node, gint32 shape[4], GError **error)
{
    const gboolean has_bias = vigil_node_input(graph, node, 3) != NULL;
    guint n;

    if (!vigil_node_const_ints(graph, node, 0, shape, 4, &n, error))
        return FALSE;
    if (n != 4)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the output's shape must have 4 dimensions");
    node->inputs[0] = node->inputs[2];
    if (has_bias)
        node->inputs[2] = node->inputs[3];
    node->n_inputs = has_bias ? 3 : 2;
    return TRUE;
}

/* Padding before the first of @size places that windows of @taps step over. */
static gint32
padding_before(gint32 size, gint32 taps, gint32 stride, gboolean same)
{
    const gint32 steps = same ? (size + stride - 1) / stride : (size + stride - taps) / stride;

    return MAX((steps - 1) * stride + taps - size, 0) / 2;
}

static gboolean
init_window(TransposeConv *self, VigilGraph *graph, VigilNode *node, const gint32 shape[4],
            GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0),
                      *weights = vigil_node_input(graph, node, 1);
    const gint8 padding = vigil_fb_i8(&node->options, 0, 0);
    const gint32 most = 1 << 20;

    self->stride_x = vigil_fb_i32(&node->options, 1, 0);
    self->stride_y = vigil_fb_i32(&node->options, 2, 0);
    if (in->n_dims != 4 || weights->n_dims != 4 || in->count == 0 || weights->count == 0 ||
        weights->dims[3] != in->dims[3] || weights->dims[0] != shape[3] || shape[0] != in->dims[0])
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "input, weights and output shape do not fit each other");
    if (self->stride_x < 1 || self->stride_y < 1 || self->stride_x > most ||
        self->stride_y > most || padding < 0 || padding > 1 || shape[1] < 1 || shape[2] < 1 ||
        shape[1] > most || shape[2] > most)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "strides %dx%d, padding %d or the output shape make no sense",
                               self->stride_y, self->stride_x, padding);
    self->batch = in->dims[0];
    self->in_h = in->dims[1];
    self->in_w = in->dims[2];
    self->in_c = in->dims[3];
    self->k_h = weights->dims[1];
    self->k_w = weights->dims[2];
    self->out_h = shape[1];
    self->out_w = shape[2];
    self->pad_y = padding_before(self->out_h, self->k_h, self->stride_y, padding == 0);
    self->pad_x = padding_before(self->out_w, self->k_w, self->stride_x, padding == 0);
    return vigil_node_set_output(graph, node, 0, 4, shape, error);
}

static gboolean
transpose_conv_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    TransposeConv *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *weights;
    gint32 shape[4];

    if (!vigil_node_check_arity(graph, node, 3, 4, 1, error) ||
        !sort_inputs(graph, node, shape, error) ||
        !vigil_node_check_quantized_io(graph, node, error) ||
        !init_window(self, graph, node, shape, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    weights = vigil_node_input(graph, node, 1);
    self->gemm.undelegated = TRUE;
    self->gemm.n = (guint)weights->dims[0];
    self->gemm.k = (guint)(weights->count / self->gemm.n);
    self->gemm.k_padded = vigil_gemm_pad(self->gemm.k);
    if (!vigil_gemm_init(&self->gemm, graph, node, 0, vigil_fb_i8(&node->options, 3, 0), error))
        return FALSE;
    for (guint c = 0; c < self->gemm.n; c++) {
        for (guint i = 0; i < self->gemm.k; i++)
            self->gemm.weights[(gsize)c * self->gemm.k_padded + i] =
                vigil_gemm_weight(weights, (gsize)c * self->gemm.k + i);
    }
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->zero_point = in->zero_point;
    self->strip = CLAMP(STRIP_BYTES / (2 * self->gemm.k_padded), VIGIL_GEMM_ROWS, MAX_STRIP) /
                  VIGIL_GEMM_ROWS * VIGIL_GEMM_ROWS;
    self->acc_offset = (gsize)self->strip * self->gemm.k_padded * sizeof(gint16);
    node->scratch_bytes =
        self->acc_offset + (gsize)self->strip * self->gemm.n_padded * sizeof(gint32);
    /* Many an output that no input feeds is multiplied all the same. */
    node->work = (guint64)vigil_node_output(graph, node, 0)->count * self->gemm.k_padded;
    node->macs = (guint64)in->count * self->gemm.n * (guint)self->k_h * (guint)self->k_w;
    return TRUE;
}

/* The taps of one output pixel as a row of int16; those that no input feeds are 0. */
static void
fill_row(const TransposeConv *self, const guint8 *image, gint32 y, gint32 x, gint16 *row)
{
    memset(row, 0, self->gemm.k * sizeof *row);
    for (gint32 ky = 0; ky < self->k_h; ky++) {
        const gint32 from_y = y + self->pad_y - ky;

        if (from_y < 0 || from_y % self->stride_y != 0 || from_y / self->stride_y >= self->in_h)
            continue;
        for (gint32 kx = 0; kx < self->k_w; kx++) {
            const gint32 from_x = x + self->pad_x - kx;
            const gsize tap = (gsize)ky * (gsize)self->k_w + (gsize)kx;

            if (from_x < 0 || from_x % self->stride_x != 0 || from_x / self->stride_x >= self->in_w)
                continue;
            vigil_gemm_widen(image + ((gsize)(from_y / self->stride_y) * (gsize)self->in_w +
                                      (gsize)(from_x / self->stride_x)) *
                                         (gsize)self->in_c,
                             self->is_signed, self->zero_point, (gsize)self->in_c,
                             row + tap * (gsize)self->in_c);
        }
    }
}

static void
transpose_conv_run(const VigilNode *node, const VigilRun *run)
{
    const TransposeConv *self = node->params;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint16 *rows = vigil_run_scratch(run, node);
    gint32 *acc = (gint32 *)(void *)((guint8 *)rows + self->acc_offset);
    const guint width = (guint)self->out_w, pixels = (guint)self->out_h * width;

    for (gint32 b = 0; b < self->batch; b++) {
        for (guint first = 0; first < pixels; first += self->strip) {
            const guint n = MIN(self->strip, pixels - first);

            for (guint i = 0; i < n; i++)
                fill_row(self, in, (gint32)((first + i) / width), (gint32)((first + i) % width),
                         rows + (gsize)i * self->gemm.k_padded);
            vigil_gemm_run(&self->gemm, rows, n, acc, out);
            out += (gsize)n * self->gemm.n;
        }
        in += (gsize)self->in_h * (gsize)self->in_w * (gsize)self->in_c;
    }
}

const VigilOp vigil_ops_transpose_conv[] = {
    {67, NULL, "TRANSPOSE_CONV", transpose_conv_prepare, transpose_conv_run},
    {0},
};
