/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking the chain, and rows and files against it. The chain and the rows are read in one transaction, so that a writer
 * beside changes nothing in between; clips are read afterwards, and one that does not fit is looked up again, as it may have
 * been deleted meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "storage/vigil-clip-parts.h"
#include "storage/vigil-seal-private.h"

#define N_PARTS 3 /* statement, track, snapshot */

static const gchar *const part_names[N_PARTS] = {"what it says", "its track", "its snapshot"};

/* What the latest seal said of an event. */
typedef struct {
    gchar *clip; /* (nullable) */
    guint8 digests[N_PARTS][VIGIL_SEAL_DIGEST_BYTES];
    gboolean has[N_PARTS];
    gboolean seen;
} SealedEvent;

typedef struct {
    guint64 bytes;
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    gint64 row_id; /* 0: no row was seen */
} SealedClip;

typedef struct {
    VigilStore *store;
    GByteArray *keys;
    const gchar *head;
    gboolean head_found;
    VigilFsckFunc func;
    gpointer user_data;
    VigilSealSummary *summary;
    guint n_found;
    GHashTable *clips;  /* path → SealedClip */
    GHashTable *events; /* id → SealedEvent */
    GHashTable *parts;  /* id → set of paths of the clips in which the event goes on */
    guint64 older_clip_id, older_event_seq;
    /* of the record before */
    guint64 seq;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES], key[VIGIL_SEAL_KEY_BYTES];
    gboolean broken; /* it was no record */
} Verify;

static void
sealed_event_free(gpointer data)
{
    g_free(((SealedEvent *)data)->clip);
    g_free(data);
}

static void G_GNUC_PRINTF(2, 3) report(Verify *self, const gchar *format, ...)
{
    va_list args;
    g_autofree gchar *text = NULL;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    self->n_found++;
    if (self->func)
        self->func(text, FALSE, self->user_data);
}

static gboolean
take_error(GError **local, GError **error)
{
    if (!*local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(local));
    return FALSE;
}

