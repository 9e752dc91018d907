/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-kernel-private.h"

/*
 * RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR, NHWC, by TensorFlow Lite's own rules.
 *
 * Nearest: out[y][x] = in[source(y)][source(x)], where source() depends on align_corners and half_pixel_centers.
 *
 * Bilinear, with fy = position(y) - y0 and the same for x, in this order:
 *
 *     sum = in[y0][x0][c] * ((1 - fy) * (1 - fx)) + in[y0][x1][c] * ((1 - fy) * fx)
 *           + in[y1][x0][c] * (fy * (1 - fx)) + in[y1][x1][c] * (fy * fx)
 *
 * UINT8 in fp32, the result rounded by adding 0.5 and cutting off. INT8 in whole numbers, scale and positions
 * with 10 bits behind the point, halves rounded away from zero.
 */

/* Bits behind the point of INT8's positions. */
#define FIXED_ONE 1024

/* Whatever the option, positions within this many pixels are exact in 32 bits. */
#define MAX_SIDE 65536

/* Where one coordinate of the output comes from. */
typedef struct {
    guint32 lower, upper; /* elements from the line's or image's begin */
    gfloat fraction;      /* may be below 0 or above 1 at the ends, where both are the same */
    gint32 fixed;         /* the same in parts of FIXED_ONE */
} Source;

typedef struct {
    gint32 batch, in_h, in_w, out_h, out_w, channels;
    gsize element;
    gboolean is_signed, align_corners, half_pixel;
    Source *ys, *xs; /* in the node's packed memory */
} Resize;

static gboolean
resize_init(Resize *self, VigilGraph *graph, VigilNode *node, guint first_option, GError **error)
{
    const VigilTensor *in, *out;
    gint32 size[2];
    guint n;

    if (!vigil_node_check_arity(graph, node, 2, 2, 1, error) ||
        !vigil_node_const_ints(graph, node, 1, size, 2, &n, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    self->align_corners = vigil_fb_i8(&node->options, first_option, 0) != 0;
    self->half_pixel = vigil_fb_i8(&node->options, first_option + 1, 0) != 0;
    if (in->n_dims != 4 || in->count == 0 || n != 2 || size[0] < 1 || size[1] < 1)
        return vigil_node_fail(
            graph, node, error, VIGIL_MODEL_ERROR_INVALID,
            "needs an image [batch, height, width, channels] and a size of at least 1x1");
    if (size[0] > MAX_SIDE || size[1] > MAX_SIDE || in->dims[1] > MAX_SIDE ||
        in->dims[2] > MAX_SIDE)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                               "images over %d pixels a side are not resized", MAX_SIDE);
    if (in->type != out->type || in->scale != out->scale || in->zero_point != out->zero_point)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "input and output must have the same type, scale and zero point");
    self->batch = in->dims[0];
    self->in_h = in->dims[1];
    self->in_w = in->dims[2];
    self->channels = in->dims[3];
    self->out_h = size[0];
    self->out_w = size[1];
    self->element = in->element_bytes;
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    if (!vigil_node_set_output(
            graph, node, 0, 4,
            (const gint32[]){self->batch, self->out_h, self->out_w, self->channels}, error))
        return FALSE;
    self->ys = vigil_node_pack(graph, node,
                               ((gsize)self->out_h + (gsize)self->out_w) * sizeof(Source), error);
    self->xs = self->ys + self->out_h;
    return self->ys != NULL;
}

static gfloat
scale_of(const Resize *self, gint32 in, gint32 out)
{
    if (self->align_corners && out > 1)
        return (gfloat)(in - 1) / (gfloat)(out - 1);
    return (gfloat)in / (gfloat)out;
}

/* The plain case is whole-number arithmetic with 16 bits behind the point, and one added against a scale of 0. */
static gint32
nearest_source(const Resize *self, gint32 at, gint32 in, gint32 out)
{
    const gfloat scale = scale_of(self, in, out);
    gfloat position;

    if (!self->align_corners && !self->half_pixel)
        return (gint32)MIN((at * (((gint64)in << 16) / out + 1)) >> 16, in - 1);
    position = ((gfloat)at + (self->half_pixel ? 0.5f : 0.0f)) * scale;
    position = self->align_corners ? roundf(position) : floorf(position);
    return CLAMP((gint32)position, 0, in - 1);
}

static gboolean
nearest_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Resize *self = vigil_node_params(node, sizeof *self);

    if (!resize_init(self, graph, node, 0, error))
        return FALSE;
    for (gint32 y = 0; y < self->out_h; y++)
        self->ys[y].lower = (guint32)nearest_source(self, y, self->in_h, self->out_h);
    for (gint32 x = 0; x < self->out_w; x++)
        self->xs[x].lower = (guint32)nearest_source(self, x, self->in_w, self->out_w);
    return TRUE;
}

static void
nearest_run(const VigilNode *node, const VigilRun *run)
{
    const Resize *self = node->params;
    const gsize pixel = (gsize)self->channels * self->element, line = (gsize)self->in_w * pixel;
    const gsize out_line = (gsize)self->out_w * pixel;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    for (gint32 b = 0; b < self->batch; b++, in += (gsize)self->in_h * line) {
        for (gint32 y = 0; y < self->out_h; y++, out += out_line) {
            const guint8 *from = in + self->ys[y].lower * line;

            if (y > 0 && self->ys[y].lower == self->ys[y - 1].lower) {
                memcpy(out, out - out_line, out_line);
                continue;
            }
            for (gint32 x = 0; x < self->out_w; x++)
                memcpy(out + (gsize)x * pixel, from + self->xs[x].lower * pixel, pixel);
        }
    }
}

