/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_redact:
 * @text: (nullable): anything that may hold an address
 *
 * Makes secrets unreadable: who logs in within any URL, values of parameters that are passwords or tokens, and every
 * word given to vigil_redact_add_secret(). In doubt it hides too much. Everything that leaves the program (logs,
 * errors, JSON, the database) and may have come from a source goes through here.
 *
 * Returns: (transfer full): the text with `***` in their places; %NULL for %NULL
 * Threads: any.
 */
gchar *vigil_redact(const gchar *text);

/**
 * vigil_redact_add_secret:
 * @secret: (nullable): a password; shorter ones than 4 bytes are hidden within URLs only, as hiding them everywhere would
 *   spell them out
 *
 * Threads: any. Kept for the life of the process.
 */
void vigil_redact_add_secret(const gchar *secret);

/** vigil_redact_install_logs: lets GLib's log messages go through vigil_redact(). Call once, at start. */
void vigil_redact_install_logs(void);

G_END_DECLS
