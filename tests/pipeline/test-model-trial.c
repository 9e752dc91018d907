/* SPDX-License-Identifier: Apache-2.0 */
/* Packages that are installed while the daemon runs: they take over, and stay or go. */
#include <check.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "models/vigil-model-store.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

#define LONG_S 60.0

static gchar *folder, *store, *output, *errors, *config;
static VigilModelStore *models;

static const VigilSpot good = {96, 64, VIGIL_SPOT_BRIGHT, 2, 0};
static const VigilSpot better = {160, 96, VIGIL_SPOT_BRIGHT, 3, 0};

/* A white square on black that is elsewhere each 0.3 s. */
static void
make_video(const gchar *path)
{
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=black:s=160x96:r=10:d=100",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=48x48:r=10:d=100",
                           "-filter_complex",
                           "overlay=x='mod(floor(n/3)*48,144)':y='mod(floor(n/9)*48,96)'",
                           "-c:v",
                           "libx264",
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           "20",
                           path,
                           NULL};
    g_auto(Program) ffmpeg = program_run_argv(argv);

    g_assert_cmpint(ffmpeg.code, ==, 0);
}

static void
setup(void)
{
    g_autofree gchar *video = NULL;

    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
    output = g_build_filename(folder, "output", NULL);
    errors = g_build_filename(folder, "errors", NULL);
    video = g_build_filename(folder, "spots.mp4", NULL);
    make_video(video);
    models = vigil_model_store_open(store);
    config = folder_write(folder, "c.yaml",
                          "store: {path: '%s'}\n"
                          "model: {path: spot, trial: 3s, trial_frames: 20}\n"
                          "cameras:\n"
                          "  - {name: yard, source: '%s', detect: {fps: 100}, rules: [{name: r, "
                          "classes: [light]}]}\n",
                          store, video);
}

static void
teardown(void)
{
    vigil_model_store_free(models);
    folder_remove(folder);
    g_free(folder);
    g_free(store);
    g_free(output);
    g_free(errors);
    g_free(config);
}

static void
install(const VigilSpot *spot, const gchar *version)
{
    const VigilModelInstall how = {.keys = folder, .allow_unsigned = TRUE};
    g_autofree gchar *path = g_build_filename(folder, version, NULL);
    g_autoptr(VigilModelSlot) slot = NULL;
    g_autoptr(GError) error = NULL;

    vigil_spot_package(spot, path, "spot", version,
                       spot->n_classes == 2 ? "light\nb\n" : "light\nb\nc\n");
    slot = vigil_model_store_install(models, path, &how, &error);
    ck_assert_msg(slot != NULL, "%s", error ? error->message : "");
}

/* The first one, which somebody found good. */
static void
install_first(void)
{
    g_autoptr(VigilModelSlot) slot = NULL;

    install(&good, "1.0.0");
    slot = vigil_model_store_current(models, "spot", NULL);
    ck_assert(vigil_model_store_mark_healthy(models, "spot", slot->id, NULL));
}

static void
assert_current(const gchar *version, VigilModelHealth health)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilModelSlot) slot = vigil_model_store_current(models, "spot", &error);

    ck_assert_msg(slot != NULL, "%s", error ? error->message : "");
    ck_assert_str_eq(slot->version, version);
    ck_assert_str_eq(vigil_model_health_get_name(slot->health),
                     vigil_model_health_get_name(health));
}

static void
await(const gchar *text, guint times)
{
    const gboolean found = wait_for_text(errors, text, times, LONG_S);
    g_autofree gchar *log = found ? NULL : read_text(errors);

    if (log)
        g_printerr("%s\n", log);
    ck_assert_msg(found, "no %s (%u times)", text, times);
}

static GSubprocess *
start(void)
{
    GSubprocess *daemon = program_start(output, errors, "run", config, NULL);

    await("camera yard: running", 1);
    return daemon;
}

static void
end(GSubprocess *daemon)
{
    g_subprocess_send_signal(daemon, SIGTERM);
    ck_assert_int_eq(program_wait_exit(daemon, 10.0), 0);
}

/* The model that the status tells of: its hash. */
static gchar *
ask_model(void)
{
    g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
    g_autoptr(JsonNode) root = json_from_string(status.output, NULL);
    JsonArray *cameras;

    ck_assert_msg(status.code == 0 && root, "%s", status.errors);
    cameras = json_object_get_array_member(json_node_get_object(root), "cameras");
    return g_strdup(json_object_get_string_member(
        json_object_get_object_member(json_array_get_object_element(cameras, 0), "model"),
        "sha256"));
}

