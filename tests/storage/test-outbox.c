/* SPDX-License-Identifier: Apache-2.0 */
/* What is committed is waiting for its destinations, once, in order, and within their bounds. */
#include "tests/storage/store-test.h"

#include <signal.h>
#include <string.h>

#include <glib/gstdio.h>

#include "storage/vigil-outbox.h"
#include "storage/vigil-rebuild-private.h"

static StoreTest t;

static const VigilOutboxDestination boundless[] = {{"a", 0, 0}, {"b", 0, 0}};

static void
open_with(const VigilOutboxDestination *destinations, guint n)
{
    g_autoptr(GError) error = NULL;

    store_test_init(&t, NULL);
    store_test_open(&t);
    ck_assert_msg(vigil_outbox_set_destinations(t.store, destinations, n, &error), "%s",
                  error ? error->message : "");
}

static void
commit(guint number, VigilEventType type)
{
    g_autoptr(VigilEvent) event = store_test_event(number, type);
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_store_commit_event(t.store, event, NULL, &error), "%s",
                  error ? error->message : "");
}

static GPtrArray *
read_after(gint64 after, guint n)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *messages = vigil_outbox_read(t.store, after, n, G_MAXSIZE, &error);

    assert_no_error(error);
    return messages;
}

static VigilOutboxState
state_of(const gchar *name)
{
    VigilOutboxState state = {0};
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_outbox_get_state(t.store, name, &state, &error), "%s",
                  error ? error->message : "");
    return state;
}

static void
acknowledge(const gchar *name, gint64 sequence)
{
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_outbox_acknowledge(t.store, name, sequence, &error), "%s",
                  error ? error->message : "");
}

static void
enforce(void)
{
    g_autoptr(GError) error = NULL;
    guint n;

    do
        ck_assert_msg(vigil_outbox_enforce(t.store, &n, &error), "%s", error ? error->message : "");
    while (n > 0);
}

static void
assert_key(const GPtrArray *messages, guint i, guint number, const gchar *rest)
{
    const VigilOutboxMessage *message = messages->pdata[i];
    g_autofree gchar *key = g_strconcat(store_test_id(number), rest, NULL);

    ck_assert_str_eq(message->key, key);
}

START_TEST(test_without_destinations_nothing_is_kept)
{
    open_with(NULL, 0);
    commit(1, VIGIL_EVENT_BEGIN);
    commit(1, VIGIL_EVENT_END);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_messages_come_in_order_with_their_keys)
{
    g_autoptr(GPtrArray) messages = NULL, rest = NULL;
    g_autoptr(VigilEvent) begin = store_test_event(1, VIGIL_EVENT_BEGIN);
    g_autofree gchar *json = vigil_event_to_json(begin, NULL);
    const VigilOutboxMessage *first;

    open_with(boundless, 1);
    commit(1, VIGIL_EVENT_BEGIN);
    commit(2, VIGIL_EVENT_BEGIN);
    commit(1, VIGIL_EVENT_UPDATE);
    commit(1, VIGIL_EVENT_END);
    commit(2, VIGIL_EVENT_END);
    commit(1, VIGIL_EVENT_UPDATE); /* after the end: changes nothing and is no message */
    messages = read_after(0, 100);
    ck_assert_uint_eq(messages->len, 5);
    assert_key(messages, 0, 1, "-begin-0");
    assert_key(messages, 1, 2, "-begin-0");
    assert_key(messages, 2, 1, "-update-1");
    assert_key(messages, 3, 1, "-end-2");
    assert_key(messages, 4, 2, "-end-1");
    first = messages->pdata[0];
    ck_assert_str_eq(first->json, json);
    ck_assert_str_eq(first->camera, "door");
    ck_assert_int_eq(first->type, VIGIL_EVENT_BEGIN);
    ck_assert_int_eq(first->wall_us, store_test_wall_us);
    rest = read_after(((VigilOutboxMessage *)messages->pdata[2])->sequence, 1);
    ck_assert_uint_eq(rest->len, 1);
    assert_key(rest, 0, 1, "-end-2");
    ck_assert_uint_eq(store_test_check(&t), 0);
    store_test_finish(&t);
}
END_TEST

