/* SPDX-License-Identifier: Apache-2.0 */
/* Sound: a ring of its own beside that of the pictures, and from there into the clips. It never holds up a picture. */
#include "plugins/record/vigil-recorder-private.h"

/* Its part of the ring's bytes: 64 kbit/s for as long as pictures of 512 kbit/s. */
#define RING_PART 8
/* Sound that goes back further is of another time line. */
#define MAX_BACK_NS (G_GINT64_CONSTANT(1000000000))
/* How far sound may be ahead: of pictures that are masked and encoded on their way, and, not live, at all. */
#define MAX_AHEAD_LIVE_NS (15 * G_GINT64_CONSTANT(1000000000))
#define MAX_AHEAD_NS (1 * G_GINT64_CONSTANT(1000000000))
/* What is later than the pictures by so much is not waited for: more than two streams of a camera are apart. */
#define PATIENCE_NS (G_GINT64_CONSTANT(2500000000))
/* The same where time is that of a file, and at the end of a clip. */
#define PATIENCE_US (3 * G_USEC_PER_SEC)
/* How long sound waits for pictures while nothing goes on: a demuxer that it holds up may have none before it has gone on. */
#define HOLD_TIMEOUT_US (10 * G_USEC_PER_SEC)
/* Where the next frame of sound is known, and so far away, there is a hole: frames of sound are shorter. */
#define HOLE_NS (G_GINT64_CONSTANT(500000000))
/* Not live: pictures that the muxer holds while it is not known that no sound comes. */
#define MAX_PICTURES_NS (10 * G_GINT64_CONSTANT(1000000000))

gsize
vigil_recorder_audio_get_ring_bytes(const VigilRecorderOptions *options)
{
    return options->audio ? options->ring_bytes / RING_PART : 0;
}

VigilRecorderAudio *
vigil_recorder_audio_new(const VigilRecorderOptions *options)
{
    VigilRecorderAudio *self = g_new0(VigilRecorderAudio, 1);

    self->ring = vigil_ring_new(vigil_recorder_audio_get_ring_bytes(options));
    self->last_ns = VIGIL_RING_TIME_NONE;
    self->given_up = G_MAXUINT64;
    return self;
}

void
vigil_recorder_audio_free(VigilRecorderAudio *self)
{
    if (!self)
        return;
    vigil_ring_free(self->ring);
    gst_clear_caps(&self->caps);
    g_free(self);
}

/* --- in ------------------------------------------------------------------------------------------------------ */

void
vigil_recorder_set_audio_caps(VigilRecorder *self, GstCaps *caps)
{
    VigilRecorderAudio *audio = self->audio;

    g_mutex_lock(&self->lock);
    if (!audio->caps || !vigil_recorder_is_same_format(audio->caps, caps))
        audio->epoch++;
    gst_caps_replace(&audio->caps, caps);
    audio->over = FALSE;
    g_mutex_unlock(&self->lock);
}

/* (lock held) */
static gboolean
is_ahead(const VigilRecorder *self, gint64 pts_ns)
{
    const gint64 most_ns = self->options.live ? MAX_AHEAD_LIVE_NS : MAX_AHEAD_NS;

    return self->last_order_ns == VIGIL_RING_TIME_NONE || pts_ns > self->last_pts_ns + most_ns;
}

/* (lock held) What was wanted of it can be no earlier than the oldest picture. */
static void
forget_old_sound(VigilRecorder *self)
{
    VigilRecorderAudio *audio = self->audio;
    const VigilRingFrame *first =
        vigil_ring_get(self->ring, vigil_ring_get_first_seq(self->ring), NULL);
    guint64 keep = G_MAXUINT64;

    for (guint i = 0; i < self->clips->len; i++) {
        const VigilOpenClip *open = g_ptr_array_index(self->clips, i);

        if (open->audio.wanted)
            keep = MIN(keep, open->audio.cursor);
    }
    if (first)
        vigil_ring_trim(audio->ring, first->pts_ns, keep);
}

/* (lock held) */
static void
take_sound(VigilRecorder *self, const VigilRingFrame *given, GstBuffer *buffer)
{
    VigilRecorderAudio *audio = self->audio;
    VigilRingFrame frame = *given;
    const gboolean back = audio->last_ns != VIGIL_RING_TIME_NONE && frame.pts_ns <= audio->last_ns;
    guint8 *data = NULL;

    self->stats.audio_frames++;
    if (back && frame.pts_ns < audio->last_ns - MAX_BACK_NS)
        audio->epoch++;
    else if (back || is_ahead(self, frame.pts_ns)) {
        self->stats.audio_dropped++;
        return;
    }
    frame.key = TRUE;
    frame.epoch = audio->epoch;
    audio->last_ns = frame.pts_ns;
    audio->last_us = g_get_monotonic_time();
    forget_old_sound(self);
    data = vigil_ring_push(audio->ring, &frame);
    if (data)
        gst_buffer_extract(buffer, 0, data, frame.size);
    else
        self->stats.audio_dropped++;
    if (self->clips->len > 0)
        vigil_recorder_wake_locked(self);
}

