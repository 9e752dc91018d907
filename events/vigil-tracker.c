/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-tracker-private.h"

#include <math.h>
#include <string.h>

#include "events/vigil-area.h"

#define DUPLICATE_IOU 0.7f
#define RETURN_TIMES 2.5 /* who is lost for longer than so many times max_lost_ns is forgotten */
#define REST_IOU 0.5f
#define SURE_MISSES 2u                                  /* how seldom it may be looked for */
#define LONGEST_BLIND_NS G_GINT64_CONSTANT(40000000000) /* without a look */
#define STOP_NS G_GINT64_CONSTANT(1000000000) /* so long it may be where it was last seen */
#define TENTATIVE_SHARE \
    4 /* a track that is not confirmed is given up after a quarter of the time of others */

/* Cost of a pair, or VIGIL_ASSIGN_FORBIDDEN. */
typedef gfloat (*CostFunc)(const VigilTracker *self, const VigilTrackerItem *track,
                           const VigilDetection *detection);

VigilTrackerOptions
vigil_tracker_options_defaults(void)
{
    return (VigilTrackerOptions){.high_score = 0.5f,
                                 .low_score = 0.1f,
                                 .min_hits = 2,
                                 .max_lost_ns = 2 * G_GINT64_CONSTANT(1000000000),
                                 .iou_threshold = 0.2f};
}

VigilTracker *
vigil_tracker_new(const VigilTrackerOptions *options)
{
    VigilTracker *self = g_new0(VigilTracker, 1);

    self->options = options ? *options : vigil_tracker_options_defaults();
    self->time_ns = G_MININT64;
    self->next_id = 1;
    self->assign = vigil_assign_new(VIGIL_TRACKER_MAX_TRACKS, VIGIL_TRACKER_MAX_DETECTIONS);
    return self;
}

void
vigil_tracker_free(VigilTracker *self)
{
    if (!self)
        return;
    vigil_assign_free(self->assign);
    g_free(self);
}

void
vigil_tracker_reset(VigilTracker *self)
{
    self->n_tracks = 0;
    self->time_ns = G_MININT64;
}

void
vigil_tracker_set_scores(VigilTracker *self, gfloat low, gfloat high)
{
    self->options.low_score = MIN(low, high);
    self->options.high_score = high;
}

guint64
vigil_tracker_get_n_overflow(const VigilTracker *self)
{
    return self->n_overflow;
}

/* The majority stays first; a class that is new pushes out the rarest when all places are taken. */
static void
track_vote(VigilTrackerItem *track, const VigilDetection *detection)
{
    guint i = 0;

    while (i < track->n_votes && !vigil_tracker_is_same_class(&track->votes[i], detection))
        i++;
    if (i == track->n_votes) {
        if (i == VIGIL_TRACKER_MAX_VOTES)
            i--;
        else
            track->n_votes++;
        track->votes[i] =
            (VigilTrackerVote){.label_id = detection->label_id, .label = detection->label};
    }
    track->votes[i].label_id = detection->label_id;
    track->votes[i].n++;
    for (; i > 0 && track->votes[i].n > track->votes[i - 1].n; i--) {
        const VigilTrackerVote better = track->votes[i];

        track->votes[i] = track->votes[i - 1];
        track->votes[i - 1] = better;
    }
}

static void
track_rest(VigilTrackerItem *track, const VigilBox *box, gint64 time_ns)
{
    if (track->hits > 0 && vigil_box_iou(&track->rest_box, box) >= REST_IOU)
        return;
    track->rest_box = *box;
    track->rest_ns = time_ns;
}

static void
track_observe(VigilTracker *self, VigilTrackerItem *track, const VigilDetection *detection)
{
    const gint64 time_ns = self->time_ns;

    track_rest(track, &detection->box, time_ns);
    if (track->hits++ > 0)
        vigil_kalman_correct(&track->kalman, &detection->box);
    else
        vigil_kalman_init(&track->kalman, &detection->box);
    track->box = track->last_box = vigil_kalman_get_box(&track->kalman);
    track->last_ns = time_ns;
    track->score = detection->score;
    track->looked = track->observed = TRUE;
    track->asleep = FALSE;
    track->n_missed = 0;
    track->blind_ns = 0;
    track->seen_size = self->area_size;
    track_vote(track, detection);
}

