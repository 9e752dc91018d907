/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run that died left behind. Every step can be repeated, so dying here is no different:
 *
 * 1. Garbage that is listed is unlinked: clips whose creation or deletion did not come to its end. Nothing else is ever
 *    deleted, and no folder is searched: with an older copy of the database, or the wrong folder, no footage is lost.
 * 2. Events that were open end as interrupted, at their last committed time; the outbox gets their ends.
 * 3. Clips that were open are made to end with their last whole picture (see vigil-clip-tail.h), synced, and become 'cut',
 *    with the size that they have; when the file is gone or empty they become 'lost', and their events keep their metadata.
 *    They are sealed as they are then. When those of continuous recordings end is read from them.
 * 4. In a database that never had a run, beside clips, it is noted that it has to be made again from them.
 * 5. Runs that did not end are marked as died, and this one begins. In place of a store that failed it knows at once where
 *    messages go, as the database may be another one.
 *
 * Steps 2 to 5 are one transaction.
 */
#include "storage/vigil-clip-span.h"
#include "storage/vigil-clip-tail.h"
#include "storage/vigil-outbox-private.h"
#include "storage/vigil-rebuild-private.h"
#include "storage/vigil-seal-private.h"

#include <errno.h>
#include <unistd.h>

typedef struct {
    gint64 id, bytes;                  /* bytes: first as recorded, then as found */
    gint64 start_wall_us, end_wall_us; /* of a segment of a continuous recording; 0: not known */
    gchar *path;
    guint8 hash[VIGIL_SEAL_DIGEST_BYTES];
    gboolean hashed, lost;
} OpenClip;

static void
open_clip_clear(gpointer data)
{
    g_free(((OpenClip *)data)->path);
}

static gboolean
collect_listed(VigilStore *self, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) local = NULL;

    {
        g_auto(VigilStatement) list = vigil_statement(self, "SELECT path FROM garbage");

        while (vigil_statement_step(&list, &local))
            g_ptr_array_add(paths, g_strdup(vigil_statement_need_text(&list, 0)));
    }
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    return paths->len == 0 || vigil_store_collect(self, paths, error);
}

/* Those that nobody writes to. */
static GArray *
list_open_clips(VigilStore *self, GError **error)
{
    g_autoptr(GArray) clips = g_array_new(FALSE, FALSE, sizeof(OpenClip));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT id, path, bytes, iif(continuous, start_wall_us, 0) FROM clips "
              "WHERE state = 'open'");

    g_array_set_clear_func(clips, open_clip_clear);
    while (vigil_statement_step(&list, &local)) {
        OpenClip clip = {.id = sqlite3_column_int64(list.stmt, 0)};

        if (vigil_clip_is_live(self, clip.id))
            continue;
        clip.path = g_strdup(vigil_statement_need_text(&list, 1));
        clip.bytes = sqlite3_column_int64(list.stmt, 2);
        clip.start_wall_us = sqlite3_column_int64(list.stmt, 3);
        g_array_append_val(clips, clip);
    }
    if (!local)
        return g_steal_pointer(&clips);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

/* That it cannot be done, as on a full disk, is no reason not to start. Returns: 0, or -EIO after a sync that failed */
static gint
close_tail(VigilStore *self, const gchar *path)
{
    const gint fd = vigil_clip_folder_open_to_mend(self, path);
    gint sync_code = 0;
    const gint code = fd < 0 ? fd : vigil_clip_tail_close(fd, self->ops, &sync_code);

    if (fd >= 0)
        close(fd);
    if (sync_code < 0) {
        g_message("%s: sync failed: %s", path, g_strerror(-sync_code));
        vigil_store_fail(self);
        return -EIO;
    }
    if (code > 0)
        g_message("%s: was cut off; it ends with its last whole picture now", path);
    else if (code < 0 && fd >= 0)
        g_message("%s: was cut off, and stays so: %s", path, g_strerror(-code));
    return 0;
}

static void
find_end(OpenClip *clip, gint fd)
{
    gint64 duration_us;

    if (clip->start_wall_us && vigil_clip_span_read(fd, &duration_us) == 0)
        clip->end_wall_us = clip->start_wall_us + duration_us;
}

