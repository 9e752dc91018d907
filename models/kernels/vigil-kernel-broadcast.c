/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-broadcast-private.h"

/* Lines from this one on are long enough for the kernels; constants of at most so many bytes are repeated in memory. */
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
    *self = (VigilBroadcast){0};
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

gboolean
vigil_broadcast_spread(VigilBroadcast *self, VigilGraph *graph, VigilNode *node, gint *spread,
                       GError **error)
{
    const VigilTensor *out = vigil_node_output(graph, node, 0);
    const VigilTensor *inputs[] = {vigil_node_input(graph, node, 0),
                                   vigil_node_input(graph, node, 1)};

    *spread = -1;
    for (gint i = 0; i < 2; i++)
        if (inputs[i]->data != NULL && inputs[i]->count > 1 && inputs[i]->count < out->count)
            *spread = i;
    if (*spread < 0 || self->line >= SHORT_LINE || out->element_bytes != 1 ||
        out->count > MAX_SPREAD) {
        *spread = -1;
        return TRUE;
    }
    if (vigil_node_pack(graph, node, out->count, error) == NULL)
        return FALSE;
    vigil_broadcast_run(self, inputs[0]->data, inputs[1]->data, node->packed, 1,
                        *spread == 0 ? copy_a : copy_b, NULL);
    inputs[*spread] = out;
    *self = (VigilBroadcast){0};
    plan_loops(self, inputs[0], inputs[1], out->n_dims, out->dims);
    return TRUE;
}
