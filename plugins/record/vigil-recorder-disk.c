/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails while a live stream goes on. What is open is given up: the store ends it when it is opened again, which
 * is tried every now and then. Until then messages wait, within the bounds of the intake, and get no clip.
 */
#include "plugins/record/vigil-recorder-private.h"

#define RENEW_INTERVAL_US (2 * G_USEC_PER_SEC)

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

static void
give_up(VigilRecorder *self)
{
    const guint n_queued = vigil_record_session_get_n_queued(self->session);

    vigil_recorder_give_up_clips(self);
    give_up_events(self);
    vigil_record_session_free(self->session);
    self->session = vigil_recorder_new_session(&self->options);
    g_mutex_lock(&self->lock);
    self->stats.events_failed += n_queued;
    self->queued_bytes = self->intake_bytes;
    g_mutex_unlock(&self->lock);
    self->disk_failed = TRUE;
}

gboolean
vigil_recorder_check_disk(VigilRecorder *self)
{
    g_autoptr(GError) error = NULL;
    gboolean wanted;
    gint64 now_us;

    if (!self->disk_failed && !vigil_store_has_failed(self->options.store))
        return TRUE;
    g_mutex_lock(&self->lock);
    wanted = self->options.live && !self->stop && !(self->video_over && self->events_over);
    g_mutex_unlock(&self->lock);
    if (!wanted)
        return TRUE;
    now_us = g_get_monotonic_time();
    if (!self->disk_failed)
        give_up(self);
    else if (now_us < self->next_renew_us)
        return FALSE;
    self->next_renew_us = now_us + RENEW_INTERVAL_US;
    self->options.store = vigil_store_renew(self->options.store, &error);
    if (error)
        self->callbacks.trouble("event", error, self->user_data);
    self->disk_failed = error != NULL;
    return !self->disk_failed;
}
