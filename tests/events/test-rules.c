/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#include "events/vigil-rules.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static const gchar *const full =
    "zones:\n"
    "  porch: [[0.1, 0.4], [0.6, 0.4], [0.6, 1.0], [0.1, 1.0]]\n"
    "  \"büro 2\": [[0, 0], [1, 0], [1, 1]]\n"
    "  hall: {points: [[0, 0], [1, 0], [1, 1]], classes: [dog], min_score: 0.7, min_size: 0.1,\n"
    "    max_size: 0.6, min_aspect: 0.3, max_aspect: 3}\n"
    "lines:\n"
    "  gate: [[0.2, 0.5], [0.8, 0.5]]\n"
    "rules:\n"
    "  - name: visitor\n"
    "    classes: [person, dog]\n"
    "    zones: [porch, \"büro 2\"]\n"
    "    line: gate\n"
    "    direction: out\n"
    "    min_score: 0.6\n"
    "    min_size: 0.1\n"
    "    max_size: 0.9\n"
    "    min_aspect: 0.25\n"
    "    max_aspect: 2\n"
    "    dwell: 2s\n"
    "    cooldown: 10s\n"
    "    cooldown_per: track\n"
    "    end_after: 1500ms\n"
    "    merge: 9s\n"
    "    on: [begin, end]\n"
    "    schedule: {days: [mon-fri], timezone: UTC}\n"
    "    record: {pre: 4s, post: 1m}\n"
    "  - name: all\n"
    "  - {name: quiet, record: false}\n";

static VigilRules *
read_rules(const gchar *text, GError **error)
{
    g_autoptr(VigilYaml) root = vigil_yaml_parse(text, strlen(text), "r.yaml", error);

    return root ? vigil_rules_from_yaml(root, error) : NULL;
}

static VigilRules *
read_good(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    VigilRules *rules = read_rules(text, &error);

    ck_assert_msg(rules != NULL, "%s", error ? error->message : "no error");
    return rules;
}

START_TEST(test_full)
{
    g_autoptr(VigilRules) rules = read_good(full);
    const VigilZone *zone = &g_array_index(rules->zones, VigilZone, 1);
    const VigilLine *line = &g_array_index(rules->lines, VigilLine, 0);
    const VigilRule *rule = &g_array_index(rules->rules, VigilRule, 0);
    const VigilObjectFilter *filter;

    ck_assert_uint_eq(rules->zones->len, 3);
    ck_assert_ptr_null(zone->filter);
    filter = g_array_index(rules->zones, VigilZone, 2).filter;
    ck_assert_str_eq(filter->classes[0], "dog");
    ck_assert_ptr_null(filter->zones);
    ck_assert_float_eq(filter->min_score, 0.7f);
    ck_assert_float_eq(filter->min_size, 0.1f);
    ck_assert_float_eq(filter->max_size, 0.6f);
    ck_assert_float_eq(filter->min_aspect, 0.3f);
    ck_assert_float_eq(filter->max_aspect, 3.0f);
    ck_assert_str_eq(zone->name, "büro 2");
    ck_assert_uint_eq(zone->n_points, 3);
    ck_assert_float_eq(zone->points[1].x, 1.0f);
    ck_assert_str_eq(line->name, "gate");
    ck_assert_float_eq(line->b.x, 0.8f);
    ck_assert_uint_eq(rules->rules->len, 3);
    ck_assert_str_eq(rule->name, "visitor");
    ck_assert_str_eq(rule->classes[1], "dog");
    ck_assert_ptr_null(rule->classes[2]);
    ck_assert_ptr_eq(rule->zones[1], zone->name);
    ck_assert_ptr_eq(rule->line, line->name);
    ck_assert_int_eq(rule->direction, VIGIL_DIRECTION_OUT);
    ck_assert_float_eq(rule->min_score, 0.6f);
    ck_assert_float_eq(rule->min_size, 0.1f);
    ck_assert_float_eq(rule->max_size, 0.9f);
    ck_assert_float_eq(rule->min_aspect, 0.25f);
    ck_assert_float_eq(rule->max_aspect, 2.0f);
    ck_assert_int_eq(rule->cooldown_per, VIGIL_COOLDOWN_TRACK);
    ck_assert_int_eq(rule->dwell_ns, 2 * SECOND);
    ck_assert_int_eq(rule->cooldown_ns, 10 * SECOND);
    ck_assert_int_eq(rule->end_after_ns, 3 * SECOND / 2);
    ck_assert_int_eq(rule->merge_ns, 9 * SECOND);
    ck_assert_uint_eq(rule->unreported, 1u << VIGIL_EVENT_UPDATE);
    ck_assert_uint_eq(rule->schedule->n_spans, 1);
    ck_assert(rule->record);
    ck_assert_int_eq(rule->pre_ns, 4 * SECOND);
    ck_assert_int_eq(rule->post_ns, 60 * SECOND);
}
END_TEST

