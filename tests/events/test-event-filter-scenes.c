/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about all objects together, and conditions that are put together. */
#include "tests/events/event-scene.h"

/* People 1..n side by side, ten frames a second. */
static void
group(gint64 from_ns, gint64 to_ns, guint n)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS) {
        VigilTrack tracks[8];

        for (guint i = 0; i < n; i++)
            tracks[i] = person_at(i + 1, 0.1f + 0.2f * (gfloat)i, 0.8f, 0.6f + 0.1f * (gfloat)i);
        look(t, tracks, n);
    }
}

static VigilTrack
car_at(guint64 id, gfloat x, gfloat y)
{
    VigilTrack car = person_at(id, x, y, 0.9f);

    car.label = g_intern_static_string("car");
    car.label_id = 2;
    return car;
}

START_TEST(test_at_least)
{
    const VigilEvent *event;

    start("rules: [{name: crowd, count: {at_least: 3}, dwell: 1s, end_after: 2s}]");
    group(0, 2 * SECOND, 2);
    assert_story("");
    group(2100 * MS, 3 * SECOND, 3);
    assert_story("");
    group(3100 * MS, 5 * SECOND, 4);
    assert_story("b1");
    event = event_at(0);
    ck_assert_int_eq(event->start_ns, 2100 * MS);
    ck_assert_int_eq(event->trigger_ns, 3100 * MS);
    ck_assert_uint_eq(event->track_id, 0);
    ck_assert_str_eq(event->label, "person");
    group(5100 * MS, 8 * SECOND, 2);
    assert_story("b1 e1");
    event = event_at(1);
    ck_assert_int_eq(event->end_ns, 5 * SECOND);
    ck_assert_float_eq_tol(event->top_score, 0.9f, 1e-6f); /* of four */
    ck_assert_float_eq_tol(event->box.x0, 0.0f, 1e-6f);
    ck_assert_float_eq_tol(event->box.x1, 0.8f, 1e-6f);
    ck_assert_uint_eq(event->path->len, 30);
}
END_TEST

/* One who is missed now and then is bridged by end_after. */
START_TEST(test_at_least_flickers)
{
    start("rules: [{name: crowd, count: {at_least: 2}, dwell: 2s, end_after: 1s}]");
    for (gint64 t = 0; t <= 4 * SECOND; t += SECOND) {
        group(t, t + 400 * MS, 2);
        group(t + 500 * MS, t + 900 * MS, 1);
    }
    assert_story("b1");
}
END_TEST

/* Only those count that the rule is about. */
START_TEST(test_counts_only_these)
{
    g_autofree gchar *yaml = g_strconcat(
        two_zones, "rules: [{name: a, count: {at_least: 2}, classes: [person], zones: [left]}]",
        NULL);

    start(yaml);
    for (gint64 t = 0; t <= SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {person_at(1, 0.2f, 0.8f, 0.9f), car_at(2, 0.4f, 0.4f),
                                     person_at(3, 0.8f, 0.8f, 0.9f)};

        look(t, tracks, 3);
    }
    assert_story("");
    for (gint64 t = 1100 * MS; t <= 2 * SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {person_at(1, 0.2f, 0.8f, 0.9f), car_at(2, 0.4f, 0.4f),
                                     person_at(3, 0.45f, 0.8f, 0.9f)};

        look(t, tracks, 3);
    }
    assert_story("b1");
}
END_TEST

/* Two of two are there: nothing. One goes: it differs after a moment, in which he might have been missed only. */
START_TEST(test_differs)
{
    start("rules: [{name: a, count: {differs_from: 2}, end_after: 1s, dwell: 2s}]");
    group(0, 5 * SECOND, 2);
    assert_story("");
    group(5100 * MS, 5500 * MS, 1); /* missed */
    group(5600 * MS, 6 * SECOND, 2);
    assert_story("");
    group(6100 * MS, 9 * SECOND, 1);
    assert_story("");
    group(9100 * MS, 10 * SECOND, 1);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 7100 * MS);
    group(10100 * MS, 12 * SECOND, 2);
    assert_story("b1 e1");
    group(12100 * MS, 15 * SECOND, 3); /* too many, at once */
    assert_story("b1 e1 b2");
    ck_assert_int_eq(event_at(2)->start_ns, 12100 * MS);
}
END_TEST

START_TEST(test_exactly)
{
    start("rules: [{name: a, count: {exactly: 2}, end_after: 1s}]");
    group(0, 3 * SECOND, 3);
    assert_story("");
    group(3100 * MS, 6 * SECOND, 2);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 4100 * MS); /* the third may be hidden for a second */
    group(6100 * MS, 8 * SECOND, 3);
    assert_story("b1 e1");
}
END_TEST

static const gchar *const missing =
    "zones: {bay: [[0.1, 0.5], [0.5, 0.5], [0.5, 0.9], [0.1, 0.9]]}\n"
    "rules: [{name: a, kind: missing, classes: [car], zones: [bay], dwell: 5s, end_after: 1s}]";

