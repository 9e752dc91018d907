/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oneDNN's convolutions. It reads no models: the convolutions (1x1, 3x3, first, depthwise) are taken from Vigil's graph and run
 * in the model's order, so that weights come from where they come from in an inference, and each finds in the cache what the one
 * before wrote: unsigned activations, signed weights with a scale a channel, no zero points, its own memory formats, RELU where
 * the model has one. Nothing between them (changes of format, additions, resizes, boxes) is done. The library is opened at run
 * time, so that its threads can be told to be one before.
 */
#include "tests/bench/bench-peer.h"

#ifdef HAVE_DNNL
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

#include "models/vigil-model-private.h"

#define LIBRARY "libdnnl.so." G_STRINGIFY(DNNL_VERSION_MAJOR)

/* BuiltinOperator of the schema */
#define CONV_2D 3
#define DEPTHWISE_CONV_2D 4

#define FUNCTIONS(X)                              \
    X(dnnl_version)                               \
    X(dnnl_engine_create)                         \
    X(dnnl_stream_create)                         \
    X(dnnl_stream_wait)                           \
    X(dnnl_memory_desc_init_by_tag)               \
    X(dnnl_memory_desc_get_size)                  \
    X(dnnl_dilated_convolution_forward_desc_init) \
    X(dnnl_primitive_attr_create)                 \
    X(dnnl_primitive_attr_destroy)                \
    X(dnnl_primitive_attr_set_output_scales)      \
    X(dnnl_primitive_attr_set_post_ops)           \
    X(dnnl_post_ops_create)                       \
    X(dnnl_post_ops_destroy)                      \
    X(dnnl_post_ops_append_eltwise)               \
    X(dnnl_primitive_desc_create)                 \
    X(dnnl_primitive_desc_destroy)                \
    X(dnnl_primitive_desc_query)                  \
    X(dnnl_primitive_desc_query_md)               \
    X(dnnl_primitive_create)                      \
    X(dnnl_primitive_destroy)                     \
    X(dnnl_primitive_execute)                     \
    X(dnnl_memory_create)                         \
    X(dnnl_memory_destroy)                        \
    X(dnnl_memory_get_data_handle)                \
    X(dnnl_memory_set_data_handle)

static struct {
    gboolean looked, found;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} dnnl;

enum {
    SRC,
    WEIGHTS,
    BIAS,
    DST,
    N_ARGS
};

/* One convolution, and which operator of the model it is. */
typedef struct {
    guint node;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[N_ARGS];
    dnnl_exec_arg_t args[N_ARGS];
    gsize bytes[N_ARGS];
} Layer;

typedef struct {
    VigilModel *model;
    VigilSession *session;
    gint64 *ns;      /* of each operator of the model */
    GArray *layers;  /* of Layer */
    guint8 *maps[2]; /* what one layer writes and the next reads */
    GArray *own;     /* of gdouble: milliseconds that Vigil took for the same operators */
} Onednn;

/* What a convolution of the model looks like to oneDNN: dimensions in the order of NCHW. */
typedef struct {
    dnnl_dims_t src, weights, bias, dst, strides, dilates, before, after;
    gint n_weight_dims;
    gboolean relu;
} Shape;

static gboolean
find(gpointer library, const gchar *name, gpointer *function)
{
    *function = dlsym(library, name);
    return *function != NULL;
}

static gboolean
load_library(void)
{
    gpointer library;

    if (dnnl.looked)
        return dnnl.found;
    dnnl.looked = TRUE;
    /* its OpenMP looks at this when it is loaded */
    g_setenv("OMP_NUM_THREADS", "1", TRUE);
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    dnnl.found = library != NULL;
#define FIND(name) dnnl.found = dnnl.found && find(library, #name, (gpointer *)&dnnl.name);
    FUNCTIONS(FIND)
#undef FIND
    dnnl.found = dnnl.found && dnnl.dnnl_engine_create(&dnnl.engine, dnnl_cpu, 0) == dnnl_success &&
                 dnnl.dnnl_stream_create(&dnnl.stream, dnnl.engine, dnnl_stream_default_flags) ==
                     dnnl_success;
    return dnnl.found;
}

/* --- the model's convolutions ------------------------------------------------------------------------------------ */