START_TEST(test_defaults)
{
    g_autoptr(VigilRules) rules = read_good(full);
    const VigilRule *rule = &g_array_index(rules->rules, VigilRule, 1);

    ck_assert_ptr_null(rule->classes);
    ck_assert_ptr_null(rule->zones);
    ck_assert_ptr_null(rule->line);
    ck_assert_int_eq(rule->direction, VIGIL_DIRECTION_ANY);
    ck_assert_float_eq(rule->min_score, 0.5f);
    ck_assert_float_eq(rule->min_size, 0.0f);
    ck_assert_float_eq(rule->max_size, 1.0f);
    ck_assert_float_eq(rule->min_aspect, 0.0f);
    ck_assert_float_eq(rule->max_aspect, G_MAXFLOAT);
    ck_assert_int_eq(rule->cooldown_per, VIGIL_COOLDOWN_RULE);
    ck_assert_int_eq(rule->dwell_ns, 0);
    ck_assert_int_eq(rule->cooldown_ns, 0);
    ck_assert_int_eq(rule->end_after_ns, 3 * SECOND);
    ck_assert_ptr_null(rule->schedule);
    ck_assert(rule->record);
    ck_assert_int_eq(rule->pre_ns, 5 * SECOND);
    ck_assert_int_eq(rule->post_ns, 10 * SECOND);
    ck_assert(!g_array_index(rules->rules, VigilRule, 2).record);
}
END_TEST

START_TEST(test_empty)
{
    g_autoptr(VigilRules) rules = read_good("name: door\nsource: x\n");

    ck_assert_uint_eq(rules->zones->len + rules->lines->len + rules->rules->len, 0);
    vigil_rules_free(NULL);
}
END_TEST

