/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-housekeeper.h"

#include <check.h>
#include <string.h>

#include "storage/vigil-store-private.h"
#include "tests/pipeline/program.h"

#define N_EVENTS 200

static gchar *folder, *database, *clips;

static void
setup(void)
{
    folder = folder_new();
    database = g_build_filename(folder, "events.db", NULL);
    clips = g_build_filename(folder, "clips", NULL);
}

static void
teardown(void)
{
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&database, g_free);
    g_clear_pointer(&clips, g_free);
}

static void
commit(VigilStore *store, guint number)
{
    g_autoptr(VigilEvent) event = vigil_event_new();

    g_snprintf(event->id, sizeof event->id, "%026u", number);
    event->type = VIGIL_EVENT_END;
    event->end_reason = VIGIL_END_GONE;
    event->camera = event->rule = event->label = g_intern_static_string("x");
    ck_assert(vigil_store_commit_event(store, event, NULL, NULL));
}

static gboolean
count_row(const VigilEventRow *row, gpointer user_data)
{
    ++*(guint *)user_data;
    return TRUE;
}

static guint
count_events(VigilStore *store)
{
    const VigilEventQuery query = {0};
    guint n = 0;

    ck_assert(vigil_store_query_events(store, &query, count_row, &n, NULL));
    return n;
}

START_TEST(long_clean_up_does_not_hold_up_the_end)
{
    /* everything is too much */
    const VigilStoreOptions options = {.database = database, .clips = clips, .max_bytes = 1};
    VigilStore *store = vigil_store_open(&options, NULL);
    VigilHousekeeper *housekeeper;

    ck_assert_ptr_nonnull(store);
    for (guint i = 0; i < N_EVENTS; i++)
        commit(store, i + 1);
    vigil_housekeeper_free(vigil_housekeeper_new(store, 3600));
    ck_assert_uint_gt(count_events(store), 0);

    housekeeper = vigil_housekeeper_new(store, 3600);
    for (guint i = 0; i < 1000 && count_events(store) > 0; i++)
        g_usleep(10000);
    ck_assert_uint_eq(count_events(store), 0);
    vigil_housekeeper_free(housekeeper);
    vigil_store_unref(store);
}
END_TEST

/* Whoever changes limits does not wait for a store that is busy, as one is whose disk is slow. */
START_TEST(limits_are_handed_over)
{
    const VigilStoreOptions options = {.database = database, .clips = clips};
    const VigilStoreFootage limits[] = {{"door", 1000, 0}, {"yard", 0, 2000}};
    VigilStore *store = vigil_store_open(&options, NULL);
    VigilHousekeeper *housekeeper = vigil_housekeeper_new(store, 3600);
    guint n = 0;

    g_mutex_lock(&store->mutex);
    vigil_housekeeper_set_footage(housekeeper, limits, 1);
    vigil_housekeeper_set_footage(housekeeper, limits, 2);
    ck_assert_uint_eq(store->n_footage, 0);
    g_mutex_unlock(&store->mutex);
    for (guint i = 0; i < 3000 && n != 2; i++) {
        g_usleep(10000);
        g_mutex_lock(&store->mutex);
        n = store->n_footage;
        g_mutex_unlock(&store->mutex);
    }
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(store->footage[1].camera, "yard");
    ck_assert_int_eq(store->footage[1].max_bytes, 2000);
    vigil_housekeeper_set_footage(housekeeper, limits, 1); /* and ends */
    vigil_housekeeper_free(housekeeper);
    vigil_store_unref(store);
}
END_TEST

static VigilHousekeeper *steps_housekeeper; /* (nullable): not there yet; atomic */
static VigilStore *steps_store;
static GThread *steps_main;
static guint n_known;
static gint n_steps; /* looks at the disk by the housekeeper; atomic */

