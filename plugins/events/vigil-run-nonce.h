/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What goes into the ids of a file's events, so that another file never takes the place of this one and this one gives the
 * same ids each time: a number made of what matters.
 */

/**
 * vigil_run_nonce_add_file:
 * @checksum: SHA-256
 *
 * Adds a file's length and its first and last MiB, so a copy counts as the same file. Reads at most 2 MiB.
 *
 * Returns: %FALSE, with nothing added, when it is not a regular file that can be read
 */
gboolean vigil_run_nonce_add_file(GChecksum *checksum, const gchar *path);

/** vigil_run_nonce_finish: a number from all that was added, never 0 nor %G_MAXUINT64; @checksum is closed. */
guint64 vigil_run_nonce_finish(GChecksum *checksum);

/**
 * vigil_run_nonce_of_uri:
 * @uri: (nullable): of a stream that is not live
 *
 * Returns: of a `file:` URI a number made from the file's content, of any other from the URI itself; 0 without one
 */
guint64 vigil_run_nonce_of_uri(const gchar *uri);

G_END_DECLS
