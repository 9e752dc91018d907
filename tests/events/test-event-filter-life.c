/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "events/vigil-tracker.h"
#include "tests/events/event-scene.h"

START_TEST(test_updates)
{
    g_autofree gchar *rules = g_strconcat(two_zones, "rules: [{name: a}]", NULL);
    VigilEventFilterOptions options = options_of_test();

    options.update_interval_ns = SECOND;
    start_with(rules, &options);
    stand(0, 3 * SECOND, 1, 0.2f, 0.4f, 0.8f);
    assert_story("b1"); /* nothing new */
    look_at_one(3100 * MS, 1, 0.2f, 0.6f, 0.8f);
    assert_story("b1 u1"); /* a zone */
    look_at_one(3200 * MS, 1, 0.6f, 0.6f, 0.8f);
    stand(3300 * MS, 4 * SECOND, 1, 0.6f, 0.6f, 0.8f);
    assert_story("b1 u1"); /* another one, but too soon */
    stand(4100 * MS, 4100 * MS, 1, 0.6f, 0.6f, 0.8f);
    assert_story("b1 u1 u1");
    ck_assert_int_eq(event_at(2)->end_ns, 4100 * MS);
    ck_assert_uint_eq(g_strv_length((gchar **)event_at(2)->zones), 3);
    stand(4200 * MS, 8 * SECOND, 1, 0.6f, 0.6f, 0.805f);
    assert_story("b1 u1 u1"); /* a change that is not worth it */
    stand(8100 * MS, 20 * SECOND, 1, 0.6f, 0.6f, 0.9f);
    assert_story("b1 u1 u1 u1 u1"); /* the median has moved, by way of the mean of both scores */
    ck_assert_float_eq(event_at(3)->top_score, 0.9f);
    ck_assert_float_eq(event_at(4)->score, 0.9f);
    for (guint i = 0; i < 5; i++) {
        ck_assert_int_eq(event_at(i)->start_ns, 0);
        ck_assert_ptr_null(event_at(i)->path);
    }
}
END_TEST

/* All are made; what is told to others is marked. */
START_TEST(test_on)
{
    VigilEventFilterOptions options = options_of_test();

    options.update_interval_ns = SECOND;
    start_with("rules: [{name: a, on: [end], end_after: 1s}, {name: b, end_after: 1s}]", &options);
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    stand(1100 * MS, 4 * SECOND, 1, 0.5f, 0.8f, 0.9f);
    nobody(4100 * MS, 6 * SECOND);
    ck_assert_uint_gt(events->len, 4); /* updates, too */
    for (guint i = 0; i < events->len; i++)
        ck_assert_int_eq(vigil_event_is_reported(event_at(i)),
                         g_str_equal(event_at(i)->rule, "b") ||
                             event_at(i)->type == VIGIL_EVENT_END);
}
END_TEST

START_TEST(test_coverage)
{
    const VigilTrack track = person_at(1, 0.5f, 0.8f, 0.8f);
    guint outcomes = 0;

    start("rules: [{name: a, end_after: 1s}]");
    for (guint i = 0; i < 30; i++) { /* every fifth frame is looked at */
        const VigilOutcome outcome =
            i % 5 ? VIGIL_OUTCOME_SKIPPED_RATE + (outcomes++ % 5) : VIGIL_OUTCOME_INFERRED;

        vigil_event_filter_update(filter, i * 40 * MS, outcome, &track, 1);
    }
    for (guint i = 30; i < 100; i++)
        vigil_event_filter_update(filter, i * 40 * MS,
                                  i % 5 ? VIGIL_OUTCOME_SKIPPED_LOAD : VIGIL_OUTCOME_INFERRED, NULL,
                                  0);
    assert_story("b1 e1");
    ck_assert_uint_eq(event_at(0)->frames_seen, 1);
    ck_assert_uint_eq(event_at(0)->frames_inferred, 1);
    ck_assert_int_eq(event_at(1)->end_ns, 25 * 40 * MS);
    ck_assert_uint_eq(event_at(1)->frames_seen, 26); /* 0 to 25 */
    ck_assert_uint_eq(event_at(1)->frames_inferred, 6);
}
END_TEST

