/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-device-report.h"

#include <json-glib/json-glib.h>

/* --- for people ------------------------------------------------------------------------------ */

static void
append_rates(GString *text, const VigilV4l2Mode *mode)
{
    if (mode->n_rates == 0)
        return;
    g_string_append(text, " at");
    for (guint i = 0; i < mode->n_rates; i++)
        g_string_append_printf(text, "%s%.4g",
                               i == 0           ? " "
                               : mode->any_rate ? " to "
                                                : ", ",
                               vigil_v4l2_rate_to_fps(mode->rates[i]));
}

static void
append_mode(GString *text, const VigilV4l2Mode *mode)
{
    gchar fourcc[8];

    g_string_append_printf(text, "    %-8s %ux%u",
                           vigil_v4l2_fourcc_to_string(mode->fourcc, fourcc), mode->min_width,
                           mode->min_height);
    if (mode->min_width != mode->max_width || mode->min_height != mode->max_height)
        g_string_append_printf(text, " to %ux%u", mode->max_width, mode->max_height);
    append_rates(text, mode);
    if (vigil_v4l2_kind_of(mode->fourcc) == VIGIL_V4L2_OTHER)
        g_string_append(text, " (not used)");
    g_string_append_c(text, '\n');
}

static void
append_controls(GString *text, const VigilV4l2Camera *camera)
{
    for (guint i = 0; i < camera->controls->len; i++) {
        const VigilV4l2Control *control = &g_array_index(camera->controls, VigilV4l2Control, i);

        g_string_append_printf(text, "    %s=%d: %s%s%s\n", control->name, control->value,
                               (const gchar *)camera->allowed->pdata[i],
                               control->read_only ? ", can only be read" : "",
                               control->inactive ? ", an automatic has the say" : "");
    }
}

gchar *
vigil_device_report_text(const GPtrArray *cameras, gboolean controls)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < cameras->len; i++) {
        const VigilV4l2Camera *camera = cameras->pdata[i];

        g_string_append_printf(text, "%s\n    %s, %s", camera->source, camera->card.card,
                               camera->device);
        if (camera->trouble)
            g_string_append_printf(text, "\n    cannot be asked: %s\n", camera->trouble);
        else
            g_string_append_printf(text, ", driver %s\n", camera->card.driver);
        for (guint k = 0; k < camera->modes->len; k++)
            append_mode(text, &g_array_index(camera->modes, VigilV4l2Mode, k));
        if (controls)
            append_controls(text, camera);
    }
    return g_strdup(text->str);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void
add_string(JsonBuilder *builder, const gchar *name, const gchar *value)
{
    json_builder_set_member_name(builder, name);
    if (value)
        json_builder_add_string_value(builder, value);
    else
        json_builder_add_null_value(builder);
}

static void
add_int(JsonBuilder *builder, const gchar *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static void
add_mode(JsonBuilder *builder, const VigilV4l2Mode *mode)
{
    gchar fourcc[8];

    json_builder_begin_object(builder);
    add_string(builder, "fourcc", vigil_v4l2_fourcc_to_string(mode->fourcc, fourcc));
    add_string(builder, "format", vigil_v4l2_kind_to_string(vigil_v4l2_kind_of(mode->fourcc)));
    add_int(builder, "width", mode->max_width);
    add_int(builder, "height", mode->max_height);
    add_int(builder, "min_width", mode->min_width);
    add_int(builder, "min_height", mode->min_height);
    json_builder_set_member_name(builder, mode->any_rate ? "fps_range" : "fps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < mode->n_rates; i++)
        json_builder_add_double_value(builder, vigil_v4l2_rate_to_fps(mode->rates[i]));
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void
add_control(JsonBuilder *builder, const VigilV4l2Control *control, const gchar *allowed)
{
    json_builder_begin_object(builder);
    add_string(builder, "name", control->name);
    add_int(builder, "value", control->value);
    add_int(builder, "default", control->standard);
    add_int(builder, "min", control->min);
    add_int(builder, "max", control->max);
    add_int(builder, "step", control->step);
    add_string(builder, "allowed", allowed);
    json_builder_set_member_name(builder, "read_only");
    json_builder_add_boolean_value(builder, control->read_only);
    json_builder_end_object(builder);
}

static void
add_camera(JsonBuilder *builder, const VigilV4l2Camera *camera)
{
    json_builder_begin_object(builder);
    add_string(builder, "source", camera->source);
    add_string(builder, "device", camera->device);
    add_string(builder, "name", camera->card.card);
    add_string(builder, "driver", camera->card.driver);
    add_string(builder, "bus", camera->card.bus);
    add_string(builder, "serial", camera->serial);
    add_string(builder, "path", camera->port);
    add_string(builder, "error", camera->trouble);
    json_builder_set_member_name(builder, "formats");
    json_builder_begin_array(builder);
    for (guint i = 0; i < camera->modes->len; i++)
        add_mode(builder, &g_array_index(camera->modes, VigilV4l2Mode, i));
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "controls");
    json_builder_begin_array(builder);
    for (guint i = 0; i < camera->controls->len; i++)
        add_control(builder, &g_array_index(camera->controls, VigilV4l2Control, i),
                    camera->allowed->pdata[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

gchar *
vigil_device_report_json(const GPtrArray *cameras)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_array(builder);
    for (guint i = 0; i < cameras->len; i++)
        add_camera(builder, cameras->pdata[i]);
    json_builder_end_array(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}
