/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT sink against a real broker that is killed, refuses us or speaks TLS only. */
#include <check.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events/vigil-event.h"
#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/upload/vigil-upload-mqtt.h"
#include "pipeline/upload/vigil-upload-pump.h"
#include "pipeline/vigil-settings.h"
#include "tests/pipeline/broker.h"
#include "tests/pipeline/program.h"

#define N_CAMERAS 3
#define ANYBODY "allow_anonymous true\n"

/* What stands in for the pump: batches in order, each again until it has arrived. */
typedef struct {
    VigilUploadSink *sink;
    GPtrArray *messages; /* VigilOutboxMessage */
    guint next, batch, n_results, n_retries;
    gboolean waiting;
    VigilUploadOutcome outcome;
    gchar *reason;
    VigilUploadItem items[100];
} Pump;

static gchar *folder;
static Broker broker;

static void
message_free(VigilOutboxMessage *message)
{
    g_free(message->event_id);
    g_free(message->camera);
    g_free(message->key);
    g_free(message->json);
    g_free(message);
}

static VigilOutboxMessage *
make_message(guint number, VigilEventType type)
{
    static const gchar *const cameras[N_CAMERAS] = {"door", "yard", "gate"};
    g_autoptr(VigilEvent) event = vigil_event_new();
    VigilOutboxMessage *message = g_new0(VigilOutboxMessage, 1);

    g_snprintf(event->id, sizeof event->id, "01HF%022u", number / 2);
    event->type = type;
    event->camera = cameras[number / 2 % N_CAMERAS];
    event->rule = "visitor";
    event->label = "person";
    event->track_id = number / 2 + 1;
    event->start_wall_us = event->end_wall_us = G_GINT64_CONSTANT(1700000000000000);
    message->event_id = g_strdup(event->id);
    message->camera = g_strdup(event->camera);
    message->key =
        g_strdup_printf("%s-%s-%u", event->id, vigil_event_type_to_string(type), number % 2);
    message->json = vigil_event_to_json(event, NULL);
    message->type = type;
    message->sequence = number + 1;
    return message;
}

static VigilUploadSettings *
make_settings(gint scheme, guint16 port, gint form)
{
    VigilUploadSettings *settings = g_new0(VigilUploadSettings, 1);

    g_atomic_ref_count_init(&settings->refs);
    settings->name = g_strdup("home");
    settings->url =
        g_strdup_printf("%s://127.0.0.1:%u", scheme == VIGIL_UPLOAD_MQTTS ? "mqtts" : "mqtt", port);
    settings->scheme = scheme;
    settings->form = form;
    settings->topic = g_strdup("vigil");
    settings->timeout_ns = 5 * G_GINT64_CONSTANT(1000000000);
    return settings;
}

static VigilUploadSink *
make_sink(VigilUploadSettings *settings, const GPtrArray *cameras)
{
    const VigilUploadSite site = {.source = "test", .id = "1", .cameras = cameras};
    g_autoptr(GError) error = NULL;
    VigilUploadSink *sink = vigil_upload_mqtt_new(settings, &site, &error);

    ck_assert_msg(sink != NULL, "%s", error ? error->message : "");
    return sink;
}

static void
pump_init(Pump *self, VigilUploadSink *sink, guint n, guint batch)
{
    *self = (Pump){.sink = sink, .batch = batch};
    self->messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_free);
    for (guint i = 0; i < n; i++)
        g_ptr_array_add(self->messages,
                        make_message(i, i % 2 ? VIGIL_EVENT_END : VIGIL_EVENT_BEGIN));
}

static void
pump_clear(Pump *self)
{
    if (self->sink)
        self->sink->funcs->free(self->sink);
    g_ptr_array_unref(self->messages);
    g_free(self->reason);
}

static void
on_done(const VigilUploadResult *result, gpointer user_data)
{
    Pump *self = user_data;

    ck_assert(self->waiting);
    self->waiting = FALSE;
    self->n_results++;
    self->outcome = result->outcome;
    g_free(self->reason);
    self->reason = g_strdup(result->reason);
    if (result->outcome == VIGIL_UPLOAD_SENT) {
        self->next += MIN(self->batch, self->messages->len - self->next);
    } else {
        ck_assert_ptr_nonnull(result->reason);
        self->next += result->n_sent;
        self->n_retries++;
    }
}

