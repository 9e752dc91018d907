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

/** gst_vigil_v4l2_buffers_new: (transfer full): @dmabuf: as DMABUF where the driver exports them. */
GstVigilV4l2Buffers *gst_vigil_v4l2_buffers_new(VigilV4l2Stream *stream, gboolean dmabuf);

/** gst_vigil_v4l2_buffers_close: (transfer full) @self: what is still used is freed when it is no more. */
void gst_vigil_v4l2_buffers_close(GstVigilV4l2Buffers *self);

/** gst_vigil_v4l2_buffers_wrap: (transfer full): one buffer around the frame's memory, which it gives back in the end. */
GstBuffer *gst_vigil_v4l2_buffers_wrap(GstVigilV4l2Buffers *self, const VigilV4l2Frame *frame);

G_END_DECLS
