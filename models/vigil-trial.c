/* SPDX-License-Identifier: Apache-2.0 */
#include "models/vigil-trial.h"

#include <math.h>
#include <string.h>

#define SECOND G_GINT64_CONSTANT(1000000000)

#define SURE_Z 2.58
#define MAX_ERROR_SHARE 0.05
#define MIN_ERROR_FRAMES 20
#define MIN_TIMED_SAMPLES 10
#define SLOWER 1.5
#define MIN_FOUND_SHARE 0.2
#define MAX_TIMES 10.0

#define SAME_PLACE_IOU 0.5f
#define FOUND_IOU 0.4f

#define SAMPLE_NS SECOND
#define SAMPLES_A_TRIAL 100
#define SAMPLE_COST 10 /* a tenth of the time */

/* Of the boxes of a sample; more would only be more of the same. */
#define MAX_REMEMBERED 64

/* Times by eighths of an octave from 1 us on: exact to 9 %, up to 16 s. */
#define BINS_PER_OCTAVE 8
#define N_BINS 192

typedef struct {
    guint64 n;
    guint32 bins[N_BINS];
} Times;

typedef struct {
    guint n;
    struct {
        VigilBox box;
        const gchar *label;
    } seen[MAX_REMEMBERED];
} Memory;

struct VigilTrial {
    VigilTrialOptions options;
    const gchar **labels;
    guint n_labels;
    gint64 begun_ns, frame_ns, sample_ns; /* the latest; -1: none yet */
    gint64 spent_ns;                      /* by the model of before */
    guint64 frames, errors, samples;
    guint64 old_objects, found, new_objects;
    Times old_times, new_times, intervals;
    Memory old_memory, new_memory;
};

VigilTrialOptions
vigil_trial_options_defaults(void)
{
    return (VigilTrialOptions){.duration_ns = 600 * SECOND,
                               .longest_ns = 86400 * SECOND,
                               .min_frames = 300,
                               .min_objects = 20,
                               .timeout_ns = 5 * SECOND};
}

const gchar *
vigil_trial_verdict_to_string(VigilTrialVerdict verdict)
{
    static const gchar *const names[] = {"pending", "healthy", "unhealthy"};

    return (guint)verdict < G_N_ELEMENTS(names) ? names[verdict] : "unknown";
}

VigilTrial *
vigil_trial_new(const VigilTrialOptions *options, const gchar *const *labels, guint n_labels,
                gint64 now_ns)
{
    VigilTrial *self = g_new0(VigilTrial, 1);

    self->options = *options;
    self->labels = g_new0(const gchar *, n_labels);
    for (guint i = 0; i < n_labels; i++)
        self->labels[self->n_labels++] = labels[i];
    self->begun_ns = now_ns;
    self->frame_ns = self->sample_ns = -1;
    return self;
}

void
vigil_trial_free(VigilTrial *self)
{
    if (!self)
        return;
    g_free(self->labels);
    g_free(self);
}

/* --- times ----------------------------------------------------------------------------------- */

static void
times_add(Times *self, gint64 ns)
{
    const gdouble us = MAX((gdouble)ns / 1e3, 1.0);

    self->n++;
    self->bins[MIN((guint)(BINS_PER_OCTAVE * log2(us)), N_BINS - 1)]++;
}

static gint64
times_median(const Times *self)
{
    guint64 below = 0;
    guint bin = 0;

    if (self->n == 0)
        return 0;
    while (bin < N_BINS - 1 && (below += self->bins[bin]) * 2 < self->n)
        bin++;
    return (gint64)(1e3 * exp2((bin + 0.5) / BINS_PER_OCTAVE));
}

/* --- what is seen ---------------------------------------------------------------------------- */

void
vigil_trial_add_frame(VigilTrial *self, gint64 now_ns, gint64 took_ns, gboolean ok)
{
    self->frames++;
    self->errors += !ok || took_ns > self->options.timeout_ns;
    if (self->frame_ns >= 0)
        times_add(&self->intervals, now_ns - self->frame_ns);
    self->frame_ns = now_ns;
}

gboolean
vigil_trial_wants_sample(const VigilTrial *self, gint64 now_ns)
{
    const gint64 pause = MIN(SAMPLE_NS, self->options.duration_ns / SAMPLES_A_TRIAL);

    if (self->sample_ns < 0)
        return TRUE;
    return now_ns - self->sample_ns >= pause &&
           self->spent_ns * SAMPLE_COST <= now_ns - self->begun_ns;
}

static gboolean
counts(const VigilTrial *self, const VigilDetection *detection, gfloat strong)
{
    guint i = 0;

    if (!(detection->score >= strong))
        return FALSE;
    while (i < self->n_labels && self->labels[i] != detection->label)
        i++;
    return i < self->n_labels;
}

static gboolean
remembers(const Memory *self, const VigilDetection *detection)
{
    for (guint i = 0; i < self->n; i++)
        if (self->seen[i].label == detection->label &&
            vigil_box_iou(&self->seen[i].box, &detection->box) >= SAME_PLACE_IOU)
            return TRUE;
    return FALSE;
}

