/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-http.h"

#include <string.h>

#include "pipeline/upload/vigil-upload-http-private.h"
#include "pipeline/vigil-redact.h"
#include "plugins/common/vigil-secret-file.h"
#include "vigil-config.h"

/* Of an answer no more is read: it is a reason for a human. */
#define LONGEST_ANSWER 4096

typedef struct {
    VigilUploadSink sink;
    VigilUploadSettings *settings;
    gchar *source;
    GUri *uri;
    SoupSession *session;
    GTlsCertificate *certificate; /* (nullable): of this client */
    VigilUploadScene *scene;
    VigilRedactHold *hold; /* (nullable): secrets that are in files */
    gboolean plain;        /* the server does not take gzip */
    struct Attempt *attempt;
} Sink;

/* A request that is under way. It may outlive the sink: what was cancelled ends later. */
typedef struct Attempt {
    Sink *sink; /* %NULL: it was cancelled */
    SoupMessage *message;
    GInputStream *answer;
    GCancellable *cancellable;
    GSource *timer;
    gboolean timed_out;
    GError *error; /* why there is no message */
    VigilUploadDone done;
    gpointer user_data;
    gchar text[LONGEST_ANSWER + 1];
} Attempt;

static void
stop_timer(Attempt *self)
{
    if (!self->timer)
        return;
    g_source_destroy(self->timer);
    g_clear_pointer(&self->timer, g_source_unref);
}

static void
attempt_free(Attempt *self)
{
    stop_timer(self);
    g_clear_object(&self->answer);
    g_clear_object(&self->message);
    g_clear_error(&self->error);
    g_object_unref(self->cancellable);
    g_free(self);
}

static void
detach(Attempt *self)
{
    if (self->sink)
        self->sink->attempt = NULL;
    self->sink = NULL;
    stop_timer(self);
}

/* The attempt is over, and may be freed by who calls this. */
static void
tell(Attempt *self, const VigilUploadResult *result)
{
    const gboolean wanted = self->sink != NULL;

    detach(self);
    if (wanted)
        self->done(result, self->user_data);
}

static void
tell_failure(Attempt *self, const gchar *reason)
{
    const VigilUploadResult result = {
        .outcome = VIGIL_UPLOAD_RETRY,
        .reason = self->timed_out ? "the server did not answer in time" : reason};

    tell(self, &result);
}

/* --- the answer ------------------------------------------------------------------------------ */

static void
tell_answer(Attempt *self)
{
    const guint status = soup_message_get_status(self->message);
    g_autofree gchar *reason = NULL;
    VigilUploadResult result =
        vigil_upload_http_judge(status, soup_message_get_response_headers(self->message),
                                self->text, g_get_real_time(), &reason);

    if (status == SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE && self->sink && !self->sink->plain) {
        self->sink->plain = TRUE; /* maybe it is only gzip that it does not take */
        result.outcome = VIGIL_UPLOAD_RETRY;
    }
    tell(self, &result);
}

static void
on_read(GObject *stream, GAsyncResult *async, gpointer user_data)
{
    Attempt *self = user_data;
    g_autoptr(GError) error = NULL;
    gsize n = 0;

    /* an answer that breaks off says nothing reliable */
    if (!g_input_stream_read_all_finish(G_INPUT_STREAM(stream), async, &n, &error)) {
        tell_failure(self, error->message);
    } else {
        self->text[n] = '\0';
        tell_answer(self);
    }
    attempt_free(self);
}

static void
on_sent(GObject *session, GAsyncResult *async, gpointer user_data)
{
    Attempt *self = user_data;
    g_autoptr(GError) error = NULL;

    self->answer = soup_session_send_finish(SOUP_SESSION(session), async, &error);
    if (!self->answer) {
        tell_failure(self, error->message);
        attempt_free(self);
        return;
    }
    g_input_stream_read_all_async(self->answer, self->text, LONGEST_ANSWER, G_PRIORITY_DEFAULT,
                                  self->cancellable, on_read, self);
}

static gboolean
on_timeout(gpointer user_data)
{
    Attempt *self = user_data;

    self->timed_out = TRUE;
    g_cancellable_cancel(self->cancellable);
    return G_SOURCE_REMOVE;
}

/* --- the request ----------------------------------------------------------------------------- */

/* Read each time: it may be renewed at any moment. */
static gboolean
add_token(Sink *self, SoupMessageHeaders *headers, GError **error)
{
    g_autofree gchar *path = NULL, *token = NULL, *value = NULL;

    if (!self->settings->token)
        return TRUE;
    path = vigil_secret_file_find(self->settings->token, error);
    token = path ? vigil_secret_file_read(path, error) : NULL;
    if (!token)
        return FALSE;
    token[strcspn(token, "\r\n")] = '\0';
    g_strstrip(token);
    if (!*token || strlen(token) > VIGIL_SECRET_FILE_LARGEST ||
        strspn(token, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-._~+/=") != strlen(token)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "there is no token in %s: write one line of letters, digits and -._~+/=", path);
        return FALSE;
    }
    vigil_redact_hold(&self->hold, token);
    value = g_strconcat("Bearer ", token, NULL);
    soup_message_headers_replace(headers, "Authorization", value);
    return TRUE;
}

static SoupMessage *
make_message(Sink *self, const VigilUploadItem *items, guint n, GError **error)
{
    g_autoptr(SoupMessage) message = soup_message_new_from_uri(SOUP_METHOD_POST, self->uri);
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);
    g_autofree gchar *key = vigil_upload_http_key(items, n);
    g_autofree gchar *quoted = g_strdup_printf("\"%s\"", key);
    g_autofree gchar *text =
        vigil_upload_http_body(self->settings, self->source, items, n, self->scene, error);
    g_autoptr(GBytes) body = NULL;

    if (!text || !add_token(self, headers, error))
        return NULL;
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
    soup_message_headers_replace(headers, "Idempotency-Key", quoted);
    if (!self->plain)
        soup_message_headers_replace(headers, "Content-Encoding", "gzip");
    body = self->plain ? g_bytes_new(text, strlen(text)) : vigil_upload_http_gzip(text);
    soup_message_set_request_body_from_bytes(message, "application/json", body);
    if (self->certificate)
        soup_message_set_tls_client_certificate(message, self->certificate);
    return g_steal_pointer(&message);
}

