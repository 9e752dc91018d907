/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-event-messages.h"

#define US_PER_MINUTE (60 * G_USEC_PER_SEC)
/* One write of a store each: a card is not to be worn out by what is only there to be looked up. */
#define BATCH_NS (10 * (gint64)GST_SECOND)
#define BATCH_MANY 128

GstStructure *
gst_vigil_event_to_structure(VigilEvent *event)
{
    g_autofree gchar *json = vigil_event_to_json(event, NULL);

    return gst_structure_new("vigilevents-event", "json", G_TYPE_STRING, json, "type",
                             G_TYPE_STRING, vigil_event_type_to_string(event->type), "id",
                             G_TYPE_STRING, event->id, "camera", G_TYPE_STRING, event->camera,
                             "rule", G_TYPE_STRING, event->rule, "label", G_TYPE_STRING,
                             event->label, "start", G_TYPE_INT64, event->start_ns, "end",
                             G_TYPE_INT64, event->end_ns, "event", VIGIL_TYPE_EVENT, event, NULL);
}

GstStructure *
vigil_outcome_minutes_add(VigilOutcomeMinutes *self, const gchar *camera, gint64 wall_us,
                          VigilOutcome outcome, gboolean in_part)
{
    const gint64 minute = wall_us / US_PER_MINUTE;
    GstStructure *done = NULL;

    if (minute != self->minute)
        done = vigil_outcome_minutes_take(self, camera);
    self->minute = minute;
    self->counts[outcome]++;
    if (in_part && outcome == VIGIL_OUTCOME_INFERRED)
        self->counts[VIGIL_OUTCOME_INFERRED_PART]++;
    return done;
}

GstStructure *
vigil_outcome_minutes_take(VigilOutcomeMinutes *self, const gchar *camera)
{
    GstStructure *structure;
    guint total = 0;

    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        total += self->counts[i];
    if (total == 0)
        return NULL;
    structure = gst_structure_new("vigilevents-outcomes", "camera", G_TYPE_STRING, camera, "minute",
                                  G_TYPE_INT64, self->minute * US_PER_MINUTE, NULL);
    for (guint i = 0; i < VIGIL_N_OUTCOME_COUNTS; i++)
        gst_structure_set(structure, vigil_outcome_to_string(i), G_TYPE_UINT, self->counts[i],
                          NULL);
    *self = (VigilOutcomeMinutes){0};
    return structure;
}

void
vigil_decision_batch_add(VigilDecisionBatch *self, const VigilDecision *decision)
{
    if (!self->decisions)
        self->decisions = g_array_sized_new(FALSE, FALSE, sizeof *decision, BATCH_MANY);
    if (self->decisions->len == VIGIL_DECISION_BATCH_MAX) {
        self->n_dropped++;
        return;
    }
    if (self->decisions->len == 0)
        self->since_ns = decision->end_ns;
    g_array_append_val(self->decisions, *decision);
}

GstStructure *
vigil_decision_batch_take(VigilDecisionBatch *self, const gchar *camera, gint64 time_ns)
{
    GstStructure *structure;

    if (!self->decisions || self->decisions->len == 0)
        return NULL;
    if (self->decisions->len < BATCH_MANY && time_ns >= self->since_ns &&
        time_ns - self->since_ns < BATCH_NS)
        return NULL;
    structure = gst_structure_new("vigilevents-decisions", "camera", G_TYPE_STRING, camera,
                                  "dropped", G_TYPE_UINT64, self->n_dropped, "decisions",
                                  G_TYPE_ARRAY, self->decisions, NULL);
    g_clear_pointer(&self->decisions, g_array_unref);
    return structure;
}

void
vigil_decision_batch_clear(VigilDecisionBatch *self)
{
    g_clear_pointer(&self->decisions, g_array_unref);
    *self = (VigilDecisionBatch){0};
}
