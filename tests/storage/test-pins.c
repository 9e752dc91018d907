/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody wants to keep: no limit deletes it, and recording goes on all the same. */
#include "storage/vigil-pins.h"

#include "storage/vigil-purge.h"
#include "tests/storage/store-test.h"

#define CLIP_BYTES 200000

static StoreTest t;

static void
add(guint number)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(store_test_whole(t.store, number, CLIP_BYTES, &error), "%s",
                  error ? error->message : "");
}

static void
pin(guint number, gboolean pinned)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_store_set_pinned(t.store, store_test_id(number), pinned, &error), "%s",
                  error ? error->message : "");
}

static VigilPins
get_pins(VigilStore *store)
{
    g_autoptr(GError) error = NULL;
    VigilPins pins;

    ck_assert_msg(vigil_store_get_pins(store, &pins, &error), "%s", error ? error->message : "");
    return pins;
}

static gboolean
count_row(const VigilEventRow *row, gpointer user_data)
{
    ck_assert(row->pinned);
    ++*(guint *)user_data;
    return TRUE;
}

static guint
count_pinned(VigilEventQuery query)
{
    g_autoptr(GError) error = NULL;
    guint n = 0;

    query.pinned = TRUE;
    ck_assert_msg(vigil_store_query_events(t.store, &query, count_row, &n, &error), "%s",
                  error ? error->message : "");
    return n;
}

START_TEST(test_count_and_list)
{
    const gint64 ten_s = 10 * (gint64)G_USEC_PER_SEC;
    g_autoptr(VigilStore) reader = NULL;
    gint64 bytes;
    VigilPins pins;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 300; i++)
        add(i);
    ck_assert_uint_eq(get_pins(t.store).n_events, 0);
    for (guint i = 10; i < 160; i++)
        pin(i, TRUE);
    for (guint i = 10; i < 20; i++)
        pin(i, FALSE);
    bytes = store_test_int(&t, "SELECT sum(c.bytes) FROM clips c JOIN events e ON e.clip_id = c.id "
                               "WHERE e.pinned = 1");
    reader = vigil_store_open_reader(t.database, t.clips, NULL);
    pins = get_pins(reader);
    ck_assert_uint_eq(pins.n_events, 140);
    ck_assert_uint_eq(pins.n_clips, 140);
    ck_assert_uint_eq(pins.clip_bytes, (guint64)bytes);
    ck_assert_uint_gt(pins.clip_bytes, 140 * CLIP_BYTES - 1);
    ck_assert(!pins.over);

    /* more than a page, in both orders, and together with all else that may be asked for */
    ck_assert_uint_eq(count_pinned((VigilEventQuery){0}), 140);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.ascending = TRUE}), 140);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.limit = 7}), 7);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.camera = "door"}), 70);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.rule = "visitor"}), 140);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.zone = "path"}), 140);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.since_us = TEST_WALL_US + 15 * ten_s,
                                                     .until_us = TEST_WALL_US + 25 * ten_s}),
                      6);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.id = store_test_id(30)}), 1);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){.id = store_test_id(3)}), 0);
    g_clear_pointer(&reader, vigil_store_unref);
    store_test_finish(&t);
}
END_TEST

/* Clip bytes of the events that are not pinned. */
static gint64
other_bytes(void)
{
    return store_test_int(&t, "SELECT coalesce(sum(c.bytes), 0) FROM clips c WHERE NOT EXISTS "
                              "(SELECT 1 FROM events e WHERE e.clip_id = c.id AND e.pinned = 1)");
}

