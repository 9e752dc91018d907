/* SPDX-License-Identifier: Apache-2.0 */
/* Events out of a store, by the pump and HTTP, into a real server. */
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-http-private.h"
#include "pipeline/upload/vigil-upload-patience.h"
#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-redact.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/backend.h"
#include "tests/pipeline/program.h"
#include "tests/pipeline/schema.h"
#include "tests/storage/store-test.h"

#define SECOND_US ((gint64)G_USEC_PER_SEC)

static StoreTest t;
static gchar *folder;
static VigilUploadPump *pump;
static GPtrArray *uploads; /* (element-type VigilUploadSettings): as the configuration says */

static void
setup(void)
{
    folder = folder_new();
    store_test_init(&t, NULL);
    store_test_open(&t);
}

static void
teardown(void)
{
    g_clear_pointer(&pump, vigil_upload_pump_free);
    g_clear_pointer(&uploads, g_ptr_array_unref);
    store_test_finish(&t);
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

/* The destination `b`. @more: further lines of it */
static void
configure(const gchar *url, const gchar *more)
{
    g_autofree gchar *path =
        folder_write(folder, "c.yaml",
                     "model: {path: m.tflite}\n"
                     "cameras: [{name: door, source: 'file:///x.mp4', rules: [{name: r}]}]\n"
                     "uploads:\n  - name: b\n    url: %s\n    source: hut\n%s",
                     url, more);
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilSettings) settings = vigil_settings_load(path, &error);

    ck_assert_msg(settings != NULL, "%s", error ? error->message : "");
    g_clear_pointer(&uploads, g_ptr_array_unref);
    uploads = g_ptr_array_ref(settings->uploads);
}

static void
start(void)
{
    VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();

    options.first_wait_ms = 20;
    options.longest_wait_ms = 100;
    options.tick_ms = 100;
    pump = vigil_upload_pump_new(t.store, uploads, NULL, &options);
}

static void
stop(void)
{
    g_clear_pointer(&pump, vigil_upload_pump_free);
}

static void
commit(guint number, VigilEventType type)
{
    g_autoptr(VigilEvent) event = store_test_event(number, type);
    g_autoptr(GError) error = NULL;

    ck_assert_msg(vigil_store_commit_event(t.store, event, NULL, &error), "%s",
                  error ? error->message : "");
}

static VigilOutboxState
get_state(void)
{
    VigilOutboxState state = {0};

    ck_assert(vigil_outbox_get_state(t.store, "b", &state, NULL));
    return state;
}

static JsonObject *
describe(JsonNode **node)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    vigil_upload_pump_describe(pump, json);
    *node = json_builder_get_root(json);
    return json_array_get_object_element(json_node_get_array(*node), 0);
}

/* What the status says is done with; it lags behind the store. */
static gint64
count_told(void)
{
    g_autoptr(JsonNode) node = NULL;
    JsonObject *status = describe(&node);

    return json_object_get_int_member(status, "sent") +
           json_object_get_int_member(status, "refused") +
           json_object_get_int_member(status, "dropped");
}

static void
wait_until_done(gint64 n)
{
    const gint64 until = g_get_monotonic_time() + 20 * SECOND_US;
    VigilOutboxState state;

    do {
        g_usleep(5000);
        state = get_state();
    } while ((state.sent + state.refused + state.dropped < n || (pump && count_told() < n)) &&
             g_get_monotonic_time() < until);
    ck_assert_int_eq(state.sent + state.refused + state.dropped, n);
}

/* (transfer full): the last error, once it failed so often */
static gchar *
wait_for_failures(gint64 n)
{
    for (guint i = 0; i < 2000; i++) {
        g_autoptr(JsonNode) node = NULL;
        JsonObject *status = describe(&node);

        if (json_object_get_int_member(status, "failures") >= n)
            return g_strdup(json_object_get_string_member(status, "last_error"));
        g_usleep(10000);
    }
    ck_abort_msg("it did not fail");
    return NULL;
}

