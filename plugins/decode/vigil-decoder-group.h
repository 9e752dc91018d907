/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Cameras send 1 to 8 s between keyframes. */
#define VIGIL_DECODER_GROUP_MAX_FRAMES 256
#define VIGIL_DECODER_GROUP_MAX_BYTES (8 * 1024 * 1024)

/**
 * VigilDecoderGroup: the coded frames from the last keyframe on, to be decoded again; by reference. All zero: empty. One thread.
 * @n: 0: none, or too many or too large ones since the last keyframe: then nothing is kept until the next
 */
typedef struct {
    GstBuffer *frames[VIGIL_DECODER_GROUP_MAX_FRAMES];
    guint n;
    gsize bytes;
} VigilDecoderGroup;

/** vigil_decoder_group_add: a keyframe begins anew; others follow one that is kept, else they are not. Allocates nothing. */
void vigil_decoder_group_add(VigilDecoderGroup *self, GstBuffer *frame);
/** vigil_decoder_group_clear: nothing is kept until the next keyframe. */
void vigil_decoder_group_clear(VigilDecoderGroup *self);

G_END_DECLS