static gboolean
box_is_sane(const VigilBox *box)
{
    return isfinite(box->x0) && isfinite(box->y0) && isfinite(box->x1) && isfinite(box->y1) &&
           box->x1 > box->x0 && box->y1 > box->y0 && fabsf(box->x0) < 16.0f &&
           fabsf(box->y0) < 16.0f && fabsf(box->x1) < 16.0f && fabsf(box->y1) < 16.0f;
}

/* The best detections by falling score, equal ones in the caller's order. */
static void
take_detections(VigilTracker *self, const VigilDetection *detections, guint n_detections)
{
    self->n_detections = 0;
    for (guint i = 0; i < n_detections; i++) {
        guint place = self->n_detections;

        if (!(detections[i].score >= self->options.low_score) || !box_is_sane(&detections[i].box))
            continue;
        while (place > 0 && detections[i].score > self->detections[place - 1].score)
            place--;
        if (place == VIGIL_TRACKER_MAX_DETECTIONS)
            continue;
        if (self->n_detections < VIGIL_TRACKER_MAX_DETECTIONS)
            self->n_detections++;
        memmove(&self->detections[place + 1], &self->detections[place],
                (self->n_detections - 1 - place) * sizeof self->detections[0]);
        memmove(&self->origin[place + 1], &self->origin[place],
                (self->n_detections - 1 - place) * sizeof self->origin[0]);
        self->detections[place] = detections[i];
        self->origin[place] = i;
    }
    memset(self->owner, 0, sizeof self->owner);
}

/* Since when it was looked for in vain. */
static gint64
lost_since(const VigilTrackerItem *track, gint64 time_ns)
{
    const gboolean rests = vigil_tracker_is_resting(track);

    if ((!rests && track->blind_ns == 0) || time_ns - track->last_ns > LONGEST_BLIND_NS)
        return track->last_ns;
    if (track->n_missed >= SURE_MISSES)
        return track->missed_ns;
    return rests ? time_ns : track->last_ns + track->blind_ns;
}

/* In the latest frame that looked for it. */
static gboolean
was_seen(const VigilTrackerItem *track)
{
    return track->looked ? track->observed : track->was_observed;
}

/* Whoever was seen in the frame before was not missed yet, however long ago that was: at one frame a second nothing would ever
 * be confirmed otherwise. */
static gboolean
is_over(const VigilTracker *self, const VigilTrackerItem *track, gint64 time_ns)
{
    const gint64 patience = vigil_tracker_is_confirmed(self, track) || was_seen(track)
                                ? self->options.max_lost_ns
                                : self->options.max_lost_ns / TENTATIVE_SHARE;

    return time_ns - lost_since(track, time_ns) > patience;
}

static gboolean
is_outside(const VigilTrackerItem *track)
{
    const gdouble x = track->kalman.x.position, y = track->kalman.y.position;

    return x < 0.0 || x > 1.0 || y < 0.0 || y > 1.0;
}

/* At first also where it was last seen, since who stopped is not where its speed would have taken it; and as closely as it
 * was seen there. */
static gboolean
is_looked_for(const VigilTracker *self, const VigilTrackerItem *track, gint64 time_ns,
              const VigilBox *area)
{
    const gboolean is_late = time_ns - track->last_ns > STOP_NS;

    return vigil_area_covers(area, &track->box) &&
           (is_late || vigil_area_covers(area, &track->last_box)) &&
           (self->area_size <= VIGIL_AREA_WIDER * track->seen_size || is_outside(track));
}

/* To the frame's time. */
static void
predict_track(VigilTracker *self, VigilTrackerItem *track, gint64 time_ns, const VigilBox *area)
{
    vigil_kalman_predict(&track->kalman, (gdouble)(time_ns - self->time_ns) / 1e9);
    track->was_observed = was_seen(track);
    track->observed = FALSE;
    track->score = 0.0f;
    track->box = vigil_kalman_get_box(&track->kalman);
    track->looked = is_looked_for(self, track, time_ns, area);
    if (!track->looked)
        track->blind_ns += time_ns - self->time_ns;
}

