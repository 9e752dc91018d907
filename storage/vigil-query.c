/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"

#include <errno.h>

/* Rows are fetched in pages and handed out without the lock, so that the caller may use the store meanwhile. */
#define PAGE_ROWS 128

#define ROW_COLUMNS                                                                             \
    "SELECT e.seq, e.id, k.name, e.rule, e.label, e.label_id, e.track_id, e.start_ns, "         \
    "e.trigger_ns, e.end_ns, e.time_ns, e.start_wall_us, e.end_wall_us, e.score, e.top_score, " \
    "e.x0, e.y0, e.x1, e.y1, e.frames_seen, e.frames_inferred, e.record, e.pre_ns, e.post_ns, " \
    "e.end_reason, e.pinned, c.path, c.state, c.start_ns, c.end_ns, c.bytes, "                  \
    "EXISTS (SELECT 1 FROM snapshots s WHERE s.event_seq = e.seq), "
/* Of a store that no writer has brought to the present version yet. */
#define ROWS_1 ROW_COLUMNS "NULL, NULL "
#define ROWS_2 ROW_COLUMNS "m.name, m.sha256 "
/* The first table decides the order: CROSS JOIN keeps it the first. */
#define FROM_EVENTS "FROM events e "
#define FROM_PINNED "FROM events e INDEXED BY events_pinned "
#define FROM_ZONE "FROM event_places p CROSS JOIN events e ON e.seq = p.event_seq "
#define JOINS "CROSS JOIN cameras k ON k.id = e.camera_id LEFT JOIN clips c ON c.id = e.clip_id "
#define JOIN_MODELS "LEFT JOIN models m ON m.id = e.model_id "
#define SCHEMA_WITH_MODELS 2
#define SCHEMA_WITH_INDEXES 4
#define SCHEMA_WITH_PINS 12

typedef struct {
    gint64 seq;
    VigilEvent *event;
    gchar *clip, **parts; /* (nullable) */
    VigilEventRow row;
} Row;

static void
row_clear(gpointer data)
{
    Row *self = data;

    g_clear_pointer(&self->event, vigil_event_unref);
    g_free(self->clip);
    g_strfreev(self->parts);
}

typedef struct {
    const VigilEventQuery *query;
    gint64 seq; /* of the only one that is wanted; 0: as the query says */
    gint64 last_start_us, last_seq;
    gboolean started;
} Cursor;

/* Of a place that was entered several times the first row. */
static void
append_zone(GString *sql, gboolean by_zone)
{
    g_string_append(sql, by_zone
                             ? "AND p.kind = 'zone' AND p.name = :zone AND NOT EXISTS "
                               "(SELECT 1 FROM event_places q WHERE q.event_seq = p.event_seq AND "
                               "q.kind = p.kind AND q.name = p.name AND q.position < p.position) "
                             : "AND EXISTS (SELECT 1 FROM event_places p WHERE p.event_seq = e.seq "
                               "AND p.kind = 'zone' AND p.name = :zone) ");
}

/*
 * Which index is used is decided here and not by SQLite's guesses (a + keeps a term from any): zone, else pins, else rule, else camera
 * with class, else either. Whatever it is, it is in the order of time.
 */
static void
append_filters(const VigilStore *self, GString *sql, const Cursor *cursor, gboolean by_zone)
{
    const VigilEventQuery *query = cursor->query;

    if (cursor->seq)
        g_string_append(sql, "AND e.seq = :seq ");
    if (query->id)
        g_string_append(sql, "AND e.id = :id ");
    if (query->zone)
        append_zone(sql, by_zone);
    if (query->pinned)
        g_string_append(sql, "AND e.pinned <> 0 ");
    /* bounds: whether it was there is seen by its track */
    if (query->area && self->schema >= VIGIL_AREAS_SCHEMA)
        g_string_append(sql, "AND e.seq IN (SELECT a.event_seq FROM event_areas a WHERE "
                             "a.x1 >= :area_x0 AND a.x0 <= :area_x1 AND a.y1 >= :area_y0 AND "
                             "a.y0 <= :area_y1) ");
    if (query->rule)
        g_string_append(sql, "AND e.rule = :rule ");
    if (query->camera)
        g_string_append_printf(sql,
                               "AND %se.camera_id = (SELECT id FROM cameras WHERE name = :camera) ",
                               query->rule ? "+" : "");
    if (query->label)
        g_string_append_printf(sql, "AND %se.label = :label ", query->rule ? "+" : "");
}

