/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-move-private.h"

#include <string.h>

#include "models/kernels/vigil-kernel-private.h"

/* Lines of SIZE to 2 * SIZE bytes: two copies of a size known here, which may overlap. */
#define MOVE_PAIRS(SIZE)                                                  \
    for (gsize i = 0; i < n_lines; i++, in += in_step, out += out_step) { \
        guint8 first[SIZE], last[SIZE];                                   \
                                                                          \
        memcpy(first, in, SIZE);                                          \
        memcpy(last, in + bytes - (SIZE), SIZE);                          \
        memcpy(out, first, SIZE);                                         \
        memcpy(out + bytes - (SIZE), last, SIZE);                         \
    }

void
vigil_move_lines(const guint8 *in, gssize in_step, guint8 *out, gsize out_step, gsize bytes,
                 gsize n_lines)
{
    if (in_step == (gssize)bytes && out_step == bytes)
        memcpy(out, in, n_lines * bytes);
    else if (bytes == 1)
        for (gsize i = 0; i < n_lines; i++)
            out[i * out_step] = in[(gssize)i * in_step];
    else if (bytes < 4 || bytes > 64)
        for (gsize i = 0; i < n_lines; i++, in += in_step, out += out_step)
            memcpy(out, in, bytes);
    else if (bytes <= 8)
        MOVE_PAIRS(4)
    else if (bytes <= 16)
        MOVE_PAIRS(8)
    else if (bytes <= 32)
        MOVE_PAIRS(16)
    else
        MOVE_PAIRS(32)
}

/* A vector of 16 bytes, and two of them interleaved: the first 8 of each, the last 8 of each. */
typedef guint8 Bytes __attribute__((vector_size(16)));
#define INTERLEAVE_FIRST(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_LAST(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

#define BLOCK 16u

/* Interleaving row i with row i + 8 turns the bits of a byte's place (row, column) around by one; four times exchange them. */
static inline void
interleave_rows(const Bytes in[BLOCK], Bytes out[BLOCK])
{
    _Pragma("GCC unroll 8") for (guint i = 0; i < BLOCK / 2; i++)
    {
        out[2 * i] = INTERLEAVE_FIRST(in[i], in[i + BLOCK / 2]);
        out[2 * i + 1] = INTERLEAVE_LAST(in[i], in[i + BLOCK / 2]);
    }
}

static void
transpose_block(const guint8 *in, gsize in_step, guint8 *out, gsize out_step)
{
    Bytes a[BLOCK], b[BLOCK];

    _Pragma("GCC unroll 16") for (guint i = 0; i < BLOCK; i++)
        memcpy(&a[i], in + i * in_step, BLOCK);
    interleave_rows(a, b);
    interleave_rows(b, a);
    interleave_rows(a, b);
    interleave_rows(b, a);
    _Pragma("GCC unroll 16") for (guint i = 0; i < BLOCK; i++)
        memcpy(out + i * out_step, &a[i], BLOCK);
}

/* Blocks; the last ones overlap those before them where the sides are no multiples. */
void
vigil_move_transposed(const guint8 *in, gsize in_step, gsize rows, gsize columns, guint8 *out,
                      gsize out_step)
{
    if (rows < BLOCK || columns < BLOCK) {
        for (gsize c = 0; c < columns; c++)
            for (gsize r = 0; r < rows; r++)
                out[c * out_step + r] = in[r * in_step + c];
        return;
    }
    for (gsize next_c = 0; next_c < columns; next_c += BLOCK) {
        const gsize c = MIN(next_c, columns - BLOCK);

        for (gsize next_r = 0; next_r < rows; next_r += BLOCK) {
            const gsize r = MIN(next_r, rows - BLOCK);

            transpose_block(in + r * in_step + c, in_step, out + c * out_step + r, out_step);
        }
    }
}

/* @matrices of @rows times @columns, one after the other; a chunk makes @chunk lines of the output. */
typedef struct {
    gsize matrices, rows, columns;
    gsize chunk, chunks;
} Transpose;

static gsize
chunk_end(const Transpose *self, guint chunk)
{
    return MIN((chunk % self->chunks + 1) * self->chunk, self->columns);
}

static void
transpose_chunk(const VigilNode *node, const VigilRun *run, guint chunk, guint8 *scratch)
{
    const Transpose *self = node->params;
    const gsize first = chunk % self->chunks * self->chunk;
    const gsize matrix = chunk / self->chunks * self->rows * self->columns;
    const guint8 *in = (const guint8 *)vigil_run_input(run, node, 0) + matrix;
    guint8 *out = (guint8 *)vigil_run_output(run, node, 0) + matrix;

    vigil_move_transposed(in + first, self->columns, self->rows, chunk_end(self, chunk) - first,
                          out + first * self->rows, self->rows);
}

static void
transpose_reach(const VigilNode *node, guint chunk, gsize *in, gsize *out)
{
    const Transpose *self = node->params;
    const gsize matrix = chunk / self->chunks;

    *in = (matrix + 1) * self->rows * self->columns;
    *out = (matrix * self->columns + chunk_end(self, chunk)) * self->rows;
}

/* The output's dimensions with the input's step along each; those of one element are left out, and what lies together is one. */
static guint
merge_dims(const VigilTensor *in, const gint32 *order, gsize sizes[], gsize steps[])
{
    gsize in_steps[VIGIL_MAX_DIMS], step = 1;
    guint n = 0;

    for (guint i = in->n_dims; i-- > 0;) {
        in_steps[i] = step;
        step *= (gsize)in->dims[i];
    }
    for (guint i = 0; i < in->n_dims; i++) {
        const gsize size = (gsize)in->dims[order[i]];

        if (size == 1)
            continue;
        if (n > 0 && steps[n - 1] == size * in_steps[order[i]]) {
            sizes[n - 1] *= size;
            steps[n - 1] = in_steps[order[i]];
        } else {
            sizes[n] = size;
            steps[n++] = in_steps[order[i]];
        }
    }
    return n;
}

gboolean
vigil_move_become_transpose(VigilNode *node, const VigilTensor *in, const gint32 *order)
{
    gsize sizes[VIGIL_MAX_DIMS], steps[VIGIL_MAX_DIMS];
    const guint n = merge_dims(in, order, sizes, steps);
    Transpose *self, plan;

    if (in->element_bytes != 1 || n < 2 || n > 3)
        return FALSE;
    plan = (Transpose){
        .matrices = n == 3 ? sizes[0] : 1, .rows = sizes[n - 1], .columns = sizes[n - 2]};
    if (plan.rows < BLOCK || plan.columns < BLOCK || steps[n - 2] != 1 ||
        steps[n - 1] != plan.columns || (n == 3 && steps[0] != plan.rows * plan.columns))
        return FALSE;
    plan.chunk = vigil_isa_round_up(MAX(VIGIL_KERNEL_CHUNK / plan.rows, 1), BLOCK);
    plan.chunks = (plan.columns + plan.chunk - 1) / plan.chunk;
    self = vigil_node_params(node, sizeof *self);
    *self = plan;
    vigil_node_set_chunks(node, (guint)(plan.matrices * plan.chunks), transpose_chunk,
                          transpose_reach, NULL);
    return TRUE;
}
