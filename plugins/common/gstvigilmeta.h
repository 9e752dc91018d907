/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "events/vigil-event.h"
#include "events/vigil-motion.h"
#include "events/vigil-outcome.h"
#include "events/vigil-track.h"
#include "models/vigil-image.h"

G_BEGIN_DECLS

/*
 * Detections and tracks travel as GstVideoRegionOfInterestMeta (and, with GStreamer >= 1.24, as
 * GstAnalyticsODMtd with GstAnalyticsTrackingMtd), which other people's elements read and write. What
 * those cannot say, namely what became of the frame and which events a buffer carries, is our own meta,
 * and is all in this file.
 */

#define GST_VIGIL_MAX_DETECTIONS 1000

/** gst_vigil_buffer_set_outcome: @buffer must be writable. */
void gst_vigil_buffer_set_outcome(GstBuffer *buffer, VigilOutcome outcome);
/** gst_vigil_buffer_get_outcome: %VIGIL_OUTCOME_INFERRED for a buffer that nobody marked (another project's detector). */
VigilOutcome gst_vigil_buffer_get_outcome(GstBuffer *buffer);

/** gst_vigil_buffer_set_model: which model looked at the frame. @buffer must be writable. */
void gst_vigil_buffer_set_model(GstBuffer *buffer, VigilModelId model);
/** gst_vigil_buffer_get_model: both %NULL when nobody looked, or another project's detector. */
VigilModelId gst_vigil_buffer_get_model(GstBuffer *buffer);

/** gst_vigil_buffer_set_area: of a frame that was looked at: which part of it, in parts of the frame; %NULL: all of it. @buffer must be writable. */
void gst_vigil_buffer_set_area(GstBuffer *buffer, const VigilBox *area);
/** gst_vigil_buffer_get_area: (nullable): borrowed from @buffer; %NULL: all of it, also where nobody said. */
const VigilBox *gst_vigil_buffer_get_area(GstBuffer *buffer);

/** gst_vigil_buffer_set_wants_places: of a frame that was looked at: who did wants to hear where tracks are. @buffer must be writable. */
void gst_vigil_buffer_set_wants_places(GstBuffer *buffer, gboolean wants);
gboolean gst_vigil_buffer_get_wants_places(GstBuffer *buffer);

/**
 * gst_vigil_buffer_add_detections:
 * @buffer: writable
 * @info: for pixel coordinates
 *
 * Adds a region of interest for each, with its structure `detection`; with GStreamer >= 1.24 also an
 * object detection mtd, whose id the region then has.
 */
void gst_vigil_buffer_add_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                     const VigilDetection *detections, guint n_detections);

/**
 * gst_vigil_buffer_get_detections:
 *
 * Reads every region of interest that has a `detection` structure, ours or others'; where there is none,
 * the object detection mtds (GStreamer >= 1.24). Values that are no numbers are passed over.
 *
 * Returns: number of detections
 */
guint gst_vigil_buffer_get_detections(GstBuffer *buffer, const GstVideoInfo *info,
                                      VigilDetection *detections, guint capacity);

/**
 * gst_vigil_buffer_set_tracks:
 * @buffer: writable
 * @matches: (nullable): for each of the buffer's detections (in the order of gst_vigil_buffer_get_detections())
 *   the index of its track, or -1
 *
 * Adds `object_id` to the regions that belong to a track, and a region for each track that none belongs to
 * (predicted only, or detected by nothing but an object detection mtd). What VigilTrack says beyond that is in the structure `vigil-track`.
 */
void
gst_vigil_buffer_set_tracks(GstBuffer *buffer, const GstVideoInfo *info, const VigilTrack *tracks,
                            guint n_tracks, const gint *matches, guint n_detections);

/**
 * gst_vigil_buffer_get_tracks:
 *
 * Every region that has an `object_id`, ours or others'. Times that another's tracker does not tell are -1.
 */
guint gst_vigil_buffer_get_tracks(GstBuffer *buffer, const GstVideoInfo *info, VigilTrack *tracks,
                                  guint capacity);

/** gst_vigil_buffer_get_untracked: the regions with a `detection` structure and without an `object_id`; their number. */
guint gst_vigil_buffer_get_untracked(GstBuffer *buffer, VigilDetection *detections, guint capacity);

/** gst_vigil_buffer_set_motion: @buffer must be writable. */
void gst_vigil_buffer_set_motion(GstBuffer *buffer, const VigilMotionResult *motion);
/** gst_vigil_buffer_get_motion: (nullable): what vigilmotion saw; borrowed from @buffer; %NULL: nobody looked. */
const VigilMotionResult *gst_vigil_buffer_get_motion(GstBuffer *buffer);

/** gst_vigil_event_buffer_new: (transfer full): a buffer with the event as a JSON line and the event itself as meta. */
GstBuffer *gst_vigil_event_buffer_new(VigilEvent *event, GstClockTime pts);
/** gst_vigil_buffer_get_event: (transfer none) (nullable) */
VigilEvent *gst_vigil_buffer_get_event(GstBuffer *buffer);

/**
 * gst_vigil_event_new_nothing: (transfer full): a GAP event in the place of a frame of which there is nothing to tell.
 * @wanted_ns: stream time: no event that begins later is to be recorded from before
 */
GstEvent *gst_vigil_event_new_nothing(GstClockTime pts, GstClockTime duration, gint64 wanted_ns);
/** gst_vigil_event_parse_wanted: %FALSE: it says nothing of that. @wanted_ns: (out) */
gboolean gst_vigil_event_parse_wanted(GstEvent *event, gint64 *wanted_ns);

/** Caps of a pad that carries events: one buffer an event, its content one JSON line. */
#define GST_VIGIL_EVENT_CAPS "application/x-vigil-events"

/** gst_vigil_image_from_frame: a borrowed view of a mapped frame; %FALSE for a format that the core does not take. */
gboolean gst_vigil_image_from_frame(const GstVideoFrame *frame, VigilImage *image);

#define GST_VIGIL_VIDEO_FORMATS "{ I420, NV12, RGB, BGR, RGBx, BGRx, GRAY8, YUY2 }"

G_END_DECLS