/* The place in the order up to which rows were handed out is the narrower bound on its side. */
static void
append_times(GString *sql, const Cursor *cursor, const gchar *start, const gchar *seq)
{
    const VigilEventQuery *query = cursor->query;
    const gchar *direction = query->ascending ? "" : " DESC";

    if (query->since_us && !(cursor->started && query->ascending))
        g_string_append_printf(sql, "AND %s >= :since ", start);
    if (query->until_us && !(cursor->started && !query->ascending))
        g_string_append_printf(sql, "AND %s <= :until ", start);
    if (cursor->started)
        g_string_append_printf(sql, "AND (%s, %s) %c (:last_start, :last_seq) ", start, seq,
                               query->ascending ? '>' : '<');
    g_string_append_printf(sql, "ORDER BY %s%s, %s%s LIMIT :limit", start, direction, seq,
                           direction);
}

static gchar *
compose(const VigilStore *self, const Cursor *cursor)
{
    const VigilEventQuery *query = cursor->query;
    const gboolean by_zone = query->zone && !query->id && self->schema >= SCHEMA_WITH_INDEXES;
    const gboolean by_pinned =
        query->pinned && !by_zone && !query->id && self->schema >= SCHEMA_WITH_PINS;
    const gboolean with_models = self->schema >= SCHEMA_WITH_MODELS;
    GString *sql = g_string_new(with_models ? ROWS_2 : ROWS_1);

    g_string_append(sql, by_zone     ? FROM_ZONE JOINS
                         : by_pinned ? FROM_PINNED JOINS
                                     : FROM_EVENTS JOINS);
    g_string_append(sql, with_models ? JOIN_MODELS "WHERE 1 " : "WHERE 1 ");
    append_filters(self, sql, cursor, by_zone);
    append_times(sql, cursor, by_zone ? "p.start_wall_us" : "e.start_wall_us",
                 by_zone ? "p.event_seq" : "e.seq");
    return g_string_free(sql, FALSE);
}

static void
bind(VigilStatement *statement, const Cursor *cursor, guint limit)
{
    const VigilEventQuery *query = cursor->query;

    if (query->since_us && !(cursor->started && query->ascending))
        vigil_statement_int(statement, ":since", query->since_us);
    if (query->until_us && !(cursor->started && !query->ascending))
        vigil_statement_int(statement, ":until", query->until_us);
    if (query->camera)
        vigil_statement_text(statement, ":camera", query->camera);
    if (query->label)
        vigil_statement_text(statement, ":label", query->label);
    if (query->rule)
        vigil_statement_text(statement, ":rule", query->rule);
    if (query->id)
        vigil_statement_text(statement, ":id", query->id);
    if (query->zone)
        vigil_statement_text(statement, ":zone", query->zone);
    if (query->area && statement->store->schema >= VIGIL_AREAS_SCHEMA) {
        vigil_statement_real(statement, ":area_x0", query->area->x0);
        vigil_statement_real(statement, ":area_x1", query->area->x1);
        vigil_statement_real(statement, ":area_y0", query->area->y0);
        vigil_statement_real(statement, ":area_y1", query->area->y1);
    }
    if (cursor->seq)
        vigil_statement_int(statement, ":seq", cursor->seq);
    if (cursor->started) {
        vigil_statement_int(statement, ":last_start", cursor->last_start_us);
        vigil_statement_int(statement, ":last_seq", cursor->last_seq);
    }
    vigil_statement_int(statement, ":limit", limit);
}

/* In the order of ROW_COLUMNS. */
static void
read_event(VigilStatement *statement, VigilEvent *event)
{
    sqlite3_stmt *stmt = statement->stmt;
    const gchar *reason = vigil_statement_get_text(statement, 24);

    g_strlcpy(event->id, vigil_statement_need_text(statement, 1), sizeof event->id);
    event->camera = g_intern_string(vigil_statement_need_text(statement, 2));
    event->rule = g_intern_string(vigil_statement_need_text(statement, 3));
    event->label = g_intern_string(vigil_statement_need_text(statement, 4));
    event->label_id = sqlite3_column_int(stmt, 5);
    event->track_id = (guint64)sqlite3_column_int64(stmt, 6);
    event->start_ns = sqlite3_column_int64(stmt, 7);
    event->trigger_ns = sqlite3_column_int64(stmt, 8);
    event->end_ns = sqlite3_column_int64(stmt, 9);
    event->time_ns = sqlite3_column_int64(stmt, 10);
    event->start_wall_us = sqlite3_column_int64(stmt, 11);
    event->end_wall_us = sqlite3_column_int64(stmt, 12);
    event->score = (gfloat)sqlite3_column_double(stmt, 13);
    event->top_score = (gfloat)sqlite3_column_double(stmt, 14);
    event->box = (VigilBox){
        (gfloat)sqlite3_column_double(stmt, 15), (gfloat)sqlite3_column_double(stmt, 16),
        (gfloat)sqlite3_column_double(stmt, 17), (gfloat)sqlite3_column_double(stmt, 18)};
    event->frames_seen = (guint32)sqlite3_column_int64(stmt, 19);
    event->frames_inferred = (guint32)sqlite3_column_int64(stmt, 20);
    event->record = sqlite3_column_int(stmt, 21) != 0;
    event->model = (VigilModelId){g_intern_string(vigil_statement_get_text(statement, 32)),
                                  g_intern_string(vigil_statement_get_text(statement, 33))};
    event->pre_ns = sqlite3_column_int64(stmt, 22);
    event->post_ns = sqlite3_column_int64(stmt, 23);
    event->type = reason ? VIGIL_EVENT_END : VIGIL_EVENT_BEGIN;
    event->end_reason = reason ? vigil_end_reason_from_string(reason) : VIGIL_END_NONE;
}

