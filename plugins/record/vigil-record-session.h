/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-event.h"

G_BEGIN_DECLS

typedef enum {
    VIGIL_RECORD_CLIP_WAITING,   /* nothing of it is on disk yet: its events wait */
    VIGIL_RECORD_CLIP_RECORDING, /* its first fragment is on disk */
    VIGIL_RECORD_CLIP_CLOSED,    /* complete */
    VIGIL_RECORD_CLIP_FAILED,    /* could not be written: its events are committed without it */
} VigilRecordClipState;

/**
 * VigilRecordClip:
 * @state: set by the owner of the session
 * @path: (nullable): set by the owner, as soon as the file is there; g_free()d by the session
 * @data: the owner's
 * @name: id of its first event; of a clip in which events go on with "-p1", "-p2", … behind it
 * @part: how many clips it continues
 * @camera: interned
 * @start_ns, @start_wall_us: when its first event began
 * @want_ns: stream time from which it shall show the scene: start − pre of its first event
 * @first_ns: stream time of its first frame; set by the owner; %G_MAXINT64 while there is none
 * @trigger_ns: frame on which its first event's rule fired
 * @last_trigger_ns: the same of its latest event
 * @end_ns: latest end + post of its events that have ended, or the frame on which one's rule fired, if that is later
 * @full: it takes no more frames, so no event joins it; set by the owner
 * @tails: (nullable) (element-type VigilEvent): ends of its events whose post-roll does not find room in it
 * @n_active: events in it that have not ended
 * @n_queued: messages that will be committed with it
 * @n_committed: events committed with it
 */
typedef struct {
    VigilRecordClipState state;
    gchar *path;
    gpointer data;

    gchar name[VIGIL_EVENT_ID_LENGTH + 16];
    guint part;
    const gchar *camera;
    gint64 start_ns, start_wall_us;
    gint64 want_ns, first_ns, trigger_ns, last_trigger_ns, end_ns;
    gboolean full;
    GPtrArray *tails;
    guint n_active;
    guint n_queued;
    guint n_committed;
    guint refs;
} VigilRecordClip;

/**
 * VigilRecordMessage:
 * @clip: (nullable): the clip that shows the event, now
 * @first: (nullable): the one that it began in
 * @part: how many of its clips were before @clip
 * @goes_on: nothing happened to the event but that it goes on in @clip
 * @known_path: (nullable): set when the store has this event already, complete: nothing is to be committed
 * @queued_us: monotonic time at which it came
 */
typedef struct {
    VigilEvent *event;
    VigilRecordClip *clip, *first;
    guint part;
    gboolean goes_on;
    gchar *known_path;
    gboolean known;
    gint64 queued_us;
} VigilRecordMessage;

/** VigilRecordOptions: of a session. */
typedef struct {
    gint64 max_clip_ns; /* longest clip, from what it shall show on; its events go on in another */
    gint64
        commit_timeout_us; /* how long a message waits for its clip's first fragment before it is committed without */
} VigilRecordOptions;

/**
 * VigilRecordSession:
 *
 * What is to be recorded for the events of one camera: which share a clip, when each clip ends, in which order and when
 * messages are committed. Decides only; files, frames and the store are the owner's. Not thread-safe.
 *
 * An event gets a clip of its own, unless it begins while another one that has a clip is still active (not merely in its
 * post-roll) and that clip reaches back to its start − pre and has room for its post: then it joins that one. What does not
 * fit into the longest clip goes on in a next one.
 */
typedef struct VigilRecordSession VigilRecordSession;

VigilRecordSession *vigil_record_session_new(const VigilRecordOptions *options);
void vigil_record_session_free(VigilRecordSession *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilRecordSession, vigil_record_session_free)

/**
 * vigil_record_session_add:
 * @event: a reference is taken
 * @known: for a begin: the store has this event, complete
 * @known_path: (nullable): and its clip is this
 * @now_us: monotonic time
 *
 * Queues the message for its commit.
 *
 * Returns: (nullable): a new clip that the caller has to begin now
 */
VigilRecordClip *vigil_record_session_add(VigilRecordSession *self, VigilEvent *event,
                                          gboolean known, const gchar *known_path, gint64 now_us);

/**
 * vigil_record_session_peek:
 * @force: do not wait for first fragments
 *
 * Returns: (nullable): the oldest message, when it may be committed now. With a clip that is still waiting, it is
 *   committed without.
 */
const VigilRecordMessage *
vigil_record_session_peek(VigilRecordSession *self, gint64 now_us, gboolean force);
/** vigil_record_session_pop: the oldest message is done; @committed: it is in the store, with its clip if that is recording. */
void vigil_record_session_pop(VigilRecordSession *self, gboolean committed);
/**
 * vigil_record_session_continue_clip: the clip has come to its greatest length. What is active in it, and what has post-roll
 * left, goes on in a new one, which the caller has to begin with what the old one was last given, or before.
 *
 * Returns: (nullable): the new clip; %NULL: nothing is to go on
 */
VigilRecordClip *
vigil_record_session_continue_clip(VigilRecordSession *self, VigilRecordClip *clip, gint64 now_us);
/** vigil_record_session_take_last: (transfer full) (nullable): what the newest message about an event says, which is taken back. */
VigilEvent *vigil_record_session_take_last(VigilRecordSession *self);
guint vigil_record_session_get_n_queued(const VigilRecordSession *self);

/** vigil_record_session_get_clip: open clips, oldest first; %NULL past the end. */
VigilRecordClip *vigil_record_session_get_clip(const VigilRecordSession *self, guint i);
/** vigil_record_session_close_clip: the owner is done with it; no event joins it any more. */
void vigil_record_session_close_clip(VigilRecordSession *self, VigilRecordClip *clip,
                                     VigilRecordClipState state);
/**
 * vigil_record_session_close_all_events: no more messages come: clips end with what is known of their events, and events
 * that nobody ended end here with @reason, since what is open in the store is never deleted.
 */
void vigil_record_session_close_all_events(VigilRecordSession *self, VigilEndReason reason,
                                           gint64 now_us);

/**
 * vigil_record_session_get_clip_limit:
 * @front_ns: how far the analysis is known to be, for a clip of an active event; %G_MAXINT64 where all frames are taken
 *
 * Returns: stream time up to which frames belong into the clip now
 */
gint64 vigil_record_session_get_clip_limit(const VigilRecordSession *self,
                                           const VigilRecordClip *clip, gint64 front_ns);
/** vigil_record_session_clip_is_full: whether a frame at @time_ns is beyond the greatest length. */
gboolean vigil_record_session_clip_is_full(const VigilRecordSession *self,
                                           const VigilRecordClip *clip, gint64 time_ns);
/** vigil_record_session_clip_is_over: whether a frame at @time_ns is past the clip's end, which is known by then. */
gboolean vigil_record_session_clip_is_over(const VigilRecordSession *self,
                                           const VigilRecordClip *clip, gint64 time_ns);

G_END_DECLS