/* Padding before and after along one side, from the sizes: the optimiser may have taken the file's into the convolution. */
static void
set_padding(Shape *shape, guint side, gboolean same)
{
    const dnnl_dim_t kernel = shape->weights[shape->n_weight_dims - 2 + (gint)side];
    const dnnl_dim_t reach = (kernel - 1) * (shape->dilates[side] + 1) + 1;
    const dnnl_dim_t total =
        MAX((shape->dst[2 + side] - 1) * shape->strides[side] + reach - shape->src[2 + side], 0);

    shape->before[side] = same ? total / 2 : (total + 1) / 2;
    shape->after[side] = total - shape->before[side];
}

static gboolean
describe(const VigilGraph *graph, const VigilNode *node, Shape *shape)
{
    const gboolean depthwise = node->code == DEPTHWISE_CONV_2D;
    const VigilTensor *in, *weights, *out;
    dnnl_dim_t groups, channels;

    if (node->run == NULL || (node->code != CONV_2D && !depthwise))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    weights = vigil_node_input(graph, node, 1);
    out = vigil_node_output(graph, node, 0);
    channels = in->dims[3];
    groups = depthwise ? channels : channels / weights->dims[3];
    *shape = (Shape){
        .src = {in->dims[0], channels, in->dims[1], in->dims[2]},
        .bias = {out->dims[3]},
        .dst = {out->dims[0], out->dims[3], out->dims[1], out->dims[2]},
        .strides = {vigil_fb_i32(&node->options, 2, 1), vigil_fb_i32(&node->options, 1, 1)},
        .dilates = {vigil_fb_i32(&node->options, depthwise ? 6 : 5, 1) - 1,
                    vigil_fb_i32(&node->options, depthwise ? 5 : 4, 1) - 1},
        .relu = vigil_fb_i8(&node->options, depthwise ? 4 : 3, 0) != 0,
        .n_weight_dims = groups > 1 ? 5 : 4,
    };
    const dnnl_dim_t grouped[] = {groups, out->dims[3] / groups, channels / groups,
                                  weights->dims[1], weights->dims[2]};

    memcpy(shape->weights, groups > 1 ? grouped : grouped + 1,
           (gsize)shape->n_weight_dims * sizeof *grouped);
    for (guint side = 0; side < 2; side++)
        set_padding(shape, side, vigil_fb_i8(&node->options, 0, 0) == 0);
    return TRUE;
}

/* --- primitives -------------------------------------------------------------------------------------------------- */

