/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of objects, and conditions that are put together by all, any and not. */
#include "events/vigil-rules-yaml-private.h"

#include "events/vigil-suggest.h"
#include "events/vigil-yaml-private.h"

#define MAX_COUNT 256 /* as many objects are remembered at once */

static const gchar *const count_keys[] = {"at_least", "at_most", "exactly", "differs_from", NULL};
static const gchar *const leaf_keys[] = {
    "all",       "any",      "not",      "rule_active", "schedule",   "classes", "zones",
    "min_score", "min_size", "max_size", "min_aspect",  "max_aspect", "count",   NULL};
/* Each of these is all there is in its mapping; as VigilConditionKind where there is one. */
static const gchar *const lone_keys[] = {"all", "any", "not", "rule_active", "schedule", NULL};

static gboolean
read_number_of(const VigilYaml *mapping, const gchar *key, guint *number, gboolean *given,
               GError **error)
{
    const VigilYaml *node = vigil_yaml_get(mapping, key);
    gint64 value;

    if (!node)
        return TRUE;
    *given = TRUE;
    if (!vigil_yaml_read_int(node, 0, MAX_COUNT, &value, error))
        return FALSE;
    *number = (guint)value;
    return TRUE;
}

gboolean
vigil_rules_read_count(const VigilYaml *node, VigilCount *count, GError **error)
{
    gboolean given[4] = {FALSE};
    guint numbers[4] = {0, G_MAXUINT, 0, 0};

    *count = (VigilCount){.given = TRUE, .max = G_MAXUINT};
    if (!vigil_yaml_check_keys(node, count_keys, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (!read_number_of(node, count_keys[i], &numbers[i], &given[i], error))
            return FALSE;
    if (given[0] + given[1] + given[2] + given[3] == 0 ||
        ((given[2] || given[3]) && vigil_yaml_get_n(node) > 1))
        return vigil_yaml_set_error(
            node, error,
            "a count has at_least or at_most or both, or exactly, or differs_from alone");
    if (numbers[0] > numbers[1])
        return vigil_yaml_set_error(node, error,
                                    "at_least is above at_most, so that no number fits");
    if (given[0] && numbers[0] == 0 && !given[1])
        return vigil_yaml_set_error(node, error, "at_least 0 always holds");
    count->min = given[2] ? numbers[2] : given[3] ? numbers[3] : numbers[0];
    count->max = given[2] ? numbers[2] : given[3] ? numbers[3] : numbers[1];
    count->differs = given[3];
    return TRUE;
}

static gboolean read_node(const VigilRulesContext *context, const VigilYaml *node, GArray *when,
                          guint depth, GError **error);

static VigilCondition *
condition_at(GArray *when, guint index)
{
    return &g_array_index(when, VigilCondition, index);
}

static gboolean
read_children(const VigilRulesContext *context, const VigilYaml *list, GArray *when, guint depth,
              GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(list) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(list) == 0)
        return vigil_yaml_set_wrong_kind(list, error, "a list of at least one condition");
    for (guint i = 0; i < vigil_yaml_get_n(list) && when->len <= VIGIL_CONDITIONS_MAX; i++) {
        GError *one = NULL;

        read_node(context, vigil_yaml_get_item(list, i), when, depth + 1, &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

static gboolean
is_of_kind(const VigilYaml *rule_node, const gchar *kind)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, "kind");
    const gchar *text;

    return node && vigil_yaml_read_string(node, &text, NULL) && g_str_equal(text, kind);
}

static gboolean
read_rule_active(const VigilRulesContext *context, const VigilYaml *node, VigilCondition *condition,
                 GError **error)
{
    const guint n = vigil_yaml_get_n(context->rules_node);
    g_autofree const gchar **names = g_new0(const gchar *, n + 1);
    guint n_names = 0;
    const gchar *name, *nearest;

    if (!vigil_yaml_read_string(node, &name, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        const VigilYaml *item = vigil_yaml_get_item(context->rules_node, i);
        const VigilYaml *other =
            vigil_yaml_get_kind(item) == VIGIL_YAML_MAPPING ? vigil_yaml_get(item, "name") : NULL;

        if (!other || !vigil_yaml_read_string(other, &names[n_names], NULL))
            continue;
        if (!g_str_equal(names[n_names++], name))
            continue;
        if (i == context->rule_index)
            return vigil_yaml_set_error(node, error, "a rule cannot wait for itself");
        if (is_of_kind(item, "removed"))
            return vigil_yaml_set_error(node, error,
                                        "a rule of kind removed is never active: its events end "
                                        "as they begin");
        condition->rule = g_intern_string(name);
        condition->rule_index = i;
        return TRUE;
    }
    nearest = vigil_suggest(name, names);
    return vigil_yaml_set_error(node, error, "there is no rule \"%s\"%s%s%s", name,
                                nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                                nearest ? "\"?" : "");
}

static gboolean
read_lone(const VigilRulesContext *context, const VigilYaml *value, VigilConditionKind kind,
          GArray *when, guint depth, GError **error)
{
    const guint index = when->len - 1;

    condition_at(when, index)->kind = kind;
    switch (kind) {
    case VIGIL_CONDITION_NOT: return read_node(context, value, when, depth + 1, error);
    case VIGIL_CONDITION_RULE_ACTIVE:
        return read_rule_active(context, value, condition_at(when, index), error);
    case VIGIL_CONDITION_SCHEDULE:
        condition_at(when, index)->schedule = vigil_schedule_from_yaml(value, error);
        return condition_at(when, index)->schedule != NULL;
    default: return read_children(context, value, when, depth, error);
    }
}

/* What an object is like, or how many are like that. */
static gboolean
read_leaf(const VigilRulesContext *context, const VigilYaml *node, VigilCondition *condition,
          GError **error)
{
    const VigilYaml *classes = vigil_yaml_get(node, "classes");
    const VigilYaml *zones = vigil_yaml_get(node, "zones");
    const VigilYaml *count = vigil_yaml_get(node, "count");
    GError *mistakes[5] = {NULL};
    gboolean ok = TRUE;

    condition->kind = count ? VIGIL_CONDITION_COUNT : VIGIL_CONDITION_OBJECT;
    condition->filter = vigil_object_filter_new(count ? 0.5f : 0.0f);
    vigil_yaml_check_keys(node, leaf_keys, &mistakes[0]);
    condition->filter->classes_line = classes ? vigil_yaml_get_line(classes) : 0;
    if (classes)
        vigil_rules_read_names(classes, VIGIL_CLASSES_MAX, "classes", &condition->filter->classes,
                               &mistakes[1]);
    if (zones)
        vigil_rules_read_zone_names(context->rules, zones, &condition->filter->zones, &mistakes[2]);
    vigil_rules_read_limits(node, condition->filter, &mistakes[3]);
    if (count)
        vigil_rules_read_count(count, &condition->count, &mistakes[4]);
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        ok &= vigil_yaml_keep(error, mistakes[i]);
    return ok;
}

static gboolean
read_kind(const VigilRulesContext *context, const VigilYaml *node, GArray *when, guint depth,
          GError **error)
{
    static const VigilConditionKind kinds[] = {VIGIL_CONDITION_ALL, VIGIL_CONDITION_ANY,
                                               VIGIL_CONDITION_NOT, VIGIL_CONDITION_RULE_ACTIVE,
                                               VIGIL_CONDITION_SCHEDULE};

    for (guint i = 0; lone_keys[i]; i++) {
        const VigilYaml *value = vigil_yaml_get(node, lone_keys[i]);

        if (!value)
            continue;
        if (vigil_yaml_get_n(node) > 1)
            return vigil_yaml_set_error(
                value, error, "%s stands alone; put what else is to hold beside it into all: [...]",
                lone_keys[i]);
        return read_lone(context, value, kinds[i], when, depth, error);
    }
    return read_leaf(context, node, condition_at(when, when->len - 1), error);
}

static gboolean
read_node(const VigilRulesContext *context, const VigilYaml *node, GArray *when, guint depth,
          GError **error)
{
    const guint index = when->len;
    gboolean ok;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING || vigil_yaml_get_n(node) == 0)
        return vigil_yaml_set_wrong_kind(
            node, error, "a condition, for instance {classes: [person]} or {any: [...]}");
    if (depth > VIGIL_CONDITIONS_MAX_DEPTH)
        return vigil_yaml_set_error(node, error, "conditions are at most %d deep",
                                    VIGIL_CONDITIONS_MAX_DEPTH);
    if (index >= VIGIL_CONDITIONS_MAX)
        return vigil_yaml_set_error(node, error, "a rule has at most %d conditions",
                                    VIGIL_CONDITIONS_MAX);
    g_array_set_size(when, index + 1);
    ok = read_kind(context, node, when, depth, error);
    condition_at(when, index)->size = when->len - index;
    return ok;
}

GArray *
vigil_rules_read_when(const VigilRulesContext *context, const VigilYaml *node, GError **error)
{
    GArray *when = vigil_conditions_new();

    if (read_node(context, node, when, 1, error))
        return when;
    g_array_unref(when);
    return NULL;
}
