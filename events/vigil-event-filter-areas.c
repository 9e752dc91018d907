/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of which only a part was looked at: what they prove, and what not. */
#include "events/vigil-event-filter-private.h"

#define CELLS 8u
/* As for what is there from the first look on. */
#define NEW_AFTER_NS G_GINT64_CONSTANT(2000000000)

void
vigil_event_filter_set_area(VigilEventFilter *self, const VigilBox *area)
{
    self->in_part = area != NULL;
    if (area)
        self->area = *area;
}

void
vigil_filter_area_forget(VigilEventFilter *self)
{
    for (guint i = 0; i < CELLS * CELLS; i++)
        self->part_since_ns[i] = G_MAXINT64;
}

static VigilBox
cell_at(guint i)
{
    const guint column = i % CELLS, row = i / CELLS;
    const gfloat x = (gfloat)column / CELLS, y = (gfloat)row / CELLS;

    return (VigilBox){x, y, x + 1.0f / CELLS, y + 1.0f / CELLS};
}

void
vigil_filter_area_begin(VigilEventFilter *self)
{
    for (guint i = 0; self->in_part && i < CELLS * CELLS; i++) {
        const VigilBox cell = cell_at(i);

        if (vigil_area_covers(&self->area, &cell))
            self->part_since_ns[i] = MIN(self->part_since_ns[i], self->time_ns);
    }
}

gboolean
vigil_filter_area_was_known(const VigilEventFilter *self, const VigilBox *box)
{
    const gfloat x = 0.5f * (box->x0 + box->x1), y = 0.5f * (box->y0 + box->y1);
    const guint column = (guint)CLAMP(x * CELLS, 0.0f, CELLS - 1.0f);
    const guint row = (guint)CLAMP(y * CELLS, 0.0f, CELLS - 1.0f);
    const gint64 since_ns = self->part_since_ns[row * CELLS + column];

    return !self->in_part || (since_ns != G_MAXINT64 && self->time_ns - since_ns >= NEW_AFTER_NS);
}

/* Where its speed has taken it by now nobody needs to look closely. What stands still has none: its box trembles. */
static gboolean
has_gone_out(const VigilEventFilter *self, const VigilFilterObject *object)
{
    const gfloat gap = (gfloat)(self->time_ns - object->last_ns) / 1e9f;
    const gfloat x = 0.5f * (object->box.x0 + object->box.x1) + object->speed_x * gap;
    const gfloat y = 0.5f * (object->box.y0 + object->box.y1) + object->speed_y * gap;

    return !vigil_filter_place_is_still(object) && (x < 0.0f || x > 1.0f || y < 0.0f || y > 1.0f);
}

gboolean
vigil_filter_area_has(const VigilEventFilter *self, const VigilFilterObject *object,
                      const VigilTrack *tracks, guint n_tracks)
{
    if (vigil_filter_area_size(self) > VIGIL_AREA_WIDER * object->widest &&
        !has_gone_out(self, object))
        return FALSE;
    if (!self->in_part)
        return TRUE;
    for (guint i = 0; i < n_tracks; i++)
        if (tracks[i].id == object->track_id && !vigil_area_covers(&self->area, &tracks[i].box))
            return FALSE;
    return vigil_area_covers(&self->area, &object->box);
}

gboolean
vigil_filter_area_judges(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilFilterObject *object = &self->objects[stay->object];

    if (vigil_filter_rule(self, stay->rule)->count.given)
        return !self->in_part || self->scenes[stay->rule].truth != VIGIL_MAYBE;
    return object->observed || object->looked;
}
