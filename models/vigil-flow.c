/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-flow-private.h"

#include "models/vigil-pool-private.h"

/* Costs are in multiply-accumulates; a byte of output costs about as much as so many. */
#define BYTE_COST 16u
/* Less is not worth another thread, some microseconds. */
#define SMALL_COST 1000000u
/* A node's chunks are put together to so many steps at most. */
#define MAX_STEPS 64u
/* Storage of nodes in a row lives as long as the row: so much output at most. */
#define MAX_ROW_BYTES ((gsize)256 << 10)

/* Nodes @first to @end - 1: one with chunks, or some in a row, in one step. */
typedef struct {
    guint first, end;
    gboolean divided;
    guint step; /* the first one's */
} Group;

typedef struct {
    VigilGraph *graph;
    GArray *steps, *needs;
} Flow;

static gsize
output_bytes(const VigilGraph *graph, const VigilNode *node)
{
    gsize bytes = 0;

    for (guint i = 0; i < node->n_outputs; i++)
        bytes += node->outputs[i] >= 0 ? graph->tensors[node->outputs[i]].bytes : 0;
    return bytes;
}

static gboolean
is_small(const VigilGraph *graph, const VigilNode *node)
{
    return node->macs + node->work + (guint64)output_bytes(graph, node) * BYTE_COST < SMALL_COST;
}

static gboolean
is_divided(const VigilGraph *graph, const VigilNode *node)
{
    return node->n_chunks > 1 && !is_small(graph, node);
}

static guint
next_running(const VigilGraph *graph, guint node)
{
    while (node < graph->n_nodes && graph->nodes[node].run == NULL)
        node++;
    return node;
}

/* The group that begins with running node @first. */
static Group
take_group(const VigilGraph *graph, guint first)
{
    Group group = {.first = first, .end = first + 1};
    const VigilNode *node = &graph->nodes[first];
    gsize bytes = output_bytes(graph, node);

    group.divided = is_divided(graph, node);
    if (group.divided || !is_small(graph, node))
        return group;
    for (guint i = next_running(graph, group.end); i < graph->n_nodes;
         i = next_running(graph, i + 1)) {
        node = &graph->nodes[i];
        bytes += output_bytes(graph, node);
        if (!is_small(graph, node) || bytes > MAX_ROW_BYTES)
            break;
        group.end = i + 1;
    }
    return group;
}

static gboolean
writes(const VigilGraph *graph, const VigilNode *node, gint32 storage)
{
    for (guint i = 0; i < node->n_outputs; i++)
        if (node->outputs[i] >= 0 && vigil_graph_storage(graph, node->outputs[i]) == storage)
            return TRUE;
    return FALSE;
}

/* Whether a node of @group reads what a node of @before writes. */
static gboolean
depends(const VigilGraph *graph, const Group *group, const Group *before)
{
    for (guint i = group->first; i < group->end; i++) {
        const VigilNode *node = &graph->nodes[i];

        for (guint j = 0; j < node->n_inputs; j++) {
            const gint32 input = node->inputs[j];

            if (input < 0 || graph->tensors[input].data != NULL)
                continue;
            for (guint k = before->first; k < before->end; k++)
                if (writes(graph, &graph->nodes[k], vigil_graph_storage(graph, input)))
                    return TRUE;
        }
    }
    return FALSE;
}

static void
add_step(Flow *self, guint node, guint end, guint chunk, guint end_chunk, guint need)
{
    const VigilStep step = {node, end, chunk, end_chunk};
    const guint32 at_most = MIN(need, self->steps->len);

    g_array_append_val(self->steps, step);
    g_array_append_val(self->needs, at_most);
}

/* The first chunk of the step after the one that begins with @chunk. */
static guint
next_chunk(const VigilNode *node, guint chunk)
{
    return MIN(chunk + (node->n_chunks + MAX_STEPS - 1) / MAX_STEPS, node->n_chunks);
}

