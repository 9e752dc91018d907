/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-footage-private.h"
#include "storage/vigil-rebuild-private.h"
#include "storage/vigil-seal-private.h"
#include "storage/vigil-seal-shorten.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* For so long the opening waits for events to be put back; the others follow later. */
#define REBUILD_US (10 * G_USEC_PER_SEC)

/* Stores that this process writes to; also guards the references of all stores. */
static GMutex registry_lock;
static GPtrArray *registry;

static void
finalize_statement(gpointer statement)
{
    sqlite3_finalize(statement);
}

static VigilStore *
store_new(const gchar *database, const gchar *clips)
{
    VigilStore *self = g_new0(VigilStore, 1);

    self->database = g_strdup(database);
    self->clips = g_strdup(clips);
    self->refs = 1;
    self->n_destinations = -1;
    self->lock_fd = self->clips_fd = -1;
    self->ops = &vigil_file_ops_system;
    self->boot_id = vigil_store_read_boot_id();
    self->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize_statement);
    self->live_clips = g_ptr_array_new();
    self->retention = vigil_retention_new();
    self->seal_shortener = vigil_seal_shortener_new();
    g_mutex_init(&self->mutex);
    g_mutex_init(&self->checkpoint_lock);
    g_mutex_init(&self->rebuild_lock);
    vigil_store_group_init(&self->group);
    vigil_store_clock_init(&self->clock, NULL, NULL, NULL);
    return self;
}

static gboolean
end_run(VigilStore *self, gpointer data, GError **error)
{
    g_auto(VigilStatement) statement = vigil_statement(
        self, "UPDATE runs SET ended_wall_us = :now, how = 'closed' WHERE id = :run");

    vigil_statement_int(&statement, ":now", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&statement, ":run", self->run_id);
    return vigil_statement_run(&statement, error);
}

/* Database and lock go; what is left answers every call with an error. */
static void
retire(VigilStore *self)
{
    vigil_store_disconnect(self);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    self->lock_fd = -1;
}

static void
store_free(VigilStore *self)
{
    g_autoptr(GError) error = NULL;

    if (self->db && self->run_id && !g_atomic_int_get(&self->failed) &&
        !vigil_store_transact(self, end_run, NULL, &error))
        g_message("%s: the end of the run was not noted: %s", self->database, error->message);
    retire(self);
    if (self->clips_fd >= 0)
        close(self->clips_fd);
    g_hash_table_unref(self->statements);
    vigil_seal_key_free(self->seal_key);
    vigil_seal_forget(self);
    vigil_seal_shortener_free(self->seal_shortener);
    g_ptr_array_unref(self->live_clips);
    vigil_retention_free(self->retention, self->n_keep);
    g_free(self->keep);
    g_free(self->footage);
    g_clear_pointer(&self->destinations, g_array_unref);
    vigil_rebuild_free(self->rebuild);
    g_mutex_clear(&self->mutex);
    g_mutex_clear(&self->checkpoint_lock);
    g_mutex_clear(&self->rebuild_lock);
    vigil_store_group_clear(&self->group);
    g_free(self->database);
    g_free(self->clips);
    g_free(self->program);
    g_free(self->boot_id);
    g_free(self);
}

VigilStore *
vigil_store_ref(VigilStore *self)
{
    g_mutex_lock(&registry_lock);
    self->refs++;
    g_mutex_unlock(&registry_lock);
    return self;
}

void
vigil_store_unref(VigilStore *self)
{
    if (!self)
        return;
    g_mutex_lock(&registry_lock);
    if (--self->refs == 0) {
        if (registry)
            g_ptr_array_remove_fast(registry, self);
        store_free(self); /* with the lock held: a new open must find the lock file free */
    }
    g_mutex_unlock(&registry_lock);
}

void
vigil_store_fail(VigilStore *self)
{
    if (g_atomic_int_compare_and_exchange(&self->failed, 0, 1))
        g_message("%s: the disk failed: nothing is written until the store is opened again",
                  self->database);
}

gint
vigil_store_sync(VigilStore *self, gint fd)
{
    const gint code = self->ops->sync(fd);

    if (code == 0)
        return 0;
    g_message("%s: sync failed: %s", self->clips, g_strerror(-code));
    vigil_store_fail(self);
    return -EIO; /* even ENOSPC: making space does not bring back what was dropped */
}

gboolean
vigil_store_check_writable(VigilStore *self, GError **error)
{
    if (!self->writer) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_READ_ONLY,
                    "%s: opened for reading only", self->database);
        return FALSE;
    }
    if (g_atomic_int_get(&self->failed)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO,
                    "%s: the disk failed earlier: the store must be opened again", self->database);
        return FALSE;
    }
    return TRUE;
}

gint64
vigil_store_get_wall_us(VigilStore *self)
{
    return vigil_store_clock_wall(&self->clock);
}

static gboolean
make_dirs(VigilStore *self, const gchar *path, GError **error)
{
    const gint code = vigil_make_dirs(self->ops, path);

    return code == 0 || vigil_store_set_errno(error, code, "cannot make the directory", path);
}

