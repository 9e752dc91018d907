/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-kafka.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pipeline/upload/vigil-upload-form.h"
#include "pipeline/vigil-redact.h"
#include "plugins/rtsp/vigil-rtsp-login.h"

#define SCHEME "kafka://"
#define GRACE_MS 2000 /* librdkafka's own timeout comes first */
#define INDEX_BITS 16
#define EVENTS_AT_ONCE 64

typedef struct {
    gboolean sent;
    gchar *refused; /* (nullable): why it never will be taken */
} Item;

typedef struct {
    VigilUploadSink sink;
    VigilUploadSettings *settings;
    gchar *client_id;
    VigilUploadScene *scene;
    VigilRedactHold *hold; /* (nullable): secrets that are in files */

    rd_kafka_t *producer; /* NULL: made by the next attempt */
    rd_kafka_queue_t *events;
    gint wake_fd; /* written to when there is an event */
    GSource *wake;

    guint attempt; /* what comes of an earlier one is not looked at */
    Item *progress;
    guint n_items, n_pending;
    gchar *trouble; /* (nullable): first reason that may go away */
    GSource *timeout;
    VigilUploadDone done;
    gpointer user_data;
} Kafka;

static GSource *
attach_timeout(guint ms, GSourceFunc func, Kafka *self)
{
    GSource *source = g_timeout_source_new(ms);

    g_source_set_callback(source, func, self, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static void
drop_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
forget_attempt(Kafka *self)
{
    drop_source(&self->timeout);
    for (guint i = 0; self->progress && i < self->n_items; i++)
        g_free(self->progress[i].refused);
    g_clear_pointer(&self->progress, g_free);
    g_clear_pointer(&self->trouble, g_free);
    self->n_items = self->n_pending = 0;
    self->done = NULL;
    self->attempt = (self->attempt + 1) & 0x7fff;
}

/* Ending a producer may wait for its connections. */
static gpointer
destroy_producer(gpointer data)
{
    rd_kafka_t *producer = data;

    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(producer);
    return NULL;
}

static void
drop_producer(Kafka *self)
{
    if (!self->producer)
        return;
    drop_source(&self->wake);
    rd_kafka_queue_io_event_enable(self->events, -1, NULL, 0);
    g_clear_pointer(&self->events, rd_kafka_queue_destroy);
    close(self->wake_fd);
    g_thread_unref(
        g_thread_new("vigil-kafka-end", destroy_producer, g_steal_pointer(&self->producer)));
}

/* --- results --------------------------------------------------------------------------------- */

static guint
count_arrived(const Kafka *self)
{
    guint n = 0;

    while (self->progress && n < self->n_items && self->progress[n].sent)
        n++;
    return n;
}

static void
finish(Kafka *self, VigilUploadOutcome outcome, const gchar *reason)
{
    VigilUploadDone done = self->done;
    gpointer user_data = self->user_data;
    g_autofree gchar *text = vigil_redact(reason);
    const VigilUploadResult result = {outcome, count_arrived(self), 0, text};

    if (!done)
        return;
    /* one that has failed may be in any state, the next attempt reads the login again, too */
    if (outcome == VIGIL_UPLOAD_RETRY)
        drop_producer(self);
    forget_attempt(self);
    done(&result, user_data);
}

static void
look_at_progress(Kafka *self)
{
    const guint n = count_arrived(self);

    if (!self->done || self->n_pending > 0)
        return;
    if (n == self->n_items) {
        finish(self, VIGIL_UPLOAD_SENT, NULL);
    } else {
        g_autofree gchar *refused = g_strdup(self->progress[n].refused);
        g_autofree gchar *trouble = g_strdup(self->trouble);

        finish(self, refused ? VIGIL_UPLOAD_REFUSED : VIGIL_UPLOAD_RETRY,
               refused   ? refused
               : trouble ? trouble
                         : "not delivered");
    }
}

static gboolean
is_refusal(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           code == RD_KAFKA_RESP_ERR_INVALID_RECORD || code == RD_KAFKA_RESP_ERR_INVALID_MSG;
}

static void
judge(Kafka *self, guint index, rd_kafka_resp_err_t code)
{
    Item *item = &self->progress[index];

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        item->sent = TRUE;
    else if (is_refusal(code) && !item->refused)
        item->refused = g_strdup(rd_kafka_err2str(code));
    else if (!self->trouble)
        self->trouble = g_strdup(rd_kafka_err2str(code));
}

/* --- what the producer tells ----------------------------------------------------------------- */

static void
take_reports(Kafka *self, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;

    while ((message = rd_kafka_event_message_next(event))) {
        const guint tag = GPOINTER_TO_UINT(message->_private);
        const guint index = tag & ((1U << INDEX_BITS) - 1);

        if (!self->progress || tag >> INDEX_BITS != self->attempt || index >= self->n_items)
            continue;
        self->n_pending--;
        judge(self, index, message->err);
        /* what is behind one that failed must not come before it */
        if (message->err && self->n_pending > 0)
            rd_kafka_purge(self->producer, RD_KAFKA_PURGE_F_QUEUE);
    }
}

static gboolean
on_wake(gint fd, GIOCondition condition, gpointer user_data)
{
    Kafka *self = user_data;
    guint64 count;
    guint n = 0;

    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        g_warning("kafka: %s", g_strerror(errno));
    while (self->producer && n++ < EVENTS_AT_ONCE) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(self->events, 0);

        if (!event)
            return G_SOURCE_CONTINUE;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
            take_reports(self, event);
        } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR && self->done) {
            /* why nothing arrives, until it does or time is over */
            g_free(self->trouble);
            self->trouble = g_strdup(rd_kafka_event_error_string(event));
        }
        rd_kafka_event_destroy(event);
        look_at_progress(self);
    }
    if (self->producer && eventfd_write(self->wake_fd, 1) < 0)
        g_warning("kafka: %s", g_strerror(errno));
    return G_SOURCE_CONTINUE;
}

