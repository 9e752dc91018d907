/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-resample-private.h"

#include <math.h>
#include <string.h>

/* Outputs that vectors make at once. */
#define GROUP 8

/* Room for @n elements of zeros. */
static gpointer
make_room(gpointer array, gsize *room, gsize n, gsize size)
{
    if (n > *room) {
        g_free(array);
        array = g_malloc_n(n, size);
        *room = n;
    }
    memset(array, 0, n * size);
    return array;
}

static gsize
round_up(gsize value, gsize unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Sets the weights of one output from the parts that each tap has. Rounding the running sum instead
 * of each part keeps every weight positive and the total exact. */
static void
set_weights(guint16 *weights, const gdouble *parts, guint n_taps)
{
    gdouble total = 0, sum = 0;
    gint before = 0;

    for (guint k = 0; k < n_taps; k++)
        total += parts[k];
    for (guint k = 0; k < n_taps; k++) {
        gint upto;

        sum += parts[k];
        upto = k + 1 == n_taps ? VIGIL_RESAMPLE_ONE : (gint)lrint(sum / total * VIGIL_RESAMPLE_ONE);
        weights[k] = (guint16)(upto - before);
        before = upto;
    }
}

static void
set_bilinear(VigilResampleAxis *self, guint n_in, gdouble begin, gdouble scale)
{
    for (guint i = 0; i < self->n_out; i++) {
        const gdouble centre = CLAMP(begin + (i + 0.5) * scale - 0.5, 0.0, n_in - 1.0);
        gdouble parts[2] = {1.0, 0.0};

        if (n_in > 1) {
            self->first[i] = MIN((guint32)centre, n_in - 2);
            parts[1] = centre - self->first[i];
            parts[0] = 1.0 - parts[1];
        }
        set_weights(&self->weights[(gsize)i * self->n_taps], parts, self->n_taps);
    }
}

static void
set_area(VigilResampleAxis *self, guint n_in, gdouble begin, gdouble scale)
{
    gdouble *parts = self->parts;

    for (guint i = 0; i < self->n_out; i++) {
        const gdouble from = begin + i * scale, to = MIN(begin + (i + 1) * scale, n_in);

        self->first[i] = MIN((guint32)from, n_in - self->n_taps);
        for (guint k = 0; k < self->n_taps; k++) {
            const gdouble sample = self->first[i] + k;

            parts[k] = MAX(MIN(to, sample + 1) - MAX(from, sample), 0.0);
        }
        set_weights(&self->weights[(gsize)i * self->n_taps], parts, self->n_taps);
    }
}

void
vigil_resample_axis_init(VigilResampleAxis *self, guint n_in, gdouble begin, gdouble extent,
                         guint n_out)
{
    const gdouble scale = extent / n_out;
    const gboolean area = scale > 2.0;
    const gsize room = round_up(n_out, GROUP);

    self->n_out = n_out;
    self->n_taps = MIN(n_in, area ? (guint)ceil(scale) + 1 : 2);
    self->block = 0;
    self->first = make_room(self->first, &self->n_first, room, sizeof(guint32));
    self->weights =
        make_room(self->weights, &self->n_weights, room * self->n_taps, sizeof(guint16));
    self->parts = make_room(self->parts, &self->n_parts, self->n_taps, sizeof(gdouble));
    if (area)
        set_area(self, n_in, begin, scale);
    else
        set_bilinear(self, n_in, begin, scale);
    for (gsize i = n_out; i < room; i++)
        self->first[i] = self->first[n_out - 1];
}

/* Which bytes of the eight values from the group's first one on the pairs of four outputs are: their scale is at most 2. */
static void
set_picks(VigilResampleAxis *self, gsize room)
{
    self->picks = make_room(self->picks, &self->n_picks, 4 * room, 1);
    for (gsize i = 0; i < room; i++) {
        const guint32 at = self->first[i] - self->first[i / 4 * 4];

        for (guint b = 0; b < 4; b++)
            self->picks[4 * i + b] = (guint8)(2 * at + b);
    }
}

void
vigil_resample_axis_pad(VigilResampleAxis *self)
{
    const gsize room = round_up(self->n_out, GROUP);
    const gsize n = self->n_taps;

    if (n == 2) {
        self->block = 2;
        set_picks(self, room);
        return;
    }
    self->block = n <= 4 ? 4 : (guint)round_up(n, 8);
    self->padded = make_room(self->padded, &self->n_padded, room * self->block, sizeof(guint16));
    for (gsize i = 0; i < self->n_out; i++)
        memcpy(&self->padded[i * self->block], &self->weights[i * n], n * sizeof(guint16));
}

void
vigil_resample_axis_finish(VigilResampleAxis *self)
{
    g_free(self->first);
    g_free(self->weights);
    g_free(self->padded);
    g_free(self->picks);
    g_free(self->parts);
    *self = (VigilResampleAxis){0};
}
