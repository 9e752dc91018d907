/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/events/event-scene.h"

/* WALL is 2023-11-14, a Tuesday, 22:13:20 UTC, so 23:13:20 in Berlin. */
#define TO_2314 (40 * SECOND)

/* Somebody is there all the time; the rule holds for two minutes. */
START_TEST(test_begins_and_ends)
{
    start("rules: [{name: a, end_after: 2s, dwell: 1s, schedule: {days: [tue], from: \"23:14\", "
          "to: \"23:16\", timezone: Europe/Berlin}}]");
    stand(0, TO_2314 + 300 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(0)->start_ns, TO_2314);
    ck_assert_int_eq(event_at(0)->trigger_ns, TO_2314 + SECOND);
    ck_assert_int_eq(event_at(1)->end_ns, TO_2314 + 120 * SECOND - 100 * MS);
    ck_assert_int_eq(event_at(1)->time_ns, TO_2314 + 122 * SECOND);
    ck_assert_int_eq(event_at(1)->end_reason, VIGIL_END_GONE);
}
END_TEST

/* The clock is set while the stream goes on: schedules go by it, and what events say stays as it was. */
START_TEST(test_clock_is_set)
{
    start("rules: [{name: a, end_after: 2s, schedule: {from: \"23:14\", to: \"23:16\", "
          "timezone: Europe/Berlin}}]");
    stand(0, 10 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("");
    vigil_event_filter_set_clock_skew(filter, 60 * 1000000);
    stand(10100 * MS, 20 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 10100 * MS);
    ck_assert_int_eq(event_at(0)->start_wall_us, WALL + 10100000);
    vigil_event_filter_set_clock_skew(filter, -60 * 1000000);
    stand(20100 * MS, 30 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 20 * SECOND);
    ck_assert_int_eq(event_at(1)->end_wall_us, WALL + 20000000);
}
END_TEST

START_TEST(test_another_day)
{
    start("rules: [{name: a, schedule: {days: [wed], timezone: Europe/Berlin}}]");
    stand(0, TO_2314 + 46 * 60 * SECOND - 100 * MS, 1, 0.5f, 0.8f, 0.8f); /* to midnight there */
    assert_story("");
    stand(TO_2314 + 46 * 60 * SECOND, TO_2314 + 47 * 60 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, TO_2314 + 46 * 60 * SECOND);
}
END_TEST

/* A break that is shorter than end_after does not end it. */
START_TEST(test_bridges)
{
    start("rules: [{name: a, end_after: 90s, schedule: ["
          "{from: \"23:00\", to: \"23:14\", timezone: Europe/Berlin}, "
          "{from: \"22:15\", to: \"22:17\", timezone: UTC}]}]");
    stand(0, TO_2314 + 150 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    ck_assert_int_eq(event_at(1)->end_ns, TO_2314 + 150 * SECOND);
}
END_TEST

/* Who crosses the line before the time has crossed it, and does not later. */
START_TEST(test_line_before_time)
{
    start("lines: {gate: [[0.5, 0], [0.5, 1]]}\n"
          "rules:\n"
          "  - {name: a, line: gate, schedule: {from: \"23:14\", timezone: Europe/Berlin}}\n"
          "  - {name: b, line: gate}");
    stand(0, SECOND, 1, 0.3f, 0.8f, 0.8f);
    stand(1100 * MS, TO_2314 + 10 * SECOND, 1, 0.7f, 0.8f, 0.8f);
    assert_story("b1");
    ck_assert_str_eq(event_at(0)->rule, "b");
}
END_TEST

/* The schedule counts for the id, and rules without one have the ids that they always had. */
START_TEST(test_ids)
{
    static const gchar *const rules[] = {
        "rules: [{name: a}]",
        "rules: [{name: a, schedule: {timezone: UTC}}]",
        "rules: [{name: a, schedule: {timezone: Europe/Berlin}}]",
        "rules: [{name: a, schedule: {days: [tue], timezone: UTC}}]",
        "rules: [{name: a, schedule: {from: \"22:00\", timezone: UTC}}]",
        "rules: [{name: a, schedule: {to: \"23:00\", timezone: UTC}}]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        start(rules[i]);
        stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    }
    assert_story("b1 b2 b3 b4 b5 b6");
    ck_assert_str_eq(event_at(0)->id, "01HF7YAT00KYCYKGDH9QT5SXTS");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-schedule");
    TCase *tc = tcase_create("event-filter-schedule");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_add_test(tc, test_begins_and_ends);
    tcase_add_test(tc, test_clock_is_set);
    tcase_add_test(tc, test_another_day);
    tcase_add_test(tc, test_bridges);
    tcase_add_test(tc, test_line_before_time);
    tcase_add_test(tc, test_ids);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
