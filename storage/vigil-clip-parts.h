/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/*
 * An event that outlives its clip's greatest length goes on in other clips. Its first one is events.clip_id, those behind
 * it are listed in event_parts. (mutex held)
 */

/** Schema from which on there are such clips. */
#define VIGIL_PARTS_SCHEMA 11

/* Of the clip c: %TRUE for its events e. Both sides have an index. */
#define VIGIL_EVENT_IS_IN_CLIP                                                                \
    "(e.clip_id = c.id OR e.seq IN (SELECT p.event_seq FROM event_parts p WHERE p.clip_id = " \
    "c.id))"

/** VigilClipPart: a clip of an event. */
typedef struct {
    gint64 id, bytes, seal_seq; /* seal_seq: 0: none */
    gchar *path;
    gboolean is_open, is_complete, has_file, has_expired;
} VigilClipPart;

/**
 * vigil_clip_parts_list: (transfer full) (element-type VigilClipPart): an event's clips in their order.
 * @with_first: the first one as well
 */
GArray *
vigil_clip_parts_list(VigilStore *self, gint64 event_seq, gboolean with_first, GError **error);
/** vigil_clip_parts_add: within a transaction: the event goes on in the clip; nothing new when that is known. */
gboolean vigil_clip_parts_add(VigilStore *self, gint64 event_seq, gint64 clip_id, GError **error);
/** vigil_clip_parts_are_whole: @whole: (out): none behind the first is cut, missing or still written to. */
gboolean
vigil_clip_parts_are_whole(VigilStore *self, gint64 event_seq, gboolean *whole, GError **error);

G_END_DECLS
