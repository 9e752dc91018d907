/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a YAML document: strings, numbers, durations, sizes. */
#include "events/vigil-yaml-private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct {
    const gchar *name;
    gdouble factor; /* exact: powers of two and small products */
} Unit;

static const Unit duration_units[] = {{"ms", 1e6},   {"s", 1e9},     {"m", 60e9},
                                      {"h", 3600e9}, {"d", 86400e9}, {NULL, 0}};

static const Unit size_units[] = {{"", 1},
                                  {"B", 1},
                                  {"kB", 1e3},
                                  {"KB", 1e3},
                                  {"MB", 1e6},
                                  {"GB", 1e9},
                                  {"TB", 1e12},
                                  {"KiB", 1024.0},
                                  {"MiB", 1048576.0},
                                  {"GiB", 1073741824.0},
                                  {"TiB", 1099511627776.0},
                                  {NULL, 0}};

gboolean
vigil_yaml_set_wrong_kind(const VigilYaml *self, GError **error, const gchar *wanted)
{
    g_autofree gchar *shown = NULL;

    if (self->kind == VIGIL_YAML_SEQUENCE)
        return vigil_yaml_set_error(self, error, "wants %s, this is a list", wanted);
    if (self->kind == VIGIL_YAML_MAPPING)
        return vigil_yaml_set_error(self, error, "wants %s, this is a mapping", wanted);
    if (!*self->text)
        return vigil_yaml_set_error(self, error, "wants %s, this is empty", wanted);
    shown = vigil_yaml_printable(self->text);
    return vigil_yaml_set_error(self, error, "wants %s, this is \"%s\"", wanted, shown);
}

gboolean
vigil_yaml_read_string(const VigilYaml *self, const gchar **value, GError **error)
{
    if (self->kind != VIGIL_YAML_SCALAR || !*self->text)
        return vigil_yaml_set_wrong_kind(self, error, "a text");
    *value = self->text;
    return TRUE;
}

gboolean
vigil_yaml_read_bool(const VigilYaml *self, gboolean *value, GError **error)
{
    static const gchar *const words[] = {"false", "true", "no", "yes", "off", "on"};

    for (guint i = 0; self->kind == VIGIL_YAML_SCALAR && i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(self->text, words[i]) == 0) {
            *value = i % 2;
            return TRUE;
        }
    }
    return vigil_yaml_set_wrong_kind(self, error, "true or false");
}

/* The decimal number that @text begins with; no hexadecimal, no "inf", no spaces. */
static gboolean
parse_decimal(const gchar *text, gdouble *value, const gchar **end)
{
    const gsize length = strspn(text, "+-.0123456789");
    gchar *stop;

    if (length == 0 || (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')))
        return FALSE;
    errno = 0;
    *value = g_ascii_strtod(text, &stop);
    *end = stop;
    return stop != text && errno == 0 && isfinite(*value);
}

gboolean
vigil_yaml_read_double(const VigilYaml *self, gdouble min, gdouble max, gdouble *value,
                       GError **error)
{
    gchar low[G_ASCII_DTOSTR_BUF_SIZE], high[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree gchar *wanted = NULL;
    const gchar *end;
    gdouble number;

    if (self->kind == VIGIL_YAML_SCALAR && parse_decimal(self->text, &number, &end) && !*end &&
        number >= min && number <= max) {
        *value = number;
        return TRUE;
    }
    wanted = g_strdup_printf("a number from %s to %s", g_ascii_formatd(low, sizeof low, "%g", min),
                             g_ascii_formatd(high, sizeof high, "%g", max));
    return vigil_yaml_set_wrong_kind(self, error, wanted);
}

gboolean
vigil_yaml_read_int(const VigilYaml *self, gint64 min, gint64 max, gint64 *value, GError **error)
{
    g_autofree gchar *wanted = NULL;

    if (self->kind == VIGIL_YAML_SCALAR &&
        g_ascii_string_to_signed(self->text, 10, min, max, value, NULL))
        return TRUE;
    wanted =
        g_strdup_printf("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, min, max);
    return vigil_yaml_set_wrong_kind(self, error, wanted);
}

/* As people write it: in the largest unit that needs no fraction. */
static gchar *
format_with_unit(gint64 value, const Unit *units, const Unit *smallest)
{
    const Unit *best = smallest;

    for (const Unit *unit = units; unit->name && value; unit++)
        if (value % (gint64)unit->factor == 0 && unit->factor > best->factor)
            best = unit;
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", value / (gint64)best->factor, best->name);
}

/* FALSE when it is no number with one of the units, or does not fit into an integer. */
static gboolean
parse_with_unit(const gchar *text, const Unit *units, gint64 *value)
{
    const gchar *end;
    gdouble number;

    if (!parse_decimal(text, &number, &end))
        return FALSE;
    while (*end == ' ')
        end++;
    for (const Unit *unit = units; unit->name; unit++) {
        if (!g_str_equal(end, unit->name))
            continue;
        number *= unit->factor;
        if (fabs(number) > 9.0e18)
            return FALSE;
        *value = (gint64)llround(number);
        return TRUE;
    }
    return FALSE;
}

gboolean
vigil_yaml_read_duration(const VigilYaml *self, gint64 min_ns, gint64 max_ns, gint64 *value_ns,
                         GError **error)
{
    g_autofree gchar *low = NULL, *high = NULL, *wanted = NULL;
    const gchar *end;
    gdouble number;
    gint64 value;

    if (self->kind == VIGIL_YAML_SCALAR && parse_decimal(self->text, &number, &end) && !*end)
        return vigil_yaml_set_error(self, error,
                                    "%s lacks its unit; write for instance %ss (ms, s, m, h or d)",
                                    self->text, self->text);
    if (self->kind == VIGIL_YAML_SCALAR && parse_with_unit(self->text, duration_units, &value) &&
        value >= min_ns && value <= max_ns) {
        *value_ns = value;
        return TRUE;
    }
    low = format_with_unit(min_ns, duration_units, &duration_units[min_ns ? 0 : 1]);
    high = format_with_unit(max_ns, duration_units, &duration_units[0]);
    wanted = g_strdup_printf("a duration from %s to %s (units: ms, s, m, h, d)", low, high);
    return vigil_yaml_set_wrong_kind(self, error, wanted);
}

gboolean
vigil_yaml_read_size(const VigilYaml *self, gint64 min, gint64 max, gint64 *bytes, GError **error)
{
    g_autofree gchar *low = NULL, *high = NULL, *wanted = NULL;
    gint64 value;

    if (self->kind == VIGIL_YAML_SCALAR && parse_with_unit(self->text, size_units, &value) &&
        value >= min && value <= max) {
        *bytes = value;
        return TRUE;
    }
    low = format_with_unit(min, size_units, &size_units[1]);
    high = format_with_unit(max, size_units, &size_units[1]);
    wanted = g_strdup_printf("a size from %s to %s (units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)",
                             low, high);
    return vigil_yaml_set_wrong_kind(self, error, wanted);
}
