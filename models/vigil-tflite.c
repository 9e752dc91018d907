/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-tflite-private.h"

#include <math.h>
#include <stdint.h>

#include "models/kernels/vigil-kernel-private.h"

/* Field numbers of schema.fbs; a union takes two, its type and its value. */
enum {
    MODEL_VERSION = 0,
    MODEL_OPERATOR_CODES = 1,
    MODEL_SUBGRAPHS = 2,
    MODEL_BUFFERS = 4,
    CODE_DEPRECATED = 0,
    CODE_CUSTOM = 1,
    CODE_BUILTIN = 3,
    SUBGRAPH_TENSORS = 0,
    SUBGRAPH_INPUTS = 1,
    SUBGRAPH_OUTPUTS = 2,
    SUBGRAPH_OPERATORS = 3,
    TENSOR_SHAPE = 0,
    TENSOR_TYPE = 1,
    TENSOR_BUFFER = 2,
    TENSOR_NAME = 3,
    TENSOR_QUANTIZATION = 4,
    TENSOR_IS_VARIABLE = 5,
    TENSOR_SPARSITY = 6,
    QUANT_SCALE = 2,
    QUANT_ZERO_POINT = 3,
    QUANT_DETAILS_TYPE = 4,
    QUANT_DIMENSION = 6,
    OPERATOR_CODE = 0,
    OPERATOR_INPUTS = 1,
    OPERATOR_OUTPUTS = 2,
    OPERATOR_OPTIONS = 4,
    OPERATOR_CUSTOM_OPTIONS = 5,
    BUFFER_DATA = 0,
    BUFFER_OFFSET = 1,
};

typedef struct {
    VigilGraph *graph;
    VigilFbVector codes, buffers;
    GError **error;
} Reader;

static gboolean
fail(const Reader *self, VigilModelError code, const gchar *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
fail(const Reader *self, VigilModelError code, const gchar *format, ...)
{
    g_autofree gchar *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(self->error, VIGIL_MODEL_ERROR, code, "%s: %s", self->graph->name, text);
    return FALSE;
}

/* Whether everything read so far lay in the file. */
static gboolean
check_intact(const Reader *self)
{
    if (self->graph->fb.broken == NULL)
        return TRUE;
    return fail(self, VIGIL_MODEL_ERROR_INVALID, "damaged model file: %s", self->graph->fb.broken);
}

static void
set_type(VigilTensor *tensor, gint raw_type)
{
    static const struct {
        gint raw;
        VigilTensorType type;
    } known[] = {{0, VIGIL_TENSOR_FLOAT32}, {2, VIGIL_TENSOR_INT32}, {3, VIGIL_TENSOR_UINT8},
                 {4, VIGIL_TENSOR_INT64},   {6, VIGIL_TENSOR_BOOL},  {7, VIGIL_TENSOR_INT16},
                 {9, VIGIL_TENSOR_INT8}};

    tensor->raw_type = raw_type;
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].raw == raw_type) {
            tensor->type = known[i].type;
            tensor->element_bytes = vigil_tensor_type_bytes(known[i].type);
        }
}

static gboolean
read_shape(const Reader *self, VigilTensor *tensor, const VigilFbTable *table)
{
    const VigilFbVector shape = vigil_fb_vector(table, TENSOR_SHAPE, 4);
    gint32 dims[VIGIL_MAX_DIMS];

    if (shape.length > VIGIL_MAX_DIMS)
        return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "tensor \"%s\" has %u dimensions, at most %d are supported", tensor->name,
                    shape.length, VIGIL_MAX_DIMS);
    for (guint i = 0; i < shape.length; i++) {
        dims[i] = vigil_fb_vector_i32(&shape, i);
        /* "Not known": what is computed gets its shape by inference, an input runs with one. */
        if (dims[i] == -1)
            dims[i] = 1;
    }
    if (!vigil_tensor_set_shape(tensor, shape.length, dims))
        return fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "tensor \"%s\" has a negative size or more than %" G_GSIZE_FORMAT " bytes",
                    tensor->name, VIGIL_MAX_TENSOR_BYTES);
    return TRUE;
}

