/* SPDX-License-Identifier: Apache-2.0 */
/* Which object a track is, and where it is. */
#include "events/vigil-event-filter-private.h"
#include "events/vigil-geometry.h"

#include <math.h>

/* A longer gap does not widen the search any more: anybody might have come. */
#define MAX_REACH_S 2.0f
#define MAX_SIZE_RATIO 3.0f

/* Detectors see somebody twice at times: whole and without the legs, for instance. Such boxes overlap by at least half
 * of the smaller one, and differ by less than five times in area. */
#define DOUBLE_OVERLAP 0.5f
#define DOUBLE_AREA 0.2f
#define WEAK_SHARE \
    0.6f /* of the other's score: too little to be the better view of the two, or somebody on its own */
/* Who is there for longer is somebody, after all. */
#define DOUBLE_TIME_NS G_GINT64_CONSTANT(2000000000)

static gboolean
is_shadow(const VigilFilterObject *object)
{
    return object->shadow_since_ns != G_MININT64;
}

static gboolean
may_be_double(const VigilBox *a, const VigilBox *b)
{
    const VigilBox both = {MAX(a->x0, b->x0), MAX(a->y0, b->y0), MIN(a->x1, b->x1),
                           MIN(a->y1, b->y1)};
    const gfloat smaller = MIN(vigil_box_area(a), vigil_box_area(b));
    const gfloat larger = MAX(vigil_box_area(a), vigil_box_area(b));

    return vigil_box_area(&both) >= DOUBLE_OVERLAP * smaller && smaller >= DOUBLE_AREA * larger;
}

/* The object of this frame that a track may show once more. */
static guint
find_original(const VigilEventFilter *self, const VigilTrack *track)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *object = &self->objects[i];

        if (object->used && object->observed && !is_shadow(object) &&
            object->track_id != track->id && g_strcmp0(object->label, track->label) == 0 &&
            may_be_double(&object->box, &track->box))
            return i;
    }
    return VIGIL_NONE;
}

static guint
find_object(const VigilEventFilter *self, guint64 track_id)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++)
        if (self->objects[i].used && self->objects[i].track_id == track_id)
            return i;
    return VIGIL_NONE;
}

static gboolean
sizes_alike(gfloat a, gfloat b)
{
    return a <= MAX_SIZE_RATIO * b && b <= MAX_SIZE_RATIO * a;
}

/* How far off a box is from where a lost object may be, in parts of what would be too far; above 1: not there. */
static gfloat
distance_from_lost(const VigilFilterObject *object, const VigilBox *box, gint64 time_ns)
{
    const gfloat gap = MIN((gfloat)(time_ns - object->last_ns) / 1e9f, MAX_REACH_S);
    const gfloat width_then = object->box.x1 - object->box.x0, width = box->x1 - box->x0;
    const gfloat height_then = object->box.y1 - object->box.y0, height = box->y1 - box->y0;
    const gfloat reach_x = 0.5f * (width_then + width) * (0.5f + gap);
    const gfloat reach_y = 0.5f * (height_then + height) * (0.5f + gap);
    const gfloat dx = 0.5f * (box->x0 + box->x1 - object->box.x0 - object->box.x1);
    const gfloat dy = 0.5f * (box->y0 + box->y1 - object->box.y0 - object->box.y1);
    const gfloat to_last = hypotf(dx / reach_x, dy / reach_y);
    const gfloat to_predicted =
        hypotf((dx - object->speed_x * gap) / reach_x, (dy - object->speed_y * gap) / reach_y);

    if (!sizes_alike(width_then, width) || !sizes_alike(height_then, height))
        return G_MAXFLOAT;
    return MIN(to_last, to_predicted);
}

/* One rule's `merge` is for what stays under it, and none of the other objects' business. */
static gint64
patience_with(const VigilEventFilter *self, guint index)
{
    gint64 patience_ns = self->patience_ns;

    for (guint i = 0; self->objects[index].n_stays > 0 && i < self->n_stays; i++) {
        const VigilFilterStay *stay = &self->stays[self->order[i]];

        if (stay->object == index)
            patience_ns = MAX(patience_ns, vigil_filter_rule(self, stay->rule)->merge_ns);
    }
    return patience_ns;
}

/* The time in which nothing was looked at does not count against it. */
static gboolean
may_come_back(const VigilEventFilter *self, guint index)
{
    const VigilFilterObject *object = &self->objects[index];
    const gint64 gap = self->time_ns - object->last_ns, patience_ns = patience_with(self, index);

    return gap <= patience_ns ||
           (gap <= patience_ns + VIGIL_EVENT_FILTER_BLIND_NS &&
            self->time_ns - MIN(object->missed_ns, self->time_ns) < VIGIL_FILTER_GRACE_NS) ||
           vigil_filter_place_waits(self, object);
}

