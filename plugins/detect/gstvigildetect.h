/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_DETECT (gst_vigil_detect_get_type())
G_DECLARE_FINAL_TYPE(GstVigilDetect, gst_vigil_detect, GST, VIGIL_DETECT, GstElement)

GST_ELEMENT_REGISTER_DECLARE(vigildetect);

G_END_DECLS
