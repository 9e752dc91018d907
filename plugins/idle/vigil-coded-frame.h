/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * VigilCodedFormat: how pictures are coded.
 * @h265: H.265, else H.264
 * @length_size: bytes of the length before each NAL unit, 1 to 4; 0: start codes
 */
typedef struct {
    gboolean h265;
    guint length_size;
} VigilCodedFormat;

/**
 * VigilCodedFrame: what the headers of a coded picture say.
 * @key: decoding can begin here: IDR; with H.265 any random access point
 * @kind: 0..3, of pictures that are no keyframes: those of one kind are about equally large in a scene that stands still. H.264: +1 no
 *   other is made from it, +2 made from later ones, too (B). H.265: +1 no other of its temporal layer is made from it, +2 of a higher
 *   temporal layer.
 */
typedef struct {
    gboolean key;
    guint kind;
} VigilCodedFrame;

/**
 * vigil_coded_format_read:
 * @codec_data: (nullable): avcC or hvcC; %NULL: byte stream
 *
 * Returns: %FALSE when it is too short
 */
gboolean vigil_coded_format_read(VigilCodedFormat *self, gboolean h265, const guint8 *codec_data,
                                 gsize size);

/**
 * vigil_coded_frame_read:
 * @data: one access unit; may be anything
 *
 * By its first slice (ITU-T H.264 7.3.1, 7.3.3, 7.4.1; H.265 7.3.1.2, 7.4.2.2). Returns: %FALSE when there is none
 */
gboolean vigil_coded_frame_read(VigilCodedFrame *self, const VigilCodedFormat *format,
                                const guint8 *data, gsize size);

G_END_DECLS