static const struct {
    const gchar *text, *message;
} mistakes[] = {
    {"[]", "r.yaml:1: wants a mapping with the keys zones, lines and rules, this is a list"},
    {"zones: [1]", "r.yaml:1: zones: wants a mapping of names to polygons, this is a list"},
    {"zones:", "r.yaml:1: zones: wants a mapping of names to polygons, this is empty"},
    {"zones:\n  porch: [[0, 0], [1, 1]]",
     "r.yaml:2: zones.porch: a polygon needs at least 3 points, this has 2"},
    {"zones: {porch: []}", "r.yaml:1: zones.porch: a polygon needs at least 3 points, this has 0"},
    {"zones: {porch: x}",
     "r.yaml:1: zones.porch: wants a list of points [[x, y], ...], this is \"x\""},
    {"zones:\n  p:\n   - [0, 0]\n   - [1, 0]\n   - [1, 2]",
     "r.yaml:5: zones.p[2][1]: wants a number from 0 to 1, this is \"2\""},
    {"zones: {p: [[0, 0], [1, x], [1, 1]]}",
     "r.yaml:1: zones.p[1][1]: wants a number from 0 to 1, this is \"x\""},
    {"zones: {p: [[0, 0], [1], [1, 1]]}",
     "r.yaml:1: zones.p[1]: a point is [x, y] in parts of the frame, for instance [0.25, 0.5]"},
    {"zones: {p: [[0, 0], 5, [1, 1]]}",
     "r.yaml:1: zones.p[1]: a point is [x, y] in parts of the frame, for instance [0.25, 0.5]"},
    {"zones: {p: [[0, 0], [0.5, 0.5], [1, 1]]}",
     "r.yaml:1: zones.p: the points lie on one line, so that nothing can be inside"},
    {"zones: {\"\": [[0, 0], [0.5, 0.5], [1, 1]]}",
     "r.yaml:1: zones.: the name of a zone has 1 to 64 characters, this has 0"},
    {"zones: {\"a\\tb\": [[0, 0], [0.5, 0.5], [1, 1]]}",
     "r.yaml:1: zones.a\\u0009b: the name of a zone has no control characters, this has U+0009"},
    {"zones: {p: [[0, 0], [1, 0], [1, 1]], p: 1}",
     "r.yaml:1: zones: the key \"p\" is given twice, first in line 1"},
    {"lines: 5", "r.yaml:1: lines: wants a mapping of names to lines, this is \"5\""},
    {"lines: {l: 5}", "r.yaml:1: lines.l: wants two points [[x, y], [x, y]], this is \"5\""},
    {"lines: {l: [[0, 0]]}", "r.yaml:1: lines.l: a line has 2 points, this has 1"},
    {"lines: {l: [[0, 0], [0, -1]]}",
     "r.yaml:1: lines.l[1][1]: wants a number from 0 to 1, this is \"-1\""},
    {"lines: {l: [[0.5, 0.5], [0.5, 0.5]]}",
     "r.yaml:1: lines.l: the two points are the same, so that nothing can cross"},
    {"rules: {name: x}", "r.yaml:1: rules: wants a list of rules (- name: ...), this is a mapping"},
    {"rules: [x]", "r.yaml:1: rules[0]: wants a mapping (key: value), this is \"x\""},
    {"rules:\n  - classes: [person]", "r.yaml:2: rules[0]: a rule needs a name"},
    {"rules:\n  - name: [a]", "r.yaml:2: rules[0].name: wants a text, this is a list"},
    {"rules:\n  - name: a\n  - name: a",
     "r.yaml:3: rules[1].name: a rule named \"a\" is there already (rules[0])"},
    {"rules:\n  - name: a\n    min_scroe: 0.5",
     "r.yaml:3: rules[0]: unknown key \"min_scroe\"; did you mean \"min_score\"?"},
    {"rules:\n  - name: a\n    min_score: 60",
     "r.yaml:3: rules[0].min_score: wants a number from 0 to 1, this is \"60\""},
    {"rules:\n  - name: a\n    min_size: 0.9\n    max_size: 0.1",
     "r.yaml:3: rules[0].min_size: min_size is above max_size, so that nothing fits"},
    {"rules:\n  - name: a\n    min_aspect: 0",
     "r.yaml:3: rules[0].min_aspect: wants a number from 0.01 to 100, this is \"0\""},
    {"rules:\n  - name: a\n    min_aspect: 3\n    max_aspect: 2",
     "r.yaml:3: rules[0].min_aspect: min_aspect is above max_aspect, so that nothing fits"},
    {"rules:\n  - name: a\n    cooldown_per: track",
     "r.yaml:3: rules[0].cooldown_per: cooldown_per goes with a cooldown, and this rule has none"},
    {"rules:\n  - name: a\n    cooldown: 1s\n    cooldown_per: zone",
     "r.yaml:4: rules[0].cooldown_per: wants rule, track or camera, this is \"zone\""},
    {"zones:\n  p:\n    classes: [a]", "r.yaml:2: zones.p: a zone needs points: [[x, y], ...]"},
    {"zones:\n  p:\n    points: [[0, 0], [1, 1]]\n    clases: [a]\n    min_size: 2\n    classes: a",
     "r.yaml:4: zones.p: unknown key \"clases\"; did you mean \"classes\"?\n"
     "r.yaml:3: zones.p.points: a polygon needs at least 3 points, this has 2\n"
     "r.yaml:6: zones.p.classes: wants a list of at least one name, for instance [person], this is "
     "\"a\"\n"
     "r.yaml:5: zones.p.min_size: wants a number from 0 to 1, this is \"2\""},
    {"rules:\n  - name: a\n    dwell: 2",
     "r.yaml:3: rules[0].dwell: 2 lacks its unit; write for instance 2s (ms, s, m, h or d)"},
    {"rules:\n  - name: a\n    end_after: 2h",
     "r.yaml:3: rules[0].end_after: wants a duration from 0s to 1h (units: ms, s, m, h, d), this "
     "is \"2h\""},
    {"rules:\n  - name: a\n    cooldown: 8d", "r.yaml:3: rules[0].cooldown: wants a duration from "
                                              "0s to 7d (units: ms, s, m, h, d), this is \"8d\""},
    {"rules:\n  - name: a\n    classes: person",
     "r.yaml:3: rules[0].classes: wants a list of at least one name, for instance [person], this "
     "is \"person\""},
    {"rules:\n  - name: a\n    classes: []", "r.yaml:3: rules[0].classes: wants a list of at least "
                                             "one name, for instance [person], this is a list"},
    {"rules:\n  - name: a\n    classes: [person, person]",
     "r.yaml:3: rules[0].classes[1]: \"person\" is in this list twice"},
    {"rules:\n  - name: a\n    classes: [[x]]",
     "r.yaml:3: rules[0].classes[0]: wants a text, this is a list"},
    {"zones: {porch: [[0, 0], [1, 0], [1, 1]]}\nrules:\n  - name: a\n    zones: [porhc]",
     "r.yaml:4: rules[0].zones[0]: there is no zone \"porhc\"; did you mean \"porch\"?"},
    {"rules:\n  - name: a\n    zones: [garden]",
     "r.yaml:3: rules[0].zones[0]: there is no zone \"garden\" among this camera's zones"},
    {"rules:\n  - name: a\n    line: gate",
     "r.yaml:3: rules[0].line: there is no line \"gate\" among this camera's lines"},
    {"rules:\n  - name: a\n    direction: in",
     "r.yaml:3: rules[0].direction: a direction goes with a line, and this rule has none"},
    {"lines: {l: [[0, 0], [1, 1]]}\nrules:\n  - name: a\n    line: l\n    direction: left",
     "r.yaml:5: rules[0].direction: wants in, out or any, this is \"left\""},
    {"lines: {l: [[0, 0], [1, 1]]}\nrules:\n  - name: a\n    line: l\n    direction: [in]",
     "r.yaml:5: rules[0].direction: wants a text, this is a list"},
    {"rules:\n  - name: a\n    schedule:\n      from: 22:00\n      to: 25:00\n      timezone: UTC",
     "r.yaml:5: rules[0].schedule.to: wants a time of day from 00:00 to 24:00, this is \"25:00\""},
    {"rules:\n  - name: a\n    on: end",
     "r.yaml:3: rules[0].on: wants a list of messages, for instance [begin, end], this is \"end\""},
    {"rules:\n  - name: a\n    on: []",
     "r.yaml:3: rules[0].on: wants a list of messages, for instance [begin, end], this is a list"},
    {"rules:\n  - name: a\n    on: [start]",
     "r.yaml:3: rules[0].on[0]: wants begin, update or end, this is \"start\""},
    {"rules:\n  - name: a\n    on: [end, end]",
     "r.yaml:3: rules[0].on[1]: \"end\" is in this list twice"},
    {"rules:\n  - name: a\n    record: maybe",
     "r.yaml:3: rules[0].record: wants true or false, this is \"maybe\""},
    {"rules:\n  - name: a\n    record: [5s]",
     "r.yaml:3: rules[0].record: wants a mapping (key: value), this is a list"},
    {"rules:\n  - name: a\n    record: {before: 5s}",
     "r.yaml:3: rules[0].record: unknown key \"before\"; known are: pre, post"},
    {"rules:\n  - name: a\n    record: {pre: 6m}",
     "r.yaml:3: rules[0].record.pre: wants a duration from 0s to 5m (units: ms, s, m, h, d), this "
     "is \"6m\""},
    {"rules:\n  - name: a\n    record: {post: -1s}",
     "r.yaml:3: rules[0].record.post: wants a duration from 0s to 1h (units: ms, s, m, h, d), this "
     "is \"-1s\""},
};

