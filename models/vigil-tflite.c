/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-tflite-private.h"

#include "models/kernels/vigil-kernel-private.h"
#include "models/vigil-tflite-reader-private.h"

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
    OPERATOR_CODE = 0,
    OPERATOR_INPUTS = 1,
    OPERATOR_OUTPUTS = 2,
    OPERATOR_OPTIONS = 4,
    OPERATOR_CUSTOM_OPTIONS = 5,
};

static gboolean
read_tensors(const VigilTfliteReader *self, const VigilFbTable *subgraph)
{
    const VigilFbVector tensors = vigil_fb_vector(subgraph, SUBGRAPH_TENSORS, 4);

    if (!vigil_tflite_check_intact(self))
        return FALSE;
    if (tensors.length > VIGIL_MAX_TENSORS)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                                 "%u tensors, at most %u are allowed", tensors.length,
                                 VIGIL_MAX_TENSORS);
    self->graph->tensors = g_new0(VigilTensor, tensors.length);
    self->graph->n_tensors = tensors.length;
    for (guint i = 0; i < tensors.length; i++) {
        const VigilFbTable table = vigil_fb_vector_table(&tensors, i);

        if (!vigil_tflite_read_tensor(self, &self->graph->tensors[i], &table))
            return FALSE;
    }
    return TRUE;
}

/* A list of tensor indices, each below the number of tensors, or -1 where @optional. */
static gboolean
read_indices(const VigilTfliteReader *self, const VigilFbTable *table, guint field,
             gboolean optional, gint32 **indices, guint *n)
{
    const VigilFbVector vector = vigil_fb_vector(table, field, 4);

    if (!vigil_tflite_check_intact(self))
        return FALSE;
    if (vector.length > VIGIL_MAX_NODE_INPUTS)
        return vigil_tflite_fail(
            self, VIGIL_MODEL_ERROR_TOO_LARGE,
            "%u inputs or outputs of an operator or the graph, at most %u are allowed",
            vector.length, VIGIL_MAX_NODE_INPUTS);
    *indices = g_new0(gint32, vector.length);
    *n = vector.length;
    for (guint i = 0; i < vector.length; i++) {
        const gint32 index = vigil_fb_vector_i32(&vector, i);

        if (index >= (gint32)self->graph->n_tensors || index < (optional ? -1 : 0))
            return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                                     "there is no tensor number %d (of %u)", index,
                                     self->graph->n_tensors);
        (*indices)[i] = index;
    }
    return TRUE;
}

static gboolean
read_code(const VigilTfliteReader *self, VigilNode *node, guint32 index)
{
    g_autofree gchar *custom = NULL;
    VigilFbTable table;
    const gchar *name;

    if (index >= self->codes.length)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID, "operator %u has code %u of %u",
                                 node->index, index, self->codes.length);
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
    return vigil_tflite_check_intact(self);
}

/* What a node reads must be there already, and what it writes must be written by nobody else. */
static gboolean
check_order(const VigilTfliteReader *self, const VigilNode *node)
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
read_node(const VigilTfliteReader *self, VigilNode *node, const VigilFbTable *table)
{
    const VigilFbVector custom = vigil_fb_vector(table, OPERATOR_CUSTOM_OPTIONS, 1);

    if (!read_code(self, node, vigil_fb_u32(table, OPERATOR_CODE, 0)) ||
        !read_indices(self, table, OPERATOR_INPUTS, TRUE, &node->inputs, &node->n_inputs) ||
        !read_indices(self, table, OPERATOR_OUTPUTS, FALSE, &node->outputs, &node->n_outputs))
        return FALSE;
    node->options = vigil_fb_table(table, OPERATOR_OPTIONS);
    node->custom = custom.length > 0 ? vigil_fb_vector_bytes(&custom) : NULL;
    node->custom_bytes = custom.length;
    if (!vigil_tflite_check_intact(self) || !check_order(self, node))
        return FALSE;
    if (has_computed_shape(self->graph, node))
        self->graph->computes_shapes = TRUE;
    return TRUE;
}

