/* SPDX-License-Identifier: Apache-2.0 */
/* What is deleted, when, and what a wrong clock must not delete. */
#include "storage/vigil-purge.h"
#include "tests/storage/store-test.h"

static StoreTest t;

static void
pass(gint64 us)
{
    store_test_wall_us += us;
    store_test_mono_us += us;
}

static void
set_up(gint64 max_age_us, gint64 max_bytes)
{
    store_test_init(&t, NULL);
    t.options.max_age_us = max_age_us;
    t.options.max_bytes = max_bytes;
    store_test_open(&t);
}

static void
add(guint number, gsize bytes)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(store_test_whole(t.store, number, bytes, &error), "%s",
                  error ? error->message : "");
}

static guint
enforce(void)
{
    g_autoptr(GError) error = NULL;
    guint n_deleted;

    ck_assert_msg(vigil_store_enforce_limits(t.store, &n_deleted, &error), "%s",
                  error ? error->message : "");
    ck_assert_uint_eq(store_test_check(&t), 0);
    ck_assert_int_eq(store_test_count_files(&t), store_test_int(&t, "SELECT count(*) FROM clips"));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    return n_deleted;
}

static gboolean
has(guint number)
{
    return vigil_store_has_event(t.store, store_test_id(number), NULL);
}

/* Another boot: the monotonic clock begins again, the boot's name is another. */
static void
reboot(gint64 off_us)
{
    store_test_close(&t);
    store_test_exec(&t,
                    "UPDATE runs SET boot_id = 'earlier ' || id WHERE boot_id NOT LIKE 'earlier%'");
    store_test_wall_us += off_us;
    store_test_mono_us = 10 * G_USEC_PER_SEC;
    store_test_open(&t);
}

START_TEST(test_age)
{
    set_up(DAY_US, 0);
    add(1, 10);
    pass(DAY_US / 2);
    add(2, 10);
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US / 2 + 1);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(!has(1) && has(2));
    pass(DAY_US);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_age_counts_from_the_commit)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);

    set_up(DAY_US, 0);
    end->start_wall_us = 0; /* footage of 1970, replayed today */
    end->end_wall_us = 5;
    end->record = FALSE;
    ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US + 1);
    ck_assert_uint_eq(enforce(), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bytes_oldest_first)
{
    set_up(0, 2 * 1000 * 1000);
    for (guint i = 0; i < 40; i++) {
        add(i, 100 * 1000);
        store_test_wall_us -=
            DAY_US; /* the order is that of the commits, whatever the clock says */
    }
    ck_assert_uint_ge(enforce(), 20);
    ck_assert(!has(0) && !has(20) && has(39) && has(30));
    ck_assert_int_le(store_test_int(&t, "SELECT sum(bytes) FROM clips"), 2000 * 1000);
    ck_assert_uint_eq(enforce(), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_clips_that_are_written_count)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    set_up(0, 1000 * 1000);
    add(1, 300 * 1000);
    ck_assert_uint_eq(enforce(), 0);
    clip = store_test_begin(t.store, 2, 900 * 1000, &error);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(store_test_end(t.store, 2, clip, &error));
    ck_assert(has(2));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_pinned_and_open_stay)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    set_up(DAY_US, 1);
    add(1, 1000);
    clip = store_test_begin(t.store, 2, 1000, &error);
    add(3, 1000);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), TRUE, &error));
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(has(1) && !has(3));
    ck_assert(store_test_end(t.store, 2, clip, &error));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), FALSE, &error));
    ck_assert_uint_eq(enforce(), 2);
    store_test_finish(&t);
}
END_TEST