static gboolean
read_places(VigilStore *self, gint64 seq, VigilEvent *event, GError **error)
{
    g_autoptr(GPtrArray) zones = g_ptr_array_new(), lines = g_ptr_array_new();
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT kind, name FROM event_places WHERE event_seq = :seq "
                              "ORDER BY kind, position");

    vigil_statement_int(&statement, ":seq", seq);
    while (vigil_statement_step(&statement, &local)) {
        const gboolean is_zone = g_str_equal(vigil_statement_need_text(&statement, 0), "zone");

        g_ptr_array_add(is_zone ? zones : lines,
                        (gpointer)g_intern_string(vigil_statement_need_text(&statement, 1)));
    }
    if (local) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    g_ptr_array_add(zones, NULL);
    g_ptr_array_add(lines, NULL);
    if (zones->len > 1)
        event->zones = (const gchar **)g_ptr_array_free(g_steal_pointer(&zones), FALSE);
    if (lines->len > 1)
        event->lines = (const gchar **)g_ptr_array_free(g_steal_pointer(&lines), FALSE);
    return TRUE;
}

static gboolean
read_path(VigilStore *self, gint64 seq, VigilEvent *event, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT path FROM tracks WHERE event_seq = :seq");

    vigil_statement_int(&statement, ":seq", seq);
    if (vigil_statement_step(&statement, &local))
        event->path = vigil_path_decode(sqlite3_column_blob(statement.stmt, 0),
                                        sqlite3_column_bytes(statement.stmt, 0));
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static void
read_row(VigilStatement *statement, Row *row)
{
    sqlite3_stmt *stmt = statement->stmt;
    const gchar *state = vigil_statement_get_text(statement, 27);

    row->seq = sqlite3_column_int64(stmt, 0);
    row->event = vigil_event_new();
    read_event(statement, row->event);
    row->row.pinned = sqlite3_column_int(stmt, 25) != 0;
    row->row.has_snapshot = sqlite3_column_int(stmt, 31) != 0;
    if (!state || g_str_equal(state, "lost"))
        return;
    row->clip = g_strdup(vigil_statement_get_text(statement, 26));
    row->row.clip_complete = !g_str_equal(state, "open");
    row->row.clip_start_ns = sqlite3_column_int64(stmt, 28);
    row->row.clip_end_ns = sqlite3_column_int64(stmt, 29);
    row->row.clip_bytes = (guint64)sqlite3_column_int64(stmt, 30);
}

static gboolean
read_parts(VigilStore *self, Row *row, GError **error)
{
    g_autoptr(GArray) parts = vigil_clip_parts_list(self, row->seq, FALSE, error);
    g_autoptr(GPtrArray) paths = NULL;

    if (!parts || parts->len == 0)
        return parts != NULL;
    paths = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < parts->len; i++) {
        VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);

        if (part->has_file || part->is_open)
            g_ptr_array_add(paths, g_steal_pointer(&part->path));
        row->row.clip_complete = row->row.clip_complete && !part->is_open;
    }
    if (paths->len == 0)
        return TRUE;
    g_ptr_array_add(paths, NULL);
    row->parts = (gchar **)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
    return TRUE;
}

