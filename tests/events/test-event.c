/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "events/vigil-event-id.h"
#include "events/vigil-event.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static VigilEvent *
make_event(VigilEventType type)
{
    VigilEvent *event = vigil_event_new();

    g_strlcpy(event->id, "01HF0000000000000000000000", sizeof event->id);
    event->type = type;
    event->model = (VigilModelId){"net", "5f"};
    event->end_reason = type == VIGIL_EVENT_END ? VIGIL_END_GONE : VIGIL_END_NONE;
    event->camera = "door";
    event->rule = "visitor";
    event->label = "person";
    event->track_id = 7;
    event->start_ns = 6 * SECOND + 123456789;
    event->end_ns = 20 * SECOND + 300 * 1000000;
    event->start_wall_us = G_GINT64_CONSTANT(1700000000123456);
    event->end_wall_us = G_GINT64_CONSTANT(1700000014300000);
    event->score = 0.71875f;
    event->top_score = 0.8203125f;
    event->box = (VigilBox){-0.00001f, 0.1f, 0.25f, 1.02f};
    event->frames_seen = 3;
    event->frames_inferred = 1;
    return event;
}

START_TEST(test_bytes)
{
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_END);
    g_autofree gchar *json = NULL;

    event->zones = g_new0(const gchar *, 3);
    event->zones[0] = "porch";
    event->zones[1] = "yard";
    event->lines = g_new0(const gchar *, 2);
    event->lines[0] = "gate:in";
    json = vigil_event_to_json(event, "2023/11/14/door/01HF.mp4");
    ck_assert_str_eq(
        json, "{\"id\":\"01HF0000000000000000000000\",\"type\":\"end\",\"camera\":\"door\","
              "\"rule\":\"visitor\",\"label\":\"person\",\"score\":0.7188,\"top_score\":0.8203,"
              "\"start\":\"2023-11-14T22:13:20.123Z\",\"end\":\"2023-11-14T22:13:34.300Z\","
              "\"start_s\":6.123,\"end_s\":20.300,\"box\":[0.0000,0.1000,0.2500,1.0200],"
              "\"zones\":[\"porch\",\"yard\"],\"lines\":[\"gate:in\"],\"track\":7,"
              "\"clip\":\"2023/11/14/door/"
              "01HF.mp4\",\"coverage\":0.3333,\"model\":\"5f\",\"end_reason\":\"gone\"}");
}
END_TEST

START_TEST(test_bytes_of_begin)
{
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_BEGIN);
    g_autofree gchar *json = NULL;

    event->frames_seen = 0;
    event->start_ns = -1500 * 1000000; /* before the stream's begin, as a segment may have it */
    event->start_wall_us = -5;
    event->end_wall_us = G_MAXINT64;
    event->score = NAN;
    event->top_score = INFINITY;
    event->label = NULL;
    event->model = (VigilModelId){NULL, NULL};
    json = vigil_event_to_json(event, NULL);
    ck_assert_str_eq(
        json,
        "{\"id\":\"01HF0000000000000000000000\",\"type\":\"begin\",\"camera\":\"door\","
        "\"rule\":\"visitor\",\"label\":null,\"score\":0.0000,\"top_score\":0.0000,"
        "\"start\":\"1970-01-01T00:00:00.000Z\",\"end\":\"9999-12-31T23:59:59.999Z\","
        "\"start_s\":-1.500,\"end_s\":20.300,\"box\":[0.0000,0.1000,0.2500,1.0200],"
        "\"zones\":[],\"lines\":[],\"track\":7,\"clip\":null,\"coverage\":0.0000,\"model\":null}");
}
END_TEST