static void
write_hex(const guint8 *bytes, gchar *text)
{
    for (guint i = 0; i < VIGIL_SEAL_DIGEST_BYTES; i++)
        g_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* --- the chain --- */

static gboolean
is_known_key(const Verify *self, const guint8 *key)
{
    for (guint i = 0; i < self->keys->len; i += VIGIL_SEAL_KEY_BYTES)
        if (memcmp(self->keys->data + i, key, VIGIL_SEAL_KEY_BYTES) == 0)
            return TRUE;
    return FALSE;
}

static void
take_event_part(Verify *self, const VigilSealItem *item, const gchar *name, const gchar *clip)
{
    const guint part = item->type - VIGIL_SEAL_EVENT;
    SealedEvent *event = g_hash_table_lookup(self->events, name);

    if (part == 0) {
        event = g_new0(SealedEvent, 1);
        event->clip = g_strdup(clip);
        g_hash_table_replace(self->events, g_strdup(name), event);
    }
    if (!event)
        return;
    memcpy(event->digests[part], item->digest, VIGIL_SEAL_DIGEST_BYTES);
    event->has[part] = TRUE;
}

static void
take_part(Verify *self, const gchar *id, const gchar *clip)
{
    GHashTable *paths = g_hash_table_lookup(self->parts, id);

    if (!clip)
        return;
    if (!paths) {
        paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_insert(self->parts, g_strdup(id), paths);
    }
    g_hash_table_add(paths, g_strdup(clip));
}

static void
take_sealed(Verify *self, const VigilSealItem *item, const gchar *name, gchar **clip)
{
    SealedClip *sealed;

    switch (item->type) {
    case VIGIL_SEAL_CLIP:
        sealed = g_new0(SealedClip, 1);
        sealed->bytes = item->number;
        memcpy(sealed->digest, item->digest, VIGIL_SEAL_DIGEST_BYTES);
        g_hash_table_replace(self->clips, g_strdup(name), sealed);
        G_GNUC_FALLTHROUGH;
    case VIGIL_SEAL_LINK:
        g_free(*clip);
        *clip = g_strdup(name);
        break;
    case VIGIL_SEAL_EVENT:
    case VIGIL_SEAL_TRACK:
    case VIGIL_SEAL_SNAPSHOT: take_event_part(self, item, name, *clip); break;
    case VIGIL_SEAL_PART: take_part(self, name, *clip); break;
    default: break;
    }
}

static void
take_deleted(Verify *self, const VigilSealItem *item, const gchar *name)
{
    SealedEvent *event;

    switch (item->type) {
    case VIGIL_SEAL_CLIP: g_hash_table_remove(self->clips, name); break;
    case VIGIL_SEAL_EVENT:
        g_hash_table_remove(self->events, name);
        g_hash_table_remove(self->parts, name);
        break;
    case VIGIL_SEAL_TRACK:
    case VIGIL_SEAL_SNAPSHOT:
        event = g_hash_table_lookup(self->events, name);
        if (event)
            event->has[item->type - VIGIL_SEAL_EVENT] = FALSE;
        break;
    default: break;
    }
}

static void
take_items(Verify *self, const VigilSealRecord *record)
{
    g_autofree gchar *clip = NULL;
    VigilSealItem item;
    gsize offset = 0;

    while (vigil_seal_record_next(record, &offset, &item)) {
        g_autofree gchar *name = g_strndup(item.name, item.name_length);

        if (record->kind == VIGIL_SEAL_KIND_DELETION)
            take_deleted(self, &item, name);
        else if (record->kind == VIGIL_SEAL_KIND_SEAL)
            take_sealed(self, &item, name, &clip);
        else if (record->seq == 1 && item.type == VIGIL_SEAL_OLDER_CLIPS)
            self->older_clip_id = item.number;
        else if (record->seq == 1 && item.type == VIGIL_SEAL_OLDER_EVENTS)
            self->older_event_seq = item.number;
    }
}

/* Where it stands: number, link, and who may sign here. */
static void
check_place(Verify *self, const VigilSealRecord *record, guint64 seq)
{
    const gboolean same_key = memcmp(record->key, self->key, sizeof self->key) == 0;

    if (seq != self->seq + 1)
        report(self,
               "chain: records %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " were taken away",
               self->seq + 1, seq - 1);
    else if (!self->broken && memcmp(record->previous, self->link, sizeof self->link) != 0)
        report(self,
               "chain: record %" G_GUINT64_FORMAT
               " was not written behind the one that stands before it",
               seq);
    if (!same_key && record->kind != VIGIL_SEAL_KIND_FIRST)
        report(self, "chain: record %" G_GUINT64_FORMAT " is signed by another key than before",
               seq);
}

/* %TRUE when it may be believed. */
static gboolean
check_record(Verify *self, const VigilSealRecord *record, guint64 seq, gconstpointer body,
             gsize length, const guint8 *signature)
{
    if (record->seq != seq) {
        report(self,
               "chain: record %" G_GUINT64_FORMAT " was altered: it says to be %" G_GUINT64_FORMAT,
               seq, record->seq);
        return FALSE;
    }
    if (!vigil_seal_check(record->key, body, length, signature)) {
        report(self, "chain: record %" G_GUINT64_FORMAT " was altered: its signature is wrong",
               seq);
        return FALSE;
    }
    if (!is_known_key(self, record->key)) {
        /* said once for all that it signed */
        if (memcmp(record->key, self->key, sizeof self->key) != 0 || self->seq == 0) {
            g_autofree gchar *pem = vigil_seal_public_write(record->key);

            report(self,
                   "chain: from record %" G_GUINT64_FORMAT
                   " on it is signed by a key that is not among the public keys:\n%s",
                   seq, g_strchomp(pem));
        }
        return FALSE;
    }
    return TRUE;
}

static void
take_record(Verify *self, guint64 seq, const guint8 *body, gsize length, const guint8 *signature,
            gsize signature_length)
{
    VigilSealRecord record;
    gchar head[sizeof self->summary->head];

    self->summary->n_records++;
    self->summary->head_seq = seq;
    if (signature_length != VIGIL_SEAL_SIGNATURE_BYTES ||
        !vigil_seal_record_parse(&record, body, length)) {
        report(self, "chain: record %" G_GUINT64_FORMAT " is damaged", seq);
        self->seq = seq;
        self->broken = TRUE;
        return;
    }
    check_place(self, &record, seq);
    if (check_record(self, &record, seq, body, length, signature))
        take_items(self, &record);
    self->seq = seq;
    self->broken = FALSE;
    memcpy(self->key, record.key, sizeof self->key);
    vigil_seal_link(body, length, signature, self->link);
    write_hex(self->link, head);
    memcpy(self->summary->head, head, sizeof head);
    self->head_found |= self->head && g_ascii_strcasecmp(head, self->head) == 0;
}

static gboolean
walk_chain(Verify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self->store, "SELECT seq, body, signature FROM seals ORDER BY seq");
    gint64 highest;

    while (vigil_statement_step(&list, &local))
        take_record(self, (guint64)sqlite3_column_int64(list.stmt, 0),
                    sqlite3_column_blob(list.stmt, 1), (gsize)sqlite3_column_bytes(list.stmt, 1),
                    sqlite3_column_blob(list.stmt, 2), (gsize)sqlite3_column_bytes(list.stmt, 2));
    if (!take_error(&local, error) ||
        !vigil_store_read_int(self->store, "SELECT seq FROM sqlite_sequence WHERE name = 'seals'",
                              &highest, error))
        return FALSE;
    if (highest > 0 && (guint64)highest > self->seq)
        report(self,
               "chain: records %" G_GUINT64_FORMAT " to %" G_GINT64_FORMAT
               " were taken away from its end",
               self->seq + 1, highest);
    if (self->head && !self->head_found)
        report(self, "chain: no record has the digest %s: records were taken away from its end",
               self->head);
    return TRUE;
}

