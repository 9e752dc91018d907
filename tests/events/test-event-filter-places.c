/* SPDX-License-Identifier: Apache-2.0 */
/* What is left behind, what is taken away, and who comes back. */
#include "tests/events/event-scene.h"

static VigilTrack
bag_at(guint64 id, gfloat x, gfloat y)
{
    return (VigilTrack){.id = id,
                        .box = {x - 0.05f, y - 0.1f, x + 0.05f, y},
                        .score = 0.8f,
                        .label_id = 24,
                        .label = g_intern_static_string("bag"),
                        .observed = TRUE};
}

/* The bag, and somebody at another place, ten frames a second. */
static void
bag(gint64 from_ns, gint64 to_ns, guint64 id, gfloat x)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS) {
        const VigilTrack tracks[] = {bag_at(id, x, 0.8f), person_at(1, 0.85f, 0.8f, 0.9f)};

        look(t, tracks, 2);
    }
}

static void
no_bag(gint64 from_ns, gint64 to_ns)
{
    stand(from_ns, to_ns, 1, 0.85f, 0.8f, 0.9f);
}

/* Somebody stands before the bag's place. */
static void
covered(gint64 from_ns, gint64 to_ns)
{
    stand(from_ns, to_ns, 1, 0.3f, 0.9f, 0.9f);
}

static const gchar *const left =
    "rules: [{name: a, kind: left, classes: [bag], dwell: 5s, end_after: 2s}]";
static const gchar *const removed =
    "rules: [{name: a, kind: removed, classes: [bag], dwell: 5s, end_after: 2s}]";

START_TEST(test_left)
{
    start(left);
    no_bag(0, 5 * SECOND);
    for (guint i = 0; i < 20; i++) /* carried in */
        bag(5100 * MS + i * 100 * MS, 5100 * MS + i * 100 * MS, 2, 0.7f - 0.02f * (gfloat)i);
    bag(7100 * MS, 12 * SECOND, 2, 0.3f);
    assert_story("");
    bag(12100 * MS, 16 * SECOND, 2, 0.3f);
    assert_story("b1");
    ck_assert_str_eq(event_at(0)->label, "bag");
    ck_assert_int_ge(event_at(0)->start_ns, 6 * SECOND);
    ck_assert_int_le(event_at(0)->start_ns, 8500 * MS);
    no_bag(16100 * MS, 20 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 16 * SECOND);
}
END_TEST

/* What was there before anybody looked was not left now, however long it stands. */
START_TEST(test_not_new)
{
    start(left);
    bag(0, 20 * SECOND, 2, 0.3f);
    covered(20100 * MS, 40 * SECOND); /* for longer than end_after */
    bag(40100 * MS, 60 * SECOND, 3, 0.3f);
    assert_story("");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    bag(61 * SECOND, 80 * SECOND, 4, 0.3f); /* a new begin */
    assert_story("");
}
END_TEST

/* After a long time in which nobody looked, nobody knows what is new. */
START_TEST(test_not_new_after_blind_time)
{
    start(left);
    no_bag(0, 5 * SECOND);
    for (gint64 t = 5100 * MS; t <= 60 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_SKIPPED_NO_MOTION, NULL, 0);
    no_bag(60100 * MS, 60500 * MS);
    bag(60600 * MS, 75 * SECOND, 2, 0.3f);
    assert_story("");
    for (gint64 t = 75100 * MS; t <= 90 * SECOND; t += 100 * MS) {
        const VigilTrack tracks[] = {bag_at(2, 0.3f, 0.8f), bag_at(3, 0.6f, 0.8f)};

        look(t, tracks, 2);
    }
    assert_story("b1");
    ck_assert_uint_eq(event_at(0)->track_id, 3);
}
END_TEST

/* One that is carried about is not left. */
START_TEST(test_carried)
{
    start(left);
    no_bag(0, 5 * SECOND);
    for (guint i = 0; i < 300; i++) {
        const gfloat way = (gfloat)(i % 100) / 100.0f;
        const gint64 t = 5100 * MS + i * 100 * MS;

        bag(t, t, 2, 0.1f + 0.7f * (i / 100 % 2 ? 1.0f - way : way));
    }
    assert_story("");
}
END_TEST

/* A box that jumps for a moment does not begin it anew. */
START_TEST(test_jitter)
{
    start(left);
    no_bag(0, 5 * SECOND);
    for (guint i = 0; i < 60; i++) {
        const gint64 t = 5100 * MS + i * 100 * MS;

        bag(t, t, 2, i % 20 < 5 && i > 10 ? 0.37f : 0.3f);
    }
    assert_story("b1");
    ck_assert_int_eq(event_at(0)->start_ns, 5100 * MS);
}
END_TEST