static gboolean
open_clips_folder(VigilStore *self, GError **error)
{
    if (!self->clips)
        return TRUE; /* a reader of rows alone */
    if (self->writer && !make_dirs(self, self->clips, error))
        return FALSE;
    self->clips_fd = open(self->clips, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->clips_fd >= 0 || !self->writer)
        return TRUE;
    return vigil_store_set_errno(error, errno, "cannot open the folder of clips", self->clips);
}

/* The lock file is never removed: a removed one could be locked by one process and made anew by another. */
static gboolean
open_lock_file(VigilStore *self, GError **error)
{
    g_autofree gchar *path = g_strconcat(self->database, ".lock", NULL);
    struct stat info;

    self->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (self->lock_fd < 0 || fstat(self->lock_fd, &info) < 0)
        return vigil_store_set_errno(error, errno, "cannot open the lock file", path);
    self->lock_dev = info.st_dev;
    self->lock_ino = info.st_ino;
    return TRUE;
}

static gboolean
take_lock(VigilStore *self, GError **error)
{
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TRUE;
    if (errno != EWOULDBLOCK)
        return vigil_store_set_errno(error, errno, "cannot lock", self->database);
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_BUSY,
                "%s: another process writes to this store: stop it first", self->database);
    return FALSE;
}

static VigilStore *
find_registered(const VigilStore *like)
{
    for (guint i = 0; registry && i < registry->len; i++) {
        VigilStore *store = g_ptr_array_index(registry, i);

        if (store->lock_dev == like->lock_dev && store->lock_ino == like->lock_ino)
            return store;
    }
    return NULL;
}

/* Recorders know of no limits and destinations, whoever of the program comes first. */
static void
inherit_limits(VigilStore *self, const VigilStore *from)
{
    if (!self->max_bytes)
        self->max_bytes = from->max_bytes;
    if (!self->max_age_us)
        self->max_age_us = from->max_age_us;
    if (!self->clips_max_age_us)
        self->clips_max_age_us = from->clips_max_age_us;
    if (!self->min_free_bytes)
        self->min_free_bytes = from->min_free_bytes;
    if (!self->n_keep && from->n_keep)
        vigil_retention_set_keep(self, from->keep, from->n_keep);
    if (!self->n_footage && from->n_footage)
        vigil_footage_set_limits(self, from->footage, from->n_footage);
    if (!self->destinations && from->destinations)
        self->destinations = g_array_ref(from->destinations);
}

/*
 * A store of this process that has the same database. One whose disk failed gives way: its holders get errors until
 * they let go of it.
 */
static gboolean
share_or_retire(VigilStore *self, VigilStore **shared, GError **error)
{
    VigilStore *found = find_registered(self);
    struct stat a, b;

    *shared = NULL;
    if (!found)
        return TRUE;
    if (g_atomic_int_get(&found->failed)) {
        g_mutex_lock(&found->mutex);
        retire(found);
        g_mutex_unlock(&found->mutex);
        g_ptr_array_remove_fast(registry, found);
        inherit_limits(self, found);
        return TRUE;
    }
    if (fstat(found->clips_fd, &a) < 0 || stat(self->clips, &b) < 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: this process has it open with another folder of clips, %s", self->database,
                    found->clips);
        return FALSE;
    }
    g_mutex_lock(&found->mutex);
    inherit_limits(found, self);
    g_mutex_unlock(&found->mutex);
    found->refs++;
    *shared = found;
    return TRUE;
}

/* Without a key nothing is sealed, but footage is still kept; a disk that is full or fails is another matter. */
static gboolean
open_seal_key(VigilStore *self, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!self->seal_key)
        self->seal_key = vigil_seal_key_open(self, &local);
    if (g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL) ||
        g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_IO)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (local)
        g_message("clips and events are not sealed: %s", local->message);
    return TRUE;
}

static gboolean
connect_and_recover(VigilStore *self, const gchar *program, const gchar *set_aside, GError **error)
{
    if (!vigil_store_connect(self, error) || !vigil_store_check_pages(self, error))
        return FALSE;
    vigil_store_keep_reserve(self);
    return open_seal_key(self, error) && vigil_store_recover(self, program, set_aside, error) &&
           vigil_rebuild_prepare(self, error);
}

/* On a full disk the reserve makes the opening possible; the first write then looks for more. */
static gboolean
start_with_reserve(VigilStore *self, const gchar *program, const gchar *set_aside, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (connect_and_recover(self, program, set_aside, &local))
        return TRUE;
    vigil_store_disconnect(self);
    if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL) ||
        !vigil_store_release_reserve(self)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return connect_and_recover(self, program, set_aside, error);
}

