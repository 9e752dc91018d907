/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-mqtt.h"

#include <gio/gio.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-discovery.h"
#include "pipeline/upload/vigil-upload-mqtt-client.h"
#include "pipeline/vigil-redact.h"
#include "plugins/rtsp/vigil-rtsp-login.h"

#define KEEPALIVE_S 30
#define MAX_INFLIGHT 20 /* what mosquitto takes at a time unless it was told otherwise */
#define GOODBYE_MS 2000
#define LONGEST_PAUSE_S 60 /* between attempts while there is nothing to send */
#define CLIENT_ID_MAX 64

/* Reasons of PUBACK: the message is to blame, and it will be the next time. */
#define REASON_BAD 128
#define REASON_TOPIC_INVALID 144
#define REASON_TOO_LARGE 149
#define REASON_PAYLOAD_INVALID 153

typedef struct {
    guint pending;  /* publications that are not acknowledged */
    gchar *refused; /* (nullable): why it never will be taken */
} Item;

typedef struct {
    VigilUploadSink sink;
    VigilUploadSettings *settings;
    VigilUploadMqttOptions options;
    VigilUploadDiscovery *discovery; /* where it is not wanted: to take away what was */
    VigilUploadScene *scene;
    VigilRedactHold *hold; /* (nullable): secrets that are in files */

    VigilUploadMqttClient *client; /* NULL: no connection and none is tried */
    gboolean connected;
    GSource *pause; /* until an attempt for the presence's sake */
    guint n_failed;

    /* what is being sent */
    const VigilUploadItem *items;
    guint n_items;
    Item *progress;     /* n_items of them, once published */
    GHashTable *owners; /* id of a publication -> index of its item */
    GSource *timeout;
    gint64 slow_down_us;
    gchar *trouble; /* (nullable): why the broker took something not now */
    VigilUploadDone done;
    gpointer user_data;
} Mqtt;

static void open_client(Mqtt *self);

static GSource *
attach_timeout(guint ms, GSourceFunc func, Mqtt *self)
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
forget_attempt(Mqtt *self)
{
    drop_source(&self->timeout);
    g_hash_table_remove_all(self->owners);
    for (guint i = 0; self->progress && i < self->n_items; i++)
        g_free(self->progress[i].refused);
    g_clear_pointer(&self->progress, g_free);
    g_clear_pointer(&self->trouble, g_free);
    self->items = NULL;
    self->n_items = 0;
    self->done = NULL;
}

static guint
count_arrived(const Mqtt *self)
{
    guint n = 0;

    while (self->progress && n < self->n_items && self->progress[n].pending == 0 &&
           !self->progress[n].refused)
        n++;
    return n;
}

/* Tells the result; what @done does next comes to a sink that is ready for it. */
static void
finish(Mqtt *self, VigilUploadOutcome outcome, const gchar *reason)
{
    VigilUploadDone done = self->done;
    gpointer user_data = self->user_data;
    g_autofree gchar *text = vigil_redact(reason);
    const VigilUploadResult result = {outcome, count_arrived(self), 0, text};

    if (!done)
        return;
    forget_attempt(self);
    done(&result, user_data);
}

/* An item that was refused decides only when all before it have arrived. */
static void
look_at_progress(Mqtt *self)
{
    const guint n = count_arrived(self);

    if (!self->done || !self->progress)
        return;
    if (n == self->n_items) {
        finish(self, VIGIL_UPLOAD_SENT, NULL);
    } else if (g_hash_table_size(self->owners) == 0) {
        g_autofree gchar *refused = g_strdup(self->progress[n].refused);
        g_autofree gchar *trouble = g_strdup(self->trouble);

        finish(self, refused ? VIGIL_UPLOAD_REFUSED : VIGIL_UPLOAD_RETRY,
               refused ? refused : trouble);
    }
}

/* --- publishing ------------------------------------------------------------------------------ */

