/* SPDX-License-Identifier: Apache-2.0 */
/* What vigilidle and the elements behind it say to each other. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * gst_vigil_query_new_probe: (transfer full)
 * @time: stream time up to which frames have been sent, or of @sample
 * @sample: (nullable): a decoded keyframe that was not sent, with its caps
 * @n_left: frames that were not decoded since the last time, to be counted
 *
 * Asks downstream, in the order of the frames, whether nothing moves and nothing is tracked. vigilmotion answers. It compares @sample
 * with its background; if nothing moves there, it sends it on as a frame, else it forgets that it saw it, so that the
 * frames before it can be sent after all.
 */
GstQuery *gst_vigil_query_new_probe(GstClockTime time, GstSample *sample, guint n_left);

/** gst_vigil_query_parse_probe: %FALSE: another query. @sample: (out) (transfer none) (nullable) */
gboolean
gst_vigil_query_parse_probe(GstQuery *query, GstClockTime *time, GstSample **sample, guint *n_left);

void gst_vigil_query_set_quiet(GstQuery *query, gboolean quiet);
/** gst_vigil_query_get_quiet: %FALSE, too, if nobody answered */
gboolean gst_vigil_query_get_quiet(GstQuery *query);

/** gst_vigil_event_new_left: (transfer full): a GAP event at @pts that says that @n_left frames before it were not decoded, as nothing moved. */
GstEvent *gst_vigil_event_new_left(GstClockTime pts, guint n_left);
/** gst_vigil_event_parse_left: frames that a GAP event says were not decoded; 0: other events */
guint gst_vigil_event_parse_left(GstEvent *event);

/**
 * gst_vigil_event_new_catch_up: (transfer full): frames up to this running time were held by vigilidle: they come late, but are not to be
 * left out for that. It goes downstream in the order of the frames.
 */
GstEvent *gst_vigil_event_new_catch_up(GstClockTime until);
/** gst_vigil_event_parse_catch_up: %FALSE: another event. @until: (out) */
gboolean gst_vigil_event_parse_catch_up(GstEvent *event, GstClockTime *until);

/**
 * gst_vigil_event_new_rest: (transfer full): the decoder behind vigilidle gets nothing until something moves, and what comes then begins with a
 * keyframe: it may give back what it needs meanwhile. It goes downstream in the order of the frames, after a still frame.
 */
GstEvent *gst_vigil_event_new_rest(void);
gboolean gst_vigil_event_is_rest(GstEvent *event);

G_END_DECLS