static dnnl_primitive_attr_t
make_attributes(const Shape *shape)
{
    g_autofree gfloat *scales = g_new(gfloat, (gsize)shape->dst[1]);
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;

    for (dnnl_dim_t c = 0; c < shape->dst[1]; c++)
        scales[c] = 1.0f / (1024.0f + (gfloat)c);
    if (dnnl.dnnl_primitive_attr_create(&attributes) != dnnl_success)
        return NULL;
    dnnl.dnnl_primitive_attr_set_output_scales(attributes, shape->dst[1], 1 << 1, scales);
    if (shape->relu && dnnl.dnnl_post_ops_create(&after) == dnnl_success) {
        dnnl.dnnl_post_ops_append_eltwise(after, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
        dnnl.dnnl_primitive_attr_set_post_ops(attributes, after);
        dnnl.dnnl_post_ops_destroy(after);
    }
    return attributes;
}

static dnnl_primitive_desc_t
plan(const Shape *shape)
{
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_convolution_desc_t convolution;
    dnnl_primitive_attr_t attributes = make_attributes(shape);
    dnnl_primitive_desc_t result = NULL;

    dnnl.dnnl_memory_desc_init_by_tag(&src, 4, shape->src, dnnl_u8, dnnl_format_tag_any);
    dnnl.dnnl_memory_desc_init_by_tag(&weights, shape->n_weight_dims, shape->weights, dnnl_s8,
                                      dnnl_format_tag_any);
    dnnl.dnnl_memory_desc_init_by_tag(&bias, 1, shape->bias, dnnl_s32, dnnl_format_tag_any);
    dnnl.dnnl_memory_desc_init_by_tag(&dst, 4, shape->dst, dnnl_u8, dnnl_format_tag_any);
    if (dnnl.dnnl_dilated_convolution_forward_desc_init(
            &convolution, dnnl_forward_inference, dnnl_convolution_direct, &src, &weights, &bias,
            &dst, shape->strides, shape->dilates, shape->before, shape->after) != dnnl_success ||
        dnnl.dnnl_primitive_desc_create(&result, &convolution, attributes, dnnl.engine, NULL) !=
            dnnl_success)
        result = NULL;
    dnnl.dnnl_primitive_attr_destroy(attributes);
    return result;
}

/* Activations get their memory later, see share_maps(). */
static gboolean
allocate(Layer *layer, guint arg, const dnnl_memory_desc_t *description, gint name)
{
    const gboolean map = arg == SRC || arg == DST;
    void *data = NULL;

    layer->bytes[arg] = dnnl.dnnl_memory_desc_get_size(description);
    if (dnnl.dnnl_memory_create(&layer->memory[arg], description, dnnl.engine,
                                map ? DNNL_MEMORY_NONE : DNNL_MEMORY_ALLOCATE) != dnnl_success ||
        dnnl.dnnl_memory_get_data_handle(layer->memory[arg], &data) != dnnl_success)
        return FALSE;
    if (!map)
        bench_fill_noise(data, layer->bytes[arg], FALSE);
    layer->args[arg] = (dnnl_exec_arg_t){name, layer->memory[arg]};
    return TRUE;
}

static void
share_maps(Onednn *self)
{
    gsize most = 0;

    for (guint i = 0; i < self->layers->len; i++) {
        const Layer *layer = &g_array_index(self->layers, Layer, i);

        most = MAX(most, MAX(layer->bytes[SRC], layer->bytes[DST]));
    }
    for (guint i = 0; i < G_N_ELEMENTS(self->maps); i++) {
        self->maps[i] = g_aligned_alloc(1, most, 64);
        bench_fill_noise(self->maps[i], most, FALSE);
    }
    for (guint i = 0; i < self->layers->len; i++) {
        const Layer *layer = &g_array_index(self->layers, Layer, i);

        dnnl.dnnl_memory_set_data_handle(layer->memory[SRC], self->maps[i % 2]);
        dnnl.dnnl_memory_set_data_handle(layer->memory[DST], self->maps[(i + 1) % 2]);
    }
}

/* Whether it is one of the slow ones that every operation has. */
static void
warn_of_reference(dnnl_primitive_desc_t primitive, guint node)
{
    const gchar *name = NULL;

    dnnl.dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, &name);
    if (name && strstr(name, "ref"))
        g_printerr("oneDNN runs operator %u by its reference (%s)\n", node, name);
}

static gboolean
make_layer(Layer *layer, const Shape *shape)
{
    dnnl_primitive_desc_t planned = plan(shape);
    gboolean ok;

    if (!planned)
        return FALSE;
    warn_of_reference(planned, layer->node);
    ok = dnnl.dnnl_primitive_create(&layer->primitive, planned) == dnnl_success &&
         allocate(layer, SRC, dnnl.dnnl_primitive_desc_query_md(planned, dnnl_query_src_md, 0),
                  DNNL_ARG_SRC) &&
         allocate(layer, WEIGHTS,
                  dnnl.dnnl_primitive_desc_query_md(planned, dnnl_query_weights_md, 0),
                  DNNL_ARG_WEIGHTS) &&
         allocate(layer, BIAS, dnnl.dnnl_primitive_desc_query_md(planned, dnnl_query_weights_md, 1),
                  DNNL_ARG_BIAS) &&
         allocate(layer, DST, dnnl.dnnl_primitive_desc_query_md(planned, dnnl_query_dst_md, 0),
                  DNNL_ARG_DST);
    dnnl.dnnl_primitive_desc_destroy(planned);
    return ok;
}

static void
clear_layer(gpointer data)
{
    Layer *layer = data;

    if (layer->primitive)
        dnnl.dnnl_primitive_destroy(layer->primitive);
    for (guint i = 0; i < N_ARGS; i++) {
        if (layer->memory[i])
            dnnl.dnnl_memory_destroy(layer->memory[i]);
    }
}

/* --- the peer ---------------------------------------------------------------------------------------------------- */

