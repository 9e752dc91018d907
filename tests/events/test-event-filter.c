/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/events/event-scene.h"

START_TEST(test_life)
{
    VigilEvent *begin, *end;

    start(
        "rules: [{name: visitor, classes: [person], end_after: 1s, record: {pre: 2s, post: 4s}}]");
    stand(SECOND, 2 * SECOND, 1, 0.5f, 0.8f, 0.7f);
    assert_story("b1");
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), 1);
    nobody(2100 * MS, 3 * SECOND);
    assert_story("b1");
    nobody(3100 * MS, 3100 * MS);
    assert_story("b1 e1");
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), 0);
    begin = event_at(0);
    end = event_at(1);
    ck_assert_str_eq(begin->id, end->id);
    ck_assert_int_eq(begin->end_reason, VIGIL_END_NONE);
    ck_assert_int_eq(begin->start_ns, SECOND);
    ck_assert_int_eq(begin->trigger_ns, SECOND);
    ck_assert_int_eq(begin->time_ns, SECOND);
    ck_assert_ptr_null(begin->path);
    ck_assert_str_eq(end->camera, "door");
    ck_assert_str_eq(end->rule, "visitor");
    ck_assert_str_eq(end->label, "person");
    ck_assert_uint_eq(end->track_id, 1);
    ck_assert_int_eq(end->end_reason, VIGIL_END_GONE);
    ck_assert_int_eq(end->start_ns, SECOND);
    ck_assert_int_eq(end->end_ns, 2 * SECOND);
    ck_assert_int_eq(end->time_ns, 3100 * MS);
    ck_assert_int_eq(end->start_wall_us, WALL + 1000000);
    ck_assert_int_eq(end->end_wall_us, WALL + 2000000);
    ck_assert_float_eq(end->score, 0.7f);
    ck_assert_float_eq(end->top_score, 0.7f);
    ck_assert(end->record);
    ck_assert_int_eq(end->pre_ns, 2 * SECOND);
    ck_assert_int_eq(end->post_ns, 4 * SECOND);
    ck_assert_ptr_null(end->zones);
    ck_assert_ptr_null(end->lines);
    ck_assert_uint_eq(end->path->len, 11);
    ck_assert_int_eq(g_array_index(end->path, VigilPathPoint, 10).time_ns, 2 * SECOND);
    ck_assert_uint_eq(end->frames_seen, 11);
    ck_assert_uint_eq(end->frames_inferred, 11);
}
END_TEST

START_TEST(test_class)
{
    VigilTrack track = person_at(1, 0.5f, 0.8f, 0.9f);

    start("rules: [{name: a, classes: [cat, dog]}]");
    look(0, &track, 1);
    track.label = NULL;
    look(SECOND, &track, 1);
    assert_story("");
    track.label = g_intern_static_string("dog");
    track.id = 2;
    look(2 * SECOND, &track, 1);
    assert_story("b1");
    ck_assert_str_eq(event_at(0)->label, "dog");
}
END_TEST

START_TEST(test_size)
{
    VigilTrack track = person_at(1, 0.5f, 0.8f, 0.9f); /* 0.4 high */

    start("rules: [{name: large, min_size: 0.5}, {name: small, max_size: 0.3}, {name: middle, "
          "min_size: 0.3, "
          "max_size: 0.5}]");
    look(0, &track, 1);
    assert_story("b1");
    ck_assert_str_eq(event_at(0)->rule, "middle");
    track = (VigilTrack){.id = 2,
                         .box = {0.0f, -0.2f, 0.1f, 0.25f},
                         .score = 0.9f,
                         .label = track.label,
                         .observed = TRUE};
    look(SECOND, &track, 1); /* 0.25 of it can be seen */
    ck_assert_str_eq(event_at(1)->rule, "small");
    track = (VigilTrack){.id = 3,
                         .box = {0.8f, -0.1f, 1.1f, 1.2f},
                         .score = 0.9f,
                         .label = track.label,
                         .observed = TRUE};
    look(2 * SECOND, &track, 1);
    ck_assert_uint_eq(events->len, 3);
    ck_assert_str_eq(event_at(2)->rule, "large");
}
END_TEST

