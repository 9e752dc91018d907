/* SPDX-License-Identifier: Apache-2.0 */
/* What rules and zones ask of an object beside its class, size and place; whose cooldown counts. */
#include "tests/events/event-scene.h"

static VigilTrack
box_of(guint64 id, const gchar *label, VigilBox box, gfloat score)
{
    return (VigilTrack){
        .id = id, .box = box, .score = score, .label = g_intern_string(label), .observed = TRUE};
}

/* A person is half as wide as high in a square frame, and 0.89 in one of 16:9. */
START_TEST(test_aspect)
{
    static const struct {
        gfloat frame;
        const gchar *rule, *story;
    } cases[] = {
        {1.0f, "min_aspect: 0.51", ""},          {1.0f, "min_aspect: 0.49", "b1"},
        {1.0f, "max_aspect: 0.49", ""},          {1.0f, "max_aspect: 0.51", "b1"},
        {16.0f / 9.0f, "min_aspect: 0.9", ""},   {16.0f / 9.0f, "min_aspect: 0.88", "b1"},
        {16.0f / 9.0f, "max_aspect: 0.88", ""},  {16.0f / 9.0f, "max_aspect: 0.9", "b1"},
        {9.0f / 16.0f, "max_aspect: 0.3", "b1"}, {0.0f, "min_aspect: 0.49", "b1"},
    };
    g_autofree gchar *yaml = g_strdup_printf("rules: [{name: a, %s}]", cases[_i].rule);

    start(yaml);
    vigil_event_filter_set_frame_aspect(filter, cases[_i].frame);
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    assert_story(cases[_i].story);
}
END_TEST

/* What is out of the picture is no part of the shape: half of this person is. */
START_TEST(test_aspect_at_edge)
{
    const VigilTrack track = box_of(1, "person", (VigilBox){-0.1f, 0.4f, 0.1f, 0.8f}, 0.9f);

    start("rules: [{name: a, max_aspect: 0.26}]");
    look(0, &track, 1);
    assert_story("b1");
}
END_TEST

/* Somebody else may go on, and so may who comes back as somebody else; the same one may not. */
START_TEST(test_cooldown_of_track)
{
    static const gchar *const rules = "zones: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}\n"
                                      "rules: [{name: a, zones: [left], end_after: 1s, cooldown: "
                                      "10s, cooldown_per: track}]";

    start(rules);
    stand(0, SECOND, 1, 0.3f, 0.8f, 0.9f);
    stand(1100 * MS, 3 * SECOND, 1, 0.7f, 0.8f, 0.9f);
    assert_story("b1 e1");
    stand(3100 * MS, 10900 * MS, 1, 0.3f, 0.8f, 0.9f); /* back within the cooldown */
    assert_story("b1 e1");
    for (gint64 t = 11 * SECOND; t <= 12 * SECOND; t += 100 * MS) {
        const VigilTrack both[] = {person_at(1, 0.3f, 0.8f, 0.9f), person_at(2, 0.1f, 0.5f, 0.9f)};

        look(t, both, 2);
    }
    assert_story("b1 e1 b2 b3"); /* it ended at 1 s */
    ck_assert_uint_eq(event_at(2)->track_id, 1);
    ck_assert_uint_eq(event_at(3)->track_id, 2);
}
END_TEST

/* With the rule's own cooldown the second person has to wait. */
START_TEST(test_cooldown_of_others)
{
    for (guint of_track = 0; of_track < 2; of_track++) {
        g_autofree gchar *yaml =
            g_strdup_printf("rules: [{name: a, end_after: 1s, cooldown: 10s%s}]",
                            of_track ? ", cooldown_per: track" : "");

        g_ptr_array_set_size(events, 0);
        start(yaml);
        stand(0, SECOND, 1, 0.2f, 0.8f, 0.9f);
        nobody(1100 * MS, 3 * SECOND);
        stand(3100 * MS, 5 * SECOND, 2, 0.8f, 0.8f, 0.9f);
        assert_story(of_track ? "b1 e1 b2" : "b1 e1");
    }
}
END_TEST

