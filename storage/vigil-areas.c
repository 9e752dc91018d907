/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-areas.h"

#include <math.h>

/* Paths are kept to 1/32767, so what is read again may lie a little outside of what was written. */
#define SLACK 0.0001f
#define LEAST -0.5f /* that a path can tell, also for what is no number */
#define MOST 1.5f

gboolean
vigil_areas_check_sqlite(GError **error)
{
    if (sqlite3_compileoption_used("ENABLE_RTREE"))
        return TRUE;
    g_set_error_literal(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                        "this SQLite was built without its R-tree (SQLITE_ENABLE_RTREE), which the "
                        "store needs: install another");
    return FALSE;
}

/* What is no number, or far off, is at the edge: the tree takes no box the wrong way round. */
static gfloat
sane(gfloat value)
{
    return isnan(value) ? LEAST : CLAMP(value, LEAST, MOST);
}

static VigilBox
sane_box(const VigilBox *box)
{
    const gfloat x0 = sane(box->x0), x1 = sane(box->x1), y0 = sane(box->y0), y1 = sane(box->y1);

    return (VigilBox){MIN(x0, x1), MIN(y0, y1), MAX(x0, x1), MAX(y0, y1)};
}

static VigilBox
bounds_of(const VigilBox *box, const GArray *path)
{
    VigilBox bounds = sane_box(box);

    for (guint i = 0; path && i < path->len; i++) {
        const VigilBox one = sane_box(&g_array_index(path, VigilPathPoint, i).box);

        bounds = (VigilBox){MIN(bounds.x0, one.x0), MIN(bounds.y0, one.y0), MAX(bounds.x1, one.x1),
                            MAX(bounds.y1, one.y1)};
    }
    return bounds;
}

static gboolean
put(VigilStore *self, gint64 seq, const VigilBox *bounds, GError **error)
{
    g_auto(VigilStatement) insert =
        vigil_statement(self, "INSERT OR REPLACE INTO event_areas (event_seq, x0, x1, y0, y1) "
                              "VALUES (:seq, :x0, :x1, :y0, :y1)");

    vigil_statement_int(&insert, ":seq", seq);
    vigil_statement_real(&insert, ":x0", bounds->x0 - SLACK);
    vigil_statement_real(&insert, ":x1", bounds->x1 + SLACK);
    vigil_statement_real(&insert, ":y0", bounds->y0 - SLACK);
    vigil_statement_real(&insert, ":y1", bounds->y1 + SLACK);
    return vigil_statement_run(&insert, error);
}

static gboolean
contains(const VigilBox *outer, const VigilBox *inner)
{
    return outer->x0 <= inner->x0 && outer->y0 <= inner->y0 && outer->x1 >= inner->x1 &&
           outer->y1 >= inner->y1;
}

/* What the tree has of an event; @found: (out): anything at all */
static gboolean
find(VigilStore *self, gint64 seq, VigilBox *bounds, gboolean *found, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) row =
        vigil_statement(self, "SELECT x0, y0, x1, y1 FROM event_areas WHERE event_seq = :seq");

    vigil_statement_int(&row, ":seq", seq);
    *found = vigil_statement_step(&row, &local);
    if (*found)
        *bounds = (VigilBox){
            (gfloat)sqlite3_column_double(row.stmt, 0), (gfloat)sqlite3_column_double(row.stmt, 1),
            (gfloat)sqlite3_column_double(row.stmt, 2), (gfloat)sqlite3_column_double(row.stmt, 3)};
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* While it goes on the bounds only grow, so that an update need not write. */
gboolean
vigil_areas_put(VigilStore *self, gint64 seq, const VigilEvent *event, GError **error)
{
    VigilBox bounds = bounds_of(&event->box, event->path), before;
    gboolean found;

    if (!find(self, seq, &before, &found, error))
        return FALSE;
    if (found && contains(&before, &bounds))
        return TRUE;
    if (found)
        bounds = (VigilBox){MIN(bounds.x0, before.x0), MIN(bounds.y0, before.y0),
                            MAX(bounds.x1, before.x1), MAX(bounds.y1, before.y1)};
    return put(self, seq, &bounds, error);
}

