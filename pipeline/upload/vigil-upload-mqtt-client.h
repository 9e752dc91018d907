/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilUploadMqttVersion: which protocol is spoken
 */
typedef enum {
    VIGIL_UPLOAD_MQTT_5,
    VIGIL_UPLOAD_MQTT_311,
} VigilUploadMqttVersion;

/**
 * VigilUploadMqttOptions:
 * @client_id: the broker throws out who connects with the same one before
 * @username: (nullable), as are @password, @ca, @cert and @key
 * @tls: without @ca the system's authorities are trusted; the broker's name must be in its certificate
 * @will_topic: gets `offline`, retained, from the broker when the connection breaks, and from us before we go; `online` when it stands
 * @keepalive_s: 5..65535
 * @max_inflight: messages that are sent and not acknowledged, 1..65535
 *
 * Copied. What one connection is made of.
 */
typedef struct {
    gchar *host, *client_id, *username, *password, *ca, *cert, *key, *will_topic;
    guint16 port;
    gboolean tls;
    VigilUploadMqttVersion version;
    guint keepalive_s, max_inflight;
} VigilUploadMqttOptions;

/**
 * VigilUploadMqttEvents: what happened; called in the main context that was the default one of the thread that opened
 * @connected: the broker took us
 * @closed: the connection, or the attempt at one, is over; the last call. @version_refused: the broker does not speak this version, or closed
 *   before it said anything
 * @acknowledged: PUBACK for what vigil_upload_mqtt_client_publish() gave; @reason: of MQTT 5, below 128 is well
 * @received: @payload is NUL-terminated
 */
typedef struct {
    void (*connected)(gpointer user_data);
    void (*closed)(const gchar *reason, gboolean version_refused, gpointer user_data);
    void (*acknowledged)(gint id, gint reason, gpointer user_data);
    void (*received)(const gchar *topic, const gchar *payload, gboolean retained,
                     gpointer user_data);
} VigilUploadMqttEvents;

/**
 * VigilUploadMqttClient: one connection to a broker, by libmosquitto
 *
 * Looking up names, connecting, TLS and writing may all block: they are done by a thread of the client's own, which ends
 * with the connection. There is no second attempt: who opened it decides about that.
 * Threads: all functions in the one that opened it.
 */
typedef struct VigilUploadMqttClient VigilUploadMqttClient;

VigilUploadMqttClient *
vigil_upload_mqtt_client_open(const VigilUploadMqttOptions *options,
                              const VigilUploadMqttEvents *events, gpointer user_data);
/**
 * vigil_upload_mqtt_client_leave:
 *
 * Begins to say goodbye where there is a connection, and does not wait. No event comes after it; nothing but
 * vigil_upload_mqtt_client_close() may follow, which then waits until @wait_ms from now at most.
 * @when_sent: only once all that was published is acknowledged; else that may be lost
 */
void vigil_upload_mqtt_client_leave(VigilUploadMqttClient *self, guint wait_ms, gboolean when_sent);
/**
 * vigil_upload_mqtt_client_close: (nullable) @self:
 *
 * Says goodbye, for @wait_ms at most, unless that was begun before, and frees the client. A thread that hangs is left behind.
 */
void vigil_upload_mqtt_client_close(VigilUploadMqttClient *self, guint wait_ms);

/**
 * vigil_upload_mqtt_client_publish: with QoS 1
 * @key: (nullable): user property `key` of MQTT 5
 *
 * Returns: what `acknowledged` will name; negative: not possible, see @reason (out) (optional) and @refused (out) (optional): the
 *   message is to blame, not the connection
 */
gint vigil_upload_mqtt_client_publish(VigilUploadMqttClient *self, const gchar *topic,
                                      gconstpointer payload, gsize size, gboolean retain,
                                      const gchar *key, const gchar **reason, gboolean *refused);
/** vigil_upload_mqtt_client_subscribe: with QoS 1; a broker that forbids it sends nothing, that is all. */
void vigil_upload_mqtt_client_subscribe(VigilUploadMqttClient *self, const gchar *filter);

G_END_DECLS