/* --- the producer ---------------------------------------------------------------------------- */

static void
ignore_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
    /* errors come as events; the rest would fill the journal while brokers are away */
}

static gboolean
set_login(rd_kafka_conf_t *conf, Kafka *self, gboolean tls, GError **error)
{
    g_auto(VigilRtspLogin) login = {0};
    gchar why[200];

    if (!self->settings->credentials)
        return TRUE;
    if (!vigil_rtsp_login_read(&login, self->settings->credentials, error))
        return FALSE;
    vigil_redact_hold(&self->hold, login.password);
    if (rd_kafka_conf_set(conf, "sasl.mechanisms", tls ? "PLAIN" : "SCRAM-SHA-512", why,
                          sizeof why) ||
        rd_kafka_conf_set(conf, "sasl.username", login.user, why, sizeof why) ||
        rd_kafka_conf_set(conf, "sasl.password", login.password, why, sizeof why)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s", why);
        return FALSE;
    }
    return TRUE;
}

static rd_kafka_conf_t *
make_conf(Kafka *self, GError **error)
{
    const VigilUploadSettings *settings = self->settings;
    const gboolean tls = settings->tls;
    g_autofree gchar *timeout =
        g_strdup_printf("%" G_GINT64_FORMAT, CLAMP(settings->timeout_ns / 1000000, 1000, G_MAXINT));
    const struct {
        const gchar *name, *value;
    } options[] = {
        {"bootstrap.servers", settings->url + strlen(SCHEME)},
        {"client.id", self->client_id},
        {"enable.idempotence", "true"},
        {"message.timeout.ms", timeout},
        {"compression.codec", "lz4"},
        /* the partition of a key is the one that Java's producers choose */
        {"partitioner", "murmur2_random"},
        {"reconnect.backoff.max.ms", "5000"},
        {"security.protocol", settings->credentials ? tls ? "sasl_ssl" : "sasl_plaintext"
                              : tls                 ? "ssl"
                                                    : "plaintext"},
        {"ssl.ca.location", settings->tls_ca},
        {"ssl.certificate.location", settings->tls_cert},
        {"ssl.key.location", settings->tls_key},
        /* librdkafka's own choice is another from version to version */
        {"ssl.endpoint.identification.algorithm", tls ? "https" : NULL},
        {"enable.ssl.certificate.verification", tls ? "true" : NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    gchar why[200];

    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rd_kafka_conf_set_log_cb(conf, ignore_log);
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        if (options[i].value &&
            rd_kafka_conf_set(conf, options[i].name, options[i].value, why, sizeof why)) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s", why);
            g_clear_pointer(&conf, rd_kafka_conf_destroy);
            return NULL;
        }
    if (!set_login(conf, self, tls, error))
        g_clear_pointer(&conf, rd_kafka_conf_destroy);
    return conf;
}

static gboolean
make_producer(Kafka *self, GError **error)
{
    const guint64 one = 1;
    rd_kafka_conf_t *conf = make_conf(self, error);
    gchar why[200];

    if (!conf)
        return FALSE;
    self->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!self->producer) {
        rd_kafka_conf_destroy(conf);
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", why);
        return FALSE;
    }
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0)
        g_error("eventfd: %s", g_strerror(errno));
    self->events = rd_kafka_queue_get_main(self->producer);
    rd_kafka_queue_io_event_enable(self->events, self->wake_fd, &one, sizeof one);
    self->wake = g_unix_fd_source_new(self->wake_fd, G_IO_IN);
    g_source_set_callback(self->wake, (GSourceFunc)(gpointer)on_wake, self, NULL);
    g_source_attach(self->wake, g_main_context_get_thread_default());
    return TRUE;
}

