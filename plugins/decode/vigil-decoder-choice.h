/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** VigilCodec: encoded video that can be decoded for the detector, and recorded. */
typedef enum {
    VIGIL_CODEC_H264,
    VIGIL_CODEC_H265,
    VIGIL_CODEC_JPEG,
    VIGIL_N_CODECS,
} VigilCodec;

/** vigil_codec_to_string: for people: "H.264", … */
const gchar *vigil_codec_to_string(VigilCodec codec);

/**
 * VigilDecoderCandidate: an element that decodes.
 * @factory: its name; static
 * @after: (nullable): the element that brings its frames from the device's memory to ours
 * @hardware: a device decodes
 */
typedef struct {
    const gchar *factory;
    const gchar *after;
    gboolean hardware;
} VigilDecoderCandidate;

/** VIGIL_DECODER_CANDIDATES: there are never more for one stream. */
#define VIGIL_DECODER_CANDIDATES 16

/**
 * VigilDecoderWish:
 * @codec: of the stream
 * @wanted: (nullable): "software", "hardware" or an element's name; %NULL: the best there is
 * @live: a camera's stream; of a file hardware decodes only where it is asked for, since its frames differ a little from one
 *   chip to the next, and a file is to give the same events everywhere
 */
typedef struct {
    VigilCodec codec;
    const gchar *wanted;
    gboolean live;
} VigilDecoderWish;

/** VigilDecoderTest: something that is so, or not, of an element. */
typedef gboolean (*VigilDecoderTest)(const gchar *factory, gpointer user_data);

/**
 * vigil_decoder_choose:
 * @is_present: the element can be made here
 * @has_failed: (nullable): it failed not long ago
 * @candidates: (out) (array fixed-size=VIGIL_DECODER_CANDIDATES): which to try, in this order
 *
 * The order is: stateless and stateful V4L2 decoders, NVIDIA's of Jetson, VA-API, then FFmpeg's, then others in software. Those that have
 * failed come last, in the same order. An element that was asked for by name is the only one. Pure: nothing is asked but the two functions.
 *
 * Returns: how many there are; 0: none
 */
guint vigil_decoder_choose(const VigilDecoderWish *wish, VigilDecoderTest is_present,
                           VigilDecoderTest has_failed, gpointer user_data,
                           VigilDecoderCandidate *candidates);

/** vigil_decoder_is_wish: whether @text can be asked for: "auto", "software", "hardware", or an element that is known here. */
gboolean vigil_decoder_is_wish(const gchar *text);

/** vigil_decoder_get_names: (transfer full): the elements that can be asked for, for people. */
gchar *vigil_decoder_get_names(void);

G_END_DECLS