/*
 * A channel of weights that are all zero may have any tiny scale; the one scale of a whole 8-bit tensor must leave room for
 * quotients and products of two.
 */
static gboolean
check_scale(const Reader *self, const VigilTensor *tensor, gfloat scale, gboolean whole)
{
    const gboolean narrow = whole && vigil_tensor_is_8bit(tensor);

    if (isfinite(scale) && scale > 0.0f && (!narrow || (scale > 0x1p-50f && scale < 0x1p+50f)))
        return TRUE;
    return fail(self, VIGIL_MODEL_ERROR_INVALID,
                "tensor \"%s\" has invalid quantization parameters: a scale of %g", tensor->name,
                scale);
}

static gboolean
check_zero_point(const Reader *self, const VigilTensor *tensor, gint64 zero_point)
{
    gint32 lo, hi;

    if (!vigil_tensor_is_8bit(tensor)) {
        lo = hi = 0;
        if (zero_point == 0 || tensor->type == VIGIL_TENSOR_FLOAT32)
            return TRUE;
    } else {
        vigil_kernel_type_range(tensor->type, &lo, &hi);
    }
    if (zero_point >= lo && zero_point <= hi)
        return TRUE;
    return fail(
        self, VIGIL_MODEL_ERROR_INVALID,
        "tensor \"%s\" has invalid quantization parameters: a zero point of %" G_GINT64_FORMAT
        " for the type %s",
        tensor->name, zero_point, vigil_tensor_raw_type_name(tensor->raw_type));
}

/* One scale a slice along a dimension; the zero points are all one number, 0 for INT8 weights. */
static gboolean
read_channel_scales(const Reader *self, VigilTensor *tensor, const VigilFbVector *scales,
                    const VigilFbVector *zero_points, gint32 dimension)
{
    if (dimension < 0 || dimension >= (gint32)tensor->n_dims ||
        scales->length != (guint32)tensor->dims[dimension])
        return fail(
            self, VIGIL_MODEL_ERROR_INVALID,
            "tensor \"%s\" has invalid quantization parameters: %u scales along dimension %d",
            tensor->name, scales->length, dimension);
    tensor->scales = g_new(gfloat, scales->length);
    for (guint i = 0; i < scales->length; i++) {
        tensor->scales[i] = vigil_fb_vector_float(scales, i);
        if (!check_scale(self, tensor, tensor->scales[i], FALSE))
            return FALSE;
        if (vigil_fb_vector_i64(zero_points, i) != tensor->zero_point)
            return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                        "tensor \"%s\" has a zero point a channel, which is not supported",
                        tensor->name);
    }
    tensor->channel_dim = dimension;
    return TRUE;
}

static gboolean
read_quantization(const Reader *self, VigilTensor *tensor, const VigilFbTable *tensor_table)
{
    const VigilFbTable table = vigil_fb_table(tensor_table, TENSOR_QUANTIZATION);
    const VigilFbVector scales = vigil_fb_vector(&table, QUANT_SCALE, 4);
    const VigilFbVector zero_points = vigil_fb_vector(&table, QUANT_ZERO_POINT, 8);

    if (vigil_fb_i8(&table, QUANT_DETAILS_TYPE, 0) != 0)
        return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "tensor \"%s\" has custom quantization, which is not supported", tensor->name);
    if (scales.length == 0 || tensor->element_bytes == 0)
        return TRUE;
    if (scales.length != zero_points.length)
        return fail(
            self, VIGIL_MODEL_ERROR_INVALID,
            "tensor \"%s\" has invalid quantization parameters: %u scales but %u zero points",
            tensor->name, scales.length, zero_points.length);
    const gint64 zero_point = vigil_fb_vector_i64(&zero_points, 0);

    tensor->scale = vigil_fb_vector_float(&scales, 0);
    if (!check_scale(self, tensor, tensor->scale, scales.length == 1) ||
        !check_zero_point(self, tensor, zero_point))
        return FALSE;
    tensor->zero_point = (gint32)zero_point;
    tensor->n_scales = scales.length;
    if (scales.length == 1)
        return TRUE;
    return read_channel_scales(self, tensor, &scales, &zero_points,
                               vigil_fb_i32(&table, QUANT_DIMENSION, 0));
}

