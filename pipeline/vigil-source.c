/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-source.h"

#include <string.h>

#include "pipeline/vigil-redact.h"
#include "plugins/capture/vigil-v4l2-identity.h"

G_DEFINE_QUARK(vigil_source_error_quark, vigil_source_error)

#define KINDS \
    "file:///PATH, rtsp://HOST/PATH, rtsps://HOST/PATH, v4l2:/dev/videoN or v4l2:serial=NUMBER"

static gboolean
has_scheme(const gchar *text, const gchar *scheme)
{
    return g_ascii_strncasecmp(text, scheme, strlen(scheme)) == 0;
}

static gboolean
parse_file(VigilSource *self, const gchar *path, gboolean escaped, const gchar *base,
           GError **error)
{
    g_autofree gchar *plain = escaped ? g_uri_unescape_string(path, NULL) : g_strdup(path);

    if (!plain) {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_INVALID,
                    "%s has a %% that stands for no character: write %%25 for a %% itself", path);
        return FALSE;
    }
    if (*plain == '\0') {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_INVALID,
                    "%s names no file: write file:///path/to/video.mp4", path);
        return FALSE;
    }
    self->kind = VIGIL_SOURCE_FILE;
    self->location = g_canonicalize_filename(plain, base);
    self->display = g_strdup_printf("file://%s", self->location);
    return TRUE;
}

static gboolean
parse_v4l2(VigilSource *self, const gchar *device, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(VigilV4l2Identity) identity = vigil_v4l2_identity_parse(device, &reason);

    if (!identity) {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_INVALID, "v4l2:%s: %s", device,
                    reason->message);
        return FALSE;
    }
    self->kind = VIGIL_SOURCE_V4L2;
    self->location = g_strdup(device);
    self->display = g_strdup_printf("v4l2:%s", device);
    return TRUE;
}

static gboolean
take_login(VigilSource *self, const gchar *login, gsize length)
{
    g_autofree gchar *raw = g_strndup(login, length);
    g_autofree gchar *pair = NULL, *encoded = NULL;
    gchar *colon = strchr(raw, ':');

    if (colon) {
        *colon = '\0';
        vigil_redact_hold(&self->hold, colon + 1); /* as it was written, escapes and all */
        self->password = g_uri_unescape_string(colon + 1, NULL);
        if (!self->password)
            return FALSE;
    }
    self->user = g_uri_unescape_string(raw, NULL);
    if (!self->user)
        return FALSE;

    vigil_redact_hold(&self->hold, self->password);
    pair = g_strdup_printf("%s:%s", self->user, self->password ? self->password : "");
    encoded = g_base64_encode((const guchar *)pair, strlen(pair));
    vigil_redact_hold(&self->hold, encoded); /* as HTTP's Basic scheme sends it */
    return TRUE;
}

static gboolean
check_host(const gchar *rest)
{
    g_autofree gchar *url = g_strdup_printf("rtsp://%s", rest);
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_PARSE_RELAXED, NULL);

    return uri && g_uri_get_host(uri) && *g_uri_get_host(uri);
}

static gboolean
parse_rtsp(VigilSource *self, const gchar *scheme, const gchar *rest, GError **error)
{
    const gchar *slash = rest + strcspn(rest, "/?#");
    const gchar *at = g_strrstr_len(rest, slash - rest, "@");
    gboolean login_ok = TRUE;

    /* a `/` in a password that nobody escaped: the login ends at the @ after all */
    if (!at && memchr(rest, ':', (gsize)(slash - rest)) && !check_host(rest))
        at = strchr(rest, '@');
    vigil_redact_hold_url(&self->hold, at ? at + 1 : rest);
    if (at) {
        login_ok = take_login(self, rest, (gsize)(at - rest));
        rest = at + 1;
    }
    self->kind = VIGIL_SOURCE_RTSP;
    self->location = g_strdup_printf("%s://%s", scheme, rest);
    self->display = vigil_redact(self->location);
    if (!login_ok) {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_INVALID,
                    "%s: the user name or password has a bad %%XX: write %% as %%25",
                    self->display);
        return FALSE;
    }
    if (!check_host(rest)) {
        g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_INVALID,
                    "%s has no valid host: write %s://HOST[:PORT]/PATH", self->display, scheme);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse(VigilSource *self, const gchar *text, const gchar *base, GError **error)
{
    g_autofree gchar *shown = NULL;

    if (has_scheme(text, "rtsp://"))
        return parse_rtsp(self, "rtsp", text + strlen("rtsp://"), error);
    if (has_scheme(text, "rtsps://"))
        return parse_rtsp(self, "rtsps", text + strlen("rtsps://"), error);
    if (has_scheme(text, "v4l2:"))
        return parse_v4l2(self, text + strlen("v4l2:"), error);
    if (has_scheme(text, "file://localhost/"))
        return parse_file(self, text + strlen("file://localhost"), TRUE, base, error);
    if (has_scheme(text, "file://"))
        return parse_file(self, text + strlen("file://"), TRUE, base, error);
    if (has_scheme(text, "file:"))
        return parse_file(self, text + strlen("file:"), TRUE, base, error);
    if (*text && !strstr(text, "://"))
        return parse_file(self, text, FALSE, base, error);

    shown = vigil_redact(text);
    g_set_error(error, VIGIL_SOURCE_ERROR, VIGIL_SOURCE_ERROR_UNSUPPORTED,
                "\"%s\" is not a source that can be read: write %s", shown, KINDS);
    return FALSE;
}

VigilSource *
vigil_source_parse(const gchar *text, const gchar *base, GError **error)
{
    g_autoptr(VigilSource) self = g_new0(VigilSource, 1);

    if (!parse(self, text, base, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
vigil_source_free(VigilSource *self)
{
    if (!self)
        return;
    vigil_redact_release(&self->hold);
    g_free(self->location);
    g_free(self->user);
    g_free(self->password);
    g_free(self->display);
    g_free(self);
}

gboolean
vigil_source_is_live(const VigilSource *self)
{
    return self->kind != VIGIL_SOURCE_FILE;
}

gboolean
vigil_source_equal(const VigilSource *a, const VigilSource *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && g_str_equal(a->location, b->location) &&
           g_strcmp0(a->user, b->user) == 0 && g_strcmp0(a->password, b->password) == 0;
}
