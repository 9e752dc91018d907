/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/common/vigil-secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

gchar *
vigil_secret_file_find(const gchar *name, GError **error)
{
    const gchar *folder = g_getenv("CREDENTIALS_DIRECTORY");

    if (strchr(name, '/'))
        return g_strdup(name);
    if (folder)
        return g_build_filename(folder, name, NULL);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "credential %s: CREDENTIALS_DIRECTORY is not set: systemd sets it where the unit "
                "has LoadCredential=%s:FILE",
                name, name);
    return NULL;
}

gchar *
vigil_secret_file_read(const gchar *path, GError **error)
{
    g_autofree gchar *text = g_malloc0(VIGIL_SECRET_FILE_LARGEST + 2);
    const gint fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const gssize size = fd < 0 ? -1 : read(fd, text, VIGIL_SECRET_FILE_LARGEST + 1);
    const gint code = errno;

    if (fd >= 0)
        close(fd);
    if (size < 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", path,
                    g_strerror(code));
        return NULL;
    }
    return g_steal_pointer(&text);
}
