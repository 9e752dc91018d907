/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-graph-private.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const gchar *name;
    guint bytes;
} types[] = {
    [VIGIL_TENSOR_FLOAT32] = {"FLOAT32", 4}, [VIGIL_TENSOR_INT32] = {"INT32", 4},
    [VIGIL_TENSOR_UINT8] = {"UINT8", 1},     [VIGIL_TENSOR_INT64] = {"INT64", 8},
    [VIGIL_TENSOR_BOOL] = {"BOOL", 1},       [VIGIL_TENSOR_INT16] = {"INT16", 2},
    [VIGIL_TENSOR_INT8] = {"INT8", 1},
};

const gchar *
vigil_tensor_raw_type_name(gint raw_type)
{
    static const gchar *const names[] = {
        "FLOAT32", "FLOAT16",  "INT32",     "UINT8",  "INT64",   "STRING",
        "BOOL",    "INT16",    "COMPLEX64", "INT8",   "FLOAT64", "COMPLEX128",
        "UINT64",  "RESOURCE", "VARIANT",   "UINT32", "UINT16",  "INT4",
    };

    return raw_type >= 0 && raw_type < (gint)G_N_ELEMENTS(names) ? names[raw_type] : "UNKNOWN";
}

const gchar *
vigil_tensor_type_name(VigilTensorType type)
{
    return types[type].name;
}

guint
vigil_tensor_type_bytes(VigilTensorType type)
{
    return types[type].bytes;
}

gboolean
vigil_tensor_is_8bit(const VigilTensor *self)
{
    return self->element_bytes == 1 &&
           (self->type == VIGIL_TENSOR_UINT8 || self->type == VIGIL_TENSOR_INT8);
}

gboolean
vigil_tensor_is_int8_in_file(const VigilTensor *self)
{
    return self->type == (self->turned ? VIGIL_TENSOR_UINT8 : VIGIL_TENSOR_INT8);
}

gboolean
vigil_tensor_set_shape(VigilTensor *self, guint n_dims, const gint32 *dims)
{
    guint64 count = 1, extent = 1;

    if (n_dims > VIGIL_MAX_DIMS)
        return FALSE;
    for (guint i = 0; i < n_dims; i++) {
        if (dims[i] < 0)
            return FALSE;
        count *= (guint32)dims[i];
        /* An empty tensor may not hide sizes that loops run over. */
        extent *= MAX((guint32)dims[i], 1u);
        if (extent > VIGIL_MAX_TENSOR_BYTES)
            return FALSE;
    }
    if (count * self->element_bytes > VIGIL_MAX_TENSOR_BYTES)
        return FALSE;
    memset(self->dims, 0, sizeof self->dims);
    for (guint i = 0; i < n_dims; i++)
        self->dims[i] = dims[i];
    self->n_dims = n_dims;
    self->count = count;
    self->bytes = count * self->element_bytes;
    return TRUE;
}

void
vigil_graph_clear(VigilGraph *self)
{
    for (guint i = 0; i < self->n_tensors; i++) {
        g_free(self->tensors[i].name);
        g_free(self->tensors[i].scales);
        g_free(self->tensors[i].owned);
    }
    for (guint i = 0; i < self->n_nodes; i++) {
        g_free(self->nodes[i].name);
        g_free(self->nodes[i].inputs);
        g_free(self->nodes[i].outputs);
        g_free(self->nodes[i].params);
        g_free(self->nodes[i].lookup);
        g_free(self->nodes[i].order);
        free(self->nodes[i].packed);
    }
    g_clear_pointer(&self->tensors, g_free);
    g_clear_pointer(&self->nodes, g_free);
    g_clear_pointer(&self->inputs, g_free);
    g_clear_pointer(&self->outputs, g_free);
    g_clear_pointer(&self->steps, g_free);
    g_clear_pointer(&self->step_needs, g_free);
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->file, g_bytes_unref);
    self->n_tensors = self->n_nodes = self->n_inputs = self->n_outputs = 0;
}

gint32
vigil_graph_storage(const VigilGraph *self, gint32 index)
{
    while (self->tensors[index].view_of >= 0)
        index = self->tensors[index].view_of;
    return index;
}

gsize
vigil_graph_view_offset(const VigilGraph *self, gint32 index)
{
    gsize offset = 0;

    for (; self->tensors[index].view_of >= 0; index = self->tensors[index].view_of)
        offset += self->tensors[index].view_offset;
    return offset;
}

