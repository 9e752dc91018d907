/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/record/vigil-clip-writer.h"
#include "plugins/record/vigil-record-session.h"
#include "plugins/record/vigil-recorder.h"

G_BEGIN_DECLS

/**
 * VigilOpenAudio: the sound of a clip that is being written.
 * @wanted: it has a track for it, and frames from @cursor on are to be kept; changed under the recorder's lock
 * @front_ns: sound before this was given, or was not waited for
 * @skipped: the latter, the last time
 * @settled: all up to the clip's end was given
 * @since_us: since when it waits, to begin or to end
 */
typedef struct {
    gboolean wanted, over, skipped, settled, ended;
    guint64 cursor;
    guint32 epoch;
    gint64 front_ns, since_us;
} VigilOpenAudio;

/**
 * VigilOpenClip: what the recorder keeps of a clip that is being written.
 * @placed: its place in the ring is known
 * @cursor: next frame to take
 * @key_seq: the keyframe that was taken last; %G_MAXUINT64: none
 * @full: it has come to its greatest length, and it is not settled what follows
 * @need_key: frames up to the next keyframe are of no use
 * @done: its last frame was taken
 * @closing: everything is written; its messages are being committed
 */
typedef struct {
    VigilRecorder *recorder;
    VigilRecordClip *clip;

    /* under the recorder's lock */
    gboolean placed;
    guint64 cursor, key_seq;
    gint64 last_pts_ns; /* of the picture taken that is shown last */
    guint32 epoch;
    GstCaps *caps; /* (nullable) until its first frame */

    gboolean reorders;
    gboolean need_key, done, cut, full, closing;
    gboolean short_begin;
    VigilClipWriter *writer;
    VigilClip *file;
    VigilOpenAudio audio;
    guint n_synced; /* fragments that outlive a power cut */
    VigilClipInfo info;
} VigilOpenClip;

/**
 * VigilRecorderAudio: under the recorder's lock.
 * @ring: each frame a keyframe; it reaches back as far as that of the pictures
 * @epoch: rises with each format and time line
 * @last_ns, @last_us: stream time of the latest frame, and when it came
 * @given_up: sound does not wait for more pictures than so many, since none came; %G_MAXUINT64: it never was so
 */
typedef struct {
    VigilRing *ring;
    GstCaps *caps; /* (nullable): none has come yet */
    guint32 epoch;
    gint64 last_ns, last_us;
    guint64 given_up;
    gboolean over, flushing;
} VigilRecorderAudio;

/**
 * VigilEpoch: frames of one format and one time line.
 * @first_ns: when it began
 * @reorders: its frames come out of order and without decoding times
 * @parameter_sets: (nullable): of a byte stream, the latest that were seen
 */
typedef struct {
    guint32 number;
    gint64 first_ns;
    gboolean reorders;
    GstCaps *caps;
    GBytes *parameter_sets;
} VigilEpoch;

typedef struct {
    VigilEvent *event;
    gsize size;
} VigilIntake;

/**
 * VigilFootage: continuous recording: the segment that is being written, if any.
 * @caps: (nullable): %NULL: there is none
 * @cursor: next frame to take
 * @next_key: the keyframe that the next segment begins with, which this one has, too; %G_MAXUINT64: not found yet
 * @next_pts_ns: only pictures that are shown before it are left to take then
 * @first_ns: order of its first frame; @last_ns: of the last one taken
 * @wall_base_us: wall time of stream time 0, for all of the segment
 * @holds: the ring keeps what was not taken yet
 * @has_gap: frames were missing: it ends with the next keyframe
 * @over: frames were lost: it ends now
 */
typedef struct {
    /* under the recorder's lock */
    GstCaps *caps;
    guint64 cursor, next_key;
    gint64 next_pts_ns, first_ns, last_ns, wall_base_us;
    guint32 epoch;
    gboolean holds, has_gap, over;

    /* the recorder's thread */
    gboolean reorders;
    VigilClipWriter *writer;
    VigilClip *file;
    VigilClipInfo info;
    guint n_pushed;
    guint n_synced;  /* fragments that outlive a power cut; 0: it has no row yet */
    gint64 retry_us; /* monotonic: nothing is begun before */
} VigilFootage;

struct VigilRecorder {
    VigilRecorderOptions options;
    VigilRecorderCallbacks callbacks;
    gpointer user_data;
    GThread *thread;

    /* the recorder's thread only; so is options.store, which is a reference of its own */
    VigilRecordSession *session;
    GHashTable *open_events; /* (element-type utf8): ids that have begun and not ended */
    GHashTable *given_up;    /* (element-type utf8): those that had when the disk failed */
    gboolean disk_failed;
    gint64 next_renew_us;
    guint n_kept; /* messages that the store did not take and that were kept, since it took one */

    GMutex lock;
    GCond wake;     /* there may be something to do */
    GCond progress; /* something was taken, or the analysis moved on */

    /* all below: under lock */
    gboolean work;
    gboolean stop;
    gboolean video_over, events_over, drained;
    gboolean flushing_video, flushing_events;
    VigilRing *ring;
    VigilRecorderAudio *audio; /* (nullable): none is recorded; the pointer never changes */
    guint32 epoch;             /* number of the newest one */
    GPtrArray *
        epochs; /* of VigilEpoch, oldest first; those that the ring has frames of, and the newest */
    gboolean new_epoch; /* the next keyframe begins one */
    GstCaps *next_caps; /* (nullable): of the next epoch */
    gint64 last_order_ns, last_pts_ns;
    gint64 front_ns;  /* how far the analysis is; VIGIL_RING_TIME_NONE: not known */
    gint64 wanted_ns; /* see vigil_recorder_set_wanted() */
    guint64 n_progress;
    GQueue intake; /* of VigilIntake */
    gsize intake_bytes, queued_bytes;
    GPtrArray *clips; /* of VigilOpenClip */
    VigilFootage footage;
    gint64 wall_base_us; /* wall time of stream time 0, as last told */
    VigilRecorderStats stats;
};