/* --- rows --- */

/* Compares what is there now with what was sealed. */
static void
compare_event(Verify *self, const gchar *id, const SealedEvent *event, const VigilSealItems *now)
{
    const VigilSealRecord record = {.items = now->bytes->data, .items_length = now->bytes->len};
    gboolean there[N_PARTS] = {FALSE};
    VigilSealItem item;
    gsize offset = 0;

    while (vigil_seal_record_next(&record, &offset, &item)) {
        const guint part = item.type - VIGIL_SEAL_EVENT;

        there[part] = TRUE;
        if (!event->has[part])
            report(self, "event %s: %s was added after it was sealed", id, part_names[part]);
        else if (memcmp(item.digest, event->digests[part], VIGIL_SEAL_DIGEST_BYTES) != 0)
            report(self, "event %s: %s was altered after it was sealed", id, part_names[part]);
    }
    for (guint i = 0; i < N_PARTS; i++)
        if (event->has[i] && !there[i])
            report(self, "event %s: %s was taken away, and no record says so", id, part_names[i]);
}

/* A clip that was deleted by itself may be missing in the row; another one may not be there. */
static void
compare_clip(Verify *self, const gchar *id, const SealedEvent *event, const gchar *clip)
{
    if (g_strcmp0(event->clip, clip) == 0 ||
        (event->clip && !clip && !g_hash_table_contains(self->clips, event->clip)))
        return;
    report(self, "event %s: it belongs to clip %s, but is said to belong to %s", id,
           event->clip ? event->clip : "none", clip ? clip : "none");
}

static gboolean
check_event(Verify *self, VigilStatement *row, GError **error)
{
    const gint64 seq = sqlite3_column_int64(row->stmt, 0);
    const gchar *id = vigil_statement_need_text(row, 1);
    const gboolean due = sqlite3_column_int(row->stmt, 3) != 0;
    SealedEvent *event = g_hash_table_lookup(self->events, id);
    g_autoptr(VigilSealItems) now = NULL;

    if (!event && !due)
        return TRUE;
    self->summary->n_events++;
    if (!event) {
        if ((guint64)seq <= self->older_event_seq)
            self->summary->n_older_events++;
        else
            report(self, "event %s: it has no valid seal", id);
        return TRUE;
    }
    event->seen = TRUE;
    now = vigil_seal_items_new();
    if (!vigil_seal_add_event(self->store, seq, id, now, error))
        return FALSE;
    compare_event(self, id, event, now);
    compare_clip(self, id, event, vigil_statement_get_text(row, 2));
    return TRUE;
}