START_TEST(test_mistakes)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(read_rules(mistakes[_i].text, &error));
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_VALUE));
    ck_assert_str_eq(error->message, mistakes[_i].message);
}
END_TEST

START_TEST(test_limits)
{
    static const gchar *const starts[] = {"zones: {", "lines: {", "rules: ["};
    static const gchar *const items[] = {"n%u: [[0, 0], [1, 0], [1, 1]],", "n%u: [[0, 0], [1, 1]],",
                                         "{name: n%u},"};
    static const gchar *const messages[] = {"r.yaml:1: zones: at most 64 zones, these are 65",
                                            "r.yaml:1: lines: at most 64 lines, these are 65",
                                            "r.yaml:1: rules: at most 64 rules, these are 65"};

    for (guint n = 64; n <= 65; n++) {
        g_autoptr(GString) text = g_string_new(starts[_i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilRules) rules = NULL;

        for (guint i = 0; i < n; i++) {
            g_auto(GStrv) parts = g_strsplit(items[_i], "%u", 2);

            g_string_append_printf(text, "%s%u%s", parts[0], i, parts[1]);
        }
        g_string_append(text, _i == 2 ? "]" : "}");
        rules = read_rules(text->str, &error);
        ck_assert_int_eq(rules != NULL, n == 64);
        if (error)
            ck_assert_str_eq(error->message, messages[_i]);
    }
}
END_TEST

/* Every single difference counts, and nothing else. */
START_TEST(test_equal)
{
    static const gchar *const changes[][2] = {
        {"porch: [[0.1,", "porch: [[0.2,"},
        {"[1, 0], [1, 1]]", "[1, 0], [1, 1], [0, 1]]"},
        {"gate: [[0.2", "gate: [[0.3"},
        {"0.8, 0.5]]", "0.8, 0.6]]"},
        {"name: all", "name: any"},
        {"person, dog", "person, cat"},
        {"person, dog", "person"},
        {"    zones: [porch, \"büro 2\"]\n", ""},
        {"    line: gate\n    direction: out\n", ""},
        {"direction: out", "direction: in"},
        {"min_score: 0.6", "min_score: 0.7"},
        {"    min_size: 0.1", "    min_size: 0.2"},
        {"max_size: 0.9", "max_size: 0.8"},
        {"    min_aspect: 0.25", "    min_aspect: 0.5"},
        {"    max_aspect: 2", "    max_aspect: 2.5"},
        {"cooldown_per: track", "cooldown_per: camera"},
        {"    cooldown_per: track\n", ""},
        {"classes: [dog]", "classes: [cat]"},
        {"min_score: 0.7, ", ""},
        {"min_size: 0.1,", "min_size: 0.2,"},
        {"max_size: 0.6", "max_size: 0.5"},
        {"min_aspect: 0.3,", "min_aspect: 0.4,"},
        {"max_aspect: 3}", "max_aspect: 4}"},
        {"dwell: 2s", "dwell: 3s"},
        {"cooldown: 10s", "cooldown: 11s"},
        {"end_after: 1500ms", "end_after: 1600ms"},
        {"merge: 9s", "merge: 8s"},
        {"[begin, end]", "[end]"},
        {"    on: [begin, end]\n", ""},
        {"days: [mon-fri]", "days: [mon-thu]"},
        {"    schedule: {days: [mon-fri], timezone: UTC}\n", ""},
        {"pre: 4s", "pre: 3s"},
        {"post: 1m", "post: 2m"},
        {"record: false", "record: true"},
        {"  - name: all\n", ""},
    };
    g_autoptr(VigilRules) rules = read_good(full);
    g_autoptr(VigilRules) again = read_good(full);
    g_autoptr(VigilRules) copy = vigil_rules_copy(rules);

    ck_assert(vigil_rules_equal(rules, again));
    ck_assert(vigil_rules_equal(rules, copy));
    for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_auto(GStrv) parts = g_strsplit(full, changes[i][0], 2);
        g_autofree gchar *text = g_strjoinv(changes[i][1], parts);
        g_autoptr(VigilRules) other = read_good(text);

        ck_assert_uint_eq(g_strv_length(parts), 2);
        ck_assert_msg(!vigil_rules_equal(rules, other), "%s", changes[i][1]);
        ck_assert(!vigil_rules_equal(other, rules));
    }
}
END_TEST

