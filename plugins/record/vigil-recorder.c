/* SPDX-License-Identifier: Apache-2.0 */
/* Events, ends, and the thread. */
#include "plugins/record/vigil-recorder-private.h"

#define COMMIT_TIMEOUT_US (10 * G_USEC_PER_SEC)
#define IDLE_TICK_US (G_USEC_PER_SEC / 4)
#define MAX_INTAKE_BYTES (16 * 1024 * 1024)

static gpointer recorder_thread(gpointer data);

VigilRecordSession *
vigil_recorder_new_session(const VigilRecorderOptions *options)
{
    const VigilRecordOptions session_options = {options->max_clip_ns, COMMIT_TIMEOUT_US};

    return vigil_record_session_new(&session_options);
}

VigilRecorder *
vigil_recorder_new(const VigilRecorderOptions *options, const VigilRecorderCallbacks *callbacks,
                   gpointer user_data)
{
    VigilRecorder *self = g_new0(VigilRecorder, 1);

    self->options = *options;
    self->options.store = vigil_store_ref(options->store);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    g_mutex_init(&self->lock);
    g_cond_init(&self->wake);
    g_cond_init(&self->progress);
    self->session = vigil_recorder_new_session(options);
    self->open_events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->given_up = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->ring = vigil_ring_new(options->ring_bytes - vigil_recorder_audio_get_ring_bytes(options));
    self->audio = options->audio ? vigil_recorder_audio_new(options) : NULL;
    self->clips = g_ptr_array_new();
    vigil_footage_init(&self->footage, self->ring, options->segment_ns > 0);
    self->epochs = g_ptr_array_new_with_free_func(vigil_epoch_free);
    self->new_epoch = TRUE;
    self->front_ns = self->last_order_ns = VIGIL_RING_TIME_NONE;
    self->wanted_ns = G_MININT64;
    g_queue_init(&self->intake);
    self->thread = g_thread_new("vigil-record", recorder_thread, self);
    return self;
}

