/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "events/vigil-look-planner.h"

G_BEGIN_DECLS

/**
 * gst_vigil_pad_is_live:
 * @sinkpad: its peer is asked
 * @latency: (out): least latency of what is upstream; 0 when it does not say
 *
 * Returns: %TRUE when upstream produces data at the rate of a clock, whatever we do
 */
gboolean gst_vigil_pad_is_live(GstPad *sinkpad, GstClockTime *latency);

/** gst_vigil_element_get_running_time: now, by the pipeline's clock; %GST_CLOCK_TIME_NONE without one. */
GstClockTime gst_vigil_element_get_running_time(GstElement *element);

/**
 * gst_vigil_stream_time:
 *
 * Returns: the buffer's stream time in ns from the stream's begin, or -1 when it has none in @segment
 */
gint64 gst_vigil_stream_time(const GstSegment *segment, GstBuffer *buffer);

/** gst_vigil_install_time: a property of an element: a time in ns, 0 or more, that may be changed while it plays. The strings are static. */
void gst_vigil_install_time(GObjectClass *klass, guint id, const gchar *name, const gchar *nick,
                            const gchar *blurb, gint64 value);

/**
 * gst_vigil_propose_allocation:
 *
 * Answers an allocation query for an element that maps frames with gst_video_frame_map() and keeps metas: what
 * downstream says, so that frames are allocated there once, and strides as any producer likes.
 */
gboolean gst_vigil_propose_allocation(GstPad *srcpad, GstQuery *query);

/**
 * gst_vigil_event_new_tracks: (transfer full): an upstream event: so many tracks live now that do not rest, and so many that do. vigiltrack
 * sends it when a number has changed, for vigilmotion and vigilidle.
 */
GstEvent *gst_vigil_event_new_tracks(guint n_tracks, guint n_resting);

/**
 * gst_vigil_event_new_places: (transfer full): an upstream event: gst_vigil_event_new_tracks() that also says where tracks are, for vigildetect,
 * which looks at parts of frames. Within a process only.
 */
GstEvent *gst_vigil_event_new_places(guint n_tracks, guint n_resting, const VigilPlaces *places);

/** gst_vigil_event_parse_places: %FALSE: it says nothing of that. @places: (out) */
gboolean gst_vigil_event_parse_places(GstEvent *event, VigilPlaces *places);

/** gst_vigil_event_parse_tracks: %FALSE: it is another event. @n_tracks, @n_resting: (out) */
gboolean gst_vigil_event_parse_tracks(GstEvent *event, guint *n_tracks, guint *n_resting);

G_END_DECLS
