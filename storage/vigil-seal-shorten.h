/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/vigil-seal-private.h"

G_BEGIN_DECLS

/*
 * Closing the beginning of the chain with checkpoints: what they are and what they promise: vigil-seal.h.
 *
 * A look reads the whole open part once, some records at a time, with the oldest ones in memory, and so finds what became of
 * these. Then they are closed, a batch at a time, each in a transaction of its own that also reads what came since. A batch
 * is worth it when half of it goes; and, while the records are more than twice what they were when all had been looked
 * at last, and more than twice the rows that may have one, whatever goes of it.
 */

/** VigilSealPace: numbers of records; for tests to make smaller. */
typedef struct {
    guint n_open;  /* so many are left alone */
    guint n_ended; /* items that must have been deleted since the last look in vain */
    guint n_look;  /* that a look is about, or an eighth of what is open */
    guint n_batch; /* that one transaction closes */
    guint n_slack; /* a few of which stay for nothing are no reason to go over all of them */
    guint
        n_steps; /* after so many other limits have their turn; 0: when there is nothing more to do */
} VigilSealPace;

VigilSealShortener *vigil_seal_shortener_new(void);
void vigil_seal_shortener_free(VigilSealShortener *self);
/** vigil_seal_shortener_get_pace: to be changed before the first use. */
VigilSealPace *vigil_seal_shortener_get_pace(VigilSealShortener *self);
/** vigil_seal_shortener_note_ended: so many items were deleted: a hint when to look. */
void vigil_seal_shortener_note_ended(VigilSealShortener *self, guint n);

/**
 * vigil_seal_shorten_some: a step of some milliseconds; mutex held, no transaction. Without a key, and when the chain is not as it
 * should be, nothing is done; the latter is said once.
 * @done: (out): there is nothing more to do now
 */
gboolean vigil_seal_shorten_some(VigilStore *self, gboolean *done, GError **error);

G_END_DECLS
