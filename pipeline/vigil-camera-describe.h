/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <json-glib/json-glib.h>

#include "pipeline/vigil-camera.h"

G_BEGIN_DECLS

/** vigil_camera_describe: adds what the camera is doing, as an object, for `vigil status`. */
void vigil_camera_describe(VigilCamera *self, JsonBuilder *json);

G_END_DECLS
