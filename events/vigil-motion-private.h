/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-motion.h"

G_BEGIN_DECLS

/**
 * VigilMotionGrid: the small picture, [height][width] cells.
 * @cell: pixels a cell, both ways; those of the last column and line may have fewer
 */
typedef struct {
    guint image_width, image_height;
    guint cell, width, height;
} VigilMotionGrid;

static inline guint
vigil_motion_grid_cells(const VigilMotionGrid *self)
{
    return self->width * self->height;
}

/** vigil_motion_grid_init: cells of at least 8 x 8 pixels, at most 160 either way. */
void vigil_motion_grid_init(VigilMotionGrid *self, guint width, guint height);

/** vigil_motion_grid_reduce: means of the cells, 0..255. @sums: [image_width], scratch. */
void vigil_motion_grid_reduce(const VigilMotionGrid *self, const guint8 *luma, gsize stride,
                              guint32 *sums, gfloat *cells);

/** VigilMotionLight: seen = @gain * background + @offset, for what did not change but for the light. */
typedef struct {
    gfloat gain, offset;
} VigilMotionLight;

/**
 * vigil_motion_light_fit:
 * @skip: cells that are not to be looked at; nonzero: skipped
 *
 * Fitted to the cells that agree with each other, as long as those are most of the picture: something large that came in
 * does not count.
 */
VigilMotionLight
vigil_motion_light_fit(const gfloat *background, const gfloat *seen, const guint8 *skip, guint n);

/**
 * vigil_motion_is_same_texture: whether the 5 x 5 cells around show the same pattern, whatever their brightness and contrast.
 * %FALSE where there is none to compare.
 */
gboolean vigil_motion_is_same_texture(const VigilMotionGrid *grid, const gfloat *background,
                                      const gfloat *seen, guint x, guint y);

/**
 * VigilMotionPatches: the cells that differ.
 * @differs: [cells]; used up: 0 when done
 * @fresh: [cells]: it also changed a moment ago
 * @before: [cells]: was part of a region of the last frame
 * @stack: [cells], scratch
 * @least: cells of the smallest patch
 */
typedef struct {
    guint8 *differs;
    const guint8 *fresh;
    guint8 *before;
    guint32 *stack;
    guint least;
} VigilMotionPatches;

/** vigil_motion_patches_find: fills in regions and moving; @self->before is then of this frame. */
void vigil_motion_patches_find(VigilMotionPatches *self, const VigilMotionGrid *grid,
                               VigilMotionResult *result);

G_END_DECLS
