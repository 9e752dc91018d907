/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails while a live stream goes on. What is open is given up: the store ends it when it is opened again, which
 * is tried every now and then. Until then messages wait, within the bounds of the intake. Events whose begin was not
 * committed go on then; their clips begin with what the ring still has.
 */
#include "plugins/record/vigil-recorder-private.h"

#define RENEW_INTERVAL_US (2 * G_USEC_PER_SEC)
/* One that makes the store fail each time it is opened must not hold up all others for ever. */
#define MAX_KEPT 5

static gboolean
renews_store(VigilRecorder *self)
{
    gboolean renews;

    g_mutex_lock(&self->lock);
    renews = self->options.live && !self->stop && !(self->video_over && self->events_over);
    g_mutex_unlock(&self->lock);
    return renews;
}

gboolean
vigil_recorder_keeps_message(VigilRecorder *self)
{
    return vigil_store_has_failed(self->options.store) && renews_store(self) &&
           self->n_kept++ < MAX_KEPT;
}

void
vigil_recorder_note_taken(VigilRecorder *self, const VigilEvent *event)
{
    if (event->type == VIGIL_EVENT_END)
        g_hash_table_remove(self->open_events, event->id);
    else
        g_hash_table_add(self->open_events, g_strdup(event->id));
}

gboolean
vigil_recorder_is_given_up(VigilRecorder *self, const VigilEvent *event)
{
    if (!g_hash_table_contains(self->given_up, event->id))
        return FALSE;
    if (event->type == VIGIL_EVENT_END)
        g_hash_table_remove(self->given_up, event->id);
    return TRUE;
}

/* Their begin is in the store, or is lost; their end comes too late for both. */
static void
give_up_events(VigilRecorder *self)
{
    GHashTableIter iter;
    gpointer id;

    g_hash_table_iter_init(&iter, self->open_events);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        g_hash_table_iter_steal(&iter);
        g_hash_table_add(self->given_up, id);
    }
}

/* (lock held) */
static void
return_to_intake(VigilRecorder *self, VigilEvent *event)
{
    VigilIntake *intake = g_new(VigilIntake, 1);

    intake->event = vigil_event_ref(event);
    intake->size = vigil_recorder_event_size(event);
    g_queue_push_head(&self->intake, intake);
    self->intake_bytes += intake->size;
}

/* Messages that wait are taken in again, unless their event's begin is in the store. Returns: how many are lost */
static guint
take_back_messages(VigilRecorder *self)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)vigil_event_unref);
    g_autoptr(GHashTable) begun = g_hash_table_new(g_str_hash, g_str_equal);
    VigilEvent *event;
    guint n_lost = 0;

    while ((event = vigil_record_session_take_last(self->session))) {
        g_ptr_array_add(events, event);
        if (event->type != VIGIL_EVENT_BEGIN)
            continue;
        g_hash_table_add(begun, event->id);
        g_hash_table_remove(self->open_events, event->id);
    }
    g_mutex_lock(&self->lock);
    for (guint i = 0; i < events->len; i++) {
        event = g_ptr_array_index(events, i);
        if (g_hash_table_contains(begun, event->id))
            return_to_intake(self, event);
        else
            n_lost++;
    }
    g_mutex_unlock(&self->lock);
    return n_lost;
}

static void
give_up(VigilRecorder *self)
{
    const guint n_lost = take_back_messages(self);

    vigil_recorder_give_up_clips(self);
    vigil_recorder_give_up_footage(self);
    give_up_events(self);
    vigil_record_session_free(self->session);
    self->session = vigil_recorder_new_session(&self->options);
    g_mutex_lock(&self->lock);
    self->stats.events_failed += n_lost;
    self->queued_bytes = self->intake_bytes;
    g_mutex_unlock(&self->lock);
    self->disk_failed = TRUE;
}

gboolean
vigil_recorder_check_disk(VigilRecorder *self)
{
    g_autoptr(GError) error = NULL;
    gint64 now_us;

    if (!self->disk_failed && !vigil_store_has_failed(self->options.store))
        return TRUE;
    if (!renews_store(self))
        return TRUE;
    now_us = g_get_monotonic_time();
    if (!self->disk_failed)
        give_up(self);
    if (now_us < self->next_renew_us)
        return FALSE;
    self->next_renew_us = now_us + RENEW_INTERVAL_US;
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error)
        self->callbacks.trouble("event", error, self->user_data);
    self->disk_failed = error != NULL;
    return !self->disk_failed;
}
