/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VIGIL_EVENTS (gst_vigil_events_get_type())
G_DECLARE_FINAL_TYPE(GstVigilEvents, gst_vigil_events, GST, VIGIL_EVENTS, GstElement)

GST_ELEMENT_REGISTER_DECLARE(vigilevents);

G_END_DECLS
