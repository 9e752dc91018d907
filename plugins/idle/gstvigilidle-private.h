/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "events/vigil-coded-size.h"
#include "plugins/idle/gstvigilidle.h"
#include "plugins/idle/vigil-coded-frame.h"
#include "plugins/idle/vigil-key-decoder.h"

G_BEGIN_DECLS

/**
 * VigilIdleStats: counters since the start.
 * @left: frames that were not decoded, nor will be; those of which only the keyframe was looked at beside are not among them
 * @probes: keyframes that were decoded beside
 * @caught_up: frames that were held and then sent after all
 * @sleeps: how often the element fell asleep
 * @woken_by_size, @woken_by_probe, @woken_by_track, @woken_by_limit: why it woke
 * @false_sizes: of those by size, after which nothing moved
 */
typedef struct {
    guint64 frames, passed, left, probes, caught_up, sleeps;
    guint64 woken_by_size, woken_by_probe, woken_by_track, woken_by_limit;
    guint64 false_sizes;
} VigilIdleStats;

struct _GstVigilIdle {
    GstElement parent;
    GstPad *sinkpad, *srcpad;

    /* object lock */
    gint64 check_ns, look_ns, held_max_ns, blind_max_ns;
    guint64 held_max_bytes;
    VigilIdleStats stats;

    gint n_tracks; /* atomic; those that do not rest */

    /* streaming thread */
    GstSegment segment;
    VigilCodedFormat format;
    gboolean usable; /* the stream is one that can be slept through */
    gboolean intra;  /* each frame can be decoded alone */
    GstCaps *caps;
    GstBuffer
        *parameter_sets; /* the last that were in the stream, where they are not in its caps */
    VigilCodedSize *sizes;
    gboolean asleep;
    gboolean resting;       /* and the decoder was told so */
    gboolean size_in_doubt; /* woken by a size, and nobody has said whether it was right */
    gint64 asked_ns;        /* stream time of the last question */
    gint64 sent_ns;         /* of the last frame that was sent, where each is a keyframe */
    GPtrArray
        *held; /* GstBuffer: what came since the last keyframe that was looked at, that one first */
    gsize held_bytes;
    gint64 held_since_ns;
    gboolean first_seen;      /* the first that is held was looked at */
    gint64 key_ns;            /* stream time of the last keyframe; -1: none */
    gsize group_bytes;        /* since then */
    gboolean groups_too_long; /* the last one was */
    guint n_left;             /* since the last probe */
    gint64 stats_posted_us;
};

/** gst_vigil_idle_take: (transfer full) @buffer: the next frame, to be sent, held or left. */
GstFlowReturn gst_vigil_idle_take(GstVigilIdle *self, GstBuffer *buffer);
/** gst_vigil_idle_wake: sends what is held; nothing if it is awake. @count: (nullable): to be raised by one */
GstFlowReturn gst_vigil_idle_wake(GstVigilIdle *self, guint64 *count);
/** gst_vigil_idle_forget: awake, and nothing known of the stream; what is held is let go. */
void gst_vigil_idle_forget(GstVigilIdle *self);

G_END_DECLS
