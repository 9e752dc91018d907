/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-footage.h"
#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/* --- vigil-footage-limits.c (mutex held) */

/** vigil_footage_set_limits: copies. */
void vigil_footage_set_limits(VigilStore *self, const VigilStoreFootage *limits, guint n_limits);
/** vigil_footage_note_limits: those that it is recorded with, beside its segments; within a transaction. */
gboolean
vigil_footage_note_limits(VigilStore *self, const gchar *camera, gint64 camera_id, GError **error);
/**
 * vigil_footage_find_due: segments that are too old, or more than their camera may have, oldest first.
 * @n_max: of them at most
 * @clips: (element-type gint64): their ids are added
 */
gboolean vigil_footage_find_due(VigilStore *self, guint n_max, GArray *clips, GError **error);
/** vigil_footage_pick_oldest: the oldest segment of all cameras that is not written to; 0: none. */
gboolean vigil_footage_pick_oldest(VigilStore *self, gint64 *clip_id, GError **error);

G_END_DECLS
