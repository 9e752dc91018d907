/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the log goes into the database by a thread of its own, with a connection of its own, so that no writer waits for
 * it. Writers go on meanwhile, at the log's end; so the last few pages are brought in with the store locked, or the log would
 * never be done with and grow. Should the thread not keep up, the writers do it.
 *
 * SQLite 3.7.0 to 3.51.2 may lose pages when a checkpoint begins while all of the log is in the database and a writer, therefore,
 * begins the log anew at that moment (sqlite.org/wal.html, "the WAL-reset bug"). So none begins beside the writers unless
 * there are pages to bring in: as long as there are, no writer begins the log anew, and only the checkpoint itself changes that.
 */
#include "storage/vigil-store-private.h"

#include <sys/stat.h>

#define BEGIN_PAGES 1000
/* 8 MB: then writers wait, since the log must stay below 16 MB, whatever the next transaction brings. */
#define MAX_PAGES 2000
#define MAX_ROUNDS 4
/* So little is done while writers wait. */
#define LAST_PAGES 128
#define PAUSE_US (200 * 1000)

struct VigilCheckpointer {
    VigilStore *store; /* borrowed: it ends before the store does */
    sqlite3 *db;
    GThread *thread;
    GMutex lock; /* the innermost; guards what is below */
    GCond cond;
    gboolean wanted, ending;
    gint log_pages,
        done_pages; /* of the log, and of these in the database; never fewer than are there */
    guint n_resets; /* how often the log was begun anew */
};

/*
 * SQLite's own automatic checkpoint keeps quiet when it fails: a disk that does not take what was committed long ago has
 * failed all the same.
 */
static void
check_result(VigilStore *store, sqlite3 *db, gint rc)
{
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        vigil_store_set_sqlite_of(store, db, rc, "cannot checkpoint", NULL);
}

static void
note_log(VigilCheckpointer *self, gint n_pages)
{
    g_mutex_lock(&self->lock);
    if (n_pages < self->log_pages) {
        self->n_resets++;
        self->done_pages = 0;
    }
    self->log_pages = n_pages;
    g_mutex_unlock(&self->lock);
}

/* Returns: whether there is anything to bring in; @n_resets: (out): for note_done() */
static gboolean
has_backlog(VigilCheckpointer *self, guint *n_resets)
{
    gboolean has;

    g_mutex_lock(&self->lock);
    *n_resets = self->n_resets;
    has = self->log_pages > self->done_pages;
    g_mutex_unlock(&self->lock);
    return has;
}

static void
note_done(VigilCheckpointer *self, guint n_resets, gint n_done)
{
    g_mutex_lock(&self->lock);
    if (n_resets == self->n_resets)
        self->done_pages = MAX(self->done_pages, n_done);
    g_mutex_unlock(&self->lock);
}

/* Returns: SQLite's code */
static gint
bring_in(VigilStore *store, sqlite3 *db, gint mode, gint *n_log, gint *n_done)
{
    const gint64 begun_us = g_get_monotonic_time();
    const gint rc = sqlite3_wal_checkpoint_v2(db, NULL, mode, n_log, n_done);
    const gint64 took_us = g_get_monotonic_time() - begun_us;

    if (rc != SQLITE_OK)
        return rc;
    __atomic_store_n(&store->log.n_checkpoints, store->log.n_checkpoints + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&store->log.last_wall_us, g_get_real_time(), __ATOMIC_RELAXED);
    if (took_us > store->log.longest_us)
        __atomic_store_n(&store->log.longest_us, took_us, __ATOMIC_RELAXED);
    return rc;
}

/* @left: (out): pages of the log that are not in the database yet. %FALSE: it could not be done, or not at all. */
static gboolean
run(VigilStore *store, VigilCheckpointer *checkpointer, sqlite3 *db, gint *left)
{
    gint n_log = 0, n_done = 0, rc = SQLITE_BUSY;
    guint n_resets = 0;

    g_mutex_lock(&store->checkpoint_lock);
    if (checkpointer && !has_backlog(checkpointer, &n_resets)) {
        g_mutex_unlock(&store->checkpoint_lock);
        *left = 0;
        return TRUE;
    }
    if (!g_atomic_int_get(&store->failed))
        rc = bring_in(store, db, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_done);
    check_result(store, db, rc);
    if (checkpointer)
        note_done(checkpointer, n_resets, n_done);
    g_mutex_unlock(&store->checkpoint_lock);
    *left = MAX(n_log - n_done, 0);
    return rc == SQLITE_OK;
}

static gboolean
is_ending(VigilCheckpointer *self)
{
    gboolean ending;

    g_mutex_lock(&self->lock);
    ending = self->ending;
    g_mutex_unlock(&self->lock);
    return ending;
}