/* A clip whose finishing failed is not held for ever. */
START_TEST(test_given_up_clip_is_cut)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    VigilClip *clip, *live;

    set_up(DAY_US, 0);
    clip = store_test_begin(t.store, 1, 1000, &error);
    live = store_test_begin(t.store, 2, 1000, &error);
    ck_assert(vigil_clip_write(clip, "more", 4, &error));
    ck_assert(vigil_store_commit_event(t.store, end, clip, &error));
    vigil_store_abandon_clip(t.store, clip);
    ck_assert_uint_eq(enforce(), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips WHERE state = 'cut'"), 1004);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'open'"), 1);
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(store_test_end(t.store, 2, live, &error));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_shared_clip_goes_with_its_last_event)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) other = store_test_event(3, VIGIL_EVENT_END);
    VigilClip *clip;

    set_up(DAY_US, 0);
    clip = store_test_begin(t.store, 1, 100, &error);
    ck_assert(vigil_store_commit_event(t.store, other, clip, &error));
    ck_assert(store_test_end(t.store, 1, clip, &error));
    ck_assert(vigil_store_set_pinned(t.store, other->id, TRUE, &error));
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(has(3));
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert(vigil_store_set_pinned(t.store, other->id, FALSE, &error));
    ck_assert_uint_eq(enforce(), 1);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_old_outcomes_go)
{
    const guint32 counts[VIGIL_N_OUTCOME_COUNTS] = {1, 1, 1, 1, 1, 1};

    set_up(DAY_US, 0);
    ck_assert(vigil_store_add_outcomes(t.store, "door", store_test_wall_us, counts, NULL));
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outcomes"), VIGIL_N_OUTCOMES);
    pass(2 * DAY_US);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outcomes"), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_space_is_given_back)
{
    gint64 before;

    set_up(DAY_US, 0);
    for (guint i = 0; i < 300; i++)
        add(i, 1);
    before = store_test_int(&t, "PRAGMA page_count");
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 300);
    /* what stays are the seals */
    ck_assert_int_lt(store_test_int(&t, "PRAGMA page_count"), before * 3 / 4);
    store_test_finish(&t);
}
END_TEST

/* ±1 year, back a second, in the same boot: nothing is older than it was. */
START_TEST(test_clock_jumps_within_a_boot)
{
    static const gint64 jumps[] = {366 * DAY_US, -366 * DAY_US, -G_USEC_PER_SEC, DAY_US / 24,
                                   -TEST_WALL_US};

    for (guint i = 0; i < G_N_ELEMENTS(jumps); i++) {
        store_test_wall_us = TEST_WALL_US;
        set_up(DAY_US, 0);
        add(1, 10);
        store_test_wall_us += jumps[i];
        add(2, 10);
        ck_assert_uint_eq(enforce(), 0);
        pass(DAY_US + 1);
        ck_assert_uint_eq(enforce(), 2); /* and age still counts */
        store_test_finish(&t);
    }
}
END_TEST

START_TEST(test_age_over_boots)
{
    set_up(3 * DAY_US, 0);
    add(1, 10);
    reboot(2 * DAY_US);
    add(2, 10);
    ck_assert_uint_eq(enforce(), 0);
    reboot(DAY_US + 60 * G_USEC_PER_SEC);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(!has(1) && has(2));
    store_test_finish(&t);
}
END_TEST

/* A leap ahead is not believed before it has lasted a day. */
START_TEST(test_leap_ahead_after_boot)
{
    set_up(3 * DAY_US, 0);
    add(1, 10);
    reboot(60 * G_USEC_PER_SEC);
    ck_assert_uint_eq(enforce(), 0);
    store_test_wall_us += 366 * DAY_US;
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US / 2);
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US / 2 + 1);
    ck_assert_uint_eq(enforce(), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_leap_ahead_while_off)
{
    set_up(3 * DAY_US, 0);
    add(1, 10);
    reboot(366 * DAY_US);
    ck_assert_uint_eq(enforce(), 0);
    store_test_wall_us -= 366 * DAY_US; /* the right time comes */
    pass(DAY_US + 1);
    ck_assert_uint_eq(enforce(), 0);
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 1);
    store_test_finish(&t);
}
END_TEST

