/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * VigilRtspCamera:
 * @port: where it listens, at 127.0.0.1
 *
 * A camera on the network, played by $VIGIL_RTSP_SERVER.
 */
typedef struct {
    guint port;
    GSubprocess *process;
} VigilRtspCamera;

/** vigil_rtsp_camera_free_port: a port that nobody has. */
guint vigil_rtsp_camera_free_port(void);

/**
 * vigil_rtsp_camera_start:
 * @option: (nullable): of the server, `--login=u:p` for instance
 * @...: more options, and `MOUNT=LAUNCH`; %NULL-terminated
 *
 * Starts it at @self->port and waits until it listens.
 */
void vigil_rtsp_camera_start(VigilRtspCamera *self, const gchar *first, ...) G_GNUC_NULL_TERMINATED;
/** vigil_rtsp_camera_freeze: it says and does nothing any more; its connections stay. */
void vigil_rtsp_camera_freeze(VigilRtspCamera *self);
void vigil_rtsp_camera_thaw(VigilRtspCamera *self);
/** vigil_rtsp_camera_kill: at once; idempotent */
void vigil_rtsp_camera_kill(VigilRtspCamera *self);

/** VIGIL_RTSP_PICTURES: launch line of a mount: pictures of this size, 25 a second, a keyframe a second; as H.264. */
#define VIGIL_RTSP_PICTURES(width, height)                                                \
    "( videotestsrc is-live=true ! video/x-raw,width=" #width ",height=" #height          \
    ",framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! " \
    "rtph264pay name=pay0 pt=96 )"
#define VIGIL_RTSP_PICTURES_H265(width, height)                                           \
    "( videotestsrc is-live=true ! video/x-raw,width=" #width ",height=" #height          \
    ",framerate=25/1 ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! " \
    "rtph265pay name=pay0 pt=96 )"

G_END_DECLS
