/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * Seals: a chain of signed records that says what each clip and each event was when it was done, and what was deleted
 * since, so that vigil_store_verify() finds whatever was altered, exchanged or taken away behind the store's back.
 *
 * A clip is sealed in the transaction that completes it (or cuts it, by recovery) together with its ended events; an
 * event that ends without a clip, or after its clip, is sealed in the transaction of its end. What a transaction deletes
 * is recorded at its end. None of this syncs anything more than the transaction does.
 *
 * The installation's key lies beside the database: seal.key (PKCS #8 PEM, mode 0600, made and synced at the first start)
 * and seal.pub (its public key as PEM; when a new key had to be made, its block is added). What they prove: nobody without
 * seal.key can alter what was sealed without it being found by who keeps a copy of seal.pub elsewhere. Whoever can read
 * seal.key can sign anything.
 *
 * A record stays while anything in it stands: about 450 bytes a clip with its event, as they were written, with the signature
 * of then. What it has when all of it was deleted, the housekeeper takes away (below); until then the chain still has ids,
 * paths of clips and digests of what was purged, and nothing that can be read from them.
 *
 * A record is a body and an Ed25519 signature (RFC 8032, 64 bytes) over just that body. All numbers little-endian:
 *
 *     offset  bytes
 *          0      8  "VGLSEAL1"
 *          8      1  kind: 1 first of a key, 2 seal, 3 deletion, 4 checkpoint
 *          9      8  sequence number, from 1, without gaps
 *         17     32  BLAKE2b-256 of the record before, body and signature; zeros in the first
 *         49      8  wall time, microseconds since 1970-01-01 UTC, signed
 *         57     32  public key that signs
 *         89      4  number of items
 *         93         items, each:
 *                      1  type, below
 *                      2  bytes of the name
 *                         name, UTF-8
 *                      8  number
 *                     32  digest, BLAKE2b-256 (`b2sum -l 256`)
 *
 *     type  name                number             digest
 *     1     clip's path         its bytes          of the file
 *     2     event's id          bytes of the same  of its statement: see vigil_seal_statement()
 *     3     event's id          bytes of the same  of its track, as stored
 *     4     event's id          bytes of the same  of its snapshot
 *     5     clip's path         0                  zeros: the events behind it belong to this clip, sealed elsewhere
 *     6     ""                  last clip's id     zeros: clips up to this one are older than seals
 *     7     ""                  last event's seq   zeros: events up to this one are older than seals
 *     8     event's id          0                  zeros: the event, sealed elsewhere, goes on in the clip before (1)
 *     9     ""                  a record's number  of that record: it is the last one that is closed
 *     10    ""                  items closed       the public key that signed that record
 *     11    ""                  its wall time      zeros
 *     12    which items stand   a record's number  of that record: it is kept
 *     13    statement           0                  zeros: what the row of the clip before (1) says: see
 *                                                  vigil_seal_clip_statement()
 *
 * The events behind a clip (1 or 5) belong to it. In a deletion, items are what is gone; numbers and digests are zeros. In
 * "first of a key" of the chain's first record stand items 6 and 7.
 *
 * Checkpoints. A checkpoint closes the beginning of the chain: its items are 9, 10 and 11, once each, then 12 for each record
 * that is kept. What is behind the last closed record is the open part: all of it is there, one record behind the other, and
 * the checkpoint in it, too. Of what is closed only those records are left that a checkpoint in the open part keeps: they lie
 * where they lay, byte for byte. The name of item 12 has '1' for each of the record's items that stands and '0' for each that
 * was deleted or sealed anew since; it is empty when all stand. Invariants:
 *
 *  1. Who closes has first read the whole open part: each record has the digest of the one before, and those that are closed, or
 *     by which something ends, are signed, by keys that are in seal.pub. If not, nothing is closed any more, so that what shows that somebody was there, or
 *     that the disk failed, stays. The rows of events and clips are never looked at: what was sealed and vanished without a
 *     record that says so stays sealed.
 *  2. An item is left out of what is kept only if a later record that is there, deletion or seal, ends it.
 *  3. What the chain says (which item stands, with which digest) is the same before and after.
 *  4. Kept for good are the first record of each key, and checkpoints of another key than the one that closes: a verifier sees each
 *     key that ever had a say, and does not believe those that it does not know.
 *  5. A record with its checkpoint, and what goes by it, are one transaction: there is no state in between.
 *  6. Kept records are looked at again when the checkpoint that keeps them gets closed, so that each goes in the end. How much
 *     is there is bounded by twice what stands, and a constant: see vigil-seal-shorten.h.
 *  7. Without the key nothing is closed.
 *
 * Who can write to the store but has no key can, as before, destroy evidence, but not without it being found: a record taken out
 * of the open part, the part closed without a checkpoint, a checkpoint altered, forged, moved or put back from earlier, a kept record taken away or
 * altered are all told. A closed record that is put back is not believed. Not noticed is, as before, a store put back as a whole as
 * it was earlier, unless somebody kept a head of later. A kept head "DIGEST:NUMBER" shows that for good, as a checkpoint behind that number proves
 * that the chain went on; but that the record of this number was that one can only be told while it is there. So a store that
 * was put back, and in which the daemon then went on until that number was closed, looks like a true one: a head is to be
 * noted anew more often than the store forgets. Of what is closed the chain no longer tells when and by whom it was sealed and
 * deleted; archives of vigil export have their own records and signatures, and need no chain.
 */
