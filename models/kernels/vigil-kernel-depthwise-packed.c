/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-depthwise-packed-private.h"

#include <string.h>

/* Lines of input that one call of a kernel reads at most: a window of 5, and 4 lines of output with stride 2. */
#define MAX_LINES 16u
/* Bytes of output that one chunk makes, about. */
#define CHUNK_BYTES 32768u

typedef struct {
    const VigilIsa *isa;
    VigilWindow window;
    VigilRequant requant;
    gint32 in_zero_point;
    guint8 in_flip;
    gboolean staged;
    guint lines, chunk_lines;
    guint n_panels;
    const VigilPanel *panels;
    const guint8 *padding; /* zero points */
    gsize image_bytes;
} DepthwisePacked;

static gboolean
weights_fit(const VigilTensor *weights)
{
    for (gsize i = 0; i < weights->count; i++) {
        const gint16 w = vigil_gemm_weight(weights, i);

        if (w < -256 || w > 254)
            return FALSE;
    }
    return TRUE;
}

static gboolean
is_possible(const VigilGraph *graph, const VigilNode *node, const VigilWindow *window)
{
    const VigilIsa *isa = graph->isa;
    const VigilTensor *weights = vigil_node_input(graph, node, 1);

    return isa->depthwise != NULL && window->batch == 1 && window->stride_x == window->stride_y &&
           window->dilation_x == 1 && window->dilation_y == 1 && weights->data != NULL &&
           vigil_tensor_is_8bit(weights) &&
           isa->depthwise_supports((guint)window->k_h, (guint)window->k_w,
                                   (guint)window->stride_x) &&
           vigil_packed_fits(graph, node) && weights_fit(weights);
}

static gsize
align_up(gsize bytes)
{
    return vigil_isa_round_up(bytes, VIGIL_ALIGN);
}

/* Bias, scale, and the fixed multiplier and shift. */
static gsize
constants_bytes(const VigilIsa *isa)
{
    return align_up((gsize)isa->depthwise_channels * 4 * sizeof(gint32));
}

static gsize
weights_bytes(const DepthwisePacked *self)
{
    return align_up(self->isa->depthwise_bytes((guint)self->window.k_h, (guint)self->window.k_w));
}

static void
fill_constants(const DepthwisePacked *self, VigilPanel *panel, const VigilGemm *gemm,
               const gint16 *weights, guint8 *memory)
{
    const guint group = self->isa->depthwise_channels;
    gint32 *bias = (gint32 *)(void *)memory;
    gfloat *scale = (gfloat *)(void *)(bias + group);
    gint32 *multiplier = bias + 2 * (gsize)group, *shift = multiplier + group;

    for (guint i = 0; i < group; i++) {
        const guint c = self->isa->depthwise_channel(panel, i);
        gint32 sum = 0;

        if (c >= panel->n)
            continue;
        for (guint t = 0; t < gemm->k; t++)
            sum += weights[(gsize)t * group + c];
        bias[i] = gemm->bias[panel->first + c] - self->in_zero_point * sum;
        scale[i] = gemm->scale[panel->first + c];
        if (gemm->fixed != NULL) {
            multiplier[i] = gemm->fixed[panel->first + c].multiplier;
            shift[i] = gemm->fixed[panel->first + c].shift;
        }
    }
    panel->bias = bias;
    panel->scale = scale;
    panel->fixed_multiplier = gemm->fixed != NULL ? multiplier : NULL;
    panel->fixed_shift = gemm->fixed != NULL ? shift : NULL;
}

static void
fill_panels(DepthwisePacked *self, const VigilGemm *gemm, const VigilTensor *weights)
{
    const VigilIsa *isa = self->isa;
    const guint group = isa->depthwise_channels;
    guint8 *memory = (guint8 *)(void *)gemm->weights;
    VigilPanel *panels = (VigilPanel *)(void *)memory;
    g_autofree gint16 *taps = g_new(gint16, (gsize)gemm->k * group);

    self->panels = panels;
    memory += align_up(self->n_panels * sizeof *panels);
    for (guint p = 0; p < self->n_panels; p++) {
        VigilPanel *panel = &panels[p];

        panel->first = p * group;
        panel->n = MIN(group, gemm->n - panel->first);
        memset(taps, 0, (gsize)gemm->k * group * sizeof *taps);
        for (guint t = 0; t < gemm->k; t++)
            for (guint c = 0; c < panel->n; c++)
                taps[(gsize)t * group + c] =
                    vigil_gemm_weight(weights, (gsize)t * gemm->n + panel->first + c);
        isa->depthwise_pack(panel, (guint)self->window.k_h, (guint)self->window.k_w, taps, memory);
        panel->weights = memory;
        memory += weights_bytes(self);
        fill_constants(self, panel, gemm, taps, memory);
        memory += constants_bytes(isa);
    }
}

static const guint8 *
image_of(const DepthwisePacked *self, const VigilNode *node, const VigilRun *run)
{
    return self->staged ? vigil_run_scratch(run, node) : vigil_run_input(run, node, 0);
}

