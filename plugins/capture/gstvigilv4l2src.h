/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_V4L2_SRC (gst_vigil_v4l2_src_get_type())
G_DECLARE_FINAL_TYPE(GstVigilV4l2Src, gst_vigil_v4l2_src, GST, VIGIL_V4L2_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE(vigilv4l2src);

G_END_DECLS