static void
pump_send(Pump *self)
{
    const guint n = MIN(self->batch, self->messages->len - self->next);

    for (guint i = 0; i < n; i++)
        self->items[i] = (VigilUploadItem){.message = self->messages->pdata[self->next + i]};
    self->waiting = TRUE;
    self->sink->funcs->send(self->sink, self->items, n, on_done, self);
    ck_assert_msg(self->waiting, "the result came from within send()");
}

/* One attempt. */
static VigilUploadOutcome
pump_try(Pump *self)
{
    pump_send(self);
    while (self->waiting)
        iterate(0.001);
    return self->outcome;
}

static gboolean
pump_run(Pump *self, guint to, gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    while (self->next < to && g_get_monotonic_time() < until) {
        if (pump_try(self) == VIGIL_UPLOAD_RETRY)
            iterate(0.05);
        else if (self->outcome == VIGIL_UPLOAD_REFUSED)
            break;
    }
    return self->next >= to;
}

/* Nothing is missing, and of each camera the messages came in their order; repetitions have the key of what they repeat. */
static guint
judge(Listener *listener, const Pump *pump)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
    guint repeated = 0;

    for (guint i = 0; i < listener_count(listener); i++) {
        const Heard *heard = listener_get(listener, i);

        if (!g_str_has_prefix(heard->topic, "vigil/events/"))
            continue;
        ck_assert_ptr_nonnull(heard->key);
        ck_assert_ptr_nonnull(strstr(heard->payload, heard->key));
        if (!g_hash_table_add(seen, heard->key)) {
            repeated++;
            continue;
        }
        const gchar *before = g_hash_table_lookup(last, heard->topic);

        ck_assert_msg(!before || strcmp(before, heard->key) < 0, "%s after %s", heard->key, before);
        g_hash_table_insert(last, heard->topic, heard->key);
    }
    ck_assert_uint_eq(g_hash_table_size(seen), pump->messages->len);
    for (guint i = 0; i < pump->messages->len; i++)
        ck_assert(
            g_hash_table_contains(seen, ((VigilOutboxMessage *)pump->messages->pdata[i])->key));
    return repeated;
}

/* Until all keys were heard, or time is over: judge() says which. */
static void
wait_for_all(Listener *listener, guint n, gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    while (g_get_monotonic_time() < until) {
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < listener_count(listener); i++) {
            const Heard *heard = listener_get(listener, i);

            if (heard->key && g_str_has_prefix(heard->topic, "vigil/events/"))
                g_hash_table_add(seen, heard->key);
        }
        if (g_hash_table_size(seen) >= n)
            return;
        iterate(0.05);
    }
}

static void
setup(void)
{
    folder = folder_new();
}

static void
teardown(void)
{
    broker_clear(&broker);
    folder_remove(folder);
    g_clear_pointer(&folder, g_free);
}

START_TEST(test_all_arrive)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "vigil/#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 600, 100);
    const gint64 begin = g_get_monotonic_time();
    ck_assert_msg(pump_run(&pump, 600, 30.0), "%s", pump.reason);
    g_print("600 messages in %.2f s\n", (gdouble)(g_get_monotonic_time() - begin) / 1e6);
    ck_assert_uint_eq(pump.n_retries, 0);
    wait_for_all(listener, 600, 20.0);
    ck_assert_uint_eq(judge(listener, &pump), 0);
    ck_assert(listener_wait(listener, "vigil/1/available", "online", 10.0));
    pump_clear(&pump);
    ck_assert(listener_wait(listener, "vigil/1/available", "offline", 10.0));
    listener_free(listener);
}
END_TEST

START_TEST(test_broker_dies)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "vigil/#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 400, 40);
    for (guint round = 1; round <= 4; round++) {
        ck_assert_msg(pump_run(&pump, round * 80, 30.0), "%s", pump.reason);
        /* in the midst of a batch */
        pump_send(&pump);
        iterate(0.002 * round);
        broker_stop(&broker, round % 2 ? SIGKILL : SIGTERM);
        while (pump.waiting)
            iterate(0.001);
        ck_assert_int_ne(pump_try(&pump), VIGIL_UPLOAD_SENT);
        broker_start(&broker);
        listener_wait_subscribed(listener);
    }
    ck_assert_msg(pump_run(&pump, 400, 60.0), "%s", pump.reason);
    ck_assert_uint_ge(pump.n_retries, 4);
    wait_for_all(listener, 400, 30.0);
    g_print("%u sent again\n", judge(listener, &pump));
    pump_clear(&pump);
    listener_free(listener);
}
END_TEST