static void
publish_for(Mqtt *self, guint index, const gchar *topic, gconstpointer payload, gsize size,
            gboolean retain)
{
    Item *item = &self->progress[index];
    const gchar *reason = NULL;
    gboolean refused = FALSE;
    const gint id =
        vigil_upload_mqtt_client_publish(self->client, topic, payload, size, retain,
                                         self->items[index].message->key, &reason, &refused);

    if (id >= 0) {
        item->pending++;
        g_hash_table_insert(self->owners, GINT_TO_POINTER(id), GUINT_TO_POINTER(index));
    } else if (!refused) {
        item->pending++; /* for good: the whole is tried again */
        if (!self->trouble)
            self->trouble = g_strdup_printf("%s: %s", topic, reason);
    } else if (!item->refused) {
        item->refused = g_strdup_printf("%s: %s", topic, reason);
    }
}

static void
publish_snapshot(Mqtt *self, guint index, const VigilUploadLine *line)
{
    GBytes *snapshot = self->items[index].snapshot;
    g_autofree gchar *camera = vigil_upload_form_level(line->camera);
    g_autofree gchar *label = vigil_upload_form_level(line->label ? line->label : "object");
    g_autofree gchar *topic =
        g_strdup_printf("%s/%s/%s/snapshot", self->settings->topic, camera, label);
    gsize size = 0;
    gconstpointer data = g_bytes_get_data(snapshot, &size);

    publish_for(self, index, topic, data, size, TRUE);
}

static void
publish_item(Mqtt *self, guint index)
{
    const VigilUploadItem *item = &self->items[index];
    const VigilUploadFormInput input = {item->message->json, item->message->key, item->width,
                                        item->height};
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilUploadLine) line = vigil_upload_line_parse(input.line, &error);
    g_autoptr(GPtrArray) pieces =
        line ? vigil_upload_form_pieces((VigilUploadForm)self->settings->form, &input,
                                        self->settings->topic, self->scene, &error)
             : NULL;

    if (!pieces) {
        self->progress[index].refused = g_strdup(error->message);
        return;
    }
    if (self->settings->discovery)
        vigil_upload_discovery_follow(self->discovery, &input, line, self->scene, pieces);
    for (guint i = 0; i < pieces->len; i++) {
        const VigilUploadPiece *piece = pieces->pdata[i];

        publish_for(self, index, piece->topic, piece->payload, strlen(piece->payload),
                    piece->retain);
    }
    if (item->snapshot)
        publish_snapshot(self, index, line);
}

/* Behind a message that is refused, or did not get out, nothing is sent: the order would be lost when it is tried again. */
static void
publish_all(Mqtt *self)
{
    gboolean well = TRUE;

    self->progress = g_new0(Item, self->n_items);
    for (guint i = 0; i < self->n_items; i++) {
        if (well)
            publish_item(self, i);
        else
            self->progress[i].pending = 1;
        well = well && !self->progress[i].refused && !self->trouble;
    }
}

static void
publish_descriptions(Mqtt *self)
{
    g_autoptr(GPtrArray) pieces = vigil_upload_discovery_describe(self->discovery, self->scene);

    for (guint i = 0; i < pieces->len; i++) {
        const VigilUploadPiece *piece = pieces->pdata[i];

        vigil_upload_mqtt_client_publish(self->client, piece->topic, piece->payload,
                                         strlen(piece->payload), piece->retain, NULL, NULL, NULL);
    }
}

/* --- what the connection tells --------------------------------------------------------------- */

static gboolean
on_idle_later(gpointer user_data)
{
    Mqtt *self = user_data;

    look_at_progress(self);
    return G_SOURCE_REMOVE;
}

static void
on_connected(gpointer user_data)
{
    Mqtt *self = user_data;
    const gchar *const *filters = vigil_upload_discovery_get_filters(self->discovery);

    self->connected = TRUE;
    self->n_failed = 0;
    for (guint i = 0; filters[i]; i++)
        vigil_upload_mqtt_client_subscribe(self->client, filters[i]);
    if (self->settings->discovery) {
        vigil_upload_mqtt_client_subscribe(self->client, VIGIL_UPLOAD_DISCOVERY_BIRTH);
        publish_descriptions(self);
    }
    if (self->done) {
        publish_all(self);
        look_at_progress(self);
    }
}