static gboolean
check_events(Verify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self->store, "SELECT e.seq, e.id, c.path, e.end_reason IS NOT NULL AND "
                     "c.state IS NOT 'open' FROM events e LEFT JOIN clips c ON c.id = e.clip_id "
                     "ORDER BY e.seq");
    GHashTableIter iter;
    gpointer id, event;

    while (vigil_statement_step(&list, &local))
        if (!check_event(self, &list, error))
            return FALSE;
    if (!take_error(&local, error))
        return FALSE;
    g_hash_table_iter_init(&iter, self->events);
    while (g_hash_table_iter_next(&iter, &id, &event))
        if (!((SealedEvent *)event)->seen)
            report(self, "event %s: it was sealed, and is gone without a record that says so",
                   (const gchar *)id);
    return TRUE;
}

static void
check_clip_row(Verify *self, VigilStatement *row)
{
    const gint64 id = sqlite3_column_int64(row->stmt, 0);
    const gchar *path = vigil_statement_need_text(row, 1);
    const gchar *state = vigil_statement_need_text(row, 2);
    SealedClip *clip = g_hash_table_lookup(self->clips, path);

    if (clip) {
        clip->row_id = id;
        return;
    }
    if (g_str_equal(state, "open") || g_str_equal(state, "lost"))
        return;
    if ((guint64)id <= self->older_clip_id)
        self->summary->n_older_clips++;
    else
        report(self, "clip %s: it has no valid seal", path);
}

static gboolean
check_clip_rows(Verify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list =
        vigil_statement(self->store, "SELECT id, path, state FROM clips ORDER BY id");
    GHashTableIter iter;
    gpointer path, clip;

    while (vigil_statement_step(&list, &local))
        check_clip_row(self, &list);
    if (!take_error(&local, error))
        return FALSE;
    g_hash_table_iter_init(&iter, self->clips);
    while (g_hash_table_iter_next(&iter, &path, &clip))
        if (!((SealedClip *)clip)->row_id)
            report(self, "clip %s: it was sealed, and is gone without a record that says so",
                   (const gchar *)path);
    return TRUE;
}

/* What rows say of where an event goes on was sealed with that clip. */
static gboolean
check_part_rows(Verify *self, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) list = vigil_statement(
        self->store, "SELECT e.id, c.path FROM event_parts p CROSS JOIN events e ON "
                     "e.seq = p.event_seq CROSS JOIN clips c ON c.id = p.clip_id");

    while (vigil_statement_step(&list, &local)) {
        const gchar *id = vigil_statement_need_text(&list, 0);
        const gchar *path = vigil_statement_need_text(&list, 1);
        GHashTable *paths = g_hash_table_lookup(self->parts, id);

        if (!g_hash_table_contains(self->clips, path))
            continue;
        if (!paths || !g_hash_table_remove(paths, path))
            report(self, "event %s: it is said to go on in clip %s, which was sealed without it",
                   id, path);
    }
    return take_error(&local, error);
}

static gboolean
has_event(VigilStore *store, const gchar *id, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(store, "SELECT 1 FROM events WHERE id = :id");

    vigil_statement_text(&find, ":id", id);
    *has = vigil_statement_step(&find, &local);
    return take_error(&local, error);
}

/* Those that no row said. */
static gboolean
check_missing_parts(Verify *self, GError **error)
{
    GHashTableIter events, clips;
    gpointer id, paths, path;

    g_hash_table_iter_init(&events, self->parts);
    while (g_hash_table_iter_next(&events, &id, &paths)) {
        gboolean there;

        if (g_hash_table_size(paths) == 0)
            continue;
        if (!has_event(self->store, id, &there, error))
            return FALSE;
        g_hash_table_iter_init(&clips, paths);
        while (there && g_hash_table_iter_next(&clips, &path, NULL))
            if (g_hash_table_contains(self->clips, path))
                report(self, "event %s: that it goes on in clip %s was taken away",
                       (const gchar *)id, (const gchar *)path);
    }
    return TRUE;
}

static gboolean
check_parts(Verify *self, GError **error)
{
    return self->store->schema < VIGIL_PARTS_SCHEMA ||
           (check_part_rows(self, error) && check_missing_parts(self, error));
}