/* Output lines @y to @y + @n - 1. */
static void
run_lines(const DepthwisePacked *self, const guint8 *in, guint8 *out, gint32 y, guint n)
{
    const VigilWindow *window = &self->window;
    const gsize pixel = (gsize)window->in_c, line = (gsize)window->in_w * pixel;
    const guint n_in = (guint)window->k_h + (n - 1) * (guint)window->stride_y;
    const guint8 *lines[MAX_LINES];
    gsize steps[MAX_LINES];
    gboolean outside[MAX_LINES];
    VigilDepthwiseLines call = {
        .requant = &self->requant,
        .k_h = (guint)window->k_h,
        .k_w = (guint)window->k_w,
        .stride = (guint)window->stride_x,
        .pad_x = window->pad_x,
        .in_w = window->in_w,
        .out_w = window->out_w,
        .lines = lines,
        .steps = steps,
        .zero_point = self->in_zero_point,
        .n_lines = n,
        .out_step = pixel,
        .out_line = (gsize)window->out_w * pixel,
    };

    for (guint i = 0; i < n_in; i++) {
        const gint32 in_y = y * window->stride_y - window->pad_y + (gint32)i;

        outside[i] = in_y < 0 || in_y >= window->in_h;
        lines[i] = outside[i] ? self->padding : in + (gsize)in_y * line;
        steps[i] = outside[i] ? 0 : pixel;
    }
    for (guint p = 0; p < self->n_panels; p++) {
        const gsize ahead = p == 0 ? 0 : self->panels[p].first - self->panels[p - 1].first;

        for (guint i = 0; i < n_in; i++)
            lines[i] += outside[i] ? 0 : ahead;
        call.out = out + (gsize)y * call.out_line + self->panels[p].first;
        self->isa->depthwise(&call, &self->panels[p]);
    }
}

static void
depthwise_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const DepthwisePacked *self = node->params;
    const guint8 *in = image_of(self, node, run);
    guint8 *out = vigil_run_output(run, node, 0);
    const guint height = (guint)self->window.out_h;
    const guint first = chunk * self->chunk_lines, end = MIN(first + self->chunk_lines, height);

    for (guint y = first; y < end; y += self->lines)
        run_lines(self, in, out, (gint32)y, MIN(self->lines, end - y));
    if (node->lookup != NULL) {
        const gsize line = (gsize)self->window.out_w * (gsize)self->window.in_c;

        out += first * line;
        vigil_kernel_lookup(self->isa, node->lookup, out, out, (end - first) * line);
    }
}

static void
depthwise_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const DepthwisePacked *self = node->params;
    const VigilWindow *window = &self->window;
    const gint32 end = MIN((gint32)((chunk + 1) * self->chunk_lines), window->out_h);
    const gint32 lines = (end - 1) * window->stride_y - window->pad_y + window->k_h;
    const gsize line = (gsize)window->in_w * (gsize)window->in_c;

    *in = (gsize)CLAMP(lines, 0, window->in_h) * line;
    *out = (gsize)end * (gsize)window->out_w * (gsize)window->in_c;
}

static void
stage_image(const VigilNode *node, const VigilRun *run)
{
    const DepthwisePacked *self = node->params;
    const guint8 *in = vigil_run_input(run, node, 0);

    if (self->in_flip != 0)
        self->isa->flip(in, vigil_run_scratch(run, node), self->image_bytes);
    else
        memcpy(vigil_run_scratch(run, node), in, self->image_bytes);
}

static void
plan_lines(DepthwisePacked *self, VigilNode *node, gsize image_bytes)
{
    const VigilWindow *window = &self->window;
    const gsize line = (gsize)window->out_w * (gsize)window->in_c;
    const gsize wanted = MAX(CHUNK_BYTES / line, 1u);

    self->lines =
        self->isa->depthwise_lines((guint)window->k_h, (guint)window->k_w, (guint)window->stride_x);
    self->chunk_lines = (guint)vigil_isa_round_up(wanted, self->lines);
    self->image_bytes = image_bytes;
    node->scratch_bytes = self->staged ? image_bytes + VIGIL_ISA_SLACK : 0;
    vigil_node_set_chunks(node, ((guint)window->out_h + self->chunk_lines - 1) / self->chunk_lines,
                          depthwise_chunk, depthwise_reach, self->staged ? stage_image : NULL);
}

gboolean
vigil_depthwise_packed_prepare(VigilGraph *graph, VigilNode *node, const VigilWindow *window,
                               const VigilGemm *gemm, gint8 activation, gboolean *done,
                               GError **error)
{
    const VigilIsa *isa = graph->isa;
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    DepthwisePacked plan = {.isa = isa, .window = *window};
    VigilGemm constants = *gemm;
    DepthwisePacked *self;
    gsize panels_bytes, padding_bytes;

    *done = FALSE;
    if (!is_possible(graph, node, window))
        return TRUE;
    plan.in_zero_point = vigil_packed_zero_point(isa, in, &plan.in_flip);
    plan.staged = plan.in_flip != 0 || in->data != NULL;
    plan.n_panels = (gemm->n + isa->depthwise_channels - 1) / isa->depthwise_channels;
    /* The caller's are in what is replaced here. */
    self = vigil_node_params(node, sizeof *self);
    *self = plan;
    panels_bytes = align_up(self->n_panels * sizeof(VigilPanel)) +
                   self->n_panels * (weights_bytes(self) + constants_bytes(isa));
    padding_bytes = isa->depthwise_channels + VIGIL_ISA_SLACK;
    constants.weight_bytes = panels_bytes + padding_bytes;
    if (!vigil_gemm_init(&constants, graph, node, 3, activation, error))
        return FALSE;
    fill_panels(self, &constants, vigil_node_input(graph, node, 1));
    self->padding = memset((guint8 *)(void *)constants.weights + panels_bytes, self->in_zero_point,
                           padding_bytes);
    self->requant = vigil_packed_requant(isa, &constants, vigil_node_output(graph, node, 0), TRUE);
    plan_lines(self, node, in->count);
    node->takes_lookup = TRUE;
    *done = TRUE;
    return TRUE;
}
