/* SPDX-License-Identifier: Apache-2.0 */
/* `make demo`, after its build: the default model finds on the sample clip what the clip's own program put there. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>

#include "tests/pipeline/program.h"

#define MAX_VISITS 8
/* who leaves under the camera is in the picture with the head for two seconds after the feet */
#define BEGIN_TOLERANCE_S 1.5
#define END_TOLERANCE_S 2.5

typedef struct {
    gchar *name, *label;
    gdouble begin, end;
} Visit;

static Visit visits[MAX_VISITS];
static guint n_visits;

static void
read_visits(void)
{
    g_autofree gchar *path =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs/demo/visits.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonArray *array;

    ck_assert(json_parser_load_from_file(parser, path, NULL));
    array =
        json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "visits");
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *object = json_array_get_object_element(array, i);
        JsonArray *stay;

        /* who only passes by is no event */
        if (!json_object_has_member(object, "in_zone"))
            continue;
        ck_assert_uint_lt(n_visits, MAX_VISITS);
        stay = json_object_get_array_member(object, "in_zone");
        visits[n_visits++] =
            (Visit){g_strdup(json_object_get_string_member(object, "name")),
                    g_strdup(json_object_get_string_member(object, "label")),
                    json_array_get_double_element(stay, 0), json_array_get_double_element(stay, 1)};
    }
}

static gboolean
is_event_of(JsonObject *event, const Visit *visit)
{
    return g_str_equal(json_object_get_string_member(event, "label"), visit->label) &&
           ABS(json_object_get_double_member(event, "start_s") - visit->begin) <=
               BEGIN_TOLERANCE_S &&
           ABS(json_object_get_double_member(event, "end_s") - visit->end) <= END_TOLERANCE_S;
}

/* Each event is that of one visit, and each visit has its event. */
static void
check_events(const gchar *lines_text)
{
    g_auto(GStrv) lines = g_strsplit(lines_text, "\n", -1);
    gboolean taken[MAX_VISITS] = {FALSE};
    guint n_events = 0;

    for (gchar **line = lines; *line; line++) {
        g_autoptr(JsonNode) node = **line ? json_from_string(*line, NULL) : NULL;
        JsonObject *event = node ? json_node_get_object(node) : NULL;
        guint i = 0;

        if (!event || !g_str_equal(json_object_get_string_member(event, "type"), "end"))
            continue;
        n_events++;
        while (i < n_visits && (taken[i] || !is_event_of(event, &visits[i])))
            i++;
        ck_assert_msg(i < n_visits, "nobody's event: %s", *line);
        taken[i] = TRUE;
        g_print("%s %.1f-%.1f s: event %.1f-%.1f s, score %.2f\n", visits[i].name, visits[i].begin,
                visits[i].end, json_object_get_double_member(event, "start_s"),
                json_object_get_double_member(event, "end_s"),
                json_object_get_double_member(event, "score"));
    }
    ck_assert_uint_eq(n_events, n_visits);
}

static guint
count_files(const gchar *folder, const gchar *suffix)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const gchar *name;
    guint n = 0;

    ck_assert_msg(dir != NULL, "%s", folder);
    while ((name = g_dir_read_name(dir)))
        n += g_str_has_suffix(name, suffix);
    return n;
}

START_TEST(test_demo)
{
    g_autofree gchar *script =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs/demo.sh", NULL);
    g_autofree gchar *programs = g_path_get_dirname(g_getenv("VIGIL_PROGRAM"));
    g_autofree gchar *build = g_path_get_dirname(programs);
    g_autofree gchar *folder = folder_new();
    g_autofree gchar *demo = g_build_filename(folder, "demo", NULL);
    g_autofree gchar *list = g_build_filename(demo, "events.jsonl", NULL);
    g_autofree gchar *store = g_build_filename(demo, "store", NULL);
    g_autofree gchar *snapshots = g_build_filename(demo, "snapshots", NULL);
    const gchar *argv[] = {script, build, demo, NULL};
    g_auto(Program) run = {0};
    g_autofree gchar *events = NULL;

    read_visits();
    run = program_run_argv(argv);
    events = read_text(list);
    ck_assert_msg(run.code == 0, "%s%s", run.output, run.errors);
    ck_assert_str_eq(run.errors, "");
    g_print("%s\n", run.output);
    ck_assert_uint_eq(count_text(run.output, "comes\n"), n_visits);
    ck_assert_uint_eq(count_text(run.output, "is gone\n"), n_visits);
    check_events(events);
    ck_assert_uint_eq(count_files(snapshots, ".jpg"), n_visits);
    {
        g_auto(Program) fsck = program_run("fsck", "--store", store, NULL);
        g_auto(Program) none =
            program_run("clip", "00000000000000000000000000", "--snapshot", "--store", store, NULL);

        ck_assert_int_eq(none.code, 4);
        ck_assert_msg(fsck.code == 0, "%s", fsck.output);
    }
    folder_remove(folder);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("demo");
    TCase *tcase = tcase_create("demo");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, test_demo);
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (guint i = 0; i < n_visits; i++) {
        g_free(visits[i].name);
        g_free(visits[i].label);
    }
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
