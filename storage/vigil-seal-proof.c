/* SPDX-License-Identifier: Apache-2.0 */
/* What the chain has of one event, for who takes it away. */
#include <string.h>

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-seal-private.h"

static void
sealed_clear(VigilSealed *self)
{
    g_clear_pointer(&self->body, g_bytes_unref);
    g_clear_pointer(&self->signature, g_bytes_unref);
    g_clear_pointer(&self->public_key, g_free);
}

static void
sealed_clip_clear(gpointer data)
{
    VigilSealedClip *self = data;

    sealed_clear(&self->seal);
    g_free(self->path);
}

void
vigil_seal_proof_clear(VigilSealProof *self)
{
    g_clear_pointer(&self->statement, g_free);
    g_clear_pointer(&self->track, g_bytes_unref);
    g_clear_pointer(&self->clips, g_array_unref);
    sealed_clear(&self->seal);
}

static GBytes *
column_bytes(VigilStatement *statement, gint column)
{
    return g_bytes_new(sqlite3_column_blob(statement->stmt, column),
                       (gsize)sqlite3_column_bytes(statement->stmt, column));
}

typedef struct {
    gint64 seq, seal; /* seal: 0: none */
    gboolean ended;
    GArray *parts; /* (element-type VigilClipPart) */
} Found;

static void
found_clear(Found *self)
{
    g_clear_pointer(&self->parts, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

static gboolean
find_row(VigilStore *self, const gchar *id, Found *found, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(
        self, "SELECT seq, seal_seq, end_reason IS NOT NULL FROM events WHERE id = :id");

    vigil_statement_text(&find, ":id", id);
    if (!vigil_statement_step(&find, &local)) {
        if (!local)
            g_set_error(&local, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_NOT_FOUND, "%s: no such event",
                        id);
        return vigil_seal_take_error(&local, error);
    }
    found->seq = sqlite3_column_int64(find.stmt, 0);
    found->seal = sqlite3_column_int64(find.stmt, 1);
    found->ended = sqlite3_column_int(find.stmt, 2) != 0;
    return TRUE;
}

static gboolean
find_event(VigilStore *self, const gchar *id, Found *found, GError **error)
{
    gboolean done;

    if (!find_row(self, id, found, error))
        return FALSE;
    found->parts = vigil_clip_parts_list(self, found->seq, TRUE, error);
    if (!found->parts)
        return FALSE;
    done = found->ended;
    for (guint i = 0; i < found->parts->len; i++)
        done = done && !g_array_index(found->parts, VigilClipPart, i).is_open;
    if (!done)
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: this event lasts still, or its clip is being written: try again later",
                    id);
    return done;
}

/* @record: (out): its items belong to the body */
static gboolean
read_seal(VigilStore *self, gint64 seq, VigilSealed *seal, VigilSealRecord *record, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT body, signature FROM seals WHERE seq = :seq");
    gconstpointer data;
    gsize length;

    *record = (VigilSealRecord){0};
    vigil_statement_int(&find, ":seq", seq);
    if (!vigil_statement_step(&find, &local))
        return vigil_seal_take_error(&local, error);
    seal->body = column_bytes(&find, 0);
    seal->signature = column_bytes(&find, 1);
    data = g_bytes_get_data(seal->body, &length);
    if (!vigil_seal_record_parse(record, data, length)) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_CORRUPT,
                    "%s: record %" G_GINT64_FORMAT " of the seals is damaged", self->database, seq);
        return FALSE;
    }
    seal->public_key = vigil_seal_public_write(record->key);
    return TRUE;
}

static void
take_clip(const VigilSealRecord *record, VigilSealedClip *clip)
{
    VigilSealItem item;
    gsize offset = 0;

    while (vigil_seal_record_next(record, &offset, &item)) {
        if (item.type != VIGIL_SEAL_CLIP || item.name_length != strlen(clip->path) ||
            memcmp(item.name, clip->path, item.name_length) != 0)
            continue;
        memcpy(clip->digest, item.digest, sizeof clip->digest);
        clip->bytes = item.number;
    }
}

static gboolean
read_clips(VigilStore *self, const GArray *parts, VigilSealProof *proof, GError **error)
{
    proof->clips = g_array_new(FALSE, TRUE, sizeof(VigilSealedClip));
    g_array_set_clear_func(proof->clips, sealed_clip_clear);
    for (guint i = 0; i < parts->len; i++) {
        const VigilClipPart *part = &g_array_index(parts, VigilClipPart, i);
        VigilSealedClip *clip;
        VigilSealRecord record;

        if (!part->has_file)
            continue;
        g_array_set_size(proof->clips, proof->clips->len + 1);
        clip = &g_array_index(proof->clips, VigilSealedClip, proof->clips->len - 1);
        clip->path = g_strdup(part->path);
        if (!part->seal_seq)
            continue;
        if (!read_seal(self, part->seal_seq, &clip->seal, &record, error))
            return FALSE;
        take_clip(&record, clip);
    }
    return TRUE;
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
    return vigil_seal_take_error(&local, error);
}

static gboolean
read_proof(VigilStore *self, const gchar *id, VigilSealProof *proof, GError **error)
{
    VigilSealRecord record;
    g_auto(Found) found = {0};

    if (!find_event(self, id, &found, error))
        return FALSE;
    proof->statement = vigil_seal_statement(self, found.seq, error);
    if (!proof->statement || !read_track(self, found.seq, proof, error))
        return FALSE;
    return (!found.seal || read_seal(self, found.seal, &proof->seal, &record, error)) &&
           read_clips(self, found.parts, proof, error);
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