/* Moves all tracks to the frame's time; those that were lost for too long fall asleep or are dropped, as is who went out of the
 * picture. */
static void
predict_tracks(VigilTracker *self, gint64 time_ns, const VigilBox *area)
{
    guint kept = 0;

    for (guint i = 0; i < self->n_tracks; i++) {
        VigilTrackerItem *track = &self->tracks[i];

        track->asleep = is_over(self, track, time_ns);
        predict_track(self, track, time_ns, area);
        if (track->asleep && (time_ns - track->last_ns > RETURN_TIMES * self->options.max_lost_ns ||
                              !vigil_tracker_may_return(track)))
            continue;
        if (track->looked && !track->was_observed && is_outside(track))
            continue;
        if (kept != i)
            self->tracks[kept] = *track;
        kept++;
    }
    self->n_tracks = kept;
}

/* Matches the tracks (those asleep or the others) that are not observed yet with the free detections of [@from, @to). */
static void
match(VigilTracker *self, gboolean asleep, guint from, guint to, CostFunc cost)
{
    guint n_rows = 0, n_columns = 0;

    for (guint i = 0; i < self->n_tracks; i++)
        if (!self->tracks[i].observed && self->tracks[i].asleep == asleep)
            self->rows[n_rows++] = i;
    for (guint j = from; j < to; j++)
        if (!self->owner[j])
            self->columns[n_columns++] = j;
    if (n_rows == 0 || n_columns == 0)
        return;
    for (guint r = 0; r < n_rows; r++)
        for (guint c = 0; c < n_columns; c++)
            vigil_assign_set(
                self->assign, r, c,
                cost(self, &self->tracks[self->rows[r]], &self->detections[self->columns[c]]));
    vigil_assign_solve(self->assign, n_rows, n_columns, self->pairs);
    for (guint r = 0; r < n_rows; r++) {
        VigilTrackerItem *track = &self->tracks[self->rows[r]];

        if (self->pairs[r] < 0)
            continue;
        self->owner[self->columns[self->pairs[r]]] = track->id;
        track_observe(self, track, &self->detections[self->columns[self->pairs[r]]]);
    }
}

static void
note_missed(VigilTracker *self)
{
    for (guint i = 0; i < self->n_tracks; i++) {
        VigilTrackerItem *track = &self->tracks[i];

        if (track->looked && !track->observed && track->n_missed++ == 0)
            track->missed_ns = self->time_ns;
    }
}

static gboolean
is_duplicate(const VigilTracker *self, const VigilDetection *detection)
{
    for (guint i = 0; i < self->n_tracks; i++) {
        const VigilTrackerItem *track = &self->tracks[i];

        if (track->observed && vigil_tracker_is_same_class(&track->votes[0], detection) &&
            vigil_box_iou(&track->box, &detection->box) >= DUPLICATE_IOU)
            return TRUE;
    }
    return FALSE;
}

/* Makes room by giving up the track that has been lost for longest, if any is lost. */
static gboolean
make_room(VigilTracker *self)
{
    guint oldest = self->n_tracks;

    for (guint i = 0; i < self->n_tracks; i++)
        if (!self->tracks[i].observed &&
            (oldest == self->n_tracks || self->tracks[i].last_ns < self->tracks[oldest].last_ns))
            oldest = i;
    if (oldest == self->n_tracks)
        return FALSE;
    self->n_tracks--;
    memmove(&self->tracks[oldest], &self->tracks[oldest + 1],
            (self->n_tracks - oldest) * sizeof(VigilTrackerItem));
    return TRUE;
}

static void
start_tracks(VigilTracker *self, guint n_high)
{
    for (guint j = 0; j < n_high; j++) {
        VigilTrackerItem *track;

        if (self->owner[j] || is_duplicate(self, &self->detections[j]))
            continue;
        if (self->n_tracks == VIGIL_TRACKER_MAX_TRACKS && !make_room(self)) {
            self->n_overflow++;
            continue;
        }
        track = &self->tracks[self->n_tracks++];
        *track = (VigilTrackerItem){.id = self->next_id++, .first_ns = self->time_ns};
        track_observe(self, track, &self->detections[j]);
        self->owner[j] = track->id;
    }
}

