/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of which only a part was looked at: what is not in it is not gone. */
#include "tests/events/event-scene.h"

static const VigilBox left_half = {0.0f, 0.0f, 0.5f, 1.0f};
static const VigilBox right_half = {0.5f, 0.0f, 1.0f, 1.0f};
static const gchar *const visitor =
    "rules: [{name: a, classes: [person], dwell: 1s, end_after: 1s}]";

static void
look_at_part(gint64 time_ns, const VigilBox *area, const VigilTrack *tracks, guint n)
{
    vigil_event_filter_set_area(filter, area);
    look(time_ns, tracks, n);
}

/* Looks at one part, ten a second, with nobody in it. */
static void
nobody_in(gint64 from_ns, gint64 to_ns, const VigilBox *area)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        look_at_part(t, area, NULL, 0);
}

/* As nobody_in(), but each 2 s all of the frame, in which somebody stands. */
static void
somebody_in_whole(gint64 from_ns, gint64 to_ns, const VigilBox *area, guint64 id, gfloat x)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        if ((t - from_ns) % (2 * SECOND) == 0)
            look_at_one(t, id, x, 0.8f, 0.9f);
        else
            look_at_part(t, area, NULL, 0);
}

START_TEST(who_is_elsewhere_is_not_gone)
{
    start(visitor);
    stand(0, 2 * SECOND, 1, 0.25f, 0.8f, 0.9f);
    somebody_in_whole(2100 * MS, 30 * SECOND, &right_half, 1, 0.25f);
    assert_story("b1");
    /* and gone when somebody looked */
    nobody_in(30100 * MS, 32 * SECOND, &left_half);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 28100 * MS);
}
END_TEST

/* Without a whole frame for long enough nobody knows. */
START_TEST(not_for_ever)
{
    start(visitor);
    stand(0, 2 * SECOND, 1, 0.25f, 0.8f, 0.9f);
    nobody_in(2100 * MS, 12 * SECOND, &right_half);
    assert_story("b1");
    nobody_in(12100 * MS, 14 * SECOND, &right_half);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 2 * SECOND);
}
END_TEST

/* A look at all of the frame does not end what only close looks show; and nobody looks for long enough, or closely: it ends. */
START_TEST(too_small_is_not_gone)
{
    start(visitor);
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS) {
        const VigilTrack track = person_at(1, 0.25f, 0.8f, 0.9f);

        if (t < 2 * SECOND || t % (4 * SECOND) == 0)
            look_at_part(t, &left_half, &track, 1);
        else
            look(t, NULL, 0);
    }
    assert_story("b1");
    nobody(20100 * MS, 31 * SECOND);
    assert_story("b1");
    nobody(31100 * MS, 33 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 20 * SECOND);
    start(visitor);
    for (gint64 t = 0; t <= 2 * SECOND; t += 100 * MS) {
        const VigilTrack track = person_at(1, 0.25f, 0.8f, 0.9f);

        look_at_part(t, &left_half, &track, 1);
    }
    nobody_in(2100 * MS, 4 * SECOND, &left_half);
    assert_story("b1 e1 b1 e1");
}
END_TEST

/* Who was seen in all of the frame, too, is gone when that does not show him; and so is who was about to walk out. */
START_TEST(gone_from_a_whole_look)
{
    start(visitor);
    for (gint64 t = 0; t <= 2 * SECOND; t += 100 * MS) {
        const VigilTrack track = person_at(1, 0.25f, 0.8f, 0.9f);

        look_at_part(t, t % SECOND ? &left_half : NULL, &track, 1);
    }
    nobody(2100 * MS, 4 * SECOND);
    assert_story("b1 e1");
    start(visitor);
    for (gint64 t = 0; t <= 2 * SECOND; t += 100 * MS) {
        const VigilTrack track =
            person_at(1, 0.45f - 0.2f * (gfloat)t / (gfloat)SECOND, 0.8f, 0.9f);

        look_at_part(t, &left_half, &track, 1);
    }
    nobody(2100 * MS, 5 * SECOND);
    assert_story("b1 e1 b1 e1");
}
END_TEST

/* What stands still at the border is no passer-by who has left, whatever its box did in the last look that showed it. */
START_TEST(still_at_the_border)
{
    start(visitor);
    for (gint64 t = 0; t <= 5 * SECOND; t += 100 * MS) {
        const VigilTrack track = person_at(1, t == 5 * SECOND ? 0.055f : 0.06f, 0.8f, 0.9f);

        look_at_part(t, &left_half, &track, 1);
    }
    nobody(5100 * MS, 14 * SECOND);
    assert_story("b1");
    nobody(14100 * MS, 17 * SECOND);
    assert_story("b1 e1");
}
END_TEST

