/* SPDX-License-Identifier: Apache-2.0 */
/* Which events a query is about, and in which order. */
#include "storage/vigil-areas.h"
#include "storage/vigil-query-private.h"

/* The first table decides the order: CROSS JOIN keeps it the first. */
#define FIND_BY_EVENTS "SELECT e.seq, e.start_wall_us FROM events e WHERE 1 "
#define FIND_BY_PINNED \
    "SELECT e.seq, e.start_wall_us FROM events e INDEXED BY events_pinned WHERE 1 "
#define FIND_BY_ZONE "SELECT p.event_seq, p.start_wall_us FROM event_places p WHERE 1 "
#define FIND_BY_ZONE_AND_MORE                                                                 \
    "SELECT p.event_seq, p.start_wall_us FROM event_places p CROSS JOIN events e ON e.seq = " \
    "p.event_seq "                                                                            \
    "WHERE 1 "
#define SCHEMA_WITH_INDEXES 4
#define SCHEMA_WITH_PINS 12

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
append_filters(const VigilStore *self, GString *sql, const VigilEventCursor *cursor,
               gboolean by_zone)
{
    const VigilEventQuery *query = cursor->query;

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
append_times(GString *sql, const VigilEventCursor *cursor, const gchar *start, const gchar *seq)
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

/* What leads to an event's row, all of it in an index where there is one for what is asked. */
static const gchar *
get_head(const VigilStore *self, const VigilEventQuery *query, gboolean by_zone)
{
    if (by_zone)
        return query->pinned || query->area || query->rule || query->camera || query->label
                   ? FIND_BY_ZONE_AND_MORE
                   : FIND_BY_ZONE;
    return query->pinned && !query->id && self->schema >= SCHEMA_WITH_PINS ? FIND_BY_PINNED
                                                                           : FIND_BY_EVENTS;
}

static gchar *
compose(const VigilStore *self, const VigilEventCursor *cursor)
{
    const VigilEventQuery *query = cursor->query;
    const gboolean by_zone = query->zone && !query->id && self->schema >= SCHEMA_WITH_INDEXES;
    GString *sql = g_string_new(get_head(self, query, by_zone));

    append_filters(self, sql, cursor, by_zone);
    append_times(sql, cursor, by_zone ? "p.start_wall_us" : "e.start_wall_us",
                 by_zone ? "p.event_seq" : "e.seq");
    return g_string_free(sql, FALSE);
}

static void
bind(VigilStatement *statement, const VigilEventCursor *cursor, guint limit)
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
    if (cursor->started) {
        vigil_statement_int(statement, ":last_start", cursor->last.start_us);
        vigil_statement_int(statement, ":last_seq", cursor->last.seq);
    }
    vigil_statement_int(statement, ":limit", limit);
}

gboolean
vigil_event_cursor_find(VigilStore *self, const VigilEventCursor *cursor, guint limit,
                        GArray *places, GError **error)
{
    g_autofree gchar *sql = compose(self, cursor);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) statement = vigil_statement(self, sql);

    bind(&statement, cursor, limit);
    while (vigil_statement_step(&statement, &local)) {
        const VigilEventPlace place = {sqlite3_column_int64(statement.stmt, 0),
                                       sqlite3_column_int64(statement.stmt, 1)};

        g_array_append_val(places, place);
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}
