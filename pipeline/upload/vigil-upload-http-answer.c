/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's answer means for the messages that it was sent. */
#include <string.h>

#include "pipeline/upload/vigil-upload-http-private.h"
#include "pipeline/vigil-redact.h"

#define LONGEST_REASON 200

/* As the server sees it, whose clock may be another: its answer tells when it was made. */
static gint64
get_patience(SoupMessageHeaders *headers, gint64 now_us)
{
    const gchar *text = soup_message_headers_get_one(headers, "Retry-After");
    const gchar *sent = soup_message_headers_get_one(headers, "Date");
    g_autoptr(GDateTime) until = NULL, since = NULL;
    guint64 seconds;

    if (!text)
        return 0;
    if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &seconds, NULL))
        return (gint64)seconds * G_USEC_PER_SEC;
    until = soup_date_time_new_from_http_string(text);
    if (!until)
        return 0;
    since = sent ? soup_date_time_new_from_http_string(sent)
                 : g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
    return since ? MAX(g_date_time_difference(until, since), 0) : 0;
}

static VigilUploadOutcome
judge_status(guint status)
{
    if (status >= 200 && status < 300)
        return VIGIL_UPLOAD_SENT;
    if (status < 400 || status >= 500)
        return VIGIL_UPLOAD_RETRY;
    switch (status) {
    case SOUP_STATUS_UNAUTHORIZED:
    case SOUP_STATUS_FORBIDDEN:
    case SOUP_STATUS_NOT_FOUND:
    case SOUP_STATUS_PROXY_UNAUTHORIZED:
    case SOUP_STATUS_REQUEST_TIMEOUT:
    case SOUP_STATUS_MISDIRECTED_REQUEST:
    case 425: /* Too Early */
    case 429: /* Too Many Requests */ return VIGIL_UPLOAD_RETRY;
    default: return VIGIL_UPLOAD_REFUSED;
    }
}

/* The beginning of what a server says, on one line. Half a secret would not be known as one: they go first. */
static gchar *
clean_text(const gchar *text)
{
    g_autofree gchar *harmless = vigil_redact(text);
    gchar *clean = g_utf8_substring(harmless, 0, MIN(g_utf8_strlen(harmless, -1), LONGEST_REASON));

    for (gchar *p = clean; *p; p++)
        if ((guchar)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    return g_strstrip(clean);
}

VigilUploadResult
vigil_upload_http_judge(guint status, SoupMessageHeaders *headers, const gchar *text, gint64 now_us,
                        gchar **reason)
{
    VigilUploadResult result = {.outcome = judge_status(status)};
    const gchar *moved = soup_message_headers_get_one(headers, "Location");
    g_autofree gchar *location = moved ? clean_text(moved) : NULL;
    g_autofree gchar *said = text ? clean_text(text) : NULL;

    *reason = NULL;
    if (result.outcome == VIGIL_UPLOAD_SENT)
        return result;
    if (status < 400 && location)
        *reason = g_strdup_printf("%u: the address has changed to %s: write that into the "
                                  "configuration; no redirection is followed",
                                  status, location);
    else
        *reason = g_strdup_printf("%u %s%s%s", status, soup_status_get_phrase(status),
                                  said && *said ? ": " : "", said ? said : "");
    result.reason = *reason;
    if (result.outcome == VIGIL_UPLOAD_RETRY)
        result.retry_after_us = get_patience(headers, now_us);
    return result;
}