/* The program dies: the broker tells it. */
START_TEST(test_last_will)
{
    Listener *listener;
    pid_t child;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    child = fork();
    if (child == 0) {
        g_autoptr(VigilUploadSettings) settings =
            make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_FRIGATE);

        make_sink(settings, NULL);
        iterate(60.0);
        _exit(1);
    }
    listener = listener_new(broker.port, "vigil/#");
    ck_assert(listener_wait(listener, "vigil/available", "online", 20.0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert(listener_wait(listener, "vigil/available", "offline", 20.0));
    listener_free(listener);
    /* who comes later knows as well */
    listener = listener_new(broker.port, "vigil/+");
    ck_assert(listener_wait(listener, "vigil/available", "offline", 20.0));
    ck_assert(listener_find(listener, "vigil/available")->retained);
    listener_free(listener);
}
END_TEST

START_TEST(test_password)
{
    g_autofree gchar *tool = g_find_program_in_path("mosquitto_passwd");
    g_autofree gchar *passwords = NULL, *more = NULL, *login = NULL;
    g_autoptr(VigilUploadSettings) settings = NULL;
    g_auto(Program) made = {0};
    Pump pump;

    passwords = g_build_filename(folder, "passwords", NULL);
    more = g_strdup_printf("allow_anonymous false\npassword_file %s\n", passwords);
    if (!broker_prepare(&broker, folder, more))
        return;
    ck_assert_ptr_nonnull(tool);
    made = program_run_argv(
        (const gchar *[]){tool, "-c", "-b", passwords, "vigil", "right-horse", NULL});
    ck_assert_msg(made.code == 0, "%s", made.errors);
    broker_start(&broker);
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    settings->credentials = folder_write(folder, "login", "vigil:wrong-horse\n");
    pump_init(&pump, make_sink(settings, NULL), 10, 5);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    ck_assert_msg(strstr(pump.reason, "refuses us") != NULL, "%s", pump.reason);
    ck_assert_ptr_null(strstr(pump.reason, "horse"));
    login = folder_write(folder, "login", "vigil:right-horse\n");
    ck_assert_msg(pump_run(&pump, 10, 20.0), "%s", pump.reason);
    /* one that cannot be read is no reason to give up either */
    pump.next = 0;
    pump.sink->funcs->free(pump.sink);
    g_unlink(login);
    pump.sink = make_sink(settings, NULL);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    g_free(folder_write(folder, "login", "vigil:right-horse\n"));
    ck_assert_msg(pump_run(&pump, 10, 20.0), "%s", pump.reason);
    pump_clear(&pump);
}
END_TEST

static void
openssl(const gchar *tool, const gchar *line)
{
    g_autofree gchar *whole = g_strdup_printf("%s %s", tool, line);
    g_auto(GStrv) argv = g_strsplit(whole, " ", -1);
    g_auto(Program) done = program_run_argv((const gchar *const *)argv);

    ck_assert_msg(done.code == 0, "%s: %s", whole, done.errors);
}

/* An authority, the broker's certificate and ours, and an authority that nobody asked. */
static void
make_certificates(const gchar *tool)
{
    static const gchar *const lines[] = {
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority "
        "-keyout %s/ca.key -out %s/ca.pem",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other "
        "-keyout %s/other.key -out %s/other.pem",
    };
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GString) line = g_string_new(lines[i]);

        g_string_replace(line, "%s", folder, 0);
        openssl(tool, line->str);
    }
    for (guint i = 0; i < 2; i++) {
        static const gchar *const names[] = {"broker", "client"};
        g_autofree gchar *request = g_strdup_printf(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s -keyout %s/%s.key "
            "-out %s/%s.csr",
            names[i], folder, names[i], folder, names[i]);
        g_autofree gchar *sign = g_strdup_printf(
            "x509 -req -days 2 -in %s/%s.csr -CA %s/ca.pem -CAkey %s/ca.key -CAcreateserial "
            "-extfile %s/names -out %s/%s.pem",
            folder, names[i], folder, folder, folder, folder, names[i]);

        g_free(folder_write(folder, "names", "subjectAltName=IP:127.0.0.1\n"));
        openssl(tool, request);
        openssl(tool, sign);
    }
}

