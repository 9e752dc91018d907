/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/vigil-flow-private.h"
#include "models/vigil-model-private.h"
#include "models/vigil-pool-private.h"

struct VigilSession {
    VigilModel *model;
    VigilRun run;
    gboolean holds_pool;
    const VigilBackend *backend; /* NULL: what is above */
    gpointer foreign;            /* else: its session */
};

static gpointer
allocate(const VigilGraph *graph, gsize bytes, GError **error)
{
    void *memory = NULL;

    if (posix_memalign(&memory, VIGIL_ALIGN, MAX(bytes, VIGIL_ALIGN)) == 0)
        return memset(memory, 0, bytes);
    g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_TOO_LARGE,
                "%s: no memory for a session of %" G_GSIZE_FORMAT " bytes", graph->name, bytes);
    return NULL;
}

VigilSession *
vigil_session_new(VigilModel *model, guint threads, GError **error)
{
    g_autoptr(VigilSession) self = g_new0(VigilSession, 1);
    const VigilGraph *graph = vigil_model_get_graph(model);
    gpointer foreign;

    self->model = vigil_model_ref(model);
    self->backend = vigil_model_get_foreign(model, &foreign);
    if (self->backend != NULL) {
        self->run.threads = MAX(threads, 1u); /* if the model was loaded with as many */
        self->foreign = self->backend->open(foreign, error);
        return self->foreign == NULL ? NULL : g_steal_pointer(&self);
    }
    self->run = (VigilRun){
        .graph = graph,
        .thread_stride = graph->thread_scratch_bytes,
        .threads = graph->arena_bytes[VIGIL_PLAN_FLOW] > 0 ? vigil_pool_limit(threads) : 1,
    };
    self->holds_pool = self->run.threads > 1;
    if (self->holds_pool)
        self->run.threads = vigil_pool_acquire(self->run.threads);
    self->run.plan = self->run.threads > 1 ? VIGIL_PLAN_FLOW : VIGIL_PLAN_ALONE;
    self->run.arena = allocate(graph, graph->arena_bytes[self->run.plan], error);
    if (self->run.arena == NULL)
        return NULL;
    self->run.thread_scratch = allocate(graph, self->run.thread_stride * self->run.threads, error);
    return self->run.thread_scratch == NULL ? NULL : g_steal_pointer(&self);
}

void
vigil_session_free(VigilSession *self)
{
    if (self == NULL)
        return;
    if (self->foreign != NULL)
        self->backend->close(self->foreign);
    if (self->holds_pool)
        vigil_pool_release();
    free(self->run.thread_scratch);
    free(self->run.arena);
    vigil_model_unref(self->model);
    g_free(self);
}

guint
vigil_session_get_threads(const VigilSession *self)
{
    return self->run.threads;
}

gpointer
vigil_session_get_input(VigilSession *self, guint index)
{
    const VigilGraph *graph = self->run.graph;

    g_return_val_if_fail(index < vigil_model_get_n_inputs(self->model), NULL);
    if (self->backend != NULL)
        return self->backend->input(self->foreign, index);
    return self->run.arena + graph->tensors[graph->inputs[index]].offset[self->run.plan];
}

gconstpointer
vigil_session_get_output(VigilSession *self, guint index)
{
    const VigilGraph *graph = self->run.graph;

    g_return_val_if_fail(index < vigil_model_get_n_outputs(self->model), NULL);
    if (self->backend != NULL)
        return self->backend->output(self->foreign, index);
    return vigil_run_tensor(&self->run, graph->outputs[index]);
}

gboolean
vigil_session_run(VigilSession *self)
{
    const VigilGraph *graph = self->run.graph;

    if (self->backend != NULL)
        return self->backend->run(self->foreign);
    if (self->run.threads > 1) {
        vigil_flow_run(&self->run);
        return TRUE;
    }
    for (guint i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].run != NULL)
            graph->nodes[i].run(&graph->nodes[i], &self->run);
    return TRUE;
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

    if (self->backend != NULL) {
        self->backend->run(self->foreign);
        return;
    }
    for (guint i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].run == NULL)
            continue;
        graph->nodes[i].run(&graph->nodes[i], &self->run);
        after = cpu_ns();
        ns[i] += after - before;
        before = after;
    }
}
