/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-conv-packed-private.h"
#include "models/kernels/vigil-kernel-gemm-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

/*
 * CONV_2D, NHWC, weights [out_c][k_h][k_w][in_c]:
 *
 *     for each image, y, x, c:
 *         sum = bias[c] + over ky, kx, i: (in[tap(ky, kx)][i] - in_zero_point) * (w[c][ky][kx][i] - w_zero_point)
 *         out[y][x][c] = requantize(sum, scale[c])
 *
 * where taps in the padding contribute nothing. Here a strip of output pixels is laid out as rows of
 * int16 (im2row) and multiplied by the packed weights.
 */

/* Rows of a strip: as many as keep it in a level-1 cache. */
#define STRIP_BYTES 24576u
#define MAX_STRIP 64u

typedef struct {
    VigilWindow window;
    VigilGemm gemm;
    guint strip;
    gboolean is_signed;
    gint32 zero_point;
    gsize acc_offset;
} Conv;

static gboolean
conv_init_window(Conv *self, const VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);

    if (weights->n_dims != 4 || weights->count == 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the weights must have 4 dimensions and not be empty");
    self->window = (VigilWindow){
        .k_h = weights->dims[1],
        .k_w = weights->dims[2],
        .stride_x = vigil_fb_i32(&node->options, 1, 0),
        .stride_y = vigil_fb_i32(&node->options, 2, 0),
        .dilation_x = vigil_fb_i32(&node->options, 4, 1),
        .dilation_y = vigil_fb_i32(&node->options, 5, 1),
    };
    if (!vigil_window_init(&self->window, graph, node, in, vigil_fb_i8(&node->options, 0, 0),
                           error))
        return FALSE;
    if (weights->dims[3] != in->dims[3])
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "weights for %d channels on an input of %d: grouped convolution is "
                               "not supported",
                               weights->dims[3], in->dims[3]);
    vigil_window_absorb_pad(&self->window, graph, node);
    return TRUE;
}

static void
conv_pack(const VigilGemm *gemm, const VigilTensor *weights)
{
    for (guint c = 0; c < gemm->n; c++)
        for (guint i = 0; i < gemm->k; i++)
            gemm->weights[(gsize)c * gemm->k_padded + i] =
                vigil_gemm_weight(weights, (gsize)c * gemm->k + i);
}

static gboolean
conv_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Conv *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *weights;

    if (!vigil_node_check_arity(graph, node, 2, 3, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error) ||
        !conv_init_window(self, graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    weights = vigil_node_input(graph, node, 1);
    const VigilWindow *window = &self->window;
    const gint32 dims[] = {window->batch, window->out_h, window->out_w, weights->dims[0]};

    self->gemm.n = (guint)weights->dims[0];
    self->gemm.k = (guint)(weights->count / self->gemm.n);
    self->gemm.k_padded = vigil_gemm_pad(self->gemm.k);
    const gint8 activation = vigil_fb_i8(&node->options, 3, 0);
    gboolean done;

    if (!vigil_node_set_output(graph, node, 0, 4, dims, error))
        return FALSE;
    node->macs = (guint64)vigil_node_output(graph, node, 0)->count * self->gemm.k;
    if (!vigil_conv_packed_prepare(graph, node, window, &self->gemm, activation, &done, error))
        return FALSE;
    if (done)
        return TRUE;
    if (!vigil_gemm_init(&self->gemm, graph, node, 0, activation, error))
        return FALSE;
    conv_pack(&self->gemm, weights);
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->zero_point = in->zero_point;
    self->strip = CLAMP(STRIP_BYTES / (2 * self->gemm.k_padded), VIGIL_GEMM_ROWS, MAX_STRIP) /
                  VIGIL_GEMM_ROWS * VIGIL_GEMM_ROWS;
    self->acc_offset = (gsize)self->strip * self->gemm.k_padded * sizeof(gint16);
    node->scratch_bytes =
        self->acc_offset + (gsize)self->strip * self->gemm.n_padded * sizeof(gint32);
    return TRUE;
}

/* The taps of one output pixel as a row of int16; those outside the image are 0. */
static void
fill_row(const Conv *self, const guint8 *image, gint32 y, gint32 x, gint16 *row)
{
    const VigilWindow *window = &self->window;
    const gint32 in_y = y * window->stride_y - window->pad_y;
    const gint32 in_x = x * window->stride_x - window->pad_x;
    const gsize c = (gsize)window->in_c;
    gint32 ky0, ky1, kx0, kx1;

    vigil_window_taps(in_y, window->dilation_y, window->k_h, window->in_h, &ky0, &ky1);
    vigil_window_taps(in_x, window->dilation_x, window->k_w, window->in_w, &kx0, &kx1);
    if (ky0 > 0 || kx0 > 0 || ky1 < window->k_h || kx1 < window->k_w)
        memset(row, 0, self->gemm.k * sizeof *row);
    for (gint32 ky = ky0; ky < ky1; ky++) {
        const gsize line = (gsize)(in_y + ky * window->dilation_y) * (gsize)window->in_w;
        /* Without dilation the taps of a line lie side by side. */
        const gint32 step = window->dilation_x == 1 ? kx1 - kx0 : 1;

        for (gint32 kx = kx0; kx < kx1; kx += step) {
            const gsize from = (line + (gsize)(in_x + kx * window->dilation_x)) * c;
            const gsize to = (gsize)(ky * window->k_w + kx) * c;

            vigil_gemm_widen(image + from, self->is_signed, self->zero_point, (gsize)step * c,
                             row + to);
        }
    }
}

static void
conv_run(const VigilNode *node, const VigilRun *run)
{
    const Conv *self = node->params;
    const VigilWindow *window = &self->window;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint16 *rows = vigil_run_scratch(run, node);
    gint32 *acc = (gint32 *)(void *)((guint8 *)rows + self->acc_offset);
    const guint pixels = (guint)window->out_h * (guint)window->out_w;

    for (gint32 b = 0; b < window->batch; b++) {
        for (guint first = 0; first < pixels; first += self->strip) {
            const guint n = MIN(self->strip, pixels - first);

            for (guint i = 0; i < n; i++)
                fill_row(self, in, (gint32)((first + i) / (guint)window->out_w),
                         (gint32)((first + i) % (guint)window->out_w),
                         rows + (gsize)i * self->gemm.k_padded);
            vigil_gemm_run(&self->gemm, rows, n, acc, out);
            out += (gsize)n * self->gemm.n;
        }
        in += (gsize)window->in_h * (gsize)window->in_w * (gsize)window->in_c;
    }
}

typedef struct {
    VigilGemm gemm;
    guint batch;
    gboolean is_signed;
    gint32 zero_point;
    gsize acc_offset;
} FullyConnected;

/*
 * FULLY_CONNECTED: input of batch * k values, weights [n][k]:
 * out[b][c] = requantize(bias[c] + sum over i: (in[b][i] - zero_point) * (w[c][i] - w_zero_point))
 */
static gboolean
fc_set_output(VigilGraph *graph, VigilNode *node, const FullyConnected *self, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    gint32 dims[VIGIL_MAX_DIMS] = {(gint32)self->batch, (gint32)self->gemm.n};

    if (vigil_fb_i8(&node->options, 2, 0) == 0)
        return vigil_node_set_output(graph, node, 0, 2, dims, error);
    if (in->n_dims == 0 || in->dims[in->n_dims - 1] != (gint32)self->gemm.k)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the last dimension of the input must be %u to keep the others",
                               self->gemm.k);
    memcpy(dims, in->dims, sizeof dims);
    dims[in->n_dims - 1] = (gint32)self->gemm.n;
    return vigil_node_set_output(graph, node, 0, in->n_dims, dims, error);
}

