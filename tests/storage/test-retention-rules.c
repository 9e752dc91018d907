/* SPDX-License-Identifier: Apache-2.0 */
/* Ages that differ, metadata that outlives its clip, space that stays free on the disk; in steps that never take long. */
#include "tests/storage/store-test.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "storage/vigil-seal.h"

static StoreTest t;

static void
pass(gint64 us)
{
    store_test_wall_us += us;
    store_test_mono_us += us;
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
    ck_assert_int_eq(store_test_count_files(&t),
                     store_test_int(&t, "SELECT count(*) FROM clips WHERE state <> 'lost'"));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT value - (SELECT coalesce(sum(bytes), 0) FROM clips "
                                        "WHERE state <> 'open') FROM sums"),
                     0);
    return n_deleted;
}

static void
print_finding(const gchar *finding, gboolean repaired, gpointer user_data)
{
    g_printerr("%s\n", finding);
}

/* What goes by its age goes with a record that says so. */
static void
check_seals(void)
{
    VigilSealSummary summary;
    g_autoptr(GError) error = NULL;
    guint n_found = 1;

    ck_assert_msg(
        vigil_store_verify(t.store, NULL, NULL, print_finding, NULL, &summary, &n_found, &error),
        "%s", error ? error->message : "");
    ck_assert_uint_eq(n_found, 0);
}

static gboolean
has(guint number)
{
    return vigil_store_has_event(t.store, store_test_id(number), NULL);
}

/* Odd events are of the door, even ones of the garden; each third is a dog, others are persons. */
START_TEST(test_ages_that_differ)
{
    static const VigilStoreKeep keep[] = {
        {.camera = "door", .label = "dog", .max_age_us = DAY_US / 2},
        {.label = "person", .max_age_us = 3 * DAY_US},
        {.rule = "another", .max_age_us = 1},
    };

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    t.options.keep = keep;
    t.options.n_keep = G_N_ELEMENTS(keep);
    store_test_open(&t);
    for (guint i = 0; i < 12; i++)
        add(i, 10);
    pass(DAY_US / 2);
    ck_assert_uint_eq(enforce(), 0);
    pass(1);
    ck_assert_uint_eq(enforce(), 2);
    ck_assert(!has(3) && !has(9) && has(0) && has(6));
    pass(DAY_US / 2);
    ck_assert_uint_eq(enforce(), 2); /* dogs of the garden: the store's own age */
    ck_assert(!has(0) && !has(6) && has(1) && has(2));
    /* what comes later has its own time, and what was passed over is not forgotten */
    add(20, 10);
    add(21, 10);
    pass(2 * DAY_US);
    ck_assert_uint_eq(enforce(), 8 + 1);
    ck_assert(has(20) && !has(21));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_unpinned_event_is_due_again)
{
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    add(1, 10);
    add(2, 10);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), TRUE, &error));
    pass(DAY_US + 1);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert_uint_eq(enforce(), 0);
    ck_assert(has(1));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), FALSE, &error));
    ck_assert_uint_eq(enforce(), 1);
    store_test_finish(&t);
}
END_TEST

/* An event that is still open, or whose clip is, is met again when it has ended. */
START_TEST(test_open_event_is_due_later)
{
    VigilClip *clip;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 10, NULL);
    add(2, 10);
    pass(DAY_US + 1);
    ck_assert_uint_eq(enforce(), 1);
    ck_assert(store_test_end(t.store, 1, clip, NULL));
    ck_assert_uint_eq(enforce(), 0);
    pass(DAY_US + 1);
    ck_assert_uint_eq(enforce(), 1);
    store_test_finish(&t);
}
END_TEST

/* More than a step looks at; each once. */
START_TEST(test_many)
{
    static const VigilStoreKeep keep[] = {{.label = "person", .max_age_us = 3 * DAY_US}};
    gint64 n;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    t.options.keep = keep;
    t.options.n_keep = G_N_ELEMENTS(keep);
    store_test_open(&t);
    for (guint i = 0; i < 1500; i++) {
        g_autoptr(VigilEvent) end = store_test_event(i, VIGIL_EVENT_END);

        end->record = FALSE;
        ck_assert(vigil_store_commit_event(t.store, end, NULL, NULL));
        pass(1000);
    }
    pass(DAY_US);
    ck_assert_uint_eq(enforce(), 500);
    ck_assert_uint_eq(enforce(), 0);
    pass(2 * DAY_US - 750 * 1000);
    enforce();
    n = store_test_int(&t, "SELECT count(*) FROM events");
    ck_assert_int_eq(n, 500);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM tracks"), n);
    store_test_finish(&t);
}
END_TEST

