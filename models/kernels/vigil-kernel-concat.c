/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-kernel-move-private.h"
#include "models/kernels/vigil-kernel-private.h"
#include "models/vigil-normalize-private.h"

/*
 * CONCATENATION and PACK: inputs side by side along an axis. Seen from that axis each input is @outer blocks of its
 * own length:
 *
 *     for o < outer: for each input: the next block[input] bytes of it
 *
 * UINT8 inputs of another scale than the output's are put into it by a table of 256 entries.
 */
typedef struct {
    gsize block;
    gboolean rescaled;
    gboolean in_place; /* its producer writes it where it belongs */
    guint8 table[256];
} Part;

typedef struct {
    gsize outer, total;
    gsize chunk;  /* blocks of the outermost loop that are done at a time */
    gsize widest; /* block of an input */
    Part parts[];
} Concat;

static void
concat_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Concat *self = node->params;
    const gsize first = chunk * self->chunk, end = MIN(first + self->chunk, self->outer);
    guint8 *out = (guint8 *)vigil_run_output(run, node, 0) + first * self->total;

    for (guint i = 0; i < node->n_inputs; i++) {
        const Part *part = &self->parts[i];
        const guint8 *in = (const guint8 *)vigil_run_input(run, node, i) + first * part->block;
        guint8 *to = out;

        /* An empty input can have any number of empty blocks. */
        if (part->block == 0)
            continue;
        if (part->in_place)
            ; /* it is there */
        else if (!part->rescaled)
            vigil_move_lines(in, (gssize)part->block, to, self->total, part->block, end - first);
        else
            for (gsize o = first; o < end; o++, in += part->block, to += self->total)
                vigil_kernel_lookup(run->graph->isa, part->table, in, to, part->block);
        out += part->block;
    }
}

static void
concat_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const Concat *self = node->params;
    const gsize end = MIN((chunk + 1) * self->chunk, self->outer);

    *in = end * self->widest;
    *out = end * self->total;
}

static void
set_chunks(Concat *self, VigilNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++)
        self->widest = MAX(self->widest, self->parts[i].block);
    self->chunk = MAX(VIGIL_KERNEL_CHUNK / MAX(self->total, 1u), 1u);
    vigil_node_set_chunks(node, (guint)((self->outer + self->chunk - 1) / self->chunk),
                          concat_chunk, concat_reach, NULL);
}

/* round(real / scale) + zero_point, ties away from zero as TensorFlow Lite rounds here: on the file's numbers. */
static void
fill_table(Part *part, const VigilTensor *stored_in, const VigilTensor *stored_out)
{
    const VigilTensor in = vigil_normalize_undo(stored_in), out = vigil_normalize_undo(stored_out);
    const guint8 in_turn = stored_in->turned ? 0x80 : 0, out_turn = stored_out->turned ? 0x80 : 0;
    const gboolean is_signed = in.type == VIGIL_TENSOR_INT8;
    const gfloat scale = in.scale * (1.0f / out.scale);
    const gfloat bias = -(gfloat)in.zero_point * scale;
    gint32 lo, hi;

    vigil_kernel_type_range(out.type, &lo, &hi);
    for (gint i = 0; i < 256; i++) {
        const guint8 byte = (guint8)i;
        const gfloat x = roundf((gfloat)vigil_kernel_load8(&byte, is_signed, 0) * scale + bias) +
                         (gfloat)out.zero_point;
        const gint32 q = (gint32)CLAMP(x, (gfloat)lo, (gfloat)hi);

        part->table[byte ^ in_turn] = (guint8)q ^ out_turn;
    }
    part->rescaled = TRUE;
}

static gboolean
check_part(const VigilGraph *graph, const VigilNode *node, Part *part, const VigilTensor *in,
           GError **error)
{
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    if (in->type != out->type)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "inputs and output must have the same type");
    if (!vigil_tensor_is_8bit(in) || (in->scale == out->scale && in->zero_point == out->zero_point))
        return TRUE;
    if (in->n_scales != 1 || out->n_scales != 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "inputs and output must all be quantized with one scale each");
    fill_table(part, in, out);
    return TRUE;
}

/* That @in has the shape of @first but for @axis; @axis of n_dims: nowhere. */
static gboolean
check_shape(const VigilGraph *graph, const VigilNode *node, const VigilTensor *first,
            const VigilTensor *in, guint axis, GError **error)
{
    gboolean same = in->n_dims == first->n_dims;

    for (guint i = 0; same && i < in->n_dims; i++)
        same = i == axis || in->dims[i] == first->dims[i];
    if (same)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                           "the shapes of the inputs do not fit together");
}

/* The node that writes all of the storage of @tensor, which has none of another's yet; or NULL. */
static VigilNode *
sole_producer(const VigilGraph *graph, gint32 tensor)
{
    const gint32 root = vigil_graph_storage(graph, tensor);
    const VigilTensor *storage = &graph->tensors[root];
    VigilNode *node = storage->producer >= 0 ? &graph->nodes[storage->producer] : NULL;

    if (storage->data != NULL || storage->bytes != graph->tensors[tensor].bytes || node == NULL ||
        node->folded || node->fused || node->run == NULL)
        return NULL;
    return node;
}

/* Whether nothing but the concatenation reads what @tensor has, by itself or by one view. */
static gboolean
is_read_once(const VigilGraph *graph, gint32 tensor, const guint *readers)
{
    const gint32 root = vigil_graph_storage(graph, tensor);

    if (readers[tensor] != 1 || readers[root] != 1)
        return FALSE;
    return root == tensor || graph->nodes[graph->tensors[tensor].producer].inputs[0] == root;
}

