/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon records a camera continuously, is killed, and goes on; what there is is listed and written out. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

#define MORE                                 \
    "    start_time: 2026-05-01T12:00:00Z\n" \
    "    continuous: {max_age: 2d, max_bytes: 1GB, segment: 10s}\n"

static Scene scene;
static gchar *output, *errors, *store, *video;

/* Until the list has this text so often. */
static void
await_segments(const gchar *text, guint times)
{
    for (guint i = 0; i < 600; i++) {
        g_auto(Program) list = program_run("footage", "--store", store, NULL);

        if (list.code == 0 && count_text(list.output, text) >= times)
            return;
        g_usleep(100000);
    }
    ck_abort_msg("no %u segments %s", times, text);
}

/* Pictures in a file, which nobody has anything to complain about. */
static gint
count_pictures(const gchar *path)
{
    const gchar *argv[] = {"ffprobe",
                           "-v",
                           "warning",
                           "-count_frames",
                           "-show_entries",
                           "stream=nb_read_frames",
                           "-of",
                           "csv=p=0",
                           path,
                           NULL};
    g_auto(Program) ffprobe = program_run_argv(argv);

    ck_assert_msg(ffprobe.code == 0 && *ffprobe.errors == '\0', "%s", ffprobe.errors);
    return atoi(ffprobe.output);
}

static void
assert_fine(void)
{
    g_auto(Program) fsck = program_run("fsck", "--verify", "--store", store, NULL);

    ck_assert_msg(fsck.code == 0, "%s%s", fsck.output, fsck.errors);
}

static void
remove_first_segment(void)
{
    g_auto(Program) list = program_run("footage", "--store", store, "--format", "json", NULL);
    const gchar *begin = strstr(list.output, "\"path\":\"");
    g_autofree gchar *path = NULL, *file = NULL;

    ck_assert_ptr_nonnull(begin);
    begin += strlen("\"path\":\"");
    path = g_strndup(begin, strcspn(begin, "\""));
    file = g_build_filename(store, "clips", path, NULL);
    ck_assert_msg(unlink(file) == 0, "%s", file);
}

/* What is not there any more is told, and the rest is written. */
static void
check_missing(void)
{
    g_autofree gchar *rest = g_build_filename(scene.folder, "rest.mp4", NULL);
    g_auto(Program) copy = {0}, nothing = {0};

    remove_first_segment();
    copy = program_run("footage", "--camera", "hall", "--since", "2026-05-01T12:00:00Z", "--until",
                       "2026-05-02", "-o", rest, "--store", store, NULL);
    ck_assert_int_eq(copy.code, 5);
    ck_assert_msg(strstr(copy.errors, "rest.mp4: missing: 2026-05-01T12:00:00.000Z to "
                                      "2026-05-01T12:00:1") != NULL,
                  "%s", copy.errors);
    ck_assert_int_gt(count_pictures(rest), 0);
    nothing = program_run("footage", "--camera", "hall", "--since", "2026-05-01T12:00:00Z",
                          "--until", "2026-05-01T12:00:02Z", "-o", rest, "--store", store, NULL);
    ck_assert_int_eq(nothing.code, 1);
    ck_assert_msg(strstr(nothing.errors, "missing: 2026-05-01T12:00:00.000Z to "
                                         "2026-05-01T12:00:02.000Z") != NULL,
                  "%s", nothing.errors);
}

