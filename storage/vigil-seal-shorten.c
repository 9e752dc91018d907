/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/vigil-seal-shorten.h"

#include <string.h>

#include "storage/vigil-seal-fate.h"

#define SLICE 64
/* Checkpoints name many records: a slice takes no more in, but those of one. */
#define SLICE_UNITS 256
/* A look takes no more of them, however many a record has: about 3 MB; of a long chain 12 MB. */
#define MAX_ITEMS 65536
#define MAX_ITEMS_LONG (4 * MAX_ITEMS)
/* Each look reads all that is open: one that takes in a part of that goes over a long chain so many times and no more. */
#define LOOK_SHARE 8

/* A record of the open part, all of whose items are known. */
typedef struct {
    VigilSealClosed last; /* what a checkpoint says if this is the last one */
    guint first_unit, n_units;
    guint n_kept; /* of a checkpoint: so many units are records of before */
} Closable;

struct VigilSealShortener {
    VigilSealPace pace;
    guint n_ended;
    gboolean refused;
    guint64 all_until; /* 0, or: whatever was written until then is gone over */
    /* of a look */
    gint64
        n_records; /* that there are: of the open part, as far as it was read, and that its checkpoints keep */
    VigilSealFate *fate; /* (nullable): none goes on */
    GArray *closable;    /* (element-type Closable): oldest first */
    guint next;          /* of them, to be closed */
    guint64 n_look;      /* so many of them */
    guint max_items;
    gboolean full, at_end;
    VigilSealClosed closed;
    /* the last record that was read */
    guint64 seq;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES], key[VIGIL_SEAL_KEY_BYTES];
};

VigilSealShortener *
vigil_seal_shortener_new(void)
{
    VigilSealShortener *self = g_new0(VigilSealShortener, 1);

    self->pace = (VigilSealPace){.n_open = 256,
                                 .n_ended = 256,
                                 .n_look = 4096,
                                 .n_batch = 512,
                                 .n_slack = 4096,
                                 .n_steps = 1024};
    self->n_ended = G_MAXUINT / 2; /* the runs before may have left much */
    self->closable = g_array_new(FALSE, FALSE, sizeof(Closable));
    return self;
}

void
vigil_seal_shortener_free(VigilSealShortener *self)
{
    if (!self)
        return;
    vigil_seal_fate_free(self->fate);
    g_array_unref(self->closable);
    g_free(self);
}

VigilSealPace *
vigil_seal_shortener_get_pace(VigilSealShortener *self)
{
    return &self->pace;
}

void
vigil_seal_shortener_note_ended(VigilSealShortener *self, guint n)
{
    self->n_ended = MIN(self->n_ended + n, G_MAXUINT / 2);
}

static void
end_look(VigilSealShortener *self, gboolean in_vain)
{
    g_clear_pointer(&self->fate, vigil_seal_fate_free);
    g_array_set_size(self->closable, 0);
    self->next = 0;
    if (in_vain)
        self->n_ended = 0;
}

/* What is not as it should be shows that somebody was there, or the disk: it stays, and all that is behind it. */
static void
refuse(VigilStore *self, guint64 seq)
{
    VigilSealShortener *shortener = self->seal_shortener;

    if (!shortener->refused)
        g_message("%s: the chain of seals is not shortened: record %" G_GUINT64_FORMAT
                  " is not what it should be: see `vigil fsck --verify`",
                  self->database, seq);
    shortener->refused = TRUE;
    end_look(shortener, TRUE);
}

/* --- records --- */

typedef struct {
    VigilSealRecord record; /* its items are borrowed from the statement */
    guint8 link[VIGIL_SEAL_DIGEST_BYTES];
    gboolean is_signed;
} Read;

/* @list: stands on a row of seq, body, signature. Checking a signature takes long: @check: whether it matters. */
static gboolean
read_row(VigilStatement *list, gboolean check, Read *read)
{
    const guint8 *body = sqlite3_column_blob(list->stmt, 1);
    const guint8 *signature = sqlite3_column_blob(list->stmt, 2);
    const gsize length = (gsize)sqlite3_column_bytes(list->stmt, 1);

    if (sqlite3_column_bytes(list->stmt, 2) != VIGIL_SEAL_SIGNATURE_BYTES || !body ||
        !vigil_seal_record_parse(&read->record, body, length) ||
        read->record.seq != (guint64)sqlite3_column_int64(list->stmt, 0))
        return FALSE;
    vigil_seal_link(body, length, signature, read->link);
    read->is_signed = check && vigil_seal_check(read->record.key, body, length, signature);
    return read->is_signed || !check;
}