/* What a rule does not report is in the store, and sent to nobody. */
START_TEST(test_unreported_messages_are_not_sent)
{
    static const VigilEventType types[] = {VIGIL_EVENT_BEGIN, VIGIL_EVENT_UPDATE, VIGIL_EVENT_END};
    g_autoptr(GPtrArray) messages = NULL;

    open_with(boundless, 1);
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(VigilEvent) event = store_test_event(1, types[i]);
        g_autoptr(GError) error = NULL;

        event->unreported = 1u << VIGIL_EVENT_BEGIN | 1u << VIGIL_EVENT_UPDATE;
        ck_assert_msg(vigil_store_commit_event(t.store, event, NULL, &error), "%s",
                      error ? error->message : "");
    }
    messages = read_after(0, 100);
    ck_assert_uint_eq(messages->len, 1);
    assert_key(messages, 0, 1, "-end-2");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events WHERE n_commits = 3"), 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_a_message_names_its_clip)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) messages = NULL;

    open_with(boundless, 1);
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    messages = read_after(0, 10);
    ck_assert_uint_eq(messages->len, 2);
    for (guint i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(
            strstr(((VigilOutboxMessage *)messages->pdata[i])->json, "/door/01KDXTEST"));
    /* the same complete event once more is no news */
    ck_assert(store_test_whole(t.store, 1, 100, &error));
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 2);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bytes_of_a_batch_are_limited)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = NULL, two = NULL, one = NULL;
    gsize length;

    open_with(boundless, 1);
    for (guint i = 1; i <= 5; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    all = read_after(0, 100);
    length = strlen(((VigilOutboxMessage *)all->pdata[0])->json);
    two = vigil_outbox_read(t.store, 0, 100, 2 * length + length / 2, &error);
    ck_assert_uint_eq(two->len, 2);
    one = vigil_outbox_read(t.store, 0, 100, 1, &error);
    ck_assert_uint_eq(one->len, 1);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_each_destination_has_its_place)
{
    g_autoptr(GPtrArray) messages = NULL;

    open_with(boundless, 2);
    for (guint i = 1; i <= 6; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    acknowledge("a", 4);
    ck_assert_int_eq(state_of("a").sent, 4);
    ck_assert_int_eq(state_of("a").waiting, 2);
    ck_assert_int_eq(state_of("b").waiting, 6);
    ck_assert_int_gt(state_of("b").waiting_bytes, state_of("a").waiting_bytes);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 6);
    acknowledge("b", 3);
    acknowledge("b", 2); /* later and less: changes nothing */
    ck_assert_int_eq(state_of("b").sent, 3);
    ck_assert_int_eq(store_test_int(&t, "SELECT min(seq) FROM outbox"), 4);
    store_test_close(&t);

    store_test_open(&t);
    ck_assert_int_eq(state_of("a").passed, 4);
    ck_assert_int_eq(state_of("b").passed, 3);
    messages = read_after(4, 100);
    ck_assert_uint_eq(messages->len, 8); /* 5, 6 and the ends of six events that were open */
    acknowledge("a", 12);
    acknowledge("b", 12);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    ck_assert_int_eq(state_of("a").waiting_bytes, 0);
    ck_assert_int_eq(state_of("a").oldest_wall_us, 0);
    commit(7, VIGIL_EVENT_BEGIN);
    ck_assert_int_eq(state_of("b").waiting, 1);
    ck_assert_int_gt(state_of("b").waiting_bytes, 100);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_interrupted_events_end_for_others_too)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) messages = NULL, after = NULL;
    const VigilOutboxMessage *end;

    open_with(boundless, 1);
    commit(1, VIGIL_EVENT_BEGIN);
    commit(2, VIGIL_EVENT_BEGIN);
    commit(2, VIGIL_EVENT_END);
    store_test_close(&t);
    store_test_open(&t);
    messages = read_after(0, 100);
    ck_assert_uint_eq(messages->len, 4);
    assert_key(messages, 3, 1, "-end-1");
    end = messages->pdata[3];
    ck_assert_int_eq(end->type, VIGIL_EVENT_END);
    ck_assert_ptr_nonnull(strstr(end->json, "\"end_reason\":\"interrupted\""));
    /* a replay takes its place: its messages are others */
    ck_assert(store_test_whole(t.store, 1, 10, &error));
    after = read_after(end->sequence, 100);
    ck_assert_uint_eq(after->len, 2);
    assert_key(after, 0, 1, "-begin-2");
    assert_key(after, 1, 1, "-end-3");
    store_test_finish(&t);
}
END_TEST

