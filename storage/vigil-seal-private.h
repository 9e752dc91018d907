/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-seal.h"
#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/** Schema from which on there are seals. */
#define VIGIL_SEAL_SCHEMA 6

typedef enum {
    VIGIL_SEAL_KIND_FIRST = 1,
    VIGIL_SEAL_KIND_SEAL = 2,
    VIGIL_SEAL_KIND_DELETION = 3,
    VIGIL_SEAL_KIND_CHECKPOINT = 4,
} VigilSealKind;

typedef enum {
    VIGIL_SEAL_CLIP = 1,
    VIGIL_SEAL_EVENT = 2,
    VIGIL_SEAL_TRACK = 3,
    VIGIL_SEAL_SNAPSHOT = 4,
    VIGIL_SEAL_LINK = 5,
    VIGIL_SEAL_OLDER_CLIPS = 6,
    VIGIL_SEAL_OLDER_EVENTS = 7,
    VIGIL_SEAL_PART = 8,
    VIGIL_SEAL_CLOSED = 9,
    VIGIL_SEAL_CLOSED_KEY = 10,
    VIGIL_SEAL_CLOSED_TIME = 11,
    VIGIL_SEAL_KEPT = 12,
    VIGIL_SEAL_CLIP_ROW = 13,
} VigilSealItemType;

/* --- vigil-seal-record.c: bytes; no state, any thread --------------------------------------------------------- */

/** VigilSealItems: items of a record to be. */
struct VigilSealItems {
    GByteArray *bytes;
    guint n;
};
VigilSealItems *vigil_seal_items_new(void);
void vigil_seal_items_free(VigilSealItems *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSealItems, vigil_seal_items_free)
/** vigil_seal_items_add: @digest: (nullable): zeros. Names longer than 65535 bytes are cut. */
void vigil_seal_items_add(VigilSealItems *self, VigilSealItemType type, const gchar *name,
                          guint64 number, const guint8 *digest);

/** VigilSealRecord: a body, parsed; @items is borrowed from it. */
typedef struct {
    VigilSealKind kind;
    guint64 seq;
    gint64 wall_us;
    guint8 previous[VIGIL_SEAL_DIGEST_BYTES];
    guint8 key[VIGIL_SEAL_KEY_BYTES];
    guint32 n_items;
    const guint8 *items;
    gsize items_length;
} VigilSealRecord;

typedef struct {
    VigilSealItemType type;
    const gchar *name; /* not terminated */
    gsize name_length;
    guint64 number;
    const guint8 *digest;
} VigilSealItem;

/** vigil_seal_record_write: (transfer full): the body; @record's items are not looked at, @items are. */
GByteArray *vigil_seal_record_write(const VigilSealRecord *record, const VigilSealItems *items);
/** vigil_seal_record_parse: %FALSE when it is no whole, well-formed body. */
gboolean vigil_seal_record_parse(VigilSealRecord *self, const guint8 *body, gsize length);
/** vigil_seal_record_next: @offset: (inout): 0 at first. %FALSE behind the last item. */
gboolean vigil_seal_record_next(const VigilSealRecord *self, gsize *offset, VigilSealItem *item);
/** vigil_seal_link: what the next record says of this one. */
void vigil_seal_link(gconstpointer body, gsize length,
                     const guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES],
                     guint8 link[VIGIL_SEAL_DIGEST_BYTES]);
gboolean vigil_seal_check(const guint8 key[VIGIL_SEAL_KEY_BYTES], gconstpointer body, gsize length,
                          const guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES]);

/** vigil_seal_hash_read: adds what a file has from @offset on: @max bytes, fewer at its end, which are returned; or -errno. */
gssize vigil_seal_hash_read(VigilSealHash *self, gint fd, guint64 offset, gsize max);
/** vigil_seal_hash_file: @bytes: (out): its length as read. Returns 0 or -errno. */
gint vigil_seal_hash_file(gint fd, guint8 digest[VIGIL_SEAL_DIGEST_BYTES], guint64 *bytes);

/* --- vigil-seal-closed.c: checkpoints; no state, any thread --------------------------------------------------------- */

#define VIGIL_SEAL_N_HEAD_ITEMS 3 /* CLOSED, CLOSED_KEY, CLOSED_TIME */

/** VigilSealClosed: what a checkpoint says of the last record that is closed. */
typedef struct {
    guint64 seq, n_items; /* n_items: of all that are closed */
    gint64 wall_us;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES], key[VIGIL_SEAL_KEY_BYTES];
} VigilSealClosed;

/** VigilSealKept: a record that is kept. */
typedef struct {
    guint64 seq;
    gchar *mask; /* (nullable): %NULL: all of its items stand */
    guint8 link[VIGIL_SEAL_DIGEST_BYTES];
} VigilSealKept;

/** vigil_seal_closed_write: (transfer full): items of a checkpoint, to which vigil_seal_kept_write() adds. */
VigilSealItems *vigil_seal_closed_write(const VigilSealClosed *closed);
/** vigil_seal_kept_write: @mask: (nullable): %NULL: all stand */
void
vigil_seal_kept_write(VigilSealItems *items, guint64 seq, const guint8 *link, const gchar *mask);
/** vigil_seal_closed_parse: %FALSE when the record is no checkpoint as it should be. @kept: (transfer full) (element-type VigilSealKept) */
gboolean
vigil_seal_closed_parse(const VigilSealRecord *record, VigilSealClosed *closed, GArray **kept);
/** vigil_seal_mask_fits: that it can be of a record with so many items. */
gboolean vigil_seal_mask_fits(const gchar *mask, guint32 n_items);

