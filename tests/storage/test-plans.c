/* SPDX-License-Identifier: Apache-2.0 */
/* How SQLite goes about what is asked while the store is large: by an index, whatever is asked. */
#include "tests/storage/store-test.h"

#include <string.h>

static StoreTest t;

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 300; i++) {
        g_autoptr(VigilEvent) end = store_test_event(i, VIGIL_EVENT_END);
        g_autoptr(GError) error = NULL;

        ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    }
}

static gboolean
ignore_row(const VigilEventRow *row, gpointer user_data)
{
    return TRUE;
}

/* One query with the given filters; several pages, so that pages behind the first are seen as well. */
static void
ask(guint filters, gboolean ascending)
{
    const VigilEventQuery query = {.camera = filters & 1 ? "door" : NULL,
                                   .label = filters & 2 ? "person" : NULL,
                                   .zone = filters & 4 ? "porch" : NULL,
                                   .rule = filters & 8 ? "visitor" : NULL,
                                   .id = filters & 16 ? store_test_id(3) : NULL,
                                   .since_us = filters & 32 ? 1 : 0,
                                   .until_us = filters & 64 ? G_MAXINT64 : 0,
                                   .ascending = ascending};
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_store_query_events(t.store, &query, ignore_row, NULL, &error), "%s",
                  error ? error->message : "");
}

static gchar *
explain(const gchar *sql)
{
    g_autofree gchar *question = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
    GString *plan = g_string_new(NULL);
    sqlite3_stmt *stmt;

    ck_assert_int_eq(sqlite3_prepare_v2(t.store->db, question, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        g_string_append_printf(plan, "%s\n", sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
    return g_string_free(plan, FALSE);
}

/* What finds the events; their rows are then read by their numbers. */
static gboolean
is_search(const gchar *sql)
{
    return g_str_has_prefix(sql, "SELECT e.seq, e.start_wall_us ") ||
           g_str_has_prefix(sql, "SELECT p.event_seq, p.start_wall_us ");
}

/* In the order of an index, rows being left out neither by looking at all of them nor by sorting. */
static void
check_plan(const gchar *sql)
{
    g_autofree gchar *plan = explain(sql);
    const gboolean has_filter = strstr(sql, "= :") || strstr(sql, "(:last");
    const gboolean is_one = strstr(sql, "e.id = :id") != NULL;

    ck_assert_msg(strstr(plan, "USING") != NULL, "%s\n%s", sql, plan);
    ck_assert_msg(is_one || !strstr(plan, "TEMP B-TREE"), "%s\n%s", sql, plan);
    if (has_filter)
        ck_assert_msg(!strstr(plan, "SCAN "), "%s\n%s", sql, plan);
    else
        ck_assert_msg(strstr(plan, "SCAN e USING COVERING INDEX events_by_start") != NULL, "%s\n%s",
                      sql, plan);
}

START_TEST(test_queries_of_events)
{
    g_autoptr(GList) statements = NULL;
    guint n = 0;

    set_up();
    for (guint filters = 0; filters < 128; filters++) {
        ask(filters, FALSE);
        ask(filters, TRUE);
    }
    statements = g_hash_table_get_keys(t.store->statements);
    for (GList *item = statements; item; item = item->next) {
        if (!is_search(item->data))
            continue;
        check_plan(item->data);
        n++;
    }
    ck_assert_uint_gt(n, 256);
    store_test_finish(&t);
}
END_TEST

/* Each filter leads to the index that was made for it. */
START_TEST(test_which_index)
{
    static const struct {
        VigilEventQuery query;
        const gchar *index;
        gboolean covers; /* no event's row is read to find them */
    } cases[] = {
        {{.camera = "door"}, "events_by_camera", TRUE},
        {{.pinned = TRUE, .camera = "door", .since_us = 1}, "events_pinned"},
        {{.label = "person"}, "events_by_label", TRUE},
        {{.camera = "door", .label = "person", .since_us = 1}, "events_by_camera_label", TRUE},
        {{.rule = "visitor", .camera = "door", .label = "person"}, "events_by_rule"},
        {{.zone = "porch", .since_us = 1}, "event_places_by_name", TRUE},
        {{.zone = "porch", .camera = "door", .since_us = 1}, "event_places_by_name"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *wanted = g_strconcat("INDEX ", cases[i].index, " (", NULL);
        g_autofree gchar *plan = NULL;
        g_autoptr(GList) statements = NULL;

        set_up();
        ck_assert(vigil_store_query_events(t.store, &cases[i].query, ignore_row, NULL, NULL));
        statements = g_hash_table_get_keys(t.store->statements);
        for (GList *item = statements; item; item = item->next)
            if (is_search(item->data)) {
                g_free(plan);
                plan = explain(item->data);
            }
        ck_assert_msg(plan && strstr(plan, wanted), "%s", plan);
        if (cases[i].covers)
            ck_assert_msg(strstr(plan, "COVERING INDEX") && !strstr(plan, "PRIMARY KEY (rowid"),
                          "%s", plan);
        store_test_finish(&t);
    }
}
END_TEST

/* What a store asks by itself when it is opened, written to and kept within its limits. */
START_TEST(test_own_statements)
{
    static const VigilStoreKeep keep[] = {{.label = "dog", .max_age_us = 1000}};
    g_autoptr(GList) statements = NULL;
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    t.options.keep = keep;
    t.options.n_keep = 1;
    t.options.max_age_us = t.options.clips_max_age_us = DAY_US;
    t.options.max_bytes = 1000;
    t.options.min_free_bytes = 1;
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 5000, &error));
    ck_assert_msg(vigil_store_enforce_limits(t.store, NULL, &error), "%s",
                  error ? error->message : "");
    statements = g_hash_table_get_keys(t.store->statements);
    ck_assert_uint_gt(g_list_length(statements), 20);
    for (GList *item = statements; item; item = item->next) {
        g_autofree gchar *plan = NULL;
        /* the first that may go is as a rule the first there is */
        const gboolean takes_first = strstr(item->data, "ORDER BY e.seq LIMIT 1") != NULL;

        if (g_str_has_prefix(item->data, "PRAGMA"))
            continue;
        plan = explain(item->data);
        ck_assert_msg(!strstr(plan, "TEMP B-TREE"), "%s\n%s", (gchar *)item->data, plan);
        ck_assert_msg(takes_first || (!strstr(plan, "SCAN e\n") && !strstr(plan, "SCAN events\n") &&
                                      !strstr(plan, "SCAN o\n") && !strstr(plan, "SCAN c\n")),
                      "%s\n%s", (gchar *)item->data, plan);
    }
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_queries_of_events, test_which_index, test_own_statements};

    return store_test_main("plans", tests, G_N_ELEMENTS(tests));
}
