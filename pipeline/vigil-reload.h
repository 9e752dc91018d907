/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * vigil_reload_settings: for the program that runs the cameras: reads and checks the configuration, models included.
 * @store: the store that is in use, whatever the configuration says by now
 *
 * A package on trial with which it has mistakes, and without which it has none, is rolled back.
 *
 * Returns: (transfer full): the settings, or %NULL with %VIGIL_SETTINGS_ERROR
 */
VigilSettings *vigil_reload_settings(const gchar *path, const gchar *store, GError **error);

/**
 * vigil_reload_daemon:
 * @store: a store's directory
 *
 * Tells the daemon that writes to this store to read its configuration again, and with it which models are installed.
 *
 * Returns: %FALSE when there is none
 */
gboolean vigil_reload_daemon(const gchar *store);

G_END_DECLS
