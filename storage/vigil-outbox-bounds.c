/* SPDX-License-Identifier: Apache-2.0 */
/* Who is to get messages, and how many may wait. */
#include "storage/vigil-outbox-private.h"

/* A step: a commit waits for one at most. */
#define STEP_ROWS 256
#define FIRST_SANE_WALL_US G_GINT64_CONSTANT(1577836800000000) /* as for events: 2020-01-01 */

/* --- destinations ------------------------------------------------------------------------------------------ */

typedef struct {
    const VigilOutboxDestination *destinations;
    guint n;
} Wanted;

static gboolean
is_wanted(const Wanted *wanted, const gchar *name)
{
    for (guint i = 0; i < wanted->n; i++)
        if (g_str_equal(wanted->destinations[i].name, name))
            return TRUE;
    return FALSE;
}

static GPtrArray *
list_names(VigilStore *self, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self, "SELECT name FROM destinations ORDER BY id");

    while (vigil_statement_step(&list, &local))
        g_ptr_array_add(names, g_strdup(vigil_statement_need_text(&list, 0)));
    if (!local)
        return g_steal_pointer(&names);
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
}

static gboolean
forget(VigilStore *self, const gchar *name, GError **error)
{
    VigilOutboxPlace place;
    gint64 sequence, position;
    g_auto(VigilStatement) drop =
        vigil_statement(self, "DELETE FROM destinations WHERE name = :name");

    if (!vigil_outbox_find(self, name, &place, error) ||
        !vigil_outbox_get_end(self, &sequence, &position, error))
        return FALSE;
    if (sequence > place.passed_seq)
        g_message("%s: destination %s is no longer named: %" G_GINT64_FORMAT
                  " messages that wait for it are not sent",
                  self->database, name, sequence - place.passed_seq);
    vigil_statement_text(&drop, ":name", name);
    return vigil_statement_run(&drop, error);
}

static gboolean
put(VigilStore *self, const VigilOutboxDestination *destination, GError **error)
{
    gint64 sequence, position;

    if (!vigil_outbox_get_end(self, &sequence, &position, error))
        return FALSE;
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO destinations (name, passed_seq, passed_bytes, max_age_us, max_bytes) "
              "VALUES (:name, :seq, :bytes, :age, :most) ON CONFLICT (name) DO UPDATE SET "
              "max_age_us = :age, max_bytes = :most");

    vigil_statement_text(&insert, ":name", destination->name);
    vigil_statement_int(&insert, ":seq", sequence);
    vigil_statement_int(&insert, ":bytes", position);
    vigil_statement_int(&insert, ":age", destination->max_age_us);
    vigil_statement_int(&insert, ":most", destination->max_bytes);
    return vigil_statement_run(&insert, error);
}

static gboolean
set_destinations(VigilStore *self, gpointer data, GError **error)
{
    const Wanted *wanted = data;
    g_autoptr(GPtrArray) names = list_names(self, error);

    if (!names)
        return FALSE;
    /* the new ones first: those that go may be all that knows how far the outbox is */
    for (guint i = 0; i < wanted->n; i++)
        if (!put(self, &wanted->destinations[i], error))
            return FALSE;
    for (guint i = 0; i < names->len; i++)
        if (!is_wanted(wanted, names->pdata[i]) && !forget(self, names->pdata[i], error))
            return FALSE;
    return TRUE;
}

gboolean
vigil_outbox_register(VigilStore *self, GError **error)
{
    Wanted wanted;

    if (!self->destinations)
        return TRUE;
    wanted = (Wanted){(const VigilOutboxDestination *)(gpointer)self->destinations->data,
                      self->destinations->len};
    self->n_destinations = -1;
    return set_destinations(self, &wanted, error);
}

/* Also when they cannot be written down: the store that takes the place of a failed one does it. */
static void
remember(VigilStore *self, const Wanted *wanted)
{
    GArray *destinations = g_array_new(FALSE, FALSE, sizeof(VigilOutboxDestination));

    for (guint i = 0; i < wanted->n; i++) {
        VigilOutboxDestination destination = wanted->destinations[i];

        destination.name = g_intern_string(destination.name);
        g_array_append_val(destinations, destination);
    }
    g_clear_pointer(&self->destinations, g_array_unref);
    self->destinations = destinations;
}

gboolean
vigil_outbox_set_destinations(VigilStore *self, const VigilOutboxDestination *destinations, guint n,
                              GError **error)
{
    Wanted wanted = {destinations, n};
    gboolean ok;

    g_mutex_lock(&self->mutex);
    remember(self, &wanted);
    ok = vigil_store_write(self, set_destinations, &wanted, error);
    self->n_destinations = -1;
    g_mutex_unlock(&self->mutex);
    return ok;
}

/* --- bounds ------------------------------------------------------------------------------------------------ */

