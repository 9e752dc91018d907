/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tracking/track-scene.h"

#include <math.h>
#include <string.h>

#include "tests/bench/tracking/iou-tracker.h"
#include "tests/bench/tracking/track-script.h"

#define PLAIN_JITTER 0.04 /* of a detector of 8 bits */
#define HIDDEN 0.25
#define DOUBTFUL 0.6
#define SUPPRESSED_IOU 0.6f
#define GRID 8 /* samples each way of what of a box is seen */

struct TrackScene {
    TrackPlan plan;
    GRand *dice;
    gdouble frame_s;
    guint n_frames;             /* so far */
    gdouble phases[4];          /* of the camera's swinging */
    gdouble kicked_x, kicked_y; /* decays */
};

/* An object in the frame at hand. */
typedef struct {
    guint index;
    VigilBox box;
    gdouble feet, seen;
} Figure;

TrackScene *
track_scene_new(const TrackScript *script, gdouble fps, guint32 seed)
{
    TrackScene *self = g_new0(TrackScene, 1);

    self->dice = g_rand_new_with_seed(seed);
    self->frame_s = 1.0 / fps;
    self->plan.jitter = PLAIN_JITTER;
    self->plan.miss_rate = 0.03;
    script->plan(&self->plan, self->dice);
    for (guint i = 0; i < G_N_ELEMENTS(self->phases); i++)
        self->phases[i] = g_rand_double_range(self->dice, 0.0, 2.0 * G_PI);
    return self;
}

void
track_scene_free(TrackScene *self)
{
    if (!self)
        return;
    g_rand_free(self->dice);
    g_free(self);
}

static gboolean
by_chance(TrackScene *self, gdouble rate)
{
    return g_rand_double(self->dice) < rate;
}

/* Sum of twelve: as normal as need be, and the same everywhere. */
static gdouble
normal(TrackScene *self)
{
    gdouble sum = -6.0;

    for (guint i = 0; i < 12; i++)
        sum += g_rand_double(self->dice);
    return sum;
}

static gboolean
find_place(const TrackObject *object, gdouble s, gdouble *x, gdouble *y)
{
    for (guint i = 1; i < object->n_places; i++) {
        const gdouble from = object->places[i - 1].s, to = object->places[i].s;
        const gdouble part = to > from ? (s - from) / (to - from) : 1.0;

        if (s < from || s > to)
            continue;
        *x = object->places[i - 1].x + part * (object->places[i].x - object->places[i - 1].x);
        *y = object->places[i - 1].y + part * (object->places[i].y - object->places[i - 1].y);
        return TRUE;
    }
    return FALSE;
}

/* Slow and quick swings of some sizes, and knocks that die out within a second. */
static void
swing(TrackScene *self, gdouble s, gdouble *dx, gdouble *dy)
{
    const gdouble shake = self->plan.shake;

    if (by_chance(self, self->plan.kicks * self->frame_s)) {
        self->kicked_x = g_rand_double_range(self->dice, -0.06, 0.06);
        self->kicked_y = g_rand_double_range(self->dice, -0.06, 0.06);
    }
    *dx = self->kicked_x +
          shake * (sin(2.0 * s + self->phases[0]) + 0.4 * sin(9.0 * s + self->phases[1]));
    *dy = self->kicked_y +
          shake * (sin(1.7 * s + self->phases[2]) + 0.4 * sin(8.0 * s + self->phases[3]));
    self->kicked_x *= exp(-3.0 * self->frame_s);
    self->kicked_y *= exp(-3.0 * self->frame_s);
}

static VigilBox
moved(const VigilBox *box, gdouble dx, gdouble dy)
{
    return (VigilBox){(gfloat)((gdouble)box->x0 + dx), (gfloat)((gdouble)box->y0 + dy),
                      (gfloat)((gdouble)box->x1 + dx), (gfloat)((gdouble)box->y1 + dy)};
}

static guint
place_figures(const TrackScene *self, gdouble s, Figure *figures)
{
    guint n = 0;

    for (guint i = 0; i < self->plan.n_objects; i++) {
        const TrackObject *object = &self->plan.objects[i];
        gdouble x, y;

        if (!find_place(object, s, &x, &y))
            continue;
        figures[n++] =
            (Figure){.index = i,
                     .feet = y,
                     .box = {(gfloat)(x - object->width / 2), (gfloat)(y - object->height),
                             (gfloat)(x + object->width / 2), (gfloat)y}};
    }
    return n;
}

