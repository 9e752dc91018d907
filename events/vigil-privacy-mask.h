/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-rules.h"

G_BEGIN_DECLS

#define VIGIL_PRIVACY_MASK_MAX 64 /* polygons */

/**
 * VigilPrivacyMask:
 *
 * Parts of a camera's picture that nobody may see: polygons in parts of the frame. Not to be taken for vigilmotion's masks,
 * which hide nothing but motion. Immutable.
 */
typedef struct VigilPrivacyMask VigilPrivacyMask;

/**
 * vigil_privacy_mask_from_yaml:
 * @node: a list of polygons: [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]], ...]; an empty one hides nothing
 * @error: every mistake on a line of its own
 *
 * A polygon that crosses itself hides all that its outline goes around, however often, the middle of a star too.
 *
 * Returns: (transfer full): %NULL with the mistakes in @error
 */
VigilPrivacyMask *vigil_privacy_mask_from_yaml(const VigilYaml *node, GError **error);

/** vigil_privacy_mask_parse: the same of a text; @text: (nullable): %NULL and "" hide nothing. */
VigilPrivacyMask *vigil_privacy_mask_parse(const gchar *text, GError **error);

/** vigil_privacy_mask_to_text: (transfer full): what vigil_privacy_mask_parse() reads as the same mask. */
gchar *vigil_privacy_mask_to_text(const VigilPrivacyMask *self);

guint vigil_privacy_mask_get_n(const VigilPrivacyMask *self);
/** vigil_privacy_mask_get: borrowed: the corners of a polygon. @n_points: (out): 3 to %VIGIL_ZONE_MAX_POINTS */
const VigilPoint *
vigil_privacy_mask_get(const VigilPrivacyMask *self, guint index, guint *n_points);

void vigil_privacy_mask_free(VigilPrivacyMask *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilPrivacyMask, vigil_privacy_mask_free)

G_END_DECLS