static gboolean
read_constant(const Reader *self, VigilTensor *tensor, guint32 buffer)
{
    VigilFbTable table;
    VigilFbVector data;

    if (buffer == 0 && self->buffers.length == 0)
        return TRUE;
    if (buffer >= self->buffers.length)
        return fail(self, VIGIL_MODEL_ERROR_INVALID, "tensor \"%s\" refers to buffer %u of %u",
                    tensor->name, buffer, self->buffers.length);
    table = vigil_fb_vector_table(&self->buffers, buffer);
    if (vigil_fb_u64(&table, BUFFER_OFFSET, 0) > 1)
        return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "buffer %u lies outside the FlatBuffer, which is not supported", buffer);
    data = vigil_fb_vector(&table, BUFFER_DATA, 1);
    /* Buffer 0 is empty by definition: "computed at run time". */
    if (data.length == 0 || tensor->element_bytes == 0)
        return TRUE;
    if (data.length != tensor->bytes)
        return fail(self, VIGIL_MODEL_ERROR_INVALID,
                    "tensor \"%s\" needs %" G_GSIZE_FORMAT " bytes, its buffer has %u",
                    tensor->name, tensor->bytes, data.length);
    tensor->data = vigil_fb_vector_bytes(&data);
    if ((uintptr_t)tensor->data % tensor->element_bytes != 0) {
        tensor->owned = g_memdup2(tensor->data, tensor->bytes);
        tensor->data = tensor->owned;
    }
    tensor->producer = -1;
    return TRUE;
}

static gboolean
read_tensor(const Reader *self, VigilTensor *tensor, const VigilFbTable *table)
{
    tensor->name = vigil_fb_string(table, TENSOR_NAME);
    tensor->view_of = -1;
    tensor->producer = -2;
    set_type(tensor, vigil_fb_i8(table, TENSOR_TYPE, 0));
    if (vigil_fb_i8(table, TENSOR_IS_VARIABLE, 0) != 0)
        return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "tensor \"%s\" is a variable (kept between runs), which is not supported",
                    tensor->name);
    if (vigil_fb_has(table, TENSOR_SPARSITY))
        return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                    "tensor \"%s\" is sparse, which is not supported", tensor->name);
    return read_shape(self, tensor, table) && read_quantization(self, tensor, table) &&
           read_constant(self, tensor, vigil_fb_u32(table, TENSOR_BUFFER, 0)) && check_intact(self);
}

static gboolean
read_tensors(const Reader *self, const VigilFbTable *subgraph)
{
    const VigilFbVector tensors = vigil_fb_vector(subgraph, SUBGRAPH_TENSORS, 4);

    if (!check_intact(self))
        return FALSE;
    if (tensors.length > VIGIL_MAX_TENSORS)
        return fail(self, VIGIL_MODEL_ERROR_TOO_LARGE, "%u tensors, at most %u are allowed",
                    tensors.length, VIGIL_MAX_TENSORS);
    self->graph->tensors = g_new0(VigilTensor, tensors.length);
    self->graph->n_tensors = tensors.length;
    for (guint i = 0; i < tensors.length; i++) {
        const VigilFbTable table = vigil_fb_vector_table(&tensors, i);

        if (!read_tensor(self, &self->graph->tensors[i], &table))
            return FALSE;
    }
    return TRUE;
}

/* A list of tensor indices, each below the number of tensors, or -1 where @optional. */
static gboolean
read_indices(const Reader *self, const VigilFbTable *table, guint field, gboolean optional,
             gint32 **indices, guint *n)
{
    const VigilFbVector vector = vigil_fb_vector(table, field, 4);

    if (!check_intact(self))
        return FALSE;
    if (vector.length > VIGIL_MAX_NODE_INPUTS)
        return fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "%u inputs or outputs of an operator or the graph, at most %u are allowed",
                    vector.length, VIGIL_MAX_NODE_INPUTS);
    *indices = g_new0(gint32, vector.length);
    *n = vector.length;
    for (guint i = 0; i < vector.length; i++) {
        const gint32 index = vigil_fb_vector_i32(&vector, i);

        if (index >= (gint32)self->graph->n_tensors || index < (optional ? -1 : 0))
            return fail(self, VIGIL_MODEL_ERROR_INVALID, "there is no tensor number %d (of %u)",
                        index, self->graph->n_tensors);
        (*indices)[i] = index;
    }
    return TRUE;
}

