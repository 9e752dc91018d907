/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilFileOps:
 *
 * Every system call by which the store changes the file system outside of SQLite, and asks how full it is. One table, so that
 * any of them can be made to fail. All return -errno on failure; all but sync are tried
 * again after EINTR.
 */
typedef struct {
    gint (*open_at)(gint dir_fd, const gchar *name, gint flags, mode_t mode);
    gint (*mkdir_at)(gint dir_fd, const gchar *name, mode_t mode);
    gssize (*write_at)(gint fd, gconstpointer data, gsize length, gint64 offset);
    gint (*truncate)(gint fd, gint64 length);
    gint (*sync)(gint fd);
    gint (*unlink_at)(gint dir_fd, const gchar *name, gint flags);
    gint (*rename_at)(gint from_fd, const gchar *from, gint to_fd, const gchar *to);
    gint64 (*free_bytes)(gint fd); /* of the file system with that file, for us */
} VigilFileOps;

/** vigil_file_ops_system: the real ones; rename_at never replaces a file. */
extern const VigilFileOps vigil_file_ops_system;

G_END_DECLS
