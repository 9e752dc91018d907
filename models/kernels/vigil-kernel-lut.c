/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-kernel-fixed-private.h"
#include "models/kernels/vigil-kernel-private.h"

/*
 * Functions of one 8-bit number: LOGISTIC, TANH, RELU and its kind, LEAKY_RELU, HARD_SWISH and QUANTIZE from 8
 * to 8 bit. Each is a table of 256 results, made at load and indexed by the input's byte:
 *
 *     out[i] = table[(guint8)in[i]]
 */
typedef struct {
    guint8 table[256];
} Lut;

/* What a function gets: the input minus its zero point; it returns the result minus the zero point. */
typedef struct {
    const VigilTensor *in, *out;
    VigilMultiplier identity, alpha;
    gint16 reluish, output16;
    gint reluish_shift, output_shift;
} LutContext;

typedef gint32 (*LutFunction)(const LutContext *context, gint32 x);

static void
fill_table(Lut *self, const LutContext *context, LutFunction function, gint32 lo, gint32 hi)
{
    const gboolean is_signed = context->in->type == VIGIL_TENSOR_INT8;

    for (gint i = 0; i < 256; i++) {
        const guint8 byte = (guint8)i;
        const gint32 x = vigil_kernel_load8(&byte, is_signed, 0) - context->in->zero_point;
        const gint64 y = (gint64)function(context, x) + context->out->zero_point;

        self->table[i] = (guint8)CLAMP(y, lo, hi);
    }
}

static void
lut_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const gsize first = (gsize)chunk * VIGIL_KERNEL_CHUNK;
    const gsize rest = run->graph->tensors[node->outputs[0]].count - first;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    vigil_kernel_lookup(run->graph->isa, node->table, in + first, out + first,
                        MIN(rest, VIGIL_KERNEL_CHUNK));
}

void
vigil_kernel_lookup(const VigilIsa *isa, const guint8 *table, const guint8 *in, guint8 *out,
                    gsize n)
{
    if (isa->lookup != NULL) {
        isa->lookup(table, in, out, n);
        return;
    }
    for (gsize i = 0; i < n; i++)
        out[i] = table[in[i]];
}

/* A node that computes by @self. */
static void
use_table(VigilNode *node, const Lut *self, gsize count)
{
    node->table = self->table;
    vigil_kernel_set_bytewise(node, count, lut_chunk);
}

void
vigil_kernel_become_lookup(VigilNode *node, gint32 input, const guint8 *table, gsize count)
{
    Lut *self = vigil_node_params(node, sizeof *self);

    memcpy(self->table, table, sizeof self->table);
    node->inputs[0] = input;
    node->n_inputs = 1;
    node->pairwise = NULL;
    use_table(node, self, count);
}

/* Everything the functions have in common; the types of input and output may differ for QUANTIZE. */
static gboolean
lut_prepare(VigilGraph *graph, VigilNode *node, LutContext *context, GError **error)
{
    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    context->in = vigil_node_input(graph, node, 0);
    context->out = vigil_node_output(graph, node, 0);
    if (!vigil_node_check_quantized(graph, node, context->in, "the input", error) ||
        !vigil_node_check_quantized(graph, node, context->out, "the output", error) ||
        !vigil_node_copy_shape(graph, node, 0, context->in, error))
        return FALSE;
    context->identity =
        vigil_fixed_from_double((gdouble)(context->in->scale / context->out->scale));
    return TRUE;
}

static gboolean
lut_prepare_same_type(VigilGraph *graph, VigilNode *node, LutContext *context, GError **error)
{
    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    return lut_prepare(graph, node, context, error);
}

static void
lut_finish(VigilNode *node, const LutContext *context, LutFunction function)
{
    gint32 lo, hi;

    Lut *self = vigil_node_params(node, sizeof *self);

    vigil_kernel_type_range(context->out->type, &lo, &hi);
    fill_table(self, context, function, lo, hi);
    use_table(node, self, context->out->count);
}

/* @y in the output's scale, rounded by @rounding; bounded so that the cast is defined. */
static gint32
to_output(const LutContext *context, gfloat y, gfloat (*rounding)(gfloat))
{
    return (gint32)rounding(CLAMP(y / context->out->scale, -65536.0f, 65536.0f));
}

/* 1 / (1 + exp(-x)), in single precision and by the way through |x| that XNNPACK goes. */
static gint32
logistic(const LutContext *context, gint32 x)
{
    const gfloat value = context->in->scale * (gfloat)x;
    const gfloat y = 1.0f / (1.0f + expf(fabsf(value)));

    return to_output(context, value > 0.0f ? 1.0f - y : y, rintf);
}

