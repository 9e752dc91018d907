/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-trial.h"
#include "plugins/detect/vigil-detect-loader.h"

G_BEGIN_DECLS

/**
 * VigilDetectTrial:
 *
 * The trial of a model in a running element: the model of before is kept and looks at some of the frames as well. Belongs to
 * the streaming thread.
 */
typedef struct VigilDetectTrial VigilDetectTrial;

/**
 * vigil_detect_trial_new:
 * @before: (transfer full): what is known to be good
 * @model: on trial; its config says for how long
 */
VigilDetectTrial *vigil_detect_trial_new(VigilDetectModel *before, const VigilDetectModel *model);
/** vigil_detect_trial_free: (transfer full): gives the model of before back. NULL-safe. */
VigilDetectModel *vigil_detect_trial_free(VigilDetectTrial *self);

/** vigil_detect_trial_get_before: borrowed. */
const VigilDetectModel *vigil_detect_trial_get_before(const VigilDetectTrial *self);

/**
 * vigil_detect_trial_look:
 * @image: that @model looked at
 * @crop: the part of it
 * @n: how many detections it holds of it
 * @took_us: what that took
 *
 * May have the model of before look at it, too.
 */
void
vigil_detect_trial_look(VigilDetectTrial *self, const VigilDetectModel *model,
                        const VigilImage *image, const VigilCrop *crop, guint n, gint64 took_us);
/** vigil_detect_trial_fail: @model failed on a frame. */
void vigil_detect_trial_fail(VigilDetectTrial *self);

/** vigil_detect_trial_judge: the reason is in the structure. */
VigilTrialVerdict vigil_detect_trial_judge(VigilDetectTrial *self);

/**
 * vigil_detect_trial_to_structure:
 *
 * Returns: (transfer full): "vigildetect-trial" with name, sha256, model (of the one on trial), before (SHA-256), verdict
 *   (pending, healthy, unhealthy), reason: string; frames, errors, samples, old-objects, found, new-objects, old-median,
 *   new-median (ns): guint64
 */
GstStructure *
vigil_detect_trial_to_structure(const VigilDetectTrial *self, const VigilDetectModel *model);

G_END_DECLS
