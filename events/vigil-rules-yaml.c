/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as people write them. What a rule means is in vigil-event-filter.c. */
#include "events/vigil-rules-yaml-private.h"

#include "events/vigil-yaml-private.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MAX_NAME 64 /* characters: names become file names, ids and metric labels */

static const gchar *const root_keys[] = {"zones", "lines", "rules", NULL};
static const gchar *const rule_keys[] = {
    "name",     "kind",     "classes",      "zones",      "line",  "direction", "min_score",
    "min_size", "max_size", "min_aspect",   "max_aspect", "count", "when",      "dwell",
    "takt",     "cooldown", "cooldown_per", "end_after",  "merge", "on",        "schedule",
    "record",   NULL};
static const gchar *const kinds[] = {"object", "missing", "takt",
                                     "left",   "removed", NULL}; /* as VigilRuleKind */
static const gchar *const record_keys[] = {"pre", "post", NULL};
static const gchar *const directions[] = {"any", "in", "out", NULL};       /* as VigilDirection */
static const gchar *const messages[] = {"begin", "update", "end", NULL};   /* as VigilEventType */
static const gchar *const cooldowns[] = {"rule", "track", "camera", NULL}; /* as VigilCooldownPer */

gboolean
vigil_rules_check_name(const VigilYaml *node, const gchar *name, const gchar *what, GError **error)
{
    glong length = g_utf8_strlen(name, -1);

    if (length < 1 || length > MAX_NAME)
        return vigil_yaml_set_error(node, error,
                                    "the name of a %s has 1 to %d characters, this has %ld", what,
                                    MAX_NAME, length);
    for (const gchar *p = name; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return vigil_yaml_set_error(
                node, error, "the name of a %s has no control characters, this has U+%04X", what,
                g_utf8_get_char(p));
    return TRUE;
}

gboolean
vigil_rules_check_count(const VigilYaml *node, guint max, const gchar *what, GError **error)
{
    if (vigil_yaml_get_n(node) <= max)
        return TRUE;
    return vigil_yaml_set_error(node, error, "at most %u %s, these are %u", max, what,
                                vigil_yaml_get_n(node));
}

gboolean
vigil_rules_read_names(const VigilYaml *node, guint max, const gchar *what, const gchar ***names,
                       GError **error)
{
    const guint n = vigil_yaml_get_n(node);

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || n == 0)
        return vigil_yaml_set_wrong_kind(node, error,
                                         "a list of at least one name, for instance [person]");
    if (!vigil_rules_check_count(node, max, what, error))
        return FALSE;
    *names = g_new0(const gchar *, n + 1);
    for (guint i = 0; i < n; i++) {
        const VigilYaml *item = vigil_yaml_get_item(node, i);
        const gchar *name;

        if (!vigil_yaml_read_string(item, &name, error))
            return FALSE;
        if (g_strv_contains((const gchar *const *)*names, name))
            return vigil_yaml_set_error(item, error, "\"%s\" is in this list twice", name);
        (*names)[i] = g_intern_string(name);
    }
    return TRUE;
}

/* One of the words, as its number. */
static gboolean
read_word(const VigilYaml *node, const gchar *const *words, const gchar *wanted, guint *number,
          GError **error)
{
    const gchar *text;

    if (!vigil_yaml_read_string(node, &text, error))
        return FALSE;
    for (guint i = 0; words[i]; i++) {
        if (g_str_equal(text, words[i])) {
            *number = i;
            return TRUE;
        }
    }
    return vigil_yaml_set_wrong_kind(node, error, wanted);
}

static gboolean
read_direction(const VigilYaml *node, gboolean has_line, VigilRule *rule, GError **error)
{
    guint number;

    if (!has_line)
        return vigil_yaml_set_error(node, error,
                                    "a direction goes with a line, and this rule has none");
    if (!read_word(node, directions, "in, out or any", &number, error))
        return FALSE;
    rule->direction = (VigilDirection)number;
    return TRUE;
}