/* Another scale: the producer's table, if it can have one. */
static gboolean
give_table(const VigilGraph *graph, Part *part, VigilNode *producer, gint32 tensor,
           const guint *readers)
{
    if (!part->rescaled)
        return TRUE;
    if (!producer->takes_lookup || producer->lookup != NULL ||
        !is_read_once(graph, tensor, readers))
        return FALSE;
    producer->lookup = g_memdup2(part->table, sizeof part->table);
    return TRUE;
}

void
vigil_kernel_concat_in_place(VigilGraph *graph, VigilNode *node, const guint *readers)
{
    Concat *self = node->params;
    const gint32 out = node->outputs[0];
    gboolean all = TRUE;
    gsize at = 0;

    if (node->chunk != concat_chunk || self->outer != 1 || graph->tensors[out].data != NULL)
        return;
    for (guint i = 0; i < node->n_inputs; at += self->parts[i++].block) {
        const gint32 root = vigil_graph_storage(graph, node->inputs[i]);
        Part *part = &self->parts[i];
        VigilNode *producer;

        if (part->block == 0)
            continue;
        producer = sole_producer(graph, node->inputs[i]);
        part->in_place = producer != NULL && root != vigil_graph_storage(graph, out) &&
                         give_table(graph, part, producer, node->inputs[i], readers);
        if (part->in_place) {
            graph->tensors[root].view_of = out;
            graph->tensors[root].view_offset = at;
        }
        all = all && part->in_place;
    }
    if (!all)
        return;
    node->fused = TRUE;
    node->run = NULL;
}

static Concat *
new_concat(VigilNode *node)
{
    return vigil_node_params(node, sizeof(Concat) + node->n_inputs * sizeof(Part));
}

static gboolean
concat_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Concat *self = new_concat(node);
    const VigilTensor *first;
    gint32 dims[VIGIL_MAX_DIMS];
    gint64 along = 0;
    gsize inner;
    guint axis;

    if (!vigil_node_check_arity(graph, node, MAX(node->n_inputs, 1u), VIGIL_MAX_NODE_INPUTS, 1,
                                error))
        return FALSE;
    first = vigil_node_input(graph, node, 0);
    inner = first->element_bytes;
    if (vigil_fb_i8(&node->options, 1, 0) != VIGIL_ACTIVATION_NONE)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "a fused activation is not supported");
    if (!vigil_node_axis(graph, node, vigil_fb_i32(&node->options, 0, 0), first->n_dims, &axis,
                         error))
        return FALSE;
    memcpy(dims, first->dims, sizeof dims);
    self->outer = 1;
    for (guint i = 0; i < axis; i++)
        self->outer *= (gsize)dims[i];
    for (guint i = axis + 1; i < first->n_dims; i++)
        inner *= (gsize)dims[i];
    for (guint i = 0; i < node->n_inputs; i++) {
        const VigilTensor *in = vigil_node_input(graph, node, i);

        if (!check_part(graph, node, &self->parts[i], in, error) ||
            !check_shape(graph, node, first, in, axis, error))
            return FALSE;
        along += in->dims[axis];
        self->parts[i].block = (gsize)in->dims[axis] * inner;
    }
    self->total = (gsize)along * inner;
    set_chunks(self, node);
    dims[axis] = (gint32)MIN(along, G_MAXINT32);
    return vigil_node_set_output(graph, node, 0, first->n_dims, dims, error);
}

static gboolean
pack_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Concat *self = new_concat(node);
    const VigilTensor *first;
    gint32 dims[VIGIL_MAX_DIMS];
    gsize inner;
    guint axis;

    if (!vigil_node_check_arity(graph, node, MAX(node->n_inputs, 1u), VIGIL_MAX_NODE_INPUTS, 1,
                                error))
        return FALSE;
    first = vigil_node_input(graph, node, 0);
    if (first->n_dims >= VIGIL_MAX_DIMS)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "more than %d dimensions are not supported", VIGIL_MAX_DIMS);
    if (!vigil_node_axis(graph, node, vigil_fb_i32(&node->options, 1, 0), first->n_dims + 1, &axis,
                         error))
        return FALSE;
    self->outer = 1;
    inner = first->element_bytes;
    for (guint i = 0; i < first->n_dims; i++) {
        if (i < axis)
            self->outer *= (gsize)first->dims[i];
        else
            inner *= (gsize)first->dims[i];
    }
    for (guint i = 0; i < node->n_inputs; i++) {
        const VigilTensor *in = vigil_node_input(graph, node, i);

        if (!check_part(graph, node, &self->parts[i], in, error) ||
            !check_shape(graph, node, first, in, first->n_dims, error))
            return FALSE;
        self->parts[i].block = inner;
    }
    self->total = inner * node->n_inputs;
    set_chunks(self, node);
    for (guint i = 0; i <= first->n_dims; i++)
        dims[i] = i < axis    ? first->dims[i]
                  : i == axis ? (gint32)node->n_inputs
                              : first->dims[i - 1];
    return vigil_node_set_output(graph, node, 0, first->n_dims + 1, dims, error);
}

const VigilOp vigil_ops_concat[] = {
    {2, NULL, "CONCATENATION", concat_prepare, NULL},
    {83, NULL, "PACK", pack_prepare, NULL},
    {0},
};
