/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-detector.h"
#include "pipeline/vigil-settings.h"

G_BEGIN_DECLS

/**
 * vigil_fingerprint_replay:
 * @settings: of a camera whose source is a file
 * @detector: what looks at it
 *
 * Tells replays apart that may give different events at the same times: other files under one camera's name, another
 * model or manifest, other labels, another rate or threshold. Of the file its length and its first and last MiB count,
 * not its name, so a copy gives the same events. Rules, zones and lines are no part of it: vigil_event_id() has them.
 *
 * Returns: a number for the ids of events; never 0 nor %G_MAXUINT64. What cannot be read does not count: opening the
 *   file says what is wrong with it.
 */
guint64
vigil_fingerprint_replay(const VigilCameraSettings *settings, const VigilDetector *detector);

G_END_DECLS
