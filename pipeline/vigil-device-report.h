/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-list.h"

G_BEGIN_DECLS

/**
 * vigil_device_report_text:
 * @cameras: (element-type VigilV4l2Camera)
 * @controls: what can be set is listed as well
 *
 * Returns: (transfer full): lines for people
 */
gchar *vigil_device_report_text(const GPtrArray *cameras, gboolean controls);

/** vigil_device_report_json: (transfer full): an array with an object a camera, on one line. */
gchar *vigil_device_report_json(const GPtrArray *cameras);

G_END_DECLS
