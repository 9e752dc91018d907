/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mosquitto that is away, then killed or told to stop again and again, and a sender that is killed as often: each message
 * of each event reaches a subscriber in the end, what comes twice has its key, and those of a camera come in their order.
 *
 * The sender is this program as `sender`: a store, the pump, and events as fast as they go, each of which takes its part of 24 hours by
 * the store's clock.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/broker.h"
#include "tests/pipeline/program.h"
#include "tests/storage/store-test.h"
#include "tests/support/vigil-test-size.h"

#define DONE_WAIT_S 900
#define N_CAMERAS 2

static StoreTest t;

/* --- the sender ---------------------------------------------------------------------------- */

static VigilUploadPump *
start_pump(const gchar *url, const gchar *folder)
{
    VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path =
        folder_write(folder, "c.yaml",
                     "model: {path: m.tflite}\n"
                     "cameras: [{name: a, source: 'file:///x.mp4', rules: [{name: r}]}]\n"
                     "uploads: [{name: b, url: '%s', batch: 20, timeout: 5s, max_bytes: 1GB}]\n",
                     url);
    g_autoptr(VigilSettings) settings = vigil_settings_load(path, &error);

    if (!settings)
        g_error("%s", error->message);
    options.first_wait_ms = 10;
    options.longest_wait_ms = 100;
    options.tick_ms = 100;
    return vigil_upload_pump_new(t.store, settings->uploads, settings->cameras, &options);
}

static void
commit(guint number, VigilEventType type)
{
    g_autoptr(VigilEvent) event = store_test_event(number, type);
    g_autoptr(GError) error = NULL;

    if (!vigil_store_commit_event(t.store, event, NULL, &error))
        g_error("%s", error->message);
}

static void
set_paths(const gchar *dir)
{
    t.dir = (gchar *)dir;
    t.database = g_build_filename(dir, "events.db", NULL);
    t.clips = g_build_filename(dir, "clips", NULL);
    t.options =
        (VigilStoreOptions){.database = t.database, .clips = t.clips, .now_func = store_test_wall};
}

static void
write_file(const gchar *dir, const gchar *name, guint value)
{
    g_autofree gchar *path = g_build_filename(dir, name, NULL);
    g_autofree gchar *text = g_strdup_printf("%u", value);

    /* by another name first: a kill leaves the old one */
    g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, NULL);
}

static guint
read_number(const gchar *dir, const gchar *name)
{
    g_autofree gchar *path = g_build_filename(dir, name, NULL);
    g_autofree gchar *text = read_text(path);

    return (guint)g_ascii_strtoull(text, NULL, 10);
}

static guint
get_rss_kb(void)
{
    g_autofree gchar *text = NULL;
    gulong pages = 0;

    if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
        sscanf(text, "%*u %lu", &pages);
    return (guint)(pages * (gulong)sysconf(_SC_PAGESIZE) / 1024);
}

static gint
be_sender(const gchar *url, const gchar *dir, guint n_events)
{
    const gint64 step_us = DAY_US / n_events;
    VigilOutboxState state = {.waiting = 1};
    g_autoptr(GError) error = NULL;
    VigilUploadPump *pump;
    guint number = read_number(dir, "begun") + 1, first_rss = 0;

    set_paths(dir);
    store_test_wall_us += number * step_us;
    store_test_mono_us = store_test_wall_us;
    t.store = vigil_store_open(&t.options, &error);
    if (!t.store)
        g_error("%s", error->message);
    pump = start_pump(url, dir);
    for (guint n = 0; number <= n_events; number++, n++) {
        write_file(dir, "begun", number);
        commit(number, VIGIL_EVENT_BEGIN);
        store_test_wall_us += step_us;
        store_test_mono_us += step_us;
        commit(number, VIGIL_EVENT_END);
        /* so that kills find it at work */
        g_usleep(vigil_test_size(12000, 4000));
        if (n == 200)
            first_rss = get_rss_kb();
    }
    while (state.waiting > 0) {
        g_usleep(10000);
        vigil_outbox_get_state(t.store, "b", &state, NULL);
    }
    if (first_rss)
        write_file(dir, "growth", MAX(get_rss_kb(), first_rss) - first_rss);
    vigil_upload_pump_free(pump);
    store_test_close(&t);
    return state.dropped || state.refused ? 3 : 0;
}

/* --- the test ------------------------------------------------------------------------------ */

static GSubprocess *
start_sender(const Broker *broker, guint n_events)
{
    g_autofree gchar *output = g_build_filename(t.dir, "sender.out", NULL);
    g_autofree gchar *number = g_strdup_printf("%u", n_events);
    g_autofree gchar *url = g_strdup_printf("mqtt://127.0.0.1:%u", broker->port);
    g_autofree gchar *program = g_file_read_link("/proc/self/exe", NULL);
    const gchar *const argv[] = {program, "sender", url, t.dir, number, NULL};

    return program_start_argv(output, output, argv);
}

static void
kill_sender(GSubprocess **sender)
{
    g_subprocess_force_exit(*sender);
    g_subprocess_wait(*sender, NULL, NULL);
    g_clear_object(sender);
}

typedef struct {
    GHashTable *seen; /* keys, borrowed */
    guint n_again, n_disorder;
} Result;

