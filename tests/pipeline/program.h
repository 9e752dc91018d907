/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** Program: what a run of the program under test gave. */
typedef struct {
    gint code;     /* exit code; -signal when a signal ended it */
    gchar *output; /* stdout */
    gchar *errors; /* stderr */
} Program;

void program_clear(Program *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Program, program_clear)

/**
 * program_run:
 * @...: arguments, %NULL-terminated
 *
 * Runs $VIGIL_PROGRAM to its end.
 */
Program program_run(const gchar *first, ...) G_GNUC_NULL_TERMINATED;
/** program_run_argv: any command. */
Program program_run_argv(const gchar *const *argv);

/** program_start: runs it beside the test; stdout and stderr go to files. */
GSubprocess *program_start(const gchar *output, const gchar *errors, const gchar *first,
                           ...) G_GNUC_NULL_TERMINATED;
/** program_start_argv: any command; %NULL for a file: the test's own. */
GSubprocess *program_start_argv(const gchar *output, const gchar *errors, const gchar *const *argv);

/**
 * program_wait_exit:
 *
 * Returns: the exit code, -signal, or -1000 when it had not ended after so many seconds (it is killed then)
 */
gint program_wait_exit(GSubprocess *process, gdouble seconds);

/** folder_new: (transfer full): an empty directory for one test. */
gchar *folder_new(void);
/** folder_remove: with all that is in it. */
void folder_remove(const gchar *path);
/** folder_write: (transfer full): writes a file there, gives its path. */
gchar *
folder_write(const gchar *folder, const gchar *name, const gchar *format, ...) G_GNUC_PRINTF(3, 4);

/** wait_for_text: until a file holds this text so often; %FALSE when it does not after so many seconds. */
gboolean wait_for_text(const gchar *path, const gchar *text, guint times, gdouble seconds);
/** count_text: how often. */
guint count_text(const gchar *haystack, const gchar *needle);
/** read_text: (transfer full): a whole file, "" when there is none. */
gchar *read_text(const gchar *path);

G_END_DECLS
