/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "models/kernels/vigil-kernel-move-private.h"
#include "models/kernels/vigil-kernel-private.h"

/*
 * TRANSPOSE, TILE and MIRROR_PAD: every element of the output is one of the input, and each dimension of the
 * output has its own say in which:
 *
 *     out[i][j]… = in[offset[0][i] + offset[1][j] + …]
 */
typedef struct {
    guint n_dims;
    gint32 dims[VIGIL_MAX_DIMS];
    guint32 *offsets[VIGIL_MAX_DIMS]; /* in the node's packed memory, in elements */
    gsize element;
    gboolean contiguous; /* the innermost dimension is a line of the input */
} Remap;

/* Elements from one index of a dimension of the input to the next. */
static void
get_steps(const VigilTensor *in, gsize steps[VIGIL_MAX_DIMS])
{
    gsize step = 1;

    for (guint i = in->n_dims; i-- > 0;) {
        steps[i] = step;
        step *= (gsize)in->dims[i];
    }
}

static gboolean
check_same_kind(const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0),
                      *out = vigil_node_output(graph, node, 0);

    if (in->type == out->type && in->scale == out->scale && in->zero_point == out->zero_point)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                           "input and output must have the same type, scale and zero point");
}

/* Sets the output's shape and makes room for the offsets. */
static gboolean
remap_init(Remap *self, VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    gsize n = 0;
    guint32 *offsets;

    if (!check_same_kind(graph, node, error) ||
        !vigil_node_set_output(graph, node, 0, self->n_dims, self->dims, error))
        return FALSE;
    self->element = in->element_bytes;
    for (guint i = 0; i < self->n_dims; i++)
        n += (gsize)self->dims[i];
    offsets = vigil_node_pack(graph, node, MAX(n, 1) * sizeof *offsets, error);
    if (!offsets)
        return FALSE;
    for (guint i = 0; i < self->n_dims; i++) {
        self->offsets[i] = offsets;
        offsets += self->dims[i];
    }
    return TRUE;
}

static void
remap_finish(Remap *self)
{
    const guint last = self->n_dims - 1;

    self->contiguous = self->n_dims > 0;
    for (gint32 i = 1; self->n_dims > 0 && i < self->dims[last]; i++)
        self->contiguous =
            self->contiguous && self->offsets[last][i] == self->offsets[last][i - 1] + 1;
}

static gboolean
read_order(const VigilGraph *graph, const VigilNode *node, gint32 *order, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    guint n, seen = 0;

    if (!vigil_node_const_ints(graph, node, 1, order, VIGIL_MAX_DIMS, &n, error))
        return FALSE;
    for (guint i = 0; i < n && n == in->n_dims; i++) {
        guint axis;

        if (!vigil_node_axis(graph, node, order[i], in->n_dims, &axis, error))
            return FALSE;
        order[i] = (gint32)axis;
        seen |= 1u << axis;
    }
    if (n != in->n_dims || seen != (1u << n) - 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the order must name each of %u dimensions once", in->n_dims);
    return TRUE;
}

/* Of what another TRANSPOSE gives: reads what that one reads. */
static void
join_orders(const VigilGraph *graph, VigilNode *node, gint32 *order)
{
    const gint32 producer = graph->tensors[node->inputs[0]].producer;
    const VigilNode *before = producer >= 0 ? &graph->nodes[producer] : NULL;

    if (!graph->optimise || before == NULL || before->order == NULL || before->folded)
        return;
    for (guint i = 0; i < graph->tensors[node->inputs[0]].n_dims; i++)
        order[i] = before->order[order[i]];
    node->inputs[0] = before->inputs[0];
}

/* Whether what has more than one element along it stays in its order. */
static gboolean
moves_nothing(const VigilTensor *in, const gint32 *order)
{
    gint32 last = -1;

    for (guint i = 0; i < in->n_dims; i++) {
        if (in->dims[order[i]] == 1)
            continue;
        if (order[i] < last)
            return FALSE;
        last = order[i];
    }
    return TRUE;
}

static gboolean
transpose_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    gint32 order[VIGIL_MAX_DIMS];
    gsize steps[VIGIL_MAX_DIMS];
    const VigilTensor *in;
    Remap *self;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !read_order(graph, node, order, error) || !check_same_kind(graph, node, error))
        return FALSE;
    join_orders(graph, node, order);
    in = vigil_node_input(graph, node, 0);
    self = vigil_node_params(node, sizeof *self);
    self->n_dims = in->n_dims;
    for (guint d = 0; d < in->n_dims; d++)
        self->dims[d] = in->dims[order[d]];
    node->order = g_memdup2(order, sizeof order);
    if (graph->optimise && moves_nothing(in, order))
        return vigil_kernel_make_view(graph, node, in->n_dims, self->dims, error);
    if (!vigil_node_set_output(graph, node, 0, in->n_dims, self->dims, error))
        return FALSE;
    if (vigil_move_become_transpose(node, in, order))
        return TRUE;
    if (!remap_init(self, graph, node, error))
        return FALSE;
    get_steps(in, steps);
    for (guint d = 0; d < in->n_dims; d++) {
        for (gint32 i = 0; i < self->dims[d]; i++)
            self->offsets[d][i] = (guint32)((gsize)i * steps[order[d]]);
    }
    remap_finish(self);
    return TRUE;
}

