/* SPDX-License-Identifier: Apache-2.0 */
/* Events that come out of clips again: see vigil-rebuild.c. */
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-event-rows.h"
#include "storage/vigil-rebuild-private.h"

/* Its place among the others, and when it was committed. */
static gboolean
move_back(VigilStore *self, const VigilRestore *restore, gint64 seq, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(
        self, "UPDATE events SET seq = :seq, run_id = :run, committed_wall_us = :wall, "
              "committed_mono_us = :wall, pinned = :pinned WHERE seq = :old");

    vigil_statement_int(&update, ":old", seq);
    vigil_statement_int(&update, ":pinned", restore->pinned);
    vigil_statement_int(&update, ":seq", restore->seq);
    vigil_statement_int(&update, ":run", restore->run_id);
    vigil_statement_int(&update, ":wall", restore->committed_wall_us);
    return vigil_statement_run(&update, error);
}

/* What is known of it beside its row, which gets its place among the others before anything refers to it. */
static gboolean
fill_in(VigilStore *self, const VigilRestore *restore, gint64 seq, GError **error)
{
    const VigilEvent *event = restore->event;

    return move_back(self, restore, seq, error) &&
           vigil_event_rows_put_details(self, restore->seq, event, error);
}

/* Of one that came out of another of its clips: when it was committed last, and whether that clip is not its first. */
static gboolean
look_back(VigilStore *self, const VigilEventFound *existing, gint64 *committed_us,
          gboolean *had_before, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT e.committed_wall_us, EXISTS (SELECT 1 FROM event_parts p WHERE "
              "p.event_seq = e.seq AND p.clip_id = e.clip_id) FROM events e WHERE e.seq = :seq");

    vigil_statement_int(&find, ":seq", existing->seq);
    if (vigil_statement_step(&find, &local)) {
        *committed_us = sqlite3_column_int64(find.stmt, 0);
        *had_before = sqlite3_column_int(find.stmt, 1) != 0;
        return TRUE;
    }
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    return local == NULL;
}

/*
 * One more clip of an event that is there: the one that it began in, or another in which it went on. Until the one that it
 * began in is found, the earliest of the others takes its place, which event_parts has as well.
 */
static gboolean
restore_part(VigilStore *self, const VigilRestore *restore, const VigilEventFound *existing,
             VigilRestored *restored, GError **error)
{
    VigilRestore latest = *restore;
    gint64 committed_us = 0, first_id = existing->clip_id;
    gboolean had_before = FALSE;

    if (!look_back(self, existing, &committed_us, &had_before, error))
        return FALSE;
    if (!restore->goes_on && !had_before)
        return TRUE;
    *restored = VIGIL_RESTORED_PART;
    if (restore->goes_on && !vigil_clip_parts_add(self, existing->seq, restore->clip_id, error))
        return FALSE;
    if (had_before && (!restore->goes_on || restore->clip_id < first_id))
        first_id = restore->clip_id;
    if (!vigil_event_rows_set_first_clip(self, existing->seq, first_id, error))
        return FALSE;
    latest.seq = existing->seq;
    return restore->committed_wall_us <= committed_us ||
           (vigil_event_rows_update(self, restore->event, existing, first_id, error) &&
            fill_in(self, &latest, existing->seq, error));
}

gboolean
vigil_store_restore_event(VigilStore *self, const VigilRestore *restore, VigilRestored *restored,
                          GError **error)
{
    const VigilEvent *event = restore->event;
    g_auto(VigilEventFound) existing = {0};
    gint64 camera_id;

    *restored = VIGIL_RESTORED_NOT;
    if (!vigil_event_rows_find(self, event->id, &existing, error))
        return FALSE;
    if (event->model.sha256 && !vigil_store_insert_model(self, &event->model, error))
        return FALSE;
    if (existing.seq)
        return existing.run_id != restore->run_id ||
               restore_part(self, restore, &existing, restored, error);
    *restored = VIGIL_RESTORED_EVENT;
    return vigil_store_camera_id(self, event->camera, &camera_id, error) &&
           vigil_event_rows_insert(self, event, camera_id, restore->clip_id, &existing, error) &&
           fill_in(self, restore, existing.seq, error) &&
           (!restore->goes_on || vigil_clip_parts_add(self, restore->seq, restore->clip_id, error));
}
