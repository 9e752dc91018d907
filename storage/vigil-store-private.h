/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>

#include "storage/vigil-file-ops.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

#define VIGIL_STORE_APPLICATION_ID 0x5647494c /* "VGIL" */
#define VIGIL_STORE_RESERVE_BYTES (256 * 1024)
#define VIGIL_STORE_BUSY_TIMEOUT_MS 5000
#define VIGIL_STORE_LENGTH_LIMIT (16 * 1024 * 1024)

/** VigilStoreClock: what is known about the wall clock; see vigil-store-clock.c. */
typedef struct {
    gint64 (*now_func)(gpointer user_data);
    gint64 (*mono_func)(gpointer user_data);
    gpointer data;
    gint64 steady_offset_us;    /* wall minus monotonic, believed */
    gint64 candidate_offset_us; /* differs from it; believed once it has lasted */
    gint64 candidate_since_us;  /* monotonic */
    gboolean has_candidate;
} VigilStoreClock;

/* see vigil-seal-private.h */
typedef struct VigilSealItems VigilSealItems;
typedef struct VigilSealKey VigilSealKey;
typedef struct VigilSealShortener VigilSealShortener;
typedef struct VigilRetention VigilRetention;
typedef struct VigilCheckpointer VigilCheckpointer;

/** VigilStoreGroup: who waits for a transaction; see vigil-store-group.c. */
typedef struct {
    GMutex lock; /* after the store's mutex */
    GCond cond;
    GQueue waiting; /* in the order that they came */
    gboolean led;   /* somebody writes for those that wait */
} VigilStoreGroup;

struct VigilStore {
    /* fixed after open */
    gchar *database, *clips, *program;
    gboolean writer;
    guint schema;     /* version of what is in the database */
    gboolean current; /* the database had this version's schema before this open */
    gboolean started; /* it is in use */
    const VigilFileOps *ops;
    gchar *boot_id;
    dev_t lock_dev;
    ino_t lock_ino;

    guint refs;  /* under the registry's lock */
    gint failed; /* atomic; the disk failed: no more writes */
    VigilStoreGroup group;
    GMutex mutex; /* guards all below */
    gint64 max_bytes, max_age_us, clips_max_age_us, min_free_bytes;
    VigilStoreKeep *keep; /* (array length=n_keep): names are interned */
    guint n_keep;
    VigilStoreFootage *footage; /* (array length=n_footage): names are interned */
    guint n_footage;
    VigilRetention *retention;
    gint lock_fd;
    gint clips_fd;                   /* -1 for a reader without a folder of clips */
    sqlite3 *db;                     /* NULL once retired */
    VigilCheckpointer *checkpointer; /* (nullable): since the log was long for the first time */
    GHashTable *statements;          /* (element-type utf8 sqlite3_stmt) */
    gint64 run_id;
    gint64 run_offset_us;  /* as the runs table has it */
    gint64 clock_saved_us; /* monotonic: when the trust in it was written down */
    gint n_destinations;   /* of the outbox; -1: not known */
    GArray *
        destinations; /* (nullable) (element-type VigilOutboxDestination): as last told; names are interned */
    void (*outbox_func)(gpointer user_data); /* (nullable): waits for messages */
    gpointer outbox_data;
    GPtrArray *live_clips; /* (element-type VigilClip), borrowed */
    VigilStoreClock clock;
    VigilSealKey *seal_key;    /* NULL: nothing is sealed */
    VigilSealItems *seal_gone; /* (nullable): what this transaction deletes */
    VigilSealShortener *seal_shortener;

    GMutex
        checkpoint_lock; /* after mutex: one checkpoint at a time, or SQLite calls the store busy */
    VigilStoreLog log;   /* but for @bytes: written with it, each value is read without: atomic */

    GMutex rebuild_lock;          /* before mutex; guards what follows */
    struct VigilRebuild *rebuild; /* (nullable): goes on */
};

