/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of seals over a long time, and in any order of what may happen. */
#include "tests/storage/seal-test.h"

#include <string.h>
#include <time.h>

#include "storage/vigil-retention-private.h"
#include "storage/vigil-seal-shorten.h"
#include "tests/support/vigil-test-size.h"

static StoreTest t;

/* Any order of what may happen: the chain says the same as the rows, and all that is altered is found. */
static void
act(GRand *random, guint *number)
{
    const guint any = (guint)g_rand_int_range(random, 0, (gint)*number + 1);

    switch (g_rand_int_range(random, 0, 8)) {
    case 0: vigil_store_set_pinned(t.store, store_test_id(any), TRUE, NULL); break;
    case 1: vigil_store_set_pinned(t.store, store_test_id(any), FALSE, NULL); break;
    case 2:
        store_test_mono_us += DAY_US / 6;
        store_test_wall_us += DAY_US / 6;
        break;
    case 3: seal_test_enforce(&t); break;
    case 4: {
        /* cut off, and then replayed by the same id */
        VigilClip *clip = store_test_begin(t.store, ++*number, 50, NULL);

        ck_assert_ptr_nonnull(clip);
        vigil_store_abandon_clip(t.store, clip);
        if (g_rand_boolean(random)) {
            store_test_close(&t);
            seal_test_open_quick(&t);
            ck_assert(store_test_whole(t.store, *number, 60, NULL));
        }
        break;
    }
    case 5: {
        g_autoptr(GError) error = NULL;
        VigilClip *clip = store_test_begin(t.store, ++*number, 40, &error);
        VigilClip *part = store_test_continue(t.store, *number, 30, &error);

        assert_no_error(error);
        ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, &error));
        ck_assert(store_test_end(t.store, *number, part, &error));
        break;
    }
    default: seal_test_whole(&t, *number + 1, *number + 1); ++*number;
    }
}

START_TEST(test_any_order)
{
    g_autoptr(GRand) random = g_rand_new();
    const guint32 seed = g_random_int();
    guint number = 0, n_closed = 0;

    g_rand_set_seed(random, seed);
    for (guint round = 0; round < vigil_test_size(6, 100); round++) {
        store_test_init(&t, NULL);
        t.options.max_age_us = DAY_US;
        t.options.clips_max_age_us = g_rand_boolean(random) ? DAY_US / 2 : 0;
        seal_test_open_quick(&t);
        for (number = 0; number < 120;) {
            act(random, &number);
            if (g_rand_int_range(random, 0, 8) == 0)
                ck_assert_msg(seal_test_verify(&t, NULL, NULL) == 0, "seed %u, round %u: %s", seed,
                              round, seal_test_findings->str);
        }
        seal_test_enforce(&t);
        ck_assert_msg(seal_test_verify(&t, NULL, NULL) == 0, "seed %u, round %u: %s", seed, round,
                      seal_test_findings->str);
        n_closed += seal_test_summary.closed_seq > 0;
        /* each of what is there has a seal that counts */
        if (seal_test_summary.n_events > 0) {
            const guint n = (guint)seal_test_summary.n_events;

            store_test_exec(&t, "UPDATE events SET track_id = 5");
            ck_assert_msg(seal_test_verify(&t, NULL, NULL) >= n, "seed %u: %u of %s", seed, n,
                          seal_test_findings->str);
        }
        store_test_finish(&t);
    }
    ck_assert_uint_gt(n_closed, 0);
}
END_TEST

