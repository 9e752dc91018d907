/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gio/gio.h>

#include "events/vigil-event.h"
#include "events/vigil-outcome.h"

G_BEGIN_DECLS

#define VIGIL_STORE_ERROR (vigil_store_error_quark())
GQuark vigil_store_error_quark(void);

/** VigilStoreError: named by what the caller can do. */
typedef enum {
    VIGIL_STORE_ERROR_BUSY,  /* another process writes to this store: stop it */
    VIGIL_STORE_ERROR_NEWER, /* written by a newer version: upgrade; nothing was touched */
    VIGIL_STORE_ERROR_CORRUPT, /* not a database of ours, or damaged: then the next open makes it anew */
    VIGIL_STORE_ERROR_FULL,      /* no space: free some; may be tried again */
    VIGIL_STORE_ERROR_READ_ONLY, /* cannot be written */
    VIGIL_STORE_ERROR_IO, /* the disk failed: the store must be reopened before the next write */
    VIGIL_STORE_ERROR_NOT_FOUND,
    VIGIL_STORE_ERROR_INVALID, /* the caller's values: a name that cannot be a folder, … */
} VigilStoreError;

/**
 * VigilStoreKeep:
 * @camera, @label, @rule: (nullable): which events; %NULL: any
 * @max_age_us: their age, whatever the store's is
 */
typedef struct {
    const gchar *camera, *label, *rule;
    gint64 max_age_us;
} VigilStoreKeep;

/**
 * VigilStoreFootage: what a camera's continuous recording may take, see storage/vigil-footage.h
 * @max_age_us: segments that ended longer ago go; 0: no limit
 * @max_bytes: they stay below; 0: no limit
 */
typedef struct {
    const gchar *camera;
    gint64 max_age_us, max_bytes;
} VigilStoreFootage;

/**
 * VigilStoreOptions:
 * @database: path of the SQLite file; its directory is made when missing
 * @clips: directory of the clips; made when missing
 * @max_bytes: clips, snapshots and database together stay below; 0: no limit
 * @max_age_us: events that were committed longer ago are deleted; 0: never
 * @clips_max_age_us: clips and snapshots of events that were committed longer ago go, their rows stay; 0: with their events.
 *   For @max_bytes and @min_free_bytes then clips go first.
 * @min_free_bytes: so much of the disk stays free, whoever fills it; 0: no matter
 * @keep: (array length=n_keep) (nullable): ages that differ; of those that match an event the first counts
 * @footage: (array length=n_footage) (nullable): limits of continuous recordings; cameras that are not in it keep those that
 *   they were recorded with
 * @program: what writes, for the runs table ("vigil 0.1.0 replay"); borrowed
 * @now_func: (nullable): wall clock in µs since 1970, for tests; default g_get_real_time()
 */
typedef struct {
    const gchar *database;
    const gchar *clips;
    gint64 max_bytes;
    gint64 max_age_us;
    gint64 clips_max_age_us;
    gint64 min_free_bytes;
    const VigilStoreKeep *keep;
    guint n_keep;
    const VigilStoreFootage *footage;
    guint n_footage;
    const gchar *program;
    gint64 (*now_func)(gpointer user_data);
    gpointer now_data;
} VigilStoreOptions;

/**
 * VigilStore:
 *
 * Events, tracks and clips of an installation: one SQLite file and one folder of clips. One process writes
 * (a lock file says so), others may read. Reference counted; every function may be called from any thread,
 * calls wait for each other. What several threads commit while one transaction is on its way to the disk goes there together
 * in the next one. A clip handle belongs to one thread at a time.
 *
 * Invariants, kept by the order of the steps and by recovery: no event row without its clip, no clip without its row;
 * what was acknowledged is still there after kill -9 and power cut.
 *
 * A clip's path is written down as garbage before its file is made, and taken off that list in the transaction that makes
 * its row; deleting lists it again in the transaction that drops the row. Recovery unlinks what is listed and nothing
 * else: files that no row names are never deleted, only reported by fsck, so an older copy of the database or a wrong
 * folder costs no footage but what was on that list when the copy was made: clips begun in that very second.
 *
 * Beside DATABASE there are DATABASE.lock (never removed) and DATABASE.reserve, 256 kB that are given up when the disk is
 * full, so that rows can still be written. On a full disk the oldest unpinned closed events go first, and the write is
 * tried again a few times; then it fails with %VIGIL_STORE_ERROR_FULL and may be repeated.
 *
 * After %VIGIL_STORE_ERROR_IO nothing is written and no fsync is repeated until vigil_store_open() is called again; that
 * gives a new store, and handles of the old one answer with errors until they are freed.
 */
