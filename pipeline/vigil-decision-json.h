/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "events/vigil-decision.h"

G_BEGIN_DECLS

/**
 * vigil_decision_add_json:
 * @seconds: also times of the stream, as start_s and end_s
 *
 * Adds an object: rule, label, track, reason, value, limit, wanted, event (of what fired), start and end (ISO 8601), sentence.
 */
void vigil_decision_add_json(const VigilDecision *self, JsonBuilder *json, gboolean seconds);

/** vigil_json_add_string: @value: (nullable): null */
void vigil_json_add_string(JsonBuilder *json, const gchar *name, const gchar *value);
/** vigil_json_add_number: of what was a float: four digits behind the point. */
void vigil_json_add_number(JsonBuilder *json, const gchar *name, gdouble value);
/** vigil_json_add_time: @time_us: since 1970; as ISO 8601 */
void vigil_json_add_time(JsonBuilder *json, const gchar *name, gint64 time_us);

G_END_DECLS
