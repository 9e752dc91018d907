/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that goes read-only, dies or hangs is noticed while nothing is recorded, and that it came back as well. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "pipeline/vigil-canary.h"
#include "storage/vigil-store-private.h"
#include "tests/pipeline/program.h"

#define INTERVAL_MS 20
#define DEADLINE_MS 100
#define PATIENCE_US (10 * G_USEC_PER_SEC)

static gchar *folder;
static VigilFileOps ops;
static gint open_code, sync_code, hanging;

static gint
open_or_fail(gint dir_fd, const gchar *name, gint flags, mode_t mode)
{
    const gint code = g_atomic_int_get(&open_code);

    return code < 0 && g_str_has_suffix(name, ".canary")
               ? code
               : vigil_file_ops_system.open_at(dir_fd, name, flags, mode);
}

static gint
sync_or_fail(gint fd)
{
    const gint code = g_atomic_int_get(&sync_code);

    while (g_atomic_int_get(&hanging))
        g_usleep(1000);
    return code < 0 ? code : vigil_file_ops_system.sync(fd);
}

static VigilStore *
open_store(void)
{
    g_autofree gchar *database = g_build_filename(folder, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(folder, "clips", NULL);
    const VigilStoreOptions options = {.database = database, .clips = clips};
    VigilStore *store;

    ops = vigil_file_ops_system;
    ops.open_at = open_or_fail;
    ops.sync = sync_or_fail;
    store = vigil_store_open_with(&options, &ops, NULL, NULL);
    ck_assert_ptr_nonnull(store);
    return store;
}

/* Until the canary says so. */
static gchar *
wait_for(VigilCanary *canary, gboolean well)
{
    const gint64 until_us = g_get_monotonic_time() + PATIENCE_US;
    gchar *reason = NULL;

    while (vigil_canary_is_well(canary, &reason) != well) {
        g_clear_pointer(&reason, g_free);
        ck_assert_int_lt(g_get_monotonic_time(), until_us);
        g_usleep(5000);
    }
    return reason;
}

static void
setup(void)
{
    folder = folder_new();
    open_code = sync_code = hanging = 0;
    /* a warning is what is wanted here */
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

START_TEST(test_fails_and_recovers)
{
    g_autoptr(VigilStore) store = open_store();
    g_autoptr(VigilCanary) canary = vigil_canary_new(store, INTERVAL_MS, PATIENCE_US / 1000);
    gint *code = _i == 0 ? &open_code : &sync_code;
    g_autofree gchar *reason = NULL;

    ck_assert_ptr_null(wait_for(canary, TRUE));
    g_atomic_int_set(code, _i == 0 ? -EROFS : -EIO);
    reason = wait_for(canary, FALSE);
    ck_assert_ptr_nonnull(strstr(reason, g_strerror(_i == 0 ? EROFS : EIO)));
    g_atomic_int_set(code, 0);
    ck_assert_ptr_null(wait_for(canary, TRUE));
    /* a canary that died takes nothing else with it */
    ck_assert(!vigil_store_has_failed(store));
}
END_TEST

START_TEST(test_hangs_and_recovers)
{
    g_autoptr(VigilStore) store = open_store();
    g_autoptr(VigilCanary) canary = vigil_canary_new(store, INTERVAL_MS, DEADLINE_MS);
    g_autofree gchar *reason = NULL;

    g_free(wait_for(canary, TRUE));
    g_atomic_int_set(&hanging, 1);
    reason = wait_for(canary, FALSE);
    ck_assert_ptr_nonnull(strstr(reason, "does not answer"));
    g_atomic_int_set(&hanging, 0);
    ck_assert_ptr_null(wait_for(canary, TRUE));
}
END_TEST

START_TEST(test_end_does_not_wait_for_a_disk_that_hangs)
{
    g_autoptr(VigilStore) store = open_store();
    VigilCanary *canary = vigil_canary_new(store, INTERVAL_MS, DEADLINE_MS);

    g_atomic_int_set(&hanging, 1);
    g_free(wait_for(canary, FALSE));
    vigil_canary_free(canary);
    g_atomic_int_set(&hanging, 0);
}
END_TEST

START_TEST(test_describes)
{
    g_autoptr(VigilStore) store = open_store();
    g_autoptr(VigilCanary) canary = vigil_canary_new(store, INTERVAL_MS, PATIENCE_US / 1000);
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *text = NULL;

    g_atomic_int_set(&open_code, -EROFS);
    g_free(wait_for(canary, FALSE));
    vigil_canary_describe(canary, json);
    root = json_builder_get_root(json);
    text = json_to_string(root, FALSE);
    ck_assert_ptr_nonnull(strstr(text, "\"health\":\"degraded\""));
    ck_assert_ptr_nonnull(strstr(text, g_strerror(EROFS)));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("canary");
    TCase *tcase = tcase_create("canary");
    SRunner *runner;
    gint failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_fails_and_recovers, 0, 2);
    tcase_add_test(tcase, test_hangs_and_recovers);
    tcase_add_test(tcase, test_end_does_not_wait_for_a_disk_that_hangs);
    tcase_add_test(tcase, test_describes);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
