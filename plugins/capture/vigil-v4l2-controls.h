/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-system.h"

G_BEGIN_DECLS

typedef enum {
    VIGIL_V4L2_CONTROL_INTEGER,
    VIGIL_V4L2_CONTROL_BOOLEAN,
    VIGIL_V4L2_CONTROL_MENU, /* one of numbered items, of which some may be missing */
} VigilV4l2ControlType;

/**
 * VigilV4l2Control:
 * @name: as it is written in settings: small letters, digits and `_` ("exposure_time_absolute")
 * @numbers: the items of the menu are numbers, not names
 * @inactive: another control has the say at the moment, such as an automatic
 */
typedef struct {
    guint32 id;
    VigilV4l2ControlType type;
    gchar name[40];
    gint32 min, max, step, standard, value;
    gboolean numbers, read_only, inactive;
} VigilV4l2Control;

/** VigilV4l2Setting: what is asked for: @value: a number, true or false, or an item: its number in the menu, or what it is. */
typedef struct {
    gchar *name, *value;
} VigilV4l2Setting;

void vigil_v4l2_setting_free(VigilV4l2Setting *self);

/**
 * vigil_v4l2_settings_parse:
 * @text: "gain=30, auto_exposure=manual_mode"; "" or %NULL: none
 *
 * Returns: (transfer full) (element-type VigilV4l2Setting): %NULL with %VIGIL_V4L2_ERROR_SETTING
 */
GPtrArray *vigil_v4l2_settings_parse(const gchar *text, GError **error);

/** vigil_v4l2_normalise: (transfer full): a control's or an item's name in the form of settings. */
gchar *vigil_v4l2_normalise(const gchar *name);

/** vigil_v4l2_read_controls: of an open device; appends to @controls (element-type VigilV4l2Control). 0 or -errno. */
gint vigil_v4l2_read_controls(const VigilV4l2System *system, gint fd, GArray *controls);

/** vigil_v4l2_write_controls: see vigil_v4l2_apply_controls(). */
gboolean vigil_v4l2_write_controls(const VigilV4l2System *system, gint fd,
                                   const GPtrArray *settings, GError **error);

/**
 * vigil_v4l2_control_to_string:
 *
 * Returns: (transfer full): what is allowed: "0 to 255, 64 by default", "true or false", "manual_mode, aperture_priority_mode"
 */
gchar *vigil_v4l2_control_to_string(const VigilV4l2System *system, gint fd,
                                    const VigilV4l2Control *control);

G_END_DECLS
