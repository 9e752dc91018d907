/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into the outbox, out of it, and on to the next. What keeps it small is in vigil-outbox-bounds.c. */
#include "storage/vigil-outbox-private.h"

#define MAX_REFUSED_ROWS 1000

void
vigil_outbox_message_free(VigilOutboxMessage *self)
{
    if (!self)
        return;
    g_free(self->event_id);
    g_free(self->camera);
    g_free(self->key);
    g_free(self->json);
    g_free(self);
}

/* --- in ---------------------------------------------------------------------------------------------------- */

/* One process writes, so what it last knew is right; a transaction that was rolled back does not change it. */
static gboolean
has_destination(VigilStore *self, gboolean *has, GError **error)
{
    gint64 n;

    if (self->n_destinations < 0) {
        if (!vigil_store_read_int(self, "SELECT count(*) FROM destinations", &n, error))
            return FALSE;
        self->n_destinations = (gint)MIN(n, G_MAXINT);
    }
    *has = self->n_destinations > 0;
    return TRUE;
}

gboolean
vigil_outbox_get_end(VigilStore *self, gint64 *sequence, gint64 *position, GError **error)
{
    /* without a row the destinations know, as all of them have passed the last */
    return vigil_store_read_int(self, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'",
                                sequence, error) &&
           vigil_store_read_int(
               self,
               "SELECT max(coalesce((SELECT position FROM outbox ORDER BY seq DESC LIMIT 1), 0), "
               "coalesce((SELECT max(passed_bytes) FROM destinations), 0))",
               position, error);
}

gboolean
vigil_outbox_add(VigilStore *self, const VigilEvent *event, const gchar *clip, guint number,
                 GError **error)
{
    g_autofree gchar *json = NULL;
    gint64 sequence, position;
    gboolean has;

    if (!has_destination(self, &has, error))
        return FALSE;
    if (!has || !vigil_event_is_reported(event))
        return TRUE;
    if (!vigil_outbox_get_end(self, &sequence, &position, error))
        return FALSE;
    json = vigil_event_to_json(event, clip);
    g_auto(VigilStatement) insert = vigil_statement(
        self, "INSERT INTO outbox (run_id, event_id, type, number, camera, message, position, "
              "wall_us, mono_us) VALUES (:run, :event, :type, :number, :camera, :message, "
              ":position, :wall, :mono)");

    vigil_statement_int(&insert, ":run", self->run_id);
    vigil_statement_text(&insert, ":event", event->id);
    vigil_statement_text(&insert, ":type", vigil_event_type_to_string(event->type));
    vigil_statement_int(&insert, ":number", number);
    vigil_statement_text(&insert, ":camera", event->camera ? event->camera : "");
    vigil_statement_text(&insert, ":message", json);
    vigil_statement_int(&insert, ":position", position + (gint64)strlen(json));
    vigil_statement_int(&insert, ":wall", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&insert, ":mono", vigil_store_clock_mono(&self->clock));
    return vigil_statement_run(&insert, error);
}

void
vigil_outbox_set_notify(VigilStore *self, void (*func)(gpointer), gpointer user_data)
{
    g_mutex_lock(&self->mutex);
    self->outbox_func = func;
    self->outbox_data = user_data;
    g_mutex_unlock(&self->mutex);
}

