/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/events/vigil-event-messages.h"

#define US_PER_MINUTE (60 * G_USEC_PER_SEC)

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
                          VigilOutcome outcome)
{
    const gint64 minute = wall_us / US_PER_MINUTE;
    GstStructure *done = NULL;

    if (minute != self->minute)
        done = vigil_outcome_minutes_take(self, camera);
    self->minute = minute;
    self->counts[outcome]++;
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
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++)
        gst_structure_set(structure, vigil_outcome_to_string(i), G_TYPE_UINT, self->counts[i],
                          NULL);
    *self = (VigilOutcomeMinutes){0};
    return structure;
}
