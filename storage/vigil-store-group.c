/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that come while another one's transaction is on its way to the disk share the next one, and with it one sync.
 * Whoever finds nobody at it does the writing, for all that wait. A writer waits until its own is on disk, so there are
 * never more in the queue than threads, and what one thread writes keeps its order.
 */
#include "storage/vigil-store-private.h"

/* So long a transaction may get before another one is begun. */
#define MAX_MEMBERS 64

typedef struct {
    VigilSpaceUse use;
    VigilStoreWork work;
    void (*done)(VigilStore *self, gpointer data);
    gpointer data;
    gboolean ok, finished;
    GError *error;
} Member;

typedef struct {
    Member *members[MAX_MEMBERS];
    guint n;
} Batch;

void
vigil_store_group_init(VigilStoreGroup *self)
{
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    g_queue_init(&self->waiting);
}

void
vigil_store_group_clear(VigilStoreGroup *self)
{
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
}

/* Up to the first that fails. */
static gboolean
work_batch(VigilStore *self, gpointer data, GError **error)
{
    const Batch *batch = data;

    for (guint i = 0; i < batch->n; i++)
        if (!batch->members[i]->work(self, batch->members[i]->data, error))
            return FALSE;
    return TRUE;
}

/* Without being put to the disk again, if it is the disk that failed: then all get to know why. */
static void
write_alone(VigilStore *self, Batch *batch, const GError *why)
{
    for (guint i = 0; i < batch->n; i++) {
        Member *member = batch->members[i];

        if (why && g_atomic_int_get(&self->failed))
            member->error = g_error_copy(why);
        else
            member->ok = vigil_store_write_for(self, member->use, member->work, member->data,
                                               &member->error);
    }
}

/* One that cannot be written, or needs space to be made first, is no reason for the others to fail. */
static void
write_batch(VigilStore *self, Batch *batch)
{
    g_autoptr(GError) error = NULL;
    gboolean ok = FALSE;

    if (batch->n > 1 && vigil_store_check_writable(self, NULL))
        ok = vigil_store_transact(self, work_batch, batch, &error);
    if (!ok)
        write_alone(self, batch, error);
    for (guint i = 0; i < batch->n; i++) {
        Member *member = batch->members[i];

        member->ok |= ok;
        if (member->ok && member->done)
            member->done(self, member->data);
    }
}

static void
take_batch(VigilStoreGroup *self, Batch *batch)
{
    g_mutex_lock(&self->lock);
    for (batch->n = 0; batch->n < MAX_MEMBERS && self->waiting.length > 0; batch->n++)
        batch->members[batch->n] = g_queue_pop_head(&self->waiting);
    g_mutex_unlock(&self->lock);
}

/* With the group's lock held, which is let go of meanwhile. */
static void
lead(VigilStore *self)
{
    VigilStoreGroup *group = &self->group;
    Batch batch;

    group->led = TRUE;
    g_mutex_unlock(&group->lock);
    g_mutex_lock(&self->mutex);
    take_batch(group, &batch); /* not before: more may have come while the store was busy */
    write_batch(self, &batch);
    g_mutex_unlock(&self->mutex);
    g_mutex_lock(&group->lock);
    for (guint i = 0; i < batch.n; i++)
        batch.members[i]->finished = TRUE;
    group->led = FALSE;
    g_cond_broadcast(&group->cond);
}

gboolean
vigil_store_write_shared(VigilStore *self, VigilSpaceUse use, VigilStoreWork work,
                         void (*done)(VigilStore *self, gpointer data), gpointer data,
                         GError **error)
{
    VigilStoreGroup *group = &self->group;
    Member member = {.use = use, .work = work, .done = done, .data = data};

    g_mutex_lock(&group->lock);
    g_queue_push_tail(&group->waiting, &member);
    while (!member.finished)
        if (group->led)
            g_cond_wait(&group->cond, &group->lock);
        else
            lead(self);
    g_mutex_unlock(&group->lock);
    if (member.error)
        g_propagate_error(error, member.error);
    return member.ok;
}