/* Rules that nobody read from a file are copied as well. */
START_TEST(test_copy)
{
    g_autoptr(VigilRules) rules = vigil_rules_new();
    g_autoptr(VigilRules) copy = NULL;
    VigilRule rule = vigil_rule_defaults();
    const VigilRule *copied;

    rule.name = g_intern_static_string("bare");
    g_array_append_val(rules->rules, rule);
    copy = vigil_rules_copy(rules);
    copied = &g_array_index(copy->rules, VigilRule, 0);
    ck_assert_str_eq(copied->name, "bare");
    ck_assert_ptr_null(copied->classes);
    ck_assert(vigil_rules_equal(rules, copy));
}
END_TEST

/* All that is wrong at once, nested or not, and nothing that only follows from another mistake. */
START_TEST(test_all_mistakes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilRules) rules = read_rules("zones:\n"
                                             "  porch: [[0, 0], [1, 1]]\n"
                                             "  yard: [[0, 0], [1, 2], [1, 0]]\n"
                                             "lines: {gate: [[0, 0]]}\n"
                                             "rules:\n"
                                             "  - name: a\n"
                                             "    clases: [person]\n"
                                             "    zone: porch\n"
                                             "    zones: [porch, yrd]\n"
                                             "    line: gate\n"
                                             "    direction: up\n"
                                             "    record: {pre: 5, past: 1s}\n"
                                             "    min_score: high\n"
                                             "    dwell: 2\n"
                                             "  - line: nogate\n"
                                             "    direction: in\n"
                                             "  - name: a\n"
                                             "  - what\n",
                                             &error);
    static const gchar *const lines[] = {
        "r.yaml:2: zones.porch: ",       "r.yaml:3: zones.yard[1][1]: ",
        "r.yaml:4: lines.gate: ",        "r.yaml:7: rules[0]: unknown key \"clases\"",
        "r.yaml:8: rules[0]: ",          "r.yaml:9: rules[0].zones[1]: ",
        "r.yaml:11: rules[0].direction", "r.yaml:12: rules[0].record: ",
        "r.yaml:12: rules[0].record.pr", "r.yaml:13: rules[0].min_score: ",
        "r.yaml:14: rules[0].dwell: ",   "r.yaml:15: rules[1]: a rule needs",
        "r.yaml:15: rules[1].line: ",    "r.yaml:17: rules[2].name: ",
        "r.yaml:18: rules[3]: wants a ",
    };
    g_auto(GStrv) found = NULL;

    ck_assert_ptr_null(rules);
    found = g_strsplit(error->message, "\n", -1);
    ck_assert_msg(g_strv_length(found) == G_N_ELEMENTS(lines), "%s", error->message);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
        ck_assert_msg(g_str_has_prefix(found[i], lines[i]), "%s: %s", lines[i], found[i]);
}
END_TEST