static gboolean
read_n_commits(VigilStore *self, gint64 seq, guint *n, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT n_commits FROM events WHERE seq = :seq");

    vigil_statement_int(&find, ":seq", seq);
    *n = vigil_statement_step(&find, &local) ? (guint)sqlite3_column_int64(find.stmt, 0) : 0;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_outbox_add_interrupted(VigilStore *self, const GArray *seqs, GError **error)
{
    gboolean has;

    if (!has_destination(self, &has, error))
        return FALSE;
    for (guint i = 0; has && i < seqs->len; i++) {
        const gint64 seq = g_array_index(seqs, gint64, i);
        g_autofree gchar *clip = NULL;
        g_autoptr(VigilEvent) event = vigil_store_read_event(self, seq, &clip, error);
        guint n_commits;

        /* its recovery counts as one */
        if (!event || !read_n_commits(self, seq, &n_commits, error) ||
            !vigil_outbox_add(self, event, clip, n_commits - 1, error))
            return FALSE;
    }
    return TRUE;
}

/* --- out --------------------------------------------------------------------------------------------------- */

static VigilOutboxMessage *
read_message(VigilStatement *row)
{
    static const VigilEventType types[] = {VIGIL_EVENT_BEGIN, VIGIL_EVENT_UPDATE, VIGIL_EVENT_END};
    VigilOutboxMessage *self = g_new0(VigilOutboxMessage, 1);
    const gchar *type = vigil_statement_need_text(row, 2);

    self->sequence = sqlite3_column_int64(row->stmt, 0);
    self->event_id = g_strdup(vigil_statement_need_text(row, 1));
    for (guint i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_strcmp0(vigil_event_type_to_string(types[i]), type) == 0)
            self->type = types[i];
    self->number = (guint)sqlite3_column_int64(row->stmt, 3);
    self->key = g_strdup_printf("%s-%s-%u", self->event_id, type, self->number);
    self->camera = g_strdup(vigil_statement_need_text(row, 4));
    self->json = g_strdup(vigil_statement_need_text(row, 5));
    self->wall_us = sqlite3_column_int64(row->stmt, 6);
    return self;
}

static gboolean
read_messages(VigilStore *self, gint64 after, guint max_messages, gsize max_bytes,
              GPtrArray *messages, GError **error)
{
    g_autoptr(GError) local = NULL;
    gsize bytes = 0;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT seq, event_id, type, number, camera, message, wall_us FROM outbox "
              "WHERE seq > :after ORDER BY seq LIMIT :limit");

    vigil_statement_int(&list, ":after", after);
    vigil_statement_int(&list, ":limit", max_messages);
    while (vigil_statement_step(&list, &local)) {
        bytes += (gsize)sqlite3_column_bytes(list.stmt, 5);
        if (messages->len > 0 && bytes > max_bytes)
            break;
        g_ptr_array_add(messages, read_message(&list));
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

GPtrArray *
vigil_outbox_read(VigilStore *self, gint64 after, guint max_messages, gsize max_bytes,
                  GError **error)
{
    g_autoptr(GPtrArray) messages =
        g_ptr_array_new_with_free_func((GDestroyNotify)vigil_outbox_message_free);
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = (self->db || vigil_store_check_writable(self, error)) &&
         read_messages(self, after, max_messages, max_bytes, messages, error);
    g_mutex_unlock(&self->mutex);
    return ok ? g_steal_pointer(&messages) : NULL;
}

/* --- on ---------------------------------------------------------------------------------------------------- */

gboolean
vigil_outbox_find(VigilStore *self, const gchar *name, VigilOutboxPlace *place, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT id, passed_seq, passed_bytes, max_age_us, max_bytes "
                              "FROM destinations WHERE name = :name");

    vigil_statement_text(&find, ":name", name);
    if (vigil_statement_step(&find, &local)) {
        place->id = sqlite3_column_int64(find.stmt, 0);
        place->passed_seq = sqlite3_column_int64(find.stmt, 1);
        place->passed_bytes = sqlite3_column_int64(find.stmt, 2);
        place->max_age_us = sqlite3_column_int64(find.stmt, 3);
        place->max_bytes = sqlite3_column_int64(find.stmt, 4);
        return TRUE;
    }
    if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND,
                    "%s: no such destination", name);
    return FALSE;
}

/* How many messages lie between, and where the last of them ends. */
static gboolean
measure(VigilStore *self, const VigilOutboxPlace *place, gint64 sequence, gint64 *n,
        gint64 *position, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) count = vigil_statement(
        self, "SELECT count(*), max(position) FROM outbox WHERE seq > :from AND seq <= :to");

    vigil_statement_int(&count, ":from", place->passed_seq);
    vigil_statement_int(&count, ":to", sequence);
    *n = 0;
    *position = place->passed_bytes;
    if (vigil_statement_step(&count, &local)) {
        *n = sqlite3_column_int64(count.stmt, 0);
        *position = MAX(*position, sqlite3_column_int64(count.stmt, 1));
    }
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

