/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-model-private.h"

struct VigilSession {
    VigilModel *model;
    VigilRun run;
};

VigilSession *
vigil_session_new(VigilModel *model, GError **error)
{
    const VigilGraph *graph = vigil_model_get_graph(model);
    const gsize bytes = graph->arena_bytes + graph->thread_scratch_bytes;
    VigilSession *self;
    void *arena = NULL;

    if (posix_memalign(&arena, VIGIL_ALIGN, bytes) != 0) {
        g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                    "%s: no memory for a session of %" G_GSIZE_FORMAT " bytes", graph->name, bytes);
        return NULL;
    }
    memset(arena, 0, bytes);
    self = g_new0(VigilSession, 1);
    self->model = vigil_model_ref(model);
    self->run = (VigilRun){
        .graph = graph,
        .arena = arena,
        .thread_scratch = (guint8 *)arena + graph->arena_bytes,
        .thread_stride = graph->thread_scratch_bytes,
    };
    return self;
}

void
vigil_session_free(VigilSession *self)
{
    if (self == NULL)
        return;
    free(self->run.arena);
    vigil_model_unref(self->model);
    g_free(self);
}

gpointer
vigil_session_get_input(VigilSession *self, guint index)
{
    const VigilGraph *graph = self->run.graph;

    g_return_val_if_fail(index < graph->n_inputs, NULL);
    return self->run.arena + graph->tensors[graph->inputs[index]].offset;
}

gconstpointer
vigil_session_get_output(VigilSession *self, guint index)
{
    const VigilGraph *graph = self->run.graph;

    g_return_val_if_fail(index < graph->n_outputs, NULL);
    return vigil_run_tensor(&self->run, graph->outputs[index]);
}

void
vigil_run_chunks(const VigilNode *node, const VigilRun *run, guint n_chunks, VigilChunk chunk)
{
    for (guint i = 0; i < n_chunks; i++)
        chunk(node, run, i, run->thread_scratch);
}

void
vigil_session_run(VigilSession *self)
{
    const VigilGraph *graph = self->run.graph;

    for (guint i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].run != NULL)
            graph->nodes[i].run(&graph->nodes[i], &self->run);
}

static gint64
cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

void
vigil_session_run_timed(VigilSession *self, gint64 *ns)
{
    const VigilGraph *graph = self->run.graph;
    gint64 before = cpu_ns(), after;

    for (guint i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].run == NULL)
            continue;
        graph->nodes[i].run(&graph->nodes[i], &self->run);
        after = cpu_ns();
        ns[i] += after - before;
        before = after;
    }
}
