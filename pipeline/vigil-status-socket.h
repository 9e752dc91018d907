/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** VIGIL_STATUS_SOCKET: in the store's directory. */
#define VIGIL_STATUS_SOCKET "vigil.sock"

/**
 * VigilStatusSocket:
 *
 * A Unix socket on which whoever connects gets one JSON document. Served from the main context of the thread that opened it.
 */
typedef struct VigilStatusSocket VigilStatusSocket;

/**
 * vigil_status_socket_open:
 * @path: a socket that an earlier run left there is removed; the caller holds the store's lock, so nobody listens on it
 * @describe: (transfer full): the document
 */
VigilStatusSocket *
vigil_status_socket_open(const gchar *path, gchar *(*describe)(gpointer user_data),
                         gpointer user_data, GError **error);
/** vigil_status_socket_close: also removes the file. NULL-safe. */
void vigil_status_socket_close(VigilStatusSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilStatusSocket, vigil_status_socket_close)

/** vigil_status_socket_ask: (transfer full): the document of the daemon that listens on @path. */
gchar *vigil_status_socket_ask(const gchar *path, GError **error);

G_END_DECLS
