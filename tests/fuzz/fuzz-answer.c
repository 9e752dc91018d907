/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of servers: whatever they say, there is one outcome, a patience within bounds, and a reason that can be shown. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-http-private.h"
#include "pipeline/upload/vigil-upload-patience.h"

#define NOW_US G_GINT64_CONSTANT(1767323045000000)
#define DAY_US (86400 * (gint64)G_USEC_PER_SEC)
#define LONGEST_REASON 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(gboolean ok)
{
    if (!ok)
        abort();
}

static void
check_reason(const VigilUploadResult *result, const gchar *reason)
{
    require((reason == NULL) == (result->outcome == VIGIL_UPLOAD_SENT));
    require(result->reason == reason);
    if (!reason)
        return;
    require(strlen(reason) < LONGEST_REASON && g_utf8_validate(reason, -1, NULL));
    for (const gchar *p = reason; *p; p++)
        require((guchar)*p >= 0x20 && *p != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree gchar *text = g_strndup((const gchar *)data, size);
    const gchar *end = strstr(text, "\r\n\r\n");
    SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
    g_autofree gchar *phrase = NULL, *reason = NULL;
    SoupHTTPVersion version;
    guint status = 0;

    if (end && soup_headers_parse_response(text, (int)(end - text + 2), headers, &version, &status,
                                           &phrase)) {
        const VigilUploadResult result =
            vigil_upload_http_judge(status, headers, end + 4, NOW_US, &reason);
        const gint64 wait_us = vigil_upload_patience(1, 1000, 300000, result.retry_after_us, 0.5);

        require(result.n_sent == 0 && result.retry_after_us >= 0);
        require(wait_us > 0 && wait_us <= DAY_US);
        check_reason(&result, reason);
    }
    soup_message_headers_unref(headers);
    return 0;
}