/* Whatever the names hold, it is one line of JSON that reads back as they were. */
START_TEST(test_escaping)
{
    static const gchar *const names[] = {"quote\" back\\slash", "line\nbreak\ttab\r\b\f",
                                         "\x01\x1f\x7f",        "Tür 門 🚪",
                                         "</script>",           ""};
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_UPDATE);
    g_autofree gchar *json = NULL;
    g_autoptr(JsonNode) root = NULL;
    g_autoptr(GError) error = NULL;
    JsonObject *object;

    event->camera = event->rule = event->label = names[_i];
    event->zones = g_new0(const gchar *, 2);
    event->zones[0] = names[_i];
    json = vigil_event_to_json(event, names[_i]);
    for (const gchar *p = json; *p; p++)
        ck_assert_int_ge((guchar)*p, 0x20);
    root = json_from_string(json, &error);
    ck_assert_msg(root != NULL, "%s: %s", json, error ? error->message : "");
    object = json_node_get_object(root);
    ck_assert_str_eq(json_object_get_string_member(object, "camera"), names[_i]);
    ck_assert_str_eq(json_object_get_string_member(object, "rule"), names[_i]);
    ck_assert_str_eq(json_object_get_string_member(object, "label"), names[_i]);
    ck_assert_str_eq(json_object_get_string_member(object, "clip"), names[_i]);
    ck_assert_str_eq(
        json_array_get_string_element(json_object_get_array_member(object, "zones"), 0), names[_i]);
    ck_assert_str_eq(json_object_get_string_member(object, "type"), "update");
    ck_assert(!json_object_has_member(object, "end_reason"));
}
END_TEST

START_TEST(test_invalid_utf8)
{
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_UPDATE);
    g_autofree gchar *json = NULL;
    g_autoptr(JsonNode) root = NULL;

    event->label = "caf\xe9";
    json = vigil_event_to_json(event, NULL);
    root = json_from_string(json, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_object_get_string_member(json_node_get_object(root), "label"),
                     "caf\xef\xbf\xbd");
}
END_TEST

START_TEST(test_parse_back)
{
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_END);
    g_autofree gchar *json = vigil_event_to_json(event, "c.mp4");
    g_autoptr(JsonNode) root = json_from_string(json, NULL);
    JsonObject *object = json_node_get_object(root);
    JsonArray *box = json_object_get_array_member(object, "box");

    ck_assert_double_eq_tol(json_object_get_double_member(object, "score"), 0.71875, 5e-5);
    ck_assert_double_eq_tol(json_object_get_double_member(object, "start_s"), 6.123, 1e-9);
    ck_assert_uint_eq(json_array_get_length(box), 4);
    ck_assert_double_eq_tol(json_array_get_double_element(box, 3), 1.02, 5e-5);
    ck_assert_int_eq(json_object_get_int_member(object, "track"), 7);
    ck_assert_double_eq_tol(json_object_get_double_member(object, "coverage"), 1.0 / 3, 5e-5);
}
END_TEST

START_TEST(test_boxed)
{
    VigilEvent *event = make_event(VIGIL_EVENT_END);
    GValue value = G_VALUE_INIT;

    event->path = g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));
    event->snapshot = g_bytes_new_static("jpeg", 4);
    event->zones = g_new0(const gchar *, 1);
    g_value_init(&value, VIGIL_TYPE_EVENT);
    g_value_set_boxed(&value, event);
    vigil_event_unref(event);
    ck_assert_ptr_eq(g_value_get_boxed(&value), event); /* shared, not copied */
    ck_assert_str_eq(((VigilEvent *)g_value_get_boxed(&value))->camera, "door");
    g_value_unset(&value);
    vigil_event_unref(NULL);
}
END_TEST

START_TEST(test_words)
{
    ck_assert_str_eq(vigil_event_type_to_string(VIGIL_EVENT_BEGIN), "begin");
    ck_assert_str_eq(vigil_event_type_to_string(VIGIL_EVENT_UPDATE), "update");
    ck_assert_str_eq(vigil_event_type_to_string(VIGIL_EVENT_END), "end");
    ck_assert_str_eq(vigil_event_type_to_string((VigilEventType)17), "unknown");
    for (guint i = VIGIL_END_NONE; i <= VIGIL_END_INTERRUPTED; i++)
        ck_assert_int_eq(
            vigil_end_reason_from_string(vigil_end_reason_to_string((VigilEndReason)i)), i);
    ck_assert_str_eq(vigil_end_reason_to_string(VIGIL_END_INTERRUPTED), "interrupted");
    ck_assert_str_eq(vigil_end_reason_to_string((VigilEndReason)17), "unknown");
    ck_assert_int_eq(vigil_end_reason_from_string("boredom"), VIGIL_END_NONE);
    ck_assert_int_eq(vigil_end_reason_from_string(NULL), VIGIL_END_NONE);
}
END_TEST

