/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstqueuearray.h>

#include "plugins/rtsp/gstvigilrtspsession.h"
#include "plugins/rtsp/gstvigilrtspsrc.h"

G_BEGIN_DECLS

/** GstVigilRtspOptions: the properties. */
typedef struct {
    VigilRtspLogin login;
    gchar *wrong; /* why `location` is none */
    gchar *credentials, *tls_ca, *clock_group;
    gboolean tls_verify, audio;
    gint transport; /* VigilRtspTransport */
    guint latency_ms;
    guint64 timeout_ns, max_pause_ns, max_age_ns;
} GstVigilRtspOptions;

/**
 * GstVigilRtspCounts: since the element was started.
 * @frames: that were passed on
 * @stale: left out, as they came too late
 * @before_key: left out, as what they are made from is missing
 * @dropped: left out, as downstream did not take them
 * @drop_outs: connections that gave frames and were lost
 * @attempts: connections that were tried
 * @session: of all connections of before
 */
typedef struct {
    guint64 frames, stale, before_key, dropped, drop_outs, attempts;
    GstVigilRtspSessionStats session;
} GstVigilRtspCounts;

/**
 * GstVigilRtspSound: a pad beside the video's, with a thread of its own.
 * @pad: (nullable): no sound came yet; added and removed by the streaming thread, or when it is over
 * @caps: (nullable): as they were sent last; its own thread's, as @started is
 */
typedef struct {
    GstPad *pad;
    GstCaps *caps;
    gboolean started;

    /* under the element's lock */
    GCond wake;
    GstQueueArray *frames; /* GstSample */
    gsize queued_bytes;
    gboolean flushing, eos;
    guint64 n_frames, n_stale, n_dropped;
    gchar *missing; /* (nullable): why there is none, as it was told last */
} GstVigilRtspSound;

struct _GstVigilRtspSrc {
    GstPushSrc parent;

    /* object lock */
    GstVigilRtspOptions options;

    gint stale; /* atomic: what it has is of before a pause */

    GMutex lock;
    GCond wake;
    /* under lock */
    gboolean flushing;
    GstQueueArray *frames; /* GstSample */
    gsize queued_bytes;
    GstVigilRtspSound sound;
    gboolean overrun; /* frames are missing after the queue's last */
    gboolean lost;
    VigilRtspLoss loss;
    gchar *loss_reason;
    VigilRtspPatience patience;
    GstVigilRtspCounts counts;
    GstVigilRtspSession *session; /* NULL: not connected; changed by the streaming thread only */
    gchar *summary;               /* of the frames' format */
    const gchar *state;           /* static: "connecting", "streaming", "waiting" */

    /* from start to stop; the streaming thread's */
    GstVigilRtspOptions asked;
    VigilRtspLogin login; /* as it was used last */
    VigilRtspSync *sync;
    GstClock *clock;
    gint64 next_try_us;
    gint64 last_frame_us; /* the latest that came, of any connection; 0: none */
    gboolean refused;     /* the login was */
    gboolean ever;        /* it gave frames before: what is wrong now may pass */
    gboolean fresh;       /* no frame of this connection was passed on yet */
    gboolean discont, need_key;
    gint64 need_key_us; /* since when */
    gchar *reason;      /* why it waits, as it was told last */
    GstCaps *caps;
};

/* gstvigilrtspsrc-properties.c */

void gst_vigil_rtsp_src_install_properties(GObjectClass *klass);
void gst_vigil_rtsp_options_init(GstVigilRtspOptions *self);
void gst_vigil_rtsp_options_copy(GstVigilRtspOptions *to, const GstVigilRtspOptions *from);
void gst_vigil_rtsp_options_clear(GstVigilRtspOptions *self);

/* gstvigilrtspsrc-sound.c */

void gst_vigil_rtsp_src_install_sound(GstElementClass *klass);
void gst_vigil_rtsp_sound_init(GstVigilRtspSound *self);
void gst_vigil_rtsp_sound_clear(GstVigilRtspSound *self);
/** gst_vigil_rtsp_src_take_sound, gst_vigil_rtsp_src_miss_sound: the session's functions. */
void gst_vigil_rtsp_src_take_sound(GstSample *sample, gpointer user_data);
void gst_vigil_rtsp_src_miss_sound(const gchar *reason, gpointer user_data);
/** gst_vigil_rtsp_src_offer_sound: adds the pad once there is sound. The streaming thread's. */
void gst_vigil_rtsp_src_offer_sound(GstVigilRtspSrc *self);
/** gst_vigil_rtsp_src_forget_sound: (lock held): what was not taken. */
void gst_vigil_rtsp_src_forget_sound(GstVigilRtspSrc *self);
/** gst_vigil_rtsp_src_end_sound: the pad goes. */
void gst_vigil_rtsp_src_end_sound(GstVigilRtspSrc *self);
/** gst_vigil_rtsp_src_is_stale: it came too late to be of use. */
gboolean gst_vigil_rtsp_src_is_stale(const GstVigilRtspSrc *self, const GstBuffer *buffer);

/* gstvigilrtspsrc-connect.c; the streaming thread's */

/** gst_vigil_rtsp_src_connect_or_wait: until there is a session, or somebody wants the thread back. */
GstFlowReturn gst_vigil_rtsp_src_connect_or_wait(GstVigilRtspSrc *self);
/** gst_vigil_rtsp_src_disconnect: idempotent; what has come and was not taken is forgotten. */
void gst_vigil_rtsp_src_disconnect(GstVigilRtspSrc *self);
/** gst_vigil_rtsp_src_lose: the connection is no good any more. @reason: for people */
GstFlowReturn
gst_vigil_rtsp_src_lose(GstVigilRtspSrc *self, VigilRtspLoss loss, const gchar *reason);
/** gst_vigil_rtsp_src_tell: element message `vigilrtspsrc-state`; @reason: (nullable) */
void gst_vigil_rtsp_src_tell(GstVigilRtspSrc *self, const gchar *state, const gchar *reason);

G_END_DECLS
