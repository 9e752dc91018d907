/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/backend.h"

#include <check.h>

struct Backend {
    BackendFunc func;
    gpointer user_data;
    GTlsCertificate *certificate; /* (nullable): then it is https: */
    GTlsCertificate *client;      /* (nullable): the only one that may come */
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    gchar *url;

    GMutex lock; /* guards what follows */
    GCond cond;
    GPtrArray *requests; /* (element-type BackendRequest) */
};

static void
request_free(gpointer data)
{
    BackendRequest *self = data;

    g_free(self->body);
    g_strfreev(self->keys);
    soup_message_headers_unref(self->headers);
    g_free(self);
}

gchar *
backend_inflate(SoupMessageHeaders *headers, SoupMessageBody *body)
{
    const gchar *coding = soup_message_headers_get_one(headers, "Content-Encoding");
    g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
    g_autoptr(GZlibDecompressor) gzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    g_autoptr(GInputStream) memory = g_memory_input_stream_new_from_bytes(bytes), stream = NULL;
    g_autoptr(GOutputStream) text = g_memory_output_stream_new_resizable();

    stream = g_strcmp0(coding, "gzip") == 0
                 ? g_converter_input_stream_new(memory, G_CONVERTER(gzip))
                 : g_object_ref(memory);
    if (g_output_stream_splice(text, stream, G_OUTPUT_STREAM_SPLICE_NONE, NULL, NULL) < 0 ||
        !g_output_stream_write_all(text, "", 1, NULL, NULL, NULL))
        return NULL;
    g_output_stream_close(text, NULL, NULL);
    return g_memory_output_stream_steal_data(G_MEMORY_OUTPUT_STREAM(text));
}

gchar **
backend_parse(const gchar *body)
{
    g_autoptr(JsonNode) root = json_from_string(body, NULL);
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    JsonArray *events;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root) ||
        !json_object_has_member(json_node_get_object(root), "events"))
        return NULL;
    events = json_object_get_array_member(json_node_get_object(root), "events");
    for (guint i = 0; i < json_array_get_length(events); i++)
        g_ptr_array_add(keys, g_strdup(json_object_get_string_member(
                                  json_array_get_object_element(events, i), "key")));
    g_ptr_array_add(keys, NULL);
    return (gchar **)g_ptr_array_free(g_steal_pointer(&keys), FALSE);
}

static void
copy_header(const gchar *name, const gchar *value, gpointer user_data)
{
    soup_message_headers_append(user_data, name, value);
}

static void
on_request(SoupServer *server, SoupServerMessage *message, const gchar *path, GHashTable *query,
           gpointer user_data)
{
    Backend *self = user_data;
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
    BackendRequest *request = g_new0(BackendRequest, 1);
    guint number;

    request->headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
    soup_message_headers_foreach(headers, copy_header, request->headers);
    request->gzip = soup_message_headers_get_one(headers, "Content-Encoding") != NULL;
    request->body = backend_inflate(headers, soup_server_message_get_request_body(message));
    request->keys = request->body ? backend_parse(request->body) : NULL;
    request->time_us = g_get_monotonic_time();
    soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
    g_mutex_lock(&self->lock);
    number = self->requests->len;
    g_ptr_array_add(self->requests, request);
    g_cond_broadcast(&self->cond);
    g_mutex_unlock(&self->lock);
    if (self->func)
        self->func(number, request, message, self->user_data);
}

static gboolean
on_certificate(SoupServerMessage *message, GTlsCertificate *certificate,
               GTlsCertificateFlags errors, gpointer user_data)
{
    const Backend *self = user_data;

    return self->client && g_tls_certificate_is_same(certificate, self->client);
}

static void
on_started(SoupServer *server, SoupServerMessage *message, gpointer user_data)
{
    g_signal_connect(message, "accept-certificate", G_CALLBACK(on_certificate), user_data);
}

