/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

#include "plugins/decode/vigil-decoder-choice.h"

G_BEGIN_DECLS

/**
 * vigil_decoder_get_forms:
 *
 * The form of the stream that any of the candidates takes, since it stays the same when they are exchanged. One that takes none of what those
 * before it take is passed over.
 *
 * Returns: (transfer full):
 */
GstCaps *
vigil_decoder_get_forms(VigilCodec codec, const VigilDecoderCandidate *candidates, guint n);

G_END_DECLS
