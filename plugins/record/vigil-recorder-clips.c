/* SPDX-License-Identifier: Apache-2.0 */
/* From the ring into the files, and the commits. All of it runs in the recorder's thread. */
#include "plugins/record/vigil-parameter-sets.h"
#include "plugins/record/vigil-recorder-private.h"
#include "storage/vigil-clip-note.h"

/* Messages that wait for first fragments; beyond, the oldest is committed without its clip. */
#define MAX_QUEUED 4096
/* Frames taken before the muxer's output is looked at. */
#define PUMP_INTERVAL 16

static void
count(VigilRecorder *self, guint64 *counter, guint64 n)
{
    g_mutex_lock(&self->lock);
    *counter += n;
    g_mutex_unlock(&self->lock);
}

/* --- begin --------------------------------------------------------------------------------------------------- */

void
vigil_recorder_open_clip(VigilRecorder *self, VigilRecordClip *clip)
{
    VigilOpenClip *open = g_new0(VigilOpenClip, 1);

    open->recorder = self;
    open->clip = clip;
    open->need_key = TRUE;
    open->key_seq = G_MAXUINT64;
    clip->data = open;
    g_mutex_lock(&self->lock);
    g_ptr_array_add(self->clips, open);
    g_mutex_unlock(&self->lock);
}

/* What follows @full: from its last keyframe on, unless the next frame is one. */
static void
open_part(VigilRecorder *self, const VigilOpenClip *full, VigilRecordClip *clip)
{
    const VigilRingFrame *frame;
    VigilOpenClip *open;

    vigil_recorder_open_clip(self, clip);
    open = clip->data;
    g_mutex_lock(&self->lock);
    frame = vigil_ring_get(self->ring, full->cursor, NULL);
    open->cursor = frame && frame->key ? full->cursor : MIN(full->key_seq, full->cursor);
    frame = vigil_ring_get(self->ring, open->cursor, NULL);
    if (frame)
        clip->first_ns = frame->pts_ns;
    open->placed = TRUE;
    g_mutex_unlock(&self->lock);
}

/* @open took its last frame. Where that is since it is long enough, another clip goes on. */
static void
settle_full_clip(VigilRecorder *self, VigilOpenClip *open)
{
    VigilRecordClip *next;

    if (!open->full)
        return;
    next = vigil_record_session_continue_clip(self->session, open->clip, g_get_monotonic_time());
    if (next)
        open_part(self, open, next);
    g_mutex_lock(&self->lock);
    open->full = FALSE;
    open->cut = open->cut && !next;
    self->stats.clips_continued += next != NULL;
    g_mutex_unlock(&self->lock);
}

/*
 * (lock held) Where in the ring it begins. When the analysis is ahead of the video, not before the frame that triggered it
 * is there, since that decides which format is wanted.
 */
static gboolean
place_clip(VigilRecorder *self, VigilOpenClip *open)
{
    VigilRecordClip *clip = open->clip;
    const VigilRingFrame *frame;
    gboolean reaches;

    if (open->placed)
        return TRUE;
    if (!self->video_over &&
        (self->last_order_ns == VIGIL_RING_TIME_NONE || self->last_order_ns < clip->trigger_ns))
        return FALSE;
    if (vigil_ring_find_key(self->ring, clip->want_ns, clip->trigger_ns, &open->cursor, &reaches)) {
        frame = vigil_ring_get(self->ring, open->cursor, NULL);
        clip->first_ns = frame->pts_ns;
        /* what the stream does not have cannot be asked for */
        open->short_begin =
            !reaches && frame->pts_ns != vigil_recorder_get_epoch(self, frame->epoch)->first_ns;
    } else {
        open->cursor = vigil_ring_get_next_seq(self->ring);
        open->short_begin = TRUE;
    }
    open->placed = TRUE;
    return TRUE;
}

static gboolean
write_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    const VigilOpenClip *open = user_data;

    return vigil_clip_write(open->file, data, length, error);
}

static void
wake_for_clip(gpointer user_data)
{
    vigil_recorder_wake(((VigilOpenClip *)user_data)->recorder);
}

