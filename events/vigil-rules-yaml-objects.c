/* SPDX-License-Identifier: Apache-2.0 */
/* What rules and zones ask of an object. */
#include "events/vigil-rules-yaml-private.h"

#include "events/vigil-yaml-private.h"

#define MIN_ASPECT 0.01
#define MAX_ASPECT 100.0

static gboolean
read_number(const VigilYaml *mapping, const gchar *key, gdouble min, gdouble max, gfloat *value,
            GError **error)
{
    const VigilYaml *node = vigil_yaml_get(mapping, key);
    gdouble number;

    if (!node)
        return TRUE;
    if (!vigil_yaml_read_double(node, min, max, &number, error))
        return FALSE;
    *value = (gfloat)number;
    return TRUE;
}

/* A least and a most value, of which the first is not above the second. */
static gboolean
read_range(const VigilYaml *node, const gchar *const keys[2], const gdouble range[2], gfloat *min,
           gfloat *max, GError **error)
{
    GError *in_min = NULL, *in_max = NULL;
    gboolean ok;

    read_number(node, keys[0], range[0], range[1], min, &in_min);
    read_number(node, keys[1], range[0], range[1], max, &in_max);
    ok = vigil_yaml_keep(error, in_min);
    ok &= vigil_yaml_keep(error, in_max);
    if (ok && *min > *max)
        return vigil_yaml_set_error(
            vigil_yaml_get(node, vigil_yaml_get(node, keys[0]) ? keys[0] : keys[1]), error,
            "%s is above %s, so that nothing fits", keys[0], keys[1]);
    return ok;
}

gboolean
vigil_rules_read_limits(const VigilYaml *node, VigilObjectFilter *filter, GError **error)
{
    static const gchar *const sizes[] = {"min_size", "max_size"};
    static const gchar *const aspects[] = {"min_aspect", "max_aspect"};
    static const gdouble parts[] = {0.0, 1.0}, ratios[] = {MIN_ASPECT, MAX_ASPECT};
    GError *score = NULL, *size = NULL, *aspect = NULL;
    gboolean ok;

    read_number(node, "min_score", 0.0, 1.0, &filter->min_score, &score);
    read_range(node, sizes, parts, &filter->min_size, &filter->max_size, &size);
    read_range(node, aspects, ratios, &filter->min_aspect, &filter->max_aspect, &aspect);
    ok = vigil_yaml_keep(error, score);
    ok &= vigil_yaml_keep(error, size);
    ok &= vigil_yaml_keep(error, aspect);
    return ok;
}