START_TEST(test_tls)
{
    g_autofree gchar *tool = g_find_program_in_path("openssl");
    g_autofree gchar *more = NULL;
    g_autoptr(VigilUploadSettings) settings = NULL;
    Pump pump;

    if (!tool) {
        g_print("skipped: there is no openssl here to make certificates\n");
        return;
    }
    more = g_strdup_printf("allow_anonymous true\ncafile %s/ca.pem\ncertfile %s/broker.pem\n"
                           "keyfile %s/broker.key\nrequire_certificate true\n",
                           folder, folder, folder);
    if (!broker_prepare(&broker, folder, more))
        return;
    make_certificates(tool);
    broker_start(&broker);
    settings = make_settings(VIGIL_UPLOAD_MQTTS, broker.port, VIGIL_UPLOAD_FORM_VIGIL);

    /* nobody we know vouches for the broker */
    settings->tls_ca = g_strconcat(folder, "/other.pem", NULL);
    settings->tls_cert = g_strconcat(folder, "/client.pem", NULL);
    settings->tls_key = g_strconcat(folder, "/client.key", NULL);
    pump_init(&pump, make_sink(settings, NULL), 20, 10);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    g_print("another authority: %s\n", pump.reason);
    pump.sink->funcs->free(pump.sink);

    /* the broker does not know us */
    g_free(settings->tls_ca);
    settings->tls_ca = g_strconcat(folder, "/ca.pem", NULL);
    gchar *cert = g_steal_pointer(&settings->tls_cert), *key = g_steal_pointer(&settings->tls_key);
    pump.sink = make_sink(settings, NULL);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    g_print("no certificate: %s\n", pump.reason);
    pump.sink->funcs->free(pump.sink);
    ck_assert_uint_eq(pump.next, 0);

    settings->tls_cert = cert;
    settings->tls_key = key;
    pump.sink = make_sink(settings, NULL);
    ck_assert_msg(pump_run(&pump, 20, 20.0), "%s", pump.reason);

    /* files that are not there */
    pump.sink->funcs->free(pump.sink);
    g_free(settings->tls_ca);
    settings->tls_ca = g_strconcat(folder, "/nothing.pem", NULL);
    pump.next = 0;
    pump.sink = make_sink(settings, NULL);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    g_print("no file: %s\n", pump.reason);
    pump_clear(&pump);
}
END_TEST

/* What is before a message that is none arrives, and it is named. */
START_TEST(test_refused)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    VigilOutboxMessage *bad;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 20, 10);
    bad = pump.messages->pdata[4];
    g_free(bad->json);
    bad->json = g_strdup("{}");
    ck_assert(!pump_run(&pump, 20, 20.0));
    ck_assert_int_eq(pump.outcome, VIGIL_UPLOAD_REFUSED);
    ck_assert_uint_eq(pump.next, 4);
    ck_assert_msg(strstr(pump.reason, "no event") != NULL, "%s", pump.reason);
    /* alone, while there is a connection */
    pump.batch = 1;
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_REFUSED);
    ck_assert_uint_eq(pump.next, 4);
    pump.next++;
    ck_assert_msg(pump_run(&pump, 20, 20.0), "%s", pump.reason);
    pump_clear(&pump);
}
END_TEST

/* A connection that broke, of which the sink does not know yet, is no fault of the message. */
START_TEST(test_broken_is_not_refused)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 20, 1);
    /* the client's thread sees both, the main context neither */
    g_usleep(G_USEC_PER_SEC / 2);
    broker_stop(&broker, SIGKILL);
    g_usleep(G_USEC_PER_SEC / 2);
    ck_assert_int_eq(pump_try(&pump), VIGIL_UPLOAD_RETRY);
    ck_assert_uint_eq(pump.next, 0);
    broker_start(&broker);
    ck_assert_msg(pump_run(&pump, 20, 30.0), "%s", pump.reason);
    pump_clear(&pump);
}
END_TEST

START_TEST(test_cancel)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "vigil/#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 200, 50);
    for (guint i = 0; i < 10; i++) {
        pump_send(&pump);
        iterate(0.003 * i);
        if (pump.waiting)
            pump.sink->funcs->cancel(pump.sink);
        pump.waiting = FALSE;
    }
    ck_assert_msg(pump_run(&pump, 200, 20.0), "%s", pump.reason);
    wait_for_all(listener, 200, 20.0);
    judge(listener, &pump);
    pump_clear(&pump);
    listener_free(listener);
}
END_TEST

