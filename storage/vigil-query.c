/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-areas.h"
#include "storage/vigil-clip-parts.h"
#include "storage/vigil-query-private.h"

#include <errno.h>

/*
 * Rows are fetched in pages and handed out without the lock, so that the caller may use the store meanwhile. Nobody waits for who
 * only reads; the more rows a page has, the more of what lies behind one another on the disk is read in this order.
 */
#define PAGE_ROWS 128
#define READER_PAGE_ROWS 1024

#define ROW_COLUMNS                                                                             \
    "SELECT e.seq, e.id, k.name, e.rule, e.label, e.label_id, e.track_id, e.start_ns, "         \
    "e.trigger_ns, e.end_ns, e.time_ns, e.start_wall_us, e.end_wall_us, e.score, e.top_score, " \
    "e.x0, e.y0, e.x1, e.y1, e.frames_seen, e.frames_inferred, e.record, e.pre_ns, e.post_ns, " \
    "e.end_reason, e.pinned, c.path, c.state, c.start_ns, c.end_ns, c.bytes, "                  \
    "EXISTS (SELECT 1 FROM snapshots s WHERE s.event_seq = e.seq), "
#define JOINS                                                             \
    "FROM events e CROSS JOIN cameras k ON k.id = e.camera_id LEFT JOIN " \
    "clips c ON c.id = e.clip_id "
#define JOIN_MODELS "LEFT JOIN models m ON m.id = e.model_id "
#define WHERE_SEQ "WHERE e.seq = :seq"
/* The first two are of a store that no writer has brought to the present version yet. */
#define ROW_1 ROW_COLUMNS "NULL, NULL, 0 " JOINS WHERE_SEQ
#define ROW_2 ROW_COLUMNS "m.name, m.sha256, 0 " JOINS JOIN_MODELS WHERE_SEQ
#define ROW_11                                                                                \
    ROW_COLUMNS                                                                               \
    "m.name, m.sha256, EXISTS (SELECT 1 FROM event_parts p WHERE p.event_seq = e.seq) " JOINS \
        JOIN_MODELS WHERE_SEQ
#define SCHEMA_WITH_MODELS 2

