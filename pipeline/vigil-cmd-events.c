/* SPDX-License-Identifier: Apache-2.0 */
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "storage/vigil-pins.h"

typedef enum {
    FORMAT_TABLE,
    FORMAT_JSON,
    FORMAT_CSV,
} Format;

typedef struct {
    gchar *since, *until, *camera, *label, *zone, *rule, *format, *area;
    gint limit;
    gboolean ascending, pinned;
    VigilBox area_box;
} Options;

typedef struct {
    Format format;
    guint n;
    gboolean write_failed;
} Printer;

static void
options_clear(Options *self)
{
    g_free(self->since);
    g_free(self->until);
    g_free(self->camera);
    g_free(self->label);
    g_free(self->zone);
    g_free(self->rule);
    g_free(self->format);
    g_free(self->area);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* A field of RFC 4180: quoted when it must be. A leading = + - @ is no formula of a spreadsheet's. */
static void
append_csv(GString *line, const gchar *text)
{
    if (line->len)
        g_string_append_c(line, ',');
    if (!text)
        return;
    if (!strpbrk(text, ",\"\r\n") && !strchr("=+-@", *text)) {
        g_string_append(line, text);
        return;
    }
    g_string_append_c(line, '"');
    if (*text && strchr("=+-@", *text))
        g_string_append_c(line, '\'');
    for (; *text; text++)
        g_string_append_printf(line, *text == '"' ? "\"\"" : "%c", *text);
    g_string_append_c(line, '"');
}

static void
append_csv_number(GString *line, const gchar *format, gdouble value)
{
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_c(line, ',');
    g_string_append(line, g_ascii_formatd(text, sizeof text, format, value));
}

static gchar *
format_csv(const VigilEventRow *row)
{
    const VigilEvent *event = row->event;
    g_autofree gchar *start = vigil_time_format(event->start_wall_us);
    g_autofree gchar *end = vigil_time_format(event->end_wall_us);
    g_autofree gchar *zones = event->zones ? g_strjoinv(";", (gchar **)event->zones) : NULL;
    GString *line = g_string_new(NULL);

    append_csv(line, event->id);
    append_csv(line, event->camera);
    append_csv(line, event->rule);
    append_csv(line, event->label);
    append_csv_number(line, "%.4f", event->score);
    append_csv(line, start);
    append_csv(line, end);
    append_csv(line, vigil_end_reason_to_string(event->end_reason));
    append_csv(line, zones);
    append_csv(line, row->clip);
    append_csv(line, row->pinned ? "yes" : "no");
    append_csv(line, event->model.sha256);
    return g_string_free(line, FALSE);
}

/* The line of the event, and the clips in which it goes on. */
static gchar *
format_json(const VigilEventRow *row)
{
    g_autofree gchar *line = vigil_event_to_json(row->event, row->clip);
    g_autoptr(JsonBuilder) list = NULL;
    g_autoptr(JsonNode) root = NULL;
    g_autofree gchar *parts = NULL;

    if (!row->parts)
        return g_steal_pointer(&line);
    list = json_builder_begin_array(json_builder_new());
    for (guint i = 0; row->parts[i]; i++)
        json_builder_add_string_value(list, row->parts[i]);
    json_builder_end_array(list);
    root = json_builder_get_root(list);
    parts = json_to_string(root, FALSE);
    line[strlen(line) - 1] = '\0'; /* its last brace */
    return g_strdup_printf("%s,\"clip_parts\":%s}", line, parts);
}

static gchar *
format_table(const VigilEventRow *row)
{
    const VigilEvent *event = row->event;
    g_autofree gchar *start = vigil_time_format(event->start_wall_us);
    g_autofree gchar *length = NULL;
    g_autofree gchar *zones = event->zones ? g_strjoinv(",", (gchar **)event->zones) : NULL;

    if (event->end_reason == VIGIL_END_NONE)
        length = g_strdup("open");
    else
        length = g_strdup_printf("%.1f s", (event->end_ns - event->start_ns) / 1e9);
    return g_strdup_printf("%s  %s  %8s  %-12s %-12s %-12s %.2f  %s", event->id, start, length,
                           event->camera, event->rule, event->label, event->score,
                           zones ? zones : "-");
}

static gboolean
print_row(const VigilEventRow *row, gpointer user_data)
{
    Printer *printer = user_data;
    g_autofree gchar *line = NULL;

    switch (printer->format) {
    case FORMAT_TABLE: line = format_table(row); break;
    case FORMAT_JSON: line = format_json(row); break;
    case FORMAT_CSV: line = format_csv(row); break;
    }
    printer->n++;
    printer->write_failed = puts(line) < 0;
    return !printer->write_failed;
}

static void
print_header(Format format)
{
    if (format == FORMAT_CSV)
        puts("id,camera,rule,label,score,start,end,end_reason,zones,clip,pinned,model");
    else if (format == FORMAT_TABLE)
        printf("%-26s  %-24s  %8s  %-12s %-12s %-12s %-4s  %s\n", "EVENT", "START", "LENGTH",
               "CAMERA", "RULE", "CLASS", "SCORE", "ZONES");
}

static gboolean
print_pins(VigilStore *store)
{
    g_autoptr(GError) error = NULL;
    VigilPins pins;

    if (!vigil_store_get_pins(store, &pins, &error)) {
        vigil_command_error("%s", error->message);
        return FALSE;
    }
    printf("all pins: %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " clips, %" G_GUINT64_FORMAT
           " bytes\n",
           pins.n_events, pins.n_clips, pins.clip_bytes);
    return TRUE;
}

/* Four parts of the frame, 0 … 1: left, top, right, bottom. */
static gboolean
read_area(const gchar *text, VigilBox *area, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    gdouble edges[4] = {0};
    gboolean good = g_strv_length(parts) == G_N_ELEMENTS(edges);

    for (guint i = 0; good && i < G_N_ELEMENTS(edges); i++) {
        gchar *end;

        edges[i] = g_ascii_strtod(parts[i], &end);
        good = end != parts[i] && *end == '\0' && edges[i] >= 0.0 && edges[i] <= 1.0;
    }
    if (good && edges[0] <= edges[2] && edges[1] <= edges[3]) {
        *area = (VigilBox){(gfloat)edges[0], (gfloat)edges[1], (gfloat)edges[2], (gfloat)edges[3]};
        return TRUE;
    }
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--area %s: write left, top, right and bottom in parts of the frame, 0 to 1, as in "
                "0.5,0.25,1,0.75",
                text);
    return FALSE;
}

