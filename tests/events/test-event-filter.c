/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "events/vigil-event-filter.h"
#include "events/vigil-tracker.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MS G_GINT64_CONSTANT(1000000)
#define WALL G_GINT64_CONSTANT(1700000000000000)

static GPtrArray *events;
static VigilEventFilter *filter;

static void
collect(VigilEvent *event, gpointer user_data)
{
    ck_assert_ptr_eq(user_data, &events);
    g_ptr_array_add(events, vigil_event_ref(event));
}

static void
setup(void)
{
    events = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
    filter = NULL;
}

static void
teardown(void)
{
    vigil_event_filter_free(filter);
    g_ptr_array_unref(events);
}

static VigilEventFilterOptions
options_of_test(void)
{
    VigilEventFilterOptions options = vigil_event_filter_options_defaults();

    options.camera = "door";
    options.wall_base_us = WALL;
    options.update_interval_ns = 0; /* where a test does not ask for updates */
    return options;
}

static void
start_with(const gchar *yaml, const VigilEventFilterOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilYaml) root = vigil_yaml_parse(yaml, strlen(yaml), "r.yaml", &error);
    g_autoptr(VigilRules) rules = root ? vigil_rules_from_yaml(root, &error) : NULL;

    ck_assert_msg(rules != NULL, "%s", error ? error->message : "no error");
    vigil_event_filter_free(filter);
    filter = vigil_event_filter_new(rules, options, collect, &events);
}

static void
start(const gchar *yaml)
{
    const VigilEventFilterOptions options = options_of_test();

    start_with(yaml, &options);
}

/* A person of a fifth of the frame's width and two fifths of its height, whose feet are at x, y. */
static VigilTrack
person_at(guint64 id, gfloat x, gfloat y, gfloat score)
{
    return (VigilTrack){.id = id,
                        .box = {x - 0.1f, y - 0.4f, x + 0.1f, y},
                        .score = score,
                        .label_id = 0,
                        .label = g_intern_static_string("person"),
                        .observed = TRUE};
}

static void
look(gint64 time_ns, const VigilTrack *tracks, guint n)
{
    vigil_event_filter_update(filter, time_ns, VIGIL_OUTCOME_INFERRED, tracks, n);
}

static void
look_at_one(gint64 time_ns, guint64 id, gfloat x, gfloat y, gfloat score)
{
    const VigilTrack track = person_at(id, x, y, score);

    look(time_ns, &track, 1);
}

/* The same person at the same place, ten frames a second. */
static void
stand(gint64 from_ns, gint64 to_ns, guint64 id, gfloat x, gfloat y, gfloat score)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        look_at_one(t, id, x, y, score);
}

static void
nobody(gint64 from_ns, gint64 to_ns)
{
    for (gint64 t = from_ns; t <= to_ns; t += 100 * MS)
        look(t, NULL, 0);
}

static VigilEvent *
event_at(guint index)
{
    ck_assert_uint_lt(index, events->len);
    return g_ptr_array_index(events, index);
}

/* "b1 e1 b2 …": begin, update, end; the number is the event in the order of their begins. */
static gchar *
story(void)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    GString *out = g_string_new("");

    for (guint i = 0; i < events->len; i++) {
        VigilEvent *event = event_at(i);
        guint n = 0;

        while (n < ids->len && strcmp(g_ptr_array_index(ids, n), event->id) != 0)
            n++;
        if (n == ids->len)
            g_ptr_array_add(ids, event->id);
        g_string_append_printf(out, "%s%c%u", i ? " " : "",
                               vigil_event_type_to_string(event->type)[0], n + 1);
    }
    return g_string_free(out, FALSE);
}

static void
assert_story(const gchar *expected)
{
    g_autofree gchar *told = story();

    ck_assert_str_eq(told, expected);
}

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

static const gchar *const two_zones = "zones:\n"
                                      "  left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]\n"
                                      "  right: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]\n"
                                      "  floor: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]\n";

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
    stand(0, 500 * SECOND, 1, 0.5f, 0.8f, 0.8f);
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    path = event_at(1)->path;
    ck_assert_uint_le(path->len, VIGIL_EVENT_FILTER_MAX_PATH + 1);
    ck_assert_uint_gt(path->len, VIGIL_EVENT_FILTER_MAX_PATH / 2);
    ck_assert_int_eq(g_array_index(path, VigilPathPoint, 0).time_ns, 0);
    ck_assert_int_eq(g_array_index(path, VigilPathPoint, path->len - 1).time_ns, 500 * SECOND);
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

static void
add_tests(TCase *tc)
{
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
    tcase_add_test(tc, test_flicker);
    tcase_add_test(tc, test_no_merge);
    tcase_add_test(tc, test_merge_moving);
    tcase_add_test(tc, test_two_objects);
    tcase_add_test(tc, test_double);
    tcase_add_test(tc, test_double_better);
    tcase_add_test(tc, test_no_double);
    tcase_add_test(tc, test_updates);
    tcase_add_test(tc, test_coverage);
    tcase_add_test(tc, test_blind);
    tcase_add_test(tc, test_blind_then_gone);
    tcase_add_test(tc, test_end_after_zero);
    tcase_add_test(tc, test_finish);
    tcase_add_test(tc, test_time_goes_back);
    tcase_add_test(tc, test_long_path);
    tcase_add_test(tc, test_snapshots);
    tcase_add_test(tc, test_snapshot_room);
    tcase_add_test(tc, test_overflow);
    tcase_add_loop_test(tc, test_six_visits, 0, 3);
    tcase_add_test(tc, test_ids);
}

int
main(void)
{
    Suite *suite = suite_create("event-filter");
    TCase *tc = tcase_create("event-filter");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    add_tests(tc);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
