/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/*
 * A database that is damaged, or that is gone while its clips are there, is no reason not to start: it is set aside
 * (renamed to DATABASE.corrupt-TIME, never deleted) and a new one is filled with what the clips say of their events, the
 * newest first (vigil-clip-note.h). What is lost: events without a clip, pins that
 * cannot be read any more, counters, and what waited to be sent.
 *
 * vigil_store_open() does that for 10 s at most; the rest is done in steps by whoever calls vigil_store_rebuild_some(),
 * or after the next open. Files that no event names stay where they are. While some
 * cannot be read it does not end: each open looks at them again.
 */

/**
 * vigil_store_rebuild_some:
 * @for_us: for about how long; 0: one step, of a few clips
 * @done: (out): nothing is left to do; also where there was nothing in the first place
 *
 * Threads: any one at a time; commits of others pass between the steps.
 */
gboolean vigil_store_rebuild_some(VigilStore *self, gint64 for_us, gboolean *done, GError **error);

/**
 * VigilRebuildInfo:
 * @set_aside: (nullable): name of the damaged database beside the new one; owned
 * @ended_wall_us: 0: it goes on
 * @n_unknown: files of which no event is known
 */
typedef struct {
    gchar *set_aside;
    gint64 begun_wall_us, ended_wall_us;
    guint64 n_clips, n_events, n_unknown;
} VigilRebuildInfo;

/** vigil_store_get_rebuild: %VIGIL_STORE_ERROR_NOT_FOUND when this database was never rebuilt. */
gboolean vigil_store_get_rebuild(VigilStore *self, VigilRebuildInfo *info, GError **error);
void vigil_rebuild_info_clear(VigilRebuildInfo *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilRebuildInfo, vigil_rebuild_info_clear)

G_END_DECLS
