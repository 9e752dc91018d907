/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/events/event-scene.h"

/* Detected on and off, each time under a new id, with scores as a real model gives: one event. */
START_TEST(test_flicker)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    guint64 id = 1;

    start("rules: [{name: a, classes: [person], min_score: 0.5, end_after: 1500ms}]");
    for (guint i = 0; i < 300; i++) {
        const gboolean there = i % 12 < 4;

        if (i % 12 == 0)
            id++;
        if (there)
            look_at_one(i * 100 * MS, id, 0.55f + (gfloat)g_rand_double_range(rand, -0.02, 0.02),
                        0.9f, (gfloat)g_rand_double_range(rand, 0.63, 0.82));
        else
            look(i * 100 * MS, NULL, 0);
    }
    assert_story("b1");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->start_ns, 0);
    ck_assert_int_eq(event_at(1)->end_ns, 291 * 100 * MS);
    ck_assert_uint_eq(event_at(1)->track_id, 2); /* as it began */
}
END_TEST

/* Too late, too far away, or of another class: somebody else. */
START_TEST(test_no_merge)
{
    VigilTrack dog = person_at(4, 0.5f, 0.8f, 0.8f);

    start("rules: [{name: a, end_after: 1s}]");
    stand(0, SECOND, 1, 0.2f, 0.8f, 0.8f);
    look(1100 * MS, NULL, 0);
    stand(1200 * MS, 1300 * MS, 2, 0.8f, 0.8f, 0.8f); /* far away */
    assert_story("b1 b2");
    nobody(1400 * MS, 3 * SECOND);
    stand(3100 * MS, 3200 * MS, 3, 0.8f, 0.8f, 0.8f); /* too late */
    assert_story("b1 b2 e1 e2 b3");
    dog.label = g_intern_static_string("dog");
    dog.box.x0 += 0.3f;
    dog.box.x1 += 0.3f;
    look(3300 * MS, &dog, 1); /* another class at the same place */
    assert_story("b1 b2 e1 e2 b3 b4");
    nobody(3400 * MS, 6 * SECOND);
    stand(7 * SECOND, 7100 * MS, 5, 0.5f, 0.8f, 0.8f);
    look(7200 * MS, NULL, 0);
    {
        VigilTrack small = person_at(6, 0.5f, 0.7f, 0.8f); /* a fifth of the size */

        small.box = (VigilBox){0.48f, 0.6f, 0.52f, 0.68f};
        look(7300 * MS, &small, 1);
    }
    assert_story("b1 b2 e1 e2 b3 b4 e3 e4 b5 b6");
}
END_TEST

/* Who walks on behind a pillar comes out where the speed would have taken them. */
START_TEST(test_merge_moving)
{
    start("rules: [{name: a, end_after: 2s}]");
    for (guint i = 0; i <= 10; i++)
        look_at_one(i * 100 * MS, 1, 0.1f + 0.04f * (gfloat)i, 0.8f, 0.8f); /* 0.4 a second */
    nobody(1100 * MS, 1900 * MS);
    look_at_one(2 * SECOND, 2, 0.9f, 0.8f, 0.8f);
    assert_story("b1");
    nobody(2100 * MS, 5 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 2 * SECOND);
}
END_TEST

/* Two at once are two events; when one is lost, the other one does not take over. */
START_TEST(test_two_objects)
{
    const VigilTrack both[] = {person_at(9, 0.3f, 0.8f, 0.8f), person_at(4, 0.5f, 0.8f, 0.7f)};

    start("rules: [{name: a, end_after: 1s}]");
    for (guint i = 0; i < 10; i++)
        look(i * 100 * MS, both, 2);
    assert_story("b1 b2");
    ck_assert_uint_eq(event_at(0)->track_id, 4); /* by track id, whatever the order of the tracks */
    ck_assert_uint_eq(event_at(1)->track_id, 9);
    for (guint i = 10; i < 30; i++)
        look(i * 100 * MS, both + 1, 1);
    assert_story("b1 b2 e2");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 b2 e2 e1");
}
END_TEST

