/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-schedule.h"

#include "events/vigil-yaml-private.h"

#include <string.h>

#define N_DAYS 7
#define ALL_DAYS 0x7fu
#define FIRST_WEEKDAY 3 /* 1970-01-01 was a Thursday */

static const gchar *const keys[] = {"days", "from", "to", "timezone", NULL};
static const gchar *const day_names[N_DAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static gint64
floor_div(gint64 a, gint64 b)
{
    return a / b - (a % b < 0);
}

static gboolean
span_contains(const VigilScheduleSpan *span, gint64 wall_s)
{
    const gint interval = g_time_zone_find_interval(span->rules, G_TIME_TYPE_UNIVERSAL, wall_s);
    const gint64 local_s = wall_s + g_time_zone_get_offset(span->rules, interval);
    const gint64 day = floor_div(local_s, VIGIL_DAY_S);
    const guint time_s = (guint)(local_s - day * VIGIL_DAY_S);
    const guint weekday = (guint)(((day + FIRST_WEEKDAY) % N_DAYS + N_DAYS) % N_DAYS);
    const gboolean today = span->days >> weekday & 1;
    const gboolean yesterday = span->days >> (weekday + N_DAYS - 1) % N_DAYS & 1;

    if (span->from_s < span->to_s)
        return today && time_s >= span->from_s && time_s < span->to_s;
    return (today && time_s >= span->from_s) || (yesterday && time_s < span->to_s);
}

gboolean
vigil_schedule_contains(const VigilSchedule *self, gint64 wall_us)
{
    const gint64 wall_s = floor_div(wall_us, G_USEC_PER_SEC);

    for (guint i = 0; i < self->n_spans; i++)
        if (span_contains(&self->spans[i], wall_s))
            return TRUE;
    return FALSE;
}

gboolean
vigil_schedule_equal(const VigilSchedule *a, const VigilSchedule *b)
{
    if (!a || !b || a->n_spans != b->n_spans)
        return a == b;
    for (guint i = 0; i < a->n_spans; i++) {
        const VigilScheduleSpan *one = &a->spans[i], *other = &b->spans[i];

        if (one->days != other->days || one->from_s != other->from_s || one->to_s != other->to_s ||
            one->timezone != other->timezone)
            return FALSE;
    }
    return TRUE;
}

VigilSchedule *
vigil_schedule_ref(VigilSchedule *self)
{
    return self ? g_atomic_rc_box_acquire(self) : NULL;
}

static void
schedule_clear(gpointer data)
{
    VigilSchedule *self = data;

    for (guint i = 0; i < self->n_spans; i++)
        g_clear_pointer(&self->spans[i].rules, g_time_zone_unref);
    g_free(self->spans);
}

void
vigil_schedule_unref(VigilSchedule *self)
{
    if (self)
        g_atomic_rc_box_release_full(self, schedule_clear);
}

static guint
find_day(const gchar *text, gsize length)
{
    guint day = 0;

    while (day < N_DAYS &&
           (strlen(day_names[day]) != length || memcmp(day_names[day], text, length) != 0))
        day++;
    return day;
}

/* "wed", or "fri-mon". */
static gboolean
read_day(const VigilYaml *node, guint *days, GError **error)
{
    const gchar *text, *dash;
    guint first, last;

    if (!vigil_yaml_read_string(node, &text, error))
        return FALSE;
    dash = strchr(text, '-');
    first = find_day(text, dash ? (gsize)(dash - text) : strlen(text));
    last = dash ? find_day(dash + 1, strlen(dash + 1)) : first;
    if (first == N_DAYS || last == N_DAYS)
        return vigil_yaml_set_wrong_kind(
            node, error, "mon, tue, wed, thu, fri, sat, sun or two of them as in mon-fri");
    for (guint day = first;; day = (day + 1) % N_DAYS) {
        *days |= 1u << day;
        if (day == last)
            return TRUE;
    }
}

static gboolean
read_days(const VigilYaml *node, guint *days, GError **error)
{
    gboolean ok = TRUE;

    *days = ALL_DAYS;
    if (!node)
        return TRUE;
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_SEQUENCE || vigil_yaml_get_n(node) == 0)
        return vigil_yaml_set_wrong_kind(node, error,
                                         "a list of days of the week, for instance [mon-fri]");
    *days = 0;
    for (guint i = 0; i < vigil_yaml_get_n(node); i++) {
        GError *one = NULL;

        read_day(vigil_yaml_get_item(node, i), days, &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok;
}

/* "HH:MM". */
static gboolean
read_time_of_day(const VigilYaml *node, guint max_s, guint *seconds, GError **error)
{
    const gchar *text;

    if (!node)
        return TRUE;
    if (!vigil_yaml_read_string(node, &text, error))
        return FALSE;
    if (strlen(text) == 5 && g_ascii_isdigit(text[0]) && g_ascii_isdigit(text[1]) &&
        text[2] == ':' && g_ascii_isdigit(text[3]) && g_ascii_isdigit(text[4])) {
        const guint hours = (guint)(text[0] - '0') * 10 + (guint)(text[1] - '0');
        const guint minutes = (guint)(text[3] - '0') * 10 + (guint)(text[4] - '0');

        *seconds = hours * 3600 + minutes * 60;
        if (minutes < 60 && *seconds <= max_s)
            return TRUE;
    }
    return vigil_yaml_set_wrong_kind(node, error,
                                     max_s == VIGIL_DAY_S ? "a time of day from 00:00 to 24:00"
                                                          : "a time of day from 00:00 to 23:59");
}

/* The library also takes offsets, POSIX rules and paths of files for names; those are none of the IANA list. */
static gboolean
is_zone_name(const gchar *name)
{
    if (g_str_equal(name, "UTC"))
        return TRUE;
    return g_ascii_isalpha(name[0]) && strchr(name, '/') && !strstr(name, "..") &&
           strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_+-/") == strlen(name);
}

static gboolean
read_timezone(const VigilYaml *span_node, VigilScheduleSpan *span, GError **error)
{
    const VigilYaml *node = vigil_yaml_get(span_node, "timezone");
    const gchar *name;

    if (!node)
        return vigil_yaml_set_error(span_node, error,
                                    "a schedule needs a timezone, for instance Europe/Berlin");
    if (!vigil_yaml_read_string(node, &name, error))
        return FALSE;
    if (is_zone_name(name))
        span->rules = g_time_zone_new_identifier(name);
    if (!span->rules)
        return vigil_yaml_set_wrong_kind(
            node, error,
            "the name of a time zone that this machine knows, as Europe/Berlin or UTC");
    span->timezone = g_intern_string(name);
    return TRUE;
}

static gboolean
read_span(const VigilYaml *node, VigilScheduleSpan *span, GError **error)
{
    GError *unknown = NULL, *days = NULL, *from = NULL, *to = NULL, *zone = NULL;
    gboolean ok;

    vigil_yaml_check_keys(node, keys, &unknown);
    if (vigil_yaml_get_kind(node) != VIGIL_YAML_MAPPING)
        return vigil_yaml_keep(error, unknown);
    span->to_s = VIGIL_DAY_S;
    read_days(vigil_yaml_get(node, "days"), &span->days, &days);
    read_time_of_day(vigil_yaml_get(node, "from"), VIGIL_DAY_S - 60, &span->from_s, &from);
    read_time_of_day(vigil_yaml_get(node, "to"), VIGIL_DAY_S, &span->to_s, &to);
    read_timezone(node, span, &zone);
    ok = vigil_yaml_keep(error, unknown);
    ok &= vigil_yaml_keep(error, days);
    ok &= vigil_yaml_keep(error, from);
    ok &= vigil_yaml_keep(error, to);
    ok &= vigil_yaml_keep(error, zone);
    if (ok && span->from_s == span->to_s)
        return vigil_yaml_set_error(vigil_yaml_get(node, "to"), error,
                                    "from and to are the same time; leave both out for whole days");
    return ok;
}

VigilSchedule *
vigil_schedule_from_yaml(const VigilYaml *node, GError **error)
{
    const gboolean is_list = vigil_yaml_get_kind(node) == VIGIL_YAML_SEQUENCE;
    const guint n = is_list ? vigil_yaml_get_n(node) : 1;
    g_autoptr(VigilSchedule) self = NULL;
    gboolean ok = TRUE;

    if (n < 1 || n > VIGIL_SCHEDULE_MAX_SPANS) {
        vigil_yaml_set_error(node, error, "a schedule has 1 to %d spans, this has %u",
                             VIGIL_SCHEDULE_MAX_SPANS, n);
        return NULL;
    }
    self = g_atomic_rc_box_new0(VigilSchedule);
    self->n_spans = n;
    self->spans = g_new0(VigilScheduleSpan, n);
    for (guint i = 0; i < n; i++) {
        GError *one = NULL;

        read_span(is_list ? vigil_yaml_get_item(node, i) : node, &self->spans[i], &one);
        ok &= vigil_yaml_keep(error, one);
    }
    return ok ? g_steal_pointer(&self) : NULL;
}
