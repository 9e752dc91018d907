/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-decision.h"
#include "events/vigil-rules.h"
#include "tests/plugins/plugin-test.h"

#define FRAME (GST_SECOND / 10)

static const gchar rules_text[] =
    "zones: {porch: [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]}\n"
    "rules:\n"
    "  - {name: visitor, classes: [person], zones: [porch], min_score: 0.5, end_after: 1s}\n";

static GstVideoInfo info;
static GstHarness *h;
static GstBus *bus;
static gchar *rules_path;

static void
setup(void)
{
    info = test_video_info(GST_VIDEO_FORMAT_I420, 320, 240);
    rules_path = test_write_file(rules_text);
    bus = gst_bus_new();
    h = NULL;
}

/* A harness starts its element at once, so the rules come first. */
static void
start(void)
{
    GstElement *element = gst_element_factory_make("vigilevents", NULL);

    fail_unless(element != NULL);
    g_object_set(element, "rules", rules_path, "camera", "door", NULL);
    gst_element_set_bus(element, bus);
    h = gst_harness_new_with_element(element, "sink", "src");
    gst_object_unref(element);
    gst_harness_set_live(h, FALSE);
    test_set_caps(h, &info);
}

static void
teardown(void)
{
    if (h)
        gst_harness_teardown(h);
    test_bus_free(bus);
    test_remove_file(rules_path);
}

/* One person at a fixed place from frame @from up to @to. */
static void
push_visit(guint from, guint to, guint end)
{
    for (guint i = from; i < end; i++) {
        GstBuffer *buffer = test_frame_new(&info, i * FRAME, FRAME);
        const VigilTrack track = {.id = 3,
                                  .box = {0.2f, 0.2f, 0.3f, 0.8f},
                                  .score = 0.8f,
                                  .label = g_intern_static_string("person"),
                                  .observed = TRUE,
                                  .first_ns = from * FRAME,
                                  .last_ns = i * FRAME};

        if (i < to)
            gst_vigil_buffer_set_tracks(buffer, &info, &track, 1, NULL, 0);
        assert_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    }
}

static VigilEvent *
pull_event(GstBuffer **buffer)
{
    *buffer = gst_harness_try_pull(h);
    return *buffer ? gst_vigil_buffer_get_event(*buffer) : NULL;
}

static guint
count_gaps(void)
{
    GstEvent *event;
    guint n = 0;

    while ((event = gst_harness_try_pull_event(h))) {
        n += GST_EVENT_TYPE(event) == GST_EVENT_GAP;
        gst_event_unref(event);
    }
    return n;
}

GST_START_TEST(visit_begins_and_ends)
{
    GstBuffer *begin, *end;
    VigilEvent *event;
    gchar id[VIGIL_EVENT_ID_LENGTH + 1];

    start();
    push_visit(10, 40, 80);
    event = pull_event(&begin);
    fail_unless(event && event->type == VIGIL_EVENT_BEGIN);
    assert_equals_string(event->camera, "door");
    assert_equals_string(event->rule, "visitor");
    assert_equals_string(event->zones[0], "porch");
    fail_unless(event->start_ns == (gint64)(10 * FRAME));
    fail_unless(GST_BUFFER_PTS(begin) >= 10 * FRAME);
    g_strlcpy(id, event->id, sizeof id);
    gst_buffer_unref(begin);
    /* updates may come between */
    for (event = pull_event(&end); event && event->type == VIGIL_EVENT_UPDATE;
         event = pull_event(&end))
        gst_buffer_unref(end);
    fail_unless(event && event->type == VIGIL_EVENT_END);
    assert_equals_string(event->id, id);
    assert_equals_int(event->end_reason, VIGIL_END_GONE);
    fail_unless(event->end_ns == (gint64)(39 * FRAME));
    fail_unless(event->snapshot != NULL);
    gst_buffer_unref(end);
    fail_unless(gst_harness_try_pull(h) == NULL);
}
GST_END_TEST

static const gchar *source_uri;

static gboolean
answer_uri(GstPad *pad, GstObject *parent, GstQuery *query)
{
    if (GST_QUERY_TYPE(query) != GST_QUERY_URI)
        return gst_pad_query_default(pad, parent, query);
    gst_query_set_uri(query, source_uri);
    return TRUE;
}

