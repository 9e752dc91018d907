/* SPDX-License-Identifier: Apache-2.0 */
/* The small picture, and what a change of the light does to it. */
#include "events/vigil-motion-private.h"

#include <math.h>

#define CELL_PIXELS 8u
#define MAX_CELLS 160u /* either way */

/* Near the ends of the scale a camera cuts off, and there is no telling how bright it is. */
#define DARKEST 8.0f
#define BRIGHTEST 247.0f
#define FIT_ROUNDS 4
#define FIT_OUTLIER 2.5f /* times the mean deviation */
#define LEAST_SPREAD 4.0f

#define TEXTURE_RADIUS 2
#define TEXTURE_LEAST 4.0f /* variance of the window */
#define TEXTURE_SAME 0.92f /* correlation */

void
vigil_motion_grid_init(VigilMotionGrid *self, guint width, guint height)
{
    const guint longest = MAX(width, height);

    self->image_width = width;
    self->image_height = height;
    self->cell = MAX(CELL_PIXELS, (longest + MAX_CELLS - 1) / MAX_CELLS);
    self->width = (width + self->cell - 1) / self->cell;
    self->height = (height + self->cell - 1) / self->cell;
}

static void
add_line(const guint8 *luma, guint n, guint32 *sums)
{
    for (guint x = 0; x < n; x++)
        sums[x] += luma[x];
}

void
vigil_motion_grid_reduce(const VigilMotionGrid *self, const guint8 *luma, gsize stride,
                         guint32 *sums, gfloat *cells)
{
    for (guint y = 0; y < self->height; y++) {
        const guint first = y * self->cell;
        const guint lines = MIN(self->cell, self->image_height - first);

        memset(sums, 0, self->image_width * sizeof *sums);
        for (guint i = 0; i < lines; i++)
            add_line(luma + (first + i) * stride, self->image_width, sums);
        for (guint x = 0; x < self->width; x++) {
            const guint left = x * self->cell;
            const guint columns = MIN(self->cell, self->image_width - left);
            guint32 sum = 0;

            for (guint i = 0; i < columns; i++)
                sum += sums[left + i];
            cells[y * self->width + x] = (gfloat)sum / (gfloat)(lines * columns);
        }
    }
}

typedef struct {
    gdouble n, x, y, xx, xy;
} Moments;

static gboolean
is_measurable(gfloat value)
{
    return value > DARKEST && value < BRIGHTEST;
}

/* With little contrast the slope is anybody's guess: then the light has an offset only. */
static VigilMotionLight
solve(const Moments *m)
{
    const gdouble variance = m->n > 0 ? m->xx / m->n - m->x / m->n * (m->x / m->n) : 0;
    VigilMotionLight light = {1, 0};

    if (m->n < 1)
        return light;
    if (variance > LEAST_SPREAD * LEAST_SPREAD)
        light.gain = (gfloat)(((m->xy / m->n) - (m->x / m->n) * (m->y / m->n)) / variance);
    light.gain = CLAMP(light.gain, 0.25f, 4.0f);
    light.offset = (gfloat)(m->y / m->n - light.gain * m->x / m->n);
    return light;
}

VigilMotionLight
vigil_motion_light_fit(const gfloat *background, const gfloat *seen, const guint8 *skip, guint n)
{
    VigilMotionLight light = {1, 0};
    gfloat limit = G_MAXFLOAT;

    for (guint round = 0; round < FIT_ROUNDS; round++) {
        Moments m = {0};
        gdouble deviation = 0;

        for (guint i = 0; i < n; i++) {
            const gfloat x = background[i], y = seen[i];

            if (skip[i] || !is_measurable(x) || !is_measurable(y) ||
                fabsf(y - light.gain * x - light.offset) > limit)
                continue;
            m.n++;
            m.x += x;
            m.y += y;
            m.xx += (gdouble)x * x;
            m.xy += (gdouble)x * y;
        }
        light = solve(&m);
        for (guint i = 0; i < n; i++)
            if (!skip[i] && is_measurable(background[i]) && is_measurable(seen[i]))
                deviation += MIN(fabsf(seen[i] - light.gain * background[i] - light.offset), limit);
        limit = MAX(1.0f, FIT_OUTLIER * (gfloat)(deviation / MAX(1.0, m.n)));
    }
    return light;
}

gboolean
vigil_motion_is_same_texture(const VigilMotionGrid *grid, const gfloat *background,
                             const gfloat *seen, guint x, guint y)
{
    const guint x0 = MAX(x, TEXTURE_RADIUS) - TEXTURE_RADIUS;
    const guint y0 = MAX(y, TEXTURE_RADIUS) - TEXTURE_RADIUS;
    const guint x1 = MIN(x + TEXTURE_RADIUS, grid->width - 1);
    const guint y1 = MIN(y + TEXTURE_RADIUS, grid->height - 1);
    const gfloat n = (gfloat)((x1 - x0 + 1) * (y1 - y0 + 1));
    gfloat sb = 0, ss = 0, sbb = 0, sss = 0, sbs = 0, vb, vs;

    for (guint j = y0; j <= y1; j++)
        for (guint i = x0; i <= x1; i++) {
            const gfloat b = background[j * grid->width + i], s = seen[j * grid->width + i];

            sb += b;
            ss += s;
            sbb += b * b;
            sss += s * s;
            sbs += b * s;
        }
    vb = sbb / n - sb / n * (sb / n);
    vs = sss / n - ss / n * (ss / n);
    if (vb < TEXTURE_LEAST || vs < TEXTURE_LEAST)
        return FALSE;
    return (sbs / n - sb / n * (ss / n)) / sqrtf(vb * vs) > TEXTURE_SAME;
}