/*
 * What it says of @kept, to be considered anew. The checkpoint is signed and has the digest of the record and its signature, so
 * this is the one that was closed: its signature needs not be checked again. @ok: (out): it is what was kept
 */
static gboolean
add_kept(VigilStore *self, const VigilSealKept *kept, gboolean *ok, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT seq, body, signature FROM seals WHERE seq = :seq");
    Read read;

    vigil_statement_int(&find, ":seq", (gint64)kept->seq);
    *ok = vigil_statement_step(&find, &local) && read_row(&find, FALSE, &read) &&
          memcmp(read.link, kept->link, sizeof read.link) == 0 &&
          vigil_seal_mask_fits(kept->mask, read.record.n_items);
    if (*ok)
        vigil_seal_fate_add(self->seal_shortener->fate, &read.record, read.link, kept->mask,
                            read.record.kind != VIGIL_SEAL_KIND_SEAL);
    return vigil_seal_take_error(&local, error);
}

/* A checkpoint of another key stays, so that a verifier sees who had a say. @n_kept: (out): records that it kept */
static gboolean
add_checkpoint(VigilStore *self, const Read *read, guint *n_kept, gboolean *ok, GError **error)
{
    VigilSealFate *fate = self->seal_shortener->fate;
    g_autoptr(GArray) kept = NULL;
    VigilSealClosed closed;

    *ok = vigil_seal_closed_parse(&read->record, &closed, &kept);
    *n_kept = *ok ? kept->len : 0;
    if (memcmp(read->record.key, vigil_seal_key_get_public(self->seal_key),
               sizeof read->record.key) != 0)
        vigil_seal_fate_add(fate, &read->record, read->link, NULL, TRUE);
    for (guint i = 0; *ok && i < kept->len; i++)
        if (!add_kept(self, &g_array_index(kept, VigilSealKept, i), ok, error))
            return FALSE;
    return TRUE;
}

/* It is one of the oldest: what becomes of it, the records behind will say. */
static gboolean
add_closable(VigilStore *self, const Read *read, gboolean *ok, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    const GArray *before = shortener->closable;
    Closable closable = {
        .last = {.seq = read->record.seq,
                 .n_items =
                     read->record.n_items +
                     (before->len ? g_array_index(before, Closable, before->len - 1).last.n_items
                                  : shortener->closed.n_items),
                 .wall_us = read->record.wall_us},
        .first_unit = vigil_seal_fate_get_n_units(shortener->fate)};

    memcpy(closable.last.link, read->link, sizeof read->link);
    memcpy(closable.last.key, read->record.key, sizeof read->record.key);
    if (read->record.kind == VIGIL_SEAL_KIND_CHECKPOINT) {
        if (!add_checkpoint(self, read, &closable.n_kept, ok, error))
            return FALSE;
    } else if (read->record.kind != VIGIL_SEAL_KIND_DELETION) {
        vigil_seal_fate_add(shortener->fate, &read->record, read->link, NULL,
                            read->record.kind == VIGIL_SEAL_KIND_FIRST);
    }
    closable.n_units = vigil_seal_fate_get_n_units(shortener->fate) - closable.first_unit;
    g_array_append_val(shortener->closable, closable);
    shortener->full = shortener->closable->len >= shortener->n_look ||
                      vigil_seal_fate_get_n_items(shortener->fate) >= shortener->max_items;
    return TRUE;
}

/*
 * It stands where it says, behind the one before, and who signs may sign here: what a key says that is not in seal.pub is not
 * believed by who verifies, and must not be by who closes.
 */
static gboolean
follows(const VigilStore *store, const VigilSealRecord *record)
{
    const VigilSealShortener *self = store->seal_shortener;

    return record->seq == self->seq + 1 &&
           memcmp(record->previous, self->link, sizeof self->link) == 0 &&
           (memcmp(record->key, self->key, sizeof self->key) == 0 ||
            (record->kind == VIGIL_SEAL_KIND_FIRST &&
             vigil_seal_key_knows(store->seal_key, record->key)));
}