typedef struct VigilStore VigilStore;

/**
 * vigil_store_open:
 *
 * Opens for writing: takes the lock, migrates, recovers what an earlier run left (open events are ended as interrupted,
 * unfinished clips are kept as far as they were written, orphans and garbage are removed), begins a run.
 * Opened twice by one process with the same database, the same store comes back (with another folder of clips:
 * %VIGIL_STORE_ERROR_INVALID). A clip that was open is kept as far as it was written ("cut"), so it is complete as a file,
 * but vigil_store_has_event() says %FALSE; one whose file is gone is "lost" and its events remain without a clip.
 *
 * A database that is damaged is set aside, one that is missing while its clips are there is made again from them: see
 * storage/vigil-rebuild.h.
 *
 * Errors: BUSY, NEWER and CORRUPT (what never was a store of ours) leave the database as it was.
 */
VigilStore *vigil_store_open(const VigilStoreOptions *options, GError **error);
/**
 * vigil_store_renew:
 * @self: (transfer full):
 *
 * For who holds a store for long: when its disk failed, it is opened again, with the same limits and destinations of messages.
 *
 * Returns: (transfer full): the store that can be written to; @self, with @error set, when it cannot be opened yet
 */
VigilStore *vigil_store_renew(VigilStore *self, GError **error);
/** vigil_store_set_footage: other limits of continuous recordings, from the next enforcing on; copies. */
void vigil_store_set_footage(VigilStore *self, const VigilStoreFootage *limits, guint n_limits);
/**
 * VigilStoreLog: SQLite's log, from which commits go into the database
 * @bytes: of its file, 0 where there is none
 * @n_checkpoints: runs of that since the store was opened, some of which may have had to leave something for the next
 * @last_wall_us: when the latest one ended; 0: none has
 * @longest_us: how long the longest took
 */
typedef struct {
    gint64 bytes;
    guint64 n_checkpoints;
    gint64 last_wall_us, longest_us;
} VigilStoreLog;

/** vigil_store_get_log: asks the disk for a size, but waits for nobody who writes. */
void vigil_store_get_log(VigilStore *self, VigilStoreLog *log);
/** vigil_store_has_failed: its disk failed, and nothing is written until it is opened again. */
gboolean vigil_store_has_failed(VigilStore *self);
/**
 * vigil_store_try_disk:
 *
 * Writes and syncs a small file, DATABASE.canary. Waits as long as the disk does, but for nobody else; a failure does not
 * fail the store.
 *
 * Returns: %FALSE, with what is wrong, when the disk cannot be written
 */
gboolean vigil_store_try_disk(VigilStore *self, GError **error);
/**
 * vigil_store_open_reader:
 * @clips: (nullable): without it clips cannot be opened and fsck misses all files
 *
 * For queries only; works beside a writer; changes nothing. In a directory that cannot be written it works while a
 * writer runs and after one that closed its store; not with the log of one that died (%VIGIL_STORE_ERROR_READ_ONLY).
 */
VigilStore *vigil_store_open_reader(const gchar *database, const gchar *clips, GError **error);
VigilStore *vigil_store_ref(VigilStore *self);
/** vigil_store_unref: the last one ends the run, checkpoints and closes. */
void vigil_store_unref(VigilStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilStore, vigil_store_unref)

/** vigil_store_get_wall_us: what the store's clock says. */
gint64 vigil_store_get_wall_us(VigilStore *self);

/* --- writing ------------------------------------------------------------------------------------------------- */

/** VigilClip: a clip that is being written. Freed by finish or abandon. */
typedef struct VigilClip VigilClip;

/**
 * vigil_store_create_clip:
 * @name: base name, normally the first event's id; a number is added when the file exists
 * @start_wall_us: decides the folder YYYY/MM/DD/CAMERA
 *
 * Makes the empty file (not yet in the database).
 */
VigilClip *vigil_store_create_clip(VigilStore *self, const gchar *camera, const gchar *name,
                                   gint64 start_wall_us, GError **error);
/** vigil_clip_write: appends all or nothing; after %VIGIL_STORE_ERROR_FULL the same bytes may be tried again. */
gboolean vigil_clip_write(VigilClip *self, gconstpointer data, gsize length, GError **error);
/**
 * vigil_clip_sync: what was written so far outlives a power cut from here on. kill -9 never loses it. Once a fragment
 * is right. The first commit with the clip and finishing it do the same.
 */
