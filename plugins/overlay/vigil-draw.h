/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-types.h"
#include "plugins/overlay/vigil-canvas.h"

G_BEGIN_DECLS

/**
 * VigilDraw:
 *
 * Draws boxes, lines and labels for people to look at, on any picture format. Places are in parts of the picture. After the
 * first few pictures nothing is allocated. Not thread-safe.
 */
typedef struct VigilDraw VigilDraw;

/**
 * vigil_draw_new:
 * @line_width: pixels; 0: fitting the picture's height
 * @font_size: pixels; 0: fitting the picture's height
 */
VigilDraw *vigil_draw_new(guint line_width, guint font_size);
void vigil_draw_free(VigilDraw *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilDraw, vigil_draw_free)

/** vigil_draw_get_colour: one of a few that are told apart well; the same number gives the same. */
VigilColour vigil_draw_get_colour(guint64 number);

/**
 * vigil_draw_box:
 * @image: its pixels must be writable; so everywhere below
 * @text: (nullable): shown above the box, or in it where there is no room above; UTF-8
 * @faint: half transparent, for what is only supposed
 */
void vigil_draw_box(VigilDraw *self, const VigilImage *image, const VigilBox *box,
                    const gchar *text, VigilColour colour, gboolean faint);

/** vigil_draw_line: from (x0, y0) to (x1, y1), in parts of the picture, as everywhere. */
void vigil_draw_line(VigilDraw *self, const VigilImage *image, gfloat x0, gfloat y0, gfloat x1,
                     gfloat y1, VigilColour colour);

/** vigil_draw_text: on a ground of @colour, whose lower left corner is at (x, y). */
void vigil_draw_text(VigilDraw *self, const VigilImage *image, gfloat x, gfloat y,
                     const gchar *text, VigilColour colour);

G_END_DECLS
