/* SPDX-License-Identifier: Apache-2.0 */
/* Rows against what the chain says of them. */
#include <string.h>

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-seal-verify-private.h"

static const gchar *const part_names[VIGIL_VERIFY_PARTS] = {"what it says", "its track",
                                                            "its snapshot"};

/* Compares what is there now with what was sealed. */
static void
compare_event(VigilVerify *self, const gchar *id, const VigilVerifyEvent *event,
              const VigilSealItems *now)
{
    const VigilSealRecord record = {.items = now->bytes->data, .items_length = now->bytes->len};
    gboolean there[VIGIL_VERIFY_PARTS] = {FALSE};
    VigilSealItem item;
    gsize offset = 0;

    while (vigil_seal_record_next(&record, &offset, &item)) {
        const guint part = item.type - VIGIL_SEAL_EVENT;

        there[part] = TRUE;
        if (!event->has[part])
            vigil_verify_report(self, "event %s: %s was added after it was sealed", id,
                                part_names[part]);
        else if (memcmp(item.digest, event->digests[part], VIGIL_SEAL_DIGEST_BYTES) != 0)
            vigil_verify_report(self, "event %s: %s was altered after it was sealed", id,
                                part_names[part]);
    }
    for (guint i = 0; i < VIGIL_VERIFY_PARTS; i++)
        if (event->has[i] && !there[i])
            vigil_verify_report(self, "event %s: %s was taken away, and no record says so", id,
                                part_names[i]);
}

/* A clip that was deleted by itself may be missing in the row; another one may not be there. */
static void
compare_clip(VigilVerify *self, const gchar *id, const VigilVerifyEvent *event, const gchar *clip)
{
    if (g_strcmp0(event->clip, clip) == 0 ||
        (event->clip && !clip && !g_hash_table_contains(self->clips, event->clip)))
        return;
    vigil_verify_report(self, "event %s: it belongs to clip %s, but is said to belong to %s", id,
                        event->clip ? event->clip : "none", clip ? clip : "none");
}

static gboolean
check_event(VigilVerify *self, VigilStatement *row, GError **error)
{
    const gint64 seq = sqlite3_column_int64(row->stmt, 0);
    const gchar *id = vigil_statement_need_text(row, 1);
    const gboolean due = sqlite3_column_int(row->stmt, 3) != 0;
    VigilVerifyEvent *event = g_hash_table_lookup(self->events, id);
    g_autoptr(VigilSealItems) now = NULL;

    if (!event && !due)
        return TRUE;
    self->summary->n_events++;
    if (!event) {
        if ((guint64)seq <= self->older_event_seq)
            self->summary->n_older_events++;
        else
            vigil_verify_report(self, "event %s: it has no valid seal", id);
        return TRUE;
    }
    event->seen = TRUE;
    now = vigil_seal_items_new();
    if (!vigil_seal_add_event(self->store, seq, id, now, error))
        return FALSE;
    compare_event(self, id, event, now);
    compare_clip(self, id, event, vigil_statement_get_text(row, 2));
    return TRUE;
}

static gboolean
check_events(VigilVerify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self->store, "SELECT e.seq, e.id, c.path, e.end_reason IS NOT NULL AND "
                     "c.state IS NOT 'open' FROM events e LEFT JOIN clips c ON c.id = e.clip_id "
                     "ORDER BY e.seq");
    GHashTableIter iter;
    gpointer id, event;

    while (vigil_statement_step(&list, &local))
        if (!check_event(self, &list, error))
            return FALSE;
    if (!vigil_seal_take_error(&local, error))
        return FALSE;
    g_hash_table_iter_init(&iter, self->events);
    while (g_hash_table_iter_next(&iter, &id, &event))
        if (!((VigilVerifyEvent *)event)->seen)
            vigil_verify_report(
                self, "event %s: it was sealed, and is gone without a record that says so",
                (const gchar *)id);
    return TRUE;
}

/* From its record, which was checked in this transaction: the texts of a million segments would take hundreds of megabytes. */
static gboolean
read_sealed_row(VigilStore *store, guint64 seq, const gchar *path, gchar **row, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(store, "SELECT body FROM seals WHERE seq = :seq");
    VigilSealRecord record;

    *row = NULL;
    vigil_statement_int(&find, ":seq", (gint64)seq);
    if (vigil_statement_step(&find, &local) &&
        vigil_seal_record_parse(&record, sqlite3_column_blob(find.stmt, 0),
                                (gsize)sqlite3_column_bytes(find.stmt, 0)))
        vigil_seal_row_find(&record, path, row);
    return vigil_seal_take_error(&local, error);
}

