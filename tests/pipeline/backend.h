/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

G_BEGIN_DECLS

/** Backend: a real HTTP server of a test's own process, in a thread of its own. */
typedef struct Backend Backend;

/**
 * BackendRequest: what came
 * @body: as it was sent, after decompression
 * @keys: of its events, NULL-terminated
 * @headers: a copy
 * @time_us: monotonic
 */
typedef struct {
    gchar *body;
    gchar **keys;
    SoupMessageHeaders *headers;
    gboolean gzip;
    gint64 time_us;
} BackendRequest;

/**
 * BackendFunc: answers request @number, from 0; in the server's thread. @message has the status 200 and no body.
 */
typedef void (*BackendFunc)(guint number, const BackendRequest *request, SoupServerMessage *message,
                            gpointer user_data);

/** backend_new: (transfer full): on a free port of loopback. @func: (nullable) */
Backend *backend_new(BackendFunc func, gpointer user_data);
/**
 * backend_new_tls: https:
 * @pem: certificate and key
 * @client: (nullable): the certificate that clients must show
 */
Backend *
backend_new_tls(BackendFunc func, gpointer user_data, const gchar *pem, const gchar *client);
void backend_free(Backend *self);

/** backend_get_url: its address, borrowed. */
const gchar *backend_get_url(const Backend *self);
guint backend_get_n(Backend *self);
/** backend_wait: for so many requests; fails the test after 20 s. */
void backend_wait(Backend *self, guint n);
/** backend_get: the request stays while the backend does. */
const BackendRequest *backend_get(Backend *self, guint number);

/** backend_parse: (transfer full) (nullable): the keys of a body's events. */
gchar **backend_parse(const gchar *body);
/** backend_inflate: (transfer full): a request's body, decompressed where it says so; NULL when it is damaged. */
gchar *backend_inflate(SoupMessageHeaders *headers, SoupMessageBody *body);

G_END_DECLS
