/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/common/gstvigilmeta.h"

G_BEGIN_DECLS

/*
 * The same detections and tracks as GstAnalytics metadata. Without GStreamer >= 1.24 these do nothing.
 */

/** gst_vigil_box_to_pixels: clamped to the frame and rounded, edges rather than sizes. */
GstVideoRectangle gst_vigil_box_to_pixels(const VigilBox *box, const GstVideoInfo *info);

/**
 * gst_vigil_analytics_add_detection:
 * @fallback_id: returned where there is no such metadata
 *
 * Returns: id for the region of interest: that of the new object detection mtd
 */
gint gst_vigil_analytics_add_detection(GstBuffer *buffer, const GstVideoInfo *info,
                                       const VigilDetection *detection, gint fallback_id);

/** gst_vigil_analytics_get_detections: object detection mtds, in the order of their ids. */
guint gst_vigil_analytics_get_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                         VigilDetection *detections, guint capacity);

/**
 * gst_vigil_analytics_add_track:
 * @detection_id: id of an object detection mtd; nothing is done when there is none with it
 *
 * Adds a tracking mtd that the detection relates to.
 */
void gst_vigil_analytics_add_track(GstBuffer *buffer, gint detection_id, const VigilTrack *track);

/**
 * gst_vigil_analytics_add_tracks:
 * @matches: for each detection of gst_vigil_analytics_get_detections() the index of its track, or -1
 *
 * As gst_vigil_analytics_add_track(), for detections that are nothing but object detection mtds.
 */
void gst_vigil_analytics_add_tracks(GstBuffer *buffer, const GstVideoInfo *info,
                                    const VigilTrack *tracks, guint n_tracks, const gint *matches,
                                    guint n_detections);

G_END_DECLS
