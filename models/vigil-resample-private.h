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
 * @block: of a padded axis: 2 with two taps, else the taps rounded up to 4 or to a multiple of 8
 * @padded: (array): with a @block from 4: @block weights an output, the last of them 0
 * @picks: (array): with a @block of 2: 16 bytes for every four outputs: which bytes of the eight values from the first
 *   output's first one on are their pairs
 *
 * How one axis of an image is resampled: out[i] = sum over k of weights[i][k] * in[first[i] + k]. The arrays are as long
 * as for the next multiple of 8 outputs; those too many have the last one's place and no weight. They are used again by the
 * next vigil_resample_axis_init() and only ever grow.
 */
typedef struct {
    guint n_out, n_taps, block;
    guint32 *first;
    guint16 *weights, *padded;
    guint8 *picks;

    /*< private >*/
    gdouble *parts;
    gsize n_first, n_weights, n_padded, n_picks, n_parts;
} VigilResampleAxis;

/**
 * vigil_resample_axis_init:
 * @self: of zeros, or one that is to be used again
 * @n_in: samples there are, at least 1
 * @begin: where the first output's part begins, in samples: 0, or 0.5 where a crop begins within halved chroma
 * @extent: how many of them the outputs cover; differs from @n_in where an odd number of pixels
 *   shares halved chroma
 * @n_out: at least 1
 *
 * Bilinear with half-pixel centres while an output covers at most two inputs; the average of what
 * it covers beyond that, so that nothing small falls between the samples. At two the filters are equal.
 */
void vigil_resample_axis_init(VigilResampleAxis *self, guint n_in, gdouble begin, gdouble extent,
                              guint n_out);
/** vigil_resample_axis_pad: fills @block, @padded and @picks, for VigilPixels.columns. */
void vigil_resample_axis_pad(VigilResampleAxis *self);
void vigil_resample_axis_finish(VigilResampleAxis *self);

G_END_DECLS