static gboolean
contains(const VigilBox *box, gfloat x, gfloat y)
{
    return x >= box->x0 && x < box->x1 && y >= box->y0 && y < box->y1;
}

static gboolean
is_covered(const TrackScene *self, const Figure *figures, guint n, guint i, gfloat x, gfloat y)
{
    for (guint k = 0; k < self->plan.n_pillars; k++)
        if (contains(&self->plan.pillars[k], x, y))
            return TRUE;
    for (guint k = 0; k < n; k++)
        if (k != i && figures[k].feet > figures[i].feet && contains(&figures[k].box, x, y))
            return TRUE;
    return x < 0.0f || x >= 1.0f || y < 0.0f || y >= 1.0f;
}

static gdouble
part_seen(const TrackScene *self, const Figure *figures, guint n, guint i)
{
    const VigilBox *box = &figures[i].box;
    guint seen = 0;

    for (guint row = 0; row < GRID; row++)
        for (guint column = 0; column < GRID; column++)
            seen += !is_covered(self, figures, n, i,
                                box->x0 + (box->x1 - box->x0) * ((gfloat)column + 0.5f) / GRID,
                                box->y0 + (box->y1 - box->y0) * ((gfloat)row + 0.5f) / GRID);
    return (gdouble)seen / (GRID * GRID);
}

static gboolean
is_dipped(const TrackObject *object, gdouble s)
{
    for (guint i = 0; i < object->n_dips; i++)
        if (s >= object->dips[i].from_s && s < object->dips[i].to_s)
            return TRUE;
    return FALSE;
}

static VigilBox
jittered(TrackScene *self, const VigilBox *box)
{
    const gdouble width = (gdouble)box->x1 - box->x0, height = (gdouble)box->y1 - box->y0;
    const gdouble jitter = self->plan.jitter;
    VigilBox result;

    result.x0 = (gfloat)((gdouble)box->x0 + jitter * width * normal(self));
    result.y0 = (gfloat)((gdouble)box->y0 + jitter * height * normal(self));
    result.x1 = (gfloat)((gdouble)box->x1 + jitter * width * normal(self));
    result.y1 = (gfloat)((gdouble)box->y1 + jitter * height * normal(self));
    return result;
}

/* Returns: 1 if it was detected, else 0 */
static guint
detect(TrackScene *self, const Figure *figure, gdouble s, VigilDetection *detection)
{
    const TrackObject *object = &self->plan.objects[figure->index];
    gdouble score = g_rand_double_range(self->dice, 0.55, 0.95);

    if (figure->seen < HIDDEN || by_chance(self, self->plan.miss_rate))
        return 0;
    if (figure->seen < DOUBTFUL || is_dipped(object, s)) {
        if (by_chance(self, 0.2))
            return 0;
        score = g_rand_double_range(self->dice, 0.15, 0.48);
    }
    *detection = (VigilDetection){.box = jittered(self, &figure->box),
                                  .score = (gfloat)score,
                                  .label_id = object->label[0],
                                  .label = object->label};
    return 1;
}

static guint
invent(TrackScene *self, VigilDetection *detection)
{
    const gdouble x = g_rand_double(self->dice), y = g_rand_double(self->dice);
    const TrackObject *like = &self->plan.objects[0];

    if (!by_chance(self, self->plan.false_rate))
        return 0;
    *detection =
        (VigilDetection){.box = {(gfloat)(x - like->width / 2), (gfloat)(y - like->height / 2),
                                 (gfloat)(x + like->width / 2), (gfloat)(y + like->height / 2)},
                         .score = (gfloat)g_rand_double_range(self->dice, 0.15, 0.65),
                         .label_id = like->label[0],
                         .label = like->label};
    return 1;
}