static gboolean
see_row(const VigilEventRow *row, gpointer user_data)
{
    ck_assert_ptr_null(row->clip);
    ck_assert(!row->has_snapshot);
    ++*(guint *)user_data;
    return TRUE;
}

START_TEST(test_metadata_outlives_its_clip)
{
    const VigilEventQuery query = {.with_path = TRUE};
    g_autoptr(GError) error = NULL;
    guint n = 0;

    store_test_init(&t, NULL);
    t.options.max_age_us = 10 * DAY_US;
    t.options.clips_max_age_us = DAY_US;
    store_test_open(&t);
    add(1, 10);
    add(2, 10);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(2), TRUE, NULL));
    pass(DAY_US / 2);
    add(3, 10);
    pass(DAY_US / 2 + 1);
    ck_assert_uint_eq(enforce(), 0);
    ck_assert_uint_eq(store_test_count_files(&t), 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 3);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM snapshots"), 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips WHERE expired_wall_us > 0"), 1);
    /* a replay does not bring it back */
    ck_assert(has(1));
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(2), FALSE, NULL));
    pass(DAY_US);
    ck_assert_uint_eq(enforce(), 0);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    ck_assert(vigil_store_query_events(t.store, &query, see_row, &n, NULL));
    ck_assert_uint_eq(n, 3);
    check_seals();
    pass(9 * DAY_US);
    ck_assert_uint_eq(enforce(), 3);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 0);
    check_seals();
    store_test_finish(&t);
}
END_TEST

