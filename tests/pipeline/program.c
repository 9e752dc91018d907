/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/program.h"

#include <errno.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
program_clear(Program *self)
{
    g_clear_pointer(&self->output, g_free);
    g_clear_pointer(&self->errors, g_free);
}

/* Of nothing, "". */
static gchar *
to_text(GBytes *bytes)
{
    gsize length;
    const gchar *data = g_bytes_get_data(bytes, &length);

    return g_strndup(data ? data : "", length);
}

static GPtrArray *
collect(const gchar *first, va_list list)
{
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, (gpointer)g_getenv("VIGIL_PROGRAM"));
    for (const gchar *argument = first; argument; argument = va_arg(list, const gchar *))
        g_ptr_array_add(argv, (gpointer)argument);
    g_ptr_array_add(argv, NULL);
    return argv;
}

static gint
exit_code(GSubprocess *process)
{
    return g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process)
                                               : -g_subprocess_get_term_sig(process);
}

Program
program_run_argv(const gchar *const *argv)
{
    Program program = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) output = NULL, errors = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);

    g_assert_no_error(error);
    g_subprocess_communicate(process, NULL, NULL, &output, &errors, &error);
    g_assert_no_error(error);
    program.code = exit_code(process);
    program.output = to_text(output);
    program.errors = to_text(errors);
    return program;
}

Program
program_run(const gchar *first, ...)
{
    g_autoptr(GPtrArray) argv = NULL;
    va_list list;

    va_start(list, first);
    argv = collect(first, list);
    va_end(list);
    return program_run_argv((const gchar *const *)argv->pdata);
}

GSubprocess *
program_start_argv(const gchar *output, const gchar *errors, const gchar *const *argv)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;
    GSubprocess *process;

    /* an older file would be written over, not cut */
    if (output) {
        g_unlink(output);
        g_subprocess_launcher_set_stdout_file_path(launcher, output);
    }
    if (errors) {
        g_unlink(errors);
        g_subprocess_launcher_set_stderr_file_path(launcher, errors);
    }
    process = g_subprocess_launcher_spawnv(launcher, argv, &error);
    g_assert_no_error(error);
    return process;
}

GSubprocess *
program_start(const gchar *output, const gchar *errors, const gchar *first, ...)
{
    g_autoptr(GPtrArray) argv = NULL;
    va_list list;

    va_start(list, first);
    argv = collect(first, list);
    va_end(list);
    return program_start_argv(output, errors, (const gchar *const *)argv->pdata);
}

static void
on_ended(GObject *process, GAsyncResult *result, gpointer user_data)
{
    *(gboolean *)user_data = g_subprocess_wait_finish(G_SUBPROCESS(process), result, NULL);
}

gint
program_wait_exit(GSubprocess *process, gdouble seconds)
{
    const gint64 deadline_us = g_get_monotonic_time() + (gint64)(seconds * 1e6);
    gboolean ended = FALSE, killed = FALSE;

    g_subprocess_wait_async(process, NULL, on_ended, &ended);
    while (!ended) {
        g_main_context_iteration(NULL, FALSE);
        if (!killed && g_get_monotonic_time() > deadline_us) {
            killed = TRUE;
            g_subprocess_force_exit(process);
        }
        g_usleep(2000);
    }
    return killed ? -1000 : exit_code(process);
}

gchar *
folder_new(void)
{
    g_autoptr(GError) error = NULL;
    gchar *path = g_dir_make_tmp("vigil-test-XXXXXX", &error);

    g_assert_no_error(error);
    return path;
}

static int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    return remove(path);
}

void
folder_remove(const gchar *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

gchar *
folder_write(const gchar *folder, const gchar *name, const gchar *format, ...)
{
    gchar *path = g_build_filename(folder, name, NULL);
    g_autofree gchar *text = NULL;
    g_autoptr(GError) error = NULL;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    return path;
}

guint
count_text(const gchar *haystack, const gchar *needle)
{
    guint n = 0;

    for (const gchar *at = haystack; (at = strstr(at, needle)); at += strlen(needle))
        n++;
    return n;
}

gchar *
read_text(const gchar *path)
{
    gchar *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

gboolean
wait_for_text(const gchar *path, const gchar *text, guint times, gdouble seconds)
{
    const gint64 deadline_us = g_get_monotonic_time() + (gint64)(seconds * 1e6);

    for (;;) {
        g_autofree gchar *content = read_text(path);

        if (count_text(content, text) >= times)
            return TRUE;
        if (g_get_monotonic_time() > deadline_us)
            return FALSE;
        g_usleep(50000);
    }
}
