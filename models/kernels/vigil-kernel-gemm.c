/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-gemm-private.h"

#include <math.h>

#include "models/kernels/vigil-kernel-clones-private.h"

static gboolean
check_bias(const VigilGemm *self, const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *bias = vigil_node_input(graph, node, 2);

    if (bias == NULL)
        return TRUE;
    if (bias->type != VIGIL_TENSOR_INT32 || bias->data == NULL || bias->count != self->n)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the bias must be a constant of %u INT32 values", self->n);
    return TRUE;
}

static gboolean
check_weights(const VigilGemm *self, const VigilGraph *graph, const VigilNode *node,
              gint32 channel_dim, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);

    if (weights->data == NULL)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the weights must be constant");
    if (!vigil_tensor_is_8bit(weights) || weights->n_scales == 0 ||
        vigil_tensor_is_int8_in_file(weights) != vigil_tensor_is_int8_in_file(in))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the weights must be quantized %s like the input",
                               vigil_tensor_raw_type_name(in->raw_type));
    if (weights->n_scales > 1 &&
        (weights->channel_dim != channel_dim || weights->n_scales != self->n))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the weights have scales along dimension %d, %d is right",
                               weights->channel_dim, channel_dim);
    return TRUE;
}

/* The products are taken in this order, each rounded to float, as XNNPACK does. */
static gboolean
fill_scales(VigilGemm *self, const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    for (guint c = 0; c < self->n; c++) {
        const gfloat scale = weights->scales != NULL ? weights->scales[c] : weights->scale;

        self->scale[c] = in->scale * scale / out->scale;
        if (!isfinite(self->scale[c]))
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "invalid quantization parameters: the scales of channel %u "
                                   "(%g * %g / %g) overflow",
                                   c, in->scale, scale, out->scale);
        if (self->fixed != NULL)
            self->fixed[c] =
                vigil_fixed_from_double((gdouble)in->scale * (gdouble)scale / (gdouble)out->scale);
    }
    return TRUE;
}

gboolean
vigil_gemm_init(VigilGemm *self, VigilGraph *graph, VigilNode *node, gint32 channel_dim,
                gint8 activation, GError **error)
{
    const VigilTensor *bias = vigil_node_input(graph, node, 2);
    const VigilTensor *out = vigil_node_output(graph, node, 0);
    gint32 lo, hi;
    guint8 *memory;

    if (!vigil_node_check_quantized_io(graph, node, error) ||
        !check_weights(self, graph, node, channel_dim, error) ||
        !check_bias(self, graph, node, error) ||
        !vigil_kernel_activation_range(graph, node, activation, out, &lo, &hi, error))
        return FALSE;
    self->n_padded =
        (self->n + VIGIL_GEMM_CHANNELS - 1) / VIGIL_GEMM_CHANNELS * VIGIL_GEMM_CHANNELS;
    const guint64 wanted = self->weight_bytes > 0
                               ? self->weight_bytes
                               : (guint64)self->n_padded * self->k_padded * sizeof *self->weights;

    /* Where sizes have 32 bits the sums below would overflow. */
    if (wanted > VIGIL_MAX_WEIGHT_BYTES)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                               "its weights do not fit into %" G_GSIZE_FORMAT " bytes",
                               VIGIL_MAX_WEIGHT_BYTES);
    const gsize weight_bytes = ((gsize)wanted + VIGIL_ALIGN - 1) & ~(gsize)(VIGIL_ALIGN - 1);
    const gsize row_bytes = (gsize)self->n_padded * sizeof *self->bias;
    const gboolean fixed =
        self->undelegated || (graph->computes_shapes && vigil_tensor_is_int8_in_file(out));
    const gsize fixed_bytes = fixed ? self->n * sizeof *self->fixed : 0;

    memory = vigil_node_pack(graph, node, weight_bytes + 2 * row_bytes + fixed_bytes, error);
    if (memory == NULL)
        return FALSE;
    self->weights = (gint16 *)(void *)memory;
    self->bias = (gint32 *)(void *)(memory + weight_bytes);
    self->scale = (gfloat *)(void *)(memory + weight_bytes + row_bytes);
    if (fixed)
        self->fixed = (VigilMultiplier *)(void *)(memory + weight_bytes + 2 * row_bytes);
    for (guint c = 0; bias != NULL && c < self->n; c++)
        self->bias[c] = ((const gint32 *)bias->data)[c];
    self->zero_point = out->zero_point;
    self->lo = (gfloat)(lo - out->zero_point);
    self->hi = (gfloat)(hi - out->zero_point);
    return fill_scales(self, graph, node, error);
}

gint16
vigil_gemm_weight(const VigilTensor *weights, gsize i)
{
    const gboolean is_signed = weights->type == VIGIL_TENSOR_INT8;

    return (gint16)(vigil_kernel_load8(weights->data, is_signed, i) - weights->zero_point);
}

