/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/idle/vigil-turns.h"

struct VigilTurns {
    guint most;
    gint64 wait_us, old_us;
    GMutex lock;
    GCond freed;
    GQueue taken; /* of VigilTurn, the oldest first */
};

VigilTurns *
vigil_turns_new(guint most, gint64 wait_us, gint64 old_us)
{
    VigilTurns *self = g_new0(VigilTurns, 1);

    self->most = most;
    self->wait_us = wait_us;
    self->old_us = old_us;
    g_mutex_init(&self->lock);
    g_cond_init(&self->freed);
    return self;
}

void
vigil_turns_free(VigilTurns *self)
{
    if (!self)
        return;
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->freed);
    g_free(self);
}

/* When there is room if nobody ends his turn: the oldest of the latest @most is then one that hangs. */
static gint64
get_free_us(const VigilTurns *self)
{
    const GList *item = self->taken.tail;

    for (guint i = 1; item && i < self->most; i++)
        item = item->prev;
    return item ? ((const VigilTurn *)item->data)->begun_us + self->old_us : G_MININT64;
}

void
vigil_turns_take(VigilTurns *self, VigilTurn *turn)
{
    const gint64 until_us = g_get_monotonic_time() + self->wait_us;
    gint64 now_us;

    g_mutex_lock(&self->lock);
    while ((now_us = g_get_monotonic_time()) < MIN(until_us, get_free_us(self)))
        g_cond_wait_until(&self->freed, &self->lock, MIN(until_us, get_free_us(self)));
    turn->begun_us = now_us;
    turn->link = (GList){.data = turn};
    g_queue_push_tail_link(&self->taken, &turn->link);
    g_mutex_unlock(&self->lock);
}

void
vigil_turns_end(VigilTurns *self, VigilTurn *turn)
{
    g_mutex_lock(&self->lock);
    g_queue_unlink(&self->taken, &turn->link);
    g_cond_signal(&self->freed);
    g_mutex_unlock(&self->lock);
}
