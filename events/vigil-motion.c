/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-motion-private.h"

#include <math.h>
#include <string.h>

#include "events/vigil-geometry.h"

#define SECOND 1e9f
#define LONGEST_GAP (40 * (gint64)1000000000)
#define LEARN_SECONDS 1.0f
#define LEARN_FRAMES 3u

/* Time constants, in seconds, of running means. */
#define TAU_STILL 6.0f     /* background of a cell that is as it was */
#define TAU_DIFFERS 30.0f  /* background of a cell that is not */
#define TAU_DOUBT 0.8f     /* of the light */
#define TAU_RECENT 0.35f   /* what was seen a moment ago */
#define TAU_VARIANCE 15.0f /* spread of a cell that is as it was */
#define TAU_FLICKER 3.0f   /* spread of one that goes to and fro */
#define TAU_TURNS 10.0f    /* memory of how often it went */
#define TURNS 5.0f         /* so often within it is to and fro */

#define SPREADS 3.5f
#define FIRST_VARIANCE 4.0f
#define LARGEST_VARIANCE 400.0f
#define SHIFT 0.34f /* part of a cell that the picture may shift */
#define SCENE_CHANGE 0.55f
/* Beyond this the light has changed, and is more than noise in the fit. */
#define LIGHT_OFFSET 2.0f
#define LIGHT_DOUBT 0.4f

struct VigilMotion {
    VigilMotionGrid grid;
    gfloat step; /* least difference, in luma levels */
    guint least; /* cells of the smallest patch */

    gint64 last_ns, learning_since_ns;
    guint n_learned; /* frames */
    gboolean learning;

    guint32 *sums;
    guint8 *masked;
    gfloat *seen, *background, *variance, *recent, *turns, *doubt;
    guint8 *differed, *differs, *fresh, *before;
    guint32 *stack;
};

VigilMotion *
vigil_motion_new(guint width, guint height, guint sensitivity)
{
    VigilMotion *self = g_new0(VigilMotion, 1);
    const gfloat dull = 100.0f - (gfloat)CLAMP(sensitivity, 1u, 100u);
    guint n;

    g_return_val_if_fail(width > 0 && height > 0 && width <= 65535 && height <= 65535, NULL);
    vigil_motion_grid_init(&self->grid, width, height);
    n = vigil_motion_grid_cells(&self->grid);
    self->step = 4.0f + 0.16f * dull;
    self->least = MAX(2u, (guint)lrintf((gfloat)n * 0.0002f * exp2f(dull / 16.7f)));
    self->sums = g_new(guint32, width);
    self->masked = g_new0(guint8, n);
    self->seen = g_new0(gfloat, n);
    self->background = g_new0(gfloat, n);
    self->variance = g_new0(gfloat, n);
    self->recent = g_new0(gfloat, n);
    self->turns = g_new0(gfloat, n);
    self->doubt = g_new0(gfloat, n);
    self->differed = g_new0(guint8, n);
    self->differs = g_new0(guint8, n);
    self->fresh = g_new0(guint8, n);
    self->before = g_new0(guint8, n);
    self->stack = g_new0(guint32, n);
    vigil_motion_reset(self);
    return self;
}

void
vigil_motion_free(VigilMotion *self)
{
    g_free(self->sums);
    g_free(self->masked);
    g_free(self->seen);
    g_free(self->background);
    g_free(self->variance);
    g_free(self->recent);
    g_free(self->turns);
    g_free(self->doubt);
    g_free(self->differed);
    g_free(self->differs);
    g_free(self->fresh);
    g_free(self->before);
    g_free(self->stack);
    g_free(self);
}

void
vigil_motion_reset(VigilMotion *self)
{
    self->n_learned = 0;
    self->learning = TRUE;
}

