/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-private.h"
#include "models/vigil-fold-private.h"

/* RESHAPE, SQUEEZE, EXPAND_DIMS: other dimensions for the same bytes. SHAPE: the dimensions themselves. */

gboolean
vigil_kernel_make_view(VigilGraph *graph, VigilNode *node, guint n_dims, const gint32 *dims,
                       GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    VigilTensor *out = vigil_node_output(graph, node, 0);

    if (in->type != out->type)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "input and output must have the same type");
    if (!vigil_node_set_output(graph, node, 0, n_dims, dims, error))
        return FALSE;
    if (in->count != out->count)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "%" G_GSIZE_FORMAT
                               " elements cannot take a shape of %" G_GSIZE_FORMAT,
                               in->count, out->count);
    if (in->data != NULL) {
        out->data = in->data;
        node->folded = TRUE;
    } else {
        /* Never a view of a view: a chain of them would be walked at every use. */
        out->view_of = in->view_of >= 0 ? in->view_of : node->inputs[0];
    }
    node->run = NULL;
    return TRUE;
}

/* The wanted shape: the second input where it is given, else the option. */
static gboolean
read_new_shape(VigilGraph *graph, VigilNode *node, gint32 *dims, guint *n, GError **error)
{
    VigilFbVector option;

    if (vigil_node_input(graph, node, 1) != NULL)
        return vigil_node_const_ints(graph, node, 1, dims, VIGIL_MAX_DIMS, n, error);
    option = vigil_fb_vector(&node->options, 0, 4);
    if (option.length > VIGIL_MAX_DIMS)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "a shape of %u dimensions is not supported", option.length);
    for (guint i = 0; i < option.length; i++)
        dims[i] = vigil_fb_vector_i32(&option, i);
    *n = option.length;
    return TRUE;
}

static gboolean
reshape_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    gint32 dims[VIGIL_MAX_DIMS] = {0};
    guint64 known = 1;
    gint wild = -1;
    guint n = 0;

    if (!vigil_node_check_arity(graph, node, 1, 2, 1, error) ||
        !read_new_shape(graph, node, dims, &n, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (dims[i] < -1 || (dims[i] == -1 && wild >= 0) || known > VIGIL_MAX_TENSOR_BYTES)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "the new shape is not one");
        if (dims[i] == -1)
            wild = (gint)i;
        else
            known *= (guint32)dims[i];
    }
    if (wild >= 0)
        dims[wild] = known > 0 ? (gint32)(vigil_node_input(graph, node, 0)->count / known) : 0;
    return vigil_kernel_make_view(graph, node, n, dims, error);
}

static gboolean
squeeze_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilFbVector which = vigil_fb_vector(&node->options, 0, 4);
    const VigilTensor *in;
    gboolean drop[VIGIL_MAX_DIMS] = {FALSE};
    gint32 dims[VIGIL_MAX_DIMS];
    guint n = 0;

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    for (guint i = 0; i < in->n_dims; i++)
        drop[i] = which.length == 0 && in->dims[i] == 1;
    for (guint i = 0; i < which.length; i++) {
        guint axis;

        if (!vigil_node_axis(graph, node, vigil_fb_vector_i32(&which, i), in->n_dims, &axis, error))
            return FALSE;
        if (in->dims[axis] != 1)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u is %d, only 1 can be dropped", axis,
                                   in->dims[axis]);
        drop[axis] = TRUE;
    }
    for (guint i = 0; i < in->n_dims; i++)
        if (!drop[i])
            dims[n++] = in->dims[i];
    return vigil_kernel_make_view(graph, node, n, dims, error);
}

static gboolean
expand_dims_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *in;
    gint32 dims[VIGIL_MAX_DIMS], axis;
    guint at, n;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, &axis, 1, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (n != 1 || in->n_dims >= VIGIL_MAX_DIMS)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "needs one axis and at most %d dimensions", VIGIL_MAX_DIMS);
    if (!vigil_node_axis(graph, node, axis, in->n_dims + 1, &at, error))
        return FALSE;
    for (guint i = 0; i <= in->n_dims; i++)
        dims[i] = i < at ? in->dims[i] : i == at ? 1 : in->dims[i - 1];
    return vigil_kernel_make_view(graph, node, in->n_dims + 1, dims, error);
}

static gboolean
shape_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *in;
    VigilTensorType type;
    gint32 dims[VIGIL_MAX_DIMS] = {0};
    gint64 long_dims[VIGIL_MAX_DIMS] = {0};
    gint32 count;

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    type = vigil_node_output(graph, node, 0)->type;
    count = (gint32)in->n_dims;
    if (type != VIGIL_TENSOR_INT32 && type != VIGIL_TENSOR_INT64)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "a shape must be INT32 or INT64");
    if (!vigil_node_set_output(graph, node, 0, 1, &count, error))
        return FALSE;
    for (guint i = 0; i < in->n_dims; i++)
        long_dims[i] = dims[i] = in->dims[i];
    if (type == VIGIL_TENSOR_INT64)
        vigil_fold_set_constant(graph, node, long_dims);
    else
        vigil_fold_set_constant(graph, node, dims);
    return TRUE;
}

const VigilOp vigil_ops_reshape[] = {
    {22, NULL, "RESHAPE", reshape_prepare, NULL},
    {43, NULL, "SQUEEZE", squeeze_prepare, NULL},
    {70, NULL, "EXPAND_DIMS", expand_dims_prepare, NULL},
    {77, NULL, "SHAPE", shape_prepare, NULL},
    {0},
};
