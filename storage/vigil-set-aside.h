/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/*
 * Damaged databases, DATABASE.corrupt-TIME with their logs. The newest 3 are kept, for 30 days or the store's max_age, whichever
 * is less; their bytes count within max_bytes, and they are the first to go for it or min_free. A purge removes all of them, as
 * what is in a damaged file cannot be told. While a rebuild goes on, which asks the latest for pins, none goes but by a purge.
 */

/** VigilSetAside: @is_part: a log or such, not the database itself. @wall_us: when it was set aside, by its name. */
typedef struct {
    gchar *path;
    gint64 wall_us, bytes;
    gboolean is_part;
    gboolean is_chosen, is_stuck; /* to be removed; could not be, in this round of retention */
} VigilSetAside;

/** vigil_set_aside_list: (transfer full) (element-type VigilSetAside): newest first; nothing that has another form of name. */
GArray *vigil_set_aside_list(const VigilStore *self);
/* Retention looks once in each of its rounds, and removes, without the lock: the folder may be large, and so may be the files. */

/** vigil_set_aside_look: what vigil_set_aside_bytes() and vigil_set_aside_choose() go by. Mutex not held. */
void vigil_set_aside_look(VigilStore *self);
/** vigil_set_aside_bytes: of all of them, as last seen. Mutex held. */
gint64 vigil_set_aside_bytes(const VigilStore *self);
/** vigil_set_aside_choose: what is due, or, with @for_space, all. @chosen: (out): any. Mutex held. */
gboolean
vigil_set_aside_choose(VigilStore *self, gboolean for_space, gboolean *chosen, GError **error);
/** vigil_set_aside_remove_chosen: what cannot be removed stays, and counts. Mutex not held. */
void vigil_set_aside_remove_chosen(VigilStore *self);
/** vigil_set_aside_remove_all: whatever is going on. @n_removed: (inout): is added to. Mutex held. */
gboolean vigil_set_aside_remove_all(VigilStore *self, guint64 *n_removed, GError **error);

G_END_DECLS