/* The box of the part's border is not enough, and the place where its track says it is counts, too. */
START_TEST(the_place_must_be_in_the_part)
{
    VigilTrack expected = person_at(1, 0.7f, 0.8f, 0.0f);

    start(visitor);
    stand(0, 2 * SECOND, 1, 0.45f, 0.8f, 0.9f); /* from 0.35 to 0.55 */
    nobody_in(2100 * MS, 6 * SECOND, &left_half);
    assert_story("b1");
    start(visitor);
    stand(0, 2 * SECOND, 2, 0.25f, 0.8f, 0.9f);
    expected.id = 2;
    expected.observed = FALSE;
    for (gint64 t = 2100 * MS; t <= 6 * SECOND; t += 100 * MS)
        look_at_part(t, &left_half, &expected, 1);
    assert_story("b1 b2");
}
END_TEST

/* Frames in which nobody looked there are not its coverage. */
START_TEST(coverage)
{
    start(visitor);
    somebody_in_whole(0, 10 * SECOND, &right_half, 1, 0.25f);
    nobody(10100 * MS, 13 * SECOND);
    assert_story("b1 e1");
    ck_assert_uint_eq(event_at(1)->frames_seen, 101);
    ck_assert_uint_eq(event_at(1)->frames_inferred, 6);
}
END_TEST

/* Who is found again in a part is the same. */
START_TEST(back_in_a_part)
{
    start(visitor);
    stand(0, 2 * SECOND, 1, 0.25f, 0.8f, 0.9f);
    nobody_in(2100 * MS, 9 * SECOND, &right_half);
    for (gint64 t = 9100 * MS; t <= 12 * SECOND; t += 100 * MS) {
        const VigilTrack track = person_at(2, 0.25f, 0.8f, 0.9f);

        look_at_part(t, &left_half, &track, 1);
    }
    assert_story("b1");
}
END_TEST

static const gchar *const nobody_there =
    "rules: [{name: a, classes: [person], count: {at_most: 0}, dwell: 3s, end_after: 1s}]";

/* A part never says that nobody is there, and does not break it either. */
START_TEST(nobody_is_seen_in_all_of_it)
{
    start(nobody_there);
    stand(0, 2 * SECOND, 1, 0.25f, 0.8f, 0.9f);
    nobody_in(2100 * MS, 8 * SECOND, &right_half);
    assert_story("");
    nobody_in(8100 * MS, 10 * SECOND, &left_half);
    assert_story("");
    look(10100 * MS, NULL, 0);
    nobody_in(10200 * MS, 14 * SECOND, &right_half);
    assert_story("");
    look(14100 * MS, NULL, 0);
    assert_story("b1");
}
END_TEST

/* Two are two although one look shows one of them; and somebody in a part is somebody. */
START_TEST(counts)
{
    const VigilTrack both[] = {person_at(1, 0.25f, 0.8f, 0.9f), person_at(2, 0.75f, 0.8f, 0.9f)};

    start("rules: [{name: a, classes: [person], count: {at_least: 2}, dwell: 1s, end_after: 1s}]");
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS)
        if (t % (2 * SECOND) == 0)
            look(t, both, 2);
        else
            look_at_part(t, &right_half, &both[1], 1);
    assert_story("b1");
    start(nobody_there);
    look(21 * SECOND, NULL, 0);
    nobody_in(21100 * MS, 25 * SECOND, &left_half);
    look(25100 * MS, NULL, 0);
    assert_story("b1 b2");
    for (gint64 t = 25200 * MS; t <= 28 * SECOND; t += 100 * MS)
        look_at_part(t, &right_half, &both[1], 1);
    assert_story("b1 b2 e2");
}
END_TEST

/* An inspection: what should be there is elsewhere than where somebody looked. */
START_TEST(missing_is_not_concluded)
{
    start("rules: [{name: a, kind: missing, classes: [person], zones: [z], dwell: 2s, end_after: "
          "1s}]\n"
          "zones: {z: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}");
    somebody_in_whole(0, 20 * SECOND, &right_half, 1, 0.25f);
    nobody_in(20100 * MS, 30 * SECOND, &right_half);
    assert_story("");
    nobody(30100 * MS, 34 * SECOND);
    assert_story("b1");
}
END_TEST

