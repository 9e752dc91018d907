/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/kernels/vigil-kernel-packed-private.h"
#include "models/kernels/vigil-kernel-window-private.h"

G_BEGIN_DECLS

/**
 * VigilConvRows: what finds the rows of activations that windows are, as they lie in the image or put together.
 * @gathered: rows are put together of their lines, as these are short; else a row consists of pieces as they lie: the
 *   window's lines, or its pixels where these lie apart
 * @pixel: bytes of one, in the table's row format; @line: bytes of a line of the window
 * @row_bytes: room for a row that is put together
 * @padding: zero points, as many as a piece has activations
 */
typedef struct {
    VigilWindow window;
    gboolean gathered;
    gsize pixel, line, row_bytes;
    const guint8 *padding;
} VigilConvRows;

/** vigil_conv_rows_pieces: that a row of @window is best made of for a table that multiplies @k_group at once. */
guint vigil_conv_rows_pieces(const VigilWindow *window, guint k_group);

/** vigil_conv_rows_plan: all but @padding. */
VigilConvRows vigil_conv_rows_plan(const VigilWindow *window, guint pieces, guint activation_bytes);

/**
 * vigil_conv_rows_point:
 * @image: in the table's row format
 * @first, @n: output pixels, VIGIL_PACKED_ROWS at most
 * @memory: VIGIL_PACKED_ROWS times @row_bytes for rows that must be put together
 * @rows: (out): [pieces][VIGIL_PACKED_ROWS]: where the pieces begin
 */
void vigil_conv_rows_point(const VigilConvRows *self, const guint8 *image, guint first, guint n,
                           guint8 *memory, const guint8 **rows);

G_END_DECLS
