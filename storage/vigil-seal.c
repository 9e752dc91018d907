/* SPDX-License-Identifier: Apache-2.0 */
/* Adding to the chain: see vigil-seal.h. */
#include <string.h>

#include "storage/vigil-seal-private.h"
#include "storage/vigil-seal-shorten.h"

/* The last record, and the highest number that was ever given. */
typedef struct {
    guint64 seq, highest;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES];
    guint8 key[VIGIL_SEAL_KEY_BYTES];
} Head;

gboolean
vigil_seal_take_error(GError **local, GError **error)
{
    if (!*local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(local));
    return FALSE;
}

static gboolean
read_head(VigilStore *self, Head *head, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) last =
        vigil_statement(self, "SELECT seq, body, signature FROM seals ORDER BY seq DESC LIMIT 1");
    gint64 highest;

    *head = (Head){0};
    if (vigil_statement_step(&last, &local)) {
        const guint8 *body = sqlite3_column_blob(last.stmt, 1);
        const guint8 *signature = sqlite3_column_blob(last.stmt, 2);
        const gsize length = (gsize)sqlite3_column_bytes(last.stmt, 1);
        VigilSealRecord record;

        head->seq = (guint64)sqlite3_column_int64(last.stmt, 0);
        /* one that is none ends a segment, and verifying says so */
        if (sqlite3_column_bytes(last.stmt, 2) == VIGIL_SEAL_SIGNATURE_BYTES &&
            vigil_seal_record_parse(&record, body, length)) {
            vigil_seal_link(body, length, signature, head->link);
            memcpy(head->key, record.key, sizeof head->key);
        }
    }
    /* numbers are never given twice: records that were taken from the end leave a gap */
    if (!vigil_seal_take_error(&local, error) ||
        !vigil_store_read_int(self, "SELECT seq FROM sqlite_sequence WHERE name = 'seals'",
                              &highest, error))
        return FALSE;
    head->highest = MAX(head->seq, (guint64)MAX(highest, 0));
    return TRUE;
}

static gboolean
write_record(VigilStore *self, VigilSealKind kind, const VigilSealItems *items, Head *head,
             GError **error)
{
    VigilSealRecord record = {
        .kind = kind, .seq = head->highest + 1, .wall_us = vigil_store_clock_wall(&self->clock)};
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO seals (seq, body, signature) VALUES (:seq, :body, :signature)");
    g_autoptr(GByteArray) body = NULL;
    guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES];

    memcpy(record.previous, head->link, sizeof record.previous);
    memcpy(record.key, vigil_seal_key_get_public(self->seal_key), sizeof record.key);
    body = vigil_seal_record_write(&record, items);
    vigil_seal_key_sign(self->seal_key, body->data, body->len, signature);
    vigil_statement_int(&insert, ":seq", (gint64)record.seq);
    vigil_statement_blob(&insert, ":body", body->data, body->len);
    vigil_statement_blob(&insert, ":signature", signature, sizeof signature);
    if (!vigil_statement_run(&insert, error))
        return FALSE;
    head->seq = head->highest = record.seq;
    vigil_seal_link(body->data, body->len, signature, head->link);
    return TRUE;
}

/* A chain begins with what is older than it; a new key begins a new segment of it. */
static gboolean
begin_segment(VigilStore *self, Head *head, GError **error)
{
    g_autoptr(VigilSealItems) items = vigil_seal_items_new();
    gint64 clip_id, event_seq;

    if (!vigil_store_read_int(self, "SELECT clip_id FROM seal_begin", &clip_id, error) ||
        !vigil_store_read_int(self, "SELECT event_seq FROM seal_begin", &event_seq, error))
        return FALSE;
    if (head->highest == 0) {
        vigil_seal_items_add(items, VIGIL_SEAL_OLDER_CLIPS, "", (guint64)clip_id, NULL);
        vigil_seal_items_add(items, VIGIL_SEAL_OLDER_EVENTS, "", (guint64)event_seq, NULL);
    }
    return write_record(self, VIGIL_SEAL_KIND_FIRST, items, head, error);
}

gboolean
vigil_seal_append(VigilStore *self, VigilSealKind kind, const VigilSealItems *items, gint64 *seq,
                  GError **error)
{
    Head head;

    if (!read_head(self, &head, error))
        return FALSE;
    if (memcmp(head.key, vigil_seal_key_get_public(self->seal_key), sizeof head.key) != 0 &&
        !begin_segment(self, &head, error))
        return FALSE;
    if (!write_record(self, kind, items, &head, error))
        return FALSE;
    *seq = (gint64)head.seq;
    return TRUE;
}