START_TEST(test_refused_messages_are_set_aside)
{
    g_autoptr(GError) error = NULL;

    open_with(boundless, 2);
    for (guint i = 1; i <= 4; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    acknowledge("b", 4);
    ck_assert(vigil_outbox_refuse(t.store, "a", 3, "422: no such camera", &error));
    ck_assert_int_eq(state_of("a").sent, 2);
    ck_assert_int_eq(state_of("a").refused, 1);
    ck_assert_int_eq(state_of("a").waiting, 1);
    ck_assert_int_eq(state_of("b").refused, 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM refused WHERE reason = '422: no such "
                                        "camera' AND seq = 3 AND message LIKE '{%}'"),
                     1);
    ck_assert(vigil_outbox_refuse(t.store, "a", 3, "again", &error));
    ck_assert_int_eq(state_of("a").refused, 1);
    ck_assert(!vigil_outbox_refuse(t.store, "nobody", 4, "x", &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_refused_messages_are_bounded)
{
    g_autoptr(GError) error = NULL;

    open_with(boundless, 1);
    for (guint i = 1; i <= 1010; i++) {
        commit(i, VIGIL_EVENT_BEGIN);
        ck_assert(vigil_outbox_refuse(t.store, "a", i, "no", &error));
    }
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM refused"), 1000);
    ck_assert_int_eq(store_test_int(&t, "SELECT min(seq) FROM refused"), 11);
    ck_assert_int_eq(state_of("a").refused, 1010);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_bytes_that_wait_are_bounded)
{
    gint64 each;
    VigilOutboxDestination small[] = {{"a", 0, 0}, {"b", 0, 0}};

    open_with(small, 2);
    commit(1, VIGIL_EVENT_BEGIN);
    each = state_of("a").waiting_bytes;
    small[0].max_bytes = 10 * each + each / 2;
    ck_assert(vigil_outbox_set_destinations(t.store, small, 2, NULL));
    for (guint i = 2; i <= 1000; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    enforce();
    ck_assert_int_le(state_of("a").waiting_bytes, small[0].max_bytes);
    ck_assert_int_eq(state_of("a").waiting, 10);
    ck_assert_int_eq(state_of("a").dropped, 990);
    ck_assert_int_eq(state_of("b").waiting, 1000);
    ck_assert_int_eq(state_of("b").dropped, 0);
    /* what one still waits for is there, and goes in the end */
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 1000);
    acknowledge("b", 1000);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 10);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_age_is_bounded)
{
    const VigilOutboxDestination old = {"a", DAY_US, 0};

    open_with(&old, 1);
    for (guint i = 1; i <= 3; i++) {
        commit(i, VIGIL_EVENT_BEGIN);
        store_test_wall_us += DAY_US / 3;
        store_test_mono_us += DAY_US / 3;
    }
    enforce();
    ck_assert_int_eq(state_of("a").dropped, 0);
    store_test_wall_us += DAY_US / 6;
    store_test_mono_us += DAY_US / 6;
    enforce();
    ck_assert_int_eq(state_of("a").dropped, 1);
    /* a clock that leaps ahead by a year drops nothing */
    store_test_wall_us += 365 * DAY_US;
    enforce();
    ck_assert_int_eq(state_of("a").dropped, 1);
    ck_assert_int_eq(state_of("a").waiting, 2);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_destinations_come_and_go)
{
    const VigilOutboxDestination only_b = {"b", 0, 0};
    VigilOutboxState state;
    g_autoptr(GError) error = NULL;

    open_with(boundless, 1);
    commit(1, VIGIL_EVENT_BEGIN);
    ck_assert(vigil_outbox_set_destinations(t.store, boundless, 2, NULL));
    commit(2, VIGIL_EVENT_BEGIN);
    ck_assert_int_eq(state_of("a").waiting, 2);
    ck_assert_int_eq(state_of("b").waiting, 1); /* from when it was there */
    ck_assert(vigil_outbox_set_destinations(t.store, &only_b, 1, NULL));
    ck_assert(!vigil_outbox_get_state(t.store, "a", &state, &error));
    assert_error(error, VIGIL_STORE_ERROR_NOT_FOUND);
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 1);
    ck_assert(vigil_outbox_set_destinations(t.store, NULL, 0, NULL));
    enforce();
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    commit(3, VIGIL_EVENT_BEGIN);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    ck_assert(vigil_outbox_set_destinations(t.store, boundless, 1, NULL));
    ck_assert_int_eq(state_of("a").waiting, 0);
    ck_assert_int_eq(state_of("a").waiting_bytes, 0);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_within_bounds_nothing_is_written)
{
    gint64 changes;
    guint n;

    open_with(boundless, 2);
    commit(1, VIGIL_EVENT_BEGIN);
    changes = sqlite3_total_changes64(t.store->db);
    ck_assert(vigil_outbox_enforce(t.store, &n, NULL));
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(sqlite3_total_changes64(t.store->db), changes);
    store_test_finish(&t);
}
END_TEST

