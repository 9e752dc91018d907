/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/vigil-watchdog.h"

#include "pipeline/vigil-notify.h"

/* Fed so often within the time that is given. */
#define MEALS 4

struct VigilWatchdog {
    VigilSupervisor *supervisor;
    gint64 limit_us;
    guint timer;
    gboolean told;
};

static gboolean
feed(gpointer user_data)
{
    VigilWatchdog *self = user_data;
    const gchar *stalled = vigil_supervisor_find_stalled(self->supervisor, self->limit_us);

    if (!stalled) {
        self->told = FALSE;
        vigil_notify("WATCHDOG=1");
    } else if (!self->told) {
        self->told = TRUE;
        g_message("camera %s: it makes no progress; systemd's watchdog is not fed any more",
                  stalled);
    }
    return G_SOURCE_CONTINUE;
}

VigilWatchdog *
vigil_watchdog_new(VigilSupervisor *supervisor)
{
    const gint64 limit_us = vigil_notify_get_watchdog_us();
    VigilWatchdog *self;

    if (limit_us == 0)
        return NULL;
    self = g_new0(VigilWatchdog, 1);
    self->supervisor = supervisor;
    self->limit_us = limit_us;
    self->timer = g_timeout_add((guint)CLAMP(limit_us / 1000 / MEALS, 1, G_MAXINT32), feed, self);
    return self;
}

void
vigil_watchdog_free(VigilWatchdog *self)
{
    if (!self)
        return;
    g_source_remove(self->timer);
    g_free(self);
}