/* Not waited for: who ends this thread has the store's lock. */
static void
run_locked(VigilCheckpointer *self)
{
    gint left;

    while (!is_ending(self)) {
        if (g_mutex_trylock(&self->store->mutex)) {
            run(self->store, self, self->db, &left);
            g_mutex_unlock(&self->store->mutex);
            return;
        }
        g_usleep(500);
    }
}

/* What a reader still needs cannot be brought in; it is tried again after the next commits. */
static void
checkpoint(VigilCheckpointer *self)
{
    gint left = G_MAXINT, before;
    gboolean ok = TRUE;

    for (guint i = 0; i < MAX_ROUNDS && ok && left > LAST_PAGES && !is_ending(self); i++) {
        before = left;
        ok = run(self->store, self, self->db, &left) && left < before;
    }
    if (ok && left > 0 && left <= LAST_PAGES)
        run_locked(self);
}

static gpointer
checkpoint_when_wanted(gpointer data)
{
    VigilCheckpointer *self = data;

    g_mutex_lock(&self->lock);
    while (!self->ending) {
        if (!self->wanted) {
            g_cond_wait(&self->cond, &self->lock);
            continue;
        }
        g_mutex_unlock(&self->lock);
        checkpoint(self);
        g_mutex_lock(&self->lock);
        self->wanted = FALSE;
        if (!self->ending)
            g_cond_wait_until(&self->cond, &self->lock, g_get_monotonic_time() + PAUSE_US);
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

static void
checkpointer_free(VigilCheckpointer *self)
{
    if (self->db)
        sqlite3_close(self->db);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
    g_free(self);
}

static VigilCheckpointer *
checkpointer_new(VigilStore *store)
{
    VigilCheckpointer *self = g_new0(VigilCheckpointer, 1);
    gint unused;

    self->store = store;
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    if (sqlite3_open_v2(store->database, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK &&
        sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &unused) == SQLITE_OK &&
        sqlite3_exec(self->db, "PRAGMA synchronous = FULL; SELECT 1 FROM runs LIMIT 1", NULL, NULL,
                     NULL) == SQLITE_OK) {
        sqlite3_extended_result_codes(self->db, 1);
        self->thread = g_thread_try_new("vigil-checkpoint", checkpoint_when_wanted, self, NULL);
    }
    if (self->thread)
        return self;
    checkpointer_free(self);
    return NULL;
}

gint
vigil_store_checkpoint_when_long(gpointer data, sqlite3 *db, const gchar *name, gint n_pages)
{
    VigilStore *store = data;
    gint left;

    if (store->checkpointer)
        note_log(store->checkpointer, n_pages);
    if (n_pages < BEGIN_PAGES)
        return SQLITE_OK;
    if (!store->checkpointer && (store->checkpointer = checkpointer_new(store)))
        note_log(store->checkpointer, n_pages);
    if (!store->checkpointer || n_pages >= MAX_PAGES) {
        run(store, store->checkpointer, db, &left);
        return SQLITE_OK; /* the commit itself is on disk, in the log */
    }
    g_mutex_lock(&store->checkpointer->lock);
    if (!store->checkpointer->wanted)
        g_cond_signal(&store->checkpointer->cond);
    store->checkpointer->wanted = TRUE;
    g_mutex_unlock(&store->checkpointer->lock);
    return SQLITE_OK;
}

gint
vigil_store_empty_log(VigilStore *self)
{
    gint rc;

    g_mutex_lock(&self->checkpoint_lock);
    rc = bring_in(self, self->db, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK && self->checkpointer)
        note_log(self->checkpointer, 0);
    g_mutex_unlock(&self->checkpoint_lock);
    return rc;
}

void
vigil_store_get_log(VigilStore *self, VigilStoreLog *log)
{
    g_autofree gchar *path = g_strconcat(self->database, "-wal", NULL);
    struct stat info;

    *log = (VigilStoreLog){
        .bytes = stat(path, &info) == 0 ? info.st_size : 0,
        .n_checkpoints = __atomic_load_n(&self->log.n_checkpoints, __ATOMIC_RELAXED),
        .last_wall_us = __atomic_load_n(&self->log.last_wall_us, __ATOMIC_RELAXED),
        .longest_us = __atomic_load_n(&self->log.longest_us, __ATOMIC_RELAXED),
    };
}

void
vigil_store_end_checkpoints(VigilStore *self)
{
    VigilCheckpointer *checkpointer = g_steal_pointer(&self->checkpointer);

    if (!checkpointer)
        return;
    g_mutex_lock(&checkpointer->lock);
    checkpointer->ending = TRUE;
    g_cond_signal(&checkpointer->cond);
    g_mutex_unlock(&checkpointer->lock);
    g_thread_join(checkpointer->thread);
    checkpointer_free(checkpointer);
}
