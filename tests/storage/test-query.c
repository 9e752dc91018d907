/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the store. */
#include "tests/storage/store-test.h"

#include <string.h>

#define N_EVENTS 300

static StoreTest t;

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < N_EVENTS; i++) {
        g_autoptr(VigilEvent) end = store_test_event(i, VIGIL_EVENT_END);
        g_autoptr(GError) error = NULL;

        if (i % 2)
            g_clear_pointer(&end->snapshot, g_bytes_unref);
        if (i % 7 == 0)
            end->zones[0] = g_intern_string("yard");
        ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    }
}

typedef struct {
    guint n, stop_after;
    gint64 last_us;
    gboolean ascending;
} Seen;

static gboolean
see(const VigilEventRow *row, gpointer user_data)
{
    Seen *seen = user_data;

    if (seen->n > 0)
        ck_assert(seen->ascending ? row->event->start_wall_us > seen->last_us
                                  : row->event->start_wall_us < seen->last_us);
    seen->last_us = row->event->start_wall_us;
    seen->n++;
    /* the store may be used from here */
    ck_assert(!vigil_store_has_event(t.store, row->event->id, NULL));
    return seen->n != seen->stop_after;
}

static guint
count(VigilEventQuery query, guint stop_after)
{
    Seen seen = {.stop_after = stop_after, .ascending = query.ascending};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_store_query_events(t.store, &query, see, &seen, &error));
    return seen.n;
}

START_TEST(test_selections)
{
    const gint64 ten_s = 10 * (gint64)G_USEC_PER_SEC;

    set_up();
    ck_assert_uint_eq(count((VigilEventQuery){0}, 0), N_EVENTS);
    ck_assert_uint_eq(count((VigilEventQuery){.ascending = TRUE}, 0), N_EVENTS);
    ck_assert_uint_eq(count((VigilEventQuery){.limit = 200}, 0), 200);
    ck_assert_uint_eq(count((VigilEventQuery){.limit = 1}, 0), 1);
    ck_assert_uint_eq(count((VigilEventQuery){0}, 5), 5);
    ck_assert_uint_eq(count((VigilEventQuery){.camera = "door"}, 0), N_EVENTS / 2);
    ck_assert_uint_eq(count((VigilEventQuery){.camera = "nowhere"}, 0), 0);
    ck_assert_uint_eq(count((VigilEventQuery){.label = "dog"}, 0), N_EVENTS / 3);
    ck_assert_uint_eq(count((VigilEventQuery){.zone = "yard"}, 0), (N_EVENTS + 6) / 7);
    ck_assert_uint_eq(count((VigilEventQuery){.zone = "path"}, 0), N_EVENTS);
    ck_assert_uint_eq(count((VigilEventQuery){.zone = "gate:in"}, 0), 0); /* that is a line */
    ck_assert_uint_eq(count((VigilEventQuery){.rule = "visitor"}, 0), N_EVENTS);
    ck_assert_uint_eq(count((VigilEventQuery){.rule = "' OR 1 --"}, 0), 0);
    ck_assert_uint_eq(count((VigilEventQuery){.id = store_test_id(5)}, 0), 1);
    ck_assert_uint_eq(count((VigilEventQuery){.since_us = TEST_WALL_US + ten_s,
                                              .until_us = TEST_WALL_US + 3 * ten_s},
                            0),
                      3);
    ck_assert_uint_eq(
        count((VigilEventQuery){.camera = "door", .label = "dog", .zone = "yard", .limit = 3}, 0),
        3);
    store_test_finish(&t);
}
END_TEST

#define N_COPIES 9 /* so that a reader's pages are full as well */

/* Ten times as many, whose starts are the other way round than their numbers. */
static void
multiply(void)
{
    static const gchar sql[] =
        "INSERT INTO event_places SELECT event_seq + 300, kind, position, name, start_wall_us - "
        "3000000000 FROM event_places WHERE event_seq > (SELECT max(event_seq) - 300 FROM "
        "event_places);"
        "UPDATE copy SET seq = seq + 300, start_wall_us = start_wall_us - 3000000000, "
        "id = printf('COPY%022d', seq + 300);"
        "INSERT INTO events SELECT * FROM copy;";
    GString *all = g_string_new("CREATE TEMP TABLE copy AS SELECT * FROM events; BEGIN;");

    for (guint i = 0; i < N_COPIES; i++)
        g_string_append(all, sql);
    g_string_append(all, "COMMIT");
    store_test_exec(&t, all->str);
    g_string_free(all, TRUE);
}

