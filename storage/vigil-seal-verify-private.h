/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-seal-private.h"

G_BEGIN_DECLS

#define VIGIL_VERIFY_PARTS 3 /* of an event: statement, track, snapshot */

/** VigilVerifyEvent: what the latest seal said of an event. */
typedef struct {
    gchar *clip; /* (nullable) */
    guint8 digests[VIGIL_VERIFY_PARTS][VIGIL_SEAL_DIGEST_BYTES];
    gboolean has[VIGIL_VERIFY_PARTS];
    gboolean seen;
} VigilVerifyEvent;

/** VigilVerifyClip: what the latest seal said of a clip. */
typedef struct {
    guint64 bytes;
    guint8 digest[VIGIL_SEAL_DIGEST_BYTES];
    guint64 row_seq; /* the record that says what its row said; 0: it was sealed without */
    gint64 row_id;   /* 0: no row was seen */
} VigilVerifyClip;

/** VigilVerify: one run of vigil_store_verify(). */
typedef struct {
    VigilStore *store;
    GByteArray *keys;
    gchar *head;      /* (nullable): digest that must be in the chain */
    guint64 head_seq; /* of that record; 0: it was not said */
    gboolean head_found;
    VigilFsckFunc func;
    gpointer user_data;
    VigilSealSummary *summary;
    guint n_found;
    GHashTable *clips;  /* path → VigilVerifyClip */
    GHashTable *events; /* id → VigilVerifyEvent */
    GHashTable *parts;  /* id → set of paths of the clips in which the event goes on */
    guint64 older_clip_id, older_event_seq;
    /* of the record before */
    guint64 seq;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES], key[VIGIL_SEAL_KEY_BYTES];
    gboolean broken;                       /* it was no record */
    guint8 kept_key[VIGIL_SEAL_KEY_BYTES]; /* the last one that was said not to be known */
} VigilVerify;

/* --- vigil-seal-verify.c */
void vigil_verify_report(VigilVerify *self, const gchar *format, ...) G_GNUC_PRINTF(2, 3);

/* --- vigil-seal-verify-chain.c (mutex held) */

/** vigil_verify_chain: all records, in their order: fills the tables with what stands sealed. */
gboolean vigil_verify_chain(VigilVerify *self, GError **error);

/* --- vigil-seal-verify-items.c */

/** vigil_verify_take_items: @mask: (nullable): of a kept record: which of them stand */
void vigil_verify_take_items(VigilVerify *self, const VigilSealRecord *record, const gchar *mask);

/* --- vigil-seal-verify-rows.c (mutex held) */

/** vigil_verify_rows: events, clips and links between them against what vigil_verify_chain() found. */
gboolean vigil_verify_rows(VigilVerify *self, GError **error);

G_END_DECLS
