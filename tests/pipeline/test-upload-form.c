/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to other people's programs: byte for byte, and judged by a parser. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "tests/pipeline/schema.h"

#define KEY "01HF0000000000000000000000.end.3"

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
    event->start_ns = G_GINT64_CONSTANT(6123456789);
    event->end_ns = G_GINT64_CONSTANT(20300000000);
    event->start_wall_us = G_GINT64_CONSTANT(1700000000123456);
    event->end_wall_us = G_GINT64_CONSTANT(1700000014300000);
    event->score = 0.71875f;
    event->top_score = 0.8203125f;
    event->box = (VigilBox){0.125f, 0.25f, 0.375f, 1.02f};
    event->frames_seen = 3;
    event->frames_inferred = 1;
    event->zones = g_new0(const gchar *, 2);
    event->zones[0] = "porch";
    event->lines = g_new0(const gchar *, 3);
    event->lines[0] = "gate:in";
    event->lines[1] = "gate:out";
    return event;
}

static gchar *
make_line(VigilEventType type)
{
    g_autoptr(VigilEvent) event = make_event(type);

    return vigil_event_to_json(event, "2023/11/14/door/01HF.mp4");
}

static gchar *
make_payload(VigilUploadForm form, const gchar *line, const gchar *key, gint width, gint height)
{
    const VigilUploadFormInput input = {line, key, width, height};
    g_autoptr(GError) error = NULL;
    gchar *payload = vigil_upload_form_payload(form, &input, NULL, &error);

    ck_assert_msg(payload != NULL, "%s", error ? error->message : "");
    return payload;
}

static JsonNode *
parse(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(text, &error);

    ck_assert_msg(node != NULL, "%s: %s", text, error ? error->message : "");
    return node;
}

START_TEST(test_vigil_bytes)
{
    g_autofree gchar *line = make_line(VIGIL_EVENT_END);
    g_autofree gchar *payload = make_payload(VIGIL_UPLOAD_FORM_VIGIL, line, KEY, 0, 0);
    g_autofree gchar *expected = g_strconcat("{\"version\":1,\"key\":\"" KEY "\",", line + 1, NULL);

    ck_assert_str_eq(payload, expected);
}
END_TEST

START_TEST(test_vigil_schema)
{
    g_autoptr(JsonNode) schema = schema_load("event.json");
    g_autofree gchar *line = make_line((VigilEventType)_i);
    g_autofree gchar *payload = make_payload(VIGIL_UPLOAD_FORM_VIGIL, line, KEY, 0, 0);
    g_autoptr(JsonNode) value = parse(payload);
    g_autofree gchar *wrong = schema_check(schema, value);

    ck_assert_msg(wrong == NULL, "%s", wrong);
}
END_TEST

/* The schema says no as well. */
START_TEST(test_schema_refuses)
{
    static const struct {
        const gchar *from, *to, *wrong;
    } cases[] = {
        {"\"type\":\"end\"", "\"type\":\"over\"", "$.type: enum"},
        {"\"score\":0.7188", "\"score\":1.5", "$.score: maximum"},
        {"\"track\":7", "\"track\":\"7\"", "$.track: type"},
        {"[\"porch\"]", "[1]", "$.zones[0]: type"},
        {"\"camera\":\"door\",", "", "$: required"},
        {"\"id\":\"01HF", "\"id\":\"01hf", "$.id: pattern"},
        {",1.0200]", "]", "$.box: minItems"},
        {"\"version\":1", "\"version\":2", "$.version: const"},
    };
    g_autoptr(JsonNode) schema = schema_load("event.json");
    g_autofree gchar *line = make_line(VIGIL_EVENT_END);
    g_autofree gchar *payload = make_payload(VIGIL_UPLOAD_FORM_VIGIL, line, KEY, 0, 0);
    g_autoptr(GString) text = g_string_new(payload);
    g_autoptr(JsonNode) value = NULL;
    g_autofree gchar *wrong = NULL;

    ck_assert_uint_eq(g_string_replace(text, cases[_i].from, cases[_i].to, 0), 1);
    value = parse(text->str);
    wrong = schema_check(schema, value);
    ck_assert_str_eq(wrong, cases[_i].wrong);
}
END_TEST

