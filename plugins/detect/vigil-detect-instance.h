/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-detector.h"

G_BEGIN_DECLS

/**
 * vigil_detect_instance_name: a name that detectors have in common which would be the same: same options, and same files as they
 * are now (by place, size and times; of a package all that is in its directory).
 *
 * Returns: (transfer full)
 */
gchar *vigil_detect_instance_name(const VigilDetectorOptions *options);

G_END_DECLS