static gboolean
start_file(VigilRecorder *self, VigilOpenClip *open, GError **error)
{
    const GstStructure *s = gst_caps_get_structure(open->caps, 0);
    const VigilClipWriterFlags flags = (open->reorders ? VIGIL_CLIP_WRITER_REORDERS : 0) |
                                       (self->options.encode_jpeg ? VIGIL_CLIP_WRITER_ENCODE : 0);
    g_autoptr(GstCaps) audio_caps = vigil_recorder_begin_audio(self, open);
    gint width = 0, height = 0;

    open->file = vigil_store_create_clip(self->options.store, open->clip->camera, open->clip->name,
                                         open->clip->start_wall_us, error);
    if (!open->file)
        return FALSE;
    open->clip->path = g_strdup(vigil_clip_get_path(open->file));
    gst_structure_get_int(s, "width", &width);
    gst_structure_get_int(s, "height", &height);
    open->info.width = (guint)MAX(width, 0);
    open->info.height = (guint)MAX(height, 0);
    open->writer = vigil_clip_writer_new_with_audio(open->caps, audio_caps, flags, write_bytes,
                                                    wake_for_clip, open, error);
    if (open->writer)
        open->info.codec = vigil_clip_writer_get_codec(open->writer);
    return open->writer != NULL;
}

/* --- end ----------------------------------------------------------------------------------------------------- */

static void
forget_clip(VigilRecorder *self, VigilOpenClip *open, VigilRecordClipState state)
{
    const guint n_pending = open->writer ? vigil_clip_writer_get_info(open->writer).n_pending : 0;

    g_mutex_lock(&self->lock);
    self->stats.notes_failed += n_pending;
    g_ptr_array_remove(self->clips, open);
    self->n_progress++;
    g_cond_broadcast(&self->progress);
    g_mutex_unlock(&self->lock);
    vigil_record_session_close_clip(self->session, open->clip, state);
    vigil_clip_writer_free(open->writer);
    gst_clear_caps(&open->caps);
    g_free(open);
}

void
vigil_recorder_give_up_clips(VigilRecorder *self)
{
    VigilRecordClip *clip;

    while ((clip = vigil_record_session_get_clip(self->session, 0))) {
        VigilOpenClip *open = clip->data;

        if (open->file)
            vigil_store_abandon_clip(self->options.store, g_steal_pointer(&open->file));
        g_clear_pointer(&clip->path, g_free);
        count(self, &self->stats.clips_broken, 1);
        forget_clip(self, open, VIGIL_RECORD_CLIP_FAILED);
    }
}

static void
fill_info(VigilOpenClip *open)
{
    const VigilClipWriterInfo info = vigil_clip_writer_get_info(open->writer);
    const VigilRecordClip *clip = open->clip;

    open->info.start_ns = info.start_ns;
    open->info.end_ns = info.end_ns;
    open->info.start_wall_us = clip->start_wall_us + (info.start_ns - clip->start_ns) / 1000;
    open->info.end_wall_us = clip->start_wall_us + (info.end_ns - clip->start_ns) / 1000;
}

/* Nothing more is written. What can be played is kept, and its events are committed with it. */
static void
break_clip(VigilRecorder *self, VigilOpenClip *open, const GError *error)
{
    const gboolean playable =
        open->writer && vigil_clip_writer_get_info(open->writer).n_fragments > 0;

    open->clip->full = TRUE;
    self->callbacks.trouble("clip", error, self->user_data);
    if (playable) {
        count(self, &self->stats.clips_broken, 1);
        fill_info(open);
        open->clip->state = VIGIL_RECORD_CLIP_RECORDING;
        open->done = open->closing = TRUE;
        return;
    }
    count(self, &self->stats.clips_failed, 1);
    if (open->file)
        vigil_store_abandon_clip(self->options.store, g_steal_pointer(&open->file));
    g_clear_pointer(&open->clip->path, g_free);
    forget_clip(self, open, VIGIL_RECORD_CLIP_FAILED);
}

static void
count_shortcomings(VigilRecorder *self, const VigilOpenClip *open)
{
    const VigilRecordClip *clip = open->clip;

    g_mutex_lock(&self->lock);
    self->stats.clips_short += open->short_begin;
    self->stats.clips_cut += open->cut;
    self->stats.clips_without_trigger +=
        open->info.start_ns > clip->trigger_ns || open->info.end_ns < clip->last_trigger_ns;
    g_mutex_unlock(&self->lock);
}

