/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-clip-parts.h"

#define SCHEMA_WITH_EXPIRY 8 /* and with seals */
#define COLUMNS                                                              \
    "SELECT c.id, c.bytes, c.path, c.state = 'open', c.state = 'complete', " \
    "c.state IN ('complete', 'cut') "
#define NEWER_COLUMNS COLUMNS ", c.expired_wall_us IS NOT NULL, c.seal_seq "
#define FROM_FIRST "FROM events e JOIN clips c ON c.id = e.clip_id WHERE e.seq = :seq"
/* One of them may be the first, for want of a better one. */
#define OTHERS                                                                                     \
    NEWER_COLUMNS "FROM event_parts p CROSS JOIN clips c ON c.id = p.clip_id WHERE p.event_seq = " \
                  ":seq AND c.id IS NOT (SELECT e.clip_id FROM events e WHERE e.seq = :seq) "      \
                  "ORDER BY p.clip_id"

static void
part_clear(gpointer data)
{
    g_free(((VigilClipPart *)data)->path);
}

static gboolean
add_rows(VigilStore *self, const gchar *sql, gint64 event_seq, GArray *parts, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(self, sql);

    vigil_statement_int(&list, ":seq", event_seq);
    while (vigil_statement_step(&list, &local)) {
        VigilClipPart part = {.id = sqlite3_column_int64(list.stmt, 0),
                              .bytes = sqlite3_column_int64(list.stmt, 1),
                              .path = g_strdup(vigil_statement_need_text(&list, 2)),
                              .is_open = sqlite3_column_int(list.stmt, 3) != 0,
                              .is_complete = sqlite3_column_int(list.stmt, 4) != 0,
                              .has_file = sqlite3_column_int(list.stmt, 5) != 0};

        if (sqlite3_column_count(list.stmt) > 6) {
            part.has_expired = sqlite3_column_int(list.stmt, 6) != 0;
            part.seal_seq = sqlite3_column_int64(list.stmt, 7);
        }

        g_array_append_val(parts, part);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

GArray *
vigil_clip_parts_list(VigilStore *self, gint64 event_seq, gboolean with_first, GError **error)
{
    const gchar *first =
        self->schema >= SCHEMA_WITH_EXPIRY ? NEWER_COLUMNS FROM_FIRST : COLUMNS FROM_FIRST;
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(VigilClipPart));

    g_array_set_clear_func(parts, part_clear);
    if (with_first && !add_rows(self, first, event_seq, parts, error))
        return NULL;
    if (self->schema >= VIGIL_PARTS_SCHEMA && !add_rows(self, OTHERS, event_seq, parts, error))
        return NULL;
    return g_steal_pointer(&parts);
}

gboolean
vigil_clip_parts_add(VigilStore *self, gint64 event_seq, gint64 clip_id, GError **error)
{
    g_auto(VigilStatement) add = vigil_statement(
        self, "INSERT OR IGNORE INTO event_parts (event_seq, clip_id) VALUES (:seq, :clip)");

    vigil_statement_int(&add, ":seq", event_seq);
    vigil_statement_int(&add, ":clip", clip_id);
    return vigil_statement_run(&add, error);
}

gboolean
vigil_clip_parts_are_whole(VigilStore *self, gint64 event_seq, gboolean *whole, GError **error)
{
    g_autoptr(GArray) parts = vigil_clip_parts_list(self, event_seq, FALSE, error);

    *whole = TRUE;
    if (!parts)
        return FALSE;
    for (guint i = 0; i < parts->len; i++) {
        const VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);

        if (part->has_expired) /* it was there */
            continue;
        if (!part->is_complete || vigil_clip_folder_size(self, part->path) != part->bytes)
            *whole = FALSE;
    }
    return TRUE;
}