static gboolean
read_options(Options *options, VigilEventQuery *query, Format *format, GError **error)
{
    static const gchar *const formats[] = {"table", "json", "csv"};
    const gint64 now_us = g_get_real_time();
    guint i = 0;

    *query = (VigilEventQuery){.camera = options->camera,
                               .label = options->label,
                               .zone = options->zone,
                               .rule = options->rule,
                               .limit = (guint)MAX(options->limit, 0),
                               .ascending = options->ascending,
                               .pinned = options->pinned,
                               .area = options->area ? &options->area_box : NULL};
    if (options->area && !read_area(options->area, &options->area_box, error))
        return FALSE;
    if (options->limit < 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--limit %d: write how many events at most, 0 for all", options->limit);
        return FALSE;
    }
    while (options->format && i < G_N_ELEMENTS(formats) &&
           !g_str_equal(options->format, formats[i]))
        i++;
    if (i == G_N_ELEMENTS(formats)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--format %s: write table, json or csv", options->format);
        return FALSE;
    }
    *format = i;
    return (!options->since || vigil_time_parse(options->since, now_us, &query->since_us, error)) &&
           (!options->until || vigil_time_parse(options->until, now_us, &query->until_us, error));
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_auto(Options) options = {NULL};
    const GOptionEntry entries[] = {
        {"since", 0, 0, G_OPTION_ARG_STRING, &options.since,
         "Events that began at this time or later: 2026-05-01T12:30:00Z, 2026-05-01, or how long "
         "ago, as in 2h",
         "T"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &options.until, "Events that began before this time",
         "T"},
        {"camera", 0, 0, G_OPTION_ARG_STRING, &options.camera, "Of this camera", "C"},
        {"class", 0, 0, G_OPTION_ARG_STRING, &options.label, "Of this class, as in person", "K"},
        {"zone", 0, 0, G_OPTION_ARG_STRING, &options.zone, "That touched this zone", "Z"},
        {"rule", 0, 0, G_OPTION_ARG_STRING, &options.rule, "Of this rule", "R"},
        {"area", 0, 0, G_OPTION_ARG_STRING, &options.area,
         "That were in this part of the frame, as in 0.5,0.25,1,0.75", "X0,Y0,X1,Y1"},
        {"pinned", 0, 0, G_OPTION_ARG_NONE, &options.pinned,
         "Only pinned ones; the table ends with what all that are pinned take", NULL},
        {"limit", 0, 0, G_OPTION_ARG_INT, &options.limit, "At most so many (default: all)", "N"},
        {"oldest-first", 0, 0, G_OPTION_ARG_NONE, &options.ascending,
         "Oldest first (default: newest first)", NULL},
        {"format", 0, 0, G_OPTION_ARG_STRING, &options.format,
         "table (default), json (one object a line) or csv", "F"},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(VigilStore) store = NULL;
    g_autoptr(GError) error = NULL;
    Printer printer = {FORMAT_TABLE, 0, FALSE};
    VigilEventQuery query;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    if (!read_options(&options, &query, &printer.format, &error))
        return vigil_command_usage_error(self, "%s", error->message);
    store = vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;

    print_header(printer.format);
    if (!vigil_store_query_events(store, &query, print_row, &printer, &error)) {
        vigil_command_error("%s", error->message);
        return VIGIL_EXIT_FAILED;
    }
    if (options.pinned && printer.format == FORMAT_TABLE && !print_pins(store))
        return VIGIL_EXIT_FAILED;
    return VIGIL_EXIT_OK;
}

const VigilCommand vigil_cmd_events = {
    "events", "", "What happened: events from the store",
    "Of times without a zone UTC is meant. No event at all is no error.\n", run};
