/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-mqtt-client.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#define LOOP_MS 1000
#define GOODBYE_US (5 * G_USEC_PER_SEC)
#define RECEIVE_MAX (64 * 1024) /* bytes of a payload that somebody else published */
#define TOPIC_MAX 1024
#define WAITING_MAX 4096 /* events that nobody has taken yet */

typedef enum {
    EVENT_CONNECTED,
    EVENT_CLOSED,
    EVENT_ACKNOWLEDGED,
    EVENT_RECEIVED,
} EventKind;

typedef enum {
    LEAVING_NOT,
    LEAVING_NOW,       /* the goodbye was said */
    LEAVING_WHEN_SENT, /* it is said behind the last acknowledgement */
} Leaving;

typedef struct {
    EventKind kind;
    gint id, reason;
    gboolean flag;
    gchar *topic, *text;
} Event;

/*
 * Shared by the owner's thread and the connection's; the last one frees it. mosquitto_loop_start() is not used: it connects
 * again by itself, with a delay of its own, and sends what it still holds, while here the outbox decides about both.
 */
struct VigilUploadMqttClient {
    gatomicrefcount refs;
    VigilUploadMqttOptions options;
    VigilUploadMqttEvents events;
    gpointer user_data;
    struct mosquitto *mosquitto;
    GMainContext *context;

    GMutex lock;
    GCond ended_cond;
    GQueue waiting;  /* Event */
    GSource *source; /* takes them */
    gboolean ended;  /* the thread is done */
    gint leaving;    /* atomic Leaving: whether the owner is gone */
    gint n_pending;  /* atomic: publications that are not acknowledged */
    gint connected;  /* atomic: the broker took us */
    gint64
        leave_us; /* owner's thread: monotonic: until then the goodbye may take; 0: it was not begun */

    /* the connection's thread alone */
    gint connack;
    gchar *log; /* last error that the library told */
};

static void
event_free(Event *event)
{
    g_free(event->topic);
    g_free(event->text);
    g_free(event);
}

static void
options_clear(VigilUploadMqttOptions *options)
{
    g_free(options->host);
    g_free(options->client_id);
    g_free(options->username);
    g_free(options->password);
    g_free(options->ca);
    g_free(options->cert);
    g_free(options->key);
    g_free(options->will_topic);
}

static void
options_copy(VigilUploadMqttOptions *to, const VigilUploadMqttOptions *from)
{
    *to = *from;
    to->host = g_strdup(from->host);
    to->client_id = g_strdup(from->client_id);
    to->username = g_strdup(from->username);
    to->password = g_strdup(from->password);
    to->ca = g_strdup(from->ca);
    to->cert = g_strdup(from->cert);
    to->key = g_strdup(from->key);
    to->will_topic = g_strdup(from->will_topic);
}

static void
client_unref(VigilUploadMqttClient *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_clear_pointer(&self->mosquitto, mosquitto_destroy);
    g_queue_clear_full(&self->waiting, (GDestroyNotify)event_free);
    g_main_context_unref(self->context);
    options_clear(&self->options);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->ended_cond);
    g_free(self->log);
    g_free(self);
}

/* From the connection's thread to the owner's. */
static void
tell(VigilUploadMqttClient *self, const Event *what)
{
    Event *event = g_memdup2(what, sizeof *what);

    event->topic = g_strdup(what->topic);
    event->text = g_strdup(what->text);
    g_mutex_lock(&self->lock);
    if (g_atomic_int_get(&self->leaving) ||
        (what->kind == EVENT_RECEIVED && self->waiting.length >= WAITING_MAX)) {
        event_free(event);
    } else {
        g_queue_push_tail(&self->waiting, event);
        g_source_set_ready_time(self->source, 0);
    }
    g_mutex_unlock(&self->lock);
}

static void
dispatch(VigilUploadMqttClient *self, const Event *event)
{
    const VigilUploadMqttEvents *events = &self->events;

    switch (event->kind) {
    case EVENT_CONNECTED: events->connected(self->user_data); break;
    case EVENT_CLOSED: events->closed(event->text, event->flag, self->user_data); break;
    case EVENT_ACKNOWLEDGED: events->acknowledged(event->id, event->reason, self->user_data); break;
    case EVENT_RECEIVED:
        events->received(event->topic, event->text, event->flag, self->user_data);
        break;
    }
}

