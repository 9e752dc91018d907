/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_time_parse:
 * @text: ISO 8601 ("2026-05-01", "2026-05-01T12:30:00Z", "2026-05-01T12:30:00+02:00"; without a zone: UTC), or how long
 *   ago ("90s", "15m", "2h", "7d", "4w")
 * @now_us: what "ago" counts from, microseconds since 1970
 * @time_us: (out): microseconds since 1970
 *
 * Errors: %G_OPTION_ERROR_BAD_VALUE of %G_OPTION_ERROR, with what would be right.
 */
gboolean vigil_time_parse(const gchar *text, gint64 now_us, gint64 *time_us, GError **error);

/** vigil_time_format: (transfer full): ISO 8601, UTC, with milliseconds. */
gchar *vigil_time_format(gint64 time_us);

G_END_DECLS