START_TEST(test_reach)
{
    static const struct {
        const gchar *text;
        gint64 reach_ns;
    } cases[] = {
        {"rules: []", 0},
        {"rules: [{name: a, record: false, dwell: 1h}]", 0},
        {"rules: [{name: a}]", 6},
        {"rules: [{name: a, record: {pre: 3s}, dwell: 2m}, {name: b, record: {pre: 1m}}]", 123},
        {"zones: {z: [[0, 0], [1, 0], [1, 1]]}\n"
         "rules: [{name: a, kind: takt, zones: [z], takt: 45s}]",
         50},
        {"rules: [{name: a, kind: removed, dwell: 10m, end_after: 40s}]", 45},
    };
    g_autoptr(VigilRules) rules = read_good(cases[_i].text);

    ck_assert_int_eq(vigil_rules_get_reach(rules),
                     cases[_i].reach_ns * G_GINT64_CONSTANT(1000000000));
}
END_TEST

START_TEST(test_load)
{
    g_autofree gchar *dir = g_dir_make_tmp("vigil-rules-XXXXXX", NULL);
    g_autofree gchar *path = g_build_filename(dir, "r.yaml", NULL);
    g_autofree gchar *expected =
        g_strdup_printf("%s:1: unknown key \"zone\"; did you mean \"zones\"?", path);
    g_autoptr(GError) error = NULL;
    VigilRules *rules;

    ck_assert_ptr_null(vigil_rules_load(path, &error));
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_IO));
    g_clear_error(&error);
    ck_assert(g_file_set_contents(path, full, -1, NULL));
    rules = vigil_rules_load(path, &error);
    ck_assert_ptr_nonnull(rules);
    vigil_rules_free(rules);
    ck_assert(g_file_set_contents(path, "zone: {}\n", -1, NULL));
    ck_assert_ptr_null(vigil_rules_load(path, &error));
    ck_assert_str_eq(error->message, expected);
    g_unlink(path);
    g_rmdir(dir);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = tcase_create("rules");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_defaults);
    tcase_add_test(tc, test_empty);
    tcase_add_loop_test(tc, test_mistakes, 0, G_N_ELEMENTS(mistakes));
    tcase_add_loop_test(tc, test_limits, 0, 3);
    tcase_add_test(tc, test_equal);
    tcase_add_test(tc, test_copy);
    tcase_add_test(tc, test_all_mistakes);
    tcase_add_loop_test(tc, test_reach, 0, 6);
    tcase_add_test(tc, test_load);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
