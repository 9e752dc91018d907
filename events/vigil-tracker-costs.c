/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a detection may be where a track is. */
#include "events/vigil-tracker-private.h"

#include <math.h>

#define YOUNG_HITS 3 /* from here on the speed is known well enough for a narrower gate */
#define STEADY_HITS 5
#define OTHER_CLASS_IOU 0.6f
#define LOST_WEAK_IOU 0.5f
#define GONE_NS        \
    G_GINT64_CONSTANT( \
        800000000) /* lost for longer: it is looked for where it should be by now, first */
#define EDGE 0.01f /* of the frame: nearer to its border somebody else may have come in */

static gfloat
best_iou(const VigilTrackerItem *track, const VigilDetection *detection)
{
    const gfloat predicted = vigil_box_iou(&track->box, &detection->box);

    /* and a guess of its speed is worth little after a while without a look, and nothing where it rests */
    return track->was_observed && track->blind_ns == 0 && !vigil_tracker_is_resting(track)
               ? predicted
               : MAX(predicted, vigil_box_iou(&track->last_box, &detection->box));
}

static gfloat
cost_of_overlap(const VigilTracker *self, const VigilTrackerItem *track,
                const VigilDetection *detection, gfloat iou)
{
    const gboolean same = vigil_tracker_is_same_class(&track->votes[0], detection);

    if (iou < self->options.iou_threshold || iou <= 0.0f || (!same && iou < OTHER_CLASS_IOU))
        return VIGIL_ASSIGN_FORBIDDEN;
    /* a name that fits and a track that is confirmed count as much as some overlap */
    return 1.0f - iou + (same ? 0.0f : 0.5f) +
           (vigil_tracker_is_confirmed(self, track) ? 0.0f : 0.1f);
}

gfloat
vigil_tracker_cost_overlap(const VigilTracker *self, const VigilTrackerItem *track,
                           const VigilDetection *detection)
{
    const gboolean is_gone = track->hits >= STEADY_HITS && !vigil_tracker_is_resting(track) &&
                             self->time_ns - track->last_ns - track->blind_ns > GONE_NS;
    const gfloat iou =
        is_gone ? vigil_box_iou(&track->box, &detection->box) : best_iou(track, detection);

    return cost_of_overlap(self, track, detection, iou);
}

gfloat
vigil_tracker_cost_overlap_last(const VigilTracker *self, const VigilTrackerItem *track,
                                const VigilDetection *detection)
{
    return cost_of_overlap(self, track, detection, best_iou(track, detection));
}

gfloat
vigil_tracker_cost_weak(const VigilTracker *self, const VigilTrackerItem *track,
                        const VigilDetection *detection)
{
    const gfloat iou = best_iou(track, detection);

    return !track->was_observed && iou < LOST_WEAK_IOU
               ? VIGIL_ASSIGN_FORBIDDEN
               : cost_of_overlap(self, track, detection, iou);
}

static gfloat
centre_distance(const VigilBox *a, const VigilBox *b)
{
    return hypotf(0.5f * (a->x0 + a->x1 - b->x0 - b->x1), 0.5f * (a->y0 + a->y1 - b->y0 - b->y1));
}

static gboolean
alike(gfloat a, gfloat b)
{
    return a <= 2.0f * b && b <= 2.0f * a;
}

gfloat
vigil_tracker_cost_distance(const VigilTracker *self, const VigilTrackerItem *track,
                            const VigilDetection *detection)
{
    const VigilBox *a = &track->box, *b = &detection->box;
    const gfloat size = 0.25f * (a->x1 - a->x0 + a->y1 - a->y0 + b->x1 - b->x0 + b->y1 - b->y0);
    const gfloat dt = (gfloat)(self->time_ns - track->last_ns) / 1e9f;
    const gfloat reach =
        track->hits < YOUNG_HITS ? MIN(0.5f + 8.0f * dt, 2.5f) : MIN(0.5f + 4.0f * dt, 1.5f);
    const gfloat radius = MIN(reach * size, 0.25f);
    const gfloat distance = centre_distance(a, b);

    if (!vigil_tracker_is_same_class(&track->votes[0], detection) || distance > radius ||
        !alike(a->x1 - a->x0, b->x1 - b->x0) || !alike(a->y1 - a->y0, b->y1 - b->y0))
        return VIGIL_ASSIGN_FORBIDDEN;
    return distance / radius;
}

static gboolean
is_at_edge(const VigilBox *box)
{
    return box->x0 < EDGE || box->y0 < EDGE || box->x1 > 1.0f - EDGE || box->y1 > 1.0f - EDGE;
}

gboolean
vigil_tracker_may_return(const VigilTrackerItem *track)
{
    return track->hits >= STEADY_HITS && !is_at_edge(&track->last_box);
}

/* By @distance, of which @reach sizes are allowed. */
static gfloat
cost_of_return(const VigilTracker *self, const VigilTrackerItem *track,
               const VigilDetection *detection, gfloat distance, gfloat reach)
{
    const VigilBox *a = &track->last_box, *b = &detection->box;
    const gfloat size = 0.25f * (a->x1 - a->x0 + a->y1 - a->y0 + b->x1 - b->x0 + b->y1 - b->y0);
    const gfloat radius = MIN(reach * size, 0.25f);

    if (!vigil_tracker_is_same_class(&track->votes[0], detection) || is_at_edge(b) ||
        distance > radius || !alike(a->x1 - a->x0, b->x1 - b->x0) ||
        !alike(a->y1 - a->y0, b->y1 - b->y0))
        return VIGIL_ASSIGN_FORBIDDEN;
    return distance / radius;
}

gfloat
vigil_tracker_cost_return(const VigilTracker *self, const VigilTrackerItem *track,
                          const VigilDetection *detection)
{
    return cost_of_return(self, track, detection, centre_distance(&track->box, &detection->box),
                          0.5f);
}

gfloat
vigil_tracker_cost_return_far(const VigilTracker *self, const VigilTrackerItem *track,
                              const VigilDetection *detection)
{
    const gfloat dt = (gfloat)(self->time_ns - track->last_ns) / 1e9f;

    return cost_of_return(self, track, detection,
                          MIN(centre_distance(&track->box, &detection->box),
                              centre_distance(&track->last_box, &detection->box)),
                          0.5f + 0.25f * dt);
}
