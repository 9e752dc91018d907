/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as people write them. What a rule means is in vigil-event-filter.c. */
#include "events/vigil-rules.h"

#include "events/vigil-geometry.h"
#include "events/vigil-suggest.h"
#include "events/vigil-yaml-private.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MAX_NAME 64 /* characters: names become file names, ids and metric labels */

static const gchar *const root_keys[] = {"zones", "lines", "rules", NULL};
static const gchar *const rule_keys[] = {"name",      "classes",  "zones",    "line",  "direction",
                                         "min_score", "min_size", "max_size", "dwell", "cooldown",
                                         "end_after", "schedule", "record",   NULL};
static const gchar *const record_keys[] = {"pre", "post", NULL};
static const gchar *const directions[] = {"any", "in", "out", NULL}; /* as VigilDirection */

static gboolean
check_name(const VigilYaml *node, const gchar *name, const gchar *what, GError **error)
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

static gboolean
check_count(const VigilYaml *node, guint max, const gchar *what, GError **error)
{
    if (vigil_yaml_get_n(node) <= max)
        return TRUE;
    return vigil_yaml_set_error(node, error, "at most %u %s, these are %u", max, what,
                                vigil_yaml_get_n(node));
}

static gboolean
read_point(const VigilYaml *node, VigilPoint *point, GError **error)
{
    gdouble x, y;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(node) != 2)
        return vigil_yaml_set_error(
            node, error, "a point is [x, y] in parts of the frame, for instance [0.25, 0.5]");
    if (!vigil_yaml_read_double(vigil_yaml_get_item(node, 0), 0.0, 1.0, &x, error) ||
        !vigil_yaml_read_double(vigil_yaml_get_item(node, 1), 0.0, 1.0, &y, error))
        return FALSE;
    *point = (VigilPoint){(gfloat)x, (gfloat)y};
    return TRUE;
}

gboolean
vigil_polygon_from_yaml(const VigilYaml *node, VigilPoint **points, guint *n_points, GError **error)
{
    const guint n = vigil_yaml_get_n(node);

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_wrong_kind(node, error, "a list of points [[x, y], ...]");
    if (n < 3)
        return vigil_yaml_set_error(node, error, "a polygon needs at least 3 points, this has %u",
                                    n);
    if (!check_count(node, VIGIL_ZONE_MAX_POINTS, "points in a polygon", error))
        return FALSE;
    *n_points = n;
    *points = g_new0(VigilPoint, n);
    for (guint i = 0; i < n; i++)
        if (!read_point(vigil_yaml_get_item(node, i), &(*points)[i], error))
            return FALSE;
    if (vigil_polygon_is_flat(*points, n))
        return vigil_yaml_set_error(node, error,
                                    "the points lie on one line, so that nothing can be inside");
    return TRUE;
}

static gboolean
read_zone(const VigilYaml *node, const gchar *name, VigilZone *zone, GError **error)
{
    zone->name = g_intern_string(name); /* rules may name it, whatever is wrong with it */
    return check_name(node, name, "zone", error) &&
           vigil_polygon_from_yaml(node, &zone->points, &zone->n_points, error);
}