/* TensorFlow Lite's own: ties away from zero. */
static gint32
hyperbolic_tangent(const LutContext *context, gint32 x)
{
    return to_output(context, tanhf(context->in->scale * (gfloat)x), roundf);
}

static gint32
rescale(const LutContext *context, gint32 x)
{
    return vigil_fixed_multiply(x, context->identity);
}

static gint32
leaky(const LutContext *context, gint32 x)
{
    return vigil_fixed_multiply(x, x >= 0 ? context->identity : context->alpha);
}

static gint16
saturate16(gint32 x)
{
    return (gint16)CLAMP(x, G_MININT16, G_MAXINT16);
}

/* a * b / 2^15, rounded to nearest, ties upwards. */
static gint16
high_mul16_round(gint16 a, gint16 b)
{
    const gint32 product = (gint32)a * b;
    const gint32 nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);

    return a == G_MININT16 && b == G_MININT16 ? G_MAXINT16
                                              : (gint16)((product + nudge) / (1 << 15));
}

/* a * b / 2^15, rounded towards zero. */
static gint16
high_mul16(gint16 a, gint16 b)
{
    return a == G_MININT16 && b == G_MININT16 ? G_MAXINT16 : (gint16)(((gint32)a * b) / (1 << 15));
}

/*
 * x * relu6(x + 3) / 6 in 16-bit fixed point, as TensorFlow Lite's reference does it: x gets seven more
 * bits; relu6(x + 3) / 6 is first a number of -1..1 (by saturation) and then of 0..1.
 */
static gint32
hard_swish(const LutContext *context, gint32 x)
{
    const gint16 hires = (gint16)(x * 128);
    const gint16 preshift = high_mul16_round(hires, context->output16);
    gint16 reluish = hires;

    if (context->reluish_shift > 0)
        reluish = saturate16(
            (gint32)CLAMP((gint64)reluish << (context->reluish_shift - 1), G_MININT16, G_MAXINT16));
    reluish = high_mul16_round(reluish, context->reluish);
    if (context->reluish_shift > 0)
        reluish = saturate16((gint32)reluish * 2);
    if (context->reluish_shift < 0)
        reluish = (gint16)vigil_fixed_divide_pot(reluish, MIN(-context->reluish_shift, 31));
    reluish = (gint16)(((gint32)reluish + (1 << 15)) >> 1);
    return vigil_fixed_divide_pot(high_mul16(reluish, preshift), -context->output_shift);
}

static gboolean
logistic_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    LutContext context = {0};

    if (!lut_prepare_same_type(graph, node, &context, error))
        return FALSE;
    lut_finish(node, &context, logistic);
    return TRUE;
}

static gboolean
tanh_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    LutContext context = {0};

    if (!lut_prepare_same_type(graph, node, &context, error))
        return FALSE;
    lut_finish(node, &context, hyperbolic_tangent);
    return TRUE;
}

static gboolean
prepare_relu(VigilGraph *graph, VigilNode *node, VigilActivation kind, GError **error)
{
    LutContext context = {0};
    gint32 lo, hi;

    if (!lut_prepare_same_type(graph, node, &context, error) ||
        !vigil_kernel_activation_range(graph, node, (gint8)kind, context.out, &lo, &hi, error))
        return FALSE;
    Lut *self = vigil_node_params(node, sizeof *self);

    fill_table(self, &context, rescale, lo, hi);
    use_table(node, self, context.out->count);
    return TRUE;
}

static gboolean
relu_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return prepare_relu(graph, node, VIGIL_ACTIVATION_RELU, error);
}

static gboolean
relu_n1_to_1_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return prepare_relu(graph, node, VIGIL_ACTIVATION_RELU_N1_TO_1, error);
}

static gboolean
relu6_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return prepare_relu(graph, node, VIGIL_ACTIVATION_RELU6, error);
}

static gboolean
leaky_relu_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    const gfloat alpha = vigil_fb_float(&node->options, 0, 0.0f);
    LutContext context = {0};

    if (!lut_prepare_same_type(graph, node, &context, error))
        return FALSE;
    if (!isfinite(alpha) || alpha < 0.0f)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "a slope of %g is not supported", alpha);
    context.alpha =
        vigil_fixed_from_double((gdouble)(context.in->scale * alpha / context.out->scale));
    lut_finish(node, &context, leaky);
    return TRUE;
}