/* All frames are in the muxer. */
static void
finish_writing(VigilRecorder *self, VigilOpenClip *open)
{
    g_autoptr(GError) error = NULL;

    open->clip->full = TRUE;
    if (!open->writer) {
        g_set_error(&error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
                    "No video came for the event %s", open->clip->name);
        break_clip(self, open, error);
        return;
    }
    if (!vigil_clip_writer_finish(open->writer, &error)) {
        break_clip(self, open, error);
        return;
    }
    fill_info(open);
    count_shortcomings(self, open);
    open->clip->state = VIGIL_RECORD_CLIP_RECORDING;
    open->closing = TRUE;
}

/* What the database is made from anew when it is lost. The clip is worth keeping without. */
static void
add_note(const VigilOpenClip *open, GBytes *note)
{
    /* what fails here fails the commit or the next fragment, too, and is told there; it is counted if it never is written */
    vigil_clip_writer_add_note(open->writer, note, NULL);
    g_bytes_unref(note);
}

/* Its messages are committed. */
static void
finish_file(VigilRecorder *self, VigilOpenClip *open)
{
    g_autoptr(GError) error = NULL;

    if (open->clip->n_committed == 0) {
        vigil_store_abandon_clip(self->options.store, g_steal_pointer(&open->file));
        count(self, &self->stats.clips_failed, 1);
        forget_clip(self, open, VIGIL_RECORD_CLIP_FAILED);
        return;
    }
    add_note(open, vigil_clip_note_closed(&open->info));
    if (!vigil_store_finish_clip(self->options.store, g_steal_pointer(&open->file), &open->info,
                                 &error))
        self->callbacks.trouble("clip", error, self->user_data);
    else
        count(self, &self->stats.clips_complete, 1);
    forget_clip(self, open, VIGIL_RECORD_CLIP_CLOSED);
}

/* --- frames -------------------------------------------------------------------------------------------------- */

/* (lock held) Whether the frame at the cursor belongs into the clip, now; moves on over those that do not. */
static const VigilRingFrame *
next_frame(VigilRecorder *self, VigilOpenClip *open, const guint8 **data)
{
    const gint64 front_ns =
        self->options.live || self->events_over ? G_MAXINT64 : vigil_recorder_get_done_front(self);
    const guint64 first = vigil_ring_get_first_seq(self->ring);
    const VigilRecordClip *clip = open->clip;
    const VigilRingFrame *frame;
    gint64 order_ns;

    if (!place_clip(self, open))
        return NULL;
    if (open->cursor < first) {
        self->stats.frames_lost += first - open->cursor;
        open->cursor = first;
        open->need_key = TRUE;
    }
    while ((frame = vigil_ring_get(self->ring, open->cursor, data)) && open->need_key &&
           !frame->key)
        open->cursor++;
    if (!frame) {
        open->done = self->video_over && (clip->n_active == 0 || self->events_over);
        return NULL;
    }
    order_ns = vigil_ring_frame_get_order(frame);
    open->cut = open->caps && frame->epoch != open->epoch;
    /* what goes on was there to be shown, also when it turns out to be over by now */
    if (!open->caps && clip->part > 0)
        return frame;
    /* what is shown before a picture that the clip has already would leave a hole */
    if (!open->cut && open->caps && frame->pts_ns < open->last_pts_ns)
        return frame;
    if (open->cut || vigil_record_session_clip_is_over(self->session, clip, order_ns)) {
        /* whether its events go on is not known before the analysis is there */
        if (!open->cut && clip->n_active > 0 &&
            vigil_record_session_get_clip_limit(self->session, clip, front_ns) == front_ns)
            return NULL;
        open->full = !open->cut;
        open->cut |= clip->n_active > 0 || order_ns <= clip->end_ns;
        open->done = TRUE;
        return NULL;
    }
    if (order_ns > vigil_record_session_get_clip_limit(self->session, clip, front_ns))
        return NULL;
    return frame;
}

