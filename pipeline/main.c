/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/vigil-command.h"
#include "pipeline/vigil-redact.h"
#include "vigil-config.h"

static const VigilCommand *const commands[] = {
    &vigil_cmd_run,
    &vigil_cmd_check,
    &vigil_cmd_replay,
    &vigil_cmd_devices,
    &vigil_cmd_events,
    &vigil_cmd_why,
    &vigil_cmd_rules,
    &vigil_cmd_clip,
    &vigil_cmd_export,
    &vigil_cmd_footage,
    &vigil_cmd_fsck,
    &vigil_cmd_backup,
    &vigil_cmd_pin,
    &vigil_cmd_unpin,
    &vigil_cmd_purge,
    &vigil_cmd_status,
    &vigil_cmd_detect,
    &vigil_cmd_model,
    NULL,
};

static void
print_help(void)
{
    g_autofree gchar *list = vigil_command_list(commands);

    printf("Usage:\n  vigil COMMAND [OPTION…] …\n\n"
           "Watches cameras and keeps what matters.\n\n"
           "Commands:\n%s\n"
           "  vigil COMMAND --help   says more about one\n"
           "  vigil --version        prints the version\n\n%s",
           list, VIGIL_EXIT_HELP);
}

/* A closed stdin, stdout or stderr would give its number to the next file opened, a clip for instance. */
static void
keep_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
            _exit(VIGIL_EXIT_FAILED);
    }
}

int
main(int argc, char **argv)
{
    VigilExit code = VIGIL_EXIT_OK;

    keep_standard_files();
    setlocale(LC_ALL, "");
    signal(SIGPIPE,
           SIG_IGN); /* a closed stdout is an error of a write, not the end of a recording */
    vigil_redact_install_logs();

    if (argc < 2) {
        print_help();
        code = VIGIL_EXIT_USAGE;
    } else if (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h") ||
               g_str_equal(argv[1], "help")) {
        print_help();
    } else if (g_str_equal(argv[1], "--version")) {
        printf("vigil %s\n", VIGIL_VERSION);
    } else {
        code = vigil_command_dispatch(commands, "vigil", argc - 1, argv + 1);
    }

    if ((fflush(stdout) != 0 || ferror(stdout)) && code == VIGIL_EXIT_OK) {
        if (errno != EPIPE)
            vigil_command_error("the results could not be written: %s", g_strerror(errno));
        code = VIGIL_EXIT_FAILED;
    }
    return (int)code;
}
