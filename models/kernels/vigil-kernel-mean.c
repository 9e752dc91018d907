/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-fixed-private.h"
#include "models/kernels/vigil-kernel-private.h"

/*
 * MEAN over constant axes, 8-bit. Over height and width of an NHWC image, by XNNPACK's rule:
 *
 *     out = requantize(sum - number * in_zero_point, in_scale / (number * out_scale))
 *
 * or, in INT8 graphs that TensorFlow Lite does not delegate and where the dimensions are kept, by its fixed-point rule:
 * fixed_multiply(sum - number * in_zero_point, in_scale / out_scale) / number, ties away from zero.
 *
 * Over other axes, which the delegate leaves to TensorFlow Lite: sum / number, rounded towards zero, when input and
 * output have one scale; else round(sum / number * in_scale / out_scale - in_zero_point * in_scale / out_scale), ties
 * away from zero, plus the output's zero point.
 */
typedef struct {
    guint n_dims;
    gint32 dims[VIGIL_MAX_DIMS];
    /* Elements of the output that a step along a dimension of the input advances; 0 along an axis. */
    gsize step[VIGIL_MAX_DIMS];
    gboolean is_signed;
    gboolean over_image, fixed, same_scale;
    gint32 number, in_zero_point, zero_point, lo, hi;
    gfloat scale;
    VigilMultiplier multiplier;
} Mean;

static gboolean
set_scale(Mean *self, const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->same_scale = in->scale == out->scale && in->zero_point == out->zero_point;
    self->in_zero_point = in->zero_point;
    self->zero_point = out->zero_point;
    self->scale =
        self->over_image ? in->scale / (out->scale * (gfloat)self->number) : in->scale / out->scale;
    self->multiplier = vigil_fixed_from_double((gdouble)in->scale / (gdouble)out->scale);
    vigil_kernel_type_range(out->type, &self->lo, &self->hi);
    if (!isfinite(self->scale))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "invalid quantization parameters: the scales overflow");
    return TRUE;
}

static gboolean
mean_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Mean *self = vigil_node_params(node, sizeof *self);
    const gboolean keep = vigil_fb_i8(&node->options, 0, 0) != 0;
    gboolean reduced[VIGIL_MAX_DIMS] = {FALSE};
    gint32 axes[VIGIL_MAX_DIMS], dims[VIGIL_MAX_DIMS];
    const VigilTensor *in, *out;
    guint n, n_out = 0;
    gsize number = 1, step = 1;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error) ||
        !vigil_node_const_ints(graph, node, 1, axes, VIGIL_MAX_DIMS, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    for (guint i = 0; i < n; i++) {
        guint axis;

        if (!vigil_node_axis(graph, node, axes[i], in->n_dims, &axis, error))
            return FALSE;
        reduced[axis] = TRUE;
    }
    for (guint i = 0; i < in->n_dims; i++) {
        number *= reduced[i] ? (gsize)in->dims[i] : 1;
        if (!reduced[i] || keep)
            dims[n_out++] = reduced[i] ? 1 : in->dims[i];
    }
    if (in->count == 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID, "the input is empty");
    if (!vigil_node_set_output(graph, node, 0, n_out, dims, error))
        return FALSE;
    self->n_dims = in->n_dims;
    memcpy(self->dims, in->dims, sizeof self->dims);
    for (guint i = in->n_dims; i-- > 0;) {
        self->step[i] = reduced[i] ? 0 : step;
        step *= reduced[i] ? 1 : (gsize)in->dims[i];
    }
    node->scratch_bytes = out->count * sizeof(gint32);
    self->over_image = in->n_dims == 4 && !reduced[0] && reduced[1] && reduced[2] && !reduced[3];
    if (self->over_image && graph->computes_shapes && in->type == VIGIL_TENSOR_INT8) {
        self->over_image = FALSE;
        self->fixed = keep;
    }
    self->number = (gint32)number;
    return set_scale(self, graph, node, error);
}

VIGIL_CLONES static void
add_line(const guint8 *restrict in, gsize n, gboolean is_signed, gint32 *restrict sums)
{
    if (is_signed)
        for (gsize i = 0; i < n; i++)
            sums[i] += (gint8)in[i];
    else
        for (gsize i = 0; i < n; i++)
            sums[i] += in[i];
}

/* Adds each line of the innermost dimension to the sums it belongs to. */
static void
add_lines(const Mean *self, const guint8 *in, gint32 *sums)
{
    const guint last = self->n_dims - 1;
    gint32 index[VIGIL_MAX_DIMS] = {0};
    gsize i = 0;
    guint dim;

    do {
        if (self->step[last] == 1)
            add_line(in + i, (gsize)self->dims[last], self->is_signed, sums);
        else
            for (gint32 j = 0; j < self->dims[last]; j++)
                sums[(gsize)j * self->step[last]] +=
                    vigil_kernel_load8(in, self->is_signed, i + (gsize)j);
        i += (gsize)self->dims[last];
        for (dim = last; dim > 0; dim--) {
            const guint d = dim - 1;

            sums += self->step[d];
            if (++index[d] < self->dims[d])
                break;
            sums -= self->step[d] * (gsize)self->dims[d];
            index[d] = 0;
        }
    } while (dim > 0);
}

static gint32
mean_of_fixed(const Mean *self, gint32 sum)
{
    const gint64 x =
        vigil_fixed_multiply(sum - self->number * self->in_zero_point, self->multiplier);
    const gint64 half = x > 0 ? self->number / 2 : -(self->number / 2);

    return (gint32)CLAMP((x + half) / self->number + self->zero_point, self->lo, self->hi);
}

VIGIL_CLONES static void
means_over_image(const Mean *self, const gint32 *restrict sums, gsize n, guint8 *restrict out)
{
    const gfloat lo = (gfloat)(self->lo - self->zero_point);
    const gfloat hi = (gfloat)(self->hi - self->zero_point);
    const gint32 nothing = self->number * self->in_zero_point, zero_point = self->zero_point;
    const gfloat scale = self->scale;

    for (gsize i = 0; i < n; i++)
        out[i] = (guint8)vigil_kernel_requantize(sums[i] - nothing, scale, zero_point, lo, hi);
}

static gint32
mean_of(const Mean *self, gint32 sum)
{
    const gfloat lo = (gfloat)(self->lo - self->zero_point);
    const gfloat hi = (gfloat)(self->hi - self->zero_point);
    gfloat x;

    if (self->fixed)
        return mean_of_fixed(self, sum);
    if (self->same_scale)
        return sum / self->number;
    x = (gfloat)sum / (gfloat)self->number * self->scale +
        -(gfloat)self->in_zero_point * self->scale;
    return (gint32)roundf(CLAMP(x, lo, hi)) + self->zero_point;
}

static void
mean_run(const VigilNode *node, const VigilRun *run)
{
    const Mean *self = node->params;
    const gsize count = run->graph->tensors[node->outputs[0]].count;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint32 *sums = vigil_run_scratch(run, node);

    memset(sums, 0, count * sizeof *sums);
    if (self->n_dims == 0)
        sums[0] = vigil_kernel_load8(in, self->is_signed, 0);
    else
        add_lines(self, in, sums);
    if (self->over_image)
        means_over_image(self, sums, count, out);
    else
        for (gsize i = 0; i < count; i++)
            out[i] = (guint8)mean_of(self, sums[i]);
}

const VigilOp vigil_ops_mean[] = {
    {40, NULL, "MEAN", mean_prepare, mean_run},
    {0},
};
