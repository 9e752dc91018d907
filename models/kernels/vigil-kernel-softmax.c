/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-move-private.h"
#include "models/kernels/vigil-kernel-private.h"

/* Short lines are done so many at a time, side by side: of one line the sums wait for each other. */
#define COLUMNS 64u
#define MAX_SHORT 128u
#define MIN_COLUMNS 16u

/*
 * SOFTMAX of 8 bits over the last dimension. With m the line's highest q and t(d) = exp(-beta * scale * d),
 *
 *     sum = t(m - q[0]) + t(m - q[1]) + …                          in fp32, in this order
 *     out[i] = clamp(round(t(m - q[i]) * (1 / (sum * out_scale))) + out_zero_point)
 *
 * rounding halves away from zero; TensorFlow Lite's own rule, which its XNNPACK delegate leaves to it.
 */
typedef struct {
    gsize line, n_lines;
    gboolean is_signed;
    gfloat scale;
    gint32 zero_point;
    gfloat table[256]; /* [255 - d] = t(d) */
} Softmax;

/* What is far out of range must not reach the conversion to a whole number. */
static inline gfloat
limit(gfloat q)
{
    return MIN(q, 1024.0f);
}

/* roundf(); twice the fraction is exact. */
static inline gint32
round_signed(gfloat q)
{
    const gint32 whole = (gint32)q;

    return whole + (gint32)((q - (gfloat)whole) * 2.0f);
}

static inline gint32
round_unsigned(gfloat q)
{
    return (gint32)(q + 0.5f);
}

static void
softmax_line(const Softmax *self, const guint8 *in, guint8 *out)
{
    const guint8 flip = self->is_signed ? 0x80 : 0;
    const gint32 lowest = self->is_signed ? -128 : 0;
    guint8 highest = 0;
    const gfloat *table;
    gfloat sum = 0, factor;

    for (gsize i = 0; i < self->line; i++)
        highest = MAX(highest, in[i] ^ flip);
    table = self->table + (255 - highest);
    for (gsize i = 0; i < self->line; i++)
        sum += table[in[i] ^ flip];
    factor = 1.0f / (sum * self->scale);
    for (gsize i = 0; i < self->line; i++) {
        const gfloat q = limit(table[in[i] ^ flip] * factor);
        const gint32 x = (self->is_signed ? round_signed(q) : round_unsigned(q)) + self->zero_point;

        out[i] = (guint8)CLAMP(x, lowest, lowest + 255);
    }
}

/* Turns the @q into places in the table. */
VIGIL_CLONES static void
find_places(guint8 *restrict q, gsize line, guint8 flip)
{
    guint8 rise[COLUMNS] = {0};

    for (gsize i = 0; i < line; i++)
        for (guint c = 0; c < COLUMNS; c++) {
            q[i * COLUMNS + c] ^= flip;
            rise[c] = MAX(rise[c], q[i * COLUMNS + c]);
        }
    for (guint c = 0; c < COLUMNS; c++)
        rise[c] = 255 - rise[c];
    for (gsize i = 0; i < line; i++)
        for (guint c = 0; c < COLUMNS; c++)
            q[i * COLUMNS + c] += rise[c];
}

/* Elements are added in their order, as in softmax_line(). */
VIGIL_CLONES static void
sum_columns(const gfloat *restrict t, gsize line, gfloat scale, gfloat *restrict factors)
{
    gfloat sums[COLUMNS] = {0};

    for (gsize i = 0; i < line; i++)
        for (guint c = 0; c < COLUMNS; c++)
            sums[c] += t[i * COLUMNS + c];
    for (guint c = 0; c < COLUMNS; c++)
        factors[c] = 1.0f / (sums[c] * scale);
}

/* A loop of its own: compilers make branches of the limit where the conversion follows. */
VIGIL_CLONES static void
scale_columns(gfloat *restrict t, gsize line, const gfloat *restrict factors)
{
    for (gsize i = 0; i < line; i++)
        for (guint c = 0; c < COLUMNS; c++)
            t[i * COLUMNS + c] = limit(t[i * COLUMNS + c] * factors[c]);
}

