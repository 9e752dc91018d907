/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-form.h"

#include "pipeline/upload/vigil-upload-form-private.h"

static const gchar *const form_names[] = {"vigil", "frigate", "dlstreamer"};

const gchar *
vigil_upload_form_to_string(VigilUploadForm form)
{
    return (guint)form < G_N_ELEMENTS(form_names) ? form_names[form] : "unknown";
}

VigilUploadPiece *
vigil_upload_piece_new(gchar *topic, gchar *payload, gboolean retain)
{
    VigilUploadPiece *self = g_new(VigilUploadPiece, 1);

    self->topic = topic;
    self->payload = payload;
    self->retain = retain;
    return self;
}

void
vigil_upload_piece_free(VigilUploadPiece *self)
{
    if (!self)
        return;
    g_free(self->topic);
    g_free(self->payload);
    g_free(self);
}

/* `+`, `#` and `/` mean something in topics, control characters are refused by brokers, and an empty level is none. */
gchar *
vigil_upload_form_level(const gchar *name)
{
    gchar *level = g_utf8_make_valid(name, -1);

    for (gchar *p = level; *p; p++)
        if (*p == '+' || *p == '#' || *p == '/' || (guchar)*p < 0x20 || *p == 0x7f)
            *p = '_';
    if (*level)
        return level;
    g_free(level);
    return g_strdup("_");
}

static gchar *
make_payload(VigilUploadForm form, const VigilUploadFormInput *input, const VigilUploadLine *line,
             const VigilUploadLine *before)
{
    switch (form) {
    case VIGIL_UPLOAD_FORM_FRIGATE: return vigil_upload_form_frigate_event(input, line, before);
    case VIGIL_UPLOAD_FORM_DLSTREAMER: return vigil_upload_form_dlstreamer(input, line);
    case VIGIL_UPLOAD_FORM_VIGIL: break;
    }
    return vigil_upload_form_vigil(input);
}

/* Of a begin that is told again, what came later is no "before". */
static const VigilUploadLine *
get_before(const VigilUploadScene *scene, const VigilUploadLine *line)
{
    return line->type == VIGIL_EVENT_BEGIN ? NULL : vigil_upload_scene_get(scene, line->id);
}

gchar *
vigil_upload_form_payload(VigilUploadForm form, const VigilUploadFormInput *input,
                          VigilUploadScene *scene, GError **error)
{
    g_autoptr(VigilUploadLine) line = vigil_upload_line_parse(input->line, error);
    gchar *payload;

    if (!line)
        return NULL;
    payload = make_payload(form, input, line, scene ? get_before(scene, line) : NULL);
    if (scene)
        vigil_upload_scene_tell(scene, g_steal_pointer(&line));
    return payload;
}

GPtrArray *
vigil_upload_form_pieces(VigilUploadForm form, const VigilUploadFormInput *input,
                         const gchar *prefix, VigilUploadScene *scene, GError **error)
{
    /* the scene takes one, and the numbers are made from the other */
    g_autoptr(VigilUploadLine) told = vigil_upload_line_parse(input->line, error);
    g_autoptr(VigilUploadLine) line = told ? vigil_upload_line_parse(input->line, error) : NULL;
    g_autoptr(GPtrArray) pieces =
        g_ptr_array_new_with_free_func((GDestroyNotify)vigil_upload_piece_free);
    g_autoptr(GPtrArray) places = NULL;
    g_autofree gchar *camera = NULL;
    const VigilUploadLine *before; /* the scene's, until it is told */
    gchar *payload;

    if (!line)
        return NULL;
    before = get_before(scene, line);
    camera = vigil_upload_form_level(line->camera);
    payload = make_payload(form, input, line, before);
    if (form != VIGIL_UPLOAD_FORM_FRIGATE) {
        g_ptr_array_add(pieces,
                        vigil_upload_piece_new(g_strdup_printf("%s/events/%s", prefix, camera),
                                               payload, FALSE));
        vigil_upload_scene_tell(scene, g_steal_pointer(&told));
        return g_steal_pointer(&pieces);
    }
    g_ptr_array_add(pieces,
                    vigil_upload_piece_new(g_strconcat(prefix, "/events", NULL), payload, FALSE));
    g_ptr_array_add(pieces,
                    vigil_upload_piece_new(g_strconcat(prefix, "/reviews", NULL),
                                           vigil_upload_form_frigate_review(line, before), FALSE));
    places = vigil_upload_form_frigate_places(line, before);
    vigil_upload_scene_tell(scene, g_steal_pointer(&told));
    vigil_upload_form_frigate_counts(pieces, prefix, line, places, scene);
    return g_steal_pointer(&pieces);
}