/* A message that cannot be made. Told later, as the pump is in the middle of its call. */
static gboolean
on_early(gpointer user_data)
{
    Attempt *self = user_data;
    const gboolean hopeless =
        g_error_matches(self->error, VIGIL_UPLOAD_LINE_ERROR, VIGIL_UPLOAD_LINE_ERROR_MALFORMED);
    const VigilUploadResult result = {.outcome =
                                          hopeless ? VIGIL_UPLOAD_REFUSED : VIGIL_UPLOAD_RETRY,
                                      .reason = self->error->message};

    tell(self, &result);
    attempt_free(self);
    return G_SOURCE_REMOVE;
}

static void
start_timer(Attempt *self, guint wait_ms, GSourceFunc func)
{
    self->timer = g_timeout_source_new(wait_ms);
    g_source_set_callback(self->timer, func, self, NULL);
    g_source_attach(self->timer, g_main_context_get_thread_default());
}

static void
http_send(VigilUploadSink *sink, const VigilUploadItem *items, guint n, VigilUploadDone done,
          gpointer user_data)
{
    Sink *self = (Sink *)sink;
    Attempt *attempt = g_new0(Attempt, 1);

    self->attempt = attempt;
    attempt->sink = self;
    attempt->done = done;
    attempt->user_data = user_data;
    attempt->cancellable = g_cancellable_new();
    attempt->message = make_message(self, items, n, &attempt->error);
    if (!attempt->message) {
        start_timer(attempt, 0, on_early);
        return;
    }
    start_timer(attempt, (guint)(self->settings->timeout_ns / 1000000), on_timeout);
    soup_session_send_async(self->session, attempt->message, G_PRIORITY_DEFAULT,
                            attempt->cancellable, on_sent, attempt);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void
http_cancel(VigilUploadSink *sink)
{
    Attempt *attempt = ((Sink *)sink)->attempt;

    if (!attempt)
        return;
    detach(attempt);
    if (attempt->message)
        g_cancellable_cancel(attempt->cancellable); /* it ends, and frees itself, later */
    else
        attempt_free(attempt);
}

static void
http_free(VigilUploadSink *sink)
{
    Sink *self = (Sink *)sink;

    http_cancel(sink);
    if (self->session)
        soup_session_abort(self->session);
    g_clear_object(&self->session);
    g_clear_object(&self->certificate);
    g_clear_pointer(&self->uri, g_uri_unref);
    vigil_upload_scene_free(self->scene);
    vigil_redact_release(&self->hold);
    vigil_upload_settings_unref(self->settings);
    g_free(self->source);
    g_free(self);
}

static void
http_skipped(VigilUploadSink *sink)
{
    vigil_upload_scene_forget(((Sink *)sink)->scene);
}

/* Verification is on unless a handler says otherwise, and there is none. */
static gboolean
set_tls(Sink *self, GError **error)
{
    g_autoptr(GTlsDatabase) database = NULL;

    if (self->settings->tls_ca) {
        database = g_tls_file_database_new(self->settings->tls_ca, error);
        if (!database)
            return FALSE;
        soup_session_set_tls_database(self->session, database);
    }
    if (!self->settings->tls_cert)
        return TRUE;
    self->certificate =
        g_tls_certificate_new_from_files(self->settings->tls_cert, self->settings->tls_key, error);
    return self->certificate != NULL;
}

VigilUploadSink *
vigil_upload_http_new(VigilUploadSettings *settings, const VigilUploadSite *site, GError **error)
{
    static const VigilUploadSinkFuncs funcs = {
        .send = http_send, .cancel = http_cancel, .free = http_free, .skipped = http_skipped};
    Sink *self = g_new0(Sink, 1);

    self->sink.funcs = &funcs;
    self->settings = vigil_upload_settings_ref(settings);
    self->source = g_utf8_make_valid(settings->source ? settings->source : site->source, -1);
    self->scene = vigil_upload_scene_new();
    self->session =
        soup_session_new_with_options("timeout", (guint)(settings->timeout_ns / 1000000000),
                                      "user-agent", "vigil/" VIGIL_VERSION, "max-conns", 2, NULL);
    self->uri = g_uri_parse(settings->url, SOUP_HTTP_URI_FLAGS, error);
    if (self->uri && set_tls(self, error))
        return &self->sink;
    http_free(&self->sink);
    return NULL;
}