VIGIL_CLONES static void
round_columns(const gfloat *restrict t, gsize line, gint32 zero_point, gboolean is_signed,
              guint8 *restrict out)
{
    if (is_signed)
        for (gsize i = 0; i < line * COLUMNS; i++)
            out[i] = (guint8)CLAMP(round_signed(t[i]) + zero_point, -128, 127);
    else
        for (gsize i = 0; i < line * COLUMNS; i++)
            out[i] = (guint8)CLAMP(round_unsigned(t[i]) + zero_point, 0, 255);
}

/* @n lines, COLUMNS at most; @scratch: [line][COLUMNS] numbers, and as many bytes. */
static void
softmax_columns(const Softmax *self, const VigilIsa *isa, guint8 *scratch, const guint8 *in,
                guint8 *out, gsize n)
{
    const gsize line = self->line, cells = line * COLUMNS;
    gfloat *t = (gfloat *)(void *)scratch, factors[COLUMNS];
    guint8 *q = (guint8 *)(t + cells);

    vigil_move_transposed(in, line, n, line, q, COLUMNS);
    find_places(q, line, self->is_signed ? 0x80 : 0);
    if (isa->lookup_floats != NULL)
        isa->lookup_floats(self->table, q, t, cells);
    else
        for (gsize i = 0; i < cells; i++)
            t[i] = self->table[q[i]];
    sum_columns(t, line, self->scale, factors);
    scale_columns(t, line, factors);
    round_columns(t, line, self->zero_point, self->is_signed, q);
    vigil_move_transposed(q, COLUMNS, line, n, out, line);
}

static gboolean
is_by_columns(const Softmax *self)
{
    return self->line <= MAX_SHORT && self->n_lines >= MIN_COLUMNS;
}

/* Lines of a chunk. */
static gsize
chunk_lines(const Softmax *self)
{
    return MAX(VIGIL_KERNEL_CHUNK / self->line / COLUMNS * COLUMNS, COLUMNS);
}

static void
softmax_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Softmax *self = node->params;
    const gsize first = chunk * chunk_lines(self);
    const gsize end = MIN(first + chunk_lines(self), self->n_lines);
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    if (is_by_columns(self))
        for (gsize i = first; i < end; i += COLUMNS)
            softmax_columns(self, run->graph->isa, scratch, in + i * self->line,
                            out + i * self->line, MIN(COLUMNS, end - i));
    else
        for (gsize i = first; i < end; i++)
            softmax_line(self, in + i * self->line, out + i * self->line);
}

static void
softmax_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const Softmax *self = node->params;

    *in = *out = (chunk + 1) * chunk_lines(self) * self->line;
}

static gboolean
softmax_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Softmax *self = vigil_node_params(node, sizeof *self);
    const gfloat beta = vigil_fb_float(&node->options, 0, 0);
    const VigilTensor *in, *out;
    gfloat factor;

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    factor = -in->scale * beta;
    if (in->n_dims < 1 || in->count == 0 || !isfinite(factor))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "needs at least one dimension and a finite beta");
    self->line = (gsize)in->dims[in->n_dims - 1];
    self->n_lines = in->count / self->line;
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    self->scale = out->scale;
    self->zero_point = out->zero_point;
    for (gint d = 0; d < 256; d++)
        self->table[255 - d] = expf(factor * (gfloat)d);
    if (is_by_columns(self))
        node->thread_scratch_bytes = self->line * COLUMNS * (sizeof(gfloat) + 1);
    vigil_node_set_chunks(node,
                          (guint)((self->n_lines + chunk_lines(self) - 1) / chunk_lines(self)),
                          softmax_chunk, softmax_reach, NULL);
    return vigil_node_copy_shape(graph, node, 0, in, error);
}

const VigilOp vigil_ops_softmax[] = {
    {25, NULL, "SOFTMAX", softmax_prepare, NULL},
    {0},
};