/* The first frame of a file must bring its parameter sets. */
static GstBuffer *
complete_first_frame(const VigilEpoch *epoch, GstBuffer *buffer)
{
    const gboolean h265 =
        gst_structure_has_name(gst_caps_get_structure(epoch->caps, 0), "video/x-h265");
    GBytes *own;
    GstMapInfo map;

    if (!epoch->parameter_sets || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return buffer;
    own = vigil_parameter_sets_find(map.data, map.size, h265);
    gst_buffer_unmap(buffer, &map);
    if (own) {
        g_bytes_unref(own);
        return buffer;
    }
    return gst_buffer_append(gst_buffer_new_wrapped_bytes(epoch->parameter_sets), buffer);
}

GstBuffer *
vigil_recorder_begin_with_frame(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer,
                                GstCaps **caps, gboolean *reorders)
{
    const VigilEpoch *epoch = vigil_recorder_get_epoch(self, frame->epoch);

    *caps = gst_caps_ref(epoch->caps);
    *reorders = epoch->reorders;
    return complete_first_frame(epoch, buffer);
}

static GstBuffer *
take_frame(VigilRecorder *self, VigilOpenClip *open, VigilRingFrame *copy)
{
    const VigilRingFrame *frame;
    const guint8 *data;
    GstBuffer *buffer = NULL;

    g_mutex_lock(&self->lock);
    frame = next_frame(self, open, &data);
    if (frame) {
        buffer = gst_buffer_new_memdup(data, frame->size);
        *copy = *frame;
        open->key_seq = frame->key ? open->cursor : open->key_seq;
        open->need_key = FALSE;
        open->cursor++;
        open->last_pts_ns = open->caps ? MAX(open->last_pts_ns, frame->pts_ns) : frame->pts_ns;
        if (!open->caps)
            buffer =
                vigil_recorder_begin_with_frame(self, frame, buffer, &open->caps, &open->reorders);
        open->epoch = frame->epoch;
        self->n_progress++;
        g_cond_broadcast(&self->progress);
    }
    g_mutex_unlock(&self->lock);
    return buffer;
}

/* A power cut may take one fragment. What is not live can be run again, and need not wait for the disk each second. */
static gboolean
sync_fragments(VigilRecorder *self, VigilOpenClip *open, GError **error)
{
    const guint n_fragments = vigil_clip_writer_get_info(open->writer).n_fragments;

    if (!vigil_recorder_is_live(self) || n_fragments == open->n_synced)
        return TRUE;
    open->n_synced = n_fragments;
    return vigil_clip_sync(open->file, error);
}

static gboolean
takes_frames(VigilRecorder *self, VigilOpenClip *open)
{
    if (!open->writer)
        return vigil_recorder_audio_is_known(self, open);
    return !vigil_clip_writer_is_full(open->writer) && !vigil_recorder_audio_holds(self, open);
}

static gboolean
feed_muxer(VigilRecorder *self, VigilOpenClip *open, GError **error)
{
    return vigil_recorder_feed_audio(self, open, error) &&
           vigil_clip_writer_pump(open->writer, error);
}

/* Returns: FALSE when the clip broke; then it may be gone. */
static gboolean
feed_clip(VigilRecorder *self, VigilOpenClip *open, gboolean *busy)
{
    g_autoptr(GError) error = NULL;
    VigilRingFrame frame;
    GstBuffer *buffer;
    guint n = 0;

    while (!open->done && takes_frames(self, open) && (buffer = take_frame(self, open, &frame))) {
        *busy = TRUE;
        if (!open->writer && !start_file(self, open, &error)) {
            gst_buffer_unref(buffer);
            break;
        }
        open->clip->first_ns = MIN(open->clip->first_ns, frame.pts_ns);
        if (!vigil_clip_writer_push(open->writer, &frame, buffer, &error) ||
            (++n % PUMP_INTERVAL == 0 && !feed_muxer(self, open, &error)))
            break;
    }
    if (error || (open->writer &&
                  (!feed_muxer(self, open, &error) || !sync_fragments(self, open, &error)))) {
        break_clip(self, open, error);
        *busy = TRUE;
        return FALSE;
    }
    if (open->clip->state == VIGIL_RECORD_CLIP_WAITING && open->writer &&
        vigil_clip_writer_get_info(open->writer).n_fragments > 0) {
        open->clip->state = VIGIL_RECORD_CLIP_RECORDING;
        *busy = TRUE;
    }
    return TRUE;
}

gboolean
vigil_recorder_work_on_clips(VigilRecorder *self)
{
    VigilRecordClip *clip;
    gboolean busy = FALSE;
    guint i = 0;

    while ((clip = vigil_record_session_get_clip(self->session, i))) {
        VigilOpenClip *open = clip->data;

        if (open->closing) {
            if (clip->n_queued == 0) {
                finish_file(self, open);
                busy = TRUE;
            }
        } else if (feed_clip(self, open, &busy) && open->done) {
            settle_full_clip(self, open);
            clip->full = TRUE; /* while it waits for its sound */
            if (vigil_recorder_audio_is_done(self, open)) {
                finish_writing(self, open);
                busy = TRUE;
            }
        }
        /* a clip that is gone has left its place to the next one */
        if (vigil_record_session_get_clip(self->session, i) == clip)
            i++;
    }
    return busy;
}

/* --- commits ------------------------------------------------------------------------------------------------- */

static gboolean
is_recording(const VigilRecordClip *clip)
{
    return clip && clip->state == VIGIL_RECORD_CLIP_RECORDING;
}

static void
add_event_note(VigilRecorder *self, const VigilRecordMessage *message)
{
    const gint64 now_us = vigil_store_get_wall_us(self->options.store);

    add_note(message->clip->data, vigil_clip_note_event(message->event, message->part, now_us));
}

/* (nullable): of the clip that the event began in, else of the one that it has got now */
static const gchar *
get_path(const VigilRecordMessage *message)
{
    const VigilRecordClip *first = message->first;

    if (is_recording(first) || (first && first->state == VIGIL_RECORD_CLIP_CLOSED))
        return first->path;
    return is_recording(message->clip) ? message->clip->path : NULL;
}

static gboolean
commit_continuation(VigilRecorder *self, const VigilRecordMessage *message)
{
    const VigilOpenClip *open = message->clip->data;
    g_autoptr(GError) error = NULL;

    if (!is_recording(message->clip))
        return TRUE;
    add_event_note(self, message);
    if (vigil_store_continue_event(self->options.store, message->event->id, open->file, &error))
        return TRUE;
    self->callbacks.trouble("clip", error, self->user_data);
    return FALSE;
}

static gboolean
commit(VigilRecorder *self, const VigilRecordMessage *message)
{
    const VigilRecordClip *clip = message->clip;
    const VigilOpenClip *open = clip ? clip->data : NULL;
    const gchar *path = get_path(message);
    g_autoptr(GError) error = NULL;

    if (message->known) {
        count(self, &self->stats.events_known, 1);
        self->callbacks.committed(message->event, message->known_path, self->user_data);
        return TRUE;
    }
    if (is_recording(clip))
        add_event_note(self, message);
    if (!vigil_store_commit_event(self->options.store, message->event,
                                  is_recording(clip) ? open->file : NULL, &error)) {
        self->callbacks.trouble("event", error, self->user_data);
        return FALSE;
    }
    g_mutex_lock(&self->lock);
    self->stats.events_committed++;
    self->stats.events_without_clip +=
        message->event->type == VIGIL_EVENT_BEGIN && message->event->record && !path;
    g_mutex_unlock(&self->lock);
    self->callbacks.committed(message->event, path, self->user_data);
    return TRUE;
}

gboolean
vigil_recorder_commit_messages(VigilRecorder *self)
{
    const VigilRecordMessage *message;
    gboolean busy = FALSE;

    for (;;) {
        const gboolean force = vigil_record_session_get_n_queued(self->session) > MAX_QUEUED;
        gboolean committed;
        gint64 now_us;

        /* what is not live takes as long as it takes: the video comes, or ends */
        g_mutex_lock(&self->lock);
        now_us = self->options.live ? g_get_monotonic_time() : 0;
        g_mutex_unlock(&self->lock);
        message = vigil_record_session_peek(self->session, now_us, force);
        if (!message)
            return busy;
        committed = message->goes_on ? commit_continuation(self, message) : commit(self, message);
        if (!committed && vigil_recorder_keeps_message(self))
            return TRUE;
        self->n_kept = 0;
        g_mutex_lock(&self->lock);
        if (!message->goes_on) {
            self->stats.events_failed += !committed;
            /* an end that the session made itself was never counted */
            self->queued_bytes -=
                MIN(self->queued_bytes, vigil_recorder_event_size(message->event));
        }
        g_mutex_unlock(&self->lock);
        vigil_record_session_pop(self->session, committed);
        busy = TRUE;
    }
}
