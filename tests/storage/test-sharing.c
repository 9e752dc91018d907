/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of one program do to each other through the store that they share. */
#include "tests/storage/faults.h"
#include "tests/storage/store-test.h"

#include <errno.h>

static StoreTest t;

static void
set_up(void)
{
    faults_install();
    store_test_init(&t, NULL);
    t.options.max_bytes = 1000 * 1000;
    t.options.max_age_us = DAY_US;
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, NULL);
    ck_assert_ptr_nonnull(t.store);
}

static void
fail_next_sync(VigilStore *store)
{
    const gint fd = dup(store->clips_fd);

    faults_arm(FAULT_EIO, 1, FALSE);
    ck_assert_int_eq(vigil_store_sync(store, fd), -EIO);
    faults_arm(FAULT_NONE, 0, FALSE);
    close(fd);
}

START_TEST(test_failed_store_is_renewed_with_its_limits)
{
    g_autoptr(VigilStore) recorder = NULL;
    g_autoptr(GError) error = NULL;
    VigilStoreOptions plain = t.options;
    VigilStore *before;

    set_up();
    before = t.store;
    t.store = vigil_store_renew(t.store, &error);
    ck_assert_ptr_eq(t.store, before); /* nothing is wrong with it */

    ck_assert(store_test_whole(t.store, 1, 1000, &error));
    fail_next_sync(t.store);
    ck_assert(!store_test_whole(t.store, 2, 1000, &error));
    assert_error(error, VIGIL_STORE_ERROR_IO);
    g_clear_error(&error);

    /* a recorder knows of no limits and happens to be the first */
    plain = t.options;
    plain.max_bytes = plain.max_age_us = 0;
    recorder = vigil_store_open_with(&plain, &faults_file_ops, store_test_mono, &error);
    assert_no_error(error);
    ck_assert_ptr_ne(recorder, t.store);
    ck_assert_int_eq(recorder->max_bytes, t.options.max_bytes);
    ck_assert_int_eq(recorder->max_age_us, t.options.max_age_us);

    t.store = vigil_store_renew(t.store, &error);
    assert_no_error(error);
    ck_assert_ptr_eq(t.store, recorder);
    ck_assert(store_test_whole(t.store, 2, 1000, &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 2);
    g_clear_pointer(&recorder, vigil_store_unref);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_limits_hold_whoever_comes_first)
{
    g_autoptr(VigilStore) daemon = NULL;
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    t.options.max_bytes = 1;
    daemon = vigil_store_open(&t.options, &error);
    ck_assert_ptr_eq(daemon, t.store);
    ck_assert_int_eq(daemon->max_bytes, 1);
    g_clear_pointer(&daemon, vigil_store_unref);
    t.options.max_bytes = 0;
    daemon = vigil_store_open(&t.options, &error);
    ck_assert_int_eq(daemon->max_bytes, 1);
    g_clear_pointer(&daemon, vigil_store_unref);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_store_that_cannot_be_renewed_yet_stays)
{
    g_autoptr(GError) error = NULL;
    VigilStore *before;

    set_up();
    before = t.store;
    fail_next_sync(t.store);
    faults_arm(FAULT_EIO, 1, TRUE);
    t.store = vigil_store_renew(t.store, &error);
    ck_assert_ptr_eq(t.store, before);
    ck_assert_ptr_nonnull(error);
    g_clear_error(&error);
    faults_arm(FAULT_NONE, 0, FALSE);
    t.store = vigil_store_renew(t.store, &error);
    assert_no_error(error);
    ck_assert_ptr_ne(t.store, before);
    ck_assert(store_test_whole(t.store, 1, 1000, &error));
    store_test_finish(&t);
}
END_TEST

/* --- a disk that fails while one camera makes a clip and another one opens the store again --- */

static GThread *opener;
static gboolean meddle;

static gpointer
open_again(gpointer data)
{
    return vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, NULL);
}

/* The store asks for the time when it notes a clip, with its lock held. */
static gint64
meddling_clock(gpointer data)
{
    if (meddle) {
        meddle = FALSE;
        vigil_store_fail(t.store);
        opener = g_thread_new("opener", open_again, NULL);
        g_usleep(200 * 1000); /* it waits for the lock by now */
    }
    return store_test_wall(data);
}

START_TEST(test_opening_while_a_clip_is_made)
{
    g_autoptr(GError) error = NULL;
    VigilStore *renewed;
    VigilClip *clip;

    store_test_init(&t, NULL);
    t.options.now_func = meddling_clock;
    t.store = vigil_store_open_with(&t.options, &faults_file_ops, store_test_mono, &error);
    assert_no_error(error);
    meddle = TRUE;
    clip = vigil_store_create_clip(t.store, "door", "clip", TEST_WALL_US, &error);
    ck_assert_ptr_nonnull(opener);
    renewed = g_thread_join(opener);
    ck_assert_ptr_nonnull(renewed);
    if (clip)
        vigil_store_abandon_clip(t.store, clip);
    vigil_store_unref(t.store);
    t.store = renewed;
    ck_assert(store_test_whole(t.store, 1, 1000, &error));
    store_test_finish(&t);
}
END_TEST

/* --- whose events go when there is no space --- */

START_TEST(test_space_for_footage_comes_from_footage)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    set_up();
    for (guint i = 1; i <= 20; i++) {
        g_autoptr(VigilEvent) event = store_test_event(i, VIGIL_EVENT_END);

        event->record = FALSE;
        ck_assert(vigil_store_commit_event(t.store, event, NULL, &error));
    }
    ck_assert(store_test_whole(t.store, 21, 5000, &error));
    clip = vigil_store_create_clip(t.store, "door", "next", TEST_WALL_US, &error);
    ck_assert_ptr_nonnull(clip);
    faults_arm(FAULT_ENOSPC, 1, FALSE);
    ck_assert_msg(vigil_clip_write(clip, "12345678", 8, &error), "%s", error->message);
    faults_arm(FAULT_NONE, 0, FALSE);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE clip_id IS NULL"), 20);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 0);
    vigil_store_abandon_clip(t.store, clip);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_failed_store_is_renewed_with_its_limits, test_limits_hold_whoever_comes_first,
        test_store_that_cannot_be_renewed_yet_stays,  test_opening_while_a_clip_is_made,
        test_space_for_footage_comes_from_footage,
    };

    return store_test_main("sharing", tests, G_N_ELEMENTS(tests));
}
