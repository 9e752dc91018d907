/* SPDX-License-Identifier: Apache-2.0 */
/* Where events were: the same as looking at all tracks says, whatever was added, deleted, lost or brought along. */
#include <math.h>
#include <string.h>

#include "storage/vigil-areas.h"
#include "storage/vigil-purge.h"
#include "tests/storage/store-test.h"

#define N_EVENTS 300

static StoreTest t;

static VigilBox
box_at(gfloat x, gfloat y, gfloat size)
{
    return (VigilBox){x, y, x + size, y + size};
}

/* From one place to the other; @n 0: no track. */
static void
commit(guint number, VigilBox from, VigilBox to, guint n)
{
    g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);
    g_autoptr(GError) error = NULL;

    end->record = FALSE;
    end->box = to;
    g_clear_pointer(&end->path, g_array_unref);
    if (n)
        end->path = g_array_new(FALSE, FALSE, sizeof(VigilPathPoint));
    for (guint i = 0; i < n; i++) {
        const gfloat part = n > 1 ? (gfloat)i / (gfloat)(n - 1) : 1.0f;
        const VigilPathPoint point = {
            .time_ns = end->start_ns + i * G_GINT64_CONSTANT(100000000),
            .box = {from.x0 + part * (to.x0 - from.x0), from.y0 + part * (to.y0 - from.y0),
                    from.x1 + part * (to.x1 - from.x1), from.y1 + part * (to.y1 - from.y1)},
            .score = 0.7f};

        g_array_append_val(end->path, point);
    }
    ck_assert_msg(vigil_store_commit_event(t.store, end, NULL, &error), "%s",
                  error ? error->message : "");
}

static void
fill(guint n)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);

    for (guint i = 0; i < n; i++) {
        const gfloat size = (gfloat)g_rand_double_range(dice, 0.01, 0.2);
        const VigilBox from =
            box_at((gfloat)g_rand_double(dice), (gfloat)g_rand_double(dice), size);
        const VigilBox to = box_at((gfloat)g_rand_double(dice), (gfloat)g_rand_double(dice), size);

        commit(i, from, to, i % 5 == 0 ? 0 : (guint)g_rand_int_range(dice, 1, 30));
    }
}

typedef struct {
    GString *ids;
    const VigilBox *area; /* (nullable): only what touches it */
    guint left;
} List;

static gboolean
touch(const VigilBox *a, const VigilBox *b)
{
    return !(a->x1 < b->x0 || b->x1 < a->x0 || a->y1 < b->y0 || b->y1 < a->y0);
}

static gboolean
list_row(const VigilEventRow *row, gpointer user_data)
{
    List *list = user_data;
    gboolean found = !list->area || touch(list->area, &row->event->box);

    for (guint i = 0; !found && row->event->path && i < row->event->path->len; i++)
        found = touch(list->area, &g_array_index(row->event->path, VigilPathPoint, i).box);
    if (found && list->left > 0) {
        list->left--;
        g_string_append_printf(list->ids, "%s ", row->event->id);
    }
    return TRUE;
}

/* By the tree, or by looking at all. */
static gchar *
list_events(VigilStore *store, VigilEventQuery query, const VigilBox *area, gboolean by_tree)
{
    g_autoptr(GError) error = NULL;
    List list = {g_string_new(NULL), by_tree ? NULL : area, query.limit ? query.limit : G_MAXUINT};

    query.area = by_tree ? area : NULL;
    query.with_path = !by_tree;
    query.limit = by_tree ? query.limit : 0;
    ck_assert_msg(vigil_store_query_events(store, &query, list_row, &list, &error), "%s",
                  error ? error->message : "");
    return g_string_free(list.ids, FALSE);
}

static void
compare(VigilStore *store, guint n_areas)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(8);
    const VigilEventQuery queries[] = {{0},
                                       {.ascending = TRUE},
                                       {.limit = 3},
                                       {.camera = "door"},
                                       {.zone = "path"},
                                       {.rule = "visitor", .limit = 10}};

    for (guint i = 0; i < n_areas; i++) {
        const VigilEventQuery query = queries[i % G_N_ELEMENTS(queries)];
        const gfloat size = (gfloat)g_rand_double_range(dice, 0.0, i % 3 ? 0.1 : 0.8);
        const VigilBox area =
            box_at((gfloat)g_rand_double(dice), (gfloat)g_rand_double(dice), size);
        g_autofree gchar *found = list_events(store, query, &area, TRUE);
        g_autofree gchar *expected = list_events(store, query, &area, FALSE);

        ck_assert_str_eq(found, expected);
    }
}

static void
assert_one_for_each(void)
{
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_areas"),
                     store_test_int(&t, "SELECT count(*) FROM events"));
    ck_assert_uint_eq(store_test_check(&t), 0);
}

START_TEST(test_same_as_looking_at_all)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    fill(N_EVENTS);
    assert_one_for_each();
    compare(t.store, 200);
    store_test_finish(&t);
}
END_TEST

