/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-yaml-table.h"

void
vigil_yaml_mistakes_add(VigilYamlMistakes *self, GError *error)
{
    if (!error)
        return;
    if (self->text->len)
        g_string_append_c(self->text, '\n');
    g_string_append(self->text, error->message);
    self->n++;
    g_error_free(error);
}

static gboolean
read_word(const VigilYaml *node, const VigilYamlKey *key, gint *value, GError **error)
{
    const gchar *text;
    g_autofree gchar *all = NULL;

    if (!vigil_yaml_read_string(node, &text, error))
        return FALSE;
    for (gint i = 0; key->words[i]; i++) {
        if (g_str_equal(key->words[i], text)) {
            *value = i;
            return TRUE;
        }
    }
    all = g_strjoinv(", ", (gchar **)key->words);
    return vigil_yaml_set_error(node, error, "\"%s\" is none of: %s", text, all);
}

static void
read_value(const VigilYaml *node, const VigilYamlKey *key, gpointer target,
           VigilYamlMistakes *mistakes, gpointer user_data)
{
    gpointer place = (guint8 *)target + key->offset;
    const gchar *text = NULL;
    GError *error = NULL;

    switch (key->type) {
    case VIGIL_YAML_KEY_STRING:
        if (vigil_yaml_read_string(node, &text, &error)) {
            g_free(*(gchar **)place);
            *(gchar **)place = g_strdup(text);
        }
        break;
    case VIGIL_YAML_KEY_DOUBLE:
        vigil_yaml_read_double(node, key->min, key->max, place, &error);
        break;
    case VIGIL_YAML_KEY_INT:
        vigil_yaml_read_int(node, (gint64)key->min, (gint64)key->max, place, &error);
        break;
    case VIGIL_YAML_KEY_DURATION:
        vigil_yaml_read_duration(node, (gint64)key->min, (gint64)key->max, place, &error);
        break;
    case VIGIL_YAML_KEY_SIZE:
        vigil_yaml_read_size(node, (gint64)key->min, (gint64)key->max, place, &error);
        break;
    case VIGIL_YAML_KEY_WORD: read_word(node, key, place, &error); break;
    case VIGIL_YAML_KEY_CUSTOM: key->func(node, target, mistakes, user_data); break;
    case VIGIL_YAML_KEY_OTHER: break;
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_yaml_table_read(const VigilYaml *node, const VigilYamlKey *keys, gpointer target,
                      VigilYamlMistakes *mistakes, gpointer user_data)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    GError *error = NULL;

    for (const VigilYamlKey *key = keys; key->name; key++)
        g_ptr_array_add(names, (gpointer)key->name);
    g_ptr_array_add(names, NULL);
    vigil_yaml_check_keys(node, (const gchar *const *)names->pdata, &error);
    vigil_yaml_mistakes_add(mistakes, error);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return;

    for (const VigilYamlKey *key = keys; key->name; key++) {
        const VigilYaml *value = vigil_yaml_get(node, key->name);

        if (value)
            read_value(value, key, target, mistakes, user_data);
    }
}
