/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-types.h"

G_BEGIN_DECLS

/* An area is the part of a frame that a detector looked at; NULL: all of it. */

/* So much of an object must lie in an area for a look at it to have shown the object. */
#define VIGIL_AREA_SHARE 0.9f

/**
 * vigil_area_covers:
 * @area: (nullable)
 * @box: where something is thought to be
 *
 * Returns: whether a look at @area would have shown what is there: as far as it is in the frame it lies in the area, a tenth
 *   at most left over
 */
static inline gboolean
vigil_area_covers(const VigilBox *area, const VigilBox *box)
{
    const VigilBox seen = {MAX(box->x0, 0.0f), MAX(box->y0, 0.0f), MIN(box->x1, 1.0f),
                           MIN(box->y1, 1.0f)};
    VigilBox both;

    if (!area)
        return TRUE;
    both = (VigilBox){MAX(seen.x0, area->x0), MAX(seen.y0, area->y0), MIN(seen.x1, area->x1),
                      MIN(seen.y1, area->y1)};
    return seen.x1 > seen.x0 && seen.y1 > seen.y0 &&
           vigil_box_area(&both) >= VIGIL_AREA_SHARE * vigil_box_area(&seen);
}

/* A look at an area larger than so many times may not show what is small. */
#define VIGIL_AREA_WIDER 1.5f

/** vigil_area_size: in parts of the frame. @area: (nullable) */
static inline gfloat
vigil_area_size(const VigilBox *area)
{
    return area ? vigil_box_area(area) : 1.0f;
}

G_END_DECLS
