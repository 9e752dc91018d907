/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-slice-private.h"

#include "models/kernels/vigil-kernel-move-private.h"

#include <string.h>

/*
 * SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, UNPACK: regular parts of a tensor, as they are.
 *
 *     out[i0][i1]... = in[begin0 + i0 * stride0][begin1 + i1 * stride1]...
 */

/* The two innermost dimensions. */
static void
copy_lines(const VigilSlice *self, const guint8 *in, guint8 *out, gsize element)
{
    const guint last = self->n_dims - 1;
    const gsize n = (gsize)self->size[last];
    const gsize n_lines = last > 0 ? (gsize)self->size[last - 1] : 1;
    const gssize step = self->step[last] * (gssize)element;
    const gssize line_step = last > 0 ? self->step[last - 1] * (gssize)element : 0;

    if (self->step[last] == 1) {
        vigil_move_lines(in, line_step, out, n * element, n * element, n_lines);
        return;
    }
    for (gsize i = 0; i < n_lines; i++, in += line_step, out += n * element)
        vigil_move_lines(in, step, out, element, element, n);
}

void
vigil_slice_copy(const VigilSlice *self, const guint8 *in, guint8 *out, gsize element)
{
    gint32 index[VIGIL_MAX_DIMS] = {0};
    gsize plane;
    guint dim;

    for (guint i = 0; i < self->n_dims; i++)
        if (self->size[i] == 0)
            return;
    in += self->start * element;
    if (self->n_dims == 0) {
        memcpy(out, in, element);
        return;
    }
    plane = (gsize)self->size[self->n_dims - 1] * element;
    plane *= self->n_dims > 1 ? (gsize)self->size[self->n_dims - 2] : 1;
    do {
        copy_lines(self, in, out, element);
        out += plane;
        for (dim = MAX(self->n_dims, 2) - 2; dim > 0; dim--) {
            const guint d = dim - 1;

            in += self->step[d] * (gssize)element;
            if (++index[d] < self->size[d])
                break;
            in -= self->step[d] * (gssize)element * self->size[d];
            index[d] = 0;
        }
    } while (dim > 0);
}

/* Puts dimension @dim of the slice to @size elements from @begin by @stride; called from the innermost outwards. */
static gsize
set_dim(VigilSlice *self, const VigilTensor *in, guint dim, gint32 begin, gint32 size,
        gint32 stride, gsize pitch)
{
    self->size[dim] = size;
    self->step[dim] = (gssize)stride * (gssize)pitch;
    self->start += (gsize)begin * pitch;
    return pitch * (gsize)in->dims[dim];
}

static gboolean
check_same_type(const VigilGraph *graph, const VigilNode *node, const VigilTensor *in,
                GError **error)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (vigil_node_output(graph, node, i)->type != in->type)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "input and output must have the same type");
    return TRUE;
}

static void
slice_run(const VigilNode *node, const VigilRun *run)
{
    const VigilSlice *slices = node->params;
    const VigilTensor *in = &run->graph->tensors[node->inputs[node->op->code == 49 ? 1 : 0]];
    const guint8 *data = vigil_run_input(run, node, node->op->code == 49 ? 1 : 0);

    for (guint i = 0; i < node->n_outputs; i++)
        vigil_slice_copy(&slices[i], data, vigil_run_output(run, node, i), in->element_bytes);
}

