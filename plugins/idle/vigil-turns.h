/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilTurns: lets few at a time do what takes much memory, and waits for none that hangs. Threads: any. */
typedef struct VigilTurns VigilTurns;

/** VigilTurn: of one who has it, in his memory. */
typedef struct {
    gint64 begun_us;
    GList link;
} VigilTurn;

/**
 * vigil_turns_new: (transfer full)
 * @most: at a time; 1 or more
 * @wait_us: how long somebody waits for his turn; then he goes without
 * @old_us: a turn that lasts longer hangs, and counts no more
 */
VigilTurns *vigil_turns_new(guint most, gint64 wait_us, gint64 old_us);
/** vigil_turns_free: nobody has a turn. */
void vigil_turns_free(VigilTurns *self);

/** vigil_turns_take: @turn: (out): borrowed until vigil_turns_end() */
void vigil_turns_take(VigilTurns *self, VigilTurn *turn);
void vigil_turns_end(VigilTurns *self, VigilTurn *turn);

G_END_DECLS
