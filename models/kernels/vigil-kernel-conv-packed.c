/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-conv-packed-private.h"

#include <string.h>

#include "models/kernels/vigil-kernel-conv-rows-private.h"

/* A chunk is worth about as many multiply-accumulates, a byte of output counting for some; and a node has so many at most. */
#define CHUNK_COST 1000000u
#define BYTE_COST 16u
#define MAX_CHUNKS 64u
/* What rows of a chunk are multiples of, unless they are few: of blocks of 4, 6, 8 and 12 rows, so that none is cut short. */
#define ROW_STEP 24u

/*
 * @pointwise: rows are pixels of the input as they lie: no window, no padding
 * @chunk_rows: pixels of a chunk; or, where pixels are few, all of them, and @chunk_panels of the panels
 * @windows: what finds rows where they are not pixels
 */
typedef struct {
    VigilPacked packed;
    VigilConvRows windows;
    gboolean pointwise, staged;
    guint batch, pixels, n;
    guint chunk_rows, row_chunks, chunk_panels, panel_chunks;
    gsize image_bytes;
    gsize sums_offset, rows_offset;
} ConvPacked;

/* Memory of a thread: pointers to pieces, sums of rows, and what must be put together: windows, or staged pixels. */
static void
plan_scratch(ConvPacked *self, VigilNode *node)
{
    const VigilPacked *packed = &self->packed;
    const gsize slack = VIGIL_ISA_SLACK;
    gsize row_bytes = self->windows.row_bytes;

    self->sums_offset = (gsize)packed->runs * VIGIL_PACKED_ROWS * sizeof(guint8 *);
    self->rows_offset =
        vigil_isa_round_up(self->sums_offset + VIGIL_PACKED_ROWS * sizeof(gint32), VIGIL_ALIGN);
    if (self->pointwise)
        row_bytes = self->staged ? (gsize)packed->run * packed->isa->row_bytes : 0;
    node->thread_scratch_bytes = self->rows_offset + VIGIL_PACKED_ROWS * row_bytes + slack;
    /* For all threads. */
    if (!self->pointwise && self->staged)
        node->scratch_bytes = self->image_bytes * packed->isa->row_bytes + slack;
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
        guint8 *copy = scratch + self->rows_offset;

        packed->isa->stage(from, (gsize)n * packed->run, packed->in_flip, copy);
        from = copy;
        step *= packed->isa->row_bytes;
    }
    for (guint r = 0; r < n; r++)
        rows[r] = from + r * step;
}

/* Pixels @first to @first + @n - 1 of @image times panels @panel to @end_panel - 1. */
static void
conv_rows(const ConvPacked *self, const VigilNode *node, const VigilRun *run, guint image,
          guint first, guint n, guint panel, guint end_panel, guint8 *scratch)
{
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    const guint8 **rows = (const guint8 **)(void *)scratch;

    if (self->pointwise)
        point_at_pixels(self, in + (gsize)image * self->image_bytes, first, n, scratch, rows);
    else
        vigil_conv_rows_point(&self->windows,
                              self->staged ? vigil_run_scratch(run, node)
                                           : in + (gsize)image * self->image_bytes,
                              first, n, scratch + self->rows_offset, rows);
    out += ((gsize)image * self->pixels + first) * self->n;
    vigil_packed_run(&self->packed, rows, n, panel, end_panel,
                     (gint32 *)(void *)(scratch + self->sums_offset), out, self->n);
    if (node->lookup != NULL)
        vigil_packed_lookup(&self->packed, node->lookup, panel, end_panel, out, n, self->n);
}

static void
conv_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const ConvPacked *self = node->params;
    const guint panel = chunk % self->panel_chunks * self->chunk_panels;
    const guint end_panel = MIN(panel + self->chunk_panels, self->packed.n_panels);
    const guint rows = chunk / self->panel_chunks;
    const guint image = rows / self->row_chunks;
    const guint first = rows % self->row_chunks * self->chunk_rows;
    const guint end = MIN(first + self->chunk_rows, self->pixels);

    for (guint i = first; i < end; i += VIGIL_PACKED_ROWS)
        conv_rows(self, node, run, image, i, MIN(VIGIL_PACKED_ROWS, end - i), panel, end_panel,
                  scratch);
}

static void
conv_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const ConvPacked *self = node->params;
    const VigilWindow *window = &self->windows.window;
    const guint rows = chunk / self->panel_chunks, image = rows / self->row_chunks;
    const guint end = MIN((rows % self->row_chunks + 1) * self->chunk_rows, self->pixels);
    const gboolean all_panels = chunk % self->panel_chunks == self->panel_chunks - 1;

    *out = all_panels ? ((gsize)image * self->pixels + end) * self->n : 0;
    *in = (gsize)image * self->image_bytes;
    if (self->pointwise) {
        *in += (gsize)end * self->packed.run;
    } else {
        const gint32 y = (gint32)((end - 1) / (guint)window->out_w) * window->stride_y;
        const gint32 lines = y - window->pad_y + (window->k_h - 1) * window->dilation_y + 1;

        *in += (gsize)CLAMP(lines, 0, window->in_h) * (gsize)window->in_w * (gsize)window->in_c;
    }
}