static VigilTrack
track_report(const VigilTrackerItem *track)
{
    return (VigilTrack){.id = track->id,
                        .box = track->box,
                        .score = track->score,
                        .label_id = track->votes[0].label_id,
                        .label = track->votes[0].label,
                        .observed = track->observed,
                        .resting = vigil_tracker_is_resting(track),
                        .first_ns = track->first_ns,
                        .last_ns = track->last_ns};
}

static guint
report(const VigilTracker *self, VigilTrack *tracks, gint *matches, guint capacity)
{
    guint n = 0;

    for (guint i = 0; i < self->n_tracks && n < capacity; i++) {
        if (!vigil_tracker_is_confirmed(self, &self->tracks[i]) || self->tracks[i].asleep)
            continue;
        tracks[n] = track_report(&self->tracks[i]);
        for (guint j = 0; matches && j < self->n_detections; j++)
            if (self->owner[j] == tracks[n].id)
                matches[self->origin[j]] = (gint)n;
        n++;
    }
    return n;
}

guint
vigil_tracker_update_area(VigilTracker *self, gint64 time_ns, const VigilBox *area,
                          const VigilDetection *detections, guint n_detections, VigilTrack *tracks,
                          gint *matches, guint capacity)
{
    guint n_high = 0;

    for (guint i = 0; matches && i < n_detections; i++)
        matches[i] = -1;
    if (time_ns <= self->time_ns)
        return 0;
    take_detections(self, detections, n_detections);
    while (n_high < self->n_detections &&
           self->detections[n_high].score >= self->options.high_score)
        n_high++;
    self->area_size = vigil_area_size(area);
    predict_tracks(self, time_ns, area);
    self->time_ns = time_ns;
    match(self, FALSE, 0, n_high, vigil_tracker_cost_overlap);
    match(self, TRUE, 0, n_high, vigil_tracker_cost_return);
    match(self, FALSE, 0, n_high, vigil_tracker_cost_overlap_last);
    match(self, FALSE, 0, n_high, vigil_tracker_cost_distance);
    match(self, FALSE, n_high, self->n_detections, vigil_tracker_cost_weak);
    match(self, TRUE, 0, n_high, vigil_tracker_cost_return_far);
    note_missed(self);
    start_tracks(self, n_high);
    return report(self, tracks, matches, capacity);
}

guint
vigil_tracker_update(VigilTracker *self, gint64 time_ns, const VigilDetection *detections,
                     guint n_detections, VigilTrack *tracks, gint *matches, guint capacity)
{
    return vigil_tracker_update_area(self, time_ns, NULL, detections, n_detections, tracks, matches,
                                     capacity);
}

void
vigil_tracker_get_places(const VigilTracker *self, VigilPlaces *places)
{
    places->time_ns = self->time_ns;
    places->n = 0;
    for (guint i = 0; i < self->n_tracks && places->n < VIGIL_LOOK_MAX_PLACES; i++) {
        const VigilTrackerItem *track = &self->tracks[i];

        if (!track->asleep)
            places->places[places->n++] = (VigilPlace){.box = track->box,
                                                       .speed_x = (gfloat)track->kalman.x.speed,
                                                       .speed_y = (gfloat)track->kalman.y.speed,
                                                       .resting = vigil_tracker_is_resting(track)};
    }
}

guint
vigil_tracker_predict(const VigilTracker *self, gint64 time_ns, VigilTrack *tracks, guint capacity)
{
    guint n = 0;

    for (guint i = 0; i < self->n_tracks && n < capacity; i++) {
        const VigilTrackerItem *track = &self->tracks[i];
        VigilKalman kalman = track->kalman;

        if (!vigil_tracker_is_confirmed(self, track) || is_over(self, track, time_ns))
            continue;
        vigil_kalman_predict(&kalman, MAX((gdouble)(time_ns - self->time_ns) / 1e9, 0.0));
        tracks[n] = track_report(track);
        tracks[n].box =
            vigil_tracker_is_resting(track) ? track->last_box : vigil_kalman_get_box(&kalman);
        tracks[n].observed = FALSE;
        tracks[n++].score = 0.0f;
    }
    return n;
}