/* Of the housekeeper's thread, in a step. There is never enough. */
static gint64
look_at_disk(gint dir_fd)
{
    static const VigilStoreFootage limit = {"door", 1000, 0};
    VigilHousekeeper *housekeeper;

    if (g_thread_self() == steps_main)
        return G_MAXINT64;
    while (!(housekeeper = g_atomic_pointer_get(&steps_housekeeper)))
        g_usleep(1000);
    if (g_atomic_int_get(&n_steps) == 0)
        vigil_housekeeper_set_footage(housekeeper, &limit, 1);
    else if (g_atomic_int_get(&n_steps) == 1)
        n_known = steps_store->n_footage;
    g_atomic_int_inc(&n_steps);
    return 0;
}

/* A long round goes by limits that were handed over in its midst: nothing goes that may stay longer now. */
START_TEST(limits_count_from_the_next_step)
{
    const VigilStoreOptions options = {
        .database = database, .clips = clips, .min_free_bytes = 1000000};
    VigilFileOps ops = vigil_file_ops_system;
    VigilHousekeeper *housekeeper;

    ops.free_bytes = look_at_disk;
    steps_main = g_thread_self();
    steps_store = vigil_store_open_with(&options, &ops, NULL, NULL);
    ck_assert_ptr_nonnull(steps_store);
    for (guint i = 0; i < N_EVENTS; i++)
        commit(steps_store, i + 1);
    housekeeper = vigil_housekeeper_new(steps_store, 3600);
    g_atomic_pointer_set(&steps_housekeeper, housekeeper);
    for (guint i = 0; i < 3000 && g_atomic_int_get(&n_steps) < 2; i++)
        g_usleep(10000);
    vigil_housekeeper_free(housekeeper);
    ck_assert_int_ge(n_steps, 2);
    ck_assert_uint_eq(n_known, 1);
    vigil_store_unref(steps_store);
}
END_TEST

static struct {
    VigilStore *store;
    gint n_told, n_locked; /* atomic */
} unrecorded;

static void
look_at_lock(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer user_data)
{
    if (!strstr(message, "yard is not recorded"))
        return;
    if (g_mutex_trylock(&unrecorded.store->mutex))
        g_mutex_unlock(&unrecorded.store->mutex);
    else
        g_atomic_int_inc(&unrecorded.n_locked);
    g_atomic_int_inc(&unrecorded.n_told);
}

/* What is left of a camera is told, and nobody waits for the store while it is. */
START_TEST(unrecorded_cameras_are_told_without_the_lock)
{
    const VigilStoreOptions options = {.database = database, .clips = clips};
    const VigilClipInfo info = {0, 1000, 1, 2, 640, 480, "h264"};
    const VigilStoreFootage limit = {"door", 0, 1000000};
    VigilStore *store = vigil_store_open(&options, NULL);
    VigilClip *clip = vigil_store_create_footage(store, "yard", g_get_real_time(), NULL);
    VigilHousekeeper *housekeeper;

    ck_assert(vigil_clip_write(clip, "segment", 7, NULL));
    ck_assert(vigil_store_begin_footage(store, clip, NULL));
    ck_assert(vigil_store_finish_clip(store, clip, &info, NULL));
    unrecorded.store = store;
    g_log_set_default_handler(look_at_lock, NULL);
    housekeeper = vigil_housekeeper_new(store, 3600);
    vigil_housekeeper_set_footage(housekeeper, &limit, 1);
    for (guint i = 0; i < 3000 && g_atomic_int_get(&unrecorded.n_told) == 0; i++)
        g_usleep(10000);
    vigil_housekeeper_free(housekeeper);
    g_log_set_default_handler(g_log_default_handler, NULL);
    ck_assert_int_eq(unrecorded.n_told, 1);
    ck_assert_int_eq(unrecorded.n_locked, 0);
    vigil_store_unref(store);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("housekeeper");
    TCase *tcase = tcase_create("housekeeper");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, long_clean_up_does_not_hold_up_the_end);
    tcase_add_test(tcase, limits_are_handed_over);
    tcase_add_test(tcase, limits_count_from_the_next_step);
    tcase_add_test(tcase, unrecorded_cameras_are_told_without_the_lock);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