/* Streams that are alike but for where they come from have ids of their own, the same each time. */
GST_START_TEST(ids_by_source)
{
    static const gchar *const uris[] = {"http://a/1", "http://a/2", "http://a/1"};
    gchar ids[3][VIGIL_EVENT_ID_LENGTH + 1];

    for (guint i = 0; i < G_N_ELEMENTS(uris); i++) {
        GstBuffer *begin;
        VigilEvent *event;

        start();
        source_uri = uris[i];
        gst_pad_set_query_function(h->srcpad, answer_uri);
        push_visit(0, 20, 20);
        event = pull_event(&begin);
        fail_unless(event && event->type == VIGIL_EVENT_BEGIN);
        g_strlcpy(ids[i], event->id, sizeof ids[i]);
        gst_buffer_unref(begin);
        gst_harness_teardown(h);
        h = NULL;
    }
    assert_equals_string(ids[0], ids[2]);
    fail_unless(!g_str_equal(ids[0], ids[1]));
}
GST_END_TEST

/* downstream must know how far the analysis is: an event buffer or a gap for every frame */
GST_START_TEST(every_frame_is_accounted_for)
{
    GstCaps *caps;
    guint n_buffers = 0;
    GstBuffer *buffer;
    GstClockTime last = GST_CLOCK_TIME_NONE;
    guint n_frames = 0;

    start();
    push_visit(10, 40, 80);
    caps = gst_pad_get_current_caps(h->sinkpad);
    assert_equals_string(gst_structure_get_name(gst_caps_get_structure(caps, 0)),
                         GST_VIGIL_EVENT_CAPS);
    gst_caps_unref(caps);
    while ((buffer = gst_harness_try_pull(h))) {
        n_buffers++;
        n_frames += GST_BUFFER_PTS(buffer) != last;
        last = GST_BUFFER_PTS(buffer);
        gst_buffer_unref(buffer);
    }
    fail_unless(n_buffers >= 2);
    assert_equals_int(count_gaps() + n_frames, 70);
}
GST_END_TEST

GST_START_TEST(eos_ends_what_is_open)
{
    GstBuffer *buffer = NULL;
    VigilEvent *event;
    gboolean ended = FALSE;

    start();
    push_visit(0, 20, 20);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    while ((event = pull_event(&buffer))) {
        ended = event->type == VIGIL_EVENT_END && event->end_reason == VIGIL_END_STREAM;
        gst_buffer_unref(buffer);
    }
    fail_unless(ended);
}
GST_END_TEST

/* The end of the stream is the program's own: there would have been more to see. */
GST_START_TEST(eos_of_a_program_that_stops)
{
    GstBuffer *buffer = NULL;
    VigilEvent *event;
    gboolean ended = FALSE;

    start();
    push_visit(0, 20, 20);
    g_object_set(h->element, "stopping", TRUE, NULL);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    while ((event = pull_event(&buffer))) {
        ended = event->type == VIGIL_EVENT_END && event->end_reason == VIGIL_END_STOPPED;
        gst_buffer_unref(buffer);
    }
    fail_unless(ended);
}
GST_END_TEST

GST_START_TEST(stop_ends_what_is_open_on_the_bus)
{
    GstMessage *message;
    gboolean ended = FALSE;

    start();
    push_visit(0, 20, 20);
    gst_element_set_state(h->element, GST_STATE_READY);
    while ((message = test_pop_message(bus, "vigilevents-event"))) {
        const GstStructure *s = gst_message_get_structure(message);
        VigilEvent *event = NULL;

        fail_unless(gst_structure_get(s, "event", VIGIL_TYPE_EVENT, &event, NULL));
        ended = event->end_reason == VIGIL_END_STOPPED &&
                g_str_equal(gst_structure_get_string(s, "type"), "end");
        vigil_event_unref(event);
        gst_message_unref(message);
    }
    fail_unless(ended);
}
GST_END_TEST

static gchar *
all_lines(void)
{
    GString *lines = g_string_new(NULL);
    GstBuffer *buffer;
    GstMapInfo map;

    while ((buffer = gst_harness_try_pull(h))) {
        fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
        g_string_append_len(lines, (const gchar *)map.data, map.size);
        gst_buffer_unmap(buffer, &map);
        gst_buffer_unref(buffer);
    }
    return g_string_free(lines, FALSE);
}

GST_START_TEST(same_frames_give_the_same_bytes)
{
    gchar *first_lines, *second_lines;

    start();
    push_visit(10, 40, 80);
    first_lines = all_lines();
    gst_harness_teardown(h);
    start();
    push_visit(10, 40, 80);
    second_lines = all_lines();
    fail_unless(strlen(first_lines) > 100);
    assert_equals_string(first_lines, second_lines);
    g_free(first_lines);
    g_free(second_lines);
}
GST_END_TEST