/* Rule b waits for its time after every event, also of rule a; a does not care. */
START_TEST(test_cooldown_of_camera)
{
    g_autofree gchar *yaml = g_strconcat(
        two_zones,
        "rules:\n"
        "  - {name: a, zones: [left], end_after: 1s}\n"
        "  - {name: b, zones: [right], end_after: 1s, cooldown: 5s, cooldown_per: camera}\n",
        NULL);

    start(yaml);
    stand(0, SECOND, 1, 0.2f, 0.8f, 0.9f);
    nobody(1100 * MS, 3 * SECOND);
    assert_story("b1 e1");
    stand(3100 * MS, 5900 * MS, 2, 0.8f, 0.8f, 0.9f);
    assert_story("b1 e1");
    stand(6 * SECOND, 7 * SECOND, 2, 0.8f, 0.8f, 0.9f);
    assert_story("b1 e1 b2");
    ck_assert_str_eq(event_at(2)->rule, "b");
    ck_assert_int_eq(event_at(2)->start_ns, 6 * SECOND);
    nobody(7100 * MS, 9 * SECOND);
    stand(9100 * MS, 10 * SECOND, 3, 0.2f, 0.8f, 0.9f);
    assert_story("b1 e1 b2 e2 b3");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    stand(0, SECOND, 4, 0.8f, 0.8f, 0.9f); /* time begins anew */
    assert_story("b1 e1 b2 e2 b3 e3 b4");
}
END_TEST

/* Who does not fit the zone's filter is not in the zone: for rules, and in what events of other rules say. */
START_TEST(test_zone_filter)
{
    static const struct {
        const gchar *filter;
        gboolean fits;
    } cases[] = {
        {"classes: [dog]", FALSE},   {"classes: [dog, person]", TRUE}, {"min_size: 0.41", FALSE},
        {"min_size: 0.39", TRUE},    {"max_size: 0.39", FALSE},        {"max_size: 0.41", TRUE},
        {"min_aspect: 0.51", FALSE}, {"min_aspect: 0.49", TRUE},       {"max_aspect: 0.49", FALSE},
        {"max_aspect: 0.51", TRUE},  {"min_score: 0.95", FALSE},       {"min_score: 0.85", TRUE},
        {"classes: [person]", TRUE},
    };
    g_autofree gchar *yaml =
        g_strdup_printf("zones:\n"
                        "  all: [[0, 0], [1, 0], [1, 1], [0, 1]]\n"
                        "  some: {points: [[0, 0], [1, 0], [1, 1], [0, 1]], %s}\n"
                        "rules: [{name: a, zones: [some]}, {name: b, zones: [all]}]",
                        cases[_i].filter);
    const VigilEvent *of_all;

    start(yaml);
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    assert_story(cases[_i].fits ? "b1 b2" : "b1");
    of_all = event_at(cases[_i].fits ? 1 : 0);
    ck_assert_str_eq(of_all->rule, "b");
    ck_assert_str_eq(of_all->zones[0], "all");
    ck_assert_int_eq(of_all->zones[1] != NULL, cases[_i].fits);
}
END_TEST

/* Each of them counts for the id. */
START_TEST(test_ids)
{
    static const gchar *const rules[] = {
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\nrules: [{name: a, cooldown: 1s}]",
        "zones: {z: {points: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\nrules: [{name: a, cooldown: 1s}]",
        "zones: {z: {points: [[0, 0], [1, 0], [1, 1], [0, 1]], classes: [x]}}\n"
        "rules: [{name: a, cooldown: 1s}]",
        "zones: {z: {points: [[0, 0], [1, 0], [1, 1], [0, 1]], min_score: 0.1}}\n"
        "rules: [{name: a, cooldown: 1s}]",
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
        "rules: [{name: a, cooldown: 1s, min_aspect: 0.1}]",
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
        "rules: [{name: a, cooldown: 1s, max_aspect: 10}]",
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
        "rules: [{name: a, cooldown: 1s, cooldown_per: track}]",
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
        "rules: [{name: a, cooldown: 1s, cooldown_per: camera}]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        start(rules[i]);
        stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    }
    assert_story("b1 b2 b3 b4 b5 b6 b7 b8");
    start("zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\n"
          "rules: [{name: a, cooldown: 1s, cooldown_per: rule}]"); /* as the first */
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1 b2 b3 b4 b5 b6 b7 b8 b1");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-conditions");
    TCase *tc = tcase_create("event-filter-conditions");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_add_loop_test(tc, test_aspect, 0, 10);
    tcase_add_test(tc, test_aspect_at_edge);
    tcase_add_test(tc, test_cooldown_of_track);
    tcase_add_test(tc, test_cooldown_of_others);
    tcase_add_test(tc, test_cooldown_of_camera);
    tcase_add_loop_test(tc, test_zone_filter, 0, 13);
    tcase_add_test(tc, test_ids);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