static void
add_rule(VigilCameraSettings *camera, const gchar *name)
{
    VigilRule rule = vigil_rule_defaults();

    rule.name = g_intern_string(name);
    g_array_append_val(camera->rules->rules, rule);
}

static GPtrArray *
make_cameras(const gchar *first, ...)
{
    GPtrArray *cameras = g_ptr_array_new();
    va_list names;

    va_start(names, first);
    for (const gchar *name = first; name; name = va_arg(names, const gchar *)) {
        VigilCameraSettings *camera = g_new0(VigilCameraSettings, 1);

        camera->name = g_strdup(name);
        camera->rules = vigil_rules_new();
        add_rule(camera, "visitor");
        g_ptr_array_add(cameras, camera);
    }
    va_end(names);
    return cameras;
}

static void
free_cameras(GPtrArray *cameras)
{
    for (guint i = 0; i < cameras->len; i++) {
        VigilCameraSettings *camera = cameras->pdata[i];

        g_free(camera->name);
        vigil_rules_free(camera->rules);
        g_free(camera);
    }
    g_ptr_array_unref(cameras);
}

static guint
count_topic(Listener *listener, const gchar *topic)
{
    guint n = 0;

    for (guint i = 0; i < listener_count(listener); i++)
        n += g_str_equal(listener_get(listener, i)->topic, topic);
    return n;
}

#define DOOR "homeassistant/binary_sensor/vigil_test_1/door__visitor/config"
#define YARD "homeassistant/binary_sensor/vigil_test_1/yard__visitor/config"

START_TEST(test_discovery)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    GPtrArray *both = make_cameras("door", "yard", NULL), *one = make_cameras("door", NULL);
    Listener *listener;
    guint before;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_FRIGATE);
    settings->discovery = TRUE;
    pump_init(&pump, make_sink(settings, both), 2, 1);
    ck_assert(listener_wait(listener, "vigil/rules/yard/visitor/state", "OFF", 20.0));
    ck_assert_str_eq(
        listener_find(listener, DOOR)->payload,
        "{\"name\":\"visitor\",\"unique_id\":\"vigil_test_1__door__visitor\","
        "\"object_id\":\"door__visitor\",\"state_topic\":\"vigil/rules/door/visitor/state\","
        "\"device_class\":\"occupancy\",\"availability_topic\":\"vigil/available\","
        "\"device\":{\"identifiers\":[\"vigil_test_1_door\"],\"name\":\"door\","
        "\"manufacturer\":\"Vigil\",\"model\":\"test\",\"sw_version\":\"0.1.0\"},"
        "\"origin\":{\"name\":\"Vigil\",\"sw\":\"0.1.0\"}}");
    ck_assert_ptr_nonnull(
        listener_find(listener, "homeassistant/sensor/vigil_test_1/door__visitor/config"));
    ck_assert(pump_run(&pump, 1, 20.0));
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "ON", 10.0));
    ck_assert(pump_run(&pump, 2, 20.0));
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "OFF", 10.0));
    ck_assert(listener_wait(listener, "vigil/door/person", "0", 10.0));
    ck_assert_ptr_nonnull(listener_find(listener, "vigil/rules/door/visitor/last"));

    /* Home Assistant comes up anew */
    before = count_topic(listener, DOOR);
    listener_publish(listener, "homeassistant/status", "online", FALSE);
    for (guint i = 0; i < 1000 && count_topic(listener, DOOR) == before; i++)
        iterate(0.01);
    ck_assert_uint_eq(count_topic(listener, DOOR), before + 1);
    pump.sink->funcs->free(pump.sink);

    /* a camera is gone from the configuration */
    pump.sink = make_sink(settings, one);
    ck_assert(listener_wait(listener, YARD, "", 20.0));
    ck_assert(listener_wait(listener, "homeassistant/sensor/vigil_test_1/yard__visitor/config", "",
                            20.0));
    ck_assert_str_ne(listener_find(listener, DOOR)->payload, "");
    pump_clear(&pump);
    listener_free(listener);
    free_cameras(both);
    free_cameras(one);
}
END_TEST

#define OTHER "homeassistant/sensor/vigil_test_1/other/config"

