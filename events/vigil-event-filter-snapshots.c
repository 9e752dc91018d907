/* SPDX-License-Identifier: Apache-2.0 */
/* The best view of each event, as far as there is room for it. */
#include "events/vigil-event-filter-private.h"

#include <math.h>

#define LEAST_SCORE 1e-6f

static gfloat
view_of(const VigilFilterObject *object)
{
    const VigilBox inside = {CLAMP(object->box.x0, 0.0f, 1.0f), CLAMP(object->box.y0, 0.0f, 1.0f),
                             CLAMP(object->box.x1, 0.0f, 1.0f), CLAMP(object->box.y1, 0.0f, 1.0f)};

    /* where somebody is missing there is something to see, too */
    return MAX(object->score, LEAST_SCORE) * sqrtf(vigil_box_area(&inside));
}

static guint
find_slot(const VigilEventFilter *self, guint stay)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_SNAPSHOTS; i++)
        if (self->snapshots[i].stay == stay)
            return i;
    return VIGIL_NONE;
}

GBytes *
vigil_filter_snapshot_take(VigilEventFilter *self, guint stay)
{
    const guint slot = find_slot(self, stay);

    if (slot == VIGIL_NONE)
        return NULL;
    self->snapshots[slot].stay = VIGIL_NONE;
    return g_steal_pointer(&self->snapshots[slot].jpeg);
}

/* A free slot, or for an open event that of a stay which is not one yet. */
static guint
find_room(VigilEventFilter *self, guint stay)
{
    guint slot = find_slot(self, VIGIL_NONE);

    for (guint i = 0;
         slot == VIGIL_NONE && self->stays[stay].open && i < VIGIL_EVENT_FILTER_MAX_SNAPSHOTS;
         i++) {
        VigilFilterStay *other = &self->stays[self->snapshots[i].stay];

        if (other->open)
            continue;
        g_clear_pointer(&self->snapshots[i].jpeg, g_bytes_unref);
        other->best_view = 0.0f;
        slot = i;
    }
    if (slot != VIGIL_NONE)
        self->snapshots[slot].stay = stay;
    return slot;
}

gboolean
vigil_event_filter_wants_snapshot(VigilEventFilter *self, guint *event_slot)
{
    for (guint i = 0; i < self->n_stays; i++) {
        const guint index = self->order[i];
        VigilFilterStay *stay = &self->stays[index];
        const gfloat view = view_of(&self->objects[stay->object]);
        guint slot;

        if (stay->last_ns != self->time_ns || view <= stay->best_view ||
            (stay->asked_ns != G_MININT64 &&
             self->time_ns - stay->asked_ns < VIGIL_EVENT_FILTER_SNAPSHOT_INTERVAL_NS))
            continue;
        slot = find_slot(self, index);
        if (slot == VIGIL_NONE)
            slot = find_room(self, index);
        if (slot == VIGIL_NONE)
            continue;
        stay->asked_ns = self->snapshots[slot].asked_ns = self->time_ns;
        self->snapshots[slot].view = view;
        *event_slot = slot;
        return TRUE;
    }
    return FALSE;
}

void
vigil_event_filter_set_snapshot(VigilEventFilter *self, guint event_slot, GBytes *jpeg)
{
    VigilFilterSnapshot *snapshot;

    g_return_if_fail(event_slot < VIGIL_EVENT_FILTER_MAX_SNAPSHOTS);
    snapshot = &self->snapshots[event_slot];
    if (snapshot->stay == VIGIL_NONE || snapshot->asked_ns != self->time_ns)
        return;
    g_clear_pointer(&snapshot->jpeg, g_bytes_unref);
    snapshot->jpeg = g_bytes_ref(jpeg);
    self->stays[snapshot->stay].best_view = snapshot->view;
}
