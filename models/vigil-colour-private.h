/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-image.h"

G_BEGIN_DECLS

/* Colours of rows of samples with 8 bits before and 6 behind the point, 0..255. */

/** VigilColourMatrix: Y'CbCr to R'G'B', 13 bits behind the point: luma's gain, then what Cr and Cb add. */
typedef struct {
    gint32 black, y, rv, gu, gv, bu;
} VigilColourMatrix;

/** vigil_colour_matrix: Source: ITU-R BT.601 and BT.709 */
VigilColourMatrix vigil_colour_matrix(VigilYuvMatrix matrix, gboolean full_range);

void vigil_colour_yuv_to_rgb(const VigilColourMatrix *matrix, const gint16 *y, const gint16 *u,
                             const gint16 *v, guint n, guint8 *restrict r, guint8 *restrict g,
                             guint8 *restrict b);
/** vigil_colour_luma_to_gray: full range from the luma alone. */
void vigil_colour_luma_to_gray(const VigilColourMatrix *matrix, const gint16 *y, guint n,
                               guint8 *restrict gray);
/** vigil_colour_rgb_to_gray: the BT.601 luma of the three. */
void vigil_colour_rgb_to_gray(const gint16 *r, const gint16 *g, const gint16 *b, guint n,
                              guint8 *restrict gray);
/** vigil_colour_round: without any change of colour. */
void vigil_colour_round(const gint16 *samples, guint n, guint8 *restrict out);

G_END_DECLS