/* Counting the table would read all of it, with the lock held. */
static void
count_record(VigilSealShortener *self, const VigilSealRecord *record)
{
    self->n_records++;
    if (record->kind == VIGIL_SEAL_KIND_CHECKPOINT && record->n_items > VIGIL_SEAL_N_HEAD_ITEMS)
        self->n_records += record->n_items - VIGIL_SEAL_N_HEAD_ITEMS;
}

/* @ok: (out): it is what it should be */
static gboolean
take_row(VigilStore *self, VigilStatement *list, gboolean *ok, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    Read read;

    *ok = read_row(list, !shortener->full, &read) && follows(self, &read.record);
    /* what ends another must be signed, all else that is not closed needs not */
    if (*ok && vigil_seal_fate_take(shortener->fate, &read.record) > 0)
        *ok = read.is_signed || read_row(list, TRUE, &read);
    if (*ok && !shortener->full && !add_closable(self, &read, ok, error))
        return FALSE;
    shortener->seq++;
    if (*ok) {
        count_record(shortener, &read.record);
        memcpy(shortener->link, read.link, sizeof read.link);
        memcpy(shortener->key, read.record.key, sizeof read.record.key);
    }
    return TRUE;
}

/* Some more of the open part. @ok: (out): as it should be; if not, nothing goes on */
static gboolean
read_slice(VigilStore *self, gboolean *ok, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self, "SELECT seq, body, signature FROM seals WHERE seq > :seq ORDER BY seq LIMIT :limit");
    const guint most = vigil_seal_fate_get_n_units(shortener->fate) + SLICE_UNITS;
    gboolean more = TRUE;
    guint n = 0;

    *ok = TRUE;
    vigil_statement_int(&list, ":seq", (gint64)shortener->seq);
    vigil_statement_int(&list, ":limit", SLICE);
    for (; *ok && vigil_seal_fate_get_n_units(shortener->fate) < most; n++) {
        more = vigil_statement_step(&list, &local);
        if (!more)
            break;
        if (!take_row(self, &list, ok, error))
            return FALSE;
    }
    if (!*ok)
        refuse(self, shortener->seq);
    shortener->at_end = !more && n < SLICE;
    return vigil_seal_take_error(&local, error);
}

/* --- a look --- */

/* @ok: (out): there is none, or it is one */
static gboolean
read_checkpoint(VigilStore *self, gint64 seq, gboolean *ok, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    g_autoptr(GError) local = NULL;
    g_autoptr(GArray) kept = NULL;
    g_auto(VigilStatement) find =
        vigil_statement(self, "SELECT seq, body, signature FROM seals WHERE seq = :seq");
    Read read;

    shortener->closed = (VigilSealClosed){0};
    *ok = TRUE;
    if (seq == 0)
        return TRUE;
    vigil_statement_int(&find, ":seq", seq);
    *ok = vigil_statement_step(&find, &local) && read_row(&find, TRUE, &read) &&
          vigil_seal_key_knows(self->seal_key, read.record.key) &&
          vigil_seal_closed_parse(&read.record, &shortener->closed, &kept);
    return vigil_seal_take_error(&local, error);
}

/* @begun: (out): there may be something to close */
static gboolean
begin_look(VigilStore *self, gboolean *begun, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    gint64 checkpoint, head;
    gboolean ok;

    *begun = FALSE;
    if (shortener->refused || shortener->n_ended < shortener->pace.n_ended)
        return TRUE;
    if (!vigil_store_read_int(self, "SELECT checkpoint_seq FROM seal_chain", &checkpoint, error) ||
        !vigil_store_read_int(self, "SELECT max(seq) FROM seals", &head, error) ||
        !read_checkpoint(self, checkpoint, &ok, error))
        return FALSE;
    if (!ok)
        refuse(self, (guint64)checkpoint);
    if (!ok || (guint64)head < shortener->closed.seq + shortener->pace.n_open)
        return TRUE;
    shortener->n_records = 0;
    shortener->seq = shortener->closed.seq;
    memcpy(shortener->link, shortener->closed.link, sizeof shortener->link);
    memcpy(shortener->key, shortener->closed.key, sizeof shortener->key);
    shortener->n_look =
        MAX(shortener->pace.n_look, ((guint64)head - shortener->closed.seq) / LOOK_SHARE);
    shortener->max_items = shortener->n_look > shortener->pace.n_look ? MAX_ITEMS_LONG : MAX_ITEMS;
    shortener->fate = vigil_seal_fate_new();
    shortener->full = shortener->at_end = FALSE;
    *begun = TRUE;
    return TRUE;
}

