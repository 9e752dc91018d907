/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run that died left behind. Every step can be repeated, so dying here is no different:
 *
 * 1. Garbage that is listed is unlinked: clips whose creation or deletion did not come to its end. Nothing else is ever
 *    deleted, and no folder is searched: with an older copy of the database, or the wrong folder, no footage is lost.
 * 2. Events that were open end as interrupted, at their last committed time; the outbox gets their ends.
 * 3. Clips of events that were open are examined and end as 'cut' or 'lost' (see vigil-strays.h), and their events keep their
 *    metadata; one that cannot be read stays open until the limits are enforced with it readable. Open segments of continuous recordings are not read here, as there may be gigabytes of them: they stay open, and
 *    vigil_store_enforce_some() ends them, beside what the new run records.
 * 4. In a database that never had a run, beside clips, it is noted that it has to be made again from them.
 * 5. Runs that did not end are marked as died, and this one begins. In place of a store that failed it knows at once where
 *    messages go, as the database may be another one.
 *
 * Steps 2 to 5 are one transaction.
 */
#include "storage/vigil-outbox-private.h"
#include "storage/vigil-rebuild-private.h"
#include "storage/vigil-retention-private.h"
#include "storage/vigil-seal-private.h"

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
    VigilStrays *strays;
    const gchar *program, *set_aside;
    gboolean rebuild;
} Recovery;

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
    const guint n_clips = vigil_strays_get_n(recovery->strays);
    g_autoptr(GArray) events = list_open_events(self, error);

    if (!events || !end_events(self, events, error) ||
        !vigil_strays_end(recovery->strays, self, error) || !seal_rest(self, events, error))
        return FALSE;
    vigil_retention_tell_strays(self, recovery->strays);
    if (events->len > 0 || n_clips > 0)
        g_message("%s: the last run was interrupted: %u events, %u clips", self->database,
                  events->len, n_clips);
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
    g_autoptr(VigilStrays) strays = NULL;
    gboolean examined = FALSE;
    Recovery recovery = {.program = program, .set_aside = set_aside};

    if (!read_last_seen(self, error) || !collect_listed(self, error) ||
        !must_rebuild(self, set_aside, &recovery.rebuild, error))
        return FALSE;
    recovery.strays = strays = vigil_strays_list(self, FALSE, 0, G_MAXUINT, error);
    while (strays && !examined)
        if (!vigil_strays_examine_some(strays, self, &examined, error))
            return FALSE;
    if (!strays)
        return FALSE;
    return vigil_store_transact(self, end_earlier_runs, &recovery, error);
}
