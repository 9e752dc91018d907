/* SPDX-License-Identifier: Apache-2.0 */
/* What each rule makes of each object, told when the object goes, when an event begins, and once a minute. */
#include "events/vigil-event-filter-private.h"

#include <math.h>
#include <string.h>

/* An object that stays is told about in parts, so that a reason is found near the time that it held. */
#define MAX_SPAN_NS G_GINT64_CONSTANT(60000000000)
/* Faint detections come and go, and so do those who are counted. */
#define GAP_NS G_GINT64_CONSTANT(5000000000)

void
vigil_event_filter_set_decision_func(VigilEventFilter *self, VigilDecisionFunc func,
                                     gpointer user_data)
{
    self->decision_func = func;
    self->decision_data = user_data;
    g_clear_pointer(&self->notes, g_free);
    if (func)
        self->notes =
            g_new0(VigilFilterNote, G_N_ELEMENTS(self->objects) * self->rules->rules->len);
}

static VigilFilterNote *
note_of(const VigilEventFilter *self, guint rule, guint object)
{
    return &self->notes[object * self->rules->rules->len + rule];
}

static const gchar *
join(const gchar **names)
{
    g_autofree gchar *text = names ? g_strjoinv(", ", (gchar **)names) : NULL;

    return text ? g_intern_string(text) : NULL;
}

static const gchar *
wanted_line(const VigilRule *rule)
{
    static const gchar *const ways[] = {"", ":in", ":out"};
    g_autofree gchar *text = g_strconcat(rule->line, ways[rule->direction], NULL);

    return g_intern_string(text);
}

static const gchar *
wanted(const VigilRule *rule, VigilReason reason)
{
    switch (reason) {
    case VIGIL_REASON_CLASS: return join(rule->classes);
    case VIGIL_REASON_ZONE: return join(rule->zones);
    case VIGIL_REASON_LINE:
    case VIGIL_REASON_DIRECTION: return rule->line ? wanted_line(rule) : NULL;
    default: return NULL;
    }
}

static void
tell(const VigilEventFilter *self, guint rule_index, guint object_index,
     const VigilFilterNote *note, const gchar *event_id)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    const VigilFilterObject *object = &self->objects[object_index];
    VigilDecision decision = {.camera = self->camera,
                              .rule = rule->name,
                              .label = object->label,
                              .track_id = object->track_id,
                              .start_ns = note->start_ns,
                              .end_ns = note->last_ns,
                              .reason = note->verdict.reason,
                              .value = note->verdict.value,
                              .limit = note->verdict.limit,
                              .wanted = wanted(rule, note->verdict.reason)};

    decision.start_wall_us = self->options.wall_base_us + decision.start_ns / 1000;
    decision.end_wall_us = self->options.wall_base_us + decision.end_ns / 1000;
    if (event_id)
        g_strlcpy(decision.event_id, event_id, sizeof decision.event_id);
    self->decision_func(&decision, self->decision_data);
}

/* Whether @a is at least as far, or as near to what the rule wants, as @b. */
static gboolean
is_further(const VigilFilterVerdict *a, const VigilFilterVerdict *b)
{
    if (a->step != b->step)
        return a->step > b->step;
    if (a->reason != b->reason)
        return a->reason > b->reason;
    if (a->reason == VIGIL_REASON_COOLDOWN) /* what was left in the end */
        return TRUE;
    return fabsf(a->limit - a->value) <= fabsf(b->limit - b->value);
}

/* Since when the object has met the rule's conditions, cooldown or not. */
static gint64
time_met(const VigilEventFilter *self, const VigilRule *rule, VigilFilterNote *note)
{
    if (!note->met || self->time_ns - note->met_last_ns > rule->end_after_ns)
        note->met_since_ns = self->time_ns;
    note->met = TRUE;
    note->met_last_ns = self->time_ns;
    return self->time_ns - note->met_since_ns;
}

void
vigil_filter_note(VigilEventFilter *self, guint rule_index, guint object_index,
                  const VigilFilterVerdict *given)
{
    const VigilRule *rule = vigil_filter_rule(self, rule_index);
    VigilFilterVerdict verdict = *given;
    VigilFilterNote *note;

    if (!self->notes)
        return;
    note = note_of(self, rule_index, object_index);
    if (verdict.step > VIGIL_STEP_CONDITIONS) {
        const gint64 met_ns = time_met(self, rule, note);

        /* it would not have stayed for long enough without the cooldown either */
        if (verdict.reason == VIGIL_REASON_COOLDOWN && met_ns < rule->dwell_ns && !rule->line)
            verdict = (VigilFilterVerdict){verdict.step, VIGIL_REASON_DWELL, (gfloat)met_ns / 1e9f,
                                           (gfloat)rule->dwell_ns / 1e9f};
    }
    if (note->used && self->time_ns - note->start_ns >= MAX_SPAN_NS) {
        tell(self, rule_index, object_index, note, NULL);
        note->used = FALSE;
    }
    if (!note->used) {
        note->used = TRUE;
        note->start_ns = self->time_ns;
        note->verdict = verdict;
    } else if (is_further(&verdict, &note->verdict)) {
        note->verdict = verdict;
    }
    note->last_ns = self->time_ns;
}