static gboolean
read_code(const Reader *self, VigilNode *node, guint32 index)
{
    g_autofree gchar *custom = NULL;
    VigilFbTable table;
    const gchar *name;

    if (index >= self->codes.length)
        return fail(self, VIGIL_MODEL_ERROR_INVALID, "operator %u has code %u of %u", node->index,
                    index, self->codes.length);
    table = vigil_fb_vector_table(&self->codes, index);
    /* Files from before there were more than 127 operators have the byte only. */
    node->code =
        MAX(vigil_fb_i32(&table, CODE_BUILTIN, 0), vigil_fb_i8(&table, CODE_DEPRECATED, 0));
    custom = vigil_fb_string(&table, CODE_CUSTOM);
    node->op = vigil_kernel_find_op(node->code, custom);
    name = vigil_kernel_builtin_name(node->code);
    if (node->code == VIGIL_OP_CUSTOM)
        node->name = g_strdup_printf("CUSTOM %s", custom);
    else
        node->name = name != NULL ? g_strdup(name) : g_strdup_printf("BUILTIN_%d", node->code);
    return check_intact(self);
}

/* What a node reads must be there already, and what it writes must be written by nobody else. */
static gboolean
check_order(const Reader *self, const VigilNode *node)
{
    for (guint i = 0; i < node->n_inputs; i++) {
        const VigilTensor *tensor = vigil_node_input(self->graph, node, i);

        if (tensor != NULL && tensor->producer == -2)
            return vigil_node_fail(self->graph, node, self->error, VIGIL_MODEL_ERROR_INVALID,
                                   "input %u (\"%s\") is not computed before it is used", i,
                                   tensor->name);
    }
    for (guint i = 0; i < node->n_outputs; i++) {
        VigilTensor *tensor = vigil_node_output(self->graph, node, i);

        if (tensor->producer != -2)
            return vigil_node_fail(self->graph, node, self->error, VIGIL_MODEL_ERROR_INVALID,
                                   "output %u (\"%s\") is also an input, a constant or another "
                                   "operator's output",
                                   i, tensor->name);
        tensor->producer = (gint32)node->index;
    }
    return TRUE;
}

