/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_MASK (gst_vigil_mask_get_type())
G_DECLARE_FINAL_TYPE(GstVigilMask, gst_vigil_mask, GST, VIGIL_MASK, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(vigilmask);

G_END_DECLS
