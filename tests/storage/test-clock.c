/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a camera, from its filter into the store, while the wall clock jumps and the stream begins anew: none is lost,
 * no two have the same id, nothing is deleted before its age, and afterwards ages count on.
 */
#include "events/vigil-event-filter.h"
#include "tests/storage/store-test.h"
#include "tests/support/vigil-test-size.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define HOUR_US (3600 * (gint64)G_USEC_PER_SEC)
#define N_VISITS 20
#define MINUTE_NS (60 * SECOND)
#define VISIT_MINUTES 3

static StoreTest t;
static GHashTable *ids;
static guint n_begun, n_ended;

/* Commits it with a clip of its own. */
static void
on_event(VigilEvent *event, gpointer user_data)
{
    VigilClip **clip = user_data;
    g_autoptr(GError) error = NULL;

    if (event->type == VIGIL_EVENT_BEGIN) {
        ck_assert_msg(g_hash_table_add(ids, g_strdup(event->id)), "%s twice", event->id);
        n_begun++;
        *clip = vigil_store_create_clip(t.store, event->camera, event->id, event->start_wall_us,
                                        &error);
        ck_assert_msg(*clip && vigil_clip_write(*clip, "clip", 4, &error), "%s",
                      error ? error->message : "");
    }
    ck_assert_msg(vigil_store_commit_event(t.store, event, *clip, &error), "%s",
                  error ? error->message : "");
    if (event->type != VIGIL_EVENT_END)
        return;
    n_ended++;
    ck_assert(vigil_store_finish_clip(t.store, g_steal_pointer(clip), &store_test_info, &error));
}

static VigilEventFilter *
new_filter(guint64 nonce, VigilClip **clip)
{
    static const gchar yaml[] =
        "rules: [{name: visitor, classes: [person], dwell: 1s, end_after: 2s}]";
    g_autoptr(VigilYaml) root = vigil_yaml_parse(yaml, strlen(yaml), "r.yaml", NULL);
    g_autoptr(VigilRules) rules = vigil_rules_from_yaml(root, NULL);
    VigilEventFilterOptions options = vigil_event_filter_options_defaults();

    ck_assert_ptr_nonnull(rules);
    options.camera = g_intern_string("door");
    options.wall_base_us = store_test_wall_us;
    options.run_nonce = nonce;
    return vigil_event_filter_new(rules, &options, on_event, clip);
}

/* Somebody is there for the first five seconds of that minute of the stream; then time passes. */
static void
visit(VigilEventFilter *filter, guint minute)
{
    for (guint i = 0; i < 80; i++) {
        const VigilTrack person = {.id = minute + 1,
                                   .box = {0.3f, 0.2f, 0.5f, 0.8f},
                                   .score = 0.9f,
                                   .label = g_intern_static_string("person"),
                                   .observed = TRUE};

        vigil_event_filter_update(filter, minute * MINUTE_NS + i * SECOND / 10,
                                  VIGIL_OUTCOME_INFERRED, &person, i < 50 ? 1 : 0);
    }
    store_test_wall_us += MINUTE_NS / 1000;
    store_test_mono_us += MINUTE_NS / 1000;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
}

/* A stream from its begin, with a jump of the clock in the middle of it. */
static void
stream(guint64 nonce, gint64 jump_us)
{
    VigilClip *clip = NULL;
    g_autoptr(VigilEventFilter) filter = new_filter(nonce, &clip);

    for (guint minute = 0; minute < N_VISITS; minute++) {
        if (minute == N_VISITS / 2)
            store_test_wall_us += jump_us;
        visit(filter, minute);
    }
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
}

static void
pass(gint64 wall_us, gint64 mono_us)
{
    store_test_wall_us += wall_us;
    store_test_mono_us += mono_us;
    ck_assert(vigil_store_enforce_limits(t.store, NULL, NULL));
}

static void
assert_all_there(const gchar *after)
{
    ck_assert_uint_eq(n_begun, n_ended);
    ck_assert_msg(store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = 'gone'") ==
                      n_ended,
                  "events are missing after %s", after);
    ck_assert_uint_eq(store_test_count_files(&t), n_ended);
    ck_assert_uint_eq(store_test_check(&t), 0);
}