/* A clip goes when the last of its events is old enough. */
START_TEST(test_shared_clip_expires_with_its_last_event)
{
    VigilClip *clip;
    g_autoptr(VigilEvent) second = store_test_event(2, VIGIL_EVENT_END);

    store_test_init(&t, NULL);
    t.options.clips_max_age_us = DAY_US;
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 10, NULL);
    {
        g_autoptr(VigilEvent) first = store_test_event(1, VIGIL_EVENT_END);

        ck_assert(vigil_store_commit_event(t.store, first, clip, NULL));
    }
    pass(DAY_US / 2);
    ck_assert(vigil_store_commit_event(t.store, second, clip, NULL));
    ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, NULL));
    pass(DAY_US / 2 + 1);
    enforce();
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM snapshots"), 1);
    pass(DAY_US / 2);
    enforce();
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* With limits of space clips go before rows, where rows are to be kept longer. */
START_TEST(test_space_takes_clips_first)
{
    store_test_init(&t, NULL);
    t.options.clips_max_age_us = DAY_US;
    t.options.max_bytes = 2000000;
    store_test_open(&t);
    for (guint i = 1; i <= 5; i++)
        add(i, 500000);
    ck_assert_uint_eq(enforce(), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 5);
    ck_assert_uint_eq(store_test_count_files(&t), 3);
    ck_assert_int_eq(vigil_store_open_clip(t.store, store_test_id(2), 0, NULL), -1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_free_space)
{
    struct statvfs space;
    guint n_gone = 0;

    store_test_init(&t, NULL);
    t.options.min_free_bytes = 1;
    store_test_open(&t);
    for (guint i = 1; i <= 4; i++)
        add(i, 1000000);
    ck_assert_uint_eq(enforce(), 0);
    /* half a clip more than there is: that takes some, and the oldest, unless others on this disk free as much just then */
    for (guint i = 0; n_gone == 0 && i < 20; i++) {
        store_test_close(&t);
        ck_assert_int_eq(statvfs(t.dir, &space), 0);
        t.options.min_free_bytes = (gint64)(space.f_bavail * space.f_frsize) + 500000;
        store_test_open(&t);
        n_gone = enforce();
    }
    ck_assert_uint_ge(n_gone, 1);
    ck_assert(!has(1));
    store_test_close(&t);
    /* however little is left to be had, it ends */
    t.options.min_free_bytes = G_MAXINT64 / 2;
    store_test_open(&t);
    enforce();
    store_test_finish(&t);
}
END_TEST

static gint64 fake_free_bytes;

static gint64
get_fake_free_bytes(gint fd)
{
    return fake_free_bytes;
}

/* Where clips have other links, as those of a backup have, deleting frees nothing: not all goes for it. */
START_TEST(test_free_space_that_cannot_be_had)
{
    VigilFileOps ops = vigil_file_ops_system;

    store_test_init(&t, NULL);
    t.options.min_free_bytes = 1000000;
    store_test_open(&t);
    ops.free_bytes = get_fake_free_bytes;
    t.store->ops = &ops;
    for (guint i = 1; i <= 200; i++)
        add(i, 10);
    fake_free_bytes = -EIO;
    ck_assert_uint_eq(enforce(), 0);
    fake_free_bytes = 1000;
    ck_assert_uint_le(enforce(), 64);
    ck_assert_int_ge(store_test_int(&t, "SELECT count(*) FROM events"), 136);
    /* nor with the next passes */
    for (guint i = 0; i < 5; i++) {
        pass(60 * (gint64)G_USEC_PER_SEC);
        ck_assert_uint_eq(enforce(), 0);
    }
    /* it is tried again now and then */
    pass(3600 * (gint64)G_USEC_PER_SEC);
    ck_assert_uint_ge(enforce(), 1);
    ck_assert_int_gt(store_test_int(&t, "SELECT count(*) FROM events"), 0);
    store_test_finish(&t);
}
END_TEST

/* While a database is made again: nothing but half of the free space of the disk counts, and not more goes than that lacks. */
START_TEST(test_nothing_but_free_space)
{
    VigilFileOps ops = vigil_file_ops_system;
    guint n_deleted = 0;
    gboolean done = FALSE;

    store_test_init(&t, NULL);
    t.options.min_free_bytes = 1000000;
    t.options.max_age_us = 1;
    t.options.max_bytes = 1;
    store_test_open(&t);
    ops.free_bytes = get_fake_free_bytes;
    t.store->ops = &ops;
    for (guint i = 1; i <= 20; i++)
        ck_assert(store_test_whole(t.store, i, 100000, NULL));
    pass(DAY_US);
    fake_free_bytes = 500000;
    ck_assert(vigil_store_enforce_min_free(t.store, &n_deleted, &done, NULL));
    ck_assert(done);
    ck_assert_uint_eq(n_deleted, 0);
    fake_free_bytes = 150000;
    ck_assert(vigil_store_enforce_min_free(t.store, &n_deleted, &done, NULL));
    ck_assert_uint_eq(n_deleted, 4);
    ck_assert_uint_eq(store_test_count_files(&t), 16);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(4), NULL));
    fake_free_bytes = 550000;
    ck_assert(vigil_store_enforce_min_free(t.store, &n_deleted, &done, NULL));
    ck_assert(done);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 16);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

typedef struct {
    gint stop;
    guint n;
} Commits;

static gpointer
commit_on(gpointer data)
{
    Commits *commits = data;

    while (!g_atomic_int_get(&commits->stop)) {
        g_autoptr(VigilEvent) end = store_test_event(100000 + commits->n, VIGIL_EVENT_END);

        end->record = FALSE;
        ck_assert(vigil_store_commit_event(t.store, end, NULL, NULL));
        commits->n++;
    }
    return NULL;
}

/* Somebody commits all the while: as many steps as there are, each lets commits through. */
START_TEST(test_commits_come_in_between)
{
    Commits commits = {0, 0};
    GThread *thread;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    for (guint i = 0; i < 600; i++)
        add(i, 10);
    pass(DAY_US + 1);
    thread = g_thread_new("commits", commit_on, &commits);
    {
        g_autoptr(GError) error = NULL;
        guint n_deleted;

        ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, &error));
        ck_assert_uint_eq(n_deleted, 600);
    }
    g_atomic_int_set(&commits.stop, 1);
    g_thread_join(thread);
    ck_assert_uint_gt(commits.n, 10);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), commits.n);
    ck_assert_uint_eq(enforce(), 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_ages_that_differ,
        test_unpinned_event_is_due_again,
        test_open_event_is_due_later,
        test_many,
        test_metadata_outlives_its_clip,
        test_shared_clip_expires_with_its_last_event,
        test_space_takes_clips_first,
        test_free_space,
        test_free_space_that_cannot_be_had,
        test_nothing_but_free_space,
        test_commits_come_in_between,
    };

    return store_test_main("retention-rules", tests, G_N_ELEMENTS(tests));
}
