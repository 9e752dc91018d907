/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilRtspTransport: how frames come. */
typedef enum {
    VIGIL_RTSP_AUTO, /* TCP, and UDP in turn when that gives nothing */
    VIGIL_RTSP_TCP,
    VIGIL_RTSP_UDP,
} VigilRtspTransport;

/** VigilRtspLoss: why a connection ended. */
typedef enum {
    VIGIL_RTSP_LOST,    /* error, end, silence */
    VIGIL_RTSP_AWAY,    /* nobody is there to talk to */
    VIGIL_RTSP_REFUSED, /* the login is wrong */
    VIGIL_RTSP_USELESS, /* there is no video in it that we can take */
} VigilRtspLoss;

/**
 * VigilRtspPatience:
 *
 * When to try again, and how. Pauses grow up to a limit; a connection that held for 10 s makes them short again. Who refuses the
 * login is asked more seldom, since cameras lock out those who ask often.
 */
typedef struct {
    gint64 most_us; /* the longest pause */
    VigilRtspTransport asked;
    gboolean udp; /* auto: this time */
    guint tries, refusals;
    gint64 begun_us, frame_us; /* frame_us 0: no frame yet */
} VigilRtspPatience;

void vigil_rtsp_patience_init(VigilRtspPatience *self, VigilRtspTransport asked, gint64 most_us);
/** vigil_rtsp_patience_begin: a connection is tried. Returns: whether by UDP */
gboolean vigil_rtsp_patience_begin(VigilRtspPatience *self, gint64 now_us);
/** vigil_rtsp_patience_note_frame: a frame came. */
void vigil_rtsp_patience_note_frame(VigilRtspPatience *self, gint64 now_us);
/** vigil_rtsp_patience_get_deadline: when silence has lasted for @timeout_us. */
gint64 vigil_rtsp_patience_get_deadline(const VigilRtspPatience *self, gint64 timeout_us);
/** vigil_rtsp_patience_end: the connection ended. Returns: the pause until the next, µs */
gint64 vigil_rtsp_patience_end(VigilRtspPatience *self, VigilRtspLoss loss, gint64 now_us);

G_END_DECLS
