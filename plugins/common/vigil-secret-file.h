/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** Longer files hold no login and no token. */
#define VIGIL_SECRET_FILE_LARGEST 4096

/**
 * vigil_secret_file_find:
 * @name: a path, or, without a `/`, the name of a credential that systemd passes (`LoadCredential=`)
 *
 * Returns: (transfer full): the file's path; %NULL with %G_IO_ERROR_NOT_FOUND when systemd passes none
 */
gchar *vigil_secret_file_find(const gchar *name, GError **error);

/**
 * vigil_secret_file_read:
 * @path: as vigil_secret_file_find() gave it
 *
 * Returns: (transfer full): at most one byte more than %VIGIL_SECRET_FILE_LARGEST, so that longer ones are known. Errors:
 *   %G_FILE_ERROR; their text holds nothing of the file.
 */
gchar *vigil_secret_file_read(const gchar *path, GError **error);

G_END_DECLS