START_TEST(test_frigate_bytes)
{
    g_autofree gchar *line = make_line(VIGIL_EVENT_END);
    g_autofree gchar *payload = make_payload(VIGIL_UPLOAD_FORM_FRIGATE, line, KEY, 1280, 720);
    const gchar *state =
        "{\"id\":\"01HF0000000000000000000000\",\"camera\":\"door\",\"frame_time\":1700000014."
        "300000,"
        "\"snapshot\":null,\"label\":\"person\",\"sub_label\":null,\"top_score\":0.8203,"
        "\"false_positive\":false,\"start_time\":1700000000.123000,"
        "\"end_time\":1700000014.300000,\"score\":0.7188,\"box\":[160,180,480,720],"
        "\"area\":172800,\"ratio\":0.59,\"region\":[0,0,1280,720],\"active\":false,"
        "\"stationary\":false,\"motionless_count\":0,\"position_changes\":0,"
        "\"current_zones\":[],\"entered_zones\":[\"porch\"],\"has_clip\":true,"
        "\"has_snapshot\":false,\"attributes\":{},\"current_attributes\":[]}";
    g_autofree gchar *expected = g_strdup_printf(
        "{\"type\":\"end\",\"before\":%s,\"after\":%s,\"key\":\"" KEY "\",\"rule\":\"visitor\"}",
        state, state);

    ck_assert_str_eq(payload, expected);
}
END_TEST

START_TEST(test_dlstreamer_bytes)
{
    g_autofree gchar *line = make_line(VIGIL_EVENT_BEGIN);
    g_autofree gchar *payload = make_payload(VIGIL_UPLOAD_FORM_DLSTREAMER, line, KEY, 640, 480);

    ck_assert_str_eq(
        payload,
        "{\"objects\":[{\"detection\":{\"bounding_box\":{\"x_max\":0.3750,\"x_min\":0.1250,"
        "\"y_max\":1.0200,\"y_min\":0.2500},\"confidence\":0.8203,\"label\":\"person\"},"
        "\"x\":80,\"y\":120,\"w\":160,\"h\":360,\"id\":7,\"region_id\":7,\"roi_type\":\"person\","
        "\"zone_violations\":[\"porch\"],\"tripwire_crossings\":[{\"tripwire_id\":\"gate\","
        "\"direction\":1},{\"tripwire_id\":\"gate\",\"direction\":-1}]}],"
        "\"resolution\":{\"height\":480,\"width\":640},\"source\":\"door\",\"tags\":{\"key\":\"" KEY
        "\",\"event\":\"01HF0000000000000000000000\",\"type\":\"begin\",\"rule\":\"visitor\","
        "\"clip\":\"2023/11/14/door/01HF.mp4\"},\"timestamp\":20300000000,"
        "\"system_timestamp\":1700000014300000000}");
}
END_TEST

/* Without a size nothing is said in pixels, and it is JSON all the same. */
START_TEST(test_unknown_size)
{
    g_autofree gchar *line = make_line(VIGIL_EVENT_BEGIN);
    g_autofree gchar *frigate = make_payload(VIGIL_UPLOAD_FORM_FRIGATE, line, NULL, 0, 0);
    g_autofree gchar *dlstreamer = make_payload(VIGIL_UPLOAD_FORM_DLSTREAMER, line, NULL, 0, 0);
    g_autoptr(JsonNode) event = parse(frigate);
    g_autoptr(JsonNode) frame = parse(dlstreamer);
    JsonObject *after = json_object_get_object_member(json_node_get_object(event), "after");

    ck_assert(json_object_get_null_member(after, "box"));
    ck_assert(json_object_get_null_member(after, "area"));
    ck_assert(json_object_get_null_member(json_node_get_object(event), "key"));
    ck_assert(json_object_get_boolean_member(after, "active"));
    ck_assert(json_object_get_null_member(after, "end_time"));
    ck_assert(!json_object_has_member(json_node_get_object(frame), "resolution"));
}
END_TEST

