/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_RECORD (gst_vigil_record_get_type())
G_DECLARE_FINAL_TYPE(GstVigilRecord, gst_vigil_record, GST, VIGIL_RECORD, GstElement)

GST_ELEMENT_REGISTER_DECLARE(vigilrecord)

G_END_DECLS
