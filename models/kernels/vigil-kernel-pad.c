/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-move-private.h"
#include "models/kernels/vigil-kernel-private.h"

/*
 * PAD, PADV2: the input with @value around it. The value is 0 (the zero point when quantized), or the one constant of
 * PADV2, which has the input's scale.
 */
typedef struct {
    gsize element;
    guint n_dims;
    /* Of the output, in bytes and elements; the innermost dimension is copied as a line. */
    gint32 in_size[VIGIL_MAX_DIMS];
    gsize out_pitch[VIGIL_MAX_DIMS];
    gsize first;
    guint8 value[8];
} Pad;

static gboolean
set_value(Pad *self, const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *value = vigil_node_input(graph, node, 2);

    if (value == NULL) {
        if (vigil_tensor_is_8bit(in))
            self->value[0] = (guint8)in->zero_point;
        return TRUE;
    }
    if (value->data == NULL || value->count != 1 || value->type != in->type ||
        value->scale != in->scale || value->zero_point != in->zero_point)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the value must be one constant of the input's type and scale");
    memcpy(self->value, value->data, in->element_bytes);
    return TRUE;
}

static gboolean
set_dims(Pad *self, VigilGraph *graph, VigilNode *node, const gint32 *amounts, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    gsize out_pitch = in->element_bytes;
    gint32 dims[VIGIL_MAX_DIMS];

    for (guint i = 0; i < in->n_dims; i++) {
        const gint64 size = (gint64)amounts[2 * i] + in->dims[i] + amounts[2 * i + 1];

        if (amounts[2 * i] < 0 || amounts[2 * i + 1] < 0 || size > G_MAXINT32)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u is padded by %d and %d", i, amounts[2 * i],
                                   amounts[2 * i + 1]);
        dims[i] = (gint32)size;
    }
    if (!vigil_node_set_output(graph, node, 0, in->n_dims, dims, error))
        return FALSE;
    for (guint i = in->n_dims; i-- > 0;) {
        self->in_size[i] = in->dims[i];
        self->out_pitch[i] = out_pitch;
        self->first += (gsize)amounts[2 * i] * out_pitch;
        out_pitch *= (gsize)dims[i];
    }
    return TRUE;
}

static gboolean
pad_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Pad *self = vigil_node_params(node, sizeof *self);
    gint32 amounts[2 * VIGIL_MAX_DIMS];
    const VigilTensor *in, *out;
    guint n;

    if (!vigil_node_check_arity(graph, node, 2, 3, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, amounts, 2 * VIGIL_MAX_DIMS, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    if (in->n_dims == 0 || n != 2 * in->n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs two amounts for each of %u dimensions", in->n_dims);
    if (in->type != out->type || in->scale != out->scale || in->zero_point != out->zero_point)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "input and output must have the same type, scale and zero point");
    self->element = in->element_bytes;
    self->n_dims = in->n_dims;
    return set_value(self, graph, node, error) && set_dims(self, graph, node, amounts, error);
}

static void
fill(const Pad *self, guint8 *out, gsize bytes)
{
    if (self->element == 1) {
        memset(out, self->value[0], bytes);
        return;
    }
    for (gsize i = 0; i < bytes; i += self->element)
        memcpy(out + i, self->value, self->element);
}

static void
pad_run(const VigilNode *node, const VigilRun *run)
{
    const Pad *self = node->params;
    const guint last = self->n_dims - 1;
    const gsize line = (gsize)self->in_size[last] * self->element;
    const gsize n_lines = last > 0 ? (gsize)self->in_size[last - 1] : 1;
    const gsize out_step = last > 0 ? self->out_pitch[last - 1] : line;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint32 index[VIGIL_MAX_DIMS] = {0};
    guint dim;

    fill(self, out, run->graph->tensors[node->outputs[0]].bytes);
    if (run->graph->tensors[node->inputs[0]].count == 0)
        return;
    out += self->first;
    do {
        vigil_move_lines(in, (gssize)line, out, out_step, line, n_lines);
        in += n_lines * line;
        for (dim = MAX(last, 1) - 1; dim > 0; dim--) {
            const guint d = dim - 1;

            out += self->out_pitch[d];
            if (++index[d] < self->in_size[d])
                break;
            out -= self->out_pitch[d] * (gsize)self->in_size[d];
            index[d] = 0;
        }
    } while (dim > 0);
}

const VigilOp vigil_ops_pad[] = {
    {34, NULL, "PAD", pad_prepare, pad_run},
    {60, NULL, "PADV2", pad_prepare, pad_run},
    {0},
};
