/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/record/vigil-clip-writer.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilFootageSink: where a copy goes
 * @begin: a file begins; @number: from 1. More than one where the format changes in between
 * @write: its bytes, in order
 * @end: it is whole
 * @missing: from @start_us to @end_us (0: it is not known when that was; two hours later at most) there is footage that cannot be read, or
 *   that was deleted meanwhile; the others are copied
 */
typedef struct {
    gboolean (*begin)(guint number, gpointer user_data, GError **error);
    VigilClipWriteFunc write;
    gboolean (*end)(gpointer user_data, GError **error);
    void (*missing)(gint64 start_us, gint64 end_us, const gchar *why, gpointer user_data);
} VigilFootageSink;

/**
 * VigilFootageCopied: what a copy holds
 * @start_us, @end_us: wall time of its first picture, and of the end of its last one
 * @n_missing: of how many segments something is missing
 * @n_gaps: times for which there is nothing, 10 s or longer: they are left out, and what follows comes at once
 */
typedef struct {
    gint64 start_us, end_us;
    guint n_files, n_gaps, n_missing;
    guint64 n_frames;
} VigilFootageCopied;

/**
 * vigil_footage_copy:
 * @since_us, @until_us: wall times
 *
 * Puts a span of a continuous recording together from its segments, without encoding anything: from the keyframe at or before @since_us, or
 * the first one behind it, to the last picture that those up to @until_us need. The segment that is being written is read as far as it is.
 * Blocking; any thread.
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: nothing was recorded in that time; %GST_RESOURCE_ERROR_READ: nothing of it can be read; those of the
 * muxer and of @sink
 */
gboolean vigil_footage_copy(VigilStore *store, const gchar *camera, gint64 since_us,
                            gint64 until_us, const VigilFootageSink *sink, gpointer user_data,
                            VigilFootageCopied *copied, GError **error);

G_END_DECLS
