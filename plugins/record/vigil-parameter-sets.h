/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * vigil_parameter_sets_find:
 * @data: an access unit of H.264 or H.265 as a byte stream (ITU-T H.264 and H.265, annex B); may be malformed
 * @h265: which of the two
 *
 * Many cameras send the parameter sets, without which nothing can be decoded, once and not with each keyframe.
 *
 * Returns: (transfer full) (nullable): those that stand before the first picture, as a byte stream; %NULL when there is no
 *   sequence parameter set among them
 */
GBytes *vigil_parameter_sets_find(const guint8 *data, gsize size, gboolean h265);

G_END_DECLS