/* --- closing --- */

/* More than twice of what must be there? To be asked when all was read. */
static gboolean
judge_all(VigilStore *self, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    gint64 least, events, clips;

    if (shortener->closed.seq >= shortener->all_until)
        shortener->all_until = 0;
    if (!vigil_store_read_int(self, "SELECT least FROM seal_chain", &least, error))
        return FALSE;
    if (shortener->n_records <= 2 * least + shortener->pace.n_slack)
        return TRUE;
    if (!vigil_store_read_int(self, "SELECT count(*) FROM events", &events, error) ||
        !vigil_store_read_int(self, "SELECT count(*) FROM clips", &clips, error))
        return FALSE;
    if (shortener->n_records > 2 * MAX(least, MAX(events, clips)) + shortener->pace.n_slack)
        shortener->all_until = MAX(shortener->all_until, shortener->seq);
    return TRUE;
}

typedef struct {
    guint n_closed;            /* 0: it is not worth it */
    guint first_unit, n_units; /* that are in them, or that their checkpoints keep */
    guint n_records;           /* both together */
    guint n_standing;
    gboolean is_full; /* there are more */
} Batch;

static guint
count_standing(const VigilSealShortener *self, const Closable *one)
{
    guint n = 0;

    for (guint i = 0; i < one->n_units; i++)
        n += vigil_seal_fate_stands(self->fate, one->first_unit + i);
    return n;
}

/*
 * As many as fit. Without need none of those behind the
 * last one that goes: they will go themselves before long.
 */
static Batch
choose_batch(const VigilSealShortener *self)
{
    const gboolean all = self->closed.seq < self->all_until;
    Batch batch = {0}, worth = {0};

    for (guint i = self->next; i < self->closable->len; i++) {
        const Closable *one = &g_array_index(self->closable, Closable, i);
        const guint n_standing = count_standing(self, one);

        if (batch.n_closed == self->pace.n_batch || batch.n_units >= self->pace.n_batch ||
            (all && batch.n_closed > 0 && batch.n_units + one->n_units > self->pace.n_batch)) {
            batch.is_full = TRUE;
            break;
        }
        if (batch.n_closed++ == 0)
            batch.first_unit = one->first_unit;
        batch.n_units += one->n_units;
        batch.n_records += 1 + one->n_kept;
        batch.n_standing += n_standing;
        if (all || n_standing < 1 + one->n_kept)
            worth = batch;
    }
    worth.is_full = batch.is_full;
    if (!all && 2 * worth.n_standing > worth.n_records)
        worth.n_closed = 0;
    /* a checkpoint for just a few is not worth it; not so if it is for lack of room that they are few */
    if (worth.n_records < self->pace.n_open / 4 && !(all && batch.is_full))
        worth.n_closed = 0;
    return worth;
}

static gboolean
drop_record(VigilStore *self, guint64 seq, GError **error)
{
    g_auto(VigilStatement) drop = vigil_statement(self, "DELETE FROM seals WHERE seq = :seq");

    vigil_statement_int(&drop, ":seq", (gint64)seq);
    return vigil_statement_run(&drop, error);
}

/* All records that the batch closes, but for those that stand; and what its checkpoints kept for the last time. */
static gboolean
drop_records(VigilStore *self, const Batch *batch, GError **error)
{
    const VigilSealShortener *shortener = self->seal_shortener;
    g_autoptr(GHashTable) standing =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    for (guint i = batch->first_unit; i < batch->first_unit + batch->n_units; i++) {
        const VigilSealUnit *unit = vigil_seal_fate_get_unit(shortener->fate, i);

        if (vigil_seal_fate_stands(shortener->fate, i))
            g_hash_table_add(standing, g_memdup2(&unit->seq, sizeof unit->seq));
        else if (!drop_record(self, unit->seq, error))
            return FALSE;
    }
    for (guint i = shortener->next; i < shortener->next + batch->n_closed; i++) {
        const guint64 seq = g_array_index(shortener->closable, Closable, i).last.seq;

        if (!g_hash_table_contains(standing, &seq) && !drop_record(self, seq, error))
            return FALSE;
    }
    return TRUE;
}

typedef struct {
    Batch batch;
    gint64 checkpoint;
    gint64 n_records; /* that there are with it */
} Closing;