static gboolean
see_zone(const VigilEventRow *row, gpointer user_data)
{
    const guint number = (guint)(row->event->start_ns / 10000000000);

    ck_assert_ptr_nonnull(row->event->zones);
    ck_assert_str_eq(row->event->zones[0], number % 7 == 0 ? "yard" : "porch");
    return see(row, user_data);
}

static guint
count_with(VigilStore *store, VigilEventQuery query)
{
    Seen seen = {.ascending = query.ascending};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_store_query_events(store, &query, see_zone, &seen, &error));
    return seen.n;
}

/* However many are read at a time, each comes once, in its order, with what is its own. */
START_TEST(test_many_pages)
{
    const guint n = N_EVENTS * (N_COPIES + 1);
    g_autoptr(VigilStore) reader = NULL;

    set_up();
    multiply();
    reader = vigil_store_open_reader(t.database, t.clips, NULL);
    ck_assert_ptr_nonnull(reader);
    for (guint i = 0; i < 4; i++) {
        VigilStore *store = i < 2 ? t.store : reader;
        const gboolean ascending = i % 2 != 0;

        ck_assert_uint_eq(count_with(store, (VigilEventQuery){.ascending = ascending}), n);
        ck_assert_uint_eq(
            count_with(store, (VigilEventQuery){.camera = "door", .ascending = ascending}), n / 2);
        ck_assert_uint_eq(
            count_with(store, (VigilEventQuery){.zone = "path", .ascending = ascending}), n);
        ck_assert_uint_eq(count_with(store, (VigilEventQuery){.zone = "path",
                                                              .camera = "door",
                                                              .ascending = ascending,
                                                              .limit = 1100}),
                          1100);
    }
    store_test_finish(&t);
}
END_TEST

/* What leads to nothing is left out, and what comes behind it is found. */
START_TEST(test_rows_that_are_gone)
{
    set_up();
    store_test_exec(&t, "DELETE FROM cameras WHERE name = 'door'");
    ck_assert_uint_eq(count((VigilEventQuery){0}, 0), N_EVENTS / 2);
    ck_assert_uint_eq(count((VigilEventQuery){.limit = 140}, 0), 140);
    store_test_exec(&t, "DELETE FROM cameras");
    ck_assert_uint_eq(count((VigilEventQuery){0}, 0), 0);
    store_test_finish(&t);
}
END_TEST

typedef struct {
    gboolean has_clip, complete, snapshot, pinned;
    gint64 start_ns, end_ns;
    guint64 bytes;
    guint n;
} Details;

static gboolean
keep_details(const VigilEventRow *row, gpointer user_data)
{
    Details *details = user_data;

    *details = (Details){row->clip != NULL,  row->clip_complete, row->has_snapshot, row->pinned,
                         row->clip_start_ns, row->clip_end_ns,   row->clip_bytes,   details->n + 1};
    return TRUE;
}

static Details
get_details(VigilStore *store, guint number)
{
    const VigilEventQuery query = {.id = store_test_id(number)};
    Details details = {0};

    ck_assert(vigil_store_query_events(store, &query, keep_details, &details, NULL));
    ck_assert_uint_eq(details.n, 1);
    return details;
}

