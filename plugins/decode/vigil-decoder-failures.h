/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VIGIL_DECODER_FAILURE_US: for so long a decoder that failed is not tried before others. */
#define VIGIL_DECODER_FAILURE_US (10 * 60 * G_USEC_PER_SEC)

/**
 * VigilDecoderFailures:
 *
 * Which decoders failed with one camera's stream, and when, so that its next connection does not begin with them.
 * Reference counted; any thread.
 */
typedef struct VigilDecoderFailures VigilDecoderFailures;

VigilDecoderFailures *vigil_decoder_failures_new(void);
VigilDecoderFailures *vigil_decoder_failures_ref(VigilDecoderFailures *self);
/** vigil_decoder_failures_unref: NULL-safe. */
void vigil_decoder_failures_unref(VigilDecoderFailures *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilDecoderFailures, vigil_decoder_failures_unref)

/** vigil_decoder_failures_add: @now_us: monotonic */
void vigil_decoder_failures_add(VigilDecoderFailures *self, const gchar *factory, gint64 now_us);
/** vigil_decoder_failures_has: it failed less than %VIGIL_DECODER_FAILURE_US ago. */
gboolean
vigil_decoder_failures_has(VigilDecoderFailures *self, const gchar *factory, gint64 now_us);

G_END_DECLS