static gboolean
compare_clip_row(VigilVerify *self, gint64 id, const gchar *path, const VigilVerifyClip *clip,
                 GError **error)
{
    g_autofree gchar *sealed = NULL, *now = NULL, *difference = NULL;

    if (!clip->row_seq)
        return TRUE;
    if (!read_sealed_row(self->store, clip->row_seq, path, &sealed, error))
        return FALSE;
    if (!sealed)
        return TRUE;
    now = vigil_seal_clip_statement(self->store, id, error);
    if (!now)
        return FALSE;
    difference = vigil_seal_row_compare(sealed, now);
    if (difference)
        vigil_verify_report(self,
                            "clip %s (row %" G_GINT64_FORMAT "): what its row says was altered: %s",
                            path, id, difference);
    return TRUE;
}

static gboolean
check_clip_row(VigilVerify *self, VigilStatement *row, GError **error)
{
    const gint64 id = sqlite3_column_int64(row->stmt, 0);
    const gchar *path = vigil_statement_need_text(row, 1);
    const gchar *state = vigil_statement_need_text(row, 2);
    VigilVerifyClip *clip = g_hash_table_lookup(self->clips, path);

    if (clip) {
        clip->row_id = id;
        return compare_clip_row(self, id, path, clip, error);
    }
    if (g_str_equal(state, "open") || g_str_equal(state, "lost"))
        return TRUE;
    if ((guint64)id <= self->older_clip_id)
        self->summary->n_older_clips++;
    else
        vigil_verify_report(self, "clip %s: it has no valid seal", path);
    return TRUE;
}

static gboolean
check_clip_rows(VigilVerify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self->store, "SELECT id, path, state FROM clips ORDER BY id");
    GHashTableIter iter;
    gpointer path, clip;

    while (vigil_statement_step(&list, &local))
        if (!check_clip_row(self, &list, error))
            return FALSE;
    if (!vigil_seal_take_error(&local, error))
        return FALSE;
    g_hash_table_iter_init(&iter, self->clips);
    while (g_hash_table_iter_next(&iter, &path, &clip))
        if (!((VigilVerifyClip *)clip)->row_id)
            vigil_verify_report(self,
                                "clip %s: it was sealed, and is gone without a record that says so",
                                (const gchar *)path);
    return TRUE;
}

/* What rows say of where an event goes on was sealed with that clip. */
static gboolean
check_part_rows(VigilVerify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self->store, "SELECT e.id, c.path FROM event_parts p CROSS JOIN events e ON "
                     "e.seq = p.event_seq CROSS JOIN clips c ON c.id = p.clip_id");

    while (vigil_statement_step(&list, &local)) {
        const gchar *id = vigil_statement_need_text(&list, 0);
        const gchar *path = vigil_statement_need_text(&list, 1);
        GHashTable *paths = g_hash_table_lookup(self->parts, id);

        if (!g_hash_table_contains(self->clips, path))
            continue;
        if (!paths || !g_hash_table_remove(paths, path))
            vigil_verify_report(
                self, "event %s: it is said to go on in clip %s, which was sealed without it", id,
                path);
    }
    return vigil_seal_take_error(&local, error);
}

static gboolean
has_event(VigilStore *store, const gchar *id, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(store, "SELECT 1 FROM events WHERE id = :id");

    vigil_statement_text(&find, ":id", id);
    *has = vigil_statement_step(&find, &local);
    return vigil_seal_take_error(&local, error);
}

/* Those that no row said. */
static gboolean
check_missing_parts(VigilVerify *self, GError **error)
{
    GHashTableIter events, clips;
    gpointer id, paths, path;

    g_hash_table_iter_init(&events, self->parts);
    while (g_hash_table_iter_next(&events, &id, &paths)) {
        gboolean there;

        if (g_hash_table_size(paths) == 0)
            continue;
        if (!has_event(self->store, id, &there, error))
            return FALSE;
        g_hash_table_iter_init(&clips, paths);
        while (there && g_hash_table_iter_next(&clips, &path, NULL))
            if (g_hash_table_contains(self->clips, path))
                vigil_verify_report(self, "event %s: that it goes on in clip %s was taken away",
                                    (const gchar *)id, (const gchar *)path);
    }
    return TRUE;
}

static gboolean
check_parts(VigilVerify *self, GError **error)
{
    return self->store->schema < VIGIL_PARTS_SCHEMA ||
           (check_part_rows(self, error) && check_missing_parts(self, error));
}

gboolean
vigil_verify_rows(VigilVerify *self, GError **error)
{
    return check_events(self, error) && check_clip_rows(self, error) && check_parts(self, error);
}