void
vigil_motion_copy_state(VigilMotion *self, const VigilMotion *from)
{
    const guint n = vigil_motion_grid_cells(&self->grid);

    g_return_if_fail(n == vigil_motion_grid_cells(&from->grid));
    self->last_ns = from->last_ns;
    self->learning_since_ns = from->learning_since_ns;
    self->n_learned = from->n_learned;
    self->learning = from->learning;
    memcpy(self->background, from->background, n * sizeof self->background[0]);
    memcpy(self->variance, from->variance, n * sizeof self->variance[0]);
    memcpy(self->recent, from->recent, n * sizeof self->recent[0]);
    memcpy(self->turns, from->turns, n * sizeof self->turns[0]);
    memcpy(self->doubt, from->doubt, n * sizeof self->doubt[0]);
    memcpy(self->differed, from->differed, n);
    memcpy(self->before, from->before, n);
}

void
vigil_motion_add_mask(VigilMotion *self, const VigilPoint *points, guint n_points)
{
    const VigilMotionGrid *grid = &self->grid;

    for (guint y = 0; y < grid->height; y++)
        for (guint x = 0; x < grid->width; x++) {
            const VigilPoint middle = {
                ((gfloat)x + 0.5f) * (gfloat)grid->cell / (gfloat)grid->image_width,
                ((gfloat)y + 0.5f) * (gfloat)grid->cell / (gfloat)grid->image_height,
            };

            if (vigil_polygon_contains(points, n_points, middle))
                self->masked[y * grid->width + x] = 1;
        }
}

/* The part of the way that a running mean goes in @seconds. */
static gfloat
share(gfloat seconds, gfloat tau)
{
    return seconds / (seconds + tau);
}

/* The mean of the first second; its spread is what noise alone makes, since what moves has no time to be sorted out. */
static void
learn(VigilMotion *self, gint64 time_ns)
{
    const guint n = vigil_motion_grid_cells(&self->grid);
    gfloat part;

    if (self->n_learned == 0)
        self->learning_since_ns = time_ns;
    self->n_learned++;
    part = 1.0f / (gfloat)self->n_learned;
    for (guint i = 0; i < n; i++) {
        if (self->n_learned == 1)
            self->background[i] = self->seen[i];
        self->background[i] += (self->seen[i] - self->background[i]) * part;
        self->recent[i] = self->seen[i];
        self->variance[i] = FIRST_VARIANCE;
        self->turns[i] = self->doubt[i] = 0;
        self->differed[i] = self->before[i] = 0;
    }
    self->learning = self->n_learned < LEARN_FRAMES ||
                     (gfloat)(time_ns - self->learning_since_ns) < LEARN_SECONDS * SECOND;
}

/*
 * The light is another: so are the background and what was seen a moment ago. How another is known but roughly, where a
 * camera cuts off least of all: the more it changed, the more may differ for a while.
 */
static void
adopt_light(VigilMotion *self, VigilMotionLight light)
{
    const guint n = vigil_motion_grid_cells(&self->grid);

    for (guint i = 0; i < n; i++) {
        const gfloat lit = CLAMP(light.gain * self->background[i] + light.offset, 0, 255);

        self->doubt[i] += LIGHT_DOUBT * fabsf(lit - self->background[i]);
        self->background[i] = lit;
        self->recent[i] = CLAMP(light.gain * self->recent[i] + light.offset, 0, 255);
    }
}

static void
follow_light(VigilMotion *self)
{
    const guint n = vigil_motion_grid_cells(&self->grid);
    const VigilMotionLight light =
        vigil_motion_light_fit(self->background, self->seen, self->masked, n);
    const gfloat in_the_middle = (light.gain - 1) * 128 + light.offset;

    if (fabsf(in_the_middle) > LIGHT_OFFSET || fabsf(light.gain - 1) > 0.03f)
        adopt_light(self, light);
}

