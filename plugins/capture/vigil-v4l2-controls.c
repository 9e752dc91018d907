/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2-controls.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <string.h>

#include "events/vigil-suggest.h"
#include "plugins/capture/vigil-v4l2-error.h"

#define MOST_CONTROLS 256
#define MOST_ITEMS 64

void
vigil_v4l2_setting_free(VigilV4l2Setting *self)
{
    g_free(self->name);
    g_free(self->value);
    g_free(self);
}

gchar *
vigil_v4l2_normalise(const gchar *name)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (; *name; name++) {
        if (g_ascii_isalnum(*name))
            g_string_append_c(text, g_ascii_tolower(*name));
        else if (text->len && text->str[text->len - 1] != '_')
            g_string_append_c(text, '_');
    }
    if (text->len && text->str[text->len - 1] == '_')
        g_string_truncate(text, text->len - 1);
    return g_strdup(text->str);
}

GPtrArray *
vigil_v4l2_settings_parse(const gchar *text, GError **error)
{
    g_autoptr(GPtrArray) settings =
        g_ptr_array_new_with_free_func((GDestroyNotify)vigil_v4l2_setting_free);
    g_auto(GStrv) pairs = g_strsplit(text ? text : "", ",", -1);

    for (gchar **pair = pairs; *pair; pair++) {
        gchar *equals = strchr(g_strstrip(*pair), '=');
        VigilV4l2Setting *setting;

        if (**pair == '\0')
            continue;
        if (!equals || equals == *pair || equals[1] == '\0') {
            g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                        "\"%s\" sets no control: write gain=30, with commas between several",
                        *pair);
            return NULL;
        }
        *equals = '\0';
        setting = g_new0(VigilV4l2Setting, 1);
        setting->name = g_strdup(g_strstrip(*pair));
        setting->value = g_strdup(g_strstrip(equals + 1));
        g_ptr_array_add(settings, setting);
    }
    return g_steal_pointer(&settings);
}

/* --- what there is --------------------------------------------------------------------------- */

static gboolean
take_control(const VigilV4l2System *system, gint fd, const struct v4l2_queryctrl *query,
             VigilV4l2Control *control)
{
    g_autofree gchar *raw = g_strndup((const gchar *)query->name, sizeof query->name);
    g_autofree gchar *name = vigil_v4l2_normalise(raw);
    struct v4l2_control value = {.id = query->id};

    if (query->flags & V4L2_CTRL_FLAG_DISABLED)
        return FALSE;
    *control = (VigilV4l2Control){
        .id = query->id,
        .min = query->minimum,
        .max = query->maximum,
        .step = MAX(query->step, 1),
        .standard = query->default_value,
        .numbers = query->type == V4L2_CTRL_TYPE_INTEGER_MENU,
        .read_only = (query->flags & V4L2_CTRL_FLAG_READ_ONLY) != 0,
        .inactive = (query->flags & V4L2_CTRL_FLAG_INACTIVE) != 0,
    };
    switch (query->type) {
    case V4L2_CTRL_TYPE_INTEGER: control->type = VIGIL_V4L2_CONTROL_INTEGER; break;
    case V4L2_CTRL_TYPE_BOOLEAN: control->type = VIGIL_V4L2_CONTROL_BOOLEAN; break;
    case V4L2_CTRL_TYPE_MENU:
    case V4L2_CTRL_TYPE_INTEGER_MENU: control->type = VIGIL_V4L2_CONTROL_MENU; break;
    default: return FALSE; /* buttons, texts, tables and headings */
    }
    g_strlcpy(control->name, name, sizeof control->name);
    if (vigil_v4l2_ioctl(system, fd, VIDIOC_G_CTRL, &value) == 0)
        control->value = value.value;
    return TRUE;
}

gint
vigil_v4l2_read_controls(const VigilV4l2System *system, gint fd, GArray *controls)
{
    struct v4l2_queryctrl query = {.id = V4L2_CTRL_FLAG_NEXT_CTRL};

    for (guint i = 0; i < MOST_CONTROLS; i++) {
        const gint result = vigil_v4l2_ioctl(system, fd, VIDIOC_QUERYCTRL, &query);
        VigilV4l2Control control;

        if (result < 0)
            return result == -EINVAL || result == -ENOTTY ? 0 : result;
        if (take_control(system, fd, &query, &control))
            g_array_append_val(controls, control);
        query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
    }
    return 0;
}

