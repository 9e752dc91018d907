/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-outbox.h"
#include "storage/vigil-store-private.h"

G_BEGIN_DECLS

/** vigil_outbox_add: within the transaction that commits @event, as its commit @number. @clip: (nullable): its path */
gboolean vigil_outbox_add(VigilStore *self, const VigilEvent *event, const gchar *clip,
                          guint number, GError **error);

/** vigil_outbox_add_interrupted: within recovery's transaction: the ends of events that an earlier run left open. @seqs: (element-type gint64) */
gboolean vigil_outbox_add_interrupted(VigilStore *self, const GArray *seqs, GError **error);

/** vigil_outbox_register: within recovery's transaction: what the store was told before it had to be opened anew. */
gboolean vigil_outbox_register(VigilStore *self, GError **error);

/** VigilOutboxPlace: how far a destination is. */
typedef struct {
    gint64 id, passed_seq, passed_bytes, max_age_us, max_bytes;
} VigilOutboxPlace;

/** vigil_outbox_find: the destination's row; mutex held. */
gboolean
vigil_outbox_find(VigilStore *self, const gchar *name, VigilOutboxPlace *place, GError **error);
/** vigil_outbox_pass: within a transaction: counts what lies between as @counter, a column, and moves @place on. */
gboolean vigil_outbox_pass(VigilStore *self, VigilOutboxPlace *place, gint64 sequence,
                           const gchar *counter, GError **error);
/** vigil_outbox_delete_passed: within a transaction: a small step. */
gboolean vigil_outbox_delete_passed(VigilStore *self, guint *n_deleted, GError **error);
/** vigil_outbox_get_end: sequence and position of the last message ever; mutex held. */
gboolean vigil_outbox_get_end(VigilStore *self, gint64 *sequence, gint64 *position, GError **error);

G_END_DECLS