START_TEST(test_killed)
{
    g_autofree gchar *config = scene_config(&scene, "a.yaml", store, video, MORE);
    g_autofree gchar *span = g_build_filename(scene.folder, "span.mp4", NULL);
    g_autofree gchar *whole = g_build_filename(scene.folder, "whole.mp4", NULL);
    g_autoptr(GSubprocess) daemon = program_start(output, errors, "run", config, NULL);
    g_auto(Program) status = {0}, repair = {0}, list = {0}, json = {0}, nothing = {0}, copy = {0};

    await_segments(" complete", 1);
    await_segments(" open", 1);
    status = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(status.output, "recorded continuously: hall, ") != NULL, "%s%s",
                  status.output, status.errors);
    /* also of what is being written */
    copy = program_run("footage", "--camera", "hall", "--since", "2026-05-01T12:00:04Z", "--until",
                       "2026-05-01T12:00:12Z", "-o", span, "--store", store, NULL);
    ck_assert_msg(copy.code == 0, "%s", copy.errors);
    ck_assert_int_gt(count_pictures(span), 0);
    g_subprocess_send_signal(daemon, SIGKILL);
    ck_assert_int_eq(program_wait_exit(daemon, 20.0), -SIGKILL);

    repair = program_run("fsck", "--repair", "--store", store, NULL);
    ck_assert_msg(repair.code == 0, "%s%s", repair.output, repair.errors);
    list = program_run("footage", "--store", store, NULL);
    ck_assert_msg(count_text(list.output, " complete\n") >= 1 &&
                      count_text(list.output, " cut\n") == 1 &&
                      count_text(list.output, " open\n") == 0,
                  "%s", list.output);
    json = program_run("footage", "--store", store, "--format", "json", "--camera", "hall", NULL);
    ck_assert_uint_eq(count_text(json.output, "\n"), count_text(list.output, "\n") - 1);
    ck_assert_ptr_nonnull(strstr(json.output, "\"start\":\"2026-05-01T12:00:00.000Z\""));
    assert_fine();
    g_clear_pointer(&copy.output, g_free);
    g_clear_pointer(&copy.errors, g_free);
    copy = program_run("footage", "--camera", "hall", "--since", "2026-05-01T12:00:00Z", "--until",
                       "2026-05-02", "-o", whole, "--store", store, NULL);
    ck_assert_msg(copy.code == 0, "%s", copy.errors);
    ck_assert_int_gt(count_pictures(whole), count_pictures(span));
    nothing = program_run("footage", "--camera", "hall", "--since", "2026-05-03", "-o", whole,
                          "--store", store, NULL);
    ck_assert_int_ne(nothing.code, 0);
    ck_assert_ptr_nonnull(strstr(nothing.errors, "nothing was recorded"));
    check_missing();
}
END_TEST

START_TEST(test_wrong_options)
{
    static const struct {
        const gchar *args[5], *text;
    } cases[] = {
        {{"-o", "x.mp4", NULL}, "--camera C --since TIME"},
        {{"--format", "csv", NULL}, "table or json"},
        {{"--since", "1h", "--until", "2h", NULL}, "--until is before --since"},
        {{"--since", "soon", NULL}, "soon"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const gchar *const *args = cases[i].args;
        g_auto(Program) program = program_run("footage", args[0], args[1], args[2], args[3], NULL);

        ck_assert_int_eq(program.code, 2);
        ck_assert_msg(strstr(program.errors, cases[i].text) != NULL, "%s", program.errors);
    }
}
END_TEST

static void
setup(void)
{
    g_assert_true(scene_open(&scene));
    store = g_build_filename(scene.folder, "store", NULL);
    output = g_build_filename(scene.folder, "output", NULL);
    errors = g_build_filename(scene.folder, "errors", NULL);
    video = scene_cut(&scene, "visit.mp4", 4, 120);
}

static void
teardown(void)
{
    g_clear_pointer(&store, g_free);
    g_clear_pointer(&output, g_free);
    g_clear_pointer(&errors, g_free);
    g_clear_pointer(&video, g_free);
    scene_close(&scene);
}

int
main(void)
{
    Suite *suite = suite_create("continuous");
    TCase *tcase = tcase_create("continuous"), *plain = tcase_create("plain");
    SRunner *runner = srunner_create(suite);
    Scene there;

    tcase_set_timeout(tcase, 240);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (scene_open(&there)) {
        tcase_add_test(tcase, test_killed);
        scene_close(&there);
    }
    suite_add_tcase(suite, tcase);
    tcase_add_test(plain, test_wrong_options);
    suite_add_tcase(suite, plain);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
