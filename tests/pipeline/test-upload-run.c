/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon with a destination: what it saw arrives, `vigil status` tells of it, and the token is nowhere. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/backend.h"
#include "tests/pipeline/program.h"
#include "tests/support/vigil-spot-model.h"

#define TOKEN "Geheim-4711-Token"

static gchar *folder, *store, *video;

static void
setup(void)
{
    const VigilSpot spot = {160, 96, VIGIL_SPOT_BRIGHT, 2, 0};
    g_autofree gchar *model = NULL;
    const gchar *argv[] = {"ffmpeg",
                           "-v",
                           "error",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=0x303030:s=160x96:r=10:d=5",
                           "-f",
                           "lavfi",
                           "-i",
                           "color=white:s=48x48:r=10:d=5",
                           "-filter_complex",
                           "overlay=x='100-mod(n,20)':y=24:enable='between(t,1,2)'",
                           "-c:v",
                           "libx264",
                           "-pix_fmt",
                           "yuv420p",
                           "-g",
                           "5",
                           NULL,
                           NULL};
    g_auto(Program) ffmpeg = {0};

    folder = folder_new();
    store = g_build_filename(folder, "store", NULL);
    model = g_build_filename(folder, "spot", NULL);
    video = g_build_filename(folder, "video.mp4", NULL);
    argv[G_N_ELEMENTS(argv) - 2] = video;
    ffmpeg = program_run_argv(argv);
    ck_assert_msg(ffmpeg.code == 0, "%s", ffmpeg.errors);
    vigil_spot_package(&spot, model, "spot", "1.0.0", "light\nb\n");
    g_free(folder_write(folder, "token", "%s\n", TOKEN));
}

static void
teardown(void)
{
    folder_remove(folder);
    g_free(folder);
    g_free(store);
    g_free(video);
}

static gchar *
write_config(const gchar *url)
{
    return folder_write(folder, "c.yaml",
                        "store: {path: '%s'}\nmodel: {path: ./spot}\n"
                        "cameras:\n  - name: yard\n    source: '%s'\n"
                        "    rules: [{name: r, classes: [light], end_after: 1s}]\n"
                        "uploads: [{name: backend, url: '%s', token: ./token}]\n",
                        store, video, url);
}

/* (nullable): what the daemon says of its first destination */
static JsonObject *
ask_status(JsonNode **root)
{
    g_auto(Program) status = program_run("status", "--json", "--store", store, NULL);
    JsonArray *uploads;

    *root = status.code == 0 ? json_from_string(status.output, NULL) : NULL;
    if (!*root)
        return NULL;
    uploads = json_object_get_array_member(json_node_get_object(*root), "uploads");
    return uploads && json_array_get_length(uploads) ? json_array_get_object_element(uploads, 0)
                                                     : NULL;
}

/* What is in the store is what arrived: its ids in the keys, begin and end. */
static void
check_arrived(Backend *backend)
{
    g_auto(Program) events =
        program_run("events", "--format", "json", "--limit", "1", "--store", store, NULL);
    g_autoptr(JsonNode) event = json_from_string(events.output, NULL);
    g_autoptr(GString) keys = g_string_new(NULL);
    const gchar *id;
    g_autofree gchar *begin = NULL, *end = NULL;

    ck_assert_msg(event != NULL, "%s", events.output);
    id = json_object_get_string_member(json_node_get_object(event), "id");
    begin = g_strdup_printf("%s-begin-0", id);
    end = g_strdup_printf("%s-end-", id);
    for (guint i = 0; i < backend_get_n(backend); i++) {
        g_autofree gchar *some = g_strjoinv(" ", backend_get(backend, i)->keys);

        ck_assert_str_eq(
            soup_message_headers_get_one(backend_get(backend, i)->headers, "Authorization"),
            "Bearer " TOKEN);
        g_string_append_printf(keys, "%s ", some);
    }
    ck_assert_msg(strstr(keys->str, begin) && strstr(keys->str, end), "%s", keys->str);
    ck_assert_uint_eq(count_text(keys->str, begin), 1);
}

