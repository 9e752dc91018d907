/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and lines as people write them, and their names in rules. */
#include "events/vigil-rules-yaml-private.h"

#include "events/vigil-geometry.h"
#include "events/vigil-suggest.h"
#include "events/vigil-yaml-private.h"

static const gchar *const zone_keys[] = {"points",   "classes",    "min_score",  "min_size",
                                         "max_size", "min_aspect", "max_aspect", NULL};

static gboolean
read_point(const VigilYaml *node, VigilPoint *point, GError **error)
{
    gdouble x, y;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(node) != 2)
        return vigil_yaml_set_error(
            node, error, "a point is [x, y] in parts of the frame, for instance [0.25, 0.5]");
    if (!vigil_yaml_read_double(vigil_yaml_get_item(node, 0), 0.0, 1.0, &x, error) ||
        !vigil_yaml_read_double(vigil_yaml_get_item(node, 1), 0.0, 1.0, &y, error))
        return FALSE;
    *point = (VigilPoint){(gfloat)x, (gfloat)y};
    return TRUE;
}

gboolean
vigil_polygon_from_yaml(const VigilYaml *node, VigilPoint **points, guint *n_points, GError **error)
{
    const guint n = vigil_yaml_get_n(node);

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_wrong_kind(node, error, "a list of points [[x, y], ...]");
    if (n < 3)
        return vigil_yaml_set_error(node, error, "a polygon needs at least 3 points, this has %u",
                                    n);
    if (!vigil_rules_check_count(node, VIGIL_ZONE_MAX_POINTS, "points in a polygon", error))
        return FALSE;
    *n_points = n;
    *points = g_new0(VigilPoint, n);
    for (guint i = 0; i < n; i++)
        if (!read_point(vigil_yaml_get_item(node, i), &(*points)[i], error))
            return FALSE;
    if (vigil_polygon_is_flat(*points, n))
        return vigil_yaml_set_error(node, error,
                                    "the points lie on one line, so that nothing can be inside");
    return TRUE;
}

/* A zone that asks something of the objects in it. */
static gboolean
read_zone_mapping(const VigilYaml *node, VigilZone *zone, GError **error)
{
    const VigilYaml *points = vigil_yaml_get(node, "points");
    const VigilYaml *classes = vigil_yaml_get(node, "classes");
    GError *mistakes[4] = {NULL};
    gboolean ok = TRUE;

    zone->filter = vigil_object_filter_new(0.0f);
    vigil_yaml_check_keys(node, zone_keys, &mistakes[0]);
    if (points)
        vigil_polygon_from_yaml(points, &zone->points, &zone->n_points, &mistakes[1]);
    else
        vigil_yaml_set_error(node, &mistakes[1], "a zone needs points: [[x, y], ...]");
    zone->filter->classes_line = classes ? vigil_yaml_get_line(classes) : 0;
    if (classes)
        vigil_rules_read_names(classes, VIGIL_CLASSES_MAX, "classes", &zone->filter->classes,
                               &mistakes[2]);
    vigil_rules_read_limits(node, zone->filter, &mistakes[3]);
    for (guint i = 0; i < G_N_ELEMENTS(mistakes); i++)
        ok &= vigil_yaml_keep(error, mistakes[i]);
    return ok;
}

static gboolean
read_zone(const VigilYaml *node, const gchar *name, VigilZone *zone, GError **error)
{
    zone->name = g_intern_string(name); /* rules may name it, whatever is wrong with it */
    if (!vigil_rules_check_name(node, name, "zone", error))
        return FALSE;
    if (vigil_yaml_get_kind(node) == VIGIL_YAML_MAPPING)
        return read_zone_mapping(node, zone, error);
    return vigil_polygon_from_yaml(node, &zone->points, &zone->n_points, error);
}

gboolean
vigil_rules_read_zones(VigilRules *self, const VigilYaml *node, GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_set_wrong_kind(node, error, "a mapping of names to polygons");
    if (!vigil_rules_check_count(node, VIGIL_ZONES_MAX, "zones", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        g_array_set_size(self->zones, i + 1);
        read_zone(vigil_yaml_get_item(node, i), vigil_yaml_get_key(node, i),
                  &g_array_index(self->zones, VigilZone, i), &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

static gboolean
read_line(const VigilYaml *node, const gchar *name, VigilLine *line, GError **error)
{
    line->name = g_intern_string(name);
    if (!vigil_rules_check_name(node, name, "line", error))
        return FALSE;
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_wrong_kind(node, error, "two points [[x, y], [x, y]]");
    if (vigil_yaml_get_n(node) != 2)
        return vigil_yaml_set_error(node, error, "a line has 2 points, this has %u",
                                    vigil_yaml_get_n(node));
    if (!read_point(vigil_yaml_get_item(node, 0), &line->a, error) ||
        !read_point(vigil_yaml_get_item(node, 1), &line->b, error))
        return FALSE;
    if (ABS(line->a.x - line->b.x) < 1e-3f && ABS(line->a.y - line->b.y) < 1e-3f)
        return vigil_yaml_set_error(node, error,
                                    "the two points are the same, so that nothing can cross");
    return TRUE;
}

gboolean
vigil_rules_read_lines(VigilRules *self, const VigilYaml *node, GError **error)
{
    gboolean ok = TRUE;

    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_set_wrong_kind(node, error, "a mapping of names to lines");
    if (!vigil_rules_check_count(node, VIGIL_LINES_MAX, "lines", error))
        return FALSE;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        g_array_set_size(self->lines, i + 1);
        read_line(vigil_yaml_get_item(node, i), vigil_yaml_get_key(node, i),
                  &g_array_index(self->lines, VigilLine, i), &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

/* Names of the zones or lines there are; both structs begin with the name. */
static gboolean
check_reference(const VigilYaml *node, const gchar *name, const GArray *there, gsize item_size,
                const gchar *what, GError **error)
{
    g_autofree const gchar **names = g_new0(const gchar *, there->len + 1);
    const gchar *nearest;

    for (guint i = 0; i < there->len; i++)
        names[i] = *(const gchar *const *)(there->data + i * item_size);
    if (g_strv_contains(names, name))
        return TRUE;
    nearest = vigil_suggest(name, names);
    if (nearest)
        return vigil_yaml_set_error(node, error, "there is no %s \"%s\"; did you mean \"%s\"?",
                                    what, name, nearest);
    return vigil_yaml_set_error(node, error, "there is no %s \"%s\" among this camera's %ss", what,
                                name, what);
}

gboolean
vigil_rules_read_zone_names(const VigilRules *self, const VigilYaml *node, const gchar ***names,
                            GError **error)
{
    gboolean ok = TRUE;

    if (!vigil_rules_read_names(node, VIGIL_ZONES_MAX, "zones", names, error))
        return FALSE;
    for (guint i = 0; (*names)[i]; i++) {
        GError *one = NULL;

        check_reference(vigil_yaml_get_item(node, i), (*names)[i], self->zones, sizeof(VigilZone),
                        "zone", &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

gboolean
vigil_rules_read_line_name(const VigilRules *self, const VigilYaml *node, const gchar **name,
                           GError **error)
{
    if (!vigil_yaml_read_string(node, name, error))
        return FALSE;
    *name = g_intern_string(*name);
    return check_reference(node, *name, self->lines, sizeof(VigilLine), "line", error);
}
