/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend that is down for a day and then killed again and again, and a sender that is killed as often: each message of
 * each event is there in the end, once, and those of a camera in their order.
 *
 * The sender is this program as `sender`: a store, the pump, and events as fast as they go, each of which takes its part of
 * 24 hours by the store's clock. The backend is this program as `backend`: it notes what it has by its key.
 */
#include <fcntl.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/backend.h"
#include "tests/pipeline/program.h"
#include "tests/storage/store-test.h"
#include "tests/support/vigil-test-size.h"

#define PORT_WAIT_S 20
#define DONE_WAIT_S 600
/* Events that a process has committed before its memory is looked at: caches are full then. */
#define WARM_EVENTS 100

static StoreTest t;

/* --- the sender ---------------------------------------------------------------------------- */

static void note(const gchar *path, const gchar *format, ...) G_GNUC_PRINTF(2, 3);

/* What was written is there after a SIGKILL. */
static void
note(const gchar *path, const gchar *format, ...)
{
    const gint fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    g_autofree gchar *line = NULL;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    if (fd < 0 || write(fd, line, strlen(line)) != (gssize)strlen(line))
        g_error("cannot write %s", path);
    close(fd);
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

static VigilUploadPump *
start_pump(const gchar *url, const gchar *folder)
{
    VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();
    g_autoptr(GError) error = NULL;
    g_autofree gchar *path =
        folder_write(folder, "c.yaml",
                     "model: {path: m.tflite}\n"
                     "cameras: [{name: a, source: 'file:///x.mp4', rules: [{name: r}]}]\n"
                     "uploads: [{name: b, url: '%s', batch: 10, max_bytes: 1GB}]\n",
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

/* Two cameras, an event of each open at a time. */
static void
commit_pair(guint number, gint64 step_us)
{
    for (guint i = 0; i < 2; i++)
        commit(number + i, VIGIL_EVENT_BEGIN);
    store_test_wall_us += 2 * step_us;
    store_test_mono_us += 2 * step_us;
    for (guint i = 0; i < 2; i++)
        commit(number + i, VIGIL_EVENT_END);
}

/* 0 before there is a store. Also for the sender, which is no test. */
static gint64
ask(const gchar *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    gint64 value = 0;

    if (sqlite3_open_v2(t.database, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, 5000);
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW)
            value = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
    return value;
}

static gint64
count_events(void)
{
    return ask("SELECT count(*) FROM events");
}

static gint
be_sender(const gchar *url, const gchar *dir, guint n_events)
{
    g_autofree gchar *log = g_build_filename(dir, "sender.log", NULL);
    const gint64 step_us = DAY_US / n_events;
    VigilOutboxState state = {.waiting = 1};
    g_autoptr(GError) error = NULL;
    VigilUploadPump *pump;
    guint number;

    t.dir = (gchar *)dir;
    t.database = g_build_filename(dir, "events.db", NULL);
    t.clips = g_build_filename(dir, "clips", NULL);
    t.options =
        (VigilStoreOptions){.database = t.database, .clips = t.clips, .now_func = store_test_wall};
    /* numbers go on in pairs, whichever of one the last process had got to */
    number =
        ((guint)ask("SELECT coalesce(max(substr(id, -6) + 0), 0) FROM events") + 1) / 2 * 2 + 1;
    store_test_wall_us += number * step_us;
    store_test_mono_us = store_test_wall_us;
    t.store = vigil_store_open(&t.options, &error);
    if (!t.store)
        g_error("%s", error->message);
    pump = start_pump(url, dir);
    for (guint n = 0; number <= n_events; number += 2, n += 2) {
        commit_pair(number, step_us);
        if (n >= WARM_EVENTS && n % 20 == 0)
            note(log, "%d %u %u\n", getpid(), number, get_rss_kb());
        g_usleep(500);
    }
    while (state.waiting > 0) {
        g_usleep(10000);
        vigil_outbox_get_state(t.store, "b", &state, NULL);
        note(log, "%d %u %u\n", getpid(), number, get_rss_kb());
    }
    vigil_upload_pump_free(pump);
    store_test_close(&t);
    return state.dropped || state.refused ? 3 : 0;
}

/* --- the backend --------------------------------------------------------------------------- */

typedef struct {
    GHashTable *known; /* keys */
    const gchar *file;
} Archive;

static void
on_post(SoupServer *server, SoupServerMessage *message, const gchar *path, GHashTable *query,
        gpointer user_data)
{
    const Archive *archive = user_data;
    g_autofree gchar *body = backend_inflate(soup_server_message_get_request_headers(message),
                                             soup_server_message_get_request_body(message));
    g_auto(GStrv) keys = body ? backend_parse(body) : NULL;
    g_autoptr(GString) fresh = g_string_new(NULL);

    if (!keys) {
        soup_server_message_set_status(message, 400, NULL);
        return;
    }
    for (guint i = 0; keys[i]; i++) {
        if (g_hash_table_add(archive->known, g_strdup(keys[i])))
            g_string_append_printf(fresh, "new %s\n", keys[i]);
        else
            g_string_append_printf(fresh, "again %s\n", keys[i]);
    }
    note(archive->file, "%s", fresh->str);
    g_usleep(2000); /* between the two is where it hurts */
    soup_server_message_set_status(message, 200, NULL);
}

static gint
be_backend(guint port, const gchar *file)
{
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree gchar *before = read_text(file), *port_file = g_strconcat(file, ".port", NULL);
    g_auto(GStrv) lines = g_strsplit(before, "\n", -1);
    g_autoptr(SoupServer) server = soup_server_new(NULL, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Archive archive = {known, file};
    GSList *uris;

    for (guint i = 0; lines[i]; i++)
        if (g_str_has_prefix(lines[i], "new "))
            g_hash_table_add(known, g_strdup(lines[i] + strlen("new ")));
    soup_server_add_handler(server, NULL, on_post, &archive, NULL);
    if (!soup_server_listen_local(server, port, SOUP_SERVER_LISTEN_IPV4_ONLY, &error))
        g_error("%s", error->message);
    uris = soup_server_get_uris(server);
    note(port_file, "%d\n", g_uri_get_port(uris->data));
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    g_main_loop_run(loop);
    return 0;
}

/* --- the test ------------------------------------------------------------------------------ */

typedef struct {
    gchar *dir, *file, *url;
    guint n_events, port;
    GSubprocess *sender, *backend;
    GRand *random;
} Trial;

static GSubprocess *
start(Trial *self, const gchar *role, const gchar *first, const gchar *second, guint third)
{
    g_autofree gchar *output = g_strconcat(self->dir, "/", role, ".out", NULL);
    g_autofree gchar *number = g_strdup_printf("%u", third);
    g_autofree gchar *program = g_file_read_link("/proc/self/exe", NULL);
    const gchar *const argv[] = {program, role, first, second, number, NULL};

    return program_start_argv(output, output, argv);
}

static void
start_sender(Trial *self)
{
    self->sender = start(self, "sender", self->url, self->dir, self->n_events);
}

static void
start_backend(Trial *self)
{
    g_autofree gchar *port = g_strdup_printf("%u", self->port);

    self->backend = start(self, "backend", port, self->file, 0);
}

static void
end_by_kill(GSubprocess **process)
{
    g_subprocess_force_exit(*process);
    g_subprocess_wait(*process, NULL, NULL);
    g_clear_object(process);
}

/* A port that is free: a first backend finds it. */
static void
find_port(Trial *self)
{
    g_autofree gchar *port_file = g_strconcat(self->file, ".port", NULL);
    g_autofree gchar *text = NULL;

    start_backend(self);
    ck_assert(wait_for_text(port_file, "\n", 1, PORT_WAIT_S));
    text = read_text(port_file);
    self->port = (guint)g_ascii_strtoull(text, NULL, 10);
    self->url = g_strdup_printf("http://127.0.0.1:%u/", self->port);
    end_by_kill(&self->backend);
}

static void
pause_for(Trial *self, gint least_ms, gint most_ms)
{
    g_usleep((gulong)g_rand_int_range(self->random, least_ms, most_ms) * 1000);
}

/* The backend is down; returns when most of the events are there. */
static void
run_outage(Trial *self, guint n_kills)
{
    const gint64 until = g_get_monotonic_time() + DONE_WAIT_S * (gint64)G_USEC_PER_SEC;

    start_sender(self);
    for (guint i = 0; i < n_kills; i++) {
        pause_for(self, 60, 300);
        end_by_kill(&self->sender);
        start_sender(self);
    }
    while (count_events() < self->n_events * 6 / 10 && g_get_monotonic_time() < until)
        g_usleep(20000);
    ck_assert_int_ge(count_events(), self->n_events * 6 / 10);
}

static void
run_recovery(Trial *self, guint n_sender, guint n_backend)
{
    start_backend(self);
    while (n_sender + n_backend > 0) {
        const gboolean sender =
            (guint)g_rand_int_range(self->random, 0, (gint)(n_sender + n_backend)) < n_sender;

        pause_for(self, 60, 250);
        end_by_kill(sender ? &self->sender : &self->backend);
        if (sender) {
            n_sender--;
            start_sender(self);
        } else {
            n_backend--;
            start_backend(self);
        }
    }
    ck_assert_int_eq(program_wait_exit(self->sender, DONE_WAIT_S), 0);
    g_clear_object(&self->sender);
    end_by_kill(&self->backend);
}

/* --- what came of it ----------------------------------------------------------------------- */

typedef struct {
    guint n_new, n_again, n_disorder;
    GHashTable *keys; /* "EVENT NUMBER" */
} Result;

/* EVENT-TYPE-NUMBER; events of a camera follow each other without overlap, and their ids are their order. */
static void
take_key(Result *self, const gchar *key, guint64 last[2])
{
    g_auto(GStrv) parts = g_strsplit(key, "-", 3);
    const guint64 event = g_ascii_strtoull(parts[0] + strlen("01KDXTEST00000000000"), NULL, 10);
    const guint64 place = event * 100 + g_ascii_strtoull(parts[2], NULL, 10);
    const guint camera = event % 2;

    if (place <= last[camera])
        self->n_disorder++;
    last[camera] = place;
    ck_assert_msg(g_hash_table_add(self->keys, g_strdup_printf("%s %s", parts[0], parts[2])),
                  "%s is there twice", key);
    self->n_new++;
}

static Result
read_result(const gchar *file)
{
    g_autofree gchar *text = read_text(file);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    Result result = {.keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    guint64 last[2] = {0, 0};

    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "new "))
            take_key(&result, lines[i] + strlen("new "), last);
        else if (g_str_has_prefix(lines[i], "again "))
            result.n_again++;
    }
    return result;
}

/* Messages of the store's events that did not arrive. */
static guint
count_missing(const Result *result)
{
    guint n_missing = 0;
    sqlite3_stmt *stmt;
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(t.database, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT id, n_commits FROM events", -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (gint i = 0; i < sqlite3_column_int(stmt, 1); i++) {
            g_autofree gchar *key = g_strdup_printf("%s %d", sqlite3_column_text(stmt, 0), i);

            n_missing += !g_hash_table_contains(result->keys, key);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n_missing;
}

/* (out) @growth: of the memory of one process, at most, between its first and last word; @spread: of all processes */
static void
measure_memory(const gchar *dir, gint *growth, gint *spread)
{
    g_autofree gchar *path = g_build_filename(dir, "sender.log", NULL);
    g_autofree gchar *text = read_text(path);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gint pid = 0, first = 0, least = G_MAXINT, most = 0;

    *growth = 0;
    for (guint i = 0; lines[i] && *lines[i]; i++) {
        gint who, rss;
        guint number;

        ck_assert_int_eq(sscanf(lines[i], "%d %u %d", &who, &number, &rss), 3);
        if (who != pid)
            first = rss;
        pid = who;
        *growth = MAX(*growth, rss - first);
        least = MIN(least, rss);
        most = MAX(most, rss);
    }
    *spread = most - least;
}

START_TEST(test_a_day_without_a_backend)
{
    const guint n_kills = vigil_test_size(4, 20);
    Trial trial = {.n_events = vigil_test_size(400, 10000), .random = g_rand_new()};
    const gint64 begun = g_get_monotonic_time();
    gint growth, spread;
    guint n_missing;
    Result result;

    store_test_init(&t, NULL);
    trial.dir = t.dir;
    trial.file = g_build_filename(t.dir, "archive", NULL);
    find_port(&trial);
    run_outage(&trial, n_kills / 2);
    run_recovery(&trial, n_kills - n_kills / 2, n_kills);

    result = read_result(trial.file);
    n_missing = count_missing(&result);
    measure_memory(t.dir, &growth, &spread);
    vigil_test_figure(
        "uploads by HTTP, backend down for most of 24 simulated hours, %u kills of the "
        "sender and %u of the backend: %" G_GINT64_FORMAT " events, %u messages, %u "
        "missing, 0 twice by key (%u came again and were known), %u out of order; "
        "memory of a sender grew by %d kB at most; %.1f s",
        n_kills, n_kills, count_events(), result.n_new, n_missing, result.n_again,
        result.n_disorder, growth, (gdouble)(g_get_monotonic_time() - begun) / 1e6);
    /* a kill between the begins of a pair leaves one out */
    ck_assert_int_ge(count_events(), trial.n_events - n_kills);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(n_commits) FROM events"), result.n_new);
    ck_assert_uint_eq(n_missing, 0);
    ck_assert_uint_eq(result.n_disorder, 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT count(*) FROM outbox"), 0);
    ck_assert_int_eq(store_test_int(&t, "SELECT sum(dropped + refused) FROM destinations"), 0);
    ck_assert_int_lt(growth, 8 * 1024);
    ck_assert_int_lt(spread, 16 * 1024);
    g_hash_table_unref(result.keys);
    g_rand_free(trial.random);
    g_free(trial.file);
    g_free(trial.url);
    store_test_finish(&t);
}
END_TEST

int
main(int argc, char **argv)
{
    const TTest *const tests[] = {test_a_day_without_a_backend};

    if (argc == 5 && g_str_equal(argv[1], "sender"))
        return be_sender(argv[2], argv[3], (guint)g_ascii_strtoull(argv[4], NULL, 10));
    if (argc == 5 && g_str_equal(argv[1], "backend"))
        return be_backend((guint)g_ascii_strtoull(argv[2], NULL, 10), argv[3]);
    return store_test_main("upload-kill", tests, G_N_ELEMENTS(tests));
}
