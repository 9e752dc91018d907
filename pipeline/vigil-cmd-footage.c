/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-gst.h"
#include "pipeline/vigil-store-place.h"
#include "pipeline/vigil-time.h"
#include "plugins/record/vigil-footage-copy.h"
#include "storage/vigil-footage.h"

/* --- the list ------------------------------------------------------------------------------------------------ */

static void
add_time(JsonBuilder *json, const gchar *name, gint64 us)
{
    g_autofree gchar *text = us ? vigil_time_format(us) : NULL;

    json_builder_set_member_name(json, name);
    if (text)
        json_builder_add_string_value(json, text);
    else
        json_builder_add_null_value(json);
}

static void
add_text(JsonBuilder *json, const gchar *name, const gchar *text)
{
    json_builder_set_member_name(json, name);
    json_builder_add_string_value(json, text);
}

static gchar *
format_json(const VigilFootageRow *row)
{
    g_autoptr(JsonBuilder) json = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(json);
    add_text(json, "camera", row->camera);
    add_time(json, "start", row->start_us);
    add_time(json, "end", row->end_us);
    json_builder_set_member_name(json, "bytes");
    json_builder_add_int_value(json, row->bytes);
    add_text(json, "state", row->state);
    add_text(json, "path", row->path);
    json_builder_end_object(json);
    root = json_builder_get_root(json);
    return json_to_string(root, FALSE);
}

static gchar *
format_table(const VigilFootageRow *row)
{
    g_autofree gchar *start = vigil_time_format(row->start_us);
    g_autofree gchar *end = row->end_us ? vigil_time_format(row->end_us) : g_strdup("-");

    return g_strdup_printf("%-16s %-24s %-24s %13" G_GINT64_FORMAT "  %s", row->camera, start, end,
                           row->bytes, row->state);
}

typedef struct {
    gboolean json, failed;
} Printer;

static gboolean
print_row(const VigilFootageRow *row, gpointer user_data)
{
    Printer *printer = user_data;
    g_autofree gchar *line = printer->json ? format_json(row) : format_table(row);

    printer->failed = !vigil_command_print(line);
    return !printer->failed;
}

static VigilExit
print_list(VigilStore *store, const gchar *camera, gint64 since_us, gint64 until_us, gboolean json)
{
    Printer printer = {json, FALSE};
    g_autoptr(GError) error = NULL;

    if (!json)
        printf("%-16s %-24s %-24s %13s  %s\n", "CAMERA", "START", "END", "BYTES", "STATE");
    if (!vigil_store_list_footage(store, camera, since_us, until_us, print_row, &printer, &error))
        vigil_command_error("%s", error->message);
    return error || printer.failed ? VIGIL_EXIT_FAILED : VIGIL_EXIT_OK;
}

/* --- a span -------------------------------------------------------------------------------------------------- */

/* What is written takes its name when it is whole. */
typedef struct {
    const gchar *output;
    gchar *path, *part; /* of the file that is being written */
    int fd;             /* -1: none */
} Output;

/* FILE.mp4 → FILE-2.mp4 */
static gchar *
name_file(const gchar *output, guint number)
{
    const gchar *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
    const gchar *dot = strrchr(name, '.');
    const gsize length = dot && dot > name ? (gsize)(dot - output) : strlen(output);

    return number == 1 ? g_strdup(output)
                       : g_strdup_printf("%.*s-%u%s", (int)length, output, number, output + length);
}

static gboolean
fail(const Output *self, GError **error)
{
    const gint code = errno;

    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s: %s", self->path,
                g_strerror(code));
    return FALSE;
}

static void
output_clear(Output *self)
{
    if (self->fd >= 0)
        close(self->fd);
    if (self->part)
        unlink(self->part);
    self->fd = -1;
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->part, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Output, output_clear)

static gboolean
begin_file(guint number, gpointer user_data, GError **error)
{
    Output *self = user_data;
    g_autofree gchar *part = NULL;

    output_clear(self);
    self->path = name_file(self->output, number);
    part = g_strdup_printf("%s.part.XXXXXX", self->path);
    self->fd = g_mkstemp_full(part, O_WRONLY | O_CLOEXEC, 0644);
    if (self->fd < 0)
        return fail(self, error);
    self->part = g_steal_pointer(&part);
    return TRUE;
}

static gboolean
write_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    const Output *self = user_data;
    const guint8 *at = data;

    while (length > 0) {
        const ssize_t n = write(self->fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(self, error);
        at += n;
        length -= (gsize)n;
    }
    return TRUE;
}

static gboolean
end_file(gpointer user_data, GError **error)
{
    Output *self = user_data;
    const int fd = self->fd;

    self->fd = -1;
    if (close(fd) != 0 || rename(self->part, self->path) != 0)
        return fail(self, error);
    g_clear_pointer(&self->part, g_free);
    return TRUE;
}

