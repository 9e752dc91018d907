/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"

G_BEGIN_DECLS

/**
 * vigil_box_foot: the middle of the lower edge, moved into the frame: where an object stands, which is what zones and
 * lines on the ground ask for. Somebody whose feet are below the picture is in a zone that reaches down to its edge.
 */
VigilPoint vigil_box_foot(const VigilBox *box);

/**
 * vigil_polygon_contains:
 * @points: corners in order, either way round; may cross itself (even-odd rule)
 *
 * A point on an edge belongs to exactly one of two polygons that share the edge.
 */
gboolean vigil_polygon_contains(const VigilPoint *points, guint n_points, VigilPoint point);

/** vigil_polygon_is_flat: %TRUE when all points lie on one line, so that nothing can be inside. */
gboolean vigil_polygon_is_flat(const VigilPoint *points, guint n_points);

typedef enum {
    VIGIL_CROSSING_NONE,
    VIGIL_CROSSING_IN, /* from the line's left to its right */
    VIGIL_CROSSING_OUT,
} VigilCrossing;

/**
 * vigil_line_crossing:
 * @from: where the object was
 * @to: where it is
 *
 * Whether the way crossed the line between its ends, and which way. A point on the line counts as right of it, so
 * that an object that stops on the line and goes on crosses it once, and one that turns back there has crossed twice.
 */
VigilCrossing vigil_line_crossing(const VigilLine *line, VigilPoint from, VigilPoint to);

G_END_DECLS
