/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-decision-json.h"
#include "pipeline/vigil-time.h"
#include "pipeline/vigil-why.h"

/* --- text ---------------------------------------------------------------------------------------------------- */

static const gchar *const outcome_texts[VIGIL_N_OUTCOMES] = {
    "looked at", "not wanted by the rate", "without motion", "left out for load", "timed out",
    "failed",
};

static void
append_span(GString *text, gint64 start_us, gint64 end_us)
{
    g_autofree gchar *start = vigil_time_format(start_us);
    g_autofree gchar *end = vigil_time_format(end_us);

    g_string_append_printf(text, "\n  %s to %s  ", start, end);
}

static void
append_presence(GString *text, const VigilPresenceInfo *info)
{
    g_autofree gchar *since = vigil_time_format(info->since_us);
    g_autofree gchar *until = vigil_time_format(info->until_us);

    if (!info->known)
        return;
    g_string_append_printf(text, "\nCamera: %s since %s",
                           vigil_camera_presence_to_string(info->presence), since);
    if (info->until_us)
        g_string_append_printf(text, " until %s", until);
    if (info->reason)
        g_string_append_printf(text, ": %s", info->reason);
}

static void
append_frames(GString *text, const VigilWhy *self)
{
    g_autofree gchar *minute = vigil_time_format(self->minute_us);
    const gchar *comma = "";

    if (self->n_frames == 0)
        return;
    g_string_append_printf(text, "\nFrames of the minute from %s: %" G_GUINT64_FORMAT ": ", minute,
                           self->n_frames);
    for (guint i = 0; i < VIGIL_N_OUTCOMES; i++) {
        if (!self->outcomes[i])
            continue;
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " %s", comma, self->outcomes[i],
                               outcome_texts[i]);
        comma = ", ";
        if (i == VIGIL_OUTCOME_INFERRED && self->outcomes[VIGIL_OUTCOME_INFERRED_PART])
            g_string_append_printf(text, " (%" G_GUINT64_FORMAT " in part only)",
                                   self->outcomes[VIGIL_OUTCOME_INFERRED_PART]);
    }
}

static void
append_events(GString *text, const VigilWhy *self)
{
    if (self->events->len > 0)
        g_string_append(text, "\nEvents:");
    for (guint i = 0; i < self->events->len; i++) {
        const VigilWhyEvent *event = &g_array_index(self->events, VigilWhyEvent, i);

        append_span(text, event->start_wall_us, event->end_wall_us);
        g_string_append_printf(text, "%s, rule %s, score %.2f, event %s%s, %s%s", event->label,
                               event->rule, (gdouble)event->score, event->id,
                               event->open ? " (open)" : "", event->clip ? "clip " : "no clip",
                               event->clip ? event->clip : "");
    }
}

static void
append_decisions(GString *text, const VigilWhy *self)
{
    if (self->decisions->len > 0)
        g_string_append(text, "\nObjects and rules:");
    for (guint i = 0; i < self->decisions->len; i++) {
        const VigilDecision *decision = &g_array_index(self->decisions, VigilDecision, i);
        g_autofree gchar *sentence = vigil_decision_describe(decision);

        append_span(text, decision->start_wall_us, decision->end_wall_us);
        g_string_append(text, sentence);
    }
    if (self->n_left_out > 0)
        g_string_append_printf(text, "\n  … and %u more", self->n_left_out);
}

gchar *
vigil_why_to_text(const VigilWhy *self)
{
    g_autofree gchar *at = vigil_time_format(self->at_us);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s, %s: %s: %s", self->camera, at, self->reason, self->sentence);
    append_presence(text, &self->presence);
    append_frames(text, self);
    append_events(text, self);
    append_decisions(text, self);
    return g_string_free(text, FALSE);
}

/* --- JSON ---------------------------------------------------------------------------------------------------- */

static void
add_presence(JsonBuilder *json, const VigilPresenceInfo *info)
{
    json_builder_set_member_name(json, "presence");
    if (!info->known) {
        json_builder_add_null_value(json);
        return;
    }
    json_builder_begin_object(json);
    vigil_json_add_string(json, "state", vigil_camera_presence_to_string(info->presence));
    vigil_json_add_time(json, "since", info->since_us);
    if (info->until_us)
        vigil_json_add_time(json, "until", info->until_us);
    if (info->reason)
        vigil_json_add_string(json, "reason", info->reason);
    json_builder_end_object(json);
}

static void
add_frames(JsonBuilder *json, const VigilWhy *self)
{
    json_builder_set_member_name(json, "frames");
    json_builder_begin_object(json);
    for (guint i = 0; i < VIGIL_N_OUTCOME_COUNTS; i++) {
        json_builder_set_member_name(json, vigil_outcome_to_string(i));
        json_builder_add_int_value(json, (gint64)self->outcomes[i]);
    }
    json_builder_end_object(json);
}

static void
add_event(JsonBuilder *json, const VigilWhyEvent *event)
{
    json_builder_begin_object(json);
    vigil_json_add_string(json, "id", event->id);
    vigil_json_add_string(json, "rule", event->rule);
    vigil_json_add_string(json, "label", event->label);
    vigil_json_add_number(json, "score", (gdouble)event->score);
    vigil_json_add_time(json, "start", event->start_wall_us);
    vigil_json_add_time(json, "end", event->end_wall_us);
    vigil_json_add_string(json, "clip", event->clip);
    json_builder_end_object(json);
}

gchar *
vigil_why_to_json(const VigilWhy *self)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(json);
    vigil_json_add_string(json, "camera", self->camera);
    vigil_json_add_time(json, "time", self->at_us);
    vigil_json_add_string(json, "reason", self->reason);
    vigil_json_add_string(json, "sentence", self->sentence);
    add_presence(json, &self->presence);
    add_frames(json, self);
    json_builder_set_member_name(json, "events");
    json_builder_begin_array(json);
    for (guint i = 0; i < self->events->len; i++)
        add_event(json, &g_array_index(self->events, VigilWhyEvent, i));
    json_builder_end_array(json);
    json_builder_set_member_name(json, "decisions");
    json_builder_begin_array(json);
    for (guint i = 0; i < self->decisions->len; i++)
        vigil_decision_add_json(&g_array_index(self->decisions, VigilDecision, i), json, FALSE);
    json_builder_end_array(json);
    json_builder_end_object(json);
    root = json_builder_get_root(json);
    return json_to_string(root, FALSE);
}
