/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/*
 * Continuous recording: the whole stream of a camera, in segments. A segment is a clip without an event: file, row, seal,
 * recovery and garbage are those of any clip, but it has ages and limits of its own, and when space is short it goes before the
 * clips of events. It is made with vigil_store_create_footage(), gets its row by vigil_store_begin_footage() once there is something
 * to play, and ends as any clip does.
 */

/** VIGIL_FOOTAGE_SCHEMA: schema from which on there are segments. */
#define VIGIL_FOOTAGE_SCHEMA 16

/**
 * vigil_store_create_footage:
 * @start_wall_us: of its first picture: decides folder and name, by which segments sort as clips do
 *
 * Returns: (transfer full): as vigil_store_create_clip(). Errors: the same.
 */
VigilClip *vigil_store_create_footage(VigilStore *self, const gchar *camera, gint64 start_wall_us,
                                      GError **error);
/** vigil_store_begin_footage: what was written is synced, and the segment gets its row. On return both are on disk. */
gboolean vigil_store_begin_footage(VigilStore *self, VigilClip *clip, GError **error);

/**
 * VigilFootageRow: a segment; borrowed for the call
 * @state: "open", "complete", "cut" or "lost"
 * @start_us: wall time of its first picture
 * @end_us: of the end of its last one; 0: it is being written, or was cut off and does not say
 * @bytes: of one that is open: what was on disk when it began
 */
typedef struct {
    gint64 id;
    const gchar *camera, *path, *state, *codec; /* codec: (nullable) */
    gint64 start_us, end_us, bytes;
} VigilFootageRow;

/** VigilFootageRowFunc: returns %FALSE to stop. */
typedef gboolean (*VigilFootageRowFunc)(const VigilFootageRow *row, gpointer user_data);

/**
 * vigil_store_list_footage:
 * @camera: (nullable): %NULL: of all
 * @since_us: segments that end before are left out; 0: none
 * @until_us: segments that begin later are left out; 0: none
 *
 * In the order of their beginning, camera by camera. Works with a reader; of an older store nothing is listed. @func must not call
 * the store.
 */
gboolean
vigil_store_list_footage(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                         VigilFootageRowFunc func, gpointer user_data, GError **error);
/**
 * vigil_store_open_footage: a segment's file for reading: a descriptor, or -1.
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: there is no such segment any more
 */
gint vigil_store_open_footage(VigilStore *self, gint64 id, GError **error);

/** VigilFootageSum: what there is of a camera; @oldest_us: start of the oldest one; 0: none */
typedef struct {
    guint64 n_segments, bytes;
    gint64 oldest_us;
} VigilFootageSum;

/** VigilFootageSumFunc: @camera and @sum are borrowed for the call. */
typedef void (*VigilFootageSumFunc)(const gchar *camera, const VigilFootageSum *sum,
                                    gpointer user_data);
/** vigil_store_sum_all_footage: of each camera that has any; without what is being written. @func must not call the store. */
gboolean vigil_store_sum_all_footage(VigilStore *self, VigilFootageSumFunc func, gpointer user_data,
                                     GError **error);

/** vigil_store_sum_footage: with what is being written. A reader can do it, which does not see how far that is. */
gboolean vigil_store_sum_footage(VigilStore *self, const gchar *camera, VigilFootageSum *sum,
                                 GError **error);

G_END_DECLS
