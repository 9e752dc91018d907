/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_IDLE (gst_vigil_idle_get_type())
G_DECLARE_FINAL_TYPE(GstVigilIdle, gst_vigil_idle, GST, VIGIL_IDLE, GstElement)

GST_ELEMENT_REGISTER_DECLARE(vigilidle)

G_END_DECLS
