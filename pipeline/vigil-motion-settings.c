/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-motion.h"
#include "pipeline/vigil-settings-private.h"
#include "plugins/motion/vigil-mask-list.h"

VigilMotionSettings
vigil_motion_settings_defaults(void)
{
    return (VigilMotionSettings){.sensitivity = VIGIL_MOTION_SENSITIVITY_DEFAULT};
}

gboolean
vigil_motion_settings_equal(const VigilMotionSettings *a, const VigilMotionSettings *b)
{
    return a->enabled == b->enabled && a->regions == b->regions &&
           a->sensitivity == b->sensitivity && g_strcmp0(a->masks, b->masks) == 0;
}

static void
read_enabled(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    GError *error = NULL;

    vigil_yaml_read_bool(node, &((VigilMotionSettings *)target)->enabled, &error);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_regions(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
             gpointer user_data)
{
    GError *error = NULL;

    vigil_yaml_read_bool(node, &((VigilMotionSettings *)target)->regions, &error);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
append_mask(const VigilYaml *node, GString *masks, VigilYamlMistakes *mistakes)
{
    g_autofree VigilPoint *points = NULL;
    guint n_points = 0;
    GError *error = NULL;

    if (vigil_polygon_from_yaml(node, &points, &n_points, &error)) {
        for (guint i = 0; i < n_points; i++) {
            gchar x[G_ASCII_DTOSTR_BUF_SIZE], y[G_ASCII_DTOSTR_BUF_SIZE];

            g_string_append_printf(masks, "%s,%s ",
                                   g_ascii_formatd(x, sizeof x, "%.6f", points[i].x),
                                   g_ascii_formatd(y, sizeof y, "%.6f", points[i].y));
        }
        g_string_append_c(masks, ';');
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_masks(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilMotionSettings *self = target;
    g_autoptr(GString) masks = g_string_new(NULL);
    GError *error = NULL;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        vigil_yaml_set_wrong_kind(node, &error, "a list of polygons [[[x, y], ...], ...]");
    else if (vigil_yaml_get_n(node) > VIGIL_MASKS_MAX)
        vigil_yaml_set_error(node, &error, "at most %u masks, these are %u", VIGIL_MASKS_MAX,
                             vigil_yaml_get_n(node));
    vigil_yaml_mistakes_add(mistakes, error);
    if (error)
        return;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++)
        append_mask(vigil_yaml_get_item(node, i), masks, mistakes);
    self->masks = g_strdup(masks->str);
}

void
vigil_motion_settings_read(const VigilYaml *node, VigilMotionSettings *self,
                           VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "enabled", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_enabled},
        {.name = "sensitivity",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilMotionSettings, sensitivity),
         .min = 1,
         .max = 100},
        {.name = "masks", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_masks},
        {.name = "regions", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_regions},
        {.name = NULL},
    };
    GError *error = NULL;

    vigil_yaml_table_read(node, keys, self, mistakes, NULL);
    if (self->regions && !self->enabled)
        vigil_yaml_set_error(vigil_yaml_get(node, "regions"), &error,
                             "where something moves is seen by the motion gate: write `enabled: "
                             "true` too, or leave `regions` out");
    vigil_yaml_mistakes_add(mistakes, error);
}