static GstElement *
start_with(const gchar *rules)
{
    GstElement *element = gst_element_factory_make("vigilevents", NULL);

    g_object_set(element, "rules", rules, NULL);
    gst_element_set_bus(element, bus);
    assert_equals_int(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    return element;
}

static void
stop(GstElement *element)
{
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(element);
}

/* what a mistake in the rules looks like to the user: one error, with file and line */
GST_START_TEST(bad_rules_are_one_error)
{
    gchar *bad = test_write_file("rules:\n  - {name: x, clases: [person]}\n");
    GstElement *element = start_with(bad);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    GError *error = NULL;
    gchar *debug = NULL;

    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, &debug);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
    fail_unless(strstr(error->message, ":2: ") && strstr(error->message, "clases"), "%s",
                error->message);
    g_error_free(error);
    g_free(debug);
    gst_message_unref(message);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 0);
    stop(element);
    test_remove_file(bad);
}
GST_END_TEST

GST_START_TEST(no_rules_is_an_error)
{
    GstElement *element = start_with(NULL);

    assert_equals_int(test_count_messages(bus, GST_MESSAGE_ERROR), 1);
    stop(element);
}
GST_END_TEST

static VigilRules *
rules_of_cars(void)
{
    VigilRules *rules = vigil_rules_new();
    VigilRule rule = vigil_rule_defaults();

    rule.name = g_intern_static_string("cars");
    rule.classes = g_new0(const gchar *, 2);
    rule.classes[0] = g_intern_static_string("car");
    g_array_append_val(rules->rules, rule);
    return rules;
}

GST_START_TEST(new_rules_while_running_end_what_is_open)
{
    VigilRules *rules = rules_of_cars();
    GstBuffer *buffer;
    VigilEvent *event;
    gboolean ended = FALSE;

    start();
    push_visit(0, 20, 20);
    g_object_set(h->element, "rule-set", rules, NULL);
    vigil_rules_free(rules);
    push_visit(20, 40, 40);
    while ((event = pull_event(&buffer))) {
        fail_if(ended);
        ended = event->type == VIGIL_EVENT_END;
        if (ended)
            assert_equals_int(event->end_reason, VIGIL_END_STOPPED);
        gst_buffer_unref(buffer);
    }
    fail_unless(ended);
}
GST_END_TEST

GST_START_TEST(same_rules_while_running_change_nothing)
{
    GstBuffer *buffer;
    VigilEvent *event;

    start();
    push_visit(0, 20, 20);
    g_object_set(h->element, "rules", rules_path, NULL);
    push_visit(20, 30, 30);
    while ((event = pull_event(&buffer))) {
        fail_if(event->type == VIGIL_EVENT_END);
        gst_buffer_unref(buffer);
    }
}
GST_END_TEST

GST_START_TEST(bad_rules_while_running_leave_the_old)
{
    GstBuffer *buffer;
    VigilEvent *event;
    gboolean begun = FALSE;

    start();
    push_visit(0, 0, 5);
    g_object_set(h->element, "rules", "/nonexistent/rules.yaml", NULL);
    assert_equals_int(test_count_messages(bus, GST_MESSAGE_WARNING), 1);
    push_visit(5, 20, 20);
    while ((event = pull_event(&buffer))) {
        begun |= event->type == VIGIL_EVENT_BEGIN;
        gst_buffer_unref(buffer);
    }
    fail_unless(begun);
}
GST_END_TEST

GST_START_TEST(flush_ends_what_is_open)
{
    GstBuffer *buffer;
    VigilEvent *event;
    guint n_begins = 0, n_ends = 0;
    GstSegment segment;

    start();
    push_visit(10, 30, 30);
    while ((event = pull_event(&buffer)) && event->type != VIGIL_EVENT_BEGIN)
        gst_buffer_unref(buffer);
    fail_unless(event != NULL);
    gst_buffer_unref(buffer);
    /* a seek back to the begin */
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(h, gst_event_new_segment(&segment)));
    push_visit(0, 20, 20);
    while ((event = pull_event(&buffer))) {
        n_begins += event->type == VIGIL_EVENT_BEGIN;
        n_ends += event->type == VIGIL_EVENT_END && event->end_reason == VIGIL_END_STREAM;
        gst_buffer_unref(buffer);
    }
    assert_equals_int(n_ends, 1);
    assert_equals_int(n_begins, 1);
}
GST_END_TEST

