/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/rtsp/vigil-rtsp-login.h"

#include <string.h>

#include "plugins/common/vigil-secret-file.h"

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

gboolean
vigil_rtsp_login_read(VigilRtspLogin *self, const gchar *credentials, GError **error)
{
    g_autofree gchar *path = vigil_secret_file_find(credentials, error);
    g_autofree gchar *text = path ? vigil_secret_file_read(path, error) : NULL;
    gsize user, password, end;

    if (!text)
        return FALSE;
    user = strcspn(text, ":\r\n");
    password = user + (text[user] ? 1 : 0);
    if (text[user] != ':')
        password = user + strspn(text + user, "\r\n");
    end = password + strcspn(text + password, "\r\n");
    if (strlen(text) > VIGIL_SECRET_FILE_LARGEST || user == 0 || end == password) {
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