/* Commits without end and says so; every fourth message is acknowledged. */
static void
work(gint fd, guint number)
{
    store_test_open(&t);
    for (;; number++) {
        g_autoptr(VigilEvent) begin = store_test_event(number, VIGIL_EVENT_BEGIN);
        g_autoptr(VigilEvent) end = store_test_event(number, VIGIL_EVENT_END);

        if (!vigil_store_commit_event(t.store, begin, NULL, NULL) ||
            !vigil_store_commit_event(t.store, end, NULL, NULL))
            _exit(3);
        if (write(fd, &number, sizeof number) != sizeof number)
            _exit(2);
    }
}

START_TEST(test_killed_at_random)
{
    g_autoptr(GRand) random = g_rand_new();
    guint number = 1, told = 0, n_rounds = 20;

    open_with(boundless, 1);
    store_test_close(&t);
    for (guint i = 0; i < n_rounds; i++) {
        gint fds[2];
        pid_t child;

        ck_assert_int_eq(pipe(fds), 0);
        child = fork();
        if (child == 0)
            work(fds[1], number);
        close(fds[1]);
        /* half of them at work, however slow the machine; the others may not have come to that */
        if (i % 2 == 0 && read(fds[0], &number, sizeof number) == sizeof number)
            told++;
        g_usleep((gulong)g_rand_int_range(random, 2000, 40000));
        kill(child, SIGKILL);
        while (read(fds[0], &number, sizeof number) == sizeof number)
            told++;
        close(fds[0]);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        number += 2;
    }
    store_test_open(&t);
    /* each commit of each event has exactly one message, whoever ended it */
    ck_assert_int_eq(
        store_test_int(&t, "SELECT count(*) FROM events e WHERE n_commits <> (SELECT count(*) "
                           "FROM outbox o WHERE o.event_id = e.id)"),
        0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 "
                                        "FROM outbox o WHERE o.event_id = e.id AND type = 'end')"),
                     0);
    ck_assert_int_ge(store_test_int(&t, "SELECT count(*) FROM outbox"), 2 * told);
    ck_assert_int_eq(store_test_int(&t,
                                    "SELECT count(*) - count(DISTINCT event_id || type || number) "
                                    "FROM outbox"),
                     0);
    g_printerr("%u events were acknowledged in %u rounds\n", told, n_rounds);
    ck_assert_uint_ge(told, n_rounds / 2);
    store_test_finish(&t);
}
END_TEST