static gboolean
on_pause_over(gpointer user_data)
{
    Mqtt *self = user_data;

    drop_source(&self->pause);
    if (!self->client)
        open_client(self);
    return G_SOURCE_REMOVE;
}

/* So that others see that we run, also when nothing happens. Attempts to send something come when the pump says so. */
static void
pause_and_try(Mqtt *self)
{
    const guint seconds = MIN(1U << MIN(self->n_failed, 10), LONGEST_PAUSE_S);

    if (self->n_failed < G_MAXUINT)
        self->n_failed++;
    drop_source(&self->pause);
    self->pause = attach_timeout(seconds * 1000 + g_random_int_range(0, 500), on_pause_over, self);
}

static void
drop_client(Mqtt *self, guint wait_ms)
{
    self->connected = FALSE;
    vigil_upload_mqtt_client_close(g_steal_pointer(&self->client), wait_ms);
}

static void
on_closed(const gchar *reason, gboolean version_refused, gpointer user_data)
{
    Mqtt *self = user_data;

    drop_client(self, 0);
    if (version_refused)
        self->options.version = self->options.version == VIGIL_UPLOAD_MQTT_5 ? VIGIL_UPLOAD_MQTT_311
                                                                             : VIGIL_UPLOAD_MQTT_5;
    pause_and_try(self);
    finish(self, VIGIL_UPLOAD_RETRY, reason);
}

static gboolean
is_refusal(gint reason)
{
    return reason == REASON_TOPIC_INVALID || reason == REASON_TOO_LARGE ||
           reason == REASON_PAYLOAD_INVALID;
}

static void
on_acknowledged(gint id, gint reason, gpointer user_data)
{
    Mqtt *self = user_data;
    gpointer index;

    if (!self->progress ||
        !g_hash_table_steal_extended(self->owners, GINT_TO_POINTER(id), NULL, &index))
        return;

    Item *item = &self->progress[GPOINTER_TO_UINT(index)];

    if (reason < REASON_BAD) {
        item->pending--;
    } else if (is_refusal(reason)) {
        item->pending--;
        if (!item->refused)
            item->refused = g_strdup_printf("the broker's reason is %d", reason);
    } else if (!self->trouble) {
        /* not allowed, over a quota, …: what the broker's owner can change */
        self->trouble = g_strdup_printf("the broker does not take it now, reason %d%s", reason,
                                        reason == 135 ? ": not authorized to publish there" : "");
    }
    look_at_progress(self);
}

/* An empty one takes away what the broker retains: first what the camera's last event was, then that there is such a thing. */
static void
take_away(Mqtt *self, const gchar *topic, const gchar *payload)
{
    g_autofree gchar *state = vigil_upload_discovery_get_state(self->discovery, payload);

    if (state)
        vigil_upload_mqtt_client_publish(self->client, state, "", 0, TRUE, NULL, NULL, NULL);
    vigil_upload_mqtt_client_publish(self->client, topic, "", 0, TRUE, NULL, NULL, NULL);
}

static void
on_received(const gchar *topic, const gchar *payload, gboolean retained, gpointer user_data)
{
    Mqtt *self = user_data;

    if (!self->connected)
        return;
    if (g_str_equal(topic, VIGIL_UPLOAD_DISCOVERY_BIRTH)) {
        if (!retained && g_str_equal(payload, "online"))
            publish_descriptions(self);
    } else if (*payload && vigil_upload_discovery_is_stale(self->discovery, topic, payload)) {
        take_away(self, topic, payload);
    }
}

static const VigilUploadMqttEvents events = {on_connected, on_closed, on_acknowledged, on_received};

/* --- connecting ------------------------------------------------------------------------------ */

/* The file is read each time: who corrects it need not restart anything. */
static gboolean
read_login(Mqtt *self, GError **error)
{
    g_auto(VigilRtspLogin) login = {0};

    if (!self->settings->credentials)
        return TRUE;
    if (!vigil_rtsp_login_read(&login, self->settings->credentials, error))
        return FALSE;
    vigil_redact_hold(&self->hold, login.password);
    g_free(self->options.username);
    g_free(self->options.password);
    self->options.username = g_steal_pointer(&login.user);
    self->options.password = g_steal_pointer(&login.password);
    return TRUE;
}

