/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Returns: its length; 0: none that could be used */
static socklen_t
find_address(struct sockaddr_un *address)
{
    const gchar *path = g_getenv("NOTIFY_SOCKET");
    const gsize length = path ? strlen(path) : 0;

    if (length < 2 || length >= sizeof address->sun_path || (path[0] != '/' && path[0] != '@'))
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length);
    /* the kernel's own form of a name that is in no file system */
    if (path[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

gboolean
vigil_notify(const gchar *state)
{
    struct sockaddr_un address;
    const socklen_t length = find_address(&address);
    const gsize size = strlen(state);
    gboolean ok;
    int fd;

    if (length == 0)
        return FALSE;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return FALSE;
    ok = sendto(fd, state, size, MSG_NOSIGNAL, (const struct sockaddr *)&address, length) ==
         (gssize)size;
    close(fd);
    return ok;
}

void
vigil_notify_reloading(void)
{
    gchar text[64];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    g_snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
               (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000);
    vigil_notify(text);
}

gint64
vigil_notify_get_watchdog_us(void)
{
    const gchar *pid = g_getenv("WATCHDOG_PID"), *us = g_getenv("WATCHDOG_USEC");
    guint64 wanted_pid = 0, value = 0;

    if (!us || !g_ascii_string_to_unsigned(us, 10, 1, G_MAXINT64 / 2, &value, NULL))
        return 0;
    /* meant for another process that left us its environment */
    if (pid && (!g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT32, &wanted_pid, NULL) ||
                wanted_pid != (guint64)getpid()))
        return 0;
    return (gint64)value;
}
