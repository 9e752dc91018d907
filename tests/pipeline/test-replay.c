/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way, on the video of six people who come and go one by one, against what a person saw in it. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/pipeline/schema.h"
#include "tests/support/vigil-test-data.h"

#define N_VISITS 6
#define BEGIN_TOLERANCE_S 2.0
#define END_TOLERANCE_S 2.5
#define ROLL_S 3.0
#define FRAME_S 0.1

static Scene scene;
static gchar *store, *config;
static Program first;

static JsonNode *
parse(const gchar *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(text, &error);

    ck_assert_msg(node != NULL, "%s: %s", text, error ? error->message : "");
    return node;
}

/* The lines of one type, in order. */
static GPtrArray *
lines_of_type(const gchar *output, const gchar *type)
{
    GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

    for (gchar **line = lines; *line; line++) {
        JsonNode *node;

        if (!**line)
            continue;
        node = parse(*line);
        if (g_str_equal(json_object_get_string_member(json_node_get_object(node), "type"), type))
            g_ptr_array_add(events, node);
        else
            json_node_unref(node);
    }
    return events;
}

static gdouble
number(const GPtrArray *events, guint i, const gchar *name)
{
    return json_object_get_double_member(json_node_get_object(events->pdata[i]), name);
}

static const gchar *
text(const GPtrArray *events, guint i, const gchar *name)
{
    return json_object_get_string_member(json_node_get_object(events->pdata[i]), name);
}

/* What others read is what the schema tells them. */
START_TEST(test_lines_follow_schema)
{
    g_autoptr(JsonNode) schema = schema_load("event.json");
    g_auto(GStrv) lines = g_strsplit(first.output, "\n", -1);
    guint n = 0;

    for (gchar **line = lines; *line; line++) {
        g_autoptr(JsonNode) node = **line ? parse(*line) : NULL;
        g_autofree gchar *wrong = node ? schema_check(schema, node) : NULL;

        ck_assert_msg(wrong == NULL, "%s: %s", *line, wrong);
        n += node != NULL;
    }
    ck_assert_uint_ge(n, 2 * N_VISITS);
}
END_TEST

START_TEST(test_six_events)
{
    g_autoptr(GPtrArray) begins = lines_of_type(first.output, "begin");
    g_autoptr(GPtrArray) ends = lines_of_type(first.output, "end");
    SceneVisit visits[N_VISITS];

    ck_assert_msg(first.code == 0, "%s", first.errors);
    ck_assert_str_eq(first.errors, "");
    ck_assert_uint_eq(scene_read_visits(visits, N_VISITS), N_VISITS);
    ck_assert_uint_eq(begins->len, N_VISITS);
    ck_assert_uint_eq(ends->len, N_VISITS);
    for (guint i = 0; i < N_VISITS; i++) {
        const gdouble begin = number(ends, i, "start_s"), end = number(ends, i, "end_s");

        g_print("visit %.1f-%.1f s: event %.1f-%.1f s, score %.2f\n", visits[i].begin,
                visits[i].end, begin, end, number(ends, i, "score"));
        ck_assert_str_eq(text(begins, i, "id"), text(ends, i, "id"));
        ck_assert_str_eq(text(ends, i, "label"), "person");
        ck_assert(ABS(begin - visits[i].begin) <= BEGIN_TOLERANCE_S);
        ck_assert(ABS(end - visits[i].end) <= END_TOLERANCE_S);
        ck_assert(begin < visits[i].end && end > visits[i].begin);
        /* nothing in the empty spans: with the tolerances an event could still reach a neighbour's visit */
        ck_assert(i == 0 || begin > visits[i - 1].end);
        ck_assert(i == N_VISITS - 1 || end < visits[i + 1].begin);
        ck_assert(number(ends, i, "coverage") == 1.0);
    }
}
END_TEST

static gchar *
probe(const gchar *clip, const gchar *const *arguments)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_auto(Program) ffprobe = {0};

    g_ptr_array_add(argv, (gpointer) "ffprobe");
    g_ptr_array_add(argv, (gpointer) "-v");
    g_ptr_array_add(argv, (gpointer) "warning");
    for (; *arguments; arguments++)
        g_ptr_array_add(argv, (gpointer)*arguments);
    g_ptr_array_add(argv, (gpointer)clip);
    g_ptr_array_add(argv, NULL);
    ffprobe = program_run_argv((const gchar *const *)argv->pdata);
    ck_assert_int_eq(ffprobe.code, 0);
    ck_assert_msg(*ffprobe.errors == '\0', "ffprobe complains about %s: %s", clip, ffprobe.errors);
    return g_steal_pointer(&ffprobe.output);
}

