/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "models/kernels/vigil-kernel-clones-private.h"
#include "models/kernels/vigil-kernel-fixed-private.h"
#include "models/kernels/vigil-kernel-move-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

/* Of fewer, a call of a table's kernel for each pixel costs more than what it does. */
#define FEW_CHANNELS 64u

/*
 * MAX_POOL_2D: the highest of the taps that lie in the image. AVERAGE_POOL_2D: their mean, rounded to nearest,
 * ties away from zero, by their number. Both then clamp to the fused activation's range. Input and output have one
 * scale, as TensorFlow Lite asks.
 */
typedef struct {
    VigilWindow window;
    gboolean is_signed;
    gint32 lo, hi;
} Pool;

/* A window as large as a large image, at every pixel, is not a model but an attack. */
static gboolean
check_work(const VigilWindow *window, const VigilGraph *graph, VigilNode *node, GError **error)
{
    const guint64 taps =
        (guint64)MIN(window->k_h, window->in_h) * (guint64)MIN(window->k_w, window->in_w);
    const guint64 outputs = (guint64)window->out_h * (guint64)window->out_w * (guint64)window->in_c;

    node->work = outputs * (guint64)window->batch * taps;
    if (outputs * (guint64)window->batch <= VIGIL_MAX_MACS / taps)
        return TRUE;
    return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_TOO_LARGE,
                           "a window of %dx%d on an input of %dx%d is too much to compute",
                           window->k_h, window->k_w, window->in_h, window->in_w);
}

static gboolean
pool_prepare(VigilGraph *graph, VigilNode *node, GError **error)
{
    Pool *self = vigil_node_params(node, sizeof *self);
    const VigilTensor *in, *out;

    if (!vigil_node_check_arity(graph, node, 1, 1, 1, error) ||
        !vigil_node_check_quantized_io(graph, node, error))
        return FALSE;
    in = vigil_node_input(graph, node, 0);
    out = vigil_node_output(graph, node, 0);
    if (in->scale != out->scale || in->zero_point != out->zero_point)
        return vigil_node_fail(graph, node, error, VIGIL_MODEL_ERROR_UNSUPPORTED,
                               "input and output must have the same scale and zero point");
    self->window = (VigilWindow){
        .stride_x = vigil_fb_i32(&node->options, 1, 0),
        .stride_y = vigil_fb_i32(&node->options, 2, 0),
        .k_w = vigil_fb_i32(&node->options, 3, 0),
        .k_h = vigil_fb_i32(&node->options, 4, 0),
        .dilation_x = 1,
        .dilation_y = 1,
    };
    if (!vigil_window_init(&self->window, graph, node, in, vigil_fb_i8(&node->options, 0, 0),
                           error) ||
        !vigil_kernel_activation_range(graph, node, vigil_fb_i8(&node->options, 5, 0), out,
                                       &self->lo, &self->hi, error))
        return FALSE;
    if (!check_work(&self->window, graph, node, error))
        return FALSE;
    self->is_signed = in->type == VIGIL_TENSOR_INT8;
    node->scratch_bytes =
        (gsize)self->window.in_c * MAX(sizeof(gint32), 2 * (gsize)self->window.in_w) +
        VIGIL_ISA_SLACK;

    const gint32 dims[] = {self->window.batch, self->window.out_h, self->window.out_w,
                           self->window.in_c};
    return vigil_node_set_output(graph, node, 0, 4, dims, error);
}

#define DEFINE_TAPS(NAME, TYPE, STATEMENT)                                          \
    VIGIL_CLONES static void NAME(const guint8 *tap, gsize n, gint32 *restrict acc) \
    {                                                                               \
        const TYPE *restrict x = (const TYPE *)tap;                                 \
                                                                                    \
        for (gsize c = 0; c < n; c++)                                               \
            STATEMENT;                                                              \
    }

DEFINE_TAPS(max_unsigned, guint8, acc[c] = MAX(acc[c], x[c]))
DEFINE_TAPS(max_signed, gint8, acc[c] = MAX(acc[c], x[c]))
DEFINE_TAPS(sum_unsigned, guint8, acc[c] += x[c])
DEFINE_TAPS(sum_signed, gint8, acc[c] += x[c])

static void
clamp_out(const Pool *self, const gint32 *acc, gsize n, guint8 *out)
{
    for (gsize c = 0; c < n; c++)
        out[c] = (guint8)CLAMP(acc[c], self->lo, self->hi);
}

/* Applies @add to every tap of output pixel (y, x) that lies in the image; returns how many there are. */
static gint32
visit_taps(const VigilWindow *window, const guint8 *image, gint32 y, gint32 x, gint32 *acc,
           void (*add)(const guint8 *tap, gsize n, gint32 *acc))
{
    const gint32 in_y = y * window->stride_y - window->pad_y;
    const gint32 in_x = x * window->stride_x - window->pad_x;
    const gsize c = (gsize)window->in_c;
    gint32 ky0, ky1, kx0, kx1;

    vigil_window_taps(in_y, 1, window->k_h, window->in_h, &ky0, &ky1);
    vigil_window_taps(in_x, 1, window->k_w, window->in_w, &kx0, &kx1);
    for (gint32 ky = ky0; ky < ky1; ky++)
        for (gint32 kx = kx0; kx < kx1; kx++)
            add(image + ((gsize)(in_y + ky) * (gsize)window->in_w + (gsize)(in_x + kx)) * c, c,
                acc);
    return (ky1 - ky0) * (kx1 - kx0);
}

static void
max_pixel(const Pool *self, const guint8 *image, gint32 y, gint32 x, gint32 *acc, guint8 *out)
{
    const gsize n = (gsize)self->window.in_c;

    for (gsize c = 0; c < n; c++)
        acc[c] = -128;
    visit_taps(&self->window, image, y, x, acc, self->is_signed ? max_signed : max_unsigned);
    clamp_out(self, acc, n, out);
}

