/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/vigil-rtsp-login.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* More is no login. */
#define LARGEST_FILE 4096

void
vigil_rtsp_login_clear(VigilRtspLogin *self)
{
    g_clear_pointer(&self->location, g_free);
    g_clear_pointer(&self->user, g_free);
    g_clear_pointer(&self->password, g_free);
}

gboolean
vigil_rtsp_login_parse(VigilRtspLogin *self, const gchar *url, GError **error)
{
    g_autoptr(GUri) uri =
        g_uri_parse(url, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_HAS_PASSWORD, NULL);
    const gchar *rest = strstr(url, "://"), *at;

    if (!uri || !rest || !g_uri_get_host(uri) || !*g_uri_get_host(uri) ||
        (!g_str_equal(g_uri_get_scheme(uri), "rtsp") &&
         !g_str_equal(g_uri_get_scheme(uri), "rtsps"))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "this is no address of a camera: write rtsp://HOST/PATH or rtsps://HOST/PATH; "
                    "in a user name and a password @ : / and %% are written %%40 %%3A %%2F %%25");
        return FALSE;
    }
    rest += strlen("://");
    at = g_strrstr_len(rest, (gssize)strcspn(rest, "/?#"), "@");
    *self = (VigilRtspLogin){
        .location = g_strdup_printf("%s://%s", g_uri_get_scheme(uri), at ? at + 1 : rest),
        .user = g_strdup(g_uri_get_user(uri)),
        .password = g_strdup(g_uri_get_password(uri)),
    };
    return TRUE;
}

static gchar *
find_file(const gchar *credentials, GError **error)
{
    const gchar *folder = g_getenv("CREDENTIALS_DIRECTORY");

    if (strchr(credentials, '/'))
        return g_strdup(credentials);
    if (folder)
        return g_build_filename(folder, credentials, NULL);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "credential %s: CREDENTIALS_DIRECTORY is not set: systemd sets it where the unit "
                "has LoadCredential=%s:FILE",
                credentials, credentials);
    return NULL;
}

/* (transfer full) (nullable): as much of it as a login may have, with a byte more for its end */
static gchar *
read_file(const gchar *path, GError **error)
{
    g_autofree gchar *text = g_malloc0(LARGEST_FILE + 2);
    const gint fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const gssize size = fd < 0 ? -1 : read(fd, text, LARGEST_FILE + 1);
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

gboolean
vigil_rtsp_login_read(VigilRtspLogin *self, const gchar *credentials, GError **error)
{
    g_autofree gchar *path = find_file(credentials, error);
    g_autofree gchar *text = path ? read_file(path, error) : NULL;
    gsize user, password, end;

    if (!text)
        return FALSE;
    user = strcspn(text, ":\r\n");
    password = user + (text[user] ? 1 : 0);
    if (text[user] != ':')
        password = user + strspn(text + user, "\r\n");
    end = password + strcspn(text + password, "\r\n");
    if (strlen(text) > LARGEST_FILE || user == 0 || end == password) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "%s holds no login: write user:password, or the two on a line each", path);
        return FALSE;
    }
    g_free(self->user);
    g_free(self->password);
    self->user = g_strndup(text, user);
    self->password = g_strndup(text + password, end - password);
    return TRUE;
}
