/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/*
 * Where events were, in an R-tree: it finds those of an area among millions. Bounds only: vigil_area_is_touched() says whether
 * the track itself was there. A row an event, written and removed in its transaction. (mutex held)
 */

/** Schema from which on there is one. */
#define VIGIL_AREAS_SCHEMA 14

/** vigil_areas_check_sqlite: whether this SQLite can do it at all. */
gboolean vigil_areas_check_sqlite(GError **error);
/** vigil_areas_put: within a transaction: of its path, else of its box. */
gboolean vigil_areas_put(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error);
/** vigil_areas_drop: within a transaction: the event goes. */
gboolean vigil_areas_drop(VigilStore *self, gint64 seq, GError **error);
/** vigil_areas_fill: within a transaction: the tree is made anew, of all events. */
gboolean vigil_areas_fill(VigilStore *self, GError **error);
/** vigil_areas_check_tree: whether SQLite can read all of the tree, and it is one. */
gboolean vigil_areas_check_tree(VigilStore *self, gboolean *is_whole, GError **error);
/** vigil_areas_count_wrong: events whose row is missing or too small, and rows of no event; of a whole tree, else -1. */
gboolean vigil_areas_count_wrong(VigilStore *self, gint64 *n, GError **error);
/** vigil_area_is_touched: by any box of the event's path, or by its box. */
gboolean vigil_area_is_touched(const VigilBox *area, const VigilEvent *event);

G_END_DECLS
