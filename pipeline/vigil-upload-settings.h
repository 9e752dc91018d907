/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilUploadScheme: how a destination is reached, as its address begins. */
typedef enum {
    VIGIL_UPLOAD_HTTP,
    VIGIL_UPLOAD_HTTPS,
    VIGIL_UPLOAD_MQTT,
    VIGIL_UPLOAD_MQTTS,
    VIGIL_UPLOAD_KAFKA,
} VigilUploadScheme;

/**
 * VigilUploadSettings:
 * @name: letters, digits, `-`, `_` and `.`; unique
 * @url: without who logs in
 * @scheme: of @url, a #VigilUploadScheme
 * @form: a #VigilUploadForm, see pipeline/upload/vigil-upload-form.h
 * @source: (nullable): what this installation is called there; %NULL: the machine's name
 * @token: (nullable): absolute path of a bearer token, or name of a credential of systemd's; HTTP only
 * @credentials: (nullable): the same for a login, as vigil_rtsp_login_read() takes it; MQTT and Kafka only
 * @topic: MQTT: what topics begin with; Kafka: the topic
 * @discovery: MQTT: Home Assistant is told of cameras and rules
 * @snapshots: pictures of events are sent as well
 * @batch: messages sent at once at most
 * @max_age_ns: messages that waited longer are dropped
 * @max_bytes: more may not wait
 * @timeout_ns: of one attempt
 * @tls: there is a mapping `tls`, be it empty: what makes the difference for Kafka, of which the scheme does not tell
 * @tls_ca: (nullable): absolute; so are @tls_cert and @tls_key, of which there are both or none
 *
 * What was asked for one destination of events. Reference counted, immutable once loaded.
 */
typedef struct {
    /*< private >*/
    gatomicrefcount refs;

    /*< public >*/
    gchar *name, *url, *source;
    gint scheme, form;
    gchar *token, *credentials, *topic;
    gboolean discovery, snapshots;
    gint64 batch, max_age_ns, max_bytes, timeout_ns;
    gboolean tls;
    gchar *tls_ca, *tls_cert, *tls_key;
} VigilUploadSettings;

VigilUploadSettings *vigil_upload_settings_ref(VigilUploadSettings *self);
void vigil_upload_settings_unref(VigilUploadSettings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilUploadSettings, vigil_upload_settings_unref)

/** vigil_upload_settings_equal: what sends to one sends to the other. */
gboolean vigil_upload_settings_equal(const VigilUploadSettings *a, const VigilUploadSettings *b);

G_END_DECLS
