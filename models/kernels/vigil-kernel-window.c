/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-window-private.h"

#define CODE_PAD 34

/* Far more than any model has, and small enough that no product of two overflows. */
#define MAX_EXTENT 16384

/* Output size and padding before the image, along one dimension. */
static gboolean
slide(gint32 in, gint32 taps, gint32 stride, gint32 dilation, gint8 padding, gint32 *out,
      gint32 *pad)
{
    const gint32 reach = (taps - 1) * dilation + 1;

    if (padding == 0) {
        *out = (in + stride - 1) / stride;
        *pad = MAX((*out - 1) * stride + reach - in, 0) / 2;
    } else {
        *out = (in - reach + stride) / stride;
        *pad = 0;
        if (in < reach)
            return FALSE;
    }
    return *out >= 1;
}

static gboolean
in_range(gint32 value)
{
    return value >= 1 && value <= MAX_EXTENT;
}

gboolean
vigil_window_init(VigilWindow *self, const VigilGraph *graph, const VigilNode *node,
                  const VigilTensor *in, gint8 padding, GError **error)
{
    if (in->n_dims != 4 || !in_range(in->dims[1]) || !in_range(in->dims[2]) || in->dims[0] < 1 ||
        in->dims[3] < 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "the input must be an image: 4 dimensions, NHWC, not empty");
    if (!in_range(self->k_h) || !in_range(self->k_w) || !in_range(self->stride_y) ||
        !in_range(self->stride_x) || !in_range(self->dilation_y) || !in_range(self->dilation_x) ||
        (gint64)self->k_h * self->dilation_y > MAX_EXTENT ||
        (gint64)self->k_w * self->dilation_x > MAX_EXTENT || padding < 0 || padding > 1)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "a window of %dx%d, stride %dx%d, dilation %dx%d, padding %d is not "
                               "possible",
                               self->k_h, self->k_w, self->stride_y, self->stride_x,
                               self->dilation_y, self->dilation_x, padding);
    self->batch = in->dims[0];
    self->in_h = in->dims[1];
    self->in_w = in->dims[2];
    self->in_c = in->dims[3];
    if (!slide(self->in_h, self->k_h, self->stride_y, self->dilation_y, padding, &self->out_h,
               &self->pad_y) ||
        !slide(self->in_w, self->k_w, self->stride_x, self->dilation_x, padding, &self->out_w,
               &self->pad_x))
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "a window of %dx%d does not fit into an input of %dx%d", self->k_h,
                               self->k_w, self->in_h, self->in_w);
    return TRUE;
}

void
vigil_window_absorb_pad(VigilWindow *self, const VigilGraph *graph, VigilNode *node)
{
    const gint32 producer = graph->tensors[node->inputs[0]].producer;
    const VigilNode *pad = producer >= 0 ? &graph->nodes[producer] : NULL;
    gint32 amounts[2 * VIGIL_MAX_DIMS];
    const VigilTensor *in;
    guint n;

    if (!graph->optimise || pad == NULL || pad->folded || pad->code != CODE_PAD ||
        pad->n_inputs != 2 ||
        !vigil_node_const_ints(graph, pad, 1, amounts, G_N_ELEMENTS(amounts), &n, NULL))
        return;
    in = vigil_node_input(graph, pad, 0);
    if (n != 8 || in->n_dims != 4 || in->count == 0 || in->dims[0] != self->batch ||
        in->dims[3] != self->in_c)
        return;
    self->in_h = in->dims[1];
    self->in_w = in->dims[2];
    self->pad_y += amounts[2];
    self->pad_x += amounts[4];
    node->inputs[0] = pad->inputs[0];
}
