/* SPDX-License-Identifier: Apache-2.0 */
/* From cells that differ to regions that move. */
#include "events/vigil-motion-private.h"

/* A patch nobody has seen a frame ago must be larger: rain, insects and noise are nowhere twice. */
#define NEW_PATCH_FACTOR 3
/* One cell of so many must be fresh, or it is something that stopped. */
#define FRESH_DIVISOR 12
/* Patches that are this near, in cells, belong to one object more often than not. */
#define NEAR 2

typedef struct {
    guint x0, y0, x1, y1; /* of cells, the last ones included */
    guint cells, fresh;
    gboolean seen_before;
} Patch;

static void
push(VigilMotionPatches *self, const VigilMotionGrid *grid, guint *depth, guint x, guint y)
{
    const guint at = y * grid->width + x;

    if (self->differs[at] != 1)
        return;
    self->differs[at] = 2;
    self->stack[(*depth)++] = at;
}

static gboolean
was_near(const VigilMotionPatches *self, const VigilMotionGrid *grid, guint x, guint y)
{
    for (guint j = MAX(y, 1) - 1; j <= MIN(y + 1, grid->height - 1); j++)
        for (guint i = MAX(x, 1) - 1; i <= MIN(x + 1, grid->width - 1); i++)
            if (self->before[j * grid->width + i] & 1)
                return TRUE;
    return FALSE;
}

/* All cells that hang together with (x, y), also by their corners. The stack holds each cell once at most. */
static Patch
fill(VigilMotionPatches *self, const VigilMotionGrid *grid, guint x, guint y)
{
    Patch patch = {x, y, x, y, 0, 0, FALSE};
    guint depth = 0;

    push(self, grid, &depth, x, y);
    while (depth > 0) {
        const guint at = self->stack[--depth];
        const guint cx = at % grid->width, cy = at / grid->width;

        patch.x0 = MIN(patch.x0, cx);
        patch.y0 = MIN(patch.y0, cy);
        patch.x1 = MAX(patch.x1, cx);
        patch.y1 = MAX(patch.y1, cy);
        patch.cells++;
        patch.fresh += self->fresh[at];
        patch.seen_before = patch.seen_before || was_near(self, grid, cx, cy);
        for (guint j = MAX(cy, 1) - 1; j <= MIN(cy + 1, grid->height - 1); j++)
            for (guint i = MAX(cx, 1) - 1; i <= MIN(cx + 1, grid->width - 1); i++)
                push(self, grid, &depth, i, j);
    }
    return patch;
}

static gboolean
is_moving(const VigilMotionPatches *self, const Patch *patch)
{
    const guint least = patch->seen_before ? self->least : self->least * NEW_PATCH_FACTOR;

    return patch->cells >= least && patch->fresh * FRESH_DIVISOR >= patch->cells;
}

static VigilBox
box_of(const VigilMotionGrid *grid, const Patch *patch)
{
    const gfloat width = (gfloat)grid->image_width, height = (gfloat)grid->image_height;
    const gfloat cell = (gfloat)grid->cell;

    return (VigilBox){
        MAX(0.0f, ((gfloat)patch->x0 - 1) * cell / width),
        MAX(0.0f, ((gfloat)patch->y0 - 1) * cell / height),
        MIN(1.0f, ((gfloat)patch->x1 + 2) * cell / width),
        MIN(1.0f, ((gfloat)patch->y1 + 2) * cell / height),
    };
}

static VigilBox
box_union(const VigilBox *a, const VigilBox *b)
{
    return (VigilBox){MIN(a->x0, b->x0), MIN(a->y0, b->y0), MAX(a->x1, b->x1), MAX(a->y1, b->y1)};
}

static gboolean
is_near(const VigilMotionGrid *grid, const VigilBox *a, const VigilBox *b)
{
    const gfloat dx = (gfloat)(NEAR * grid->cell) / (gfloat)grid->image_width;
    const gfloat dy = (gfloat)(NEAR * grid->cell) / (gfloat)grid->image_height;

    return a->x0 <= b->x1 + dx && b->x0 <= a->x1 + dx && a->y0 <= b->y1 + dy && b->y0 <= a->y1 + dy;
}

/* Joins what is near; when there is no room, what is farthest from deserving a region of its own: the last one. */
static void
add_region(const VigilMotionGrid *grid, VigilMotionResult *result, VigilBox box)
{
    guint i = 0;

    while (i < result->n_regions) {
        if (!is_near(grid, &result->regions[i], &box)) {
            i++;
            continue;
        }
        box = box_union(&box, &result->regions[i]);
        result->regions[i] = result->regions[--result->n_regions];
        i = 0;
    }
    if (result->n_regions == VIGIL_MOTION_MAX_REGIONS)
        result->regions[VIGIL_MOTION_MAX_REGIONS - 1] =
            box_union(&result->regions[VIGIL_MOTION_MAX_REGIONS - 1], &box);
    else
        result->regions[result->n_regions++] = box;
}

static void
sort_regions(VigilMotionResult *result)
{
    for (guint i = 1; i < result->n_regions; i++) {
        const VigilBox box = result->regions[i];
        guint at = i;

        for (; at > 0 && vigil_box_area(&result->regions[at - 1]) < vigil_box_area(&box); at--)
            result->regions[at] = result->regions[at - 1];
        result->regions[at] = box;
    }
}

void
vigil_motion_patches_find(VigilMotionPatches *self, const VigilMotionGrid *grid,
                          VigilMotionResult *result)
{
    const guint n = vigil_motion_grid_cells(grid);
    guint moving = 0;

    result->n_regions = 0;
    for (guint i = 0; i < n; i++) {
        Patch patch;

        if (self->differs[i] != 1)
            continue;
        patch = fill(self, grid, i % grid->width, i / grid->width);
        if (!is_moving(self, &patch))
            continue;
        moving += patch.cells;
        add_region(grid, result, box_of(grid, &patch));
    }
    for (guint i = 0; i < n; i++) {
        self->before[i] = self->differs[i] != 0;
        self->differs[i] = 0;
    }
    sort_regions(result);
    result->moving = (gfloat)moving / (gfloat)n;
}