static void
car_and_person(gint64 from_ns, gint64 to_ns, gboolean car)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS) {
        const VigilTrack tracks[] = {person_at(1, 0.3f, 0.8f, 0.9f), car_at(2, 0.3f, 0.7f)};

        look(t, tracks, car ? 2 : 1);
    }
}

START_TEST(test_missing)
{
    const VigilEvent *event;

    start(missing);
    car_and_person(0, 10 * SECOND, TRUE);
    car_and_person(10100 * MS, 16 * SECOND, FALSE);
    assert_story("");
    car_and_person(16100 * MS, 17 * SECOND, FALSE);
    assert_story("b1");
    event = event_at(0);
    ck_assert_int_eq(event->start_ns, 11100 * MS);
    ck_assert_str_eq(event->label, "car");
    ck_assert_int_eq(event->label_id, -1);
    ck_assert_uint_eq(event->track_id, 0);
    ck_assert_float_eq(event->score, 0.0f);
    ck_assert_float_eq_tol(event->box.x0, 0.1f, 1e-6f);
    ck_assert_float_eq_tol(event->box.y1, 0.9f, 1e-6f);
    car_and_person(17100 * MS, 19 * SECOND, TRUE);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 17 * SECOND);
}
END_TEST

/* Each sight of it is a break: it is not missing for long enough. */
START_TEST(test_missing_with_sights)
{
    start(missing);
    for (gint64 t = 0; t < 40 * SECOND; t += 4 * SECOND) {
        car_and_person(t, t + 100 * MS, TRUE);
        car_and_person(t + 200 * MS, t + 3900 * MS, FALSE);
    }
    assert_story("");
}
END_TEST

/* Nobody looked for a while: nobody knows. And at the start a tracker wants to see it more than once. */
START_TEST(test_missing_unseen)
{
    guint slot;

    start("rules: [{name: a, kind: missing, classes: [car], zones: [z]}]\n"
          "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}");
    car_and_person(0, 300 * MS, FALSE);
    car_and_person(400 * MS, SECOND, TRUE);
    for (gint64 t = 1100 * MS; t <= 30 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_SKIPPED_NO_MOTION, NULL, 0);
    car_and_person(30100 * MS, 30500 * MS, FALSE);
    car_and_person(30600 * MS, 31 * SECOND, TRUE);
    assert_story("");
    car_and_person(31100 * MS, 40 * SECOND, FALSE);
    assert_story("b1");
    ck_assert(vigil_event_filter_wants_snapshot(filter, &slot)); /* of the place without it */
}
END_TEST

/* A station is occupied for longer than its takt. */
START_TEST(test_takt)
{
    g_autofree gchar *yaml = g_strconcat(
        two_zones, "rules: [{name: a, kind: takt, zones: [left], takt: 3s, end_after: 500ms}]",
        NULL);

    start(yaml);
    stand(0, 2900 * MS, 1, 0.3f, 0.8f, 0.9f);
    stand(3 * SECOND, 4 * SECOND, 1, 0.7f, 0.8f, 0.9f);
    stand(4100 * MS, 7 * SECOND, 2, 0.3f, 0.4f, 0.9f);
    assert_story("");
    stand(7100 * MS, 7100 * MS, 2, 0.3f, 0.4f, 0.9f);
    assert_story("b1");
    ck_assert_uint_eq(event_at(0)->track_id, 2);
}
END_TEST

/* Of the object at hand. Persons at 0.2 (left), 0.8 (right); a car at 0.5. */
static const struct {
    const gchar *when, *story, *labels;
} forms[] = {
    {"{zones: [left]}", "b1", "person"},
    {"{not: {zones: [left]}}", "b1 b2", "person car"},
    {"{any: [{classes: [car]}, {zones: [left]}]}", "b1 b2", "person car"},
    {"{all: [{classes: [car]}, {zones: [left]}]}", "", ""},
    {"{all: [{classes: [person]}, {not: {any: [{zones: [right]}, {min_size: 0.5}]}}]}", "b1",
     "person"},
    {"{min_score: 0.85}", "b1", "car"},
    {"{classes: [person], count: {at_least: 2}}", "b1 b2 b3", "person person car"},
    {"{classes: [person], count: {at_least: 3}}", "", ""},
    {"{not: {classes: [person], count: {at_least: 3}}}", "b1 b2 b3", "person person car"},
    {"{all: [{classes: [car]}, {classes: [person], zones: [left], count: {exactly: 1}}]}", "b1",
     "car"},
    {"{classes: [car], count: {differs_from: 0}}", "b1 b2 b3", "person person car"},
    {"{schedule: {from: \"22:13\", to: \"22:20\", timezone: UTC}}", "b1 b2 b3",
     "person person car"},
    {"{schedule: {from: \"22:20\", timezone: UTC}}", "", ""},
};