static gboolean
read_zones(VigilRules *self, const VigilYaml *node, GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_set_wrong_kind(node, error, "a mapping of names to polygons");
    if (!check_count(node, VIGIL_ZONES_MAX, "zones", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        g_array_set_size(self->zones, i + 1);
        read_zone(vigil_yaml_get_item(node, i), vigil_yaml_get_key(node, i),
                  &g_array_index(self->zones, VigilZone, i), &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

static gboolean
read_line(const VigilYaml *node, const gchar *name, VigilLine *line, GError **error)
{
    line->name = g_intern_string(name);
    if (!check_name(node, name, "line", error))
        return FALSE;
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_wrong_kind(node, error, "two points [[x, y], [x, y]]");
    if (vigil_yaml_get_n(node) != 2)
        return vigil_yaml_set_error(node, error, "a line has 2 points, this has %u",
                                    vigil_yaml_get_n(node));
    if (!read_point(vigil_yaml_get_item(node, 0), &line->a, error) ||
        !read_point(vigil_yaml_get_item(node, 1), &line->b, error))
        return FALSE;
    if (ABS(line->a.x - line->b.x) < 1e-3f && ABS(line->a.y - line->b.y) < 1e-3f)
        return vigil_yaml_set_error(node, error,
                                    "the two points are the same, so that nothing can cross");
    return TRUE;
}

static gboolean
read_lines(VigilRules *self, const VigilYaml *node, GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_set_wrong_kind(node, error, "a mapping of names to lines");
    if (!check_count(node, VIGIL_LINES_MAX, "lines", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        g_array_set_size(self->lines, i + 1);
        read_line(vigil_yaml_get_item(node, i), vigil_yaml_get_key(node, i),
                  &g_array_index(self->lines, VigilLine, i), &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

/* Names of the zones or lines there are; both structs begin with the name. */
static gboolean
check_reference(const VigilYaml *node, const gchar *name, const GArray *there, gsize item_size,
                const gchar *what, GError **error)
{
    g_autofree const gchar **names = g_new0(const gchar *, there->len + 1);
    const gchar *nearest;

    for (guint i = 0; i < there->len; i++)
        names[i] = *(const gchar *const *)(there->data + i * item_size);
    if (g_strv_contains(names, name))
        return TRUE;
    nearest = vigil_suggest(name, names);
    if (nearest)
        return vigil_yaml_set_error(node, error, "there is no %s \"%s\"; did you mean \"%s\"?",
                                    what, name, nearest);
    return vigil_yaml_set_error(node, error, "there is no %s \"%s\" among this camera's %ss", what,
                                name, what);
}

/* A list of names, at least one, none twice. */
static gboolean
read_names(const VigilYaml *node, guint max, const gchar *what, const gchar ***names,
           GError **error)
{
    const guint n = vigil_yaml_get_n(node);

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || n == 0)
        return vigil_yaml_set_wrong_kind(node, error,
                                         "a list of at least one name, for instance [person]");
    if (!check_count(node, max, what, error))
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

static gboolean
read_rule_zones(const VigilRules *self, const VigilYaml *node, VigilRule *rule, GError **error)
{
    gboolean ok = TRUE;

    if (!read_names(node, VIGIL_ZONES_MAX, "zones", &rule->zones, error))
        return FALSE;
    for (guint i = 0; rule->zones[i]; i++) {
        GError *one = NULL;

        check_reference(vigil_yaml_get_item(node, i), rule->zones[i], self->zones,
                        sizeof(VigilZone), "zone", &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

static gboolean
read_rule_line(const VigilRules *self, const VigilYaml *node, VigilRule *rule, GError **error)
{
    const gchar *name;

    if (!vigil_yaml_read_string(node, &name, error))
        return FALSE;
    rule->line = g_intern_string(name);
    return check_reference(node, name, self->lines, sizeof(VigilLine), "line", error);
}

static gboolean
read_direction(const VigilYaml *node, gboolean has_line, VigilRule *rule, GError **error)
{
    const gchar *text;

    if (!has_line)
        return vigil_yaml_set_error(node, error,
                                    "a direction goes with a line, and this rule has none");
    if (!vigil_yaml_read_string(node, &text, error))
        return FALSE;
    for (guint i = 0; directions[i]; i++) {
        if (g_str_equal(text, directions[i])) {
            rule->direction = (VigilDirection)i;
            return TRUE;
        }
    }
    return vigil_yaml_set_wrong_kind(node, error, "in, out or any");
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
read_part(const VigilYaml *rule_node, const gchar *key, gfloat *value, GError **error)
{
    const VigilYaml *node = vigil_yaml_get(rule_node, key);
    gdouble number;

    if (!node)
        return TRUE;
    if (!vigil_yaml_read_double(node, 0.0, 1.0, &number, error))
        return FALSE;
    *value = (gfloat)number;
    return TRUE;
}

static gboolean
read_sizes(const VigilYaml *node, VigilRule *rule, GError **error)
{
    GError *min = NULL, *max = NULL;
    gboolean ok;

    read_part(node, "min_size", &rule->min_size, &min);
    read_part(node, "max_size", &rule->max_size, &max);
    ok = vigil_yaml_keep(error, min);
    ok &= vigil_yaml_keep(error, max);
    if (ok && rule->min_size > rule->max_size)
        return vigil_yaml_set_error(
            vigil_yaml_get(node, vigil_yaml_get(node, "min_size") ? "min_size" : "max_size"), error,
            "min_size is above max_size, so that nothing fits");
    return ok;
}

static gboolean
read_numbers(const VigilYaml *node, VigilRule *rule, GError **error)
{
    GError *score = NULL, *sizes = NULL, *dwell = NULL, *cooldown = NULL, *end_after = NULL;
    gboolean ok;

    read_part(node, "min_score", &rule->min_score, &score);
    read_sizes(node, rule, &sizes);
    read_time(node, "dwell", 86400 * SECOND, &rule->dwell_ns, &dwell);
    read_time(node, "cooldown", 7 * 86400 * SECOND, &rule->cooldown_ns, &cooldown);
    read_time(node, "end_after", 3600 * SECOND, &rule->end_after_ns, &end_after);
    ok = vigil_yaml_keep(error, score);
    ok &= vigil_yaml_keep(error, sizes);
    ok &= vigil_yaml_keep(error, dwell);
    ok &= vigil_yaml_keep(error, cooldown);
    ok &= vigil_yaml_keep(error, end_after);
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
    if (!vigil_yaml_read_string(node, &name, error) || !check_name(node, name, "rule", error))
        return FALSE;
    for (guint i = 0; i < index; i++)
        if (g_strcmp0(g_array_index(self->rules, VigilRule, i).name, name) == 0)
            return vigil_yaml_set_error(
                node, error, "a rule named \"%s\" is there already (rules[%u])", name, i);
    rule->name = g_intern_string(name);
    return TRUE;
}

/* What else a rule is made of than its name and its numbers. */
static gboolean
read_conditions(const VigilRules *self, const VigilYaml *node, VigilRule *rule, GError **error)
{
    const VigilYaml *classes = vigil_yaml_get(node, "classes");
    const VigilYaml *zones = vigil_yaml_get(node, "zones");
    const VigilYaml *line = vigil_yaml_get(node, "line");
    const VigilYaml *direction = vigil_yaml_get(node, "direction");
    const VigilYaml *schedule = vigil_yaml_get(node, "schedule");
    const VigilYaml *record = vigil_yaml_get(node, "record");
    GError *mistakes[6] = {NULL};
    gboolean ok = TRUE;

    rule->classes_line = classes ? vigil_yaml_get_line(classes) : 0;
    if (classes)
        read_names(classes, VIGIL_CLASSES_MAX, "classes", &rule->classes, &mistakes[0]);
    if (zones)
        read_rule_zones(self, zones, rule, &mistakes[1]);
    if (line)
        read_rule_line(self, line, rule, &mistakes[2]);
    if (direction)
        read_direction(direction, line != NULL, rule, &mistakes[3]);
    if (schedule)
        rule->schedule = vigil_schedule_from_yaml(schedule, &mistakes[4]);
    if (record)
        read_record(record, rule, &mistakes[5]);
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        ok &= vigil_yaml_keep(error, mistakes[i]);
    return ok;
}

static gboolean
read_rule(const VigilRules *self, const VigilYaml *node, guint index, VigilRule *rule,
          GError **error)
{
    GError *keys = NULL, *name = NULL, *conditions = NULL, *numbers = NULL;
    gboolean ok;

    *rule = vigil_rule_defaults();
    vigil_yaml_check_keys(node, rule_keys, &keys);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_keep(error, keys);
    read_rule_name(self, node, index, rule, &name);
    read_conditions(self, node, rule, &conditions);
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
    if (!check_count(node, VIGIL_RULES_MAX, "rules", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        g_array_set_size(self->rules, i + 1);
        read_rule(self, vigil_yaml_get_item(node, i), i, &g_array_index(self->rules, VigilRule, i),
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
        read_zones(self, zones, &in_zones);
    if (lines)
        read_lines(self, lines, &in_lines);
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
