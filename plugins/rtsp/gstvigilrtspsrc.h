/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_RTSP_SRC (gst_vigil_rtsp_src_get_type())
G_DECLARE_FINAL_TYPE(GstVigilRtspSrc, gst_vigil_rtsp_src, GST, VIGIL_RTSP_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE(vigilrtspsrc);

G_END_DECLS
