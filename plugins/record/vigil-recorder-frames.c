/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way into the ring, and what they wait for. */
#include "plugins/record/vigil-parameter-sets.h"
#include "plugins/record/vigil-recorder-private.h"

/* Decoders with frame threads hold back a frame a thread: so many frames may always be ahead of the analysis. */
#define MIN_FRAMES_AHEAD 64
/* How long frames wait for an analysis that says nothing at all. */
#define HOLD_TIMEOUT_US (10 * G_USEC_PER_SEC)
/* A time line that goes back, or forward so far, is another one. */
#define MAX_BACK_NS (G_GINT64_CONSTANT(1000000000))
#define MAX_GAP_NS (G_GINT64_CONSTANT(60000000000))

void
vigil_epoch_free(gpointer data)
{
    VigilEpoch *epoch = data;

    gst_caps_unref(epoch->caps);
    g_clear_pointer(&epoch->parameter_sets, g_bytes_unref);
    g_free(epoch);
}

VigilEpoch *
vigil_recorder_get_epoch(const VigilRecorder *self, guint32 number)
{
    for (guint i = self->epochs->len; i > 0; i--) {
        VigilEpoch *epoch = g_ptr_array_index(self->epochs, i - 1);

        if (epoch->number == number)
            return epoch;
    }
    return NULL;
}

static gint64
pts_of_epoch(const VigilRecorder *self)
{
    const VigilEpoch *epoch = vigil_recorder_get_epoch(self, self->epoch);

    return epoch ? epoch->first_ns : 0;
}

static guint64
first_needed_seq(const VigilRecorder *self)
{
    guint64 seq = G_MAXUINT64;

    for (guint i = 0; i < self->clips->len; i++) {
        const VigilOpenClip *open = g_ptr_array_index(self->clips, i);

        if (open->placed && !open->done)
            seq = MIN(seq, open->cursor);
    }
    return MIN(seq, vigil_footage_get_kept_seq(&self->footage));
}

/* The same, with the group of pictures that a clip which must be continued would continue with. */
static guint64
first_kept_seq(const VigilRecorder *self)
{
    guint64 seq = G_MAXUINT64;

    for (guint i = 0; i < self->clips->len; i++) {
        const VigilOpenClip *open = g_ptr_array_index(self->clips, i);

        if (open->placed && (!open->done || open->full))
            seq = MIN(seq, MIN(open->cursor, open->key_seq));
    }
    return MIN(seq, vigil_footage_get_kept_seq(&self->footage));
}

static gboolean
is_far_ahead(const VigilRecorder *self, gint64 pts_ns)
{
    const gint64 front_ns =
        self->front_ns == VIGIL_RING_TIME_NONE ? pts_of_epoch(self) : self->front_ns;
    const guint64 next = vigil_ring_get_next_seq(self->ring);
    const VigilRingFrame *frame;

    if (self->events_over || pts_ns - front_ns <= self->options.max_lead_ns ||
        next < MIN_FRAMES_AHEAD)
        return FALSE;
    frame = vigil_ring_get(self->ring, next - MIN_FRAMES_AHEAD, NULL);
    return frame && frame->pts_ns > front_ns;
}

static gboolean
must_wait(VigilRecorder *self, const VigilRingFrame *frame)
{
    if (self->options.live || self->flushing_video || self->stop)
        return FALSE;
    return is_far_ahead(self, frame->pts_ns) ||
           vigil_ring_would_drop(self->ring, frame->size) > first_needed_seq(self);
}

/* Not live: until the analysis has come near and there is room that no clip needs. */
static void
hold_back(VigilRecorder *self, const VigilRingFrame *frame)
{
    guint64 seen = self->n_progress;
    gint64 deadline = g_get_monotonic_time() + HOLD_TIMEOUT_US;

    if (!must_wait(self, frame))
        return;
    self->stats.frames_held++;
    while (must_wait(self, frame)) {
        vigil_recorder_wake_locked(self);
        if (!g_cond_wait_until(&self->progress, &self->lock, deadline) &&
            seen == self->n_progress) {
            self->stats.holds_given_up++;
            return;
        }
        if (seen != self->n_progress) {
            seen = self->n_progress;
            deadline = g_get_monotonic_time() + HOLD_TIMEOUT_US;
        }
    }
}

