/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "events/vigil-decision.h"
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
    guint counts[VIGIL_N_OUTCOME_COUNTS];
} VigilOutcomeMinutes;

/**
 * vigil_outcome_minutes_add:
 * @wall_us: of the frame
 * @in_part: only a part of it was looked at
 *
 * Returns: (transfer full) (nullable): "vigilevents-outcomes" of the minute before, when the frame begins another
 */
GstStructure *vigil_outcome_minutes_add(VigilOutcomeMinutes *self, const gchar *camera,
                                        gint64 wall_us, VigilOutcome outcome, gboolean in_part);

/** vigil_outcome_minutes_take: (transfer full) (nullable): what was counted so far, which is then forgotten. */
GstStructure *vigil_outcome_minutes_take(VigilOutcomeMinutes *self, const gchar *camera);

/* What is kept until it is told, however much a frame ends. */
#define VIGIL_DECISION_BATCH_MAX 1024

/**
 * VigilDecisionBatch:
 *
 * Decisions of the filter on their way to the bus, a few seconds of stream together. Zeroed to begin with.
 */
typedef struct {
    GArray *decisions; /* (nullable) (element-type VigilDecision) */
    gint64 since_ns;   /* when the first of them came */
    guint64 n_dropped; /* for which there was no room, in all */
} VigilDecisionBatch;

void vigil_decision_batch_add(VigilDecisionBatch *self, const VigilDecision *decision);

/**
 * vigil_decision_batch_take:
 * @time_ns: stream time; %G_MAXINT64: whatever there is
 *
 * Returns: (transfer full) (nullable): "vigilevents-decisions", when the first of them waited for long enough, or when
 *   there are many
 */
GstStructure *
vigil_decision_batch_take(VigilDecisionBatch *self, const gchar *camera, gint64 time_ns);
void vigil_decision_batch_clear(VigilDecisionBatch *self);

G_END_DECLS