static gboolean
is_found(const VigilTrialSide *side, const VigilDetection *detection)
{
    for (guint i = 0; i < side->n; i++)
        if (side->detections[i].label == detection->label &&
            vigil_box_iou(&side->detections[i].box, &detection->box) >= FOUND_IOU)
            return TRUE;
    return FALSE;
}

/* Objects of one side that its sample before did not have; @other: where they may be found. */
static guint
count_objects(const VigilTrial *self, Memory *memory, const VigilTrialSide *side,
              const VigilTrialSide *other, guint64 *found)
{
    Memory now = {0};
    guint n = 0;

    for (guint i = 0; i < side->n; i++) {
        const VigilDetection *detection = &side->detections[i];

        if (!counts(self, detection, side->strong))
            continue;
        if (now.n < MAX_REMEMBERED) {
            now.seen[now.n].box = detection->box;
            now.seen[now.n++].label = detection->label;
        }
        if (remembers(memory, detection))
            continue;
        n++;
        *found += other && is_found(other, detection);
    }
    *memory = now;
    return n;
}

void
vigil_trial_add_sample(VigilTrial *self, gint64 now_ns, const VigilTrialSide *fresh,
                       const VigilTrialSide *old)
{
    guint64 none = 0;

    self->samples++;
    self->sample_ns = now_ns;
    self->spent_ns += old->took_ns;
    times_add(&self->new_times, fresh->took_ns);
    times_add(&self->old_times, old->took_ns);
    self->old_objects += count_objects(self, &self->old_memory, old, fresh, &self->found);
    self->new_objects += count_objects(self, &self->new_memory, fresh, NULL, &none);
}

/* --- the verdict ----------------------------------------------------------------------------- */

/* The edge of Wilson's score interval for the share of @part in @whole; @side: 1 the upper one, -1 the lower one. */
static gdouble
wilson(guint64 part, guint64 whole, gint side)
{
    const gdouble n = (gdouble)whole, z2 = SURE_Z * SURE_Z;
    gdouble share, spread;

    if (whole == 0)
        return side > 0 ? 1.0 : 0.0;
    share = (gdouble)part / n;
    spread = SURE_Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n));
    return (share + z2 / (2 * n) + side * spread) / (1 + z2 / n);
}

void
vigil_trial_get_counts(const VigilTrial *self, VigilTrialCounts *counts)
{
    *counts = (VigilTrialCounts){
        .frames = self->frames,
        .errors = self->errors,
        .samples = self->samples,
        .old_objects = self->old_objects,
        .found = self->found,
        .new_objects = self->new_objects,
        .new_median_ns = times_median(&self->new_times),
        .old_median_ns = times_median(&self->old_times),
        .interval_ns = self->options.interval_ns > 0 ? self->options.interval_ns
                                                     : times_median(&self->intervals),
    };
}

static gboolean
is_slow(const VigilTrialCounts *c)
{
    return c->samples >= MIN_TIMED_SAMPLES && c->interval_ns > 0 &&
           c->new_median_ns > c->interval_ns &&
           (gdouble)c->new_median_ns > SLOWER * (gdouble)c->old_median_ns;
}

static gboolean
find_fault(const VigilTrialCounts *c, gchar *reason, gsize size)
{
    if (c->frames >= MIN_ERROR_FRAMES && wilson(c->errors, c->frames, -1) > MAX_ERROR_SHARE)
        g_snprintf(reason, size,
                   "errors: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                   " frames failed or took too long",
                   c->errors, c->frames);
    else if (is_slow(c))
        g_snprintf(reason, size,
                   "slow: %.1f ms a frame, with a frame each %.1f ms; the model of before takes "
                   "%.1f ms",
                   c->new_median_ns / 1e6, c->interval_ns / 1e6, c->old_median_ns / 1e6);
    else if (wilson(c->found, c->old_objects, 1) < MIN_FOUND_SHARE)
        g_snprintf(reason, size,
                   "blind: it finds %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                   " objects that the model of before sees in the same frames",
                   c->found, c->old_objects);
    else if (wilson(c->new_objects, c->new_objects + c->old_objects, -1) >
             MAX_TIMES / (MAX_TIMES + 1))
        g_snprintf(reason, size,
                   "flood: it sees %" G_GUINT64_FORMAT " objects where the model of before sees "
                   "%" G_GUINT64_FORMAT,
                   c->new_objects, c->old_objects);
    else
        return FALSE;
    return TRUE;
}

VigilTrialVerdict
vigil_trial_judge(const VigilTrial *self, gint64 now_ns, gchar *reason, gsize size)
{
    const VigilTrialOptions *options = &self->options;
    const gint64 lasted = now_ns - self->begun_ns;
    VigilTrialCounts c;

    g_strlcpy(reason, "", size);
    vigil_trial_get_counts(self, &c);
    if (find_fault(&c, reason, size))
        return VIGIL_TRIAL_UNHEALTHY;
    if (lasted < options->duration_ns || c.frames < options->min_frames)
        return VIGIL_TRIAL_PENDING;
    return c.old_objects >= options->min_objects || lasted >= options->longest_ns
               ? VIGIL_TRIAL_HEALTHY
               : VIGIL_TRIAL_PENDING;
}