START_TEST(test_zones)
{
    g_autofree gchar *rules =
        g_strconcat(two_zones, "rules: [{name: a, zones: [right], end_after: 500ms}]", NULL);
    VigilEvent *end;

    start(rules);
    stand(0, SECOND, 1, 0.2f, 0.9f, 0.8f);
    assert_story("");
    for (guint i = 0; i < 6; i++) /* into the zone, by its feet and not by its edges */
        look_at_one(1100 * MS + i * 100 * MS, 1, 0.2f + 0.08f * (gfloat)i, 0.9f, 0.8f);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 1500 * MS);
    for (guint i = 0; i < 10; i++) /* out of it */
        look_at_one(1700 * MS + i * 100 * MS, 1, 0.55f - 0.08f * (gfloat)MIN(i, 5), 0.9f, 0.8f);
    assert_story("b1 e1");
    end = event_at(1);
    ck_assert_int_eq(end->end_ns, 1700 * MS);
    ck_assert_str_eq(end->zones[0], "right");
    ck_assert_str_eq(end->zones[1], "floor");
    ck_assert_ptr_null(end->zones[2]);
    ck_assert_uint_eq(end->path->len, 3);
}
END_TEST

/* Any of a rule's zones; what it was in is told in the order of the rules file. */
START_TEST(test_any_zone)
{
    g_autofree gchar *rules =
        g_strconcat(two_zones, "rules: [{name: a, zones: [right, left]}]", NULL);

    start(rules);
    stand(0, SECOND, 1, 0.2f, 0.4f, 0.8f);
    stand(1100 * MS, 2 * SECOND, 1, 0.6f, 0.4f, 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    ck_assert_str_eq(event_at(0)->zones[0], "left");
    ck_assert_ptr_null(event_at(0)->zones[1]);
    ck_assert_str_eq(event_at(1)->zones[0], "left");
    ck_assert_str_eq(event_at(1)->zones[1], "right");
    ck_assert_int_eq(event_at(1)->end_reason, VIGIL_END_STREAM);
}
END_TEST

START_TEST(test_dwell)
{
    start("rules: [{name: a, dwell: 2s, end_after: 1s}]");
    stand(0, 1900 * MS, 1, 0.5f, 0.8f, 0.8f);
    nobody(2 * SECOND, 4 * SECOND); /* went before it was long enough */
    assert_story("");
    stand(5 * SECOND, 6 * SECOND, 2, 0.5f, 0.8f, 0.8f);
    nobody(6100 * MS, 6700 * MS); /* a short gap does not begin the time anew */
    stand(6800 * MS, 6900 * MS, 2, 0.5f, 0.8f, 0.8f);
    assert_story("");
    stand(7 * SECOND, 7 * SECOND, 2, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 5 * SECOND);
    ck_assert_int_eq(event_at(0)->trigger_ns, 7 * SECOND);
}
END_TEST

/* The median counts, not one lucky frame and not one bad one. */
START_TEST(test_median_score)
{
    static const gfloat lucky[] = {0.4f, 0.45f, 0.9f, 0.4f, 0.42f, 0.44f};
    static const gfloat bad[] = {0.35f, 0.7f, 0.65f, 0.3f, 0.7f, 0.72f};

    start("rules: [{name: a, min_score: 0.6}]");
    for (guint i = 0; i < G_N_ELEMENTS(lucky); i++)
        look_at_one(i * 100 * MS, 1, 0.2f, 0.8f, lucky[i]);
    assert_story("");
    nobody(SECOND, 8 * SECOND);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        look_at_one(10 * SECOND + i * 100 * MS, 2, 0.2f, 0.8f, bad[i]);
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 10 * SECOND); /* from the first sight of it */
    ck_assert_int_eq(event_at(0)->trigger_ns, 10 * SECOND + 200 * MS);
    vigil_event_filter_finish(filter, VIGIL_END_STOPPED);
    ck_assert_float_eq_tol(event_at(1)->score, 0.675f, 1e-6f);
    ck_assert_float_eq(event_at(1)->top_score, 0.72f);
    ck_assert_int_eq(event_at(1)->end_reason, VIGIL_END_STOPPED);
}
END_TEST