/* Frames that nobody looked at do not end an event, for a while; then somebody must have an answer. */
START_TEST(test_blind)
{
    start("rules: [{name: a, end_after: 1s}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    for (gint64 t = 1100 * MS; t <= 9 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_SKIPPED_NO_MOTION, NULL, 0);
    assert_story("b1");
    look(9100 * MS, NULL, 0); /* the tracker has forgotten it and wants to see it twice */
    stand(9200 * MS, 10 * SECOND, 2, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    for (gint64 t = 10100 * MS; t <= 21 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_FAILED, NULL, 0);
    assert_story("b1");
    vigil_event_filter_update(filter, 21100 * MS, VIGIL_OUTCOME_FAILED, NULL, 0);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 10 * SECOND);
    ck_assert_int_eq(event_at(1)->end_reason, VIGIL_END_GONE);
}
END_TEST

/* After the blind time, one look that finds nothing ends it. */
START_TEST(test_blind_then_gone)
{
    start("rules: [{name: a, end_after: 1s}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    for (gint64 t = 1100 * MS; t <= 6 * SECOND; t += 100 * MS)
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_SKIPPED_NO_MOTION, NULL, 0);
    nobody(6100 * MS, 6600 * MS);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, SECOND);
}
END_TEST

START_TEST(test_end_after_zero)
{
    start("rules: [{name: a, end_after: 0s}]");
    stand(0, SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    look(1100 * MS, NULL, 0);
    assert_story("b1 e1");
}
END_TEST

START_TEST(test_finish)
{
    start("rules: [{name: a, cooldown: 100s}]");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM); /* nothing to end */
    stand(50 * SECOND, 51 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    ck_assert_int_eq(event_at(1)->end_ns, 51 * SECOND);
    ck_assert_int_eq(event_at(1)->time_ns, 51 * SECOND);
    stand(52 * SECOND, 53 * SECOND, 2, 0.5f, 0.8f, 0.8f); /* time goes on: the cooldown holds */
    assert_story("b1 e1");
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    stand(0, SECOND, 3, 0.5f, 0.8f, 0.8f); /* time begins anew: it means nothing */
    assert_story("b1 e1 b2");
}
END_TEST

/* A frame that is not after the one before changes nothing. */
START_TEST(test_time_goes_back)
{
    start("rules: [{name: a, end_after: 1s}]");
    stand(5 * SECOND, 6 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    look(6 * SECOND, NULL, 0);
    look(SECOND, NULL, 0);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    assert_story("b1 e1");
    ck_assert_uint_eq(event_at(1)->frames_seen, 11);
}
END_TEST

/* A long path is thinned, and keeps its ends. */
START_TEST(test_long_path)
{
    const GArray *path;

    start("rules: [{name: a}]");
    stand(0, 500 * SECOND + 300 * MS, 1, 0.5f, 0.8f, 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    path = event_at(1)->path;
    ck_assert_uint_le(path->len, VIGIL_EVENT_FILTER_MAX_PATH + 1);
    ck_assert_uint_gt(path->len, VIGIL_EVENT_FILTER_MAX_PATH / 2);
    ck_assert_int_eq(g_array_index(path, VigilPathPoint, 0).time_ns, 0);
    ck_assert_int_eq(g_array_index(path, VigilPathPoint, path->len - 1).time_ns,
                     500 * SECOND + 300 * MS);
    for (guint i = 1; i < path->len; i++) {
        const gint64 step = g_array_index(path, VigilPathPoint, i).time_ns -
                            g_array_index(path, VigilPathPoint, i - 1).time_ns;

        ck_assert_int_gt(step, 0);
        ck_assert_int_le(step, 800 * MS);
    }
}
END_TEST

START_TEST(test_snapshots)
{
    g_autoptr(GBytes) first = g_bytes_new_static("first", 5), best = g_bytes_new_static("best", 4);
    guint slot = 77, other = 77;

    start("rules: [{name: a}, {name: b, classes: [dog]}]");
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &slot));
    look_at_one(0, 1, 0.5f, 0.8f, 0.6f);
    ck_assert(vigil_event_filter_wants_snapshot(filter, &slot));
    ck_assert_uint_lt(slot, VIGIL_EVENT_FILTER_MAX_SNAPSHOTS);
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &other)); /* one event, one picture */
    vigil_event_filter_set_snapshot(filter, slot, first);
    look_at_one(100 * MS, 1, 0.5f, 0.8f, 0.8f);
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &slot)); /* better, but too soon */
    look_at_one(500 * MS, 1, 0.5f, 0.8f, 0.7f);
    ck_assert(vigil_event_filter_wants_snapshot(filter, &slot));
    vigil_event_filter_set_snapshot(filter, slot, best);
    look_at_one(1100 * MS, 1, 0.5f, 0.8f, 0.65f);
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &slot)); /* worse */
    look_at_one(1200 * MS, 1, 0.05f, 0.8f, 0.72f);
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &slot)); /* half out of the picture */
    look_at_one(1700 * MS, 1, 0.5f, 0.8f, 0.9f);
    ck_assert(vigil_event_filter_wants_snapshot(filter, &slot)); /* nobody delivers this one */
    look_at_one(2300 * MS, 1, 0.5f, 0.8f, 0.9f);
    vigil_event_filter_set_snapshot(filter, slot, first); /* too late */
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    ck_assert_ptr_eq(event_at(1)->snapshot, best);
    ck_assert_ptr_null(event_at(0)->snapshot);
    vigil_event_filter_set_snapshot(filter, slot, first); /* nobody's slot */
}
END_TEST