/* `when` without somebody: that nobody was seen in a part proves nothing. */
START_TEST(when_nobody_is_there)
{
    const VigilTrack car = {.id = 9,
                            .box = {0.6f, 0.6f, 0.9f, 0.9f},
                            .score = 0.9f,
                            .label_id = 2,
                            .label = g_intern_static_string("car"),
                            .observed = TRUE};

    start("rules: [{name: a, classes: [car], when: {not: {classes: [person], count: {at_least: "
          "1}}}}]");
    for (gint64 t = 0; t <= 3 * SECOND; t += 100 * MS)
        look_at_part(t, &right_half, &car, 1);
    assert_story("");
    look(3100 * MS, &car, 1);
    assert_story("b1");
}
END_TEST

static VigilTrack
bag_at(guint64 id, gfloat x)
{
    return (VigilTrack){.id = id,
                        .box = {x - 0.05f, 0.7f, x + 0.05f, 0.8f},
                        .score = 0.8f,
                        .label_id = 24,
                        .label = g_intern_static_string("bag"),
                        .observed = TRUE};
}

static void
bag_in(gint64 from_ns, gint64 to_ns, const VigilBox *area, guint64 id, gfloat x)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS) {
        const VigilTrack bag = bag_at(id, x);

        look_at_part(t, area, &bag, 1);
    }
}

static const gchar *const removed =
    "rules: [{name: a, kind: removed, classes: [bag], dwell: 5s, end_after: 2s}]";

START_TEST(what_nobody_looked_at_is_not_removed)
{
    start(removed);
    bag_in(0, 8 * SECOND, NULL, 1, 0.25f);
    nobody_in(8100 * MS, 60 * SECOND, &right_half);
    assert_story("");
    nobody_in(60100 * MS, 64 * SECOND, &left_half);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(0)->start_ns, 8 * SECOND);
}
END_TEST

/* What only a close look shows is not gone since a look at all of the frame does not show it. */
START_TEST(too_small_is_not_removed)
{
    start(removed);
    bag_in(0, 8 * SECOND, &left_half, 1, 0.25f);
    /* a box is never quite still */
    bag_in(8100 * MS, 8100 * MS, &left_half, 1, 0.245f);
    nobody(8200 * MS, 60 * SECOND);
    assert_story("");
    nobody_in(60100 * MS, 64 * SECOND, &left_half);
    assert_story("b1 e1");
}
END_TEST

/* What is first seen when somebody looks closely for the first time may have been there. */
START_TEST(left_is_what_a_close_look_did_not_show)
{
    start("rules: [{name: a, kind: left, classes: [bag], dwell: 3s, end_after: 2s}]");
    nobody(0, 10 * SECOND);
    bag_in(10100 * MS, 20 * SECOND, &left_half, 1, 0.25f);
    assert_story("");
    /* there somebody looked closely, without it */
    bag_in(20100 * MS, 30 * SECOND, &left_half, 2, 0.4f);
    assert_story("b1");
    ck_assert_uint_eq(event_at(0)->track_id, 2);
}
END_TEST

static guint n_counted;

static void
take_decision(const VigilDecision *decision, gpointer user_data)
{
    n_counted += decision->reason == VIGIL_REASON_COUNT ? 1 : 0;
}

/* Of a part nobody says "0 at once, the rule wants at least 2". */
START_TEST(no_reason_is_made_up)
{
    const VigilTrack one = person_at(2, 0.75f, 0.8f, 0.9f);

    start("rules: [{name: a, classes: [person], count: {at_least: 2}}]");
    n_counted = 0;
    vigil_event_filter_set_decision_func(filter, take_decision, NULL);
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS)
        look_at_part(t, &right_half, &one, 1);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    ck_assert_uint_eq(n_counted, 0);
    start("rules: [{name: a, classes: [person], count: {at_least: 2}}]");
    vigil_event_filter_set_decision_func(filter, take_decision, NULL);
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS)
        look(t, &one, 1);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    ck_assert_uint_gt(n_counted, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-areas");
    TCase *tc = tcase_create("event-filter-areas");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_add_test(tc, who_is_elsewhere_is_not_gone);
    tcase_add_test(tc, too_small_is_not_gone);
    tcase_add_test(tc, gone_from_a_whole_look);
    tcase_add_test(tc, still_at_the_border);
    tcase_add_test(tc, not_for_ever);
    tcase_add_test(tc, the_place_must_be_in_the_part);
    tcase_add_test(tc, coverage);
    tcase_add_test(tc, back_in_a_part);
    tcase_add_test(tc, nobody_is_seen_in_all_of_it);
    tcase_add_test(tc, counts);
    tcase_add_test(tc, missing_is_not_concluded);
    tcase_add_test(tc, when_nobody_is_there);
    tcase_add_test(tc, what_nobody_looked_at_is_not_removed);
    tcase_add_test(tc, too_small_is_not_removed);
    tcase_add_test(tc, left_is_what_a_close_look_did_not_show);
    tcase_add_test(tc, no_reason_is_made_up);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
