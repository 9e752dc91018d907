/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A weight of 1.0; the weights of one output add up to exactly this. */
#define VIGIL_RESAMPLE_ONE 16384

/**
 * VigilResampleAxis:
 * @n_out: number of outputs
 * @n_taps: inputs that one output is made of
 * @first: (array length=n_out): the first of them; first + n_taps never passes the input's end
 * @weights: (array): n_taps of them an output, parts of %VIGIL_RESAMPLE_ONE, never negative
 *
 * How one axis of an image is resampled: out[i] = sum over k of weights[i][k] * in[first[i] + k].
 */
typedef struct {
    guint n_out, n_taps;
    guint32 *first;
    guint16 *weights;
} VigilResampleAxis;

/**
 * vigil_resample_axis_init:
 * @n_in: samples there are, at least 1
 * @extent: how many of them the output covers; differs from @n_in where an odd number of pixels
 *   shares halved chroma
 * @n_out: at least 1
 *
 * Bilinear with half-pixel centres while an output covers at most two inputs; the average of what
 * it covers beyond that, so that nothing small falls between the samples. At two the filters are equal.
 */
void vigil_resample_axis_init(VigilResampleAxis *self, guint n_in, gdouble extent, guint n_out);
void vigil_resample_axis_finish(VigilResampleAxis *self);

/**
 * vigil_resample_rows:
 * @plane: first byte of the plane
 * @stride: bytes from row to row
 * @n: bytes of a row
 * @sums: room for @n
 * @out: @n values of 8 + 6 bits
 *
 * Output row @index of the vertical @axis.
 */
void vigil_resample_rows(const VigilResampleAxis *axis, guint index, const guint8 *plane,
                         gsize stride, guint n, guint32 *sums, guint16 *out);

/**
 * vigil_resample_columns:
 * @row: a row that vigil_resample_rows() made
 * @step: values from one sample of the channel to the next
 * @out: axis->n_out values of 8 + 6 bits
 */
void
vigil_resample_columns(const VigilResampleAxis *axis, const guint16 *row, guint step, gint16 *out);

G_END_DECLS