/*
 * The steps of @before up to the chunk by which the first @bytes of its output are complete; none: @bytes is 0. Where that output is a
 * part of what is read (see vigil_kernel_concat_in_place()), it begins there or later, so that this is more than is needed, never less.
 */
static guint
steps_for(const VigilGraph *graph, const Group *before, gsize bytes)
{
    const VigilNode *node = &graph->nodes[before->first];
    guint step = before->step + (node->begin != NULL ? 1 : 0);
    gsize in, out = 0;

    for (guint chunk = 0; chunk < node->n_chunks && out < bytes; step++) {
        chunk = next_chunk(node, chunk);
        node->reach(node, chunk - 1, &in, &out);
    }
    return step;
}

static void
add_chunks(Flow *self, const Group *group, const Group *before, gboolean waits)
{
    const VigilGraph *graph = self->graph;
    const VigilNode *node = &graph->nodes[group->first];
    const VigilNode *other = &graph->nodes[before->first];
    const gboolean partly = waits && before->divided && other->reach != NULL && node->reach != NULL;

    if (node->begin != NULL)
        add_step(self, group->first, group->end, VIGIL_STEP_BEGIN, 0,
                 waits ? group->step : before->step);
    for (guint chunk = 0, end; chunk < node->n_chunks; chunk = end) {
        guint need = waits ? group->step : before->step;
        gsize in, out;

        end = next_chunk(node, chunk);
        if (partly) {
            node->reach(node, end - 1, &in, &out);
            need = steps_for(graph, before, in);
        }
        if (node->begin != NULL)
            need = group->step + 1;
        add_step(self, group->first, group->end, chunk, end, need);
    }
}

static void
set_flow_end(VigilGraph *graph, const Group *group, guint end)
{
    for (guint i = group->first; i < group->end; i++)
        graph->nodes[i].flow_end = end;
}

void
vigil_flow_graph(VigilGraph *graph)
{
    Flow self = {graph, g_array_new(FALSE, FALSE, sizeof(VigilStep)),
                 g_array_new(FALSE, FALSE, sizeof(guint32))};
    Group before = {0};

    for (guint i = 0; i < graph->n_nodes; i++)
        graph->nodes[i].flow_end = i;
    for (guint i = next_running(graph, 0); i < graph->n_nodes;) {
        Group group = take_group(graph, i);
        const gboolean waits = depends(graph, &group, &before);

        group.step = self.steps->len;
        if (group.divided)
            add_chunks(&self, &group, &before, waits);
        else
            add_step(&self, group.first, group.end, VIGIL_STEP_WHOLE, 0,
                     waits ? group.step : before.step);
        set_flow_end(graph, &before, group.end - 1);
        set_flow_end(graph, &group, group.end - 1);
        before = group;
        i = next_running(graph, group.end);
    }
    graph->n_steps = self.steps->len;
    graph->steps = (VigilStep *)(void *)g_array_free(self.steps, FALSE);
    graph->step_needs = (guint32 *)(void *)g_array_free(self.needs, FALSE);
}

static void
run_step(gpointer data, guint step, guint thread)
{
    VigilRun own = *(const VigilRun *)data;
    const VigilStep *self = &own.graph->steps[step];
    const VigilNode *node = &own.graph->nodes[self->node];

    own.thread_scratch += thread * own.thread_stride;
    if (self->chunk == VIGIL_STEP_BEGIN) {
        node->begin(node, &own);
    } else if (self->chunk != VIGIL_STEP_WHOLE) {
        for (guint chunk = self->chunk; chunk < self->end_chunk; chunk++)
            node->chunk(node, &own, chunk, own.thread_scratch);
    } else {
        for (guint i = self->node; i < self->end; i++)
            if (own.graph->nodes[i].run != NULL)
                own.graph->nodes[i].run(&own.graph->nodes[i], &own);
    }
}

void
vigil_flow_run(const VigilRun *run)
{
    vigil_pool_run(run->threads, run->graph->n_steps, run->graph->step_needs, run_step,
                   (gpointer)run);
}
