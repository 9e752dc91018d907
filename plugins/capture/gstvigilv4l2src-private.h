/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "plugins/capture/gstvigilv4l2buffers.h"
#include "plugins/capture/gstvigilv4l2src.h"
#include "plugins/capture/vigil-v4l2-identity.h"
#include "plugins/capture/vigil-v4l2.h"

G_BEGIN_DECLS

/** GstVigilV4l2Options: the properties. */
typedef struct {
    gchar *device, *format, *controls;
    guint width, height, buffers;
    gdouble fps;
    gboolean dmabuf;
    guint64 timeout_ns;
} GstVigilV4l2Options;

struct _GstVigilV4l2Src {
    GstPushSrc parent;

    /* object lock */
    GstVigilV4l2Options options;
    guint64 copied, dropped, restarts, unplugs;
    gchar *path;    /* of the node that is open */
    gchar *summary; /* of its format */
    GstClockTime frame_duration;
    guint n_buffers;
    VigilV4l2 *v4l2; /* set by the thread of state changes, used by the streaming thread */

    gint stale; /* atomic: what the driver has was filled before a pause */

    /* from start to stop */
    GstVigilV4l2Options asked;
    VigilV4l2Identity *identity;
    VigilV4l2Want want;
    GPtrArray *settings; /* VigilV4l2Setting */
    gint wake_fd;

    /* streaming thread */
    GstVigilV4l2Buffers *wrapped; /* NULL: not capturing */
    gboolean ever;                /* it captured before: what goes wrong now may pass */
    gboolean raw, usual_layout, video_meta;
    GstVideoInfo info;
    gboolean discont;
    guint64 frames_here; /* since it was opened */
    gint64 forbidden_us; /* since when it is not ours to use; 0: it is */
    gchar *reason;       /* why it waits, as it was told last */
    GstClockTime last_pts;
};

/* gstvigilv4l2src-connect.c */

/**
 * gst_vigil_v4l2_src_connect:
 *
 * Finds the camera, sets it up and starts it. Errors: %VIGIL_V4L2_ERROR; nothing is open then.
 */
gboolean gst_vigil_v4l2_src_connect(GstVigilV4l2Src *self, GError **error);

/** gst_vigil_v4l2_src_disconnect: idempotent. */
void gst_vigil_v4l2_src_disconnect(GstVigilV4l2Src *self);

/** gst_vigil_v4l2_src_tell: element message `vigilv4l2src-state`: @state: "streaming", "waiting"; @reason: (nullable) */
void gst_vigil_v4l2_src_tell(GstVigilV4l2Src *self, const gchar *state, const gchar *reason);

/* gstvigilv4l2src-properties.c */

void gst_vigil_v4l2_src_install_properties(GObjectClass *klass);
void gst_vigil_v4l2_options_copy(GstVigilV4l2Options *to, const GstVigilV4l2Options *from);
void gst_vigil_v4l2_options_clear(GstVigilV4l2Options *self);

G_END_DECLS
