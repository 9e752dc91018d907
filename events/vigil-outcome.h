/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilOutcome: what became of one frame. "Nothing detected" and "not looked at" are never the same thing.
 */
typedef enum {
    VIGIL_OUTCOME_INFERRED,
    VIGIL_OUTCOME_SKIPPED_RATE, /* between two frames that the target rate or interval takes */
    VIGIL_OUTCOME_SKIPPED_NO_MOTION,
    VIGIL_OUTCOME_SKIPPED_LOAD, /* a fresher frame was taken instead */
    VIGIL_OUTCOME_TIMED_OUT,
    VIGIL_OUTCOME_FAILED,
    VIGIL_N_OUTCOMES,
    VIGIL_OUTCOME_INFERRED_PART =
        VIGIL_N_OUTCOMES, /* no other one: of the inferred, those of which only a part was looked at */
    VIGIL_N_OUTCOME_COUNTS,
} VigilOutcome;

static inline const gchar *
vigil_outcome_to_string(VigilOutcome outcome)
{
    static const gchar *const names[VIGIL_N_OUTCOME_COUNTS] = {
        "inferred",  "skipped-rate", "skipped-no-motion", "skipped-load",
        "timed-out", "failed",       "inferred-part"};

    return (guint)outcome < VIGIL_N_OUTCOME_COUNTS ? names[outcome] : "unknown";
}

G_END_DECLS
