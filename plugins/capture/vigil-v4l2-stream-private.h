/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/videodev2.h>

#include "plugins/capture/vigil-v4l2-stream.h"

G_BEGIN_DECLS

/**
 * vigil_v4l2_stream_new:
 * @fd: borrowed until vigil_v4l2_stream_stop()
 * @type: V4L2_BUF_TYPE_…
 *
 * Asks for buffers, maps them, gives them to the driver and starts it. 0 or -errno; *@call is the name of what failed.
 */
gint vigil_v4l2_stream_new(const VigilV4l2System *system, gint fd, guint32 type, guint n_planes,
                           guint n_buffers, gboolean export, VigilV4l2Stream **stream,
                           const gchar **call);

/** vigil_v4l2_stream_stop: idempotent. Nothing touches the descriptor after that. */
void vigil_v4l2_stream_stop(VigilV4l2Stream *self);

/**
 * vigil_v4l2_stream_dequeue:
 * @buffer: (out): its planes are @planes
 * @planes: (array length=VIDEO_MAX_PLANES)
 * @queued: (out): buffers that the driver has left
 *
 * Returns: 0; -EAGAIN; -EPROTO: the driver had no such buffer; -errno
 */
gint vigil_v4l2_stream_dequeue(VigilV4l2Stream *self, struct v4l2_buffer *buffer,
                               struct v4l2_plane *planes, guint *queued);

G_END_DECLS
