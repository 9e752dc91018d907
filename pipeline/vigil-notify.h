/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is told of a service of Type=notify, as sd_notify(3) describes it: datagrams to the socket that it names. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_notify:
 * @state: lines of the protocol, `READY=1` for instance
 *
 * Returns: %FALSE when nobody wants to know ($NOTIFY_SOCKET is not set), or cannot be told. Never waits.
 */
gboolean vigil_notify(const gchar *state);

/** vigil_notify_reloading: that the configuration is being read again; `READY=1` ends that. */
void vigil_notify_reloading(void);

/**
 * vigil_notify_get_watchdog_us:
 *
 * Returns: within how long systemd wants to hear `WATCHDOG=1` each time ($WATCHDOG_USEC, $WATCHDOG_PID), in µs; 0: not at all
 */
gint64 vigil_notify_get_watchdog_us(void);

G_END_DECLS
