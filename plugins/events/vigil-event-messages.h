/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "events/vigil-event.h"
#include "events/vigil-outcome.h"

G_BEGIN_DECLS

/** gst_vigil_event_to_structure: (transfer full): "vigilevents-event", as vigilevents' documentation lists its fields. */
GstStructure *gst_vigil_event_to_structure(VigilEvent *event);

/**
 * VigilOutcomeMinutes:
 *
 * What became of the frames of one minute of wall time. Zeroed to begin with.
 */
typedef struct {
    gint64 minute; /* since 1970 */
    guint counts[VIGIL_N_OUTCOMES];
} VigilOutcomeMinutes;

/**
 * vigil_outcome_minutes_add:
 * @wall_us: of the frame
 *
 * Returns: (transfer full) (nullable): "vigilevents-outcomes" of the minute before, when the frame begins another
 */
GstStructure *vigil_outcome_minutes_add(VigilOutcomeMinutes *self, const gchar *camera,
                                        gint64 wall_us, VigilOutcome outcome);

/** vigil_outcome_minutes_take: (transfer full) (nullable): what was counted so far, which is then forgotten. */
GstStructure *vigil_outcome_minutes_take(VigilOutcomeMinutes *self, const gchar *camera);

G_END_DECLS
