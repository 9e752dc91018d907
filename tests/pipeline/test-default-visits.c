/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped packages with their own thresholds, on the video of six people who come and go one by one (test data): every
 * visit is seen, and nothing where nobody is.
 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"
#include "tests/support/vigil-test-data.h"

#define VIDEO "videos/one-by-one-person-detection.mp4"
#define N_VISITS 6
/* An event may begin and end so much before and after the visit. */
#define TOLERANCE_S 2.5

/* What the shipped models reach, also where motion decides what is looked at, and at which part of it. */
static const struct {
    const gchar *package, *motion;
    guint n_seen, n_false;
} wanted[] = {{"default", "{enabled: false}", 6, 0},
              {"default", "{enabled: true}", 6, 0},
              {"default", "{enabled: true, regions: true}", 6, 0},
              {"tiny", "{enabled: false}", 6, 0},
              {"tiny", "{enabled: true}", 6, 0},
              {"tiny", "{enabled: true, regions: true}", 6, 0}};

/* Counts an event for the visit that it lies in. */
static void
judge(JsonObject *event, const SceneVisit *visits, guint *seen, guint *n_false)
{
    const gdouble begin = json_object_get_double_member(event, "start_s");
    const gdouble end = json_object_get_double_member(event, "end_s");
    gboolean hit = FALSE;

    for (guint v = 0; v < N_VISITS; v++) {
        if (begin < visits[v].begin - TOLERANCE_S || end > visits[v].end + TOLERANCE_S)
            continue;
        seen[v]++;
        hit = TRUE;
    }
    *n_false += !hit;
    g_print("%s %.1f-%.1f s, score %.2f%s\n", json_object_get_string_member(event, "label"), begin,
            end, json_object_get_double_member(event, "score"), hit ? "" : ": false");
}

static Program
replay(const gchar *folder, const gchar *package, const gchar *motion, const gchar *video)
{
    g_autofree gchar *model =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "models", "default", package, NULL);
    g_autofree gchar *config =
        folder_write(folder, "hall.yaml",
                     "store: {path: '%s/store'}\n"
                     "model: {path: '%s'}\n"
                     "cameras:\n"
                     "  - name: hall\n"
                     "    source: 'file://%s'\n"
                     "    motion: %s\n"
                     "    rules:\n"
                     "      - {name: visitor, classes: [person], end_after: 1.5s}\n",
                     folder, model, video, motion);

    return program_run("replay", config, NULL);
}

START_TEST(test_visits)
{
    g_autofree gchar *video = vigil_test_data_path(VIDEO);
    g_autofree gchar *folder = NULL;
    g_auto(Program) run = {0};
    g_auto(GStrv) lines = NULL;
    SceneVisit visits[N_VISITS];
    guint seen[N_VISITS] = {0}, n_seen = 0, n_false = 0;

    if (!video)
        return;
    folder = folder_new();
    run = replay(folder, wanted[_i].package, wanted[_i].motion, video);
    folder_remove(folder);
    ck_assert_msg(run.code == 0, "%s", run.errors);
    ck_assert_uint_eq(scene_read_visits(visits, N_VISITS), N_VISITS);
    lines = g_strsplit(run.output, "\n", -1);
    for (gchar **line = lines; *line; line++) {
        g_autoptr(JsonNode) node = **line ? json_from_string(*line, NULL) : NULL;
        JsonObject *event = node ? json_node_get_object(node) : NULL;

        if (event && g_str_equal(json_object_get_string_member(event, "type"), "end"))
            judge(event, visits, seen, &n_false);
    }
    for (guint v = 0; v < N_VISITS; v++)
        n_seen += seen[v] > 0;
    ck_assert_uint_ge(n_seen, wanted[_i].n_seen);
    ck_assert_uint_le(n_false, wanted[_i].n_false);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("default-visits");
    TCase *tcase = tcase_create("default-visits");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, test_visits, 0, G_N_ELEMENTS(wanted));
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