/* Names that would be something else in JSON or in a topic. */
START_TEST(test_escaping)
{
    const gchar *nasty = "a\"b\\c\n+#/\xff\xc3\xa9";
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
    g_autofree gchar *line = NULL;
    g_autoptr(GPtrArray) pieces = NULL;
    VigilUploadFormInput input = {0};

    event->label = event->rule = event->zones[0] = event->lines[0] = nasty;
    line = vigil_event_to_json(event, NULL);
    input.line = line;
    input.key = nasty;
    pieces = vigil_upload_form_pieces((VigilUploadForm)_i, &input, "vigil", scene, NULL);
    ck_assert_ptr_nonnull(pieces);
    for (guint i = 0; i < pieces->len; i++) {
        const VigilUploadPiece *piece = pieces->pdata[i];
        g_autoptr(JsonNode) node = parse(piece->payload);

        ck_assert_ptr_nonnull(node);
        ck_assert_msg(strpbrk(piece->topic, "+#\n") == NULL, "%s", piece->topic);
        ck_assert(g_utf8_validate(piece->topic, -1, NULL));
        ck_assert(g_utf8_validate(piece->payload, -1, NULL));
    }
}
END_TEST

static const gchar *
find(const GPtrArray *pieces, const gchar *topic)
{
    for (guint i = 0; i < pieces->len; i++) {
        const VigilUploadPiece *piece = pieces->pdata[i];

        if (g_str_equal(piece->topic, topic))
            return piece->payload;
    }
    return NULL;
}

static GPtrArray *
tell(VigilUploadScene *scene, VigilEvent *event)
{
    g_autofree gchar *line = vigil_event_to_json(event, NULL);
    const VigilUploadFormInput input = {.line = line};
    GPtrArray *pieces =
        vigil_upload_form_pieces(VIGIL_UPLOAD_FORM_FRIGATE, &input, "frigate", scene, NULL);

    ck_assert_ptr_nonnull(pieces);
    return pieces;
}

/* Two people and one rule more: numbers of objects, also when messages come twice. */
START_TEST(test_frigate_counts)
{
    g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
    g_autoptr(VigilEvent) one = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) again = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) two = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) end = make_event(VIGIL_EVENT_END);

    again->id[25] = '1';
    again->rule = "loiterer";
    two->id[25] = '2';
    two->track_id = 8;
    two->label = "car";
    two->zones[0] = "yard";
    for (guint round = 0; round < 2; round++) {
        g_autoptr(GPtrArray) first = tell(scene, one);
        g_autoptr(GPtrArray) second = tell(scene, again);
        g_autoptr(GPtrArray) third = tell(scene, two);

        ck_assert_str_eq(find(second, "frigate/door/person"), "1");
        ck_assert_str_eq(find(second, "frigate/door/person/active"), "1");
        ck_assert_str_eq(find(third, "frigate/door/car"), "1");
        ck_assert_str_eq(find(third, "frigate/door/all"), "2");
        ck_assert_str_eq(find(third, "frigate/yard/all"), "1");
        ck_assert_str_eq(find(first, "frigate/porch/person"), "1");
        ck_assert_ptr_null(find(third, "frigate/porch/car"));
    }
    for (guint round = 0; round < 2; round++) {
        g_autoptr(GPtrArray) gone = tell(scene, end);

        /* the other rule's event of the same person goes on */
        ck_assert_str_eq(find(gone, "frigate/door/person"), "1");
        ck_assert_ptr_nonnull(find(gone, "frigate/events"));
        ck_assert_ptr_nonnull(find(gone, "frigate/reviews"));
    }
    end->id[25] = '1';
    g_autoptr(GPtrArray) last = tell(scene, end);

    ck_assert_str_eq(find(last, "frigate/door/person"), "0");
    ck_assert_str_eq(find(last, "frigate/door/all"), "1");
    ck_assert_str_eq(find(last, "frigate/porch/all"), "0");
}
END_TEST