/* Makes what is there safe, before its size is written down. */
static gboolean
examine_clip(VigilStore *self, OpenClip *clip, GError **error)
{
    const gint tail = close_tail(self, clip->path);
    const gint fd = tail < 0 ? tail : vigil_clip_folder_open(self, clip->path);
    struct stat info;
    guint64 size;
    gint code;

    if (fd == -ENOENT || fd == -EINVAL || fd == -ELOOP || fd == -ENOTDIR) {
        g_message("%s: the clip is gone", clip->path);
        clip->lost = TRUE;
        return TRUE;
    }
    code = fd < 0 ? fd : fstat(fd, &info) < 0 ? -errno : vigil_store_sync(self, fd);
    /* footage that cannot be read all through is not sealed, but no reason not to start */
    clip->hashed = code == 0 && vigil_seal_hash_file(fd, clip->hash, &size) == 0;
    if (code == 0)
        find_end(clip, fd);
    if (fd >= 0)
        close(fd);
    if (code < 0)
        return vigil_store_set_errno(error, code, "cannot recover the clip", clip->path);
    clip->lost = info.st_size == 0;
    clip->hashed = clip->hashed && !clip->lost && size == (guint64)info.st_size;
    if (info.st_size < clip->bytes)
        g_message("%s: shorter than recorded: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                  clip->path, (gint64)info.st_size, clip->bytes);
    clip->bytes = info.st_size;
    return TRUE;
}

static gboolean
end_clip(VigilStore *self, const OpenClip *clip, GError **error)
{
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE clips SET state = :state, bytes = :bytes, end_wall_us = "
                              "coalesce(:end, end_wall_us) WHERE id = :id");

    vigil_statement_text(&update, ":state", clip->lost ? "lost" : "cut");
    if (clip->end_wall_us)
        vigil_statement_int(&update, ":end", clip->end_wall_us);
    vigil_statement_int(&update, ":bytes", clip->lost ? 0 : clip->bytes);
    vigil_statement_int(&update, ":id", clip->id);
    return vigil_statement_run(&update, error) &&
           vigil_seal_clip(self, clip->id, clip->hashed ? clip->hash : NULL, error);
}

static gboolean
begin_run(VigilStore *self, const gchar *program, GError **error)
{
    const gint64 wall = vigil_store_clock_wall(&self->clock);
    const gint64 mono = vigil_store_clock_mono(&self->clock);
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO runs (program, boot_id, begun_wall_us, begun_mono_us, wall_offset_us) "
              "VALUES (:program, :boot, :wall, :mono, :offset)");

    vigil_statement_text(&insert, ":program", program ? program : "");
    vigil_statement_text(&insert, ":boot", self->boot_id);
    vigil_statement_int(&insert, ":wall", wall);
    vigil_statement_int(&insert, ":mono", mono);
    vigil_statement_int(&insert, ":offset", wall - mono);
    if (!vigil_statement_run(&insert, error))
        return FALSE;
    self->run_id = sqlite3_last_insert_rowid(self->db);
    self->run_offset_us = wall - mono;
    return vigil_store_save_clock(self, error);
}

typedef struct {
    const GArray *clips; /* (element-type OpenClip) */
    const gchar *program, *set_aside;
    gboolean rebuild;
} Recovery;

static gboolean
end_clips(VigilStore *self, gpointer data, GError **error)
{
    const Recovery *recovery = data;

    for (guint i = 0; i < recovery->clips->len; i++)
        if (!end_clip(self, &g_array_index(recovery->clips, OpenClip, i), error))
            return FALSE;
    return TRUE;
}

/* (element-type gint64): their seq */
static GArray *
list_open_events(VigilStore *self, GError **error)
{
    g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self, "SELECT seq FROM events WHERE end_reason IS NULL ORDER BY seq");

    while (vigil_statement_step(&list, &local)) {
        const gint64 seq = sqlite3_column_int64(list.stmt, 0);

        g_array_append_val(events, seq);
    }
    if (!local)
        return g_steal_pointer(&events);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

static gboolean
end_events(VigilStore *self, const GArray *events, GError **error)
{
    for (guint i = 0; i < events->len; i++) {
        g_auto(VigilStatement) end = vigil_statement(
            self, "UPDATE events SET end_reason = :reason, n_commits = n_commits + 1 "
                  "WHERE seq = :seq");

        vigil_statement_text(&end, ":reason", vigil_end_reason_to_string(VIGIL_END_INTERRUPTED));
        vigil_statement_int(&end, ":seq", g_array_index(events, gint64, i));
        if (!vigil_statement_run(&end, error))
            return FALSE;
    }
    return TRUE;
}

