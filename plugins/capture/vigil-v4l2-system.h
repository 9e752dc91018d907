/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilV4l2System:
 * @open: a new file descriptor; -errno
 * @close: 0 or -errno
 * @ioctl: 0 or more; -errno, also -EINTR
 * @map: shared, for reading and writing; 0 or -errno
 * @unmap: what @map gave
 * @poll: number of descriptors with something to say, 0 when the time is over; -errno, also -EINTR
 * @get_time_ns: CLOCK_MONOTONIC
 * @dev: folder of the devices, "/dev"
 * @sys: where sysfs is mounted, "/sys"
 * @user_data: for all functions
 *
 * Everything by which the capture core talks to the kernel, in one table, so that it can be made to answer anything.
 * Threads: functions are called from the threads that use the device and from those that give buffers back.
 */
typedef struct {
    gint (*open)(const gchar *path, gint flags, gpointer user_data);
    gint (*close)(gint fd, gpointer user_data);
    gint (*ioctl)(gint fd, gulong request, gpointer argument, gpointer user_data);
    gint (*map)(gint fd, gsize length, gint64 offset, gpointer *address, gpointer user_data);
    void (*unmap)(gpointer address, gsize length, gpointer user_data);
    gint (*poll)(struct pollfd *fds, guint n_fds, gint timeout_ms, gpointer user_data);
    gint64 (*get_time_ns)(gpointer user_data);
    const gchar *dev, *sys;
    gpointer user_data;
} VigilV4l2System;

/** vigil_v4l2_system: the real one. */
const VigilV4l2System *vigil_v4l2_system(void);

/** vigil_v4l2_ioctl: tried again after EINTR; 0 or -errno. */
gint vigil_v4l2_ioctl(const VigilV4l2System *system, gint fd, gulong request, gpointer argument);

/** vigil_v4l2_is_gone: @error (-errno) says that the device was taken away, and may come back. */
gboolean vigil_v4l2_is_gone(gint error);

G_END_DECLS