struct VigilClip {
    VigilStore *store; /* owned reference */
    gchar *camera, *path;
    gint fd, dir_fd;
    guint64 bytes;              /* written by the clip's thread, read by others: atomic */
    gint64 row_id;              /* 0 until an event was committed with it */
    gboolean continuous;        /* of no event: a segment, see vigil-footage.h */
    gint64 start_wall_us;       /* of a segment */
    struct VigilSealHash *hash; /* of what was written so far */
};

/* --- vigil-store.c ------------------------------------------------------------------------------------------- */

/** vigil_store_open_with: vigil_store_open() with file operations and a monotonic clock of the caller's; NULL: the real ones. */
VigilStore *vigil_store_open_with(const VigilStoreOptions *options, const VigilFileOps *ops,
                                  gint64 (*mono_func)(gpointer), GError **error);
/** vigil_store_fail: no more writes until the store is opened anew. */
void vigil_store_fail(VigilStore *self);
/** vigil_store_sync: fsync; when it fails, whatever the reason, so does the store. Returns 0 or -EIO. */
gint vigil_store_sync(VigilStore *self, gint fd);
/** vigil_store_check_writable: with an error that says why not. */
gboolean vigil_store_check_writable(VigilStore *self, GError **error);

/* --- vigil-store-error.c ------------------------------------------------------------------------------------- */

/** vigil_store_set_errno: always returns %FALSE. @code may be negative. */
gboolean vigil_store_set_errno(GError **error, gint code, const gchar *what, const gchar *path);
/** vigil_store_set_sqlite: reads the connection's last error; a failing disk fails a writer. Always returns %FALSE. */
gboolean vigil_store_set_sqlite(VigilStore *self, gint rc, const gchar *what, GError **error);
/** vigil_store_set_sqlite_of: the same of another connection (nullable) to the store's database. Any thread. */
gboolean vigil_store_set_sqlite_of(VigilStore *self, sqlite3 *db, gint rc, const gchar *what,
                                   GError **error);

/* --- vigil-store-statements.c: all with the mutex held ------------------------------------------------------- */

/** VigilStatement: a use of a cached statement; reset when it goes out of scope. */
typedef struct {
    VigilStore *store;
    sqlite3_stmt *stmt;
    gint rc;
} VigilStatement;

/** vigil_statement: @sql is copied and prepared on first use. Errors show at the first step. */
VigilStatement vigil_statement(VigilStore *self, const gchar *sql);
void vigil_statement_clear(VigilStatement *self);
/** vigil_statement_rewind: to be stepped anew, with other values or the same. */
void vigil_statement_rewind(VigilStatement *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilStatement, vigil_statement_clear)

void vigil_statement_int(VigilStatement *self, const gchar *name, gint64 value);
void vigil_statement_real(VigilStatement *self, const gchar *name, gdouble value);
/** vigil_statement_text: %NULL binds NULL; @value must live until the step. */
void vigil_statement_text(VigilStatement *self, const gchar *name, const gchar *value);
void
vigil_statement_blob(VigilStatement *self, const gchar *name, gconstpointer data, gsize length);
/** vigil_statement_step: %TRUE with a row; %FALSE at the end or, with @error set, on failure. */
gboolean vigil_statement_step(VigilStatement *self, GError **error);
/** vigil_statement_run: steps a statement that gives no rows. */
gboolean vigil_statement_run(VigilStatement *self, GError **error);
/** vigil_statement_get_text: (nullable): of the current row; borrowed until the next step. */
const gchar *vigil_statement_get_text(VigilStatement *self, gint column);
/** vigil_statement_need_text: the same of a column that is never NULL but in a damaged database: then it is empty. */
const gchar *vigil_statement_need_text(VigilStatement *self, gint column);
/** vigil_store_exec: fixed SQL without parameters, any number of statements. */
gboolean vigil_store_exec(VigilStore *self, const gchar *sql, GError **error);
/** vigil_store_read_int: first column of the first row of fixed SQL; 0 without a row. */
gboolean vigil_store_read_int(VigilStore *self, const gchar *sql, gint64 *value, GError **error);