/* Thirty days of a store that keeps three, with the pace of the daemon. */
START_TEST(test_bounded)
{
    const guint n_days = 30, n_a_day = vigil_test_size(120, 4000), n_pinned = 20;
    gint64 most = 0, ended;
    guint number = 0;

    store_test_init(&t, NULL);
    t.options.max_age_us = 3 * DAY_US;
    store_test_open(&t);
    *vigil_seal_shortener_get_pace(t.store->seal_shortener) = (VigilSealPace){
        .n_open = 64, .n_ended = 64, .n_look = 1024, .n_batch = 128, .n_slack = 256};
    for (guint day = 0; day < n_days; day++) {
        for (guint i = 0; i < n_a_day; i++) {
            ck_assert(store_test_whole(t.store, ++number, 10, NULL));
            if (number % (n_days * n_a_day / n_pinned) == 7)
                seal_test_pin(&t, number);
            store_test_mono_us += DAY_US / n_a_day;
            store_test_wall_us += DAY_US / n_a_day;
            if (i % (n_a_day / 12) == 0)
                seal_test_enforce(&t);
        }
        seal_test_enforce(&t);
        most = MAX(most, store_test_int(&t, "SELECT count(*) FROM seals"));
    }
    seal_test_assert_fine(&t);
    ended = store_test_int(&t, "SELECT count(*) FROM seals");
    vigil_test_figure("%u events in 30 days, 3 kept, %u pinned: at most %d records, %d at the end, "
                      "%" G_GUINT64_FORMAT " events there",
                      number, n_pinned, (gint)most, (gint)ended, seal_test_summary.n_events);
    /* a record each, twelve deletions a day, and what one look leaves */
    ck_assert_int_lt(most, 3 * n_a_day + n_pinned + 3 * 12 + 2 * 256);
    /* and all goes */
    for (guint i = 1; i <= number; i++)
        vigil_store_set_pinned(t.store, store_test_id(i), FALSE, NULL);
    for (guint i = 0; i < 10; i++) {
        seal_test_pass_days(4);
        seal_test_whole(&t, number + 1, number + 64);
        number += 64;
        seal_test_enforce(&t);
    }
    seal_test_assert_fine(&t);
    ck_assert_int_lt(store_test_int(&t, "SELECT count(*) FROM seals"), 2 * 256);
    store_test_finish(&t);
}
END_TEST

#define N_SEALED 4500

static gboolean
seal_many(VigilStore *store, gpointer data, GError **error)
{
    for (guint i = 0; i < N_SEALED; i++) {
        g_autoptr(VigilSealItems) items = vigil_seal_items_new();
        gint64 seq;

        vigil_seal_items_add(items, VIGIL_SEAL_EVENT, store_test_id(i), 1, NULL);
        if (!vigil_seal_append(store, VIGIL_SEAL_KIND_SEAL, items, &seq, error))
            return FALSE;
    }
    return TRUE;
}

static int
watch_counting(guint type, gpointer data, gpointer statement, gpointer sql)
{
    if (strstr(sql, "count(*) FROM seals"))
        ++*(guint *)data;
    return 0;
}

static gdouble
cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gdouble)now.tv_sec * 1e3 + (gdouble)now.tv_nsec / 1e6;
}

/* Returns: the share of the longest of all steps; writers wait for as long as one takes. */
static gdouble
shorten_all(void)
{
    g_autoptr(GError) error = NULL;
    gdouble longest = 0.0, total = 0.0;
    gboolean done = FALSE;

    g_mutex_lock(&t.store->mutex);
    while (!done) {
        const gdouble begun = cpu_ms();
        gdouble took;

        ck_assert(vigil_seal_shorten_some(t.store, &done, &error));
        took = cpu_ms() - begun;
        longest = MAX(longest, took);
        total += took;
    }
    g_mutex_unlock(&t.store->mutex);
    vigil_test_figure("longest step %.1f of %.1f ms", longest, total);
    return longest / total;
}

/* However long the chain is, a step reads a little of it: neither counts it, nor takes in all that its checkpoints keep. */
START_TEST(test_short_steps)
{
    g_autoptr(GError) error = NULL;
    guint n_counted = 0;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(vigil_store_transact(t.store, seal_many, NULL, &error));
    sqlite3_trace_v2(t.store->db, SQLITE_TRACE_STMT, watch_counting, &n_counted);
    /* also when it takes the eight checkpoints in again that it wrote */
    ck_assert(shorten_all() < 0.15);
    ck_assert_int_ge(store_test_int(&t, "SELECT count(*) FROM seals WHERE length(body) > 9999"), 8);
    ck_assert_int_eq(store_test_int(&t, "SELECT least FROM seal_chain"),
                     store_test_int(&t, "SELECT count(*) FROM seals"));
    ck_assert_uint_eq(n_counted, 0);
    store_test_finish(&t);
}
END_TEST