/* Whether the input of @node that says its output's shape is computed by another operator. */
static gboolean
has_computed_shape(const VigilGraph *graph, const VigilNode *node)
{
    static const struct {
        gint32 code;
        guint input;
    } shaped[] = {{22, 1}, {23, 1}, {34, 1}, {60, 1}, {65, 1}, {67, 0}, {69, 1}, {97, 1}};

    for (guint i = 0; i < G_N_ELEMENTS(shaped); i++) {
        const VigilTensor *shape = vigil_node_input(graph, node, shaped[i].input);

        if (node->code == shaped[i].code && shape != NULL && shape->producer >= 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
read_node(const Reader *self, VigilNode *node, const VigilFbTable *table)
{
    const VigilFbVector custom = vigil_fb_vector(table, OPERATOR_CUSTOM_OPTIONS, 1);

    if (!read_code(self, node, vigil_fb_u32(table, OPERATOR_CODE, 0)) ||
        !read_indices(self, table, OPERATOR_INPUTS, TRUE, &node->inputs, &node->n_inputs) ||
        !read_indices(self, table, OPERATOR_OUTPUTS, FALSE, &node->outputs, &node->n_outputs))
        return FALSE;
    node->options = vigil_fb_table(table, OPERATOR_OPTIONS);
    node->custom = custom.length > 0 ? vigil_fb_vector_bytes(&custom) : NULL;
    node->custom_bytes = custom.length;
    if (!check_intact(self) || !check_order(self, node))
        return FALSE;
    if (has_computed_shape(self->graph, node))
        self->graph->computes_shapes = TRUE;
    return TRUE;
}

static gboolean
read_nodes(const Reader *self, const VigilFbTable *subgraph)
{
    const VigilFbVector nodes = vigil_fb_vector(subgraph, SUBGRAPH_OPERATORS, 4);

    if (!check_intact(self))
        return FALSE;
    if (nodes.length > VIGIL_MAX_NODES)
        return fail(self, VIGIL_MODEL_ERROR_TOO_LARGE, "%u operators, at most %u are allowed",
                    nodes.length, VIGIL_MAX_NODES);
    self->graph->nodes = g_new0(VigilNode, nodes.length);
    self->graph->n_nodes = nodes.length;
    for (guint i = 0; i < nodes.length; i++) {
        const VigilFbTable table = vigil_fb_vector_table(&nodes, i);

        self->graph->nodes[i].index = i;
        if (!read_node(self, &self->graph->nodes[i], &table))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_interface(const Reader *self)
{
    VigilGraph *graph = self->graph;

    if (graph->n_inputs == 0 || graph->n_outputs == 0)
        return fail(self, VIGIL_MODEL_ERROR_INVALID, "the model has no inputs or no outputs");
    for (guint i = 0; i < graph->n_inputs; i++) {
        VigilTensor *tensor = &graph->tensors[graph->inputs[i]];

        if (tensor->element_bytes == 0 || tensor->bytes == 0)
            return fail(self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                        "input \"%s\" is empty or of the type %s, which is not supported",
                        tensor->name, vigil_tensor_raw_type_name(tensor->raw_type));
        if (tensor->producer != -2)
            return fail(self, VIGIL_MODEL_ERROR_INVALID,
                        "input \"%s\" is a constant or listed twice", tensor->name);
        tensor->producer = -1;
    }
    return TRUE;
}

gboolean
vigil_tflite_read(VigilGraph *graph, GBytes *file, const gchar *name, GError **error)
{
    Reader self = {.graph = graph, .error = error};
    VigilFbTable model, subgraph;
    VigilFbVector subgraphs;

    graph->name = g_utf8_make_valid(name, -1);
    graph->file = g_bytes_ref(file);
    if (g_bytes_get_size(file) > VIGIL_MAX_FILE_BYTES)
        return fail(&self, VIGIL_MODEL_ERROR_TOO_LARGE, "larger than %" G_GSIZE_FORMAT " bytes",
                    VIGIL_MAX_FILE_BYTES);
    vigil_fb_init(&graph->fb, g_bytes_get_data(file, NULL), g_bytes_get_size(file));
    model = vigil_fb_root(&graph->fb, "TFL3");
    if (graph->fb.broken != NULL)
        return fail(&self, VIGIL_MODEL_ERROR_INVALID, "not a .tflite model: %s", graph->fb.broken);
    if (vigil_fb_u32(&model, MODEL_VERSION, 0) != 3)
        return fail(&self, VIGIL_MODEL_ERROR_UNSUPPORTED, "schema version %u, only 3 is supported",
                    vigil_fb_u32(&model, MODEL_VERSION, 0));
    self.codes = vigil_fb_vector(&model, MODEL_OPERATOR_CODES, 4);
    self.buffers = vigil_fb_vector(&model, MODEL_BUFFERS, 4);
    subgraphs = vigil_fb_vector(&model, MODEL_SUBGRAPHS, 4);
    if (!check_intact(&self))
        return FALSE;
    if (subgraphs.length != 1)
        return fail(&self, VIGIL_MODEL_ERROR_UNSUPPORTED, "%u subgraphs, only one is supported",
                    subgraphs.length);
    subgraph = vigil_fb_vector_table(&subgraphs, 0);
    return read_tensors(&self, &subgraph) &&
           read_indices(&self, &subgraph, SUBGRAPH_INPUTS, FALSE, &graph->inputs,
                        &graph->n_inputs) &&
           read_indices(&self, &subgraph, SUBGRAPH_OUTPUTS, FALSE, &graph->outputs,
                        &graph->n_outputs) &&
           check_interface(&self) && read_nodes(&self, &subgraph);
}
