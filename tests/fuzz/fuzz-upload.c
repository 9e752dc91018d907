/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines out of the outbox, one after the other, in each form: what is no event is refused with a reason, all else becomes
 * JSON on one line and topics that a broker takes, and the scene stays within its bound.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/upload/vigil-upload-form.h"

#define MAX_LINES 64
#define PREFIX "site/vigil"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(gboolean ok)
{
    if (!ok)
        abort();
}

static void
check_json(const gchar *text)
{
    g_autoptr(JsonParser) parser = json_parser_new();

    require(g_utf8_validate(text, -1, NULL) && !strchr(text, '\n'));
    require(json_parser_load_from_data(parser, text, -1, NULL));
}

static void
check_piece(const VigilUploadPiece *piece, gboolean first)
{
    require(g_utf8_validate(piece->topic, -1, NULL));
    require(g_str_has_prefix(piece->topic, PREFIX "/") && strlen(piece->topic) < 65536);
    require(!strpbrk(piece->topic, "+#") && !strstr(piece->topic, "//"));
    require(!g_str_has_suffix(piece->topic, "/"));
    if (first)
        check_json(piece->payload);
}

static void
check_scene(VigilUploadScene *scene, const gchar *text)
{
    g_autoptr(VigilUploadLine) line = vigil_upload_line_parse(text, NULL);

    require(vigil_upload_scene_count(scene, NULL, NULL, NULL, NULL) <= VIGIL_UPLOAD_SCENE_MAX);
    if (!line)
        return;
    require((vigil_upload_scene_get(scene, line->id) != NULL) == (line->type != VIGIL_EVENT_END));
    require(vigil_upload_scene_count(scene, line->camera, NULL, NULL, NULL) <=
            vigil_upload_scene_count(scene, NULL, NULL, NULL, NULL));
}

static void
try_line(VigilUploadForm form, const gchar *text, gint width, VigilUploadScene *scene)
{
    const VigilUploadFormInput input = {text, "key", width, width / 2};
    g_autoptr(VigilUploadLine) line = vigil_upload_line_parse(text, NULL);
    g_autoptr(GError) error = NULL, other = NULL;
    g_autoptr(GPtrArray) pieces = vigil_upload_form_pieces(form, &input, PREFIX, scene, &error);
    g_autofree gchar *payload = vigil_upload_form_payload(form, &input, NULL, &other);

    require((pieces != NULL) == (line != NULL) && (payload != NULL) == (line != NULL));
    require((pieces == NULL) == (error != NULL) && (payload == NULL) == (other != NULL));
    if (!line) {
        require(error->domain == VIGIL_UPLOAD_LINE_ERROR && *error->message);
        return;
    }
    check_json(payload);
    require(pieces->len > 0);
    for (guint i = 0; i < pieces->len; i++)
        check_piece(g_ptr_array_index(pieces, i), i == 0);
    check_scene(scene, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree gchar *text = g_strndup((const gchar *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_LINES);
    const gint width = size % 2 ? 1920 : 0;

    for (VigilUploadForm form = VIGIL_UPLOAD_FORM_VIGIL; form <= VIGIL_UPLOAD_FORM_DLSTREAMER;
         form++) {
        g_autoptr(VigilUploadScene) scene = vigil_upload_scene_new();

        for (guint i = 0; lines[i]; i++)
            try_line(form, lines[i], width, scene);
    }
    return 0;
}
