/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/*
 * The rows of one event: its own, and what hangs on it. Who commits, replays or restores an event decides what becomes of it; here it
 * is only written. All within a transaction, with the mutex held.
 */

/** VigilEventFound: what the store has of an event. */
typedef struct {
    gint64 seq; /* 0: nothing */
    gint64 run_id, clip_id, n_commits;
    gboolean ended, pinned;
    gboolean
        complete; /* ended by itself or with its stream, with its whole clip when it wants one */
    gchar *clip_path;
    gchar *rule, *label;
    gint64 start_wall_us;
} VigilEventFound;

void vigil_event_found_clear(VigilEventFound *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilEventFound, vigil_event_found_clear)

/** vigil_event_rows_find: @existing: (inout): all zero; stays so when there is no such event, which is no error */
gboolean
vigil_event_rows_find(VigilStore *self, const gchar *id, VigilEventFound *existing, GError **error);
/** vigil_event_rows_insert: its row alone. @existing: (inout): pin and number of commits are taken from it; its seq is set */
gboolean vigil_event_rows_insert(VigilStore *self, const VigilEvent *event, gint64 camera_id,
                                 gint64 clip_id, VigilEventFound *existing, GError **error);
/** vigil_event_rows_update: its row alone; @clip_id: the first clip, 0: none */
gboolean vigil_event_rows_update(VigilStore *self, const VigilEvent *event,
                                 const VigilEventFound *existing, gint64 clip_id, GError **error);
/** vigil_event_rows_set_first_clip: and nothing else of the row. */
gboolean
vigil_event_rows_set_first_clip(VigilStore *self, gint64 seq, gint64 clip_id, GError **error);
/** vigil_event_rows_put_details: places, track, bounds and snapshot, as far as @event has them; those of before are replaced. */
gboolean
vigil_event_rows_put_details(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error);

G_END_DECLS
