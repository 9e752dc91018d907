/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tracking/mot.h"

#include <math.h>

#define LEAST_IOU 0.5f
#define NOBODY G_MAXUINT

/* A trajectory, of either side. @partner: index on the other side of whom it was matched with last */
typedef struct {
    guint partner;
    gboolean matched_before; /* at its last frame */
} Trajectory;

/* Boxes of one frame that match: indices of trajectories. */
typedef struct {
    guint truth, hypothesis;
} Agreement;

typedef struct {
    GHashTable *indices; /* id → index + 1 */
    GArray *trajectories;
} Side;

struct MotEval {
    Side truth, hypotheses;
    GArray *agreements; /* of the scene at hand, as all that is in the sides */
    MotScores scores;
    guint settled_id_true; /* of earlier scenes */
    gdouble overlap;
};

/* What is known of the frame at hand, by place in the caller's arrays. */
typedef struct {
    const MotBox *truth, *hypotheses;
    guint n_truth, n_hypotheses;
    guint *truth_index, *hypothesis_index;
    gint *match; /* of each truth */
    gboolean *taken;
} Frame;

static void
side_init(Side *self)
{
    self->indices = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    self->trajectories = g_array_new(FALSE, TRUE, sizeof(Trajectory));
}

static void
side_clear(Side *self)
{
    g_hash_table_remove_all(self->indices);
    g_array_set_size(self->trajectories, 0);
}

static void
side_finish(Side *self)
{
    g_hash_table_unref(self->indices);
    g_array_unref(self->trajectories);
}

static guint
side_index(Side *self, guint64 id)
{
    const guint known = GPOINTER_TO_UINT(g_hash_table_lookup(self->indices, &id));
    const Trajectory fresh = {.partner = NOBODY};

    if (known)
        return known - 1;
    g_array_append_val(self->trajectories, fresh);
    g_hash_table_insert(self->indices, g_memdup2(&id, sizeof id),
                        GUINT_TO_POINTER(self->trajectories->len));
    return self->trajectories->len - 1;
}

static Trajectory *
side_get(const Side *self, guint index)
{
    return &g_array_index(self->trajectories, Trajectory, index);
}

MotEval *
mot_eval_new(void)
{
    MotEval *self = g_new0(MotEval, 1);

    side_init(&self->truth);
    side_init(&self->hypotheses);
    self->agreements = g_array_new(FALSE, FALSE, sizeof(Agreement));
    return self;
}

void
mot_eval_free(MotEval *self)
{
    if (!self)
        return;
    side_finish(&self->truth);
    side_finish(&self->hypotheses);
    g_array_unref(self->agreements);
    g_free(self);
}

/* One row more gets its column, by the shortest augmenting path; row and column 0 stand for nobody. */
static void
augment(const gint64 *weights, guint n_rows, guint n_columns, guint n, guint row, gint64 *u,
        gint64 *v, guint *owner)
{
    g_autofree gint64 *least = g_new(gint64, n + 1);
    g_autofree guint *way = g_new0(guint, n + 1);
    g_autofree gboolean *used = g_new0(gboolean, n + 1);
    guint column = 0;

    for (guint j = 0; j <= n; j++)
        least[j] = G_MAXINT64;
    owner[0] = row;
    do {
        const guint i = owner[column];
        gint64 delta = G_MAXINT64;
        guint next = 0;

        used[column] = TRUE;
        for (guint j = 1; j <= n; j++) {
            const gint64 cost =
                i <= n_rows && j <= n_columns ? -weights[(i - 1) * n_columns + j - 1] : 0;

            if (used[j])
                continue;
            if (cost - u[i] - v[j] < least[j]) {
                least[j] = cost - u[i] - v[j];
                way[j] = column;
            }
            if (least[j] < delta) {
                delta = least[j];
                next = j;
            }
        }
        for (guint j = 0; j <= n; j++) {
            if (used[j]) {
                u[owner[j]] += delta;
                v[j] -= delta;
            } else {
                least[j] -= delta;
            }
        }
        column = next;
    } while (owner[column] != 0);
    for (; column != 0; column = way[column])
        owner[column] = owner[way[column]];
}

gint64
mot_assign(const gint64 *weights, guint n_rows, guint n_columns, gint *columns)
{
    const guint n = MAX(n_rows, n_columns); /* made square by pairs that are worth nothing */
    g_autofree gint64 *u = g_new0(gint64, n + 1);
    g_autofree gint64 *v = g_new0(gint64, n + 1);
    g_autofree guint *owner = g_new0(guint, n + 1);
    gint64 sum = 0;

    for (guint i = 0; i < n_rows; i++)
        columns[i] = -1;
    for (guint row = 1; row <= n; row++)
        augment(weights, n_rows, n_columns, n, row, u, v, owner);
    for (guint j = 1; j <= n_columns; j++) {
        const guint i = owner[j];

        if (i < 1 || i > n_rows || weights[(i - 1) * n_columns + j - 1] == 0)
            continue;
        columns[i - 1] = (gint)j - 1;
        sum += weights[(i - 1) * n_columns + j - 1];
    }
    return sum;
}

static gfloat
overlap(const Frame *frame, guint i, guint j)
{
    return vigil_box_iou(&frame->truth[i].box, &frame->hypotheses[j].box);
}

static void
keep_matches(MotEval *self, Frame *frame)
{
    for (guint i = 0; i < frame->n_truth; i++) {
        const guint wanted = side_get(&self->truth, frame->truth_index[i])->partner;

        for (guint j = 0; wanted != NOBODY && !frame->truth[i].ignored && j < frame->n_hypotheses;
             j++) {
            if (frame->hypothesis_index[j] != wanted || overlap(frame, i, j) < LEAST_IOU ||
                side_get(&self->hypotheses, wanted)->partner != frame->truth_index[i])
                continue;
            frame->match[i] = (gint)j;
            frame->taken[j] = TRUE;
        }
    }
}

