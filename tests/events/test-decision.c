/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-decision.h"

#include "tests/events/event-scene.h"
#include "tests/support/vigil-heap-meter.h"

#include <string.h>

static GArray *decisions; /* of VigilDecision */

static void
collect_decision(const VigilDecision *decision, gpointer user_data)
{
    ck_assert_ptr_eq(user_data, &decisions);
    g_array_append_val(decisions, *decision);
}

static void
setup(void)
{
    scene_setup();
    decisions = g_array_new(FALSE, FALSE, sizeof(VigilDecision));
}

static void
teardown(void)
{
    g_array_unref(decisions);
    scene_teardown();
}

static void
ask(const gchar *yaml)
{
    start(yaml);
    vigil_event_filter_set_decision_func(filter, collect_decision, &decisions);
}

static void
finish(void)
{
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
}

static const VigilDecision *
decision_at(guint index)
{
    ck_assert_uint_lt(index, decisions->len);
    return &g_array_index(decisions, VigilDecision, index);
}

/* The only decision, which is this one. */
static void
assert_only(VigilReason reason, const gchar *sentence)
{
    g_autofree gchar *told = NULL;

    ck_assert_uint_eq(decisions->len, 1);
    told = vigil_decision_describe(decision_at(0));
    ck_assert_str_eq(told, sentence);
    ck_assert_str_eq(vigil_reason_to_string(decision_at(0)->reason),
                     vigil_reason_to_string(reason));
}

START_TEST(test_words)
{
    for (guint i = 0; i < VIGIL_N_REASONS; i++)
        ck_assert_uint_eq(vigil_reason_from_string(vigil_reason_to_string(i)), i);
    ck_assert_str_eq(vigil_reason_to_string(VIGIL_REASON_DWELL), "dwell");
    ck_assert_str_eq(vigil_reason_to_string(VIGIL_N_REASONS), "unknown");
    ck_assert_uint_eq(vigil_reason_from_string("unknown"), VIGIL_REASON_NONE);
    ck_assert_uint_eq(vigil_reason_from_string(NULL), VIGIL_REASON_NONE);
}
END_TEST

/* Those who were too few are told of soon after they have gone, and once. */
START_TEST(test_count_is_over)
{
    ask("rules: [{name: crowd, count: {at_least: 3}, classes: [person]}]");
    stand(SECOND, 3 * SECOND, 7, 0.5f, 0.8f, 0.9f);
    nobody(3100 * MS, 7900 * MS);
    ck_assert_uint_eq(decisions->len, 0);
    nobody(8 * SECOND, 60 * SECOND);
    assert_only(VIGIL_REASON_COUNT, "rule crowd: 1 at once, the rule wants at least 3");
    ck_assert_int_eq(decision_at(0)->start_ns, SECOND);
    ck_assert_int_eq(decision_at(0)->end_ns, 3 * SECOND);
    stand(61 * SECOND, 62 * SECOND, 8, 0.5f, 0.8f, 0.9f);
    nobody(62100 * MS, 70 * SECOND);
    ck_assert_uint_eq(decisions->len, 2);
    ck_assert_int_eq(decision_at(1)->start_ns, 61 * SECOND);
    finish();
    ck_assert_uint_eq(decisions->len, 2);
}
END_TEST

START_TEST(test_class)
{
    ask("rules: [{name: pets, classes: [cat, dog]}]");
    stand(SECOND, 3 * SECOND, 7, 0.5f, 0.8f, 0.9f);
    ck_assert_uint_eq(decisions->len, 0);
    finish();
    assert_only(VIGIL_REASON_CLASS, "person, track 7, rule pets: the rule wants cat, dog");
    ck_assert_str_eq(decision_at(0)->camera, "door");
    ck_assert_int_eq(decision_at(0)->start_ns, SECOND);
    ck_assert_int_eq(decision_at(0)->end_ns, 3 * SECOND);
    ck_assert_int_eq(decision_at(0)->start_wall_us, WALL + 1000000);
    ck_assert_int_eq(decision_at(0)->end_wall_us, WALL + 3000000);
    ck_assert_str_eq(decision_at(0)->event_id, "");
    assert_story("");
}
END_TEST

