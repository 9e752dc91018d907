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
} VigilSetAside;

/** vigil_set_aside_list: (transfer full) (element-type VigilSetAside): newest first; nothing that has another form of name. */
GArray *vigil_set_aside_list(const VigilStore *self);
/** vigil_set_aside_bytes: of all of them. */
gint64 vigil_set_aside_bytes(const VigilStore *self);
/** vigil_set_aside_enforce: removes what is due, or, with @for_space, all. @n_removed: (out): databases. Mutex held. */
gboolean
vigil_set_aside_enforce(VigilStore *self, gboolean for_space, guint *n_removed, GError **error);
/** vigil_set_aside_remove_all: whatever is going on. @n_removed: (inout): is added to. Mutex held. */
gboolean vigil_set_aside_remove_all(VigilStore *self, guint64 *n_removed, GError **error);

G_END_DECLS