/* More than there is room for: what is open goes before what waits. */
START_TEST(test_snapshot_room)
{
    g_autoptr(GBytes) jpeg = g_bytes_new_static("jpeg", 4);
    VigilTrack tracks[40];
    guint slot, n = 0, n_with = 0;

    start("rules: [{name: a, dwell: 1s}]");
    for (guint i = 0; i < 40; i++) {
        tracks[i] = person_at(i + 1, 0, 0, 0.8f);
        tracks[i].box = (VigilBox){0.1f * (gfloat)(i % 8), 0.1f * (gfloat)(i / 8),
                                   0.1f * (gfloat)(i % 8) + 0.05f, 0.1f * (gfloat)(i / 8) + 0.05f};
    }
    look(0, tracks, 32);
    while (vigil_event_filter_wants_snapshot(filter, &slot)) {
        vigil_event_filter_set_snapshot(filter, slot, jpeg);
        n++;
    }
    ck_assert_uint_eq(n, 32);
    look(500 * MS, tracks, 40); /* eight more, which wait */
    ck_assert(!vigil_event_filter_wants_snapshot(filter, &slot));
    look(1000 * MS, tracks + 30, 10); /* two of those with a slot are open now */
    look(1500 * MS, tracks + 30, 10); /* and the eight */
    n = 0;
    while (vigil_event_filter_wants_snapshot(filter, &slot)) {
        vigil_event_filter_set_snapshot(filter, slot, jpeg);
        n++;
    }
    ck_assert_uint_eq(n, 8);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    for (guint i = 0; i < events->len; i++)
        n_with += event_at(i)->snapshot != NULL;
    ck_assert_uint_eq(n_with, 10);
}
END_TEST

