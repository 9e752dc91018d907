/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Continuous recording: all that the camera sends, in segments, from the same ring as clips. It has a place in the ring as a
 * clip has, and waits for nothing but the disk. All of it runs in the recorder's thread.
 *
 * A segment begins with a keyframe. Where pictures follow this one that are shown before it, they need what came before, so
 * that the segment before has the keyframe and them, too: nothing is missing between two.
 */
#include "plugins/record/vigil-recorder-private.h"
#include "storage/vigil-clip-note.h"
#include "storage/vigil-footage.h"

/* Frames taken before the muxer's output is looked at. */
#define PUMP_INTERVAL 16
/* Whoever looks for a time does not want to find it in the midst of a file with a hole. */
#define MAX_GAP_NS (10 * GST_SECOND)
/* A clock that was set: times in a segment count from its beginning. */
#define MAX_SKEW_US (2 * G_USEC_PER_SEC)
/* Until it is tried again when a segment could not be written. */
#define RETRY_US (2 * G_USEC_PER_SEC)

typedef enum {
    NEXT_NONE,  /* nothing to do for now */
    NEXT_FRAME, /* the one at the cursor */
    NEXT_END,   /* the segment ends here */
} Next;

void
vigil_footage_init(VigilFootage *self, const VigilRing *ring, gboolean wanted)
{
    *self = (VigilFootage){
        .cursor = vigil_ring_get_next_seq(ring), .next_key = G_MAXUINT64, .holds = wanted};
}

guint64
vigil_footage_get_kept_seq(const VigilFootage *self)
{
    return self->holds ? MIN(self->cursor, self->next_key) : G_MAXUINT64;
}

/* --- which frame is next (lock held) ------------------------------------------------------------------------- */

/* What the ring has dropped is lost, and what cannot be shown without it. */
static void
skip_lost(VigilRecorder *self)
{
    VigilFootage *footage = &self->footage;
    const guint64 first = vigil_ring_get_first_seq(self->ring);

    if (footage->cursor >= first)
        return;
    self->stats.footage_lost += first - footage->cursor;
    footage->cursor = first;
    footage->next_key = G_MAXUINT64;
    footage->over = footage->caps != NULL;
}

static const VigilRingFrame *
find_first(VigilRecorder *self, const guint8 **data)
{
    const VigilRingFrame *frame;

    while ((frame = vigil_ring_get(self->ring, self->footage.cursor, data)) && !frame->key) {
        self->footage.cursor++;
        self->stats.footage_lost++;
    }
    return frame;
}

static gboolean
is_due(const VigilRecorder *self, const VigilRingFrame *frame)
{
    const VigilFootage *footage = &self->footage;

    return footage->has_gap || ABS(self->wall_base_us - footage->wall_base_us) > MAX_SKEW_US ||
           vigil_ring_frame_get_order(frame) - footage->first_ns >= self->options.segment_ns;
}

/* A keyframe that another segment is to begin with: what comes behind it decides whether this one has it as well. */
static Next
end_at_key(VigilRecorder *self, const VigilRingFrame *key)
{
    VigilFootage *footage = &self->footage;
    const VigilRingFrame *follows = vigil_ring_get(self->ring, footage->cursor + 1, NULL);

    if (!follows && !self->video_over)
        return NEXT_NONE;
    if (!follows || follows->epoch != key->epoch || follows->pts_ns >= key->pts_ns)
        return NEXT_END;
    footage->next_key = footage->cursor;
    footage->next_pts_ns = key->pts_ns;
    return NEXT_FRAME;
}

static Next
find_next(VigilRecorder *self, const VigilRingFrame **frame, const guint8 **data)
{
    VigilFootage *footage = &self->footage;
    gint64 order_ns;

    skip_lost(self);
    if (footage->over)
        return NEXT_END;
    if (!footage->caps)
        return (*frame = find_first(self, data)) ? NEXT_FRAME : NEXT_NONE;
    *frame = vigil_ring_get(self->ring, footage->cursor, data);
    if (!*frame)
        return self->video_over ? NEXT_END : NEXT_NONE;
    if ((*frame)->epoch != footage->epoch)
        return NEXT_END;
    if (footage->next_key != G_MAXUINT64)
        return (*frame)->pts_ns < footage->next_pts_ns ? NEXT_FRAME : NEXT_END;
    order_ns = vigil_ring_frame_get_order(*frame);
    footage->has_gap |= order_ns - footage->last_ns > (gint64)MAX_GAP_NS;
    return (*frame)->key && is_due(self, *frame) ? end_at_key(self, *frame) : NEXT_FRAME;
}

