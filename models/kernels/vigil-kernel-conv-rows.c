/* SPDX-License-Identifier: Apache-2.0 */
#include "models/kernels/vigil-kernel-conv-rows-private.h"

#include <string.h>

/*
 * Windows of so many lines, each of so many activations, may be put together: for each piece a row's pointer is loaded, and
 * its end is rounded up to what the kernels multiply at once, which costs more than to copy windows of three channels.
 */
#define SHORT_WINDOW 7
#define SHORT_LINE 16
/* Such a line is copied with what follows it, as far as there is something: so many bytes. */
#define COPY_BYTES 16u

guint
vigil_conv_rows_pieces(const VigilWindow *window, guint k_group)
{
    const guint k_h = (guint)window->k_h;
    const guint64 line = (guint64)window->k_w * (guint64)window->in_c;
    const guint64 groups = k_h * ((line + k_group - 1) / k_group);
    const guint64 fewest = (k_h * line + k_group - 1) / k_group;

    if (window->dilation_x != 1)
        return k_h * (guint)window->k_w;
    /* a fifth less to multiply */
    return k_h <= SHORT_WINDOW && line <= SHORT_LINE && fewest * 5 <= groups * 4 ? 1 : k_h;
}

VigilConvRows
vigil_conv_rows_plan(const VigilWindow *window, guint pieces, guint activation_bytes)
{
    const gsize pixel = (gsize)window->in_c * activation_bytes, line = (gsize)window->k_w * pixel;

    return (VigilConvRows){.window = *window,
                           .gathered = pieces < (guint)window->k_h,
                           .pixel = pixel,
                           .line = line,
                           .row_bytes = (gsize)window->k_h * line};
}

static gsize
image_line(const VigilConvRows *self)
{
    return (gsize)self->window.in_w * self->pixel;
}

/* A line of the window that reaches over the image's sides: its pixels inside between pixels of padding. */
static void
join_edge(const VigilConvRows *self, const guint8 *line, gint32 x, guint8 *edge)
{
    const VigilWindow *window = &self->window;
    const gsize pixel = self->pixel;
    const gint32 first = CLAMP(-x, 0, window->k_w);
    const gint32 end = CLAMP(window->in_w - x, first, window->k_w);

    memcpy(edge, self->padding, (gsize)first * pixel);
    memcpy(edge + (gsize)first * pixel, line + (gsize)(x + first) * pixel,
           (gsize)(end - first) * pixel);
    memcpy(edge + (gsize)end * pixel, self->padding, (gsize)(window->k_w - end) * pixel);
}

/* The row that begins at input (@y, @x) and reaches over a side; without horizontal dilation its pieces are lines. */
static void
point_at_edge(const VigilConvRows *self, const guint8 *image, gint32 y, gint32 x, guint8 *row,
              const guint8 **rows)
{
    const VigilWindow *window = &self->window;

    *rows = row;
    for (gint32 ky = 0; ky < window->k_h; ky++, row += self->line) {
        const gint32 line_y = y + ky * window->dilation_y;
        const gboolean outside = line_y < 0 || line_y >= window->in_h;

        if (!self->gathered)
            rows[(gsize)ky * VIGIL_PACKED_ROWS] = outside ? self->padding : row;
        if (!outside)
            join_edge(self, image + (gsize)line_y * image_line(self), x, row);
        else if (self->gathered)
            memcpy(row, self->padding, self->line);
    }
}

static void
point_at_taps(const VigilConvRows *self, const guint8 *image, gint32 y, gint32 x,
              const guint8 **rows)
{
    const VigilWindow *window = &self->window;

    for (gint32 ky = 0; ky < window->k_h; ky++)
        for (gint32 kx = 0; kx < window->k_w; kx++, rows += VIGIL_PACKED_ROWS) {
            const gint32 tap_y = y + ky * window->dilation_y, tap_x = x + kx * window->dilation_x;
            const gboolean inside =
                tap_y >= 0 && tap_y < window->in_h && tap_x >= 0 && tap_x < window->in_w;

            *rows = inside ? image + (gsize)tap_y * image_line(self) + (gsize)tap_x * self->pixel
                           : self->padding;
        }
}

/* How many windows of one line of the output, from the one at @x on, lie between the image's sides; @n at most. */
static guint
count_inside(const VigilWindow *window, gint32 x, guint n)
{
    const gint32 last = window->in_w + window->pad_x - window->k_w;

    if (window->dilation_x != 1 || x * window->stride_x < window->pad_x ||
        x * window->stride_x > last)
        return 0;
    return MIN(n, (guint)(MIN(last / window->stride_x, window->out_w - 1) - x + 1));
}