/* Who does not want discovery any more leaves nothing of it, and what another destination describes alone. */
START_TEST(test_discovery_is_switched_off)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    GPtrArray *cameras = make_cameras("door", "yard", NULL);
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_FRIGATE);
    settings->discovery = TRUE;
    pump_init(&pump, make_sink(settings, cameras), 2, 1);
    ck_assert_msg(pump_run(&pump, 2, 20.0), "%s", pump.reason);
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "OFF", 20.0));
    pump.sink->funcs->free(pump.sink);
    listener_publish(listener, OTHER, "{\"availability_topic\":\"other/available\"}", TRUE);

    settings->discovery = FALSE;
    pump.sink = make_sink(settings, cameras);
    ck_assert(listener_wait(listener, YARD, "", 20.0));
    ck_assert(listener_wait(listener, DOOR, "", 20.0));
    ck_assert(listener_wait(listener, "homeassistant/sensor/vigil_test_1/door__visitor/config", "",
                            20.0));
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/last", "", 20.0));
    ck_assert(listener_wait(listener, "vigil/rules/yard/visitor/state", "", 20.0));
    pump_clear(&pump);
    listener_free(listener);
    /* what is left for who comes later */
    listener = listener_new(broker.port, "#");
    ck_assert(listener_wait(listener, OTHER, "{\"availability_topic\":\"other/available\"}", 20.0));
    ck_assert_ptr_null(listener_find(listener, DOOR));
    listener_free(listener);
    free_cameras(cameras);
}
END_TEST

/* The end of what is open was dropped: it does not stay ON, nor is it counted. */
START_TEST(test_skipped)
{
    g_autoptr(VigilUploadSettings) settings = NULL;
    GPtrArray *cameras = make_cameras("door", "yard", NULL);
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, ANYBODY))
        return;
    broker_start(&broker);
    listener = listener_new(broker.port, "vigil/#");
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_FRIGATE);
    settings->discovery = TRUE;
    pump_init(&pump, make_sink(settings, cameras), 8, 1);
    ck_assert(pump_run(&pump, 1, 20.0));
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "ON", 10.0));
    ck_assert(listener_wait(listener, "vigil/door/person", "1", 10.0));
    pump.sink->funcs->skipped(pump.sink);
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "OFF", 10.0));
    pump.next = 6; /* the next of that camera */
    ck_assert(pump_run(&pump, 7, 20.0));
    ck_assert(listener_wait(listener, "vigil/rules/door/visitor/state", "ON", 10.0));
    ck_assert_str_eq(listener_find(listener, "vigil/door/person")->payload, "1");
    pump_clear(&pump);
    listener_free(listener);
    free_cameras(cameras);
}
END_TEST

/* The line with this option as the test needs it. */
static void
replace_line(GString *config, const gchar *option, const gchar *line)
{
    g_autofree gchar *pattern = g_strdup_printf("(?m)^%s( .*)?$", option);
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    g_autofree gchar *text = NULL;

    ck_assert_msg(g_regex_match(regex, config->str, 0, NULL), "no %s", option);
    text = g_regex_replace_literal(regex, config->str, -1, 0, line, 0, NULL);
    g_string_assign(config, text);
}

/* The configuration that is shipped, but for addresses, folders and certificates. */
static gchar *
read_bridge(guint16 port, guint16 central)
{
    g_autofree gchar *path = g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs", "mosquitto",
                                              "bridge.conf", NULL);
    g_autofree gchar *shipped = read_text(path);
    g_autofree gchar *listener = g_strdup_printf("listener %u 127.0.0.1", port);
    g_autofree gchar *address = g_strdup_printf("address 127.0.0.1:%u", central);
    g_autofree gchar *place = g_strdup_printf("persistence_location %s/", folder);
    g_autofree gchar *user = g_strdup_printf("user %s", g_get_user_name());
    g_autoptr(GString) config = g_string_new(shipped);

    replace_line(config, "listener", listener);
    replace_line(config, "address", address);
    replace_line(config, "persistence_location", place);
    replace_line(config, "restart_timeout", "restart_timeout 1");
    replace_line(config, "bridge_cafile", "");
    replace_line(config, "bridge_certfile", "");
    replace_line(config, "bridge_keyfile", user);
    return g_string_free(g_steal_pointer(&config), FALSE);
}

static guint
count_keys(Listener *listener, const gchar *begin)
{
    g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < listener_count(listener); i++) {
        const Heard *heard = listener_get(listener, i);

        if (heard->key && g_str_has_prefix(heard->topic, begin))
            g_hash_table_add(keys, heard->key);
    }
    return g_hash_table_size(keys);
}

