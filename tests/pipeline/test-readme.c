/* SPDX-License-Identifier: Apache-2.0 */
/* The launch line of the README and its rules, as they stand there, find what `vigil replay` finds. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

#define N_VISITS 6
#define BEGIN_TOLERANCE_S 2.0
#define END_TOLERANCE_S 2.5

static Scene scene;

/* The indented block that begins with the line that has @first in it. */
static gchar *
read_block(const gchar *first)
{
    g_autofree gchar *path = g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "README.md", NULL);
    g_autofree gchar *readme = read_text(path);
    g_auto(GStrv) lines = g_strsplit(readme, "\n", -1);
    GString *block = g_string_new(NULL);

    for (gchar **line = lines; *line; line++) {
        if (block->len == 0 && !(g_str_has_prefix(*line, "    ") && strstr(*line, first)))
            continue;
        if (!g_str_has_prefix(*line, "    "))
            break;
        g_string_append_printf(block, "%s\n", *line + 4);
    }
    return g_string_free(block, FALSE);
}

/* The line with the files of the test data in place of the README's, as words; no shell reads it. */
static GStrv
read_launch_line(void)
{
    g_autofree gchar *block = read_block("gst-launch-1.0 filesrc");
    const gchar *const files[][2] = {
        {"hall.mp4", scene.video}, {"ssd.tflite", scene.model}, {"coco.txt", scene.labels}};
    g_autoptr(GString) line = g_string_new(block);
    GStrv argv = NULL;

    g_string_replace(line, "\\\n", " ", 0);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++)
        ck_assert_msg(g_string_replace(line, files[i][0], files[i][1], 0) == 1, "%s", files[i][0]);
    ck_assert(g_shell_parse_argv(line->str, NULL, &argv, NULL));
    return argv;
}

static void
check_event(const gchar *line, const SceneVisit *visit)
{
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonObject *event = json_node_get_object(node);
    const gdouble begin = json_object_get_double_member(event, "start_s");
    const gdouble end = json_object_get_double_member(event, "end_s");

    g_print("visit %.1f-%.1f s: event %.1f-%.1f s\n", visit->begin, visit->end, begin, end);
    ck_assert_str_eq(json_object_get_string_member(event, "label"), "person");
    ck_assert(ABS(begin - visit->begin) <= BEGIN_TOLERANCE_S);
    ck_assert(ABS(end - visit->end) <= END_TOLERANCE_S);
    ck_assert(!json_object_get_null_member(event, "clip"));
}

START_TEST(test_launch_line)
{
    g_autofree gchar *block = read_block("rules:");
    g_auto(GStrv) argv = read_launch_line();
    SceneVisit visits[N_VISITS];
    g_auto(GStrv) lines = NULL;

    g_free(folder_write(scene.folder, "rules.yaml", "%s", block));
    ck_assert(chdir(scene.folder) == 0);
    {
        g_auto(Program) launch = program_run_argv((const gchar *const *)argv);

        ck_assert_msg(launch.code == 0, "%s%s", launch.output, launch.errors);
    }
    {
        g_auto(Program) events =
            program_run("events", "--store", "store", "--oldest-first", "--format", "json", NULL);
        g_auto(Program) fsck = program_run("fsck", "--store", "store", NULL);

        ck_assert_msg(fsck.code == 0, "%s", fsck.output);
        lines = g_strsplit(g_strchomp(events.output), "\n", -1);
    }
    ck_assert_uint_eq(scene_read_visits(visits, N_VISITS), N_VISITS);
    ck_assert_uint_eq(g_strv_length(lines), N_VISITS);
    for (guint i = 0; i < N_VISITS; i++)
        check_event(lines[i], &visits[i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("readme");
    TCase *tcase = tcase_create("readme");
    SRunner *runner = srunner_create(suite);
    int n_failed;

    tcase_set_timeout(tcase, 600);
    if (scene_open(&scene))
        tcase_add_test(tcase, test_launch_line);
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scene_close(&scene);
    return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
