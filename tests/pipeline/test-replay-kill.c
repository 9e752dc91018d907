/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at random moments of a replay. What was printed is committed, so after the next start it is there, with its clip;
 * and nothing is there that should not be.
 */
#include <check.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pipeline/program.h"
#include "tests/pipeline/scene.h"

#define N_KILLS 100
#define SEED 20260501

static Scene scene;

/* The ids of whole lines: the last one may be cut. */
static GHashTable *
printed_ids(const gchar *output)
{
    GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const gchar *end;

    while ((end = strchr(output, '\n'))) {
        const gchar *mark = g_strstr_len(output, end - output, "\"id\":\"");

        ck_assert_ptr_nonnull(mark);
        g_hash_table_add(ids, g_strndup(mark + strlen("\"id\":\""), 26));
        output = end + 1;
    }
    return ids;
}

static gint64
measure(const gchar *config, const gchar *store)
{
    const gint64 begin_us = g_get_monotonic_time();
    g_auto(Program) replay = program_run("replay", config, "--store", store, NULL);

    ck_assert_msg(replay.code == 0, "%s", replay.errors);
    ck_assert_uint_ge(count_text(replay.output, "\"type\":\"end\""), 1);
    return g_get_monotonic_time() - begin_us;
}

static void
check_store(const gchar *store, const gchar *output, guint *n_printed)
{
    g_autoptr(GHashTable) printed = printed_ids(output);
    g_autofree gchar *database = g_build_filename(store, "events.db", NULL);
    g_auto(Program) repair = {0}, fsck = {0}, events = {0};
    GHashTableIter iter;
    gpointer id;

    if (!g_file_test(database, G_FILE_TEST_EXISTS)) {
        ck_assert_uint_eq(g_hash_table_size(printed), 0);
        return;
    }
    /* the next start: opening for writing recovers, so that there is nothing left to repair */
    repair = program_run("fsck", "--repair", "--store", store, NULL);
    ck_assert_msg(repair.code == 0 && strstr(repair.output, "0 found, 0 left"), "%s%s",
                  repair.output, repair.errors);
    fsck = program_run("fsck", "--verify", "--store", store, NULL);
    ck_assert_msg(fsck.code == 0 && strstr(fsck.output, "0 found, 0 left"), "%s%s", fsck.output,
                  fsck.errors);
    events = program_run("events", "--store", store, "--format", "json", NULL);
    ck_assert_int_eq(events.code, 0);
    g_hash_table_iter_init(&iter, printed);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        ck_assert_msg(strstr(events.output, id) != NULL, "printed, but lost: %s", (gchar *)id);
        (*n_printed)++;
    }
}

START_TEST(test_kills)
{
    g_autofree gchar *video = scene_cut(&scene, "part.mp4", 0, 26);
    g_autofree gchar *source = g_strdup_printf("file://%s", video);
    g_autofree gchar *whole = g_build_filename(scene.folder, "whole", NULL);
    g_autofree gchar *store = g_build_filename(scene.folder, "store", NULL);
    g_autofree gchar *output = g_build_filename(scene.folder, "output", NULL);
    g_autofree gchar *errors = g_build_filename(scene.folder, "errors", NULL);
    g_autofree gchar *config =
        scene_config(&scene, "kill.yaml", whole, source, "    detect: {fps: 1}\n");
    g_autoptr(GRand) random = g_rand_new_with_seed(SEED);
    const gint64 whole_us = measure(config, whole);
    gdouble latest_us = (gdouble)whole_us;
    guint n_printed = 0, n_killed = 0;

    /* a replay that was faster than its death is none; how fast they are changes with what else runs */
    for (guint i = 0; n_killed < N_KILLS && i < 3 * N_KILLS; i++) {
        g_autoptr(GSubprocess) replay =
            program_start(output, errors, "replay", config, "--store", store, NULL);
        g_autofree gchar *text = NULL;
        gboolean killed;

        g_usleep((gulong)g_rand_double_range(random, 0, latest_us));
        g_subprocess_force_exit(replay);
        g_subprocess_wait(replay, NULL, NULL);
        killed = g_subprocess_get_if_signaled(replay);
        n_killed += killed;
        latest_us *= killed ? 1.04 : 0.85;
        text = read_text(output);
        check_store(store, text, &n_printed);
        /* mostly on what the last one left, now and then from nothing */
        if (i % 4 == 3)
            folder_remove(store);
    }
    g_print("%u kills in replays of %.2f s; %u printed events, all of them there\n", n_killed,
            (gdouble)whole_us / 1e6, n_printed);
    ck_assert_uint_eq(n_killed, N_KILLS);
    ck_assert_uint_gt(n_printed, N_KILLS / 5);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("replay-kill");
    TCase *tcase = tcase_create("replay-kill");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 900);
    if (scene_open(&scene))
        tcase_add_test(tcase, test_kills);
    suite_add_tcase(suite, tcase);
    /* GLib waits for processes in a thread, which a fork would lose */
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scene_close(&scene);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