static void
begin_epoch(VigilRecorder *self, gint64 pts_ns)
{
    const VigilEpoch *before = vigil_recorder_get_epoch(self, self->epoch);
    VigilEpoch *epoch = g_new0(VigilEpoch, 1);

    self->new_epoch = FALSE;
    epoch->number = ++self->epoch;
    epoch->first_ns = pts_ns;
    epoch->caps = gst_caps_ref(self->next_caps);
    /* a stream that says them once does not say them again where only its time jumps */
    if (before && before->parameter_sets &&
        vigil_recorder_is_same_format(before->caps, epoch->caps))
        epoch->parameter_sets = g_bytes_ref(before->parameter_sets);
    g_ptr_array_add(self->epochs, epoch);
}

/* Which time line the frame belongs to. Returns: FALSE when that has not begun, for want of a keyframe. */
static gboolean
follow_time_line(VigilRecorder *self, const VigilRingFrame *frame)
{
    const gint64 order_ns = vigil_ring_frame_get_order(frame);

    if (self->last_order_ns != VIGIL_RING_TIME_NONE &&
        (order_ns < self->last_order_ns - MAX_BACK_NS ||
         order_ns > self->last_order_ns + MAX_GAP_NS))
        self->new_epoch = TRUE;
    if (self->new_epoch && frame->key)
        begin_epoch(self, frame->pts_ns);
    else if (!self->new_epoch && frame->dts_ns == VIGIL_RING_TIME_NONE &&
             frame->pts_ns < self->last_pts_ns)
        vigil_recorder_get_epoch(self, self->epoch)->reorders = TRUE;
    self->last_order_ns = order_ns;
    self->last_pts_ns = frame->pts_ns;
    return !self->new_epoch;
}

static void
note_parameter_sets(VigilRecorder *self, const guint8 *data, gsize size)
{
    VigilEpoch *epoch = vigil_recorder_get_epoch(self, self->epoch);
    const GstStructure *s = gst_caps_get_structure(epoch->caps, 0);
    GBytes *sets;

    if (g_strcmp0(gst_structure_get_string(s, "stream-format"), "byte-stream") != 0)
        return;
    sets = vigil_parameter_sets_find(data, size, gst_structure_has_name(s, "video/x-h265"));
    if (!sets)
        return;
    g_clear_pointer(&epoch->parameter_sets, g_bytes_unref);
    epoch->parameter_sets = sets;
}

/* Those of which the ring has no frame. */
static void
forget_old_epochs(VigilRecorder *self)
{
    const VigilRingFrame *first =
        vigil_ring_get(self->ring, vigil_ring_get_first_seq(self->ring), NULL);
    const VigilEpoch *epoch;

    while (self->epochs->len > 1 && first && (epoch = g_ptr_array_index(self->epochs, 0)) &&
           epoch->number < first->epoch)
        g_ptr_array_remove_index(self->epochs, 0);
}

/* How far the analysis is, of which the ring must not wait for ever; before its first word it is not at the newest frame. */
static gint64
get_horizon(const VigilRecorder *self, gint64 pts_ns)
{
    const gint64 front_ns = vigil_recorder_get_done_front(self);
    const gint64 latest_ns = pts_ns - self->options.ring_lag_ns;

    if (self->events_over)
        return pts_ns;
    if (front_ns == VIGIL_RING_TIME_NONE)
        return latest_ns;
    return self->options.live ? CLAMP(front_ns, latest_ns, pts_ns) : MIN(front_ns, pts_ns);
}

/* Whether all that was told of events has its place in the ring, or needs none. */
static gboolean
is_settled(const VigilRecorder *self)
{
    for (guint i = 0; i < self->clips->len; i++)
        if (!((const VigilOpenClip *)g_ptr_array_index(self->clips, i))->placed)
            return FALSE;
    /* what is not committed may have to begin anew; see vigil-recorder-disk.c */
    return self->queued_bytes == 0 && g_queue_is_empty((GQueue *)&self->intake);
}