/* --- seals --- */

typedef struct {
    gint64 seq;
    gchar id[VIGIL_EVENT_ID_LENGTH + 1];
} Sealed;

/* Ended events of a clip, or one event. */
static GArray *
list_events(VigilStore *self, const gchar *sql, gint64 key, GError **error)
{
    g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(Sealed));
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(self, sql);

    vigil_statement_int(&list, ":key", key);
    while (vigil_statement_step(&list, &local)) {
        Sealed event = {.seq = sqlite3_column_int64(list.stmt, 0)};

        g_strlcpy(event.id, vigil_statement_need_text(&list, 1), sizeof event.id);
        g_array_append_val(events, event);
    }
    return vigil_seal_take_error(&local, error) ? g_steal_pointer(&events) : NULL;
}

static gboolean
note_seal(VigilStore *self, const gchar *sql, gint64 key, gint64 seal_seq, GError **error)
{
    g_auto(VigilStatement) update = vigil_statement(self, sql);

    vigil_statement_int(&update, ":seal", seal_seq);
    vigil_statement_int(&update, ":key", key);
    return vigil_statement_run(&update, error);
}

/* One record of what is in @items already, and @events. */
static gboolean
seal_events(VigilStore *self, VigilSealItems *items, const GArray *events, gint64 *seal_seq,
            GError **error)
{
    for (guint i = 0; i < events->len; i++) {
        const Sealed *event = &g_array_index(events, Sealed, i);

        if (!vigil_seal_add_event(self, event->seq, event->id, items, error))
            return FALSE;
    }
    /* what went before must stand before: an event may be replaced by one of the same id */
    if (!vigil_seal_flush(self, error) ||
        !vigil_seal_append(self, VIGIL_SEAL_KIND_SEAL, items, seal_seq, error))
        return FALSE;
    for (guint i = 0; i < events->len; i++)
        if (!note_seal(self, "UPDATE events SET seal_seq = :seal WHERE seq = :key",
                       g_array_index(events, Sealed, i).seq, *seal_seq, error))
            return FALSE;
    return TRUE;
}

static gboolean
note_hash(VigilStore *self, gint64 clip_id, const guint8 *hash, GError **error)
{
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE clips SET hash = :hash WHERE id = :id");

    vigil_statement_blob(&update, ":hash", hash, VIGIL_SEAL_DIGEST_BYTES);
    vigil_statement_int(&update, ":id", clip_id);
    return vigil_statement_run(&update, error);
}

static gboolean
add_clip_row(VigilStore *self, gint64 clip_id, VigilSealItems *items, GError **error)
{
    g_autofree gchar *text = vigil_seal_clip_statement(self, clip_id, error);

    if (text)
        vigil_seal_items_add(items, VIGIL_SEAL_CLIP_ROW, text, 0, NULL);
    return text != NULL;
}

/* @hash: (nullable): without it, the events behind it only name the clip. */
static gboolean
add_clip(VigilStore *self, gint64 clip_id, const guint8 *hash, VigilSealItems *items,
         GError **error)
{
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT path, bytes FROM clips WHERE id = :id");
    g_autoptr(GError) local = NULL;

    vigil_statement_int(&find, ":id", clip_id);
    if (vigil_statement_step(&find, &local))
        vigil_seal_items_add(items, hash ? VIGIL_SEAL_CLIP : VIGIL_SEAL_LINK,
                             vigil_statement_need_text(&find, 0),
                             hash ? (guint64)sqlite3_column_int64(find.stmt, 1) : 0, hash);
    return vigil_seal_take_error(&local, error);
}

/* Events that go on in the clip, whether they have ended or not. */
static gboolean
add_parts(VigilStore *self, gint64 clip_id, VigilSealItems *items, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT e.id FROM event_parts p CROSS JOIN events e ON e.seq = p.event_seq "
              "WHERE p.clip_id = :id ORDER BY p.event_seq");

    vigil_statement_int(&list, ":id", clip_id);
    while (vigil_statement_step(&list, &local))
        vigil_seal_items_add(items, VIGIL_SEAL_PART, vigil_statement_need_text(&list, 0), 0, NULL);
    return vigil_seal_take_error(&local, error);
}

