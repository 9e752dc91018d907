/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pipeline/vigil-settings-private.h"

void
vigil_rtsp_settings_clear(VigilRtspSettings *self)
{
    g_clear_pointer(&self->credentials, g_free);
    g_clear_pointer(&self->tls_ca, g_free);
}

gboolean
vigil_rtsp_settings_equal(const VigilRtspSettings *a, const VigilRtspSettings *b)
{
    return a->tls_unverified == b->tls_unverified &&
           g_strcmp0(a->credentials, b->credentials) == 0 && g_strcmp0(a->tls_ca, b->tls_ca) == 0;
}

/* A name without a `/` is a credential that systemd passes. */
void
vigil_rtsp_settings_read_credentials(const VigilYaml *node, VigilRtspSettings *self,
                                     const gchar *base, VigilYamlMistakes *mistakes)
{
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (!*text || strchr(text, ':'))
            vigil_yaml_set_error(node, &error,
                                 "this is the name of a file that holds user:password, or of a "
                                 "credential that systemd passes, not the login itself");
        else
            self->credentials =
                strchr(text, '/') ? g_canonicalize_filename(text, base) : g_strdup(text);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_ca(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilRtspSettings *self = target;
    const gchar *text = NULL;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        g_free(self->tls_ca);
        self->tls_ca = g_canonicalize_filename(text, user_data);
        if (!g_file_test(self->tls_ca, G_FILE_TEST_IS_REGULAR))
            vigil_yaml_set_error(node, &error, "%s: no such file", self->tls_ca);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_verify(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilRtspSettings *self = target;
    gboolean verify = TRUE;
    GError *error = NULL;

    if (vigil_yaml_read_bool(node, &verify, &error))
        self->tls_unverified = !verify;
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_rtsp_settings_read_tls(const VigilYaml *node, VigilRtspSettings *self, const gchar *base,
                             VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "ca", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_ca},
        {.name = "verify", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_verify},
        {.name = NULL},
    };

    vigil_yaml_table_read(node, keys, self, mistakes, (gpointer)base);
}
