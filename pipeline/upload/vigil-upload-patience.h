/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_upload_patience:
 * @n_failures: in a row, at least 1
 * @asked_us: what the destination asked for; 0: nothing. Kept to, up to a day.
 * @chance: 0..1, evenly spread: so that not all clients of a backend come back at once
 *
 * Returns: how long to wait, in µs
 */
gint64 vigil_upload_patience(guint n_failures, guint first_ms, guint longest_ms, gint64 asked_us,
                             gdouble chance);

G_END_DECLS