START_TEST(test_frigate_before)
{
    g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
    g_autoptr(VigilEvent) begin = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) end = make_event(VIGIL_EVENT_END);
    g_autoptr(GPtrArray) first = NULL, last = NULL;
    g_autoptr(JsonNode) node = NULL;
    JsonObject *before, *after;

    begin->score = 0.5f;
    first = tell(scene, begin);
    last = tell(scene, end);
    node = parse(find(last, "frigate/events"));
    before = json_object_get_object_member(json_node_get_object(node), "before");
    after = json_object_get_object_member(json_node_get_object(node), "after");
    ck_assert_double_eq(json_object_get_double_member(before, "score"), 0.5);
    ck_assert(json_object_get_null_member(before, "end_time"));
    ck_assert_double_eq(json_object_get_double_member(after, "score"), 0.7188);
    ck_assert_double_eq_tol(json_object_get_double_member(after, "end_time"), 1700000014.3, 1e-5);
    ck_assert_ptr_null(vigil_upload_scene_get(scene, begin->id));
}
END_TEST

/* An update says only what it changes: a zone that was entered since, and none that is called as the camera. */
START_TEST(test_frigate_update)
{
    g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
    g_autoptr(VigilEvent) begin = make_event(VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) update = make_event(VIGIL_EVENT_UPDATE);
    g_autoptr(VigilEvent) unknown = make_event(VIGIL_EVENT_UPDATE);
    g_autoptr(GPtrArray) first = tell(scene, begin), second = NULL, third = NULL;

    g_free(update->zones);
    update->zones = g_new0(const gchar *, 4);
    update->zones[0] = "porch";
    update->zones[1] = "stairs";
    update->zones[2] = "door";
    second = tell(scene, update);
    ck_assert_str_eq(find(first, "frigate/porch/person"), "1");
    ck_assert_ptr_null(find(second, "frigate/door/person"));
    ck_assert_ptr_null(find(second, "frigate/porch/person"));
    ck_assert_str_eq(find(second, "frigate/stairs/person"), "1");
    ck_assert_str_eq(find(second, "frigate/stairs/all/active"), "1");
    ck_assert_uint_eq(second->len, 2 + 4);
    /* of which the begin went before we were there */
    unknown->id[25] = '7';
    unknown->track_id = 9;
    third = tell(scene, unknown);
    ck_assert_str_eq(find(third, "frigate/door/person"), "2");
}
END_TEST

START_TEST(test_malformed)
{
    static const gchar *const lines[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"id\":1}",
        "{\"id\":\"a\",\"type\":\"begin\"",
        "{\"id\":\"a\",\"type\":\"other\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"2024-01-"
        "01T00:00:00Z\",\"end\":\"2024-01-01T00:00:00Z\"}",
        "{\"id\":\"a\",\"type\":\"end\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"now\",\"end\":"
        "\"2024-01-01T00:00:00Z\"}",
        "{\"id\":\"a\",\"type\":\"end\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"2024-01-01T00:"
        "00:00Z\",\"end\":\"2024-01-01T00:00:00Z\",\"box\":[1,2,3]}",
        "{\"id\":\"a\",\"type\":\"end\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"2024-01-01T00:"
        "00:00Z\",\"end\":\"2024-01-01T00:00:00Z\",\"zones\":[null]}",
        "{\"id\":\"a\",\"type\":\"end\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"2024-01-01T00:"
        "00:00Z\",\"end\":\"2024-01-01T00:00:00Z\",\"score\":\"1\"}",
        "{\"id\":\"a\",\"type\":\"end\",\"camera\":\"c\",\"rule\":\"r\",\"start\":\"2024-01-01T00:"
        "00:00Z\",\"end\":\"3024-01-01T00:00:00Z\"}",
    };
    const VigilUploadFormInput input = {.line = lines[_i]};
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(vigil_upload_form_payload(VIGIL_UPLOAD_FORM_VIGIL, &input, NULL, &error));
    ck_assert(g_error_matches(error, VIGIL_UPLOAD_LINE_ERROR, VIGIL_UPLOAD_LINE_ERROR_MALFORMED));
}
END_TEST