gboolean
vigil_graph_claim(VigilGraph *self, gsize bytes)
{
    if (bytes > VIGIL_MAX_WEIGHT_BYTES - self->claimed_bytes)
        return FALSE;
    self->claimed_bytes += bytes;
    return TRUE;
}

static VigilTensor *
tensor_at(const VigilGraph *graph, const gint32 *indices, guint n, guint index)
{
    if (index >= n || indices[index] < 0)
        return NULL;
    return &graph->tensors[indices[index]];
}

VigilTensor *
vigil_node_input(const VigilGraph *graph, const VigilNode *node, guint index)
{
    return tensor_at(graph, node->inputs, node->n_inputs, index);
}

VigilTensor *
vigil_node_output(const VigilGraph *graph, const VigilNode *node, guint index)
{
    return tensor_at(graph, node->outputs, node->n_outputs, index);
}

/* At most eight types are spelt out; a CONCATENATION can have hundreds. */
static void
append_types(GString *text, const VigilGraph *graph, const gint32 *indices, guint n)
{
    const guint shown = MIN(n, 8u);

    for (guint i = 0; i < shown; i++) {
        const VigilTensor *tensor = tensor_at(graph, indices, n, i);

        g_string_append(text, i > 0 ? ", " : "");
        g_string_append(text, tensor != NULL ? vigil_tensor_raw_type_name(tensor->raw_type) : "-");
    }
    if (shown < n)
        g_string_append(text, ", ...");
}

gboolean
vigil_node_fail(const VigilGraph *graph, const VigilNode *node, GError **error,
                VigilModelError code, const gchar *format, ...)
{
    g_autoptr(GString) text = g_string_new(NULL);
    va_list args;

    g_string_append_printf(text, "%s: operator %u %s (", graph->name, node->index, node->name);
    append_types(text, graph, node->inputs, node->n_inputs);
    g_string_append(text, " -> ");
    append_types(text, graph, node->outputs, node->n_outputs);
    g_string_append(text, "): ");
    va_start(args, format);
    g_string_append_vprintf(text, format, args);
    va_end(args);
    g_set_error_literal(error, VIGIL_MODEL_ERROR, code, text->str);
    return FALSE;
}

static gboolean
check_known_type(const VigilGraph *graph, const VigilNode *node, const VigilTensor *tensor,
                 GError **error)
{
    if (tensor->element_bytes != 0)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                           "tensor \"%s\" has the type %s, which is not supported", tensor->name,
                           vigil_tensor_raw_type_name(tensor->raw_type));
}

gboolean
vigil_node_check_arity(const VigilGraph *graph, const VigilNode *node, guint min_inputs,
                       guint max_inputs, guint n_outputs, GError **error)
{
    if (node->n_inputs < min_inputs || node->n_inputs > max_inputs)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "has %u inputs, %u to %u are right", node->n_inputs, min_inputs,
                               max_inputs);
    if (n_outputs != 0 ? node->n_outputs != n_outputs : node->n_outputs == 0)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "has %u outputs, %u are right", node->n_outputs, MAX(n_outputs, 1u));
    for (guint i = 0; i < node->n_inputs; i++) {
        const VigilTensor *tensor = vigil_node_input(graph, node, i);

        if (tensor == NULL && i < min_inputs)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "input %u is missing", i);
        if (tensor != NULL && !check_known_type(graph, node, tensor, error))
            return FALSE;
    }
    for (guint i = 0; i < node->n_outputs; i++)
        if (!check_known_type(graph, node, vigil_node_output(graph, node, i), error))
            return FALSE;
    return TRUE;
}

gboolean
vigil_node_check_quantized(const VigilGraph *graph, const VigilNode *node,
                           const VigilTensor *tensor, const gchar *what, GError **error)
{
    if (!vigil_tensor_is_8bit(tensor))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "%s is %s; only 8-bit quantized tensors (UINT8, INT8) are computed "
                               "here: convert the model with full integer quantization",
                               what, vigil_tensor_raw_type_name(tensor->raw_type));
    if (tensor->n_scales != 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               tensor->n_scales == 0
                                   ? "%s has no quantization parameters"
                                   : "%s has a scale a channel, it needs one for all",
                               what);
    return TRUE;
}