/* Detections far below the score are no sign that somebody is still there. */
START_TEST(test_weak_tail)
{
    start("rules: [{name: a, min_score: 0.6, end_after: 1s}]");
    stand(0, 2 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    stand(2100 * MS, 3 * SECOND, 1, 0.5f, 0.8f, 0.4f);
    stand(3100 * MS, 5 * SECOND, 1, 0.5f, 0.8f, 0.25f);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 3 * SECOND);
}
END_TEST

/* Tracks that are only predicted prove nothing. */
START_TEST(test_predicted)
{
    VigilTrack track = person_at(1, 0.5f, 0.8f, 0.0f);

    start("rules: [{name: a, end_after: 1s}]");
    track.observed = FALSE;
    look(0, &track, 1);
    assert_story("");
    stand(100 * MS, SECOND, 1, 0.5f, 0.8f, 0.8f);
    for (guint i = 0; i < 11; i++)
        look(1100 * MS + i * 100 * MS, &track, 1);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, SECOND);
}
END_TEST

static const gchar *const line_rules =
    "lines: {gate: [[0.1, 0.5], [0.9, 0.5]], post: [[0.5, 0.9], [0.5, 0.1]]}\n"
    "rules: [{name: in, line: gate, direction: in, end_after: 1s}, {name: out, line: gate, "
    "direction: out, "
    "end_after: 1s}, {name: any, line: gate, end_after: 1s}]";

/* Down over the line in ten steps, from @from. */
static void
walk(gint64 from_ns, guint64 id, gfloat x, gfloat y_from, gfloat y_to)
{
    for (guint i = 0; i <= 10; i++)
        look_at_one(from_ns + i * 100 * MS, id, x, y_from + (y_to - y_from) * (gfloat)i / 10.0f,
                    0.8f);
}

START_TEST(test_line)
{
    start(line_rules);
    walk(SECOND, 1, 0.3f, 0.42f, 0.62f);
    nobody(2100 * MS, 4 * SECOND);
    assert_story("b1 b2 e1 e2");
    ck_assert_str_eq(event_at(0)->rule, "in");
    ck_assert_str_eq(event_at(1)->rule, "any");
    ck_assert_int_eq(event_at(0)->start_ns, 1400 * MS); /* the frame of the crossing */
    ck_assert_str_eq(event_at(0)->lines[0], "gate:in");
    ck_assert_ptr_null(event_at(0)->lines[1]);
    ck_assert_int_eq(event_at(2)->end_ns, 2 * SECOND); /* it lasts while the object is there */
    g_ptr_array_set_size(events, 0);
    walk(10 * SECOND, 2, 0.3f, 0.62f, 0.42f);
    nobody(11100 * MS, 13 * SECOND);
    assert_story("b1 b2 e1 e2");
    ck_assert_str_eq(event_at(0)->rule, "out");
    ck_assert_str_eq(event_at(1)->rule, "any");
    ck_assert_str_eq(event_at(1)->lines[0], "gate:out");
}
END_TEST

/* Nobody crosses by appearing below the line, by passing beside it, or by jumping about in one place above it. */
START_TEST(test_line_not_crossed)
{
    start(line_rules);
    walk(SECOND, 1, 0.3f, 0.6f, 0.8f);
    walk(10 * SECOND, 2, 0.95f, 0.42f, 0.62f);
    walk(20 * SECOND, 3, 0.3f, 0.42f, 0.44f);
    assert_story("");
}
END_TEST