static gboolean
read_on(const VigilYaml *node, VigilRule *rule, GError **error)
{
    guint reported = 0;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(node) == 0)
        return vigil_yaml_set_wrong_kind(node, error,
                                         "a list of messages, for instance [begin, end]");
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        const VigilYaml *item = vigil_yaml_get_item(node, i);
        guint type;

        if (!read_word(item, messages, "begin, update or end", &type, error))
            return FALSE;
        if (reported >> type & 1)
            return vigil_yaml_set_error(item, error, "\"%s\" is in this list twice",
                                        messages[type]);
        reported |= 1u << type;
    }
    rule->unreported = ~reported & ((1u << (VIGIL_EVENT_END + 1)) - 1);
    return TRUE;
}

static gboolean
read_cooldown_per(const VigilYaml *rule_node, VigilRule *rule, GError **error)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, "cooldown_per");
    guint number;

    if (!node)
        return TRUE;
    if (!vigil_yaml_get(rule_node, "cooldown"))
        return vigil_yaml_set_error(node, error,
                                    "cooldown_per goes with a cooldown, and this rule has none");
    if (!read_word(node, cooldowns, "rule, track or camera", &number, error))
        return FALSE;
    rule->cooldown_per = (VigilCooldownPer)number;
    return TRUE;
}

static gboolean
read_time(const VigilYaml *rule_node, const gchar *key, gint64 max_ns, gint64 *value,
          GError **error)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, key);

    return !node || vigil_yaml_read_duration(node, 0, max_ns, value, error);
}

static gboolean
read_record(const VigilYaml *node, VigilRule *rule, GError **error)
{
    GError *keys = NULL, *pre = NULL, *post = NULL;
    gboolean ok;

    if (vigil_yaml_get_kind(node) == VIGIL_YAML_SCALAR)
        return vigil_yaml_read_bool(node, &rule->record, error);
    vigil_yaml_check_keys(node, record_keys, &keys);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_keep(error, keys);
    read_time(node, "pre", 300 * SECOND, &rule->pre_ns, &pre);
    read_time(node, "post", 3600 * SECOND, &rule->post_ns, &post);
    ok = vigil_yaml_keep(error, keys);
    ok &= vigil_yaml_keep(error, pre);
    ok &= vigil_yaml_keep(error, post);
    return ok;
}

static gboolean
read_numbers(const VigilYaml *node, VigilRule *rule, GError **error)
{
    GError *mistakes[6] = {NULL};
    VigilObjectFilter filter = vigil_rule_get_filter(rule);
    gboolean ok = TRUE;

    vigil_rules_read_limits(node, &filter, &mistakes[0]);
    rule->min_score = filter.min_score;
    rule->min_size = filter.min_size;
    rule->max_size = filter.max_size;
    rule->min_aspect = filter.min_aspect;
    rule->max_aspect = filter.max_aspect;
    read_time(node, "dwell", 86400 * SECOND, &rule->dwell_ns, &mistakes[1]);
    read_time(node, "cooldown", 7 * 86400 * SECOND, &rule->cooldown_ns, &mistakes[2]);
    read_cooldown_per(node, rule, &mistakes[3]);
    read_time(node, "end_after", 3600 * SECOND, &rule->end_after_ns, &mistakes[4]);
    read_time(node, "merge", 3600 * SECOND, &rule->merge_ns, &mistakes[5]);
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        ok &= vigil_yaml_keep(error, mistakes[i]);
    return ok;
}

static gboolean
read_rule_name(const VigilRules *self, const VigilYaml *rule_node, guint index, VigilRule *rule,
               GError **error)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, "name");
    const gchar *name;

    if (!node)
        return vigil_yaml_set_error(rule_node, error, "a rule needs a name");
    if (!vigil_yaml_read_string(node, &name, error) ||
        !vigil_rules_check_name(node, name, "rule", error))
        return FALSE;
    for (guint i = 0; i < index; i++)
        if (g_strcmp0(g_array_index(self->rules, VigilRule, i).name, name) == 0)
            return vigil_yaml_set_error(
                node, error, "a rule named \"%s\" is there already (rules[%u])", name, i);
    rule->name = g_intern_string(name);
    return TRUE;
}

