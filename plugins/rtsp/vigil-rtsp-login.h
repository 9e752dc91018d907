/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * VigilRtspLogin:
 * @location: the URL without who logs in
 * @user: (nullable): decoded
 * @password: (nullable): decoded
 *
 * An address taken apart, so that nothing that shows it can show the password.
 */
typedef struct {
    gchar *location, *user, *password;
} VigilRtspLogin;

void vigil_rtsp_login_clear(VigilRtspLogin *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilRtspLogin, vigil_rtsp_login_clear)

/**
 * vigil_rtsp_login_parse:
 * @url: `rtsp://` or `rtsps://`, with or without `user:password@`
 *
 * Errors: %G_IO_ERROR_INVALID_ARGUMENT; its text holds nothing of @url.
 */
gboolean vigil_rtsp_login_parse(VigilRtspLogin *self, const gchar *url, GError **error);

/**
 * vigil_rtsp_login_read:
 * @credentials: a path, or, without a `/`, the name of a credential that systemd passes (`LoadCredential=`)
 *
 * Reads user and password, `user:password` or two lines, into @self, in place of what it has of them. Errors: %G_IO_ERROR, %G_FILE_ERROR; its text
 * holds nothing of the file.
 */
gboolean vigil_rtsp_login_read(VigilRtspLogin *self, const gchar *credentials, GError **error);

G_END_DECLS