/* (out) @sequence: the last of those in front that are over the bounds, a step of them at most; 0: none */
static gboolean
find_surplus(VigilStore *self, const VigilOutboxPlace *place, gint64 *sequence, GError **error)
{
    g_autoptr(GError) local = NULL;
    gint64 end, position;

    *sequence = 0;
    if (!vigil_outbox_get_end(self, &end, &position, error))
        return FALSE;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT o.seq, (:most > 0 AND o.position - length(CAST(o.message AS BLOB)) < "
              ":position - :most) OR (:age > 0 AND "
              "CASE WHEN r.boot_id = :boot THEN o.mono_us < :mono "
              "ELSE o.mono_us + r.wall_offset_us BETWEEN :sane AND :wall END) "
              "FROM outbox o JOIN runs r ON r.id = o.run_id WHERE o.seq > :after ORDER BY o.seq "
              "LIMIT :limit");

    vigil_statement_int(&list, ":most", place->max_bytes);
    vigil_statement_int(&list, ":position", position);
    vigil_statement_int(&list, ":age", place->max_age_us);
    vigil_statement_text(&list, ":boot", self->boot_id);
    vigil_statement_int(&list, ":mono", vigil_store_clock_mono(&self->clock) - place->max_age_us);
    vigil_statement_int(&list, ":sane", FIRST_SANE_WALL_US);
    vigil_statement_int(&list, ":wall",
                        vigil_store_clock_trusted(&self->clock) - place->max_age_us - 1);
    vigil_statement_int(&list, ":after", place->passed_seq);
    vigil_statement_int(&list, ":limit", STEP_ROWS);
    while (vigil_statement_step(&list, &local) && sqlite3_column_int(list.stmt, 1) != 0)
        *sequence = sqlite3_column_int64(list.stmt, 0);
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_outbox_delete_passed(VigilStore *self, guint *n_deleted, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(
        self, "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE seq <= coalesce("
              "(SELECT min(passed_seq) FROM destinations), 9223372036854775807) "
              "ORDER BY seq LIMIT :limit)");

    vigil_statement_int(&drop, ":limit", STEP_ROWS);
    if (!vigil_statement_run(&drop, error))
        return FALSE;
    *n_deleted = (guint)sqlite3_changes(self->db);
    return TRUE;
}

typedef struct {
    const GPtrArray *names;
    guint n_dropped, n_deleted;
} Step;

static gboolean
drop_surplus(VigilStore *self, const gchar *name, guint *n, GError **error)
{
    VigilOutboxPlace place;
    gint64 sequence;

    *n = 0;
    if (!vigil_outbox_find(self, name, &place, error) ||
        !find_surplus(self, &place, &sequence, error))
        return FALSE;
    if (sequence == 0)
        return TRUE;
    *n = (guint)(sequence - place.passed_seq);
    return vigil_outbox_pass(self, &place, sequence, "dropped", error);
}

static gboolean
enforce_step(VigilStore *self, gpointer data, GError **error)
{
    Step *step = data;

    step->n_dropped = 0;
    for (guint i = 0; i < step->names->len; i++) {
        guint n;

        if (!drop_surplus(self, step->names->pdata[i], &n, error))
            return FALSE;
        step->n_dropped += n;
    }
    return vigil_outbox_delete_passed(self, &step->n_deleted, error);
}

/* Most of the time there is nothing to be done, and the disk need not be written to learn that. */
static gboolean
is_within_bounds(VigilStore *self, const GPtrArray *names, gboolean *within, GError **error)
{
    gint64 passed;

    for (guint i = 0; i < names->len; i++) {
        VigilOutboxPlace place;
        gint64 sequence;

        if (!vigil_outbox_find(self, names->pdata[i], &place, error) ||
            !find_surplus(self, &place, &sequence, error))
            return FALSE;
        *within = sequence == 0;
        if (!*within)
            return TRUE;
    }
    if (!vigil_store_read_int(self,
                              "SELECT EXISTS (SELECT 1 FROM outbox WHERE seq <= coalesce((SELECT "
                              "min(passed_seq) FROM destinations), 9223372036854775807))",
                              &passed, error))
        return FALSE;
    *within = passed == 0;
    return TRUE;
}

static gboolean
enforce(VigilStore *self, guint *n_changed, GError **error)
{
    g_autoptr(GPtrArray) names = list_names(self, error);
    Step step = {names, 0, 0};
    gboolean within;

    if (!names || !is_within_bounds(self, names, &within, error))
        return FALSE;
    if (within)
        return TRUE;
    if (!vigil_store_write(self, enforce_step, &step, error))
        return FALSE;
    *n_changed = step.n_dropped + step.n_deleted;
    return TRUE;
}

gboolean
vigil_outbox_enforce(VigilStore *self, guint *n_changed, GError **error)
{
    gboolean ok;

    *n_changed = 0;
    g_mutex_lock(&self->mutex);
    ok = vigil_store_check_writable(self, error) && enforce(self, n_changed, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

/* --- what is known ----------------------------------------------------------------------------------------- */

static gboolean
read_state(VigilStore *self, const gchar *name, VigilOutboxState *state, GError **error)
{
    g_autoptr(GError) local = NULL;
    gint64 end, position;

    if (!vigil_outbox_get_end(self, &end, &position, error))
        return FALSE;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT passed_seq, passed_bytes, sent, refused, dropped, coalesce((SELECT wall_us "
              "FROM outbox WHERE seq > passed_seq ORDER BY seq LIMIT 1), 0) "
              "FROM destinations WHERE name = :name");

    vigil_statement_text(&find, ":name", name);
    if (vigil_statement_step(&find, &local)) {
        state->passed = sqlite3_column_int64(find.stmt, 0);
        state->waiting = MAX(end - state->passed, 0);
        state->waiting_bytes = MAX(position - sqlite3_column_int64(find.stmt, 1), 0);
        state->sent = sqlite3_column_int64(find.stmt, 2);
        state->refused = sqlite3_column_int64(find.stmt, 3);
        state->dropped = sqlite3_column_int64(find.stmt, 4);
        state->oldest_wall_us = sqlite3_column_int64(find.stmt, 5);
        return TRUE;
    }
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: no such destination", name);
    return FALSE;
}

gboolean
vigil_outbox_get_state(VigilStore *self, const gchar *destination, VigilOutboxState *state,
                       GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = (self->db || vigil_store_check_writable(self, error)) &&
         read_state(self, destination, state, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}
