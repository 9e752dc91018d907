/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/broker.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <signal.h>
#include <string.h>

#include "tests/pipeline/program.h"

#define START_S 20
#define DRAIN_US 300000

struct Listener {
    struct mosquitto *mosquitto;
    gchar *filter;
    GMutex lock;
    GPtrArray *heard; /* Heard */
    gint subscribed;
};

guint16
port_find_free(void)
{
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, 0, NULL);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string("127.0.0.1", 0);
    g_autoptr(GSocketAddress) got = NULL;

    if (!g_socket_bind(socket, any, FALSE, NULL))
        g_error("no free port");
    got = g_socket_get_local_address(socket, NULL);
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(got));
}

gboolean
broker_prepare(Broker *self, const gchar *folder, const gchar *more)
{
    *self = (Broker){0};
    self->program = g_find_program_in_path("mosquitto");
    if (!self->program && g_file_test("/usr/sbin/mosquitto", G_FILE_TEST_IS_EXECUTABLE))
        self->program = g_strdup("/usr/sbin/mosquitto");
    if (!self->program) {
        g_print("skipped: there is no mosquitto here\n");
        return FALSE;
    }
    self->folder = g_strdup(folder);
    self->port = port_find_free();
    self->config = folder_write(folder, "mosquitto.conf",
                                "persistence true\npersistence_location %s/\n"
                                "autosave_interval 1\nautosave_on_changes false\n"
                                "max_queued_messages 0\nmax_inflight_messages 0\n"
                                "log_dest stderr\nuser %s\n"
                                "listener %u 127.0.0.1\n%s",
                                folder, g_get_user_name(), self->port, more);
    return TRUE;
}

static gboolean
is_listening(guint16 port)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);

    return connection != NULL;
}

void
broker_start(Broker *self)
{
    const gchar *argv[] = {self->program, "-c", self->config, NULL};
    g_autofree gchar *log = g_build_filename(self->folder, "mosquitto.log", NULL);
    const gint64 until = g_get_monotonic_time() + START_S * G_USEC_PER_SEC;

    self->process = program_start_argv(log, log, argv);
    while (!is_listening(self->port)) {
        g_autofree gchar *text = NULL;

        if (g_get_monotonic_time() < until) {
            g_usleep(20000);
            continue;
        }
        text = read_text(log);
        g_error("mosquitto does not listen:\n%s", text);
    }
}

void
broker_stop(Broker *self, gint signal_number)
{
    if (!self->process)
        return;
    if (signal_number == SIGKILL) {
        /*
         * What it acknowledged it has given to the subscribers' sockets, but who answers a socket whose owner is dead loses what
         * is still in it: so they have their time to read it. Nothing more goes in.
         */
        g_subprocess_send_signal(self->process, SIGSTOP);
        g_usleep(DRAIN_US);
    }
    g_subprocess_send_signal(self->process, signal_number);
    program_wait_exit(self->process, START_S);
    g_clear_object(&self->process);
}

void
broker_clear(Broker *self)
{
    broker_stop(self, SIGKILL);
    g_clear_pointer(&self->program, g_free);
    g_clear_pointer(&self->folder, g_free);
    g_clear_pointer(&self->config, g_free);
}

static void
heard_free(Heard *self)
{
    g_free(self->topic);
    g_free(self->payload);
    g_free(self->key);
    g_free(self);
}

static void
on_connect(struct mosquitto *mosquitto, void *data, int code, int flags,
           const mosquitto_property *properties)
{
    const Listener *self = data;

    if (code == 0)
        mosquitto_subscribe(mosquitto, NULL, self->filter, 1);
}

static void
on_disconnect(struct mosquitto *mosquitto, void *data, int code,
              const mosquitto_property *properties)
{
    g_atomic_int_set(&((Listener *)data)->subscribed, FALSE);
}

static void
on_subscribe(struct mosquitto *mosquitto, void *data, int id, int n, const int *granted,
             const mosquitto_property *properties)
{
    g_atomic_int_set(&((Listener *)data)->subscribed, TRUE);
}

