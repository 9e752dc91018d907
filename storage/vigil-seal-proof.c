/* SPDX-License-Identifier: Apache-2.0 */
/* What the chain has of one event, for who takes it away. */
#include <string.h>

#include "storage/vigil-seal-private.h"

void
vigil_seal_proof_clear(VigilSealProof *self)
{
    g_clear_pointer(&self->statement, g_free);
    g_clear_pointer(&self->track, g_bytes_unref);
    g_clear_pointer(&self->clip, g_free);
    g_clear_pointer(&self->event_seal.body, g_bytes_unref);
    g_clear_pointer(&self->event_seal.signature, g_bytes_unref);
    g_clear_pointer(&self->event_seal.public_key, g_free);
    g_clear_pointer(&self->clip_seal.body, g_bytes_unref);
    g_clear_pointer(&self->clip_seal.signature, g_bytes_unref);
    g_clear_pointer(&self->clip_seal.public_key, g_free);
}

static gboolean
take_error(GError **local, GError **error)
{
    if (!*local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(local));
    return FALSE;
}

static GBytes *
column_bytes(VigilStatement *statement, gint column)
{
    return g_bytes_new(sqlite3_column_blob(statement->stmt, column),
                       (gsize)sqlite3_column_bytes(statement->stmt, column));
}

typedef struct {
    gint64 seq, event_seal, clip_seal; /* 0: none */
} Found;

static gboolean
find_event(VigilStore *self, const gchar *id, Found *found, VigilSealProof *proof, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT e.seq, e.seal_seq, c.seal_seq, c.path, "
              "e.end_reason IS NOT NULL AND c.state IS NOT 'open' FROM events e "
              "LEFT JOIN clips c ON c.id = e.clip_id AND c.state <> 'lost' WHERE e.id = :id");

    vigil_statement_text(&find, ":id", id);
    if (!vigil_statement_step(&find, &local)) {
        if (!local)
            g_set_error(&local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event",
                        id);
        return take_error(&local, error);
    }
    if (!sqlite3_column_int(find.stmt, 4)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: this event lasts still, or its clip is being written: try again later",
                    id);
        return FALSE;
    }
    *found = (Found){sqlite3_column_int64(find.stmt, 0), sqlite3_column_int64(find.stmt, 1),
                     sqlite3_column_int64(find.stmt, 2)};
    proof->clip = g_strdup(vigil_statement_get_text(&find, 3));
    return TRUE;
}

/* @record: (out): its items belong to @body */
static gboolean
read_seal(VigilStore *self, gint64 seq, GBytes **body, GBytes **signature, gchar **public_key,
          VigilSealRecord *record, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT body, signature FROM seals WHERE seq = :seq");
    gconstpointer data;
    gsize length;

    *record = (VigilSealRecord){0};
    vigil_statement_int(&find, ":seq", seq);
    if (!vigil_statement_step(&find, &local))
        return take_error(&local, error);
    *body = column_bytes(&find, 0);
    *signature = column_bytes(&find, 1);
    data = g_bytes_get_data(*body, &length);
    if (!vigil_seal_record_parse(record, data, length)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
                    "%s: record %" G_GINT64_FORMAT " of the seals is damaged", self->database, seq);
        return FALSE;
    }
    *public_key = vigil_seal_public_write(record->key);
    return TRUE;
}

static void
take_clip(const VigilSealRecord *record, VigilSealProof *proof)
{
    VigilSealItem item;
    gsize offset = 0;

    while (vigil_seal_record_next(record, &offset, &item)) {
        if (item.type != VIGIL_SEAL_CLIP || item.name_length != strlen(proof->clip) ||
            memcmp(item.name, proof->clip, item.name_length) != 0)
            continue;
        memcpy(proof->clip_digest, item.digest, sizeof proof->clip_digest);
        proof->clip_bytes = item.number;
    }
}

static gboolean
read_track(VigilStore *self, gint64 event_seq, VigilSealProof *proof, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT path FROM tracks WHERE event_seq = :seq");

    vigil_statement_int(&find, ":seq", event_seq);
    if (vigil_statement_step(&find, &local))
        proof->track = column_bytes(&find, 0);
    return take_error(&local, error);
}

static gboolean
read_proof(VigilStore *self, const gchar *id, VigilSealProof *proof, GError **error)
{
    VigilSealRecord record;
    Found found = {0};

    if (!find_event(self, id, &found, proof, error))
        return FALSE;
    proof->statement = vigil_seal_statement(self, found.seq, error);
    if (!proof->statement || !read_track(self, found.seq, proof, error))
        return FALSE;
    if (found.event_seal &&
        !read_seal(self, found.event_seal, &proof->event_seal.body, &proof->event_seal.signature,
                   &proof->event_seal.public_key, &record, error))
        return FALSE;
    if (!proof->clip || !found.clip_seal)
        return TRUE;
    if (!read_seal(self, found.clip_seal, &proof->clip_seal.body, &proof->clip_seal.signature,
                   &proof->clip_seal.public_key, &record, error))
        return FALSE;
    take_clip(&record, proof);
    return TRUE;
}

gboolean
vigil_store_get_proof(VigilStore *self, const gchar *event_id, VigilSealProof *proof,
                      GError **error)
{
    gboolean ok;

    g_mutex_lock(&self->mutex);
    ok = self->db || vigil_store_check_writable(self, error);
    if (ok && self->schema < VIGIL_SEAL_SCHEMA) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: it is older than seals; open it once for writing", self->database);
        ok = FALSE;
    }
    /* one transaction: a writer beside changes nothing in between */
    ok = ok && vigil_store_exec(self, "BEGIN", error);
    if (ok) {
        ok = read_proof(self, event_id, proof, error);
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    }
    g_mutex_unlock(&self->mutex);
    if (!ok)
        vigil_seal_proof_clear(proof);
    return ok;
}