typedef struct {
    guint first, n;
    VigilSealKind kind;
} Many;

static gboolean
append_many(VigilStore *store, gpointer data, GError **error)
{
    const Many *many = data;

    for (guint i = 0; i < many->n; i++) {
        g_autoptr(VigilSealItems) items = vigil_seal_items_new();
        gint64 seq;

        vigil_seal_items_add(items, VIGIL_SEAL_EVENT, store_test_id(many->first + i), 1, NULL);
        if (!vigil_seal_append(store, many->kind, items, &seq, error))
            return FALSE;
    }
    return TRUE;
}

static int
count_row(guint type, gpointer data, gpointer statement, gpointer unused)
{
    if (strstr(sqlite3_sql(statement), "body, signature FROM seals"))
        ++*(guint64 *)data;
    return 0;
}

/* Returns: how often a record was read for each that an old chain of so many sealed and deleted events has. */
static gdouble
shorten_old(guint n)
{
    const Many sealed = {0, n, VIGIL_SEAL_KIND_SEAL}, deleted = {0, n, VIGIL_SEAL_KIND_DELETION};
    g_autoptr(GError) error = NULL;
    guint64 n_read = 0;
    gboolean done = FALSE;

    store_test_init(&t, NULL);
    seal_test_open_quick(&t);
    *vigil_seal_shortener_get_pace(t.store->seal_shortener) =
        (VigilSealPace){.n_open = 4, .n_ended = 1, .n_look = 64, .n_batch = 32, .n_slack = 64};
    ck_assert(vigil_store_transact(t.store, append_many, (gpointer)&sealed, &error));
    ck_assert(vigil_store_transact(t.store, append_many, (gpointer)&deleted, &error));
    sqlite3_trace_v2(t.store->db, SQLITE_TRACE_ROW, count_row, &n_read);
    g_mutex_lock(&t.store->mutex);
    while (!done)
        ck_assert(vigil_seal_shorten_some(t.store, &done, &error));
    g_mutex_unlock(&t.store->mutex);
    ck_assert_int_lt(store_test_int(&t, "SELECT count(*) FROM seals"), 256);
    seal_test_assert_fine(&t);
    store_test_finish(&t);
    vigil_test_figure("%u records: each was read %.1f times", 2 * n, (gdouble)n_read / (2.0 * n));
    return (gdouble)n_read / (2.0 * n);
}

/* What the first shortening of an old chain reads grows as the chain does, and no faster. */
START_TEST(test_work_is_linear)
{
    const gdouble of_one = shorten_old(2000), of_four = shorten_old(8000);

    ck_assert(of_four < 1.5 * of_one);
    ck_assert(of_four < 12.0);
}
END_TEST

/* What becomes due while the chain is gone over needs not wait for its end. */
START_TEST(test_turns)
{
    guint n_deleted = 0, n;
    gboolean done = FALSE;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    seal_test_open_quick(&t);
    vigil_seal_shortener_get_pace(t.store->seal_shortener)->n_steps = 2;
    seal_test_whole(&t, 1, 60);
    while (t.store->retention->task != t.store->n_keep + 6)
        ck_assert(vigil_store_enforce_some(t.store, &n, &done, NULL));
    seal_test_pass_days(2);
    while (!done) {
        ck_assert(vigil_store_enforce_some(t.store, &n, &done, NULL));
        n_deleted += n;
    }
    ck_assert_uint_eq(n_deleted, 60);
    seal_test_assert_fine(&t);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_any_order, test_bounded, test_short_steps,
                                  test_work_is_linear, test_turns};

    return store_test_main("seal-long", tests, G_N_ELEMENTS(tests));
}
