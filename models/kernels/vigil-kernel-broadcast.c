/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-broadcast-private.h"

#include <string.h>

/* Where the same line comes again and again, as many of them as make so many bytes. */
#define PERIOD 4096u
/* Other lines from this one on are long enough for the kernels; constants are repeated for at most so many bytes. */
#define SHORT_LINE 64u
#define MAX_SPREAD ((gsize)256 << 10)

/* Size of dimension @i of the output, counted in the output's @n_dims; missing ones are 1. */
static gint32
dim_of(const VigilTensor *tensor, guint n_dims, guint i)
{
    const guint missing = n_dims - tensor->n_dims;

    return i < missing ? 1 : tensor->dims[i - missing];
}

/* Appends a dimension on the inside, joined with the one outside it where the memory allows. */
static void
append(VigilBroadcast *self, gsize size, gsize a_step, gsize b_step)
{
    const guint last = self->n_outer;

    if (last > 0 && self->a_step[last - 1] == a_step * size &&
        self->b_step[last - 1] == b_step * size) {
        self->outer[last - 1] *= size;
        self->a_step[last - 1] = a_step;
        self->b_step[last - 1] = b_step;
        return;
    }
    self->outer[last] = size;
    self->a_step[last] = a_step;
    self->b_step[last] = b_step;
    self->n_outer++;
}

static void
plan_loops(VigilBroadcast *self, const VigilTensor *a, const VigilTensor *b, guint n_dims,
           const gint32 *dims)
{
    gsize a_step = a->count, b_step = b->count;

    for (guint i = 0; i < n_dims; i++) {
        const gsize a_dim = (gsize)dim_of(a, n_dims, i), b_dim = (gsize)dim_of(b, n_dims, i);

        a_step /= MAX(a_dim, 1u);
        b_step /= MAX(b_dim, 1u);
        if (dims[i] != 1)
            append(self, (gsize)dims[i], a_dim == 1 ? 0 : a_step, b_dim == 1 ? 0 : b_step);
    }
    self->line = 1;
    if (self->n_outer > 0) {
        const guint last = --self->n_outer;

        self->line = self->outer[last];
        self->a_line = (guint)self->a_step[last];
        self->b_line = (guint)self->b_step[last];
    }
}

gboolean
vigil_broadcast_init(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *a = vigil_node_input(graph, node, 0), *b = vigil_node_input(graph, node, 1);
    const guint n_dims = MAX(a->n_dims, b->n_dims);
    gint32 dims[VIGIL_MAX_DIMS];

    for (guint i = 0; i < n_dims; i++) {
        const gint32 a_dim = dim_of(a, n_dims, i), b_dim = dim_of(b, n_dims, i);

        if (a_dim != b_dim && a_dim != 1 && b_dim != 1)
            return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                                   "the shapes do not fit: dimension %u is %d and %d", i, a_dim,
                                   b_dim);
        dims[i] = a_dim == 1 ? b_dim : a_dim;
    }
    if (!vigil_node_set_output(graph, node, 0, n_dims, dims, error))
        return FALSE;
    *self = (VigilBroadcast){.spread = -1};
    if (vigil_node_output(graph, node, 0)->count > 0)
        plan_loops(self, a, b, n_dims, dims);
    return TRUE;
}

void
vigil_broadcast_run(const VigilBroadcast *self, const void *a, const void *b, void *out,
                    gsize element, VigilBroadcastLine line, const void *params)
{
    gsize index[VIGIL_MAX_DIMS] = {0};
    const guint8 *pa = a, *pb = b;
    guint8 *po = out;
    guint dim;

    if (self->line == 0)
        return;
    do {
        line(params, pa, self->a_line, pb, self->b_line, po, self->line);
        po += self->line * element;
        for (dim = self->n_outer; dim > 0; dim--) {
            const guint d = dim - 1;

            pa += self->a_step[d] * element;
            pb += self->b_step[d] * element;
            if (++index[d] < self->outer[d])
                break;
            pa -= self->a_step[d] * element * self->outer[d];
            pb -= self->b_step[d] * element * self->outer[d];
            index[d] = 0;
        }
    } while (dim > 0);
}

static void
copy_a(const void *params, const void *a, guint a_step, const void *b, guint b_step, void *out,
       gsize n)
{
    for (gsize i = 0; i < n; i++)
        ((guint8 *)out)[i] = ((const guint8 *)a)[i * a_step];
}

static void
copy_b(const void *params, const void *a, guint a_step, const void *b, guint b_step, void *out,
       gsize n)
{
    copy_a(params, b, b_step, a, a_step, out, n);
}

/* Whether input @index is one line that comes again for each line of the other input. */
static gboolean
is_periodic(const VigilBroadcast *self, gint index)
{
    const gsize step = index == 0 ? self->a_step[0] : self->b_step[0];
    const gsize other = index == 0 ? self->b_step[0] : self->a_step[0];

    return self->n_outer == 1 && self->a_line == 1 && self->b_line == 1 && step == 0 &&
           other == self->line;
}

static void
repeat(guint8 *out, const guint8 *in, gsize n, gsize period)
{
    for (gsize i = 0; i < period; i += n)
        memcpy(out + i, in, MIN(n, period - i));
}

gboolean
vigil_broadcast_spread(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, GError **error)
{
    const VigilTensor *out = vigil_node_output(graph, node, 0);
    const void *data[2];
    gboolean periodic;
    gsize period;
    gint spread = -1;

    for (gint i = 0; i < 2; i++) {
        const VigilTensor *input = vigil_node_input(graph, node, (guint)i);

        data[i] = input->data;
        if (input->data != NULL && input->count > 1 && input->count < out->count)
            spread = i;
    }
    if (spread < 0 || out->element_bytes != 1)
        return TRUE;
    periodic = is_periodic(self, spread);
    if (periodic ? self->line >= PERIOD : self->line >= SHORT_LINE || out->count > MAX_SPREAD)
        return TRUE;
    period = periodic ? MIN(PERIOD / self->line * self->line, out->count) : out->count;
    if (vigil_node_pack(graph, node, period, error) == NULL)
        return FALSE;
    if (periodic)
        repeat(node->packed, data[spread], self->line, period);
    else
        vigil_broadcast_run(self, data[0], data[1], node->packed, 1, spread == 0 ? copy_a : copy_b,
                            NULL);
    *self = (VigilBroadcast){
        .line = out->count, .a_line = 1, .b_line = 1, .spread = spread, .period = period};
    return TRUE;
}

void
vigil_broadcast_chunk(const VigilBroadcast *self, const VigilNode *node, const VigilRun *run,
                      guint chunk, VigilBroadcastLine line, const void *params)
{
    const guint8 *a = self->spread == 0 ? node->packed : vigil_run_input(run, node, 0);
    const guint8 *b = self->spread == 1 ? node->packed : vigil_run_input(run, node, 1);
    guint8 *out = vigil_run_output(run, node, 0);
    const gsize end = MIN((chunk + (gsize)1) * VIGIL_KERNEL_CHUNK, self->line);
    gsize n;

    for (gsize i = (gsize)chunk * VIGIL_KERNEL_CHUNK; i < end; i += n) {
        const gsize at = self->spread < 0 ? i : i % self->period;

        n = self->spread < 0 ? end - i : MIN(self->period - at, end - i);
        line(params, a + (self->spread == 0 ? at : i) * self->a_line, self->a_line,
             b + (self->spread == 1 ? at : i) * self->b_line, self->b_line, out + i, n);
    }
}
