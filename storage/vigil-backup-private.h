/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-backup.h"
#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/** VigilBackupClips: clips on their way into a folder. */
typedef struct {
    VigilStore *store;   /* whose clips they are; borrowed */
    const gchar *folder; /* where to */
    GHashTable *copied;  /* (element-type utf8): paths */
    GHashTable *dirs;    /* (element-type utf8): directories that were written to */
    VigilBackupSummary *summary;
} VigilBackupClips;

/**
 * vigil_backup_copy_clips:
 * @rows: the store whose rows say which: before its database is copied, the store itself, so that little is left to do when
 *   the moment has come; then the copy
 * @last: also clips that are being written, and what no row of @rows names is taken away again
 */
gboolean
vigil_backup_copy_clips(VigilBackupClips *self, VigilStore *rows, gboolean last, GError **error);
/** vigil_backup_sync_clips: all directories that were written to. Returns 0 or -errno. */
gint vigil_backup_sync_clips(VigilBackupClips *self);
/** vigil_backup_sync_dir: Returns 0 or -errno. */
gint vigil_backup_sync_dir(const gchar *path);

G_END_DECLS
