/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-plan-private.h"

static gint
compare_items(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const VigilPlanItem *items = user_data;
    const guint i = *(const guint *)a, j = *(const guint *)b;

    if (items[i].bytes != items[j].bytes)
        return items[i].bytes > items[j].bytes ? -1 : 1;
    return i < j ? -1 : i > j;
}

static gsize
align_up(gsize bytes)
{
    return (bytes + VIGIL_ALIGN - 1) & ~(gsize)(VIGIL_ALIGN - 1);
}

/* Lowest offset where @item fits between the @placed, which are sorted by offset. */
static gsize
find_offset(const VigilPlanItem *items, const VigilPlanItem *item, const GArray *placed)
{
    gsize offset = 0;

    for (guint i = 0; i < placed->len; i++) {
        const VigilPlanItem *other = &items[g_array_index(placed, guint, i)];

        if (other->last < item->first || item->last < other->first)
            continue;
        if (other->offset >= offset && other->offset - offset >= align_up(item->bytes))
            return offset;
        offset = MAX(offset, other->offset + align_up(other->bytes));
    }
    return offset;
}

static void
insert_by_offset(const VigilPlanItem *items, GArray *placed, guint index)
{
    guint low = 0, high = placed->len;

    while (low < high) {
        const guint middle = (low + high) / 2;

        if (items[g_array_index(placed, guint, middle)].offset <= items[index].offset)
            low = middle + 1;
        else
            high = middle;
    }
    g_array_insert_val(placed, low, index);
}

gboolean
vigil_plan_items(VigilPlanItem *items, guint n, gsize limit, gsize *total)
{
    g_autofree guint *order = g_new(guint, n);
    g_autoptr(GArray) placed = g_array_sized_new(FALSE, FALSE, sizeof(guint), n);

    *total = 0;
    for (guint i = 0; i < n; i++)
        order[i] = i;
    g_qsort_with_data(order, (gint)n, sizeof *order, compare_items, items);
    for (guint i = 0; i < n; i++) {
        VigilPlanItem *item = &items[order[i]];

        item->offset = find_offset(items, item, placed);
        if (item->bytes > limit || item->offset > limit - item->bytes)
            return FALSE;
        *total = MAX(*total, item->offset + align_up(item->bytes));
        if (item->bytes > 0)
            insert_by_offset(items, placed, order[i]);
    }
    return TRUE;
}

static void
use_at(VigilGraph *graph, gint32 index, guint moment)
{
    VigilTensor *tensor = &graph->tensors[vigil_graph_storage(graph, index)];

    tensor->first = MIN(tensor->first, moment);
    tensor->last = MAX(tensor->last, moment);
}

static gboolean
is_run(const VigilNode *node)
{
    return !node->folded && !node->fused;
}

/* The last moment at which what node @index uses must be there: with several threads others may still be at it. */
static guint
last_moment(const VigilGraph *graph, guint index, VigilPlanKind plan)
{
    return 1 + (plan == VIGIL_PLAN_FLOW ? graph->nodes[index].flow_end : index);
}

static void
use_by_node(VigilGraph *graph, guint index, gint32 tensor, VigilPlanKind plan)
{
    use_at(graph, tensor, index + 1);
    use_at(graph, tensor, last_moment(graph, index, plan));
}

static void
set_lifetimes(VigilGraph *graph, VigilPlanKind plan)
{
    for (guint i = 0; i < graph->n_tensors; i++) {
        graph->tensors[i].first = G_MAXUINT;
        graph->tensors[i].last = 0;
    }
    for (guint i = 0; i < graph->n_inputs; i++)
        use_at(graph, graph->inputs[i], 0);
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];

        if (!is_run(node))
            continue;
        for (guint j = 0; j < node->n_inputs; j++)
            if (node->inputs[j] >= 0)
                use_by_node(graph, i, node->inputs[j], plan);
        for (guint j = 0; j < node->n_outputs; j++)
            use_by_node(graph, i, node->outputs[j], plan);
    }
    for (guint i = 0; i < graph->n_outputs; i++)
        use_at(graph, graph->outputs[i], graph->n_nodes + 1);
}

static gboolean
in_arena(const VigilTensor *tensor)
{
    return tensor->data == NULL && tensor->view_of < 0 && tensor->first <= tensor->last;
}

static GArray *
list_items(const VigilGraph *graph, VigilPlanKind plan)
{
    GArray *items = g_array_new(FALSE, TRUE, sizeof(VigilPlanItem));

    for (guint i = 0; i < graph->n_tensors; i++) {
        const VigilTensor *tensor = &graph->tensors[i];
        const VigilPlanItem item = {tensor->bytes, tensor->first, tensor->last, 0};

        if (in_arena(tensor))
            g_array_append_val(items, item);
    }
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilPlanItem item = {graph->nodes[i].scratch_bytes, i + 1,
                                    last_moment(graph, i, plan), 0};

        if (item.bytes > 0 && is_run(&graph->nodes[i]))
            g_array_append_val(items, item);
    }
    return items;
}

static void
take_offsets(VigilGraph *graph, VigilPlanKind plan, const GArray *items)
{
    guint next = 0;

    for (guint i = 0; i < graph->n_tensors; i++)
        if (in_arena(&graph->tensors[i]))
            graph->tensors[i].offset[plan] = g_array_index(items, VigilPlanItem, next++).offset;
    for (guint i = 0; i < graph->n_tensors; i++)
        graph->tensors[i].offset[plan] =
            graph->tensors[vigil_graph_storage(graph, (gint32)i)].offset[plan] +
            vigil_graph_view_offset(graph, (gint32)i);
    for (guint i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].scratch_bytes > 0 && is_run(&graph->nodes[i]))
            graph->nodes[i].scratch_offset[plan] =
                g_array_index(items, VigilPlanItem, next++).offset;
}

/* Kernels may read a little beyond the last tensor. */
static gboolean
plan_arena(VigilGraph *graph, VigilPlanKind plan)
{
    g_autoptr(GArray) items = NULL;
    gsize bytes;

    set_lifetimes(graph, plan);
    items = list_items(graph, plan);
    if (!vigil_plan_items((VigilPlanItem *)(void *)items->data, items->len, VIGIL_MAX_ARENA_BYTES,
                          &bytes))
        return FALSE;
    take_offsets(graph, plan, items);
    graph->arena_bytes[plan] = bytes + align_up(VIGIL_ISA_SLACK);
    return TRUE;
}

static gboolean
plan_threads(VigilGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->n_nodes; i++) {
        const VigilNode *node = &graph->nodes[i];

        if (is_run(node) && node->thread_scratch_bytes > VIGIL_MAX_THREAD_BYTES)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                                   "each thread needs more than %" G_GSIZE_FORMAT
                                   " bytes of memory for it",
                                   VIGIL_MAX_THREAD_BYTES);
        graph->thread_scratch_bytes =
            MAX(graph->thread_scratch_bytes, align_up(node->thread_scratch_bytes));
    }
    return TRUE;
}

gboolean
vigil_plan_graph(VigilGraph *graph, GError **error)
{
    plan_arena(graph, VIGIL_PLAN_FLOW);
    if (!plan_arena(graph, VIGIL_PLAN_ALONE)) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "%s: one run needs more than %" G_GSIZE_FORMAT " bytes of memory", graph->name,
                    VIGIL_MAX_ARENA_BYTES);
        return FALSE;
    }
    return plan_threads(graph, error);
}