static Source
bilinear_source(const Resize *self, gint32 at, gint32 in, gint32 out)
{
    const gfloat scale = scale_of(self, in, out);
    const gfloat position =
        self->half_pixel ? ((gfloat)at + 0.5f) * scale - 0.5f : (gfloat)at * scale;
    const gint32 lower = MAX((gint32)floorf(position), 0);
    const gint32 upper = MIN((gint32)ceilf(position), in - 1);

    /* rounding of the scale may carry the last position past the end */
    return (Source){.lower = (guint32)MIN(lower, in - 1),
                    .upper = (guint32)MAX(upper, 0),
                    .fraction = position - (gfloat)lower};
}

static Source
bilinear_source_fixed(const Resize *self, gint32 at, gint32 in, gint32 out)
{
    const gboolean align = self->align_corners && out > 1;
    const gint64 from = align ? in - 1 : in, to = align ? out - 1 : out;
    const gint64 scale = (FIXED_ONE * from + to / 2) / to;
    const gint64 position = self->half_pixel ? at * scale + scale / 2 - FIXED_ONE / 2 : at * scale;
    const gint64 lower = CLAMP(position / FIXED_ONE, 0, in - 1);
    const gint64 upper = CLAMP((position + FIXED_ONE - 1) / FIXED_ONE, 0, in - 1);

    return (Source){.lower = (guint32)lower,
                    .upper = (guint32)upper,
                    .fixed = (gint32)CLAMP(position - lower * FIXED_ONE, -FIXED_ONE / 2,
                                           FIXED_ONE + FIXED_ONE / 2)};
}

static gboolean
bilinear_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Resize *self = vigil_node_params(node, sizeof *self);
    Source (*source)(const Resize *, gint32, gint32, gint32);

    if (!resize_init(self, graph, node, 2, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    if (self->align_corners && self->half_pixel)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_INVALID,
                               "align_corners and half_pixel_centers exclude each other");
    source = self->is_signed ? bilinear_source_fixed : bilinear_source;
    for (gint32 y = 0; y < self->out_h; y++)
        self->ys[y] = source(self, y, self->in_h, self->out_h);
    for (gint32 x = 0; x < self->out_w; x++)
        self->xs[x] = source(self, x, self->in_w, self->out_w);
    return TRUE;
}

typedef struct {
    const guint8 *a, *b, *c, *d; /* upper left and right, lower left and right */
} Corners;

static void
blend_unsigned(const Corners *in, const Source *y, const Source *x, guint8 *restrict out, gint32 n)
{
    const guint8 *restrict a = in->a, *restrict b = in->b, *restrict c = in->c, *restrict d = in->d;
    const gfloat wa = (1 - y->fraction) * (1 - x->fraction), wb = (1 - y->fraction) * x->fraction;
    const gfloat wc = y->fraction * (1 - x->fraction), wd = y->fraction * x->fraction;

    for (gint32 i = 0; i < n; i++)
        out[i] = (guint8)(gint32)((gfloat)a[i] * wa + (gfloat)b[i] * wb + (gfloat)c[i] * wc +
                                  (gfloat)d[i] * wd + 0.5f);
}

static void
blend_signed(const Corners *in, const Source *y, const Source *x, guint8 *out8, gint32 n)
{
    const gint8 *restrict a = (const gint8 *)in->a, *restrict b = (const gint8 *)in->b;
    const gint8 *restrict c = (const gint8 *)in->c, *restrict d = (const gint8 *)in->d;
    const gint32 wa = (FIXED_ONE - y->fixed) * (FIXED_ONE - x->fixed);
    const gint32 wb = (FIXED_ONE - y->fixed) * x->fixed;
    const gint32 wc = y->fixed * (FIXED_ONE - x->fixed), wd = y->fixed * x->fixed;
    gint8 *restrict out = (gint8 *)out8;

    for (gint32 i = 0; i < n; i++) {
        const gint32 sum = a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;
        const gint32 size = (ABS(sum) + FIXED_ONE * FIXED_ONE / 2) / (FIXED_ONE * FIXED_ONE);

        out[i] = (gint8)(sum < 0 ? -size : size);
    }
}

static void
bilinear_run(const VigilNode *node, const VigilRun *run)
{
    const Resize *self = node->params;
    const gsize pixel = (gsize)self->channels, line = (gsize)self->in_w * pixel;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);

    for (gint32 b = 0; b < self->batch; b++, in += (gsize)self->in_h * line) {
        for (gint32 i = 0; i < self->out_h * self->out_w; i++, out += pixel) {
            const Source *y = &self->ys[i / self->out_w], *x = &self->xs[i % self->out_w];
            const guint8 *upper = in + y->lower * line, *lower = in + y->upper * line;
            const Corners corners = {upper + x->lower * pixel, upper + x->upper * pixel,
                                     lower + x->lower * pixel, lower + x->upper * pixel};

            if (self->is_signed)
                blend_signed(&corners, y, x, out, self->channels);
            else
                blend_unsigned(&corners, y, x, out, self->channels);
        }
    }
}

const VigilOp vigil_ops_resize[] = {
    {23, NULL, "RESIZE_BILINEAR", bilinear_prepare, bilinear_run},
    {97, NULL, "RESIZE_NEAREST_NEIGHBOR", nearest_prepare, nearest_run},
    {0},
};
