/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilRtspTransport: how frames come. */
typedef enum {
    VIGIL_RTSP_AUTO, /* TCP, and UDP in turn when that gives nothing; UDP that loses packets is left for TCP, once */
    VIGIL_RTSP_TCP,
    VIGIL_RTSP_UDP,
} VigilRtspTransport;

/** VigilRtspLoss: why a connection ended. */
typedef enum {
    VIGIL_RTSP_LOST,    /* error, end, silence */
    VIGIL_RTSP_LOSSY,   /* auto: too many packets are lost by UDP */
    VIGIL_RTSP_AWAY,    /* nobody is there to talk to */
    VIGIL_RTSP_REFUSED, /* the login is wrong */
    VIGIL_RTSP_USELESS, /* there is no video in it that we can take */
} VigilRtspLoss;

/**
 * VigilRtspWay: what `auto` has learnt about the way to a camera.
 * @udp: it is tried next, or is in use
 * @lossy: UDP was left for TCP since packets were lost
 * @tcp_works: a connection by TCP gave frames
 * @lost_permille: packets that UDP lost before it was left
 */
typedef struct {
    gboolean udp, lossy, tcp_works;
    guint lost_permille;
} VigilRtspWay;

/** vigil_rtsp_way_keep: @way to @location, until the process ends. Any thread. */
void vigil_rtsp_way_keep(const gchar *location, const VigilRtspWay *way);
/** vigil_rtsp_way_recall: Returns: FALSE, and @way as it was, when nothing is known. Any thread. */
gboolean vigil_rtsp_way_recall(const gchar *location, VigilRtspWay *way);

/**
 * VigilRtspPatience:
 *
 * When to try again, and how. Pauses grow up to a limit; a connection that held for 10 s makes them short again. Who refuses the
 * login is asked more seldom, since cameras lock out those who ask often.
 */
typedef struct {
    gint64 most_us; /* the longest pause */
    VigilRtspTransport asked;
    VigilRtspWay way;
    gboolean by_udp; /* the connection at hand, which gives frames until it is taken down */
    guint tries, refusals;
    guint in_vain; /* by TCP, one after the other, where that worked and UDP was lossy */
    gint64 begun_us, frame_us; /* frame_us 0: no frame yet */
    /* the window in which packets are counted: since when, what was counted until then, whether the one before was bad */
    gint64 window_us;
    guint64 window_packets, window_lost;
    gboolean window_bad;
} VigilRtspPatience;

void vigil_rtsp_patience_init(VigilRtspPatience *self, VigilRtspTransport asked, gint64 most_us);
/** vigil_rtsp_patience_begin: a connection is tried. Returns: whether by UDP */
gboolean vigil_rtsp_patience_begin(VigilRtspPatience *self, gint64 now_us);
/** vigil_rtsp_patience_note_frame: a frame came. */
void vigil_rtsp_patience_note_frame(VigilRtspPatience *self, gint64 now_us);
/** vigil_rtsp_patience_get_deadline: when silence has lasted for @timeout_us. */
gint64 vigil_rtsp_patience_get_deadline(const VigilRtspPatience *self, gint64 timeout_us);
/** vigil_rtsp_patience_wants_packets: a window is over that is to be judged; cheap, for each frame. */
gboolean vigil_rtsp_patience_wants_packets(const VigilRtspPatience *self, gint64 now_us);
/**
 * vigil_rtsp_patience_note_packets:
 * @packets: that came by this connection
 * @lost: that never came
 *
 * Windows of 5 s are judged. UDP is lossy when in two of them, one after the other, at least 2 % of the packets, and 3, were lost:
 * neither a short disturbance nor a packet now and then is a reason.
 *
 * Returns: whether it is to be ended as %VIGIL_RTSP_LOSSY: with auto, by UDP, and if that has not been done before
 */
gboolean vigil_rtsp_patience_note_packets(VigilRtspPatience *self, guint64 packets, guint64 lost,
                                          gint64 now_us);
/** vigil_rtsp_patience_end: the connection ended. Returns: the pause until the next, µs */
gint64 vigil_rtsp_patience_end(VigilRtspPatience *self, VigilRtspLoss loss, gint64 now_us);

G_END_DECLS
