/* SPDX-License-Identifier: Apache-2.0 */
/* What stands still, and whether it is still there: for what is left behind and what is taken away. */
#include "events/vigil-event-filter-private.h"

#define SAME_PLACE_IOU 0.5f
/* Somebody who passes before it shifts a box for a moment. */
#define STRAY_NS G_GINT64_CONSTANT(1000000000)
/* What is there within this time from the first look was there before. */
#define NEW_AFTER_NS G_GINT64_CONSTANT(2000000000)
#define STILL_NS G_GINT64_CONSTANT(3000000000)
#define COVERED_PART 0.5f
/* Then nobody can tell any more what became of it. */
#define MAX_COVERED_NS G_GINT64_CONSTANT(600000000000)
#define MIN_EMPTY_LOOKS 3

void
vigil_filter_place_begin(VigilEventFilter *self, VigilFilterObject *object, const VigilBox *box)
{
    object->anchor = *box;
    object->anchor_ns = self->time_ns;
    object->strayed_ns = object->empty_ns = G_MAXINT64;
    object->n_empty = 0;
    object->widest = vigil_filter_area_size(self);
    object->is_new = self->time_ns - self->looking_since_ns >= NEW_AFTER_NS &&
                     vigil_filter_area_was_known(self, box);
}

void
vigil_filter_place_observe(VigilEventFilter *self, VigilFilterObject *object, const VigilBox *box)
{
    object->empty_ns = G_MAXINT64;
    object->n_empty = 0;
    object->widest = MAX(object->widest, vigil_filter_area_size(self));
    if (vigil_box_iou(&object->anchor, box) >= SAME_PLACE_IOU) {
        object->strayed_ns = G_MAXINT64;
    } else if (object->strayed_ns == G_MAXINT64) {
        object->strayed_ns = self->time_ns;
    } else if (self->time_ns - object->strayed_ns >= STRAY_NS) {
        object->anchor = *box;
        object->anchor_ns = object->strayed_ns;
        object->strayed_ns = G_MAXINT64;
        object->widest = vigil_filter_area_size(self);
    }
}

/* Somebody else stands before most of it. */
static gboolean
is_covered(const VigilEventFilter *self, const VigilFilterObject *object)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *other = &self->objects[i];
        const VigilBox *a = &object->box, *b = &other->box;
        const VigilBox both = {MAX(a->x0, b->x0), MAX(a->y0, b->y0), MIN(a->x1, b->x1),
                               MIN(a->y1, b->y1)};

        if (other != object && other->used && other->observed &&
            vigil_box_area(&both) >= COVERED_PART * vigil_box_area(a))
            return TRUE;
    }
    return FALSE;
}

void
vigil_filter_places_update(VigilEventFilter *self)
{
    if (!self->keeps_places)
        return;
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        VigilFilterObject *object = &self->objects[i];

        if (!object->used || object->observed || !object->looked)
            continue;
        if (is_covered(self, object)) {
            object->empty_ns = G_MAXINT64;
            object->n_empty = 0;
        } else {
            object->empty_ns = MIN(object->empty_ns, self->time_ns);
            object->n_empty++;
        }
    }
}

gboolean
vigil_filter_place_is_still(const VigilFilterObject *object)
{
    return object->last_ns - object->anchor_ns >= STILL_NS;
}

/* Its place was seen without it for so long. */
static gboolean
is_empty(const VigilEventFilter *self, const VigilFilterObject *object, gint64 wait_ns)
{
    return object->n_empty >= MIN_EMPTY_LOOKS &&
           self->time_ns - object->empty_ns >= MAX(wait_ns, VIGIL_FILTER_GRACE_NS);
}

gboolean
vigil_filter_place_waits(const VigilEventFilter *self, const VigilFilterObject *object)
{
    return self->keeps_places && vigil_filter_place_is_still(object) &&
           !is_empty(self, object, self->patience_ns) &&
           self->time_ns - MIN(object->missed_ns, self->time_ns) < MAX_COVERED_NS;
}

gboolean
vigil_filter_place_has_moved(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilRuleKind kind = vigil_filter_rule(self, stay->rule)->kind;

    return (kind == VIGIL_RULE_LEFT || kind == VIGIL_RULE_REMOVED) &&
           self->objects[stay->object].anchor_ns > stay->start_ns;
}

VigilFilterTruth
vigil_filter_place_is_left(const VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilFilterObject *object = &self->objects[stay->object];

    if (vigil_filter_place_has_moved(self, stay) ||
        is_empty(self, object, vigil_filter_rule(self, stay->rule)->end_after_ns))
        return VIGIL_YES;
    return object->observed || vigil_filter_place_waits(self, object) ||
                   self->time_ns - object->last_ns < STILL_NS
               ? VIGIL_NO
               : VIGIL_MAYBE;
}
