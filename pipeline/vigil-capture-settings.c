/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pipeline/vigil-settings-private.h"
#include "plugins/capture/vigil-v4l2-format.h"

#define LARGEST_SIDE 32768

gboolean
vigil_capture_settings_equal(const VigilCaptureSettings *a, const VigilCaptureSettings *b)
{
    return a->width == b->width && a->height == b->height && a->fps == b->fps &&
           g_strcmp0(a->format, b->format) == 0 && g_strcmp0(a->controls, b->controls) == 0;
}

void
vigil_capture_settings_clear(VigilCaptureSettings *self)
{
    g_clear_pointer(&self->format, g_free);
    g_clear_pointer(&self->controls, g_free);
}

static void
read_format(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes, gpointer user_data)
{
    VigilCaptureSettings *self = target;
    g_autoptr(GError) reason = NULL;
    const gchar *text = NULL;
    VigilV4l2Want want;
    GError *error = NULL;

    if (vigil_yaml_read_string(node, &text, &error)) {
        if (vigil_v4l2_want_set_kinds(&want, text, &reason))
            self->format = g_strdup(text);
        else
            vigil_yaml_set_error(node, &error, "%s", reason->message);
    }
    vigil_yaml_mistakes_add(mistakes, error);
}

/* What a camera has is known when it is there; here only what could never be one is refused. */
static void
append_control(const gchar *name, const VigilYaml *node, GString *controls,
               VigilYamlMistakes *mistakes)
{
    const gchar *text = NULL;
    GError *error = NULL;

    if (!*name || name[strspn(name, G_CSET_a_2_z G_CSET_DIGITS "_")])
        vigil_yaml_set_error(node, &error,
                             "\"%s\" cannot be a control's name: small letters, digits and `_`, as "
                             "`vigil devices --controls` lists them",
                             name);
    else if (vigil_yaml_read_string(node, &text, &error) && strchr(text, ','))
        vigil_yaml_set_error(node, &error, "a control's value has no comma");
    else if (!error && !text[strspn(text, " \t")])
        vigil_yaml_set_error(node, &error, "a control needs a value");
    else if (!error)
        g_string_append_printf(controls, "%s%s=%s", controls->len ? "," : "", name, text);
    vigil_yaml_mistakes_add(mistakes, error);
}

static void
read_controls(const VigilYaml *node, gpointer target, VigilYamlMistakes *mistakes,
              gpointer user_data)
{
    VigilCaptureSettings *self = target;
    g_autoptr(GString) controls = g_string_new(NULL);
    GError *error = NULL;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING) {
        vigil_yaml_set_wrong_kind(node, &error, "controls {gain: 30, ...}");
        vigil_yaml_mistakes_add(mistakes, error);
        return;
    }
    for (guint i = 0; i < vigil_yaml_get_n(node); i++)
        append_control(vigil_yaml_get_key(node, i), vigil_yaml_get_item(node, i), controls,
                       mistakes);
    self->controls = g_strdup(controls->str);
}

void
vigil_capture_settings_read(const VigilYaml *node, VigilCaptureSettings *self,
                            VigilYamlMistakes *mistakes)
{
    static const VigilYamlKey keys[] = {
        {.name = "width",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilCaptureSettings, width),
         .min = 16,
         .max = LARGEST_SIDE},
        {.name = "height",
         .type = VIGIL_YAML_KEY_INT,
         .offset = G_STRUCT_OFFSET(VigilCaptureSettings, height),
         .min = 16,
         .max = LARGEST_SIDE},
        {.name = "fps",
         .type = VIGIL_YAML_KEY_DOUBLE,
         .offset = G_STRUCT_OFFSET(VigilCaptureSettings, fps),
         .min = 0.1,
         .max = 1000},
        {.name = "format", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_format},
        {.name = "controls", .type = VIGIL_YAML_KEY_CUSTOM, .func = read_controls},
        {.name = NULL},
    };

    vigil_yaml_table_read(node, keys, self, mistakes, NULL);
}
