/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-model-private.h"

#include <string.h>

#include "models/vigil-file-private.h"
#include "models/vigil-flow-private.h"
#include "models/vigil-fold-private.h"
#include "models/vigil-normalize-private.h"
#include "models/vigil-optimise-private.h"
#include "models/vigil-plan-private.h"
#include "models/vigil-tflite-private.h"

struct VigilModel {
    gatomicrefcount ref_count;
    VigilGraph graph;
    VigilTensorInfo *inputs, *outputs;
    guint n_inputs, n_outputs;
    gchar *sha256;
    const VigilBackend *backend; /* NULL: the kernels of this core, and the graph */
    gpointer foreign;            /* else: its model */
};

static const gchar *const devices[] = {"cpu", "cuda", "tensorrt"};

G_DEFINE_QUARK(vigil_model_error_quark, vigil_model_error)

static VigilTensorInfo *
make_infos(const VigilGraph *graph, const gint32 *indices, guint n)
{
    VigilTensorInfo *infos = g_new0(VigilTensorInfo, n);

    for (guint i = 0; i < n; i++) {
        const VigilTensor *tensor = &graph->tensors[indices[i]];

        infos[i].name = tensor->name;
        infos[i].type = tensor->type;
        infos[i].n_dims = tensor->n_dims;
        for (guint j = 0; j < tensor->n_dims; j++)
            infos[i].dims[j] = tensor->dims[j];
        infos[i].bytes = tensor->bytes;
        infos[i].scale = tensor->n_scales == 1 ? tensor->scale : 0.0f;
        infos[i].zero_point = tensor->n_scales == 1 ? tensor->zero_point : 0;
    }
    return infos;
}

static gboolean
prepare_node(VigilGraph *graph, VigilNode *node, GError **error)
{
    if (node->op == NULL)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "this operator is not supported");
    node->run = node->op->run;
    if (!node->op->prepare(graph, node, error))
        return FALSE;
    if (graph->fb.broken != NULL)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID, "damaged options: %s",
                               graph->fb.broken);
    vigil_fold_node(graph, node);
    return TRUE;
}