/* All keys of all requests that were answered, one after the other, joined by spaces. */
static gchar *
join_keys(Backend *backend, guint from)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = from; i < backend_get_n(backend); i++) {
        g_autofree gchar *keys = g_strjoinv(" ", backend_get(backend, i)->keys);

        g_string_append_printf(all, "%s%s", all->len ? " " : "", keys);
    }
    return g_string_free(g_steal_pointer(&all), FALSE);
}

static gchar *
expect_keys(guint first, guint last)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = first; i <= last; i++)
        g_string_append_printf(all, "%s%s-begin-0", all->len ? " " : "", store_test_id(i));
    return g_string_free(g_steal_pointer(&all), FALSE);
}

/* --- what is sent -------------------------------------------------------------------------- */

START_TEST(test_a_batch_is_what_the_schema_says)
{
    Backend *backend = backend_new(NULL, NULL);
    g_autoptr(JsonNode) schema = schema_load("batch.json"), event = schema_load("event.json");
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *wrong = NULL;
    const BackendRequest *request;
    JsonArray *events;

    ck_assert_ptr_nonnull(schema);
    configure(backend_get_url(backend), "    batch: 10\n");
    ck_assert(
        vigil_outbox_set_destinations(t.store, &(VigilOutboxDestination){.name = "b"}, 1, NULL));
    for (guint i = 1; i <= 5; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    commit(1, VIGIL_EVENT_END);
    start();
    wait_until_done(6);
    ck_assert_uint_eq(backend_get_n(backend), 1);
    request = backend_get(backend, 0);
    ck_assert(request->gzip);
    ck_assert_str_eq(soup_message_headers_get_one(request->headers, "Content-Type"),
                     "application/json");
    ck_assert_ptr_null(soup_message_headers_get_one(request->headers, "Authorization"));
    ck_assert(g_str_has_prefix(soup_message_headers_get_one(request->headers, "Idempotency-Key"),
                               "\"batch-6-"));
    root = json_from_string(request->body, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_object_get_string_member(json_node_get_object(root), "source"), "hut");
    events = json_object_get_array_member(json_node_get_object(root), "events");
    ck_assert_uint_eq(json_array_get_length(events), 6);
    for (guint i = 0; i < 6; i++) {
        g_clear_pointer(&wrong, g_free);
        wrong = schema_check(event, json_array_get_element(events, i));
        /* the ids of the tests' tracks are larger than JSON-GLib's integers */
        ck_assert_msg(wrong == NULL || g_str_equal(wrong, "$.track: minimum"), "%s", wrong);
        ck_assert(!json_object_has_member(json_array_get_object_element(events, i), "snapshot"));
    }
    ck_assert_str_eq(request->keys[0], "01KDXTEST00000000000000001-begin-0");
    ck_assert_str_eq(request->keys[5], "01KDXTEST00000000000000001-end-1");
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    backend_free(backend);
}
END_TEST

START_TEST(test_news_are_sent_at_once)
{
    Backend *backend = backend_new(NULL, NULL);
    VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();
    gint64 begun;

    configure(backend_get_url(backend), "");
    options.tick_ms = 60 * 1000;
    pump = vigil_upload_pump_new(t.store, uploads, NULL, &options);
    for (guint i = 1; i <= 3; i++) {
        g_usleep(50000);
        begun = g_get_monotonic_time();
        commit(i, VIGIL_EVENT_BEGIN);
        backend_wait(backend, i);
        ck_assert_int_lt(backend_get(backend, i - 1)->time_us - begun, 5 * SECOND_US);
        ck_assert_str_eq(
            soup_message_headers_get_one(backend_get(backend, i - 1)->headers, "Idempotency-Key") +
                27,
            "-begin-0\"");
    }
    wait_until_done(3);
    backend_free(backend);
}
END_TEST

START_TEST(test_batches_are_bounded_and_in_order)
{
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *keys = NULL, *expected = expect_keys(1, 95);

    configure(backend_get_url(backend), "    batch: 10\n");
    start();
    for (guint i = 1; i <= 95; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    wait_until_done(95);
    for (guint i = 0; i < backend_get_n(backend); i++)
        ck_assert_uint_le(g_strv_length(backend_get(backend, i)->keys), 10);
    keys = join_keys(backend, 0);
    ck_assert_str_eq(keys, expected);
    backend_free(backend);
}
END_TEST

START_TEST(test_snapshots_go_only_where_asked)
{
    static const guint8 jpeg[] = {0xff, 0xd8, 1, 2, 3, 0xff, 0xd9};
    g_autofree gchar *text = g_base64_encode(jpeg, sizeof jpeg);
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *member = g_strdup_printf(",\"snapshot\":\"%s\"}", text);

    configure(backend_get_url(backend), "    snapshots: true\n");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    commit(1, VIGIL_EVENT_END);
    wait_until_done(2);
    stop();
    configure(backend_get_url(backend), "");
    start();
    commit(2, VIGIL_EVENT_END);
    wait_until_done(3);
    ck_assert_uint_eq(count_text(backend_get(backend, backend_get_n(backend) - 2)->body, member),
                      1);
    ck_assert_uint_eq(count_text(backend_get(backend, 0)->body, "\"type\":\"begin\""), 1);
    ck_assert_uint_eq(
        count_text(backend_get(backend, backend_get_n(backend) - 1)->body, "snapshot"), 0);
    backend_free(backend);
}
END_TEST

/* --- what fails ---------------------------------------------------------------------------- */

/* 503 twice, then a second of patience by 429. */
static void
answer_busy(guint number, const BackendRequest *request, SoupServerMessage *message, gpointer data)
{
    if (number < 2)
        soup_server_message_set_status(message, 503, NULL);
    if (number != 2)
        return;
    soup_server_message_set_status(message, 429, NULL);
    soup_message_headers_append(soup_server_message_get_response_headers(message), "Retry-After",
                                "1");
}

START_TEST(test_a_busy_server_is_tried_again)
{
    Backend *backend = backend_new(answer_busy, NULL);
    g_autoptr(JsonNode) node = NULL;
    g_autofree gchar *error = NULL;
    JsonObject *status;

    configure(backend_get_url(backend), "");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    backend_wait(backend, 3);
    error = wait_for_failures(3);
    ck_assert_ptr_nonnull(strstr(error, "429"));
    status = describe(&node);
    ck_assert_str_eq(json_object_get_string_member(status, "state"), "failing");
    ck_assert_int_eq(json_object_get_int_member(status, "failures"), 3);
    ck_assert_int_eq(json_object_get_int_member(status, "waiting"), 1);
    ck_assert(json_object_has_member(status, "next_attempt"));
    wait_until_done(1);
    ck_assert_uint_eq(backend_get_n(backend), 4);
    for (guint i = 0; i < 4; i++) {
        const BackendRequest *request = backend_get(backend, i);

        ck_assert_uint_eq(g_strv_length(request->keys), 1);
        ck_assert_str_eq(soup_message_headers_get_one(request->headers, "Idempotency-Key"),
                         "\"01KDXTEST00000000000000001-begin-0\"");
    }
    ck_assert_int_ge(backend_get(backend, 3)->time_us - backend_get(backend, 2)->time_us,
                     SECOND_US);
    g_clear_pointer(&node, json_node_unref);
    status = describe(&node);
    ck_assert_str_eq(json_object_get_string_member(status, "state"), "idle");
    ck_assert_int_eq(json_object_get_int_member(status, "sent"), 1);
    backend_free(backend);
}
END_TEST

/* Two of the messages are never taken. */
static void
answer_picky(guint number, const BackendRequest *request, SoupServerMessage *message, gpointer data)
{
    static const gchar says[] = "no such\ncamera";

    if (!g_strv_contains((const gchar *const *)request->keys,
                         "01KDXTEST00000000000000007-begin-0") &&
        !g_strv_contains((const gchar *const *)request->keys, "01KDXTEST00000000000000020-begin-0"))
        return;
    soup_server_message_set_status(message, 422, NULL);
    soup_server_message_set_response(message, "text/plain", SOUP_MEMORY_STATIC, says, strlen(says));
}

START_TEST(test_only_what_is_refused_is_set_aside)
{
    Backend *backend = backend_new(answer_picky, NULL);
    VigilOutboxState state;

    configure(backend_get_url(backend), "    batch: 32\n");
    ck_assert(
        vigil_outbox_set_destinations(t.store, &(VigilOutboxDestination){.name = "b"}, 1, NULL));
    for (guint i = 1; i <= 32; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    start();
    wait_until_done(32);
    state = get_state();
    ck_assert_int_eq(state.refused, 2);
    ck_assert_int_eq(state.sent, 30);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM refused WHERE seq IN (7, 20) AND "
                                        "reason LIKE '422 %: no such camera'"),
                     2);
    ck_assert_uint_lt(backend_get_n(backend), 32);
    backend_free(backend);
}
END_TEST

static void
answer_locked(guint number, const BackendRequest *request, SoupServerMessage *message,
              gpointer data)
{
    const gchar *token = soup_message_headers_get_one(request->headers, "Authorization");

    if (g_strcmp0(token, "Bearer Neu-4711") == 0)
        return;
    soup_server_message_set_status(message, 401, NULL);
    soup_server_message_set_response(message, "text/plain", SOUP_MEMORY_COPY, token,
                                     token ? strlen(token) : 0);
}

START_TEST(test_a_token_that_expired_loses_nothing)
{
    Backend *backend = backend_new(answer_locked, NULL);
    g_autofree gchar *path = folder_write(folder, "token", "Alt-Geheim77\n");
    g_autofree gchar *error = NULL;

    ck_assert_ptr_nonnull(path);
    configure(backend_get_url(backend), "    token: ./token\n");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    error = wait_for_failures(2);
    ck_assert_ptr_nonnull(strstr(error, "401"));
    ck_assert_ptr_null(strstr(error, "Geheim77"));
    ck_assert_int_eq(get_state().waiting, 1);
    g_free(folder_write(folder, "token", "Neu-4711\n"));
    wait_until_done(1);
    ck_assert_int_eq(get_state().sent, 1);
    backend_free(backend);
}
END_TEST

START_TEST(test_a_token_that_is_missing_or_broken)
{
    static const gchar *const texts[] = {NULL, "", "two words\n", "a\"b\n"};
    Backend *backend = backend_new(NULL, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree gchar *error = NULL;

        if (texts[i])
            g_free(folder_write(folder, "token", "%s", texts[i]));
        configure(backend_get_url(backend), "    token: ./token\n");
        start();
        if (i == 0)
            commit(1, VIGIL_EVENT_BEGIN);
        error = wait_for_failures(1);
        ck_assert_ptr_nonnull(strstr(error, "token"));
        stop();
    }
    ck_assert_uint_eq(backend_get_n(backend), 0);
    ck_assert_int_eq(get_state().waiting, 1);
    backend_free(backend);
}
END_TEST

static void
answer_elsewhere(guint number, const BackendRequest *request, SoupServerMessage *message,
                 gpointer data)
{
    soup_server_message_set_redirect(message, 307, data);
}

START_TEST(test_redirections_are_not_followed)
{
    Backend *other = backend_new(NULL, NULL);
    Backend *backend = backend_new(answer_elsewhere, (gpointer)backend_get_url(other));
    g_autofree gchar *path = folder_write(folder, "token", "Geheim77\n");
    g_autofree gchar *error = NULL;

    ck_assert_ptr_nonnull(path);
    configure(backend_get_url(backend), "    token: ./token\n");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    error = wait_for_failures(2);
    ck_assert_uint_eq(backend_get_n(other), 0);
    ck_assert_ptr_nonnull(strstr(error, backend_get_url(other)));
    ck_assert_int_eq(get_state().waiting, 1);
    backend_free(backend);
    backend_free(other);
}
END_TEST

/* The first answers break off, at places that differ. */
static void
answer_partly(guint number, const BackendRequest *request, SoupServerMessage *message,
              gpointer data)
{
    static const gchar *const parts[] = {
        "", "HT", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"};
    g_autoptr(GIOStream) stream = NULL;

    if (number >= G_N_ELEMENTS(parts))
        return;
    stream = soup_server_message_steal_connection(message);
    g_output_stream_write_all(g_io_stream_get_output_stream(stream), parts[number],
                              strlen(parts[number]), NULL, NULL, NULL);
    g_io_stream_close(stream, NULL, NULL);
}

START_TEST(test_answers_that_break_off_are_no_answers)
{
    Backend *backend = backend_new(answer_partly, NULL);

    configure(backend_get_url(backend), "");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    wait_until_done(1);
    ck_assert_uint_ge(backend_get_n(backend), 6);
    for (guint i = 0; i < backend_get_n(backend); i++)
        ck_assert_str_eq(backend_get(backend, i)->keys[0], "01KDXTEST00000000000000001-begin-0");
    backend_free(backend);
}
END_TEST

static void
answer_at_length(guint number, const BackendRequest *request, SoupServerMessage *message,
                 gpointer data)
{
    const gsize size = 64 * 1024 * 1024;

    soup_server_message_set_response(message, "text/plain", SOUP_MEMORY_TAKE, g_malloc0(size),
                                     size);
}

START_TEST(test_a_long_answer_is_not_read)
{
    Backend *backend = backend_new(answer_at_length, NULL);

    configure(backend_get_url(backend), "");
    start();
    for (guint i = 1; i <= 3; i++) {
        commit(i, VIGIL_EVENT_BEGIN);
        wait_until_done(i);
    }
    ck_assert_uint_eq(backend_get_n(backend), 3);
    backend_free(backend);
}
END_TEST

static void
answer_never(guint number, const BackendRequest *request, SoupServerMessage *message, gpointer data)
{
    if (number == 0)
        soup_server_message_pause(message);
}

START_TEST(test_a_silent_server_is_left)
{
    Backend *backend = backend_new(answer_never, NULL);

    configure(backend_get_url(backend), "    timeout: 1s\n");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    wait_until_done(1);
    ck_assert_uint_eq(backend_get_n(backend), 2);
    ck_assert_int_ge(backend_get(backend, 1)->time_us - backend_get(backend, 0)->time_us,
                     SECOND_US / 2);
    backend_free(backend);
}
END_TEST

/* As on a line that is too slow for more within the timeout. */
static void
answer_few(guint number, const BackendRequest *request, SoupServerMessage *message, gpointer data)
{
    if (g_strv_length(request->keys) > 3)
        soup_server_message_set_status(message, 504, NULL);
}

START_TEST(test_what_is_too_much_at_once_is_sent_in_parts)
{
    Backend *backend = backend_new(answer_few, NULL);

    configure(backend_get_url(backend), "    batch: 20\n");
    ck_assert(
        vigil_outbox_set_destinations(t.store, &(VigilOutboxDestination){.name = "b"}, 1, NULL));
    for (guint i = 1; i <= 20; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    start();
    wait_until_done(20);
    ck_assert_int_eq(get_state().sent, 20);
    backend_free(backend);
}
END_TEST

START_TEST(test_it_stops_at_once_and_goes_on_later)
{
    Backend *backend = backend_new(answer_never, NULL);
    g_autofree gchar *first = NULL, *again = NULL;
    gint64 begun;

    configure(backend_get_url(backend), "");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    commit(2, VIGIL_EVENT_BEGIN);
    backend_wait(backend, 1);
    begun = g_get_monotonic_time();
    stop();
    ck_assert_int_lt(g_get_monotonic_time() - begun, SECOND_US);
    store_test_close(&t);
    store_test_open(&t); /* ends both events as interrupted */
    start();
    wait_until_done(4);
    first = g_strjoinv(" ", backend_get(backend, 0)->keys);
    again = join_keys(backend, 1);
    ck_assert_msg(g_str_has_prefix(again, first), "%s\n%s", first, again);
    ck_assert_str_eq(again, "01KDXTEST00000000000000001-begin-0 01KDXTEST00000000000000002-begin-0 "
                            "01KDXTEST00000000000000001-end-1 01KDXTEST00000000000000002-end-1");
    backend_free(backend);
}
END_TEST

static void
answer_without_gzip(guint number, const BackendRequest *request, SoupServerMessage *message,
                    gpointer data)
{
    if (request->gzip)
        soup_server_message_set_status(message, 415, NULL);
}

START_TEST(test_a_server_without_gzip)
{
    Backend *backend = backend_new(answer_without_gzip, NULL);

    configure(backend_get_url(backend), "");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    wait_until_done(1);
    ck_assert_int_eq(get_state().refused, 0);
    ck_assert(backend_get(backend, 0)->gzip && !backend_get(backend, 1)->gzip);
    backend_free(backend);
}
END_TEST

START_TEST(test_nobody_listens)
{
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *url = g_strdup(backend_get_url(backend)), *error = NULL;
    g_autoptr(JsonNode) node = NULL;

    backend_free(backend);
    configure(url, "");
    start();
    commit(1, VIGIL_EVENT_BEGIN);
    error = wait_for_failures(2);
    ck_assert_ptr_nonnull(strstr(error, "onnect"));
    ck_assert_str_eq(json_object_get_string_member(describe(&node), "state"), "failing");
    ck_assert_int_eq(get_state().waiting, 1);
}
END_TEST

START_TEST(test_what_is_too_much_is_dropped_and_counted)
{
    g_autoptr(JsonNode) node = NULL;

    configure("http://127.0.0.1:1/a?key=Geheim", "    max_bytes: 100kB\n");
    start();
    for (guint i = 1; i <= 1000; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    for (guint i = 0;
         i < 2000 && (get_state().waiting_bytes > 100000 || count_told() < get_state().dropped);
         i++)
        g_usleep(10000);
    ck_assert_int_gt(get_state().dropped, 500);
    ck_assert_int_le(get_state().waiting_bytes, 100000);
    ck_assert_int_eq(get_state().dropped + get_state().waiting, 1000);
    ck_assert_int_eq(json_object_get_int_member(describe(&node), "dropped"), get_state().dropped);
    ck_assert_str_eq(json_object_get_string_member(
                         json_array_get_object_element(json_node_get_array(node), 0), "url"),
                     "http://127.0.0.1:1");
}
END_TEST

/* The next one has no destinations, and counts its messages from 1. */
START_TEST(test_it_goes_on_with_another_database)
{
    static const gchar *const ends[] = {"", "-wal", "-shm"};
    Backend *backend = backend_new(NULL, NULL);
    g_autofree gchar *keys = NULL, *wanted = expect_keys(7, 9);
    g_autoptr(JsonNode) node = NULL;
    VigilOutboxState state;

    configure(backend_get_url(backend), "");
    start();
    for (guint i = 1; i <= 6; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    wait_until_done(6);
    const guint n_requests = backend_get_n(backend);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree gchar *path = g_strconcat(t.database, ends[i], NULL);

        g_remove(path);
    }
    g_atomic_int_set(&t.store->failed, 1);
    t.store = vigil_store_renew(t.store, NULL);
    for (guint i = 0; i < 2000 && !vigil_outbox_get_state(t.store, "b", &state, NULL); i++)
        g_usleep(10000);
    ck_assert_int_eq(get_state().passed, 0);
    for (guint i = 7; i <= 9; i++)
        commit(i, VIGIL_EVENT_BEGIN);
    wait_until_done(3);
    keys = join_keys(backend, n_requests);
    ck_assert_str_eq(keys, wanted);
    ck_assert_str_eq(json_object_get_string_member(describe(&node), "state"), "idle");
    backend_free(backend);
}
END_TEST

/* --- TLS ------------------------------------------------------------------------------------- */

/* (nullable): a file with certificate and key, for 127.0.0.1 */
static gchar *
make_certificate(const gchar *name)
{
    gchar *path = g_build_filename(folder, name, NULL);
    const gchar *argv[] = {"openssl",
                           "req",
                           "-x509",
                           "-newkey",
                           "ec",
                           "-pkeyopt",
                           "ec_paramgen_curve:prime256v1",
                           "-nodes",
                           "-keyout",
                           path,
                           "-out",
                           path,
                           "-days",
                           "30",
                           "-subj",
                           "/CN=c",
                           "-addext",
                           "subjectAltName=IP:127.0.0.1",
                           NULL};
    g_autoptr(GSubprocess) process =
        g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);

    if (process && g_subprocess_wait_check(process, NULL, NULL) &&
        g_tls_backend_supports_tls(g_tls_backend_get_default()))
        return path;
    g_printerr("SKIP: no certificates can be made here\n");
    g_free(path);
    return NULL;
}

/* What the destination says of its first failure. */
static gchar *
get_failure(const gchar *url, const gchar *more)
{
    configure(url, more);
    start();
    return wait_for_failures(1);
}

START_TEST(test_certificates_are_judged)
{
    g_autofree gchar *pem = make_certificate("server.pem"), *other = make_certificate("other.pem");
    g_autofree gchar *failure = NULL, *wrong = NULL;
    Backend *backend;

    if (!pem || !other)
        return;
    backend = backend_new_tls(NULL, NULL, pem, NULL);
    ck_assert(
        vigil_outbox_set_destinations(t.store, &(VigilOutboxDestination){.name = "b"}, 1, NULL));
    commit(1, VIGIL_EVENT_BEGIN);
    failure = get_failure(backend_get_url(backend), "");
    ck_assert_msg(strstr(failure, "certificate"), "%s", failure);
    stop();
    wrong = get_failure(backend_get_url(backend), "    tls: {ca: other.pem}\n");
    ck_assert_msg(strstr(wrong, "certificate"), "%s", wrong);
    stop();
    ck_assert_uint_eq(backend_get_n(backend), 0);
    configure(backend_get_url(backend), "    tls: {ca: server.pem}\n");
    start();
    wait_until_done(1);
    backend_free(backend);
}
END_TEST

START_TEST(test_clients_have_certificates)
{
    g_autofree gchar *pem = make_certificate("server.pem"), *client = make_certificate("me.pem");
    g_autofree gchar *failure = NULL;
    Backend *backend;

    if (!pem || !client)
        return;
    backend = backend_new_tls(NULL, NULL, pem, client);
    ck_assert(
        vigil_outbox_set_destinations(t.store, &(VigilOutboxDestination){.name = "b"}, 1, NULL));
    commit(1, VIGIL_EVENT_BEGIN);
    failure = get_failure(backend_get_url(backend), "    tls: {ca: server.pem}\n");
    stop();
    ck_assert_uint_eq(backend_get_n(backend), 0);
    configure(backend_get_url(backend), "    tls: {ca: server.pem, cert: me.pem, key: me.pem}\n");
    start();
    wait_until_done(1);
    backend_free(backend);
}
END_TEST

/* --- pure ------------------------------------------------------------------------------------ */

START_TEST(test_what_answers_mean)
{
    static const struct {
        guint status;
        VigilUploadOutcome outcome;
        const gchar *after, *date;
        gint64 seconds;
    } cases[] = {
        {200, VIGIL_UPLOAD_SENT, NULL, NULL, 0},
        {201, VIGIL_UPLOAD_SENT, NULL, NULL, 0},
        {204, VIGIL_UPLOAD_SENT, "5", NULL, 0},
        {302, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {400, VIGIL_UPLOAD_REFUSED, "5", NULL, 0},
        {401, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {403, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {404, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {408, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {409, VIGIL_UPLOAD_REFUSED, NULL, NULL, 0},
        {413, VIGIL_UPLOAD_REFUSED, NULL, NULL, 0},
        {422, VIGIL_UPLOAD_REFUSED, NULL, NULL, 0},
        {425, VIGIL_UPLOAD_RETRY, "0", NULL, 0},
        {429, VIGIL_UPLOAD_RETRY, "120", NULL, 120},
        {500, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {503, VIGIL_UPLOAD_RETRY, "-5", NULL, 0},
        {503, VIGIL_UPLOAD_RETRY, "soon", NULL, 0},
        {503, VIGIL_UPLOAD_RETRY, "99999999999999999999", NULL, 0},
        {503, VIGIL_UPLOAD_RETRY, "Fri, 02 Jan 2026 03:05:05 GMT", NULL, 60},
        /* the server's clock is an hour ahead */
        {503, VIGIL_UPLOAD_RETRY, "Fri, 02 Jan 2026 04:05:05 GMT", "Fri, 02 Jan 2026 04:04:05 GMT",
         60},
        {503, VIGIL_UPLOAD_RETRY, "Fri, 02 Jan 2026 03:00:00 GMT", NULL, 0},
        {599, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
        {700, VIGIL_UPLOAD_RETRY, NULL, NULL, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
        g_autofree gchar *reason = NULL;
        VigilUploadResult result;

        if (cases[i].after)
            soup_message_headers_append(headers, "Retry-After", cases[i].after);
        if (cases[i].date)
            soup_message_headers_append(headers, "Date", cases[i].date);
        result =
            vigil_upload_http_judge(cases[i].status, headers, "x\1y\xff", TEST_WALL_US, &reason);
        ck_assert_msg(result.outcome == cases[i].outcome, "%u", cases[i].status);
        ck_assert_msg(result.retry_after_us == cases[i].seconds * SECOND_US, "%u %s: %f s",
                      cases[i].status, cases[i].after, result.retry_after_us / 1e6);
        ck_assert((reason == NULL) == (result.outcome == VIGIL_UPLOAD_SENT));
        ck_assert(!reason || g_utf8_validate(reason, -1, NULL));
        ck_assert(!reason || !strchr(reason, '\1'));
        soup_message_headers_unref(headers);
    }
}
END_TEST

START_TEST(test_no_secret_is_cut_in_two)
{
    SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
    VigilRedactHold *hold = NULL;
    g_autofree gchar *reason = NULL;
    gchar text[300];

    vigil_redact_hold(&hold, "Geheim77Geheim88");
    memset(text, 'x', sizeof text);
    g_strlcpy(text + 190, "Geheim77Geheim88", sizeof text - 190);
    vigil_upload_http_judge(500, headers, text, TEST_WALL_US, &reason);
    ck_assert_ptr_nonnull(strstr(reason, "xxx"));
    ck_assert_ptr_null(strstr(reason, "Gehei"));
    vigil_redact_release(&hold);
    soup_message_headers_unref(headers);
}
END_TEST

START_TEST(test_patience_grows_with_jitter)
{
    gint64 last = 0;

    for (guint n = 1; n < 100; n++) {
        const gint64 least = vigil_upload_patience(n, 1000, 300000, 0, 0);
        const gint64 most = vigil_upload_patience(n, 1000, 300000, 0, 1);

        ck_assert_int_eq(most, MIN(SECOND_US << MIN(n - 1, 20), 300 * SECOND_US));
        ck_assert_int_eq(least, most / 2);
        ck_assert_int_ge(most, last);
        last = most;
    }
    ck_assert_int_eq(vigil_upload_patience(1, 1000, 300000, 7 * SECOND_US, 1), 7 * SECOND_US);
    ck_assert_int_eq(vigil_upload_patience(1, 1000, 300000, G_MAXINT64, 1), 86400 * SECOND_US);
    ck_assert_int_eq(vigil_upload_patience(1, 1000, 300000, -5, 1), SECOND_US);
}
END_TEST

gint
main(void)
{
    Suite *suite = suite_create("upload-http");
    TCase *tests = tcase_create("http");
    const TTest *const all[] = {
        test_a_batch_is_what_the_schema_says,
        test_news_are_sent_at_once,
        test_batches_are_bounded_and_in_order,
        test_snapshots_go_only_where_asked,
        test_a_busy_server_is_tried_again,
        test_only_what_is_refused_is_set_aside,
        test_a_token_that_expired_loses_nothing,
        test_a_token_that_is_missing_or_broken,
        test_redirections_are_not_followed,
        test_answers_that_break_off_are_no_answers,
        test_a_long_answer_is_not_read,
        test_a_silent_server_is_left,
        test_what_is_too_much_at_once_is_sent_in_parts,
        test_it_stops_at_once_and_goes_on_later,
        test_a_server_without_gzip,
        test_nobody_listens,
        test_what_is_too_much_is_dropped_and_counted,
        test_it_goes_on_with_another_database,
        test_certificates_are_judged,
        test_clients_have_certificates,
        test_what_answers_mean,
        test_no_secret_is_cut_in_two,
        test_patience_grows_with_jitter,
    };
    SRunner *runner;
    gint n_failed;

    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(tests, setup, teardown);
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        tcase_add_test(tests, all[i]);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed ? 1 : 0;
}
