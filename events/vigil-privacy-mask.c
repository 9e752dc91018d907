/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-privacy-mask.h"

#include <string.h>

#include "events/vigil-yaml-private.h"

typedef struct {
    VigilPoint *points;
    guint n_points;
} Polygon;

struct VigilPrivacyMask {
    GArray *polygons; /* (element-type Polygon) */
};

static void
polygon_clear(gpointer data)
{
    g_free(((Polygon *)data)->points);
}

static VigilPrivacyMask *
new_empty(void)
{
    VigilPrivacyMask *self = g_new0(VigilPrivacyMask, 1);

    self->polygons = g_array_new(FALSE, TRUE, sizeof(Polygon));
    g_array_set_clear_func(self->polygons, polygon_clear);
    return self;
}

void
vigil_privacy_mask_free(VigilPrivacyMask *self)
{
    if (!self)
        return;
    g_array_unref(self->polygons);
    g_free(self);
}

VigilPrivacyMask *
vigil_privacy_mask_from_yaml(const VigilYaml *node, GError **error)
{
    g_autoptr(VigilPrivacyMask) self = new_empty();
    const guint n = vigil_yaml_get_n(node);
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE) {
        vigil_yaml_set_wrong_kind(node, error, "a list of polygons [[[x, y], [x, y], ...], ...]");
        return NULL;
    }
    if (n > VIGIL_PRIVACY_MASK_MAX) {
        vigil_yaml_set_error(node, error, "at most %d polygons, these are %u",
                             VIGIL_PRIVACY_MASK_MAX, n);
        return NULL;
    }
    g_array_set_size(self->polygons, n);
    for (guint i = 0; i < n; i++) {
        Polygon *polygon = &g_array_index(self->polygons, Polygon, i);
        GError *one = NULL;

        vigil_polygon_from_yaml(vigil_yaml_get_item(node, i), &polygon->points, &polygon->n_points,
                                &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok ? g_steal_pointer(&self) : NULL;
}

VigilPrivacyMask *
vigil_privacy_mask_parse(const gchar *text, GError **error)
{
    g_autoptr(VigilYaml) root = NULL;

    if (!text || !*text)
        return new_empty();
    root = vigil_yaml_parse(text, strlen(text), "masks", error);
    return root ? vigil_privacy_mask_from_yaml(root, error) : NULL;
}

static void
append_point(GString *text, const VigilPoint *point)
{
    gchar x[G_ASCII_DTOSTR_BUF_SIZE], y[G_ASCII_DTOSTR_BUF_SIZE];

    /* nine digits tell every two floats apart */
    g_string_append_printf(text, "[%s, %s]",
                           g_ascii_formatd(x, sizeof x, "%.9g", (gdouble)point->x),
                           g_ascii_formatd(y, sizeof y, "%.9g", (gdouble)point->y));
}

gchar *
vigil_privacy_mask_to_text(const VigilPrivacyMask *self)
{
    GString *text = g_string_new("[");

    for (guint i = 0; i < self->polygons->len; i++) {
        const Polygon *polygon = &g_array_index(self->polygons, Polygon, i);

        for (guint k = 0; k < polygon->n_points; k++) {
            g_string_append(text, k > 0 ? ", " : i > 0 ? ", [" : "[");
            append_point(text, &polygon->points[k]);
        }
        g_string_append_c(text, ']');
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

guint
vigil_privacy_mask_get_n(const VigilPrivacyMask *self)
{
    return self->polygons->len;
}

const VigilPoint *
vigil_privacy_mask_get(const VigilPrivacyMask *self, guint index, guint *n_points)
{
    const Polygon *polygon = &g_array_index(self->polygons, Polygon, index);

    *n_points = polygon->n_points;
    return polygon->points;
}