static GstBuffer *
take(VigilRecorder *self, const VigilRingFrame *frame, const guint8 *data)
{
    VigilFootage *footage = &self->footage;
    GstBuffer *buffer = gst_buffer_new_memdup(data, frame->size);

    if (!footage->caps) {
        buffer = vigil_recorder_begin_with_frame(self, frame, buffer, &footage->caps,
                                                 &footage->reorders);
        footage->epoch = frame->epoch;
        footage->first_ns = vigil_ring_frame_get_order(frame);
        footage->wall_base_us = self->wall_base_us;
        footage->holds = TRUE;
    }
    footage->last_ns = vigil_ring_frame_get_order(frame);
    footage->cursor++;
    self->stats.footage_frames++;
    self->n_progress++;
    g_cond_broadcast(&self->progress);
    return buffer;
}

/* @buffer: (out) (transfer full) (nullable): of a frame */
static Next
take_next(VigilRecorder *self, VigilRingFrame *copy, GstBuffer **buffer)
{
    const VigilRingFrame *frame = NULL;
    const guint8 *data = NULL;
    Next next;

    *buffer = NULL;
    g_mutex_lock(&self->lock);
    next = find_next(self, &frame, &data);
    if (next == NEXT_FRAME) {
        *copy = *frame;
        *buffer = take(self, frame, data);
    }
    g_mutex_unlock(&self->lock);
    return next;
}

/* --- the file ------------------------------------------------------------------------------------------------ */

static gboolean
write_bytes(gconstpointer data, gsize length, gpointer user_data, GError **error)
{
    return vigil_clip_write(((VigilRecorder *)user_data)->footage.file, data, length, error);
}

static gboolean
start_file(VigilRecorder *self, const VigilRingFrame *frame, GError **error)
{
    VigilFootage *footage = &self->footage;
    const GstStructure *s = gst_caps_get_structure(footage->caps, 0);
    const VigilClipWriterFlags flags = (footage->reorders ? VIGIL_CLIP_WRITER_REORDERS : 0) |
                                       (self->options.encode_jpeg ? VIGIL_CLIP_WRITER_ENCODE : 0);
    gint width = 0, height = 0;

    footage->info = (VigilClipInfo){.start_wall_us = footage->wall_base_us + frame->pts_ns / 1000};
    footage->file = vigil_store_create_footage(self->options.store, self->options.camera,
                                               footage->info.start_wall_us, error);
    if (!footage->file)
        return FALSE;
    gst_structure_get_int(s, "width", &width);
    gst_structure_get_int(s, "height", &height);
    footage->info.width = (guint)MAX(width, 0);
    footage->info.height = (guint)MAX(height, 0);
    footage->writer =
        vigil_clip_writer_new(footage->caps, flags, write_bytes, vigil_recorder_wake, self, error);
    if (footage->writer)
        footage->info.codec = vigil_clip_writer_get_codec(footage->writer);
    return footage->writer != NULL;
}

/* Once there is something to play it gets its row; from then on each fragment outlives a power cut, as those of clips. */
static gboolean
secure_fragments(VigilRecorder *self, GError **error)
{
    VigilFootage *footage = &self->footage;
    const guint n_fragments = vigil_clip_writer_get_info(footage->writer).n_fragments;
    const gboolean has_row = footage->n_synced > 0;
    GBytes *note;

    if (n_fragments == footage->n_synced)
        return TRUE;
    footage->n_synced = n_fragments;
    if (has_row)
        return !vigil_recorder_is_live(self) || vigil_clip_sync(footage->file, error);
    note = vigil_clip_note_footage(self->options.camera, footage->info.start_wall_us,
                                   vigil_store_get_wall_us(self->options.store));
    /* what fails here fails the next fragment, too */
    vigil_clip_writer_add_note(footage->writer, note, NULL);
    g_bytes_unref(note);
    return vigil_store_begin_footage(self->options.store, footage->file, error);
}