/* EVENT-TYPE-NUMBER: events of a camera follow each other without overlap, and their ids are their order. */
static void
take_key(Result *self, const gchar *key, guint64 last[N_CAMERAS])
{
    g_auto(GStrv) parts = g_strsplit(key, "-", 3);
    const guint64 event = g_ascii_strtoull(parts[0] + strlen("01KDXTEST00000000000"), NULL, 10);
    const guint64 place = event * 100 + g_ascii_strtoull(parts[2], NULL, 10);

    if (!g_hash_table_add(self->seen, (gpointer)key)) {
        self->n_again++;
        return;
    }
    if (place <= last[event % N_CAMERAS])
        self->n_disorder++;
    last[event % N_CAMERAS] = place;
}

static Result
read_result(Listener *listener)
{
    Result result = {.seen = g_hash_table_new(g_str_hash, g_str_equal)};
    guint64 last[N_CAMERAS] = {0};

    for (guint i = 0; i < listener_count(listener); i++) {
        const Heard *heard = listener_get(listener, i);

        if (g_str_has_prefix(heard->topic, "vigil/events/")) {
            ck_assert_ptr_nonnull(heard->key);
            take_key(&result, heard->key, last);
        }
    }
    return result;
}

static guint
wait_for_messages(Listener *listener, guint n, gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);
    guint n_seen = 0;

    do {
        Result result = read_result(listener);

        n_seen = g_hash_table_size(result.seen);
        g_hash_table_unref(result.seen);
        g_usleep(100000);
    } while (n_seen < n && g_get_monotonic_time() < until);
    return n_seen;
}

static void
run_kills(Broker *broker, GSubprocess **sender, Listener *listener, guint n_kills, guint n_events)
{
    GRand *random = g_rand_new();
    guint n_sender = n_kills, n_broker = n_kills;

    while (n_sender + n_broker > 0) {
        g_usleep((gulong)g_rand_int_range(random, 60, 400) * 1000);
        if ((guint)g_rand_int_range(random, 0, (gint)(n_sender + n_broker)) < n_sender) {
            n_sender--;
            kill_sender(sender);
            *sender = start_sender(broker, n_events);
        } else {
            broker_stop(broker, n_broker-- % 2 ? SIGKILL : SIGTERM);
            broker_start(broker);
            listener_wait_subscribed(listener);
        }
    }
    g_rand_free(random);
}

START_TEST(test_a_day_of_kills)
{
    const guint n_kills = vigil_test_size(3, 20), n_events = vigil_test_size(300, 10000);
    const gint64 begun = g_get_monotonic_time();
    GSubprocess *sender;
    Listener *listener;
    guint n_messages, n_seen;
    Broker broker;
    Result result;

    store_test_init(&t, NULL);
    if (!broker_prepare(&broker, t.dir, "allow_anonymous true\n"))
        return;
    /* a backend makes itself known before anything is sent, and the broker does not forget it */
    broker_start(&broker);
    listener = listener_new(broker.port, "vigil/#");
    g_subprocess_send_signal(broker.process, SIGUSR1);
    g_usleep(500000);
    broker_stop(&broker, SIGTERM);

    /* the broker is away for the first part of the day */
    sender = start_sender(&broker, n_events);
    g_usleep(G_USEC_PER_SEC);
    kill_sender(&sender);
    sender = start_sender(&broker, n_events);
    g_usleep(G_USEC_PER_SEC / 2);
    broker_start(&broker);
    listener_wait_subscribed(listener);
    run_kills(&broker, &sender, listener, n_kills, n_events);
    ck_assert_int_eq(program_wait_exit(sender, DONE_WAIT_S), 0);
    g_clear_object(&sender);

    n_messages = (guint)store_test_int(&t, "SELECT sum(n_commits) FROM events");
    n_seen = wait_for_messages(listener, n_messages, 60.0);
    result = read_result(listener);
    vigil_test_figure(
        "uploads by MQTT, 24 simulated hours, %u kills of the sender and %u of mosquitto: "
        "%" G_GINT64_FORMAT " events, %u messages, %u missing, 0 twice by key (%u came again and "
        "were known), %u out of order; memory of the last sender grew by %u kB; %.1f s",
        n_kills + 1, n_kills, store_test_int(&t, "SELECT count(*) FROM events"), n_messages,
        n_messages - n_seen, result.n_again, result.n_disorder, read_number(t.dir, "growth"),
        (gdouble)(g_get_monotonic_time() - begun) / 1e6);
    ck_assert_uint_eq(n_seen, n_messages);
    ck_assert_int_ge(store_test_int(&t, "SELECT count(*) FROM events"), n_events - n_kills - 1);
    ck_assert_uint_eq(result.n_disorder, 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(dropped + refused) FROM destinations"), 0);
    ck_assert_uint_lt(read_number(t.dir, "growth"), 16 * 1024);
    g_hash_table_unref(result.seen);
    listener_free(listener);
    broker_clear(&broker);
    store_test_finish(&t);
}
END_TEST

int
main(int argc, char **argv)
{
    const TTest *const tests[] = {test_a_day_of_kills};

    if (argc == 5 && g_str_equal(argv[1], "sender"))
        return be_sender(argv[2], argv[3], (guint)g_ascii_strtoull(argv[4], NULL, 10));
    return store_test_main("upload-mqtt-kill", tests, G_N_ELEMENTS(tests));
}