START_TEST(test_size)
{
    ask("rules: [{name: near, min_size: 0.5}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_SIZE,
                "person, track 1, rule near: 0.4 of the frame high, the rule wants at least 0.5");
    g_array_set_size(decisions, 0);
    ask("rules: [{name: far, max_size: 0.25}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_SIZE,
                "person, track 1, rule far: 0.4 of the frame high, the rule wants at most 0.25");
}
END_TEST

START_TEST(test_aspect)
{
    ask("rules: [{name: wide, min_aspect: 1}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_ASPECT, "person, track 1, rule wide: 0.5 times as wide as high, the "
                                     "rule wants at least 1");
}
END_TEST

START_TEST(test_count)
{
    ask("rules: [{name: crowd, count: {at_least: 3}}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_COUNT, "rule crowd: 1 at once, the rule wants at least 3");
    g_array_set_size(decisions, 0);
    ask("rules: [{name: none, count: {at_most: 0}}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_COUNT, "rule none: 1 at once, the rule wants at most 0");
    g_array_set_size(decisions, 0);
    ask("rules: [{name: one, count: {differs_from: 1}}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_COUNT, "rule one: 1 at once, the rule wants another number");
}
END_TEST

START_TEST(test_condition)
{
    ask("rules: [{name: a, when: {not: {classes: [person]}}}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_CONDITION,
                "person, track 1, rule a: what the rule wants beside it did not hold");
}
END_TEST

START_TEST(test_places)
{
    ask("rules: [{name: bags, kind: left, dwell: 3s}]");
    stand(0, 5 * SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_KNOWN, "person, track 1, rule bags: it was there before");
    g_array_set_size(decisions, 0);
    ask("rules: [{name: theft, kind: removed, dwell: 3s}]");
    stand(0, 5 * SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_STAYED, "person, track 1, rule theft: it stayed in its place");
}
END_TEST

START_TEST(test_zone)
{
    g_autofree gchar *yaml =
        g_strconcat(two_zones, "rules: [{name: a, zones: [left, floor]}]", NULL);

    ask(yaml);
    stand(0, SECOND, 1, 0.7f, 0.45f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_ZONE, "person, track 1, rule a: not in left, floor");
}
END_TEST

/* Both a detection too weak to count at all, and a median that is too low. */
START_TEST(test_score)
{
    ask("rules: [{name: visitor, min_score: 0.6}]");
    stand(0, SECOND, 12, 0.5f, 0.8f, 0.2f);
    finish();
    assert_only(VIGIL_REASON_SCORE,
                "person, track 12, rule visitor: score 0.20, the rule wants 0.60");
    g_array_set_size(decisions, 0);
    stand(0, SECOND, 12, 0.5f, 0.8f, 0.42f);
    finish();
    assert_only(VIGIL_REASON_SCORE,
                "person, track 12, rule visitor: score 0.42, the rule wants 0.60");
}
END_TEST

START_TEST(test_schedule)
{
    ask("rules: [{name: a, schedule: {to: \"22:00\", timezone: UTC}}]"); /* WALL is 22:13:20 */
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_SCHEDULE, "person, track 1, rule a: not within the rule's schedule");
}
END_TEST

START_TEST(test_dwell)
{
    ask("rules: [{name: visitor, dwell: 2s, end_after: 1s}]");
    stand(0, 1300 * MS, 3, 0.5f, 0.8f, 0.9f);
    nobody(1400 * MS, 4 * SECOND);
    /* a second, shorter stay is not what it came furthest with */
    stand(4100 * MS, 4500 * MS, 3, 0.5f, 0.8f, 0.9f);
    ck_assert_uint_eq(decisions->len, 0);
    nobody(4600 * MS, 17 * SECOND);
    assert_only(VIGIL_REASON_DWELL,
                "person, track 3, rule visitor: stayed for 1.3 s, the rule wants 2.0 s");
    ck_assert_int_eq(decision_at(0)->end_ns, 4500 * MS);
}
END_TEST

START_TEST(test_line)
{
    const gchar *yaml = "lines: {gate: [[0.5, 0], [0.5, 1]]}\n"
                        "rules: [{name: in, line: gate, direction: in}]";

    ask(yaml);
    stand(0, SECOND, 1, 0.3f, 0.8f, 0.9f);
    finish();
    assert_only(VIGIL_REASON_LINE, "person, track 1, rule in: did not cross gate:in");
    g_array_set_size(decisions, 0);
    stand(0, SECOND, 1, 0.45f, 0.8f, 0.9f);
    look_at_one(1100 * MS, 1, 0.55f, 0.8f, 0.9f);
    finish();
    assert_story("");
    assert_only(VIGIL_REASON_DIRECTION,
                "person, track 1, rule in: crossed the other way, the rule wants gate:in");
    g_array_set_size(decisions, 0);
    look_at_one(0, 1, 0.55f, 0.8f, 0.9f);
    look_at_one(100 * MS, 1, 0.45f, 0.8f, 0.9f);
    finish();
    assert_story("b1 e1");
    ck_assert_uint_eq(decision_at(0)->reason, VIGIL_REASON_FIRED);
}
END_TEST

START_TEST(test_cooldown)
{
    ask("rules: [{name: visitor, cooldown: 10s, end_after: 1s}]");
    stand(0, SECOND, 1, 0.3f, 0.8f, 0.9f);
    nobody(1100 * MS, 13 * SECOND);
    ck_assert_uint_eq(decisions->len, 1);
    g_array_set_size(decisions, 0);
    nobody(13100 * MS, 20 * SECOND);
    stand(20100 * MS, 21 * SECOND, 2, 0.8f, 0.8f, 0.9f);
    nobody(21100 * MS, 23 * SECOND);
    stand(23100 * MS, 28500 * MS, 3, 0.3f, 0.8f, 0.9f);
    finish();
    ck_assert_uint_eq(decisions->len, 2);
    ck_assert_uint_eq(decision_at(0)->reason, VIGIL_REASON_FIRED);
    {
        g_autofree gchar *told = vigil_decision_describe(decision_at(1));

        ck_assert_str_eq(told, "person, track 3, rule visitor: within the cooldown after another "
                               "event, 2.5 s of 10.0 s left");
    }
}
END_TEST

/* Who would not have stayed for long enough anyway was not kept off by the cooldown. */
START_TEST(test_cooldown_and_dwell)
{
    ask("rules: [{name: visitor, dwell: 1s, cooldown: 10s, end_after: 1s}]");
    stand(0, 1500 * MS, 1, 0.3f, 0.8f, 0.9f);
    nobody(1600 * MS, 3 * SECOND);
    stand(3100 * MS, 3600 * MS, 2, 0.8f, 0.8f, 0.9f);
    nobody(3700 * MS, 6 * SECOND);
    stand(6100 * MS, 8100 * MS, 3, 0.3f, 0.3f, 0.9f);
    finish();
    ck_assert_uint_eq(decisions->len, 3);
    ck_assert_uint_eq(decision_at(0)->reason, VIGIL_REASON_FIRED);
    ck_assert_uint_eq(decision_at(1)->track_id, 2);
    ck_assert_uint_eq(decision_at(1)->reason, VIGIL_REASON_DWELL);
    ck_assert_float_eq_tol(decision_at(1)->value, 0.5f, 1e-3f);
    ck_assert_uint_eq(decision_at(2)->track_id, 3);
    ck_assert_uint_eq(decision_at(2)->reason, VIGIL_REASON_COOLDOWN);
}
END_TEST

START_TEST(test_fired)
{
    ask("rules: [{name: visitor, dwell: 1s, min_score: 0.6}, {name: pets, classes: [cat]}]");
    stand(0, 5 * SECOND, 1, 0.5f, 0.8f, 0.75f);
    finish();
    assert_story("b1 e1");
    ck_assert_uint_eq(decisions->len, 2);
    ck_assert_uint_eq(decision_at(0)->reason, VIGIL_REASON_FIRED);
    ck_assert_str_eq(decision_at(0)->rule, "visitor");
    ck_assert_str_eq(decision_at(0)->event_id, event_at(0)->id);
    ck_assert_int_eq(decision_at(0)->start_ns, 0);
    ck_assert_int_eq(decision_at(0)->end_ns, SECOND);
    ck_assert_float_eq(decision_at(0)->value, 0.75f);
    ck_assert_uint_eq(decision_at(1)->reason, VIGIL_REASON_CLASS);
    ck_assert_str_eq(decision_at(1)->rule, "pets");
}
END_TEST

START_TEST(test_double)
{
    VigilTrack tracks[2] = {person_at(1, 0.5f, 0.8f, 0.9f), person_at(2, 0.5f, 0.75f, 0.8f)};

    ask("rules: [{name: a}]");
    look(0, tracks, 1);
    for (gint64 t = 100 * MS; t <= SECOND; t += 100 * MS)
        look(t, tracks, 2);
    finish();
    ck_assert_uint_eq(decisions->len, 2);
    ck_assert_uint_eq(decision_at(1)->track_id, 2);
    ck_assert_uint_eq(decision_at(1)->reason, VIGIL_REASON_DOUBLE);
}
END_TEST

/* Detections that begin no track: told when they are over, but for those of a class that is followed or not asked for. */
START_TEST(test_faint)
{
    const gchar *const person = g_intern_static_string("person");

    ask("rules: [{name: a, classes: [person, dog]}]");
    for (gint64 t = 0; t < 20 * SECOND; t += 100 * MS) {
        look(t, NULL, 0);
        if (t >= SECOND && t <= 3 * SECOND) {
            vigil_event_filter_see_faint(filter, person, t == 2 * SECOND ? 0.31f : 0.2f);
            vigil_event_filter_see_faint(filter, g_intern_static_string("chair"), 0.4f);
            vigil_event_filter_see_faint(filter, NULL, 0.4f);
        }
        ck_assert_uint_eq(decisions->len, t < 8 * SECOND ? 0 : 1);
    }
    finish();
    assert_only(VIGIL_REASON_FAINT,
                "person, seen with score 0.31 at most: too faint to be followed");
    ck_assert_int_eq(decision_at(0)->start_ns, SECOND);
    ck_assert_int_eq(decision_at(0)->end_ns, 3 * SECOND);
    ck_assert_str_eq(decision_at(0)->rule, "");
    g_array_set_size(decisions, 0);
    /* the first one of a track comes before it */
    look(0, NULL, 0);
    vigil_event_filter_see_faint(filter, person, 0.9f);
    stand(100 * MS, SECOND, 1, 0.5f, 0.8f, 0.9f);
    nobody(1100 * MS, 20 * SECOND);
    finish();
    ck_assert_uint_eq(decisions->len, 1);
    ck_assert_uint_eq(decision_at(0)->reason, VIGIL_REASON_FIRED);
}
END_TEST

/* Who stays for an hour is told about each minute, and not more often. */
START_TEST(test_minutes)
{
    ask("rules: [{name: pets, classes: [cat]}]");
    stand(0, 3600 * SECOND, 1, 0.5f, 0.8f, 0.9f);
    ck_assert_uint_ge(decisions->len, 59);
    ck_assert_uint_le(decisions->len, 60);
    for (guint i = 1; i < decisions->len; i++) {
        ck_assert_int_gt(decision_at(i)->start_ns, decision_at(i - 1)->end_ns);
        ck_assert_int_le(decision_at(i)->start_ns, decision_at(i - 1)->end_ns + 100 * MS);
    }
}
END_TEST

/* Forty objects, of each of which every rule says no in its own way, for almost a minute. */
START_TEST(test_frames_allocate_nothing)
{
    VigilTrack tracks[40];
    guint before = 0, after;

    if (!vigil_heap_meter_works())
        return;
    ask("zones: {top: [[0, 0], [1, 0], [1, 0.1], [0, 0.1]]}\n"
        "lines: {gate: [[0, 0], [0, 1]]}\n"
        "rules: [{name: a, classes: [cat]}, {name: b, zones: [top]}, {name: c, min_size: 0.9}, "
        "{name: d, min_score: 0.9}, {name: e, line: gate}]");
    for (guint i = 0; i < G_N_ELEMENTS(tracks); i++)
        tracks[i] = person_at(i + 1, 0.1f + 0.02f * (gfloat)i, 0.8f, 0.4f);
    for (gint64 t = 0; t < 59 * SECOND; t += 100 * MS) {
        if (t == SECOND)
            before = vigil_heap_meter_count();
        look(t, tracks, G_N_ELEMENTS(tracks));
        vigil_event_filter_see_faint(filter, g_intern_static_string("cat"), 0.3f);
    }
    after = vigil_heap_meter_count(); /* check allocates, too */
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(after, before);
    ck_assert_uint_eq(decisions->len, 0);
    finish();
    ck_assert_uint_eq(decisions->len, 1 + 5 * G_N_ELEMENTS(tracks));
    assert_story("");
}
END_TEST

/* Asking changes no event. */
START_TEST(test_same_events)
{
    const gchar *yaml =
        "rules: [{name: a, dwell: 1s, cooldown: 3s, end_after: 1s, min_score: 0.5}]";
    g_autoptr(GString) ids = g_string_new(NULL);

    for (guint run = 0; run < 2; run++) {
        if (run)
            ask(yaml);
        else
            start(yaml);
        for (gint64 t = 0; t < 60 * SECOND; t += 100 * MS)
            if (t / (4 * SECOND) % 3)
                look_at_one(t, 1 + (guint64)(t / (12 * SECOND)), 0.5f, 0.8f,
                            0.35f + 0.001f * (gfloat)(t / (100 * MS) % 400));
            else
                look(t, NULL, 0);
        finish();
        if (run == 0)
            for (guint i = 0; i < events->len; i++)
                g_string_append(ids, event_at(i)->id);
        else
            for (guint i = 0; i < events->len; i++)
                ck_assert_int_eq(strncmp(ids->str + (gsize)i * VIGIL_EVENT_ID_LENGTH,
                                         event_at(i)->id, VIGIL_EVENT_ID_LENGTH),
                                 0);
        ck_assert_uint_ge(events->len, 4);
        ck_assert_uint_eq(ids->len, events->len * VIGIL_EVENT_ID_LENGTH);
        g_ptr_array_set_size(events, 0);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("decision");
    TCase *tcase = tcase_create("decision");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_words);
    tcase_add_test(tcase, test_count_is_over);
    tcase_add_test(tcase, test_class);
    tcase_add_test(tcase, test_size);
    tcase_add_test(tcase, test_aspect);
    tcase_add_test(tcase, test_count);
    tcase_add_test(tcase, test_condition);
    tcase_add_test(tcase, test_places);
    tcase_add_test(tcase, test_zone);
    tcase_add_test(tcase, test_score);
    tcase_add_test(tcase, test_schedule);
    tcase_add_test(tcase, test_dwell);
    tcase_add_test(tcase, test_line);
    tcase_add_test(tcase, test_cooldown);
    tcase_add_test(tcase, test_cooldown_and_dwell);
    tcase_add_test(tcase, test_fired);
    tcase_add_test(tcase, test_double);
    tcase_add_test(tcase, test_faint);
    tcase_add_test(tcase, test_minutes);
    tcase_add_test(tcase, test_frames_allocate_nothing);
    tcase_add_test(tcase, test_same_events);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
