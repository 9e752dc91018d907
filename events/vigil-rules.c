/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-rules.h"

#include <string.h>

#define SECOND G_GINT64_CONSTANT(1000000000)

static void
zone_clear(gpointer data)
{
    VigilZone *zone = data;

    g_free(zone->points);
    vigil_object_filter_free(zone->filter);
}

static void
rule_clear(gpointer data)
{
    VigilRule *rule = data;

    g_free(rule->classes); /* the names are interned */
    g_free(rule->zones);
    g_clear_pointer(&rule->when, g_array_unref);
    vigil_schedule_unref(rule->schedule);
}

VigilRules *
vigil_rules_new(void)
{
    VigilRules *self = g_new0(VigilRules, 1);

    self->zones = g_array_new(FALSE, TRUE, sizeof(VigilZone));
    g_array_set_clear_func(self->zones, zone_clear);
    self->lines = g_array_new(FALSE, TRUE, sizeof(VigilLine));
    self->rules = g_array_new(FALSE, TRUE, sizeof(VigilRule));
    g_array_set_clear_func(self->rules, rule_clear);
    return self;
}

void
vigil_rules_free(VigilRules *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->zones, g_array_unref);
    g_clear_pointer(&self->lines, g_array_unref);
    g_clear_pointer(&self->rules, g_array_unref);
    g_free(self);
}

VigilRules *
vigil_rules_copy(const VigilRules *self)
{
    VigilRules *copy = vigil_rules_new();

    g_array_append_vals(copy->zones, self->zones->data, self->zones->len);
    for (guint i = 0; i < copy->zones->len; i++) {
        VigilZone *zone = &g_array_index(copy->zones, VigilZone, i);

        zone->points = g_memdup2(zone->points, zone->n_points * sizeof *zone->points);
        zone->filter = vigil_object_filter_copy(zone->filter);
    }
    g_array_append_vals(copy->lines, self->lines->data, self->lines->len);
    g_array_append_vals(copy->rules, self->rules->data, self->rules->len);
    for (guint i = 0; i < copy->rules->len; i++) {
        VigilRule *rule = &g_array_index(copy->rules, VigilRule, i);

        rule->classes = vigil_names_copy(rule->classes);
        rule->zones = vigil_names_copy(rule->zones);
        rule->when = vigil_conditions_copy(rule->when);
        vigil_schedule_ref(rule->schedule);
    }
    return copy;
}

/* The plugin and the program that loads it both contain this file: whoever comes second uses the type of the first. */
GType
vigil_rules_get_type(void)
{
    static gsize type = 0;

    if (g_once_init_enter(&type)) {
        GType found = g_type_from_name("VigilRules");

        if (!found)
            found = g_boxed_type_register_static("VigilRules", (GBoxedCopyFunc)vigil_rules_copy,
                                                 (GBoxedFreeFunc)vigil_rules_free);
        g_once_init_leave(&type, found);
    }
    return type;
}

VigilRule
vigil_rule_defaults(void)
{
    return (VigilRule){.min_score = 0.5f,
                       .max_size = 1.0f,
                       .max_aspect = G_MAXFLOAT,
                       .end_after_ns = 3 * SECOND,
                       .record = TRUE,
                       .pre_ns = 5 * SECOND,
                       .post_ns = 10 * SECOND};
}

VigilObjectFilter
vigil_rule_get_filter(const VigilRule *rule)
{
    return (VigilObjectFilter){.classes = rule->classes,
                               .zones = rule->zones,
                               .classes_line = rule->classes_line,
                               .min_score = rule->min_score,
                               .min_size = rule->min_size,
                               .max_size = rule->max_size,
                               .min_aspect = rule->min_aspect,
                               .max_aspect = rule->max_aspect};
}

static gboolean
rule_equal(const VigilRule *a, const VigilRule *b)
{
    const VigilObjectFilter one = vigil_rule_get_filter(a), other = vigil_rule_get_filter(b);

    return a->name == b->name && vigil_object_filter_equal(&one, &other) && a->line == b->line &&
           a->kind == b->kind && a->unreported == b->unreported && a->merge_ns == b->merge_ns &&
           vigil_count_equal(&a->count, &b->count) && vigil_conditions_equal(a->when, b->when) &&
           a->direction == b->direction && a->dwell_ns == b->dwell_ns &&
           a->cooldown_ns == b->cooldown_ns && a->cooldown_per == b->cooldown_per &&
           a->end_after_ns == b->end_after_ns && vigil_schedule_equal(a->schedule, b->schedule) &&
           a->record == b->record && a->pre_ns == b->pre_ns && a->post_ns == b->post_ns;
}

static gboolean
zone_equal(const VigilZone *a, const VigilZone *b)
{
    return a->name == b->name && a->n_points == b->n_points &&
           memcmp(a->points, b->points, a->n_points * sizeof *a->points) == 0 &&
           vigil_object_filter_equal(a->filter, b->filter);
}

static gboolean
line_equal(const VigilLine *a, const VigilLine *b)
{
    return a->name == b->name && memcmp(&a->a, &b->a, sizeof a->a) == 0 &&
           memcmp(&a->b, &b->b, sizeof a->b) == 0;
}

gboolean
vigil_rules_equal(const VigilRules *a, const VigilRules *b)
{
    if (a->zones->len != b->zones->len || a->lines->len != b->lines->len ||
        a->rules->len != b->rules->len)
        return FALSE;
    for (guint i = 0; i < a->zones->len; i++)
        if (!zone_equal(&g_array_index(a->zones, VigilZone, i),
                        &g_array_index(b->zones, VigilZone, i)))
            return FALSE;
    for (guint i = 0; i < a->lines->len; i++)
        if (!line_equal(&g_array_index(a->lines, VigilLine, i),
                        &g_array_index(b->lines, VigilLine, i)))
            return FALSE;
    for (guint i = 0; i < a->rules->len; i++)
        if (!rule_equal(&g_array_index(a->rules, VigilRule, i),
                        &g_array_index(b->rules, VigilRule, i)))
            return FALSE;
    return TRUE;
}

/* A rule needs its dwell until it fires; what is removed is known to be so only some time after its event. */
static gint64
reach_of(const VigilRule *rule)
{
    return rule->pre_ns +
           MAX(rule->kind == VIGIL_RULE_REMOVED ? rule->end_after_ns : rule->dwell_ns, SECOND);
}

gint64
vigil_rules_get_reach(const VigilRules *self)
{
    gint64 reach_ns = 0;

    for (guint i = 0; i < self->rules->len; i++) {
        const VigilRule *rule = &g_array_index(self->rules, VigilRule, i);

        if (rule->record)
            reach_ns = MAX(reach_ns, reach_of(rule));
    }
    return reach_ns;
}
