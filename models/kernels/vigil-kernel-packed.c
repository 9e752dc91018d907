/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-packed-private.h"

#include "models/kernels/vigil-kernel-private.h"

/* Narrow tables are the faster ones up to so many steps for so many groups of activations. */
#define NARROW_STEPS 7
#define NARROW_GROUPS 10

/* What vigil_isa_pack_gemm() reads. */
typedef struct {
    const VigilTensor *weights;
    guint k;
    gint32 offset;
} Source;

static gint32
packed_weight(gconstpointer data, guint c, guint i)
{
    const Source *source = data;
    const gboolean is_signed = source->weights->type == VIGIL_TENSOR_INT8;

    return vigil_kernel_load8(source->weights->data, is_signed, (gsize)c * source->k + i) -
           source->offset;
}

gboolean
vigil_packed_fits(const VigilGraph *graph, const VigilNode *node)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);
    const VigilTensor *out = vigil_node_output(graph, node, 0);

    for (guint c = 0; c < weights->n_scales; c++) {
        const gfloat scale = weights->scales != NULL ? weights->scales[c] : weights->scale;

        /* As vigil_gemm_init() computes it; written so that a NaN does not fit. */
        if (!(in->scale * scale / out->scale < 1.0f))
            return FALSE;
    }
    return TRUE;
}

/* Vectors of channels are shared out evenly between as few panels as there can be. */
static guint
panel_vectors(const VigilIsa *isa, guint n, guint *n_panels)
{
    const guint vectors = (n + isa->lanes - 1) / isa->lanes;

    *n_panels = (vectors + isa->max_vectors - 1) / isa->max_vectors;
    return vectors;
}

/* The next of the panels, of which @n_panels are left to share out @vectors between. */
static VigilPanel
next_panel(const VigilIsa *isa, guint first, guint n, guint vectors, guint n_panels)
{
    const guint share = (vectors + n_panels - 1) / n_panels;

    return (VigilPanel){.first = first, .vectors = share, .n = MIN(share * isa->lanes, n - first)};
}

/* Narrow products take weights of more than 8 bits; others are brought into signed bytes, and their zero point is kept. */
static Source
source_of(const VigilIsa *isa, const VigilTensor *weights, guint k)
{
    const gint32 middle = weights->type == VIGIL_TENSOR_INT8 ? 0 : 128;

    return (Source){.weights = weights,
                    .k = k,
                    .offset = isa->gemm_pack != NULL ? weights->zero_point : middle};
}

const VigilIsa *
vigil_packed_choose(const VigilIsa *isa, const VigilTensor *weights, guint n, guint runs, guint run)
{
    const VigilIsa *narrow = isa->narrow;
    guint64 groups = 0, steps = 0;
    guint n_panels, left;
    Source source;

    /* Whether such weights may be is checked later. */
    if (narrow == NULL || weights->data == NULL || !vigil_tensor_is_8bit(weights) ||
        weights->zero_point < -128 || weights->zero_point > 255)
        return isa;
    source = source_of(narrow, weights, runs * run);
    left = panel_vectors(narrow, n, &n_panels);
    for (guint first = 0; n_panels > 0; n_panels--) {
        const VigilPanel panel = next_panel(narrow, first, n, left, n_panels);
        const guint wanted =
            narrow->gemm_pack(narrow, &panel, runs, run, packed_weight, &source, NULL);

        if (wanted == 0)
            return isa;
        steps += (guint64)wanted * panel.vectors;
        groups += vigil_isa_round_up(run, narrow->k_group) / narrow->k_group * runs * panel.vectors;
        first += panel.n;
        left -= panel.vectors;
    }
    return steps * NARROW_GROUPS <= groups * NARROW_STEPS ? narrow : isa;
}

static gsize
align_up(gsize bytes)
{
    return vigil_isa_round_up(bytes, VIGIL_ALIGN);
}

/* Bias, scale, and the fixed multiplier and shift. */
static gsize
constants_bytes(guint channels)
{
    return align_up((gsize)channels * 4 * sizeof(gint32));
}

guint64
vigil_packed_plan(VigilPacked *self, const VigilIsa *isa, guint n, guint runs, guint run)
{
    guint n_panels, vectors = panel_vectors(isa, n, &n_panels);

    self->isa = isa;
    self->runs = runs;
    self->run = run;
    self->k = (guint)vigil_isa_round_up(run, isa->k_group);
    self->n_panels = n_panels;
    return (guint64)vectors * isa->lanes * runs * self->k * isa->weight_bytes +
           constants_bytes(vectors * isa->lanes) +
           (guint64)n_panels * (2 * VIGIL_ALIGN + sizeof(VigilPanel)) + VIGIL_ALIGN;
}

gint32
vigil_packed_zero_point(const VigilIsa *isa, const VigilTensor *tensor, guint8 *flip)
{
    const gboolean is_signed = tensor->type == VIGIL_TENSOR_INT8;

    *flip = is_signed == isa->is_signed ? 0 : 0x80;
    return tensor->zero_point + (*flip == 0 ? 0 : is_signed ? 128 : -128);
}