START_TEST(test_deep_and_long)
{
    g_autofree gchar *deep = g_strnfill(200000, '[');
    g_autofree gchar *nested = g_strconcat("{\"id\":", deep, NULL);
    g_autofree gchar *spaces = g_strnfill(VIGIL_UPLOAD_LINE_MAX, ' ');
    g_autofree gchar *line = make_line(VIGIL_EVENT_BEGIN);
    g_autofree gchar *too_long = g_strconcat(line, spaces, NULL);

    ck_assert_ptr_null(vigil_upload_line_parse(nested, NULL));
    ck_assert_ptr_null(vigil_upload_line_parse(too_long, NULL));
}
END_TEST

/* Every cut and every changed byte of a line: refused or taken, and what is made of it is JSON. */
START_TEST(test_mutations)
{
    g_autofree gchar *line = make_line(VIGIL_EVENT_END);
    const gsize length = strlen(line);
    const guint step = g_getenv("ASAN_OPTIONS") ? 3 : 1; /* a sanitizer is slow */
    guint taken = 0;

    for (gsize i = 0; i < length * 8; i += step) {
        g_autofree gchar *changed = g_strdup(line);
        g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
        const VigilUploadFormInput input = {changed, KEY, 1920, 1080};

        if (i < length)
            changed[i] = '\0';
        else
            changed[i % length] = (gchar)(changed[i % length] ^ (1 << (i / length - 1)));
        for (gint form = 0; form <= VIGIL_UPLOAD_FORM_DLSTREAMER; form++) {
            g_autoptr(GPtrArray) pieces =
                vigil_upload_form_pieces((VigilUploadForm)form, &input, "v", scene, NULL);

            for (guint k = 0; pieces && k < pieces->len; k++) {
                g_autoptr(JsonNode) node = parse(((VigilUploadPiece *)pieces->pdata[k])->payload);

                ck_assert_ptr_nonnull(node);
                taken++;
            }
        }
    }
    ck_assert_uint_gt(taken, length);
}
END_TEST

START_TEST(test_scene_bound)
{
    g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();
    g_autoptr(VigilEvent) event = make_event(VIGIL_EVENT_BEGIN);
    gchar first[VIGIL_EVENT_ID_LENGTH + 1] = "";

    for (guint i = 0; i <= VIGIL_UPLOAD_SCENE_MAX; i++) {
        g_autofree gchar *line = NULL;

        g_snprintf(event->id, sizeof event->id, "01HF%022u", i);
        event->track_id = i + 1;
        if (i == 0)
            g_strlcpy(first, event->id, sizeof first);
        line = vigil_event_to_json(event, NULL);
        vigil_upload_scene_tell(scene, vigil_upload_line_parse(line, NULL));
    }
    ck_assert_uint_eq(vigil_upload_scene_count(scene, "door", NULL, "person", "visitor"),
                      VIGIL_UPLOAD_SCENE_MAX);
    ck_assert_ptr_null(vigil_upload_scene_get(scene, first));
    ck_assert_ptr_nonnull(vigil_upload_scene_get(scene, event->id));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-form");
    TCase *tcase = tcase_create("upload-form");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tcase, test_vigil_bytes);
    tcase_add_loop_test(tcase, test_vigil_schema, VIGIL_EVENT_BEGIN, VIGIL_EVENT_END + 1);
    tcase_add_loop_test(tcase, test_schema_refuses, 0, 8);
    tcase_add_test(tcase, test_frigate_bytes);
    tcase_add_test(tcase, test_dlstreamer_bytes);
    tcase_add_test(tcase, test_unknown_size);
    tcase_add_loop_test(tcase, test_escaping, 0, VIGIL_UPLOAD_FORM_DLSTREAMER + 1);
    tcase_add_test(tcase, test_frigate_counts);
    tcase_add_test(tcase, test_frigate_before);
    tcase_add_test(tcase, test_frigate_update);
    tcase_add_loop_test(tcase, test_malformed, 0, 12);
    tcase_add_test(tcase, test_deep_and_long);
    tcase_add_test(tcase, test_mutations);
    tcase_add_test(tcase, test_scene_bound);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
