/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

#include "pipeline/vigil-exit.h"

G_BEGIN_DECLS

typedef struct VigilCommand VigilCommand;

/**
 * VigilCommand:
 * @name: as typed
 * @arguments: what follows the options, for the usage line; "" for none
 * @summary: one line for the list of commands
 * @details: what `--help` says below the options, without the exit codes
 * @run: does the work; @argv is the caller's, with its name first
 */
struct VigilCommand {
    const gchar *name;
    const gchar *arguments;
    const gchar *summary;
    const gchar *details;
    VigilExit (*run)(const VigilCommand *self, gint argc, gchar **argv);
};

/* One file a command: vigil-cmd-NAME.c */
extern const VigilCommand vigil_cmd_run;
extern const VigilCommand vigil_cmd_check;
extern const VigilCommand vigil_cmd_replay;
extern const VigilCommand vigil_cmd_events;
extern const VigilCommand vigil_cmd_backup;
extern const VigilCommand vigil_cmd_clip;
extern const VigilCommand vigil_cmd_export;
extern const VigilCommand vigil_cmd_footage;
extern const VigilCommand vigil_cmd_fsck;
extern const VigilCommand vigil_cmd_status;
extern const VigilCommand vigil_cmd_why;
extern const VigilCommand vigil_cmd_rules;
extern const VigilCommand vigil_cmd_rules_test;
extern const VigilCommand vigil_cmd_detect;
extern const VigilCommand vigil_cmd_devices;
extern const VigilCommand vigil_cmd_model;
extern const VigilCommand vigil_cmd_pin;
extern const VigilCommand vigil_cmd_unpin;
extern const VigilCommand vigil_cmd_purge;
extern const VigilCommand vigil_cmd_model_bench;
extern const VigilCommand vigil_cmd_model_inspect;
extern const VigilCommand vigil_cmd_model_install;
extern const VigilCommand vigil_cmd_model_list;
extern const VigilCommand vigil_cmd_model_rollback;
extern const VigilCommand vigil_cmd_model_run;
extern const VigilCommand vigil_cmd_model_sign;
extern const VigilCommand vigil_cmd_model_verify;

/**
 * vigil_command_dispatch:
 * @commands: %NULL-terminated
 * @program: what was typed before the command's name, "vigil" or "vigil model"
 * @argv: from the command's name on
 *
 * Runs the command of that name; for an unknown one says which is nearest.
 */
VigilExit vigil_command_dispatch(const VigilCommand *const *commands, const gchar *program,
                                 gint argc, gchar **argv);

/** vigil_command_list: (transfer full): a line for each command, for help texts. */
gchar *vigil_command_list(const VigilCommand *const *commands);

/**
 * vigil_command_parse:
 * @entries: (nullable): options beside --help
 * @min_args: least number of arguments that are no options
 * @max_args: most; -1 for any number
 * @args: (out) (transfer full): those arguments, %NULL-terminated
 * @code: (out): exit code when the answer is %FALSE
 *
 * Returns: %FALSE when help was printed or the line is wrong, which was then said on stderr
 */
gboolean
vigil_command_parse(const VigilCommand *self, const GOptionEntry *entries, gint argc, gchar **argv,
                    gint min_args, gint max_args, gchar ***args, VigilExit *code);

/** vigil_command_error: "vigil: …" on stderr, with every secret made unreadable. */
void vigil_command_error(const gchar *format, ...) G_GNUC_PRINTF(1, 2);
/** vigil_command_usage_error: the same, and where help is. Always returns %VIGIL_EXIT_USAGE. */
VigilExit
vigil_command_usage_error(const VigilCommand *self, const gchar *format, ...) G_GNUC_PRINTF(2, 3);

/** vigil_command_mistakes: what is wrong with a configuration, as FILE:LINE: lines on stderr. Always %VIGIL_EXIT_CONFIG. */
VigilExit vigil_command_mistakes(const GError *error);

/**
 * vigil_command_print:
 *
 * One line of results on stdout, at once.
 *
 * Returns: %FALSE when nobody can read it (closed pipe, full disk)
 */
gboolean vigil_command_print(const gchar *line);

/** vigil_command_progress: replaces the progress line, when stderr is a terminal; %NULL removes it. */
void vigil_command_progress(const gchar *text);

G_END_DECLS
