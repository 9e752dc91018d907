/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"
#include "models/vigil-types.h"

G_BEGIN_DECLS

#define VIGIL_MOTION_SENSITIVITY_DEFAULT 50
#define VIGIL_MOTION_MAX_REGIONS 16

/**
 * VigilMotionState: what a look at a frame came to.
 * @VIGIL_MOTION_LEARNING: what stands still is not known yet; anything may move
 * @VIGIL_MOTION_QUIET: nothing moves
 * @VIGIL_MOTION_MOVING: something moves, see the regions
 * @VIGIL_MOTION_SCENE_CHANGE: more than half of the picture is another at once (camera turned, lens covered, infrared switched):
 *   anything may have happened; the background is learned anew from here
 */
typedef enum {
    VIGIL_MOTION_LEARNING,
    VIGIL_MOTION_QUIET,
    VIGIL_MOTION_MOVING,
    VIGIL_MOTION_SCENE_CHANGE,
} VigilMotionState;

/**
 * VigilMotionResult:
 * @regions: where something moves, in parts of the frame, one cell wider on each side than what was seen; the largest first
 * @moving: part of the picture that moves, 0..1, masked parts counted as still
 */
typedef struct {
    VigilMotionState state;
    VigilBox regions[VIGIL_MOTION_MAX_REGIONS];
    guint n_regions;
    gfloat moving;
} VigilMotionResult;

/**
 * VigilMotion:
 *
 * Whether something moves in front of one camera, seen on a small picture of the luma: each cell is the mean of at least
 * 8 x 8 pixels, and there are at most 160 x 160 cells. Deterministic; not thread-safe; allocates only in new.
 *
 * A cell has a background (its running mean) and a spread (its running variance). It differs where it is off its
 * background by more than the sensitivity's step, more than 3.5 times its spread, and more than what a shift of the picture by a third of
 * a cell would do there. What differs and has also changed within the last half second, in a patch large enough, moves.
 * So
 * - steps of the light: gain and offset of the whole picture are fitted on each frame and taken into the background; where only a part
 *   is lit anew, cells that show the same texture as before do not differ
 * - leaves and rain: a cell that goes to and fro several times within ten seconds gets a wide spread
 * - shaking of the camera: the third of a cell
 * - what stops is still at once, and is background after about 30 s; what leaves, and stood there from the start, leaves no ghost
 */
typedef struct VigilMotion VigilMotion;

/**
 * vigil_motion_new:
 * @width, @height: of the luma planes to come, in pixels, 1..65535
 * @sensitivity: 1..100. The least step in luma that counts is 4 + 0.16 * (100 - sensitivity) of 255 levels, the smallest patch is
 *   0.02 % * 2^((100 - sensitivity) / 16.7) of the picture. 50 (the default): 12 levels, 0.16 %, about a person of a tenth of the
 *   picture's height. 100: 4 levels, 0.02 %. 1: 20 levels, 1.2 %.
 */
VigilMotion *vigil_motion_new(guint width, guint height, guint sensitivity);
void vigil_motion_free(VigilMotion *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilMotion, vigil_motion_free)

/** vigil_motion_add_mask: cells whose middle lies in the polygon are not looked at. @points: in parts of the frame. */
void vigil_motion_add_mask(VigilMotion *self, const VigilPoint *points, guint n_points);

/**
 * vigil_motion_update:
 * @time_ns: stream time of the frame. Going back, or on by more than 40 s, begins anew.
 * @luma: borrowed; the plane of @width x @height
 * @stride: bytes from line to line
 * @result: (out)
 */
void vigil_motion_update(VigilMotion *self, gint64 time_ns, const guint8 *luma, gsize stride,
                         VigilMotionResult *result);

/**
 * vigil_motion_copy_state:
 * @from: made with the same sizes as @self
 *
 * What @from knows of its scene; masks and sensitivity stay those of @self.
 */
void vigil_motion_copy_state(VigilMotion *self, const VigilMotion *from);

/** vigil_motion_reset: the next frame is the first. Masks stay. */
void vigil_motion_reset(VigilMotion *self);

G_END_DECLS
