/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_MOTION (gst_vigil_motion_get_type())
G_DECLARE_FINAL_TYPE(GstVigilMotion, gst_vigil_motion, GST, VIGIL_MOTION, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(vigilmotion);

G_END_DECLS