/** vigil_recorder_get_done_front: (lock held): how far the analysis is and its events are taken in. */
gint64 vigil_recorder_get_done_front(const VigilRecorder *self);
/** vigil_recorder_get_epoch: (lock held) (nullable) */
VigilEpoch *vigil_recorder_get_epoch(const VigilRecorder *self, guint32 number);
void vigil_epoch_free(gpointer epoch);
/** vigil_recorder_event_size: roughly the bytes that it takes. */
gsize vigil_recorder_event_size(const VigilEvent *event);
void vigil_recorder_wake_locked(VigilRecorder *self);
/** vigil_recorder_wake: (lock not held) */
void vigil_recorder_wake(gpointer self);

/* vigil-recorder-frames.c */

/** vigil_recorder_is_same_format: of pictures or of sound: frames of both can be in one file. */
gboolean vigil_recorder_is_same_format(const GstCaps *a, const GstCaps *b);

/* vigil-recorder-audio.c */

/** vigil_recorder_audio_get_ring_bytes: what sound may take of the ring's. */
gsize vigil_recorder_audio_get_ring_bytes(const VigilRecorderOptions *options);
VigilRecorderAudio *vigil_recorder_audio_new(const VigilRecorderOptions *options);
void vigil_recorder_audio_free(VigilRecorderAudio *self);
/** vigil_recorder_audio_is_known: whether a clip can begin: it is known whether there is sound. */
gboolean vigil_recorder_audio_is_known(VigilRecorder *self, VigilOpenClip *open);
/** vigil_recorder_begin_audio: (transfer full) (nullable): of the clip's track, which is to begin with the picture taken last. */
GstCaps *vigil_recorder_begin_audio(VigilRecorder *self, VigilOpenClip *open);
/** vigil_recorder_audio_holds: no more pictures should go into the clip before there is sound for those that it has. */
gboolean vigil_recorder_audio_holds(VigilRecorder *self, const VigilOpenClip *open);
/** vigil_recorder_feed_audio: gives the clip's writer the sound up to its pictures, or says that there is none. */
gboolean vigil_recorder_feed_audio(VigilRecorder *self, VigilOpenClip *open, GError **error);
/** vigil_recorder_audio_is_done: @open took its last picture: whether it has the sound, too, or no more comes. */
gboolean vigil_recorder_audio_is_done(VigilRecorder *self, VigilOpenClip *open);

/** vigil_recorder_new_session: (transfer full) */
VigilRecordSession *vigil_recorder_new_session(const VigilRecorderOptions *options);

/* The following belong to the recorder's thread, lock not held. */

/**
 * vigil_recorder_check_disk: live: when the store has failed, gives up what is open, and tries to open the store again.
 * Returns: FALSE while nothing can be written
 */
gboolean vigil_recorder_check_disk(VigilRecorder *self);
/** vigil_recorder_keeps_message: whether a message that the store did not take just now waits for its disk. */
gboolean vigil_recorder_keeps_message(VigilRecorder *self);
/** vigil_recorder_note_taken: a message that goes into the session. */
void vigil_recorder_note_taken(VigilRecorder *self, const VigilEvent *event);
/** vigil_recorder_is_given_up: a message of an event that had begun when the disk failed. */
gboolean vigil_recorder_is_given_up(VigilRecorder *self, const VigilEvent *event);
/** vigil_recorder_give_up_clips: closes all clips; what is on disk of them is the store's business. */
void vigil_recorder_give_up_clips(VigilRecorder *self);

/** vigil_recorder_is_live: (lock not held) */
gboolean vigil_recorder_is_live(VigilRecorder *self);
/**
 * vigil_recorder_begin_with_frame: (lock held): of the first frame of a file.
 * @buffer: (transfer full): its bytes
 * @caps: (out) (transfer full): of its epoch, with @reorders
 *
 * Returns: (transfer full): @buffer, with the parameter sets that a file must begin with
 */
GstBuffer *vigil_recorder_begin_with_frame(VigilRecorder *self, const VigilRingFrame *frame,
                                           GstBuffer *buffer, GstCaps **caps, gboolean *reorders);

/** vigil_footage_init: begins with the next frame that comes, if it is @wanted at all. */
void vigil_footage_init(VigilFootage *self, const VigilRing *ring, gboolean wanted);
/** vigil_footage_get_kept_seq: (lock held): this frame and later ones are needed; %G_MAXUINT64: none. */
guint64 vigil_footage_get_kept_seq(const VigilFootage *self);
/** vigil_recorder_work_on_footage: takes frames, writes, ends segments. Returns: whether there was anything to do. */
gboolean vigil_recorder_work_on_footage(VigilRecorder *self);
/** vigil_recorder_give_up_footage: as vigil_recorder_give_up_clips(). */
void vigil_recorder_give_up_footage(VigilRecorder *self);

/** vigil_recorder_open_clip: finds where in the ring it begins. */
void vigil_recorder_open_clip(VigilRecorder *self, VigilRecordClip *clip);
/** vigil_recorder_work_on_clips: takes frames, writes, ends clips. Returns: whether there was anything to do. */
gboolean vigil_recorder_work_on_clips(VigilRecorder *self);
/** vigil_recorder_commit_messages: those that need not wait. Returns: whether there were any. */
gboolean vigil_recorder_commit_messages(VigilRecorder *self);

G_END_DECLS