static gboolean
read_rows(Verify *self, GError **error)
{
    gboolean ok;

    if (!vigil_store_exec(self->store, "BEGIN", error))
        return FALSE;
    ok = walk_chain(self, error) && check_events(self, error) && check_clip_rows(self, error) &&
         check_parts(self, error);
    sqlite3_exec(self->store->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was written */
    return ok;
}

/* --- files --- */

static gboolean
has_row(VigilStore *store, gint64 id, gboolean *has, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_auto(VigilStatement) find = vigil_statement(store, "SELECT 1 FROM clips WHERE id = :id");

    vigil_statement_int(&find, ":id", id);
    *has = vigil_statement_step(&find, &local);
    return take_error(&local, error);
}

/* (transfer full) (nullable): what is wrong with the file. */
static gchar *
examine_file(Verify *self, const gchar *path, const SealedClip *clip)
{
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    guint64 bytes;
    const gint fd = vigil_clip_folder_open(self->store, path);
    gint code;

    if (fd == -ENOENT)
        return g_strdup_printf("clip %s: its file is missing", path);
    code = fd < 0 ? fd : vigil_seal_hash_file(fd, digest, &bytes);
    if (fd >= 0)
        close(fd);
    if (code < 0)
        return g_strdup_printf("clip %s: it cannot be read: %s", path, g_strerror(-code));
    if (bytes != clip->bytes)
        return g_strdup_printf("clip %s: it was sealed with %" G_GUINT64_FORMAT
                               " bytes and has %" G_GUINT64_FORMAT " now",
                               path, clip->bytes, bytes);
    if (memcmp(digest, clip->digest, sizeof digest) != 0)
        return g_strdup_printf("clip %s: its content was altered after it was sealed", path);
    return NULL;
}

static gboolean
check_clips(Verify *self, GError **error)
{
    GHashTableIter iter;
    gpointer path, value;

    if (self->store->clips_fd < 0)
        return TRUE;
    g_hash_table_iter_init(&iter, self->clips);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        const SealedClip *clip = value;
        g_autofree gchar *finding = NULL;
        gboolean there;

        if (!clip->row_id)
            continue;
        self->summary->n_clips++;
        finding = examine_file(self, path, clip);
        if (!finding)
            continue;
        if (!has_row(self->store, clip->row_id, &there, error))
            return FALSE;
        if (there)
            report(self, "%s", finding);
    }
    return TRUE;
}

/* --- */

/* (transfer full) (nullable) */
static GByteArray *
read_keys(VigilStore *self, const gchar *public_keys, GError **error)
{
    g_autofree gchar *path = vigil_seal_public_path(self), *text = NULL;
    g_autoptr(GByteArray) keys = NULL;

    if (!public_keys && g_file_get_contents(path, &text, NULL, NULL))
        public_keys = text;
    keys = vigil_seal_public_parse(public_keys ? public_keys : "");
    if (keys->len > 0)
        return g_steal_pointer(&keys);
    g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                "%s: no public key to check seals with", text || !public_keys ? path : "given");
    return NULL;
}

gboolean
vigil_store_verify(VigilStore *self, const gchar *public_keys, const gchar *head,
                   VigilFsckFunc func, gpointer user_data, VigilSealSummary *summary,
                   guint *n_found, GError **error)
{
    g_autoptr(GByteArray) keys = read_keys(self, public_keys, error);
    g_autoptr(GHashTable) clips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) events =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sealed_event_free);
    g_autoptr(GHashTable) parts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
    Verify verify = {.store = self,
                     .keys = keys,
                     .head = head,
                     .func = func,
                     .user_data = user_data,
                     .summary = summary,
                     .clips = clips,
                     .events = events,
                     .parts = parts};
    gboolean ok;

    *summary = (VigilSealSummary){0};
    *n_found = 0;
    if (!keys)
        return FALSE;
    g_mutex_lock(&self->mutex);
    ok = self->db || vigil_store_check_writable(self, error);
    if (ok && self->schema < VIGIL_SEAL_SCHEMA) {
        g_set_error(error, VIGIL_STORE_ERROR, VIGIL_STORE_ERROR_INVALID,
                    "%s: it is older than seals; open it once for writing", self->database);
        ok = FALSE;
    }
    ok = ok && read_rows(&verify, error) && check_clips(&verify, error);
    g_mutex_unlock(&self->mutex);
    *n_found = verify.n_found;
    return ok;
}
