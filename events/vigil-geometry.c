/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-geometry.h"

#include <math.h>

VigilPoint
vigil_box_foot(const VigilBox *box)
{
    const gfloat last =
        0.9999f; /* the frame's lower and right edges are no longer inside a zone that reaches to 1 */

    return (VigilPoint){CLAMP(0.5f * (box->x0 + box->x1), 0.0f, last), CLAMP(box->y1, 0.0f, last)};
}

/* Twice the signed area of a, b, p: positive when p is right of the way from a to b (y goes down). */
static gdouble
side_of(VigilPoint a, VigilPoint b, VigilPoint p)
{
    return ((gdouble)b.x - a.x) * ((gdouble)p.y - a.y) -
           ((gdouble)b.y - a.y) * ((gdouble)p.x - a.x);
}

gboolean
vigil_polygon_contains(const VigilPoint *points, guint n_points, VigilPoint point)
{
    gboolean inside = FALSE;

    for (guint i = 0; i < n_points; i++) {
        const VigilPoint a = points[i];
        const VigilPoint b = points[(i + 1) % n_points];
        const gboolean down = b.y > a.y;

        /* A ray to the right meets the edge, whose upper end belongs to it and whose lower end does not. The edge is
         * always taken downwards, so that rounding is the same for both polygons that share it. */
        if ((a.y > point.y) == (b.y > point.y))
            continue;
        if (side_of(down ? a : b, down ? b : a, point) > 0.0)
            inside = !inside;
    }
    return inside;
}

gboolean
vigil_polygon_is_flat(const VigilPoint *points, guint n_points)
{
    const gdouble thinnest =
        1e-6; /* of the frame's area, doubled: less than a pixel of any camera */
    VigilPoint farthest = points[0];
    gdouble distance = 0.0;

    for (guint i = 1; i < n_points; i++) {
        const gdouble d =
            hypot((gdouble)points[i].x - points[0].x, (gdouble)points[i].y - points[0].y);

        if (d > distance) {
            distance = d;
            farthest = points[i];
        }
    }
    for (guint i = 1; i < n_points; i++)
        if (fabs(side_of(points[0], farthest, points[i])) > thinnest)
            return FALSE;
    return TRUE;
}

VigilCrossing
vigil_line_crossing(const VigilLine *line, VigilPoint from, VigilPoint to)
{
    const gboolean was_right = side_of(line->a, line->b, from) >= 0.0;
    const gboolean is_right = side_of(line->a, line->b, to) >= 0.0;
    const gdouble side_a = side_of(from, to, line->a);
    const gdouble side_b = side_of(from, to, line->b);

    if (was_right == is_right || (side_a > 0.0 && side_b > 0.0) || (side_a < 0.0 && side_b < 0.0))
        return VIGIL_CROSSING_NONE;
    return is_right ? VIGIL_CROSSING_IN : VIGIL_CROSSING_OUT;
}