void
vigil_recorder_free(VigilRecorder *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    self->stop = self->video_over = self->events_over = self->work = TRUE;
    g_cond_signal(&self->wake);
    g_cond_broadcast(&self->progress);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
    vigil_record_session_free(self->session);
    g_hash_table_unref(self->open_events);
    g_hash_table_unref(self->given_up);
    vigil_store_unref(self->options.store);
    vigil_ring_free(self->ring);
    vigil_recorder_audio_free(self->audio);
    g_ptr_array_unref(self->clips);
    gst_clear_caps(&self->next_caps);
    g_ptr_array_unref(self->epochs);
    g_cond_clear(&self->progress);
    g_cond_clear(&self->wake);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
vigil_recorder_wake_locked(VigilRecorder *self)
{
    self->work = TRUE;
    g_cond_signal(&self->wake);
}

void
vigil_recorder_wake(gpointer data)
{
    VigilRecorder *self = data;

    g_mutex_lock(&self->lock);
    vigil_recorder_wake_locked(self);
    g_mutex_unlock(&self->lock);
}

static void
note_progress(VigilRecorder *self)
{
    self->n_progress++;
    g_cond_broadcast(&self->progress);
}

gint64
vigil_recorder_get_done_front(const VigilRecorder *self)
{
    const VigilIntake *head = g_queue_peek_head((GQueue *)&self->intake);

    if (!head || self->front_ns == VIGIL_RING_TIME_NONE)
        return self->front_ns;
    return MIN(head->event->time_ns, self->front_ns);
}

/* --- events -------------------------------------------------------------------------------------------------- */

gsize
vigil_recorder_event_size(const VigilEvent *event)
{
    gsize size = 1024;

    if (event->path)
        size += event->path->len * g_array_get_element_size(event->path);
    if (event->snapshot)
        size += g_bytes_get_size(event->snapshot);
    return size;
}

static gboolean
must_drop(const VigilRecorder *self, const VigilEvent *event, gsize size)
{
    const gsize bytes = self->queued_bytes + size;

    /* an update says nothing that the next one, or the end, does not */
    return self->options.live && (bytes > MAX_INTAKE_BYTES || (event->type == VIGIL_EVENT_UPDATE &&
                                                               bytes > MAX_INTAKE_BYTES / 2));
}

/* (lock held) */
static void
queue_event(VigilRecorder *self, VigilEvent *event)
{
    VigilIntake *intake = g_new(VigilIntake, 1);

    intake->event = vigil_event_ref(event);
    intake->size = vigil_recorder_event_size(event);
    g_queue_push_tail(&self->intake, intake);
    self->intake_bytes += intake->size;
    self->queued_bytes += intake->size;
}

/* (lock held) An end without path and snapshot is small, and without it the event would never end. */
static void
queue_light_end(VigilRecorder *self, const VigilEvent *event)
{
    g_autoptr(VigilEvent) light = vigil_event_new_end(event, event->end_reason);

    g_clear_pointer(&light->path, g_array_unref);
    g_clear_pointer(&light->snapshot, g_bytes_unref);
    if (self->queued_bytes + vigil_recorder_event_size(light) > 2 * MAX_INTAKE_BYTES)
        self->stats.events_dropped++;
    else
        queue_event(self, light);
}

gboolean
vigil_recorder_push_event(VigilRecorder *self, VigilEvent *event)
{
    const gsize size = vigil_recorder_event_size(event);
    gboolean flushing, drop;

    g_mutex_lock(&self->lock);
    while (!self->options.live && !self->flushing_events && !self->stop && self->intake_bytes > 0 &&
           self->intake_bytes + size > MAX_INTAKE_BYTES)
        g_cond_wait(&self->progress, &self->lock);
    flushing = self->flushing_events;
    drop = !flushing && must_drop(self, event, size);
    if (drop && event->type != VIGIL_EVENT_END) {
        self->stats.events_dropped++;
    } else if (!flushing) {
        if (drop)
            queue_light_end(self, event);
        else
            queue_event(self, event);
        self->front_ns = event->time_ns;
        note_progress(self);
        vigil_recorder_wake_locked(self);
    }
    g_mutex_unlock(&self->lock);
    return !flushing;
}

void
vigil_recorder_set_front(VigilRecorder *self, gint64 time_ns)
{
    g_mutex_lock(&self->lock);
    self->front_ns = time_ns;
    note_progress(self);
    if (self->clips->len > 0 && !self->options.live)
        vigil_recorder_wake_locked(self);
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_set_wanted(VigilRecorder *self, gint64 wanted_ns)
{
    g_mutex_lock(&self->lock);
    self->wanted_ns = wanted_ns;
    g_mutex_unlock(&self->lock);
}

/* --- ends ---------------------------------------------------------------------------------------------------- */

void
vigil_recorder_set_live(VigilRecorder *self, gboolean live)
{
    g_mutex_lock(&self->lock);
    self->options.live = live;
    note_progress(self);
    g_mutex_unlock(&self->lock);
}

gboolean
vigil_recorder_is_live(VigilRecorder *self)
{
    gboolean live;

    g_mutex_lock(&self->lock);
    live = self->options.live;
    g_mutex_unlock(&self->lock);
    return live;
}

void
vigil_recorder_set_wall_base(VigilRecorder *self, gint64 wall_base_us)
{
    g_mutex_lock(&self->lock);
    self->wall_base_us = wall_base_us;
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_end_video(VigilRecorder *self)
{
    g_mutex_lock(&self->lock);
    self->video_over = TRUE;
    g_cond_broadcast(&self->progress); /* sound may wait for pictures */
    vigil_recorder_wake_locked(self);
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_end_events(VigilRecorder *self)
{
    g_mutex_lock(&self->lock);
    self->events_over = TRUE;
    note_progress(self);
    vigil_recorder_wake_locked(self);
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_flush_video(VigilRecorder *self, gboolean start)
{
    g_mutex_lock(&self->lock);
    self->flushing_video = start;
    if (!start) {
        self->video_over = self->drained = FALSE;
        self->new_epoch = TRUE;
        self->last_order_ns = VIGIL_RING_TIME_NONE;
    }
    note_progress(self);
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_flush_events(VigilRecorder *self, gboolean start)
{
    g_mutex_lock(&self->lock);
    self->flushing_events = start;
    if (!start) {
        self->events_over = self->drained = FALSE;
        self->front_ns = VIGIL_RING_TIME_NONE;
        self->wanted_ns = G_MININT64;
    }
    note_progress(self);
    g_mutex_unlock(&self->lock);
}

VigilRecorderStats
vigil_recorder_get_stats(VigilRecorder *self)
{
    VigilRecorderStats stats;

    g_mutex_lock(&self->lock);
    stats = self->stats;
    stats.ring = vigil_ring_get_stats(self->ring);
    g_mutex_unlock(&self->lock);
    return stats;
}

/* --- the thread ---------------------------------------------------------------------------------------------- */

static void
take_into_session(VigilRecorder *self, VigilEvent *event)
{
    g_autofree gchar *known_path = NULL;
    const gboolean known = event->type == VIGIL_EVENT_BEGIN &&
                           vigil_store_has_event(self->options.store, event->id, &known_path);
    VigilRecordClip *clip =
        vigil_record_session_add(self->session, event, known, known_path, g_get_monotonic_time());

    vigil_recorder_note_taken(self, event);
    if (clip)
        vigil_recorder_open_clip(self, clip);
}

static gboolean
take_event(VigilRecorder *self)
{
    VigilIntake *intake;
    gboolean given_up;

    /* it stays in the queue while it is looked at: the ring must keep what it needs */
    g_mutex_lock(&self->lock);
    intake = g_queue_peek_head(&self->intake);
    g_mutex_unlock(&self->lock);
    if (!intake)
        return FALSE;
    given_up = vigil_recorder_is_given_up(self, intake->event);
    if (!given_up)
        take_into_session(self, intake->event);
    g_mutex_lock(&self->lock);
    g_queue_pop_head(&self->intake);
    self->intake_bytes -= intake->size;
    if (given_up) {
        self->queued_bytes -= MIN(self->queued_bytes, intake->size);
        self->stats.events_failed++;
    }
    note_progress(self);
    g_mutex_unlock(&self->lock);
    vigil_event_unref(intake->event);
    g_free(intake);
    return TRUE;
}

/* Both streams are over: what is not known by now will not be. */
static void
end_session(VigilRecorder *self)
{
    VigilEndReason reason;
    gboolean over;

    g_mutex_lock(&self->lock);
    over = self->events_over && g_queue_is_empty(&self->intake);
    reason = self->stop ? VIGIL_END_STOPPED : VIGIL_END_STREAM;
    g_mutex_unlock(&self->lock);
    if (over)
        vigil_record_session_close_all_events(self->session, reason, g_get_monotonic_time());
}

static void
report_drained(VigilRecorder *self)
{
    gboolean drained;

    g_mutex_lock(&self->lock);
    drained = !self->drained && self->video_over && self->events_over && !self->work &&
              g_queue_is_empty(&self->intake) && self->clips->len == 0 && !self->footage.caps &&
              vigil_record_session_get_n_queued(self->session) == 0;
    self->drained |= drained;
    g_mutex_unlock(&self->lock);
    if (drained)
        self->callbacks.drained(self->user_data);
}

/* (lock held) What waits for a time to pass is looked at now and then. */
static void
wait_for_work(VigilRecorder *self)
{
    if (self->work)
        return;
    if (self->disk_failed || self->clips->len > 0 || self->options.segment_ns > 0 ||
        vigil_record_session_get_n_queued(self->session) > 0)
        g_cond_wait_until(&self->wake, &self->lock, g_get_monotonic_time() + IDLE_TICK_US);
    else
        g_cond_wait(&self->wake, &self->lock);
}

static gpointer
recorder_thread(gpointer data)
{
    VigilRecorder *self = data;
    gboolean finished = FALSE;

    while (!finished) {
        gboolean busy = FALSE;

        g_mutex_lock(&self->lock);
        self->work = FALSE;
        g_mutex_unlock(&self->lock);
        if (vigil_recorder_check_disk(self)) {
            while (take_event(self))
                busy = TRUE;
            end_session(self);
            busy |= vigil_recorder_work_on_clips(self);
            busy |= vigil_recorder_work_on_footage(self);
            busy |= vigil_recorder_commit_messages(self);
            report_drained(self);
        }

        g_mutex_lock(&self->lock);
        if (!busy && !self->stop)
            wait_for_work(self);
        finished = self->stop && !busy && !self->work && self->clips->len == 0 &&
                   !self->footage.caps && g_queue_is_empty(&self->intake) &&
                   vigil_record_session_get_n_queued(self->session) == 0;
        g_mutex_unlock(&self->lock);
    }
    return NULL;
}
