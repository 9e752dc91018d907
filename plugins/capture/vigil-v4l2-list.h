/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/capture/vigil-v4l2-identity.h"
#include "plugins/capture/vigil-v4l2.h"

G_BEGIN_DECLS

/**
 * VigilV4l2Camera:
 * @source: the most stable name, as configurations have it: "v4l2:serial=1A2B3C"
 * @serial: (nullable)
 * @port: (nullable): where it is plugged in
 * @trouble: (nullable): why it cannot be opened; the rest of the description is not there then
 * @modes: (element-type VigilV4l2Mode)
 * @controls: (element-type VigilV4l2Control)
 * @allowed: (element-type utf8): what each control may be, for people
 */
typedef struct {
    gchar *source, *device, *serial, *port;
    VigilV4l2Card card;
    gchar *trouble;
    GArray *modes, *controls;
    GPtrArray *allowed;
} VigilV4l2Camera;

/**
 * vigil_v4l2_list_cameras:
 *
 * Every node that captures, or that cannot be asked. Opens each for a moment; a camera in use is not disturbed.
 *
 * Returns: (transfer full) (element-type VigilV4l2Camera)
 */
GPtrArray *vigil_v4l2_list_cameras(const VigilV4l2System *system);

G_END_DECLS
