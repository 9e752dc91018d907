/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/record/vigil-ring.h"
#include "storage/vigil-store.h"

G_BEGIN_DECLS

/**
 * VigilRecorderOptions:
 * @store: borrowed; must outlive the recorder
 * @ring_ns: how far back from the analysis the ring reaches at most, beside the group of pictures that this falls into
 * @ring_lag_ns: live, and before the analysis says anything: how far behind the video it is taken to be at most
 * @ring_bytes: and its limit in bytes
 * @max_lead_ns: not live: how far frames may be ahead of the analysis
 * @max_clip_ns: longest clip; what lasts longer goes on in another one
 * @camera: (nullable): what is recorded continuously belongs to; borrowed, must outlive the recorder
 * @segment_ns: all video is recorded, in segments of this length; 0: only clips of events
 * @encode_jpeg: clips of Motion JPEG are encoded to H.264
 * @audio: sound is recorded, too; it has an eighth of @ring_bytes
 * @live: frames come at the rate of a clock and are never held back: what cannot be taken is dropped and counted.
 *   Otherwise they wait
 */
typedef struct {
    VigilStore *store;
    gint64 ring_ns, ring_lag_ns;
    gsize ring_bytes;
    gint64 max_lead_ns;
    gint64 max_clip_ns;
    const gchar *camera;
    gint64 segment_ns;
    gboolean encode_jpeg;
    gboolean audio;
    gboolean live;
} VigilRecorderOptions;

/**
 * VigilRecorderCallbacks: all are called from the recorder's thread.
 * @committed: the message is on disk; @clip: (nullable): path of its clip, relative to the clips' directory
 * @trouble: something could not be recorded, and is counted; @what: "clip" or "event"
 * @drained: after the end of both streams: everything is written and committed
 */
typedef struct {
    void (*committed)(VigilEvent *event, const gchar *clip, gpointer user_data);
    void (*trouble)(const gchar *what, const GError *error, gpointer user_data);
    void (*drained)(gpointer user_data);
} VigilRecorderCallbacks;

/**
 * VigilRecorderStats: counted since the recorder was made.
 * @frames_before_key: frames that came before the first keyframe of their format and time line
 * @frames_lost: frames that belonged into a clip and were no longer in the ring when it was their turn
 * @frames_held: frames that had to wait for the analysis
 * @holds_given_up: waits that were broken off since the events' side said nothing
 * @events_committed: messages committed
 * @events_known: messages of events that the store had already, complete
 * @events_failed: messages that the store did not take
 * @events_dropped: messages that came faster than the store takes them, live; ends lose path and snapshot first
 * @events_without_clip: begins that should have a clip and were committed without
 * @clips_failed: clips of which nothing could be written
 * @clips_broken: clips that were closed early since writing failed
 * @clips_cut: clips closed before their end since the stream changed or ended
 * @clips_continued: clips that came to the greatest length and were continued by another one
 * @clips_short: clips that begin later than asked since the ring did not reach back
 * @clips_without_trigger: clips that lack the frame that triggered them
 * @audio_frames: frames of sound that came
 * @audio_dropped: of these, those that did not go into the ring: there were no pictures, or times did not rise
 * @audio_lost: frames of sound that belonged into a clip and came too late, or were no longer in the ring
 * @footage_frames: frames that were taken into segments of the continuous recording
 * @footage_lost: frames that are in no segment: the disk did not take them in time, or they came before a keyframe
 * @segments_complete: segments that were finished
 * @segments_failed: segments that were broken off since writing failed
 * @notes_failed: messages that could not be written into their clip, from which a lost database is made again
 */
typedef struct {
    VigilRingStats ring;
    guint64 frames, frames_before_key, frames_lost, frames_held, holds_given_up;
    guint64 events_committed, events_known, events_failed, events_dropped, events_without_clip;
    guint64 clips_complete, clips_failed, clips_broken, clips_cut, clips_continued, clips_short,
        clips_without_trigger;
    guint64 audio_frames, audio_dropped, audio_lost;
    guint64 footage_frames, footage_lost, segments_complete, segments_failed;
    guint64 notes_failed;
} VigilRecorderStats;

/**
 * VigilRecorder:
 *
 * Records the events of one camera: takes encoded frames and events, writes the clips and commits events with them.
 *
 * Threads: one thread brings frames, one sound, one events, and the recorder's own thread does all that can wait for the
 * disk. The ring is what passes frames on: each open clip has its place in it, and frames that a clip has not taken yet
 * are kept, as long as the ring's limit in bytes allows it.
 */
typedef struct VigilRecorder VigilRecorder;

VigilRecorder *vigil_recorder_new(const VigilRecorderOptions *options,
                                  const VigilRecorderCallbacks *callbacks, gpointer user_data);
/**
 * vigil_recorder_free: what has come so far is written, clips end where they are, and everything is committed, as if both
 * streams had ended. Frames and events must have stopped.
 */
void vigil_recorder_free(VigilRecorder *self);

/** vigil_recorder_set_caps: of the frames that follow; before the first one. Clips end where the format changes. */
void vigil_recorder_set_caps(VigilRecorder *self, GstCaps *caps);
/**
 * vigil_recorder_push_frame:
 * @frame: seq, epoch and size are not read
 * @buffer: its bytes, copied
 *
 * Returns: %FALSE when flushing
 */
gboolean
vigil_recorder_push_frame(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer);
/**
 * vigil_recorder_set_audio_caps: of the sound that follows; before its first frame. This and what follows: with the option
 * @audio only.
 */
void vigil_recorder_set_audio_caps(VigilRecorder *self, GstCaps *caps);
/**
 * vigil_recorder_push_audio:
 * @frame: its time and duration are read
 * @buffer: its bytes, copied
 *
 * Live it never waits. Otherwise it waits for pictures of that time.
 *
 * Returns: %FALSE when flushing
 */
gboolean
vigil_recorder_push_audio(VigilRecorder *self, const VigilRingFrame *frame, GstBuffer *buffer);
/** vigil_recorder_push_event: a reference is taken. Returns: %FALSE when flushing. */
gboolean vigil_recorder_push_event(VigilRecorder *self, VigilEvent *event);
/** vigil_recorder_set_front: the analysis has come to @time_ns. */
void vigil_recorder_set_front(VigilRecorder *self, gint64 time_ns);
/**
 * vigil_recorder_set_wanted:
 * @wanted_ns: no event that is told later is to be recorded from before, so that the ring need not reach back further;
 *   %G_MININT64: this is not known
 */
void vigil_recorder_set_wanted(VigilRecorder *self, gint64 wanted_ns);

/** vigil_recorder_set_wall_base: wall time of stream time 0 in µs, as known now: what segments are dated by. */
void vigil_recorder_set_wall_base(VigilRecorder *self, gint64 wall_base_us);
/** vigil_recorder_set_live: takes effect at once. */
void vigil_recorder_set_live(VigilRecorder *self, gboolean live);
void vigil_recorder_end_video(VigilRecorder *self);
void vigil_recorder_end_events(VigilRecorder *self);
void vigil_recorder_end_audio(VigilRecorder *self);
/** vigil_recorder_flush_video: @start: %TRUE lets no one wait; %FALSE begins a new time line. */
void vigil_recorder_flush_video(VigilRecorder *self, gboolean start);
void vigil_recorder_flush_events(VigilRecorder *self, gboolean start);
/** vigil_recorder_flush_audio: without the option @audio it does nothing. */
void vigil_recorder_flush_audio(VigilRecorder *self, gboolean start);

VigilRecorderStats vigil_recorder_get_stats(VigilRecorder *self);

G_END_DECLS
