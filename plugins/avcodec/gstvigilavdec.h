/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/gstvideodecoder.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_AV_DEC (gst_vigil_av_dec_get_type())
G_DECLARE_FINAL_TYPE(GstVigilAvDec, gst_vigil_av_dec, GST, VIGIL_AV_DEC, GstVideoDecoder)

GST_ELEMENT_REGISTER_DECLARE(vigilavdec)

G_END_DECLS