/* Nor because the program was started again: only what was trusted vouches for a clock. */
START_TEST(test_leap_ahead_and_restarts)
{
    set_up(3 * DAY_US, 0);
    add(1, 10);
    pass(60 * G_USEC_PER_SEC);
    reboot(366 * DAY_US);
    add(2, 10);
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US / 2);
    add(3, 10);
    for (guint i = 0; i < 3; i++) {
        reboot(60 * G_USEC_PER_SEC);
        ck_assert_uint_eq(enforce(), 0);
        ck_assert(has(1));
    }
    /* but the time that it has lasted adds up, for a machine that is on for some hours a day */
    pass(DAY_US / 4);
    add(4, 10);
    ck_assert_uint_eq(enforce(), 0);
    reboot(DAY_US / 2);
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US / 4 + 600 * G_USEC_PER_SEC);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(!has(1) && has(2));
    store_test_finish(&t);
}
END_TEST

/* No clock at boot: 1970 until the network comes. */
START_TEST(test_clock_that_is_set_late)
{
    store_test_wall_us = 100 * G_USEC_PER_SEC;
    set_up(3 * DAY_US, 0);
    add(1, 10);
    store_test_wall_us = TEST_WALL_US;
    add(2, 10); /* tells the store what time it was */
    ck_assert_uint_eq(enforce(), 0);
    reboot(DAY_US);
    ck_assert_uint_eq(enforce(), 0);
    reboot(3 * DAY_US);
    ck_assert_uint_eq(enforce(), 2);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_clock_that_was_never_set)
{
    store_test_wall_us = 100 * G_USEC_PER_SEC;
    set_up(3 * DAY_US, 0);
    add(1, 10);
    reboot(TEST_WALL_US);
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 0); /* nobody knows its age */
    store_test_finish(&t);
}
END_TEST

static struct {
    guint n_syncs, n_locked;
    gboolean purge;
} strays;

/* As a stray's file is synced and read: whether a writer would have to wait, and what a purge meanwhile does. */
static gint
sync_and_look(gint fd)
{
    const VigilPurge purge = {.camera = "door", .since_us = 0, .until_us = G_MAXINT64};
    VigilPurgeCounts counts;

    strays.n_syncs++;
    if (!g_mutex_trylock(&t.store->mutex))
        strays.n_locked++;
    else
        g_mutex_unlock(&t.store->mutex);
    if (strays.purge) {
        strays.purge = FALSE;
        ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    }
    return vigil_file_ops_system.sync(fd);
}

static void
open_with_stray(void)
{
    static VigilFileOps ops;
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    ops = vigil_file_ops_system;
    store_test_init(&t, NULL);
    t.store = vigil_store_open_with(&t.options, &ops, store_test_mono, &error);
    assert_no_error(error);
    clip = store_test_begin(t.store, 1, 100, &error);
    assert_no_error(error);
    vigil_store_abandon_clip(t.store, clip);
    ops.sync = sync_and_look;
    strays.n_syncs = strays.n_locked = 0;
}

START_TEST(test_nobody_waits_for_a_given_up_clip)
{
    open_with_stray();
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_uint_eq(strays.n_syncs, 1);
    ck_assert_uint_eq(strays.n_locked, 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut'"), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_given_up_clip_that_is_purged_meanwhile)
{
    open_with_stray();
    strays.purge = TRUE;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE state = 'cut'"), 0);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_age,
        test_age_counts_from_the_commit,
        test_bytes_oldest_first,
        test_clips_that_are_written_count,
        test_pinned_and_open_stay,
        test_given_up_clip_is_cut,
        test_shared_clip_goes_with_its_last_event,
        test_old_outcomes_go,
        test_space_is_given_back,
        test_clock_jumps_within_a_boot,
        test_age_over_boots,
        test_leap_ahead_after_boot,
        test_leap_ahead_while_off,
        test_leap_ahead_and_restarts,
        test_clock_that_is_set_late,
        test_clock_that_was_never_set,
        test_nobody_waits_for_a_given_up_clip,
        test_given_up_clip_that_is_purged_meanwhile,
    };

    return store_test_main("retention", tests, G_N_ELEMENTS(tests));
}