static gboolean
tile_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Remap *self = vigil_node_params(node, sizeof *self);
    gint32 times[VIGIL_MAX_DIMS];
    gsize steps[VIGIL_MAX_DIMS];
    const VigilTensor *in;
    guint n;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, times, VIGIL_MAX_DIMS, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (n != in->n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs one number for each of %u dimensions", in->n_dims);
    self->n_dims = n;
    for (guint d = 0; d < n; d++) {
        const gint64 size = (gint64)in->dims[d] * times[d];

        if (times[d] < 0 || size > G_MAXINT32)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u cannot be repeated %d times", d, times[d]);
        self->dims[d] = (gint32)size;
    }
    if (!remap_init(self, graph, node, error))
        return FALSE;
    get_steps(in, steps);
    for (guint d = 0; d < n; d++) {
        for (gint32 i = 0; i < self->dims[d]; i++)
            self->offsets[d][i] = (guint32)((gsize)(i % in->dims[d]) * steps[d]);
    }
    remap_finish(self);
    return TRUE;
}

/* Padding by what lies inside the edge; symmetric repeats the edge itself, reflecting does not. */
static gint32
mirror(gint32 at, gint32 size, gboolean symmetric)
{
    if (at < 0)
        return -at - (symmetric ? 1 : 0);
    if (at >= size)
        return 2 * size - at - (symmetric ? 1 : 2);
    return at;
}

static gboolean
mirror_pad_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Remap *self = vigil_node_params(node, sizeof *self);
    const gboolean symmetric = vigil_fb_i8(&node->options, 0, 0) == 1;
    gint32 amounts[2 * VIGIL_MAX_DIMS];
    gsize steps[VIGIL_MAX_DIMS];
    const VigilTensor *in;
    guint n;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, amounts, 2 * VIGIL_MAX_DIMS, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (n != 2 * in->n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs two amounts for each of %u dimensions", in->n_dims);
    self->n_dims = in->n_dims;
    for (guint d = 0; d < in->n_dims; d++) {
        const gint32 most = in->dims[d] - (symmetric ? 0 : 1);

        if (amounts[2 * d] < 0 || amounts[2 * d] > most || amounts[2 * d + 1] < 0 ||
            amounts[2 * d + 1] > most)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u cannot be padded by %d and %d", d, amounts[2 * d],
                                   amounts[2 * d + 1]);
        self->dims[d] = amounts[2 * d] + in->dims[d] + amounts[2 * d + 1];
    }
    if (!remap_init(self, graph, node, error))
        return FALSE;
    get_steps(in, steps);
    for (guint d = 0; d < in->n_dims; d++) {
        for (gint32 i = 0; i < self->dims[d]; i++)
            self->offsets[d][i] =
                (guint32)((gsize)mirror(i - amounts[2 * d], in->dims[d], symmetric) * steps[d]);
    }
    remap_finish(self);
    return TRUE;
}

#define COPY_LINE(TYPE)            \
    for (gint32 i = 0; i < n; i++) \
    ((TYPE *)out)[i] = ((const TYPE *)in)[offsets[i]]

static void
copy_line(const Remap *self, const guint8 *in, const guint32 *offsets, gint32 n, guint8 *out)
{
    if (self->contiguous) {
        memcpy(out, in + offsets[0] * self->element, (gsize)n * self->element);
        return;
    }
    switch (self->element) {
    case 1: COPY_LINE(guint8); break;
    case 2: COPY_LINE(guint16); break;
    case 4: COPY_LINE(guint32); break;
    default: COPY_LINE(guint64); break;
    }
}

static void
remap_run(const VigilNode *node, const VigilRun *run)
{
    const Remap *self = node->params;
    const guint last = MAX(self->n_dims, 1) - 1;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint32 index[VIGIL_MAX_DIMS] = {0};
    guint dim;

    if (vigil_node_output(run->graph, node, 0)->count == 0)
        return;
    if (self->n_dims == 0) {
        memcpy(out, in, self->element);
        return;
    }
    do {
        gsize base = 0;

        for (dim = 0; dim < last; dim++)
            base += self->offsets[dim][index[dim]];
        copy_line(self, in + base * self->element, self->offsets[last], self->dims[last], out);
        out += (gsize)self->dims[last] * self->element;
        for (dim = last; dim > 0; dim--) {
            if (++index[dim - 1] < self->dims[dim - 1])
                break;
            index[dim - 1] = 0;
        }
    } while (dim > 0);
}

const VigilOp vigil_ops_remap[] = {
    {39, NULL, "TRANSPOSE", transpose_prepare, remap_run},
    {69, NULL, "TILE", tile_prepare, remap_run},
    {100, NULL, "MIRROR_PAD", mirror_pad_prepare, remap_run},
    {0},
};
