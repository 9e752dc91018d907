/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-look-planner.h"

#include <math.h>

#define WHOLE_NS G_GINT64_CONSTANT(2000000000)
#define MARGIN 0.25f /* of the longer side, around what is looked for */
#define MOST 0.7f    /* of the frame's width and height */
/* Parts come in few sizes, so that a box does not tremble for their sake. */
#define STEP 32u
/* Nobody knows for longer where somebody goes. */
#define LONGEST_WAY_S 0.5f
#define CUT_MARGIN 0.02f /* of the part's side: a box that ends so near to a border is cut by it */
#define CUT_SCORE 0.3f
#define MAX_TARGETS (VIGIL_MOTION_MAX_REGIONS + VIGIL_LOOK_MAX_PLACES)

typedef struct {
    VigilBox box;
    gboolean wanted; /* worth a look for its own sake */
} Target;

typedef struct {
    Target targets[MAX_TARGETS];
    guint n;
} Plan;

VigilLookPlanner
vigil_look_planner_defaults(void)
{
    return (VigilLookPlanner){.whole_ns = WHOLE_NS};
}

static VigilBox
unite(const VigilBox *a, const VigilBox *b)
{
    return (VigilBox){MIN(a->x0, b->x0), MIN(a->y0, b->y0), MAX(a->x1, b->x1), MAX(a->y1, b->y1)};
}

static gboolean
touch(const VigilBox *a, const VigilBox *b)
{
    return a->x0 <= b->x1 && b->x0 <= a->x1 && a->y0 <= b->y1 && b->y0 <= a->y1;
}

static void
plan_add(Plan *self, VigilBox box, gboolean wanted)
{
    box = (VigilBox){CLAMP(box.x0, 0.0f, 1.0f), CLAMP(box.y0, 0.0f, 1.0f),
                     CLAMP(box.x1, 0.0f, 1.0f), CLAMP(box.y1, 0.0f, 1.0f)};
    if (self->n < MAX_TARGETS && box.x1 > box.x0 && box.y1 > box.y0)
        self->targets[self->n++] = (Target){box, wanted};
}

static VigilBox
place_at(const VigilPlace *place, gfloat seconds)
{
    const gfloat dx = place->speed_x * seconds, dy = place->speed_y * seconds;

    if (place->resting)
        return place->box;
    return (VigilBox){place->box.x0 + dx, place->box.y0 + dy, place->box.x1 + dx,
                      place->box.y1 + dy};
}

/* %FALSE: no two of them touch */
static gboolean
plan_unite_two(Plan *self)
{
    for (guint i = 0; i < self->n; i++)
        for (guint k = i + 1; k < self->n; k++) {
            if (!touch(&self->targets[i].box, &self->targets[k].box))
                continue;
            self->targets[i].box = unite(&self->targets[i].box, &self->targets[k].box);
            self->targets[i].wanted |= self->targets[k].wanted;
            self->targets[k] = self->targets[--self->n];
            return TRUE;
        }
    return FALSE;
}

static void
plan_make(Plan *self, gint64 time_ns, const VigilMotionResult *motion, const VigilPlaces *places)
{
    const gboolean moves = motion->state == VIGIL_MOTION_MOVING;
    guint kept = 0;

    self->n = 0;
    for (guint i = 0; moves && i < motion->n_regions; i++)
        plan_add(self, motion->regions[i], TRUE);
    for (guint i = 0; places && i < places->n; i++) {
        const gfloat seconds = (gfloat)(time_ns - places->time_ns) / 1e9f;
        const VigilPlace *place = &places->places[i];

        plan_add(self, place_at(place, CLAMP(seconds, 0.0f, LONGEST_WAY_S)),
                 !moves || !place->resting);
    }
    while (plan_unite_two(self))
        ;
    /* only now is it known what a target that rests touches */
    for (guint i = 0; i < self->n; i++)
        if (self->targets[i].wanted)
            self->targets[kept++] = self->targets[i];
    self->n = kept;
}

/* Where a side of @length pixels begins, in a frame of @size, around @middle. */
static guint
begin_of(gfloat middle, guint length, guint size)
{
    const gfloat most = (gfloat)(size - length);

    return (guint)CLAMP(middle * (gfloat)size - 0.5f * (gfloat)length, 0.0f, most) / 2 * 2;
}

/* %FALSE: too much of the frame */
static gboolean
fit(const VigilBox *box, const VigilLookSizes *sizes, VigilCrop *crop)
{
    const gfloat frame_width = (gfloat)sizes->frame_width,
                 frame_height = (gfloat)sizes->frame_height;
    const gfloat shape = (gfloat)sizes->input_width / (gfloat)sizes->input_height;
    const gfloat wide = (box->x1 - box->x0) * frame_width;
    const gfloat high = (box->y1 - box->y0) * frame_height;
    const gfloat margin = 2.0f * MARGIN * MAX(wide, high);
    const gfloat least =
        MAX(MAX(wide + margin, (high + margin) * shape), (gfloat)sizes->input_width);
    const gfloat width = ceilf(least / STEP) * STEP;
    const gfloat height = ceilf(width / shape);

    if (width > MOST * frame_width || height > MOST * frame_height)
        return FALSE;
    crop->width = (guint)width;
    crop->height = (guint)height;
    crop->x = begin_of(0.5f * (box->x0 + box->x1), crop->width, sizes->frame_width);
    crop->y = begin_of(0.5f * (box->y0 + box->y1), crop->height, sizes->frame_height);
    return TRUE;
}