/* A checksum of each decoded picture, so that a clip's pictures can be found in the video. */
static gchar **
hash_pictures(const gchar *video)
{
    const gchar *argv[] = {"ffmpeg", "-v", "error",    "-i", video, "-map",
                           "0:v",    "-f", "framemd5", "-",  NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);
    g_auto(GStrv) lines = NULL;
    g_autoptr(GPtrArray) hashes = g_ptr_array_new();

    ck_assert_int_eq(ffmpeg.code, 0);
    ck_assert_msg(*ffmpeg.errors == '\0', "%s: %s", video, ffmpeg.errors);
    lines = g_strsplit(ffmpeg.output, "\n", -1);
    for (gchar **line = lines; *line; line++) {
        const gchar *comma = strrchr(*line, ',');

        if (**line != '#' && comma)
            g_ptr_array_add(hashes, g_strstrip(g_strdup(comma + 1)));
    }
    g_ptr_array_add(hashes, NULL);
    return (gchar **)g_ptr_array_free(g_steal_pointer(&hashes), FALSE);
}

static gint
find_hash(gchar **hashes, const gchar *hash, gint from)
{
    for (gint i = from; hashes[i]; i++)
        if (g_str_equal(hashes[i], hash))
            return i;
    return -1;
}

START_TEST(test_clips)
{
    const gchar *const first_frame[] = {"-select_streams",
                                        "v",
                                        "-show_frames",
                                        "-read_intervals",
                                        "%+#1",
                                        "-show_entries",
                                        "frame=key_frame",
                                        "-of",
                                        "csv=p=0",
                                        NULL};
    const gchar *const whole[] = {"-show_streams", "-show_format", "-count_packets", NULL};
    g_autoptr(GPtrArray) ends = lines_of_type(first.output, "end");
    g_auto(GStrv) pictures = hash_pictures(scene.video);
    const gdouble length_s = g_strv_length(pictures) * FRAME_S;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < ends->len; i++) {
        g_autofree gchar *clip = g_build_filename(store, "clips", text(ends, i, "clip"), NULL);
        g_autofree gchar *info = probe(clip, whole);
        g_autofree gchar *key = probe(clip, first_frame);
        g_auto(GStrv) shown = hash_pictures(clip);
        const gint from = find_hash(pictures, shown[0], 0);
        const gint n = (gint)g_strv_length(shown);
        const gdouble wanted_begin = MAX(number(ends, i, "start_s") - ROLL_S, 0);
        const gdouble wanted_end = MIN(number(ends, i, "end_s") + ROLL_S, length_s);

        ck_assert(g_str_has_prefix(key, "1"));
        ck_assert_msg(strstr(info, "codec_name=h264") != NULL, "%s", info);
        ck_assert_int_ge(from, 0);
        /* picture by picture the video's own */
        for (gint k = 0; k < n; k++)
            ck_assert_msg(pictures[from + k] && g_str_equal(pictures[from + k], shown[k]),
                          "clip %u: picture %d is not the video's", i, k);
        g_print("event %.1f-%.1f s: clip shows %.1f-%.1f s\n", number(ends, i, "start_s"),
                number(ends, i, "end_s"), from * FRAME_S, (from + n) * FRAME_S);
        ck_assert(from * FRAME_S <= wanted_begin + 1e-6);
        ck_assert((from + n) * FRAME_S >= wanted_end - 1e-6);
        ck_assert(g_hash_table_add(seen, (gpointer)text(ends, i, "clip")));
    }
    ck_assert_uint_eq(g_hash_table_size(seen), N_VISITS);
}
END_TEST

START_TEST(test_query)
{
    g_autoptr(GPtrArray) ends = lines_of_type(first.output, "end");
    g_auto(Program) all =
        program_run("events", "--store", store, "--format", "json", "--oldest-first", NULL);
    g_auto(Program) none =
        program_run("events", "--store", store, "--class", "dog", "--format", "json", NULL);
    g_auto(Program) two =
        program_run("events", "--config", config, "--limit", "2", "--format", "csv", NULL);
    g_auto(Program) late =
        program_run("events", "--store", store, "--since", "2017-09-26T16:59:00Z", "--until",
                    "2017-09-26T16:59:30Z", "--camera", "hall", "--format", "json", NULL);
    g_auto(Program) fsck = program_run("fsck", "--verify", "--store", store, NULL);
    g_autoptr(GPtrArray) rows = lines_of_type(all.output, "end");

    ck_assert_int_eq(all.code, 0);
    ck_assert_uint_eq(rows->len, N_VISITS);
    for (guint i = 0; i < rows->len; i++) {
        ck_assert_str_eq(text(rows, i, "id"), text(ends, i, "id"));
        ck_assert_str_eq(text(rows, i, "clip"), text(ends, i, "clip"));
        ck_assert(number(rows, i, "start_s") == number(ends, i, "start_s"));
    }
    ck_assert_int_eq(none.code, 0);
    ck_assert_str_eq(none.output, "");
    ck_assert_uint_eq(count_text(two.output, "\n"), 3);
    ck_assert_uint_eq(count_text(late.output, "\n"), 2);
    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
}
END_TEST

