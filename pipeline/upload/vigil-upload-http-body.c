/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent by HTTP: configs/schema/batch.json. */
#include <json-glib/json-glib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-http-private.h"

/* A payload is one JSON object: the picture becomes its last member. */
static void
append_payload(GString *body, const gchar *payload, GBytes *snapshot)
{
    const gsize length = strlen(payload);
    g_autofree gchar *text = NULL;
    gconstpointer data;
    gsize size;

    if (!snapshot || length < 2 || payload[length - 1] != '}') {
        g_string_append(body, payload);
        return;
    }
    data = g_bytes_get_data(snapshot, &size);
    text = g_base64_encode(data, size);
    g_string_append_len(body, payload, (gssize)length - 1);
    g_string_append_printf(body, ",\"snapshot\":\"%s\"}", text);
}

gchar *
vigil_upload_http_body(const VigilUploadSettings *settings, const gchar *source,
                       const VigilUploadItem *items, guint n, VigilUploadScene *scene,
                       GError **error)
{
    g_autoptr(GString) body = g_string_new("{\"source\":");
    g_autoptr(JsonNode) name = json_node_init_string(json_node_alloc(), source);
    g_autofree gchar *quoted = json_to_string(name, FALSE);

    g_string_append_printf(body, "%s,\"events\":[", quoted);
    for (guint i = 0; i < n; i++) {
        const VigilUploadFormInput input = {items[i].message->json, items[i].message->key,
                                            items[i].width, items[i].height};
        g_autofree gchar *payload = vigil_upload_form_payload(settings->form, &input, scene, error);

        if (!payload)
            return NULL;
        g_string_append(body, i > 0 ? "," : "");
        append_payload(body, payload, items[i].snapshot);
    }
    g_string_append(body, "]}");
    return g_string_free(g_steal_pointer(&body), FALSE);
}

gchar *
vigil_upload_http_key(const VigilUploadItem *items, guint n)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

    if (n == 1)
        return g_strdup(items[0].message->key);
    for (guint i = 0; i < n; i++)
        /* with its zero, so that where one ends counts */
        g_checksum_update(sum, (const guchar *)items[i].message->key,
                          (gssize)strlen(items[i].message->key) + 1);
    return g_strdup_printf("batch-%u-%.32s", n, g_checksum_get_string(sum));
}

GBytes *
vigil_upload_http_gzip(const gchar *text)
{
    g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
    g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
    g_autoptr(GOutputStream) stream = g_converter_output_stream_new(memory, G_CONVERTER(gzip));

    /* into memory: cannot fail but by running out of it, which ends the program */
    g_output_stream_write_all(stream, text, strlen(text), NULL, NULL, NULL);
    g_output_stream_close(stream, NULL, NULL);
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
}
