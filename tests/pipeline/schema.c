/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/schema.h"

static gchar *check_at(JsonNode *schema, JsonNode *value, const gchar *where);

JsonNode *
schema_load(const gchar *name)
{
    g_autofree gchar *path =
        g_build_filename(g_getenv("VIGIL_SOURCE_ROOT"), "configs", "schema", name, NULL);
    g_autofree gchar *text = NULL;
    g_autoptr(GError) error = NULL;
    JsonNode *schema;

    if (!g_file_get_contents(path, &text, NULL, &error) ||
        !(schema = json_from_string(text, &error)))
        g_error("%s: %s", path, error->message);
    return schema;
}

static gboolean
is_type(JsonNode *value, const gchar *type)
{
    const GType held = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : 0;

    if (g_str_equal(type, "null"))
        return JSON_NODE_HOLDS_NULL(value);
    if (g_str_equal(type, "object"))
        return JSON_NODE_HOLDS_OBJECT(value);
    if (g_str_equal(type, "array"))
        return JSON_NODE_HOLDS_ARRAY(value);
    if (g_str_equal(type, "string"))
        return held == G_TYPE_STRING;
    if (g_str_equal(type, "boolean"))
        return held == G_TYPE_BOOLEAN;
    return held == G_TYPE_INT64 || (held == G_TYPE_DOUBLE && g_str_equal(type, "number"));
}

static gboolean
is_one_of(JsonNode *types, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_ARRAY(types))
        return is_type(value, json_node_get_string(types));
    for (guint i = 0; i < json_array_get_length(json_node_get_array(types)); i++)
        if (is_type(value, json_array_get_string_element(json_node_get_array(types), i)))
            return TRUE;
    return FALSE;
}

static gboolean
is_listed(JsonArray *list, JsonNode *value)
{
    for (guint i = 0; i < json_array_get_length(list); i++)
        if (json_node_equal(json_array_get_element(list, i), value))
            return TRUE;
    return FALSE;
}

static gchar *
check_properties(JsonObject *properties, JsonNode *value, const gchar *where)
{
    JsonObjectIter iter;
    const gchar *name;
    JsonNode *member;

    json_object_iter_init(&iter, json_node_get_object(value));
    while (json_object_iter_next(&iter, &name, &member)) {
        g_autofree gchar *inner = g_strconcat(where, ".", name, NULL);
        gchar *wrong = json_object_has_member(properties, name)
                           ? check_at(json_object_get_member(properties, name), member, inner)
                           : NULL;

        if (wrong)
            return wrong;
    }
    return NULL;
}

static gchar *
check_items(JsonNode *schema, JsonNode *value, const gchar *where)
{
    JsonArray *array = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree gchar *inner = g_strdup_printf("%s[%u]", where, i);
        gchar *wrong = check_at(schema, json_array_get_element(array, i), inner);

        if (wrong)
            return wrong;
    }
    return NULL;
}

static gboolean
has_required(JsonArray *required, JsonNode *value)
{
    for (guint i = 0; i < json_array_get_length(required); i++)
        if (!json_object_has_member(json_node_get_object(value),
                                    json_array_get_string_element(required, i)))
            return FALSE;
    return TRUE;
}

/* A keyword that does not concern values of this type holds. */
static gboolean
holds(const gchar *keyword, JsonNode *rule, JsonNode *value)
{
    if (g_str_equal(keyword, "type"))
        return is_one_of(rule, value);
    if (g_str_equal(keyword, "const"))
        return json_node_equal(rule, value);
    if (g_str_equal(keyword, "enum"))
        return is_listed(json_node_get_array(rule), value);
    if (g_str_equal(keyword, "required"))
        return !is_type(value, "object") || has_required(json_node_get_array(rule), value);
    if (g_str_equal(keyword, "minItems"))
        return !is_type(value, "array") ||
               json_array_get_length(json_node_get_array(value)) >= json_node_get_int(rule);
    if (g_str_equal(keyword, "maxItems"))
        return !is_type(value, "array") ||
               json_array_get_length(json_node_get_array(value)) <= json_node_get_int(rule);
    if (g_str_equal(keyword, "minimum"))
        return !is_type(value, "number") ||
               json_node_get_double(value) >= json_node_get_double(rule);
    if (g_str_equal(keyword, "maximum"))
        return !is_type(value, "number") ||
               json_node_get_double(value) <= json_node_get_double(rule);
    if (g_str_equal(keyword, "minLength"))
        return !is_type(value, "string") ||
               g_utf8_strlen(json_node_get_string(value), -1) >= json_node_get_int(rule);
    if (g_str_equal(keyword, "pattern"))
        return !is_type(value, "string") ||
               g_regex_match_simple(json_node_get_string(rule), json_node_get_string(value), 0, 0);
    return keyword[0] == '$' || g_str_equal(keyword, "title") ||
           g_str_equal(keyword, "description");
}

static gchar *
check_at(JsonNode *schema, JsonNode *value, const gchar *where)
{
    JsonObjectIter iter;
    const gchar *keyword;
    JsonNode *rule;

    json_object_iter_init(&iter, json_node_get_object(schema));
    while (json_object_iter_next(&iter, &keyword, &rule)) {
        gchar *wrong = NULL;

        if (g_str_equal(keyword, "properties")) {
            if (is_type(value, "object"))
                wrong = check_properties(json_node_get_object(rule), value, where);
        } else if (g_str_equal(keyword, "items")) {
            if (is_type(value, "array"))
                wrong = check_items(rule, value, where);
        } else if (!holds(keyword, rule, value)) {
            wrong = g_strdup_printf("%s: %s", where, keyword);
        }
        if (wrong)
            return wrong;
    }
    return NULL;
}

gchar *
schema_check(JsonNode *schema, JsonNode *value)
{
    return check_at(schema, value, "$");
}