gboolean
vigil_areas_drop(VigilStore *self, gint64 seq, GError **error)
{
    g_auto(VigilStatement) drop =
        vigil_statement(self, "DELETE FROM event_areas WHERE event_seq = :seq");

    vigil_statement_int(&drop, ":seq", seq);
    return vigil_statement_run(&drop, error);
}

/* --- all events ---------------------------------------------------------------------------------------------- */

typedef gboolean (*BoundsFunc)(VigilStore *self, gint64 seq, const VigilBox *bounds, gpointer data,
                               GError **error);

static gboolean
for_each_event(VigilStore *self, BoundsFunc func, gpointer data, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self, "SELECT e.seq, e.x0, e.y0, e.x1, e.y1, t.path FROM events e "
                              "LEFT JOIN tracks t ON t.event_seq = e.seq");

    while (vigil_statement_step(&list, &local)) {
        const VigilBox box = {(gfloat)sqlite3_column_double(list.stmt, 1),
                              (gfloat)sqlite3_column_double(list.stmt, 2),
                              (gfloat)sqlite3_column_double(list.stmt, 3),
                              (gfloat)sqlite3_column_double(list.stmt, 4)};
        g_autoptr(GArray) path = vigil_path_decode(sqlite3_column_blob(list.stmt, 5),
                                                   (gsize)sqlite3_column_bytes(list.stmt, 5));
        const VigilBox bounds = bounds_of(&box, path);

        if (!func(self, sqlite3_column_int64(list.stmt, 0), &bounds, data, error))
            return FALSE;
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
put_one(VigilStore *self, gint64 seq, const VigilBox *bounds, gpointer data, GError **error)
{
    return put(self, seq, bounds, error);
}

gboolean
vigil_areas_fill(VigilStore *self, GError **error)
{
    /* as in schema 0014; what is damaged inside could not be emptied */
    return vigil_store_exec(self,
                            "DROP TABLE event_areas; CREATE VIRTUAL TABLE event_areas USING rtree "
                            "(event_seq, x0, x1, y0, y1)",
                            error) &&
           for_each_event(self, put_one, NULL, error);
}

static gboolean
count_one(VigilStore *self, gint64 seq, const VigilBox *bounds, gpointer data, GError **error)
{
    VigilBox has;
    gboolean found;

    if (!find(self, seq, &has, &found, error))
        return FALSE;
    if (!found || !contains(&has, bounds))
        ++*(gint64 *)data;
    return TRUE;
}

/* What SQLite finds is its answer, or an error in its place; neither is to fail the store, of which nothing else was asked. */
gboolean
vigil_areas_check_tree(VigilStore *self, gboolean *is_whole, GError **error)
{
    sqlite3_stmt *check = NULL;
    gint rc =
        sqlite3_prepare_v2(self->db, "SELECT rtreecheck('event_areas') = 'ok'", -1, &check, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(check);
    *is_whole = rc == SQLITE_ROW && sqlite3_column_int(check, 0);
    sqlite3_finalize(check);
    return rc == SQLITE_ROW || (rc & 0xff) == SQLITE_CORRUPT ||
           vigil_store_set_sqlite(self, rc, "cannot check the places of events", error);
}

gboolean
vigil_areas_count_wrong(VigilStore *self, gint64 *n, GError **error)
{
    gboolean is_whole;
    gint64 n_strays;

    *n = 0;
    if (!vigil_areas_check_tree(self, &is_whole, error))
        return FALSE;
    if (!is_whole) {
        *n = -1;
        return TRUE;
    }
    if (!for_each_event(self, count_one, n, error) ||
        !vigil_store_read_int(self,
                              "SELECT count(*) FROM event_areas a WHERE NOT EXISTS "
                              "(SELECT 1 FROM events e WHERE e.seq = a.event_seq)",
                              &n_strays, error))
        return FALSE;
    *n += n_strays;
    return TRUE;
}

static gboolean
overlaps(const VigilBox *a, const VigilBox *b)
{
    return a->x0 <= b->x1 && b->x0 <= a->x1 && a->y0 <= b->y1 && b->y0 <= a->y1;
}

gboolean
vigil_area_is_touched(const VigilBox *area, const VigilEvent *event)
{
    for (guint i = 0; event->path && i < event->path->len; i++)
        if (overlaps(area, &g_array_index(event->path, VigilPathPoint, i).box))
            return TRUE;
    return overlaps(area, &event->box);
}