static void
stage_image(const VigilNode *node, const VigilRun *run)
{
    const ConvPacked *self = node->params;

    self->packed.isa->stage(vigil_run_input(run, node, 0), self->image_bytes, self->packed.in_flip,
                            vigil_run_scratch(run, node));
}

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

/* By pixels, so that chunks of the next node may begin with the first; where these are few, by panels. */
static void
plan_chunks(ConvPacked *self, VigilNode *node)
{
    const guint64 cost = node->macs + (guint64)self->pixels * self->batch * self->n * BYTE_COST;
    const guint wanted = (guint)CLAMP(cost / self->batch / CHUNK_COST, 1u, MAX_CHUNKS);
    const guint panels = self->packed.n_panels;
    guint rows = (self->pixels + wanted - 1) / wanted;

    rows = (guint)vigil_isa_round_up(rows, rows > VIGIL_PACKED_ROWS ? VIGIL_PACKED_ROWS : ROW_STEP);
    self->chunk_rows = MAX(rows, 1u);
    self->row_chunks = MAX((self->pixels + self->chunk_rows - 1) / self->chunk_rows, 1u);
    self->chunk_panels = MAX(panels, 1u);
    self->panel_chunks = 1;
    if (self->row_chunks < 3 && MIN(wanted, panels) > self->row_chunks) {
        self->chunk_rows = self->pixels;
        self->row_chunks = 1;
        self->chunk_panels = (panels + wanted - 1) / wanted;
        self->panel_chunks = (panels + self->chunk_panels - 1) / self->chunk_panels;
    }
    vigil_node_set_chunks(node, self->batch * self->row_chunks * self->panel_chunks, conv_chunk,
                          conv_reach, self->staged && !self->pointwise ? stage_image : NULL);
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

gboolean
vigil_conv_packed_prepare(VigilGraph *graph, VigilNode *node, const VigilWindow *window,
                          const VigilGemm *gemm, gint8 activation, gboolean *done, GError **error)
{
    const VigilTensor *in = vigil_node_input(graph, node, 0);
    const gboolean pointwise = window == NULL || is_pointwise(window);
    const guint runs = pointwise ? 1 : vigil_conv_rows_pieces(window, MAX(graph->isa->k_group, 1u)),
                run = gemm->k / runs;
    const VigilIsa *isa =
        vigil_packed_choose(graph->isa, vigil_node_input(graph, node, 1), gemm->n, runs, run);
    const gboolean other_sign = (in->type == VIGIL_TENSOR_INT8) != isa->is_signed;
    const gboolean staged = other_sign || isa->row_bytes != 1 || in->data != NULL;
    VigilGemm constants = *gemm;
    ConvPacked plan = {.staged = staged, .n = gemm->n, .pixels = (guint)(in->count / gemm->k)};
    ConvPacked *self;
    gsize packed_bytes;

    *done = FALSE;
    if (!is_possible(isa, window, in, staged) || !vigil_packed_fits(graph, node))
        return TRUE;
    plan.pointwise = pointwise;
    plan.batch = 1;
    if (window != NULL) {
        plan.windows = vigil_conv_rows_plan(window, runs, isa->row_bytes);
        plan.batch = (guint)window->batch;
        plan.pixels = (guint)window->out_h * (guint)window->out_w;
    }
    plan.image_bytes = in->count / plan.batch;
    /* The caller's are in what is replaced here. */
    self = vigil_node_params(node, sizeof *self);
    *self = plan;
    packed_bytes = vigil_isa_round_up(vigil_packed_plan(&self->packed, isa, constants.n, runs, run),
                                      VIGIL_ALIGN);
    constants.weight_bytes =
        packed_bytes + (guint64)self->packed.k * isa->row_bytes + VIGIL_ISA_SLACK;
    if (!vigil_gemm_init(&constants, graph, node, 0, activation, error))
        return FALSE;
    vigil_packed_fill(&self->packed, &constants, graph, node);
    self->windows.padding = (guint8 *)(void *)constants.weights + packed_bytes;
    fill_padding(self, (guint8 *)(void *)constants.weights + packed_bytes);
    plan_scratch(self, node);
    plan_chunks(self, node);
    node->takes_lookup = TRUE;
    *done = TRUE;
    return TRUE;
}
