/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, kinds and conditions of rules as they are read. What they mean is in test-event-filter-scenes.c. */
#include <check.h>
#include <string.h>

#include "events/vigil-rules.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

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

static const gchar *const full =
    "zones: {yard: [[0, 0], [1, 0], [1, 1]]}\n"
    "rules:\n"
    "  - name: a\n"
    "    count: {at_least: 2, at_most: 5}\n"
    "    when:\n"
    "      any:\n"
    "        - {classes: [person], zones: [yard], min_score: 0.6, min_size: 0.1, max_size: 0.9,\n"
    "           min_aspect: 0.2, max_aspect: 3}\n"
    "        - all:\n"
    "            - {rule_active: b}\n"
    "            - not: {classes: [car], count: {exactly: 1}}\n"
    "        - {schedule: {days: [mon], timezone: UTC}}\n"
    "  - {name: b, kind: missing, classes: [car], zones: [yard], dwell: 5s}\n"
    "  - {name: c, kind: takt, zones: [yard], takt: 45s}\n"
    "  - {name: d, count: {differs_from: 4}}\n"
    "  - {name: e, kind: object}\n";

static const VigilCondition *
node_at(const VigilRules *rules, guint index)
{
    return &g_array_index(g_array_index(rules->rules, VigilRule, 0).when, VigilCondition, index);
}

START_TEST(test_full)
{
    static const struct {
        VigilConditionKind kind;
        guint size;
    } nodes[] = {{VIGIL_CONDITION_ANY, 7},     {VIGIL_CONDITION_OBJECT, 1},
                 {VIGIL_CONDITION_ALL, 4},     {VIGIL_CONDITION_RULE_ACTIVE, 1},
                 {VIGIL_CONDITION_NOT, 2},     {VIGIL_CONDITION_COUNT, 1},
                 {VIGIL_CONDITION_SCHEDULE, 1}};
    g_autoptr(VigilRules) rules = read_good(full);
    const VigilRule *rule = &g_array_index(rules->rules, VigilRule, 0);

    ck_assert_uint_eq(rule->count.min, 2);
    ck_assert_uint_eq(rule->count.max, 5);
    ck_assert(!rule->count.differs);
    ck_assert_uint_eq(rule->when->len, G_N_ELEMENTS(nodes));
    for (guint i = 0; i < G_N_ELEMENTS(nodes); i++) {
        ck_assert_int_eq(node_at(rules, i)->kind, nodes[i].kind);
        ck_assert_uint_eq(node_at(rules, i)->size, nodes[i].size);
    }
    ck_assert_str_eq(node_at(rules, 1)->filter->zones[0], "yard");
    ck_assert_float_eq(node_at(rules, 1)->filter->min_score, 0.6f);
    ck_assert_uint_eq(node_at(rules, 3)->rule_index, 1);
    ck_assert_uint_eq(node_at(rules, 5)->count.max, 1);
    ck_assert_float_eq(node_at(rules, 5)->filter->min_score, 0.5f);
    rule = &g_array_index(rules->rules, VigilRule, 1);
    ck_assert_int_eq(rule->kind, VIGIL_RULE_MISSING);
    ck_assert(rule->count.given);
    ck_assert_uint_eq(rule->count.max, 0);
    rule = &g_array_index(rules->rules, VigilRule, 2);
    ck_assert_int_eq(rule->kind, VIGIL_RULE_TAKT);
    ck_assert_int_eq(rule->dwell_ns, 45 * SECOND);
    rule = &g_array_index(rules->rules, VigilRule, 3);
    ck_assert(rule->count.differs);
    ck_assert_uint_eq(rule->count.min, 4);
    ck_assert_int_eq(g_array_index(rules->rules, VigilRule, 4).kind, VIGIL_RULE_OBJECT);
}
END_TEST

START_TEST(test_equal)
{
    static const gchar *const changes[][2] = {
        {"at_least: 2", "at_least: 1"},
        {"at_most: 5", "at_most: 6"},
        {"[person], zones", "[cat], zones"},
        {"[person], zones: [yard]", "[person]"},
        {"min_score: 0.6", "min_score: 0.7"},
        {"min_size: 0.1", "min_size: 0.2"},
        {"max_size: 0.9", "max_size: 0.8"},
        {"min_aspect: 0.2", "min_aspect: 0.3"},
        {"max_aspect: 3", "max_aspect: 4"},
        {"rule_active: b", "rule_active: c"},
        {"any:", "all:"},
        {"not: {classes: [car], count: {exactly: 1}}", "{classes: [car], count: {exactly: 1}}"},
        {"exactly: 1", "exactly: 2"},
        {"exactly: 1", "differs_from: 1"},
        {"days: [mon]", "days: [tue]"},
        {"        - {schedule: {days: [mon], timezone: UTC}}\n", ""},
        {"kind: missing, ", "count: {at_most: 0}, "},
        {"takt: 45s", "takt: 46s"},
        {"    count: {at_least: 2, at_most: 5}\n", ""},
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

        ck_assert_msg(!vigil_rules_equal(rules, other), "%s", changes[i][1]);
        ck_assert(!vigil_rules_equal(other, rules));
    }
}
END_TEST

