/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_TRACK (gst_vigil_track_get_type())
G_DECLARE_FINAL_TYPE(GstVigilTrack, gst_vigil_track, GST, VIGIL_TRACK, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(vigiltrack);

G_END_DECLS