START_TEST(test_takes_over)
{
    g_autoptr(GSubprocess) daemon = NULL;
    g_autofree gchar *before = NULL, *after = NULL, *log = NULL, *key = NULL;
    g_autofree gchar *package = NULL;
    g_auto(Program) command = {0}, status = {0}, events = {0};

    install_first();
    daemon = start();
    await("\"type\":\"begin\"", 1);
    before = ask_model();
    /* by command, which tells the daemon */
    package = g_build_filename(folder, "1.1.0", NULL);
    vigil_spot_package(&better, package, "spot", "1.1.0", "light\nb\nc\n");
    command = program_run("model", "install", "--allow-unsigned", "--keys", folder, "--store",
                          store, package, NULL);
    ck_assert_msg(command.code == 0 && strstr(command.output, "was told"), "%s%s", command.output,
                  command.errors);
    await("model spot: healthy", 1);
    assert_current("1.1.0", VIGIL_MODEL_HEALTH_GOOD);
    after = ask_model();
    ck_assert_str_ne(before, after);
    status = program_run("status", "--store", store, NULL);
    ck_assert_msg(strstr(status.output, "trial: healthy") != NULL, "%s", status.output);
    /* seen by the new one */
    key = g_strdup_printf("\"model\":\"%s\"", after);
    await(key, 2);
    end(daemon);

    /* one and the same run of the camera */
    log = read_text(errors);
    ck_assert_uint_eq(count_text(log, "camera yard: running"), 1);
    ck_assert_uint_eq(count_text(log, "camera yard: connecting"), 0);
    events = program_run("events", "--store", store, "--format", "json", NULL);
    ck_assert_ptr_nonnull(strstr(events.output, before));
    ck_assert_ptr_nonnull(strstr(events.output, after));
}
END_TEST

/* Sees nothing, or does not keep up. */
START_TEST(test_goes_again)
{
    static const struct {
        VigilSpot spot;
        const gchar *reason;
    } bad[] = {
        {{96, 64, VIGIL_SPOT_BLIND, 2, 0}, "blind"},
        {{96, 64, VIGIL_SPOT_BRIGHT, 2, 400}, "slow"},
    };
    g_autoptr(GSubprocess) daemon = NULL, again = NULL;
    g_autofree gchar *before = NULL, *after = NULL, *log = NULL, *later = NULL;

    install_first();
    daemon = start();
    before = ask_model();
    install(&bad[_i].spot, "2.0.0");
    g_subprocess_send_signal(daemon, SIGHUP);
    await("model spot: rolled back to version 1.0.0", 1);
    await("read again", 2);
    log = read_text(errors);
    if (!strstr(log, bad[_i].reason))
        g_printerr("%s\n", log);
    ck_assert_ptr_nonnull(strstr(log, bad[_i].reason));
    ck_assert_uint_eq(count_text(log, "camera yard: running"), 1);
    assert_current("1.0.0", VIGIL_MODEL_HEALTH_GOOD);
    after = ask_model();
    ck_assert_str_eq(before, after);
    end(daemon);
    /* nor is it tried again */
    again = start();
    await("\"type\":\"begin\"", 1);
    later = ask_model();
    ck_assert_str_eq(before, later);
    end(again);
}
END_TEST

/* What was installed and cannot be opened: damaged on the disk. */
START_TEST(test_cannot_be_opened)
{
    g_autoptr(GSubprocess) daemon = NULL;
    g_autoptr(VigilModelSlot) slot = NULL;
    g_autofree gchar *before = NULL, *after = NULL, *file = NULL;

    install_first();
    daemon = start();
    before = ask_model();
    install(&better, "2.0.0");
    slot = vigil_model_store_current(models, "spot", NULL);
    file = g_build_filename(slot->path, "model.tflite", NULL);
    ck_assert(g_file_set_contents(file, "this is no model", -1, NULL));
    g_subprocess_send_signal(daemon, SIGHUP);
    await("rolled back to version 1.0.0", 1);
    await("read again", 1);
    assert_current("1.0.0", VIGIL_MODEL_HEALTH_GOOD);
    after = ask_model();
    ck_assert_str_eq(before, after);
    end(daemon);
}
END_TEST

/* Killed in the trial: it begins anew; killed again and again: the model is sent back. */
START_TEST(test_killed)
{
    g_autoptr(GSubprocess) last = NULL;

    install_first();
    install(&better, "1.1.0");
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GSubprocess) daemon = start();

        await("looks at it from now on", 1);
        g_subprocess_send_signal(daemon, SIGKILL);
        ck_assert_int_eq(program_wait_exit(daemon, 10.0), -SIGKILL);
        assert_current("1.1.0", VIGIL_MODEL_HEALTH_NEW);
    }
    last = start();
    await("model spot: rolled back to version 1.0.0", 1);
    assert_current("1.0.0", VIGIL_MODEL_HEALTH_GOOD);
    end(last);
}
END_TEST

/* Ended in the trial, as by an update: that is no fault, and the trial goes on after it. */
START_TEST(test_ended)
{
    g_autoptr(GSubprocess) last = NULL;

    install_first();
    install(&better, "1.1.0");
    for (guint i = 0; i < 4; i++) {
        g_autoptr(GSubprocess) daemon = start();

        end(daemon);
    }
    last = start();
    await("model spot: healthy", 1);
    assert_current("1.1.0", VIGIL_MODEL_HEALTH_GOOD);
    end(last);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("model-trial");
    TCase *tcase = tcase_create("trial");
    SRunner *runner = srunner_create(suite);
    g_autofree gchar *ffmpeg = g_find_program_in_path("ffmpeg");
    int failed;

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (ffmpeg) {
        tcase_add_test(tcase, test_takes_over);
        tcase_add_loop_test(tcase, test_goes_again, 0, 2);
        tcase_add_test(tcase, test_cannot_be_opened);
        tcase_add_test(tcase, test_killed);
        tcase_add_test(tcase, test_ended);
    } else {
        g_printerr("SKIP: ffmpeg is not installed\n");
    }
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