START_TEST(test_when)
{
    g_autofree gchar *yaml =
        g_strdup_printf("%srules: [{name: a, when: %s}]", two_zones, forms[_i].when);
    g_autoptr(GString) labels = g_string_new("");

    start(yaml);
    for (gint64 t = 0; t <= SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {person_at(1, 0.2f, 0.8f, 0.8f), person_at(2, 0.8f, 0.8f, 0.8f),
                                     car_at(3, 0.5f, 0.4f)};

        look(t, tracks, 3);
    }
    assert_story(forms[_i].story);
    for (guint i = 0; i < events->len; i++)
        g_string_append_printf(labels, "%s%s", i ? " " : "", event_at(i)->label);
    ck_assert_str_eq(labels->str, forms[_i].labels);
}
END_TEST

/* Somebody comes while a delivery goes on; without one he is nobody. */
START_TEST(test_rule_active)
{
    start("rules:\n"
          "  - {name: alone, classes: [person], when: {not: {rule_active: delivery}}}\n"
          "  - {name: helped, classes: [person], when: {rule_active: delivery}}\n"
          "  - {name: delivery, classes: [car], end_after: 1s}\n");
    for (gint64 t = 0; t <= SECOND; t += 100 * MS) {
        const VigilTrack car = car_at(9, 0.2f, 0.8f);

        look(t, &car, 1);
    }
    for (gint64 t = 1100 * MS; t <= 2 * SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {car_at(9, 0.2f, 0.8f), person_at(1, 0.7f, 0.8f, 0.9f)};

        look(t, tracks, 2);
    }
    assert_story("b1 b2");
    ck_assert_str_eq(event_at(0)->rule, "delivery");
    ck_assert_str_eq(event_at(1)->rule, "helped");
    stand(2100 * MS, 5 * SECOND, 1, 0.7f, 0.8f, 0.9f); /* the car has left */
    assert_story("b1 b2 e1 b3");
    ck_assert_str_eq(event_at(3)->rule, "alone");
}
END_TEST

/* A detector that misses the car once does not prove that there is none. */
START_TEST(test_not_proven)
{
    start("rules: [{name: a, classes: [person], when: {not: {classes: [car], count: "
          "{at_least: 1}}}}]");
    for (gint64 t = 0; t <= 5 * SECOND; t += 100 * MS)
        car_and_person(t, t, t % SECOND != 0 || t == 0);
    assert_story("");
    car_and_person(5100 * MS, 9 * SECOND, FALSE);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 8 * SECOND); /* end_after from 5 s, when it was lost */
}
END_TEST

/* A count over a `when`: two people in different places. */
START_TEST(test_count_of_when)
{
    g_autofree gchar *yaml =
        g_strconcat(two_zones,
                    "rules: [{name: a, count: {at_least: 2}, when: {any: [{zones: [left]}, "
                    "{classes: [car]}]}}]",
                    NULL);

    start(yaml);
    for (gint64 t = 0; t <= SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {person_at(1, 0.2f, 0.8f, 0.8f), person_at(2, 0.8f, 0.8f, 0.8f),
                                     car_at(3, 0.5f, 0.4f)};

        look(t, tracks, t < 500 * MS ? 2 : 3);
    }
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 500 * MS);
    ck_assert_str_eq(event_at(0)->label, "car"); /* the best of the two */
}
END_TEST

START_TEST(test_ids)
{
    static const gchar *const rules[] = {
        "rules: [{name: a, count: {at_least: 1}}, {name: b}]",
        "rules: [{name: a, count: {at_least: 1, at_most: 2}}, {name: b}]",
        "rules: [{name: a, count: {differs_from: 0}}, {name: b}]",
        "rules: [{name: a, count: {at_least: 1}, when: {min_size: 0.1}}, {name: b}]",
        "rules: [{name: a, count: {at_least: 1}, when: {min_size: 0.2}}, {name: b}]",
        "rules: [{name: a, count: {at_least: 1}, when: {not: {min_size: 0.9}}}, {name: b}]",
        "rules: [{name: a, count: {at_least: 1}, when: {count: {at_least: 1}}}, {name: b}]",
        ("rules: [{name: a, count: {at_least: 1}, when: {not: {rule_active: b}}}, {name: b, "
         "classes: [none]}]"),
    };
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        start(rules[i]);
        stand(0, 3 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    }
    for (guint i = 0; i < events->len; i++)
        if (g_str_equal(event_at(i)->rule, "a"))
            ck_assert(g_hash_table_add(ids, event_at(i)->id));
    ck_assert_uint_eq(g_hash_table_size(ids), G_N_ELEMENTS(rules));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-scenes");
    TCase *tc = tcase_create("event-filter-scenes");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_add_test(tc, test_at_least);
    tcase_add_test(tc, test_at_least_flickers);
    tcase_add_test(tc, test_counts_only_these);
    tcase_add_test(tc, test_differs);
    tcase_add_test(tc, test_exactly);
    tcase_add_test(tc, test_missing);
    tcase_add_test(tc, test_missing_with_sights);
    tcase_add_test(tc, test_missing_unseen);
    tcase_add_test(tc, test_takt);
    tcase_add_loop_test(tc, test_when, 0, G_N_ELEMENTS(forms));
    tcase_add_test(tc, test_rule_active);
    tcase_add_test(tc, test_not_proven);
    tcase_add_test(tc, test_count_of_when);
    tcase_add_test(tc, test_ids);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
