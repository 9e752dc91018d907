/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-decision.h"
#include "events/vigil-outcome.h"
#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * VigilRulesTrial:
 * @decisions: (element-type VigilDecision): what each rule made of each object, by their begin; of what fired the span and
 *   the score are the event's
 * @outcomes: what became of the frames
 */
typedef struct {
    GArray *decisions;
    guint64 outcomes[VIGIL_N_OUTCOMES];
} VigilRulesTrial;

/**
 * vigil_rules_trial_run:
 * @camera: its source is replaced by the video, and it records nothing from here on
 * @video: path of a file
 *
 * Runs a video through a camera's pipeline as fast as it goes, with the store in a folder that is gone afterwards.
 * GStreamer must be initialised.
 *
 * Returns: (transfer full): %NULL with @error set when it cannot be run to its end, or was interrupted (%G_IO_ERROR_CANCELLED)
 */
VigilRulesTrial *
vigil_rules_trial_run(VigilCameraSettings *camera, const gchar *video, GError **error);
void vigil_rules_trial_free(VigilRulesTrial *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilRulesTrial, vigil_rules_trial_free)

G_END_DECLS