/* All lines that are crossed are told, both ways, and crossing again in the same stay is the same event. */
START_TEST(test_lines_told)
{
    VigilEvent *end;

    start("lines: {gate: [[0.1, 0.5], [0.9, 0.5]], post: [[0.5, 0.9], [0.5, 0.1]]}\n"
          "rules: [{name: in, line: gate, direction: in, end_after: 1s}]");
    walk(0, 1, 0.3f, 0.42f, 0.62f);
    for (guint i = 1; i <= 10; i++) /* over the post, to the right */
        look_at_one(SECOND + i * 100 * MS, 1, 0.3f + 0.04f * (gfloat)i, 0.62f, 0.8f);
    for (guint i = 1; i <= 10; i++) /* and up and down again */
        look_at_one(2 * SECOND + i * 100 * MS, 1, 0.7f,
                    0.62f - 0.04f * (gfloat)(i <= 5 ? i : 10 - i), 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    end = event_at(1);
    ck_assert_str_eq(end->lines[0], "gate:in");
    ck_assert_str_eq(end->lines[1], "gate:out");
    ck_assert_str_eq(end->lines[2], "post:in");
    ck_assert_ptr_null(end->lines[3]);
}
END_TEST

/* Lost above the line under one id and found below it under another: still a crossing. */
START_TEST(test_line_over_gap)
{
    start(line_rules);
    stand(0, SECOND, 1, 0.3f, 0.45f, 0.8f);
    nobody(1100 * MS, 1500 * MS);
    stand(1600 * MS, 2 * SECOND, 2, 0.3f, 0.6f, 0.8f);
    assert_story("b1 b2");
    ck_assert_int_eq(event_at(0)->start_ns, 1600 * MS);
}
END_TEST

START_TEST(test_cooldown)
{
    start("rules: [{name: a, cooldown: 10s, end_after: 1s}, {name: b, end_after: 1s}]");
    stand(0, SECOND, 1, 0.2f, 0.8f, 0.8f);
    nobody(1100 * MS, 3 * SECOND);
    assert_story("b1 b2 e1 e2");
    g_ptr_array_set_size(events, 0);
    stand(5 * SECOND, 12 * SECOND, 2, 0.7f, 0.8f, 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 b2 e1 e2");
    ck_assert_str_eq(event_at(0)->rule, "b");
    ck_assert_int_eq(event_at(0)->start_ns, 5 * SECOND);
    ck_assert_str_eq(event_at(1)->rule, "a");
    ck_assert_int_eq(event_at(1)->start_ns,
                     11 * SECOND); /* 10 s after the last sight of the first one */
}
END_TEST

/* Who waits for the dwell while another's event ends waits for the cooldown as well. */
START_TEST(test_cooldown_drops_waiting)
{
    start("rules: [{name: a, cooldown: 5s, dwell: 3s, end_after: 1s}]");
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS) {
        const VigilTrack both[] = {person_at(1, 0.2f, 0.8f, 0.8f), person_at(2, 0.8f, 0.8f, 0.8f)};

        if (t <= 3 * SECOND)
            look(t, both, 1);
        else if (t <= 4 * SECOND)
            look(t, both, 2);
        else
            look(t, both + 1, 1);
    }
    assert_story("b1 e1 b2");
    ck_assert_int_eq(event_at(1)->end_ns, 4 * SECOND);
    ck_assert_int_eq(event_at(2)->start_ns, 9 * SECOND);
    ck_assert_int_eq(event_at(2)->trigger_ns, 12 * SECOND);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter");
    TCase *tc = tcase_create("event-filter");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_life);
    tcase_add_test(tc, test_class);
    tcase_add_test(tc, test_size);
    tcase_add_test(tc, test_zones);
    tcase_add_test(tc, test_any_zone);
    tcase_add_test(tc, test_dwell);
    tcase_add_test(tc, test_median_score);
    tcase_add_test(tc, test_weak_tail);
    tcase_add_test(tc, test_predicted);
    tcase_add_test(tc, test_line);
    tcase_add_test(tc, test_line_not_crossed);
    tcase_add_test(tc, test_lines_told);
    tcase_add_test(tc, test_line_over_gap);
    tcase_add_test(tc, test_cooldown);
    tcase_add_test(tc, test_cooldown_drops_waiting);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