/* (transfer full) (nullable): %NULL: there is no such item */
static gchar *
read_item(const VigilV4l2System *system, gint fd, const VigilV4l2Control *control, gint32 index)
{
    struct v4l2_querymenu query = {.id = control->id, .index = (guint32)index};
    g_autofree gchar *raw = NULL;

    if (vigil_v4l2_ioctl(system, fd, VIDIOC_QUERYMENU, &query) < 0)
        return NULL;
    if (control->numbers)
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)query.value);
    raw = g_strndup((const gchar *)query.name, sizeof query.name);
    return vigil_v4l2_normalise(raw);
}

static gint32
get_last_item(const VigilV4l2Control *control)
{
    return MIN(control->max,
               control->min < G_MAXINT32 - MOST_ITEMS ? control->min + MOST_ITEMS : G_MAXINT32 - 1);
}

static gchar *
list_items(const VigilV4l2System *system, gint fd, const VigilV4l2Control *control)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (gint32 i = control->min; i <= get_last_item(control); i++) {
        g_autofree gchar *item = read_item(system, fd, control, i);

        if (item)
            g_string_append_printf(text, "%s%d (%s)", text->len ? ", " : "", i, item);
    }
    return g_strdup(text->str);
}

gchar *
vigil_v4l2_control_to_string(const VigilV4l2System *system, gint fd,
                             const VigilV4l2Control *control)
{
    switch (control->type) {
    case VIGIL_V4L2_CONTROL_BOOLEAN: return g_strdup("true or false");
    case VIGIL_V4L2_CONTROL_MENU: return list_items(system, fd, control);
    case VIGIL_V4L2_CONTROL_INTEGER: break;
    }
    if (control->step > 1)
        return g_strdup_printf("%d to %d in steps of %d, %d by default", control->min, control->max,
                               control->step, control->standard);
    return g_strdup_printf("%d to %d, %d by default", control->min, control->max,
                           control->standard);
}

/* --- what is set ----------------------------------------------------------------------------- */

/* People say exposure; drivers have two names for it, and more by their version. */
static const struct {
    const gchar *word;
    guint32 ids[2];
} aliases[] = {
    {"exposure", {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CID_EXPOSURE}},
    {"auto_exposure", {V4L2_CID_EXPOSURE_AUTO, 0}},
    {"focus", {V4L2_CID_FOCUS_ABSOLUTE, 0}},
    {"autofocus", {V4L2_CID_FOCUS_AUTO, 0}},
    {"gain", {V4L2_CID_GAIN, V4L2_CID_ANALOGUE_GAIN}},
    {"autogain", {V4L2_CID_AUTOGAIN, 0}},
    {"white_balance", {V4L2_CID_WHITE_BALANCE_TEMPERATURE, 0}},
    {"auto_white_balance", {V4L2_CID_AUTO_WHITE_BALANCE, 0}},
    {"zoom", {V4L2_CID_ZOOM_ABSOLUTE, 0}},
    {"bitrate", {V4L2_CID_MPEG_VIDEO_BITRATE, 0}},
    {"keyframe_interval", {V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, V4L2_CID_MPEG_VIDEO_GOP_SIZE}},
};

static const VigilV4l2Control *
find_by_id(const GArray *controls, guint32 id)
{
    for (guint i = 0; id && i < controls->len; i++)
        if (g_array_index(controls, VigilV4l2Control, i).id == id)
            return &g_array_index(controls, VigilV4l2Control, i);
    return NULL;
}

static const VigilV4l2Control *
find_control(const GArray *controls, const gchar *name)
{
    const VigilV4l2Control *found = NULL;

    for (guint i = 0; i < controls->len; i++)
        if (g_str_equal(g_array_index(controls, VigilV4l2Control, i).name, name))
            return &g_array_index(controls, VigilV4l2Control, i);
    for (guint i = 0; i < G_N_ELEMENTS(aliases) && !found; i++)
        for (guint k = 0; k < 2 && !found && g_str_equal(aliases[i].word, name); k++)
            found = find_by_id(controls, aliases[i].ids[k]);
    return found;
}

static void
refuse_name(const GArray *controls, const gchar *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree gchar *list = NULL;
    const gchar *nearest;

    for (guint i = 0; i < controls->len; i++)
        g_ptr_array_add(names, g_array_index(controls, VigilV4l2Control, i).name);
    g_ptr_array_add(names, NULL);
    list = g_strjoinv(", ", (gchar **)names->pdata);
    nearest = vigil_suggest(name, (const gchar *const *)names->pdata);
    g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                "this camera has no control \"%s\"%s%s%s; it has: %s", name,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "",
                *list ? list : "none");
}