/* An id under rules that are just this one. */
static void
make_id(gchar *id, gint64 start_wall_us, const gchar *camera, const VigilRule *rule,
        guint64 track_id, gint64 start_ns, guint64 run_nonce)
{
    g_autoptr(GArray) zones = g_array_new(FALSE, FALSE, sizeof(VigilZone));
    g_autoptr(GArray) lines = g_array_new(FALSE, FALSE, sizeof(VigilLine));
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(VigilRule));
    const VigilRules rules = {.zones = zones, .lines = lines, .rules = list};

    g_array_append_vals(list, rule, 1);
    vigil_event_id(id, start_wall_us, camera, &rules, 0, track_id, start_ns, run_nonce);
}

START_TEST(test_id)
{
    VigilRule rule = vigil_rule_defaults();
    gchar id[VIGIL_EVENT_ID_LENGTH + 1], other[VIGIL_EVENT_ID_LENGTH + 1];

    rule.name = "visitor";
    make_id(id, G_GINT64_CONSTANT(1469918176385000), "door", &rule, 1, SECOND, 0);
    ck_assert_uint_eq(strlen(id), VIGIL_EVENT_ID_LENGTH);
    ck_assert_uint_eq(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), VIGIL_EVENT_ID_LENGTH);
    ck_assert_int_eq(strncmp(id, "01ARYZ6S41", 10),
                     0); /* the ULID specification's own example time */
    make_id(other, G_GINT64_CONSTANT(1469918176385000), "door", &rule, 1, SECOND, 0);
    ck_assert_str_eq(id, other);
    make_id(other, G_GINT64_CONSTANT(1469918176386000), "door", &rule, 1, SECOND, 0);
    ck_assert_str_lt(id, other); /* sorts by time */
    make_id(other, -1, "door", &rule, 1, SECOND, 0);
    ck_assert_int_eq(strncmp(other, "0000000000", 10), 0);
    make_id(other, G_MAXINT64, "door", &rule, 1, SECOND, 0);
    ck_assert_int_eq(strncmp(other, "7ZZZZZZZZZ", 10), 0);
}
END_TEST

/* Everything that makes an event changes its id. */
START_TEST(test_id_differs)
{
    static const gchar *classes[] = {"person", NULL};
    static const gchar *zones[] = {"person", NULL};
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const guint n = 20;

    for (guint i = 0; i < n; i++) {
        VigilRule rule = vigil_rule_defaults();
        gchar *id = g_malloc(VIGIL_EVENT_ID_LENGTH + 1);

        rule.name = i == 1 ? "other" : "rule";
        rule.classes = i == 2 ? classes : NULL;
        rule.zones = i == 3 ? zones : NULL;
        rule.line = i == 4 ? "person" : NULL;
        rule.direction = i == 5 ? VIGIL_DIRECTION_IN : VIGIL_DIRECTION_ANY;
        rule.min_score += i == 6 ? 0.01f : 0.0f;
        rule.min_size += i == 7 ? 0.01f : 0.0f;
        rule.max_size -= i == 8 ? 0.01f : 0.0f;
        rule.dwell_ns += i == 9;
        rule.cooldown_ns += i == 10;
        rule.end_after_ns += i == 11;
        rule.record = i != 12;
        rule.pre_ns += i == 13;
        rule.post_ns += i == 14;
        make_id(id, 0, i == 15 ? "yard" : "door", &rule, i == 16 ? 2 : 1, i == 17, i == 18);
        if (i < n - 1)
            ck_assert(g_hash_table_add(seen, id));
        else
            ck_assert(!g_hash_table_add(seen, id)); /* the last is the first again */
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("event");
    TCase *tc = tcase_create("event");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_bytes);
    tcase_add_test(tc, test_bytes_of_begin);
    tcase_add_loop_test(tc, test_escaping, 0, 6);
    tcase_add_test(tc, test_invalid_utf8);
    tcase_add_test(tc, test_parse_back);
    tcase_add_test(tc, test_boxed);
    tcase_add_test(tc, test_words);
    tcase_add_test(tc, test_id);
    tcase_add_test(tc, test_id_differs);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