/* (lock held) Not live: until its pictures have come near, or nothing at all goes on. What is still ahead then is left out. */
static void
hold_back_sound(VigilRecorder *self, gint64 pts_ns)
{
    VigilRecorderAudio *audio = self->audio;
    guint64 seen = self->n_progress;
    gint64 deadline = g_get_monotonic_time() + HOLD_TIMEOUT_US;

    while (!self->options.live && !audio->flushing && !self->stop && !self->video_over &&
           audio->given_up != self->stats.frames && is_ahead(self, pts_ns)) {
        if (g_cond_wait_until(&self->progress, &self->lock, deadline) && seen == self->n_progress)
            continue;
        if (seen == self->n_progress)
            audio->given_up = self->stats.frames;
        seen = self->n_progress;
        deadline = g_get_monotonic_time() + HOLD_TIMEOUT_US;
    }
}

gboolean
vigil_recorder_push_audio(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer)
{
    VigilRecorderAudio *audio = self->audio;
    VigilRingFrame copy = *frame;
    gboolean flushing;

    copy.size = gst_buffer_get_size(buffer);
    g_mutex_lock(&self->lock);
    hold_back_sound(self, copy.pts_ns);
    flushing = audio->flushing;
    if (!flushing)
        take_sound(self, &copy, buffer);
    g_mutex_unlock(&self->lock);
    return !flushing;
}

void
vigil_recorder_end_audio(VigilRecorder *self)
{
    g_mutex_lock(&self->lock);
    self->audio->over = TRUE;
    vigil_recorder_wake_locked(self);
    g_mutex_unlock(&self->lock);
}

void
vigil_recorder_flush_audio(VigilRecorder *self, gboolean start)
{
    if (!self->audio)
        return;
    g_mutex_lock(&self->lock);
    self->audio->flushing = start;
    if (!start) {
        self->audio->over = FALSE;
        self->audio->epoch++;
        self->audio->last_ns = VIGIL_RING_TIME_NONE;
    }
    g_cond_broadcast(&self->progress);
    g_mutex_unlock(&self->lock);
}

/* --- out: all in the recorder's thread ------------------------------------------------------------------------ */

gboolean
vigil_recorder_audio_is_known(VigilRecorder *self, VigilOpenClip *open)
{
    const VigilRecorderAudio *audio = self->audio;
    gboolean known;

    if (!audio || open->writer)
        return TRUE;
    if (!open->audio.since_us)
        open->audio.since_us = g_get_monotonic_time();
    g_mutex_lock(&self->lock);
    known = self->options.live || audio->caps || audio->over || self->video_over;
    g_mutex_unlock(&self->lock);
    return known || g_get_monotonic_time() - open->audio.since_us > PATIENCE_US;
}

/* (lock held) The first frame of sound from @start_ns on. */
static gboolean
find_sound(const VigilRecorderAudio *audio, gint64 start_ns, guint64 *seq)
{
    const VigilRingFrame *frame;

    for (*seq = vigil_ring_get_first_seq(audio->ring);
         (frame = vigil_ring_get(audio->ring, *seq, NULL)); (*seq)++)
        if (frame->epoch == audio->epoch && frame->pts_ns >= start_ns)
            return TRUE;
    return FALSE;
}

/* (lock held) It may be that its next frame has not come yet. */
static gboolean
is_alive(const VigilRecorder *self)
{
    const VigilRecorderAudio *audio = self->audio;

    if (!self->options.live)
        return !audio->over;
    return !audio->over && !self->video_over && audio->last_ns != VIGIL_RING_TIME_NONE &&
           self->last_pts_ns - audio->last_ns < PATIENCE_NS;
}

GstCaps *
vigil_recorder_begin_audio(VigilRecorder *self, VigilOpenClip *open)
{
    const VigilRecorderAudio *audio = self->audio;
    GstCaps *caps = NULL;

    if (!audio)
        return NULL;
    g_mutex_lock(&self->lock);
    if (audio->caps &&
        (find_sound(audio, open->last_pts_ns, &open->audio.cursor) || is_alive(self)))
        caps = gst_caps_ref(audio->caps);
    open->audio.wanted = caps != NULL;
    open->audio.epoch = audio->epoch;
    open->audio.front_ns = open->last_pts_ns;
    g_mutex_unlock(&self->lock);
    return caps;
}

gboolean
vigil_recorder_audio_holds(VigilRecorder *self, const VigilOpenClip *open)
{
    gboolean live;

    if (!open->audio.wanted)
        return FALSE;
    g_mutex_lock(&self->lock);
    live = self->options.live;
    g_mutex_unlock(&self->lock);
    return !live && open->last_pts_ns - open->audio.front_ns > MAX_PICTURES_NS;
}

/* Sound that goes into it now: up to the end of what it shows. */
static gint64
get_limit(const VigilOpenClip *open)
{
    return open->done ? vigil_clip_writer_get_info(open->writer).end_ns : open->last_pts_ns;
}