static void
fill_info(VigilFootage *footage)
{
    const VigilClipWriterInfo written = vigil_clip_writer_get_info(footage->writer);

    footage->info.start_ns = written.start_ns;
    footage->info.end_ns = written.end_ns;
    footage->info.end_wall_us =
        footage->info.start_wall_us + (written.end_ns - written.start_ns) / 1000;
}

static void
reset(VigilRecorder *self)
{
    VigilFootage *footage = &self->footage;

    vigil_clip_writer_free(footage->writer);
    g_mutex_lock(&self->lock);
    gst_clear_caps(&footage->caps);
    if (footage->next_key != G_MAXUINT64)
        footage->cursor = footage->next_key;
    *footage = (VigilFootage){.cursor = footage->cursor,
                              .next_key = G_MAXUINT64,
                              .holds = footage->holds,
                              .retry_us = footage->retry_us};
    self->n_progress++;
    g_cond_broadcast(&self->progress);
    g_mutex_unlock(&self->lock);
}

static gboolean
finish_file(VigilRecorder *self, GError **error)
{
    VigilFootage *footage = &self->footage;
    GBytes *note;

    if (!vigil_clip_writer_finish(footage->writer, error) || !secure_fragments(self, error))
        return FALSE;
    fill_info(footage);
    note = vigil_clip_note_closed(&footage->info);
    vigil_clip_writer_add_note(footage->writer, note, NULL);
    g_bytes_unref(note);
    return vigil_store_finish_clip(self->options.store, g_steal_pointer(&footage->file),
                                   &footage->info, error);
}

/* What is on disk of it is ended by the store, as what a crash leaves. The next one begins a while later. */
static void
break_off(VigilRecorder *self, const GError *error)
{
    VigilFootage *footage = &self->footage;

    self->callbacks.trouble("clip", error, self->user_data);
    if (footage->file)
        vigil_store_abandon_clip(self->options.store, g_steal_pointer(&footage->file));
    footage->retry_us = g_get_monotonic_time() + RETRY_US;
    reset(self);
    g_mutex_lock(&self->lock);
    self->stats.segments_failed++;
    footage->holds = FALSE;
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_give_up_footage(VigilRecorder *self)
{
    VigilFootage *footage = &self->footage;
    const gboolean had_file = footage->file != NULL;

    if (had_file)
        vigil_store_abandon_clip(self->options.store, g_steal_pointer(&footage->file));
    reset(self);
    g_mutex_lock(&self->lock);
    self->stats.segments_failed += had_file;
    footage->holds = FALSE;
    g_mutex_unlock(&self->lock);
}

static void
end_segment(VigilRecorder *self)
{
    g_autoptr(GError) error = NULL;

    if (self->footage.writer && !finish_file(self, &error)) {
        break_off(self, error);
        return;
    }
    reset(self);
    g_mutex_lock(&self->lock);
    self->stats.segments_complete++;
    g_mutex_unlock(&self->lock);
}

static gboolean
add_frame(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer, GError **error)
{
    VigilFootage *footage = &self->footage;

    if (!footage->writer && !start_file(self, frame, error)) {
        gst_buffer_unref(buffer);
        return FALSE;
    }
    return vigil_clip_writer_push(footage->writer, frame, buffer, error) &&
           (++footage->n_pushed % PUMP_INTERVAL != 0 ||
            vigil_clip_writer_pump(footage->writer, error));
}

gboolean
vigil_recorder_work_on_footage(VigilRecorder *self)
{
    VigilFootage *footage = &self->footage;
    g_autoptr(GError) error = NULL;
    VigilRingFrame frame;
    GstBuffer *buffer;
    gboolean busy = FALSE;
    Next next = NEXT_NONE;

    if (!self->options.segment_ns || g_get_monotonic_time() < footage->retry_us)
        return FALSE;
    while (!error && !(footage->writer && vigil_clip_writer_is_full(footage->writer)) &&
           (next = take_next(self, &frame, &buffer)) == NEXT_FRAME) {
        busy = TRUE;
        add_frame(self, &frame, buffer, &error);
    }
    if (!error && footage->writer && vigil_clip_writer_pump(footage->writer, &error))
        secure_fragments(self, &error);
    if (error)
        break_off(self, error);
    else if (next == NEXT_END)
        end_segment(self);
    return busy || error || next == NEXT_END;
}