/* A scene with tracker and filter: six visits as in the film, seen on and off, among a constant false "tv". */
static gchar *
play_visits(guint64 nonce, gint64 frame_ns, gdouble miss)
{
    static const gdouble visits[][2] = {{6.0, 20.3},  {22.7, 45.2},  {50.2, 70.4},
                                        {74.5, 87.3}, {92.1, 120.6}, {123.4, 136.6}};
    g_autoptr(VigilTracker) tracker = vigil_tracker_new(NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(2024);
    VigilEventFilterOptions options = options_of_test();
    GString *lines = g_string_new("");

    options.run_nonce = nonce;
    options.update_interval_ns = SECOND;
    start_with("rules: [{name: visit, classes: [person], min_score: 0.5, end_after: 1500ms, "
               "record: {pre: 3s, post: 3s}}]",
               &options);
    g_ptr_array_set_size(events, 0);
    for (gint64 t = 0; t < 139 * SECOND; t += frame_ns) {
        VigilTrack tracks[VIGIL_TRACKER_MAX_TRACKS];
        VigilDetection detections[3] = {{.box = {0.0075f, 0.0f, 0.158f, 0.432f},
                                         .score = (gfloat)g_rand_double_range(rand, 0.46, 0.505),
                                         .label_id = 71,
                                         .label = g_intern_static_string("tv")}};
        guint n = 1, n_tracks;

        for (guint v = 0; v < G_N_ELEMENTS(visits); v++) {
            const gdouble at = (gdouble)t / 1e9;
            const gfloat jitter = (gfloat)g_rand_double_range(rand, -0.02, 0.02);

            if (at < visits[v][0] || at > visits[v][1] || g_rand_double(rand) < miss)
                continue;
            detections[n++] =
                (VigilDetection){.box = {0.48f + jitter, 0.02f, 0.67f + jitter, 0.9f},
                                 .score = (gfloat)g_rand_double_range(rand, 0.45, 0.82),
                                 .label = g_intern_static_string("person")};
            detections[n++] =
                (VigilDetection){.box = {0.41f, 0.37f, 0.98f, 0.97f}, /* its faint double */
                                 .score = (gfloat)g_rand_double_range(rand, 0.1, 0.25),
                                 .label = g_intern_static_string("person")};
        }
        n_tracks =
            vigil_tracker_update(tracker, t, detections, n, tracks, NULL, G_N_ELEMENTS(tracks));
        vigil_event_filter_update(filter, t, VIGIL_OUTCOME_INFERRED, tracks, n_tracks);
    }
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    for (guint i = 0; i < events->len; i++) {
        g_autofree gchar *json = vigil_event_to_json(event_at(i), NULL);

        g_string_append_printf(lines, "%s\n", json);
    }
    for (guint i = 0, v = 0; i < events->len; i++) {
        const VigilEvent *event = event_at(i);

        if (event->type != VIGIL_EVENT_END)
            continue;
        ck_assert_uint_lt(v, G_N_ELEMENTS(visits));
        ck_assert_double_eq_tol((gdouble)event->start_ns / 1e9, visits[v][0], 2.0);
        ck_assert_double_eq_tol((gdouble)event->end_ns / 1e9, visits[v][1], 2.5);
        v++;
    }
    return g_string_free(lines, FALSE);
}

START_TEST(test_six_visits)
{
    static const gint64 frames[] = {100 * MS, 200 * MS, 200 * MS};
    static const gdouble misses[] = {0.3, 0.0, 0.3};
    g_autofree gchar *first = play_visits(0, frames[_i], misses[_i]);
    guint n_begins = 0;
    g_autofree gchar *second = NULL, *other = NULL;

    for (guint i = 0; i < events->len; i++)
        n_begins += event_at(i)->type == VIGIL_EVENT_BEGIN;
    ck_assert_uint_eq(n_begins, 6);
    second = play_visits(0, frames[_i], misses[_i]);
    ck_assert_str_eq(first, second);
    other = play_visits(1, frames[_i], misses[_i]);
    ck_assert_uint_eq(strlen(first), strlen(other));
    ck_assert_str_ne(first, other);
}
END_TEST

/* Ids of a run are all different, and the nonce makes those of another run different again. */
START_TEST(test_ids)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint nonce = 0; nonce < 3; nonce++) {
        VigilEventFilterOptions options = options_of_test();

        options.run_nonce = nonce;
        start_with("rules: [{name: a, end_after: 0s}, {name: b, end_after: 0s}]", &options);
        for (guint i = 0; i < 50; i++) {
            look_at_one(i * SECOND, 1, 0.5f, 0.8f, 0.8f);
            look(i * SECOND + 100 * MS, NULL, 0);
        }
    }
    ck_assert_uint_eq(events->len, 3 * 50 * 4);
    for (guint i = 0; i < events->len; i++)
        ck_assert_int_eq(g_hash_table_add(ids, event_at(i)->id),
                         event_at(i)->type == VIGIL_EVENT_BEGIN);
}
END_TEST