/* --- the sink -------------------------------------------------------------------------------- */

static void
produce(Kafka *self, guint index, const VigilUploadItem *item)
{
    const VigilOutboxMessage *message = item->message;
    const VigilUploadFormInput input = {message->json, message->key, item->width, item->height};
    g_autoptr(GError) error = NULL;
    g_autofree gchar *payload = vigil_upload_form_payload((VigilUploadForm)self->settings->form,
                                                          &input, self->scene, &error);
    rd_kafka_resp_err_t code;

    if (!payload) {
        self->progress[index].refused = g_strdup(error->message);
        return;
    }
    code = rd_kafka_producev(
        self->producer, RD_KAFKA_V_TOPIC(self->settings->topic),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(message->camera, strlen(message->camera)),
        RD_KAFKA_V_VALUE(payload, strlen(payload)), RD_KAFKA_V_TIMESTAMP(message->wall_us / 1000),
        RD_KAFKA_V_HEADER("key", message->key, (ssize_t)strlen(message->key)),
        RD_KAFKA_V_OPAQUE(GUINT_TO_POINTER(self->attempt << INDEX_BITS | index)), RD_KAFKA_V_END);
    if (code)
        judge(self, index, code);
    else
        self->n_pending++;
}

static gboolean
on_failed(gpointer user_data)
{
    Kafka *self = user_data;

    look_at_progress(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_timeout(gpointer user_data)
{
    Kafka *self = user_data;
    g_autofree gchar *trouble = g_strdup(self->trouble);

    finish(self, VIGIL_UPLOAD_RETRY, trouble ? trouble : "no delivery report");
    return G_SOURCE_REMOVE;
}

static void
kafka_send(VigilUploadSink *sink, const VigilUploadItem *items, guint n, VigilUploadDone done,
           gpointer user_data)
{
    Kafka *self = (Kafka *)sink;
    const gint64 timeout_ms = self->settings->timeout_ns / 1000000 + GRACE_MS;
    g_autoptr(GError) error = NULL;

    self->n_items = MIN(n, 1U << INDEX_BITS);
    self->progress = g_new0(Item, self->n_items);
    self->done = done;
    self->user_data = user_data;
    if (!self->producer && !make_producer(self, &error)) {
        self->trouble = g_strdup(error->message);
    } else {
        /* behind one that is refused nothing is sent: the order would be lost when that one is tried again */
        for (guint i = 0;
             i < self->n_items && (i == 0 || !self->progress[i - 1].refused) && !self->trouble; i++)
            produce(self, i, &items[i]);
    }
    if (self->n_pending > 0)
        self->timeout = attach_timeout((guint)CLAMP(timeout_ms, 1, G_MAXINT), on_timeout, self);
    else
        self->timeout = attach_timeout(0, on_failed, self);
}

static void
kafka_cancel(VigilUploadSink *sink)
{
    Kafka *self = (Kafka *)sink;

    drop_producer(self);
    forget_attempt(self);
}

static void
kafka_free(VigilUploadSink *sink)
{
    Kafka *self = (Kafka *)sink;

    kafka_cancel(sink);
    vigil_upload_scene_free(self->scene);
    vigil_redact_release(&self->hold);
    vigil_upload_settings_unref(self->settings);
    g_free(self->client_id);
    g_free(self);
}

static void
kafka_skipped(VigilUploadSink *sink)
{
    vigil_upload_scene_forget(((Kafka *)sink)->scene);
}

static const VigilUploadSinkFuncs funcs = {
    .send = kafka_send, .cancel = kafka_cancel, .free = kafka_free, .skipped = kafka_skipped};

VigilUploadSink *
vigil_upload_kafka_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error)
{
    Kafka *self;

    if (!g_str_has_prefix(settings->url, SCHEME)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no address of brokers");
        return NULL;
    }
    self = g_new0(Kafka, 1);
    self->sink.funcs = &funcs;
    self->settings = vigil_upload_settings_ref(settings);
    self->scene = vigil_upload_scene_new();
    self->client_id =
        g_strdup_printf("vigil-%s", settings->source ? settings->source : site->source);
    return &self->sink;
}
