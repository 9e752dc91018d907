/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-conv-packed-private.h"

#include <string.h>

/* Rows are pixels of the input as they lie: no window, no padding. */
typedef struct {
    VigilPacked packed;
    VigilWindow window;
    gboolean pointwise, staged;
    guint batch, pixels, n;
    gsize image_bytes;
    gsize rows_offset, sums_offset, edges_offset, edge_bytes;
} ConvPacked;

/* Memory of a thread: pointers to pieces, sums of rows, and what must be put together: edges, or staged pixels. */
static void
plan_scratch(ConvPacked *self, VigilNode *node)
{
    const VigilPacked *packed = &self->packed;
    const gsize slack = VIGIL_ISA_SLACK;
    gsize pieces = (gsize)packed->runs * VIGIL_PACKED_ROWS;

    self->edge_bytes = (gsize)packed->k * packed->isa->row_bytes;
    self->sums_offset = pieces * sizeof(guint8 *);
    self->edges_offset =
        vigil_isa_round_up(self->sums_offset + VIGIL_PACKED_ROWS * sizeof(gint32), VIGIL_ALIGN);
    if (self->pointwise && !self->staged)
        pieces = 0;
    node->thread_scratch_bytes = self->edges_offset + pieces * self->edge_bytes + slack;
    /* For all threads: a piece of padding, then the staged image. */
    if (self->pointwise)
        return;
    self->rows_offset = vigil_isa_round_up(self->edge_bytes + slack, VIGIL_ALIGN);
    node->scratch_bytes = self->rows_offset;
    if (self->staged)
        node->scratch_bytes += self->image_bytes * packed->isa->row_bytes + slack;
}

/* Pieces of the pixels from @first on that are rows by themselves; staged ones are copied first. */
static void
point_at_pixels(const ConvPacked *self, const guint8 *in, guint first, guint n, guint8 *scratch,
                const guint8 **rows)
{
    const VigilPacked *packed = &self->packed;
    const guint8 *from = in + (gsize)first * packed->run;
    gsize step = packed->run;

    if (self->staged) {
        guint8 *copy = scratch + self->edges_offset;

        packed->isa->stage(from, (gsize)n * packed->run, packed->in_flip, copy);
        from = copy;
        step *= packed->isa->row_bytes;
    }
    for (guint r = 0; r < n; r++)
        rows[r] = from + r * step;
}

/* A line of the window that reaches over the image's sides: its pixels inside between pixels of padding. */
static const guint8 *
join_edge(const ConvPacked *self, const guint8 *line, const guint8 *padding, gint32 x, guint8 *edge)
{
    const VigilWindow *window = &self->window;
    const gsize pixel = (gsize)window->in_c * self->packed.isa->row_bytes;
    const gint32 first = CLAMP(-x, 0, window->k_w);
    const gint32 end = CLAMP(window->in_w - x, first, window->k_w);

    memcpy(edge, padding, (gsize)first * pixel);
    memcpy(edge + (gsize)first * pixel, line + (gsize)(x + first) * pixel,
           (gsize)(end - first) * pixel);
    memcpy(edge + (gsize)end * pixel, padding, (gsize)(window->k_w - end) * pixel);
    return edge;
}

/* The pieces of the row that begins at input (@y, @x); without horizontal dilation they are lines of the window. */
static void
point_at_lines(const ConvPacked *self, const guint8 *in, const guint8 *padding, gint32 y, gint32 x,
               guint8 *edges, const guint8 **rows)
{
    const VigilWindow *window = &self->window;
    const gsize pixel = (gsize)window->in_c * self->packed.isa->row_bytes;
    const gsize stride = (gsize)window->in_w * pixel;
    const gboolean inside = x >= 0 && x + window->k_w <= window->in_w;

    for (gint32 ky = 0; ky < window->k_h; ky++, rows += VIGIL_PACKED_ROWS) {
        const gint32 line_y = y + ky * window->dilation_y;

        if (line_y < 0 || line_y >= window->in_h)
            *rows = padding;
        else if (inside)
            *rows = in + (gsize)line_y * stride + (gsize)x * pixel;
        else
            *rows = join_edge(self, in + (gsize)line_y * stride, padding, x,
                              edges + (gsize)ky * self->edge_bytes);
    }
}

static void
point_at_taps(const ConvPacked *self, const guint8 *in, const guint8 *padding, gint32 y, gint32 x,
              const guint8 **rows)
{
    const VigilWindow *window = &self->window;
    const gsize pixel = (gsize)window->in_c * self->packed.isa->row_bytes;

    for (gint32 ky = 0; ky < window->k_h; ky++)
        for (gint32 kx = 0; kx < window->k_w; kx++, rows += VIGIL_PACKED_ROWS) {
            const gint32 tap_y = y + ky * window->dilation_y, tap_x = x + kx * window->dilation_x;
            const gboolean inside =
                tap_y >= 0 && tap_y < window->in_h && tap_x >= 0 && tap_x < window->in_w;

            *rows =
                inside ? in + ((gsize)tap_y * (gsize)window->in_w + (gsize)tap_x) * pixel : padding;
        }
}

static void
point_at_windows(const ConvPacked *self, const guint8 *in, const guint8 *padding, guint first,
                 guint n, guint8 *scratch, const guint8 **rows)
{
    const VigilWindow *window = &self->window;
    gint32 y = (gint32)(first / (guint)window->out_w), x = (gint32)(first % (guint)window->out_w);

    for (guint r = 0; r < n; r++) {
        const gint32 in_y = y * window->stride_y - window->pad_y;
        const gint32 in_x = x * window->stride_x - window->pad_x;

        if (window->dilation_x == 1)
            point_at_lines(self, in, padding, in_y, in_x,
                           scratch + self->edges_offset +
                               (gsize)r * self->packed.runs * self->edge_bytes,
                           rows + r);
        else
            point_at_taps(self, in, padding, in_y, in_x, rows + r);
        if (++x == window->out_w) {
            x = 0;
            y++;
        }
    }
}

