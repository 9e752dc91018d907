/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idle path loses nothing: visits with long empty spans between them, with noise, and coded in several ways, give the same events when
 * only keyframes are decoded while nothing moves as when everything is.
 */
#include <check.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

#define LATER_S 0.5
#define MOST_EVENTS 16

/* Two visits of the video, and seconds of it in which nobody is there again and again before, between and after them. */
#define VISITS                                                        \
    "[0:v]scale=512:288,split=5[a][b][c][d][e];"                      \
    "[a]trim=46:49,setpts=PTS-STARTPTS,loop=4:30,setpts=N/10/TB[q1];" \
    "[b]trim=49:71.5,setpts=PTS-STARTPTS[v1];"                        \
    "[c]trim=46:49,setpts=PTS-STARTPTS,loop=7:30,setpts=N/10/TB[q2];" \
    "[d]trim=73:88.5,setpts=PTS-STARTPTS[v2];"                        \
    "[e]trim=46:49,setpts=PTS-STARTPTS,loop=4:30,setpts=N/10/TB[q3];" \
    "[q1][v1][q2][v2][q3]concat=n=5,fps=FPS,noise=alls=8:allf=t"

/* Somebody who comes, stands still for 40 s, and goes. */
#define STAY                                                                \
    "[0:v]scale=512:288,split=3[a][b][c];"                                  \
    "[a]trim=4:12,setpts=PTS-STARTPTS[come];"                               \
    "[b]trim=12:12.05,setpts=PTS-STARTPTS,loop=400:1,setpts=N/10/TB[stay];" \
    "[c]trim=12:22,setpts=PTS-STARTPTS[go];"                                \
    "[come][stay][go]concat=n=3,fps=FPS,noise=alls=8:allf=t"

static const struct {
    const gchar *filter, *group, *b_frames, *fps;
    guint least_events, least_sleeps;
} kinds[] = {
    {VISITS, "30", "0", "10", 2, 2},
    {VISITS, "30", "2", "10", 2, 2},
    {VISITS, "60", "0", "10", 2, 2},
    {VISITS, "60", "2", "10", 2, 2},
    /* 8 s from keyframe to keyframe */
    {VISITS, "250", "0", "30", 2, 2},
    {VISITS, "250", "2", "30", 2, 2},
    /* 25 s: only one is in a span without anybody */
    {VISITS, "250", "2", "10", 2, 1},
    /* nothing but somebody who rests lets it sleep, and that in one event */
    {STAY, "20", "2", "10", 1, 1},
    {STAY, "250", "0", "30", 1, 1},
};

typedef struct {
    gdouble start[MOST_EVENTS], end[MOST_EVENTS];
    guint n;
} Events;

static Scene scene;

static gchar *
encode(guint kind)
{
    gchar *path = g_build_filename(scene.folder, "visits.mp4", NULL);
    g_auto(GStrv) parts = g_strsplit(kinds[kind].filter, "FPS", -1);
    g_autofree gchar *filter = g_strjoinv(kinds[kind].fps, parts);
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-y",
                           "-i",
                           scene.video,
                           "-an",
                           "-filter_complex",
                           filter,
                           "-c:v",
                           "libx264",
                           "-preset",
                           "superfast",
                           "-crf",
                           "26",
                           "-g",
                           kinds[kind].group,
                           "-keyint_min",
                           kinds[kind].group,
                           "-sc_threshold",
                           "0",
                           "-bf",
                           kinds[kind].b_frames,
                           path,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    return path;
}

static void
read_events(const gchar *output, Events *events)
{
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

    *events = (Events){0};
    for (gchar **line = lines; *line && **line; line++) {
        g_autoptr(JsonNode) node = json_from_string(*line, NULL);
        JsonObject *object = json_node_get_object(node);

        if (!g_str_equal(json_object_get_string_member(object, "type"), "end"))
            continue;
        ck_assert_uint_lt(events->n, MOST_EVENTS);
        ck_assert_str_eq(json_object_get_string_member(object, "label"), "person");
        events->start[events->n] = json_object_get_double_member(object, "start_s");
        events->end[events->n++] = json_object_get_double_member(object, "end_s");
    }
}

/* Returns: how often it fell asleep. @output: (out) (nullable) */
static guint
replay(const gchar *video, const gchar *idle, Events *events, gchar **output)
{
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    g_autofree gchar *more =
        g_strdup_printf("    detect: {fps: 5, threshold: 0.6}\n    motion: {enabled: true}\n"
                        "    idle: %s\n",
                        idle);
    g_autofree gchar *config = scene_config(&scene, "idle.yaml", store, video, more);
    g_auto(Program) program = program_run("replay", config, NULL);

    ck_assert_msg(program.code == 0, "%s", program.errors);
    read_events(program.output, events);
    if (output)
        *output = g_steal_pointer(&program.output);
    folder_remove(store);
    return count_text(program.errors, "asleep at");
}

START_TEST(test_same_events)
{
    g_autofree gchar *video = encode(_i);
    g_autofree gchar *first = NULL, *second = NULL;
    Events full, idle;
    guint n_sleeps;

    ck_assert_uint_eq(replay(video, "full", &full, NULL), 0);
    n_sleeps = replay(video, "keyframes", &idle, &first);
    g_print("groups of %s at %s a second, %s B frames: asleep %u times\n", kinds[_i].group,
            kinds[_i].fps, kinds[_i].b_frames, n_sleeps);
    ck_assert_uint_ge(full.n, kinds[_i].least_events);
    ck_assert_uint_eq(full.n, idle.n);
    for (guint i = 0; i < full.n; i++) {
        g_print("  event %.1f-%.1f s, idle %.1f-%.1f s\n", full.start[i], full.end[i],
                idle.start[i], idle.end[i]);
        ck_assert(idle.start[i] <= full.start[i] + LATER_S);
        ck_assert(idle.start[i] >= full.start[i] - LATER_S);
        ck_assert(ABS(idle.end[i] - full.end[i]) <= LATER_S);
    }
    ck_assert_uint_ge(n_sleeps, kinds[_i].least_sleeps);
    /* a file gives the same each time */
    replay(video, "keyframes", &idle, &second);
    ck_assert_str_eq(first, second);
}
END_TEST

int
main(void)
{
    Suite *suite;
    TCase *tcase;
    SRunner *runner;
    int failed;

    if (!scene_open(&scene)) {
        scene_close(&scene);
        return 77;
    }
    /* which says when it falls asleep */
    g_setenv("GST_DEBUG", "vigilidle:5", TRUE);
    g_setenv("GST_DEBUG_NO_COLOR", "1", TRUE);
    suite = suite_create("idle");
    tcase = tcase_create("visits");
    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, test_same_events, 0, G_N_ELEMENTS(kinds));
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scene_close(&scene);
    return failed ? 1 : 0;
}
