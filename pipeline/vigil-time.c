/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-time.h"

#include <errno.h>
#include <string.h>

static gboolean
parse_ago(const gchar *text, gint64 now_us, gint64 *time_us)
{
    static const struct {
        gchar unit;
        gint64 seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
    gchar *end = NULL;
    gint64 count;

    if (!g_ascii_isdigit(*text))
        return FALSE;
    errno = 0;
    count = g_ascii_strtoll(text, &end, 10);
    if (errno || !*end || end[1])
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
        if (*end != units[i].unit)
            continue;
        if (count > G_MAXINT64 / G_USEC_PER_SEC / units[i].seconds / 2)
            return FALSE;
        *time_us = now_us - count * units[i].seconds * G_USEC_PER_SEC;
        return TRUE;
    }
    return FALSE;
}

gboolean
vigil_time_parse(const gchar *text, gint64 now_us, gint64 *time_us, GError **error)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = NULL;
    g_autofree gchar *midnight = NULL;

    if (parse_ago(text, now_us, time_us))
        return TRUE;
    if (strlen(text) == strlen("2026-05-01"))
        midnight = g_strconcat(text, "T00:00:00Z", NULL);
    date = g_date_time_new_from_iso8601(midnight ? midnight : text, utc);
    if (!date) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "\"%s\" is no time: write 2026-05-01T12:30:00Z, 2026-05-01, or how long ago, "
                    "as in 2h or 7d",
                    text);
        return FALSE;
    }
    *time_us = g_date_time_to_unix(date) * G_USEC_PER_SEC + g_date_time_get_microsecond(date);
    return TRUE;
}

gchar *
vigil_time_format(gint64 time_us)
{
    const gint64 ms = (time_us - ((time_us % 1000) + 1000) % 1000) / 1000;
    const gint64 left = ((ms % 1000) + 1000) % 1000;
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc((ms - left) / 1000);
    g_autofree gchar *text = date ? g_date_time_format(date, "%Y-%m-%dT%H:%M:%S") : NULL;

    return text ? g_strdup_printf("%s.%03dZ", text, (gint)left) : g_strdup("?");
}
