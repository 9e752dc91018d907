/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to vigilidle, which asks whether it may keep frames from the decoder, and has keyframes looked at meanwhile. */
#include "plugins/common/gstvigilprobe.h"
#include "plugins/common/gstvigilstream.h"
#include "plugins/motion/gstvigilmotion-private.h"

GST_DEBUG_CATEGORY_EXTERN(vigil_motion_debug);
#define GST_CAT_DEFAULT vigil_motion_debug

static gboolean
is_quiet(GstVigilMotion *self, gint64 time_ns)
{
    guint n_tracks;

    GST_OBJECT_LOCK(self);
    n_tracks = self->n_tracks;
    GST_OBJECT_UNLOCK(self);
    return self->result.state == VIGIL_MOTION_QUIET &&
           vigil_motion_gate_is_quiet(&self->gate, time_ns, n_tracks);
}

static gboolean
has_luma_plane(const GstVideoInfo *info)
{
    switch (GST_VIDEO_INFO_FORMAT(info)) {
    case GST_VIDEO_FORMAT_I420:
    case GST_VIDEO_FORMAT_NV12:
    case GST_VIDEO_FORMAT_GRAY8:
    case GST_VIDEO_FORMAT_YV12:
    case GST_VIDEO_FORMAT_NV21:
    case GST_VIDEO_FORMAT_Y42B:
    case GST_VIDEO_FORMAT_Y444: return TRUE;
    default: return FALSE;
    }
}

/* What is seen stays known only if it is nothing: else the frames before it are looked at once more, and that in their order. */
static gboolean
look(GstVigilMotion *self, GstBuffer *picture, const GstVideoInfo *info, gint64 time_ns)
{
    VigilMotionResult result = {.state = VIGIL_MOTION_LEARNING};
    GstVideoFrame frame;

    if (!gst_video_frame_map(&frame, info, picture, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
        return FALSE;
    if (!self->saved)
        self->saved =
            vigil_motion_new((guint)GST_VIDEO_INFO_WIDTH(&self->info),
                             (guint)GST_VIDEO_INFO_HEIGHT(&self->info), self->sensitivity);
    vigil_motion_copy_state(self->saved, self->motion);
    if (GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) > 0)
        vigil_motion_update(self->motion, time_ns, GST_VIDEO_FRAME_PLANE_DATA(&frame, 0),
                            (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), &result);
    gst_video_frame_unmap(&frame);
    if (result.state != VIGIL_MOTION_QUIET) {
        vigil_motion_copy_state(self->motion, self->saved);
        return FALSE;
    }
    self->result = result;
    gst_vigil_motion_is_look_due(self, time_ns); /* it was this slot's */
    gst_vigil_motion_count_look(self);
    return TRUE;
}

/* So that those behind get a frame now and then, and one for an inference where one is due. */
static void
send_on(GstVigilMotion *self, GstBuffer *picture, const GstVideoInfo *info, gint64 time_ns)
{
    GstBuffer *buffer;

    if (GST_VIDEO_INFO_FORMAT(info) != GST_VIDEO_INFO_FORMAT(&self->info))
        return;
    buffer = gst_buffer_copy(picture);
    gst_vigil_motion_mark(self, buffer, time_ns);
    self->probed_ns = time_ns;
    gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
}

static gboolean
look_and_send_on(GstVigilMotion *self, GstSample *sample, guint n_left)
{
    GstBuffer *picture = gst_sample_get_buffer(sample);
    const gint64 time_ns = gst_vigil_stream_time(&GST_BASE_TRANSFORM(self)->segment, picture);
    GstVideoInfo info;

    if (!self->motion || time_ns < 0 ||
        !gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) || !has_luma_plane(&info) ||
        GST_VIDEO_INFO_WIDTH(&info) != GST_VIDEO_INFO_WIDTH(&self->info) ||
        GST_VIDEO_INFO_HEIGHT(&info) != GST_VIDEO_INFO_HEIGHT(&self->info) ||
        !look(self, picture, &info, time_ns))
        return FALSE;
    gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self),
                       gst_vigil_event_new_left(GST_BUFFER_PTS(picture), n_left));
    send_on(self, picture, &info, time_ns);
    return TRUE;
}

gboolean
gst_vigil_motion_answer_probe(GstVigilMotion *self, GstQuery *query)
{
    GstClockTime time;
    GstSample *sample;
    guint n_left;
    gboolean quiet;

    if (!gst_vigil_query_parse_probe(query, &time, &sample, &n_left))
        return FALSE;
    quiet = !sample || look_and_send_on(self, sample, n_left);
    if (!sample && n_left > 0)
        gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self),
                           gst_vigil_event_new_left(time, n_left));
    quiet = quiet && is_quiet(self, (gint64)time);
    GST_DEBUG_OBJECT(self, "%" GST_TIME_FORMAT "%s: %s, state %d, %u tracks", GST_TIME_ARGS(time),
                     sample ? ", a keyframe" : "", quiet ? "quiet" : "not quiet",
                     (gint)self->result.state, self->n_tracks);
    gst_vigil_query_set_quiet(query, quiet);
    return TRUE;
}