static gboolean
read_boolean(const gchar *text, gint32 *value)
{
    static const gchar *const no[] = {"false", "off", "no", "0", NULL};
    static const gchar *const yes[] = {"true", "on", "yes", "1", NULL};

    *value = g_strv_contains(yes, text);
    return *value || g_strv_contains(no, text);
}

static gboolean
read_menu(const VigilV4l2System *system, gint fd, const VigilV4l2Control *control,
          const gchar *text, gint32 *value)
{
    g_autofree gchar *wanted = control->numbers ? g_strdup(text) : vigil_v4l2_normalise(text);
    gint64 number;

    if (g_ascii_string_to_signed(text, 10, control->min, control->max, &number, NULL)) {
        g_autofree gchar *item = read_item(system, fd, control, (gint32)number);

        *value = (gint32)number;
        if (item)
            return TRUE;
    }
    for (*value = control->min; *value <= get_last_item(control); ++*value) {
        g_autofree gchar *item = read_item(system, fd, control, *value);

        if (item && g_str_equal(item, wanted))
            return TRUE;
    }
    return FALSE;
}

static gboolean
read_value(const VigilV4l2System *system, gint fd, const VigilV4l2Control *control,
           const gchar *text, gint32 *value)
{
    gint64 number;

    switch (control->type) {
    case VIGIL_V4L2_CONTROL_BOOLEAN: return read_boolean(text, value);
    case VIGIL_V4L2_CONTROL_MENU: return read_menu(system, fd, control, text, value);
    case VIGIL_V4L2_CONTROL_INTEGER: break;
    }
    if (!g_ascii_string_to_signed(text, 10, control->min, control->max, &number, NULL) ||
        (number - control->min) % control->step != 0)
        return FALSE;
    *value = (gint32)number;
    return TRUE;
}

static gboolean
set_one(const VigilV4l2System *system, gint fd, const VigilV4l2Control *control,
        const VigilV4l2Setting *setting, GError **error)
{
    struct v4l2_control request = {.id = control->id};
    gint result;

    if (control->read_only) {
        g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                    "the control %s can only be read", setting->name);
        return FALSE;
    }
    if (!read_value(system, fd, control, setting->value, &request.value)) {
        g_autofree gchar *allowed = vigil_v4l2_control_to_string(system, fd, control);

        g_set_error(error, VIGIL_V4L2_ERROR, VIGIL_V4L2_ERROR_SETTING,
                    "the control %s cannot be \"%s\": this camera allows %s", setting->name,
                    setting->value, allowed);
        return FALSE;
    }
    result = vigil_v4l2_ioctl(system, fd, VIDIOC_S_CTRL, &request);
    if (result < 0)
        g_set_error(error, VIGIL_V4L2_ERROR,
                    vigil_v4l2_is_gone(result) ? VIGIL_V4L2_ERROR_GONE : VIGIL_V4L2_ERROR_DEVICE,
                    "the camera refuses %s=%s: %s%s", setting->name, setting->value,
                    g_strerror(-result),
                    control->inactive ? "; an automatic has the say, turn that off first" : "");
    return result == 0;
}

gboolean
vigil_v4l2_write_controls(const VigilV4l2System *system, gint fd, const GPtrArray *settings,
                          GError **error)
{
    g_autoptr(GArray) controls = g_array_new(FALSE, FALSE, sizeof(VigilV4l2Control));
    gint result = 0;

    if (!settings || settings->len == 0)
        return TRUE;
    result = vigil_v4l2_read_controls(system, fd, controls);
    if (result < 0) {
        g_set_error(error, VIGIL_V4L2_ERROR,
                    vigil_v4l2_is_gone(result) ? VIGIL_V4L2_ERROR_GONE : VIGIL_V4L2_ERROR_DEVICE,
                    "its controls cannot be read: %s", g_strerror(-result));
        return FALSE;
    }
    for (guint turn = 0; turn < 2; turn++) {
        for (guint i = 0; i < settings->len; i++) {
            const VigilV4l2Setting *setting = settings->pdata[i];
            const VigilV4l2Control *control = find_control(controls, setting->name);

            if (!control) {
                refuse_name(controls, setting->name, error);
                return FALSE;
            }
            if ((turn == 1) == (control->type == VIGIL_V4L2_CONTROL_INTEGER) &&
                !set_one(system, fd, control, setting, error))
                return FALSE;
        }
    }
    return TRUE;
}
