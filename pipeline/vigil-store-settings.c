/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-settings-private.h"

#define LONGEST_AGE_NS (100.0 * 365 * 86400 * 1e9)
#define SHORTEST_AGE_NS 60e9
#define LARGEST_STORE 9e18

static void
read_path(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    vigil_settings_read_path(node, user_data, &((VigilSettings *)target)->store_path, mistakes);
}

/* One item of `keep`, as it is written. */
typedef struct {
    gchar *camera, *label, *rule;
    gint64 max_age_ns;
} KeepItem;

static void
keep_item_clear(KeepItem *self)
{
    g_free(self->camera);
    g_free(self->label);
    g_free(self->rule);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeepItem, keep_item_clear)

static void
read_keep_item(const VigilYaml *node, VigilSettings *settings, VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "camera",
         .type = VIGIL_YAML_KEY_STRING,
         .offset = G_STRUCT_OFFSET(KeepItem, camera)},
        {.name = "class",
         .type = VIGIL_YAML_KEY_STRING,
         .offset = G_STRUCT_OFFSET(KeepItem, label)},
        {.name = "rule", .type = VIGIL_YAML_KEY_STRING, .offset = G_STRUCT_OFFSET(KeepItem, rule)},
        {.name = "max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(KeepItem, max_age_ns),
         .min = SHORTEST_AGE_NS,
         .max = LONGEST_AGE_NS},
        {.name = NULL},
    };
    g_auto(KeepItem) item = {NULL};
    const guint n_mistakes = mistakes->n;
    VigilStoreKeep keep;
    GError *error = NULL;

    vigil_yaml_table_read(node, keys, &item, mistakes, NULL);
    if (mistakes->n != n_mistakes)
        return;
    if (!item.max_age_ns || (!item.camera && !item.label && !item.rule)) {
        vigil_yaml_set_error(node, &error,
                             "`max_age` is wanted and which events it is for: camera, class or "
                             "rule, as in {rule: visitor, max_age: 90d}");
        vigil_yaml_mistakes_add(mistakes, error);
        return;
    }
    keep = (VigilStoreKeep){g_intern_string(item.camera), g_intern_string(item.label),
                            g_intern_string(item.rule), item.max_age_ns / 1000};
    g_array_append_val(settings->keep, keep);
}

static void
read_keep(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    GError *error = NULL;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE) {
        vigil_yaml_set_error(node, &error,
                             "a list is wanted, each item as in {rule: visitor, max_age: 90d}");
        vigil_yaml_mistakes_add(mistakes, error);
        return;
    }
    for (guint i = 0; i < vigil_yaml_get_n(node); i++)
        read_keep_item(vigil_yaml_get_item(node, i), target, mistakes);
}

/* An age of clips that no clip reaches is a mistake of the writer's. */
static void
check_ages(const VigilYaml *node, const VigilSettings *settings, VigilYamlMistakes *mistakes)
{
    gint64 longest_us = settings->max_age_ns / 1000;
    GError *error = NULL;

    for (guint i = 0; i < settings->keep->len; i++)
        longest_us = MAX(longest_us, g_array_index(settings->keep, VigilStoreKeep, i).max_age_us);
    if (settings->max_age_ns && settings->clips_max_age_ns / 1000 > longest_us)
        vigil_yaml_set_error(vigil_yaml_get(node, "clips_max_age"), &error,
                             "longer than `max_age`: clips go with their events at the latest");
    vigil_yaml_mistakes_add(mistakes, error);
}

void
vigil_store_settings_read(const VigilYaml *node, VigilSettings *settings, const gchar *base,
                          VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "path", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_path},
        {.name = "max_bytes",
         .type = VIGIL_YAML_KEY_SIZE,
         .offset = G_STRUCT_OFFSET(VigilSettings, max_bytes),
         .min = 10e6,
         .max = LARGEST_STORE},
        {.name = "min_free",
         .type = VIGIL_YAML_KEY_SIZE,
         .offset = G_STRUCT_OFFSET(VigilSettings, min_free_bytes),
         .min = 10e6,
         .max = LARGEST_STORE},
        {.name = "max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilSettings, max_age_ns),
         .min = SHORTEST_AGE_NS,
         .max = LONGEST_AGE_NS},
        {.name = "clips_max_age",
         .type = VIGIL_YAML_KEY_DURATION,
         .offset = G_STRUCT_OFFSET(VigilSettings, clips_max_age_ns),
         .min = SHORTEST_AGE_NS,
         .max = LONGEST_AGE_NS},
        {.name = "keep", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_keep},
        {.name = NULL},
    };

    vigil_yaml_table_read(node, keys, settings, mistakes, (gpointer)base);
    check_ages(node, settings, mistakes);
}

VigilStoreOptions
vigil_settings_get_store_options(const VigilSettings *self, const gchar *database,
                                 const gchar *clips, const gchar *program)
{
    return (VigilStoreOptions){.database = database,
                               .clips = clips,
                               .max_bytes = self->max_bytes,
                               .max_age_us = self->max_age_ns / 1000,
                               .clips_max_age_us = self->clips_max_age_ns / 1000,
                               .min_free_bytes = self->min_free_bytes,
                               .keep = (const VigilStoreKeep *)(gpointer)self->keep->data,
                               .n_keep = self->keep->len,
                               .footage = (const VigilStoreFootage *)(gpointer)self->footage->data,
                               .n_footage = self->footage->len,
                               .program = program};
}

gchar *
vigil_settings_print_limits(const VigilSettings *self)
{
    GString *text = g_string_new(NULL);

    g_string_printf(
        text, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT,
        self->max_bytes, self->min_free_bytes, self->max_age_ns, self->clips_max_age_ns);
    for (guint i = 0; i < self->keep->len; i++) {
        const VigilStoreKeep *keep = &g_array_index(self->keep, VigilStoreKeep, i);

        g_string_append_printf(text, "\n%s\t%s\t%s\t%" G_GINT64_FORMAT,
                               keep->camera ? keep->camera : "", keep->label ? keep->label : "",
                               keep->rule ? keep->rule : "", keep->max_age_us);
    }
    return g_string_free(text, FALSE);
}
