/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-store-decisions.h"

#include "tests/storage/store-test.h"

#define SECOND_US ((gint64)G_USEC_PER_SEC)

static StoreTest t;

static void
set_up(void)
{
    store_test_init(&t, NULL);
    store_test_open(&t);
}

static VigilDecision
decision(VigilReason reason, guint64 track, gint64 start_s, gint64 end_s)
{
    return (VigilDecision){.camera = "door",
                           .rule = "visitor",
                           .label = "person",
                           .track_id = track,
                           .start_wall_us = TEST_WALL_US + start_s * SECOND_US,
                           .end_wall_us = TEST_WALL_US + end_s * SECOND_US,
                           .reason = reason,
                           .value = 0.42f,
                           .limit = 0.6f};
}

static void
add(const VigilDecision *decisions, guint n)
{
    GError *error = NULL;

    vigil_store_add_decisions(t.store, decisions, n, &error);
    assert_no_error(error);
}

static gboolean
keep(const VigilDecision *row, gpointer user_data)
{
    g_array_append_val((GArray *)user_data, *row);
    return TRUE;
}

/* Those that cover any part of these seconds. */
static GArray *
query(gint64 since_s, gint64 until_s)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(VigilDecision));
    GError *error = NULL;

    vigil_store_query_decisions(t.store, "door", TEST_WALL_US + since_s * SECOND_US,
                                TEST_WALL_US + until_s * SECOND_US, keep, rows, &error);
    assert_no_error(error);
    return rows;
}

static gint64
count_rows(void)
{
    return store_test_int(&t, "SELECT count(*) FROM decisions");
}

START_TEST(test_round)
{
    VigilDecision given = decision(VIGIL_REASON_ZONE, 7, 10, 14);
    g_autoptr(GArray) rows = NULL;
    const VigilDecision *row;

    set_up();
    given.wanted = "porch, yard";
    add(&given, 1);
    given = decision(VIGIL_REASON_FIRED, 8, 11, 12);
    given.label = NULL;
    g_strlcpy(given.event_id, store_test_id(1), sizeof given.event_id);
    add(&given, 1);
    rows = query(0, 20);
    ck_assert_uint_eq(rows->len, 2);
    row = &g_array_index(rows, VigilDecision, 0); /* by end */
    ck_assert_uint_eq(row->reason, VIGIL_REASON_FIRED);
    ck_assert_str_eq(row->event_id, store_test_id(1));
    ck_assert_ptr_null(row->label);
    ck_assert_ptr_null(row->wanted);
    row = &g_array_index(rows, VigilDecision, 1);
    ck_assert_str_eq(row->camera, "door");
    ck_assert_str_eq(row->rule, "visitor");
    ck_assert_str_eq(row->label, "person");
    ck_assert_uint_eq(row->track_id, 7);
    ck_assert_uint_eq(row->reason, VIGIL_REASON_ZONE);
    ck_assert_str_eq(row->wanted, "porch, yard");
    ck_assert_float_eq(row->value, 0.42f);
    ck_assert_float_eq(row->limit, 0.6f);
    ck_assert_int_eq(row->start_wall_us, TEST_WALL_US + 10 * SECOND_US);
    ck_assert_int_eq(row->end_wall_us, TEST_WALL_US + 14 * SECOND_US);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_which_cover)
{
    const VigilDecision given[] = {decision(VIGIL_REASON_SCORE, 1, 0, 10),
                                   decision(VIGIL_REASON_SCORE, 2, 20, 30),
                                   decision(VIGIL_REASON_SCORE, 3, 5, 3500)};
    static const struct {
        gint64 since, until;
        guint n;
    } asked[] = {{-5, -1, 0}, {-5, 0, 1}, {10, 10, 2}, {11, 19, 1}, {8, 22, 3}, {3501, 9999, 0}};

    set_up();
    add(given, G_N_ELEMENTS(given));
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autoptr(GArray) rows = query(asked[i].since, asked[i].until);

        ck_assert_uint_eq(rows->len, asked[i].n);
    }
    store_test_finish(&t);
}
END_TEST

