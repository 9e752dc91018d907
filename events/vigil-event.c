/* SPDX-License-Identifier: Apache-2.0 */
#include "events/vigil-event.h"

#include <math.h>
#include <string.h>

/* The plugin and the program that loads it both contain this file: whoever comes second uses the type of the first. */
GType
vigil_event_get_type(void)
{
    static gsize type = 0;

    if (g_once_init_enter(&type)) {
        GType found = g_type_from_name("VigilEvent");

        if (!found)
            found = g_boxed_type_register_static("VigilEvent", (GBoxedCopyFunc)vigil_event_ref,
                                                 (GBoxedFreeFunc)vigil_event_unref);
        g_once_init_leave(&type, found);
    }
    return type;
}

static const gchar *const type_names[] = {"begin", "update", "end"};
static const gchar *const reason_names[] = {"none", "gone", "stream", "stopped", "interrupted"};

VigilEvent *
vigil_event_new(void)
{
    VigilEvent *self = g_new0(VigilEvent, 1);

    g_atomic_ref_count_init(&self->refs);
    return self;
}

/* The array is the event's own, the names are interned. */
static const gchar **
copy_names(const gchar *const *names)
{
    return names ? g_memdup2(names, (g_strv_length((gchar **)names) + 1) * sizeof *names) : NULL;
}

VigilEvent *
vigil_event_new_end(const VigilEvent *last, VigilEndReason reason)
{
    VigilEvent *self = g_memdup2(last, sizeof *last);

    g_atomic_ref_count_init(&self->refs);
    self->type = VIGIL_EVENT_END;
    self->end_reason = reason;
    self->zones = copy_names(last->zones);
    self->lines = copy_names(last->lines);
    self->path = last->path ? g_array_ref(last->path) : NULL;
    self->snapshot = last->snapshot ? g_bytes_ref(last->snapshot) : NULL;
    return self;
}

VigilEvent *
vigil_event_ref(VigilEvent *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
vigil_event_unref(VigilEvent *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;
    g_free(self->zones); /* the names are interned */
    g_free(self->lines);
    g_clear_pointer(&self->path, g_array_unref);
    g_clear_pointer(&self->snapshot, g_bytes_unref);
    g_free(self);
}

gboolean
vigil_event_is_reported(const VigilEvent *self)
{
    return !(self->unreported >> self->type & 1);
}

const gchar *
vigil_event_type_to_string(VigilEventType type)
{
    return (guint)type < G_N_ELEMENTS(type_names) ? type_names[type] : "unknown";
}

const gchar *
vigil_end_reason_to_string(VigilEndReason reason)
{
    return (guint)reason < G_N_ELEMENTS(reason_names) ? reason_names[reason] : "unknown";
}

VigilEndReason
vigil_end_reason_from_string(const gchar *text)
{
    for (guint i = 0; i < G_N_ELEMENTS(reason_names); i++)
        if (g_strcmp0(text, reason_names[i]) == 0)
            return (VigilEndReason)i;
    return VIGIL_END_NONE;
}

static void
append_string(GString *out, const gchar *text)
{
    g_autofree gchar *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (!valid) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '"');
    for (const gchar *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        if ((guchar)*p < 0x20 || *p == 0x7f)
            g_string_append_printf(out, "\\u%04x", (guchar)*p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

/* Always with a point, whatever the locale; never "-0.000", never a word that JSON lacks. */
static void
append_number(GString *out, gdouble value, guint digits)
{
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];
    const gchar format[] = {'%', '.', (gchar)('0' + digits), 'f', '\0'};

    value = isfinite(value) ? CLAMP(value, -1e15, 1e15) : 0.0;
    g_ascii_formatd(text, sizeof text, format, value);
    g_string_append(out,
                    text[0] == '-' && strspn(text + 1, "0.") == strlen(text + 1) ? text + 1 : text);
}

/* From whole numbers: a sum of doubles would not keep its third digit for ever. */
static void
append_seconds(GString *out, gint64 ns)
{
    const gint64 ms = ns / 1000000;

    g_string_append_printf(out, "%s%" G_GINT64_FORMAT ".%03d", ms < 0 ? "-" : "", ABS(ms / 1000),
                           (gint)ABS(ms % 1000));
}

static void
append_wall(GString *out, gint64 us)
{
    const gint64 last = G_GINT64_CONSTANT(253402300799999999); /* the end of the year 9999 */
    const gint64 clamped = CLAMP(us, 0, last);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(clamped / 1000000);

    g_string_append_printf(
        out, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", g_date_time_get_year(time),
        g_date_time_get_month(time), g_date_time_get_day_of_month(time), g_date_time_get_hour(time),
        g_date_time_get_minute(time), g_date_time_get_second(time), (gint)(clamped / 1000 % 1000));
}

static void
append_strings(GString *out, const gchar *const *texts)
{
    g_string_append_c(out, '[');
    for (guint i = 0; texts && texts[i]; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        append_string(out, texts[i]);
    }
    g_string_append_c(out, ']');
}

static void
append_key(GString *out, const gchar *key)
{
    g_string_append_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", key);
}

static void
append_box(GString *out, const VigilBox *box)
{
    const gfloat edges[] = {box->x0, box->y0, box->x1, box->y1};

    for (guint i = 0; i < G_N_ELEMENTS(edges); i++) {
        g_string_append_c(out, i ? ',' : '[');
        append_number(out, edges[i], 4);
    }
    g_string_append_c(out, ']');
}

static void
append_what(GString *out, const VigilEvent *self)
{
    append_key(out, "id");
    append_string(out, self->id);
    append_key(out, "type");
    append_string(out, vigil_event_type_to_string(self->type));
    append_key(out, "camera");
    append_string(out, self->camera);
    append_key(out, "rule");
    append_string(out, self->rule);
    append_key(out, "label");
    append_string(out, self->label);
    append_key(out, "score");
    append_number(out, self->score, 4);
    append_key(out, "top_score");
    append_number(out, self->top_score, 4);
}

static void
append_when(GString *out, const VigilEvent *self)
{
    append_key(out, "start");
    append_wall(out, self->start_wall_us);
    append_key(out, "end");
    append_wall(out, self->end_wall_us);
    append_key(out, "start_s");
    append_seconds(out, self->start_ns);
    append_key(out, "end_s");
    append_seconds(out, self->end_ns);
}

static void
append_where(GString *out, const VigilEvent *self)
{
    append_key(out, "box");
    append_box(out, &self->box);
    append_key(out, "zones");
    append_strings(out, (const gchar *const *)self->zones);
    append_key(out, "lines");
    append_strings(out, (const gchar *const *)self->lines);
    append_key(out, "track");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT, self->track_id);
}

gchar *
vigil_event_to_json(const VigilEvent *self, const gchar *clip)
{
    GString *out = g_string_sized_new(512);

    g_string_append_c(out, '{');
    append_what(out, self);
    append_when(out, self);
    append_where(out, self);
    append_key(out, "clip");
    append_string(out, clip);
    append_key(out, "coverage");
    append_number(out, self->frames_seen ? (gdouble)self->frames_inferred / self->frames_seen : 0.0,
                  4);
    append_key(out, "model");
    append_string(out, self->model.sha256);
    if (self->type == VIGIL_EVENT_END) {
        append_key(out, "end_reason");
        append_string(out, vigil_end_reason_to_string(self->end_reason));
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}