static void
on_message(struct mosquitto *mosquitto, void *data, const struct mosquitto_message *message,
           const mosquitto_property *properties)
{
    Listener *self = data;
    Heard *heard = g_new0(Heard, 1);
    char *name = NULL, *value = NULL;

    heard->topic = g_strdup(message->topic);
    heard->payload =
        g_strndup(message->payloadlen ? message->payload : "", (gsize)message->payloadlen);
    heard->retained = message->retain;
    mosquitto_property_read_string_pair(properties, MQTT_PROP_USER_PROPERTY, &name, &value, false);
    if (g_strcmp0(name, "key") == 0)
        heard->key = g_strdup(value);
    free(name);
    free(value);
    g_mutex_lock(&self->lock);
    g_ptr_array_add(self->heard, heard);
    g_mutex_unlock(&self->lock);
}

void
listener_wait_subscribed(Listener *self)
{
    const gint64 until = g_get_monotonic_time() + START_S * G_USEC_PER_SEC;

    while (!g_atomic_int_get(&self->subscribed) && g_get_monotonic_time() < until)
        g_usleep(5000);
    if (!g_atomic_int_get(&self->subscribed))
        g_error("the broker lets nobody listen");
}

Listener *
listener_new(guint16 port, const gchar *filter)
{
    Listener *self = g_new0(Listener, 1);
    g_autofree gchar *id = g_strdup_printf("listener-%u", port);
    mosquitto_property *properties = NULL;

    mosquitto_lib_init();
    g_mutex_init(&self->lock);
    self->heard = g_ptr_array_new_with_free_func((GDestroyNotify)heard_free);
    self->filter = g_strdup(filter);
    self->mosquitto = mosquitto_new(id, false, self);
    mosquitto_int_option(self->mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    /* all that the broker acknowledges is on its way to us, so none of it dies with a broker that is killed */
    mosquitto_int_option(self->mosquitto, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
    mosquitto_connect_v5_callback_set(self->mosquitto, on_connect);
    mosquitto_disconnect_v5_callback_set(self->mosquitto, on_disconnect);
    mosquitto_subscribe_v5_callback_set(self->mosquitto, on_subscribe);
    mosquitto_message_v5_callback_set(self->mosquitto, on_message);
    mosquitto_reconnect_delay_set(self->mosquitto, 1, 1, false);
    mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 3600);
    if (mosquitto_connect_bind_v5(self->mosquitto, "127.0.0.1", port, 30, NULL, properties) ||
        mosquitto_loop_start(self->mosquitto))
        g_error("no listener");
    mosquitto_property_free_all(&properties);
    listener_wait_subscribed(self);
    return self;
}

void
listener_free(Listener *self)
{
    mosquitto_disconnect(self->mosquitto);
    mosquitto_loop_stop(self->mosquitto, false);
    mosquitto_destroy(self->mosquitto);
    g_ptr_array_unref(self->heard);
    g_mutex_clear(&self->lock);
    g_free(self->filter);
    g_free(self);
}

guint
listener_count(Listener *self)
{
    guint n;

    g_mutex_lock(&self->lock);
    n = self->heard->len;
    g_mutex_unlock(&self->lock);
    return n;
}

const Heard *
listener_get(Listener *self, guint index)
{
    const Heard *heard;

    g_mutex_lock(&self->lock);
    heard = self->heard->pdata[index];
    g_mutex_unlock(&self->lock);
    return heard;
}

const Heard *
listener_find(Listener *self, const gchar *topic)
{
    for (guint i = listener_count(self); i > 0; i--) {
        const Heard *heard = listener_get(self, i - 1);

        if (g_str_equal(heard->topic, topic))
            return heard;
    }
    return NULL;
}

void
listener_publish(Listener *self, const gchar *topic, const gchar *payload, gboolean retained)
{
    if (mosquitto_publish(self->mosquitto, NULL, topic, (int)strlen(payload), payload, 1, retained))
        g_error("the listener cannot publish");
}

void
iterate(gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    do {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    } while (g_get_monotonic_time() < until);
}

gboolean
listener_wait(Listener *self, const gchar *topic, const gchar *payload, gdouble seconds)
{
    const gint64 until = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    while (g_get_monotonic_time() < until) {
        const Heard *heard = listener_find(self, topic);

        if (heard && g_str_equal(heard->payload, payload))
            return TRUE;
        iterate(0.01);
    }
    return FALSE;
}