/* The callback of an event may close the client. */
static gboolean
on_waiting(gpointer user_data)
{
    VigilUploadMqttClient *self = user_data;
    Event *event;

    g_atomic_ref_count_inc(&self->refs);
    do {
        g_mutex_lock(&self->lock);
        g_source_set_ready_time(self->source, -1);
        event = g_atomic_int_get(&self->leaving) ? NULL : g_queue_pop_head(&self->waiting);
        g_mutex_unlock(&self->lock);
        if (event) {
            dispatch(self, event);
            event_free(event);
        }
    } while (event);
    client_unref(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
    return callback(user_data);
}

static GSourceFuncs source_funcs = {.dispatch = source_dispatch};

static gint
publish(VigilUploadMqttClient *self, gint *id, const gchar *topic, gconstpointer payload,
        gsize size, gboolean retain, const mosquitto_property *properties)
{
    gint code;

    g_atomic_int_inc(&self->n_pending); /* it may be acknowledged before the call is over */
    code =
        mosquitto_publish_v5(self->mosquitto, id, topic, (int)size, payload, 1, retain, properties);
    if (code)
        g_atomic_int_add(&self->n_pending, -1);
    return code;
}

/* In the connection's thread, within mosquitto_loop(). */

static void
on_connect(struct mosquitto *mosquitto, void *data, int code, int flags,
           const mosquitto_property *properties)
{
    VigilUploadMqttClient *self = data;
    const gchar *online = "online";

    self->connack = code;
    /* who is gone before the broker took us leaves without a goodbye, so that the will stands: nothing says `online` */
    if (code != 0 || g_atomic_int_get(&self->leaving))
        return;
    g_atomic_int_set(&self->connected, TRUE);
    publish(self, NULL, self->options.will_topic, online, strlen(online), TRUE, NULL);
    tell(self, &(Event){.kind = EVENT_CONNECTED});
}

static void
on_disconnect(struct mosquitto *mosquitto, void *data, int code,
              const mosquitto_property *properties)
{
    VigilUploadMqttClient *self = data;

    if (code >= 128) {
        g_free(self->log);
        self->log = g_strdup_printf(
            "%s%s", mosquitto_reason_string(code),
            code == MQTT_RC_SESSION_TAKEN_OVER
                ? ": another client has connected with our id; is this installation a copy of one?"
                : "");
    }
}

static void
on_publish(struct mosquitto *mosquitto, void *data, int id, int reason,
           const mosquitto_property *properties)
{
    VigilUploadMqttClient *self = data;

    g_atomic_int_add(&self->n_pending, -1);
    tell(self, &(Event){.kind = EVENT_ACKNOWLEDGED, .id = id, .reason = reason});
}

static void
on_message(struct mosquitto *mosquitto, void *data, const struct mosquitto_message *message,
           const mosquitto_property *properties)
{
    g_autofree gchar *text = NULL;

    if (message->payloadlen < 0 || message->payloadlen > RECEIVE_MAX ||
        strlen(message->topic) > TOPIC_MAX)
        return;
    text = g_strndup(message->payloadlen > 0 ? message->payload : "", (gsize)message->payloadlen);
    tell(data, &(Event){.kind = EVENT_RECEIVED,
                        .topic = message->topic,
                        .text = text,
                        .flag = message->retain});
}

/* Why TLS failed is told nowhere else. */
static void
on_log(struct mosquitto *mosquitto, void *data, int level, const char *text)
{
    VigilUploadMqttClient *self = data;

    if (level != MOSQ_LOG_ERR && level != MOSQ_LOG_WARNING)
        return;
    g_free(self->log);
    self->log = g_strdup(text);
}

static gint
set_up(VigilUploadMqttClient *self)
{
    const VigilUploadMqttOptions *options = &self->options;
    struct mosquitto *mosquitto = self->mosquitto;
    const gchar *offline = "offline";
    gint code = mosquitto_int_option(mosquitto, MOSQ_OPT_PROTOCOL_VERSION,
                                     options->version == VIGIL_UPLOAD_MQTT_5 ? MQTT_PROTOCOL_V5
                                                                             : MQTT_PROTOCOL_V311);

    mosquitto_connect_v5_callback_set(mosquitto, on_connect);
    mosquitto_disconnect_v5_callback_set(mosquitto, on_disconnect);
    mosquitto_publish_v5_callback_set(mosquitto, on_publish);
    mosquitto_message_v5_callback_set(mosquitto, on_message);
    mosquitto_log_callback_set(mosquitto, on_log);
    if (!code)
        code = mosquitto_threaded_set(mosquitto, true);
    if (!code)
        code = mosquitto_max_inflight_messages_set(mosquitto, options->max_inflight);
    if (!code)
        code = mosquitto_will_set(mosquitto, options->will_topic, (int)strlen(offline), offline, 1,
                                  true);
    if (!code && options->username)
        code = mosquitto_username_pw_set(mosquitto, options->username, options->password);
    if (!code && options->tls)
        code =
            options->ca || options->cert
                ? mosquitto_tls_set(mosquitto, options->ca, options->ca ? NULL : "/etc/ssl/certs",
                                    options->cert, options->key, NULL)
                : mosquitto_int_option(mosquitto, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    return code;
}

static gchar *
describe_end(const VigilUploadMqttClient *self, gint code, gint error)
{
    if (self->connack >= 128)
        return g_strdup_printf("the broker refuses us: %s", mosquitto_reason_string(self->connack));
    if (self->connack > 0)
        return g_strdup_printf("the broker refuses us: %s",
                               mosquitto_connack_string(self->connack));
    if (self->log)
        return g_strdup(self->log);
    return g_strdup(code == MOSQ_ERR_ERRNO && error ? g_strerror(error) : mosquitto_strerror(code));
}

/* The goodbye has its time to get out; where there is nobody to say it to, there is none. */
static gboolean
is_abandoned(VigilUploadMqttClient *self, gint64 *left_us)
{
    const gint64 now = g_get_monotonic_time();

    if (!g_atomic_int_get(&self->leaving))
        return FALSE;
    if (*left_us == 0)
        *left_us = now;
    return !g_atomic_int_get(&self->connected) || now - *left_us > GOODBYE_US;
}

/* Whoever closes with something unread loses what the broker has not read yet, too. */
static void
leave_when_sent(VigilUploadMqttClient *self)
{
    if (g_atomic_int_get(&self->n_pending) == 0 &&
        g_atomic_int_compare_and_exchange(&self->leaving, LEAVING_WHEN_SENT, LEAVING_NOW))
        mosquitto_disconnect(self->mosquitto);
}

static gpointer
run(gpointer data)
{
    VigilUploadMqttClient *self = data;
    const VigilUploadMqttOptions *options = &self->options;
    gboolean reached;
    gint64 left_us = 0;
    sigset_t pipe_signal;
    gint code, error = 0;

    /* OpenSSL writes to sockets that the other side has closed */
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);

    code = set_up(self);
    if (code == MOSQ_ERR_INVAL && options->tls && !self->log)
        self->log = g_strdup("the files for TLS cannot be used");
    if (!code) {
        code = mosquitto_connect(self->mosquitto, options->host, options->port,
                                 (int)options->keepalive_s);
        error = errno;
    }
    reached = !code;
    while (!code && !is_abandoned(self, &left_us)) {
        code = mosquitto_loop(self->mosquitto, LOOP_MS, 1);
        error = errno;
        leave_when_sent(self);
    }

    g_autofree gchar *reason = describe_end(self, code, error);

    tell(self, &(Event){.kind = EVENT_CLOSED,
                        .text = reason,
                        .flag = reached && !g_atomic_int_get(&self->connected) &&
                                (self->connack == 0 || self->connack == 1 ||
                                 self->connack == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION)});
    g_mutex_lock(&self->lock);
    self->ended = TRUE;
    g_cond_signal(&self->ended_cond);
    g_mutex_unlock(&self->lock);
    client_unref(self);
    return NULL;
}

VigilUploadMqttClient *
vigil_upload_mqtt_client_open(const VigilUploadMqttOptions *options,
                              const VigilUploadMqttEvents *events, gpointer user_data)
{
    static gsize library = 0;
    VigilUploadMqttClient *self = g_new0(VigilUploadMqttClient, 1);

    if (g_once_init_enter(&library)) {
        mosquitto_lib_init();
        g_once_init_leave(&library, 1);
    }
    g_atomic_ref_count_init(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->ended_cond);
    options_copy(&self->options, options);
    self->events = *events;
    self->user_data = user_data;
    self->context = g_main_context_ref_thread_default();
    self->mosquitto = mosquitto_new(options->client_id, true, self);
    if (!self->mosquitto)
        g_error("no memory for a connection to %s", options->host);
    self->source = g_source_new(&source_funcs, sizeof(GSource));
    g_source_set_callback(self->source, on_waiting, self, NULL);
    g_source_attach(self->source, self->context);

    g_atomic_ref_count_inc(&self->refs);
    g_thread_unref(g_thread_new("vigil-mqtt", run, self));
    return self;
}

void
vigil_upload_mqtt_client_leave(VigilUploadMqttClient *self, guint wait_ms, gboolean when_sent)
{
    const gchar *offline = "offline";

    if (self->leave_us)
        return;
    self->leave_us = g_get_monotonic_time() + (gint64)wait_ms * 1000;
    if (g_atomic_int_get(&self->connected)) {
        /* the broker publishes no last will for one who leaves in order */
        publish(self, NULL, self->options.will_topic, offline, strlen(offline), TRUE, NULL);
        if (!when_sent)
            mosquitto_disconnect(self->mosquitto);
    }
    g_mutex_lock(&self->lock);
    g_atomic_int_set(&self->leaving, when_sent ? LEAVING_WHEN_SENT : LEAVING_NOW);
    g_source_destroy(self->source);
    g_mutex_unlock(&self->lock);
}

void
vigil_upload_mqtt_client_close(VigilUploadMqttClient *self, guint wait_ms)
{
    if (!self)
        return;
    vigil_upload_mqtt_client_leave(self, wait_ms, FALSE);
    g_mutex_lock(&self->lock);
    while (!self->ended && g_cond_wait_until(&self->ended_cond, &self->lock, self->leave_us))
        continue;
    g_mutex_unlock(&self->lock);
    g_source_unref(self->source);
    client_unref(self);
}

/* All else (no connection, no memory, …) may be over the next time. */
static gboolean
is_refusal(gint code)
{
    return code == MOSQ_ERR_PAYLOAD_SIZE || code == MOSQ_ERR_OVERSIZE_PACKET ||
           code == MOSQ_ERR_INVAL || code == MOSQ_ERR_MALFORMED_UTF8;
}

gint
vigil_upload_mqtt_client_publish(VigilUploadMqttClient *self, const gchar *topic,
                                 gconstpointer payload, gsize size, gboolean retain,
                                 const gchar *key, const gchar **reason, gboolean *refused)
{
    mosquitto_property *properties = NULL;
    gint id = -1, code = MOSQ_ERR_SUCCESS;

    if (key && self->options.version == VIGIL_UPLOAD_MQTT_5)
        code = mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "key", key);
    if (!code)
        code = size > MQTT_MAX_PAYLOAD
                   ? MOSQ_ERR_PAYLOAD_SIZE
                   : publish(self, &id, topic, payload, size, retain, properties);
    mosquitto_property_free_all(&properties);
    if (code && reason)
        *reason = mosquitto_strerror(code);
    if (refused)
        *refused = is_refusal(code);
    return code ? -1 : id;
}

void
vigil_upload_mqtt_client_subscribe(VigilUploadMqttClient *self, const gchar *filter)
{
    mosquitto_subscribe(self->mosquitto, NULL, filter, 1);
}