static gboolean
fit_all(const Plan *plan, const VigilLookSizes *sizes, VigilCrop *crop)
{
    VigilBox all = plan->targets[0].box;

    for (guint i = 1; i < plan->n; i++)
        all = unite(&all, &plan->targets[i].box);
    return fit(&all, sizes, crop);
}

/* When a target was last looked at in a part; by its middle, since it need not stand still. */
static gint64
last_look(const VigilLookPlanner *self, const VigilBox *box)
{
    const gfloat x = 0.5f * (box->x0 + box->x1), y = 0.5f * (box->y0 + box->y1);
    gint64 last_ns = G_MININT64;

    for (guint i = 0; i < VIGIL_LOOK_MAX_RECENT; i++) {
        const VigilBox *area = &self->recent[i].area;

        if (x > area->x0 && x < area->x1 && y > area->y0 && y < area->y1)
            last_ns = MAX(last_ns, self->recent[i].time_ns);
    }
    return last_ns;
}

/* The part around the target that waits for longest, of equal ones the largest. */
static gboolean
fit_one(const VigilLookPlanner *self, const Plan *plan, const VigilLookSizes *sizes,
        VigilCrop *crop)
{
    gint64 longest_ns = G_MAXINT64;
    gfloat largest = 0.0f;
    gboolean found = FALSE;

    for (guint i = 0; i < plan->n; i++) {
        const VigilBox *box = &plan->targets[i].box;
        const gint64 last_ns = last_look(self, box);
        VigilCrop part;

        if (last_ns > longest_ns || (last_ns == longest_ns && vigil_box_area(box) <= largest) ||
            !fit(box, sizes, &part))
            continue;
        longest_ns = last_ns;
        largest = vigil_box_area(box);
        *crop = part;
        found = TRUE;
    }
    return found;
}

static gboolean
is_whole_due(const VigilLookPlanner *self, gint64 time_ns, const VigilMotionResult *motion)
{
    if (!self->begun || self->cut || !motion ||
        (motion->state != VIGIL_MOTION_MOVING && motion->state != VIGIL_MOTION_QUIET))
        return TRUE;
    return !self->was_whole && time_ns - self->last_whole_ns >= self->whole_ns;
}

static gboolean
find_part(const VigilLookPlanner *self, gint64 time_ns, const VigilMotionResult *motion,
          const VigilPlaces *places, const VigilLookSizes *sizes, VigilCrop *crop)
{
    Plan plan;

    if (is_whole_due(self, time_ns, motion))
        return FALSE;
    plan_make(&plan, time_ns, motion, places);
    if (plan.n == 0)
        return FALSE;
    return fit_all(&plan, sizes, crop) ||
           (plan.n > 1 && self->was_whole && fit_one(self, &plan, sizes, crop));
}

static void
note_part(VigilLookPlanner *self, gint64 time_ns, const VigilCrop *crop,
          const VigilLookSizes *sizes)
{
    const gfloat width = (gfloat)sizes->frame_width, height = (gfloat)sizes->frame_height;
    const VigilBox area = {(gfloat)crop->x / width, (gfloat)crop->y / height,
                           (gfloat)(crop->x + crop->width) / width,
                           (gfloat)(crop->y + crop->height) / height};

    self->recent[self->next_recent].area = area;
    self->recent[self->next_recent].time_ns = time_ns;
    self->next_recent = (self->next_recent + 1) % VIGIL_LOOK_MAX_RECENT;
}

gboolean
vigil_look_planner_choose(VigilLookPlanner *self, gint64 time_ns, const VigilMotionResult *motion,
                          const VigilPlaces *places, const VigilLookSizes *sizes, VigilCrop *crop)
{
    gboolean part;

    if (self->begun && time_ns < self->looked_ns)
        *self = (VigilLookPlanner){.whole_ns = self->whole_ns};
    part = find_part(self, time_ns, motion, places, sizes, crop);
    if (part) {
        note_part(self, time_ns, crop, sizes);
    } else {
        *crop = (VigilCrop){0, 0, sizes->frame_width, sizes->frame_height};
        self->last_whole_ns = time_ns;
    }
    self->begun = TRUE;
    self->cut = FALSE;
    self->was_whole = !part;
    self->looked_ns = time_ns;
    return part;
}

static gboolean
is_cut(const VigilBox *area, const VigilBox *box)
{
    const gfloat dx = CUT_MARGIN * (area->x1 - area->x0), dy = CUT_MARGIN * (area->y1 - area->y0);

    return (area->x0 > 0.0f && box->x0 < area->x0 + dx) ||
           (area->y0 > 0.0f && box->y0 < area->y0 + dy) ||
           (area->x1 < 1.0f && box->x1 > area->x1 - dx) ||
           (area->y1 < 1.0f && box->y1 > area->y1 - dy);
}

guint
vigil_look_planner_drop_cut(VigilLookPlanner *self, const VigilBox *area,
                            VigilDetection *detections, guint n_detections)
{
    guint kept = 0;

    if (!area)
        return n_detections;
    for (guint i = 0; i < n_detections; i++)
        if (!is_cut(area, &detections[i].box))
            detections[kept++] = detections[i];
        else if (detections[i].score >= CUT_SCORE)
            self->cut = TRUE;
    return kept;
}
