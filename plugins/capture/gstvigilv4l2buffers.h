/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/capture/vigil-v4l2.h"

G_BEGIN_DECLS

/**
 * GstVigilV4l2Buffers:
 *
 * The buffers of a stream as GstMemory, made once. The driver gets each back when the last part of a pipeline has dropped its
 * memory, whoever that is and whenever: the pipeline may outlive the device, and hold memory of a buffer after the buffer.
 *
 * Threads: gst_vigil_v4l2_buffers_wrap() and _close() on one; memory may be freed on any.
 */
typedef struct GstVigilV4l2Buffers GstVigilV4l2Buffers;

/**
 * gst_vigil_v4l2_buffers_new:
 * @dmabuf: as DMABUF where the driver exports them
 * @spare_size: bytes of what gst_vigil_v4l2_buffers_get_spare() keeps
 *
 * Returns: (transfer full)
 */
GstVigilV4l2Buffers *
gst_vigil_v4l2_buffers_new(VigilV4l2Stream *stream, gboolean dmabuf, gsize spare_size);

/** gst_vigil_v4l2_buffers_close: (transfer full) @self: what is still used is freed when it is no more. */
void gst_vigil_v4l2_buffers_close(GstVigilV4l2Buffers *self);

/** gst_vigil_v4l2_buffers_wrap: (transfer full): one buffer around the frame's memory, which it gives back in the end. Allocates nothing. */
GstBuffer *gst_vigil_v4l2_buffers_wrap(GstVigilV4l2Buffers *self, const VigilV4l2Frame *frame);

/**
 * gst_vigil_v4l2_buffers_get_spare:
 *
 * A buffer of @size bytes of our own, for a copy. Allocated only while fewer than twice the driver's buffers were ever in use at
 * once, or more are; so many are kept.
 *
 * Returns: (transfer full)
 */
GstBuffer *gst_vigil_v4l2_buffers_get_spare(GstVigilV4l2Buffers *self, gsize size);

G_END_DECLS
