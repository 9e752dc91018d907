/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/decode/vigil-decoder-choice.h"
#include "plugins/decode/vigil-decoder-failures.h"

G_BEGIN_DECLS

/**
 * VigilDecoderBin:
 *
 * A decoder that another one replaces when it fails: when it cannot be opened or started, refuses the stream, reports an error or returns one
 * from a frame, or gives no picture for %VIGIL_DECODER_SILENT_FRAMES frames after a keyframe. That is done between two frames, in the thread
 * that brings them, so that what is before and behind it runs on; what was decoded since the last keyframe is decoded again, and what had
 * been given already is not given twice. When a group of pictures is too long for that, the next decoder begins at the next keyframe.
 *
 * When vigilidle says that there is nothing to decode (gst_vigil_event_new_rest()), a decoder in software is taken out, with all its memory, and
 * put in again for the next frame, which must be a keyframe, or for an event that has its place between pictures. Queries and what elements
 * behind tell those before go past the gap.
 *
 * Posts an element message `vigil-decoder` whenever one is in use from now on (decoder: string; hardware: boolean; failed, reason: string,
 * where it replaces another), and an error of its own when none is left. Pads: sink and src.
 */
#define VIGIL_TYPE_DECODER_BIN (vigil_decoder_bin_get_type())
G_DECLARE_FINAL_TYPE(VigilDecoderBin, vigil_decoder_bin, VIGIL, DECODER_BIN, GstBin)

/** VIGIL_DECODER_SILENT_FRAMES: more than any decoder keeps for itself. */
#define VIGIL_DECODER_SILENT_FRAMES 64

/**
 * vigil_decoder_bin_new:
 * @candidates: in the order in which they are tried; copied
 * @n: of them, > 0
 * @failures: (nullable): where those that fail are noted; a reference is taken
 */
GstElement *
vigil_decoder_bin_new(const gchar *name, VigilCodec codec, const VigilDecoderCandidate *candidates,
                      guint n, VigilDecoderFailures *failures);

G_END_DECLS