static void
set_up(void)
{
    store_test_wall_us = TEST_WALL_US;
    store_test_mono_us = HOUR_US;
    n_begun = n_ended = 0;
    ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    store_test_init(&t, NULL);
    t.options.max_age_us = 7 * DAY_US;
    store_test_open(&t);
}

static void
tear_down(void)
{
    store_test_finish(&t);
    g_hash_table_unref(ids);
}

static const struct {
    const gchar *name;
    gint64 us;
} jumps[] = {
    {"a year ahead", 366 * DAY_US}, {"a year back", -366 * DAY_US},     {"an hour ahead", HOUR_US},
    {"an hour back", -HOUR_US},     {"a second back", -G_USEC_PER_SEC}, {"1970", -TEST_WALL_US},
};

START_TEST(test_jumps)
{
    set_up();
    stream(1, 0);
    stream(2, jumps[_i].us);
    assert_all_there(jumps[_i].name);
    /* the stream begins anew, at the very time at which one has begun before */
    store_test_wall_us = TEST_WALL_US;
    stream(3, 0);
    store_test_wall_us = TEST_WALL_US;
    stream(4, jumps[_i].us);
    pass(6 * DAY_US, 6 * DAY_US);
    assert_all_there("six days");
    /* nothing stands still */
    pass(DAY_US + HOUR_US, DAY_US + 2 * HOUR_US);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 0);
    ck_assert_uint_eq(store_test_count_files(&t), 0);
    vigil_test_figure("clock %s: %u events, 0 lost, 0 ids twice, 0 deleted before their age",
                      jumps[_i].name, n_ended);
    tear_down();
}
END_TEST

/* The program is started again after the jump, in the same boot. */
START_TEST(test_jumps_between_runs)
{
    set_up();
    stream(1, 0);
    store_test_close(&t);
    store_test_wall_us += jumps[_i].us;
    store_test_open(&t);
    stream(2, 0);
    stream(3, -jumps[_i].us);
    pass(6 * DAY_US, 6 * DAY_US);
    assert_all_there(jumps[_i].name);
    pass(DAY_US + HOUR_US, DAY_US + 2 * HOUR_US);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 0);
    tear_down();
}
END_TEST

/* A machine that sleeps: both clocks go on, so what it has is older afterwards, and no more than that. */
START_TEST(test_suspend)
{
    set_up();
    stream(1, 0);
    pass(6 * DAY_US, 6 * DAY_US);
    stream(2, 0);
    assert_all_there("six days of sleep");
    pass(2 * DAY_US, 2 * DAY_US);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), N_VISITS);
    tear_down();
}
END_TEST

/* What stands beside an event to judge its times by. */
START_TEST(test_rows_say_what_their_clock_was)
{
    struct timex state = {0};
    const gint known = adjtimex(&state) >= 0; /* a container may not be allowed to ask */

    store_test_wall_us = TEST_WALL_US;
    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 10, NULL));
    store_test_close(&t);
    ck_assert_int_eq(store_test_int(&t, "SELECT clock_synced IS NULL FROM events"), 1);
    t.options.now_func = NULL;
    t.store = vigil_store_open(&t.options, NULL);
    ck_assert(store_test_whole(t.store, 2, 10, NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events e JOIN runs r ON r.id = "
                                        "e.run_id WHERE length(r.boot_id) = 36 AND "
                                        "e.committed_mono_us > 0 AND abs(e.committed_mono_us + "
                                        "r.wall_offset_us - e.committed_wall_us) < 1000000"),
                     2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(clock_synced) FROM events"), known);
    store_test_finish(&t);
}
END_TEST

/* --- years of running, in short ------------------------------------------------------------------------------ */

typedef struct {
    gint64 resident, sqlite, wal; /* bytes */
    guint n_descriptors, n_threads;
} Usage;

static guint
count_entries(const gchar *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    return n;
}