gboolean
vigil_node_check_quantized_io(const VigilGraph *graph, const VigilNode *node, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    /* vigil_node_check_arity() came first */
    g_assert(in != NULL && out != NULL);
    for (guint i = 1; i < node->n_inputs; i++) {
        const VigilTensor *weights = vigil_node_input(graph, node, i);

        if (weights != NULL && in->type == VIGIL_TENSOR_FLOAT32 && vigil_tensor_is_8bit(weights))
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                   "a hybrid model (float activations with 8-bit weights) is not "
                                   "supported: convert it with full integer quantization");
    }
    if (!vigil_node_check_quantized(graph, node, in, "the input", error) ||
        !vigil_node_check_quantized(graph, node, out, "the output", error))
        return FALSE;
    if (vigil_tensor_is_int8_in_file(in) != vigil_tensor_is_int8_in_file(out))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "input and output must have the same type");
    return TRUE;
}

gboolean
vigil_node_set_output(VigilGraph *graph, VigilNode *node, guint index, guint n_dims,
                      const gint32 *dims, GError **error)
{
    VigilTensor *out = vigil_node_output(graph, node, index);

    if (!vigil_tensor_set_shape(out, n_dims, dims))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                               "output %u has more than %u dimensions or %" G_GSIZE_FORMAT " bytes",
                               index, VIGIL_MAX_DIMS, VIGIL_MAX_TENSOR_BYTES);
    return TRUE;
}

gboolean
vigil_node_copy_shape(VigilGraph *graph, VigilNode *node, guint index, const VigilTensor *like,
                      GError **error)
{
    gint32 dims[VIGIL_MAX_DIMS];

    memcpy(dims, like->dims, sizeof dims);
    return vigil_node_set_output(graph, node, index, like->n_dims, dims, error);
}

gboolean
vigil_node_const_ints(const VigilGraph *graph, const VigilNode *node, guint input, gint32 *values,
                      guint capacity, guint *n, GError **error)
{
    const VigilTensor *tensor = vigil_node_input(graph, node, input);
    const gboolean is_long = tensor != NULL && tensor->type == VIGIL_TENSOR_INT64;

    if (tensor == NULL || tensor->data == NULL)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "input %u must be constant: shapes that depend on the data are not "
                               "supported",
                               input);
    if ((!is_long && tensor->type != VIGIL_TENSOR_INT32) || tensor->count > capacity)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "input %u must be at most %u integers (INT32 or INT64)", input,
                               capacity);
    for (guint i = 0; i < tensor->count; i++) {
        const gint64 value =
            is_long ? ((const gint64 *)tensor->data)[i] : ((const gint32 *)tensor->data)[i];

        if (value < G_MININT32 || value > G_MAXINT32)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "input %u holds a number beyond 32 bits", input);
        values[i] = (gint32)value;
    }
    *n = (guint)tensor->count;
    return TRUE;
}

gboolean
vigil_node_axis(const VigilGraph *graph, const VigilNode *node, gint32 axis, guint n_dims,
                guint *out, GError **error)
{
    if (axis < -(gint32)n_dims || axis >= (gint32)n_dims)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "axis %d is outside a shape of %u dimensions", axis, n_dims);
    *out = (guint)(axis < 0 ? axis + (gint32)n_dims : axis);
    return TRUE;
}

gpointer
vigil_node_params(VigilNode *node, gsize bytes)
{
    g_free(node->params);
    node->params = g_malloc0(bytes);
    return node->params;
}

static void
run_chunks(const VigilNode *node, const VigilRun *run)
{
    if (node->begin != NULL)
        node->begin(node, run);
    for (guint chunk = 0; chunk < node->n_chunks; chunk++)
        node->chunk(node, run, chunk, run->thread_scratch);
}

void
vigil_node_set_chunks(VigilNode *node, guint n_chunks, VigilChunk chunk, VigilReach reach,
                      void (*begin)(const VigilNode *node, const VigilRun *run))
{
    node->n_chunks = n_chunks;
    node->chunk = chunk;
    node->reach = reach;
    node->begin = begin;
    node->run = run_chunks;
}

gpointer
vigil_node_pack(VigilGraph *graph, VigilNode *node, gsize bytes, GError **error)
{
    if (bytes > VIGIL_MAX_WEIGHT_BYTES - graph->weight_bytes ||
        posix_memalign(&node->packed, VIGIL_ALIGN, MAX(bytes, VIGIL_ALIGN)) != 0) {
        node->packed = NULL;
        vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                        "its weights do not fit into %" G_GSIZE_FORMAT " bytes with the others",
                        VIGIL_MAX_WEIGHT_BYTES);
        return NULL;
    }
    memset(node->packed, 0, MAX(bytes, VIGIL_ALIGN));
    node->packed_bytes = bytes;
    graph->weight_bytes += bytes;
    return node->packed;
}