static gboolean
on_no_login(gpointer user_data)
{
    Mqtt *self = user_data;
    g_autoptr(GError) error = NULL;

    drop_source(&self->timeout);
    if (read_login(self, &error))
        g_set_error(&error, G_IO_ERROR, G_IO_ERROR_BUSY, "the login could not be read");
    pause_and_try(self);
    finish(self, VIGIL_UPLOAD_RETRY, error->message);
    return G_SOURCE_REMOVE;
}

static void
open_client(Mqtt *self)
{
    g_autoptr(GError) error = NULL;

    drop_source(&self->pause);
    if (read_login(self, &error)) {
        self->client = vigil_upload_mqtt_client_open(&self->options, &events, self);
    } else if (self->done) {
        drop_source(&self->timeout);
        self->timeout = attach_timeout(0, on_no_login, self);
    } else {
        pause_and_try(self);
    }
}

static gboolean
on_timeout(gpointer user_data)
{
    Mqtt *self = user_data;

    /* the connection is not what it seems */
    drop_client(self, 0);
    pause_and_try(self);
    finish(self, VIGIL_UPLOAD_RETRY,
           self->progress ? "the broker acknowledges nothing" : "no connection to the broker");
    return G_SOURCE_REMOVE;
}

/* --- the sink -------------------------------------------------------------------------------- */

static void
mqtt_send(VigilUploadSink *sink, const VigilUploadItem *items, guint n, VigilUploadDone done,
          gpointer user_data)
{
    Mqtt *self = (Mqtt *)sink;

    self->items = items;
    self->n_items = n;
    self->done = done;
    self->user_data = user_data;
    self->timeout = attach_timeout((guint)CLAMP(self->settings->timeout_ns / 1000000, 1, G_MAXINT),
                                   on_timeout, self);
    if (self->connected) {
        publish_all(self);
        if (g_hash_table_size(self->owners) == 0) {
            /* nothing got out: told later, not from within */
            drop_source(&self->timeout);
            self->timeout = attach_timeout(0, on_idle_later, self);
        }
    } else if (!self->client) {
        open_client(self);
    }
}

static void
mqtt_cancel(VigilUploadSink *sink)
{
    Mqtt *self = (Mqtt *)sink;

    /* what is on its way is not called back: later acknowledgements belong to nobody */
    forget_attempt(self);
}

static void
take_all_away(Mqtt *self)
{
    g_autoptr(GPtrArray) topics = vigil_upload_discovery_list_topics(self->discovery);

    if (!self->connected)
        g_message("%s: no connection to the broker: what Home Assistant was told stays there",
                  self->settings->name);
    for (guint i = 0; self->connected && i < topics->len; i++)
        vigil_upload_mqtt_client_publish(self->client, topics->pdata[i], "", 0, TRUE, NULL, NULL,
                                         NULL);
}

static void
mqtt_leave(VigilUploadSink *sink, gboolean for_good)
{
    Mqtt *self = (Mqtt *)sink;

    forget_attempt(self);
    drop_source(&self->pause);
    if (for_good && self->settings->discovery)
        take_all_away(self);
    if (self->client)
        vigil_upload_mqtt_client_leave(self->client, GOODBYE_MS, for_good);
}

static void
mqtt_free(VigilUploadSink *sink)
{
    Mqtt *self = (Mqtt *)sink;

    forget_attempt(self);
    drop_source(&self->pause);
    drop_client(self, GOODBYE_MS);
    g_hash_table_unref(self->owners);
    vigil_upload_scene_free(self->scene);
    vigil_redact_release(&self->hold);
    vigil_upload_discovery_free(self->discovery);
    g_free(self->options.host);
    g_free(self->options.client_id);
    g_free(self->options.username);
    g_free(self->options.password);
    g_free(self->options.ca);
    g_free(self->options.cert);
    g_free(self->options.key);
    g_free(self->options.will_topic);
    vigil_upload_settings_unref(self->settings);
    g_free(self);
}