/* 4 rows by 2 channels. The eight sums are separate variables so that they stay in registers. */
VIGIL_CLONES static void
dot_4x2(const gint16 *restrict rows, const gint16 *restrict weights, guint k,
        const gint32 *restrict bias, gint32 *restrict acc, guint acc_stride)
{
    const gint16 *r0 = rows, *r1 = rows + k, *r2 = rows + 2 * (gsize)k, *r3 = rows + 3 * (gsize)k;
    const gint16 *w0 = weights, *w1 = weights + k;
    gint32 a00 = 0, a01 = 0, a10 = 0, a11 = 0, a20 = 0, a21 = 0, a30 = 0, a31 = 0;

    for (guint i = 0; i < k; i++) {
        a00 += (gint32)r0[i] * w0[i];
        a01 += (gint32)r0[i] * w1[i];
        a10 += (gint32)r1[i] * w0[i];
        a11 += (gint32)r1[i] * w1[i];
        a20 += (gint32)r2[i] * w0[i];
        a21 += (gint32)r2[i] * w1[i];
        a30 += (gint32)r3[i] * w0[i];
        a31 += (gint32)r3[i] * w1[i];
    }
    acc[0] = a00 + bias[0];
    acc[1] = a01 + bias[1];
    acc[acc_stride] = a10 + bias[0];
    acc[acc_stride + 1] = a11 + bias[1];
    acc[2 * (gsize)acc_stride] = a20 + bias[0];
    acc[2 * (gsize)acc_stride + 1] = a21 + bias[1];
    acc[3 * (gsize)acc_stride] = a30 + bias[0];
    acc[3 * (gsize)acc_stride + 1] = a31 + bias[1];
}

VIGIL_CLONES static void
dot_1x2(const gint16 *restrict row, const gint16 *restrict weights, guint k,
        const gint32 *restrict bias, gint32 *restrict acc)
{
    const gint16 *w0 = weights, *w1 = weights + k;
    gint32 a0 = 0, a1 = 0;

    for (guint i = 0; i < k; i++) {
        a0 += (gint32)row[i] * w0[i];
        a1 += (gint32)row[i] * w1[i];
    }
    acc[0] = a0 + bias[0];
    acc[1] = a1 + bias[1];
}

VIGIL_CLONES static void
requantize_float(const VigilGemm *self, const gint32 *restrict acc, guint8 *restrict out)
{
    const gfloat *restrict scale = self->scale;
    const gfloat lo = self->lo, hi = self->hi;
    const gint32 zero_point = self->zero_point;
    const guint n = self->n;

    for (guint c = 0; c < n; c++)
        out[c] = (guint8)vigil_kernel_requantize(acc[c], scale[c], zero_point, lo, hi);
}

#define DEFINE_REQUANTIZE_FIXED(NAME, MULTIPLY)                                      \
    VIGIL_CLONES static void NAME(const VigilGemm *self, const gint32 *restrict acc, \
                                  guint8 *restrict out)                              \
    {                                                                                \
        const VigilMultiplier *restrict fixed = self->fixed;                         \
        const gint32 lo = (gint32)self->lo, hi = (gint32)self->hi;                   \
                                                                                     \
        for (guint c = 0; c < self->n; c++) {                                        \
            const gint32 x = MULTIPLY(acc[c], fixed[c]);                             \
                                                                                     \
            out[c] = (guint8)(CLAMP(x, lo, hi) + self->zero_point);                  \
        }                                                                            \
    }

DEFINE_REQUANTIZE_FIXED(requantize_fixed, vigil_fixed_multiply_upwards)
DEFINE_REQUANTIZE_FIXED(requantize_fixed_depthwise, vigil_fixed_multiply)

void
vigil_gemm_requantize(const VigilGemm *self, const gint32 *acc, guint8 *out)
{
    if (self->undelegated)
        requantize_fixed_depthwise(self, acc, out);
    else if (self->fixed != NULL)
        requantize_fixed(self, acc, out);
    else
        requantize_float(self, acc, out);
}

void
vigil_gemm_requantize_depthwise(const VigilGemm *self, const gint32 *acc, guint8 *out)
{
    if (self->fixed != NULL)
        requantize_fixed_depthwise(self, acc, out);
    else
        requantize_float(self, acc, out);
}

VIGIL_CLONES static void
widen_signed(const gint8 *restrict in, gint16 zero_point, gsize n, gint16 *restrict out)
{
    for (gsize i = 0; i < n; i++)
        out[i] = (gint16)(in[i] - zero_point);
}

VIGIL_CLONES static void
widen_unsigned(const guint8 *restrict in, gint16 zero_point, gsize n, gint16 *restrict out)
{
    for (gsize i = 0; i < n; i++)
        out[i] = (gint16)(in[i] - zero_point);
}

void
vigil_gemm_widen(const guint8 *in, gboolean is_signed, gint32 zero_point, gsize n, gint16 *out)
{
    if (is_signed)
        widen_signed((const gint8 *)in, (gint16)zero_point, n, out);
    else
        widen_unsigned(in, (gint16)zero_point, n, out);
}

void
vigil_gemm_run(const VigilGemm *self, const gint16 *rows, guint n_rows, gint32 *acc, guint8 *out)
{
    const guint k = self->k_padded;

    for (guint c = 0; c < self->n_padded; c += VIGIL_GEMM_CHANNELS) {
        const gint16 *weights = self->weights + (gsize)c * k;
        guint r = 0;

        for (; r + VIGIL_GEMM_ROWS <= n_rows; r += VIGIL_GEMM_ROWS)
            dot_4x2(rows + (gsize)r * k, weights, k, self->bias + c,
                    acc + (gsize)r * self->n_padded + c, self->n_padded);
        for (; r < n_rows; r++)
            dot_1x2(rows + (gsize)r * k, weights, k, self->bias + c,
                    acc + (gsize)r * self->n_padded + c);
    }
    for (guint r = 0; r < n_rows; r++)
        vigil_gemm_requantize(self, acc + (gsize)r * self->n_padded, out + (gsize)r * self->n);
}
