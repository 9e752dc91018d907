/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-form-private.h"

#include <string.h>

#include "pipeline/upload/vigil-upload-json.h"

/* The line's own bytes behind two more fields: its numbers stay as they were written. The line was parsed, so it is an object. */
gchar *
vigil_upload_form_vigil(const VigilUploadFormInput *input)
{
    GString *out = g_string_sized_new(1024);
    const gchar *inner = strchr(input->line, '{') + 1;

    vigil_upload_json_begin(out, NULL, '{');
    vigil_upload_json_int(out, "version", VIGIL_UPLOAD_FORM_VERSION);
    vigil_upload_json_string(out, "key", input->key);
    g_string_append_c(out, ',');
    g_string_append(out, inner);
    while (out->len > 0 && g_ascii_isspace(out->str[out->len - 1]))
        g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
}