#define VIGIL_SEAL_DIGEST_BYTES 32
#define VIGIL_SEAL_SIGNATURE_BYTES 64
#define VIGIL_SEAL_KEY_BYTES 32

/** VigilSealSummary: what vigil_store_verify() has looked at. */
typedef struct {
    guint64 n_records, n_clips, n_events;
    guint64 n_older_clips, n_older_events; /* not sealed: they are older than seals */
    guint64 closed_seq, closed_by;  /* the chain begins behind this one; 0: at its beginning */
    guint64 n_closed_items, n_kept; /* n_kept: records of before that are still there */
    gint64 closed_wall_us;          /* when the last closed record was written */
    guint64 head_seq;               /* of the last record; 0: there is none */
    gchar head[2 * VIGIL_SEAL_DIGEST_BYTES +
               1]; /* its digest, body and signature, in hexadecimal digits */
} VigilSealSummary;

/**
 * vigil_store_verify:
 * @public_keys: (nullable): text with one or more PEM blocks; %NULL: seal.pub beside the database
 * @head: (nullable): digest of a record, in hexadecimal digits, as an earlier summary said: it must be in the chain. With
 *   ":NUMBER" behind it that record may also be closed.
 * @func: each finding in a plain sentence; never repaired
 * @n_found: (out): findings
 *
 * Walks the chain, compares events and clips with what was sealed, and reads every clip. Works beside a writer.
 *
 * Found is: a byte changed in a clip; clips exchanged; what a clip's row says, an event, its track or snapshot altered; events or clips taken away
 * or added without the key; records altered, taken out of the middle or signed by another key. Records taken from the end
 * show when what they sealed is still there, when the database's own count was left as it was, when a record was added
 * since, or against a @head kept elsewhere; with all of that undone, an older state of the store looks like itself.
 *
 * Errors: %VIGIL_STORE_ERROR_INVALID when there is no public key to check with; what else reading gives
 */
gboolean vigil_store_verify(VigilStore *self, const gchar *public_keys, const gchar *head,
                            VigilFsckFunc func, gpointer user_data, VigilSealSummary *summary,
                            guint *n_found, GError **error);

/** VigilSealed: a record; @body: (nullable): %NULL: not sealed; @public_key: PEM, of who signed */
typedef struct {
    GBytes *body, *signature;
    gchar *public_key;
} VigilSealed;

/** VigilSealedClip: @seal: the event's own record where one has both; @digest and @bytes: what it says */
typedef struct {
    gchar *path;
    VigilSealed seal;
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    guint64 bytes;
} VigilSealedClip;

/** VigilSealProof: what shows that an event and its clip are what was recorded. Zero-initialised; g_auto() clears it. */
typedef struct {
    gchar *statement; /* what the event's row says: its digest is in @event's record */
    GBytes *track;    /* (nullable): as stored: its digest as well */
    VigilSealed seal;
    GArray *clips; /* (element-type VigilSealedClip): those that are there, in their order */
} VigilSealProof;

/**
 * vigil_store_get_proof:
 *
 * Errors: %VIGIL_STORE_ERROR_NOT_FOUND: no such event; %VIGIL_STORE_ERROR_INVALID: it lasts still, or one of its clips is written to
 */
gboolean vigil_store_get_proof(VigilStore *self, const gchar *event_id, VigilSealProof *proof,
                               GError **error);
void vigil_seal_proof_clear(VigilSealProof *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VigilSealProof, vigil_seal_proof_clear)

/** VigilSealHash: BLAKE2b-256 of bytes as they come. */
typedef struct VigilSealHash VigilSealHash;
VigilSealHash *vigil_seal_hash_new(void);
void vigil_seal_hash_add(VigilSealHash *self, gconstpointer data, gsize length);
/** vigil_seal_hash_get: of all so far; more may be added. */
void vigil_seal_hash_get(const VigilSealHash *self, guint8 digest[VIGIL_SEAL_DIGEST_BYTES]);
void vigil_seal_hash_free(VigilSealHash *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSealHash, vigil_seal_hash_free)
/** vigil_seal_digest: BLAKE2b-256. */
void vigil_seal_digest(gconstpointer data, gsize length, guint8 digest[VIGIL_SEAL_DIGEST_BYTES]);

G_END_DECLS
