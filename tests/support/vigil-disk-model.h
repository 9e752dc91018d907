/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-model-store-private.h"

/** DiskFault: what happens at the chosen operation. */
typedef enum {
    DISK_FINE,
    DISK_DIE,    /* the process ends at once, as by kill -9; a write is half done then */
    DISK_EIO,    /* this operation fails */
    DISK_ENOSPC, /* this one and all later ones that need space fail */
    DISK_DEAD,   /* this operation and all later ones fail */
} DiskFault;

/** disk_model_ops: the system's operations, counted, with faults, and with a record of what no sync has made durable. */
extern const VigilModelStoreOps disk_model_ops;

/**
 * disk_model_arm: forgets the record.
 * @nth: counted from 1
 * @honest: whether a sync makes anything durable
 * @saved: an empty folder on the same file system, for what may have to be brought back
 */
void disk_model_arm(DiskFault fault, guint nth, gboolean honest, const gchar *saved);
/** disk_model_get_count: operations since disk_model_arm(), those of child processes, too. */
guint disk_model_get_count(void);
/** disk_model_get_n_loose: changes of folders that no sync has made durable. */
guint disk_model_get_n_loose(void);
/**
 * disk_model_cut: the power goes.
 * @lost: how many of the loose changes of folders are lost, the latest first
 *
 * Files below @root whose content was not synced become empty.
 */
void disk_model_cut(const gchar *root, guint lost);