/* The largest step from the cell to one beside it: what a small shift of the picture changes is a part of that. */
static gfloat
contrast_at(const VigilMotion *self, guint x, guint y)
{
    const guint width = self->grid.width;
    const gfloat *at = self->background + y * width + x;
    gfloat most = 0;

    if (x > 0)
        most = fabsf(at[0] - at[-1]);
    if (x + 1 < width)
        most = MAX(most, fabsf(at[0] - at[1]));
    if (y > 0)
        most = MAX(most, fabsf(at[0] - *(at - width)));
    if (y + 1 < self->grid.height)
        most = MAX(most, fabsf(at[0] - at[width]));
    return most;
}

/* Returns: how many cells differ. */
static guint
compare(VigilMotion *self)
{
    const VigilMotionGrid *grid = &self->grid;
    guint n_differ = 0;

    for (guint y = 0; y < grid->height; y++)
        for (guint x = 0; x < grid->width; x++) {
            const guint i = y * grid->width + x;
            const gfloat limit = MAX(self->step, SPREADS * sqrtf(self->variance[i])) +
                                 SHIFT * contrast_at(self, x, y) + self->doubt[i];

            self->differs[i] =
                !self->masked[i] && fabsf(self->seen[i] - self->background[i]) > limit &&
                !vigil_motion_is_same_texture(grid, self->background, self->seen, x, y);
            self->fresh[i] =
                self->differs[i] && fabsf(self->seen[i] - self->recent[i]) > 0.5f * limit;
            n_differ += self->differs[i];
        }
    return n_differ;
}

static void
follow_cell(VigilMotion *self, guint i, gfloat seconds)
{
    const gfloat off = self->seen[i] - self->background[i];
    const gboolean differs = self->differs[i];
    gfloat tau = TAU_VARIANCE;

    self->turns[i] -= self->turns[i] * share(seconds, TAU_TURNS);
    if (differs != self->differed[i])
        self->turns[i] += 1;
    self->differed[i] = (guint8)differs;
    if (self->turns[i] > TURNS)
        tau = TAU_FLICKER;
    if (!differs || self->turns[i] > TURNS)
        self->variance[i] += (off * off - self->variance[i]) * share(seconds, tau);
    self->variance[i] = CLAMP(self->variance[i], 0.25f, LARGEST_VARIANCE);
    self->background[i] += off * share(seconds, differs ? TAU_DIFFERS : TAU_STILL);
    self->doubt[i] -= self->doubt[i] * share(seconds, TAU_DOUBT);
    self->recent[i] += (self->seen[i] - self->recent[i]) * share(seconds, TAU_RECENT);
}

static void
look(VigilMotion *self, gfloat seconds, VigilMotionResult *result)
{
    const guint n = vigil_motion_grid_cells(&self->grid);
    VigilMotionPatches patches = {self->differs, self->fresh, self->before, self->stack,
                                  self->least};
    guint n_differ;

    follow_light(self);
    n_differ = compare(self);
    if ((gfloat)n_differ > SCENE_CHANGE * (gfloat)n) {
        result->state = VIGIL_MOTION_SCENE_CHANGE;
        result->moving = 1;
        memset(self->differs, 0, n);
        vigil_motion_reset(self);
        return;
    }
    for (guint i = 0; i < n; i++)
        follow_cell(self, i, seconds);
    vigil_motion_patches_find(&patches, &self->grid, result);
    result->state = result->n_regions > 0 ? VIGIL_MOTION_MOVING : VIGIL_MOTION_QUIET;
}

void
vigil_motion_update(VigilMotion *self, gint64 time_ns, const guint8 *luma, gsize stride,
                    VigilMotionResult *result)
{
    const gint64 since = time_ns - self->last_ns;

    *result = (VigilMotionResult){.state = VIGIL_MOTION_LEARNING};
    vigil_motion_grid_reduce(&self->grid, luma, stride, self->sums, self->seen);
    if (self->n_learned > 0 && (since < 0 || since > LONGEST_GAP))
        vigil_motion_reset(self);
    if (self->learning)
        learn(self, time_ns);
    else
        look(self, (gfloat)since / SECOND, result);
    self->last_ns = time_ns;
}