typedef struct {
    VigilEventPlace place;
    VigilEvent *event;    /* (nullable): not read yet */
    gchar *clip, **parts; /* (nullable) */
    gboolean has_parts;
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

/* @statement: of PLACES */
static gboolean
read_places(VigilStatement *statement, gint64 seq, VigilEvent *event, GError **error)
{
    g_autoptr(GPtrArray) zones = g_ptr_array_new(), lines = g_ptr_array_new();
    g_autoptr(GError) local = NULL;

    vigil_statement_rewind(statement);
    vigil_statement_int(statement, ":seq", seq);
    while (vigil_statement_step(statement, &local)) {
        const gboolean is_zone = g_str_equal(vigil_statement_need_text(statement, 0), "zone");

        g_ptr_array_add(is_zone ? zones : lines,
                        (gpointer)g_intern_string(vigil_statement_need_text(statement, 1)));
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

    row->event = vigil_event_new();
    read_event(statement, row->event);
    row->row.event = row->event;
    row->has_parts = sqlite3_column_int(stmt, 34) != 0;
    row->row.pinned = sqlite3_column_int(stmt, 25) != 0;
    row->row.has_snapshot = sqlite3_column_int(stmt, 31) != 0;
    if (!state || g_str_equal(state, "lost"))
        return;
    row->row.clip = row->clip = g_strdup(vigil_statement_get_text(statement, 26));
    row->row.clip_complete = !g_str_equal(state, "open");
    row->row.clip_start_ns = sqlite3_column_int64(stmt, 28);
    row->row.clip_end_ns = sqlite3_column_int64(stmt, 29);
    row->row.clip_bytes = (guint64)sqlite3_column_int64(stmt, 30);
}

static gboolean
read_parts(VigilStore *self, Row *row, GError **error)
{
    g_autoptr(GArray) parts = vigil_clip_parts_list(self, row->place.seq, FALSE, error);
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
    row->row.parts = (const gchar *const *)row->parts;
    return TRUE;
}

static gint
compare_rows(gconstpointer a, gconstpointer b)
{
    const Row *left = *(Row *const *)a, *right = *(Row *const *)b;

    return (left->place.seq > right->place.seq) - (left->place.seq < right->place.seq);
}

/* Where they lie in the file: the system reads ahead of who goes through it forwards. */
static GPtrArray *
in_order_of_file(GArray *rows)
{
    GPtrArray *sorted = g_ptr_array_sized_new(rows->len);

    for (guint i = 0; i < rows->len; i++)
        g_ptr_array_add(sorted, &g_array_index(rows, Row, i));
    g_ptr_array_sort(sorted, compare_rows);
    return sorted;
}

static gboolean
fetch_rows(VigilStore *self, const GPtrArray *sorted, GError **error)
{
    g_auto(VigilStatement) statement =
        vigil_statement(self, self->schema >= VIGIL_PARTS_SCHEMA   ? ROW_11
                              : self->schema >= SCHEMA_WITH_MODELS ? ROW_2
                                                                   : ROW_1);

    for (guint i = 0; i < sorted->len; i++) {
        Row *row = g_ptr_array_index(sorted, i);
        g_autoptr(GError) local = NULL;

        vigil_statement_rewind(&statement);
        vigil_statement_int(&statement, ":seq", row->place.seq);
        if (vigil_statement_step(&statement, &local))
            read_row(&statement, row);
        if (local) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
    }
    return TRUE;
}

/* What of an event is not in its row. */
static gboolean
fetch_details(VigilStore *self, const GPtrArray *sorted, gboolean with_path, GError **error)
{
    g_auto(VigilStatement) places = vigil_statement(
        self, "SELECT kind, name FROM event_places WHERE event_seq = :seq ORDER BY kind, position");

    for (guint i = 0; i < sorted->len; i++) {
        Row *row = g_ptr_array_index(sorted, i);

        if (!row->event)
            continue;
        if (!read_places(&places, row->place.seq, row->event, error) ||
            (row->has_parts && !read_parts(self, row, error)) ||
            (with_path && !read_path(self, row->place.seq, row->event, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
fetch_found(VigilStore *self, GArray *rows, gboolean with_path, GError **error)
{
    g_autoptr(GPtrArray) sorted = in_order_of_file(rows);

    return fetch_rows(self, sorted, error) && fetch_details(self, sorted, with_path, error);
}

static gboolean
find_and_fetch(VigilStore *self, const VigilEventCursor *cursor, guint limit, GArray *rows,
               GError **error)
{
    const gboolean with_path = cursor->query->with_path || cursor->query->area;
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(VigilEventPlace));

    if (!vigil_event_cursor_find(self, cursor, limit, places, error))
        return FALSE;
    for (guint i = 0; i < places->len; i++) {
        const Row row = {.place = g_array_index(places, VigilEventPlace, i)};

        g_array_append_val(rows, row);
    }
    return fetch_found(self, rows, with_path, error);
}

/* In one transaction: all of it is of one moment, and SQLite takes its locks once and not for every row. */
static gboolean
fetch_page(VigilStore *self, const VigilEventCursor *cursor, guint limit, GArray *rows,
           GError **error)
{
    gboolean ok;

    if (!vigil_store_exec(self, "BEGIN", error))
        return FALSE;
    ok = find_and_fetch(self, cursor, limit, rows, error);
    /* nothing was written: there is nothing that could fail */
    sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
    return ok;
}

static guint
get_page_rows(const VigilStore *self, const VigilEventQuery *query)
{
    /* tracks may be long */
    return self->writer || query->with_path || query->area ? PAGE_ROWS : READER_PAGE_ROWS;
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
    VigilEventCursor cursor = {.query = query};
    const guint page_rows = get_page_rows(self, query);
    guint left = query->limit ? query->limit : G_MAXUINT;
    guint n_wanted, n_got;

    do {
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
        gboolean ok;

        g_array_set_clear_func(rows, row_clear);
        /* of an area not all that the tree finds are wanted */
        n_wanted = query->area ? page_rows : MIN(left, page_rows);
        g_mutex_lock(&self->mutex);
        ok = check_open(self, error) && fetch_page(self, &cursor, n_wanted, rows, error);
        g_mutex_unlock(&self->mutex);
        if (!ok)
            return FALSE;
        n_got = rows->len;
        for (guint i = 0; i < n_got && left > 0; i++) {
            const Row *row = &g_array_index(rows, Row, i);

            cursor.last = row->place;
            cursor.started = TRUE;
            if (!row->event) /* of a damaged database: an index leads nowhere */
                continue;
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
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(Row));
    const Row wanted = {.place.seq = seq};
    Row *row;

    g_array_set_clear_func(rows, row_clear);
    g_array_append_val(rows, wanted);
    if (!fetch_found(self, rows, FALSE, error))
        return NULL;
    row = &g_array_index(rows, Row, 0);
    if (!row->event) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%" G_GINT64_FORMAT ": no such event", seq);
        return NULL;
    }
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