/* (lock held) The next frame of sound before @limit_ns; @more: (out): one from there on has come */
static const VigilRingFrame *
next_sound(VigilRecorder *self, VigilOpenClip *open, gint64 limit_ns, const guint8 **data,
           gboolean *more)
{
    const VigilRecorderAudio *audio = self->audio;
    const guint64 first = vigil_ring_get_first_seq(audio->ring);
    const VigilRingFrame *frame;

    if (open->audio.cursor < first) {
        self->stats.audio_lost += first - open->audio.cursor;
        open->audio.cursor = first;
    }
    while ((frame = vigil_ring_get(audio->ring, open->audio.cursor, data))) {
        /* a file has one format and one time line */
        if (frame->epoch != open->audio.epoch) {
            open->audio.over = TRUE;
            return NULL;
        }
        *more = frame->pts_ns >= limit_ns;
        if (*more || frame->pts_ns >= open->audio.front_ns)
            return *more ? NULL : frame;
        /* where it begins in the midst of one, and what came after it was not waited for */
        self->stats.audio_lost += open->audio.skipped;
        open->audio.cursor++;
    }
    return NULL;
}

static GstBuffer *
take_from_ring(VigilRecorder *self, VigilOpenClip *open, gint64 limit_ns, VigilRingFrame *copy,
               gboolean *more)
{
    const VigilRingFrame *frame;
    const guint8 *data;
    GstBuffer *buffer = NULL;

    g_mutex_lock(&self->lock);
    frame = next_sound(self, open, limit_ns, &data, more);
    if (frame) {
        buffer = gst_buffer_new_memdup(data, frame->size);
        *copy = *frame;
        open->audio.cursor++;
        open->audio.front_ns = frame->pts_ns + 1;
        open->audio.skipped = FALSE;
    }
    g_mutex_unlock(&self->lock);
    return buffer;
}

/* Up to where none is waited for any more; @limit_ns at most */
static gint64
get_overdue_ns(VigilRecorder *self, const VigilOpenClip *open, gint64 limit_ns)
{
    const VigilRecorderAudio *audio = self->audio;
    const gint64 now_us = g_get_monotonic_time();
    gint64 until_ns = open->audio.front_ns, since_us = open->audio.since_us;

    g_mutex_lock(&self->lock);
    /* live, its end does not wait for sound that still comes, but ever later */
    if (!self->options.live || !open->audio.ended)
        since_us = MAX(since_us, audio->last_us);
    /* one may have come just now */
    if (vigil_ring_get(audio->ring, open->audio.cursor, NULL))
        until_ns = open->audio.front_ns;
    else if (audio->over || self->stop || (self->options.live && self->video_over))
        until_ns = limit_ns;
    else if (self->options.live && !open->done)
        until_ns = MIN(limit_ns, self->last_pts_ns - PATIENCE_NS);
    else if (now_us - since_us > PATIENCE_US)
        until_ns = limit_ns;
    g_mutex_unlock(&self->lock);
    return until_ns;
}

gboolean
vigil_recorder_feed_audio(VigilRecorder *self, VigilOpenClip *open, GError **error)
{
    VigilRingFrame frame;
    GstBuffer *buffer;
    gboolean more = FALSE;
    gint64 limit_ns, until_ns;

    if (!open->audio.wanted || !vigil_clip_writer_takes_audio(open->writer))
        return TRUE;
    limit_ns = get_limit(open);
    while ((buffer = take_from_ring(self, open, limit_ns, &frame, &more)))
        if (!vigil_clip_writer_push_audio(open->writer, &frame, buffer, error))
            return FALSE;
    open->audio.settled = more && open->done;
    if (open->audio.over) {
        vigil_clip_writer_end_audio(open->writer);
        return TRUE;
    }
    /* one that is there already, behind the pictures, says that none comes before them */
    if (more)
        until_ns = limit_ns - open->audio.front_ns > HOLE_NS ? limit_ns - 1 : 0;
    else
        until_ns = get_overdue_ns(self, open, limit_ns);
    if (until_ns <= open->audio.front_ns)
        return TRUE;
    open->audio.front_ns = until_ns;
    open->audio.skipped = TRUE;
    return vigil_clip_writer_skip_audio(open->writer, until_ns, error);
}

gboolean
vigil_recorder_audio_is_done(VigilRecorder *self, VigilOpenClip *open)
{
    gboolean done;

    if (!open->audio.wanted || !open->writer || !vigil_clip_writer_takes_audio(open->writer))
        return TRUE;
    if (!open->audio.ended)
        open->audio.since_us = g_get_monotonic_time();
    open->audio.ended = TRUE;
    done = open->audio.settled || open->audio.front_ns >= get_limit(open);
    if (done) {
        g_mutex_lock(&self->lock);
        open->audio.wanted = FALSE;
        g_mutex_unlock(&self->lock);
    }
    return done;
}
