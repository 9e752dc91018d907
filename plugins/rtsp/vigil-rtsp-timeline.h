/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_RTSP_TIME_NONE G_MININT64

/**
 * VigilRtspSync:
 *
 * The clock of one camera, for all streams that come from it: how far our clock is from it. Reference counted; any thread.
 */
typedef struct VigilRtspSync VigilRtspSync;

/** vigil_rtsp_sync_get: (transfer full): the one of this name in the process; made when nobody has it. */
VigilRtspSync *vigil_rtsp_sync_get(const gchar *name);
void vigil_rtsp_sync_unref(VigilRtspSync *self);

/**
 * VigilRtspTimeline:
 *
 * When a frame was taken, by our clock, out of its RTP time stamp and of when it came. What came soonest tells how far the
 * sender's clock is from ours; what came later than that is old, as the burst is that follows a stall. A sender whose clock
 * runs faster or slower is followed. Streams of one camera are put on one line by its own clock, once its RTCP tells what
 * that shows. All times: ns.
 *
 * Threads: one at a time.
 */
typedef struct VigilRtspTimeline VigilRtspTimeline;

/**
 * vigil_rtsp_timeline_new:
 * @rate: ticks of RTP time a second, more than 0
 * @sync: (nullable) (transfer none): of the camera
 */
VigilRtspTimeline *vigil_rtsp_timeline_new(guint rate, VigilRtspSync *sync);
void vigil_rtsp_timeline_free(VigilRtspTimeline *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilRtspTimeline, vigil_rtsp_timeline_free)

/**
 * vigil_rtsp_timeline_set_report: from RTCP: the camera's clock showed @ntp when RTP time was @rtp.
 * @ntp: seconds since 1900 as 32.32 bits
 */
void vigil_rtsp_timeline_set_report(VigilRtspTimeline *self, guint64 ntp, guint32 rtp);

/**
 * vigil_rtsp_timeline_add: a packet came.
 * @now_ns: not before the one of the call before
 *
 * Packets of one frame, which have one RTP time, get one time.
 *
 * Returns: when its frame was taken, by the clock of @now_ns; at least 0
 */
gint64 vigil_rtsp_timeline_add(VigilRtspTimeline *self, guint32 rtp, gint64 now_ns);

/**
 * vigil_rtsp_timeline_get_camera_ns:
 * @time_ns: what vigil_rtsp_timeline_add() gave for one of the latest 64 frames
 *
 * Returns: ns since 1970 by the camera's clock, or %VIGIL_RTSP_TIME_NONE
 */
gint64 vigil_rtsp_timeline_get_camera_ns(const VigilRtspTimeline *self, gint64 time_ns);

/** vigil_rtsp_timeline_get_jumps: how often RTP time began anew. */
guint vigil_rtsp_timeline_get_jumps(const VigilRtspTimeline *self);

G_END_DECLS