GST_START_TEST(wall_time_of_a_file_comes_from_its_tags)
{
    GstDateTime *date = gst_date_time_new_from_iso8601_string("2024-05-06T07:08:09Z");
    GstTagList *tags = gst_tag_list_new(GST_TAG_DATE_TIME, date, NULL);
    GstBuffer *buffer;
    VigilEvent *event;

    gst_date_time_unref(date);
    start();
    fail_unless(gst_harness_push_event(h, gst_event_new_tag(tags)));
    push_visit(10, 30, 30);
    event = pull_event(&buffer);
    fail_unless(event != NULL);
    fail_unless(event->start_wall_us == G_GINT64_CONSTANT(1714979289) * G_USEC_PER_SEC + 1000000);
    gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(outcomes_are_counted_a_minute)
{
    GstMessage *message;
    const GstStructure *s;
    guint inferred, skipped, in_part;
    gint64 minute;

    start();
    g_object_set(h->element, "wall-base", (gint64)0, NULL);
    for (guint i = 0; i <= 60; i++) {
        GstBuffer *buffer = test_frame_new(&info, i * GST_SECOND, GST_SECOND);

        if (i % 3)
            gst_vigil_buffer_set_outcome(buffer, VIGIL_OUTCOME_SKIPPED_RATE);
        if (i < 30)
            gst_vigil_buffer_set_area(buffer, &(VigilBox){0.0f, 0.0f, 0.5f, 0.5f});
        assert_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    }
    message = test_pop_message(bus, "vigilevents-outcomes");
    fail_unless(message != NULL);
    s = gst_message_get_structure(message);
    fail_unless(gst_structure_get(s, "minute", G_TYPE_INT64, &minute, "inferred", G_TYPE_UINT,
                                  &inferred, "skipped-rate", G_TYPE_UINT, &skipped, "inferred-part",
                                  G_TYPE_UINT, &in_part, NULL));
    assert_equals_int(in_part, 10);
    assert_equals_string(gst_structure_get_string(s, "camera"), "door");
    fail_unless(minute == 0);
    assert_equals_int(inferred, 20);
    assert_equals_int(skipped, 40);
    gst_message_unref(message);
    fail_unless(test_pop_message(bus, "vigilevents-outcomes") == NULL);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    message = test_pop_message(bus, "vigilevents-outcomes");
    fail_unless(message != NULL);
    fail_unless(gst_structure_get(gst_message_get_structure(message), "minute", G_TYPE_INT64,
                                  &minute, NULL));
    fail_unless(minute == 60 * G_USEC_PER_SEC);
    gst_message_unref(message);
}
GST_END_TEST

GST_START_TEST(decisions_are_told)
{
    g_autoptr(GArray) decisions = NULL;
    GstMessage *message;
    const VigilDecision *decision;

    start();
    push_visit(10, 40, 80);
    fail_unless(test_pop_message(bus, "vigilevents-decisions") == NULL); /* not at once */
    push_visit(200, 200, 300);
    message = test_pop_message(bus, "vigilevents-decisions");
    fail_unless(message != NULL);
    fail_unless(gst_structure_get(gst_message_get_structure(message), "decisions", G_TYPE_ARRAY,
                                  &decisions, NULL));
    assert_equals_int(decisions->len, 1);
    decision = &g_array_index(decisions, VigilDecision, 0);
    assert_equals_int(decision->reason, VIGIL_REASON_FIRED);
    assert_equals_string(decision->camera, "door");
    gst_message_unref(message);
    push_visit(300, 300, 500);
    fail_unless(test_pop_message(bus, "vigilevents-decisions") == NULL);
    /* and not later than the end */
    push_visit(500, 510, 520);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    message = test_pop_message(bus, "vigilevents-decisions");
    fail_unless(message != NULL);
    gst_message_unref(message);
}
GST_END_TEST

static Suite *
vigilevents_suite(void)
{
    Suite *suite = suite_create("vigilevents");
    TCase *tcase = tcase_create("events");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, visit_begins_and_ends);
    tcase_add_test(tcase, ids_by_source);
    tcase_add_test(tcase, every_frame_is_accounted_for);
    tcase_add_test(tcase, eos_ends_what_is_open);
    tcase_add_test(tcase, eos_of_a_program_that_stops);
    tcase_add_test(tcase, stop_ends_what_is_open_on_the_bus);
    tcase_add_test(tcase, same_frames_give_the_same_bytes);
    tcase_add_test(tcase, bad_rules_are_one_error);
    tcase_add_test(tcase, no_rules_is_an_error);
    tcase_add_test(tcase, new_rules_while_running_end_what_is_open);
    tcase_add_test(tcase, same_rules_while_running_change_nothing);
    tcase_add_test(tcase, bad_rules_while_running_leave_the_old);
    tcase_add_test(tcase, flush_ends_what_is_open);
    tcase_add_test(tcase, wall_time_of_a_file_comes_from_its_tags);
    tcase_add_test(tcase, outcomes_are_counted_a_minute);
    tcase_add_test(tcase, decisions_are_told);
    return suite;
}

GST_CHECK_MAIN(vigilevents)
