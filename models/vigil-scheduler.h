/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models/vigil-core.h"

G_BEGIN_DECLS

/**
 * VigilScheduler:
 *
 * One thread that looks at the frames of all streams, one after the other, whichever model each is for: VigilCore decides whose
 * is next. An inference may use more threads within; two at a time would only share the same cores, and no longer by weight.
 * The thread is there as long as there are streams.
 */
typedef struct VigilScheduler VigilScheduler;

/** vigil_scheduler_get: the process's own; never freed. An inference that takes longer than 5 s is stuck. */
VigilScheduler *vigil_scheduler_get(void);
/** vigil_scheduler_new: another one. @patience_ns: as of VigilCore */
VigilScheduler *vigil_scheduler_new(gint64 patience_ns);
/** vigil_scheduler_free: without streams. */
void vigil_scheduler_free(VigilScheduler *self);

/** VigilFrameWish: what is asked for a frame. */
typedef enum {
    VIGIL_FRAME_PASS, /* goes on as it is */
    /* the rate does not ask for it; but one that waits is looked at no sooner than now, and then better this, which is fresher */
    VIGIL_FRAME_SPARE,
    VIGIL_FRAME_WANTED,
} VigilFrameWish;

/** VigilFrameFate: what became of a frame. */
typedef enum {
    VIGIL_FRAME_PENDING,
    VIGIL_FRAME_PASSED,     /* nobody wanted it */
    VIGIL_FRAME_REPLACED,   /* a spare one took its place: nothing is lost */
    VIGIL_FRAME_INFERRED,   /* looked at */
    VIGIL_FRAME_SUPERSEDED, /* load: a newer one that was wanted as well came before its turn */
    VIGIL_FRAME_TOO_OLD,    /* load: its turn came too late */
    VIGIL_FRAME_STUCK,      /* the inference, of it or of another one, does not end */
    VIGIL_FRAME_FAILED,
} VigilFrameFate;

/**
 * VigilFrame: the beginning of what its user makes of a frame. Counted references: one is the stream's, which vigil_stream_take() hands
 * on; while it is looked at, the thread has one as well.
 */
typedef struct VigilFrame VigilFrame;
struct VigilFrame {
    /*< private >*/
    gatomicrefcount refs;
    VigilFrameFate fate;
    void (*release)(VigilFrame *self);
};

/** vigil_frame_init: one reference. @release: with the last one; may be called from the scheduler's thread */
void vigil_frame_init(VigilFrame *self, void (*release)(VigilFrame *self));
void vigil_frame_unref(VigilFrame *self);

/**
 * VigilStream:
 *
 * The frames of one source on their way through the inference: they come out in the order in which they went in, each with its fate. It
 * holds one that waits and one that is being looked at, or one of these and one behind it; vigil_stream_put() waits when there
 * are more.
 */
typedef struct VigilStream VigilStream;

/**
 * VigilStreamOptions:
 * @weight: its share against others', 1..1000
 * @max_age_ns: a frame that is older when its turn comes is not looked at; 0: however old
 * @lossless: every wanted frame is looked at, however long that takes: @max_age_ns does not count, and what is stuck is waited for
 */
typedef struct {
    guint weight;
    gint64 max_age_ns;
    gboolean lossless;
} VigilStreamOptions;

/**
 * vigil_stream_new:
 * @look: in the scheduler's thread, without a lock; %FALSE: it failed
 * @destroy: (nullable): of @user_data, when @look will not be called any more and does not run
 */
VigilStream *vigil_stream_new(VigilScheduler *scheduler, const VigilStreamOptions *options,
                              gboolean (*look)(VigilFrame *frame, gpointer user_data),
                              gpointer user_data, GDestroyNotify destroy);

/**
 * vigil_stream_free: flushes; nobody may be in any other function. Waits for the frame that is being looked at; if that is stuck, the stream
 * is left to the thread, which frees it if it ever ends.
 */
void vigil_stream_free(VigilStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilStream, vigil_stream_free)

void vigil_stream_set_options(VigilStream *self, const VigilStreamOptions *options);

/**
 * vigil_stream_put:
 * @frame: (transfer full)
 * @born_ns: when it was taken, by g_get_monotonic_time() in ns
 *
 * Waits while the stream holds more than it may; not when frames are taken by the same thread one by one.
 *
 * Returns: %FALSE: flushing
 */
gboolean
vigil_stream_put(VigilStream *self, VigilFrame *frame, VigilFrameWish wish, gint64 born_ns);

/**
 * vigil_stream_take: waits for the next frame and its fate. One that is stuck may still be read by the scheduler's thread.
 *
 * Returns: (transfer full) (nullable): %NULL: flushing
 */
VigilFrame *vigil_stream_take(VigilStream *self, VigilFrameFate *fate);

/** vigil_stream_drain: waits until all that was put was taken, and the taker is back for more. */
void vigil_stream_drain(VigilStream *self);

/** vigil_stream_set_flushing: %TRUE: frames are dropped, nobody waits; until %FALSE. */
void vigil_stream_set_flushing(VigilStream *self, gboolean flushing);

/** vigil_stream_get_stats: (out): any thread. */
void vigil_stream_get_stats(VigilStream *self, VigilCoreStats *stats);

G_END_DECLS
