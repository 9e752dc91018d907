/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_redact:
 * @text: (nullable): anything that may hold an address
 *
 * Makes secrets unreadable: who logs in within any URL, values of parameters that are passwords or tokens by their names, and every
 * word that somebody holds, see vigil_redact_hold(). In doubt it hides too much. Everything that leaves the program (logs,
 * errors, JSON, the database) and may have come from a source goes through here.
 *
 * Returns: (transfer full): the text with `***` in their places; %NULL for %NULL
 * Threads: any.
 */
gchar *vigil_redact(const gchar *text);

/** VigilRedactHold: who knows secrets, for as long as it does; %NULL: none yet. (element-type utf8) */
typedef GPtrArray VigilRedactHold;

/**
 * vigil_redact_hold:
 * @hold: (inout): of one thread at a time
 * @secret: (nullable): a password; shorter ones than 4 bytes are hidden within URLs only, as hiding them everywhere would
 *   spell them out
 *
 * Hides it in all texts. Of one hold the latest 8 are kept, for files that are read again and again. Threads: any.
 */
void vigil_redact_hold(VigilRedactHold **hold, const gchar *secret);

/**
 * vigil_redact_hold_url:
 * @hold: (inout): of one thread at a time
 * @url: without who logs in; its parameters may
 *
 * Holds the values of parameters that let someone in (`?user=NAME&password=SECRET`), as they are written and decoded. Of more than
 * are kept in a hold the others are hidden in URLs only.
 */
void vigil_redact_hold_url(VigilRedactHold **hold, const gchar *url);

/**
 * vigil_redact_release:
 * @hold: (inout): %NULL afterwards
 *
 * What nobody else holds is still hidden for a while, since it may be in what is about to be logged: the latest 256 of them.
 */
void vigil_redact_release(VigilRedactHold **hold);

/** vigil_redact_install_logs: lets GLib's log messages go through vigil_redact(). Call once, at start. */
void vigil_redact_install_logs(void);

G_END_DECLS
