/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/video/video.h>

#include "events/vigil-privacy-mask.h"

G_BEGIN_DECLS

/**
 * VigilMaskPainter:
 *
 * Paints a mask into frames of one format and size. Where chroma has fewer samples than luma, one that stands for any masked
 * pixel is painted. Immutable.
 */
typedef struct VigilMaskPainter VigilMaskPainter;

/**
 * vigil_mask_painter_new:
 * @info: any format with 8 bits a component, planar or packed
 * @colour: 0xRRGGBB; becomes the nearest that the format's colorimetry has
 *
 * Returns: (transfer full) (nullable): %NULL when the format is another one, or the frame larger than %VIGIL_MASK_SPANS_MAX_SIZE
 */
VigilMaskPainter *
vigil_mask_painter_new(const VigilPrivacyMask *mask, const GstVideoInfo *info, guint32 colour);
void vigil_mask_painter_free(VigilMaskPainter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VigilMaskPainter, vigil_mask_painter_free)

/**
 * vigil_mask_painter_paint:
 * @frame: mapped for writing
 *
 * Strides and offsets are those of the frame, whatever its caps say; where they would lead out of its memory nothing is written there.
 * Allocates nothing. Threads: any number, of different frames.
 *
 * Returns: %FALSE: it is of another size or format, or its planes are not in its memory: do not show it
 */
gboolean vigil_mask_painter_paint(const VigilMaskPainter *self, GstVideoFrame *frame);

G_END_DECLS