#define RULE "rules:\n  - name: a\n"

static const struct {
    const gchar *text, *message;
} mistakes[] = {
    {RULE "    count: 3", "r.yaml:3: rules[0].count: wants a mapping (key: value), this is \"3\""},
    {RULE "    count: {min: 3}", "r.yaml:3: rules[0].count: unknown key \"min\"; known are: "
                                 "at_least, at_most, exactly, differs_from"},
    {RULE "    count: {at_least: 257}",
     "r.yaml:3: rules[0].count.at_least: wants a whole number from 0 to 256, this is \"257\""},
    {RULE "    count: {}", "r.yaml:3: rules[0].count: a count has at_least or at_most or both, or "
                           "exactly, or differs_from alone"},
    {RULE "    count: {exactly: 1, at_most: 2}",
     "r.yaml:3: rules[0].count: a count has at_least or at_most or both, or exactly, or "
     "differs_from alone"},
    {RULE "    count: {at_least: 3, at_most: 2}",
     "r.yaml:3: rules[0].count: at_least is above at_most, so that no number fits"},
    {RULE "    count: {at_least: 0}", "r.yaml:3: rules[0].count: at_least 0 always holds"},
    {"lines: {l: [[0, 0], [1, 1]]}\n" RULE "    count: {exactly: 1}\n    line: l",
     "r.yaml:5: rules[0].line: a line is crossed by one object, and a count is of all"},
    {RULE "    count: {exactly: 1}\n    cooldown: 1s\n    cooldown_per: track",
     "r.yaml:5: rules[0].cooldown_per: wants rule or camera with a count, which is of no one "
     "track"},
    {RULE "    kind: theft",
     "r.yaml:3: rules[0].kind: wants object, left, removed, missing or takt, this is \"theft\""},
    {RULE "    kind: missing\n    classes: [x]",
     "r.yaml:2: rules[0]: a rule of kind missing needs zones"},
    {RULE "    kind: missing", "r.yaml:2: rules[0]: a rule of kind missing needs classes"},
    {"zones: {z: [[0, 0], [1, 0], [1, 1]]}\n" RULE
     "    kind: missing\n    classes: [x]\n    zones: [z]\n    count: {exactly: 1}",
     "r.yaml:7: rules[0].count: a rule of kind missing has no count"},
    {"zones: {z: [[0, 0], [1, 0], [1, 1]]}\n" RULE
     "    kind: missing\n    classes: [x]\n    zones: [z]\n    takt: 5s",
     "r.yaml:7: rules[0].takt: a rule of kind missing has no takt"},
    {RULE "    when: {rule_active: b}\n  - {name: b, kind: removed, dwell: 5s}",
     "r.yaml:3: rules[0].when.rule_active: a rule of kind removed is never active: its events end "
     "as they begin"},
    {RULE "    kind: takt", "r.yaml:2: rules[0]: a rule of kind takt needs takt"},
    {RULE "    takt: 3s", "r.yaml:3: rules[0].takt: a takt goes with `kind: takt`"},
    {"zones: {z: [[0, 0], [1, 0], [1, 1]]}\n" RULE
     "    kind: takt\n    zones: [z]\n    takt: 3s\n    dwell: 1s",
     "r.yaml:7: rules[0].dwell: a rule of kind takt has no dwell"},
    {RULE "    kind: left", "r.yaml:2: rules[0]: a rule of kind left needs dwell"},
    {RULE "    kind: removed\n    dwell: 2s",
     "r.yaml:4: rules[0].dwell: wants a duration from 3s to 1d (units: ms, s, m, h, d), this is "
     "\"2s\""},
    {RULE "    kind: left\n    dwell: 5s\n    count: {exactly: 1}",
     "r.yaml:5: rules[0].count: a rule of kind left has no count"},
    {RULE "    kind: left\n    dwell: 5s\n    takt: 5s",
     "r.yaml:5: rules[0].takt: a rule of kind left has no takt"},
    {RULE "    count: {exactly: 1}\n    merge: 1s",
     "r.yaml:4: rules[0].merge: one object comes back after another, and a count is of all"},
    {RULE "    merge: 2h", "r.yaml:3: rules[0].merge: wants a duration from 0s to 1h (units: ms, "
                           "s, m, h, d), this is \"2h\""},
    {RULE "    when: person",
     "r.yaml:3: rules[0].when: wants a condition, for instance {classes: [person]} or {any: "
     "[...]}, this is \"person\""},
    {RULE "    when: {}", "r.yaml:3: rules[0].when: wants a condition, for instance {classes: "
                          "[person]} or {any: [...]}, this is a mapping"},
    {RULE "    when: {any: []}",
     "r.yaml:3: rules[0].when.any: wants a list of at least one condition, this is a list"},
    {RULE "    when: {all: {classes: [a]}}",
     "r.yaml:3: rules[0].when.all: wants a list of at least one condition, this is a mapping"},
    {RULE "    when: {any: [{classes: [a]}], classes: [b]}",
     "r.yaml:3: rules[0].when.any: any stands alone; put what else is to hold beside it into all: "
     "[...]"},
    {RULE "    when: {clases: [a]}",
     "r.yaml:3: rules[0].when: unknown key \"clases\"; did you mean \"classes\"?"},
    {RULE "    when:\n      all:\n        - {zones: [nowhere]}\n        - not: {min_size: 2}\n"
          "        - {count: {at_least: x}}",
     "r.yaml:5: rules[0].when.all[0].zones[0]: there is no zone \"nowhere\" among this camera's "
     "zones\n"
     "r.yaml:6: rules[0].when.all[1].not.min_size: wants a number from 0 to 1, this is \"2\"\n"
     "r.yaml:7: rules[0].when.all[2].count.at_least: wants a whole number from 0 to 256, this is "
     "\"x\""},
    {RULE "    when: {rule_active: a}",
     "r.yaml:3: rules[0].when.rule_active: a rule cannot wait for itself"},
    {RULE "    when: {rule_active: visitr}\n  - name: visitor",
     "r.yaml:3: rules[0].when.rule_active: there is no rule \"visitr\"; did you mean "
     "\"visitor\"?"},
    {RULE "    when: {rule_active: [a]}",
     "r.yaml:3: rules[0].when.rule_active: wants a text, this is a list"},
    {RULE "    when: {schedule: {from: \"10:00\"}}",
     "r.yaml:3: rules[0].when.schedule: a schedule needs a timezone, for instance Europe/Berlin"},
};