/* An event of all objects together has no object that could cross a line or wait. */
static gboolean
check_scene(const VigilYaml *node, const gchar *what, GError **error)
{
    const VigilYaml *line = vigil_yaml_get(node, "line");
    const VigilYaml *per = vigil_yaml_get(node, "cooldown_per");
    const VigilYaml *merge = vigil_yaml_get(node, "merge");
    const gchar *text;

    if (merge)
        return vigil_yaml_set_error(merge, error,
                                    "one object comes back after another, and %s is of all", what);
    if (line)
        return vigil_yaml_set_error(line, error,
                                    "a line is crossed by one object, and %s is of all", what);
    if (per && vigil_yaml_read_string(per, &text, NULL) && g_str_equal(text, "track"))
        return vigil_yaml_set_error(per, error,
                                    "wants rule or camera with %s, which is of no one track", what);
    return TRUE;
}

/* @key must be there, or must not. */
static gboolean
check_with_kind(const VigilYaml *node, const gchar *kind, const gchar *key, gboolean wanted,
                GError **error)
{
    const VigilYaml *value = vigil_yaml_get(node, key);

    if (!value && wanted)
        return vigil_yaml_set_error(node, error, "a rule of kind %s needs %s", kind, key);
    if (value && !wanted)
        return vigil_yaml_set_error(value, error, "a rule of kind %s has no %s", kind, key);
    return TRUE;
}

static gboolean
read_missing(const VigilYaml *node, VigilRule *rule, GError **error)
{
    rule->count = (VigilCount){.given = TRUE};
    return check_with_kind(node, "missing", "classes", TRUE, error) &&
           check_with_kind(node, "missing", "zones", TRUE, error) &&
           check_with_kind(node, "missing", "count", FALSE, error) &&
           check_with_kind(node, "missing", "takt", FALSE, error) &&
           check_scene(node, "what is missing", error);
}

static gboolean
read_takt(const VigilYaml *node, VigilRule *rule, GError **error)
{
    return check_with_kind(node, "takt", "takt", TRUE, error) &&
           check_with_kind(node, "takt", "zones", TRUE, error) &&
           check_with_kind(node, "takt", "count", FALSE, error) &&
           check_with_kind(node, "takt", "dwell", FALSE, error) &&
           vigil_yaml_read_duration(vigil_yaml_get(node, "takt"), SECOND, 86400 * SECOND,
                                    &rule->dwell_ns, error);
}

/* Less than the shortest dwell does not tell who stands from who walks. */
static gboolean
read_still(const VigilYaml *node, const gchar *kind, GError **error)
{
    gint64 dwell_ns;

    return check_with_kind(node, kind, "dwell", TRUE, error) &&
           check_with_kind(node, kind, "count", FALSE, error) &&
           check_with_kind(node, kind, "line", FALSE, error) &&
           check_with_kind(node, kind, "takt", FALSE, error) &&
           vigil_yaml_read_duration(vigil_yaml_get(node, "dwell"), 3 * SECOND, 86400 * SECOND,
                                    &dwell_ns, error);
}

/* After the other conditions, some of which it stands for. */
static gboolean
read_kind(const VigilYaml *rule_node, VigilRule *rule, GError **error)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, "kind");
    guint number = VIGIL_RULE_OBJECT;

    if (node && !read_word(node, kinds, "object, left, removed, missing or takt", &number, error))
        return FALSE;
    rule->kind = (VigilRuleKind)number;
    if (rule->kind == VIGIL_RULE_MISSING)
        return read_missing(rule_node, rule, error);
    if (rule->kind == VIGIL_RULE_LEFT || rule->kind == VIGIL_RULE_REMOVED)
        return read_still(rule_node, kinds[number], error);
    if (rule->kind == VIGIL_RULE_TAKT)
        return read_takt(rule_node, rule, error);
    if (vigil_yaml_get(rule_node, "takt"))
        return vigil_yaml_set_error(vigil_yaml_get(rule_node, "takt"), error,
                                    "a takt goes with `kind: takt`");
    return !vigil_yaml_get(rule_node, "count") || check_scene(rule_node, "a count", error);
}