/* Who stays for hours is a row an hour, not one a minute; another reason is another row. */
START_TEST(test_long_stay)
{
    g_autoptr(GArray) rows = NULL;

    set_up();
    for (gint64 minute = 0; minute < 150; minute++) {
        const VigilDecision given = decision(VIGIL_REASON_CLASS, 1, minute * 60, minute * 60 + 59);

        add(&given, 1);
    }
    ck_assert_int_eq(count_rows(), 3);
    rows = query(100 * 60 + 10, 100 * 60 + 20);
    ck_assert_uint_eq(rows->len, 1);
    {
        const VigilDecision given = decision(VIGIL_REASON_DWELL, 1, 150 * 60, 151 * 60);

        add(&given, 1);
    }
    ck_assert_int_eq(count_rows(), 4);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_twice_the_same)
{
    set_up();
    for (guint round = 0; round < 2; round++)
        for (gint64 minute = 0; minute < 10; minute++) {
            const VigilDecision given[] = {
                decision(VIGIL_REASON_CLASS, 1, minute * 60, minute * 60 + 59),
                decision(VIGIL_REASON_SCORE, 2, minute * 60, minute * 60 + 5)};

            add(given, 2);
        }
    ck_assert_int_eq(count_rows(), 11);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bounds)
{
    GError *error = NULL;
    VigilDecision given = decision(VIGIL_REASON_SCORE, 1, 0, 10);

    set_up();
    add(&given, 1);
    store_test_exec(&t, "UPDATE decisions SET id = 1");
    store_test_exec(&t,
                    "INSERT INTO decisions SELECT id + 200000, camera_id, rule, 2, label, "
                    "start_wall_us, end_wall_us, reason, value, wanted_value, wanted, event_id, "
                    "committed_wall_us FROM decisions");
    ck_assert(vigil_store_enforce_limits(t.store, NULL, &error));
    ck_assert_int_eq(count_rows(), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT track_id FROM decisions"), 2);
    store_test_finish(&t);

    store_test_init(&t, NULL);
    t.options.max_age_us = DAY_US;
    store_test_open(&t);
    /* of 1970: ages count from the time of commit */
    given.start_wall_us = 0;
    given.end_wall_us = SECOND_US;
    add(&given, 1);
    ck_assert(vigil_store_note_presence(t.store, "door", VIGIL_PRESENCE_DOWN, "x", &error));
    ck_assert(vigil_store_enforce_limits(t.store, NULL, &error));
    ck_assert_int_eq(count_rows(), 1);
    store_test_wall_us += 2 * DAY_US;
    store_test_mono_us += 2 * DAY_US;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, &error));
    ck_assert_int_eq(count_rows(), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM camera_states"), 0);
    store_test_finish(&t);
}
END_TEST

static void
pass(gint64 seconds)
{
    store_test_wall_us += seconds * SECOND_US;
    store_test_mono_us += seconds * SECOND_US;
}

static void
note(VigilCameraPresence presence, const gchar *reason)
{
    GError *error = NULL;

    vigil_store_note_presence(t.store, "door", presence, reason, &error);
    assert_no_error(error);
}

START_TEST(test_presence)
{
    g_auto(VigilPresenceInfo) info = {0};
    GError *error = NULL;
    gint64 begin;
    gboolean has;

    set_up();
    begin = store_test_wall_us;
    pass(10);
    note(VIGIL_PRESENCE_UP, NULL);
    pass(10);
    note(VIGIL_PRESENCE_DOWN, "no frame for 5 s");
    pass(5);
    note(VIGIL_PRESENCE_DOWN, "connection refused"); /* is no news */
    pass(5);
    note(VIGIL_PRESENCE_UP, NULL);
    ck_assert(vigil_store_get_presence(t.store, "door", begin + 5 * SECOND_US, &info, &error));
    ck_assert(!info.known && info.running);
    vigil_presence_info_clear(&info);
    ck_assert(vigil_store_get_presence(t.store, "door", begin + 26 * SECOND_US, &info, &error));
    ck_assert(info.known && info.running);
    ck_assert_uint_eq(info.presence, VIGIL_PRESENCE_DOWN);
    ck_assert_str_eq(info.reason, "no frame for 5 s");
    ck_assert_int_eq(info.since_us, begin + 20 * SECOND_US);
    ck_assert_int_eq(info.until_us, begin + 30 * SECOND_US);
    vigil_presence_info_clear(&info);
    ck_assert(vigil_store_get_presence(t.store, "door", begin + 60 * SECOND_US, &info, &error));
    ck_assert_uint_eq(info.presence, VIGIL_PRESENCE_UP);
    ck_assert_int_eq(info.until_us, 0);
    vigil_presence_info_clear(&info);
    ck_assert(vigil_store_get_presence(t.store, "yard", begin + 60 * SECOND_US, &info, &error));
    ck_assert(!info.known);
    pass(10);
    store_test_close(&t);
    pass(100);
    store_test_open(&t);
    vigil_presence_info_clear(&info);
    ck_assert(vigil_store_get_presence(t.store, "door", begin + 90 * SECOND_US, &info, &error));
    ck_assert(!info.running && !info.died);
    ck_assert_int_eq(info.run_ended_us, begin + 40 * SECOND_US);
    vigil_presence_info_clear(&info);
    ck_assert(vigil_store_get_presence(t.store, "door", begin - SECOND_US, &info, &error));
    ck_assert(!info.running && !info.known);
    ck_assert(vigil_store_has_camera(t.store, "door", &has, &error) && has);
    ck_assert(vigil_store_has_camera(t.store, "yard", &has, &error) && !has);
    store_test_finish(&t);
}
END_TEST

/* What a version without these tables wrote can be asked as well. */
START_TEST(test_earlier_version)
{
    g_auto(VigilPresenceInfo) info = {0};
    g_autoptr(GArray) rows = NULL;
    GError *error = NULL;

    set_up();
    store_test_close(&t);
    store_test_exec(&t, "DROP TABLE decisions; DROP TABLE camera_states; PRAGMA user_version = 4");
    t.store = vigil_store_open_reader(t.database, t.clips, &error);
    assert_no_error(error);
    rows = query(0, 10);
    ck_assert_uint_eq(rows->len, 0);
    ck_assert(vigil_store_get_presence(t.store, "door", TEST_WALL_US, &info, &error));
    ck_assert(!info.known);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {test_round,          test_which_cover, test_long_stay,
                                  test_twice_the_same, test_bounds,      test_presence,
                                  test_earlier_version};

    return store_test_main("decisions", tests, G_N_ELEMENTS(tests));
}
