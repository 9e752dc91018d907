/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/capture/vigil-v4l2-system.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static gint
system_open(const gchar *path, gint flags, gpointer user_data)
{
    const gint fd = TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC));

    return fd < 0 ? -errno : fd;
}

static gint
system_close(gint fd, gpointer user_data)
{
    return close(fd) < 0 ? -errno : 0;
}

static gint
system_ioctl(gint fd, gulong request, gpointer argument, gpointer user_data)
{
    const gint result = ioctl(fd, request, argument);

    return result < 0 ? -errno : result;
}

static gint
system_map(gint fd, gsize length, gint64 offset, gpointer *address, gpointer user_data)
{
    *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return *address == MAP_FAILED ? -errno : 0;
}

static void
system_unmap(gpointer address, gsize length, gpointer user_data)
{
    munmap(address, length);
}

static gint
system_poll(struct pollfd *fds, guint n_fds, gint timeout_ms, gpointer user_data)
{
    const gint n = poll(fds, n_fds, timeout_ms);

    return n < 0 ? -errno : n;
}

static gint64
system_get_time_ns(gpointer user_data)
{
    return g_get_monotonic_time() * 1000;
}

const VigilV4l2System *
vigil_v4l2_system(void)
{
    static const VigilV4l2System self = {
        .open = system_open,
        .close = system_close,
        .ioctl = system_ioctl,
        .map = system_map,
        .unmap = system_unmap,
        .poll = system_poll,
        .get_time_ns = system_get_time_ns,
        .dev = "/dev",
        .sys = "/sys",
    };

    return &self;
}

gint
vigil_v4l2_ioctl(const VigilV4l2System *system, gint fd, gulong request, gpointer argument)
{
    gint result;

    do {
        result = system->ioctl(fd, request, argument, system->user_data);
    } while (result == -EINTR);
    return MIN(result, 0);
}

gboolean
vigil_v4l2_is_gone(gint error)
{
    return error == -ENODEV || error == -ENXIO || error == -ENOENT || error == -ESHUTDOWN;
}