/* A zone or line that was moved gives other ids, be it one that the rule asks for or one that the event only names. */
START_TEST(test_ids_of_places)
{
    static const gchar *const places[] = {
        "zones: {z: [[0, 0], [1, 0], [1, 1]]}\nlines: {l: [[0.1, 0], [0.1, 1]]}\n",
        "zones: {z: [[0, 0], [1, 0], [1, 0.9]]}\nlines: {l: [[0.1, 0], [0.1, 1]]}\n",
        "zones: {z: [[0, 0], [1, 0], [1, 1], [0, 1]]}\nlines: {l: [[0.1, 0], [0.1, 1]]}\n",
        "zones: {y: [[0, 0], [1, 0], [1, 1]]}\nlines: {l: [[0.1, 0], [0.1, 1]]}\n",
        "zones: {z: [[0, 0], [1, 0], [1, 1]]}\nlines: {l: [[0.1, 0], [0.2, 1]]}\n",
        "zones: {z: [[0, 0], [1, 0], [1, 1]]}\nlines: {l: [[0.2, 0], [0.1, 1]]}\n",
        "zones: {z: [[0, 0], [1, 0], [1, 1]]}\n",
        "lines: {l: [[0.1, 0], [0.1, 1]]}\n",
        "",
    };
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < 2 * G_N_ELEMENTS(places); i++) {
        g_autofree gchar *rules =
            g_strconcat(places[i % G_N_ELEMENTS(places)], "rules: [{name: a}]", NULL);

        start(rules);
        look_at_one(0, 1, 0.5f, 0.8f, 0.8f);
        ck_assert_uint_eq(events->len, i + 1);
        /* the second time round they are the same again */
        ck_assert_int_eq(g_hash_table_add(ids, event_at(i)->id), i < G_N_ELEMENTS(places));
    }
}
END_TEST

/* What holds of every event, whatever happens. */
static void
check_story(void)
{
    g_autoptr(GHashTable) open = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    gint64 time_ns = 0;

    for (guint i = 0; i < events->len; i++) {
        VigilEvent *event = event_at(i);
        const VigilEvent *begin = g_hash_table_lookup(open, event->id);

        ck_assert_int_ge(event->time_ns, time_ns);
        time_ns = event->time_ns;
        ck_assert_int_eq(begin != NULL, event->type != VIGIL_EVENT_BEGIN);
        ck_assert_int_le(event->start_ns, event->trigger_ns);
        ck_assert_int_le(event->trigger_ns, event->end_ns);
        ck_assert_int_le(event->end_ns, event->time_ns);
        ck_assert_uint_ge(event->frames_inferred, 1);
        ck_assert_uint_le(event->frames_inferred, event->frames_seen);
        ck_assert_float_le(event->score, event->top_score);
        ck_assert_int_eq(event->end_reason != VIGIL_END_NONE, event->type == VIGIL_EVENT_END);
        ck_assert_int_eq(event->path != NULL, event->type == VIGIL_EVENT_END);
        if (event->type == VIGIL_EVENT_BEGIN) {
            ck_assert(g_hash_table_add(seen, event->id));
            g_hash_table_insert(open, event->id, event);
            continue;
        }
        ck_assert_int_eq(event->start_ns, begin->start_ns);
        ck_assert_int_eq(event->trigger_ns, begin->trigger_ns);
        ck_assert_uint_eq(event->track_id, begin->track_id);
        ck_assert_ptr_eq(event->label, begin->label);
        if (event->type == VIGIL_EVENT_END)
            g_hash_table_remove(open, event->id);
    }
    ck_assert_uint_eq(g_hash_table_size(open), vigil_event_filter_get_n_open(filter));
}

