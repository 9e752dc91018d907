/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-depthwise-packed-private.h"
#include "models/kernels/vigil-kernel-gemm-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

/*
 * DEPTHWISE_CONV_2D, NHWC, weights [1][k_h][k_w][out_c], out_c = in_c * multiplier:
 *
 *     for each image, y, x, c:
 *         sum = bias[c] + over ky, kx: (in[tap(ky, kx)][c / multiplier] - in_zero_point) * (w[ky][kx][c] - w_zero_point)
 *         out[y][x][c] = requantize(sum, scale[c])
 *
 * The loop over channels is the inner one. Taps in the padding read a line of zero points. VigilGemm
 * holds the constants; its weights are laid out [k_h * k_w][n_padded] here.
 */
#define GROUP 9

typedef struct {
    VigilWindow window;
    VigilGemm gemm;
    guint taps, multiplier;
    gboolean is_signed;
    gint32 zero_point;
    gsize acc_offset;
} Depthwise;

static gboolean
depthwise_init_window(Depthwise *self, const VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);

    if (weights->n_dims != 4 || weights->dims[0] != 1 || weights->count == 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the weights must have 4 dimensions, the first of them 1");
    self->window = (VigilWindow){
        .k_h = weights->dims[1],
        .k_w = weights->dims[2],
        .stride_x = vigil_fb_i32(&node->options, 1, 0),
        .stride_y = vigil_fb_i32(&node->options, 2, 0),
        .dilation_x = vigil_fb_i32(&node->options, 5, 1),
        .dilation_y = vigil_fb_i32(&node->options, 6, 1),
    };
    if (!vigil_window_init(&self->window, graph, node, in, vigil_fb_i8(&node->options, 0, 0),
                           error))
        return FALSE;
    if (weights->dims[3] % in->dims[3] != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "%d output channels are no multiple of %d input channels",
                               weights->dims[3], in->dims[3]);
    self->multiplier = (guint)(weights->dims[3] / in->dims[3]);
    vigil_window_absorb_pad(&self->window, graph, node);
    return TRUE;
}

