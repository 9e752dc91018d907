/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"

G_BEGIN_DECLS

/**
 * vigil_event_id:
 * @id: (out): %VIGIL_EVENT_ID_LENGTH characters and a NUL
 * @start_wall_us: when the event began
 * @camera: name of the camera
 * @rules: that hold: zones and lines count with where they lie, so that a zone that was moved gives other ids
 * @rule: index of the event's rule in @rules; counts with all its conditions
 * @run_nonce: tells runs apart that would give the same otherwise
 *
 * A ULID: 48 bits of milliseconds since 1970, so that ids sort by time, and 80 bits of a SHA-256 over everything that
 * makes the event. The same event always has the same id.
 */
void vigil_event_id(gchar *id, gint64 start_wall_us, const gchar *camera, const VigilRules *rules,
                    guint rule, guint64 track_id, gint64 start_ns, guint64 run_nonce);

G_END_DECLS
