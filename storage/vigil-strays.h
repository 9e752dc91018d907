/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/**
 * VigilStrays:
 *
 * Clips that have an open row and no handle: of a run that died, or where finishing failed. They are listed, examined and
 * ended. To examine one makes it end with its last whole picture (see vigil-clip-tail.h), syncs it and reads it for its seal, a
 * part at a time, as it may be large: what it was then is written down in the end, with the seal. It becomes 'cut', with the size
 * that it has, or 'lost' when it is gone or empty. When those of continuous recordings end is read from them. One that cannot be
 * opened or read now stays open, and keeps nobody from the others.
 *
 * Threads: one at a time has it; what needs the store's mutex says so.
 */
typedef struct VigilStrays VigilStrays;

/**
 * vigil_strays_list: in the order of their rows; mutex held.
 * @segments: those of continuous recordings, too
 * @after: only rows behind this one; 0: all
 * @n_max: so many at most
 */
VigilStrays *
vigil_strays_list(VigilStore *store, gboolean segments, gint64 after, guint n_max, GError **error);
void vigil_strays_free(VigilStrays *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilStrays, vigil_strays_free)

guint vigil_strays_get_n(const VigilStrays *self);
/** vigil_strays_get_path: of the nth; borrowed. */
const gchar *vigil_strays_get_path(const VigilStrays *self, guint i);
/** vigil_strays_get_problem: (nullable): why the nth stays open, with its path; borrowed. %NULL: it does not, or was not examined yet */
const gchar *vigil_strays_get_problem(const VigilStrays *self, guint i);
/** vigil_strays_get_last: the row of the last one; 0: there is none. */
gint64 vigil_strays_get_last(const VigilStrays *self);
/**
 * vigil_strays_examine_some: goes on, for some megabytes. Does not need the mutex; clips that go meanwhile do no harm.
 * @done: (out): all were examined
 *
 * Returns: %FALSE: the store failed, not a clip
 */
gboolean
vigil_strays_examine_some(VigilStrays *self, VigilStore *store, gboolean *done, GError **error);
/** vigil_strays_end: those that are still what they were, once all were examined; mutex held, within a transaction. */
gboolean vigil_strays_end(VigilStrays *self, VigilStore *store, GError **error);

G_END_DECLS
