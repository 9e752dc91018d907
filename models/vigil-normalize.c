/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-normalize-private.h"

#include "models/kernels/vigil-kernel-private.h"

/*
 * Operators whose results do not depend on the sign, by their numbers in the schema. @tied: input and output must be
 * alike, because values are moved, compared or taken from one type's table; otherwise each tensor may be as it likes.
 */
static const struct {
    gint32 code;
    gboolean tied;
} neutral[] = {
    {0, TRUE},    /* ADD */
    {2, TRUE},    /* CONCATENATION */
    {3, FALSE},   /* CONV_2D */
    {4, FALSE},   /* DEPTHWISE_CONV_2D */
    {6, FALSE},   /* DEQUANTIZE */
    {9, FALSE},   /* FULLY_CONNECTED */
    {14, FALSE},  /* LOGISTIC */
    {17, TRUE},   /* MAX_POOL_2D */
    {18, TRUE},   /* MUL */
    {19, FALSE},  /* RELU */
    {21, FALSE},  /* RELU6 */
    {22, TRUE},   /* RESHAPE */
    {28, FALSE},  /* TANH */
    {34, TRUE},   /* PAD */
    {39, TRUE},   /* TRANSPOSE */
    {41, TRUE},   /* SUB */
    {43, TRUE},   /* SQUEEZE */
    {45, TRUE},   /* STRIDED_SLICE */
    {49, TRUE},   /* SPLIT */
    {65, TRUE},   /* SLICE */
    {97, TRUE},   /* RESIZE_NEAREST_NEIGHBOR */
    {98, FALSE},  /* LEAKY_RELU */
    {102, TRUE},  /* SPLIT_V */
    {114, FALSE}, /* QUANTIZE */
    {117, FALSE}, /* HARD_SWISH */
};

static gboolean
is_neutral(const VigilNode *node, gboolean *tied)
{
    for (guint i = 0; i < G_N_ELEMENTS(neutral); i++)
        if (node->code == neutral[i].code) {
            *tied = neutral[i].tied;
            return TRUE;
        }
    *tied = FALSE;
    return FALSE;
}

/* Sets of tensors that must be alike: each points to another of its set, the last one to itself. */
static guint
root_of(guint *set, guint i)
{
    while (set[i] != i) {
        set[i] = set[set[i]];
        i = set[i];
    }
    return i;
}

static gboolean
is_activation(const VigilGraph *graph, gint32 index)
{
    return index >= 0 && vigil_tensor_is_8bit(&graph->tensors[index]);
}

/* Weights of these are constants that are read for themselves. */
static guint
n_activations(const VigilNode *node)
{
    return node->code == 3 || node->code == 4 || node->code == 9 ? MIN(node->n_inputs, 1u)
                                                                 : node->n_inputs;
}

static void
tie(const VigilGraph *graph, const VigilNode *node, guint *set)
{
    gint32 first = -1;

    for (guint i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const gint32 index =
            i < node->n_inputs ? node->inputs[i] : node->outputs[i - node->n_inputs];

        if (!is_activation(graph, index))
            continue;
        if (first >= 0)
            set[root_of(set, (guint)index)] = root_of(set, (guint)first);
        first = index;
    }
}

/* Marks the tensors that must stay as they are. */
static void
mark_fixed(const VigilGraph *graph, gboolean *fixed)
{
    gboolean tied;

    for (guint i = 0; i < graph->n_tensors; i++) {
        const VigilTensor *tensor = &graph->tensors[i];
        const gboolean is_signed = tensor->type == VIGIL_TENSOR_INT8;

        fixed[i] = !vigil_tensor_is_8bit(tensor) || tensor->data != NULL || tensor->n_scales != 1 ||
                   is_signed == graph->isa->is_signed || tensor->producer < 0;
    }
    for (guint i = 0; i < graph->n_outputs; i++)
        fixed[graph->outputs[i]] = TRUE;
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];
        const gboolean moves = node->op != NULL && is_neutral(node, &tied);

        for (guint j = moves ? n_activations(node) : 0; j < node->n_inputs; j++)
            if (node->inputs[j] >= 0)
                fixed[node->inputs[j]] = TRUE;
        for (guint j = 0; j < node->n_outputs && !moves; j++)
            if (node->outputs[j] >= 0)
                fixed[node->outputs[j]] = TRUE;
    }
}

static void
turn_over(VigilTensor *tensor)
{
    const gboolean is_signed = tensor->type == VIGIL_TENSOR_INT8;

    tensor->type = is_signed ? VIGIL_TENSOR_UINT8 : VIGIL_TENSOR_INT8;
    tensor->zero_point += is_signed ? 128 : -128;
    tensor->turned = !tensor->turned;
}

void
vigil_normalize_graph(VigilGraph *graph)
{
    g_autofree guint *set = g_new(guint, graph->n_tensors);
    g_autofree gboolean *fixed = g_new0(gboolean, graph->n_tensors);
    gboolean tied;

    /* Nothing multiplies here, so nothing is gained. */
    if (graph->isa->gemm == NULL)
        return;
    for (guint i = 0; i < graph->n_tensors; i++)
        set[i] = i;
    mark_fixed(graph, fixed);
    for (guint i = 0; i < graph->n_nodes; i++)
        if (is_neutral(&graph->nodes[i], &tied) && tied)
            tie(graph, &graph->nodes[i], set);
    for (guint i = 0; i < graph->n_tensors; i++)
        if (fixed[i])
            fixed[root_of(set, i)] = TRUE;
    for (guint i = 0; i < graph->n_tensors; i++)
        if (!fixed[root_of(set, i)])
            turn_over(&graph->tensors[i]);
}

VigilTensor
vigil_normalize_undo(const VigilTensor *self)
{
    VigilTensor tensor = *self;

    if (tensor.turned)
        turn_over(&tensor);
    return tensor;
}