/* Those that no clip was sealed with: without a clip, or with one that was whole already. */
static gboolean
seal_rest(VigilStore *self, const GArray *events, GError **error)
{
    for (guint i = 0; i < events->len; i++) {
        g_auto(VigilStatement) find =
            vigil_statement(self, "SELECT 1 FROM events WHERE seq = :seq AND seal_seq IS NULL");
        const gint64 seq = g_array_index(events, gint64, i);
        g_autoptr(GError) local = NULL;
        gboolean wanted;

        vigil_statement_int(&find, ":seq", seq);
        wanted = vigil_statement_step(&find, &local);
        if (local) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        if (wanted && !vigil_seal_event(self, seq, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
end_earlier_runs(VigilStore *self, gpointer data, GError **error)
{
    const Recovery *recovery = data;
    g_autoptr(GArray) events = list_open_events(self, error);

    if (!events || !end_events(self, events, error) || !end_clips(self, data, error) ||
        !seal_rest(self, events, error))
        return FALSE;
    if (events->len > 0 || recovery->clips->len > 0)
        g_message("%s: the last run was interrupted: %u events, %u clips", self->database,
                  events->len, recovery->clips->len);
    return (!recovery->rebuild || vigil_rebuild_begin(self, recovery->set_aside, error)) &&
           vigil_store_exec(self, "UPDATE runs SET how = 'died' WHERE how IS NULL", error) &&
           begin_run(self, recovery->program, error) && vigil_outbox_register(self, error) &&
           vigil_outbox_add_interrupted(self, events, error);
}

/*
 * The latest moment that the store knows of, for the judgement of today's clock. What the last run's own clock said only
 * counts in a store that has never noted which time was trusted.
 */
static gboolean
read_last_seen(VigilStore *self, GError **error)
{
    VigilStoreDoubt doubt;
    gint64 seen;

    if (!vigil_store_read_int(self, "SELECT value FROM sums WHERE name = 'trusted_wall_us'", &seen,
                              error) ||
        !vigil_store_read_int(self, "SELECT value FROM sums WHERE name = 'doubted_wall_us'",
                              &doubt.wall_us, error) ||
        !vigil_store_read_int(self, "SELECT value FROM sums WHERE name = 'doubted_for_us'",
                              &doubt.lasted_us, error))
        return FALSE;
    if (seen > 0) {
        vigil_store_clock_set_last_seen(&self->clock, seen);
        vigil_store_clock_set_doubt(&self->clock, &doubt);
        return TRUE;
    }
    if (!vigil_store_read_int(
            self,
            "SELECT max(coalesce(r.ended_wall_us, 0), r.begun_mono_us + r.wall_offset_us, "
            "coalesce((SELECT max(e.committed_mono_us) FROM events e WHERE e.run_id = r.id) + "
            "r.wall_offset_us, 0)) "
            "FROM runs r ORDER BY r.id DESC LIMIT 1",
            &seen, error))
        return FALSE;
    vigil_store_clock_set_last_seen(&self->clock, seen);
    return TRUE;
}

static gboolean
examine_clips(VigilStore *self, GArray *clips, GError **error)
{
    for (guint i = 0; i < clips->len; i++)
        if (!examine_clip(self, &g_array_index(clips, OpenClip, i), error))
            return FALSE;
    return TRUE;
}

struct VigilStrays {
    GArray *clips; /* (element-type OpenClip) */
};

VigilStrays *
vigil_strays_list(VigilStore *self, GError **error)
{
    GArray *clips = list_open_clips(self, error);
    VigilStrays *strays;

    if (!clips)
        return NULL;
    strays = g_new0(VigilStrays, 1);
    strays->clips = clips;
    return strays;
}

void
vigil_strays_free(VigilStrays *self)
{
    if (!self)
        return;
    g_array_unref(self->clips);
    g_free(self);
}

gboolean
vigil_strays_examine(VigilStrays *self, VigilStore *store, GError **error)
{
    return examine_clips(store, self->clips, error);
}

static gboolean
has_id(const GArray *clips, gint64 id)
{
    for (guint i = 0; i < clips->len; i++)
        if (g_array_index(clips, OpenClip, i).id == id)
            return TRUE;
    return FALSE;
}

gboolean
vigil_strays_end(VigilStrays *self, VigilStore *store, GError **error)
{
    g_autoptr(GArray) still = NULL;
    Recovery recovery = {.clips = self->clips};

    if (self->clips->len == 0)
        return TRUE;
    still = list_open_clips(store, error);
    if (!still)
        return FALSE;
    for (guint i = self->clips->len; i > 0; i--)
        if (!has_id(still, g_array_index(self->clips, OpenClip, i - 1).id))
            g_array_remove_index(self->clips, i - 1);
    return self->clips->len == 0 || vigil_store_transact(store, end_clips, &recovery, error);
}

/*
 * An open that died before it began its run has left a database without any, which says nothing: only what is decided
 * together with the run is decided.
 */
static gboolean
must_rebuild(VigilStore *self, const gchar *set_aside, gboolean *must, GError **error)
{
    gint64 has_runs;

    if (!vigil_store_read_int(self, "SELECT EXISTS (SELECT 1 FROM runs)", &has_runs, error))
        return FALSE;
    *must = FALSE;
    if (!has_runs && !vigil_rebuild_has_clips(self, must, error))
        return FALSE;
    if (*must)
        g_message("%s: %s: what the clips say of events is put into a new database", self->database,
                  set_aside ? "the database was damaged" : "there is no database, but clips");
    return TRUE;
}

gboolean
vigil_store_recover(VigilStore *self, const gchar *program, const gchar *set_aside, GError **error)
{
    g_autoptr(GArray) clips = NULL;
    Recovery recovery = {.program = program, .set_aside = set_aside};

    if (!read_last_seen(self, error) || !collect_listed(self, error) ||
        !must_rebuild(self, set_aside, &recovery.rebuild, error))
        return FALSE;
    clips = list_open_clips(self, error);
    if (!clips || !examine_clips(self, clips, error))
        return FALSE;
    recovery.clips = clips;
    return vigil_store_transact(self, end_earlier_runs, &recovery, error);
}