START_TEST(test_mistakes)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(read_rules(mistakes[_i].text, &error));
    ck_assert(g_error_matches(error, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_VALUE));
    ck_assert_str_eq(error->message, mistakes[_i].message);
}
END_TEST

START_TEST(test_deepest)
{
    for (guint depth = VIGIL_CONDITIONS_MAX_DEPTH; depth <= VIGIL_CONDITIONS_MAX_DEPTH + 1;
         depth++) {
        g_autoptr(GString) text = g_string_new("rules: [{name: a, when: ");
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilRules) rules = NULL;

        for (guint i = 1; i < depth; i++)
            g_string_append(text, "{not: ");
        g_string_append(text, "{classes: [x]}");
        for (guint i = 1; i < depth; i++)
            g_string_append_c(text, '}');
        g_string_append(text, "}]");
        rules = read_rules(text->str, &error);
        ck_assert_int_eq(rules != NULL, depth == VIGIL_CONDITIONS_MAX_DEPTH);
        if (error)
            ck_assert_ptr_nonnull(strstr(error->message, "not: conditions are at most 8 deep"));
    }
}
END_TEST

START_TEST(test_most)
{
    for (guint n = VIGIL_CONDITIONS_MAX; n <= VIGIL_CONDITIONS_MAX + 50; n += 50) {
        g_autoptr(GString) text = g_string_new("rules: [{name: a, when: {any: [");
        g_autoptr(GError) error = NULL;
        g_autoptr(VigilRules) rules = NULL;

        for (guint i = 1; i < n; i++)
            g_string_append(text, "{classes: [x]},");
        g_string_append(text, "]}}]");
        rules = read_rules(text->str, &error);
        ck_assert_int_eq(rules != NULL, n == VIGIL_CONDITIONS_MAX);
        if (error)
            ck_assert_ptr_nonnull(strstr(error->message,
                                         "r.yaml:1: rules[0].when.any[31]: a rule has at most 32 "
                                         "conditions"));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rules-when");
    TCase *tc = tcase_create("rules-when");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_equal);
    tcase_add_loop_test(tc, test_mistakes, 0, G_N_ELEMENTS(mistakes));
    tcase_add_test(tc, test_deepest);
    tcase_add_test(tc, test_most);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
