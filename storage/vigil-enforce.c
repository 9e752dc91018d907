/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of age and space. All is done in steps that hold the lock for some milliseconds; files are unlinked without it, and
 * between two steps writers have as much time as the step took.
 */
#include "storage/vigil-footage-private.h"
#include "storage/vigil-retention-private.h"
#include "storage/vigil-seal-shorten.h"
#include "storage/vigil-set-aside.h"

#include <errno.h>

#define FIRST_BATCH 16
#define MAX_BATCH 64
#define LONG_STEP_US 25000
#define SHORT_STEP_US 12000
/* Files are unlinked together, since many lie in one directory, which is synced once. */
#define MAX_DOOMED 256
#define MIN_PAUSE_US 500
#define MAX_PAUSE_US 50000
/* Pages that deletions left unused go back to the file system once they are worth it, some at a time. */
#define VACUUM_SHARE 4
#define VACUUM_PAGES 128

VigilRetention *
vigil_retention_new(void)
{
    VigilRetention *self = g_new0(VigilRetention, 1);

    g_mutex_init(&self->enforcing);
    self->batch = FIRST_BATCH;
    self->free_before = -1;
    self->doomed = g_ptr_array_new_with_free_func(g_free);
    self->collected = g_ptr_array_new_with_free_func(g_free);
    self->strays_told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->strays_telling = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

static void
free_scans(VigilRetention *self, guint n_keep)
{
    for (guint i = 0; self->scans && i < n_keep + 2; i++)
        g_clear_pointer(&self->scans[i].places, g_array_unref);
    g_clear_pointer(&self->scans, g_free);
}

void
vigil_retention_free(VigilRetention *self, guint n_keep)
{
    free_scans(self, n_keep);
    g_mutex_clear(&self->enforcing);
    g_ptr_array_unref(self->doomed);
    g_ptr_array_unref(self->collected);
    g_clear_pointer(&self->set_aside, g_array_unref);
    vigil_strays_free(self->strays);
    g_hash_table_unref(self->strays_told);
    g_hash_table_unref(self->strays_telling);
    g_free(self);
}

void
vigil_retention_set_keep(VigilStore *self, const VigilStoreKeep *keep, guint n_keep)
{
    free_scans(self->retention, self->n_keep);
    self->retention->task = 0;
    g_free(self->keep);
    self->keep = g_new0(VigilStoreKeep, n_keep);
    self->n_keep = n_keep;
    for (guint i = 0; i < n_keep; i++)
        self->keep[i] =
            (VigilStoreKeep){g_intern_string(keep[i].camera), g_intern_string(keep[i].label),
                             g_intern_string(keep[i].rule), keep[i].max_age_us};
}

void
vigil_retention_reset(VigilStore *self)
{
    for (guint i = 0; self->retention->scans && i < self->n_keep + 2; i++)
        vigil_age_scan_reset(&self->retention->scans[i]);
}

gboolean
vigil_retention_is_doomed(VigilStore *self, const gchar *path)
{
    for (guint i = 0; i < self->retention->doomed->len; i++)
        if (g_str_equal(g_ptr_array_index(self->retention->doomed, i), path))
            return TRUE;
    return FALSE;
}

/* --- one step ------------------------------------------------------------------------------------------------ */

typedef struct {
    VigilDue due;
    gboolean by_space; /* what is due is found out in the transaction */
    gint64 excess;     /* bytes */
    guint n_max, n_deleted, n_expired;
    GPtrArray *garbage; /* (element-type utf8) */
} Step;

static gboolean
drop_due(VigilStore *self, Step *step, GError **error)
{
    for (guint i = 0; i < step->due.events->len; i++, step->n_deleted++)
        if (!vigil_store_drop_event(self, g_array_index(step->due.events, gint64, i), step->garbage,
                                    error))
            return FALSE;
    for (guint i = 0; i < step->due.clips->len; i++, step->n_expired++)
        if (!vigil_store_expire_clip(self, g_array_index(step->due.clips, gint64, i), step->garbage,
                                     error))
            return FALSE;
    for (guint i = 0; i < step->due.snapshots->len; i++)
        if (!vigil_store_drop_snapshot(self, g_array_index(step->due.snapshots, gint64, i), error))
            return FALSE;
    return TRUE;
}

/* Continuous recordings go before what belongs to events. Where metadata is to outlive its clip, clips go first. */
static gboolean
drop_oldest(VigilStore *self, Step *step, gboolean events_too, gboolean *gone, GError **error)
{
    gint64 clip_id = 0, passed_id = 0, seq = 0;

    if (!vigil_footage_pick_oldest(self, &clip_id, error))
        return FALSE;
    *gone = clip_id || events_too;
    if (!*gone)
        return TRUE;
    if (!clip_id && self->clips_max_age_us &&
        (!vigil_store_pick_oldest_clip(self, &clip_id, error) ||
         !vigil_store_pick_passed_clip(self, &passed_id, error)))
        return FALSE;
    if (passed_id && (!clip_id || passed_id < clip_id))
        clip_id = passed_id;
    if (!clip_id && (!vigil_store_pick_oldest(self, &seq, error) ||
                     !vigil_store_pick_passed_before(self, seq, &clip_id, error)))
        return FALSE;
    if (clip_id) {
        step->n_expired++;
        return vigil_store_expire_clip(self, clip_id, step->garbage, error);
    }
    *gone = seq != 0;
    if (!seq)
        return TRUE;
    step->n_deleted++;
    return vigil_store_drop_event(self, seq, step->garbage, error);
}

/* What segments have that are written to: it can go for space once they are done. */
static gint64
get_open_footage(const VigilStore *self)
{
    gint64 bytes = 0;

    for (guint i = 0; i < self->live_clips->len; i++) {
        const VigilClip *clip = g_ptr_array_index(self->live_clips, i);

        bytes += clip->continuous ? (gint64)vigil_clip_bytes(clip) : 0;
    }
    return bytes;
}

/* No event goes for a continuous recording. */
static gboolean
drop_for_space(VigilStore *self, Step *step, GError **error)
{
    const gint64 excess_of_events = step->excess - get_open_footage(self);
    gint64 used, now;
    gboolean gone = TRUE;

    if (!vigil_retention_read_used(self, &used, error))
        return FALSE;
    now = used;
    while (gone && used - now < step->excess && step->n_deleted + step->n_expired < step->n_max)
        if (!drop_oldest(self, step, used - now < excess_of_events, &gone, error) ||
            !vigil_retention_read_used(self, &now, error))
            return FALSE;
    return TRUE;
}

static gboolean
drop_collected_rows(VigilStore *self, gpointer data, GError **error)
{
    const GPtrArray *paths = data;

    for (guint i = 0; i < paths->len; i++) {
        /* a new clip of that name may be on its way already */
        g_auto(VigilStatement) drop =
            vigil_statement(self, "DELETE FROM garbage WHERE path = :path AND reason = 'deleted'");

        vigil_statement_text(&drop, ":path", g_ptr_array_index(paths, i));
        if (!vigil_statement_run(&drop, error))
            return FALSE;
    }
    return TRUE;
}

/* Also takes the rows of files off the list that the step before has unlinked. */
static gboolean
work_step(VigilStore *self, gpointer data, GError **error)
{
    Step *step = data;

    g_ptr_array_set_size(step->garbage, 0);
    step->n_deleted = step->n_expired = 0;
    return drop_collected_rows(self, self->retention->collected, error) &&
           (step->by_space ? drop_for_space(self, step, error) : drop_due(self, step, error));
}

/* Hands what is to be unlinked to unlink_doomed(). */
static gboolean
list_doomed(VigilStore *self, const GPtrArray *garbage, GError **error)
{
    for (guint i = 0; i < garbage->len; i++) {
        const gchar *path = g_ptr_array_index(garbage, i);
        gboolean wanted;

        if (!vigil_store_has_clip_row(self, path, &wanted, error))
            return FALSE;
        g_ptr_array_add(wanted ? self->retention->collected : self->retention->doomed,
                        g_strdup(path));
    }
    return TRUE;
}

static gboolean
run_step(VigilStore *self, Step *step, GError **error)
{
    if (!vigil_store_transact(self, work_step, step, error))
        return FALSE;
    g_ptr_array_set_size(self->retention->collected, 0);
    return list_doomed(self, step->garbage, error);
}

static void
step_init(Step *self, guint n_max)
{
    *self = (Step){.due = {g_array_new(FALSE, FALSE, sizeof(gint64)),
                           g_array_new(FALSE, FALSE, sizeof(gint64)),
                           g_array_new(FALSE, FALSE, sizeof(gint64))},
                   .n_max = n_max,
                   .garbage = g_ptr_array_new_with_free_func(g_free)};
}

static void
step_clear(Step *self)
{
    g_array_unref(self->due.events);
    g_array_unref(self->due.clips);
    g_array_unref(self->due.snapshots);
    g_ptr_array_unref(self->garbage);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Step, step_clear)

/* --- tasks: each is repeated until it says that it is done -------------------------------------------------------- */

/* What footage must not be older than, whatever it belongs to; 0: no limit. */
static gint64
get_longest_age(const VigilStore *self)
{
    gint64 age_us = self->max_age_us;

    if (self->clips_max_age_us || !age_us)
        return self->clips_max_age_us;
    for (guint i = 0; i < self->n_keep; i++)
        age_us = MAX(age_us, self->keep[i].max_age_us);
    return age_us;
}

/* An event that lasts still has no age, but what it has behind it has. */
static gboolean
find_passed(VigilStore *self, Step *step, GError **error)
{
    const gint64 age_us = get_longest_age(self);
    gint64 clip_id = 0;

    if (age_us && !vigil_store_pick_passed_by_age(self, age_us, &clip_id, error))
        return FALSE;
    if (clip_id)
        g_array_append_val(step->due.clips, clip_id);
    return TRUE;
}

static gboolean
do_ages(VigilStore *self, guint scan, guint *n_deleted, gboolean *done, GError **error)
{
    g_auto(Step) step;

    step_init(&step, self->retention->batch);
    if (scan == self->n_keep + 1 && !find_passed(self, &step, error))
        return FALSE;
    *done = FALSE;
    if (step.due.clips->len == 0 &&
        !vigil_age_scan_find(self, scan, step.n_max, &step.due, done, error))
        return FALSE;
    if (step.due.events->len + step.due.clips->len + step.due.snapshots->len == 0)
        return TRUE;
    if (run_step(self, &step, error)) {
        *n_deleted = step.n_deleted;
        return TRUE;
    }
    /* they are still there: to be found again */
    vigil_age_scan_reset(&self->retention->scans[scan]);
    return FALSE;
}

static gboolean
do_footage(VigilStore *self, gboolean *done, GError **error)
{
    g_auto(Step) step;

    step_init(&step, self->retention->batch);
    if (!vigil_footage_find_due(self, step.n_max, step.due.clips, error))
        return FALSE;
    *done = step.due.clips->len == 0;
    return *done || run_step(self, &step, error);
}

/*
 * @of_disk: only what the disk lacks counts, and of that half: a database that is made again knows the latest first, and what is the oldest
 * there would be the latest of all
 */
static gboolean
do_space_of(VigilStore *self, gboolean of_disk, guint *n_deleted, gboolean *done, GError **error)
{
    g_auto(Step) step;
    gint64 free_bytes = -1, lack, excess = 0;
    gboolean chosen;

    step_init(&step, self->retention->batch);
    step.by_space = TRUE;
    *done = (of_disk || !self->max_bytes) && !self->min_free_bytes;
    if (*done)
        return TRUE;
    if (!of_disk && !vigil_retention_read_excess(self, &excess, error))
        return FALSE;
    if (self->min_free_bytes)
        free_bytes = self->ops->free_bytes(self->clips_fd);
    lack = vigil_retention_get_lack(self, free_bytes);
    if (of_disk)
        lack -= self->min_free_bytes / 2;
    step.excess = MAX(lack, excess);
    *done = step.excess <= 0;
    if (*done)
        return TRUE;
    if (!vigil_set_aside_choose(self, TRUE, &chosen, error))
        return FALSE;
    if (chosen)
        return TRUE; /* what that gives is seen by the next step */
    if (!run_step(self, &step, error))
        return FALSE;
    *n_deleted = step.n_deleted;
    *done = step.n_deleted + step.n_expired == 0;
    if (lack > 0 && !*done)
        self->retention->free_before = free_bytes;
    return TRUE;
}

static gboolean
do_space(VigilStore *self, guint *n_deleted, gboolean *done, GError **error)
{
    return do_space_of(self, FALSE, n_deleted, done, error);
}

static gboolean
do_space_of_disk(VigilStore *self, guint *n_deleted, gboolean *done, GError **error)
{
    *n_deleted = 0;
    return vigil_store_check_writable(self, error) &&
           do_space_of(self, TRUE, n_deleted, done, error);
}

/* A day of each camera: the first time there may be much. */
static gboolean
drop_old_outcomes(VigilStore *self, gpointer n_dropped, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(
        self,
        "DELETE FROM outcomes WHERE (camera_id, minute_wall_us, outcome) IN "
        "(SELECT o.camera_id, o.minute_wall_us, o.outcome FROM cameras k CROSS JOIN outcomes o "
        "ON o.camera_id = k.id WHERE o.minute_wall_us < :wall LIMIT 4000)");

    vigil_statement_int(&drop, ":wall", vigil_store_clock_trusted(&self->clock) - self->max_age_us);
    if (!vigil_statement_run(&drop, error))
        return FALSE;
    *(gint *)n_dropped = sqlite3_changes(self->db);
    return TRUE;
}

static gboolean
do_old_rows(VigilStore *self, gboolean *done, GError **error)
{
    gint64 before_us = G_MININT64;
    gint n_dropped = 0;
    gboolean chosen;

    if (!vigil_set_aside_choose(self, FALSE, &chosen, error))
        return FALSE;
    if (self->max_age_us > 0) {
        if (!vigil_store_transact(self, drop_old_outcomes, &n_dropped, error))
            return FALSE;
        before_us = vigil_store_clock_trusted(&self->clock) - self->max_age_us;
    }
    *done = n_dropped == 0;
    return !*done || vigil_store_transact(self, vigil_store_drop_old_decisions, &before_us, error);
}

static gboolean
do_rest(VigilStore *self, gboolean *done, GError **error)
{
    gint64 pages, unused;
    g_autofree gchar *vacuum =
        g_strdup_printf("PRAGMA incremental_vacuum (%u)", (guint)VACUUM_PAGES);

    if (self->retention->collected->len > 0) {
        if (!vigil_store_transact(self, drop_collected_rows, self->retention->collected, error))
            return FALSE;
        g_ptr_array_set_size(self->retention->collected, 0);
    }
    vigil_store_keep_reserve(self);
    if (!vigil_store_read_int(self, "PRAGMA page_count", &pages, error) ||
        !vigil_store_read_int(self, "PRAGMA freelist_count", &unused, error))
        return FALSE;
    *done = unused * VACUUM_SHARE < pages;
    return *done || vigil_store_exec(self, vacuum, error);
}

static gboolean
do_task(VigilStore *self, guint *n_deleted, gboolean *done, GError **error)
{
    const guint n_scans = self->n_keep + 2, task = self->retention->task;

    *done = TRUE;
    if (task == 0)
        return vigil_retention_end_stray(self, done, error);
    if (task <= n_scans)
        return do_ages(self, task - 1, n_deleted, done, error);
    if (task == n_scans + 1)
        return do_footage(self, done, error);
    if (task == n_scans + 2)
        return do_space(self, n_deleted, done, error);
    if (task == n_scans + 3)
        return do_old_rows(self, done, error);
    if (task == n_scans + 4)
        return vigil_seal_shorten_some(self, done, error);
    return do_rest(self, done, error);
}

/* Going over a long chain takes minutes, in which the disk must not fill up: all limits get their turn in between. */
static gboolean
is_long_enough(VigilStore *self)
{
    VigilRetention *retention = self->retention;
    const guint most = vigil_seal_shortener_get_pace(self->seal_shortener)->n_steps;

    return retention->task == self->n_keep + 6 && most && ++retention->n_shortening % most == 0;
}

/* @all_done: (out): this was the last task */
static gboolean
go_on(VigilStore *self, guint *n_deleted, gboolean *all_done, GError **error)
{
    VigilRetention *retention = self->retention;
    gboolean done;

    *n_deleted = 0;
    *all_done = FALSE;
    if (!vigil_store_check_writable(self, error))
        return FALSE;
    if (!retention->scans)
        retention->scans = g_new0(VigilAgeScan, self->n_keep + 2);
    if (!do_task(self, n_deleted, &done, error)) {
        retention->task = 0;
        return FALSE;
    }
    if (!done) {
        if (is_long_enough(self))
            retention->task = 1;
        return TRUE;
    }
    if (retention->task < self->n_keep + 7) {
        retention->task++;
        return TRUE;
    }
    retention->task = 0;
    *all_done = !retention->had_stray;
    return TRUE;
}

typedef gboolean (*Work)(VigilStore *self, guint *n_deleted, gboolean *done, GError **error);

/* On a full disk the rows of the deletion use the reserve; the last task makes it again. */
static gboolean
do_if_full(VigilStore *self, Work work, guint *n_deleted, gboolean *done, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (work(self, n_deleted, done, &local))
        return TRUE;
    if (g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_FULL) &&
        vigil_store_release_reserve(self))
        return work(self, n_deleted, done, error);
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* Without the store's lock: whoever commits need not wait for a file system that is slow in this. */
static gboolean
unlink_doomed(VigilStore *self, GError **error)
{
    VigilRetention *retention = self->retention;
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    gboolean ok;

    if (retention->doomed->len == 0)
        return TRUE;
    ok = vigil_clip_folder_remove_all(self, retention->doomed, gone, error);
    g_mutex_lock(&self->mutex);
    for (guint i = 0; ok && i < gone->len; i++)
        g_ptr_array_add(retention->collected, g_strdup(g_ptr_array_index(gone, i)));
    g_ptr_array_set_size(retention->doomed, 0);
    g_mutex_unlock(&self->mutex);
    return ok;
}

static void
adapt_batch(VigilRetention *self, gint64 took_us)
{
    if (took_us > LONG_STEP_US)
        self->batch = MAX(self->batch / 2, 1);
    else if (took_us < SHORT_STEP_US)
        self->batch = MIN(self->batch * 2, MAX_BATCH);
}

gboolean
vigil_store_enforce_some(VigilStore *self, guint *n_deleted, gboolean *done, GError **error)
{
    VigilRetention *retention = self->retention;
    gint64 begun_us, took_us;
    gboolean ok, begins, goes_on;
    guint task;

    *n_deleted = 0;
    *done = FALSE;
    g_mutex_lock(&retention->enforcing);
    g_mutex_lock(&self->mutex);
    begins = retention->task == 0;
    g_mutex_unlock(&self->mutex);
    if (begins)
        vigil_set_aside_look(self);
    if (begins && !vigil_retention_examine_stray(self, error)) {
        g_mutex_unlock(&retention->enforcing);
        return FALSE;
    }
    g_mutex_lock(&self->mutex);
    begun_us = g_get_monotonic_time();
    task = retention->task;
    ok = do_if_full(self, go_on, n_deleted, done, error);
    /* limits of space are about what is gone from the disk */
    goes_on = retention->task == task && task <= self->n_keep + 3;
    g_mutex_unlock(&self->mutex);
    took_us = g_get_monotonic_time() - begun_us;
    adapt_batch(retention, took_us);
    vigil_set_aside_remove_chosen(self);
    if (ok && (!goes_on || retention->doomed->len >= MAX_DOOMED))
        ok = unlink_doomed(self, error);
    g_mutex_unlock(&retention->enforcing);
    /* a lock is not given to who waited longest */
    if (ok && !*done)
        g_usleep((gulong)CLAMP(took_us, MIN_PAUSE_US, MAX_PAUSE_US));
    return ok;
}

gboolean
vigil_store_enforce_min_free(VigilStore *self, guint *n_deleted, gboolean *done, GError **error)
{
    gboolean ok;

    *done = FALSE;
    g_mutex_lock(&self->retention->enforcing);
    g_mutex_lock(&self->mutex);
    ok = do_if_full(self, do_space_of_disk, n_deleted, done, error);
    g_mutex_unlock(&self->mutex);
    vigil_set_aside_remove_chosen(self);
    ok = ok && unlink_doomed(self, error);
    g_mutex_unlock(&self->retention->enforcing);
    return ok;
}

gboolean
vigil_store_enforce_limits(VigilStore *self, guint *n_deleted, GError **error)
{
    gboolean done = FALSE, ok = TRUE;
    guint step = 0, total = 0;

    while (ok && !done) {
        ok = vigil_store_enforce_some(self, &step, &done, error);
        total += step;
    }
    if (n_deleted)
        *n_deleted = total;
    return ok;
}
