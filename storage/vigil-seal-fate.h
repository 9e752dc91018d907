/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-seal-private.h"

G_BEGIN_DECLS

/**
 * VigilSealFate: what became of the items of some records: which of them the records behind end. The same rules as those by
 * which vigil_verify_take_items() goes; no database. Some 50 bytes an item.
 */
typedef struct VigilSealFate VigilSealFate;

/** VigilSealUnit: a record under consideration. */
typedef struct {
    guint64 seq;
    guint8 link[VIGIL_SEAL_DIGEST_BYTES];
    gboolean for_good; /* it stands whatever becomes of its items */
    guint first_item, n_items;
} VigilSealUnit;

VigilSealFate *vigil_seal_fate_new(void);
void vigil_seal_fate_free(VigilSealFate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilSealFate, vigil_seal_fate_free)
/** vigil_seal_fate_add: @mask: (nullable): those with '0' have ended already. Of what is to be considered, oldest first. */
void vigil_seal_fate_add(VigilSealFate *self, const VigilSealRecord *record, const guint8 *link,
                         const gchar *mask, gboolean for_good);
/** vigil_seal_fate_take: a record behind all that were added. Returns: how many items it ends. */
guint vigil_seal_fate_take(VigilSealFate *self, const VigilSealRecord *record);
guint vigil_seal_fate_get_n_items(const VigilSealFate *self);
guint vigil_seal_fate_get_n_units(const VigilSealFate *self);
/** vigil_seal_fate_get_unit: borrowed until the next is added. */
const VigilSealUnit *vigil_seal_fate_get_unit(const VigilSealFate *self, guint unit);
/** vigil_seal_fate_stands: that there is still something in it. */
gboolean vigil_seal_fate_stands(const VigilSealFate *self, guint unit);
/** vigil_seal_fate_mask: (transfer full) (nullable): as in a checkpoint; %NULL: all of its items stand. */
gchar *vigil_seal_fate_mask(const VigilSealFate *self, guint unit);

G_END_DECLS