/** vigil_store_save_clock: within a transaction: notes which time is trusted. */
gboolean vigil_store_save_clock(VigilStore *self, GError **error);

typedef gboolean (*VigilStoreWork)(VigilStore *self, gpointer data, GError **error);
/**
 * vigil_store_transact: one attempt of @work in one transaction; rolled back when it fails.
 * On return it is on disk.
 */
gboolean vigil_store_transact(VigilStore *self, VigilStoreWork work, gpointer data, GError **error);
/** vigil_store_write: the same for a caller's write: checks, and on a full disk makes space and tries again. */
gboolean vigil_store_write(VigilStore *self, VigilStoreWork work, gpointer data, GError **error);
/** VigilSpaceUse: who lacks space. */
typedef enum {
    VIGIL_SPACE_FOR_ROWS,    /* may use the reserve when nothing may go */
    VIGIL_SPACE_FOR_CLIP,    /* of an event */
    VIGIL_SPACE_FOR_FOOTAGE, /* a segment of a continuous recording: nothing of an event goes for it */
    VIGIL_SPACE_FOR_FOOTAGE_ROWS, /* nor for its row, which has no reserve, either */
} VigilSpaceUse;
/** vigil_store_write_for: the same, of rows that not everything may go for. */
gboolean vigil_store_write_for(VigilStore *self, VigilSpaceUse use, VigilStoreWork work,
                               gpointer data, GError **error);

/* --- vigil-store-group.c: without the mutex ------------------------------------------------------------------- */

void vigil_store_group_init(VigilStoreGroup *self);
void vigil_store_group_clear(VigilStoreGroup *self);
/**
 * vigil_store_write_shared: as vigil_store_write(), in one transaction with what other threads write at the same time.
 * @use: rows of what; if it has to be written by itself
 * @work: may run in another thread, and again by itself when the first attempt failed, be it by another's fault
 * @done: (nullable): called with the mutex held once it is on disk
 *
 * An error is that of this @work, or of the disk, which then is everybody's.
 */
gboolean vigil_store_write_shared(VigilStore *self, VigilSpaceUse use, VigilStoreWork work,
                                  void (*done)(VigilStore *self, gpointer data), gpointer data,
                                  GError **error);

/* --- vigil-store-checkpoint.c: with the mutex held ------------------------------------------------------------ */

/** vigil_store_checkpoint_when_long: for sqlite3_wal_hook(), with the store as data. */
gint vigil_store_checkpoint_when_long(gpointer data, sqlite3 *db, const gchar *name, gint n_pages);
/** vigil_store_empty_log: all of it into the database, and the file is cut to nothing. Returns SQLite's code. */
gint vigil_store_empty_log(VigilStore *self);
/** vigil_store_end_checkpoints: before the database is closed. */
void vigil_store_end_checkpoints(VigilStore *self);

/* --- vigil-store-schema.c ------------------------------------------------------------------------------------ */

/** vigil_store_newest_schema: the version that this program writes. */
guint vigil_store_newest_schema(void);
/** vigil_store_disconnect: closes the database; after a failure without a checkpoint. */
void vigil_store_disconnect(VigilStore *self);
/** vigil_store_connect: opens the database, looks whose it is and, for a writer, brings it to this version. */
gboolean vigil_store_connect(VigilStore *self, GError **error);

/* --- vigil-store-clock.c ------------------------------------------------------------------------------------- */

void vigil_store_clock_init(VigilStoreClock *self, gint64 (*now_func)(gpointer), gpointer data,
                            gint64 (*mono_func)(gpointer));
