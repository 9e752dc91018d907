/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-settings.h"

#include <string.h>

#include "pipeline/vigil-settings-private.h"
#include "pipeline/vigil-yaml-table.h"

G_DEFINE_QUARK(vigil_settings_error_quark, vigil_settings_error)

#define DEFAULT_STORE "/var/lib/vigil"

void
vigil_settings_read_path(const VigilYaml *node, const gchar *base, gchar **place,
                         VigilYamlMistakes *mistakes)
{
    const gchar *text = NULL;
    GError *error = NULL;

    if (!vigil_yaml_read_string(node, &text, &error))
        goto out;
    if (!*text) {
        vigil_yaml_set_error(node, &error, "an empty path; name a file or a directory");
        goto out;
    }
    g_free(*place);
    *place = g_canonicalize_filename(text, base);
out:
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_store(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_store_settings_read(node, target, user_data, mistakes);
}

static void
read_model(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_model_settings_read(node, &((VigilSettings *)target)->model, user_data, mistakes);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void
read_cameras(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    VigilSettings *self = target;
    g_autoptr(GHashTable) lines = g_hash_table_new(g_str_hash, g_str_equal);
    GError *error = NULL;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(node) == 0) {
        vigil_yaml_set_error(node, &error,
                             "a list of cameras is wanted, each beginning `- name: …`");
        vigil_yaml_mistakes_add(mistakes, error);
        return;
    }
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        const VigilYaml *item = vigil_yaml_get_item(node, i);
        VigilCameraSettings *camera =
            vigil_camera_settings_read(item, self->model, user_data, mistakes);
        gpointer earlier;

        g_ptr_array_add(self->cameras, camera);
        if (!camera->name)
            continue;
        earlier = g_hash_table_lookup(lines, camera->name);
        if (earlier) {
            vigil_yaml_set_error(
                item, &error,
                "a camera named \"%s\" is already in line %u; each needs its own name",
                camera->name, GPOINTER_TO_UINT(earlier));
            vigil_yaml_mistakes_add(mistakes, g_steal_pointer(&error));
        }
        g_hash_table_insert(lines, camera->name, GUINT_TO_POINTER(vigil_yaml_get_line(item)));
    }
}

static void
read_uploads(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    vigil_upload_settings_read(node, ((VigilSettings *)target)->uploads, user_data, mistakes);
}

static void
read_root(const VigilYaml *root, VigilSettings *self, const gchar *base,
          VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "store", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_store},
        {.name = "model", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_model},
        /* after the model, which cameras take over */
        {.name = "cameras", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_cameras},
        {.name = "uploads", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_uploads},
        {.name = NULL},
    };
    GError *error = NULL;

    vigil_yaml_table_read(root, keys, self, mistakes, (gpointer)base);
    if (vigil_yaml_get_kind(root) == VIGIL_YAML_MAPPING && !vigil_yaml_get(root, "cameras")) {
        vigil_yaml_set_error(root, &error, "`cameras` is missing: a list of what to watch");
        vigil_yaml_mistakes_add(mistakes, error);
    }
}

VigilSettings *
vigil_settings_load(const gchar *path, GError **error)
{
    g_autoptr(VigilSettings) self = g_new0(VigilSettings, 1);
    g_autoptr(VigilYaml) root = NULL;
    g_autoptr(GError) broken = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    VigilYamlMistakes mistakes = {.text = text};
    g_autofree gchar *base = NULL;

    self->path = g_canonicalize_filename(path, NULL);
    self->store_path = g_strdup(DEFAULT_STORE);
    self->keep = g_array_new(FALSE, FALSE, sizeof(VigilStoreKeep));
    self->cameras = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_camera_settings_unref);
    self->uploads = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_upload_settings_unref);
    base = g_path_get_dirname(self->path);

    root = vigil_yaml_load(path, &broken);
    if (!root) {
        g_set_error_literal(error, VIGIL_SETTINGS_ERROR,
                            g_error_matches(broken, VIGIL_YAML_ERROR, VIGIL_YAML_ERROR_IO)
                                ? VIGIL_SETTINGS_ERROR_IO
                                : VIGIL_SETTINGS_ERROR_WRONG,
                            broken->message);
        return NULL;
    }
    read_root(root, self, base, &mistakes);
    if (mistakes.n) {
        g_set_error_literal(error, VIGIL_SETTINGS_ERROR, VIGIL_SETTINGS_ERROR_WRONG, text->str);
        return NULL;
    }
    self->footage = vigil_continuous_settings_list(self->cameras);
    return g_steal_pointer(&self);
}

void
vigil_settings_free(VigilSettings *self)
{
    if (!self)
        return;
    g_free(self->path);
    g_free(self->store_path);
    vigil_model_settings_free(self->model);
    g_clear_pointer(&self->keep, g_array_unref);
    g_clear_pointer(&self->footage, g_array_unref);
    g_clear_pointer(&self->cameras, g_ptr_array_unref);
    g_clear_pointer(&self->uploads, g_ptr_array_unref);
    g_free(self);
}

void
vigil_settings_set_store(VigilSettings *self, const gchar *path)
{
    g_free(self->store_path);
    self->store_path = g_canonicalize_filename(path, NULL);
}