static gboolean
read_nodes(const VigilTfliteReader *self, const VigilFbTable *subgraph)
{
    const VigilFbVector nodes = vigil_fb_vector(subgraph, SUBGRAPH_OPERATORS, 4);

    if (!vigil_tflite_check_intact(self))
        return FALSE;
    if (nodes.length > VIGIL_MAX_NODES)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_TOO_LARGE,
                                 "%u operators, at most %u are allowed", nodes.length,
                                 VIGIL_MAX_NODES);
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
check_interface(const VigilTfliteReader *self)
{
    VigilGraph *graph = self->graph;

    if (graph->n_inputs == 0 || graph->n_outputs == 0)
        return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                                 "the model has no inputs or no outputs");
    for (guint i = 0; i < graph->n_inputs; i++) {
        VigilTensor *tensor = &graph->tensors[graph->inputs[i]];

        if (tensor->element_bytes == 0 || tensor->bytes == 0)
            return vigil_tflite_fail(
                self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                "input \"%s\" is empty or of the type %s, which is not supported", tensor->name,
                vigil_tensor_raw_type_name(tensor->raw_type));
        if (tensor->producer != -2)
            return vigil_tflite_fail(self, VIGIL_MODEL_ERROR_INVALID,
                                     "input \"%s\" is a constant or listed twice", tensor->name);
        tensor->producer = -1;
    }
    return TRUE;
}

gboolean
vigil_tflite_read(VigilGraph *graph, GBytes *file, const gchar *name, GError **error)
{
    VigilTfliteReader self = {.graph = graph, .error = error};
    VigilFbTable model, subgraph;
    VigilFbVector subgraphs;

    graph->name = g_utf8_make_valid(name, -1);
    graph->file = g_bytes_ref(file);
    if (g_bytes_get_size(file) > VIGIL_MAX_FILE_BYTES)
        return vigil_tflite_fail(&self, VIGIL_MODEL_ERROR_TOO_LARGE,
                                 "larger than %" G_GSIZE_FORMAT " bytes", VIGIL_MAX_FILE_BYTES);
    vigil_fb_init(&graph->fb, g_bytes_get_data(file, NULL), g_bytes_get_size(file));
    model = vigil_fb_root(&graph->fb, "TFL3");
    if (graph->fb.broken != NULL)
        return vigil_tflite_fail(&self, VIGIL_MODEL_ERROR_INVALID, "not a .tflite model: %s",
                                 graph->fb.broken);
    if (vigil_fb_u32(&model, MODEL_VERSION, 0) != 3)
        return vigil_tflite_fail(&self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "schema version %u, only 3 is supported",
                                 vigil_fb_u32(&model, MODEL_VERSION, 0));
    self.codes = vigil_fb_vector(&model, MODEL_OPERATOR_CODES, 4);
    self.buffers = vigil_fb_vector(&model, MODEL_BUFFERS, 4);
    subgraphs = vigil_fb_vector(&model, MODEL_SUBGRAPHS, 4);
    if (!vigil_tflite_check_intact(&self))
        return FALSE;
    if (subgraphs.length != 1)
        return vigil_tflite_fail(&self, VIGIL_MODEL_ERROR_UNSUPPORTED,
                                 "%u subgraphs, only one is supported", subgraphs.length);
    subgraph = vigil_fb_vector_table(&subgraphs, 0);
    return read_tensors(&self, &subgraph) &&
           read_indices(&self, &subgraph, SUBGRAPH_INPUTS, FALSE, &graph->inputs,
                        &graph->n_inputs) &&
           read_indices(&self, &subgraph, SUBGRAPH_OUTPUTS, FALSE, &graph->outputs,
                        &graph->n_outputs) &&
           check_interface(&self) && read_nodes(&self, &subgraph);
}