/* What is wanted of the past: by somebody who waits for his event, or by nobody yet. */
START_TEST(test_wanted)
{
    start("rules: [{name: a, dwell: 5s, end_after: 1s, record: {pre: 3s}}, "
          "{name: b, dwell: 60s, record: false}]");
    nobody(0, SECOND);
    ck_assert_int_eq(vigil_event_filter_get_wanted_ns(filter), -2 * SECOND);
    stand(1100 * MS, 6 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("");
    ck_assert_int_eq(vigil_event_filter_get_wanted_ns(filter), 1100 * MS - 3 * SECOND);
    stand(6100 * MS, 8 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    assert_story("b1");
    ck_assert_int_eq(vigil_event_filter_get_wanted_ns(filter), 5 * SECOND);
}
END_TEST

/* Since the update before, which said that it wants no more than that. */
static void
check_wanted(guint first, gint64 wanted_ns)
{
    for (guint i = first; i < events->len; i++)
        if (event_at(i)->type == VIGIL_EVENT_BEGIN && event_at(i)->record)
            ck_assert_int_ge(event_at(i)->start_ns - event_at(i)->pre_ns, wanted_ns);
}

/* Tracks come, jump, vanish and come back at random, under rules of every kind. */
START_TEST(test_random)
{
    static const gchar *const labels[] = {"person", "dog", NULL};
    g_autofree gchar *rules =
        g_strconcat(two_zones, "lines: {gate: [[0.1, 0.5], [0.9, 0.5]]}\n",
                    "rules: [{name: a, end_after: 500ms}, {name: b, line: gate, direction: out, "
                    "end_after: 1s}, ",
                    "{name: c, zones: [left], dwell: 300ms, end_after: 0s}, {name: d, classes: "
                    "[dog], cooldown: 2s}, ",
                    "{name: e, min_score: 0.8, min_size: 0.2, max_size: 0.6}, "
                    "{name: f, dwell: 500ms, end_after: 1s, record: {pre: 1s}}]",
                    NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1000 + _i);
    VigilEventFilterOptions options = options_of_test();
    gint64 wanted_ns = G_MININT64;

    options.update_interval_ns = 200 * MS;
    start_with(rules, &options);
    for (guint f = 0; f < 2000; f++) {
        VigilTrack tracks[12];
        const guint n_events = events->len;
        const guint n = g_rand_int_range(rand, 0, 1 + g_rand_int_range(rand, 1, 12));
        guint slot;

        for (guint i = 0; i < n; i++) {
            tracks[i] = person_at(1 + g_rand_int_range(rand, 0, 8) + (f / 100) * 4,
                                  (gfloat)g_rand_double(rand), (gfloat)g_rand_double(rand),
                                  (gfloat)g_rand_double(rand));
            tracks[i].box.y1 += (gfloat)g_rand_double_range(rand, -0.5, 0.2);
            tracks[i].label = labels[g_rand_int_range(rand, 0, 3)];
            tracks[i].observed = g_rand_int_range(rand, 0, 5) > 0;
        }
        vigil_event_filter_update(filter, f * 100 * MS,
                                  g_rand_int_range(rand, 0, 3) ? VIGIL_OUTCOME_INFERRED
                                                               : VIGIL_OUTCOME_SKIPPED_RATE,
                                  tracks, n);
        check_wanted(n_events, wanted_ns);
        wanted_ns = vigil_event_filter_get_wanted_ns(filter);
        while (vigil_event_filter_wants_snapshot(filter, &slot)) {
            g_autoptr(GBytes) jpeg = g_bytes_new(&f, sizeof f);

            vigil_event_filter_set_snapshot(filter, slot, jpeg);
        }
        if (f % 500 == 499)
            vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    }
    ck_assert_uint_gt(events->len, 500);
    check_story();
    ck_assert_uint_eq(vigil_event_filter_get_n_open(filter), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event-filter-life");
    TCase *tc = tcase_create("event-filter-life");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, scene_setup, scene_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_updates);
    tcase_add_test(tc, test_on);
    tcase_add_test(tc, test_coverage);
    tcase_add_test(tc, test_blind);
    tcase_add_test(tc, test_blind_then_gone);
    tcase_add_test(tc, test_end_after_zero);
    tcase_add_test(tc, test_finish);
    tcase_add_test(tc, test_time_goes_back);
    tcase_add_test(tc, test_wanted);
    tcase_add_test(tc, test_long_path);
    tcase_add_test(tc, test_snapshots);
    tcase_add_test(tc, test_snapshot_room);
    tcase_add_loop_test(tc, test_six_visits, 0, 3);
    tcase_add_test(tc, test_ids);
    tcase_add_test(tc, test_ids_of_places);
    tcase_add_loop_test(tc, test_random, 0, 10);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
