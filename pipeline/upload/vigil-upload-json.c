/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-json.h"

#include <math.h>
#include <string.h>

static void
append_text(GString *out, const gchar *text)
{
    g_autofree gchar *valid = g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const gchar *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        if ((guchar)*p < 0x20 || *p == 0x7f)
            g_string_append_printf(out, "\\u%04x", (guchar)*p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

static void
begin_value(GString *out, const gchar *key)
{
    if (out->len > 0 && !strchr("[{", out->str[out->len - 1]))
        g_string_append_c(out, ',');
    if (key) {
        append_text(out, key);
        g_string_append_c(out, ':');
    }
}

void
vigil_upload_json_begin(GString *out, const gchar *key, gchar bracket)
{
    begin_value(out, key);
    g_string_append_c(out, bracket);
}

void
vigil_upload_json_end(GString *out, gchar bracket)
{
    g_string_append_c(out, bracket);
}

void
vigil_upload_json_string(GString *out, const gchar *key, const gchar *text)
{
    begin_value(out, key);
    if (text)
        append_text(out, text);
    else
        g_string_append(out, "null");
}

void
vigil_upload_json_number(GString *out, const gchar *key, gdouble value, guint digits)
{
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];
    const gchar format[] = {'%', '.', (gchar)('0' + MIN(digits, 9)), 'f', '\0'};

    begin_value(out, key);
    value = isfinite(value) ? CLAMP(value, -1e15, 1e15) : 0.0;
    g_ascii_formatd(text, sizeof text, format, value);
    /* never "-0.000" */
    g_string_append(out,
                    text[0] == '-' && strspn(text + 1, "0.") == strlen(text + 1) ? text + 1 : text);
}

void
vigil_upload_json_int(GString *out, const gchar *key, gint64 value)
{
    begin_value(out, key);
    g_string_append_printf(out, "%" G_GINT64_FORMAT, value);
}

void
vigil_upload_json_raw(GString *out, const gchar *key, const gchar *text)
{
    begin_value(out, key);
    g_string_append(out, text);
}