gint64 vigil_store_clock_wall(const VigilStoreClock *self);
gint64 vigil_store_clock_mono(const VigilStoreClock *self);
/** vigil_store_clock_synced: 1: the kernel says that its clock is kept right, 0: that it is not, -1: not known (a caller's clock). */
gint vigil_store_clock_synced(const VigilStoreClock *self);
/** vigil_store_clock_set_last_seen: the latest time that an earlier run trusted; 0: none. */
void vigil_store_clock_set_last_seen(VigilStoreClock *self, gint64 wall_us);
/** VigilStoreDoubt: a clock that is not trusted yet: what it says, and for how long it has gone on like this. */
typedef struct {
    gint64 wall_us, lasted_us; /* wall_us: 0: no doubt */
} VigilStoreDoubt;
/** vigil_store_clock_get_doubt: as vigil_store_clock_trusted() found it. */
VigilStoreDoubt vigil_store_clock_get_doubt(const VigilStoreClock *self);
/** vigil_store_clock_set_doubt: of an earlier run: goes on if the clock is still what it was. After the last seen. */
void vigil_store_clock_set_doubt(VigilStoreClock *self, const VigilStoreDoubt *doubt);
/** vigil_store_clock_trusted: the wall time that may be used to delete what earlier boots wrote. */
gint64 vigil_store_clock_trusted(VigilStoreClock *self);
/** vigil_store_read_boot_id: (transfer full) */
gchar *vigil_store_read_boot_id(void);

/* --- vigil-clip-folder.c: below the folder of clips, never through a link -------------------------------------- */

/** vigil_clip_folder_for: (transfer full) (nullable): "YYYY/MM/DD/CAMERA", or %NULL when the names cannot be used. */
gchar *vigil_clip_folder_for(const gchar *camera, gint64 wall_us);
/** vigil_clip_folder_is_clip: %TRUE when a relative path has our layout and naming. */
gboolean vigil_clip_folder_is_clip(const gchar *path);
/** vigil_make_dirs: makes a directory with its parents, each synced into its parent. */
gint vigil_make_dirs(const VigilFileOps *ops, const gchar *path);
/** vigil_clip_folder_open_dir: descriptor or -errno. @make: missing ones are made and synced. */
gint vigil_clip_folder_open_dir(VigilStore *self, const gchar *dir, gboolean make);
/** vigil_clip_folder_open: a regular file for reading: descriptor or -errno. */
gint vigil_clip_folder_open(VigilStore *self, const gchar *path);
/** vigil_clip_folder_open_to_mend: the same for reading and writing, when nobody writes to it any more. */
gint vigil_clip_folder_open_to_mend(VigilStore *self, const gchar *path);
/** vigil_clip_folder_size: of a regular file; -errno when it is not there. */
gint64 vigil_clip_folder_size(VigilStore *self, const gchar *path);
/** vigil_clip_folder_remove: unlink, fsync of its directory, then empty directories; 0 also when it was gone. */
gint vigil_clip_folder_remove(VigilStore *self, const gchar *path);
/**
 * vigil_clip_folder_remove_all: many, with one sync a directory.
 * @gone: (element-type utf8): those of @paths that are gone for good; borrowed
 *
 * Returns: %FALSE when the disk failed; a file that cannot be removed otherwise is only left out of @gone, with those beside
 *   it that were removed in the same go
 */
gboolean vigil_clip_folder_remove_all(VigilStore *self, const GPtrArray *paths, GPtrArray *gone,
                                      GError **error);
/** vigil_clip_folder_rename: within the folder of clips; both directories are synced. */
gint vigil_clip_folder_rename(VigilStore *self, const gchar *from, const gchar *to);

/* --- vigil-clip.c -------------------------------------------------------------------------------------------- */

static inline guint64
vigil_clip_bytes(const VigilClip *self)
{
    return __atomic_load_n(&self->bytes, __ATOMIC_RELAXED);
}

/** vigil_clip_is_live: %TRUE while somebody has a handle on the clip with this row; mutex held. */
gboolean vigil_clip_is_live(VigilStore *self, gint64 row_id);

/* --- vigil-store-cameras.c (mutex held) ---------------------------------------------------------------------- */

/** vigil_store_insert_model: makes the row when there is none. */
gboolean vigil_store_insert_model(VigilStore *self, const VigilModelId *model, GError **error);
/** vigil_store_camera_id: makes the row when there is none. */
gboolean vigil_store_camera_id(VigilStore *self, const gchar *camera, gint64 *id, GError **error);

