/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_OVERLAY (gst_vigil_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstVigilOverlay, gst_vigil_overlay, GST, VIGIL_OVERLAY, GstVideoFilter)

GST_ELEMENT_REGISTER_DECLARE(vigiloverlay);

G_END_DECLS
