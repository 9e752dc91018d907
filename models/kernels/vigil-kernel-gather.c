/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-private.h"

/*
 * GATHER with constant indices along an axis:  for o < outer, i: out[o][i] = in[o][index[i]], of @inner bytes each.
 * CAST between the types of shape arithmetic.
 */
typedef struct {
    gsize outer, inner, size, n;
    gint32 *indices;
} Gather;

/* The indices as numbers of 0..size-1, kept with the packed weights. */
static gboolean
read_indices(Gather *self, VigilGraph *graph, VigilNode *node, GError **error)
{
    guint n;

    self->n = vigil_node_input(graph, node, 1)->count;
    self->indices = vigil_node_pack(graph, node, self->n * sizeof *self->indices, error);
    if (self->indices == NULL ||
        !vigil_node_const_ints(graph, node, 1, self->indices, (guint)self->n, &n, error))
        return FALSE;
    for (gsize i = 0; i < self->n; i++)
        if (self->indices[i] < 0 || (gsize)self->indices[i] >= self->size)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "index %d is outside 0..%d", self->indices[i],
                                   (gint)self->size - 1);
    return TRUE;
}

static gboolean
gather_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Gather *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *indices;
    gint32 dims[2 * VIGIL_MAX_DIMS];
    guint axis, n_dims = 0;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    indices = vigil_node_input(graph, node, 1);
    if (vigil_node_output(graph, node, 0)->type != in->type ||
        vigil_fb_i32(&node->options, 1, 0) != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "batch dimensions and a change of type are not supported");
    if (!vigil_node_axis(graph, node, vigil_fb_i32(&node->options, 0, 0), in->n_dims, &axis, error))
        return FALSE;
    self->size = (gsize)in->dims[axis];
    self->outer = 1;
    self->inner = in->element_bytes;
    for (guint i = 0; i < axis; i++)
        self->outer *= (gsize)(dims[n_dims++] = in->dims[i]);
    for (guint i = 0; i < indices->n_dims; i++)
        dims[n_dims++] = indices->dims[i];
    for (guint i = axis + 1; i < in->n_dims; i++)
        self->inner *= (gsize)(dims[n_dims++] = in->dims[i]);
    return read_indices(self, graph, node, error) &&
           vigil_node_set_output(graph, node, 0, n_dims, dims, error);
}

static void
gather_run(const VigilNode *node, const VigilRun *run)
{
    const Gather *self = node->params;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    if (vigil_node_output(run->graph, node, 0)->count == 0)
        return;
    for (gsize o = 0; o < self->outer; o++, in += self->size * self->inner)
        for (gsize i = 0; i < self->n; i++, out += self->inner)
            memcpy(out, in + (gsize)self->indices[i] * self->inner, self->inner);
}

/* A number of any of the types of shape arithmetic; a double holds those that a shape can have. */
static gdouble
load_number(const void *data, VigilTensorType type, gsize i)
{
    switch (type) {
    case VIGIL_TENSOR_FLOAT32: return (gdouble)((const gfloat *)data)[i];
    case VIGIL_TENSOR_INT64: return (gdouble)((const gint64 *)data)[i];
    default: return (gdouble)((const gint32 *)data)[i];
    }
}

static void
store_number(void *data, VigilTensorType type, gsize i, gdouble x)
{
    switch (type) {
    case VIGIL_TENSOR_FLOAT32: ((gfloat *)data)[i] = (gfloat)x; break;
    case VIGIL_TENSOR_INT64: ((gint64 *)data)[i] = x > -0x1p63 && x < 0x1p63 ? (gint64)x : 0; break;
    default: ((gint32 *)data)[i] = x > -0x1p31 - 1 && x < 0x1p31 ? (gint32)x : 0; break;
    }
}

static gboolean
is_number(const VigilTensor *tensor)
{
    return tensor->type == VIGIL_TENSOR_FLOAT32 || tensor->type == VIGIL_TENSOR_INT32 ||
           tensor->type == VIGIL_TENSOR_INT64;
}

static gboolean
cast_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    if (!is_number(vigil_node_input(graph, node, 0)) ||
        !is_number(vigil_node_output(graph, node, 0)))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "only INT32, INT64 and FLOAT32 are cast here");
    return vigil_node_copy_shape(graph, node, 0, vigil_node_input(graph, node, 0), error);
}

static void
cast_run(const VigilNode *node, const VigilRun *run)
{
    const VigilTensor *in = &run->graph->tensors[node->inputs[0]];
    const VigilTensor *out = &run->graph->tensors[node->outputs[0]];
    const void *from = vigil_run_input(run, node, 0);
    void *to = vigil_run_output(run, node, 0);

    for (gsize i = 0; i < out->count; i++)
        store_number(to, out->type, i, load_number(from, in->type, i));
}

const VigilOp vigil_ops_gather[] = {
    {36, NULL, "GATHER", gather_prepare, gather_run},
    {53, NULL, "CAST", cast_prepare, cast_run},
    {0},
};