static gboolean
fc_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    FullyConnected *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *weights;

    if (!vigil_node_check_arity(graph, node, 2, 3, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    weights = vigil_node_input(graph, node, 1);
    if (weights->n_dims != 2 || weights->count == 0 || in->count == 0 ||
        in->count % (guint)weights->dims[1] != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the weights must have 2 dimensions and fit the input");
    if (vigil_fb_i8(&node->options, 1, 0) != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "shuffled weights are not supported");
    self->gemm.n = (guint)weights->dims[0];
    self->gemm.k = (guint)weights->dims[1];
    self->gemm.k_padded = vigil_gemm_pad(self->gemm.k);
    self->batch = (guint)(in->count / self->gemm.k);
    const gint8 activation = vigil_fb_i8(&node->options, 0, 0);
    gboolean done;

    node->macs = (guint64)in->count * self->gemm.n;
    if (!fc_set_output(graph, node, self, error) ||
        !vigil_conv_packed_prepare(graph, node, NULL, &self->gemm, activation, &done, error))
        return FALSE;
    if (done)
        return TRUE;
    if (!vigil_gemm_init(&self->gemm, graph, node, 0, activation, error))
        return FALSE;
    conv_pack(&self->gemm, weights);
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->zero_point = in->zero_point;
    self->acc_offset = VIGIL_GEMM_ROWS * self->gemm.k_padded * sizeof(gint16);
    node->scratch_bytes = self->acc_offset + VIGIL_GEMM_ROWS * self->gemm.n_padded * sizeof(gint32);
    return TRUE;
}

static void
fc_run(const VigilNode *node, const VigilRun *run)
{
    const FullyConnected *self = node->params;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint16 *rows = vigil_run_scratch(run, node);
    gint32 *acc = (gint32 *)(void *)((guint8 *)rows + self->acc_offset);

    for (guint first = 0; first < self->batch; first += VIGIL_GEMM_ROWS) {
        const guint n = MIN(VIGIL_GEMM_ROWS, self->batch - first);

        for (guint i = 0; i < n; i++)
            vigil_gemm_widen(in + (gsize)(first + i) * self->gemm.k, self->is_signed,
                             self->zero_point, self->gemm.k, rows + (gsize)i * self->gemm.k_padded);
        vigil_gemm_run(&self->gemm, rows, n, acc, out + (gsize)first * self->gemm.n);
    }
}

const VigilOp vigil_ops_conv[] = {
    {3, NULL, "CONV_2D", conv_prepare, conv_run},
    {9, NULL, "FULLY_CONNECTED", fc_prepare, fc_run},
    {0},
};
