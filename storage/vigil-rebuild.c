/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-rebuild.h"

#include "storage/vigil-rebuild-private.h"

#define STEP_CLIPS 16
#define STEP_BYTES (16 * 1024 * 1024)
/* Events and clips of later are numbered from here on, those of before downwards. */
#define FIRST_SEQ (G_GINT64_CONSTANT(1) << 32)
/* The run that the events of before belong to. */
#define RUN 1

void
vigil_rebuild_info_clear(VigilRebuildInfo *self)
{
    g_clear_pointer(&self->set_aside, g_free);
}

/* --- into the database --------------------------------------------------------------------------------------- */

typedef struct {
    GPtrArray *clips; /* of VigilFoundClip */
    guint n_clips, n_events, n_unknown, n_unreadable;
    guint n_unknown_before;
    gboolean done;  /* no file is left */
    gboolean ended; /* … and none has to be looked at again */
} Step;

/* One that is there already, is being written or waits to be deleted. */
static gboolean
is_known(VigilStore *self, const gchar *path, gboolean *known, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT 1 FROM clips WHERE path = :path UNION ALL "
                              "SELECT 1 FROM garbage WHERE path = :path");

    vigil_statement_text(&find, ":path", path);
    *known = vigil_statement_step(&find, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* When it was, and its age, which counts by the wall clock in the run of what was made again. */
static void
bind_segment(VigilStatement *insert, const VigilFoundClip *clip)
{
    const gint64 end_us =
        clip->scan.complete ? clip->info.end_wall_us : clip->start_wall_us + clip->duration_us;

    vigil_statement_int(insert, ":start_us", clip->start_wall_us);
    if (clip->scan.complete || clip->duration_us)
        vigil_statement_int(insert, ":end_us", end_us);
    vigil_statement_int(insert, ":done", end_us);
}

static gboolean
insert_clip(VigilStore *self, const VigilFoundClip *clip, gint64 *clip_id, GError **error)
{
    const gchar *camera =
        clip->camera ? clip->camera : g_array_index(clip->events, VigilFoundEvent, 0).last->camera;
    const gboolean complete = clip->scan.complete;
    gint64 camera_id;

    if (!vigil_store_camera_id(self, camera, &camera_id, error))
        return FALSE;
    if (!vigil_store_read_int(self, "SELECT coalesce(min(id), 4294967296) FROM clips", clip_id,
                              error))
        return FALSE;
    *clip_id = MIN(*clip_id, FIRST_SEQ) - 1;
    g_auto(VigilStatement) insert = vigil_statement(
        self,
        "INSERT INTO clips (id, camera_id, run_id, path, state, bytes, codec, width, height, "
        "start_ns, end_ns, start_wall_us, end_wall_us, done_mono_us, continuous) VALUES (:id, "
        ":camera, 1, :path, :state, :bytes, :codec, :width, :height, :start_ns, :end_ns, "
        ":start_us, :end_us, :done, :continuous)");
    vigil_statement_int(&insert, ":id", *clip_id);
    vigil_statement_int(&insert, ":camera", camera_id);
    vigil_statement_text(&insert, ":path", clip->path);
    vigil_statement_text(&insert, ":state", complete ? "complete" : "cut");
    vigil_statement_int(&insert, ":bytes", (gint64)clip->scan.bytes);
    if (complete) {
        vigil_statement_text(&insert, ":codec", clip->info.codec);
        vigil_statement_int(&insert, ":width", clip->info.width);
        vigil_statement_int(&insert, ":height", clip->info.height);
        vigil_statement_int(&insert, ":start_ns", clip->info.start_ns);
        vigil_statement_int(&insert, ":end_ns", clip->info.end_ns);
        vigil_statement_int(&insert, ":start_us", clip->info.start_wall_us);
        vigil_statement_int(&insert, ":end_us", clip->info.end_wall_us);
    }
    vigil_statement_int(&insert, ":continuous", clip->camera != NULL);
    if (clip->camera)
        bind_segment(&insert, clip);
    return vigil_statement_run(&insert, error);
}

/* What nobody ended was cut off, as at any start. */
static VigilEvent *
end_of(const VigilFoundEvent *found)
{
    return found->last->type == VIGIL_EVENT_END
               ? vigil_event_ref(found->last)
               : vigil_event_new_end(found->last, VIGIL_END_INTERRUPTED);
}

static gboolean
is_pinned(VigilStore *self, const gchar *id)
{
    return self->rebuild->pins && g_hash_table_contains(self->rebuild->pins, id);
}

/* @n: (out): how many of them were not there already. @wanted: (out): whether any of them has this clip. */
static gboolean
restore_events(VigilStore *self, const VigilFoundClip *clip, gint64 clip_id, guint *n,
               gboolean *wanted, GError **error)
{
    gint64 lowest;

    *n = 0;
    *wanted = FALSE;
    if (!vigil_store_read_int(self, "SELECT coalesce(min(seq), 4294967296) FROM events", &lowest,
                              error))
        return FALSE;
    lowest = MIN(lowest, FIRST_SEQ);
    /* those of before are numbered downwards: the last one is the nearest to those that came since */
    for (guint i = 0; i < clip->events->len; i++) {
        const VigilFoundEvent *found =
            &g_array_index(clip->events, VigilFoundEvent, clip->events->len - 1 - i);
        g_autoptr(VigilEvent) event = end_of(found);
        const VigilRestore restore = {.event = event,
                                      .clip_id = clip_id,
                                      .run_id = RUN,
                                      .seq = lowest - 1 - i,
                                      .committed_wall_us = found->written_wall_us,
                                      .goes_on = found->part > 0,
                                      .pinned = is_pinned(self, event->id)};
        VigilRestored restored;

        if (!vigil_store_restore_event(self, &restore, &restored, error))
            return FALSE;
        *n += restored == VIGIL_RESTORED_EVENT;
        *wanted |= restored != VIGIL_RESTORED_NOT;
    }
    return TRUE;
}

static gboolean
forget_clip(VigilStore *self, gint64 clip_id, GError **error)
{
    g_auto(VigilStatement) forget = vigil_statement(self, "DELETE FROM clips WHERE id = :id");

    vigil_statement_int(&forget, ":id", clip_id);
    return vigil_statement_run(&forget, error);
}

static gboolean
restore_clip(VigilStore *self, const VigilFoundClip *clip, Step *step, GError **error)
{
    gint64 clip_id;
    gboolean known, wanted;
    guint n;

    if (!is_known(self, clip->path, &known, error))
        return FALSE;
    if (known)
        return TRUE;
    if (clip->unreadable) {
        step->n_unreadable++;
        return TRUE;
    }
    if ((clip->events->len == 0 && !clip->camera) || clip->scan.n_fragments == 0) {
        step->n_unknown++;
        return TRUE;
    }
    if (!insert_clip(self, clip, &clip_id, error) ||
        !restore_events(self, clip, clip_id, &n, &wanted, error))
        return FALSE;
    /* a clip goes with its last event: one without any would stay for ever */
    if (!wanted && !clip->camera) {
        step->n_unknown++;
        return forget_clip(self, clip_id, error);
    }
    step->n_events += n;
    step->n_clips++;
    return TRUE;
}

/* What one file says may be what the database does not take: that is no reason to leave out the others. */
static gboolean
try_clip(VigilStore *self, const VigilFoundClip *clip, Step *step, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!vigil_store_exec(self, "SAVEPOINT clip", error))
        return FALSE;
    if (restore_clip(self, clip, step, &local))
        return vigil_store_exec(self, "RELEASE clip", error);
    if (!g_error_matches(local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    g_message("%s: what it says of events is not taken: %s", clip->path, local->message);
    step->n_unknown++;
    return vigil_store_exec(self, "ROLLBACK TO clip; RELEASE clip", error);
}

static gboolean
note_step(VigilStore *self, const Step *step, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE rebuild SET clips = clips + :clips, events = events + :events, "
              "unknown = :unknown, ended_wall_us = :ended");

    vigil_statement_int(&update, ":clips", step->n_clips);
    vigil_statement_int(&update, ":events", step->n_events);
    vigil_statement_int(&update, ":unknown", step->n_unknown_before + step->n_unknown);
    if (step->ended)
        vigil_statement_int(&update, ":ended", vigil_store_clock_wall(&self->clock));
    return vigil_statement_run(&update, error);
}

static gboolean
restore_step(VigilStore *self, gpointer data, GError **error)
{
    Step *step = data;

    step->n_clips = step->n_events = step->n_unknown = step->n_unreadable = 0;
    for (guint i = 0; i < step->clips->len; i++)
        if (!try_clip(self, step->clips->pdata[i], step, error))
            return FALSE;
    step->ended = step->done && self->rebuild->n_unreadable + step->n_unreadable == 0;
    return note_step(self, step, error);
}

static void
tell_end(VigilStore *self, guint n_unreadable)
{
    g_auto(VigilRebuildInfo) info = {0};

    if (vigil_store_get_rebuild(self, &info, NULL))
        g_message("%s: made again from the clips: %" G_GUINT64_FORMAT
                  " events of %" G_GUINT64_FORMAT " clips; %" G_GUINT64_FORMAT
                  " files say nothing of events",
                  self->database, info.n_events, info.n_clips, info.n_unknown);
    if (n_unreadable > 0)
        g_message("%s: %u files or folders of clips could not be read: the next start looks again",
                  self->database, n_unreadable);
}

/* Without looking into the file: when it goes on, most are. */
static gboolean
was_restored(VigilStore *self, const gchar *path)
{
    gboolean known = FALSE;

    g_mutex_lock(&self->mutex);
    if (!self->db || !is_known(self, path, &known, NULL))
        known = FALSE;
    g_mutex_unlock(&self->mutex);
    return known;
}

static void
fill_step(VigilStore *self, Step *step)
{
    gsize bytes = 0;

    while (step->clips->len < STEP_CLIPS && bytes < STEP_BYTES) {
        g_autofree gchar *path = vigil_rebuild_next_path(self, self->rebuild);
        VigilFoundClip *clip;

        step->done = path == NULL;
        if (!path)
            return;
        if (was_restored(self, path))
            continue;
        clip = vigil_found_clip_read(self, path);
        bytes += clip->bytes;
        g_ptr_array_add(step->clips, clip);
    }
}

/* (rebuild's lock held) */
static gboolean
take_step(VigilStore *self, GError **error)
{
    Step step = {.clips = g_ptr_array_new_with_free_func(vigil_found_clip_free),
                 .n_unknown_before = self->rebuild->n_unknown};
    gboolean ok;

    fill_step(self, &step);
    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, restore_step, &step, error);
    g_mutex_unlock(&self->mutex);
    g_ptr_array_unref(step.clips);
    self->rebuild->n_unknown += step.n_unknown;
    self->rebuild->n_unreadable += step.n_unreadable;
    if (ok && step.done) {
        tell_end(self, self->rebuild->n_unreadable);
        g_clear_pointer(&self->rebuild, vigil_rebuild_free);
    }
    return ok;
}