/* The object that a track which is new here may be a continuation of: the nearest lost one of its class. */
static guint
find_lost(const VigilEventFilter *self, const VigilTrack *track)
{
    guint best = VIGIL_NONE;
    gfloat best_distance = 1.0f;

    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *object = &self->objects[i];
        gfloat distance;

        if (!object->used || object->observed || is_shadow(object) ||
            g_strcmp0(object->label, track->label) != 0 || !may_come_back(self, i))
            continue;
        distance = distance_from_lost(object, &track->box, self->time_ns);
        if (distance <= best_distance) {
            best_distance = distance;
            best = i;
        }
    }
    return best;
}

/* A free place, or that of the object which has been lost for longest and has no stay. */
static guint
find_place(const VigilEventFilter *self)
{
    guint oldest = VIGIL_NONE;

    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *object = &self->objects[i];

        if (!object->used)
            return i;
        if (!object->observed && object->n_stays == 0 &&
            (oldest == VIGIL_NONE || object->last_ns < self->objects[oldest].last_ns))
            oldest = i;
    }
    return oldest;
}

static void
find_crossings(const VigilEventFilter *self, VigilFilterObject *object, VigilPoint foot)
{
    for (guint i = 0; i < self->rules->lines->len; i++) {
        const VigilLine *line = &g_array_index(self->rules->lines, VigilLine, i);
        const VigilCrossing crossing = vigil_line_crossing(line, object->foot, foot);

        if (crossing == VIGIL_CROSSING_IN)
            object->lines_in |= G_GUINT64_CONSTANT(1) << i;
        else if (crossing == VIGIL_CROSSING_OUT)
            object->lines_out |= G_GUINT64_CONSTANT(1) << i;
    }
}

static gboolean
fits_zone(const VigilEventFilter *self, const VigilObjectFilter *filter,
          const VigilFilterObject *object)
{
    return vigil_filter_judge_object(self, filter, object).reason == VIGIL_REASON_NONE &&
           vigil_median_get(&object->scores) >= filter->min_score;
}

static guint64
find_zones(const VigilEventFilter *self, const VigilFilterObject *object)
{
    guint64 zones = 0;

    for (guint i = 0; i < self->rules->zones->len; i++) {
        const VigilZone *zone = &g_array_index(self->rules->zones, VigilZone, i);

        if (vigil_polygon_contains(zone->points, zone->n_points, object->foot) &&
            (!zone->filter || fits_zone(self, zone->filter, object)))
            zones |= G_GUINT64_CONSTANT(1) << i;
    }
    return zones;
}

static void
smooth_speed(VigilFilterObject *object, const VigilBox *box, gint64 time_ns)
{
    const gfloat dt = (gfloat)(time_ns - object->last_ns) / 1e9f;
    const gfloat dx = 0.5f * (box->x0 + box->x1 - object->box.x0 - object->box.x1);
    const gfloat dy = 0.5f * (box->y0 + box->y1 - object->box.y0 - object->box.y1);

    object->speed_x = 0.5f * (object->speed_x + dx / dt);
    object->speed_y = 0.5f * (object->speed_y + dy / dt);
}

static void
observe(VigilEventFilter *self, guint index, const VigilTrack *track)
{
    VigilFilterObject *object = &self->objects[index];
    const VigilPoint foot = vigil_box_foot(&track->box);
    const gboolean was_known = object->used;

    if (!object->used || !object->observed)
        object->lines_in = object->lines_out = 0;
    if (object->used) {
        if (self->time_ns > object->last_ns)
            smooth_speed(object, &track->box, self->time_ns);
        find_crossings(self, object, foot);
        vigil_filter_place_observe(self, object, &track->box);
    } else {
        vigil_filter_place_begin(self, object, &track->box);
        vigil_median_clear(&object->scores);
        object->speed_x = object->speed_y = 0.0f;
        object->n_stays = 0;
        for (guint i = 0; i < self->rules->rules->len; i++)
            object->cooldown_until_ns[i] = G_MININT64;
        object->shadow_since_ns = G_MININT64;
        object->used = TRUE;
    }
    object->track_id = track->id;
    object->label = track->label;
    object->label_id = track->label_id;
    object->last_ns = self->time_ns;
    object->returned = was_known && object->missed_ns != G_MAXINT64;
    object->missed_ns = G_MAXINT64;
    object->box = track->box;
    object->foot = foot;
    object->observed = TRUE;
    object->score = track->score;
    vigil_median_add(&object->scores, track->score);
    object->zones = find_zones(self, object);
}

