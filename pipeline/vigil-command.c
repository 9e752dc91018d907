/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "events/vigil-suggest.h"
#include "pipeline/vigil-redact.h"

static gboolean progress_shown;

static void G_GNUC_PRINTF(1, 0) print_error(const gchar *format, va_list list)
{
    g_autofree gchar *text = g_strdup_vprintf(format, list);
    g_autofree gchar *safe = vigil_redact(text);

    vigil_command_progress(NULL);
    fflush(stdout);
    fprintf(stderr, "vigil: %s\n", safe);
}

void
vigil_command_error(const gchar *format, ...)
{
    va_list list;

    va_start(list, format);
    print_error(format, list);
    va_end(list);
}

VigilExit
vigil_command_usage_error(const VigilCommand *self, const gchar *format, ...)
{
    va_list list;

    va_start(list, format);
    print_error(format, list);
    va_end(list);
    fprintf(stderr, "Try: %s --help\n", g_get_prgname());
    return VIGIL_EXIT_USAGE;
}

VigilExit
vigil_command_mistakes(const GError *error)
{
    g_autofree gchar *safe = vigil_redact(error->message);

    fflush(stdout);
    fprintf(stderr, "%s\n", safe);
    return VIGIL_EXIT_CONFIG;
}

gboolean
vigil_command_print(const gchar *line)
{
    vigil_command_progress(NULL);
    return fputs(line, stdout) >= 0 && fputc('\n', stdout) != EOF && fflush(stdout) == 0;
}

void
vigil_command_progress(const gchar *text)
{
    static gint terminal = -1;

    if (terminal < 0)
        terminal = isatty(STDERR_FILENO);
    if (!terminal || (!text && !progress_shown))
        return;
    fprintf(stderr, "\r\033[K%s", text ? text : "");
    fflush(stderr);
    progress_shown = text != NULL;
}

gchar *
vigil_command_list(const VigilCommand *const *commands)
{
    GString *text = g_string_new(NULL);

    for (; *commands; commands++)
        g_string_append_printf(text, "  %-10s %s\n", (*commands)->name, (*commands)->summary);
    return g_string_free(text, FALSE);
}

VigilExit
vigil_command_dispatch(const VigilCommand *const *commands, const gchar *program, gint argc,
                       gchar **argv)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const gchar *nearest;

    for (const VigilCommand *const *command = commands; *command; command++) {
        if (g_str_equal((*command)->name, argv[0])) {
            g_autofree gchar *name = g_strdup_printf("%s %s", program, argv[0]);

            g_set_prgname(name);
            return (*command)->run(*command, argc, argv);
        }
        g_ptr_array_add(names, (gpointer)(*command)->name);
    }
    g_ptr_array_add(names, NULL);
    nearest = vigil_suggest(argv[0], (const gchar *const *)names->pdata);
    vigil_command_error("there is no command \"%s\"%s%s%s", argv[0],
                        nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                        nearest ? "\"?" : "");
    fprintf(stderr, "Try: %s --help\n", program);
    return VIGIL_EXIT_USAGE;
}

static GOptionContext *
create_context(const VigilCommand *self, const GOptionEntry *entries, gboolean *help)
{
    const GOptionEntry common[] = {
        {"help", 'h', 0, G_OPTION_ARG_NONE, help, "Print this help", NULL},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(self->arguments);
    g_autofree gchar *description =
        g_strdup_printf("%s%s%s", self->details, *self->details ? "\n" : "", VIGIL_EXIT_HELP);

    g_option_context_set_help_enabled(context, FALSE); /* it would exit before stdout is checked */
    g_option_context_set_summary(context, self->summary);
    g_option_context_set_description(context, description);
    if (entries)
        g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    return context;
}

gboolean
vigil_command_parse(const VigilCommand *self, const GOptionEntry *entries, gint argc, gchar **argv,
                    gint min_args, gint max_args, gchar ***args, VigilExit *code)
{
    gboolean help = FALSE;
    g_autoptr(GOptionContext) context = create_context(self, entries, &help);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) rest = g_new0(gchar *, (gsize)argc + 1);
    gint n;

    for (gint i = 0; i < argc; i++)
        rest[i] = g_strdup(argv[i]);
    if (!g_option_context_parse_strv(context, &rest, &error)) {
        *code = vigil_command_usage_error(self, "%s", error->message);
        return FALSE;
    }
    if (help) {
        g_autofree gchar *text = g_option_context_get_help(context, TRUE, NULL);

        fputs(text, stdout);
        *code = VIGIL_EXIT_OK;
        return FALSE;
    }

    n = (gint)g_strv_length(rest) - 1;
    if (n > 0 && g_str_equal(rest[1], "--")) {
        g_free(rest[1]);
        memmove(rest + 1, rest + 2, sizeof *rest * (gsize)n);
        n--;
    }
    if (n < min_args || (max_args >= 0 && n > max_args)) {
        *code = n < min_args ? vigil_command_usage_error(self, "%s is missing", self->arguments)
                             : vigil_command_usage_error(self, "\"%s\" is one argument too many",
                                                         rest[max_args + 1]);
        return FALSE;
    }
    *args = g_strdupv(rest + 1);
    return TRUE;
}
