/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-mask-spans.h"

#include <math.h>
#include <string.h>

/* Corners are on a grid of 1/256 pixel. In whole numbers all that follows is exact, and the same on every machine. */
#define GRID 256

typedef struct {
    gint64 x, y;
} Corner;

/* What is covered of the row at hand. */
typedef struct {
    gint64 width, height;
    gint64 top; /* of the row, on the grid */
    gint *
        winding; /* width + 1: by how much more often the polygon goes around a pixel's centre than around its left neighbour's */
    guint8 *covered; /* width */
} Row;

static Corner
to_grid(VigilPoint point, const Row *row)
{
    return (Corner){llrint((gdouble)point.x * (gdouble)row->width * GRID),
                    llrint((gdouble)point.y * (gdouble)row->height * GRID)};
}

/* @a is never negative: no edge leaves the picture. */
static gint64
divide_up(gint64 a, gint64 b)
{
    return (a + b - 1) / b;
}

/* Where the edge is at height @y, times the edge's height. */
static gint64
crossing(Corner upper, Corner lower, gint64 y)
{
    return upper.x * (lower.y - upper.y) + (y - upper.y) * (lower.x - upper.x);
}

/* The centres right of the edge, at the row's middle. Which of two neighbours gets a centre that is on it does not matter: it is touched as well. */
static void
add_winding(Row *row, Corner upper, Corner lower, gint direction)
{
    const gint64 middle = row->top + GRID / 2;
    const gint64 height = lower.y - upper.y;
    gint64 first;

    if (upper.y > middle || lower.y <= middle)
        return;
    /* the first x whose centre, GRID * x + GRID / 2, is not left of it */
    first = divide_up(MAX(crossing(upper, lower, middle) - height * (GRID / 2), 0), height * GRID);
    row->winding[MIN(first, row->width)] += direction;
}

/* Pixels whose inside the edge goes through. One that runs along the border of two touches neither. */
static void
add_touched(Row *row, Corner upper, Corner lower)
{
    const gint64 bottom = row->top + GRID;
    const gint64 from = MAX(upper.y, row->top), to = MIN(lower.y, bottom);
    gint64 left, right, scale, first, end;

    if (upper.y == lower.y) {
        if (upper.y <= row->top || upper.y >= bottom)
            return;
        left = MIN(upper.x, lower.x);
        right = MAX(upper.x, lower.x);
        scale = GRID;
    } else {
        if (from >= to)
            return;
        left = crossing(upper, lower, from);
        right = crossing(upper, lower, to);
        scale = GRID * (lower.y - upper.y);
        if (left > right) {
            const gint64 swap = left;

            left = right;
            right = swap;
        }
    }
    first = left / scale;
    end = MIN(divide_up(right, scale), row->width);
    if (first < end)
        memset(row->covered + first, 1, (gsize)(end - first));
}

static void
add_polygon(Row *row, const VigilPoint *points, guint n_points)
{
    gint winding = 0;

    memset(row->winding, 0, sizeof *row->winding * (gsize)(row->width + 1));
    for (guint i = 0; i < n_points; i++) {
        const Corner a = to_grid(points[i], row);
        const Corner b = to_grid(points[(i + 1) % n_points], row);
        const gboolean down = a.y <= b.y;

        add_winding(row, down ? a : b, down ? b : a, down ? 1 : -1);
        add_touched(row, down ? a : b, down ? b : a);
    }
    for (gint64 x = 0; x < row->width; x++) {
        winding += row->winding[x];
        row->covered[x] |= winding != 0;
    }
}

static gboolean
reaches_row(const Row *row, const VigilPoint *points, guint n_points)
{
    gint64 first = G_MAXINT64, last = G_MININT64;

    for (guint i = 0; i < n_points; i++) {
        const gint64 y = to_grid(points[i], row).y;

        first = MIN(first, y);
        last = MAX(last, y);
    }
    return first < row->top + GRID && last > row->top;
}

static void
append_spans(GArray *spans, const guint8 *covered, guint width)
{
    guint x = 0;

    while (x < width) {
        VigilMaskSpan span;

        while (x < width && !covered[x])
            x++;
        span.begin = x;
        while (x < width && covered[x])
            x++;
        span.end = x;
        if (span.begin < span.end)
            g_array_append_val(spans, span);
    }
}

