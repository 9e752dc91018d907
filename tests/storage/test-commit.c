/* SPDX-License-Identifier: Apache-2.0 */
/* Events into the store and out again, and what happens when the same ones come twice. */
#include "tests/storage/store-test.h"

static StoreTest t;

static gboolean
keep_event(const VigilEventRow *row, gpointer user_data)
{
    VigilEvent **kept = user_data;

    ck_assert_ptr_null(*kept);
    *kept = vigil_event_ref((VigilEvent *)row->event);
    return TRUE;
}

static VigilEvent *
read_back(VigilStore *store, guint number)
{
    const VigilEventQuery query = {.id = store_test_id(number), .with_path = TRUE};
    g_autoptr(GError) error = NULL;
    VigilEvent *event = NULL;

    ck_assert(vigil_store_query_events(store, &query, keep_event, &event, &error));
    ck_assert_ptr_nonnull(event);
    return event;
}

static void
assert_equal_json(VigilEvent *a, VigilEvent *b)
{
    g_autofree gchar *a_text = vigil_event_to_json(a, "clip"),
                     *b_text = vigil_event_to_json(b, "clip");

    ck_assert_str_eq(a_text, b_text);
}

START_TEST(test_event_comes_back_as_it_went)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    g_autoptr(VigilEvent) open = NULL, ended = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 100, &error);
    assert_no_error(error);
    open = read_back(t.store, 1);
    assert_equal_json(open, begin);
    ck_assert_ptr_null(open->path);
    ck_assert(store_test_end(t.store, 1, clip, &error));
    ended = read_back(t.store, 1);
    assert_equal_json(ended, end);
    ck_assert_uint_eq(ended->track_id, end->track_id);
    ck_assert_int_eq(ended->pre_ns, end->pre_ns);
    ck_assert_int_eq(ended->post_ns, end->post_ns);
    ck_assert_int_eq(ended->trigger_ns, end->trigger_ns);
    ck_assert_int_eq(ended->end_reason, VIGIL_END_GONE);
    ck_assert_ptr_eq(ended->camera, end->camera);
    ck_assert_uint_eq(ended->path->len, end->path->len);
    for (guint i = 0; i < end->path->len; i++) {
        const VigilPathPoint *a = &g_array_index(ended->path, VigilPathPoint, i);
        const VigilPathPoint *b = &g_array_index(end->path, VigilPathPoint, i);

        ck_assert_int_eq(a->time_ns, b->time_ns);
        ck_assert_float_eq_tol(a->box.x0, b->box.x0, 1.0f / 32767);
        ck_assert_float_eq_tol(a->box.y1, b->box.y1, 1.0f / 32767);
        ck_assert_float_eq_tol(a->score, b->score, 0.5f / 255 + 1e-6f);
    }
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_two_events_share_a_clip)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) second = store_test_event(3, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) second_end = store_test_event(3, VIGIL_EVENT_END);
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 100, &error);
    ck_assert(vigil_store_commit_event(t.store, second, clip, &error));
    ck_assert(vigil_store_commit_event(t.store, second_end, NULL, &error));
    ck_assert(!vigil_store_has_event(t.store, store_test_id(3), NULL)); /* its clip goes on */
    ck_assert(store_test_end(t.store, 1, clip, &error));
    ck_assert(vigil_store_has_event(t.store, store_test_id(3), NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM clips"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(DISTINCT clip_id) FROM events"), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_end_without_begin_is_kept)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) back = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    /* it wants a clip and has none: a replay shall make it */
    ck_assert(!vigil_store_has_event(t.store, end->id, NULL));
    /* and a begin that comes late opens nothing again */
    ck_assert(vigil_store_commit_event(t.store, begin, NULL, &error));
    back = read_back(t.store, 1);
    ck_assert_int_eq(back->type, VIGIL_EVENT_END);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_event_without_recording)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    g_autofree gchar *path = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    end->record = FALSE;
    ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    ck_assert(vigil_store_has_event(t.store, end->id, &path));
    ck_assert_ptr_null(path);
    ck_assert(!vigil_store_has_event(t.store, "nothing", &path));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_replay_of_a_complete_event_changes_nothing)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), &path));
    ck_assert_ptr_nonnull(path);
    /* one that records all the same: the store keeps the footage that it has */
    clip = store_test_begin(t.store, 1, 50, &error);
    assert_no_error(error);
    ck_assert_str_ne(vigil_clip_get_path(clip), path);
    ck_assert(store_test_end(t.store, 1, clip, &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips"), 100);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* The file goes on where the program was told to stop: the next replay sees the whole event. */
START_TEST(test_stopped_event_is_recorded_again)
{
    g_autoptr(VigilEvent) stopped = store_test_event(1, VIGIL_EVENT_END);
    g_autoptr(GError) error = NULL;
    VigilClip *clip;

    store_test_init(&t, NULL);
    store_test_open(&t);
    clip = store_test_begin(t.store, 1, 100, &error);
    assert_no_error(error);
    stopped->end_reason = VIGIL_END_STOPPED;
    ck_assert(vigil_store_commit_event(t.store, stopped, clip, &error));
    ck_assert(vigil_store_finish_clip(t.store, clip, &store_test_info, &error));
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert(store_test_whole(t.store, 1, 250, &error));
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips"), 250);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* As after kill -9: rows are there, nobody ended them. */
static void
abandon_run(StoreTest *test, guint number, gsize bytes)
{
    const pid_t child = fork();

    if (child == 0) {
        g_autoptr(GError) error = NULL;

        store_test_open(test);
        store_test_begin(test->store, number, bytes, &error);
        _exit(error ? 1 : 0);
    }
    gint status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(test_interrupted_event_is_replaced)
{
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    abandon_run(&t, 1, 70);
    store_test_open(&t);
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM events WHERE end_reason = 'interrupted'"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips WHERE state = 'cut'"), 70);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert(vigil_store_set_pinned(t.store, store_test_id(1), TRUE, &error));
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT pinned FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM garbage"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT bytes FROM clips WHERE state = 'complete'"), 100);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* The camera's pipeline fails and is built again in the same process. */
START_TEST(test_event_of_a_dead_recorder_is_replaced)
{
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    vigil_store_abandon_clip(t.store, store_test_begin(t.store, 1, 70, &error));
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(bytes) FROM clips"), 100);
    ck_assert_uint_eq(store_test_count_files(&t), 1);
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_clip_that_vanished_is_recorded_again)
{
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path = NULL, *file = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), &path));
    file = g_build_filename(t.clips, path, NULL);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert(!vigil_store_has_event(t.store, store_test_id(1), NULL));
    store_test_close(&t);
    store_test_open(&t);
    ck_assert(store_test_whole(t.store, 1, 60, &error));
    assert_no_error(error);
    ck_assert(vigil_store_has_event(t.store, store_test_id(1), NULL));
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_values_that_cannot_be_stored)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) event = store_test_event(1, VIGIL_EVENT_BEGIN);

    store_test_init(&t, NULL);
    store_test_open(&t);
    event->id[0] = '\0';
    ck_assert(!vigil_store_commit_event(t.store, event, NULL, &error));
    assert_error(error, VIGIL_STORE_ERROR_INVALID);
    g_clear_error(&error);
    ck_assert(!vigil_store_set_pinned(t.store, "nothing", TRUE, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    /* and the store goes on */
    ck_assert(store_test_whole(t.store, 1, 10, &error));
    store_test_finish(&t);
}
END_TEST

START_TEST(test_models_and_outcomes)
{
    const guint32 counts[VIGIL_N_OUTCOME_COUNTS] = {
        [VIGIL_OUTCOME_INFERRED] = 50, [VIGIL_OUTCOME_SKIPPED_RATE] = 200};
    const gint64 minute = 60 * (gint64)G_USEC_PER_SEC;
    guint64 sums[VIGIL_N_OUTCOME_COUNTS], n;
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    for (guint i = 0; i < 3; i++)
        ck_assert(vigil_store_note_model(t.store, "door", "ssd", i < 2 ? "aa" : "bb", &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM models"), 2);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM camera_models"), 2);
    ck_assert(vigil_store_add_outcomes(t.store, "door", TEST_WALL_US, counts, &error));
    ck_assert(vigil_store_add_outcomes(t.store, "door", TEST_WALL_US + 1, counts, &error));
    ck_assert(vigil_store_add_outcomes(t.store, "door", TEST_WALL_US + minute, counts, &error));
    ck_assert(vigil_store_add_outcomes(t.store, "door", -1, counts, &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT min(minute_wall_us) FROM outcomes"), -minute);
    ck_assert(vigil_store_get_outcomes(t.store, "door", TEST_WALL_US - minute, TEST_WALL_US, sums,
                                       &error));
    ck_assert_uint_eq(sums[VIGIL_OUTCOME_INFERRED], 100);
    ck_assert_uint_eq(sums[VIGIL_OUTCOME_SKIPPED_RATE], 400);
    ck_assert_uint_eq(sums[VIGIL_OUTCOME_FAILED], 0);
    ck_assert(vigil_store_get_outcomes(t.store, "door", -minute, G_MAXINT64, sums, &error));
    ck_assert_uint_eq(sums[VIGIL_OUTCOME_INFERRED], 200);
    ck_assert(vigil_store_get_minutes(t.store, "door", -minute, G_MAXINT64, &n, &error));
    ck_assert_uint_eq(n, 3);
    ck_assert(vigil_store_get_minutes(t.store, "door", 0, TEST_WALL_US, &n, &error));
    ck_assert_uint_eq(n, 1);
    ck_assert(vigil_store_get_minutes(t.store, "yard", -minute, G_MAXINT64, &n, &error));
    ck_assert_uint_eq(n, 0);
    store_test_finish(&t);
}
END_TEST

static guint
count_label(const gchar *label)
{
    const VigilEventQuery query = {.camera = "door", .label = label};
    g_autoptr(GError) error = NULL;
    VigilEvent *event = NULL;
    guint n;

    ck_assert(vigil_store_query_events(t.store, &query, keep_event, &event, &error));
    n = event != NULL;
    g_clear_pointer(&event, vigil_event_unref);
    return n;
}

START_TEST(test_end_may_change_what_is_indexed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) end = store_test_event(1, VIGIL_EVENT_END);
    g_autoptr(VigilEvent) ended = NULL;

    end->label = g_intern_string("bear");
    end->rule = g_intern_string("other");
    end->start_wall_us -= 1000;
    end->zones[0] = g_intern_string("yard");
    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert(vigil_store_commit_event(t.store, begin, NULL, &error));
    ck_assert_uint_eq(count_label("person"), 1);
    ck_assert(vigil_store_commit_event(t.store, end, NULL, &error));
    ended = read_back(t.store, 1);
    assert_equal_json(ended, end);
    ck_assert_uint_eq(count_label("person"), 0);
    ck_assert_uint_eq(count_label("bear"), 1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM event_places WHERE name = 'yard' "
                                        "AND start_wall_us = (SELECT start_wall_us FROM events)"),
                     1);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                        "integrity_check <> 'ok'"),
                     0);
    store_test_finish(&t);
}
END_TEST

