/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/vigil-rtsp-camera.h"

#include <signal.h>
#include <sys/prctl.h>

#define START_TIMEOUT_US (30 * G_USEC_PER_SEC)

guint
vigil_rtsp_camera_free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();

    return g_socket_listener_add_any_inet_port(listener, NULL, NULL);
}

static gboolean
listens(guint port)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_to_host(client, "127.0.0.1", (guint16)port, NULL, NULL);

    return connection != NULL;
}

/* Whatever becomes of the test, and even when it is frozen. */
static void
die_with_parent(gpointer user_data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void
vigil_rtsp_camera_start(VigilRtspCamera *self, const gchar *first, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    const gint64 deadline_us = g_get_monotonic_time() + START_TIMEOUT_US;
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GError) error = NULL;
    va_list list;

    g_ptr_array_add(argv, g_strdup(g_getenv("VIGIL_RTSP_SERVER")));
    g_ptr_array_add(argv, g_strdup_printf("--port=%u", self->port));
    va_start(list, first);
    for (const gchar *text = first; text; text = va_arg(list, const gchar *))
        g_ptr_array_add(argv, g_strdup(text));
    va_end(list);
    g_ptr_array_add(argv, NULL);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    self->process =
        g_subprocess_launcher_spawnv(launcher, (const gchar *const *)argv->pdata, &error);
    g_assert_no_error(error);
    while (!listens(self->port)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline_us);
        g_usleep(20000);
    }
}

void
vigil_rtsp_camera_freeze(VigilRtspCamera *self)
{
    g_subprocess_send_signal(self->process, SIGSTOP);
}

void
vigil_rtsp_camera_thaw(VigilRtspCamera *self)
{
    g_subprocess_send_signal(self->process, SIGCONT);
}

void
vigil_rtsp_camera_kill(VigilRtspCamera *self)
{
    if (!self->process)
        return;
    g_subprocess_force_exit(self->process);
    g_subprocess_wait(self->process, NULL, NULL);
    g_clear_object(&self->process);
}
