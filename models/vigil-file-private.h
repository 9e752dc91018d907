/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_file_read:
 * @limit: most bytes
 * @content: (out) (transfer full): what it holds, and a NUL behind it
 *
 * Reads an ordinary file whole. A pipe, which might never open or end, a device or a directory is refused, and so is
 * what is larger than @limit, before it is read. Nothing is mapped: a file that shrinks under a mapping would kill the
 * process.
 *
 * Returns: %FALSE with %VIGIL_MODEL_ERROR_IO or %VIGIL_MODEL_ERROR_TOO_LARGE; the message names no file
 */
gboolean
vigil_file_read(const gchar *path, gsize limit, gchar **content, gsize *length, GError **error);

/** vigil_file_read_at: the same for @name in an open directory; a symbolic link is refused. */
gboolean vigil_file_read_at(gint dir_fd, const gchar *name, gsize limit, gchar **content,
                            gsize *length, GError **error);

G_END_DECLS
