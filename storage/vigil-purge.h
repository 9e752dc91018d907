/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilPurge: what shall go, and who says so.
 * @since_us, @until_us: wall clock; whatever touches this span goes
 * @pinned: pinned events, too
 * @user_name, @command: for the log
 */
typedef struct {
    const gchar *camera;
    gint64 since_us, until_us;
    gboolean pinned;
    guint uid;
    const gchar *user_name, *command;
} VigilPurge;

/**
 * VigilPurgeCounts: what went, or would go. Messages: of the outbox, sent ones too. Decisions: also minutes' counts of frames,
 * and when the camera came and went. @n_left: events that stay since they are pinned
 */
typedef struct {
    guint64 n_events, n_clips, n_messages, n_decisions, n_left;
    guint64
        n_set_aside; /* damaged databases that were set aside, whole; not in the log of deletions */
    guint64
        n_unread; /* open clips of a run that died, outside of the span, that cannot be read: logged, and as they were */
} VigilPurgeCounts;

/** vigil_store_count_purge: changes nothing; a reader can do it. */
gboolean vigil_store_count_purge(VigilStore *self, const VigilPurge *purge,
                                 VigilPurgeCounts *counts, GError **error);

/**
 * vigil_store_purge:
 *
 * Deletes the events of a camera in a span of time (pinned ones, with their messages and clips, only if @purge
 * says so), with tracks, snapshots, messages in the outbox and
 * decisions, the minutes' counts of frames, when the camera came and went, and every clip that shows any of it; another event of such a clip stays without clip and snapshot. Deleted
 * rows are overwritten, and the log is emptied, so that nothing of them is left in the database's files. What went is
 * noted first, and the seals say that it went. An open clip that cannot be read, so that nobody knows when it ends, goes if it may
 * touch the span. When it is cut off, doing it again does the rest. Backups are not known here,
 * and stay as they are; damaged databases that were set aside go whole, whatever camera and span are asked for.
 *
 * Errors: %VIGIL_STORE_ERROR_INVALID while a clip of the span is being written; %VIGIL_STORE_ERROR_BUSY when all is deleted
 * but a reader keeps the log from being emptied, and %VIGIL_STORE_ERROR_READ_ONLY when there are files that cannot be
 * removed: to be done again.
 */
gboolean vigil_store_purge(VigilStore *self, const VigilPurge *purge, VigilPurgeCounts *counts,
                           GError **error);

/** VigilDeletion: a line of the log; borrowed for the call. @ended_us: 0: it was cut off */
typedef struct {
    VigilPurge purge;
    VigilPurgeCounts counts;
    gint64 begun_us, ended_us;
} VigilDeletion;

typedef void (*VigilDeletionFunc)(const VigilDeletion *deletion, gpointer user_data);

/** vigil_store_list_deletions: oldest first. @func is called with the store's lock held. */
gboolean vigil_store_list_deletions(VigilStore *self, VigilDeletionFunc func, gpointer user_data,
                                    GError **error);

G_END_DECLS