static gboolean
is_usable(const VigilTrack *track)
{
    return track->observed && track->box.x1 > track->box.x0 && track->box.y1 > track->box.y0;
}

void
vigil_filter_object_forget(VigilEventFilter *self, guint object)
{
    if (self->objects[object].used)
        vigil_filter_notes_end(self, object);
    self->objects[object].used = FALSE;
}

/* A track that is new here: a double of somebody, somebody who was lost, or somebody new. */
static void
observe_new(VigilEventFilter *self, const VigilTrack *track)
{
    const gboolean is_double = find_original(self, track) != VIGIL_NONE;
    guint index = is_double ? VIGIL_NONE : find_lost(self, track);

    if (index == VIGIL_NONE) {
        index = find_place(self);
        if (index == VIGIL_NONE) {
            self->n_overflow++;
            return;
        }
        vigil_filter_object_forget(self, index);
    }
    observe(self, index, track);
    if (is_double)
        self->objects[index].shadow_since_ns = self->time_ns;
}

/* The original goes on under the shadow's track, and the shadow under the original's. */
static void
change_places(VigilEventFilter *self, guint original, VigilFilterObject *shadow,
              const VigilTrack *track)
{
    const VigilFilterObject *old = &self->objects[original];

    shadow->track_id = old->track_id;
    shadow->box = old->box;
    shadow->foot = old->foot;
    shadow->score = old->score;
    observe(self, original, track);
}

/* What was taken for a double stays one while its original is seen, but not for ever. When the original is lost, or
 * hardly to be seen any more, it is the original that goes on under this track. */
static void
judge_shadow(VigilEventFilter *self, VigilFilterObject *shadow, const VigilTrack *track)
{
    const guint original = find_original(self, track);
    guint lost;

    if (original != VIGIL_NONE && self->objects[original].score < WEAK_SHARE * track->score) {
        change_places(self, original, shadow, track);
        return;
    }
    if (original != VIGIL_NONE) {
        if (track->score < WEAK_SHARE * self->objects[original].score)
            shadow->shadow_since_ns = self->time_ns;
        else if (self->time_ns - shadow->shadow_since_ns >= DOUBLE_TIME_NS)
            shadow->shadow_since_ns = G_MININT64;
        return;
    }
    lost = find_lost(self, track);
    if (lost == VIGIL_NONE) {
        shadow->shadow_since_ns = G_MININT64;
        return;
    }
    vigil_filter_object_forget(self, (guint)(shadow - self->objects)); /* it never had stays */
    observe(self, lost, track);
}

void
vigil_filter_objects_update(VigilEventFilter *self, const VigilTrack *tracks, guint n_tracks)
{
    /* places that were never used are not written to: most never are, and then need no memory */
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++)
        if (self->objects[i].used)
            self->objects[i].observed = FALSE;
    /* first those that are known, so that nobody else is taken for one of them */
    for (guint i = 0; i < n_tracks; i++) {
        const guint index = is_usable(&tracks[i]) ? find_object(self, tracks[i].id) : VIGIL_NONE;

        if (index != VIGIL_NONE && !self->objects[index].observed)
            observe(self, index, &tracks[i]);
    }
    for (guint i = 0; i < n_tracks; i++) {
        guint index;

        if (!is_usable(&tracks[i]))
            continue;
        index = find_object(self, tracks[i].id);
        if (index == VIGIL_NONE)
            observe_new(self, &tracks[i]);
        else if (is_shadow(&self->objects[index]))
            judge_shadow(self, &self->objects[index], &tracks[i]);
    }
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        VigilFilterObject *object = &self->objects[i];

        if (!object->used)
            continue;
        object->looked = object->observed || vigil_filter_area_has(self, object, tracks, n_tracks);
        if (!object->observed && object->looked)
            object->missed_ns = MIN(object->missed_ns, self->time_ns);
    }
    vigil_filter_places_update(self);
}

void
vigil_filter_objects_expire(VigilEventFilter *self)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++) {
        const VigilFilterObject *object = &self->objects[i];

        if (object->used && object->n_stays == 0 &&
            self->time_ns - object->last_ns > self->patience_ns + VIGIL_EVENT_FILTER_BLIND_NS &&
            !vigil_filter_place_waits(self, object))
            vigil_filter_object_forget(self, i);
    }
}