START_TEST(test_clip_command)
{
    g_autoptr(GPtrArray) ends = lines_of_type(first.output, "end");
    g_autofree gchar *stored = g_build_filename(store, "clips", text(ends, 0, "clip"), NULL);
    g_autofree gchar *copy = g_build_filename(scene.folder, "copy.mp4", NULL);
    g_auto(Program) clip =
        program_run("clip", text(ends, 0, "id"), "--store", store, "-o", copy, NULL);
    g_auto(Program) none =
        program_run("clip", "00000000000000000000000000", "--store", store, "-o", copy, NULL);
    g_autofree gchar *a = NULL, *b = NULL;
    gsize a_length = 0, b_length = 1;

    ck_assert_int_eq(clip.code, 0);
    ck_assert_int_eq(none.code, 4);
    ck_assert(g_file_get_contents(stored, &a, &a_length, NULL));
    ck_assert(g_file_get_contents(copy, &b, &b_length, NULL));
    ck_assert(a_length == b_length && memcmp(a, b, a_length) == 0);
}
END_TEST

/* With the longest clip at four seconds: picture by picture nothing is missing between an event's clips. */
START_TEST(test_event_with_several_clips)
{
    g_autofree gchar *source = g_strdup_printf("file://%s", scene.video);
    g_autofree gchar *parts_store = g_build_filename(scene.folder, "parts", NULL);
    g_autofree gchar *parts_config =
        scene_config(&scene, "parts.yaml", parts_store, source, "    max_clip: 4s\n");
    g_auto(Program) replay = program_run("replay", parts_config, NULL);
    g_auto(Program) all =
        program_run("events", "--store", parts_store, "--format", "json", "--oldest-first", NULL);
    g_auto(Program) fsck = program_run("fsck", "--verify", "--store", parts_store, NULL);
    g_autoptr(GPtrArray) rows = lines_of_type(all.output, "end");
    g_autoptr(GPtrArray) ends = lines_of_type(replay.output, "end");
    g_auto(GStrv) pictures = hash_pictures(scene.video);
    guint n_parts = 0;

    ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    ck_assert_uint_eq(rows->len, N_VISITS);
    for (guint i = 0; i < rows->len; i++) {
        JsonObject *row = json_node_get_object(rows->pdata[i]);
        JsonArray *parts = json_object_has_member(row, "clip_parts")
                               ? json_object_get_array_member(row, "clip_parts")
                               : NULL;
        const guint n = parts ? json_array_get_length(parts) : 0;
        gint reached = G_MAXINT;

        ck_assert_str_eq(text(rows, i, "clip"), text(ends, i, "clip"));
        n_parts += n;
        for (guint k = 0; k <= n; k++) {
            g_autofree gchar *path = g_build_filename(
                parts_store, "clips",
                k ? json_array_get_string_element(parts, k - 1) : text(rows, i, "clip"), NULL);
            g_auto(GStrv) shown = hash_pictures(path);
            const gint from = find_hash(pictures, shown[0], 0);

            ck_assert_msg(from >= 0 && from <= reached, "clip %u of event %u: picture %d", k, i,
                          from);
            for (guint p = 0; shown[p]; p++)
                ck_assert_str_eq(pictures[from + p], shown[p]);
            reached = from + (gint)g_strv_length(shown);
        }
        ck_assert(reached * FRAME_S >=
                  MIN(number(rows, i, "end_s") + ROLL_S, g_strv_length(pictures) * FRAME_S) - 1e-6);
    }
    ck_assert_uint_gt(n_parts, 0);
    g_auto(Program) again = program_run("replay", parts_config, NULL);
    ck_assert_str_eq(again.output, replay.output);
}
END_TEST

/* Into the same store and into another one: the same lines; no second clip. */
START_TEST(test_again)
{
    g_autofree gchar *other = g_build_filename(scene.folder, "other", NULL);
    g_auto(Program) again = program_run("replay", config, NULL);
    g_auto(Program) apart = program_run("replay", config, "--store", other, NULL);
    g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);

    ck_assert_int_eq(again.code, 0);
    ck_assert_str_eq(again.output, first.output);
    ck_assert_str_eq(apart.output, first.output);
    ck_assert_int_eq(fsck.code, 0);
}
END_TEST