START_TEST(test_removed)
{
    start(removed);
    bag(0, 10 * SECOND, 2, 0.3f);
    no_bag(10100 * MS, 12 * SECOND);
    assert_story("");
    /* 5 s before it was last there */
    ck_assert_int_eq(vigil_event_filter_get_wanted_ns(filter), 5 * SECOND);
    no_bag(12100 * MS, 20 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(0)->start_ns, 10 * SECOND);
    ck_assert_int_eq(event_at(0)->trigger_ns, 12100 * MS);
    ck_assert_int_eq(event_at(1)->end_ns, 10 * SECOND);
    ck_assert_int_eq(event_at(1)->end_reason, VIGIL_END_GONE);
    ck_assert_str_eq(event_at(1)->label, "bag");
    ck_assert_uint_eq(event_at(1)->track_id, 2);
}
END_TEST

/* It was there for too short a time. */
START_TEST(test_removed_too_early)
{
    start(removed);
    bag(0, 4 * SECOND, 2, 0.3f);
    no_bag(4100 * MS, 20 * SECOND);
    assert_story("");
}
END_TEST

/* Who stands before it has not taken it, until its empty place is seen. */
START_TEST(test_covered)
{
    for (guint taken = 0; taken < 2; taken++) {
        g_ptr_array_set_size(events, 0);
        start(removed);
        bag(0, 10 * SECOND, 2, 0.3f);
        covered(10100 * MS, 60 * SECOND);
        assert_story("");
        if (taken)
            no_bag(60100 * MS, 70 * SECOND);
        else
            bag(60100 * MS, 70 * SECOND, 3, 0.3f);
        assert_story(taken ? "b1 e1" : "");
    }
}
END_TEST

/* Nor does anybody know after a time that is too long. */
START_TEST(test_covered_for_too_long)
{
    start(removed);
    bag(0, 10 * SECOND, 2, 0.3f);
    covered(10100 * MS, 620 * SECOND);
    no_bag(620100 * MS, 640 * SECOND);
    assert_story("");
}
END_TEST

/* A detector that misses it, or nobody looking, does not take it away. */
START_TEST(test_not_removed)
{
    start(removed);
    for (gint64 t = 0; t <= 30 * SECOND; t += 3 * SECOND) {
        bag(t, t + SECOND, 2, 0.3f);
        no_bag(t + 1100 * MS, t + 2900 * MS);
    }
    assert_story("");
    bag(34 * SECOND, 35 * SECOND, 2, 0.3f);
    for (gint64 t = 35100 * MS; t <= 3600 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_SKIPPED_NO_MOTION, NULL, 0);
    no_bag(3601 * SECOND, 3601 * SECOND + 500 * MS); /* the tracker wants to see it twice */
    bag(3601 * SECOND + 600 * MS, 3610 * SECOND, 5, 0.3f);
    assert_story("");
    no_bag(3611 * SECOND, 3615 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(0)->start_ns, 3610 * SECOND);
}
END_TEST

/* Carried off, and seen all the way. */
START_TEST(test_moved_off)
{
    start(removed);
    bag(0, 10 * SECOND, 2, 0.3f);
    for (guint i = 0; i < 30; i++)
        bag(10100 * MS + i * 100 * MS, 10100 * MS + i * 100 * MS, 2, 0.3f + 0.015f * (gfloat)i);
    assert_story("b1 e1");
    ck_assert_int_ge(event_at(0)->start_ns, 10 * SECOND);
    ck_assert_int_le(event_at(0)->start_ns, 12500 * MS);
}
END_TEST

/* It still stood there when the schedule ended, or when somebody came: what becomes of it then is nobody's business. */
START_TEST(test_removed_off_schedule)
{
    /* until 40 s after the first frame */
    start("rules: [{name: a, kind: removed, classes: [bag], dwell: 5s, end_after: 2s,\n"
          "         schedule: {from: \"22:13\", to: \"22:14\", timezone: UTC}}]");
    bag(0, 300 * SECOND, 2, 0.3f);
    no_bag(300100 * MS, 310 * SECOND);
    assert_story("");

    start("rules: [{name: a, kind: removed, classes: [bag], dwell: 5s, end_after: 2s,\n"
          "         when: {not: {classes: [person], count: {at_least: 1}}}}]");
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS) {
        const VigilTrack track = bag_at(2, 0.3f, 0.8f);

        look(t, &track, 1);
    }
    bag(20100 * MS, 60 * SECOND, 2, 0.3f);
    no_bag(60100 * MS, 70 * SECOND);
    assert_story("");
}
END_TEST

/* Who takes it at once is who the rule waits for, even if it asks that nobody be there. */
START_TEST(test_removed_when_refused_for_a_moment)
{
    start("rules: [{name: a, kind: removed, classes: [bag], dwell: 5s, end_after: 2s,\n"
          "         when: {not: {classes: [person], count: {at_least: 1}}}}]");
    for (gint64 t = 0; t <= 20 * SECOND; t += 100 * MS) {
        const VigilTrack track = bag_at(2, 0.3f, 0.8f);

        look(t, &track, 1);
    }
    bag(20100 * MS, 21500 * MS, 2, 0.3f);
    no_bag(21600 * MS, 30 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(0)->start_ns, 20 * SECOND);
}
END_TEST

