/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-types.h"

G_BEGIN_DECLS

/**
 * VigilTrack:
 * @id: from 1, never used twice by one tracker
 * @box: filtered position in this frame
 * @score: of the detection in this frame; 0 when the track was carried over without one
 * @label_id: class by the majority of the track's detections
 * @label: its name; interned
 * @observed: a detection of this frame belongs to it; %FALSE: predicted only
 * @resting: its detections have been in one place for the last 5 s; not on the way through elements, where it is %FALSE
 * @first_ns: stream time of its first detection
 * @last_ns: stream time of its latest detection
 *
 * One object over time, as seen in one frame.
 */
typedef struct {
    guint64 id;
    VigilBox box;
    gfloat score;
    gint32 label_id;
    const gchar *label;
    gboolean observed, resting;
    gint64 first_ns, last_ns;
} VigilTrack;

G_END_DECLS
