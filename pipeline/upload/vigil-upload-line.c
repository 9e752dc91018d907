/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/upload/vigil-upload-line.h"

#include <math.h>
#include <string.h>

#define DEEPEST 16 /* json-glib's parser calls itself for each level */

G_DEFINE_QUARK(vigil_upload_line_error, vigil_upload_line_error)

static gboolean
refuse(GError **error, const gchar *what)
{
    g_set_error(error, VIGIL_UPLOAD_LINE_ERROR, VIGIL_UPLOAD_LINE_ERROR_MALFORMED,
                "the message is no event: %s", what);
    return FALSE;
}

static gboolean
is_shallow(const gchar *text)
{
    guint depth = 0;
    gboolean quoted = FALSE;

    for (const gchar *p = text; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && (*p == '[' || *p == '{') && ++depth > DEEPEST)
            return FALSE;
        else if (!quoted && (*p == ']' || *p == '}') && depth > 0)
            depth--;
    }
    return TRUE;
}

static gboolean
read_string(JsonObject *object, const gchar *key, gboolean wanted, const gchar **value,
            GError **error)
{
    JsonNode *node = json_object_get_member(object, key);

    *value = NULL;
    if (!node || JSON_NODE_HOLDS_NULL(node))
        return !wanted || refuse(error, key);
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return refuse(error, key);
    *value = json_node_get_string(node);
    return !wanted || **value || refuse(error, key);
}

static gboolean
as_number(JsonNode *node, gdouble *value)
{
    if (!node || !JSON_NODE_HOLDS_VALUE(node) ||
        (json_node_get_value_type(node) != G_TYPE_DOUBLE &&
         json_node_get_value_type(node) != G_TYPE_INT64))
        return FALSE;
    *value = json_node_get_double(node);
    return isfinite(*value);
}

static gboolean
read_number(JsonObject *object, const gchar *key, gdouble *value, GError **error)
{
    *value = 0.0;
    return !json_object_has_member(object, key) ||
           as_number(json_object_get_member(object, key), value) || refuse(error, key);
}

static gboolean
read_time(JsonObject *object, const gchar *key, gint64 *us, GError **error)
{
    const gchar *text;
    g_autoptr(GDateTime) time = NULL;

    if (!read_string(object, key, TRUE, &text, error))
        return FALSE;
    time = g_date_time_new_from_iso8601(text, NULL);
    if (!time)
        return refuse(error, key);
    *us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    /* some forms tell it in nanoseconds */
    return ABS(*us) <= G_MAXINT64 / 1000 || refuse(error, key);
}

static gboolean
read_names(JsonObject *object, const gchar *key, JsonArray **names, GError **error)
{
    JsonNode *node = json_object_get_member(object, key);

    *names = NULL;
    if (!node || JSON_NODE_HOLDS_NULL(node))
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return refuse(error, key);
    *names = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(*names); i++) {
        JsonNode *name = json_array_get_element(*names, i);

        if (!JSON_NODE_HOLDS_VALUE(name) || json_node_get_value_type(name) != G_TYPE_STRING)
            return refuse(error, key);
    }
    return TRUE;
}

static gboolean
read_box(JsonObject *object, gdouble box[4], GError **error)
{
    JsonNode *node = json_object_get_member(object, "box");
    JsonArray *edges;

    if (!node)
        return TRUE;
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return refuse(error, "box");
    edges = json_node_get_array(node);
    if (json_array_get_length(edges) != 4)
        return refuse(error, "box");
    for (guint i = 0; i < 4; i++)
        if (!as_number(json_array_get_element(edges, i), &box[i]))
            return refuse(error, "box");
    return TRUE;
}

static gboolean
read_type(JsonObject *object, VigilEventType *type, GError **error)
{
    const gchar *text;

    if (!read_string(object, "type", TRUE, &text, error))
        return FALSE;
    for (*type = VIGIL_EVENT_BEGIN; *type <= VIGIL_EVENT_END; (*type)++)
        if (g_str_equal(text, vigil_event_type_to_string(*type)))
            return TRUE;
    return refuse(error, "type");
}

static gboolean
read_all(VigilUploadLine *self, JsonObject *object, GError **error)
{
    gdouble track, end_s;

    if (!read_string(object, "id", TRUE, &self->id, error) ||
        !read_type(object, &self->type, error) ||
        !read_string(object, "camera", TRUE, &self->camera, error) ||
        !read_string(object, "rule", TRUE, &self->rule, error) ||
        !read_string(object, "label", FALSE, &self->label, error) ||
        !read_string(object, "clip", FALSE, &self->clip, error) ||
        !read_string(object, "model", FALSE, &self->model, error) ||
        !read_string(object, "end_reason", FALSE, &self->end_reason, error) ||
        !read_number(object, "score", &self->score, error) ||
        !read_number(object, "top_score", &self->top_score, error) ||
        !read_number(object, "coverage", &self->coverage, error) ||
        !read_number(object, "track", &track, error) ||
        !read_number(object, "end_s", &end_s, error) ||
        !read_time(object, "start", &self->start_us, error) ||
        !read_time(object, "end", &self->end_us, error) || !read_box(object, self->box, error) ||
        !read_names(object, "zones", &self->zones, error) ||
        !read_names(object, "lines", &self->lines, error))
        return FALSE;
    self->track = (gint64)CLAMP(track, 0.0, 9e15);
    self->end_ns = (gint64)(round(CLAMP(end_s, -9e9, 9e9) * 1e3)) * 1000000;
    return TRUE;
}

VigilUploadLine *
vigil_upload_line_parse(const gchar *text, GError **error)
{
    g_autoptr(VigilUploadLine) self = g_new0(VigilUploadLine, 1);
    const gchar *begin = text;

    if (strnlen(text, VIGIL_UPLOAD_LINE_MAX + 1) > VIGIL_UPLOAD_LINE_MAX)
        return refuse(error, "it is too long") ? self : NULL;
    while (g_ascii_isspace(*begin))
        begin++;
    if (*begin != '{' || !is_shallow(text))
        return refuse(error, "it is no JSON object") ? self : NULL;
    self->root = json_from_string(text, error);
    if (!self->root || !JSON_NODE_HOLDS_OBJECT(self->root)) {
        g_clear_error(error);
        return refuse(error, "it is no JSON object") ? self : NULL;
    }
    if (!read_all(self, json_node_get_object(self->root), error))
        return NULL;
    return g_steal_pointer(&self);
}

void
vigil_upload_line_free(VigilUploadLine *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->root, json_node_unref);
    g_free(self);
}

gboolean
vigil_upload_line_has_zone(const VigilUploadLine *self, const gchar *zone)
{
    for (guint i = 0; self->zones && i < json_array_get_length(self->zones); i++)
        if (g_str_equal(json_array_get_string_element(self->zones, i), zone))
            return TRUE;
    return FALSE;
}