/* --- vigil-path-blob.c: format in schema/0001.sql ------------------------------------------------------------ */

#define VIGIL_PATH_MAX_POINTS 65536

/** vigil_path_encode: (transfer full): longer paths than %VIGIL_PATH_MAX_POINTS are thinned evenly. */
GByteArray *vigil_path_encode(const GArray *path, guint *n_points);
/** vigil_path_decode: (transfer full) (nullable) (element-type VigilPathPoint): %NULL when damaged. */
GArray *vigil_path_decode(gconstpointer data, gsize length);

/* --- vigil-retention.c, vigil-store-space.c (mutex held) -------------------------------------------------------------------------- */

/** vigil_store_collect: unlinks garbage and drops its rows; what cannot be unlinked stays listed. */
gboolean vigil_store_collect(VigilStore *self, GPtrArray *paths, GError **error);
/**
 * vigil_store_drop_event: within a transaction: the event's row and, when no other event has it, its clip's.
 * @garbage: (element-type utf8): the clip's path is added, to be collected after the transaction
 */
gboolean vigil_store_drop_event(VigilStore *self, gint64 seq, GPtrArray *garbage, GError **error);

/**
 * vigil_store_make_space: the disk is full: deletes the oldest segments, then the oldest events that may go.
 *
 * Returns: %FALSE when nothing was won
 */
gboolean vigil_store_make_space(VigilStore *self, VigilSpaceUse use);
/** vigil_clip_create: vigil_store_create_clip(), or of a segment. */
VigilClip *vigil_clip_create(VigilStore *self, const gchar *camera, const gchar *name,
                             gint64 start_wall_us, gboolean continuous, GError **error);
/** vigil_store_keep_reserve: makes DATABASE.reserve when it is missing and there is space. */
void vigil_store_keep_reserve(VigilStore *self);
/** vigil_store_release_reserve: %TRUE when there was one. */
gboolean vigil_store_release_reserve(VigilStore *self);

/* --- vigil-query.c (mutex held) ------------------------------------------------------------------------------ */

/** vigil_store_read_event: (transfer full) (nullable): an event by its number, without its track. @clip: (out) (nullable): its path */
VigilEvent *vigil_store_read_event(VigilStore *self, gint64 seq, gchar **clip, GError **error);

/* --- vigil-store-decisions.c (mutex held) -------------------------------------------------------------------- */

/** vigil_store_drop_old_decisions: work of one transaction; @data: gint64*, what was committed before goes; %G_MININT64: of no age. */
gboolean vigil_store_drop_old_decisions(VigilStore *self, gpointer data, GError **error);

/* --- vigil-enforce.c ------------------------------------------------------------------------------------------ */

VigilRetention *vigil_retention_new(void);
/** vigil_retention_free: @n_keep: as the store had it. */
void vigil_retention_free(VigilRetention *self, guint n_keep);
/** vigil_retention_reset: events that were passed may be due now. Mutex held. */
void vigil_retention_reset(VigilStore *self);
/** vigil_retention_set_keep: copies. Mutex held. */
void vigil_retention_set_keep(VigilStore *self, const VigilStoreKeep *keep, guint n_keep);
/**
 * vigil_store_end_strays: all at once, for who has to know when clips end. Without the mutex.
 * @unread: (nullable) (element-type utf8): why some stay open is added; %NULL: it is logged
 */
gboolean vigil_store_end_strays(VigilStore *self, GPtrArray *unread, GError **error);
/** vigil_retention_is_doomed: a file of this name is being removed. Mutex held. */
gboolean vigil_retention_is_doomed(VigilStore *self, const gchar *path);

/* --- vigil-recovery.c (mutex held) -------------------------------------------------------------------------- */

/**
 * vigil_store_recover: ends what earlier runs left and begins this one; a database without any, beside clips, is one that
 * has to be made again.
 * @set_aside: (nullable): name of the database that it replaces
 */
gboolean
vigil_store_recover(VigilStore *self, const gchar *program, const gchar *set_aside, GError **error);

G_END_DECLS
