/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tracking/iou-tracker.h"

typedef struct {
    VigilTrack track;
    guint hits;
} Item;

struct IouTracker {
    VigilTrackerOptions options;
    guint64 next_id;
    GArray *items;
};

IouTracker *
iou_tracker_new(const VigilTrackerOptions *options)
{
    IouTracker *self = g_new0(IouTracker, 1);

    self->options = *options;
    self->next_id = 1;
    self->items = g_array_new(FALSE, TRUE, sizeof(Item));
    return self;
}

void
iou_tracker_free(IouTracker *self)
{
    if (!self)
        return;
    g_array_unref(self->items);
    g_free(self);
}

static void
observe(Item *item, const VigilDetection *detection, gint64 time_ns)
{
    item->hits++;
    item->track.box = detection->box;
    item->track.score = detection->score;
    item->track.label_id = detection->label_id;
    item->track.label = detection->label;
    item->track.observed = TRUE;
    item->track.last_ns = time_ns;
}

/* Makes the pair of the greatest overlap that is left. */
static gboolean
match_best(IouTracker *self, gint64 time_ns, const VigilDetection *detections, guint n_detections,
           gboolean *taken)
{
    gfloat best = self->options.iou_threshold;
    Item *item = NULL;
    guint detection = 0;

    for (guint i = 0; i < self->items->len; i++) {
        Item *candidate = &g_array_index(self->items, Item, i);

        for (guint j = 0; !candidate->track.observed && j < n_detections; j++) {
            const gfloat iou = vigil_box_iou(&candidate->track.box, &detections[j].box);

            if (taken[j] || detections[j].label != candidate->track.label || iou < best ||
                (item && iou <= best))
                continue;
            best = iou;
            item = candidate;
            detection = j;
        }
    }
    if (!item)
        return FALSE;
    observe(item, &detections[detection], time_ns);
    taken[detection] = TRUE;
    return TRUE;
}

static void
drop_lost(IouTracker *self, gint64 time_ns)
{
    for (guint i = self->items->len; i > 0; i--) {
        Item *item = &g_array_index(self->items, Item, i - 1);

        if (!item->track.observed && time_ns - item->track.last_ns > self->options.max_lost_ns)
            g_array_remove_index(self->items, i - 1);
        else
            item->track.observed = FALSE;
    }
}

guint
iou_tracker_update(IouTracker *self, gint64 time_ns, const VigilDetection *detections,
                   guint n_detections, VigilTrack *tracks, guint capacity)
{
    g_autofree gboolean *taken = g_new(gboolean, n_detections + 1);
    guint n = 0;

    drop_lost(self, time_ns);
    for (guint j = 0; j < n_detections; j++)
        taken[j] = detections[j].score < self->options.high_score;
    while (match_best(self, time_ns, detections, n_detections, taken))
        continue;
    for (guint j = 0; j < n_detections; j++) {
        Item fresh = {.track = {.id = self->next_id, .first_ns = time_ns}};

        if (taken[j])
            continue;
        self->next_id++;
        observe(&fresh, &detections[j], time_ns);
        g_array_append_val(self->items, fresh);
    }
    for (guint i = 0; i < self->items->len && n < capacity; i++) {
        const Item *item = &g_array_index(self->items, Item, i);

        if (item->hits >= self->options.min_hits)
            tracks[n++] = item->track;
    }
    return n;
}
