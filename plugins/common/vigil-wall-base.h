/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * vigil_wall_base_from_tags:
 *
 * Returns: %GST_TAG_DATE_TIME in µs since 1970 (a missing time of day is midnight, UTC), or -1 when there is none
 */
gint64 vigil_wall_base_from_tags(const GstTagList *tags);

/** vigil_wall_base_note_tags: @event: of tags. @wall_us: (inout): what they say, where they do */
void vigil_wall_base_note_tags(GstEvent *event, gint64 *wall_us);

/**
 * vigil_wall_base_live:
 * @real_us: wall clock now
 * @now: running time now; %GST_CLOCK_TIME_NONE without a clock: the frame counts as taken just now
 * @running: running time of the frame
 * @stream_ns: its stream time
 *
 * Returns: wall time of stream time 0, so that the frame's own wall time is when it was taken
 */
gint64
vigil_wall_base_live(gint64 real_us, GstClockTime now, GstClockTime running, gint64 stream_ns);

G_END_DECLS