/* Pins take all of the limit and more: they stay, it is told, and what comes has a tenth of the limit for itself. */
START_TEST(test_pins_over_the_limit)
{
    VigilPins pins;

    store_test_init(&t, NULL);
    t.options.max_bytes = 100 * CLIP_BYTES;
    store_test_open(&t);
    for (guint i = 0; i < 80; i++) {
        add(i);
        pin(i, TRUE);
    }
    ck_assert(!get_pins(t.store).over);
    for (guint i = 80; i < 110; i++) {
        add(i);
        pin(i, TRUE);
    }
    pins = get_pins(t.store);
    ck_assert(pins.over);
    ck_assert_uint_eq(pins.max_bytes, 100 * CLIP_BYTES);
    for (guint i = 200; i < 260; i++) {
        guint n_deleted;

        add(i);
        if (i % 5 == 0)
            ck_assert(vigil_store_enforce_limits(t.store, &n_deleted, NULL));
    }
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_uint_eq(get_pins(t.store).n_events, 110);
    ck_assert_uint_eq(get_pins(t.store).n_clips, 110);
    /* the newest of the others */
    ck_assert(vigil_store_has_event(t.store, store_test_id(259), NULL));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(200), NULL));
    ck_assert_int_le(other_bytes(), 10 * (CLIP_BYTES + 1000));
    ck_assert_int_ge(other_bytes(), 2 * CLIP_BYTES);

    /* let go again, they go by their turn: the limit is what it was */
    for (guint i = 0; i < 110; i++)
        pin(i, FALSE);
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert(!get_pins(t.store).over);
    ck_assert_int_le(store_test_int(&t, "SELECT sum(bytes) FROM clips"), 100 * CLIP_BYTES);
    ck_assert_int_ge(store_test_int(&t, "SELECT sum(bytes) FROM clips"), 80 * CLIP_BYTES);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_age)
{
    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    add(1);
    add(2);
    pin(2, TRUE);
    store_test_wall_us += 3 * DAY_US;
    store_test_mono_us += 3 * DAY_US;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert(vigil_store_has_event(t.store, store_test_id(2), NULL));
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    pin(2, FALSE);
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(2), NULL));
    store_test_finish(&t);
}
END_TEST

/* Pinned while it goes on: later commits of it change nothing about that. */
START_TEST(test_open_event)
{
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, CLIP_BYTES, &error);
    assert_no_error(error);
    pin(1, TRUE);
    ck_assert_uint_eq(count_pinned((VigilEventQuery){0}), 1);
    ck_assert(store_test_end(t.store, 1, clip, NULL));
    ck_assert_uint_eq(count_pinned((VigilEventQuery){0}), 1);
    ck_assert_uint_eq(get_pins(t.store).n_clips, 1);
    store_test_finish(&t);
}
END_TEST

/* What is pinned stays, with its clip and its snapshot, until it is meant, too. */
START_TEST(test_purge)
{
    VigilPurge purge = {
        .camera = "door", .since_us = 0, .until_us = G_MAXINT64, .user_name = "mia"};
    VigilPurgeCounts counts;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 40; i++)
        add(i);
    pin(11, TRUE);
    pin(13, TRUE);
    pin(14, TRUE); /* of another camera */
    ck_assert(vigil_store_count_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_events, 18);
    ck_assert_uint_eq(counts.n_clips, 18);
    ck_assert_uint_eq(counts.n_left, 2);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_events, 18);
    ck_assert_uint_eq(counts.n_left, 2);
    ck_assert(vigil_store_has_event(t.store, store_test_id(11), NULL));
    ck_assert_uint_eq(get_pins(t.store).n_clips, 3);
    ck_assert_uint_eq(store_test_count_files(&t), 22);
    ck_assert_uint_eq(store_test_check(&t), 0);
    purge.pinned = TRUE;
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_uint_eq(counts.n_events, 2);
    ck_assert_uint_eq(counts.n_left, 0);
    ck_assert_uint_eq(get_pins(t.store).n_events, 1);
    ck_assert_uint_eq(store_test_count_files(&t), 20);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* A clip that shows a pinned event is not deleted for the other that it shows. */
START_TEST(test_purge_of_a_shared_clip)
{
    const VigilPurge purge = {
        .camera = "door", .since_us = 0, .until_us = G_MAXINT64, .user_name = "mia"};
    g_autoptr(VigilEvent) begin = NULL, end = NULL;
    g_autoptr(GError) error = NULL;
    VigilPurgeCounts counts;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, CLIP_BYTES, &error);
    assert_no_error(error);
    begin = store_test_event(3, VIGIL_EVENT_BEGIN);
    end = store_test_event(3, VIGIL_EVENT_END);
    ck_assert(vigil_store_commit_event(t.store, begin, clip, NULL));
    ck_assert(vigil_store_commit_event(t.store, end, clip, NULL));
    ck_assert(store_test_end(t.store, 1, clip, NULL));
    pin(3, TRUE);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, &error));
    ck_assert_uint_eq(counts.n_events, 1);
    ck_assert_uint_eq(counts.n_clips, 0);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_uint_eq(get_pins(t.store).n_clips, 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_count_and_list, test_pins_over_the_limit,   test_age, test_open_event,
        test_purge,          test_purge_of_a_shared_clip};

    return store_test_main("pins", tests, G_N_ELEMENTS(tests));
}