/* The same after a restart, and another store has another. */
START_TEST(test_installation)
{
    g_autofree gchar *first = NULL, *again = NULL, *other = NULL;

    open_with(boundless, 2);
    first = vigil_outbox_get_installation(t.store);
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(strlen(first), 16);
    store_test_close(&t);
    store_test_open(&t);
    again = vigil_outbox_get_installation(t.store);
    ck_assert_str_eq(first, again);
    store_test_finish(&t);
    open_with(boundless, 2);
    other = vigil_outbox_get_installation(t.store);
    ck_assert_str_ne(first, other);
    store_test_finish(&t);
}
END_TEST

START_TEST(test_frame_size)
{
    gint width = -1, height = -1;

    open_with(boundless, 2);
    ck_assert(!vigil_outbox_get_frame_size(t.store, "door", &width, &height));
    ck_assert_int_eq(width, 0);
    ck_assert(store_test_whole(t.store, 1, 1000, NULL));

    g_autoptr(VigilEvent) event = store_test_event(1, VIGIL_EVENT_BEGIN);

    ck_assert(vigil_outbox_get_frame_size(t.store, event->camera, &width, &height));
    ck_assert_int_eq(width, 640);
    ck_assert_int_eq(height, 480);
    ck_assert(!vigil_outbox_get_frame_size(t.store, "no such camera", &width, &height));
    store_test_finish(&t);
}
END_TEST

/* Nothing is committed to a database that takes the place of a damaged one before it knows where messages go. */
START_TEST(test_renewed_store_knows_its_destinations)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) messages = NULL;
    g_autofree gchar *elsewhere = NULL;
    VigilStore *other;

    open_with(boundless, 2);
    elsewhere = g_build_filename(t.dir, "elsewhere", NULL);
    commit(1, VIGIL_EVENT_BEGIN);
    other = vigil_store_ref(t.store);
    vigil_store_note_damage(t.store);
    /* an attempt that fails forgets nothing */
    ck_assert_int_eq(g_rename(t.clips, elsewhere), 0);
    ck_assert(g_file_set_contents(t.clips, "", 0, NULL));
    t.store = vigil_store_renew(t.store, &error);
    ck_assert(error && vigil_store_has_failed(t.store));
    g_clear_error(&error);
    ck_assert_int_eq(g_unlink(t.clips), 0);
    ck_assert_int_eq(g_rename(elsewhere, t.clips), 0);
    t.store = vigil_store_renew(t.store, &error);
    assert_no_error(error);
    other = vigil_store_renew(other, &error);
    ck_assert_ptr_eq(other, t.store);
    vigil_store_unref(other);
    commit(2, VIGIL_EVENT_BEGIN);
    commit(2, VIGIL_EVENT_END);
    messages = read_after(0, 100);
    ck_assert_uint_eq(messages->len, 2);
    assert_key(messages, 0, 2, "-begin-0");
    ck_assert_int_eq(state_of("a").waiting, 2);
    ck_assert_int_eq(state_of("b").waiting, 2);
    store_test_finish(&t);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        test_without_destinations_nothing_is_kept,
        test_messages_come_in_order_with_their_keys,
        test_unreported_messages_are_not_sent,
        test_a_message_names_its_clip,
        test_bytes_of_a_batch_are_limited,
        test_each_destination_has_its_place,
        test_interrupted_events_end_for_others_too,
        test_refused_messages_are_set_aside,
        test_refused_messages_are_bounded,
        test_bytes_that_wait_are_bounded,
        test_age_is_bounded,
        test_destinations_come_and_go,
        test_within_bounds_nothing_is_written,
        test_installation,
        test_frame_size,
        test_renewed_store_knows_its_destinations,
        test_killed_at_random,
    };

    return store_test_main("outbox", tests, G_N_ELEMENTS(tests));
}