gboolean
vigil_outbox_pass(VigilStore *self, VigilOutboxPlace *place, gint64 sequence, const gchar *counter,
                  GError **error)
{
    g_autofree gchar *sql =
        g_strdup_printf("UPDATE destinations SET passed_seq = :seq, passed_bytes = :bytes, "
                        "%s = %s + :n WHERE id = :id",
                        counter, counter);
    gint64 n, position;

    if (sequence <= place->passed_seq)
        return TRUE;
    if (!measure(self, place, sequence, &n, &position, error))
        return FALSE;
    g_auto(VigilStatement) update = vigil_statement(self, sql);

    vigil_statement_int(&update, ":seq", sequence);
    vigil_statement_int(&update, ":bytes", position);
    vigil_statement_int(&update, ":n", n);
    vigil_statement_int(&update, ":id", place->id);
    if (!vigil_statement_run(&update, error))
        return FALSE;
    place->passed_seq = sequence;
    place->passed_bytes = position;
    return TRUE;
}

typedef struct {
    const gchar *destination;
    gint64 sequence;
    const gchar *reason; /* of what is refused */
} Passing;

static gboolean
acknowledge(VigilStore *self, gpointer data, GError **error)
{
    const Passing *passing = data;
    VigilOutboxPlace place;
    guint n_deleted;

    return vigil_outbox_find(self, passing->destination, &place, error) &&
           vigil_outbox_pass(self, &place, passing->sequence, "sent", error) &&
           vigil_outbox_delete_passed(self, &n_deleted, error);
}

static gboolean
set_aside(VigilStore *self, const VigilOutboxPlace *place, const Passing *passing, GError **error)
{
    g_auto(VigilStatement) insert = vigil_statement(
        self,
        "INSERT OR REPLACE INTO refused (destination_id, seq, event_id, type, number, camera, "
        "message, reason, wall_us) SELECT :id, seq, event_id, type, number, camera, message, "
        ":reason, :wall FROM outbox WHERE seq = :seq");
    g_auto(VigilStatement) thin = vigil_statement(
        self, "DELETE FROM refused WHERE destination_id = :id AND seq <= (SELECT seq FROM refused "
              "WHERE destination_id = :id ORDER BY seq DESC LIMIT 1 OFFSET :most)");

    vigil_statement_int(&insert, ":id", place->id);
    vigil_statement_text(&insert, ":reason", passing->reason);
    vigil_statement_int(&insert, ":wall", vigil_store_clock_wall(&self->clock));
    vigil_statement_int(&insert, ":seq", passing->sequence);
    vigil_statement_int(&thin, ":id", place->id);
    vigil_statement_int(&thin, ":most", MAX_REFUSED_ROWS);
    return vigil_statement_run(&insert, error) && vigil_statement_run(&thin, error);
}

static gboolean
refuse(VigilStore *self, gpointer data, GError **error)
{
    const Passing *passing = data;
    VigilOutboxPlace place;
    guint n_deleted;

    if (!vigil_outbox_find(self, passing->destination, &place, error))
        return FALSE;
    if (passing->sequence <= place.passed_seq)
        return TRUE; /* it was refused, or dropped, before */
    return vigil_outbox_pass(self, &place, passing->sequence - 1, "sent", error) &&
           set_aside(self, &place, passing, error) &&
           vigil_outbox_pass(self, &place, passing->sequence, "refused", error) &&
           vigil_outbox_delete_passed(self, &n_deleted, error);
}

static gboolean
write_passing(VigilStore *self, VigilStoreWork work, Passing *passing, GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = vigil_store_write(self, work, passing, error);
    g_mutex_unlock(&self->mutex);
    return ok;
}

gboolean
vigil_outbox_acknowledge(VigilStore *self, const gchar *destination, gint64 sequence,
                         GError **error)
{
    Passing passing = {destination, sequence, NULL};

    return write_passing(self, acknowledge, &passing, error);
}

gboolean
vigil_outbox_refuse(VigilStore *self, const gchar *destination, gint64 sequence,
                    const gchar *reason, GError **error)
{
    Passing passing = {destination, sequence, reason};

    return write_passing(self, refuse, &passing, error);
}