/* --- vigil-seal-key.c ----------------------------------------------------------------------------------------- */

/**
 * vigil_seal_key_open: reads seal.key beside the database and sees that seal.pub has its public key; makes what is missing.
 * A key that is damaged is set aside and a new one made.
 */
VigilSealKey *vigil_seal_key_open(VigilStore *self, GError **error);
/** vigil_seal_key_free: wipes it. */
void vigil_seal_key_free(VigilSealKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSealKey, vigil_seal_key_free)
/** vigil_seal_key_knows: whether @key is this one's public key, or stood in seal.pub when it was opened. */
gboolean vigil_seal_key_knows(const VigilSealKey *self, const guint8 key[VIGIL_SEAL_KEY_BYTES]);
const guint8 *vigil_seal_key_get_public(const VigilSealKey *self);
void vigil_seal_key_sign(const VigilSealKey *self, gconstpointer body, gsize length,
                         guint8 signature[VIGIL_SEAL_SIGNATURE_BYTES]);
/** vigil_seal_public_path: (transfer full): seal.pub beside the database. */
gchar *vigil_seal_public_path(const VigilStore *self);
/** vigil_seal_public_parse: (transfer full): the public keys in @text, one behind the other; what is no key is passed over. */
GByteArray *vigil_seal_public_parse(const gchar *text);
/** vigil_seal_public_write: (transfer full): a PEM block. */
gchar *vigil_seal_public_write(const guint8 key[VIGIL_SEAL_KEY_BYTES]);

/* --- vigil-seal-statement.c (mutex held) ---------------------------------------------------------------------- */

/**
 * vigil_seal_statement: (transfer full) (nullable): what an event's row says, as text, the same for the same row for ever:
 * the line "vigil-event 1", then a line "NAME VALUE" for each column that is not NULL, in a fixed order; numbers as %d and
 * %.17g, texts as g_strescape() writes them but for bytes from 0x80 on. Pins, and what may change later, are not in it.
 * %NULL when there is no such event, or with @error.
 */
gchar *vigil_seal_statement(VigilStore *self, gint64 event_seq, GError **error);
/** vigil_seal_add_event: the event's items: statement, track, snapshot. */
gboolean vigil_seal_add_event(VigilStore *self, gint64 event_seq, const gchar *id,
                              VigilSealItems *items, GError **error);

/**
 * vigil_seal_clip_statement: (transfer full) (nullable): what a clip's row says, in the form of an event's, below the line
 * "vigil-clip 1": without what the clip's item has already (path, size), what may change later (state, that it expired), and
 * what only helps to find things. %NULL with @error.
 */
gchar *vigil_seal_clip_statement(VigilStore *self, gint64 clip_id, GError **error);

/* --- vigil-seal-row.c ------------------------------------------------------------------------------------------ */

/** vigil_seal_row_compare: (transfer full) (nullable): how two statements of a clip differ, in words; %NULL: not at all. */
gchar *vigil_seal_row_compare(const gchar *sealed, const gchar *now);
/**
 * vigil_seal_row_find: what a record says of a clip.
 * @row: (out) (transfer full) (nullable): its statement; %NULL: of before they were sealed
 *
 * Returns: whether the clip is in it.
 */
gboolean vigil_seal_row_find(const VigilSealRecord *record, const gchar *path, gchar **row);
/** vigil_seal_row_check: @same: (out): the row is as the record to which it points says; mutex held */
gboolean vigil_seal_row_check(VigilStore *self, gint64 clip_id, gboolean *same, GError **error);

/** vigil_seal_take_error: %FALSE: there was one, which is @error's now. */
gboolean vigil_seal_take_error(GError **local, GError **error);

/* --- vigil-seal.c (mutex held; within a transaction) ---------------------------------------------------------- */

/** vigil_seal_clip: the clip and its ended events; @hash: (nullable): %NULL: the clip is lost, only the events. */
gboolean vigil_seal_clip(VigilStore *self, gint64 clip_id, const guint8 *hash, GError **error);
/** vigil_seal_event: the event, if it has ended and its clip, if any, is no more written to. */
gboolean vigil_seal_event(VigilStore *self, gint64 event_seq, GError **error);
/** vigil_seal_event_goes, vigil_seal_clip_goes, vigil_seal_snapshot_goes: to be called before it is deleted. That a clip
 * goes whose row was altered since is said, and not signed: so it is found for ever that it was sealed and is gone. */
gboolean vigil_seal_event_goes(VigilStore *self, gint64 event_seq, GError **error);
gboolean vigil_seal_clip_goes(VigilStore *self, gint64 clip_id, GError **error);
gboolean vigil_seal_snapshot_goes(VigilStore *self, gint64 event_seq, GError **error);
/** vigil_seal_append: a record at the end of the chain; one that begins the key's part first, where that is due. @seq: (out): its number */
gboolean vigil_seal_append(VigilStore *self, VigilSealKind kind, const VigilSealItems *items,
                           gint64 *seq, GError **error);
/** vigil_seal_flush: at the end of each transaction: writes down what went. */
gboolean vigil_seal_flush(VigilStore *self, GError **error);
/** vigil_seal_forget: what went in a transaction that was rolled back did not go. */
void vigil_seal_forget(VigilStore *self);

G_END_DECLS
