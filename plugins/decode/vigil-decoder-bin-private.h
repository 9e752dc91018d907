/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plugins/decode/vigil-decoder-bin.h"
#include "plugins/decode/vigil-decoder-group.h"

G_BEGIN_DECLS

struct _VigilDecoderBin {
    GstBin parent;
    GstPad *sink, *src; /* ghost pads */
    VigilCodec codec;
    VigilDecoderCandidate candidates[VIGIL_DECODER_CANDIDATES];
    guint n;
    GstCaps *sink_caps; /* what any of them takes */
    VigilDecoderFailures *failures;

    GMutex exchange; /* held while a decoder is put in or taken out */
    /* under exchange */
    gboolean closing;            /* none is put in any more */
    guint current;               /* of @candidates */
    GstElement *decoder, *after; /* (nullable); the bin owns them */
    GString *reasons;            /* of all that failed */
    gchar *last_failed, *last_reason;

    /* thread of the sink pad */
    VigilDecoderGroup group;
    gboolean await_key;
    gboolean fed_key; /* to the current decoder */

    GMutex lock; /* held for moments only */
    /* under lock */
    gchar *failure; /* (nullable): why the current one is to be replaced */
    GstFlowReturn downstream;
    guint n_silent;
    GstClockTime last_pts, skip_until;
    gboolean repeating; /* a new decoder has not given its first picture */
    gboolean eos_in, eos_out;
    gboolean resting; /* there is no decoder until there is something to decode */
};

/* vigil-decoder-bin-out.c */

/** vigil_decoder_bin_init_out: what happens at the source pad, which is there already. */
void vigil_decoder_bin_init_out(VigilDecoderBin *self);
gboolean vigil_decoder_bin_is_resting(VigilDecoderBin *self);

G_END_DECLS