static gboolean
depthwise_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Depthwise *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *weights;

    if (!vigil_node_check_arity(graph, node, 2, 3, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error) ||
        !depthwise_init_window(self, graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    weights = vigil_node_input(graph, node, 1);
    const gint32 dims[] = {self->window.batch, self->window.out_h, self->window.out_w,
                           weights->dims[3]};

    self->gemm.n = (guint)weights->dims[3];
    self->taps = (guint)(weights->dims[1] * weights->dims[2]);
    self->gemm.k = self->gemm.k_padded = self->taps;
    const gint8 activation = vigil_fb_i8(&node->options, 4, 0);
    gboolean done = FALSE;

    if (!vigil_node_set_output(graph, node, 0, 4, dims, error))
        return FALSE;
    node->macs = (guint64)vigil_node_output(graph, node, 0)->count * self->taps;
    if (self->multiplier == 1 &&
        !vigil_depthwise_packed_prepare(graph, node, &self->window, &self->gemm, activation, &done,
                                        error))
        return FALSE;
    if (done)
        return TRUE;
    if (!vigil_gemm_init(&self->gemm, graph, node, 3, activation, error))
        return FALSE;
    for (guint t = 0; t < self->taps; t++)
        for (guint c = 0; c < self->gemm.n; c++)
            self->gemm.weights[(gsize)t * self->gemm.n_padded + c] =
                vigil_gemm_weight(weights, (gsize)t * self->gemm.n + c);
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->zero_point = in->zero_point;
    /* A line of zero points in the input's channels, then the sums of one pixel. */
    self->acc_offset = ((gsize)self->gemm.n + VIGIL_ALIGN - 1) / VIGIL_ALIGN * VIGIL_ALIGN;
    node->scratch_bytes = self->acc_offset + (gsize)self->gemm.n * sizeof(gint32);
    return TRUE;
}

/* Adds @taps[0..8] times the weights of nine taps; all sums of a channel stay in a register. */
#define DEFINE_ADD_NINE(NAME, TYPE)                                                              \
    VIGIL_CLONES static void NAME(const guint8 *const *taps, const gint16 *restrict w, guint n,  \
                                  guint stride, gint16 zp, gint32 *restrict acc)                 \
    {                                                                                            \
        const TYPE *restrict t0 = (const TYPE *)taps[0], *restrict t1 = (const TYPE *)taps[1];   \
        const TYPE *restrict t2 = (const TYPE *)taps[2], *restrict t3 = (const TYPE *)taps[3];   \
        const TYPE *restrict t4 = (const TYPE *)taps[4], *restrict t5 = (const TYPE *)taps[5];   \
        const TYPE *restrict t6 = (const TYPE *)taps[6], *restrict t7 = (const TYPE *)taps[7];   \
        const TYPE *restrict t8 = (const TYPE *)taps[8];                                         \
        const gint16 *w1 = w + stride, *w2 = w1 + stride, *w3 = w2 + stride, *w4 = w3 + stride;  \
        const gint16 *w5 = w4 + stride, *w6 = w5 + stride, *w7 = w6 + stride, *w8 = w7 + stride; \
                                                                                                 \
        for (guint c = 0; c < n; c++)                                                            \
            acc[c] +=                                                                            \
                (gint32)(gint16)(t0[c] - zp) * w[c] + (gint32)(gint16)(t1[c] - zp) * w1[c] +     \
                (gint32)(gint16)(t2[c] - zp) * w2[c] + (gint32)(gint16)(t3[c] - zp) * w3[c] +    \
                (gint32)(gint16)(t4[c] - zp) * w4[c] + (gint32)(gint16)(t5[c] - zp) * w5[c] +    \
                (gint32)(gint16)(t6[c] - zp) * w6[c] + (gint32)(gint16)(t7[c] - zp) * w7[c] +    \
                (gint32)(gint16)(t8[c] - zp) * w8[c];                                            \
    }

#define DEFINE_ADD_ONE(NAME, TYPE)                                                                 \
    VIGIL_CLONES static void NAME(const guint8 *tap, const gint16 *restrict w, guint n, gint16 zp, \
                                  gint32 *restrict acc)                                            \
    {                                                                                              \
        const TYPE *restrict t = (const TYPE *)tap;                                                \
                                                                                                   \
        for (guint c = 0; c < n; c++)                                                              \
            acc[c] += (gint32)(gint16)(t[c] - zp) * w[c];                                          \
    }

DEFINE_ADD_NINE(add_nine_unsigned, guint8)
DEFINE_ADD_NINE(add_nine_signed, gint8)
DEFINE_ADD_ONE(add_one_unsigned, guint8)
DEFINE_ADD_ONE(add_one_signed, gint8)

static void
add_taps(const Depthwise *self, const guint8 *const *taps, guint first, guint n, gint32 *acc)
{
    const gint16 *weights = self->gemm.weights + (gsize)first * self->gemm.n_padded;
    const gint16 zero_point = (gint16)self->zero_point;

    if (n == GROUP) {
        if (self->is_signed)
            add_nine_signed(taps, weights, self->gemm.n, self->gemm.n_padded, zero_point, acc);
        else
            add_nine_unsigned(taps, weights, self->gemm.n, self->gemm.n_padded, zero_point, acc);
        return;
    }
    for (guint t = 0; t < n; t++, weights += self->gemm.n_padded) {
        if (self->is_signed)
            add_one_signed(taps[t], weights, self->gemm.n, zero_point, acc);
        else
            add_one_unsigned(taps[t], weights, self->gemm.n, zero_point, acc);
    }
}

/* With a multiplier each input channel serves several outputs. */
static void
add_tap_spread(const Depthwise *self, const guint8 *tap, guint t, gint32 *acc)
{
    const gint16 *weights = self->gemm.weights + (gsize)t * self->gemm.n_padded;

    for (guint c = 0; c < self->gemm.n; c++) {
        const gint32 x = vigil_kernel_load8(tap, self->is_signed, c / self->multiplier);

        acc[c] += (x - self->zero_point) * weights[c];
    }
}

static const guint8 *
tap_at(const Depthwise *self, const guint8 *image, const guint8 *padding, gint32 y, gint32 x,
       guint t)
{
    const VigilWindow *window = &self->window;
    const gint32 in_y = y * window->stride_y - window->pad_y +
                        (gint32)(t / (guint)window->k_w) * window->dilation_y;
    const gint32 in_x = x * window->stride_x - window->pad_x +
                        (gint32)(t % (guint)window->k_w) * window->dilation_x;

    if (in_y < 0 || in_x < 0 || in_y >= window->in_h || in_x >= window->in_w)
        return padding;
    return image + ((gsize)in_y * (gsize)window->in_w + (gsize)in_x) * (gsize)window->in_c;
}

static void
depthwise_pixel(const Depthwise *self, const guint8 *image, const guint8 *padding, gint32 y,
                gint32 x, gint32 *acc)
{
    const guint8 *taps[GROUP];

    memcpy(acc, self->gemm.bias, self->gemm.n * sizeof *acc);
    if (self->multiplier > 1) {
        for (guint t = 0; t < self->taps; t++)
            add_tap_spread(self, tap_at(self, image, padding, y, x, t), t, acc);
        return;
    }
    for (guint first = 0; first < self->taps; first += GROUP) {
        const guint n = MIN(GROUP, self->taps - first);

        for (guint t = 0; t < n; t++)
            taps[t] = tap_at(self, image, padding, y, x, first + t);
        add_taps(self, taps, first, n, acc);
    }
}

static void
depthwise_run(const VigilNode *node, const VigilRun *run)
{
    const Depthwise *self = node->params;
    const VigilWindow *window = &self->window;
    const VigilGemm *gemm = &self->gemm;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    guint8 *padding = vigil_run_scratch(run, node);
    gint32 *acc = (gint32 *)(void *)(padding + self->acc_offset);

    memset(padding, self->zero_point, (gsize)window->in_c);
    for (gint32 b = 0; b < window->batch; b++) {
        for (gint32 y = 0; y < window->out_h; y++)
            for (gint32 x = 0; x < window->out_w; x++, out += gemm->n) {
                depthwise_pixel(self, in, padding, y, x, acc);
                vigil_gemm_requantize_depthwise(gemm, acc, out);
            }
        in += (gsize)window->in_h * (gsize)window->in_w * (gsize)window->in_c;
    }
}

const VigilOp vigil_ops_depthwise[] = {
    {4, NULL, "DEPTHWISE_CONV_2D", depthwise_prepare, depthwise_run},
    {0},
};
