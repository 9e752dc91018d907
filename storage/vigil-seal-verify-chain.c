/* SPDX-License-Identifier: Apache-2.0 */
/* Checking the chain itself. */
#include <string.h>

#include "storage/vigil-seal-verify-private.h"

static void
write_hex(const guint8 *bytes, gchar *text)
{
    for (guint i = 0; i < VIGIL_SEAL_DIGEST_BYTES; i++)
        g_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static gboolean
is_known_key(const VigilVerify *self, const guint8 *key)
{
    for (guint i = 0; i < self->keys->len; i += VIGIL_SEAL_KEY_BYTES)
        if (memcmp(self->keys->data + i, key, VIGIL_SEAL_KEY_BYTES) == 0)
            return TRUE;
    return FALSE;
}

/* Where it stands: number, link, and who may sign here. */
static void
check_place(VigilVerify *self, const VigilSealRecord *record, guint64 seq)
{
    const gboolean same_key = memcmp(record->key, self->key, sizeof self->key) == 0;

    if (seq != self->seq + 1)
        vigil_verify_report(
            self, "chain: records %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " were taken away",
            self->seq + 1, seq - 1);
    else if (!self->broken && memcmp(record->previous, self->link, sizeof self->link) != 0)
        vigil_verify_report(self,
                            "chain: record %" G_GUINT64_FORMAT
                            " was not written behind the one that stands before it",
                            seq);
    if (!same_key && record->kind != VIGIL_SEAL_KIND_FIRST)
        vigil_verify_report(
            self, "chain: record %" G_GUINT64_FORMAT " is signed by another key than before", seq);
}

/* %TRUE when it may be believed. */
static gboolean
check_signed(VigilVerify *self, const VigilSealRecord *record, guint64 seq, gconstpointer body,
             gsize length, const guint8 *signature)
{
    if (record->seq != seq) {
        vigil_verify_report(self,
                            "chain: record %" G_GUINT64_FORMAT
                            " was altered: it says to be %" G_GUINT64_FORMAT,
                            seq, record->seq);
        return FALSE;
    }
    if (!vigil_seal_check(record->key, body, length, signature)) {
        vigil_verify_report(
            self, "chain: record %" G_GUINT64_FORMAT " was altered: its signature is wrong", seq);
        return FALSE;
    }
    return TRUE;
}

/* @said: of all that it signed it is said once. */
static gboolean
check_key(VigilVerify *self, const VigilSealRecord *record, gboolean is_kept, gboolean said)
{
    g_autofree gchar *pem = NULL;

    if (is_known_key(self, record->key))
        return TRUE;
    if (said)
        return FALSE;
    pem = vigil_seal_public_write(record->key);
    vigil_verify_report(self,
                        "chain: %s %" G_GUINT64_FORMAT "%s"
                        " signed by a key that is not among the public keys:\n%s",
                        is_kept ? "the kept record" : "from record", record->seq,
                        is_kept ? " is" : " on it is", g_strchomp(pem));
    return FALSE;
}

/* --- what is closed --- */

/* The latest checkpoint that may be believed says where the chain begins. One that may not is told of in its place. */
static gboolean
find_closed(VigilVerify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self->store, "SELECT seq, body, signature FROM seals WHERE "
                                     "substr(body, 9, 1) = x'04' ORDER BY seq DESC");
    VigilSealSummary *summary = self->summary;
    gboolean found = FALSE;

    while (!found && vigil_statement_step(&list, &local)) {
        const guint8 *body = sqlite3_column_blob(list.stmt, 1);
        const gsize length = (gsize)sqlite3_column_bytes(list.stmt, 1);
        g_autoptr(GArray) kept = NULL;
        VigilSealRecord record;
        VigilSealClosed closed;

        found = sqlite3_column_bytes(list.stmt, 2) == VIGIL_SEAL_SIGNATURE_BYTES &&
                vigil_seal_record_parse(&record, body, length) &&
                record.seq == (guint64)sqlite3_column_int64(list.stmt, 0) &&
                is_known_key(self, record.key) &&
                vigil_seal_check(record.key, body, length, sqlite3_column_blob(list.stmt, 2)) &&
                vigil_seal_closed_parse(&record, &closed, &kept);
        if (!found)
            continue;
        summary->closed_by = record.seq;
        summary->closed_seq = self->seq = closed.seq;
        summary->closed_wall_us = closed.wall_us;
        summary->n_closed_items = closed.n_items;
        memcpy(self->link, closed.link, sizeof self->link);
        memcpy(self->key, closed.key, sizeof self->key);
    }
    return vigil_seal_take_error(&local, error);
}

static void
note_head(VigilVerify *self, const guint8 *link, gchar *head)
{
    write_hex(link, head);
    self->head_found |= self->head && g_ascii_strcasecmp(head, self->head) == 0;
}

/* @kept: as it was when it was closed, with what stands of it */
static void
take_kept_record(VigilVerify *self, const VigilSealKept *kept, const guint8 *body, gsize length,
                 const guint8 *signature, gsize signature_length)
{
    guint8 link[VIGIL_SEAL_DIGEST_BYTES];
    gchar head[sizeof self->summary->head];
    VigilSealRecord record;

    if (signature_length != VIGIL_SEAL_SIGNATURE_BYTES ||
        !vigil_seal_record_parse(&record, body, length) ||
        !vigil_seal_mask_fits(kept->mask, record.n_items)) {
        vigil_verify_report(self, "chain: record %" G_GUINT64_FORMAT " is damaged", kept->seq);
        return;
    }
    vigil_seal_link(body, length, signature, link);
    if (memcmp(link, kept->link, sizeof link) != 0) {
        vigil_verify_report(self,
                            "chain: record %" G_GUINT64_FORMAT
                            " was altered: it is not the one that a checkpoint keeps",
                            kept->seq);
        return;
    }
    note_head(self, link, head);
    if (!check_signed(self, &record, kept->seq, body, length, signature))
        return;
    if (check_key(self, &record, TRUE, memcmp(record.key, self->kept_key, sizeof record.key) == 0))
        vigil_verify_take_items(self, &record, kept->mask);
    else
        memcpy(self->kept_key, record.key, sizeof self->kept_key);
}

