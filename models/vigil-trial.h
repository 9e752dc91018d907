/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "models/vigil-types.h"

G_BEGIN_DECLS

typedef enum {
    VIGIL_TRIAL_PENDING,   /* not known yet */
    VIGIL_TRIAL_HEALTHY,   /* the new model may stay */
    VIGIL_TRIAL_UNHEALTHY, /* it must go */
} VigilTrialVerdict;

/** vigil_trial_verdict_to_string: "pending", "healthy" or "unhealthy". */
const gchar *vigil_trial_verdict_to_string(VigilTrialVerdict verdict);

/**
 * VigilTrialOptions:
 * @duration_ns: shortest trial, default 10 minutes
 * @longest_ns: after so long a model is healthy although there was too little to compare, default 24 hours
 * @min_frames: looked at by the new model before it is healthy, default 300
 * @min_objects: seen by the model of before, in samples, before the new one is healthy, default 20
 * @interval_ns: time between two frames that are to be looked at; 0: as they come
 * @timeout_ns: an inference that takes longer counts as an error, default 5 s
 */
typedef struct {
    gint64 duration_ns, longest_ns;
    guint min_frames, min_objects;
    gint64 interval_ns;
    gint64 timeout_ns;
} VigilTrialOptions;

VigilTrialOptions vigil_trial_options_defaults(void);

/** VigilTrialSide: what one of the two models gave for a sample. @strong: what counts as seen, 0..1; borrowed. */
typedef struct {
    const VigilDetection *detections;
    guint n;
    gfloat strong;
    gint64 took_ns;
} VigilTrialSide;

/** VigilTrialCounts: what is known so far. */
typedef struct {
    guint64 frames,
        errors; /* looked at by the new model, and those of them that failed or took too long */
    guint64 samples; /* frames that both looked at */
    guint64 old_objects,
        found; /* seen by the model of before, and those of them that the new one saw, too */
    guint64 new_objects;                 /* seen by the new model */
    gint64 new_median_ns, old_median_ns; /* time of an inference, over the samples; 0: none */
    gint64 interval_ns;
} VigilTrialCounts;

/**
 * VigilTrial:
 *
 * Whether a model that took another's place may stay: it is compared with the one of before on the same frames of the same
 * camera, so that neither a quiet night nor a loaded machine speaks for or against it. Pure: time is an argument. Allocates only
 * in new. Not thread-safe.
 *
 * Samples are frames that both models look at, at most one a second (one in a hundredth of a shorter trial), and never more of
 * them than take a tenth of the time. An **object** is a box that is strong (reaches what the camera calls a detection) and was
 * not there, at the same place under the same name (IoU ≥ 0.5), in the same model's sample before: what stands still counts
 * once. Only classes that both models have count. It is **found** when the new model has a box of that class there (IoU ≥ 0.4),
 * however weak.
 *
 * "Surely" is by the Wilson score interval with z = 2.58 (half a percent on each side). The model is unhealthy when
 * - of at least 20 frames surely more than 5 % failed or took too long (errors);
 * - of at least 10 samples its median time is above the interval of frames, and above 1.5 times that of the model of before on
 *   the same frames (slow);
 * - surely less than a fifth of the objects that the model of before saw is found: 27 of which none is found will do (blind);
 * - surely more than ten times as many objects are seen as by the model of before: 67 against none, 207 against 10 (flood).
 *
 * It is healthy when the trial lasted for its duration, enough frames were looked at, and the model of before saw enough
 * objects; without the last, not before the longest time has passed.
 */
typedef struct VigilTrial VigilTrial;

/**
 * vigil_trial_new:
 * @labels: (array length=n_labels): interned names of classes that both models have; copied
 * @now_ns: by a clock that only goes on
 */
VigilTrial *vigil_trial_new(const VigilTrialOptions *options, const gchar *const *labels,
                            guint n_labels, gint64 now_ns);
void vigil_trial_free(VigilTrial *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilTrial, vigil_trial_free)

/** vigil_trial_add_frame: the new model looked at a frame. @ok: it did not fail */
void vigil_trial_add_frame(VigilTrial *self, gint64 now_ns, gint64 took_ns, gboolean ok);
/** vigil_trial_wants_sample: whether the model of before shall look at this frame as well. */
gboolean vigil_trial_wants_sample(const VigilTrial *self, gint64 now_ns);
void vigil_trial_add_sample(VigilTrial *self, gint64 now_ns, const VigilTrialSide *fresh,
                            const VigilTrialSide *old);

void vigil_trial_get_counts(const VigilTrial *self, VigilTrialCounts *counts);

/**
 * vigil_trial_judge:
 * @reason: (out): why it is unhealthy, one line
 */
VigilTrialVerdict
vigil_trial_judge(const VigilTrial *self, gint64 now_ns, gchar *reason, gsize size);

G_END_DECLS
