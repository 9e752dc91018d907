/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-fold-private.h"

#include <stdlib.h>

#define MAX_FOLDED_BYTES ((gsize)1 << 20)

static gsize
align_up(gsize bytes)
{
    return (bytes + VIGIL_ALIGN - 1) & ~(gsize)(VIGIL_ALIGN - 1);
}

static gboolean
is_foldable(const VigilGraph *graph, const VigilNode *node)
{
    gboolean any = FALSE;

    if (node->run == NULL || node->macs > 0 || node->work > 0 || node->scratch_bytes > 0 ||
        node->thread_scratch_bytes > 0)
        return FALSE;
    for (guint i = 0; i < node->n_inputs; i++) {
        const VigilTensor *tensor = vigil_node_input(graph, node, i);

        if (tensor != NULL && tensor->data == NULL)
            return FALSE;
        any = any || tensor != NULL;
    }
    for (guint i = 0; i < node->n_outputs; i++)
        if (vigil_node_output(graph, node, i)->bytes > MAX_FOLDED_BYTES)
            return FALSE;
    return any;
}

static void
set_constant(VigilGraph *graph, VigilTensor *tensor, const void *data)
{
    /* An empty constant still needs an address: NULL means "computed at run time". */
    tensor->owned = tensor->bytes > 0 ? g_memdup2(data, tensor->bytes) : g_malloc0(1);
    tensor->data = tensor->owned;
    graph->folded_bytes += tensor->bytes;
}

void
vigil_fold_set_constant(VigilGraph *graph, VigilNode *node, const void *data)
{
    set_constant(graph, vigil_node_output(graph, node, 0), data);
    node->folded = TRUE;
    node->run = NULL;
}

void
vigil_fold_node(VigilGraph *graph, VigilNode *node)
{
    VigilRun run = {.graph = graph};
    gsize total = 0;
    void *arena = NULL;

    if (!is_foldable(graph, node))
        return;
    for (guint i = 0; i < node->n_outputs; i++) {
        VigilTensor *tensor = vigil_node_output(graph, node, i);

        tensor->offset[VIGIL_PLAN_ALONE] = total;
        total += align_up(tensor->bytes);
    }
    /* What finds no room any more is computed at run time. */
    if (!vigil_graph_claim(graph, total) ||
        posix_memalign(&arena, VIGIL_ALIGN, MAX(total, VIGIL_ALIGN)) != 0)
        return;
    run.arena = arena;
    node->run(node, &run);
    for (guint i = 0; i < node->n_outputs; i++) {
        VigilTensor *tensor = vigil_node_output(graph, node, i);

        set_constant(graph, tensor, run.arena + tensor->offset[VIGIL_PLAN_ALONE]);
    }
    free(arena);
    node->folded = TRUE;
    node->run = NULL;
}
