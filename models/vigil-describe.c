/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-model-private.h"

static void
append_tensor(GString *text, const VigilGraph *graph, gint32 index)
{
    const VigilTensor *tensor;

    if (index < 0) {
        g_string_append(text, "-");
        return;
    }
    tensor = &graph->tensors[index];
    g_string_append_printf(text, "%s[", vigil_tensor_raw_type_name(tensor->raw_type));
    for (guint i = 0; i < tensor->n_dims; i++)
        g_string_append_printf(text, i > 0 ? ",%d" : "%d", tensor->dims[i]);
    g_string_append_c(text, ']');
}

static void
append_interface(GString *text, const VigilGraph *graph, const gchar *what, const gint32 *indices,
                 guint n)
{
    for (guint i = 0; i < n; i++) {
        const VigilTensor *tensor = &graph->tensors[indices[i]];

        g_string_append_printf(text, "%s %u: %s ", what, i, tensor->name);
        append_tensor(text, graph, indices[i]);
        if (tensor->n_scales == 1)
            g_string_append_printf(text, " scale %.9g zero point %d", tensor->scale,
                                   tensor->zero_point);
        g_string_append_c(text, '\n');
    }
}

static void
append_node(GString *text, const VigilGraph *graph, const VigilNode *node)
{
    g_string_append_printf(text, "%4u %-24s ", node->index, node->name);
    for (guint i = 0; i < node->n_inputs; i++) {
        const gint32 index = node->inputs[i];

        g_string_append(text, i > 0 ? ", " : "");
        if (index >= 0 && graph->tensors[index].data != NULL)
            g_string_append(text, "const ");
        append_tensor(text, graph, index);
    }
    g_string_append(text, " -> ");
    for (guint i = 0; i < node->n_outputs; i++) {
        g_string_append(text, i > 0 ? ", " : "");
        append_tensor(text, graph, node->outputs[i]);
    }
    if (node->macs > 0)
        g_string_append_printf(text, "  %" G_GUINT64_FORMAT " MACs", node->macs);
    if (node->run == NULL)
        g_string_append(text, node->folded  ? "  (computed at load)"
                              : node->fused ? "  (fused)"
                                            : "  (no work)");
    g_string_append_c(text, '\n');
}

static void
append_totals(GString *text, const VigilGraph *graph)
{
    guint64 macs = 0;
    guint steps = 0;

    for (guint i = 0; i < graph->n_nodes; i++) {
        macs += graph->nodes[i].macs;
        steps += graph->nodes[i].run != NULL ? 1 : 0;
    }
    g_string_append_printf(text,
                           "operators: %u (%u at run time)\n"
                           "multiply-accumulates: %" G_GUINT64_FORMAT "\n"
                           "weights: %" G_GSIZE_FORMAT " bytes packed, shared by sessions\n"
                           "arena: %" G_GSIZE_FORMAT " bytes a session\n",
                           graph->n_nodes, steps, macs, graph->weight_bytes,
                           graph->arena_bytes[VIGIL_PLAN_ALONE]);
}

static void
append_info(GString *text, const gchar *what, guint index, const VigilTensorInfo *info)
{
    static const gchar *const types[] = {"FLOAT32", "INT32", "UINT8", "INT64",
                                         "BOOL",    "INT16", "INT8"};

    g_string_append_printf(text, "%s %u: %s %s[", what, index, info->name, types[info->type]);
    for (guint i = 0; i < info->n_dims; i++)
        g_string_append_printf(text, i > 0 ? ",%d" : "%d", info->dims[i]);
    g_string_append(text, "]\n");
}

/* Of a model that another backend runs only what goes in and comes out is known. */
static gchar *
describe_foreign(const VigilModel *self, const gchar *name)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "model: %s\nsha256 %s\nrun by: %s on %s\n", name,
                           vigil_model_get_sha256(self), vigil_model_get_backend(self),
                           vigil_model_get_device(self));
    for (guint i = 0; i < vigil_model_get_n_inputs(self); i++)
        append_info(text, "input", i, vigil_model_get_input_info(self, i));
    for (guint i = 0; i < vigil_model_get_n_outputs(self); i++)
        append_info(text, "output", i, vigil_model_get_output_info(self, i));
    return g_string_free(text, FALSE);
}

gchar *
vigil_model_describe(const VigilModel *self)
{
    const VigilGraph *graph = vigil_model_get_graph(self);
    gpointer foreign;

    if (vigil_model_get_foreign(self, &foreign) != NULL)
        return describe_foreign(self, graph->name);

    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "model: %s\nfile: %" G_GSIZE_FORMAT " bytes, sha256 %s\n",
                           graph->name, g_bytes_get_size(graph->file),
                           vigil_model_get_sha256(self));
    append_interface(text, graph, "input", graph->inputs, graph->n_inputs);
    append_interface(text, graph, "output", graph->outputs, graph->n_outputs);
    for (guint i = 0; i < graph->n_nodes; i++)
        append_node(text, graph, &graph->nodes[i]);
    append_totals(text, graph);
    return g_string_free(text, FALSE);
}