/* The upper 16 bits of a 32-bit multiplier, rounded. */
static gint16
downscale16(gint32 multiplier)
{
    return multiplier >= G_MAXINT32 - (1 << 15) ? G_MAXINT16
                                                : (gint16)((multiplier + (1 << 15)) >> 16);
}

static gboolean
hard_swish_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    LutContext context = {0};
    VigilMultiplier output, reluish;
    gfloat hires;

    if (!lut_prepare_same_type(graph, node, &context, error))
        return FALSE;
    hires = (1.0f / 128.0f) * context.in->scale;
    output = vigil_fixed_from_double((gdouble)(hires / context.out->scale));
    reluish = vigil_fixed_from_double((gdouble)(hires / (3.0f / 32768.0f)));
    if (output.shift > 0 || output.shift < -31)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the output's scale %g is too small for the input's %g",
                               context.out->scale, context.in->scale);
    context.output16 = downscale16(output.multiplier);
    context.output_shift = output.shift;
    context.reluish = downscale16(reluish.multiplier);
    context.reluish_shift = reluish.shift;
    lut_finish(node, &context, hard_swish);
    return TRUE;
}

/* QUANTIZE of floats: out[i] = clamp(rne(in[i] / scale) + zero_point). */
static void
quantize_run(const VigilNode *node, const VigilRun *run)
{
    const VigilTensor *tensor = &run->graph->tensors[node->outputs[0]];
    const gfloat *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    const gfloat inverse = 1.0f / tensor->scale;
    gint32 lo, hi;

    vigil_kernel_type_range(tensor->type, &lo, &hi);
    const gfloat low = (gfloat)(lo - tensor->zero_point), high = (gfloat)(hi - tensor->zero_point);

    for (gsize i = 0; i < tensor->count; i++) {
        gfloat x = in[i] * inverse;

        /* Written so that a NaN becomes the lowest value. */
        x = x > low ? x : low;
        x = x < high ? x : high;
        out[i] = (guint8)(vigil_kernel_round(x) + tensor->zero_point);
    }
}

static gboolean
quantize_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    LutContext context = {0};

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    context.in = vigil_node_input(graph, node, 0);
    if (context.in->type == VIGIL_TENSOR_FLOAT32) {
        node->run = quantize_run;
        return vigil_node_check_quantized(graph, node, vigil_node_output(graph, node, 0),
                                          "the output", error) &&
               vigil_node_copy_shape(graph, node, 0, context.in, error);
    }
    if (!lut_prepare(graph, node, &context, error))
        return FALSE;
    lut_finish(node, &context, rescale);
    return TRUE;
}

/* DEQUANTIZE: out[i] = (in[i] - zero_point) * scale. */
static gboolean
dequantize_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    if (vigil_node_output(graph, node, 0)->type != VIGIL_TENSOR_FLOAT32)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the output must be FLOAT32");
    return vigil_node_check_quantized(graph, node, vigil_node_input(graph, node, 0), "the input",
                                      error) &&
           vigil_node_copy_shape(graph, node, 0, vigil_node_input(graph, node, 0), error);
}

static void
dequantize_run(const VigilNode *node, const VigilRun *run)
{
    const VigilTensor *tensor = &run->graph->tensors[node->inputs[0]];
    const gboolean is_signed = tensor->type == VIGIL_TENSOR_INT8;
    const void *in = vigil_run_input(run, node, 0);
    gfloat *out = vigil_run_output(run, node, 0);
    const VigilIsa *isa = run->graph->isa;

    if (isa->dequantize != NULL && isa->is_signed == is_signed) {
        isa->dequantize(in, tensor->zero_point, tensor->scale, out, tensor->count);
        return;
    }
    for (gsize i = 0; i < tensor->count; i++)
        out[i] =
            (gfloat)(vigil_kernel_load8(in, is_signed, i) - tensor->zero_point) * tensor->scale;
}

const VigilOp vigil_ops_lut[] = {
    {14, NULL, "LOGISTIC", logistic_prepare, NULL},
    {28, NULL, "TANH", tanh_prepare, NULL},
    {19, NULL, "RELU", relu_prepare, NULL},
    {20, NULL, "RELU_N1_TO_1", relu_n1_to_1_prepare, NULL},
    {21, NULL, "RELU6", relu6_prepare, NULL},
    {98, NULL, "LEAKY_RELU", leaky_relu_prepare, NULL},
    {117, NULL, "HARD_SWISH", hard_swish_prepare, NULL},
    {114, NULL, "QUANTIZE", quantize_prepare, NULL},
    {6, NULL, "DEQUANTIZE", dequantize_prepare, dequantize_run},
    {0},
};
