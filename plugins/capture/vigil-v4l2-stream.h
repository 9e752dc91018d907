/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-format.h"

G_BEGIN_DECLS

#define VIGIL_V4L2_MAX_BUFFERS 32

/**
 * VigilV4l2Stream:
 *
 * The buffers that are shared with a driver, from start to stop. Reference counted, since those that frames lie in
 * outlive the device: their memory is unmapped when the last reference goes.
 *
 * Threads: any.
 */
typedef struct VigilV4l2Stream VigilV4l2Stream;

/** VigilV4l2Plane: @dmabuf: a file descriptor of the stream; -1: none */
typedef struct {
    guint8 *data;
    gsize size;
    gint dmabuf;
} VigilV4l2Plane;

VigilV4l2Stream *vigil_v4l2_stream_ref(VigilV4l2Stream *self);
void vigil_v4l2_stream_unref(VigilV4l2Stream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilV4l2Stream, vigil_v4l2_stream_unref)

guint vigil_v4l2_stream_get_n_buffers(const VigilV4l2Stream *self);
guint vigil_v4l2_stream_get_n_planes(const VigilV4l2Stream *self);
/** vigil_v4l2_stream_get_plane: borrowed */
const VigilV4l2Plane *
vigil_v4l2_stream_get_plane(const VigilV4l2Stream *self, guint index, guint plane);

/**
 * vigil_v4l2_stream_give_back:
 *
 * The driver may fill the buffer again. After the stop, or when the device is gone, nothing happens.
 *
 * Returns: 0 or -errno: the next vigil_v4l2_take() tells as well
 */
gint vigil_v4l2_stream_give_back(VigilV4l2Stream *self, guint index);

G_END_DECLS