static Usage
measure(void)
{
    g_autofree gchar *wal = g_strconcat(t.database, "-wal", NULL);
    g_autofree gchar *statm = NULL;
    struct stat info = {0};
    gint64 pages = 0;

    ck_assert(g_file_get_contents("/proc/self/statm", &statm, NULL, NULL));
    ck_assert_int_eq(sscanf(statm, "%*d %" G_GINT64_FORMAT, &pages), 1);
    ck_assert_int_eq(stat(wal, &info), 0);
    return (Usage){.resident = pages * sysconf(_SC_PAGESIZE),
                   .sqlite = sqlite3_memory_used(),
                   .wal = info.st_size,
                   .n_descriptors = count_entries("/proc/self/fd"),
                   .n_threads = count_entries("/proc/self/task")};
}

START_TEST(test_many_days)
{
    static const guint32 counts[VIGIL_N_OUTCOME_COUNTS] = {1, 2};
    const guint n_days = vigil_test_size(2, 30), n_minutes = n_days * 24 * 60;
    /* in the short form a day: until then caches fill, which is much of a few days, and little of many */
    const guint warm_minutes = vigil_test_size(24 * 60, 60);
    VigilClip *clip = NULL;
    g_autoptr(VigilEventFilter) filter = NULL;
    Usage first = {0}, last = {0};
    gint64 wal = 0;
    gdouble growth, own;

    set_up();
    t.store->max_age_us = 3 * DAY_US;
    filter = new_filter(1, &clip);
    for (guint minute = 0; minute < n_minutes; minute += VISIT_MINUTES) {
        visit(filter, minute);
        pass((VISIT_MINUTES - 1) * MINUTE_NS / 1000, (VISIT_MINUTES - 1) * MINUTE_NS / 1000);
        ck_assert(vigil_store_add_outcomes(t.store, "door", store_test_wall_us, counts, NULL));
        last = measure();
        wal = MAX(wal, last.wal);
        if (minute == warm_minutes)
            first = last;
    }
    vigil_event_filter_finish(filter, VIGIL_END_STREAM);
    growth = (gdouble)(last.resident - first.resident) / 1e6 * 24 * 60 / (n_minutes - warm_minutes);
    /* SQLite's cache has a bound, which a few days do not reach */
    own =
        growth - (gdouble)(last.sqlite - first.sqlite) / 1e6 * 24 * 60 / (n_minutes - warm_minutes);
    ck_assert_uint_eq(n_ended, n_minutes / VISIT_MINUTES);
    ck_assert_int_le(store_test_int(&t, "SELECT count(*) FROM events"),
                     3 * 24 * 60 / VISIT_MINUTES + 2);
    ck_assert_uint_eq(store_test_check(&t), 0);
    ck_assert_uint_eq(last.n_descriptors, first.n_descriptors);
    ck_assert_uint_eq(last.n_threads, first.n_threads);
    ck_assert_msg(own < 1 && (n_days <= 3 || growth < 1),
                  "resident memory grows by %.2f MB a day, without SQLite's by %.2f MB", growth,
                  own);
    ck_assert_int_lt(last.sqlite, 8 * 1000 * 1000);
    ck_assert_int_le(wal, 16 * 1000 * 1000);
    vigil_test_figure(
        "%u simulated days, %u events: resident memory +%.3f MB a day after the first %u hours, "
        "%u descriptors and %u threads as after it, log of at most %.2f MB",
        n_days, n_ended, growth, warm_minutes / 60, last.n_descriptors, last.n_threads,
        (gdouble)wal / 1e6);
    tear_down();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");
    SRunner *runner;
    gint failed;

    tcase_add_loop_test(tcase, test_jumps, 0, G_N_ELEMENTS(jumps));
    tcase_add_loop_test(tcase, test_jumps_between_runs, 0, G_N_ELEMENTS(jumps));
    tcase_add_test(tcase, test_suspend);
    tcase_add_test(tcase, test_rows_say_what_their_clock_was);
    tcase_add_test(tcase, test_many_days);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