/* From where on what was told and has no place in the ring yet wants it: the thread that finds that may be late, and files do not wait for it. */
static gint64
first_unplaced(const VigilRecorder *self, gint64 oldest_ns)
{
    for (const GList *item = self->intake.head; item; item = item->next) {
        const VigilEvent *event = ((const VigilIntake *)item->data)->event;

        if (event->type == VIGIL_EVENT_BEGIN && event->record)
            oldest_ns = MIN(oldest_ns, event->start_ns - event->pre_ns);
    }
    for (guint i = 0; i < self->clips->len; i++) {
        const VigilOpenClip *open = g_ptr_array_index(self->clips, i);

        if (!open->placed)
            oldest_ns = MIN(oldest_ns, open->clip->want_ns);
    }
    return oldest_ns;
}

/* What the analysis says is of the time line on which it is, which may be another one by now. */
static gint64
get_oldest(const VigilRecorder *self, gint64 pts_ns)
{
    const gint64 oldest_ns = get_horizon(self, pts_ns) - self->options.ring_ns;

    if (!is_settled(self))
        return self->options.live ? oldest_ns : first_unplaced(self, oldest_ns);
    /* a segment that failed begins anew after a while, with what is left */
    if (self->wanted_ns > pts_ns || (self->options.segment_ns > 0 && !self->footage.holds))
        return oldest_ns;
    return MAX(oldest_ns, self->wanted_ns);
}

static void
forget_old_frames(VigilRecorder *self, gint64 pts_ns)
{
    vigil_ring_trim(self->ring, get_oldest(self, pts_ns), first_kept_seq(self));
    forget_old_epochs(self);
}

/* (lock held) */
static void
take_frame(VigilRecorder *self, VigilRingFrame *frame, GstBuffer *buffer)
{
    guint8 *data = NULL;

    self->stats.frames++;
    if (!follow_time_line(self, frame)) {
        self->stats.frames_before_key++;
        return;
    }
    frame->epoch = self->epoch;
    forget_old_frames(self, frame->pts_ns);
    data = vigil_ring_push(self->ring, frame);
    if (data)
        gst_buffer_extract(buffer, 0, data, frame->size);
    if (data && frame->key)
        note_parameter_sets(self, data, frame->size);
    /* sound waits for them */
    if (self->audio)
        g_cond_broadcast(&self->progress);
    if (self->clips->len > 0)
        vigil_recorder_wake_locked(self);
}

gboolean
vigil_recorder_push_frame(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer)
{
    VigilRingFrame copy = *frame;
    gboolean flushing;

    copy.size = gst_buffer_get_size(buffer);
    g_mutex_lock(&self->lock);
    hold_back(self, &copy);
    flushing = self->flushing_video;
    if (!flushing)
        take_frame(self, &copy, buffer);
    g_mutex_unlock(&self->lock);
    return !flushing;
}

gboolean
vigil_recorder_is_same_format(const GstCaps *a, const GstCaps *b)
{
    static const gchar *const fields[] = {"stream-format", "codec_data", "width",
                                          "height",        "rate",       "channels"};
    const GstStructure *s = gst_caps_get_structure(a, 0), *t = gst_caps_get_structure(b, 0);

    if (!g_str_equal(gst_structure_get_name(s), gst_structure_get_name(t)))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        const GValue *v = gst_structure_get_value(s, fields[i]);
        const GValue *w = gst_structure_get_value(t, fields[i]);

        if (!v != !w || (v && gst_value_compare(v, w) != GST_VALUE_EQUAL))
            return FALSE;
    }
    return TRUE;
}

void
vigil_recorder_set_caps(VigilRecorder *self, GstCaps *caps)
{
    g_mutex_lock(&self->lock);
    if (!self->next_caps || !vigil_recorder_is_same_format(self->next_caps, caps)) {
        gst_caps_replace(&self->next_caps, caps);
        self->new_epoch = TRUE;
    }
    g_mutex_unlock(&self->lock);
}