gboolean
vigil_store_rebuild_some(VigilStore *self, gint64 for_us, gboolean *done, GError **error)
{
    const gint64 until_us = g_get_monotonic_time() + for_us;
    gboolean ok = TRUE;

    g_mutex_lock(&self->rebuild_lock);
    while (ok && self->rebuild) {
        ok = take_step(self, error);
        if (g_get_monotonic_time() >= until_us)
            break;
    }
    *done = self->rebuild == NULL;
    /* what was read and not written is looked at again */
    if (!ok) {
        GHashTable *pins = g_steal_pointer(&self->rebuild->pins);

        vigil_rebuild_free(self->rebuild);
        self->rebuild = vigil_rebuild_new(self);
        self->rebuild->pins = pins;
    }
    g_mutex_unlock(&self->rebuild_lock);
    return ok;
}

/* The run of the events of before has the wall clock of their commits, and is of no boot. It is the first one. */
gboolean
vigil_rebuild_begin(VigilStore *self, const gchar *set_aside, GError **error)
{
    const gint64 now = vigil_store_clock_wall(&self->clock);
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO rebuild (id, set_aside, begun_wall_us) VALUES (0, :name, :now)");
    g_auto(VigilStatement) run = vigil_statement(
        self, "INSERT INTO runs (id, program, boot_id, begun_wall_us, begun_mono_us, "
              "wall_offset_us, ended_wall_us, how) VALUES (:run, 'rebuild', '', :now, 0, 0, :now, "
              "'closed')");

    vigil_statement_text(&insert, ":name", set_aside);
    vigil_statement_int(&insert, ":now", now);
    vigil_statement_int(&run, ":run", RUN);
    vigil_statement_int(&run, ":now", now);
    return vigil_statement_run(&insert, error) && vigil_statement_run(&run, error) &&
           vigil_store_exec(
               self,
               "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 4294967296), "
               "('clips', 4294967296);"
               /* the old chain of seals is lost, and the new one cannot vouch for what was before */
               "UPDATE seal_begin SET clip_id = 4294967296, event_seq = 4294967296",
               error);
}

