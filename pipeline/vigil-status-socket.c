/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-status-socket.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ANSWER_TIMEOUT_S 5
#define LARGEST_ANSWER (4 * 1024 * 1024)

struct VigilStatusSocket {
    GSocketService *service;
    gchar *path;
    gchar *(*describe)(gpointer user_data);
    gpointer user_data;
};

typedef struct {
    GSocketConnection *connection;
    gchar *text;
} Answer;

static void
on_written(GObject *stream, GAsyncResult *result, gpointer user_data)
{
    Answer *answer = user_data;

    /* a client that went away is its own affair */
    g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, NULL, NULL);
    g_io_stream_close(G_IO_STREAM(answer->connection), NULL, NULL);
    g_object_unref(answer->connection);
    g_free(answer->text);
    g_free(answer);
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    VigilStatusSocket *self = user_data;
    Answer *answer = g_new0(Answer, 1);

    answer->connection = g_object_ref(connection);
    answer->text = self->describe(self->user_data);
    g_socket_set_timeout(g_socket_connection_get_socket(connection), ANSWER_TIMEOUT_S);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
                                    answer->text, strlen(answer->text), G_PRIORITY_DEFAULT, NULL,
                                    on_written, answer);
    return TRUE;
}

VigilStatusSocket *
vigil_status_socket_open(const gchar *path, gchar *(*describe)(gpointer user_data),
                         gpointer user_data, GError **error)
{
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    VigilStatusSocket *self;
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
    self = g_new0(VigilStatusSocket, 1);
    self->service = g_steal_pointer(&service);
    self->path = g_strdup(path);
    self->describe = describe;
    self->user_data = user_data;
    g_signal_connect(self->service, "incoming", G_CALLBACK(on_incoming), self);
    return self;
}

void
vigil_status_socket_close(VigilStatusSocket *self)
{
    if (!self)
        return;
    g_socket_service_stop(self->service);
    g_socket_listener_close(G_SOCKET_LISTENER(self->service));
    g_object_unref(self->service);
    g_unlink(self->path);
    g_free(self->path);
    g_free(self);
}

gchar *
vigil_status_socket_ask(const gchar *path, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    gchar block[4096];
    gssize got;

    g_socket_client_set_timeout(client, ANSWER_TIMEOUT_S);
    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    if (!connection)
        return NULL;
    while ((got = g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), block,
                                      sizeof block, NULL, error)) > 0) {
        g_string_append_len(text, block, got);
        if (text->len > LARGEST_ANSWER) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: endless answer", path);
            return NULL;
        }
    }
    return got < 0 ? NULL : g_string_free(g_steal_pointer(&text), FALSE);
}