static gboolean
check_outputs(const VigilGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->n_outputs; i++) {
        const VigilTensor *tensor = &graph->tensors[graph->outputs[i]];

        if (tensor->producer == -2) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_INVALID,
                        "%s: output %u (\"%s\") is computed by no operator", graph->name, i,
                        tensor->name);
            return FALSE;
        }
        if (tensor->element_bytes == 0) {
            g_set_error(error, VIGIL_MODEL_ERROR, VIGIL_MODEL_ERROR_UNSUPPORTED,
                        "%s: output %u (\"%s\") has the type %s, which is not supported",
                        graph->name, i, tensor->name, vigil_tensor_raw_type_name(tensor->raw_type));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
check_work(const VigilGraph *graph, GError **error)
{
    guint64 macs = 0;

    for (guint i = 0; i < graph->n_nodes; i++) {
        macs += MAX(graph->nodes[i].macs, graph->nodes[i].work);
        if (macs > VIGIL_MAX_MACS)
            return vigil_node_fail(graph, &graph->nodes[i], error, VIGIL_MODEL_ERROR_TOO_LARGE,
                                   "up to here one run takes more than %" G_GUINT64_FORMAT
                                   " multiply-accumulates",
                                   VIGIL_MAX_MACS);
    }
    return TRUE;
}

static gboolean
build_graph(VigilGraph *graph, GBytes *bytes, const gchar *name, GError **error)
{
    if (!vigil_tflite_read(graph, bytes, name, error))
        return FALSE;
    graph->isa = vigil_isa_select(error);
    if (graph->isa == NULL)
        return FALSE;
    graph->optimise = g_strcmp0(g_getenv("VIGIL_OPTIMISE"), "0") != 0;
    if (graph->optimise)
        vigil_normalize_graph(graph);
    for (guint i = 0; i < graph->n_nodes; i++)
        if (!prepare_node(graph, &graph->nodes[i], error))
            return FALSE;
    if (!check_outputs(graph, error) || !check_work(graph, error))
        return FALSE;
    if (graph->optimise)
        vigil_optimise_graph(graph);
    vigil_flow_graph(graph);
    return vigil_plan_graph(graph, error);
}

gboolean
vigil_device_from_string(const gchar *text, VigilDevice *device)
{
    for (guint i = 0; i < G_N_ELEMENTS(devices); i++) {
        if (g_strcmp0(text, devices[i]) == 0) {
            *device = (VigilDevice)i;
            return TRUE;
        }
    }
    return FALSE;
}

const gchar *
vigil_device_to_string(VigilDevice device)
{
    return devices[device];
}

static gboolean
load_native(VigilModel *self, GBytes *bytes, const gchar *name, const VigilModelOptions *options,
            GError **error)
{
    if (!build_graph(&self->graph, bytes, name, error))
        return FALSE;
    self->n_inputs = self->graph.n_inputs;
    self->n_outputs = self->graph.n_outputs;
    self->inputs = make_infos(&self->graph, self->graph.inputs, self->n_inputs);
    self->outputs = make_infos(&self->graph, self->graph.outputs, self->n_outputs);
    if (options->device != VIGIL_DEVICE_CPU)
        g_warning("%s runs on the CPU, not on \"%s\": only ONNX models can run elsewhere", name,
                  vigil_device_to_string(options->device));
    return TRUE;
}

static gboolean
load_foreign(VigilModel *self, GBytes *bytes, const gchar *name, const VigilModelOptions *options,
             GError **error)
{
    VigilBackendTensors tensors;

    self->foreign = self->backend->load(bytes, options, error);
    if (self->foreign == NULL)
        return FALSE;
    tensors = self->backend->tensors(self->foreign);
    self->n_inputs = tensors.n_inputs;
    self->n_outputs = tensors.n_outputs;
    self->inputs = g_memdup2(tensors.inputs, tensors.n_inputs * sizeof *tensors.inputs);
    self->outputs = g_memdup2(tensors.outputs, tensors.n_outputs * sizeof *tensors.outputs);
    self->graph.name = g_strdup(name);
    return TRUE;
}

VigilModel *
vigil_model_load_bytes_with(GBytes *bytes, const gchar *name, const VigilModelOptions *options,
                            GError **error)
{
    g_autoptr(VigilModel) self = g_new0(VigilModel, 1);

    g_atomic_ref_count_init(&self->ref_count);
    if (!vigil_backend_choose(name, bytes, &self->backend, error) ||
        (self->backend != NULL && !load_foreign(self, bytes, name, options, error))) {
        g_prefix_error(error, "%s: ", name);
        return NULL;
    }
    if (self->backend == NULL && !load_native(self, bytes, name, options, error))
        return NULL;
    self->sha256 = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
    return g_steal_pointer(&self);
}

VigilModel *
vigil_model_load_bytes(GBytes *bytes, const gchar *name, GError **error)
{
    const VigilModelOptions options = {0};

    return vigil_model_load_bytes_with(bytes, name, &options, error);
}

VigilModel *
vigil_model_load_with(const gchar *path, const VigilModelOptions *options, GError **error)
{
    g_autoptr(GBytes) bytes = NULL;
    g_autofree gchar *name = g_path_get_basename(path);
    gchar *content = NULL;
    gsize size = 0;

    if (!vigil_file_read(path, VIGIL_MAX_FILE_BYTES, &content, &size, error)) {
        g_prefix_error(error, "cannot read the model %s: ", path);
        return NULL;
    }
    bytes = g_bytes_new_take(content, size);
    return vigil_model_load_bytes_with(bytes, name, options, error);
}

VigilModel *
vigil_model_load(const gchar *path, GError **error)
{
    const VigilModelOptions options = {0};

    return vigil_model_load_with(path, &options, error);
}

VigilModel *
vigil_model_ref(VigilModel *self)
{
    g_atomic_ref_count_inc(&self->ref_count);
    return self;
}

void
vigil_model_unref(VigilModel *self)
{
    if (self == NULL || !g_atomic_ref_count_dec(&self->ref_count))
        return;
    if (self->foreign != NULL)
        self->backend->unload(self->foreign);
    vigil_graph_clear(&self->graph);
    g_free(self->inputs);
    g_free(self->outputs);
    g_free(self->sha256);
    g_free(self);
}

const VigilGraph *
vigil_model_get_graph(const VigilModel *self)
{
    return &self->graph;
}

const VigilBackend *
vigil_model_get_foreign(const VigilModel *self, gpointer *model)
{
    *model = self->foreign;
    return self->backend;
}

guint
vigil_model_get_n_inputs(const VigilModel *self)
{
    return self->n_inputs;
}

guint
vigil_model_get_n_outputs(const VigilModel *self)
{
    return self->n_outputs;
}

const VigilTensorInfo *
vigil_model_get_input_info(const VigilModel *self, guint index)
{
    g_return_val_if_fail(index < self->n_inputs, NULL);
    return &self->inputs[index];
}

const VigilTensorInfo *
vigil_model_get_output_info(const VigilModel *self, guint index)
{
    g_return_val_if_fail(index < self->n_outputs, NULL);
    return &self->outputs[index];
}

GBytes *
vigil_model_get_file_bytes(const VigilModel *self)
{
    return self->graph.file;
}

const gchar *
vigil_model_get_sha256(const VigilModel *self)
{
    return self->sha256;
}

const gchar *
vigil_model_get_backend(const VigilModel *self)
{
    return self->backend != NULL ? self->backend->name : "native";
}

const gchar *
vigil_model_get_device(const VigilModel *self)
{
    return self->backend != NULL ? self->backend->device(self->foreign)
                                 : vigil_device_to_string(VIGIL_DEVICE_CPU);
}

const gchar *
vigil_model_get_isa(const VigilModel *self)
{
    return self->backend != NULL ? self->backend->name : self->graph.isa->name;
}

guint
vigil_model_get_n_operators(const VigilModel *self)
{
    return self->graph.n_nodes;
}

VigilOperatorInfo
vigil_model_get_operator_info(const VigilModel *self, guint index)
{
    VigilOperatorInfo info = {.index = index, .name = ""};
    const VigilNode *node;

    g_return_val_if_fail(index < self->graph.n_nodes, info);
    node = &self->graph.nodes[index];
    info.name = node->name;
    info.macs = node->macs;
    info.runs = node->run != NULL;
    if (node->n_outputs > 0 && node->outputs[0] >= 0) {
        const VigilTensor *out = &self->graph.tensors[node->outputs[0]];

        info.n_dims = out->n_dims;
        memcpy(info.dims, out->dims, sizeof info.dims);
    }
    return info;
}
