/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-file-ops.h"

/** FaultKind: what happens at the chosen operation. */
typedef enum {
    FAULT_NONE,
    FAULT_DIE, /* the process ends at once, as by kill -9 */
    FAULT_EIO,
    FAULT_ENOSPC,
    FAULT_NO_MEMORY, /* counts and fails SQLite's allocations instead of operations */
} FaultKind;

/** faults_install: from now on SQLite's files go through here, too. Once a process, before the first open. */
void faults_install(void);
/** faults_file_ops: the store's own operations with faults. */
extern const VigilFileOps faults_file_ops;

/**
 * faults_arm:
 * @nth: counted from 1 over everything that changes a file or directory or syncs it
 * @sticky: this operation and all later ones; else just this one
 */
void faults_arm(FaultKind kind, guint nth, gboolean sticky);
/** faults_get_count: operations since faults_arm(). */
guint faults_get_count(void);
/**
 * faults_get_trace: a letter an operation since faults_arm(): o create, m mkdir, w write, t truncate, s sync, u unlink or
 * rmdir, r rename; SQLite's: W write, T truncate, S sync, D delete.
 */
const gchar *faults_get_trace(void);
/** faults_get_syncs_after: syncs that were tried after one had failed. */
guint faults_get_syncs_after(void);
