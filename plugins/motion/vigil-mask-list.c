/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/motion/vigil-mask-list.h"

#include <gio/gio.h>
#include <math.h>

#include "events/vigil-geometry.h"

static gboolean
parse_number(const gchar **text, gfloat *value)
{
    gchar *end;
    const gdouble number = g_ascii_strtod(*text, &end);

    if (end == *text || !isfinite(number) || number < 0 || number > 1)
        return FALSE;
    *text = end;
    *value = (gfloat)number;
    return TRUE;
}

static gboolean
parse_point(const gchar *text, VigilPoint *point)
{
    if (!parse_number(&text, &point->x) || *text++ != ',')
        return FALSE;
    return parse_number(&text, &point->y) && *text == '\0';
}

static gboolean
add_point(VigilMask *mask, guint polygon, const gchar *text, GError **error)
{
    if (mask->n_points == VIGIL_ZONE_MAX_POINTS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "mask %u has more than %d corners", polygon, VIGIL_ZONE_MAX_POINTS);
        return FALSE;
    }
    if (!parse_point(text, &mask->points[mask->n_points])) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "corner %u of mask %u is \"%s\"; it must be x,y with both from 0 to 1, such as "
                    "0.2,0.75",
                    mask->n_points + 1, polygon, text);
        return FALSE;
    }
    mask->n_points++;
    return TRUE;
}

static gboolean
parse_mask(VigilMask *mask, guint polygon, const gchar *text, GError **error)
{
    g_auto(GStrv) corners = g_strsplit_set(text, " \t\n", -1);

    for (guint i = 0; corners[i]; i++)
        if (corners[i][0] && !add_point(mask, polygon, corners[i], error))
            return FALSE;
    if (mask->n_points >= 3 && !vigil_polygon_is_flat(mask->points, mask->n_points))
        return TRUE;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "mask %u has no area: it needs at least three corners that are not on one line",
                polygon);
    return FALSE;
}

GArray *
vigil_mask_list_parse(const gchar *text, GError **error)
{
    g_autoptr(GArray) masks = g_array_new(FALSE, TRUE, sizeof(VigilMask));
    g_auto(GStrv) polygons = g_strsplit(text ? text : "", ";", -1);

    for (guint i = 0; polygons[i]; i++) {
        VigilMask mask = {.n_points = 0};

        if (g_strstrip(polygons[i])[0] == '\0')
            continue;
        if (masks->len == VIGIL_MASKS_MAX) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "more than %d masks",
                        VIGIL_MASKS_MAX);
            return NULL;
        }
        if (!parse_mask(&mask, masks->len + 1, polygons[i], error))
            return NULL;
        g_array_append_val(masks, mask);
    }
    return g_steal_pointer(&masks);
}