static gboolean
find_kept_record(VigilVerify *self, const VigilSealKept *kept, guint64 checkpoint, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self->store, "SELECT body, signature FROM seals WHERE seq = :seq");

    vigil_statement_int(&find, ":seq", (gint64)kept->seq);
    if (vigil_statement_step(&find, &local)) {
        self->summary->n_records++;
        self->summary->n_kept++;
        take_kept_record(self, kept, sqlite3_column_blob(find.stmt, 0),
                         (gsize)sqlite3_column_bytes(find.stmt, 0),
                         sqlite3_column_blob(find.stmt, 1),
                         (gsize)sqlite3_column_bytes(find.stmt, 1));
    } else if (!local) {
        vigil_verify_report(self,
                            "chain: record %" G_GUINT64_FORMAT
                            ", which checkpoint %" G_GUINT64_FORMAT " keeps, was taken away",
                            kept->seq, checkpoint);
    }
    return vigil_seal_take_error(&local, error);
}

static gboolean
take_checkpoint(VigilVerify *self, const VigilSealRecord *record, GError **error)
{
    g_autoptr(GArray) kept = NULL;
    VigilSealClosed closed;

    if (!vigil_seal_closed_parse(record, &closed, &kept)) {
        vigil_verify_report(self, "chain: record %" G_GUINT64_FORMAT " is damaged", record->seq);
        return TRUE;
    }
    for (guint i = 0; i < kept->len; i++)
        if (!find_kept_record(self, &g_array_index(kept, VigilSealKept, i), record->seq, error))
            return FALSE;
    return TRUE;
}

/* --- the open part --- */

/* @error: (out): only from the database */
static gboolean
take_record(VigilVerify *self, guint64 seq, const guint8 *body, gsize length,
            const guint8 *signature, gsize signature_length, GError **error)
{
    VigilSealRecord record;
    gboolean said, ok = TRUE;

    self->summary->n_records++;
    self->summary->head_seq = seq;
    if (signature_length != VIGIL_SEAL_SIGNATURE_BYTES ||
        !vigil_seal_record_parse(&record, body, length)) {
        vigil_verify_report(self, "chain: record %" G_GUINT64_FORMAT " is damaged", seq);
        self->seq = seq;
        self->broken = TRUE;
        return TRUE;
    }
    check_place(self, &record, seq);
    said = memcmp(record.key, self->key, sizeof self->key) == 0 && self->seq != 0;
    if (check_signed(self, &record, seq, body, length, signature) &&
        check_key(self, &record, FALSE, said)) {
        if (record.kind == VIGIL_SEAL_KIND_CHECKPOINT)
            ok = take_checkpoint(self, &record, error);
        else
            vigil_verify_take_items(self, &record, NULL);
    }
    self->seq = seq;
    self->broken = FALSE;
    memcpy(self->key, record.key, sizeof self->key);
    vigil_seal_link(body, length, signature, self->link);
    note_head(self, self->link, self->summary->head);
    return ok;
}

static gboolean
walk(VigilVerify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self->store, "SELECT seq, body, signature FROM seals WHERE seq > :seq ORDER BY seq");

    vigil_statement_int(&list, ":seq", (gint64)self->seq);
    while (vigil_statement_step(&list, &local))
        if (!take_record(self, (guint64)sqlite3_column_int64(list.stmt, 0),
                         sqlite3_column_blob(list.stmt, 1),
                         (gsize)sqlite3_column_bytes(list.stmt, 1),
                         sqlite3_column_blob(list.stmt, 2),
                         (gsize)sqlite3_column_bytes(list.stmt, 2), error))
            return FALSE;
    return vigil_seal_take_error(&local, error);
}

static void
check_head(VigilVerify *self)
{
    if (!self->head || self->head_found ||
        (self->head_seq != 0 && self->head_seq <= self->summary->closed_seq))
        return;
    if (self->head_seq == 0 && self->summary->closed_seq > 0)
        vigil_verify_report(self,
                            "chain: no record has the digest %s: records were taken away from its "
                            "end, or it is one of those that were closed: only a head with its "
                            "number (DIGEST:NUMBER) tells which",
                            self->head);
    else
        vigil_verify_report(
            self, "chain: no record has the digest %s: records were taken away from its end",
            self->head);
}

gboolean
vigil_verify_chain(VigilVerify *self, GError **error)
{
    gint64 highest;

    if (!find_closed(self, error) || !walk(self, error) ||
        !vigil_store_read_int(self->store, "SELECT seq FROM sqlite_sequence WHERE name = 'seals'",
                              &highest, error))
        return FALSE;
    if (highest > 0 && (guint64)highest > self->seq)
        vigil_verify_report(self,
                            "chain: records %" G_GUINT64_FORMAT " to %" G_GINT64_FORMAT
                            " were taken away from its end",
                            self->seq + 1, highest);
    check_head(self);
    return TRUE;
}