/* Pixels of few channels: of whole lines again, beside each other in @wide, of which windows inside take a pixel each. */
static void
max_inside(const VigilWindow *window, const VigilIsa *isa, const guint8 *column, guint8 *wide,
           gint32 first, gint32 end, guint8 *out)
{
    const gsize c = (gsize)window->in_c;
    const gsize n = (gsize)(window->in_w - window->k_w + 1) * c;
    const gint32 in_x = first * window->stride_x - window->pad_x;

    memcpy(wide, column, n);
    for (gint32 kx = 1; kx < window->k_w; kx++)
        isa->max(column + (gsize)kx * c, wide, n);
    vigil_move_lines(wide + (gsize)in_x * c, (gssize)((gsize)window->stride_x * c),
                     out + (gsize)first * c, c, c, (gsize)(end - first));
}

/* The same by a table's kernel, where no activation is fused: of whole lines first, into @column, then of its pixels. */
static void
max_line(const Pool *self, const VigilIsa *isa, const guint8 *image, gint32 y, guint8 *column,
         guint8 *out)
{
    gint32 inside = 0, end_inside = 0;
    const VigilWindow *window = &self->window;
    const gint32 in_y = y * window->stride_y - window->pad_y;
    const gsize c = (gsize)window->in_c, line = (gsize)window->in_w * c;
    gint32 ky0, ky1, kx0, kx1;

    vigil_window_taps(in_y, 1, window->k_h, window->in_h, &ky0, &ky1);
    memcpy(column, image + (gsize)(in_y + ky0) * line, line);
    for (gint32 ky = ky0 + 1; ky < ky1; ky++)
        isa->max(image + (gsize)(in_y + ky) * line, column, line);
    if (c < FEW_CHANNELS && window->in_w >= window->k_w) {
        inside = (window->pad_x + window->stride_x - 1) / window->stride_x;
        end_inside = (window->in_w + window->pad_x - window->k_w) / window->stride_x + 1;
        end_inside = MIN(end_inside, window->out_w);
    }
    if (inside < end_inside)
        max_inside(window, isa, column, column + line, inside, end_inside, out);
    for (gint32 x = 0; x < window->out_w; x++, out += c) {
        const gint32 in_x = x * window->stride_x - window->pad_x;
        const guint8 *first;

        if (x >= inside && x < end_inside)
            continue;
        vigil_window_taps(in_x, 1, window->k_w, window->in_w, &kx0, &kx1);
        first = column + (gsize)(in_x + kx0) * c;
        memcpy(out, first, c);
        for (gint32 kx = 1; kx < kx1 - kx0; kx++)
            isa->max(first + (gsize)kx * c, out, c);
    }
}

static void
average_pixel(const Pool *self, const guint8 *image, gint32 y, gint32 x, gint32 *acc, guint8 *out)
{
    const gsize n = (gsize)self->window.in_c;
    gint32 count;

    memset(acc, 0, n * sizeof *acc);
    count =
        visit_taps(&self->window, image, y, x, acc, self->is_signed ? sum_signed : sum_unsigned);
    for (gsize c = 0; c < n; c++)
        acc[c] = (acc[c] > 0 ? acc[c] + count / 2 : acc[c] - count / 2) / MAX(count, 1);
    clamp_out(self, acc, n, out);
}

static void
pool_each(const VigilNode *node, const VigilRun *run,
          void (*pixel)(const Pool *self, const guint8 *image, gint32 y, gint32 x, gint32 *acc,
                        guint8 *out))
{
    const Pool *self = node->params;
    const VigilWindow *window = &self->window;
    const guint8 *in = vigil_run_input(run, node, 0);
    guint8 *out = vigil_run_output(run, node, 0);
    gint32 *acc = vigil_run_scratch(run, node);

    for (gint32 b = 0; b < window->batch; b++) {
        for (gint32 y = 0; y < window->out_h; y++)
            for (gint32 x = 0; x < window->out_w; x++, out += window->in_c)
                pixel(self, in, y, x, acc, out);
        in += (gsize)window->in_h * (gsize)window->in_w * (gsize)window->in_c;
    }
}

/* Whether every window has a tap in the image and the kernels' bytes compare as this tensor's do. */
static gboolean
has_lines(const Pool *self, const VigilIsa *isa)
{
    const VigilWindow *window = &self->window;

    return isa->max != NULL && self->is_signed == isa->is_signed && window->batch == 1 &&
           self->hi - self->lo == 255 && window->pad_y < window->k_h && window->pad_x < window->k_w;
}

static void
max_pool_run(const VigilNode *node, const VigilRun *run)
{
    const Pool *self = node->params;
    const VigilIsa *isa = run->graph->isa;
    guint8 *out = vigil_run_output(run, node, 0);

    if (has_lines(self, isa)) {
        const gsize line = (gsize)self->window.out_w * (gsize)self->window.in_c;

        for (gint32 y = 0; y < self->window.out_h; y++)
            max_line(self, isa, vigil_run_input(run, node, 0), y, vigil_run_scratch(run, node),
                     out + (gsize)y * line);
        return;
    }
    pool_each(node, run, max_pixel);
}

static void
average_pool_run(const VigilNode *node, const VigilRun *run)
{
    pool_each(node, run, average_pixel);
}

const VigilOp vigil_ops_pool[] = {
    {1, NULL, "AVERAGE_POOL_2D", pool_prepare, average_pool_run},
    {17, NULL, "MAX_POOL_2D", pool_prepare, max_pool_run},
    {0},
};