gboolean
vigil_rebuild_prepare(VigilStore *self, GError **error)
{
    gint64 unfinished;

    if (!vigil_store_read_int(self, "SELECT count(*) FROM rebuild WHERE ended_wall_us IS NULL",
                              &unfinished, error))
        return FALSE;
    if (!unfinished)
        return TRUE;
    self->rebuild = vigil_rebuild_new(self);
    self->rebuild->pins = vigil_rebuild_read_pins(self);
    return TRUE;
}

static gboolean
read_info(VigilStore *self, VigilRebuildInfo *info, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self,
        "SELECT set_aside, begun_wall_us, ended_wall_us, clips, events, unknown FROM rebuild");

    if (!vigil_statement_step(&find, &local)) {
        if (local)
            g_propagate_error(error, g_steal_pointer(&local));
        else
            g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                        "%s: was never made again", self->database);
        return FALSE;
    }
    info->set_aside = g_strdup(vigil_statement_get_text(&find, 0));
    info->begun_wall_us = sqlite3_column_int64(find.stmt, 1);
    info->ended_wall_us = sqlite3_column_int64(find.stmt, 2);
    info->n_clips = (guint64)sqlite3_column_int64(find.stmt, 3);
    info->n_events = (guint64)sqlite3_column_int64(find.stmt, 4);
    info->n_unknown = (guint64)sqlite3_column_int64(find.stmt, 5);
    return TRUE;
}

gboolean
vigil_store_get_rebuild(VigilStore *self, VigilRebuildInfo *info, GError **error)
{
    gboolean ok;

    *info = (VigilRebuildInfo){0};
    g_mutex_lock(&self->mutex);
    ok = (self->db || vigil_store_check_writable(self, error)) && read_info(self, info, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