/* Where line @ky of the windows of an output line begins, and bytes from one of these windows to the next. */
static const guint8 *
find_line(const VigilConvRows *self, const guint8 *image, gint32 y, gint32 x, gint32 ky,
          gsize *step)
{
    const VigilWindow *window = &self->window;
    const gint32 line_y = y + ky * window->dilation_y;

    if (line_y < 0 || line_y >= window->in_h) {
        *step = 0;
        return self->padding;
    }
    *step = (gsize)window->stride_x * self->pixel;
    return image + (gsize)line_y * image_line(self) + (gsize)x * self->pixel;
}

/* The lines of @n windows, row by row: what is copied beyond a line is written over by the next, or in the next row. */
static inline __attribute__((always_inline)) void
gather_lines(const VigilConvRows *self, const guint8 *pieces[], const gsize steps[], const guint n,
             const guint k_h, const gsize copied, guint8 *row)
{
    const gsize line = self->line, row_bytes = self->row_bytes;

    for (guint r = 0; r < n; r++, row += row_bytes)
        for (guint ky = 0; ky < k_h; ky++) {
            memcpy(row + ky * line, pieces[ky], copied);
            pieces[ky] += steps[ky];
        }
}

/* How many of @n pieces from @piece on may be copied with what follows them, up to @end. */
static guint
count_copied(const guint8 *piece, gsize step, guint n, const guint8 *end)
{
    const gssize room = end - piece - (gssize)COPY_BYTES;

    return room < 0 ? 0 : MIN(n, (guint)((gsize)room / step) + 1);
}

static void
gather_inside(const VigilConvRows *self, const guint8 *image, gint32 y, gint32 x, guint n,
              guint8 *memory)
{
    const VigilWindow *window = &self->window;
    const guint8 *const end = image + (gsize)window->in_h * image_line(self);
    const guint k_h = (guint)window->k_h;
    const guint8 *pieces[SHORT_WINDOW];
    gsize steps[SHORT_WINDOW];
    guint copied = self->line <= COPY_BYTES ? n : 0;

    for (guint ky = 0; ky < k_h; ky++) {
        pieces[ky] = find_line(self, image, y, x, (gint32)ky, &steps[ky]);
        if (steps[ky] != 0)
            copied = MIN(copied, count_copied(pieces[ky], steps[ky], n, end));
    }
    if (k_h == 3)
        gather_lines(self, pieces, steps, copied, 3, COPY_BYTES, memory);
    else
        gather_lines(self, pieces, steps, copied, k_h, COPY_BYTES, memory);
    memory += copied * self->row_bytes;
    gather_lines(self, pieces, steps, n - copied, k_h, self->line, memory);
}

/* The rows of @n windows that lie between the sides; (@y, @x) is where the first begins in the input. */
static void
point_at_inside(const VigilConvRows *self, const guint8 *image, gint32 y, gint32 x, guint n,
                guint8 *memory, const guint8 **rows)
{
    if (self->gathered) {
        gather_inside(self, image, y, x, n, memory);
        for (guint r = 0; r < n; r++)
            rows[r] = memory + r * self->row_bytes;
        return;
    }
    for (gint32 ky = 0; ky < self->window.k_h; ky++, rows += VIGIL_PACKED_ROWS) {
        gsize step;
        const guint8 *piece = find_line(self, image, y, x, ky, &step);

        for (guint r = 0; r < n; r++)
            rows[r] = piece + r * step;
    }
}

void
vigil_conv_rows_point(const VigilConvRows *self, const guint8 *image, guint first, guint n,
                      guint8 *memory, const guint8 **rows)
{
    const VigilWindow *window = &self->window;
    gint32 y = (gint32)(first / (guint)window->out_w), x = (gint32)(first % (guint)window->out_w);

    for (guint r = 0; r < n;) {
        const gint32 in_y = y * window->stride_y - window->pad_y;
        const gint32 in_x = x * window->stride_x - window->pad_x;
        const guint inside = count_inside(window, x, n - r), done = MAX(inside, 1u);
        guint8 *const row = memory + r * self->row_bytes;

        if (inside > 0)
            point_at_inside(self, image, in_y, in_x, inside, row, rows + r);
        else if (window->dilation_x == 1)
            point_at_edge(self, image, in_y, in_x, row, rows + r);
        else
            point_at_taps(self, image, in_y, in_x, rows + r);
        r += done;
        x += (gint32)done;
        if (x == window->out_w) {
            x = 0;
            y++;
        }
    }
}