/* Two files of one camera may have events at the same times: what is printed is in the store, all of it. */
START_TEST(test_other_file)
{
    g_autofree gchar *both = g_build_filename(scene.folder, "both", NULL);
    const gdouble lengths[] = {21.0, 22.0};
    guint n_printed = 0;
    g_auto(Program) events = {0};

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree gchar *name = g_strdup_printf("cut%u.mp4", i);
        g_autofree gchar *cut = scene_cut(&scene, name, 0, lengths[i]);
        g_autofree gchar *url = g_strdup_printf("file://%s", cut);
        g_autofree gchar *yaml =
            scene_config(&scene, "cut.yaml", both, url, "    detect: {fps: 5}\n");
        g_auto(Program) replay = program_run("replay", yaml, NULL);
        g_autoptr(GPtrArray) ends = lines_of_type(replay.output, "end");

        ck_assert_msg(replay.code == 0, "%s", replay.errors);
        ck_assert_uint_eq(ends->len, 1);
        n_printed += ends->len;
    }
    events = program_run("events", "--store", both, "--format", "json", NULL);
    ck_assert_uint_eq(count_text(events.output, "\n"), n_printed);
}
END_TEST

static gchar *
replace_text(const gchar *text, const gchar *from, const gchar *to)
{
    GString *string = g_string_new(text);

    ck_assert_uint_eq(g_string_replace(string, from, to, 0), 1);
    return g_string_free(string, FALSE);
}

/* A zone that was moved or a labels file that was edited may make something else of the same file: nothing is mixed up. */
START_TEST(test_other_zone_and_labels)
{
    static const gchar *const zones[] = {"[[0, 0], [1, 0], [1, 1], [0, 1]]",
                                         "[[0, 0], [1, 0], [1, 1], [0, 0.9]]"};
    g_autofree gchar *moved = g_build_filename(scene.folder, "moved", NULL);
    g_autofree gchar *cut = scene_cut(&scene, "zone.mp4", 0, 21.0);
    g_autofree gchar *url = g_strdup_printf("file://%s", cut);
    g_autofree gchar *given = read_text(scene.labels);
    g_autofree gchar *edited = replace_text(given, "toothbrush", "brush");
    g_autofree gchar *labels = folder_write(scene.folder, "labels.txt", "%s", edited);
    guint n_printed = 0;
    g_auto(Program) events = {0};

    for (guint i = 0; i < 3; i++) {
        g_autofree gchar *model = g_strdup_printf("model: {path: '%s', labels: '%s'}", scene.model,
                                                  i < 2 ? scene.labels : labels);
        g_autofree gchar *more = g_strdup_printf(
            "    detect: {fps: 5, %s}\n    zones: {hall: %s}\n", model, zones[i > 0]);
        g_autofree gchar *yaml = scene_config(&scene, "zone.yaml", moved, url, more);
        g_auto(Program) replay = program_run("replay", yaml, NULL);
        g_autoptr(GPtrArray) ends = lines_of_type(replay.output, "end");

        ck_assert_msg(replay.code == 0, "%s", replay.errors);
        ck_assert_uint_eq(ends->len, 1);
        n_printed += ends->len;
    }
    events = program_run("events", "--store", moved, "--format", "json", NULL);
    ck_assert_uint_eq(count_text(events.output, "\n"), n_printed);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("replay");
    TCase *tcase = tcase_create("replay");
    SRunner *runner = srunner_create(suite);
    g_autofree gchar *source = NULL;

    tcase_set_timeout(tcase, 900);
    if (scene_open(&scene)) {
        store = g_build_filename(scene.folder, "store", NULL);
        source = g_strdup_printf("file://%s", scene.video);
        config = scene_config(&scene, "hall.yaml", store, source, "");
        first = program_run("replay", config, NULL);
        tcase_add_test(tcase, test_lines_follow_schema);
        tcase_add_test(tcase, test_six_events);
        tcase_add_test(tcase, test_clips);
        tcase_add_test(tcase, test_query);
        tcase_add_test(tcase, test_clip_command);
        tcase_add_test(tcase, test_event_with_several_clips);
        tcase_add_test(tcase, test_again);
        tcase_add_test(tcase, test_other_file);
        tcase_add_test(tcase, test_other_zone_and_labels);
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    program_clear(&first);
    scene_close(&scene);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