static gint
count_written_pages(void)
{
    gint n, highest;

    ck_assert_int_eq(
        sqlite3_db_status(t.store->db, SQLITE_DBSTATUS_CACHE_WRITE, &n, &highest, TRUE), SQLITE_OK);
    return n;
}

/* Each index that an update names is one more page in the log, though what it holds stays the same. */
START_TEST(test_update_leaves_indexes_alone)
{
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    g_autoptr(VigilEvent) update = store_test_event(1, VIGIL_EVENT_UPDATE);
    gint n_begin, n_update;

    store_test_init(&t, NULL);
    store_test_open(&t);
    count_written_pages();
    ck_assert(vigil_store_commit_event(t.store, begin, NULL, NULL));
    n_begin = count_written_pages();
    update->end_ns += 1000;
    ck_assert(vigil_store_commit_event(t.store, update, NULL, NULL));
    n_update = count_written_pages();
    ck_assert_int_ge(n_begin, 10);
    ck_assert_msg(n_update > 0 && n_update <= 4, "%d pages for an update", n_update);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_event_comes_back_as_it_went,
        test_two_events_share_a_clip,
        test_end_without_begin_is_kept,
        test_event_without_recording,
        test_replay_of_a_complete_event_changes_nothing,
        test_stopped_event_is_recorded_again,
        test_interrupted_event_is_replaced,
        test_event_of_a_dead_recorder_is_replaced,
        test_clip_that_vanished_is_recorded_again,
        test_values_that_cannot_be_stored,
        test_models_and_outcomes,
        test_end_may_change_what_is_indexed,
        test_update_leaves_indexes_alone,
    };

    return store_test_main("commit", tests, G_N_ELEMENTS(tests));
}
