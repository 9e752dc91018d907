/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/** VigilBackupSummary: what a backup holds. */
typedef struct {
    guint64 n_events, n_clips;
    guint64 n_linked, n_copied; /* clips that share their bytes with the store's, and others */
    guint n_found;              /* findings of fsck in the copy */
} VigilBackupSummary;

/**
 * vigil_store_backup:
 * @self: a store opened for reading; a writer may be at work beside it
 * @directory: where to; must not be there yet
 * @with_clips: clips as well: as reflinks, else as hard links, else as copies
 * @func: (nullable): what fsck finds in the copy
 *
 * Makes a store of the same layout with the database as it is at one moment, and seal.pub; not seal.key, which stays a
 * secret of the place. It is copied in steps of 1 MB within one read transaction, for which no writer ever waits; the log
 * grows meanwhile. The copy is opened and checked, and takes its name only then: what an interrupted backup leaves is named
 * @directory.part-…, and no store is found there by that name.
 *
 * Clips that retention deletes just then may be missing, which is a finding. Any thread; blocking.
 */
gboolean vigil_store_backup(VigilStore *self, const gchar *directory, gboolean with_clips,
                            VigilFsckFunc func, gpointer user_data, VigilBackupSummary *summary,
                            GError **error);

G_END_DECLS