/* One person, with one box over the whole and one over the upper half. */
static void
look_at_double(gint64 time_ns, gfloat whole, gfloat half)
{
    VigilTrack tracks[] = {person_at(1, 0.5f, 0.8f, whole), person_at(2, 0.52f, 0.6f, half)};

    tracks[1].box.y0 = 0.38f;
    look(time_ns, whole > 0.0f ? tracks : tracks + 1, (whole > 0.0f) + (half > 0.0f));
}

/* A second box for a moment is no second event, and no more is its going on alone. */
START_TEST(test_double)
{
    start("rules: [{name: a, end_after: 1s}]");
    for (guint i = 0; i < 10; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.0f);
    for (guint i = 10; i < 25; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.7f);
    for (guint i = 25; i < 50; i++)
        look_at_double(i * 100 * MS, 0.0f, 0.7f);
    for (guint i = 50; i < 60; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.7f);
    assert_story("b1");
    nobody(6 * SECOND, 8 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 5900 * MS);
}
END_TEST

/* The better box carries the event: a weak original changes places with its double, as often as it takes. */
START_TEST(test_double_better)
{
    start("rules: [{name: a, end_after: 1s, min_score: 0.6}]");
    for (guint i = 0; i < 20; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.2f);
    for (guint i = 20; i < 60; i++)
        look_at_double(i * 100 * MS, 0.2f, 0.8f);
    for (guint i = 60; i < 100; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.2f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 9900 * MS);
    ck_assert_uint_eq(event_at(1)->path->len, 100);
    ck_assert_float_eq_tol(event_at(1)->score, 0.8f, 1e-6f);
}
END_TEST

/* Two who stand together are two, after a while; who parts is somebody at once. */
START_TEST(test_no_double)
{
    start("rules: [{name: a, end_after: 1s}]");
    for (guint i = 0; i < 30; i++)
        look_at_double(i * 100 * MS, 0.8f, 0.7f);
    assert_story("b1 b2");
    ck_assert_int_eq(event_at(1)->start_ns, 2 * SECOND);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    g_ptr_array_set_size(events, 0);
    for (guint i = 0; i < 10; i++) {
        const VigilTrack both[] = {person_at(5, 0.5f, 0.8f, 0.8f),
                                   person_at(6, 0.5f + 0.03f * (gfloat)i, 0.8f, 0.8f)};

        look(10 * SECOND + i * 100 * MS, both, 2);
    }
    assert_story("b1 b2");
    ck_assert_int_eq(event_at(1)->start_ns, 10 * SECOND + 400 * MS);
}
END_TEST

/* 300 objects under two rules: bounded, counted, and all that began end. */
START_TEST(test_overflow)
{
    static VigilTrack tracks[300];
    guint n_begins = 0, n_ends = 0;

    start("rules: [{name: a, end_after: 1s}, {name: b, end_after: 1s}]");
    for (guint i = 0; i < 300; i++) {
        tracks[i] = person_at(i + 1, 0, 0, 0.8f);
        tracks[i].box =
            (VigilBox){0.05f * (gfloat)(i % 20), 0.06f * (gfloat)(i / 20),
                       0.05f * (gfloat)(i % 20) + 0.01f, 0.06f * (gfloat)(i / 20) + 0.01f};
    }
    look(0, tracks, 300);
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), VIGIL_EVENT_FILTER_MAX_STAYS);
    /* 44 objects and, of the second rule, all that are there */
    ck_assert_uint_eq(vigil_event_filter_get_n_overflow(filter), 44 + 2 * 256 - 256);
    nobody(100 * MS, 3 * SECOND);
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), 0);
    look(4 * SECOND, tracks + 280, 20); /* new ones find room */
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), 40);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    for (guint i = 0; i < events->len; i++) {
        n_begins += event_at(i)->type == VIGIL_EVENT_BEGIN;
        n_ends += event_at(i)->type == VIGIL_EVENT_END;
    }
    ck_assert_uint_eq(n_begins, 256 + 40);
    ck_assert_uint_eq(n_ends, n_begins);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-objects");
    TCase *tc = tcase_create("event-filter-objects");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_flicker);
    tcase_add_test(tc, test_no_merge);
    tcase_add_test(tc, test_merge_moving);
    tcase_add_test(tc, test_two_objects);
    tcase_add_test(tc, test_double);
    tcase_add_test(tc, test_double_better);
    tcase_add_test(tc, test_no_double);
    tcase_add_test(tc, test_overflow);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