/* What is damaged gives way to a new database. */
static gboolean
start_database(VigilStore *self, const gchar *program, GError **error)
{
    g_autofree gchar *name = NULL;
    g_autoptr(GError) local = NULL;

    if (!vigil_store_is_marked_damaged(self)) {
        if (start_with_reserve(self, program, NULL, &local))
            return TRUE;
        if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT) ||
            !vigil_store_is_ours(self)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    vigil_store_disconnect(self);
    self->run_id = 0;
    self->n_destinations = -1;
    g_atomic_int_set(&self->failed, 0);
    if (!vigil_store_set_aside(self, &name, error))
        return FALSE;
    g_message("%s: damaged%s%s; it is called %s now", self->database, local ? ": " : "",
              local ? local->message : "", name);
    return start_with_reserve(self, program, name, error);
}

static void
begin_rebuild(VigilStore *self)
{
    g_autoptr(GError) error = NULL;
    gboolean done;

    if (!vigil_store_rebuild_some(self, REBUILD_US, &done, &error))
        g_message("%s: not all was made again yet: %s", self->database, error->message);
}

static gboolean
start_writer(VigilStore *self, const gchar *program, GError **error)
{
    gboolean ok;

    if (!take_lock(self, error) || !open_clips_folder(self, error))
        return FALSE;
    g_mutex_lock(&self->mutex);
    ok = self->started = start_database(self, program, error);
    g_mutex_unlock(&self->mutex);
    if (ok)
        begin_rebuild(self);
    return ok;
}

static VigilStore *
open_registered(VigilStore *self, const gchar *program, GError **error)
{
    g_autofree gchar *dir = g_path_get_dirname(self->database);
    VigilStore *shared;

    if (!make_dirs(self, dir, error) || !open_lock_file(self, error) ||
        !share_or_retire(self, &shared, error)) {
        store_free(self);
        return NULL;
    }
    if (shared) {
        store_free(self);
        return shared;
    }
    if (!start_writer(self, program, error)) {
        self->run_id = 0;
        store_free(self);
        return NULL;
    }
    if (!registry)
        registry = g_ptr_array_new();
    g_ptr_array_add(registry, self);
    return self;
}

/* @destinations: (nullable) (transfer full): of the store in whose place this one comes */
static VigilStore *
open_in_place_of(GArray *destinations, const VigilStoreOptions *options, const VigilFileOps *ops,
                 gint64 (*mono_func)(gpointer), GError **error)
{
    VigilStore *self = store_new(options->database, options->clips);

    self->writer = TRUE;
    self->program = g_strdup(options->program ? options->program : g_get_prgname());
    self->max_bytes = options->max_bytes;
    self->max_age_us = options->max_age_us;
    self->clips_max_age_us = options->clips_max_age_us;
    self->min_free_bytes = options->min_free_bytes;
    self->destinations = destinations;
    vigil_retention_set_keep(self, options->keep, options->n_keep);
    vigil_footage_set_limits(self, options->footage, options->n_footage);
    if (ops)
        self->ops = ops;
    vigil_store_clock_init(&self->clock, options->now_func, options->now_data, mono_func);
    g_mutex_lock(&registry_lock);
    self = open_registered(self, self->program, error);
    g_mutex_unlock(&registry_lock);
    return self;
}

VigilStore *
vigil_store_open_with(const VigilStoreOptions *options, const VigilFileOps *ops,
                      gint64 (*mono_func)(gpointer), GError **error)
{
    if (options->database && options->clips)
        return open_in_place_of(NULL, options, ops, mono_func, error);
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "a store needs a database and a folder of clips");
    return NULL;
}

VigilStore *
vigil_store_open(const VigilStoreOptions *options, GError **error)
{
    return vigil_store_open_with(options, NULL, NULL, error);
}

gboolean
vigil_store_has_failed(VigilStore *self)
{
    return g_atomic_int_get(&self->failed) != 0;
}

VigilStore *
vigil_store_renew(VigilStore *self, GError **error)
{
    g_autofree VigilStoreFootage *footage = NULL;
    VigilStoreOptions options = {.database = self->database,
                                 .clips = self->clips,
                                 .max_bytes = self->max_bytes,
                                 .max_age_us = self->max_age_us,
                                 .clips_max_age_us = self->clips_max_age_us,
                                 .min_free_bytes = self->min_free_bytes,
                                 .keep = self->keep,
                                 .n_keep = self->n_keep,
                                 .program = self->program,
                                 .now_func = self->clock.now_func,
                                 .now_data = self->clock.data};
    VigilStore *renewed;
    GArray *destinations = NULL;

    if (!self->writer || !g_atomic_int_get(&self->failed))
        return self;
    g_mutex_lock(&self->mutex);
    if (self->destinations)
        destinations = g_array_ref(self->destinations);
    options.n_footage = self->n_footage;
    options.footage = footage = g_memdup2(self->footage, self->n_footage * sizeof *self->footage);
    g_mutex_unlock(&self->mutex);
    renewed = open_in_place_of(destinations, &options, self->ops, self->clock.mono_func, error);
    if (!renewed)
        return self;
    vigil_store_unref(self);
    return renewed;
}

VigilStore *
vigil_store_open_reader(const gchar *database, const gchar *clips, GError **error)
{
    VigilStore *self = store_new(database, clips);

    if (open_clips_folder(self, error) && vigil_store_connect(self, error))
        return self;
    store_free(self);
    return NULL;
}