/* A site's broker, and a central one that is away for a while. */
START_TEST(test_bridge)
{
    g_autofree gchar *central_folder = folder_new(), *config = NULL;
    g_autoptr(VigilUploadSettings) settings = NULL;
    Broker central;
    Listener *listener;
    Pump pump;

    if (!broker_prepare(&broker, folder, "") || !broker_prepare(&central, central_folder, ANYBODY))
        return;
    config = read_bridge(broker.port, central.port);
    g_free(broker.config);
    broker.config = folder_write(folder, "bridge.conf", "%s", config);
    broker_start(&central);
    listener = listener_new(central.port, "sites/#");
    broker_start(&broker);
    ck_assert(listener_wait(listener, "sites/site-12/bridge", "1", 20.0));
    settings = make_settings(VIGIL_UPLOAD_MQTT, broker.port, VIGIL_UPLOAD_FORM_VIGIL);
    pump_init(&pump, make_sink(settings, NULL), 200, 50);
    ck_assert_msg(pump_run(&pump, 100, 20.0), "%s", pump.reason);
    ck_assert(listener_wait(listener, "sites/site-12/vigil/1/available", "online", 20.0));
    for (guint i = 0; i < 1000 && count_keys(listener, "sites/site-12/vigil/events/") < 100; i++)
        iterate(0.02);
    broker_stop(&central, SIGTERM);
    ck_assert_msg(pump_run(&pump, 200, 20.0), "%s", pump.reason);
    broker_start(&central);
    listener_wait_subscribed(listener);
    for (guint i = 0; i < 2000 && count_keys(listener, "sites/site-12/vigil/events/") < 200; i++)
        iterate(0.02);
    ck_assert_uint_eq(count_keys(listener, "sites/site-12/vigil/events/"), 200);
    pump_clear(&pump);
    listener_free(listener);
    broker_clear(&central);
    folder_remove(central_folder);
}
END_TEST

/* A broker of few words: takes connections of one version only, and acknowledges or not. */
typedef struct {
    GSocketListener *listener;
    guint16 port;
    gboolean silent;
    gint n_refused, n_published; /* atomic */
} OldBroker;

static gboolean
read_packet(GInputStream *in, guint8 *type, GByteArray *body)
{
    gsize length = 0, shift = 0;
    guint8 byte;

    if (!g_input_stream_read_all(in, type, 1, &length, NULL, NULL) || length != 1)
        return FALSE;
    gsize size = 0;
    do {
        if (!g_input_stream_read_all(in, &byte, 1, &length, NULL, NULL) || length != 1 ||
            shift > 21)
            return FALSE;
        size |= (gsize)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    g_byte_array_set_size(body, (guint)size);
    return g_input_stream_read_all(in, body->data, size, &length, NULL, NULL) && length == size;
}

static gpointer
old_broker_run(gpointer data)
{
    OldBroker *self = data;
    GSocketConnection *connection;

    while ((connection = g_socket_listener_accept(self->listener, NULL, NULL, NULL))) {
        GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
        GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
        g_autoptr(GByteArray) body = g_byte_array_new();
        guint8 type;

        while (read_packet(in, &type, body)) {
            if (type >> 4 == 1 && body->data[6] != 4) {
                g_atomic_int_inc(&self->n_refused);
                g_output_stream_write_all(out, "\x20\x02\x00\x01", 4, NULL, NULL, NULL);
                break;
            }
            if (type >> 4 == 1)
                g_output_stream_write_all(out, "\x20\x02\x00\x00", 4, NULL, NULL, NULL);
            if (type >> 4 == 3 && !self->silent) {
                const gsize topic = (gsize)(body->data[0] << 8 | body->data[1]);
                const guint8 answer[] = {0x40, 2, body->data[2 + topic], body->data[3 + topic]};

                g_atomic_int_inc(&self->n_published);
                g_output_stream_write_all(out, answer, sizeof answer, NULL, NULL, NULL);
            }
        }
        g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
        g_object_unref(connection);
    }
    return NULL;
}

START_TEST(test_version_311)
{
    OldBroker *old = g_new0(OldBroker, 1); /* its thread goes with the process */
    g_autoptr(VigilUploadSettings) settings = NULL;
    Pump pump;

    old->listener = g_socket_listener_new();
    old->silent = _i == 1;
    old->port = g_socket_listener_add_any_inet_port(old->listener, NULL, NULL);
    g_thread_unref(g_thread_new("old-broker", old_broker_run, old));
    settings = make_settings(VIGIL_UPLOAD_MQTT, old->port, VIGIL_UPLOAD_FORM_VIGIL);
    settings->timeout_ns = G_GINT64_CONSTANT(1500000000);
    pump_init(&pump, make_sink(settings, NULL), 30, 10);
    if (old->silent) {
        pump_run(&pump, 1, 5.0);
        ck_assert_uint_eq(pump.next, 0);
        ck_assert_msg(strstr(pump.reason, "acknowledges nothing") != NULL, "%s", pump.reason);
    } else {
        ck_assert_msg(pump_run(&pump, 30, 20.0), "%s", pump.reason);
        ck_assert_int_eq(g_atomic_int_get(&old->n_refused), 1);
        ck_assert_int_ge(g_atomic_int_get(&old->n_published), 30);
    }
    pump_clear(&pump);
}
END_TEST

#define N_FROZEN 10
#define N_FILLERS 16
#define GOODBYE_S 2

/* Takes no more connections: whoever wants one hangs. */
static GSocket *
make_full_socket(guint16 *port, GSocket *fillers[N_FILLERS])
{
    GSocket *socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) address = NULL;

    g_socket_set_listen_backlog(socket, 0);
    ck_assert(g_socket_bind(socket, any, FALSE, NULL) && g_socket_listen(socket, NULL));
    address = g_socket_get_local_address(socket, NULL);
    *port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
    for (guint i = 0; i < N_FILLERS; i++) {
        fillers[i] = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, NULL);
        g_socket_set_blocking(fillers[i], FALSE);
        g_socket_connect(fillers[i], address, NULL, NULL);
    }
    return socket;
}

