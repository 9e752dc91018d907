/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"

G_BEGIN_DECLS

/*
 * Colours of rows of samples with 8 bits before and 6 behind the point. Results are whole numbers 0..255, written
 * over the samples.
 */

/** VigilColourMatrix: Y'CbCr to R'G'B', 13 bits behind the point: luma's gain, then what Cr and Cb add. */
typedef struct {
    gint32 black, y, rv, gu, gv, bu;
} VigilColourMatrix;

/** vigil_colour_matrix: Source: ITU-R BT.601 and BT.709 */
VigilColourMatrix vigil_colour_matrix(VigilYuvMatrix matrix, gboolean full_range);

/** vigil_colour_yuv_to_rgb: @y becomes R, @u G, @v B. */
void vigil_colour_yuv_to_rgb(const VigilColourMatrix *matrix, gint16 *restrict y,
                             gint16 *restrict u, gint16 *restrict v, guint n);
/** vigil_colour_luma_to_gray: full range from the luma alone. */
void vigil_colour_luma_to_gray(const VigilColourMatrix *matrix, gint16 *y, guint n);
/** vigil_colour_rgb_to_gray: @r becomes the BT.601 luma of the three. */
void vigil_colour_rgb_to_gray(gint16 *restrict r, const gint16 *restrict g,
                              const gint16 *restrict b, guint n);
/** vigil_colour_round: without any change of colour. */
void vigil_colour_round(gint16 *samples, guint n);

G_END_DECLS
