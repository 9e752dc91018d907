/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-decision-json.h"

#include <math.h>

#include "pipeline/vigil-time.h"

void
vigil_json_add_string(JsonBuilder *json, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(json, name);
    if (value)
        json_builder_add_string_value(json, value);
    else
        json_builder_add_null_value(json);
}

void
vigil_json_add_number(JsonBuilder *json, const gchar *name, gdouble value)
{
    json_builder_set_member_name(json, name);
    json_builder_add_double_value(json, round(value * 1e4) / 1e4);
}

void
vigil_json_add_time(JsonBuilder *json, const gchar *name, gint64 time_us)
{
    g_autofree gchar *text = vigil_time_format(time_us);

    vigil_json_add_string(json, name, text);
}

void
vigil_decision_add_json(const VigilDecision *self, JsonBuilder *json, gboolean seconds)
{
    g_autofree gchar *sentence = vigil_decision_describe(self);

    json_builder_begin_object(json);
    vigil_json_add_string(json, "rule", self->rule);
    vigil_json_add_string(json, "label", self->label);
    json_builder_set_member_name(json, "track");
    json_builder_add_int_value(json, (gint64)self->track_id);
    vigil_json_add_string(json, "reason", vigil_reason_to_string(self->reason));
    vigil_json_add_number(json, "value", (gdouble)self->value);
    vigil_json_add_number(json, "limit", (gdouble)self->limit);
    vigil_json_add_string(json, "wanted", self->wanted);
    if (*self->event_id)
        vigil_json_add_string(json, "event", self->event_id);
    if (seconds) {
        vigil_json_add_number(json, "start_s", (gdouble)self->start_ns / 1e9);
        vigil_json_add_number(json, "end_s", (gdouble)self->end_ns / 1e9);
    }
    vigil_json_add_time(json, "start", self->start_wall_us);
    vigil_json_add_time(json, "end", self->end_wall_us);
    vigil_json_add_string(json, "sentence", sentence);
    json_builder_end_object(json);
}
