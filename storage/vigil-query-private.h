/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/** VigilEventPlace: of an event in the order of queries: by its start, then by its number. */
typedef struct {
    gint64 seq, start_us;
} VigilEventPlace;

/** VigilEventCursor: how far a query has come. */
typedef struct {
    const VigilEventQuery *query; /* borrowed */
    VigilEventPlace last;
    gboolean started; /* @last was found */
} VigilEventCursor;

/**
 * vigil_event_cursor_find: what comes next, @limit at most. Mutex held.
 * @places: (element-type VigilEventPlace): are appended
 *
 * What is asked for leads to an index, which has all that is needed but where several filters meet: the events' rows, which
 * lie far from one another, are not read for this.
 */
gboolean vigil_event_cursor_find(VigilStore *self, const VigilEventCursor *cursor, guint limit,
                                 GArray *places, GError **error);

G_END_DECLS