static void
match_others(Frame *frame)
{
    /* a pair counts more than all overlaps together */
    const gint64 pair = G_GINT64_CONSTANT(1000000) * (frame->n_truth + 1);
    g_autofree gint64 *weights = g_new0(gint64, frame->n_truth * frame->n_hypotheses + 1);
    g_autofree gint *columns = g_new(gint, frame->n_truth + 1);

    for (guint i = 0; i < frame->n_truth; i++)
        for (guint j = 0; j < frame->n_hypotheses; j++)
            if (!frame->truth[i].ignored && frame->match[i] < 0 && !frame->taken[j] &&
                overlap(frame, i, j) >= LEAST_IOU)
                weights[i * frame->n_hypotheses + j] = pair + (gint64)(1e6f * overlap(frame, i, j));
    mot_assign(weights, frame->n_truth, frame->n_hypotheses, columns);
    for (guint i = 0; i < frame->n_truth; i++) {
        if (columns[i] < 0)
            continue;
        frame->match[i] = columns[i];
        frame->taken[columns[i]] = TRUE;
    }
}

static void
count_truth(MotEval *self, const Frame *frame, guint i)
{
    Trajectory *object = side_get(&self->truth, frame->truth_index[i]);
    Trajectory *hypothesis;

    self->scores.n_truth++;
    if (frame->match[i] < 0) {
        self->scores.n_misses++;
        object->matched_before = FALSE;
        return;
    }
    hypothesis = side_get(&self->hypotheses, frame->hypothesis_index[frame->match[i]]);
    self->overlap += (gdouble)overlap(frame, i, (guint)frame->match[i]);
    if (object->partner != NOBODY) {
        if (object->partner != frame->hypothesis_index[frame->match[i]])
            self->scores.n_switches++;
        if (!object->matched_before)
            self->scores.n_fragments++;
    }
    object->partner = frame->hypothesis_index[frame->match[i]];
    object->matched_before = TRUE;
    hypothesis->partner = frame->truth_index[i];
}

static gboolean
is_of_ignored(const Frame *frame, guint j)
{
    for (guint i = 0; !frame->taken[j] && i < frame->n_truth; i++)
        if (frame->truth[i].ignored && overlap(frame, i, j) >= LEAST_IOU)
            return TRUE;
    return FALSE;
}

static void
count_hypothesis(MotEval *self, const Frame *frame, guint j)
{
    if (is_of_ignored(frame, j))
        return;
    self->scores.n_hypotheses++;
    if (!frame->taken[j])
        self->scores.n_false++;
    for (guint i = 0; i < frame->n_truth; i++) {
        const Agreement agreement = {frame->truth_index[i], frame->hypothesis_index[j]};

        if (!frame->truth[i].ignored && overlap(frame, i, j) >= LEAST_IOU)
            g_array_append_val(self->agreements, agreement);
    }
}

void
mot_eval_add_frame(MotEval *self, const MotBox *truth, guint n_truth, const MotBox *hypotheses,
                   guint n_hypotheses)
{
    g_autofree guint *truth_index = g_new(guint, n_truth + 1);
    g_autofree guint *hypothesis_index = g_new(guint, n_hypotheses + 1);
    g_autofree gint *match = g_new(gint, n_truth + 1);
    g_autofree gboolean *taken = g_new0(gboolean, n_hypotheses + 1);
    Frame frame = {truth,       hypotheses,       n_truth, n_hypotheses,
                   truth_index, hypothesis_index, match,   taken};

    for (guint i = 0; i < n_truth; i++) {
        truth_index[i] = side_index(&self->truth, truth[i].id);
        match[i] = -1;
    }
    for (guint j = 0; j < n_hypotheses; j++)
        hypothesis_index[j] = side_index(&self->hypotheses, hypotheses[j].id);
    keep_matches(self, &frame);
    match_others(&frame);
    for (guint i = 0; i < n_truth; i++)
        if (!truth[i].ignored)
            count_truth(self, &frame, i);
    for (guint j = 0; j < n_hypotheses; j++)
        count_hypothesis(self, &frame, j);
}

static guint
count_id_true(const MotEval *self)
{
    const guint n_rows = self->truth.trajectories->len;
    const guint n_columns = self->hypotheses.trajectories->len;
    g_autofree gint64 *weights = g_new0(gint64, (gsize)n_rows * n_columns + 1);
    g_autofree gint *columns = g_new(gint, n_rows + 1);

    for (guint i = 0; i < self->agreements->len; i++) {
        const Agreement *agreement = &g_array_index(self->agreements, Agreement, i);

        weights[(gsize)agreement->truth * n_columns + agreement->hypothesis]++;
    }
    return (guint)mot_assign(weights, n_rows, n_columns, columns);
}

void
mot_eval_break(MotEval *self)
{
    self->settled_id_true += count_id_true(self);
    side_clear(&self->truth);
    side_clear(&self->hypotheses);
    g_array_set_size(self->agreements, 0);
}

MotScores
mot_eval_get_scores(const MotEval *self)
{
    MotScores scores = self->scores;
    const guint errors = scores.n_misses + scores.n_false + scores.n_switches;
    const guint matched = scores.n_truth - scores.n_misses;

    scores.id_true = self->settled_id_true + count_id_true(self);
    scores.mota = scores.n_truth ? 1.0 - (gdouble)errors / scores.n_truth : NAN;
    scores.motp = matched ? self->overlap / matched : NAN;
    scores.idf1 = scores.n_truth + scores.n_hypotheses
                      ? 2.0 * scores.id_true / (scores.n_truth + scores.n_hypotheses)
                      : NAN;
    return scores;
}