/* What stood open may have ended: nothing says ON for ever. */
static void
mqtt_skipped(VigilUploadSink *sink)
{
    Mqtt *self = (Mqtt *)sink;

    vigil_upload_scene_forget(self->scene);
    if (self->settings->discovery && self->connected)
        publish_descriptions(self);
}

static const VigilUploadSinkFuncs funcs = {.send = mqtt_send,
                                           .cancel = mqtt_cancel,
                                           .leave = mqtt_leave,
                                           .free = mqtt_free,
                                           .skipped = mqtt_skipped};

/* Brokers at home are often plain, so that is no mistake, but somebody should know. */
static void
warn_of_plain_login(const VigilUploadSettings *settings, const gchar *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    const gboolean loopback =
        address ? g_inet_address_get_is_loopback(address) : g_str_equal(host, "localhost");

    if (settings->credentials && settings->scheme == VIGIL_UPLOAD_MQTT && !loopback)
        g_message("%s: the login goes to %s unencrypted, for everybody on the way to read: use "
                  "mqtts: where the broker has it",
                  settings->name, host);
}

/*
 * The same after each restart, and another one for each installation and destination, since a broker throws out the one of two
 * clients with the same id who came first, for ever in turn.
 */
static gchar *
make_client_id(const VigilUploadSettings *settings, const VigilUploadSite *site)
{
    const gchar *source = settings->source ? settings->source : site->source;
    g_autofree gchar *text =
        g_strjoin("\n", site->id ? site->id : "", source, settings->name, NULL);
    g_autofree gchar *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    g_autofree gchar *name = g_strdup(source);

    g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_", '-');
    return g_strdup_printf("vigil-%.*s-%.12s", CLIENT_ID_MAX - 20, name, hash);
}

/* Each of several installations on a broker has its own, but for those who read Frigate's. */
static gchar *
make_availability(const VigilUploadSettings *settings, const VigilUploadSite *site)
{
    return site->id && settings->form != VIGIL_UPLOAD_FORM_FRIGATE
               ? g_strdup_printf("%s/%s/available", settings->topic, site->id)
               : g_strconcat(settings->topic, "/available", NULL);
}

static gboolean
set_options(Mqtt *self, const VigilUploadSite *site, GError **error)
{
    const VigilUploadSettings *settings = self->settings;
    const gboolean tls = settings->scheme == VIGIL_UPLOAD_MQTTS;
    g_autoptr(GUri) uri = g_uri_parse(settings->url, G_URI_FLAGS_NONE, error);

    if (!uri)
        return FALSE;
    self->options = (VigilUploadMqttOptions){
        .host = g_strdup(g_uri_get_host(uri)),
        .port = (guint16)(g_uri_get_port(uri) > 0 ? g_uri_get_port(uri)
                          : tls                   ? 8883
                                                  : 1883),
        .client_id = make_client_id(settings, site),
        .tls = tls,
        .ca = g_strdup(settings->tls_ca),
        .cert = g_strdup(settings->tls_cert),
        .key = g_strdup(settings->tls_key),
        .will_topic = make_availability(settings, site),
        .version = VIGIL_UPLOAD_MQTT_5,
        .keepalive_s = KEEPALIVE_S,
        .max_inflight = MAX_INFLIGHT,
    };
    return TRUE;
}

VigilUploadSink *
vigil_upload_mqtt_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error)
{
    Mqtt *self = g_new0(Mqtt, 1);

    self->sink.funcs = &funcs;
    self->settings = vigil_upload_settings_ref(settings);
    self->scene = vigil_upload_scene_new();
    self->owners = g_hash_table_new(NULL, NULL);
    if (!set_options(self, site, error)) {
        mqtt_free(&self->sink);
        return NULL;
    }
    warn_of_plain_login(settings, self->options.host);
    self->discovery = vigil_upload_discovery_new(
        settings->source ? settings->source : site->source, site->id, settings->topic,
        self->options.will_topic, settings->discovery ? site->cameras : NULL);
    open_client(self);
    return &self->sink;
}