static GPtrArray *
make_frozen_uploads(guint16 port)
{
    GPtrArray *uploads =
        g_ptr_array_new_with_free_func((GDestroyNotify)vigil_upload_settings_unref);

    for (guint i = 0; i < N_FROZEN; i++) {
        VigilUploadSettings *settings =
            make_settings(VIGIL_UPLOAD_MQTT, port, VIGIL_UPLOAD_FORM_FRIGATE);

        g_free(settings->name);
        settings->name = g_strdup_printf("home-%u", i);
        g_ptr_array_add(uploads, settings);
    }
    return uploads;
}

/* Brokers that hang are waited for together. */
START_TEST(test_farewells_to_frozen_brokers)
{
    const VigilUploadPumpOptions options = vigil_upload_pump_options_defaults();
    g_autofree gchar *database = g_build_filename(folder, "events.db", NULL);
    g_autofree gchar *clips = g_build_filename(folder, "clips", NULL);
    const VigilStoreOptions place = {.database = database, .clips = clips, .program = "test"};
    g_autoptr(VigilStore) store = vigil_store_open(&place, NULL);
    g_autoptr(GPtrArray) uploads = NULL;
    GSocket *fillers[N_FILLERS], *socket;
    VigilUploadPump *pump;
    guint16 port;
    gint64 begun_us;
    gdouble took;

    ck_assert_ptr_nonnull(store);
    socket = make_full_socket(&port, fillers);
    uploads = make_frozen_uploads(port);
    pump = vigil_upload_pump_new(store, uploads, NULL, &options);
    iterate(1.0);
    begun_us = g_get_monotonic_time();
    vigil_upload_pump_free(pump);
    took = (gdouble)(g_get_monotonic_time() - begun_us) / G_USEC_PER_SEC;
    g_print("%d farewells in %.2f s\n", N_FROZEN, took);
    /* one after the other they would need that time for each */
    ck_assert(took < GOODBYE_S * (N_FROZEN - 1));
    for (guint i = 0; i < N_FILLERS; i++)
        g_object_unref(fillers[i]);
    g_object_unref(socket);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upload-mqtt");
    TCase *tcase = tcase_create("upload-mqtt");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_all_arrive);
    tcase_add_test(tcase, test_broker_dies);
    tcase_add_test(tcase, test_last_will);
    tcase_add_test(tcase, test_password);
    tcase_add_test(tcase, test_tls);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_broken_is_not_refused);
    tcase_add_test(tcase, test_cancel);
    tcase_add_test(tcase, test_discovery);
    tcase_add_test(tcase, test_discovery_is_switched_off);
    tcase_add_test(tcase, test_skipped);
    tcase_add_test(tcase, test_bridge);
    tcase_add_test(tcase, test_farewells_to_frozen_brokers);
    tcase_add_loop_test(tcase, test_version_311, 0, 2);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
