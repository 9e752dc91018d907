/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-broadcast-private.h"
#include "models/kernels/vigil-kernel-clones-private.h"

/*
 * MINIMUM, MAXIMUM: of the stored numbers, with broadcasting; inputs and output share type and scale.
 * ARG_MAX: index of the highest value along one dimension; of equals, the lowest index.
 */
typedef struct {
    VigilBroadcast broadcast;
    VigilBroadcastLine line;
} Extreme;

#define DEFINE_LINE(NAME, TYPE, PICK)                                               \
    VIGIL_CLONES static void NAME(const void *params, const void *pa, guint a_step, \
                                  const void *pb, guint b_step, void *po, gsize n)  \
    {                                                                               \
        const TYPE *restrict a = pa, *restrict b = pb;                              \
        TYPE *restrict out = po;                                                    \
                                                                                    \
        if (a_step == 1 && b_step == 1) { /* vectorises */                          \
            for (gsize i = 0; i < n; i++)                                           \
                out[i] = PICK(a[i], b[i]);                                          \
            return;                                                                 \
        }                                                                           \
        for (gsize i = 0; i < n; i++)                                               \
            out[i] = PICK(a[i * a_step], b[i * b_step]);                            \
    }

DEFINE_LINE(min_uint8, guint8, MIN)
DEFINE_LINE(min_int8, gint8, MIN)
DEFINE_LINE(min_int32, gint32, MIN)
DEFINE_LINE(min_int64, gint64, MIN)
DEFINE_LINE(max_uint8, guint8, MAX)
DEFINE_LINE(max_int8, gint8, MAX)
DEFINE_LINE(max_int32, gint32, MAX)
DEFINE_LINE(max_int64, gint64, MAX)

static void
extreme_pairwise(const VigilNode *node, const guint8 *a, const guint8 *b, guint8 *out, gsize n)
{
    const Extreme *self = node->params;

    self->line(NULL, a, 1, b, 1, out, n);
}

static void
extreme_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Extreme *self = node->params;

    vigil_broadcast_chunk(&self->broadcast, node, run, chunk, self->line, NULL);
}

static gboolean
extreme_prepare(VigilGraph *graph, VigilNode *node, gboolean maximum, GError **error)
{
    Extreme *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *a, *b, *out;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error))
        return FALSE;
    a = vigil_node_input(graph, node, 0);
    b = vigil_node_input(graph, node, 1);
    out = vigil_node_output(graph, node, 0);
    if (a->type != b->type || a->type != out->type || a->scale != b->scale ||
        a->scale != out->scale || a->zero_point != b->zero_point ||
        a->zero_point != out->zero_point)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "inputs and output must have the same type, scale and zero point");
    switch (a->type) {
    case VIGIL_TENSOR_UINT8: self->line = maximum ? max_uint8 : min_uint8; break;
    case VIGIL_TENSOR_INT8: self->line = maximum ? max_int8 : min_int8; break;
    case VIGIL_TENSOR_INT32: self->line = maximum ? max_int32 : min_int32; break;
    case VIGIL_TENSOR_INT64: self->line = maximum ? max_int64 : min_int64; break;
    default:
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the type must be INT8, UINT8, INT32 or INT64");
    }
    if (!vigil_broadcast_init(&self->broadcast, graph, node, error))
        return FALSE;
    if (!vigil_tensor_is_8bit(a))
        return TRUE;
    node->pairwise = extreme_pairwise;
    if (!vigil_broadcast_spread(&self->broadcast, graph, node, error))
        return FALSE;
    if (self->broadcast.n_outer == 0)
        vigil_kernel_set_bytewise(node, self->broadcast.line, extreme_chunk);
    return TRUE;
}

static gboolean
minimum_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return extreme_prepare(graph, node, FALSE, error);
}

static gboolean
maximum_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    return extreme_prepare(graph, node, TRUE, error);
}

static void
extreme_run(const VigilNode *node, const VigilRun *run)
{
    const Extreme *self = node->params;

    vigil_broadcast_run(&self->broadcast, vigil_run_input(run, node, 0),
                        vigil_run_input(run, node, 1), vigil_run_output(run, node, 0),
                        vigil_node_output(run->graph, node, 0)->element_bytes, self->line, NULL);
}

typedef struct {
    gsize n_outer, n, n_inner;
} ArgMax;

static gboolean
arg_max_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    ArgMax *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *out;
    gint32 dims[VIGIL_MAX_DIMS], wanted;
    guint axis, n, n_dims = 0;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, &wanted, 1, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    if (n != 1 || !vigil_node_axis(graph, node, wanted, in->n_dims, &axis, error))
        return n == 1 ? FALSE
                      : vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                        "needs one dimension");
    if ((in->type != VIGIL_TENSOR_INT8 && in->type != VIGIL_TENSOR_UINT8 &&
         in->type != VIGIL_TENSOR_INT32 && in->type != VIGIL_TENSOR_FLOAT32) ||
        (out->type != VIGIL_TENSOR_INT32 && out->type != VIGIL_TENSOR_INT64))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "takes INT8, UINT8, INT32 or FLOAT32 and gives INT32 or INT64");
    if (in->dims[axis] < 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "dimension %u is empty", axis);
    self->n_outer = self->n_inner = 1;
    self->n = (gsize)in->dims[axis];
    for (guint d = 0; d < in->n_dims; d++) {
        if (d == axis)
            continue;
        dims[n_dims++] = in->dims[d];
        *(d < axis ? &self->n_outer : &self->n_inner) *= (gsize)in->dims[d];
    }
    return vigil_node_set_output(graph, node, 0, n_dims, dims, error);
}

static gdouble
value_at(const VigilTensor *tensor, const void *data, gsize i)
{
    switch (tensor->type) {
    case VIGIL_TENSOR_INT8: return ((const gint8 *)data)[i];
    case VIGIL_TENSOR_UINT8: return ((const guint8 *)data)[i];
    case VIGIL_TENSOR_INT32: return ((const gint32 *)data)[i];
    default: return ((const gfloat *)data)[i];
    }
}

static void
arg_max_run(const VigilNode *node, const VigilRun *run)
{
    const ArgMax *self = node->params;
    const VigilTensor *in = vigil_node_input(run->graph, node, 0);
    const void *data = vigil_run_input(run, node, 0);
    void *out = vigil_run_output(run, node, 0);
    const gboolean wide = vigil_node_output(run->graph, node, 0)->type == VIGIL_TENSOR_INT64;

    for (gsize i = 0; i < self->n_outer * self->n_inner; i++) {
        const gsize first = i / self->n_inner * self->n * self->n_inner + i % self->n_inner;
        gsize best = 0;

        for (gsize k = 1; k < self->n; k++) {
            if (value_at(in, data, first + k * self->n_inner) >
                value_at(in, data, first + best * self->n_inner))
                best = k;
        }
        if (wide)
            ((gint64 *)out)[i] = (gint64)best;
        else
            ((gint32 *)out)[i] = (gint32)best;
    }
}

const VigilOp vigil_ops_extreme[] = {
    {55, NULL, "MAXIMUM", maximum_prepare, extreme_run},
    {56, NULL, "ARG_MAX", arg_max_prepare, arg_max_run},
    {57, NULL, "MINIMUM", minimum_prepare, extreme_run},
    {0},
};
