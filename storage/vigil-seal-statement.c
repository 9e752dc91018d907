/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rows of events and clips say, as text. Once released, version 1 never changes: what was sealed long ago must still come out
 * the same. New columns go into a version 2 beside it.
 */
#include "storage/vigil-seal-private.h"

#define EVENT_HEAD "vigil-event 1\n"
#define CLIP_HEAD "vigil-clip 1\n"
#define CLIP_COLUMNS                                                                           \
    "SELECT k.name AS camera, c.run_id AS run, c.continuous AS continuous, c.codec AS codec, " \
    "c.width AS width, c.height AS height, c.start_ns AS start_ns, c.end_ns AS end_ns, "       \
    "c.start_wall_us AS start_wall_us, c.end_wall_us AS end_wall_us, c.done_mono_us AS "       \
    "done_mono_us FROM clips c LEFT JOIN cameras k ON k.id = c.camera_id WHERE c.id = :id"
#define EVENT_COLUMNS                                                                          \
    "SELECT e.id AS id, k.name AS camera, e.rule AS rule, e.label AS label, "                  \
    "e.label_id AS label_id, e.track_id AS track_id, e.start_ns AS start_ns, "                 \
    "e.trigger_ns AS trigger_ns, e.end_ns AS end_ns, e.time_ns AS time_ns, "                   \
    "e.start_wall_us AS start_wall_us, e.end_wall_us AS end_wall_us, e.score AS score, "       \
    "e.top_score AS top_score, e.x0 AS x0, e.y0 AS y0, e.x1 AS x1, e.y1 AS y1, "               \
    "e.frames_seen AS frames_seen, e.frames_inferred AS frames_inferred, e.record AS record, " \
    "e.pre_ns AS pre_ns, e.post_ns AS post_ns, e.end_reason AS end_reason, "                   \
    "e.committed_wall_us AS committed_wall_us, m.name AS model, m.sha256 AS model_sha256 "     \
    "FROM events e LEFT JOIN cameras k ON k.id = e.camera_id LEFT JOIN models m ON m.id = "    \
    "e.model_id "

static void
add_text(GString *text, const gchar *name, const gchar *value)
{
    static gchar plain[129]; /* bytes from 0x80 on */
    static gsize ready;
    g_autofree gchar *escaped = NULL;

    if (g_once_init_enter(&ready)) {
        for (guint i = 0; i < 128; i++)
            plain[i] = (gchar)(0x80 + i);
        g_once_init_leave(&ready, 1);
    }
    escaped = g_strescape(value, plain);
    g_string_append_printf(text, "%s %s\n", name, escaped);
}

static void
add_column(GString *text, sqlite3_stmt *stmt, gint column)
{
    const gchar *name = sqlite3_column_name(stmt, column);
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL: break;
    case SQLITE_INTEGER:
        g_string_append_printf(text, "%s %" G_GINT64_FORMAT "\n", name,
                               (gint64)sqlite3_column_int64(stmt, column));
        break;
    case SQLITE_FLOAT:
        g_ascii_formatd(number, sizeof number, "%.17g", sqlite3_column_double(stmt, column));
        g_string_append_printf(text, "%s %s\n", name, number);
        break;
    default: add_text(text, name, (const gchar *)sqlite3_column_text(stmt, column)); break;
    }
}

static gboolean
add_places(VigilStore *self, gint64 event_seq, GString *text, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT kind, name FROM event_places WHERE event_seq = :seq "
                              "ORDER BY kind, position");

    vigil_statement_int(&statement, ":seq", event_seq);
    while (vigil_statement_step(&statement, &local))
        add_text(text, vigil_statement_need_text(&statement, 0),
                 vigil_statement_need_text(&statement, 1));
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* %FALSE: there is no such row, or with @error. */
static gboolean
add_row(GString *text, VigilStatement *statement, GError **error)
{
    if (!vigil_statement_step(statement, error))
        return FALSE;
    for (gint i = 0; i < sqlite3_column_count(statement->stmt); i++)
        add_column(text, statement->stmt, i);
    return TRUE;
}

gchar *
vigil_seal_statement(VigilStore *self, gint64 event_seq, GError **error)
{
    g_autoptr(GString) text = g_string_new(EVENT_HEAD);
    g_auto(VigilStatement) statement = vigil_statement(self, EVENT_COLUMNS "WHERE e.seq = :seq");

    vigil_statement_int(&statement, ":seq", event_seq);
    if (!add_row(text, &statement, error) || !add_places(self, event_seq, text, error))
        return NULL;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

gchar *
vigil_seal_clip_statement(VigilStore *self, gint64 clip_id, GError **error)
{
    g_autoptr(GString) text = g_string_new(CLIP_HEAD);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(self, CLIP_COLUMNS);

    vigil_statement_int(&statement, ":id", clip_id);
    if (!add_row(text, &statement, &local)) {
        if (!local)
            g_set_error(&local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                        "clip %" G_GINT64_FORMAT ": no such row", clip_id);
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* A blob of the event's, if there is one. */
static gboolean
add_blob(VigilStore *self, const gchar *sql, gint64 event_seq, VigilSealItemType type,
         const gchar *id, VigilSealItems *items, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(self, sql);
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];

    vigil_statement_int(&statement, ":seq", event_seq);
    if (vigil_statement_step(&statement, &local)) {
        const gconstpointer blob = sqlite3_column_blob(statement.stmt, 0);
        const gsize length = (gsize)sqlite3_column_bytes(statement.stmt, 0);

        vigil_seal_digest(blob, length, digest);
        vigil_seal_items_add(items, type, id, length, digest);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_seal_add_event(VigilStore *self, gint64 event_seq, const gchar *id, VigilSealItems *items,
                     GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autofree gchar *text = vigil_seal_statement(self, event_seq, &local);
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];

    if (!text) {
        if (!local)
            g_set_error(&local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event",
                        id);
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    vigil_seal_digest(text, strlen(text), digest);
    vigil_seal_items_add(items, VIGIL_SEAL_EVENT, id, strlen(text), digest);
    return add_blob(self, "SELECT path FROM tracks WHERE event_seq = :seq", event_seq,
                    VIGIL_SEAL_TRACK, id, items, error) &&
           add_blob(self, "SELECT jpeg FROM snapshots WHERE event_seq = :seq", event_seq,
                    VIGIL_SEAL_SNAPSHOT, id, items, error);
}
