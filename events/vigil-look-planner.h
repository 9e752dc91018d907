/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-motion.h"
#include "events/vigil-track.h"
#include "models/vigil-image.h"

G_BEGIN_DECLS

/* More find no room in a plan, and are looked for in whole frames. */
#define VIGIL_LOOK_MAX_PLACES 32
#define VIGIL_LOOK_MAX_RECENT 8

/**
 * VigilPlace:
 * @box: where a tracked object is, in parts of the frame
 * @speed_x: parts of the frame's width a second
 * @speed_y: parts of its height a second
 * @resting: it has been there for a while
 */
typedef struct {
    VigilBox box;
    gfloat speed_x, speed_y;
    gboolean resting;
} VigilPlace;

/**
 * VigilPlaces:
 * @time_ns: stream time of the frame in which the tracks were there
 * @n: of @places
 */
typedef struct {
    gint64 time_ns;
    VigilPlace places[VIGIL_LOOK_MAX_PLACES];
    guint n;
} VigilPlaces;

/** VigilLookSizes: in pixels: of the frame, and of the model's input. */
typedef struct {
    guint frame_width, frame_height;
    guint input_width, input_height;
} VigilLookSizes;

/**
 * VigilLookPlanner:
 * @whole_ns: the whole frame is looked at at least so often, if frames are looked at more often; default 2 s
 *
 * Which part of a frame a detector looks at, so that what moves is seen as large as it can be. Plain value; not thread-safe;
 * time is that of the stream, so a file gives the same choice each time.
 *
 * - What is looked for: what moves; tracked objects that it touches, whole; tracked objects elsewhere that do not rest. While
 *   nothing moves: all that is tracked.
 * - A part has a margin of a quarter around that, the shape of the model's input, and at least its size: nothing is enlarged
 *   beyond its pixels.
 * - Where the part would be more than 0.7 of the frame's width or height, little would be won: the whole frame is looked at. So
 *   it is when what is looked for is far apart, but every second look then is at one of the places, the one that was not looked
 *   at for longest.
 * - The whole frame is also looked at first, when nothing is looked for, when anything may have happened (the scene changed), @whole_ns
 *   after the last time (but every second time only where looks are further apart than that), and after the border of a part cut
 *   through something.
 */
typedef struct {
    gint64 whole_ns;

    /*< private >*/
    gboolean begun, was_whole, cut;
    gint64 looked_ns, last_whole_ns;
    struct {
        VigilBox area;
        gint64 time_ns;
    } recent[VIGIL_LOOK_MAX_RECENT]; /* the latest parts */
    guint next_recent;
} VigilLookPlanner;

VigilLookPlanner vigil_look_planner_defaults(void);

/**
 * vigil_look_planner_choose:
 * @time_ns: of the frame; going back begins anew
 * @motion: (nullable): what moves in it; %NULL: nobody knows, and the whole frame is looked at
 * @places: (nullable): where tracked objects were
 * @crop: (out): the part; within the frame, its place even in both directions
 *
 * To be called for each frame that is looked at.
 *
 * Returns: %FALSE: the whole frame, and @crop is that
 */
gboolean
vigil_look_planner_choose(VigilLookPlanner *self, gint64 time_ns, const VigilMotionResult *motion,
                          const VigilPlaces *places, const VigilLookSizes *sizes, VigilCrop *crop);

/**
 * vigil_look_planner_drop_cut:
 * @area: that was looked at, in parts of the frame; (nullable): all of it
 * @detections: (inout): of that look
 *
 * Takes out what a border of the area cuts through that is not the frame's: how large that is nobody knows. If it was a good one (0.3 or
 * more), the next look is at the whole frame.
 *
 * Returns: how many are left
 */
guint vigil_look_planner_drop_cut(VigilLookPlanner *self, const VigilBox *area,
                                  VigilDetection *detections, guint n_detections);

G_END_DECLS