VigilRequant
vigil_packed_requant(const VigilIsa *isa, const VigilGemm *gemm, const VigilTensor *out,
                     gboolean depthwise)
{
    VigilRequant requant = {.rule = VIGIL_REQUANT_FLOAT};

    requant.zero_point = vigil_packed_zero_point(isa, out, &requant.flip);
    requant.lo = (gint32)gemm->lo + requant.zero_point;
    requant.hi = (gint32)gemm->hi + requant.zero_point;
    if (gemm->fixed != NULL)
        requant.rule = depthwise || gemm->undelegated ? VIGIL_REQUANT_AWAY : VIGIL_REQUANT_UPWARDS;
    return requant;
}

/* The sum of (a - za) * (w - zw) is that of a * w, less zw times the sum of a, and a number a channel. */
static gint32
folded_bias(const VigilPacked *self, const VigilGemm *gemm, const Source *source, guint c)
{
    gint32 sum = 0;

    for (guint i = 0; i < source->k; i++)
        sum += packed_weight(source, c, i);
    return gemm->bias[c] - self->in_zero_point * sum +
           (gint32)source->k * self->in_zero_point * self->weight_zero_point;
}

static guint8 *
fill_panel(const VigilPacked *self, VigilPanel *panel, const VigilGemm *gemm, const Source *source,
           guint8 *memory)
{
    const guint width = panel->vectors * self->isa->lanes;
    gint32 *bias = (gint32 *)(void *)memory;
    gfloat *scale = (gfloat *)(void *)(bias + width);
    gint32 *multiplier = bias + 2 * (gsize)width, *shift = multiplier + width;

    for (guint i = 0; i < panel->n; i++) {
        const guint c = panel->first + i;

        bias[i] = folded_bias(self, gemm, source, c);
        scale[i] = gemm->scale[c];
        if (gemm->fixed != NULL) {
            multiplier[i] = gemm->fixed[c].multiplier;
            shift[i] = gemm->fixed[c].shift;
        }
    }
    panel->bias = bias;
    panel->scale = scale;
    if (gemm->fixed != NULL) {
        panel->fixed_multiplier = multiplier;
        panel->fixed_shift = shift;
    }
    memory += constants_bytes(width);
    vigil_isa_pack_gemm(self->isa, panel, self->runs, self->run, packed_weight, source, memory);
    panel->weights = memory;
    return memory +
           align_up(vigil_isa_gemm_bytes(self->isa, panel->vectors, self->runs, self->run));
}

void
vigil_packed_fill(VigilPacked *self, const VigilGemm *gemm, const VigilGraph *graph,
                  const VigilNode *node)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const VigilTensor *weights = vigil_node_input(graph, node, 1);
    const Source source = source_of(self->isa, weights, gemm->k);
    guint8 *memory = (guint8 *)(void *)gemm->weights;
    VigilPanel *panels = (VigilPanel *)(void *)memory;
    guint n_panels, left = panel_vectors(self->isa, gemm->n, &n_panels), first = 0;

    self->in_zero_point = vigil_packed_zero_point(self->isa, in, &self->in_flip);
    self->weight_zero_point = weights->zero_point - source.offset;
    self->requant = vigil_packed_requant(self->isa, gemm, vigil_node_output(graph, node, 0), FALSE);
    self->panels = panels;
    memory += align_up(n_panels * sizeof *panels);
    for (guint p = 0; p < n_panels; p++) {
        panels[p] = next_panel(self->isa, first, gemm->n, left, n_panels - p);
        memory = fill_panel(self, &panels[p], gemm, &source, memory);
        first += panels[p].n;
        left -= panels[p].vectors;
    }
}

static void
sum_rows(const VigilPacked *self, const guint8 *const *rows, guint n, gint32 *sums)
{
    for (guint r = 0; r < n; r++)
        sums[r] = -self->weight_zero_point *
                  self->isa->sum(rows + r, VIGIL_PACKED_ROWS, self->runs, self->run);
}

void
vigil_packed_run(const VigilPacked *self, const guint8 *const *rows, guint n, guint panel,
                 guint end_panel, gint32 *sums, guint8 *out, gsize out_stride)
{
    VigilGemmRows call = {
        .requant = &self->requant,
        .runs = self->runs,
        .k = self->k,
        .rows = rows,
        .row_stride = VIGIL_PACKED_ROWS,
        .n_rows = n,
        .out_stride = out_stride,
    };

    if (self->weight_zero_point != 0) {
        sum_rows(self, rows, n, sums);
        call.row_sums = sums;
    }
    for (guint p = panel; p < end_panel; p++) {
        call.out = out + self->panels[p].first;
        self->isa->gemm(&call, &self->panels[p]);
    }
}

void
vigil_packed_lookup(const VigilPacked *self, const guint8 *table, guint panel, guint end_panel,
                    guint8 *out, guint n, gsize out_stride)
{
    const VigilPanel *last = &self->panels[end_panel - 1];
    const guint first = self->panels[panel].first;
    const gsize width = last->first + last->n - first;

    if (width == out_stride) {
        vigil_kernel_lookup(self->isa, table, out, out, n * width);
        return;
    }
    out += first;
    for (guint r = 0; r < n; r++, out += out_stride)
        vigil_kernel_lookup(self->isa, table, out, out, width);
}