/* What else a rule is made of than its name and its numbers. */
static gboolean
read_conditions(const VigilRulesContext *context, const VigilYaml *node, VigilRule *rule,
                GError **error)
{
    const VigilRules *self = context->rules;
    const VigilYaml *classes = vigil_yaml_get(node, "classes");
    const VigilYaml *zones = vigil_yaml_get(node, "zones");
    const VigilYaml *line = vigil_yaml_get(node, "line");
    const VigilYaml *direction = vigil_yaml_get(node, "direction");
    const VigilYaml *schedule = vigil_yaml_get(node, "schedule");
    const VigilYaml *record = vigil_yaml_get(node, "record");
    const VigilYaml *count = vigil_yaml_get(node, "count");
    const VigilYaml *when = vigil_yaml_get(node, "when");
    const VigilYaml *on = vigil_yaml_get(node, "on");
    GError *mistakes[10] = {NULL};
    gboolean ok = TRUE;

    rule->classes_line = classes ? vigil_yaml_get_line(classes) : 0;
    if (classes)
        vigil_rules_read_names(classes, VIGIL_CLASSES_MAX, "classes", &rule->classes, &mistakes[0]);
    if (zones)
        vigil_rules_read_zone_names(self, zones, &rule->zones, &mistakes[1]);
    if (line)
        vigil_rules_read_line_name(self, line, &rule->line, &mistakes[2]);
    if (direction)
        read_direction(direction, line != NULL, rule, &mistakes[3]);
    if (schedule)
        rule->schedule = vigil_schedule_from_yaml(schedule, &mistakes[4]);
    if (record)
        read_record(record, rule, &mistakes[5]);
    if (count)
        vigil_rules_read_count(count, &rule->count, &mistakes[6]);
    if (when)
        rule->when = vigil_rules_read_when(context, when, &mistakes[7]);
    read_kind(node, rule, &mistakes[8]);
    if (on)
        read_on(on, rule, &mistakes[9]);
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        ok &= vigil_yaml_keep(error, mistakes[i]);
    return ok;
}

static gboolean
read_rule(const VigilRulesContext *context, const VigilYaml *node, VigilRule *rule, GError **error)
{
    GError *keys = NULL, *name = NULL, *conditions = NULL, *numbers = NULL;
    gboolean ok;

    *rule = vigil_rule_defaults();
    vigil_yaml_check_keys(node, rule_keys, &keys);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_keep(error, keys);
    read_rule_name(context->rules, node, context->rule_index, rule, &name);
    read_conditions(context, node, rule, &conditions);
    read_numbers(node, rule, &numbers);
    ok = vigil_yaml_keep(error, keys);
    ok &= vigil_yaml_keep(error, name);
    ok &= vigil_yaml_keep(error, conditions);
    ok &= vigil_yaml_keep(error, numbers);
    return ok;
}

static gboolean
read_rules(VigilRules *self, const VigilYaml *node, GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_wrong_kind(node, error, "a list of rules (- name: ...)");
    if (!vigil_rules_check_count(node, VIGIL_RULES_MAX, "rules", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        const VigilRulesContext context = {self, node, i};
        GError *one = NULL;

        g_array_set_size(self->rules, i + 1);
        read_rule(&context, vigil_yaml_get_item(node, i), &g_array_index(self->rules, VigilRule, i),
                  &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

VigilRules *
vigil_rules_from_yaml(const VigilYaml *node, GError **error)
{
    g_autoptr(VigilRules) self = vigil_rules_new();
    const VigilYaml *zones, *lines, *rules;
    GError *in_zones = NULL, *in_lines = NULL, *in_rules = NULL;
    gboolean ok;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING) {
        vigil_yaml_set_wrong_kind(node, error, "a mapping with the keys zones, lines and rules");
        return NULL;
    }
    zones = vigil_yaml_get(node, "zones");
    lines = vigil_yaml_get(node, "lines");
    rules = vigil_yaml_get(node, "rules");
    if (zones)
        vigil_rules_read_zones(self, zones, &in_zones);
    if (lines)
        vigil_rules_read_lines(self, lines, &in_lines);
    if (rules)
        read_rules(self, rules, &in_rules);
    ok = vigil_yaml_keep(error, in_zones);
    ok &= vigil_yaml_keep(error, in_lines);
    ok &= vigil_yaml_keep(error, in_rules);
    return ok ? g_steal_pointer(&self) : NULL;
}

VigilRules *
vigil_rules_load(const gchar *path, GError **error)
{
    g_autoptr(VigilYaml) root = vigil_yaml_load(path, error);

    if (!root || !vigil_yaml_check_keys(root, root_keys, error))
        return NULL;
    return vigil_rules_from_yaml(root, error);
}