START_TEST(test_clip_and_snapshot)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) jpeg = NULL;
    g_autoptr(VigilStore) reader = NULL;
    VigilClip *clip;
    Details details;

    store_test_init(&t, NULL);
    store_test_open(&t);
    reader = vigil_store_open_reader(t.database, t.clips, &error);
    clip = store_test_begin(t.store, 1, 77, &error);
    details = get_details(reader, 1);
    ck_assert(details.has_clip && !details.complete && !details.snapshot);
    ck_assert_ptr_null(vigil_store_get_snapshot(reader, store_test_id(1), &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    ck_assert(store_test_end(t.store, 1, clip, &error));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), TRUE, &error));
    details = get_details(reader, 1);
    ck_assert(details.has_clip && details.complete && details.snapshot && details.pinned);
    ck_assert_int_eq(details.start_ns, store_test_info.start_ns);
    ck_assert_int_eq(details.end_ns, store_test_info.end_ns);
    ck_assert_uint_eq(details.bytes, 77);
    jpeg = vigil_store_get_snapshot(reader, store_test_id(1), &error);
    ck_assert_uint_eq(g_bytes_get_size(jpeg), 7);
    ck_assert_int_eq(vigil_store_open_clip(reader, "nothing", 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    ck_assert_ptr_null(vigil_store_get_snapshot(reader, "nothing", &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    store_test_exec(&t, "UPDATE clips SET state = 'lost'");
    details = get_details(reader, 1);
    ck_assert(!details.has_clip);
    ck_assert_int_eq(vigil_store_open_clip(reader, store_test_id(1), 0, &error), -1);
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    store_test_finish(&t);
}
END_TEST

static gpointer
write_events(gpointer data)
{
    const guint first = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 25; i++)
        if (!store_test_whole(t.store, first + i, 500, &error))
            return g_strdup(error->message);
    return NULL;
}

START_TEST(test_threads)
{
    GThread *threads[4];

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 4; i++)
        threads[i] = g_thread_new("writer", write_events, GUINT_TO_POINTER(1 + i * 100));
    for (guint i = 0; i < 50; i++) {
        const VigilEventQuery query = {.limit = 10};
        Details details = {0};

        ck_assert(vigil_store_query_events(t.store, &query, keep_details, &details, NULL));
    }
    for (guint i = 0; i < 4; i++) {
        g_autofree gchar *failure = g_thread_join(threads[i]);

        ck_assert_msg(!failure, "%s", failure);
    }
    ck_assert_int_eq(store_test_int(&t,
                                    "SELECT count(*) FROM events JOIN clips ON clips.id = clip_id "
                                    "WHERE state = 'complete'"),
                     100);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

static gboolean
take_model(const VigilEventRow *row, gpointer user_data)
{
    *(VigilModelId *)user_data = row->event->model;
    return TRUE;
}

static VigilModelId
ask_model(VigilStore *store, guint number)
{
    const VigilEventQuery query = {.id = store_test_id(number)};
    VigilModelId model = {"none", "asked"};
    g_autoptr(GError) error = NULL;

    ck_assert(vigil_store_query_events(store, &query, take_model, &model, &error));
    assert_no_error(error);
    return model;
}

static void
commit_with_model(guint number, VigilModelId model)
{
    g_autoptr(VigilEvent) event = store_test_event(number, VIGIL_EVENT_BEGIN);
    g_autoptr(GError) error = NULL;

    event->model = model;
    ck_assert(vigil_store_commit_event(t.store, event, NULL, &error));
    assert_no_error(error);
}

/* Each event says which model saw it, whichever looks at the camera by then. */
START_TEST(test_model_of_an_event)
{
    const VigilModelId a = {"a", "11"}, b = {"b", "22"};

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(vigil_store_note_model(t.store, "door", "b", "22", NULL));
    commit_with_model(0, a);
    commit_with_model(1, b);
    commit_with_model(2, a);
    commit_with_model(3, (VigilModelId){NULL, NULL});
    ck_assert_str_eq(ask_model(t.store, 0).sha256, "11");
    ck_assert_str_eq(ask_model(t.store, 1).name, "b");
    ck_assert_str_eq(ask_model(t.store, 2).name, "a");
    ck_assert_ptr_null(ask_model(t.store, 3).sha256);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM models"), 2);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_last_run)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) reader = NULL;
    g_auto(VigilRunInfo) info = {0}, died = {0}, none = {0};

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 10, &error));
    store_test_close(&t);
    reader = vigil_store_open_reader(t.database, t.clips, &error);
    ck_assert(vigil_store_get_last_run(reader, &info, &error));
    ck_assert_int_eq(info.ended_wall_us, TEST_WALL_US);
    ck_assert(!info.died);
    ck_assert_uint_eq(info.n_events, 1);
    store_test_exec(&t, "UPDATE runs SET how = 'died', ended_wall_us = NULL");
    ck_assert(vigil_store_get_last_run(reader, &died, &error));
    ck_assert(died.died);
    store_test_exec(&t, "DELETE FROM tracks; DELETE FROM snapshots; DELETE FROM events; "
                        "DELETE FROM clips; DELETE FROM runs");
    ck_assert(!vigil_store_get_last_run(reader, &none, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_selections,         test_clip_and_snapshot, test_threads,
        test_last_run,           test_model_of_an_event, test_many_pages,
        test_rows_that_are_gone,
    };

    return store_test_main("query", tests, G_N_ELEMENTS(tests));
}