static gpointer
run(gpointer user_data)
{
    Backend *self = user_data;
    g_autoptr(SoupServer) server = NULL;
    g_autoptr(GError) error = NULL;
    GSList *uris;

    g_main_context_push_thread_default(self->context);
    server = soup_server_new(
        "tls-certificate", self->certificate, "tls-auth-mode",
        self->client ? G_TLS_AUTHENTICATION_REQUIRED : G_TLS_AUTHENTICATION_NONE, NULL);
    g_signal_connect(server, "request-started", G_CALLBACK(on_started), self);
    soup_server_add_handler(server, NULL, on_request, self, NULL);
    if (!soup_server_listen_local(server, 0,
                                  SOUP_SERVER_LISTEN_IPV4_ONLY |
                                      (self->certificate ? SOUP_SERVER_LISTEN_HTTPS : 0),
                                  &error))
        g_error("no server: %s", error->message);
    uris = soup_server_get_uris(server);
    g_mutex_lock(&self->lock);
    self->url = g_strdup_printf("%s://127.0.0.1:%d/events", self->certificate ? "https" : "http",
                                g_uri_get_port(uris->data));
    g_cond_broadcast(&self->cond);
    g_mutex_unlock(&self->lock);
    g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
    g_main_loop_run(self->loop);
    soup_server_disconnect(server);
    g_clear_object(&server);
    while (g_main_context_iteration(self->context, FALSE))
        ;
    g_main_context_pop_thread_default(self->context);
    return NULL;
}

static Backend *
start(Backend *self)
{
    self->context = g_main_context_new();
    self->loop = g_main_loop_new(self->context, FALSE);
    self->requests = g_ptr_array_new_with_free_func(request_free);
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    self->thread = g_thread_new("backend", run, self);
    g_mutex_lock(&self->lock);
    while (!self->url)
        g_cond_wait(&self->cond, &self->lock);
    g_mutex_unlock(&self->lock);
    return self;
}

Backend *
backend_new(BackendFunc func, gpointer user_data)
{
    Backend *self = g_new0(Backend, 1);

    self->func = func;
    self->user_data = user_data;
    return start(self);
}

Backend *
backend_new_tls(BackendFunc func, gpointer user_data, const gchar *pem, const gchar *client)
{
    Backend *self = g_new0(Backend, 1);
    g_autoptr(GError) error = NULL;

    self->func = func;
    self->user_data = user_data;
    self->certificate = g_tls_certificate_new_from_file(pem, &error);
    if (self->certificate && client)
        self->client = g_tls_certificate_new_from_file(client, &error);
    ck_assert_msg(error == NULL, "%s", error ? error->message : "");
    return start(self);
}

static gboolean
quit(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_REMOVE;
}

void
backend_free(Backend *self)
{
    g_autoptr(GSource) source = g_idle_source_new();

    /* in the loop, which may not run yet */
    g_source_set_callback(source, quit, self->loop, NULL);
    g_source_attach(source, self->context);
    g_thread_join(self->thread);
    g_main_loop_unref(self->loop);
    g_main_context_unref(self->context);
    g_ptr_array_unref(self->requests);
    g_clear_object(&self->certificate);
    g_clear_object(&self->client);
    g_free(self->url);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_free(self);
}

const gchar *
backend_get_url(const Backend *self)
{
    return self->url;
}

guint
backend_get_n(Backend *self)
{
    guint n;

    g_mutex_lock(&self->lock);
    n = self->requests->len;
    g_mutex_unlock(&self->lock);
    return n;
}

void
backend_wait(Backend *self, guint n)
{
    const gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    guint got;

    g_mutex_lock(&self->lock);
    while (self->requests->len < n && g_cond_wait_until(&self->cond, &self->lock, until))
        ;
    got = self->requests->len;
    g_mutex_unlock(&self->lock);
    ck_assert_msg(got >= n, "%u requests came, not %u", got, n);
}

const BackendRequest *
backend_get(Backend *self, guint number)
{
    const BackendRequest *request;

    g_mutex_lock(&self->lock);
    ck_assert_uint_lt(number, self->requests->len);
    request = self->requests->pdata[number];
    g_mutex_unlock(&self->lock);
    return request;
}
