/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-supervisor.h"

G_BEGIN_DECLS

/**
 * VigilWatchdog:
 *
 * Feeds systemd's watchdog (`WatchdogSec=`) from the main loop, as long as all cameras make progress. When one has made none for as long as
 * `WatchdogSec=` says, it says so in the log and feeds it no more, so that the program is ended and begun anew within twice that time.
 */
typedef struct VigilWatchdog VigilWatchdog;

/** vigil_watchdog_new: @supervisor: borrowed. Returns: (nullable): %NULL when systemd wants none */
VigilWatchdog *vigil_watchdog_new(VigilSupervisor *supervisor);
/** vigil_watchdog_free: @self: (nullable) */
void vigil_watchdog_free(VigilWatchdog *self);

G_END_DECLS
