/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/rtsp/vigil-rtsp-login.h"
#include "plugins/rtsp/vigil-rtsp-patience.h"
#include "plugins/rtsp/vigil-rtsp-timeline.h"

G_BEGIN_DECLS

/**
 * GstVigilRtspSessionOptions:
 * @login: borrowed for the call
 * @udp: frames by UDP, otherwise within the TCP connection
 * @latency_ms: how long packets that are missing are waited for
 * @timeout_us: of the connection
 * @tls_ca: (nullable): PEM file of certificates to trust
 * @tls_verify: whether the server's certificate is judged at all
 * @audio: sound is wanted, too, if there is any that can be taken
 * @sync: (nullable): the camera's clock; with @audio there should be one, which puts both on one line
 * @clock: of the pipeline
 * @base_time: of the pipeline
 */
typedef struct {
    const VigilRtspLogin *login;
    gboolean udp;
    guint latency_ms;
    gint64 timeout_us;
    const gchar *tls_ca;
    gboolean tls_verify;
    gboolean audio;
    VigilRtspSync *sync;
    GstClock *clock;
    GstClockTime base_time;
} GstVigilRtspSessionOptions;

/**
 * GstVigilRtspSessionFuncs: called from threads of the session.
 * @frame: (transfer full) @sample: one whole frame; its PTS is a running time of the pipeline
 * @sound: the same of sound, with the option @audio
 * @no_sound: and why there is none; once a session
 * @lost: nothing more will come; @reason: for people, without secrets; at most once
 */
typedef struct {
    void (*frame)(GstSample *sample, gpointer user_data);
    void (*sound)(GstSample *sample, gpointer user_data);
    void (*no_sound)(const gchar *reason, gpointer user_data);
    void (*lost)(VigilRtspLoss loss, const gchar *reason, gpointer user_data);
} GstVigilRtspSessionFuncs;

/**
 * GstVigilRtspSessionStats:
 * @lost: RTP packets of the video that never came, or not in time
 * @sound_packets, @sound_lost: the same of the sound
 * @jumps: how often RTP time began anew
 */
typedef struct {
    guint64 packets, lost, sound_packets, sound_lost;
    guint jumps;
} GstVigilRtspSessionStats;

/**
 * GstVigilRtspSession:
 *
 * One connection to a camera, from DESCRIBE to its end: rtspsrc, depayloader and parser in a pipeline of their own, whose
 * messages nobody else sees. Frames leave it with times of our clock, see #VigilRtspTimeline, and, where RTCP tells the
 * camera's, with that as GstReferenceTimestampMeta of caps `timestamp/x-unix`.
 */
typedef struct GstVigilRtspSession GstVigilRtspSession;

/** gst_vigil_rtsp_session_new: begins to connect. Errors: %GST_CORE_ERROR, %G_TLS_ERROR, %G_FILE_ERROR. */
GstVigilRtspSession *gst_vigil_rtsp_session_new(const GstVigilRtspSessionOptions *options,
                                                const GstVigilRtspSessionFuncs *funcs,
                                                gpointer user_data, GError **error);
/** gst_vigil_rtsp_session_free: ends it, wherever it hangs; nothing is called any more. Not from within its functions. */
void gst_vigil_rtsp_session_free(GstVigilRtspSession *self);

GstVigilRtspSessionStats gst_vigil_rtsp_session_get_stats(GstVigilRtspSession *self);

G_END_DECLS