/* @all: all were gone over */
static gboolean
note_checkpoint(VigilStore *self, const Closing *closing, gboolean all, GError **error)
{
    g_auto(VigilStatement) update =
        vigil_statement(self, "UPDATE seal_chain SET checkpoint_seq = :seq, "
                              "least = iif(:all, :n, least)");

    vigil_statement_int(&update, ":seq", closing->checkpoint);
    vigil_statement_int(&update, ":n", closing->n_records);
    vigil_statement_int(&update, ":all", all);
    return vigil_statement_run(&update, error);
}

static gboolean
write_checkpoint(VigilStore *self, const Batch *batch, gint64 *seq, GError **error)
{
    const VigilSealShortener *shortener = self->seal_shortener;
    const Closable *last =
        &g_array_index(shortener->closable, Closable, shortener->next + batch->n_closed - 1);
    g_autoptr(VigilSealItems) items = vigil_seal_closed_write(&last->last);

    for (guint i = batch->first_unit; i < batch->first_unit + batch->n_units; i++) {
        const VigilSealUnit *unit = vigil_seal_fate_get_unit(shortener->fate, i);
        g_autofree gchar *mask = NULL;

        if (!vigil_seal_fate_stands(shortener->fate, i))
            continue;
        mask = vigil_seal_fate_mask(shortener->fate, i);
        vigil_seal_kept_write(items, unit->seq, unit->link, mask);
    }
    return vigil_seal_append(self, VIGIL_SEAL_KIND_CHECKPOINT, items, seq, error);
}

/* Within a transaction: nobody adds to the chain between what is read here and the checkpoint. */
static gboolean
close_batch(VigilStore *self, gpointer data, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    Closing *closing = data;
    const Closable *last;
    gboolean ok = TRUE;

    for (shortener->at_end = FALSE; ok && !shortener->at_end;)
        if (!read_slice(self, &ok, error))
            return FALSE;
    /* what was to be closed is refused, or the checkpoint that it builds on is none of the open part */
    if (!ok)
        return TRUE;
    closing->batch = choose_batch(shortener);
    if (closing->batch.n_closed == 0)
        return TRUE;
    last = &g_array_index(shortener->closable, Closable,
                          shortener->next + closing->batch.n_closed - 1);
    closing->n_records =
        shortener->n_records + 1 - closing->batch.n_records + (gint64)closing->batch.n_standing;
    return write_checkpoint(self, &closing->batch, &closing->checkpoint, error) &&
           drop_records(self, &closing->batch, error) &&
           note_checkpoint(self, closing,
                           shortener->all_until && last->last.seq >= shortener->all_until, error);
}

static gboolean
close_some(VigilStore *self, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    Closing closing = {0};

    if ((shortener->next == 0 && !judge_all(self, error)) ||
        !vigil_store_transact(self, close_batch, &closing, error)) {
        end_look(shortener, FALSE);
        return FALSE;
    }
    if (!shortener->fate) /* refused */
        return TRUE;
    if (closing.batch.n_closed == 0) {
        /* the rest of a look that had no room for more may be too little by itself */
        end_look(shortener, closing.batch.is_full || !shortener->full || shortener->next == 0);
        return TRUE;
    }
    shortener->next += closing.batch.n_closed;
    shortener->closed = g_array_index(shortener->closable, Closable, shortener->next - 1).last;
    shortener->n_records -=
        closing.batch.n_records; /* those that stand come again with the checkpoint */
    if (shortener->next == shortener->closable->len)
        end_look(shortener, FALSE);
    return TRUE;
}

gboolean
vigil_seal_shorten_some(VigilStore *self, gboolean *done, GError **error)
{
    VigilSealShortener *shortener = self->seal_shortener;
    gboolean begun = TRUE, ok;
    gint64 head;

    *done = TRUE;
    if (!self->seal_key)
        return TRUE;
    if (!shortener->fate) {
        if (!begin_look(self, &begun, error))
            return FALSE;
        *done = !begun;
        return TRUE;
    }
    *done = FALSE;
    if (!vigil_store_read_int(self, "SELECT max(seq) FROM seals", &head, error))
        return FALSE;
    /* much may have come since, which is nothing to be read within a transaction */
    if (shortener->at_end && (guint64)head <= shortener->seq + SLICE)
        return close_some(self, error);
    if (read_slice(self, &ok, error))
        return TRUE;
    end_look(shortener, FALSE);
    return FALSE;
}