static void
tell_missing(gint64 start_us, gint64 end_us, const gchar *why, gpointer user_data)
{
    const Output *self = user_data;
    g_autofree gchar *start = vigil_time_format(start_us);
    g_autofree gchar *end = end_us ? vigil_time_format(end_us) : NULL;

    g_printerr("%s: missing: %s to %s: %s\n", self->output, start,
               end ? end : "two hours later at most", why);
}

static VigilExit
copy(VigilStore *store, const gchar *camera, gint64 since_us, gint64 until_us, const gchar *file)
{
    static const VigilFootageSink sink = {begin_file, write_bytes, end_file, tell_missing};
    g_auto(Output) output = {.output = file, .fd = -1};
    g_autofree gchar *start = NULL, *end = NULL;
    g_autoptr(GError) error = NULL;
    VigilFootageCopied copied;

    if (!vigil_gst_init(&error) ||
        !vigil_footage_copy(store, camera, since_us, until_us, &sink, &output, &copied, &error)) {
        vigil_command_error("%s", error->message);
        return g_error_matches(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND)
                   ? VIGIL_EXIT_NOT_FOUND
                   : VIGIL_EXIT_FAILED;
    }
    start = vigil_time_format(copied.start_us);
    end = vigil_time_format(copied.end_us);
    g_printerr("%s: %s to %s, %" G_GUINT64_FORMAT " pictures\n", file, start, end, copied.n_frames);
    if (copied.n_gaps)
        g_printerr("%s: for %u times in between there is no recording; they are left out\n", file,
                   copied.n_gaps);
    if (copied.n_files > 1)
        g_printerr("%s: the format changed: what came later is in %u more files, -2 and so on\n",
                   file, copied.n_files - 1);
    if (copied.n_missing)
        vigil_command_error("%s: not all that was recorded in that time could be read", file);
    return copied.n_missing ? VIGIL_EXIT_FINDINGS : VIGIL_EXIT_OK;
}

/* --- the command --------------------------------------------------------------------------------------------- */

typedef struct {
    gchar *camera, *since, *until, *format, *output;
    gint64 since_us, until_us;
} Options;

static void
options_clear(Options *self)
{
    g_free(self->camera);
    g_free(self->since);
    g_free(self->until);
    g_free(self->format);
    g_free(self->output);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean
check_options(Options *self, GError **error)
{
    const gint64 now_us = g_get_real_time();
    const gchar *wrong = NULL;

    if ((self->since && !vigil_time_parse(self->since, now_us, &self->since_us, error)) ||
        (self->until && !vigil_time_parse(self->until, now_us, &self->until_us, error)))
        return FALSE;
    if (self->format && !g_str_equal(self->format, "table") && !g_str_equal(self->format, "json"))
        wrong = "--format: write table or json";
    else if (self->output && (!self->camera || !self->since))
        wrong = "-o wants to know what: --camera C --since TIME, and --until TIME";
    else if (self->since && self->until && self->until_us < self->since_us)
        wrong = "--until is before --since";
    if (wrong)
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, wrong);
    else if (self->output && !self->until)
        self->until_us = now_us;
    return !wrong;
}

static VigilExit
run(const VigilCommand *self, gint argc, gchar **argv)
{
    g_auto(VigilStorePlace) place = {NULL};
    g_auto(Options) options = {NULL};
    const GOptionEntry entries[] = {
        {"camera", 0, 0, G_OPTION_ARG_STRING, &options.camera, "Of this camera", "NAME"},
        {"since", 0, 0, G_OPTION_ARG_STRING, &options.since,
         "From this time on: 2026-05-01T12:30:00Z, or how long ago: 15m, 2h, 7d", "TIME"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &options.until, "Up to this time (default: now)",
         "TIME"},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
         "Write that time as one MP4 (default: list the segments)", "FILE"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &options.format, "Of the list: table or json",
         "FORMAT"},
        VIGIL_STORE_PLACE_ENTRIES(place),
        G_OPTION_ENTRY_NULL,
    };
    g_auto(GStrv) args = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(VigilStore) store = NULL;
    VigilExit code;

    if (!vigil_command_parse(self, entries, argc, argv, 0, 0, &args, &code))
        return code;
    if (!check_options(&options, &error))
        return vigil_command_usage_error(self, "%s", error->message);
    store = vigil_store_place_open_reader(&place, &code);
    if (!store)
        return code;
    if (options.output)
        return copy(store, options.camera, options.since_us, options.until_us, options.output);
    return print_list(store, options.camera, options.since_us, options.until_us,
                      g_strcmp0(options.format, "json") == 0);
}

const VigilCommand vigil_cmd_footage = {
    "footage", "", "List what was recorded continuously, or write a time of it as one MP4",
    "What is written begins with the keyframe at or before --since; nothing is encoded. Where "
    "nothing "
    "was recorded\nfor 10 s or longer, what follows comes at once; where the format changes, it "
    "goes on "
    "in FILE-2.mp4. What cannot be read, or was deleted meanwhile, is left out: which times those "
    "are is said on\n"
    "stderr, and the exit code is 5.\n",
    run};