static guint
suppress(VigilDetection *detections, guint n)
{
    guint kept = 0;

    for (guint i = 0; i < n; i++) {
        gboolean stays = TRUE;

        for (guint j = 0; j < n && stays; j++)
            stays = j == i || detections[j].score <= detections[i].score ||
                    vigil_box_iou(&detections[i].box, &detections[j].box) <= SUPPRESSED_IOU;
        detections[i].label_id = stays ? detections[i].label_id : -1;
    }
    for (guint i = 0; i < n; i++)
        if (detections[i].label_id >= 0)
            detections[kept++] = detections[i];
    return kept;
}

static void
look(TrackScene *self, gdouble s, MotBox *truth, guint *n_truth, VigilDetection *detections,
     guint *n_detections)
{
    Figure figures[TRACK_SCENE_MAX];
    gdouble dx, dy;

    swing(self, s, &dx, &dy);
    *n_detections = 0;
    *n_truth = place_figures(self, s, figures);
    for (guint i = 0; i < *n_truth; i++)
        figures[i].seen = part_seen(self, figures, *n_truth, i);
    for (guint i = 0; i < *n_truth; i++) {
        figures[i].box = moved(&figures[i].box, dx, dy);
        truth[i] = (MotBox){
            .id = figures[i].index + 1, .box = figures[i].box, .ignored = figures[i].seen < HIDDEN};
        *n_detections += detect(self, &figures[i], s, &detections[*n_detections]);
    }
    if (*n_detections < TRACK_SCENE_MAX)
        *n_detections += invent(self, &detections[*n_detections]);
    *n_detections = suppress(detections, *n_detections);
}

gboolean
track_scene_next(TrackScene *self, gint64 *time_ns, MotBox *truth, guint *n_truth,
                 VigilDetection *detections, guint *n_detections)
{
    gdouble s;

    do
        s = self->frame_s * self->n_frames++;
    while (by_chance(self, self->plan.skip_rate));
    if (s > self->plan.duration_s)
        return FALSE;
    *time_ns = (gint64)(s * 1e9 + 0.5);
    look(self, s, truth, n_truth, detections, n_detections);
    return TRUE;
}

/* What a tracker says of a frame is where it has a detection; what it guesses of others is not asked for. */
static void
add_frame(MotEval *eval, const MotBox *truth, guint n_truth, const VigilTrack *tracks,
          guint n_tracks)
{
    MotBox boxes[VIGIL_TRACKER_MAX_TRACKS];
    guint n = 0;

    for (guint i = 0; i < n_tracks; i++)
        if (tracks[i].observed)
            boxes[n++] = (MotBox){.id = tracks[i].id, .box = tracks[i].box};
    mot_eval_add_frame(eval, truth, n_truth, boxes, n);
}

static void
score_scene(const TrackScript *script, gdouble fps, guint32 seed, MotEval *vigil, MotEval *plain)
{
    const VigilTrackerOptions options = vigil_tracker_options_defaults();
    g_autoptr(TrackScene) scene = track_scene_new(script, fps, seed);
    g_autoptr(VigilTracker) tracker = vigil_tracker_new(&options);
    g_autoptr(IouTracker) iou_tracker = iou_tracker_new(&options);
    VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];
    VigilDetection detections[TRACK_SCENE_MAX];
    MotBox truth[TRACK_SCENE_MAX];
    guint n_detections, n_truth, n;
    gint64 time_ns;

    while (track_scene_next(scene, &time_ns, truth, &n_truth, detections, &n_detections)) {
        n = vigil_tracker_update(tracker, time_ns, detections, n_detections, tracks, NULL,
                                 G_N_ELEMENTS(tracks));
        add_frame(vigil, truth, n_truth, tracks, n);
        n = iou_tracker_update(iou_tracker, time_ns, detections, n_detections, tracks,
                               G_N_ELEMENTS(tracks));
        add_frame(plain, truth, n_truth, tracks, n);
    }
    mot_eval_break(vigil);
    mot_eval_break(plain);
}

TrackScores
track_scene_score(const TrackScript *script, gdouble fps, guint n_seeds)
{
    g_autoptr(MotEval) vigil = mot_eval_new();
    g_autoptr(MotEval) plain = mot_eval_new();

    for (guint seed = 1; seed <= n_seeds; seed++)
        score_scene(script, fps, seed, vigil, plain);
    return (TrackScores){mot_eval_get_scores(vigil), mot_eval_get_scores(plain)};
}