START_TEST(what_the_daemon_sees_arrives)
{
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *config = write_config(backend_get_url(backend));
    g_autofree gchar *errors = g_build_filename(folder, "errors", NULL);
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_autofree gchar *log = NULL, *bytes = NULL;
    g_autoptr(GSubprocess) daemon = program_start(errors, errors, "run", config, NULL);
    g_autoptr(JsonNode) root = NULL;
    JsonObject *upload = NULL;
    gsize length;

    backend_wait(backend, 1);
    for (guint i = 0; i < 200 && !upload; i++) {
        g_clear_pointer(&root, json_node_unref);
        upload = ask_status(&root);
        g_usleep(10000);
    }
    ck_assert_ptr_nonnull(upload);
    ck_assert_str_eq(json_object_get_string_member(upload, "name"), "backend");
    ck_assert_int_eq(json_object_get_int_member(upload, "dropped"), 0);
    ck_assert_int_eq(program_wait_exit(daemon, 60), 0);
    check_arrived(backend);
    log = read_text(errors);
    ck_assert_msg(strstr(log, TOKEN) == NULL, "%s", log);
    ck_assert(g_file_get_contents(database, &bytes, &length, NULL));
    ck_assert_ptr_null(memmem(bytes, length, TOKEN, strlen(TOKEN)));
    backend_free(backend);
}
END_TEST

START_TEST(a_server_that_is_away_holds_up_nothing)
{
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *config = write_config(backend_get_url(backend));
    g_autofree gchar *errors = g_build_filename(folder, "errors", NULL);
    g_autoptr(GSubprocess) daemon = NULL;
    g_auto(Program) events = {0};
    gint64 begun;

    backend_free(backend);
    begun = g_get_monotonic_time();
    daemon = program_start(errors, errors, "run", config, NULL);
    ck_assert_int_eq(program_wait_exit(daemon, 60), 0);
    ck_assert_int_lt(g_get_monotonic_time() - begun, 40 * G_USEC_PER_SEC);
    events = program_run("events", "--format", "json", "--store", store, NULL);
    ck_assert_uint_ge(count_text(events.output, "\"type\":\"end\""), 1);
}
END_TEST

/* (transfer full): when the latest event in the store began. */
static gchar *
get_start(void)
{
    g_auto(Program) events =
        program_run("events", "--format", "json", "--limit", "1", "--store", store, NULL);
    g_autoptr(JsonNode) event = json_from_string(events.output, NULL);

    ck_assert_msg(event != NULL, "%s%s", events.output, events.errors);
    return g_strdup(json_object_get_string_member(json_node_get_object(event), "start"));
}

/* A file that says no date: the daemon plays it as a camera's frames come, while a replay gives the same each time. */
START_TEST(a_file_is_of_now_unless_it_is_replayed)
{
    g_autofree gchar *config = folder_write(folder, "d.yaml",
                                            "store: {path: '%s'}\nmodel: {path: ./spot}\n"
                                            "cameras:\n  - name: yard\n    source: '%s'\n"
                                            "    rules: [{name: r, classes: [light]}]\n",
                                            store, video);
    g_auto(Program) replay = program_run("replay", config, NULL);
    g_autofree gchar *replayed = NULL, *played = NULL;
    g_autoptr(GDateTime) begun = g_date_time_new_now_utc(), time = NULL;
    g_auto(Program) run = {0};

    ck_assert_msg(replay.code == 0, "%s", replay.errors);
    replayed = get_start();
    ck_assert_msg(g_str_has_prefix(replayed, "1970-01-01T00:00:0"), "%s", replayed);
    run = program_run("run", config, NULL);
    ck_assert_msg(run.code == 0, "%s", run.errors);
    played = get_start();
    time = g_date_time_new_from_iso8601(played, NULL);
    ck_assert_msg(time && g_date_time_compare(time, begun) > 0, "%s", played);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-run");
    TCase *tests = tcase_create("daemon");
    SRunner *runner;
    int n_failed;

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_the_daemon_sees_arrives);
    tcase_add_test(tests, a_server_that_is_away_holds_up_nothing);
    tcase_add_test(tests, a_file_is_of_now_unless_it_is_replayed);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
