/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-housekeeper.h"

G_BEGIN_DECLS

/** VIGIL_PIN_SOCKET: beside the status socket, in the store's directory. */
#define VIGIL_PIN_SOCKET "vigil.pin"

/**
 * VigilPinSocket:
 *
 * A Unix socket on which the daemon, who alone writes to the store, is told to pin and unpin. A client sends one line, `pin ID` or
 * `unpin ID`, and gets one: `ok`, `missing TEXT` (no such event) or `failed TEXT`. Served by threads of its own, at
 * most 4, since a commit waits for the disk; who may connect is a matter of the socket's rights (owner and group).
 */
typedef struct VigilPinSocket VigilPinSocket;

/**
 * vigil_pin_socket_open:
 * @path: as of vigil_status_socket_open()
 * @housekeeper: looks at limits anew after each change; outlives the socket
 */
VigilPinSocket *vigil_pin_socket_open(const gchar *path, VigilStore *store,
                                      VigilHousekeeper *housekeeper, GError **error);
/** vigil_pin_socket_close: lets go of the store, and removes the file; who is connected gets no answer. NULL-safe. */
void vigil_pin_socket_close(VigilPinSocket *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPinSocket, vigil_pin_socket_close)

/**
 * vigil_pin_socket_ask:
 * @answered: (out): somebody listens on @path; if %FALSE, @error says why not
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: no such event
 */
gboolean vigil_pin_socket_ask(const gchar *path, const gchar *event_id, gboolean pinned,
                              gboolean *answered, GError **error);

G_END_DECLS
