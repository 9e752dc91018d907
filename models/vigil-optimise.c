/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-optimise-private.h"

#include <string.h>

#include "models/kernels/vigil-kernel-private.h"

#define TABLE_BYTES 256

static VigilNode *
producer_of(const VigilGraph *graph, gint32 tensor)
{
    const gint32 producer = tensor >= 0 ? graph->tensors[tensor].producer : -1;
    VigilNode *node = producer >= 0 ? &graph->nodes[producer] : NULL;

    return node != NULL && !node->folded && !node->fused ? node : NULL;
}

/* (transfer full): how often running nodes read each tensor; the graph's outputs count as readers. */
static guint *
count_readers(const VigilGraph *graph)
{
    guint *readers = g_new0(guint, MAX(graph->n_tensors, 1u));

    for (guint i = 0; i < graph->n_outputs; i++)
        readers[graph->outputs[i]]++;
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];

        for (guint j = 0; j < node->n_inputs && !node->folded && !node->fused; j++)
            if (node->inputs[j] >= 0)
                readers[node->inputs[j]]++;
    }
    return readers;
}

/* A constant that has the same byte everywhere. */
static gboolean
is_uniform(const VigilTensor *tensor)
{
    const guint8 *bytes = tensor->data;

    if (bytes == NULL || !vigil_tensor_is_8bit(tensor) || tensor->count == 0)
        return FALSE;
    return memcmp(bytes, bytes + 1, tensor->count - 1) == 0;
}

/* @tensor as a function of tensor @of: itself, a table of it, or the same for all of it. */
static gboolean
as_table(const VigilGraph *graph, gint32 tensor, gint32 of, guint8 *table)
{
    const VigilNode *producer = producer_of(graph, tensor);

    if (is_uniform(&graph->tensors[tensor])) {
        memset(table, *(const guint8 *)graph->tensors[tensor].data, TABLE_BYTES);
        return TRUE;
    }

    if (tensor == of) {
        for (guint i = 0; i < TABLE_BYTES; i++)
            table[i] = (guint8)i;
        return TRUE;
    }
    if (producer == NULL || producer->table == NULL || producer->inputs[0] != of)
        return FALSE;
    memcpy(table, producer->table, TABLE_BYTES);
    return TRUE;
}

/* What an operand may be a table of: what its producer reads, or itself. */
static gint32
source_of(const VigilGraph *graph, gint32 tensor)
{
    const VigilNode *producer = producer_of(graph, tensor);

    return producer != NULL && producer->table != NULL ? producer->inputs[0] : tensor;
}

/* Both operands are functions of one tensor, or one of them is the same everywhere: so is the result. */
static void
join_pair(const VigilGraph *graph, VigilNode *node)
{
    guint8 a[TABLE_BYTES], b[TABLE_BYTES], both[TABLE_BYTES];
    const gint32 sources[] = {source_of(graph, node->inputs[0]), source_of(graph, node->inputs[1]),
                              node->inputs[0]};

    for (guint i = 0; i < G_N_ELEMENTS(sources); i++) {
        const VigilTensor *source = &graph->tensors[sources[i]];

        if (source->data != NULL || source->count != graph->tensors[node->outputs[0]].count ||
            !as_table(graph, node->inputs[0], sources[i], a) ||
            !as_table(graph, node->inputs[1], sources[i], b))
            continue;
        node->pairwise(node, a, b, both, TABLE_BYTES);
        vigil_kernel_become_lookup(node, sources[i], both, source->count);
        return;
    }
}

static void
join_tables(const VigilGraph *graph, VigilNode *node)
{
    const VigilNode *before = producer_of(graph, node->inputs[0]);
    guint8 table[TABLE_BYTES];

    if (before == NULL || before->table == NULL)
        return;
    for (guint i = 0; i < TABLE_BYTES; i++)
        table[i] = node->table[before->table[i]];
    vigil_kernel_become_lookup(node, before->inputs[0], table,
                               graph->tensors[node->outputs[0]].count);
}

/* The convolution writes what the table would have written. */
static void
join_convolution(VigilGraph *graph, VigilNode *node, const guint *readers)
{
    const gint32 middle = node->inputs[0], out = node->outputs[0];
    VigilNode *before = producer_of(graph, middle);

    if (before == NULL || !before->takes_lookup || before->lookup != NULL || readers[middle] != 1)
        return;
    before->lookup = g_memdup2(node->table, TABLE_BYTES);
    before->outputs[0] = out;
    graph->tensors[out].producer = (gint32)before->index;
    graph->tensors[middle].producer = -2;
    node->fused = TRUE;
    node->run = NULL;
}

static gboolean
is_read(const VigilNode *node, const guint *readers)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0 && readers[node->outputs[i]] > 0)
            return TRUE;
    return FALSE;
}

/* From the last one on, so that what only unread ones read goes too. */
static void
drop_unread(VigilGraph *graph)
{
    g_autofree guint *readers = count_readers(graph);

    for (guint i = graph->n_nodes; i-- > 0;) {
        VigilNode *node = &graph->nodes[i];

        if (node->folded || is_read(node, readers))
            continue;
        for (guint j = 0; j < node->n_inputs; j++)
            if (node->inputs[j] >= 0)
                readers[node->inputs[j]]--;
        node->fused = TRUE;
        node->run = NULL;
    }
}

void
vigil_optimise_graph(VigilGraph *graph)
{
    g_autofree guint *readers = NULL;

    for (guint i = 0; i < graph->n_nodes; i++) {
        VigilNode *node = &graph->nodes[i];

        if (node->folded)
            continue;
        if (node->pairwise != NULL)
            join_pair(graph, node);
        if (node->table != NULL)
            join_tables(graph, node);
    }
    drop_unread(graph);
    readers = count_readers(graph);
    for (guint i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].table != NULL && !graph->nodes[i].folded && !graph->nodes[i].fused)
            join_convolution(graph, &graph->nodes[i], readers);
    for (guint i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].folded && !graph->nodes[i].fused)
            vigil_kernel_concat_in_place(graph, &graph->nodes[i], readers);
}
