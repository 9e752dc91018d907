/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-resample-private.h"

#include <math.h>
#include <string.h>

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
init_bilinear(VigilResampleAxis *self, guint n_in, gdouble scale)
{
    self->n_taps = MIN(n_in, 2);
    self->first = g_new0(guint32, self->n_out);
    self->weights = g_new(guint16, (gsize)self->n_out * self->n_taps);
    for (guint i = 0; i < self->n_out; i++) {
        const gdouble centre = CLAMP((i + 0.5) * scale - 0.5, 0.0, n_in - 1.0);
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
init_area(VigilResampleAxis *self, guint n_in, gdouble scale)
{
    g_autofree gdouble *parts = NULL;

    self->n_taps = MIN(n_in, (guint)ceil(scale) + 1);
    self->first = g_new0(guint32, self->n_out);
    self->weights = g_new(guint16, (gsize)self->n_out * self->n_taps);
    parts = g_new(gdouble, self->n_taps);
    for (guint i = 0; i < self->n_out; i++) {
        const gdouble begin = i * scale, end = MIN((i + 1) * scale, n_in);

        self->first[i] = MIN((guint32)begin, n_in - self->n_taps);
        for (guint k = 0; k < self->n_taps; k++) {
            const gdouble sample = self->first[i] + k;

            parts[k] = MAX(MIN(end, sample + 1) - MAX(begin, sample), 0.0);
        }
        set_weights(&self->weights[(gsize)i * self->n_taps], parts, self->n_taps);
    }
}

void
vigil_resample_axis_init(VigilResampleAxis *self, guint n_in, gdouble extent, guint n_out)
{
    const gdouble scale = extent / n_out;

    self->n_out = n_out;
    if (scale > 2.0)
        init_area(self, n_in, scale);
    else
        init_bilinear(self, n_in, scale);
}

void
vigil_resample_axis_finish(VigilResampleAxis *self)
{
    g_clear_pointer(&self->first, g_free);
    g_clear_pointer(&self->weights, g_free);
}

void
vigil_resample_rows(const VigilResampleAxis *axis, guint index, const guint8 *plane, gsize stride,
                    guint n, guint32 *restrict sums, guint16 *restrict out)
{
    const guint16 *weights = &axis->weights[(gsize)index * axis->n_taps];
    const guint8 *first = plane + axis->first[index] * stride;

    if (axis->n_taps == 2) {
        const guint8 *restrict upper = first, *restrict lower = first + stride;
        const guint32 w0 = weights[0], w1 = weights[1];

        for (guint x = 0; x < n; x++)
            out[x] = (guint16)((upper[x] * w0 + lower[x] * w1 + 128) >> 8);
        return;
    }
    for (guint x = 0; x < n; x++)
        sums[x] = 128;
    for (guint k = 0; k < axis->n_taps; k++) {
        const guint8 *restrict row = first + k * stride;
        const guint32 weight = weights[k];

        if (weight == 0)
            continue;
        for (guint x = 0; x < n; x++)
            sums[x] += row[x] * weight;
    }
    for (guint x = 0; x < n; x++)
        out[x] = (guint16)(sums[x] >> 8);
}

void
vigil_resample_columns(const VigilResampleAxis *axis, const guint16 *row, guint step,
                       gint16 *restrict out)
{
    const guint n_taps = axis->n_taps;
    const guint16 *weights = axis->weights;

    if (n_taps == 2) {
        for (guint i = 0; i < axis->n_out; i++, weights += 2) {
            const guint16 *in = row + (gsize)axis->first[i] * step;

            out[i] =
                (gint16)((in[0] * (guint32)weights[0] + in[step] * (guint32)weights[1] + 8192) >>
                         14);
        }
        return;
    }
    for (guint i = 0; i < axis->n_out; i++, weights += n_taps) {
        const guint16 *in = row + (gsize)axis->first[i] * step;
        guint32 sum = VIGIL_RESAMPLE_ONE / 2;

        for (guint k = 0; k < n_taps; k++)
            sum += in[(gsize)k * step] * (guint32)weights[k];
        out[i] = (gint16)(sum >> 14);
    }
}
