/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/gstvideodecoder.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_JPEG_DEC (gst_vigil_jpeg_dec_get_type())
G_DECLARE_FINAL_TYPE(GstVigilJpegDec, gst_vigil_jpeg_dec, GST, VIGIL_JPEG_DEC, GstVideoDecoder)

GST_ELEMENT_REGISTER_DECLARE(vigiljpegdec);

G_END_DECLS