gboolean vigil_clip_sync(VigilClip *self, GError **error);
/** vigil_clip_get_path: relative to the clips' directory; borrowed. */
const gchar *vigil_clip_get_path(const VigilClip *self);
guint64 vigil_clip_get_bytes(const VigilClip *self);

/**
 * vigil_store_has_event:
 *
 * %TRUE when this event is there, has ended by itself or with its stream (not interrupted or stopped), and its clip is
 * complete: the same file was replayed before with the same rules and model. The recorder then writes no second clip.
 * @clip_path: (out) (optional) (transfer full) (nullable): its clip
 */
gboolean vigil_store_has_event(VigilStore *self, const gchar *event_id, gchar **clip_path);

/**
 * vigil_store_commit_event:
 * @clip: (nullable): the clip that shows it; on its first use: fsync file, fsync directory, insert the clip's row in the
 *   same transaction as the event
 *
 * Begin inserts, update and end change the row (and insert it when its begin is missing); end also stores path and
 * snapshot. An event of this id that an earlier run left incomplete, or this run's recorder before it gave up, is replaced
 * in one transaction, its old clip becoming garbage once no event has it. One that is complete (see
 * vigil_store_has_event()) stays as it is, and a begin or update after the end changes nothing: %TRUE, and @clip is not
 * used. The event's first clip stays its clip; another one is one in which it goes on. On return it is on disk.
 */
gboolean vigil_store_commit_event(VigilStore *self, const VigilEvent *event, VigilClip *clip,
                                  GError **error);
/**
 * vigil_store_continue_event:
 * @event_id: committed in this run, ended or not
 * @clip: a clip in which it goes on, since its last one is long enough; on its first use as in vigil_store_commit_event()
 *
 * Nothing of the event changes and nothing is sent. On return it is on disk.
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: no such event
 */
gboolean vigil_store_continue_event(VigilStore *self, const gchar *event_id, VigilClip *clip,
                                    GError **error);

/**
 * VigilClipInfo: what the recorder knows when a clip is complete.
 */
typedef struct {
    gint64 start_ns, end_ns; /* stream times of its first frame and of the end of its last */
    gint64 start_wall_us, end_wall_us;
    guint width, height;
    const gchar *codec; /* "h264" or "h265" */
} VigilClipInfo;

/**
 * vigil_store_finish_clip: (transfer full) @clip: fsync, then its row becomes complete; a clip that no commit used is
 * removed. Frees @clip even on error; the clip is then cut by the next enforcing of limits or the next start.
 */
gboolean vigil_store_finish_clip(VigilStore *self, VigilClip *clip, const VigilClipInfo *info,
                                 GError **error);
/** vigil_store_abandon_clip: (transfer full) @clip: removes the file; one that an event has is cut instead, as above. */
void vigil_store_abandon_clip(VigilStore *self, VigilClip *clip);

/** vigil_store_note_model: which model looks at a camera from now on. */
gboolean vigil_store_note_model(VigilStore *self, const gchar *camera, const gchar *name,
                                const gchar *sha256, GError **error);

/**
 * vigil_store_add_outcomes:
 * @counts: frames of this minute by outcome, and %VIGIL_OUTCOME_INFERRED_PART, added to what the minute has
 * @minute_wall_us: any time in that minute
 */
gboolean vigil_store_add_outcomes(VigilStore *self, const gchar *camera, gint64 minute_wall_us,
                                  const guint32 counts[VIGIL_N_OUTCOME_COUNTS], GError **error);

/** vigil_store_set_pinned: a pinned event is never deleted by retention. */
gboolean
vigil_store_set_pinned(VigilStore *self, const gchar *event_id, gboolean pinned, GError **error);

/**
 * vigil_store_enforce_limits:
 * @n_deleted: (out) (optional): events deleted
 *
 * Deletes the oldest unpinned, closed events until age and bytes are within the limits, in small steps. Oldest is the
 * order of commits. The log (up to 8 MB) and the reserve do not count as bytes. Old outcomes go by age as well. To be
 * called about once a minute.
 *
 * Ages count from the time of commit and not by what the clock jumps: within a boot by the monotonic clock; over boots by
 * the wall clock as corrected during that run, but a leap ahead (more than 1 h in a run, 7 days between runs) is
 * believed only after it lasted 24 h, and times before 2020 are no times.
 */
gboolean vigil_store_enforce_limits(VigilStore *self, guint *n_deleted, GError **error);
/**
 * vigil_store_enforce_min_free: one step of vigil_store_enforce_some() that is about nothing but the free space of the disk, once half of
 * @min_free_bytes is used up: what cannot wait until a database is made again from its clips.
 */