gboolean
vigil_seal_clip(VigilStore *self, gint64 clip_id, const guint8 *hash, GError **error)
{
    g_autoptr(VigilSealItems) items = vigil_seal_items_new();
    g_autoptr(GArray) events = NULL;
    gint64 seal_seq;

    if (hash && !note_hash(self, clip_id, hash, error))
        return FALSE;
    if (!self->seal_key)
        return TRUE;
    events = list_events(self,
                         "SELECT seq, id FROM events WHERE clip_id = :key AND "
                         "end_reason IS NOT NULL ORDER BY seq",
                         clip_id, error);
    if (!events)
        return FALSE;
    if (!hash && events->len == 0)
        return TRUE;
    return add_clip(self, clip_id, hash, items, error) &&
           (!hash || (add_clip_row(self, clip_id, items, error) &&
                      add_parts(self, clip_id, items, error))) &&
           seal_events(self, items, events, &seal_seq, error) &&
           (!hash || note_seal(self, "UPDATE clips SET seal_seq = :seal WHERE id = :key", clip_id,
                               seal_seq, error));
}

/* @clip_id: (out): 0 without a clip. @due: (out): whether the event and its clip are done. */
static gboolean
find_clip(VigilStore *self, gint64 event_seq, gint64 *clip_id, gboolean *due, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT coalesce(c.id, 0) FROM events e LEFT JOIN clips c ON c.id = e.clip_id "
              "WHERE e.seq = :seq AND e.end_reason IS NOT NULL AND c.state IS NOT 'open'");

    vigil_statement_int(&find, ":seq", event_seq);
    *due = vigil_statement_step(&find, &local);
    *clip_id = *due ? sqlite3_column_int64(find.stmt, 0) : 0;
    return vigil_seal_take_error(&local, error);
}

gboolean
vigil_seal_event(VigilStore *self, gint64 event_seq, GError **error)
{
    g_autoptr(VigilSealItems) items = vigil_seal_items_new();
    g_autoptr(GArray) events = NULL;
    gint64 clip_id, seal_seq;
    gboolean due;

    if (!self->seal_key)
        return TRUE;
    if (!find_clip(self, event_seq, &clip_id, &due, error))
        return FALSE;
    if (!due)
        return TRUE;
    events = list_events(self, "SELECT seq, id FROM events WHERE seq = :key", event_seq, error);
    return events && (!clip_id || add_clip(self, clip_id, NULL, items, error)) &&
           seal_events(self, items, events, &seal_seq, error);
}

/* --- deletions --- */

static gboolean
note_gone(VigilStore *self, const gchar *sql, gint64 key, VigilSealItemType type, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(self, sql);

    if (!self->seal_key)
        return TRUE;
    vigil_statement_int(&find, ":key", key);
    if (vigil_statement_step(&find, &local)) {
        if (!self->seal_gone)
            self->seal_gone = vigil_seal_items_new();
        vigil_seal_items_add(self->seal_gone, type, vigil_statement_need_text(&find, 0), 0, NULL);
    }
    return vigil_seal_take_error(&local, error);
}

gboolean
vigil_seal_event_goes(VigilStore *self, gint64 event_seq, GError **error)
{
    return note_gone(self, "SELECT id FROM events WHERE seq = :key AND seal_seq IS NOT NULL",
                     event_seq, VIGIL_SEAL_EVENT, error);
}

gboolean
vigil_seal_clip_goes(VigilStore *self, gint64 clip_id, GError **error)
{
    gboolean same;

    if (!self->seal_key)
        return TRUE;
    if (!vigil_seal_row_check(self, clip_id, &same, error))
        return FALSE;
    return !same ||
           note_gone(self, "SELECT path FROM clips WHERE id = :key AND seal_seq IS NOT NULL",
                     clip_id, VIGIL_SEAL_CLIP, error);
}

gboolean
vigil_seal_snapshot_goes(VigilStore *self, gint64 event_seq, GError **error)
{
    return note_gone(self,
                     "SELECT e.id FROM events e JOIN snapshots s ON s.event_seq = e.seq "
                     "WHERE e.seq = :key AND e.seal_seq IS NOT NULL",
                     event_seq, VIGIL_SEAL_SNAPSHOT, error);
}

gboolean
vigil_seal_flush(VigilStore *self, GError **error)
{
    g_autoptr(VigilSealItems) gone = g_steal_pointer(&self->seal_gone);
    gint64 seq;

    if (!gone)
        return TRUE;
    vigil_seal_shortener_note_ended(self->seal_shortener, gone->n);
    return vigil_seal_append(self, VIGIL_SEAL_KIND_DELETION, gone, &seq, error);
}

void
vigil_seal_forget(VigilStore *self)
{
    g_clear_pointer(&self->seal_gone, vigil_seal_items_free);
}