static void
close_model(gpointer data)
{
    Onednn *self = data;

    g_array_unref(self->layers);
    g_array_unref(self->own);
    for (guint i = 0; i < G_N_ELEMENTS(self->maps); i++)
        g_aligned_free(self->maps[i]);
    g_clear_pointer(&self->session, vigil_session_free);
    g_clear_pointer(&self->model, vigil_model_unref);
    g_free(self->ns);
    g_free(self);
}

static gboolean
add_layers(Onednn *self, gchar **why)
{
    const VigilGraph *graph = vigil_model_get_graph(self->model);

    for (guint i = 0; i < graph->n_nodes; i++) {
        Layer layer = {.node = i};
        Shape shape;
        gboolean ok;

        if (!describe(graph, &graph->nodes[i], &shape))
            continue;
        ok = make_layer(&layer, &shape);
        g_array_append_val(self->layers, layer);
        if (!ok) {
            *why = g_strdup_printf("it does not take operator %u", i);
            return FALSE;
        }
    }
    if (self->layers->len == 0)
        *why = g_strdup("there is no convolution");
    return self->layers->len > 0;
}

static gpointer
open_model(const gchar *path, gchar **why)
{
    g_autoptr(GError) error = NULL;
    Onednn *self;

    if (!load_library()) {
        *why = g_strdup(LIBRARY " is not there");
        return NULL;
    }
    self = g_new0(Onednn, 1);
    self->layers = g_array_new(FALSE, FALSE, sizeof(Layer));
    g_array_set_clear_func(self->layers, clear_layer);
    self->own = g_array_new(FALSE, FALSE, sizeof(gdouble));
    self->model = vigil_model_load(path, &error);
    self->session = self->model ? vigil_session_new(self->model, 1, &error) : NULL;
    if (!self->session)
        *why = g_strdup(error->message);
    if (!self->session || !add_layers(self, why)) {
        close_model(self);
        return NULL;
    }
    share_maps(self);
    self->ns = g_new(gint64, vigil_model_get_n_operators(self->model));
    return self;
}

/* What looking at the clock takes itself; some layers are short. */
static gdouble
clock_ms(void)
{
    gdouble least = 1;

    for (guint i = 0; i < 100; i++) {
        const gdouble begin = bench_now_ms();

        least = MIN(least, bench_now_ms() - begin);
    }
    return least;
}

/* The same operators by Vigil, timed one by one in @n whole inferences. */
static void
run_own(Onednn *self, guint n, gdouble clock)
{
    for (guint i = 0; i < n; i++) {
        gdouble ms = 0;

        memset(self->ns, 0, vigil_model_get_n_operators(self->model) * sizeof *self->ns);
        vigil_session_run_timed(self->session, self->ns);
        for (guint j = 0; j < self->layers->len; j++)
            ms += (gdouble)self->ns[g_array_index(self->layers, Layer, j).node] / 1e6 - clock;
        g_array_append_val(self->own, ms);
    }
}

static void
run_model(gpointer data, guint n, gdouble *ms)
{
    Onednn *self = data;
    const gdouble clock = clock_ms();

    for (guint i = 0; i < n; i++) {
        ms[i] = 0;
        for (guint j = 0; j < self->layers->len; j++) {
            const Layer *layer = &g_array_index(self->layers, Layer, j);
            const gdouble begin = bench_now_ms();

            dnnl.dnnl_primitive_execute(layer->primitive, dnnl.stream, N_ARGS, layer->args);
            dnnl.dnnl_stream_wait(dnnl.stream);
            ms[i] += bench_now_ms() - begin - clock;
        }
    }
    run_own(self, n, clock);
}

static gdouble
own_part(gpointer data)
{
    return bench_median(((Onednn *)data)->own);
}

static gchar *
version(void)
{
    const dnnl_version_t *version = dnnl.found ? dnnl.dnnl_version() : NULL;

    return version ? g_strdup_printf("%d.%d.%d", version->major, version->minor, version->patch)
                   : NULL;
}

const BenchPeer bench_onednn = {
    "oneDNN's convolutions", open_model, run_model, close_model, version, own_part};

#else

static gpointer
open_model(const gchar *path, gchar **why)
{
    *why = g_strdup("built without its header (libdnnl-dev, version 2)");
    return NULL;
}

static gchar *
version(void)
{
    return NULL;
}

const BenchPeer bench_onednn = {
    .name = "oneDNN's convolutions", .open = open_model, .version = version};
#endif