/* Who walks from corner to corner was not in the other two, though the bounds are the whole frame. */
START_TEST(test_diagonal)
{
    const VigilBox corner = {0.8f, 0.0f, 1.0f, 0.2f}, middle = {0.45f, 0.45f, 0.55f, 0.55f};
    g_autofree gchar *in_corner = NULL, *in_middle = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    commit(1, box_at(0.0f, 0.0f, 0.1f), box_at(0.9f, 0.9f, 0.1f), 50);
    in_corner = list_events(t.store, (VigilEventQuery){0}, &corner, TRUE);
    in_middle = list_events(t.store, (VigilEventQuery){0}, &middle, TRUE);
    ck_assert_str_eq(in_corner, "");
    ck_assert_ptr_nonnull(strstr(in_middle, store_test_id(1)));
    store_test_finish(&t);
}
END_TEST

/* Boxes that are none, from the outside of this program. */
START_TEST(test_odd_boxes)
{
    const VigilBox odd[] = {{0.9f, 0.9f, 0.1f, 0.1f},
                            {NAN, 0.0f, NAN, 1.0f},
                            {-INFINITY, 0.0f, INFINITY, 1.0f},
                            {-0.2f, -0.1f, 1.3f, 1.2f},
                            {0.5f, 0.5f, 0.5f, 0.5f}};

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < G_N_ELEMENTS(odd); i++)
        commit(i, odd[i], box_at(0.4f, 0.4f, 0.1f), 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_areas"), G_N_ELEMENTS(odd));
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_removed_with_the_event)
{
    const VigilPurge purge = {.camera = "door", .until_us = G_MAXINT64, .user_name = "mia"};
    VigilPurgeCounts counts;

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    fill(60);
    ck_assert(vigil_store_purge(t.store, &purge, &counts, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_areas"), 30);
    assert_one_for_each();
    store_test_wall_us += 3 * DAY_US;
    store_test_mono_us += 3 * DAY_US;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_areas"), 0);
    store_test_finish(&t);
}
END_TEST

/* A store of before, with its tracks: a reader can ask it, and a writer brings it along. */
START_TEST(test_older_store)
{
    g_autoptr(VigilStore) reader = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    fill(N_EVENTS);
    store_test_close(&t);
    store_test_exec(&t, "DROP TABLE event_areas; DROP TABLE seal_chain; "
                        "DROP INDEX clips_continuous; DROP INDEX clips_continuous_by_age; "
                        "DROP INDEX clips_continuous_by_run; DROP TRIGGER footage_added; "
                        "DROP TRIGGER footage_changed; DROP TRIGGER footage_removed; "
                        "DROP TABLE footage_sums; "
                        "ALTER TABLE clips DROP COLUMN continuous; "
                        "PRAGMA user_version = 13");
    reader = vigil_store_open_reader(t.database, t.clips, NULL);
    ck_assert_ptr_nonnull(reader);
    compare(reader, 20);
    g_clear_pointer(&reader, vigil_store_unref);
    store_test_open(&t);
    assert_one_for_each();
    compare(t.store, 60);
    store_test_finish(&t);
}
END_TEST

/* A row that is missing, one that is too small and one of nobody are found, and made anew. */
START_TEST(test_fsck)
{
    guint n_left = 0;

    store_test_init(&t, NULL);
    store_test_open(&t);
    fill(50);
    store_test_exec(&t, "DELETE FROM event_areas WHERE event_seq = 3; "
                        "UPDATE event_areas SET x1 = x0 WHERE event_seq = 5; "
                        "INSERT INTO event_areas VALUES (9999, 0, 1, 0, 1)");
    ck_assert(vigil_store_fsck(t.store, FALSE, NULL, NULL, &n_left, NULL));
    ck_assert_uint_eq(n_left, 1);
    ck_assert(vigil_store_fsck(t.store, TRUE, NULL, NULL, &n_left, NULL));
    ck_assert_uint_eq(n_left, 0);
    assert_one_for_each();
    compare(t.store, 30);
    store_test_finish(&t);
}
END_TEST

/* The tree itself: a node that has lost half of its places, or whose numbers are noise. */
START_TEST(test_fsck_damaged_tree)
{
    static const gchar *const damages[] = {
        "UPDATE event_areas_node SET data = zeroblob(length(data)) WHERE nodeno = 2",
        "UPDATE event_areas_node SET data = randomblob(length(data)) WHERE nodeno = 3",
        "DELETE FROM event_areas_node WHERE nodeno = 2",
        "DELETE FROM event_areas_rowid WHERE rowid % 2 = 0"};

    for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(GError) error = NULL;
        guint n_left = 0;

        store_test_init(&t, NULL);
        store_test_open(&t);
        fill(N_EVENTS);
        store_test_exec(&t, damages[i]);
        ck_assert_msg(vigil_store_fsck(t.store, FALSE, NULL, NULL, &n_left, &error), "%s: %s",
                      damages[i], error ? error->message : "?");
        ck_assert_msg(n_left == 1, "%s: %u found", damages[i], n_left);
        ck_assert(vigil_store_fsck(t.store, TRUE, NULL, NULL, &n_left, NULL));
        ck_assert_msg(n_left == 0, "%s: %u left", damages[i], n_left);
        ck_assert(vigil_store_fsck(t.store, FALSE, NULL, NULL, &n_left, NULL));
        ck_assert_msg(n_left == 0, "%s: %u come back", damages[i], n_left);
        assert_one_for_each();
        compare(t.store, 60);
        store_test_finish(&t);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_same_as_looking_at_all, test_diagonal,    test_odd_boxes,
                                  test_removed_with_the_event, test_older_store, test_fsck,
                                  test_fsck_damaged_tree};

    return store_test_main("areas", tests, G_N_ELEMENTS(tests));
}
