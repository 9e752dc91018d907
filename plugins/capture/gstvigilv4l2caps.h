/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "plugins/capture/vigil-v4l2-format.h"

G_BEGIN_DECLS

/** gst_vigil_v4l2_caps_of_all: (transfer full): whatever a device might give, of any size and rate. */
GstCaps *gst_vigil_v4l2_caps_of_all(void);

/**
 * gst_vigil_v4l2_mode_narrow:
 * @allowed: what others take
 * @narrowed: (out): what of @mode is left; its sizes may be between the driver's steps, which then moves them
 *
 * Returns: %FALSE when nothing is
 */
gboolean gst_vigil_v4l2_mode_narrow(const VigilV4l2Mode *mode, const GstCaps *allowed,
                                    VigilV4l2Mode *narrowed);

/** gst_vigil_v4l2_caps_of_format: (transfer full): fixed caps of what the driver gave. */
GstCaps *gst_vigil_v4l2_caps_of_format(const VigilV4l2Format *format);

/**
 * gst_vigil_v4l2_lay_out:
 * @info: of the format's caps
 * @sizes: bytes of each piece of memory that make up the frame, as many as @format has planes
 * @offsets: (out): of each plane of pixels from the frame's beginning
 * @strides: (out)
 *
 * Where the driver puts raw pixels.
 *
 * Returns: whether that is where everybody expects them, so that no GstVideoMeta is needed
 */
gboolean
gst_vigil_v4l2_lay_out(const VigilV4l2Format *format, const GstVideoInfo *info, const gsize *sizes,
                       gsize offsets[GST_VIDEO_MAX_PLANES], gint strides[GST_VIDEO_MAX_PLANES]);

/**
 * gst_vigil_v4l2_layout_fits:
 *
 * Returns: whether rows of pixels, as gst_vigil_v4l2_lay_out() places them, neither overlap nor go beyond what the driver
 *   reserves; a driver that says otherwise is not to be believed
 */
gboolean gst_vigil_v4l2_layout_fits(const VigilV4l2Format *format, const GstVideoInfo *info);

G_END_DECLS