static gboolean
fetch_page(VigilStore *self, const Cursor *cursor, guint limit, GArray *rows, GError **error)
{
    g_autofree gchar *sql = compose(self, cursor);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(self, sql);

    bind(&statement, cursor, limit);
    while (vigil_statement_step(&statement, &local)) {
        Row row = {0};

        read_row(&statement, &row);
        g_array_append_val(rows, row);
    }
    for (guint i = 0; !local && i < rows->len; i++) {
        Row *row = &g_array_index(rows, Row, i);

        if (read_places(self, row->seq, row->event, &local) && read_parts(self, row, &local) &&
            (cursor->query->with_path || cursor->query->area))
            read_path(self, row->seq, row->event, &local);
        row->row.parts = (const gchar *const *)row->parts;
        row->row.event = row->event;
        row->row.clip = row->clip;
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
check_open(VigilStore *self, GError **error)
{
    if (self->db)
        return TRUE;
    return vigil_store_check_writable(self, error); /* says why it is closed */
}

gboolean
vigil_store_query_events(VigilStore *self, const VigilEventQuery *query, VigilEventRowFunc func,
                         gpointer user_data, GError **error)
{
    Cursor cursor = {.query = query};
    guint left = query->limit ? query->limit : G_MAXUINT;
    guint n_wanted, n_got;

    do {
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
        gboolean ok;

        g_array_set_clear_func(rows, row_clear);
        /* of an area not all that the tree finds are wanted */
        n_wanted = query->area ? PAGE_ROWS : MIN(left, PAGE_ROWS);
        g_mutex_lock(&self->mutex);
        ok = check_open(self, error) && fetch_page(self, &cursor, n_wanted, rows, error);
        g_mutex_unlock(&self->mutex);
        if (!ok)
            return FALSE;
        n_got = rows->len;
        for (guint i = 0; i < n_got && left > 0; i++) {
            const Row *row = &g_array_index(rows, Row, i);

            cursor.last_start_us = row->event->start_wall_us;
            cursor.last_seq = row->seq;
            cursor.started = TRUE;
            if (query->area && !vigil_area_is_touched(query->area, row->event))
                continue;
            left--;
            if (!func(&row->row, user_data))
                return TRUE;
        }
    } while (left > 0 && n_got == n_wanted);
    return TRUE;
}

VigilEvent *
vigil_store_read_event(VigilStore *self, gint64 seq, gchar **clip, GError **error)
{
    const VigilEventQuery query = {0};
    const Cursor cursor = {.query = &query, .seq = seq};
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(Row));
    Row *row;

    g_array_set_clear_func(rows, row_clear);
    if (!fetch_page(self, &cursor, 1, rows, error))
        return NULL;
    if (rows->len == 0) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%" G_GINT64_FORMAT ": no such event", seq);
        return NULL;
    }
    row = &g_array_index(rows, Row, 0);
    *clip = g_steal_pointer(&row->clip);
    return g_steal_pointer(&row->event);
}

static gboolean
find_event(VigilStore *self, const gchar *event_id, gint64 *seq, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(self, "SELECT seq FROM events WHERE id = :id");

    vigil_statement_text(&find, ":id", event_id);
    if (vigil_statement_step(&find, &local)) {
        *seq = sqlite3_column_int64(find.stmt, 0);
        return TRUE;
    }
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event",
                    event_id);
    return FALSE;
}

static gchar *
find_clip(VigilStore *self, const gchar *event_id, guint number, GError **error)
{
    g_autoptr(GArray) parts = NULL;
    gint64 seq;
    guint n = 0;

    if (!find_event(self, event_id, &seq, error))
        return NULL;
    parts = vigil_clip_parts_list(self, seq, TRUE, error);
    if (!parts)
        return NULL;
    for (guint i = 0; i < parts->len; i++) {
        VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);

        if ((part->has_file || part->is_open) && n++ == number)
            return g_steal_pointer(&part->path);
    }
    if (n == 0)
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: this event has no clip", event_id);
    else
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: this event has no more than %u clips", event_id, n);
    return NULL;
}

gint
vigil_store_open_clip(VigilStore *self, const gchar *event_id, guint part, GError **error)
{
    g_autofree gchar *path = NULL;
    gint fd = -1;

    g_mutex_lock(&self->mutex);
    if (check_open(self, error))
        path = find_clip(self, event_id, part, error);
    if (path) {
        fd = vigil_clip_folder_open(self, path);
        if (fd < 0)
            vigil_store_set_errno(error, fd, "cannot open the clip", path);
    }
    g_mutex_unlock(&self->mutex);
    return fd < 0 ? -1 : fd;
}

static GBytes *
read_snapshot(VigilStore *self, const gchar *event_id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement =
        vigil_statement(self, "SELECT s.jpeg FROM snapshots s JOIN events e ON e.seq = s.event_seq "
                              "WHERE e.id = :id");

    vigil_statement_text(&statement, ":id", event_id);
    if (vigil_statement_step(&statement, &local))
        return g_bytes_new(sqlite3_column_blob(statement.stmt, 0),
                           sqlite3_column_bytes(statement.stmt, 0));
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no snapshot",
                    event_id);
    return NULL;
}

GBytes *
vigil_store_get_snapshot(VigilStore *self, const gchar *event_id, GError **error)
{
    GBytes *jpeg = NULL;

    g_mutex_lock(&self->mutex);
    if (check_open(self, error))
        jpeg = read_snapshot(self, event_id, error);
    g_mutex_unlock(&self->mutex);
    return jpeg;
}
