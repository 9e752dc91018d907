/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-image.h"

G_BEGIN_DECLS

typedef struct {
    guint8 r, g, b;
} VigilColour;

/** VigilInk: a colour as the components of one picture's format. */
typedef struct {
    guint8 components[3];
} VigilInk;

VigilInk vigil_canvas_ink(const VigilImage *image, VigilColour colour);

/**
 * vigil_canvas_blend_row:
 * @image: its pixels must be writable
 * @x: first pixel; may lie outside, as may all of the row
 * @n: pixels
 * @coverage: (nullable): how much of each pixel is covered, 0..255; %NULL: all of it
 * @alpha: opacity of the whole, 0..255
 *
 * Lays ink over a piece of a row. Where chroma is coarser than luma the first pixel of a chroma sample decides.
 */
void vigil_canvas_blend_row(const VigilImage *image, gint x, gint y, gint n, const guint8 *coverage,
                            guint8 alpha, VigilInk ink);

/** vigil_canvas_fill: a filled rectangle. */
void vigil_canvas_fill(const VigilImage *image, gint x, gint y, gint width, gint height,
                       guint8 alpha, VigilInk ink);

G_END_DECLS
