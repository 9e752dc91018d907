/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "models/kernels/vigil-kernel-private.h"

/*
 * SOFTMAX of 8 bits over the last dimension. With m the line's highest q and t(d) = exp(-beta * scale * d),
 *
 *     sum = t(m - q[0]) + t(m - q[1]) + …                          in fp32, in this order
 *     out[i] = clamp(round(t(m - q[i]) * (1 / (sum * out_scale))) + out_zero_point)
 *
 * rounding halves away from zero; TensorFlow Lite's own rule, which its XNNPACK delegate leaves to it.
 */
typedef struct {
    gsize line, n_lines;
    gboolean is_signed;
    gfloat scale;
    gint32 zero_point;
    gfloat table[256]; /* [255 - d] = t(d) */
} Softmax;

static void
softmax_line(const Softmax *self, const guint8 *in, guint8 *out)
{
    const guint8 flip = self->is_signed ? 0x80 : 0;
    const gint32 lowest = self->is_signed ? -128 : 0;
    guint8 highest = 0;
    const gfloat *table;
    gfloat sum = 0, factor;

    for (gsize i = 0; i < self->line; i++)
        highest = MAX(highest, in[i] ^ flip);
    table = self->table + (255 - highest);
    for (gsize i = 0; i < self->line; i++)
        sum += table[in[i] ^ flip];
    factor = 1.0f / (sum * self->scale);
    for (gsize i = 0; i < self->line; i++) {
        /* what is far out of range must not reach the conversion to a whole number */
        const gfloat q = MIN(table[in[i] ^ flip] * factor, 1024.0f);
        const gint32 whole = (gint32)q;
        const gint32 rounded = self->is_signed ? whole + (q - (gfloat)whole >= 0.5f) /* roundf() */
                                               : (gint32)(q + 0.5f);
        const gint32 x = rounded + self->zero_point;

        out[i] = (guint8)CLAMP(x, lowest, lowest + 255);
    }
}

/* Lines of a chunk. */
static gsize
chunk_lines(const Softmax *self)
{
    return MAX(VIGIL_KERNEL_CHUNK / self->line, 1);
}

static void
softmax_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Softmax *self = node->params;
    const gsize first = chunk * chunk_lines(self);
    const gsize end = MIN(first + chunk_lines(self), self->n_lines);
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    for (gsize i = first; i < end; i++)
        softmax_line(self, in + i * self->line, out + i * self->line);
}

static void
softmax_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const Softmax *self = node->params;

    *in = *out = (chunk + 1) * chunk_lines(self) * self->line;
}

static gboolean
softmax_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Softmax *self = vigil_node_params(node, sizeof *self);
    const gfloat beta = vigil_fb_float(&node->options, 0, 0);
    const VigilTensor *in, *out;
    gfloat factor;

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    factor = -in->scale * beta;
    if (in->n_dims < 1 || in->count == 0 || !isfinite(factor))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs at least one dimension and a finite beta");
    self->line = (gsize)in->dims[in->n_dims - 1];
    self->n_lines = in->count / self->line;
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->scale = out->scale;
    self->zero_point = out->zero_point;
    for (gint d = 0; d < 256; d++)
        self->table[255 - d] = expf(factor * (gfloat)d);
    vigil_node_set_chunks(node,
                          (guint)((self->n_lines + chunk_lines(self) - 1) / chunk_lines(self)),
                          softmax_chunk, softmax_reach, NULL);
    return vigil_node_copy_shape(graph, node, 0, in, error);
}

const VigilOp vigil_ops_softmax[] = {
    {25, NULL, "SOFTMAX", softmax_prepare, NULL},
    {0},
};
