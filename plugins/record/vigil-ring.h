/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VIGIL_RING_TIME_NONE G_MININT64

/**
 * VigilRingFrame:
 * @seq: rises by one a frame, never reused; set by the ring
 * @pts_ns: stream time at which it is shown
 * @dts_ns: stream time at which it is decoded, or %VIGIL_RING_TIME_NONE
 * @duration_ns: 0 when not known
 * @epoch: frames of one epoch have the same caps and one time line; rises
 * @key: decoding can begin here
 * @size: bytes, > 0
 */
typedef struct {
    guint64 seq;
    gint64 pts_ns;
    gint64 dts_ns;
    gint64 duration_ns;
    guint32 epoch;
    gboolean key;
    gsize size;
} VigilRingFrame;

/** vigil_ring_frame_get_order: decoding time where it is known: what rises steadily from frame to frame. */
static inline gint64
vigil_ring_frame_get_order(const VigilRingFrame *self)
{
    return self->dts_ns == VIGIL_RING_TIME_NONE ? self->pts_ns : self->dts_ns;
}

/**
 * VigilRing:
 *
 * The last seconds of an encoded stream, in decoding order, indexed by keyframe. Frames are copied in: a capture driver
 * has few buffers and must get each back at once. The bytes lie in one block that grows, up to the limit, when the
 * stream needs it, so that a low bit rate costs little memory and years of running fragment none. Pages of it that hold nothing and are
 * not needed soon are given back to the system.
 *
 * What falls out at the front are whole groups of pictures, since a group without its keyframe is of no use.
 * Not thread-safe.
 */
typedef struct VigilRing VigilRing;

/** VigilRingStats: since the ring was made, except @bytes and @frames, which are held now. */
typedef struct {
    gsize bytes;
    guint frames;
    guint64 dropped_space;  /* frames dropped because the limit in bytes was reached */
    guint64 dropped_size;   /* frames that are larger than the whole ring */
    guint64 dropped_no_key; /* frames before the first keyframe of their epoch */
} VigilRingStats;

/** vigil_ring_new: @max_bytes: limit of the encoded bytes held; at least 64 kB are granted. */
VigilRing *vigil_ring_new(gsize max_bytes);
void vigil_ring_free(VigilRing *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilRing, vigil_ring_free)

/**
 * vigil_ring_push:
 * @frame: all but seq is read
 *
 * Makes room, at the expense of the oldest groups of pictures if need be, and appends.
 *
 * Returns: (nullable): where the caller writes the frame's @size bytes, at once; %NULL when the frame was dropped
 */
guint8 *vigil_ring_push(VigilRing *self, const VigilRingFrame *frame);

/**
 * vigil_ring_would_drop:
 *
 * Returns: the sequence number of the first frame that stays when a frame of @size is pushed now
 */
guint64 vigil_ring_would_drop(const VigilRing *self, gsize size);

/**
 * vigil_ring_trim:
 * @before_ns: stream time in the newest epoch: what is needed to show the stream from here on is kept
 * @keep_seq: this frame and later ones are kept in any case; G_MAXUINT64: no such frame
 */
void vigil_ring_trim(VigilRing *self, gint64 before_ns, guint64 keep_seq);

/**
 * vigil_ring_find_key:
 * @time_ns: from when on the stream shall be seen
 * @trigger_ns: >= @time_ns; a time that must be seen too, which decides the epoch
 * @seq: (out): the last keyframe at or before @time_ns; where there is none, the oldest keyframe of the epoch
 * @reaches: (out): whether its time is at or before @time_ns
 *
 * Returns: %FALSE when no keyframe is held
 */
gboolean vigil_ring_find_key(const VigilRing *self, gint64 time_ns, gint64 trigger_ns, guint64 *seq,
                             gboolean *reaches);

/**
 * vigil_ring_get:
 * @data: (out) (optional): its bytes; valid until the next push or trim
 *
 * Returns: (nullable): the frame; %NULL when it was dropped or has not come yet
 */
const VigilRingFrame *vigil_ring_get(const VigilRing *self, guint64 seq, const guint8 **data);

/** vigil_ring_get_first_seq: number of the oldest frame held; equals next_seq when empty. */
guint64 vigil_ring_get_first_seq(const VigilRing *self);
/** vigil_ring_get_next_seq: the number that the next frame will get. */
guint64 vigil_ring_get_next_seq(const VigilRing *self);
VigilRingStats vigil_ring_get_stats(const VigilRing *self);

G_END_DECLS
