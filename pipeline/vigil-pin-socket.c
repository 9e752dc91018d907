/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-pin-socket.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define MAX_CLIENTS 4
#define TIMEOUT_S 5
#define ANSWER_TIMEOUT_S 30 /* the disk may be slow */
#define LONGEST_LINE 64     /* verb and id */
#define LONGEST_ANSWER 2048

struct VigilPinSocket {
    GSocketService *service;
    gchar *path;
    GMutex lock;
    VigilStore *store; /* (nullable): NULL once it is closed */
    VigilHousekeeper *housekeeper;
    gint ref_count; /* of threads that still talk, and the owner */
};

static void
unref(VigilPinSocket *self)
{
    if (!g_atomic_int_dec_and_test(&self->ref_count))
        return;
    g_mutex_clear(&self->lock);
    g_free(self->path);
    g_free(self);
}

/* Up to the end of the line, which is left out. */
static gboolean
read_line(GInputStream *stream, gchar *line, gsize size)
{
    gsize length = 0;

    while (length + 1 < size) {
        if (g_input_stream_read(stream, line + length, 1, NULL, NULL) != 1)
            return FALSE;
        if (line[length] == '\n') {
            line[length] = '\0';
            return TRUE;
        }
        length++;
    }
    return FALSE;
}

/* (transfer full) (nullable): with the failed store opened again where it can be */
static VigilStore *
get_store(VigilPinSocket *self)
{
    VigilStore *store = NULL;

    g_mutex_lock(&self->lock);
    if (self->store)
        store = vigil_store_ref(self->store);
    g_mutex_unlock(&self->lock);
    return store ? vigil_store_renew(store, NULL) : NULL;
}

static gboolean
is_id(const gchar *text)
{
    return strlen(text) == VIGIL_EVENT_ID_LENGTH &&
           strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == VIGIL_EVENT_ID_LENGTH;
}

/* Not once it is closed: the housekeeper may be gone. */
static void
tell_housekeeper(VigilPinSocket *self)
{
    g_mutex_lock(&self->lock);
    if (self->store)
        vigil_housekeeper_hurry(self->housekeeper);
    g_mutex_unlock(&self->lock);
}

/* (transfer full) */
static gchar *
obey(VigilPinSocket *self, const gchar *line)
{
    const gboolean pinned = g_str_has_prefix(line, "pin ");
    const gchar *id = strchr(line, ' ');
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;

    if ((!pinned && !g_str_has_prefix(line, "unpin ")) || !is_id(id + 1))
        return g_strdup("failed that is no line of this protocol\n");
    store = get_store(self);
    if (!store)
        return g_strdup("failed the daemon is about to end\n");
    if (vigil_store_set_pinned(store, id + 1, pinned, &error)) {
        tell_housekeeper(self);
        return g_strdup("ok\n");
    }
    return g_strdup_printf("%s %s\n",
                           g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
                               ? "missing"
                               : "failed",
                           error->message);
}

static gboolean
on_run(GThreadedSocketService *service, GSocketConnection *connection, GObject *source,
       gpointer user_data)
{
    VigilPinSocket *self = user_data;
    GIOStream *stream = G_IO_STREAM(connection);
    gchar line[LONGEST_LINE];

    g_socket_set_timeout(g_socket_connection_get_socket(connection), TIMEOUT_S);
    if (read_line(g_io_stream_get_input_stream(stream), line, sizeof line)) {
        g_autofree gchar *answer = obey(self, line);

        /* a client that went away is its own affair */
        g_output_stream_write_all(g_io_stream_get_output_stream(stream), answer, strlen(answer),
                                  NULL, NULL, NULL);
    }
    g_io_stream_close(stream, NULL, NULL);
    return TRUE;
}

static void
on_service_gone(gpointer self, GClosure *closure)
{
    unref(self);
}

VigilPinSocket *
vigil_pin_socket_open(const gchar *path, VigilStore *store, VigilHousekeeper *housekeeper,
                      GError **error)
{
    g_autoptr(GSocketService) service = g_threaded_socket_service_new(MAX_CLIENTS);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    VigilPinSocket *self;
    GStatBuf info;

    if (strlen(path) >= sizeof((struct sockaddr_un){0}.sun_path)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                    "%s: too long for a socket's name", path);
        return NULL;
    }
    if (g_lstat(path, &info) == 0 && S_ISSOCK(info.st_mode))
        g_unlink(path);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, error)) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    g_chmod(path, 0660);
    self = g_new0(VigilPinSocket, 1);
    g_mutex_init(&self->lock);
    self->path = g_strdup(path);
    self->store = vigil_store_ref(store);
    self->housekeeper = housekeeper;
    self->ref_count = 2; /* the owner's, and the service's, whose threads may outlast it */
    g_signal_connect_data(service, "run", G_CALLBACK(on_run), self, on_service_gone, 0);
    self->service = g_steal_pointer(&service);
    return self;
}

void
vigil_pin_socket_close(VigilPinSocket *self)
{
    if (!self)
        return;
    g_socket_service_stop(self->service);
    g_socket_listener_close(G_SOCKET_LISTENER(self->service));
    g_unlink(self->path);
    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->store, vigil_store_unref);
    g_mutex_unlock(&self->lock);
    g_object_unref(self->service);
    unref(self);
}

static gboolean
judge(const gchar *answer, const gchar *path, GError **error)
{
    if (g_str_equal(answer, "ok"))
        return TRUE;
    if (g_str_has_prefix(answer, "missing "))
        g_set_error_literal(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                            answer + strlen("missing "));
    else if (g_str_has_prefix(answer, "failed "))
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, answer + strlen("failed "));
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: the daemon gave no answer", path);
    return FALSE;
}

gboolean
vigil_pin_socket_ask(const gchar *path, const gchar *event_id, gboolean pinned, gboolean *answered,
                     GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection = NULL;
    g_autofree gchar *line = g_strdup_printf("%s %s\n", pinned ? "pin" : "unpin", event_id);
    gchar answer[LONGEST_ANSWER];

    g_socket_client_set_timeout(client, ANSWER_TIMEOUT_S);
    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    *answered = connection != NULL;
    if (!connection ||
        !g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), line,
                                   strlen(line), NULL, NULL, error))
        return FALSE;
    if (!read_line(g_io_stream_get_input_stream(G_IO_STREAM(connection)), answer, sizeof answer))
        answer[0] = '\0';
    return judge(answer, path, error);
}