gboolean
vigil_store_enforce_min_free(VigilStore *self, guint *n_deleted, gboolean *done, GError **error);
/**
 * vigil_store_enforce_some: one of these steps, for who may have to stop in between.
 * @done: (out): all is within the limits
 *
 * Sleeps after each step for as long as it held the lock, so that writers come in between.
 */
gboolean
vigil_store_enforce_some(VigilStore *self, guint *n_deleted, gboolean *done, GError **error);

/* --- reading ------------------------------------------------------------------------------------------------- */

/** VigilEventQuery: NULL or 0 means any; @limit 0 means all. Newest first unless @ascending. */
typedef struct {
    gint64 since_us, until_us; /* start of the event, wall clock */
    const gchar *camera, *label, *zone, *rule, *id;
    guint limit;
    gboolean ascending;
    gboolean pinned; /* only pinned ones */
    const VigilBox *
        area; /* only those of which a box of the track, or the event's, reaches into it or touches it */
    gboolean with_path; /* event->path is filled: coordinates to 1/32767, scores to 1/255 */
} VigilEventQuery;

/** VigilEventRow: borrowed for the call. */
typedef struct {
    const VigilEvent *event; /* type is END when it has ended, else BEGIN */
    gboolean pinned;
    const gchar *clip; /* (nullable): path relative to the clips' directory */
    const gchar *const
        *parts; /* (nullable): of the clips in which it goes on, as far as they are there */
    gboolean clip_complete; /* no more is written to it */
    gint64 clip_start_ns,
        clip_end_ns; /* stream times; both 0 while it is written and when it was cut by a crash */
    guint64 clip_bytes;
    gboolean has_snapshot;
} VigilEventRow;

/** VigilEventRowFunc: returns %FALSE to stop. */
typedef gboolean (*VigilEventRowFunc)(const VigilEventRow *row, gpointer user_data);

gboolean vigil_store_query_events(VigilStore *self, const VigilEventQuery *query,
                                  VigilEventRowFunc func, gpointer user_data, GError **error);
/**
 * vigil_store_open_clip:
 * @part: 0: its first clip that is there; those behind it are the ones in which it goes on
 *
 * Returns: a descriptor, opened so that no link or `..` leads out of the folder; -1 on error
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: no such event, or it has not so many clips
 */
gint vigil_store_open_clip(VigilStore *self, const gchar *event_id, guint part, GError **error);
/** vigil_store_get_snapshot: (transfer full) (nullable): JPEG. */
GBytes *vigil_store_get_snapshot(VigilStore *self, const gchar *event_id, GError **error);

/** VigilRunInfo: the latest use of the store by a writer. */
typedef struct {
    gchar *program; /* owned */
    gint64 begun_wall_us;
    gint64 ended_wall_us; /* 0: it runs, or it died */
    gboolean died;        /* noticed by a later open for writing */
    guint64 n_events;
} VigilRunInfo;

/** vigil_store_get_last_run: with a store opened for writing, that one itself. */
gboolean vigil_store_get_last_run(VigilStore *self, VigilRunInfo *info, GError **error);
void vigil_run_info_clear(VigilRunInfo *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilRunInfo, vigil_run_info_clear)

/** vigil_store_get_outcomes: frames of the minutes that begin in [@since_us, @until_us), by outcome. */
gboolean
vigil_store_get_outcomes(VigilStore *self, const gchar *camera, gint64 since_us, gint64 until_us,
                         guint64 counts[VIGIL_N_OUTCOME_COUNTS], GError **error);

/** vigil_store_get_minutes: (out) @n: minutes that begin in [@since_us, @until_us) with any frame at all. */
gboolean vigil_store_get_minutes(VigilStore *self, const gchar *camera, gint64 since_us,
                                 gint64 until_us, guint64 *n, GError **error);

/* --- checking ------------------------------------------------------------------------------------------------ */

/**
 * VigilFsckFunc: one finding: a row without clip, a clip without row, a size that differs, …
 */
typedef void (*VigilFsckFunc)(const gchar *finding, gboolean repaired, gpointer user_data);

/**
 * vigil_store_fsck:
 * @repair: mend what can be mended without losing evidence; needs a store opened for writing. Rows are brought to what the
 *   files are (size, cut, lost), clips without a row are moved to lost/ in the folder of clips. Foreign files, damaged
 *   paths and what SQLite's own check finds are only reported.
 * @n_left: (out): findings that remain
 */
gboolean vigil_store_fsck(VigilStore *self, gboolean repair, VigilFsckFunc func, gpointer user_data,
                          guint *n_left, GError **error);

G_END_DECLS