void
vigil_filter_note_fired(VigilEventFilter *self, const VigilFilterStay *stay)
{
    const VigilFilterNote fired = {
        .start_ns = stay->start_ns,
        .last_ns = self->time_ns,
        .verdict = {VIGIL_STEP_EVENT, VIGIL_REASON_FIRED,
                    vigil_median_get(&self->objects[stay->object].scores),
                    vigil_filter_rule(self, stay->rule)->min_score}};

    if (!self->notes)
        return;
    memset(note_of(self, stay->rule, stay->object), 0, sizeof(VigilFilterNote));
    tell(self, stay->rule, stay->object, &fired, stay->id);
}

void
vigil_filter_notes_end(VigilEventFilter *self, guint object)
{
    if (!self->notes)
        return;
    for (guint rule = 0; rule < self->rules->rules->len; rule++) {
        VigilFilterNote *note = note_of(self, rule, object);

        if (note->used)
            tell(self, rule, object, note, NULL);
        memset(note, 0, sizeof *note);
    }
}

void
vigil_filter_scene_notes_update(VigilEventFilter *self)
{
    for (guint rule = 0; self->notes && rule < self->rules->rules->len; rule++) {
        const guint object = vigil_filter_scene_object(rule);
        VigilFilterNote *note = note_of(self, rule, object);

        if (!note->used || self->time_ns - note->last_ns < GAP_NS)
            continue;
        tell(self, rule, object, note, NULL);
        note->used = FALSE;
    }
}

/* --- what no rule was asked about ---------------------------------------------------------------------------- */

static gboolean
is_wanted(const VigilEventFilter *self, const gchar *label)
{
    for (guint i = 0; i < self->rules->rules->len; i++) {
        const VigilRule *rule = vigil_filter_rule(self, i);

        if (!rule->classes || g_strv_contains(rule->classes, label))
            return TRUE;
    }
    return FALSE;
}

/* (nullable): that of the class, or a free one */
static VigilFilterFaint *
find_faint(VigilEventFilter *self, const gchar *label)
{
    VigilFilterFaint *place = NULL;

    for (guint i = 0; i < VIGIL_FILTER_MAX_FAINT; i++) {
        if (self->faints[i].used && g_str_equal(self->faints[i].label, label))
            return &self->faints[i];
        if (!self->faints[i].used)
            place = &self->faints[i];
    }
    return place;
}

void
vigil_event_filter_see_faint(VigilEventFilter *self, const gchar *label, gfloat score)
{
    VigilFilterFaint *faint;

    if (!self->notes || !label || !is_wanted(self, label) || !(faint = find_faint(self, label)))
        return;
    if (!faint->used)
        *faint = (VigilFilterFaint){.used = TRUE, .label = label, .start_ns = self->time_ns};
    faint->score = MAX(faint->score, score);
    faint->last_ns = self->time_ns;
}

static void
tell_faint(const VigilEventFilter *self, const VigilFilterFaint *faint)
{
    const VigilDecision decision = {
        .camera = self->camera,
        .rule = g_intern_static_string(""),
        .label = faint->label,
        .start_ns = faint->start_ns,
        .end_ns = faint->last_ns,
        .start_wall_us = self->options.wall_base_us + faint->start_ns / 1000,
        .end_wall_us = self->options.wall_base_us + faint->last_ns / 1000,
        .reason = VIGIL_REASON_FAINT,
        .value = faint->score};

    self->decision_func(&decision, self->decision_data);
}

static gboolean
is_followed(const VigilEventFilter *self, const gchar *label)
{
    for (guint i = 0; i < VIGIL_EVENT_FILTER_MAX_OBJECTS; i++)
        if (self->objects[i].used && self->objects[i].observed &&
            g_strcmp0(self->objects[i].label, label) == 0)
            return TRUE;
    return FALSE;
}

void
vigil_filter_faints_update(VigilEventFilter *self, gboolean all)
{
    for (guint i = 0; self->notes && i < VIGIL_FILTER_MAX_FAINT; i++) {
        VigilFilterFaint *faint = &self->faints[i];

        if (!faint->used)
            continue;
        faint->followed = faint->followed || is_followed(self, faint->label);
        if (!all && self->time_ns - faint->last_ns < GAP_NS &&
            self->time_ns - faint->start_ns < MAX_SPAN_NS)
            continue;
        if (!faint->followed)
            tell_faint(self, faint);
        faint->used = FALSE;
    }
}