/* Rule by rule: gone for 5 s, back near its place; gone for 5 s, back elsewhere; gone for 15 s. */
START_TEST(test_merge)
{
    static const struct {
        gboolean merge;
        gint64 away_ns;
        gfloat x;
        const gchar *story;
    } cases[] = {
        {FALSE, 5 * SECOND, 0.3f, "b1 e1 b2"}, {TRUE, 5 * SECOND, 0.3f, "b1"},
        {TRUE, 5 * SECOND, 0.45f, "b1"},       {TRUE, 5 * SECOND, 0.9f, "b1 b2"},
        {TRUE, 15 * SECOND, 0.3f, "b1 e1 b2"},
    };
    g_autofree gchar *yaml = g_strdup_printf("rules: [{name: a, end_after: 2s%s}]",
                                             cases[_i].merge ? ", merge: 10s" : "");
    const gint64 back_ns = 3 * SECOND + cases[_i].away_ns;

    start(yaml);
    stand(0, 3 * SECOND, 1, 0.3f, 0.8f, 0.9f);
    nobody(3100 * MS, back_ns - 100 * MS);
    stand(back_ns, back_ns + SECOND, 2, cases[_i].x, 0.8f, 0.9f);
    assert_story(cases[_i].story);
}
END_TEST

/* Who is seen to leave the zone has left it: merge is for those who are lost. */
START_TEST(test_merge_is_for_the_lost)
{
    g_autofree gchar *yaml = g_strconcat(
        two_zones, "rules: [{name: a, zones: [left], end_after: 1s, merge: 10s}]", NULL);

    start(yaml);
    stand(0, 3 * SECOND, 1, 0.4f, 0.8f, 0.9f);
    stand(3100 * MS, 6 * SECOND, 1, 0.7f, 0.8f, 0.9f);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 3 * SECOND);
}
END_TEST

/* The end of a merged event is the last frame that met the rule, however long it waited. */
START_TEST(test_merge_end)
{
    start("rules: [{name: a, end_after: 1s, merge: 10s}]");
    stand(0, 3 * SECOND, 1, 0.4f, 0.8f, 0.9f);
    nobody(3100 * MS, 13 * SECOND);
    assert_story("b1");
    nobody(13100 * MS, 14 * SECOND);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 3 * SECOND);
    ck_assert_int_eq(event_at(1)->time_ns, 13100 * MS);
}
END_TEST

/* One rule's merge makes nobody of another rule come back: neither across a line nor into a cooldown. */
START_TEST(test_merge_is_the_rules_own)
{
    start("lines: {g: [[0.5, 0], [0.5, 1]]}\n"
          "rules:\n"
          "  - {name: a, classes: [car], merge: 10m}\n"
          "  - {name: b, classes: [person], line: g}\n");
    stand(0, 5 * SECOND, 1, 0.45f, 0.8f, 0.9f);
    nobody(5100 * MS, 300 * SECOND);
    stand(300100 * MS, 305 * SECOND, 2, 0.55f, 0.8f, 0.9f);
    assert_story("");

    start("rules:\n"
          "  - {name: a, classes: [car], merge: 10m}\n"
          "  - {name: b, classes: [person], cooldown: 1h, cooldown_per: track}\n");
    stand(0, 5 * SECOND, 1, 0.45f, 0.8f, 0.9f);
    nobody(5100 * MS, 300 * SECOND);
    stand(300100 * MS, 305 * SECOND, 2, 0.45f, 0.8f, 0.9f);
    assert_story("b1 e1 b2");
}
END_TEST

START_TEST(test_ids)
{
    static const gchar *const rules[] = {
        "rules: [{name: a, dwell: 3s}]",
        "rules: [{name: a, dwell: 3s, merge: 1s}]",
        "rules: [{name: a, dwell: 3s, kind: left}]",
    };
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        start(rules[i]);
        look(0, NULL, 0);
        stand(3 * SECOND, 7 * SECOND, 2, 0.5f, 0.8f, 0.8f);
        ck_assert(g_hash_table_add(ids, event_at(i)->id));
    }
    assert_story("b1 b2 b3");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-places");
    TCase *tc = tcase_create("event-filter-places");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_add_test(tc, test_left);
    tcase_add_test(tc, test_not_new);
    tcase_add_test(tc, test_not_new_after_blind_time);
    tcase_add_test(tc, test_carried);
    tcase_add_test(tc, test_jitter);
    tcase_add_test(tc, test_removed);
    tcase_add_test(tc, test_removed_too_early);
    tcase_add_test(tc, test_covered);
    tcase_add_test(tc, test_covered_for_too_long);
    tcase_add_test(tc, test_not_removed);
    tcase_add_test(tc, test_moved_off);
    tcase_add_test(tc, test_removed_off_schedule);
    tcase_add_test(tc, test_removed_when_refused_for_a_moment);
    tcase_add_loop_test(tc, test_merge, 0, 5);
    tcase_add_test(tc, test_merge_is_for_the_lost);
    tcase_add_test(tc, test_merge_end);
    tcase_add_test(tc, test_merge_is_the_rules_own);
    tcase_add_test(tc, test_ids);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