static gboolean
slice_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    VigilSlice *self = vigil_node_params(node, sizeof *self);
    gint32 begin[VIGIL_MAX_DIMS], size[VIGIL_MAX_DIMS];
    const VigilTensor *in;
    guint n_begin, n_size;
    gsize pitch = 1;

    if (!vigil_node_check_arity(graph, node, 3, 3, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, begin, VIGIL_MAX_DIMS, &n_begin, error) ||
        !vigil_node_const_ints(graph, node, 2, size, VIGIL_MAX_DIMS, &n_size, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (n_begin != in->n_dims || n_size != in->n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs a begin and a size for each of %u dimensions", in->n_dims);
    self->n_dims = in->n_dims;
    for (guint i = in->n_dims; i-- > 0;) {
        if (size[i] == -1)
            size[i] = in->dims[i] - begin[i];
        if (begin[i] < 0 || size[i] < 0 || begin[i] > in->dims[i] ||
            size[i] > in->dims[i] - begin[i])
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u: %d from %d is outside 0..%d", i, size[i],
                                   begin[i], in->dims[i]);
        pitch = set_dim(self, in, i, begin[i], size[i], 1, pitch);
    }
    return check_same_type(graph, node, in, error) &&
           vigil_node_set_output(graph, node, 0, in->n_dims, size, error);
}

/* One end of a strided slice: counted from the end when negative, then brought into the dimension. */
static gint64
resolve(gint64 value, gint64 size, gint64 lowest, gint64 highest)
{
    return CLAMP(value < 0 ? value + size : value, lowest, highest);
}

typedef struct {
    gint32 begin[VIGIL_MAX_DIMS], end[VIGIL_MAX_DIMS], stride[VIGIL_MAX_DIMS];
    guint n;
    gint32 begin_mask, end_mask, shrink_mask;
} Strided;

static gboolean
read_strided(Strided *self, const VigilGraph *graph, const VigilNode *node, GError **error)
{
    guint n_end, n_stride;

    if (!vigil_node_check_arity(graph, node, 4, 4, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, self->begin, VIGIL_MAX_DIMS, &self->n, error) ||
        !vigil_node_const_ints(graph, node, 2, self->end, VIGIL_MAX_DIMS, &n_end, error) ||
        !vigil_node_const_ints(graph, node, 3, self->stride, VIGIL_MAX_DIMS, &n_stride, error))
        return FALSE;
    self->begin_mask = vigil_fb_i32(&node->options, 0, 0);
    self->end_mask = vigil_fb_i32(&node->options, 1, 0);
    self->shrink_mask = vigil_fb_i32(&node->options, 4, 0);
    if (vigil_fb_i32(&node->options, 2, 0) != 0 || vigil_fb_i32(&node->options, 3, 0) != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "ellipsis and new-axis masks are not supported");
    if (self->n != n_end || self->n != n_stride ||
        self->n > vigil_node_input(graph, node, 0)->n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs a begin, an end and a stride for the same dimensions");
    return TRUE;
}

/* First element and number of elements along dimension @i. */
static gboolean
strided_range(const Strided *self, guint i, gint32 size, gint32 *begin, gint32 *count,
              gint32 *stride)
{
    gint64 first, end;

    *begin = 0;
    *count = size;
    *stride = 1;
    if (i >= self->n)
        return TRUE;
    *stride = self->stride[i];
    if ((self->shrink_mask >> i & 1) != 0) {
        first = self->begin[i] < 0 ? (gint64)self->begin[i] + size : self->begin[i];
        *begin = (gint32)first;
        *count = 1;
        return first >= 0 && first < size;
    }
    if (*stride == 0 || *stride == G_MININT32)
        return FALSE;
    if (*stride > 0) {
        first = (self->begin_mask >> i & 1) != 0 ? 0 : resolve(self->begin[i], size, 0, size);
        end = (self->end_mask >> i & 1) != 0 ? size : resolve(self->end[i], size, 0, size);
        *count = (gint32)(end > first ? (end - first + *stride - 1) / *stride : 0);
    } else {
        first = (self->begin_mask >> i & 1) != 0
                    ? (gint64)size - 1
                    : resolve(self->begin[i], size, -1, (gint64)size - 1);
        end =
            (self->end_mask >> i & 1) != 0 ? -1 : resolve(self->end[i], size, -1, (gint64)size - 1);
        *count =
            (gint32)(first > end ? (first - end + -(gint64)*stride - 1) / -(gint64)*stride : 0);
    }
    *begin = *count > 0 ? (gint32)first : 0;
    return TRUE;
}

static gboolean
strided_slice_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    VigilSlice *self = vigil_node_params(node, sizeof *self);
    gint32 dims[VIGIL_MAX_DIMS];
    Strided strided;
    const VigilTensor *in;
    guint n_out = 0;
    gsize pitch = 1;

    if (!read_strided(&strided, graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    self->n_dims = in->n_dims;
    for (guint i = in->n_dims; i-- > 0;) {
        gint32 begin, count, stride;

        if (!strided_range(&strided, i, in->dims[i], &begin, &count, &stride))
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "dimension %u: stride 0 or an index outside 0..%d", i,
                                   in->dims[i]);
        pitch = set_dim(self, in, i, begin, count, stride, pitch);
    }
    for (guint i = 0; i < in->n_dims; i++)
        if (i >= strided.n || (strided.shrink_mask >> i & 1) == 0)
            dims[n_out++] = self->size[i];
    return check_same_type(graph, node, in, error) &&
           vigil_node_set_output(graph, node, 0, n_out, dims, error);
}

/* One slice an output, @sizes[i] long along @axis. */
static gboolean
prepare_parts(VigilGraph *graph, VigilNode *node, const VigilTensor *in, guint axis,
              const gint32 *sizes, gboolean drop_axis, GError **error)
{
    VigilSlice *slices = vigil_node_params(node, node->n_outputs * sizeof *slices);
    gint32 begin = 0;

    for (guint o = 0; o < node->n_outputs; o++) {
        gint32 dims[VIGIL_MAX_DIMS];
        guint n_dims = 0;
        gsize pitch = 1;

        slices[o].n_dims = in->n_dims;
        for (guint i = in->n_dims; i-- > 0;)
            pitch = set_dim(&slices[o], in, i, i == axis ? begin : 0,
                            i == axis ? sizes[o] : in->dims[i], 1, pitch);
        for (guint i = 0; i < in->n_dims; i++)
            if (i != axis || !drop_axis)
                dims[n_dims++] = slices[o].size[i];
        if (!vigil_node_set_output(graph, node, o, n_dims, dims, error))
            return FALSE;
        begin += sizes[o];
    }
    return check_same_type(graph, node, in, error);
}

static gboolean
read_axis(VigilGraph *graph, VigilNode *node, guint input, guint n_dims, guint *axis,
          GError **error)
{
    gint32 value = 0;
    guint n = 0;

    if (!vigil_node_const_ints(graph, node, input, &value, 1, &n, error))
        return FALSE;
    if (n != 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID, "needs one axis");
    return vigil_node_axis(graph, node, value, n_dims, axis, error);
}

static gboolean
split_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    gint32 sizes[VIGIL_MAX_NODE_INPUTS] = {0};
    const VigilTensor *in;
    guint axis = 0;

    if (!vigil_node_check_arity(graph, node, 2, 2, 0, error))
        return FALSE;
    in = vigil_node_input(graph, node, 1);
    if (!read_axis(graph, node, 0, in->n_dims, &axis, error))
        return FALSE;
    if (in->dims[axis] % (gint32)node->n_outputs != 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "%d elements do not split into %u equal parts", in->dims[axis],
                               node->n_outputs);
    for (guint i = 0; i < node->n_outputs; i++)
        sizes[i] = in->dims[axis] / (gint32)node->n_outputs;
    return prepare_parts(graph, node, in, axis, sizes, FALSE, error);
}

static gboolean
split_v_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    gint32 sizes[VIGIL_MAX_NODE_INPUTS] = {0};
    const VigilTensor *in;
    gint64 sum = 0;
    gint wild = -1;
    guint axis = 0, n = 0;

    if (!vigil_node_check_arity(graph, node, 3, 3, 0, error) ||
        !vigil_node_const_ints(graph, node, 1, sizes, VIGIL_MAX_NODE_INPUTS, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (!read_axis(graph, node, 2, in->n_dims, &axis, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (sizes[i] == -1 && wild < 0)
            wild = (gint)i;
        else
            sum += sizes[i] < 0 ? G_MAXINT32 : sizes[i];
    }
    if (wild >= 0 && sum <= in->dims[axis]) {
        sizes[wild] = (gint32)(in->dims[axis] - sum);
        sum = in->dims[axis];
    }
    if (n != node->n_outputs || sum != in->dims[axis])
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "the %u sizes do not make up the %d elements for %u outputs", n,
                               in->dims[axis], node->n_outputs);
    return prepare_parts(graph, node, in, axis, sizes, FALSE, error);
}

static gboolean
unpack_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    gint32 sizes[VIGIL_MAX_NODE_INPUTS] = {0};
    const VigilTensor *in;
    guint axis = 0;

    if (!vigil_node_check_arity(graph, node, 1, 1, 0, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    if (!vigil_node_axis(graph, node, vigil_fb_i32(&node->options, 1, 0), in->n_dims, &axis, error))
        return FALSE;
    if (in->dims[axis] != (gint32)node->n_outputs)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "%d elements for %u outputs", in->dims[axis], node->n_outputs);
    for (guint i = 0; i < node->n_outputs; i++)
        sizes[i] = 1;
    return prepare_parts(graph, node, in, axis, sizes, TRUE, error);
}

const VigilOp vigil_ops_slice[] = {
    {65, NULL, "SLICE", slice_prepare, slice_run},
    {45, NULL, "STRIDED_SLICE", strided_slice_prepare, slice_run},
    {49, NULL, "SPLIT", split_prepare, slice_run},
    {102, NULL, "SPLIT_V", split_v_prepare, slice_run},
    {88, NULL, "UNPACK", unpack_prepare, slice_run},
    {0},
};