static void
conv_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const ConvPacked *self = node->params;
    const guint chunks = (self->pixels + VIGIL_PACKED_ROWS - 1) / VIGIL_PACKED_ROWS;
    const guint first = chunk % chunks * VIGIL_PACKED_ROWS, image = chunk / chunks;
    const guint n = MIN(VIGIL_PACKED_ROWS, self->pixels - first);
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    const guint8 **rows = (const guint8 **)(void *)scratch;

    if (self->pointwise) {
        in += (gsize)image * self->image_bytes;
        point_at_pixels(self, in, first, n, scratch, rows);
    } else {
        const guint8 *shared = vigil_run_scratch(run, node);

        in = self->staged ? shared + self->rows_offset : in + (gsize)image * self->image_bytes;
        point_at_windows(self, in, shared, first, n, scratch, rows);
    }
    out += ((gsize)image * self->pixels + first) * self->n;
    vigil_packed_run(&self->packed, rows, n, (gint32 *)(void *)(scratch + self->sums_offset), out,
                     self->n);
    if (node->lookup != NULL)
        vigil_kernel_lookup(self->packed.isa, node->lookup, out, out, (gsize)n * self->n);
}

/* A piece of nothing but zero points, in the row format. */
static void
fill_padding(const ConvPacked *self, guint8 *padding)
{
    const VigilPacked *packed = &self->packed;

    if (packed->isa->row_bytes == 1) {
        memset(padding, packed->in_zero_point, packed->k);
        return;
    }
    for (guint i = 0; i < packed->k; i++)
        ((gint16 *)(void *)padding)[i] = (gint16)packed->in_zero_point;
}

static void
conv_packed_run(const VigilNode *node, const VigilRun *run)
{
    const ConvPacked *self = node->params;
    const guint chunks = (self->pixels + VIGIL_PACKED_ROWS - 1) / VIGIL_PACKED_ROWS;

    if (self->pointwise) {
        vigil_run_chunks(node, run, self->batch * chunks, conv_chunk);
        return;
    }
    fill_padding(self, vigil_run_scratch(run, node));
    if (!self->staged) {
        vigil_run_chunks(node, run, self->batch * chunks, conv_chunk);
        return;
    }
    guint8 *stage = (guint8 *)vigil_run_scratch(run, node) + self->rows_offset;

    self->packed.isa->stage(vigil_run_input(run, node, 0), self->image_bytes, self->packed.in_flip,
                            stage);
    vigil_run_chunks(node, run, chunks, conv_chunk);
}

static gboolean
is_pointwise(const VigilWindow *window)
{
    return window->k_h == 1 && window->k_w == 1 && window->stride_y == 1 && window->stride_x == 1;
}

/* Only one image can be staged at a time. */
static gboolean
is_possible(const VigilIsa *isa, const VigilWindow *window, const VigilTensor *in, gboolean staged)
{
    const gboolean pointwise = window == NULL || is_pointwise(window);

    return isa->gemm != NULL && (pointwise || !staged || in->dims[0] == 1);
}

static guint64
plan_packed(ConvPacked *self, const VigilIsa *isa, const VigilGemm *gemm)
{
    const VigilWindow *window = &self->window;

    if (self->pointwise)
        return vigil_packed_plan(&self->packed, isa, gemm->n, 1, gemm->k);
    if (window->dilation_x == 1)
        return vigil_packed_plan(&self->packed, isa, gemm->n, (guint)window->k_h,
                                 (guint)(window->k_w * window->in_c));
    return vigil_packed_plan(&self->packed, isa, gemm->n, (guint)(window->k_h * window->k_w),
                             (guint)window->in_c);
}

gboolean
vigil_conv_packed_prepare(VigilGraph *graph, VigilNode *node, const VigilWindow *window,
                          const VigilGemm *gemm, gint8 activation, gboolean *done, GError **error)
{
    const VigilIsa *isa = graph->isa;
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const gboolean other_sign = (in->type == VIGIL_TENSOR_INT8) != isa->is_signed;
    const gboolean staged = other_sign || isa->row_bytes != 1 || in->data != NULL;
    VigilGemm constants = *gemm;
    ConvPacked plan = {.staged = staged, .n = gemm->n, .pixels = (guint)(in->count / gemm->k)};
    ConvPacked *self;

    *done = FALSE;
    if (!is_possible(isa, window, in, staged) || !vigil_packed_fits(graph, node))
        return TRUE;
    plan.pointwise = window == NULL || is_pointwise(window);
    plan.batch = 1;
    if (window != NULL) {
        plan.window = *window;
        plan.batch = (guint)window->batch;
        plan.pixels = (guint)window->out_h * (guint)window->out_w;
    }
    plan.image_bytes = in->count / plan.batch;
    /* The caller's are in what is replaced here. */
    self = vigil_node_params(node, sizeof *self);
    *self = plan;
    constants.weight_bytes = plan_packed(self, isa, &constants);
    if (!vigil_gemm_init(&constants, graph, node, 0, activation, error))
        return FALSE;
    vigil_packed_fill(&self->packed, &constants, graph, node);
    plan_scratch(self, node);
    node->run = conv_packed_run;
    node->takes_lookup = TRUE;
    *done = TRUE;
    return TRUE;
}
