/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilBox:
 * @x0: left edge
 * @y0: top edge
 * @x1: right edge, not smaller than @x0
 * @y1: bottom edge, not smaller than @y0
 *
 * A rectangle in parts of the source frame: 0..1, origin top-left. Boxes from a model may reach
 * over the frame's edges by a little; consumers that draw or crop clamp them.
 */
typedef struct {
    gfloat x0, y0, x1, y1;
} VigilBox;

/**
 * VigilDetection:
 * @box: where
 * @score: 0..1
 * @label_id: the model's class number, 0-based
 * @label: its name; interned (g_intern_string()), so it lives as long as the process and equal
 *   names are equal pointers
 */
typedef struct {
    VigilBox box;
    gfloat score;
    gint32 label_id;
    const gchar *label;
} VigilDetection;

/**
 * VigilModelId:
 * @name: of its package, else the file's base name; interned; %NULL: not known
 * @sha256: of the model file, lower-case hexadecimal; interned; %NULL: not known
 *
 * Which model looked at something. A plain value.
 */
typedef struct {
    const gchar *name, *sha256;
} VigilModelId;

/** vigil_box_area: width times height, 0..1 for a box inside the frame. */
static inline gfloat
vigil_box_area(const VigilBox *self)
{
    return MAX(self->x1 - self->x0, 0.0f) * MAX(self->y1 - self->y0, 0.0f);
}

/** vigil_box_iou: intersection over union of two boxes; 0 when either is empty. */
static inline gfloat
vigil_box_iou(const VigilBox *a, const VigilBox *b)
{
    const VigilBox both = {MAX(a->x0, b->x0), MAX(a->y0, b->y0), MIN(a->x1, b->x1),
                           MIN(a->y1, b->y1)};
    const gfloat common = vigil_box_area(&both);
    const gfloat all = vigil_box_area(a) + vigil_box_area(b) - common;

    return all > 0.0f ? common / all : 0.0f;
}

G_END_DECLS