static VigilMaskSpans *
spans_new(guint width, guint height)
{
    VigilMaskSpans *self = g_new0(VigilMaskSpans, 1);

    self->width = width;
    self->height = height;
    self->rows = g_new0(guint, (gsize)height + 1);
    return self;
}

VigilMaskSpans *
vigil_mask_spans_new(const VigilPrivacyMask *mask, guint width, guint height)
{
    VigilMaskSpans *self = spans_new(width, height);
    g_autofree gint *winding = g_new(gint, (gsize)width + 1);
    g_autofree guint8 *covered = g_new(guint8, width);
    GArray *spans = g_array_new(FALSE, FALSE, sizeof(VigilMaskSpan));
    Row row = {.width = width, .height = height, .winding = winding, .covered = covered};

    for (guint y = 0; y < height; y++) {
        row.top = (gint64)y * GRID;
        memset(covered, 0, width);
        for (guint i = 0; i < vigil_privacy_mask_get_n(mask); i++) {
            guint n_points;
            const VigilPoint *points = vigil_privacy_mask_get(mask, i, &n_points);

            if (reaches_row(&row, points, n_points))
                add_polygon(&row, points, n_points);
        }
        append_spans(spans, covered, width);
        self->rows[y + 1] = spans->len;
    }
    self->spans = (VigilMaskSpan *)g_array_free(spans, FALSE);
    return self;
}

VigilMaskSpans *
vigil_mask_spans_subsample(const VigilMaskSpans *self, guint shift_x, guint shift_y,
                           gboolean fields)
{
    const guint width = (self->width + (1u << shift_x) - 1) >> shift_x;
    const guint height = (self->height + (1u << shift_y) - 1) >> shift_y;
    VigilMaskSpans *small = spans_new(width, height);
    g_autofree guint8 *covered = g_new(guint8, width);
    GArray *spans = g_array_new(FALSE, FALSE, sizeof(VigilMaskSpan));

    for (guint y = 0; y < height; y++) {
        const guint first = (fields ? y & ~1u : y) << shift_y;
        const guint end_row = MIN(((fields ? y | 1u : y) + 1) << shift_y, self->height);

        memset(covered, 0, width);
        for (guint i = self->rows[first]; i < self->rows[end_row]; i++) {
            const guint begin = self->spans[i].begin >> shift_x;
            const guint end = ((self->spans[i].end - 1) >> shift_x) + 1;

            memset(covered + begin, 1, end - begin);
        }
        append_spans(spans, covered, width);
        small->rows[y + 1] = spans->len;
    }
    small->spans = (VigilMaskSpan *)g_array_free(spans, FALSE);
    return small;
}

void
vigil_mask_spans_free(VigilMaskSpans *self)
{
    if (!self)
        return;
    g_free(self->spans);
    g_free(self->rows);
    g_free(self);
}

/* Samples without anything between them: what is there is doubled until all is. */
static void
fill_packed(guint8 *to, gsize length, const guint8 *value, guint size)
{
    gsize done = size;

    memcpy(to, value, size);
    while (done < length) {
        const gsize more = MIN(done, length - done);

        memcpy(to + done, to, more);
        done += more;
    }
}

static void
fill_span(guint8 *to, guint n, guint step, const guint8 *value, guint size)
{
    if (size == 1 && step == 1)
        memset(to, *value, n);
    else if (size == step)
        fill_packed(to, (gsize)n * size, value, size);
    else if (size == 1)
        for (; n > 0; n--, to += step)
            *to = *value;
    else
        for (; n > 0; n--, to += step)
            memcpy(to, value, size);
}

void
vigil_mask_spans_fill(const VigilMaskSpans *self, guint8 *data, gssize stride, guint step,
                      const guint8 *value, guint size)
{
    for (guint y = 0; y < self->height; y++) {
        guint8 *row = data + (gssize)y * stride;

        for (guint i = self->rows[y]; i < self->rows[y + 1]; i++) {
            const VigilMaskSpan *span = &self->spans[i];

            fill_span(row + (gsize)span->begin * step, span->end - span->begin, step, value, size);
        }
    }
}
